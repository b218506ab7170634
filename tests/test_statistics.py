"""What is counted and what is logged, and the exporter that serves it."""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import Namespace

import pynl
from pynl.log import logger
from pynl.statistics import Counters, Statistics

ROOT = Path(__file__).parent.parent


def test_threads_lose_no_count() -> None:
    counters = Counters()

    def add() -> None:
        for _ in range(5000):
            counters.add(1, 2, overruns=1, resyncs=2, retries=3, truncations=4)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.read() == Statistics(20_000, 40_000, 20_000, 40_000, 60_000, 80_000)


def test_all_sockets_of_a_session_count_together(netns: Namespace) -> None:
    with netns.netlink() as nl:
        assert nl.statistics == Statistics()
        nl.links.get("lo")
        short = nl.statistics
        assert short.messages == 2  # the link, and its ACK
        assert short.bytes > 500
        routes = [
            pynl.Route(dst=f"10.{number >> 8}.{number & 255}.0/24", oif=1, scope=253, type=1, table=254)
            for number in range(6000)
        ]
        assert nl.routes.add_many([*routes, routes[0]], on_error="continue").done == 6000
        written = nl.statistics
        assert written.messages > short.messages
        table = nl.routes.dump(family=socket.AF_INET, table=254)  # received by a helper
        assert len(table) == 6000
        dumped = nl.statistics
        assert dumped.messages - written.messages == 6001
        assert dumped.bytes - written.bytes > 6000 * 52
        assert sum(map(len, nl.routes.stream(family=socket.AF_INET, table=254, chunk=1000))) == 6000
        assert nl.statistics.messages - dumped.messages == 6001
        assert nl.statistics[2:] == (0, 0, 0, 0)


def test_monitors_count_too(netns: Namespace, caplog: pytest.LogCaptureFixture) -> None:
    with netns.netlink() as nl, nl.monitor("routes", buffer=4096) as events:
        nl.routes.add(dst="198.51.100.0/24", oif="lo")
        before = nl.statistics
        assert next(events).action == "new"
        assert nl.statistics.messages == before.messages + 1
        with netns.netlink() as other:
            routes = [pynl.Route(dst=f"2001:db8:{number:x}::/64", oif=1) for number in range(500)]
            assert other.routes.add_many(routes).done == 500
        with caplog.at_level("WARNING", "pynl"):
            while not events.batch().overrun:
                pass
        assert nl.statistics.overruns > 0
    assert "notifications of routes were lost" in caplog.text


def test_what_is_tried_again_is_counted(netns: Namespace) -> None:
    with netns.netlink() as nl:
        nl.addresses.add(local="192.0.2.1", prefixlen=24, ifindex="lo")
        by_it = pynl.Route(dst="198.51.100.0/24", gateway="203.0.113.9", type=1, table=254)
        report = nl.routes.restore([by_it, pynl.Route(dst="203.0.113.0/24", oif=1, scope=253, type=1, table=254)])
        assert (report.done, nl.statistics.retries) == (2, 1)


def test_a_datagram_that_is_cut_off_is_counted(netns: Namespace, caplog: pytest.LogCaptureFixture) -> None:
    with netns.netlink() as nl, nl.socket.sibling(room=400) as narrow, caplog.at_level("WARNING", "pynl"):
        with pytest.raises(pynl.NetlinkError, match="long"):
            narrow.dump(int(pynl.rtnl.constants.MessageType.RTM_GETLINK), bytes(16), name="RTM_GETLINK")
        assert nl.statistics.truncations == 1
        assert "RTM_GETLINK: a part of the answer was longer than the buffer" in caplog.text


def test_requests_are_logged_with_what_came(netns: Namespace, caplog: pytest.LogCaptureFixture) -> None:
    with netns.netlink() as nl:
        nl.links.dump().complete()
        assert not caplog.records
        with caplog.at_level("DEBUG", "pynl"):
            nl.links.dump().complete()
    (record,) = caplog.records
    assert record.name == "pynl.socket"
    assert re.fullmatch(r"RTM_GETLINK: 2 messages of \d+ bytes in \d+\.\d\d ms, result 1, error 0", record.getMessage())


def test_a_replaced_socket_is_logged(netns: Namespace, caplog: pytest.LogCaptureFixture) -> None:
    with netns.netlink() as nl, caplog.at_level("WARNING", "pynl"):
        nl.socket.begin(18, bytes(16), 0x300, ahead=1).cancel()
        nl.links.get("lo")
    assert "replaced, since its last answer was not read to the end" in caplog.text


def test_nothing_is_said_unasked() -> None:
    """Neither is ``logging`` imported, nor does it print what nobody has asked for."""
    code = "import sys, pynl; pynl.links(); assert 'logging' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import logging; from pynl.log import logger; logger('pynl.socket', 30).warning('heard')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not done.stderr
    assert logger("pynl.socket", logging.DEBUG) is None


def test_the_exporter_serves_them(netns: Namespace) -> None:
    pytest.importorskip("prometheus_client")
    with netns.netlink() as nl:
        nl.routes.add(dst="198.51.100.0/24", oif="lo", table=77)
    command = ["ip", "netns", "exec", netns.name, sys.executable, str(ROOT / "examples" / "exporter.py"), "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        url = server.stdout.readline().strip()
        fetch = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"
        texts = [netns.run(sys.executable, "-c", fetch, url) for _ in range(2)]
    finally:
        server.kill()
        server.communicate()
    assert 'netlink_routes{family="2",table="77"} 1.0' in texts[0]
    assert 'netlink_link_up{ifname="lo"} 1.0' in texts[0]
    counts = [float(re.search(r"^pynl_messages_total (\S+)", text, re.MULTILINE)[1]) for text in texts]  # type: ignore[index]
    assert 0 < counts[0] < counts[1]
    assert "pynl_overruns_total 0.0" in texts[0]
