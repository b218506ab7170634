"""SR-IOV virtual functions of a link: IFLA_VFINFO_LIST (linux/if_link.h)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fields import attribute, many, member, nest, pad, struct
from ..kinds import BE16, BYTES, HARDWARE, U32, U64, enum, fixed
from ..schema import Record
from .kindconstants import VlanProtocol
from .linkconstants import VfLinkState


class VfMac(Record, struct="ifla_vf_mac"):
    """A VF's hardware address, padded with zeros."""

    vf = member(U32)
    mac = member(fixed(HARDWARE, 32))


class VfVlan(Record, struct="ifla_vf_vlan"):
    """A VF's VLAN; 0: none."""

    vf = member(U32)
    vlan = member(U32)
    qos = member(U32)


class VfVlanInfo(Record, struct="ifla_vf_vlan_info"):
    """One of a VF's VLANs, with the ethertype of its tag."""

    vf = member(U32)
    vlan = member(U32)
    qos = member(U32)
    vlan_proto = member(enum(BE16, VlanProtocol))
    _pad = pad(2)


class VfTxRate(Record, struct="ifla_vf_tx_rate"):
    """Most that a VF may send, in Mbit/s; 0: no limit."""

    vf = member(U32)
    rate = member(U32)


class VfRate(Record, struct="ifla_vf_rate"):
    """Least and most that a VF may send, in Mbit/s."""

    vf = member(U32)
    min_tx_rate = member(U32)
    max_tx_rate = member(U32)


class VfSetting(Record, struct="ifla_vf_spoofchk"):
    """A switch; struct ifla_vf_rss_query_en and ifla_vf_trust are the same. 2**32 - 1: the driver has none."""

    vf = member(U32)
    setting = member(U32)


class VfLink(Record, struct="ifla_vf_link_state"):
    """Whether a VF's link is up."""

    vf = member(U32)
    link_state = member(enum(U32, VfLinkState))


class VfGuid(Record, struct="ifla_vf_guid"):
    """An InfiniBand GUID of a VF."""

    vf = member(U32)
    _pad = pad(4)
    guid = member(U64)


class VfStats(Record, prefix="IFLA_VF_STATS_"):
    """Counters of a VF (since 4.2)."""

    rx_packets = attribute(0, U64)
    tx_packets = attribute(1, U64)
    rx_bytes = attribute(2, U64)
    tx_bytes = attribute(3, U64)
    broadcast = attribute(4, U64)
    multicast = attribute(5, U64)
    pad = attribute(6, BYTES)
    rx_dropped = attribute(7, U64)
    tx_dropped = attribute(8, U64)


class VfVlanList(Record, prefix="IFLA_VF_VLAN_"):
    """IFLA_VF_VLAN_LIST."""

    info = many(1, struct(VfVlanInfo))


class VfInfo(Record, prefix="IFLA_VF_"):
    """A virtual function, as the physical one sees it."""

    mac = attribute(1, struct(VfMac))
    vlan = attribute(2, struct(VfVlan))
    tx_rate = attribute(3, struct(VfTxRate))
    spoofchk = attribute(4, struct(VfSetting))
    link_state = attribute(5, struct(VfLink))
    rate = attribute(6, struct(VfRate))
    rss_query_en = attribute(7, struct(VfSetting))
    stats = attribute(8, nest(VfStats))
    trust = attribute(9, struct(VfSetting))
    ib_node_guid = attribute(10, struct(VfGuid))
    ib_port_guid = attribute(11, struct(VfGuid))
    vlan_list = attribute(12, nest(VfVlanList))
    broadcast = attribute(13, HARDWARE)


class VfInfoList(Record, prefix="IFLA_VF_"):
    """IFLA_VFINFO_LIST."""

    info = many(1, nest(VfInfo))


def vf_settings(settings: Any) -> dict[str, Any]:
    """What a caller sets of virtual functions, as the kernel takes it: with its number in each setting.

    Args:
        settings: number -> field of VfInfo -> the members of its struct, or the one that is not the number.
    """
    if not isinstance(settings, Mapping) or not all(isinstance(told, Mapping) for told in settings.values()):
        raise TypeError(f"vf: expected a mapping of numbers to mappings of what to set, not {settings!r}")
    for told in settings.values():
        VfInfo.known(told)
    return {"info": [{n: _numbered(vf, n, value) for n, value in told.items()} for vf, told in settings.items()]}


def _numbered(vf: Any, name: str, value: Any) -> Any:
    record = VfInfo.FIELDS[name].kind.record
    if record is VfVlanList:
        return {"info": [{"vf": vf, **item} for item in (value["info"] if isinstance(value, Mapping) else value)]}
    if record is None or "vf" not in record.FIELDS or isinstance(value, Record):
        return value
    if isinstance(value, Mapping):
        return {"vf": vf, **value}
    return {"vf": vf, record.MEMBERS[1].name: int(value) if isinstance(value, bool) else value}
