"""Many changes at once: what is sent together, and that the report tells of each request what became of it."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from captured import attribute, header
from conftest import Namespace

import pynl
from pynl import Route, bulk
from pynl._wire import ffi, lib
from pynl.encode import encode

ERRORS = ("stop", "continue", "rollback")


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    """A namespace with v0 and v1, a pair that is up."""
    netns.batch("link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\naddr add 192.0.2.1/24 dev v0")
    with netns.netlink() as nl:
        yield nl


@pytest.fixture
def default_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing asks for a larger receive buffer: the kernel's default holds 256 answers."""
    monkeypatch.setattr(bulk, "_window", lambda line: max(1, line.get_option(1, 8) // bulk._ANSWER))


def destination(number: int) -> str:
    return f"10.{number // 256}.{number % 256}.0/24"


def wanted(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"dst": destination(n), "oif": "v0", "table": 100, "priority": n + 1, **more} for n in range(count)]


def there(netns: Namespace, table: int = 100) -> list[tuple[str, int]]:
    """Its routes, as ip shows them; it has none of a table that does not exist."""
    shown = netns.run("ip", "-j", "route", "show", "table", str(table), check=False)
    return sorted((r["dst"], r.get("metric", 0)) for r in json.loads(shown if shown.rstrip().endswith("]") else "[]"))


def expected(*numbers: int) -> list[tuple[str, int]]:
    return sorted((destination(n), n + 1) for n in numbers)


# ---- what many may be given as


def test_dicts(nl: pynl.Netlink, netns: Namespace) -> None:
    report = nl.routes.add_many(wanted(1000))
    assert (report.total, report.done, report.failures, report.unsent, report.ok) == (1000, 1000, [], 0, True)
    assert 0 < report.duration < 30
    assert there(netns) == expected(*range(1000))
    assert nl.routes.delete_many(wanted(1000)).ok
    assert not there(netns)


def test_records_and_tables(nl: pynl.Netlink, netns: Namespace) -> None:
    index = nl.links.get("v0").ifindex
    records = [Route(**{**values, "oif": index, "protocol": "bgp", "type": 1, "scope": 253}) for values in wanted(300)]
    assert nl.routes.add_many(records).ok
    table = nl.routes.dump(table=100)
    assert nl.routes.delete_many(table).ok
    assert not there(netns)
    assert nl.routes.restore(table).ok
    assert nl.routes.dump(table=100) == table
    assert nl.routes.delete_many(table[10:20]).done == 10
    assert nl.routes.replace_many(table[::2]).ok
    assert nl.routes.add_many(iter(list(table)[11:20:2])).ok
    assert nl.routes.dump(table=100) == table


def test_columns(nl: pynl.Netlink, netns: Namespace) -> None:
    columns = {"dst": [destination(n) for n in range(500)], "priority": range(1, 501), "oif": "v0", "table": 100}
    assert nl.routes.add_many(columns).ok
    assert there(netns) == expected(*range(500))
    assert nl.routes.add_many({"dst": "10.9.0.0/16", "oif": "v0", "table": 101}).total == 1
    with pytest.raises(ValueError, match="columns of different lengths: 1, 2"):
        nl.routes.add_many({"dst": ["10.9.0.0/16"], "priority": [1, 2]})


def test_numpy_columns(nl: pynl.Netlink, netns: Namespace) -> None:
    np = pytest.importorskip("numpy")
    columns = {"dst": np.array([destination(n) for n in range(500)]), "priority": np.arange(1, 501, dtype="u4")}
    assert nl.routes.add_many({**columns, "oif": nl.links.get("v0").ifindex, "table": np.uint32(100)}).ok
    assert there(netns) == expected(*range(500))


@pytest.mark.parametrize("library", ["pyarrow", "pandas", "polars"])
def test_data_frames(nl: pynl.Netlink, netns: Namespace, library: str) -> None:
    module = pytest.importorskip(library)
    rows = wanted(500)
    rows[7]["prefsrc"] = "192.0.2.1"
    columns = {name: [row.get(name) for row in rows] for name in ("dst", "oif", "table", "priority", "prefsrc")}
    frame = module.table(columns) if library == "pyarrow" else module.DataFrame(columns)
    assert nl.routes.add_many(frame).ok
    assert there(netns) == expected(*range(500))
    assert [r["dst"] for r in netns.ip_json("route show table 100") if r.get("prefsrc")] == [destination(7)]


@pytest.mark.parametrize("nothing", [[], {}, {"dst": []}, iter(())])
def test_nothing(nl: pynl.Netlink, nothing: Any) -> None:
    report = nl.routes.add_many(nothing)
    assert (report.total, report.done, report.failures, report.ok) == (0, 0, [], True)
    assert nl.routes.add_many(nl.routes.dump(table=100)).total == 0
    assert nl.routes.sync([], table=100).reports == []
    with nl.batch() as batch:
        pass
    assert (batch.report.total, batch.report.ok) == (0, True) if batch.report else False
    assert batch.send().total == 0


# ---- what is refused


@pytest.mark.parametrize("bad", [(0,), (150,), (299,), (0, 150, 299), tuple(range(300))], ids=len)
@pytest.mark.parametrize("on_error", ERRORS)
@pytest.mark.parametrize("how", ["add_many", "batch"])
def test_every_refusal_is_told(
    nl: pynl.Netlink, netns: Namespace, default_buffer: None, bad: tuple[int, ...], on_error: str, how: str
) -> None:
    """More requests than a default buffer holds answers: whatever is refused, the report is exact."""
    rows = wanted(300)
    for number in bad:
        rows[number]["oif"] = 999
    if how == "add_many":
        report = nl.routes.add_many(rows, on_error=on_error)
    else:
        with nl.batch(on_error=on_error) as batch:
            for row in rows:
                batch.routes.add(**row)
            assert len(batch) == 300
        assert batch.report is not None
        report = batch.report
    sent = 300 if on_error == "continue" or min(bad) >= 256 else 256
    refused = [number for number in bad if number < sent]
    assert [failure.index for failure in report.failures] == refused
    for failure in report.failures:
        assert failure.error.errno == errno.ENODEV
        assert failure.error.request == "RTM_NEWROUTE"
        assert (failure.request.dst, failure.request.oif) == (destination(failure.index), 999)
    carried_out = [number for number in range(sent) if number not in refused]
    assert (report.total, report.unsent, report.unknown, report.kept) == (300, 300 - sent, [], [])
    if on_error == "rollback":
        assert (report.done, report.undone) == (0, len(carried_out))
        assert there(netns) == []
    else:
        assert (report.done, report.undone) == (len(carried_out), 0)
        assert there(netns) == expected(*carried_out)
    assert not report.ok


def test_the_window_of_a_default_buffer_is_what_the_kernel_holds(
    nl: pynl.Netlink, netns: Namespace, default_buffer: None
) -> None:
    """A thousand refusals, each with the kernel's words: none is lost, none is another's."""
    rows = [{"dst": destination(n), "gateway": "203.0.113.1", "table": 100, "priority": n + 1} for n in range(1000)]
    report = nl.routes.add_many(rows, on_error="continue")
    assert [failure.index for failure in report.failures] == list(range(1000))
    assert {failure.request.priority - failure.index for failure in report.failures} == {1}
    assert {failure.error.message for failure in report.failures} == {"Nexthop has invalid gateway"}


def test_refusals_beyond_any_window(nl: pynl.Netlink) -> None:
    rows = wanted(10_000)
    for number in range(0, 10_000, 3):
        rows[number]["oif"] = 999
    report = nl.routes.add_many(rows, on_error="continue")
    assert [failure.index for failure in report.failures] == list(range(0, 10_000, 3))
    assert report.done == len(nl.routes.dump(table=100)) == 10_000 - len(range(0, 10_000, 3))


def test_an_error_of_a_nested_attribute_is_named(nl: pynl.Netlink) -> None:
    report = nl.links.add_many(
        [{"ifname": f"x{n}", "kind": "vxlan", "id": 1 << 25 if n == 2 else n, "port": 4789 + n} for n in range(4)],
        on_error="continue",
    )
    (failure,) = report.failures
    assert (failure.index, failure.error.errno, failure.error.attribute) == (2, errno.ERANGE, "linkinfo.data.id")


def test_no_such_way_with_errors(nl: pynl.Netlink) -> None:
    for call in (lambda: nl.routes.add_many([], on_error="ignore"), lambda: nl.batch(on_error="ignore")):
        with pytest.raises(ValueError, match="on_error: expected one of stop, continue, rollback, not 'ignore'"):
            call()


@pytest.mark.parametrize("count", [1, 3, 4])
def test_a_request_of_any_size_has_a_report(nl: pynl.Netlink, count: int) -> None:
    """Texts that are each almost as long as an attribute can be: more than is sent at once."""
    large = dict.fromkeys(("ifalias", "alt_ifname", "qdisc", "phys_port_name")[:count], "x" * 65_000)
    report = nl.links.add_many([{"ifname": "b0", "kind": "bridge"}, {"ifname": "b1", **large}])
    assert (report.total, report.done, report.unsent) == (2, 1, 0)
    (failure,) = report.failures
    assert (failure.index, len(failure.request.ifalias)) == (1, 65_000)


# ---- undone


def test_deletions_and_replacements_are_undone(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.routes.add_many(wanted(20, protocol="bgp", metrics={"mtu": 1400}))
    before = list(nl.routes.dump(table=100))
    report = nl.routes.delete_many([*wanted(20), {"dst": "10.99.0.0/16", "table": 100}], on_error="rollback")
    assert (report.done, report.undone, [f.index for f in report.failures]) == (0, 20, [20])
    assert list(nl.routes.dump(table=100)) == before
    changed = [{**row, "protocol": "static"} for row in wanted(25)]
    report = nl.routes.replace_many([*changed, {"dst": "10.0.0.0/8", "oif": 999}], on_error="rollback")
    assert (report.done, report.undone, report.kept) == (0, 25, [])
    assert list(nl.routes.dump(table=100)) == before


def test_a_batch_of_all_kinds_is_undone_last_first(nl: pynl.Netlink, netns: Namespace) -> None:
    shown = ("-4 addr", "route show table all", "neigh show nud permanent")
    before = [netns.ip_json(line) for line in shown]
    with nl.batch(on_error="rollback") as batch:
        batch.links.add(ifname="br0", kind="bridge")
        batch.addresses.add(local="198.51.100.1/24", ifindex="v0")
        batch.routes.add(dst="10.0.0.0/8", gateway="198.51.100.9", table=100)
        batch.neighbours.add(dst="192.0.2.50", ifindex="v0", lladdr="02:00:00:00:00:50")
        batch.routes.add(dst="10.1.0.0/16", oif=999)
    report = batch.report
    assert report is not None
    assert [f.index for f in report.failures] == [4]
    assert (report.done, report.undone, report.kept) == (0, 4, [])
    assert [netns.ip_json(line) for line in shown] == before


def test_what_cannot_be_undone_is_told(nl: pynl.Netlink, netns: Namespace) -> None:
    """A link that was removed took the routes through it along: those of the batch are gone before they are undone."""
    with nl.batch(on_error="rollback") as batch:
        batch.routes.add(dst="10.0.0.0/8", oif="v0", table=100)
        batch.links.set("v0", up=False)
        batch.routes.add(dst="10.1.0.0/16", oif=999)
    report = batch.report
    assert report is not None
    assert report.kept == [0]
    assert (report.done, report.undone) == (1, 1)


def test_an_object_touched_twice_is_undone_once(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.routes.add(dst="10.0.0.0/8", gateway="192.0.2.2", table=100)
    before = netns.ip_json("route show table 100")
    with nl.batch(on_error="rollback") as batch:
        batch.routes.delete(dst="10.0.0.0/8", table=100)
        batch.routes.add(dst="10.0.0.0/8", gateway="192.0.2.3", table=100)
        batch.routes.add(dst="10.9.0.0/16", oif="v0", table=100)
        batch.routes.delete(dst="10.9.0.0/16", table=100)
        batch.routes.add(dst="10.1.0.0/16", oif=999)
    report = batch.report
    assert report is not None
    assert (report.done, report.undone, report.kept) == (0, 4, [])
    assert netns.ip_json("route show table 100") == before


@pytest.mark.parametrize("on_error", ["continue", "rollback"])
def test_what_progress_raises_has_the_report(nl: pynl.Netlink, netns: Namespace, on_error: str) -> None:
    def progress(done: int, total: int) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough") as caught:
        nl.routes.add_many(wanted(5), on_error=on_error, progress=progress)
    report = caught.value.report  # type: ignore[attr-defined]
    assert (report.done, report.undone) == ((5, 0) if on_error == "continue" else (0, 5))
    assert len(there(netns)) == report.done


def test_one_network_is_one_value(nl: pynl.Netlink, netns: Namespace) -> None:
    network = ipaddress.ip_network("10.77.0.0/30")
    assert nl.routes.add_many({"dst": network, "gateway": "192.0.2.2", "table": 100}).total == 1
    assert [route["dst"] for route in netns.ip_json("route show table 100")] == ["10.77.0.0/30"]


def test_what_was_read_in_part_is_made_of_that_part(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.routes.add(dst="10.0.0.0/8", gateway="192.0.2.2")
    part = nl.routes.dump(dst="10.0.0.0/8", fields=("dst", "gateway"))
    for objects in (part, list(part)):
        assert nl.routes.delete_many([{"dst": "10.0.0.0/8"}]).ok
        assert nl.routes.add_many(objects).ok
    nl.routes.delete(part[0])
    assert not nl.routes.dump(dst="10.0.0.0/8")


# ---- batches


def test_a_batch_left_by_an_exception_sends_nothing(nl: pynl.Netlink, netns: Namespace) -> None:
    batch = nl.batch()
    try:
        with batch:
            batch.routes.add(dst="10.0.0.0/8", oif="v0", table=100)
            raise RuntimeError
    except RuntimeError:
        pass
    assert batch.report is None
    assert there(netns) == []


def test_a_batch_reads_at_once_and_may_be_sent_in_parts(nl: pynl.Netlink) -> None:
    with nl.batch() as batch:
        batch.routes.add(dst="10.0.0.0/8", oif="v0", table=100)
        assert len(batch.routes.dump(table=100)) == 0
        assert batch.send().done == 1
        assert len(batch.routes.dump(table=100)) == 1
        assert len(batch) == 0
        batch.routes.delete(dst="10.0.0.0/8", table=100)
    assert batch.report is not None
    assert batch.report.done == 1
    assert len(nl.routes.dump(table=100)) == 0


def test_a_batch_collects_many(nl: pynl.Netlink, netns: Namespace) -> None:
    """Nothing is sent before the end, and all in its order."""
    nl.routes.add_many(wanted(20))
    odds = [odd(1).replace(oif=nl.links.get("v0").ifindex)]
    with nl.batch(on_error="continue") as batch:
        told = batch.routes.add_many({"dst": ["10.9.0.0/16", "10.8.0.0/16"], "oif": "v0", "table": 101, "priority": 5})
        assert (told.total, told.done, told.unsent) == (2, 0, 2)
        batch.routes.replace_many(wanted(10, protocol="bgp"))
        batch.routes.delete_many(wanted(30)[10:])
        batch.routes.add_many(odds)
        batch.routes.add(dst="10.7.0.0/16", oif="v0", table=101, priority=5)
        assert len(batch) == 34
        assert (there(netns), there(netns, 101)) == (expected(*range(20)), [])
    assert batch.report is not None
    assert [failure.index for failure in batch.report.failures] == [*range(22, 32), 32]
    assert batch.report.done == 23
    assert there(netns) == expected(*range(10))
    assert {route["protocol"] for route in netns.ip_json("route show table 100")} == {"bgp"}
    assert there(netns, 101) == [("10.7.0.0/16", 5), ("10.8.0.0/16", 5), ("10.9.0.0/16", 5)]


def test_what_depends_on_answers_is_not_for_a_batch(nl: pynl.Netlink) -> None:
    routes, links = nl.routes.dump(), nl.links.dump()
    with nl.batch() as batch:
        for name, call in {
            "flush": lambda: batch.routes.flush(table=100),
            "sync": lambda: batch.routes.sync([], table=100),
            "restore": lambda: batch.routes.restore(routes),
        }.items():
            with pytest.raises(TypeError, match=f"{name}: what it sends depends on what is there"):
                call()
        with pytest.raises(TypeError, match="restore: what it sends"):
            batch.links.restore(links)
        for options in ({"on_error": "continue"}, {"progress": print}):
            with pytest.raises(TypeError, match="on_error and progress are those of the batch"):
                batch.routes.add_many(wanted(3), **options)
        assert len(batch) == 0


def test_progress(nl: pynl.Netlink, default_buffer: None) -> None:
    seen: list[tuple[int, int]] = []
    nl.routes.add_many(wanted(600), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(256, 600), (512, 600), (600, 600)]


# ---- answers that are lost, and Ctrl-C

#: Reads until this thread has had its fault, so that what comes is the sending thread's.
LOST = """
import sys, pynl
from pynl import bulk
bulk._window = lambda line: 256
_, netns, verb, index = sys.argv
rows = [
    {"dst": f"10.{n // 256}.{n % 256}.0/24", "oif": 999 if n == 5 else int(index), "table": 100, "priority": n + 1}
    for n in range(600)
]
if verb == "delete":
    rows[5]["dst"] = "10.99.0.0/16"
with pynl.Netlink(netns, timeout=2) as nl:
    for _ in range(20):
        try:
            nl.links.get(1)
        except pynl.NetlinkError:
            pass
    report = getattr(nl.routes, verb + "_many")(rows, on_error="continue")
    print(report.total, report.done, [(f.index, f.error.errno) for f in report.failures], report.unknown)
"""


@pytest.mark.parametrize("call", range(1, 7))
@pytest.mark.parametrize("verb", ["add", "replace", "delete"])
def test_answers_that_are_lost_are_found_out_by_reading(
    nl: pynl.Netlink, netns: Namespace, verb: str, call: int
) -> None:
    """Of the requests of one send nobody knows, until what is there is read: the one that was refused is found."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    if verb == "delete":
        nl.routes.add_many([row for row in wanted(600) if row["priority"] != 6])
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=recvmsg:error=ENOBUFS:when={call}"]
    child = [sys.executable, "-c", LOST, netns.name, verb, str(nl.links.get("v0").ifindex)]
    done = subprocess.run([*strace, *child], capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stderr
    refused = (5, errno.ESRCH if verb == "delete" else errno.ENODEV)
    lost = (5, errno.ENOBUFS)
    assert done.stdout.strip() in (f"600 599 [{refused}] []", f"600 599 [{lost}] []")
    assert there(netns) == ([] if verb == "delete" else expected(*(n for n in range(600) if n != 5)))


def test_answers_whose_request_nothing_can_tell_stay_unknown(nl: pynl.Netlink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a link was set, what is there does not tell."""
    collect = pynl.Socket.collect
    monkeypatch.setattr(pynl.Socket, "collect", lambda *arguments: collect(*arguments) and False)
    with nl.batch() as batch:
        batch.links.set("v0", mtu=1400)
        batch.routes.add(dst="10.0.0.0/8", oif="v0", table=100)
    assert batch.report is not None
    assert (batch.report.total, batch.report.done, batch.report.unknown, batch.report.failures) == (2, 1, [0], [])


def test_what_is_there_tells_of_a_lost_answer_only_if_it_is_what_was_asked_for(
    nl: pynl.Netlink, netns: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another object with the same key may have been there before, and the request refused."""
    netns.batch("""
        route add 10.1.0.0/16 dev v0 table 100
        route add 10.2.0.0/16 dev v0 table 100
        route add 10.3.0.0/16 dev v0 table 100
        route add 10.4.0.0/16 dev v0 table 100
    """)
    collect = pynl.Socket.collect

    def lose(line: pynl.Socket, answers: Any, *expected: int) -> bool:
        collect(line, ffi.gc(ffi.new("struct pynl_answers *"), lib.pynl_answers_free), *expected)
        return False

    monkeypatch.setattr(pynl.Socket, "collect", lose)
    with nl.batch(on_error="continue") as batch:
        batch.routes.add(dst="10.1.0.0/16", table=100, oif="v0")  # refused, but there
        batch.routes.add(dst="10.2.0.0/16", table=100, type="blackhole")  # refused
        batch.routes.replace(dst="10.3.0.0/16", table=100, oif="v0", prefsrc="203.0.113.1")  # refused
        batch.routes.replace(dst="10.4.0.0/16", table=100, oif="v0", metrics={"mtu": 1400})
        batch.routes.append(dst="10.5.0.0/16", table=100, oif="v0")
        batch.routes.change(dst="10.6.0.0/16", table=100, oif="v0")  # refused
        batch.routes.add(dst="10.7.0.0/16", table=100, oif=999)  # refused
        batch.routes.add(dst="10.8.0.0/16", table=100, oif="v0")
        batch.routes.delete(dst="10.8.0.0/16", table=100, tos=0, priority=0, protocol="boot", scope="link")
        batch.links.add_altnames("v0", "another")
    report = batch.report
    assert report is not None
    assert [failure.index for failure in report.failures] == [6]
    assert report.unknown == [1, 2, 4, 5, 7, 9]
    assert report.done == 3


def test_a_part_of_a_key_tells_no_object(nl: pynl.Netlink, netns: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer is lost: what is there may be what was meant, unless nothing there can be."""
    netns.batch("""
        route add 10.1.0.0/16 dev v0 table 100 metric 20
        route add 10.1.0.0/16 dev v0 table 100 metric 30
        route add 10.2.0.0/16 dev v0 table 100 metric 20
        route add 10.3.0.0/16 dev v0 table 100 metric 20
        route add 10.3.0.0/16 dev v0 table 100 metric 30
        rule add from 10.1.0.0/16 table 100 priority 77
        rule add from 10.2.0.0/16 table 100 priority 77
        rule add from 10.3.0.0/16 table 100 priority 78
        addr add 198.51.100.1/24 dev v0
        addr add 198.51.100.1 peer 198.51.100.2/32 dev v0
        link add i0 type ifb
    """)
    index = nl.links.get("v0").ifindex
    collect = pynl.Socket.collect
    monkeypatch.setattr(pynl.Socket, "collect", lambda *arguments: collect(*arguments) and False)
    with nl.batch(on_error="continue") as batch:
        batch.routes.delete(dst="10.1.0.0/16", table=100)  # one of two
        batch.routes.delete(dst="10.2.0.0/16", table=100)
        batch.routes.delete(dst="10.3.0.0/16", table=100, priority=20)
        batch.rules.delete(priority=77, family="AF_INET")  # one of two
        batch.rules.delete(priority=78, family="AF_INET")
        batch.addresses.delete(pynl.Address(local="198.51.100.1", ifindex=index))  # one of two
        batch.links.delete("i0")
    assert batch.report is not None
    assert (batch.report.total, batch.report.unknown, batch.report.done) == (7, [0, 3, 5], 4)
    assert batch.report.failures == []


def test_a_send_that_fails_is_told(nl: pynl.Netlink, netns: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was carried out before it is in the report, and nothing else was."""
    monkeypatch.setattr(bulk, "_window", lambda line: 256)
    transmit, calls = pynl.Socket.transmit, iter(range(1000))

    def failing(line: pynl.Socket, data: Any, size: int) -> None:
        if next(calls) == 1:
            raise pynl.NetlinkError(errno.ENOBUFS)
        transmit(line, data, size)

    monkeypatch.setattr(pynl.Socket, "transmit", failing)
    report = nl.routes.add_many(wanted(600))
    assert (report.done, report.unsent, [f.index for f in report.failures]) == (256, 343, [256])
    assert there(netns) == expected(*range(256))


INTERRUPTED = """
import sys, time, pynl
from pynl import bulk
bulk._window = lambda line: 256
rows = [{"dst": f"10.{n // 256}.{n % 256}.0/24", "oif": "v0", "table": 100, "priority": n + 1} for n in range(20_000)]
def progress(done, total):
    print(done, flush=True)
    time.sleep(0.01)
with pynl.Netlink(sys.argv[1]) as nl:
    try:
        nl.routes.add_many(rows, on_error=sys.argv[2], progress=progress)
    except KeyboardInterrupt as error:
        report = error.report
        print("REPORT", type(error).__name__, report.total, report.done, report.unsent, report.undone)
        print(len(nl.routes.dump(table=100)))
"""


@pytest.mark.parametrize("on_error", ["stop", "rollback"])
def test_ctrl_c_tells_what_was_carried_out(nl: pynl.Netlink, netns: Namespace, on_error: str) -> None:
    command = [sys.executable, "-u", "-c", INTERRUPTED, netns.name, on_error]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(5):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGINT)
        output = child.stdout.read()
    (line, count) = output[output.index("REPORT") :].splitlines()
    _, name, total, done, unsent, undone = line.split()
    assert (name, total) == ("BulkInterrupted", "20000")
    assert int(done) + int(unsent) + int(undone) == 20_000
    assert int(unsent) > 0
    assert int(done) == int(count)
    assert there(netns) == expected(*range(int(done)))
    assert (int(undone) > 0) == (on_error == "rollback")


#: Ctrl-C in the midst of a send, by how many milliseconds after the last: the report is to wait for its end.
AMIDST = """
import os, signal, sys, threading, time, pynl
columns = {"dst": [f"10.{a}.{b}.0/24" for a in range(128) for b in range(256)], "oif": "lo", "table": 100}
with pynl.Netlink(sys.argv[1]) as nl:
    for delay in (0.001, 0.003, 0.006, 0.01, 0.015):
        timers = []
        def progress(done, total):
            if not timers:
                timers.append(threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)))
                timers[0].start()
        try:
            nl.routes.add_many(columns, on_error=sys.argv[2], progress=progress)
        except KeyboardInterrupt as error:
            time.sleep(0.2)
            print(error.report.done == len(nl.routes.dump(table=100)), error.report.unsent > 0)
        nl.routes.flush(table=100)
"""


@pytest.mark.parametrize("on_error", ["continue", "rollback"])
def test_ctrl_c_waits_for_the_end_of_a_send(netns: Namespace, on_error: str) -> None:
    netns.batch("link set lo up")
    command = [sys.executable, "-c", AMIDST, netns.name, on_error]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == ["True True"] * 5, done.stderr


#: Ctrl-C at other times than while requests are sent: what was called then sends it, once.
AFTERWARDS = """
import os, signal, sys, time, pynl
from pynl import bulk, many
def first(function):
    def called(*arguments, **options):
        if signals:
            os.kill(os.getpid(), signals.pop())
            time.sleep(0.05)
        return function(*arguments, **options)
    return called
signals = [signal.SIGINT]
rows = [{"dst": "10.0.0.0/8", "oif": "lo", "table": 100}, {"dst": "10.1.0.0/16", "oif": 999}]
what = sys.argv[2]
if what == "asked":
    bulk.Packed.payload = first(bulk.Packed.payload)
    pynl.rows.Rows.payload = first(pynl.rows.Rows.payload)
elif what == "settle":
    collect = pynl.Socket.collect
    pynl.Socket.collect = lambda *arguments: collect(*arguments) and False
    pynl.netlink.Routes.read = first(pynl.netlink.Routes.read)
with pynl.Netlink(sys.argv[1]) as nl:
    try:
        nl.routes.add_many(rows, on_error="continue")
    except KeyboardInterrupt as error:
        print(error.report.done, [f.index for f in error.report.failures], error.report.unknown)
"""


@pytest.mark.parametrize("what", ["asked", "settle"])
def test_ctrl_c_after_the_last_send_has_the_report(netns: Namespace, what: str) -> None:
    netns.batch("link set lo up")
    command = [sys.executable, "-c", AFTERWARDS, netns.name, what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "1 [1] []", done.stderr


#: The first Ctrl-C ends the sending, the second the undoing of it.
TWICE = """
import os, signal, sys, time, pynl
from pynl import bulk
bulk._window = lambda line: 256
sends = []
transmit = pynl.Socket.transmit
def slowly(line, data, size):
    sends.append(size)
    if len(sends) in (4, 6):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
    transmit(line, data, size)
pynl.Socket.transmit = slowly
columns = {"dst": [f"10.{a}.{b}.0/24" for a in range(8) for b in range(256)], "oif": "lo", "table": 100}
with pynl.Netlink(sys.argv[1]) as nl:
    try:
        nl.routes.add_many(columns, on_error="rollback")
    except KeyboardInterrupt as error:
        report = error.report
        kept = report.kept == list(range(512))
        print(report.done, report.undone, report.unsent, kept, len(nl.routes.dump(table=100)))
"""


def test_what_a_second_ctrl_c_keeps_from_being_undone_is_told(netns: Namespace) -> None:
    netns.batch("link set lo up")
    command = [sys.executable, "-c", TWICE, netns.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "512 512 1024 True 512", done.stderr


# ---- what no column holds


def odd(number: int) -> pynl.Route:
    """A route with an RTA_PRIORITY of a byte, which is kept raw."""
    made = pynl.Route(dst=f"10.0.{number}.0/24", table=100, type=1, protocol=3, scope=253)
    made._rows._unknown = (pynl.Unknown(6, b"\1"),)
    return made


def test_attributes_that_are_not_declared_are_sent(nl: pynl.Netlink, netns: Namespace) -> None:
    """As add() sends them: the kernel refuses these, whatever way they come."""
    index = nl.links.get("v0").ifindex
    plain = pynl.Route(dst="10.0.9.0/24", table=100, type=1, protocol=3, scope=253, oif=index)
    with pytest.raises(pynl.NetlinkError) as caught:
        nl.routes.add(odd(1), oif=index)
    refused = caught.value.errno
    records = [plain, odd(1).replace(oif=index), {"dst": "10.0.8.0/24", "table": 100, "oif": "v0"}]
    table = pynl.Table.decode(pynl.Route, b"".join(header(encode(r)) for r in records if isinstance(r, pynl.Route)))
    for objects in (records, iter(records), table, list(table)):
        report = nl.routes.add_many(objects, on_error="continue")
        assert [(f.index, f.error.errno, f.request.unknown) for f in report.failures] == [(1, refused, odd(1).unknown)]
        assert report.done == report.total - 1
        nl.routes.flush(table=100)
    with pytest.raises(TypeError, match="row 1: Route has no field 'oiff'"):
        nl.routes.add_many([odd(1), {"dst": "10.0.0.0/8", "oiff": 3}])


def test_what_could_not_be_read_is_sent(nl: pynl.Netlink) -> None:
    """A nest that is none is kept raw; a table and its records have it sent, and the kernel refuses it."""
    data = header(encode(pynl.Route(dst="10.0.0.0/8", table=100, oif=3)) + attribute(8, b"\3\0\0\0"))
    table = pynl.Table.decode(pynl.Route, data)
    assert table[0].unknown
    for objects in (table, list(table)):
        report = nl.routes.add_many(objects)
        assert [f.request.unknown for f in report.failures] == [table[0].unknown]
