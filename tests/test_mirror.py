"""Mirrors of the kernel: equal to it whatever happens, what they find and tell, and who may use them at once."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import churn
import pytest
from conftest import Namespace, _make, _remove
from hypothesis import given, settings
from hypothesis import strategies as st

import pynl
from pynl import ClosedError, Table
from pynl.mirror import Changes
from pynl.replica import Update
from pynl.rtnl.constants import AddressFlags, NeighbourState
from pynl.rtnl.neigh import NEIGHBOURS

#: What changes with time or traffic, and is announced late or not at all.
PASSING = NeighbourState.NUD_INCOMPLETE | NeighbourState.NUD_DELAY | NeighbourState.NUD_NOARP


def until(true: Callable[[], Any], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


# ---- the same as the kernel


def groups(nl: pynl.Netlink, kind: str, table: Table[Any]) -> dict[Any, list[Any]]:
    """The objects by their keys, each with what is announced of it, in their order."""
    following = nl.routes.kinds[kind].following
    names = [name for name in following.content(table.record) if name != "linkinfo"]  # a bridge's has timers
    made: dict[Any, list[Any]] = {}
    for record in table:
        if kind == "neighbours" and record.state & PASSING:
            continue
        told = {name: getattr(record, name) for name in names}
        made.setdefault(following.identity(record), []).append(told)
    return made


def differences(nl: pynl.Netlink, kind: str, ours: Table[Any]) -> dict[Any, Any]:
    theirs = getattr(nl, kind).snapshot()
    here, there = groups(nl, kind, ours), groups(nl, kind, theirs)
    if kind == "addresses":  # which are announced once they have been checked
        for address in theirs:
            if address.flags & AddressFlags.IFA_F_TENTATIVE:
                here.pop(key := nl.routes.kinds[kind].following.identity(address), None)
                del there[key]
    return {key: (here.get(key), there.get(key)) for key in here | there if here.get(key) != there.get(key)}


def same(nl: pynl.Netlink, mirror: pynl.Mirror, kinds: Sequence[str] = churn.KINDS) -> None:
    """Carriers are announced a second late, at most."""
    for kind in kinds:
        end = time.monotonic() + 3
        while wrong := differences(nl, kind, mirror.table(kind)):
            assert time.monotonic() < end, (kind, wrong)
            time.sleep(0.05)


def as_ip_has_it(netns: Namespace, kind: str) -> Counter[Any]:
    if kind == "links":
        return Counter((link["ifindex"], link["ifname"]) for link in netns.ip_json("-d link"))
    if kind == "addresses":
        links = netns.ip_json("-d addr")
        return Counter((one["local"], one["prefixlen"], link["ifindex"]) for link in links for one in link["addr_info"])
    if kind == "neighbours":
        states = {state.name.removeprefix("NUD_") for state in NeighbourState if state & PASSING}
        return Counter(one["dst"] for one in netns.ip_json("-d neigh") if not states & set(one["state"]))
    if kind == "nexthops":
        return Counter(one["id"] for one in netns.ip_json("-d nexthop"))
    found = Counter[Any]()
    for family in (4, 6):
        if kind == "rules":
            found += Counter((family, one["priority"]) for one in netns.ip_json(f"-{family} -d rule"))
            continue
        for route in netns.ip_json(f"-{family} -d route show table all"):
            prefix = {"default": "0.0.0.0/0" if family == 4 else "::/0"}.get(route["dst"], route["dst"])
            found[str(ipaddress.ip_network(prefix)), route.get("metric", 0), len(route.get("nexthops", ()))] += 1
    return found


def as_mirrored(kind: str, table: Table[Any]) -> Counter[Any]:
    if kind == "links":
        return Counter((link.ifindex, link.ifname) for link in table)
    if kind == "addresses":
        return Counter((one.local or one.address, one.prefixlen, one.ifindex) for one in table)
    if kind == "neighbours":
        return Counter(one.dst for one in table if not one.state & PASSING)
    if kind == "nexthops":
        return Counter(one.id for one in table)
    if kind == "rules":
        families = {2: 4, 10: 6}
        return Counter((families[one.family], one.priority or 0) for one in table if one.family in families)
    found = Counter[Any]()
    for route in table:
        dst = route.dst or ("0.0.0.0/0" if route.family == 2 else "::/0")
        found[dst, route.priority or 0, len(route.multipath or ())] += 1
    return found


def like_ip(netns: Namespace, mirror: pynl.Mirror) -> None:
    """What comes late, such as a carrier, may come in between; and ip's own dump may repeat routes then."""
    for kind in churn.KINDS:
        end = time.monotonic() + 5
        while (ours := as_mirrored(kind, mirror.table(kind))) != (theirs := as_ip_has_it(netns, kind)):
            assert time.monotonic() < end, (kind, ours - theirs, theirs - ours)
            time.sleep(0.05)


class Consumer:
    """Somebody who begins with a table and applies the changes to it."""

    def __init__(self, nl: pynl.Netlink, mirror: pynl.Mirror) -> None:
        self.following = {kind: nl.routes.kinds[kind].following for kind in churn.KINDS}
        self.changes = mirror.changes(timeout=0)
        self.there = {kind: list(mirror.table(kind)) for kind in churn.KINDS}
        list(self.changes)

    def _remove(self, kind: str, record: Any) -> None:
        there, same = self.there[kind], self.following[kind].same
        there.pop(next(at for at, other in enumerate(there) if same(record, other, exact=True)))

    def follow(self) -> None:
        for update in self.changes:
            if update.action != "new":
                self._remove(update.kind, update.old if update.action == "change" else update.record)
            if update.action != "del":
                self.there[update.kind].append(update.record)

    def agrees(self, mirror: pynl.Mirror) -> None:
        self.follow()
        for kind, following in self.following.items():
            ours, theirs = self.there[kind], list(mirror.table(kind))
            self.follow()
            left = list(ours)
            for record in theirs:
                at = next((at for at, other in enumerate(left) if following.same(record, other, exact=True)), None)
                assert at is not None, (kind, record)
                left.pop(at)
            assert not left, kind


steps = st.lists(st.tuples(st.integers(0, len(churn.Churn.CHANGES) - 1), st.integers(0, 9999)), max_size=60)


@pytest.mark.kernel
@given(steps, st.integers(1, 9))
@settings(max_examples=80)
def test_whatever_changes_a_mirror_is_as_a_dump_and_its_updates_lead_there(
    changes: list[tuple[int, int]], every: int
) -> None:
    netns = _make()
    try:
        with netns.netlink() as nl:
            churn.prepare(nl)
            changing = churn.Churn(nl)
            with nl.mirror(*churn.KINDS) as mirror:
                consumer = Consumer(nl, mirror)
                for number, (kind, seed) in enumerate(changes, 1):
                    changing.step(kind, seed)
                    if number % every == 0:
                        same(nl, mirror)
                    elif number % 2:
                        consumer.follow()
                same(nl, mirror)
                consumer.agrees(mirror)
    finally:
        _remove(netns)


def test_after_many_changes_it_is_as_ip_has_it(netns: Namespace) -> None:
    chance = random.Random(5)
    with netns.netlink() as nl:
        churn.prepare(nl)
        changing = churn.Churn(nl)
        with nl.mirror(*churn.KINDS) as mirror:
            for _ in range(4):
                for _ in range(80):
                    changing.step(chance.randrange(99), chance.randrange(10**6))
                same(nl, mirror)
                like_ip(netns, mirror)
            assert 0 < mirror.resyncs < 100


# ---- look-ups


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    """A pair of links that are up, with addresses whose neighbours are the gateways of routes."""
    netns.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", check=False)
    netns.batch("""
link add v0 type veth peer name v1
link set v0 up
link set v1 up
addr add 192.0.2.1/24 dev v0
addr add 2001:db8::1/64 dev v0 nodad
""")
    netns.settle()
    with netns.netlink() as nl:
        yield nl


def kernel_finds(nl: pynl.Netlink, address: str) -> Any:
    """The route's prefix, metric and gateway; None: there is no way."""
    try:
        route = nl.routes.get(address, fibmatch=True)
    except pynl.NetlinkError:
        return None
    return route.dst, route.priority, route.gateway


def mirror_finds(route: Any) -> Any:
    return None if route is None or route.type != 1 else (route.dst, route.priority, route.gateway)


def random_address(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return f"10.{chance.randrange(4)}.{chance.randrange(4)}.{chance.randrange(256)}"
    return f"2001:db8:{chance.randrange(1, 4):x}:{chance.randrange(4):x}::{chance.randrange(256):x}"


def random_route(chance: random.Random) -> dict[str, Any]:
    address = ipaddress.ip_address(random_address(chance))
    length = chance.choice((9, 14, 15, 16, 22, 23, 24, 30, 32) if address.version == 4 else (40, 47, 48, 62, 64, 128))
    gateway = f"{'192.0.2.' if address.version == 4 else '2001:db8::'}{chance.randrange(2, 99)}"
    values: dict[str, Any] = {"dst": str(ipaddress.ip_network((address, length), strict=False))}
    values["priority"] = chance.choice((100, 200, 300))
    leads: dict[str, Any] = {"type": "unreachable"} if chance.random() < 0.1 else {"gateway": gateway, "oif": "v0"}
    return {**values, **leads}


def test_a_mirror_finds_what_the_kernel_finds(nl: pynl.Netlink) -> None:
    chance = random.Random(1)
    nl.routes.add_many([random_route(chance) for _ in range(300)], on_error="continue")
    with nl.mirror("routes") as mirror:
        for round in range(12):
            addresses = [random_address(chance) for _ in range(60)]
            wanted = [kernel_finds(nl, address) for address in addresses]
            assert [mirror_finds(mirror.lookup(address)) for address in addresses] == wanted
            assert list(map(mirror_finds, mirror.lookup_many(addresses))) == wanted
            for _ in range(30):
                there = chance.choice(mirror.table("routes").where(lambda route: route.priority in (100, 200, 300)))
                with_verbs = chance.choice(("add", "replace", "delete", "delete"))
                if with_verbs == "delete":
                    nl.routes.delete(there)
                    continue
                with contextlib.suppress(pynl.NetlinkError):  # such as EEXIST
                    getattr(nl.routes, with_verbs)(**random_route(chance))
            if round == 6:
                nl.routes.flush(priority=200)
        assert mirror.lookup("192.0.2.77").oif == nl.links.get("v0").ifindex
        assert mirror.lookup("203.0.113.1") is None
        assert mirror.lookup("192.0.2.1", table=255).type == 2
        assert mirror.resyncs < 5  # nearly all of it was told


def test_a_lookup_lasts_beyond_what_changes(nl: pynl.Netlink) -> None:
    nl.routes.add(dst="10.0.0.0/8", gateway="192.0.2.9")
    with nl.mirror("routes") as mirror:
        nl.routes.add(dst="10.1.0.0/16", gateway="192.0.2.10")
        found = mirror.lookup_many(["10.1.0.1", "10.2.0.1", "203.0.113.1"])
        nl.routes.delete(dst="10.1.0.0/16")
        nl.routes.delete(dst="10.0.0.0/8")
        assert mirror.lookup("10.1.0.1") is None
        assert [route and route.dst for route in found] == ["10.1.0.0/16", "10.0.0.0/8", None]
        assert list(found.rows[2:]) == [-1]


def test_links_are_found_by_index_and_by_any_of_their_names(nl: pynl.Netlink, netns: Namespace) -> None:
    netns.ip("link property add dev v0 altname a-name-of-more-than-fifteen-bytes")
    with nl.mirror("links") as mirror:
        index = netns.index("v0")
        assert mirror.link(index).ifname == mirror.link("v0").ifname == "v0"
        assert mirror.link("a-name-of-more-than-fifteen-bytes").ifindex == index
        assert mirror.link("nosuch") is mirror.link(9999) is None
        netns.ip("link property del dev v0 altname a-name-of-more-than-fifteen-bytes")
        assert mirror.link("a-name-of-more-than-fifteen-bytes") is None
        netns.ip("link set v0 down")
        netns.ip("link set v0 name w0")
        assert mirror.link("v0") is None
        assert mirror.link("w0").ifindex == index


# ---- changes


def prefixes(updates: Sequence[Update]) -> list[tuple[str, str]]:
    return [(update.action, update.record.dst) for update in updates]


def test_changes_come_in_order_to_everyone(nl: pynl.Netlink) -> None:
    with nl.mirror("routes") as mirror:
        one, other = mirror.changes(timeout=0), mirror.changes(timeout=0)
        assert list(one) == []
        nl.routes.add(dst="10.1.0.0/16", gateway="192.0.2.9")
        nl.routes.add(dst="10.2.0.0/16", gateway="192.0.2.9")
        nl.routes.replace(dst="10.1.0.0/16", gateway="192.0.2.10")
        assert next(one).record.dst == "10.1.0.0/16"
        late = mirror.changes(timeout=0)
        nl.routes.delete(dst="10.2.0.0/16")
        told = [("new", "10.1.0.0/16"), ("new", "10.2.0.0/16"), ("change", "10.1.0.0/16"), ("del", "10.2.0.0/16")]
        seen = list(other)
        assert prefixes(seen) == told
        assert (seen[2].old.gateway, seen[2].record.gateway) == ("192.0.2.9", "192.0.2.10")
        assert prefixes(list(one)) == told[1:]
        assert prefixes(list(late)) == told[3:]
        one.close()
        nl.routes.add(dst="10.3.0.0/16", gateway="192.0.2.9")
        assert prefixes(list(other)) == [("new", "10.3.0.0/16")]
        assert not one.ready
        assert list(one) == []


def test_a_table_is_the_same_until_something_changes(nl: pynl.Netlink) -> None:
    with nl.mirror("routes", "links") as mirror:
        routes, links = mirror.table("routes"), mirror.table("links")
        assert mirror.table("routes") is routes
        nl.routes.add(dst="10.1.0.0/16", gateway="192.0.2.9")
        assert len(mirror.table("routes")) == len(routes) + 1
        assert mirror.table("links") is links


def test_a_loop_ends_after_its_timeout_and_may_be_begun_again(nl: pynl.Netlink) -> None:
    with nl.mirror("routes") as mirror:
        changes = mirror.changes(timeout=0.2)
        started = time.monotonic()
        assert list(changes) == []
        assert 0.15 < time.monotonic() - started < 2
        nl.routes.add(dst="10.1.0.0/16", gateway="192.0.2.9")
        assert prefixes(list(changes)) == [("new", "10.1.0.0/16")]


def test_waiting_until_something_is_true(nl: pynl.Netlink, netns: Namespace) -> None:
    with nl.mirror("routes", "links") as mirror:
        later = threading.Timer(0.2, lambda: netns.ip("route add 10.1.0.0/16 via 192.0.2.9"))
        later.start()
        route = mirror.wait(lambda mirror: mirror.lookup("10.1.0.1"), timeout=10)
        later.join()
        assert route.dst == "10.1.0.0/16"
        assert mirror.wait(lambda mirror: mirror.link("v0")).ifname == "v0"  # it is there
        with pytest.raises(TimeoutError, match=r"^what was waited for did not come within 0.1 s$"):
            mirror.wait(lambda mirror: mirror.lookup("10.2.0.1"), timeout=0.1)
        with pytest.raises(ZeroDivisionError):
            mirror.wait(lambda mirror: 1 / 0)


def test_what_cannot_be_asked(nl: pynl.Netlink) -> None:
    with pytest.raises(TypeError, match=r"^there is nothing called 'route'; did you mean 'routes'\?"):
        nl.mirror("route")
    with nl.mirror("links") as mirror:
        with pytest.raises(KeyError, match="'routes' is not copied, only links"):
            mirror.lookup("10.1.0.1")
        with pytest.raises(KeyError, match="'nosuch' is not copied, only links"):
            mirror.table("nosuch")
    with pytest.raises(ClosedError):
        mirror.table("links")
    mirror.close()
    with nl.mirror("routes") as mirror, pytest.raises(ValueError, match="nonsense"):
        mirror.lookup("nonsense")


# ---- several at once


def test_one_thread_waits_for_changes_while_another_reads(nl: pynl.Netlink) -> None:
    seen: list[Update] = []
    failed: list[BaseException] = []
    with nl.mirror("routes") as mirror:
        changes = mirror.changes()
        before = len(mirror.table("routes"))

        def follow() -> None:
            try:
                seen.extend(changes)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=follow)
        thread.start()
        for number in range(300):
            nl.routes.add(
                dst=f"10.{number}.0.0/16" if number < 256 else f"11.{number - 256}.0.0/16", gateway="192.0.2.9"
            )
            assert len(mirror.table("routes")) == before + number + 1
        until(lambda: len(seen) == 300)
        mirror.close()
        thread.join(10)
        assert not thread.is_alive()
        assert not failed
        assert len({update.record.dst for update in seen}) == 300


def test_closing_ends_a_loop_that_waits(nl: pynl.Netlink) -> None:
    mirror = nl.mirror("routes")
    ended: list[list[Update]] = []
    changes = mirror.changes()
    thread = threading.Thread(target=lambda: ended.append(list(changes)))
    thread.start()
    time.sleep(0.2)
    mirror.close()
    thread.join(10)
    assert ended == [[]]


def test_ctrl_c_ends_a_wait_and_leaves_the_mirror_as_it_was(nl: pynl.Netlink) -> None:
    with nl.mirror("routes") as mirror:
        changes = mirror.changes()
        timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            next(changes)
        timer.join()
        nl.routes.add(dst="10.1.0.0/16", gateway="192.0.2.9")
        assert next(changes).record.dst == "10.1.0.0/16"
        same(nl, mirror, ["routes"])


def test_ctrl_c_at_any_moment_loses_nothing(nl: pynl.Netlink) -> None:
    chance = random.Random(3)
    with nl.mirror("routes") as mirror:
        for round in range(25):
            nl.routes.add_many({"dst": [f"10.{round}.{n}.0/24" for n in range(200)], "gateway": "192.0.2.9"})
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.006))
            try:
                for _ in range(100):
                    mirror.table("routes")
                    time.sleep(0.0002)
            except KeyboardInterrupt:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            same(nl, mirror, ["routes"])


@pytest.mark.parametrize("how", ["announced", "read again"])
def test_ctrl_c_at_any_moment_loses_no_update(nl: pynl.Netlink, how: str) -> None:
    """Who applies the updates has what the mirror has, however often following was broken off."""
    chance = random.Random(how)
    interrupted = 0
    with nl.mirror("routes") as mirror:
        changes = mirror.changes(timeout=0)
        have = Counter(route.dst for route in changes.tables["routes"])
        for round in range(30):
            gone = round % 3 == 2  # those of the round before
            dsts = [f"10.{round - gone}.{n >> 8}.{n & 255}/32" for n in range(1500)]
            change = nl.routes.delete_many if gone else nl.routes.add_many
            assert change({"dst": dsts, "gateway": "192.0.2.9"}).done == 1500
            if how == "read again":
                nl.links.set("lo", ifalias=str(round))
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.02))
            while True:
                try:
                    mirror.table("routes")
                    break
                except KeyboardInterrupt:
                    interrupted += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            for update in changes:
                have[update.record.dst] += {"new": 1, "del": -1, "change": 0}[update.action]
            assert +have == Counter(route.dst for route in mirror.table("routes"))
    assert interrupted > 5


def test_what_changes_too_fast_is_put_off_and_told(nl: pynl.Netlink, caplog: pytest.LogCaptureFixture) -> None:
    with nl.mirror("routes") as mirror, caplog.at_level("WARNING", "pynl"):
        reads = 0

        def interrupted(kind: str) -> Any:
            nonlocal reads
            reads += 1
            raise pynl.DumpInterrupted(kind, [], 1)

        mirror._read = interrupted  # type: ignore[method-assign]
        nl.links.set("lo", ifalias="again")
        assert list(Changes(mirror, 1.5)) == []
        assert reads == 2  # at once, and after a second
        assert mirror.stale == {"routes"}
        assert "a mirror is not up to date: routes change too fast" in caplog.text
        with pytest.raises(pynl.DumpInterrupted):
            mirror.table("routes")


def test_a_closed_mirror_says_so(nl: pynl.Netlink) -> None:
    mirror = nl.mirror("links")
    changes = mirror.changes()
    mirror.close()
    assert list(changes) == []
    for asked in (mirror.changes, mirror.follow, lambda: mirror.wait(bool), lambda: mirror.table("links")):
        with pytest.raises(pynl.ClosedError):
            asked()
    with nl.mirror("links") as other:
        for wrong in (-1, float("nan"), "x"):
            with pytest.raises(ValueError, match="timeout"):
                other.changes(timeout=wrong)  # type: ignore[arg-type]


def test_a_child_has_no_mirror_though_a_thread_was_in_it(nl: pynl.Netlink) -> None:
    """The lock that the thread holds is not released in the child, where it does not exist."""
    with nl.mirror("routes") as mirror:
        done = threading.Event()

        def work() -> None:
            while not done.is_set():
                mirror.table("routes")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for _ in range(20):
                child = os.fork()
                if not child:
                    signal.alarm(0)
                    signal.signal(signal.SIGALRM, signal.SIG_DFL)
                    signal.alarm(5)
                    try:
                        mirror.table("routes")
                    except pynl.ClosedError:
                        os._exit(0)
                    os._exit(1)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            done.set()
            thread.join()


@pytest.fixture(autouse=True)
def _alarms() -> Iterator[None]:
    """An alarm is Ctrl-C."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_child_has_no_mirror_and_the_parent_goes_on(nl: pynl.Netlink) -> None:
    with nl.mirror("routes") as mirror:
        changes = mirror.changes(timeout=0)
        before = mirror.table("routes")
        child = os.fork()
        if not child:
            code = 1
            try:
                tries: list[Callable[[], Any]] = [
                    lambda: mirror.table("routes"),
                    lambda: mirror.lookup("10.1.0.1"),
                    mirror.follow,
                ]
                for attempt in tries:
                    try:
                        attempt()
                    except ClosedError:
                        continue
                    os._exit(2)
                code = 0 if len(list(before)) == len(before) else 3
                mirror.close()
            finally:
                sys.stdout.flush()
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        nl.routes.add(dst="10.1.0.0/16", gateway="192.0.2.9")
        assert prefixes(list(changes)) == [("new", "10.1.0.0/16")]
        same(nl, mirror, ["routes"])


def test_neighbours_are_followed_without_forwarding_entries_and_proxies(nl: pynl.Netlink, netns: Namespace) -> None:
    with nl.mirror("neighbours") as mirror:
        changes = mirror.changes(timeout=0)
        netns.ip("neigh add 192.0.2.50 lladdr 02:00:00:00:00:50 dev v0 nud permanent")
        netns.ip("neigh add proxy 192.0.2.60 dev v0")
        netns.ip("link add br0 type bridge")
        netns.ip("link set v1 master br0")
        netns.bridge("fdb add 02:00:00:00:00:71 dev v1 master static")
        netns.ip("neigh del 192.0.2.50 dev v0")
        seen = [(update.action, update.record.dst) for update in changes if update.record.family == 2]
        assert seen == [("new", "192.0.2.50"), ("change", "192.0.2.50"), ("del", "192.0.2.50")]  # it fails first
        assert all(entry.family in NEIGHBOURS.announced for entry in mirror.table("neighbours"))


def test_a_snapshot_of_forwarding_entries_hears_of_them(nl: pynl.Netlink, netns: Namespace) -> None:
    netns.ip("link add br0 type bridge")
    netns.ip("link set v1 master br0")
    with nl.neighbours.watching({"family": 7}) as monitor:
        netns.bridge("fdb add 02:00:00:00:00:71 dev v1 master static")
        assert [event.record.lladdr for event in monitor.batch(5)] == ["02:00:00:00:00:71"]
    assert [entry.lladdr for entry in nl.neighbours.snapshot(family=7)].count("02:00:00:00:00:71") == 1
    with pytest.raises(TypeError, match="cannot filter by family"):
        nl.links.snapshot(family=7)
