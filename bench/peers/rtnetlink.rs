//! Prints seconds, peak memory in megabytes, count and checksum (as content.py has it). With an argument, the runtime
//! has one thread: which is faster depends on the machine.
use futures::TryStreamExt;
use rtnetlink::packet::nlas::route::Nla;
use rtnetlink::packet::RouteMessage;
use rtnetlink::{new_connection, Error, IpVersion};
use std::time::Instant;
use tokio::runtime::Builder;

const BGP: u8 = 186;

async fn read() -> Result<Vec<RouteMessage>, Error> {
    let (connection, handle, _) = new_connection().expect("socket");
    tokio::spawn(connection);
    handle.route().get(IpVersion::V4).execute().try_collect().await
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| (sum << 8) + u64::from(*byte))
}

fn product(route: &RouteMessage) -> u64 {
    let (mut first, mut second) = (u64::from(route.header.destination_prefix_length), 0);
    for nla in &route.nlas {
        match nla {
            Nla::Destination(bytes) => first += number(bytes),
            Nla::Gateway(bytes) => second += number(bytes),
            Nla::Oif(value) | Nla::Priority(value) => second += u64::from(*value),
            _ => (),
        }
    }
    first.wrapping_mul(second)
}

fn main() {
    let mut builder = if std::env::args().count() > 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = builder.enable_all().build().expect("runtime");
    let start = Instant::now();
    let routes = runtime.block_on(read()).expect("dump");
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let peak = status.split("VmHWM:").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("VmHWM");
    let ours = || routes.iter().filter(|route| route.header.protocol == BGP);
    let checksum = ours().map(product).fold(0, u64::wrapping_add);
    let megabytes = peak.parse::<f64>().expect("number") * 1024.0 / 1e6;
    println!("{} {} {} {}", seconds, megabytes, ours().count(), checksum);
}
