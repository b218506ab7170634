"""The service of links: reading, making, setting and moving network devices (linux/rtnetlink.h, linux/if_link.h)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..bulk import Progress, Report
from ..devices import IFNAMSIZ
from ..errors import NetlinkError
from ..family import Family
from ..following import Following
from ..kinds import TEXT
from ..netns import Descriptor, open_netns
from ..outcome import Carried
from ..rows import saved_columns
from ..schema import Record, nearest, writable
from ..verbs import Verbs
from .constants import AddressFamily, ExtFilter, Group, MessageType
from .kindconstants import BridgeFlags
from .kindconstants import BridgeVlanFlags as Vlan
from .link import Link, given
from .linkkinds import LINK_KINDS
from .linkrestore import restore, undo
from .vf import vf_settings

#: What RTM_NEWLINK takes; everything else of a link only the kernel tells.
_SENT = frozenset(
    [
        "type",
        "ifindex",
        "flags",
        "change",
        "address",
        "broadcast",
        "ifname",
        "mtu",
        "link",
        "master",
        "txqlen",
        "linkmode",
        "linkinfo",
        "kind",
        "ifalias",
        "group",
        "num_tx_queues",
        "num_rx_queues",
        "gso_max_segs",
        "gso_max_size",
        "gro_max_size",
        "gso_ipv4_max_size",
        "gro_ipv4_max_size",
        "proto_down",
        "net_ns_fd",
        "net_ns_pid",
        "target_netnsid",
        "link_netnsid",
        "new_ifindex",
        "vfinfo_list",
    ]
)

LINKS = Family(
    name="links",
    record=Link,
    new=MessageType.RTM_NEWLINK,
    delete=MessageType.RTM_DELLINK,
    get=MessageType.RTM_GETLINK,
    protocols=(AddressFamily.AF_UNSPEC,),
    pushed={"master": "master", "kind": "kind"},
    volatile=frozenset(Link.FIELDS) - _SENT,
    sent={"address": given, "linkinfo": writable},
    identity=frozenset({"ifindex", "ifname"}),
    groups=(Group.RTNLGRP_LINK,),
    announced=(AddressFamily.AF_UNSPEC,),  # AF_BRIDGE: what is a bridge's port, and no longer one
    fresh=("change", 2**32 - 1),
    key=lambda link: link.ifname,
    part=lambda request: None if request.ifname else lambda link: request.ifindex in (0, link.ifindex),
    following=Following(
        key=("ifindex",),
        silent=frozenset(
            {"change", "event", "ext_mask", "stats", "stats64", "af_spec", "tso_max_size", "tso_max_segs"}
        ),
        own=lambda link: link.family == AddressFamily.AF_UNSPEC and link.wireless is None,
    ),
)
#: What is restored takes more than one message.
_RESTORED = replace(LINKS, volatile=LINKS.volatile - {"af_spec", "prop_list"}, sent={})


class Links(Verbs[Link]):
    """The network devices of a namespace.

    Their dumps take ``ext_mask`` beside filters: an ExtFilter with what else to tell than the link itself (its virtual
    functions, unless it says otherwise), or what to leave out, such as IPv6's counters. ``family=AF_BRIDGE`` asks for
    the ports of bridges and their VLANs.

    Writing takes, beside the fields of a link: ``up``; the options of its kind by their names (``id=42`` of a VXLAN),
    or as ``data={...}`` where a link has a field of that name; ``slave_data={...}``, its options as a port of its
    master; ``netns``, where it is to go; of a pair ``peer={...}`` (``peer_info`` of a netkit), the other link, which
    may have all these too but ``up``; and ``vf={0: {"vlan": 7, "trust": True}}``, settings of virtual functions by
    their numbers, named as in VfInfo: each the members of its struct, or the one that counts. The kernel takes no
    ``ifalias`` of a link that it makes: :meth:`set` gives it one.
    """

    FAMILY = LINKS

    def _options(self, filters: dict[str, Any]) -> Mapping[str, Any]:
        return {"ext_mask": filters.pop("ext_mask", ExtFilter.RTEXT_FILTER_VF)}

    def _wanted(self, filters: Mapping[str, Any]) -> Callable[[Link], bool]:
        if filters.get("family"):
            raise TypeError("a snapshot of links cannot filter by family: announcements do not tell all of a port")
        return super()._wanted(filters)

    def get(self, device: Any, *, ext_mask: ExtFilter = ExtFilter.RTEXT_FILTER_VF) -> Link:
        """One link.

        Args:
            device: its name, an alternative name, or its index.
            ext_mask: as :meth:`dump`.

        Raises:
            NetlinkError: ENODEV: there is none.
        """
        try:
            return self._ask(Link(**self._named(device), ext_mask=ext_mask))
        except NetlinkError as error:
            said = error.message or f"no device {device!r}"
            raise NetlinkError(error.errno or 0, said, attribute=error.attribute, request=error.request) from None

    @staticmethod
    def _named(device: Any) -> Mapping[str, Any]:
        """What tells a request which link is meant."""
        if isinstance(device, str):
            return {"ifname" if len(TEXT.dump(device)) <= IFNAMSIZ else "alt_ifname": device}
        index = operator.index(device)
        if index <= 0:
            raise ValueError(f"device: expected a name or a positive index, not {device!r}")
        return {"ifindex": index}

    def set(self, device: Any, /, **values: Any) -> None:
        """Changes a link that is there.

        Args:
            device: its name or index.
            values: as for :meth:`add`. The kind need not be told for its options, nor that of its master.

        Raises:
            NetlinkError: ENODEV: there is none; otherwise why the kernel refused it.
            TypeError, ValueError: as :meth:`add`.
        """
        index = self._index("device", device)
        kinds = {"data", "slave_data"} & values.keys() or [n for n in values if n not in Link.FIELDS and n not in _OWN]
        if kinds and "kind" not in values:
            info = self.get(index).linkinfo
            known = {"kind": info and info.kind, "slave_kind": info and info.slave_kind}
            wanted = ("slave_kind",) if kinds == {"slave_data"} else ("kind", "slave_kind")
            if "slave_data" in values and not known["slave_kind"] and "slave_kind" not in values:
                raise TypeError(f"slave_data: {device!r} is no port yet: first it has to get its master")
            values = {**{name: known[name] for name in wanted if known[name]}, **values}
        self._change("set", None, {**values, "ifindex": index})

    def delete(self, device: Any = None, /, **values: Any) -> None:
        """Removes a link.

        Args:
            device: its name or index, or a record of it.
            values: otherwise what tells it, such as ``ifname``, or ``group`` for all links of a group.

        Raises:
            NetlinkError: ENODEV: there is none; EOPNOTSUPP: it is no virtual one.
        """
        if isinstance(device, Link):
            device = device.ifindex
        named = {} if device is None else self._named(device)
        self._change("delete", None, {**named, **values})

    def restore(self, objects: Any, /, *, progress: Progress | None = None) -> Report:
        """Makes the links of a table that was read, or saved and read back, as they were.

        The two ends of a pair are made together, and what stands on others after them; then ports get their masters,
        everything gets its settings, and what was up comes up. A link keeps its index where that is free; otherwise
        those that name it are given its new one. A link of the same name and kind that is there already, such as the
        loopback, is not made but set as it was. Nothing is removed.

        Not restored is what the dump of links does not tell: keys of WireGuard and MACsec, VLANs of bridges, sysctls,
        queueing disciplines, programs; and what only the kernel decides, such as operational states and counters. A
        pair whose other end is elsewhere, tun and tap devices and real ones that are missing are failures.

        Args:
            objects: as for the other services.
            progress: as for :meth:`add_many`, of the links that have to be made.

        Returns:
            What became of each: a link may have several failures, each with what it is that could not be set. It is
            found out by reading the links again.

        Raises:
            as :meth:`add_many`.
        """
        self._not_collected("restore")
        values = saved_columns(_RESTORED, objects)
        rows = (zip(values, row, strict=True) for row in zip(*values.values(), strict=True))
        links = [Link(**{name: value for name, value in row if value is not None}) for row in rows]
        for number, link in enumerate(links):
            if link.ifname is None:
                raise ValueError(f"ifname: row {number} has none")
        return restore(self, links, progress)

    def undo(self, carried: Carried, before: Mapping[Hashable, Link]) -> tuple[Sequence[int], Carried]:
        """As :meth:`pynl.outcome.Objects.undo`."""
        return undo(self, carried, before)

    def add_altnames(self, device: Any, *names: str) -> None:
        """Gives a link alternative names, of up to 127 bytes (since 5.5)."""
        self._property("add", MessageType.RTM_NEWLINKPROP, device, names)

    def delete_altnames(self, device: Any, *names: str) -> None:
        """Takes alternative names from a link (since 5.5)."""
        self._property("delete", MessageType.RTM_DELLINKPROP, device, names)

    def _property(self, verb: str, type: MessageType, device: Any, names: Sequence[str]) -> None:
        wanted = Link(ifindex=self._index("device", device), prop_list={"alt_ifname": names})
        self._send(verb, type, wanted)

    def add_vlan(
        self, device: Any, vid: int, last: int | None = None, *, pvid: bool = False, untagged: bool = False
    ) -> None:
        """Lets a bridge's port, or the bridge itself, carry a VLAN or a range of them.

        Args:
            device: the port or the bridge.
            vid: the VLAN, 1 to 4094.
            last: the end of a range that ``vid`` begins.
            pvid: what comes untagged is in it.
            untagged: what leaves is untagged.
        """
        flags = Vlan.BRIDGE_VLAN_INFO_PVID * pvid | Vlan.BRIDGE_VLAN_INFO_UNTAGGED * untagged
        self._vlan("set", MessageType.RTM_SETLINK, device, vid, last, flags)

    def delete_vlan(self, device: Any, vid: int, last: int | None = None) -> None:
        """Takes a VLAN, or a range of them, from a bridge's port or from the bridge itself. As :meth:`add_vlan`."""
        self._vlan("delete", MessageType.RTM_DELLINK, device, vid, last, 0)

    def _vlan(self, verb: str, type: MessageType, device: Any, vid: int, last: int | None, flags: int) -> None:
        ends = [(vid, flags)]
        if last is not None:
            begin, end = Vlan.BRIDGE_VLAN_INFO_RANGE_BEGIN, Vlan.BRIDGE_VLAN_INFO_RANGE_END
            ends = [(vid, flags | begin), (last, flags | end)]
        link = self.get(device)
        spec: dict[str, Any] = {"vlan_info": [{"vid": number, "flags": flag} for number, flag in ends]}
        if link.kind == "bridge":  # otherwise the port's master is meant
            spec["flags"] = BridgeFlags.BRIDGE_FLAGS_SELF
        self._send(verb, type, Link(family=AddressFamily.AF_BRIDGE, ifindex=link.ifindex, af_spec=spec))

    # ---- arguments

    def _arguments(self, values: Mapping[str, Any], keep: list[Descriptor]) -> Mapping[str, Any]:
        plain = (Link.FIELDS.keys() | {"up"}) - {"kind"}
        made = {name: value for name, value in values.items() if name in plain}
        rest = {name: value for name, value in values.items() if name not in plain}
        if "netns" in rest:
            made["net_ns_fd"] = self._moved(rest.pop("netns"), keep)
        if "vf" in rest:
            if made.get("vfinfo_list") is not None:
                raise TypeError("vf: vfinfo_list tells it already")
            made["vfinfo_list"] = vf_settings(rest.pop("vf"))
        info: dict[str, Any] = {name: rest.pop(name) for name in ("kind", "slave_kind", "slave_data") if name in rest}
        data = rest.pop("data", {})
        if rest:
            if not isinstance(data, Mapping):
                raise TypeError(f"data: expected a mapping beside {', '.join(rest)}, not {data!r}")
            data = {**self._kind_options(info.get("kind"), rest), **data}
        for name in ("peer", "peer_info"):  # the latter of a netkit
            if isinstance(data, Mapping) and isinstance(data.get(name), Mapping):
                data = {**data, name: self._arguments(data[name], keep)}
        if data:
            info["data"] = data
        if info:
            if made.get("linkinfo") is not None:
                raise TypeError(f"linkinfo: it tells {', '.join(info)} already")
            made["linkinfo"] = info
        return made

    @staticmethod
    def _kind_options(kind: Any, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments that are no fields of a link: those of its kind."""
        options: type[Record] | None = LINK_KINDS.get(kind)
        known = [*(options.FIELDS if options else ()), *Link.FIELDS, *_OWN]
        for name in values:
            if not options or name not in options.FIELDS:
                what = f"a link of kind {kind!r}" if kind else "a link"
                raise TypeError(f"{what} has no field {name!r}{nearest(name, known)}")
        return values

    @staticmethod
    def _moved(netns: Any, keep: list[Descriptor]) -> int:
        keep.append(Descriptor(open_netns(netns)))
        return keep[-1].number


#: Arguments of links that are no fields of theirs.
_OWN = frozenset({"up", "netns", "data", "slave_kind", "slave_data", "vf"})
