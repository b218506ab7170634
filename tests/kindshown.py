"""What iproute2 makes of a link's data: its keys, where they are not a field's name, and its way to write values."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from pynl.rtnl import kindconstants as k

Names = Mapping[int, str]
#: ip's key -> what it shows of a record, given the devices' names by index.
Keys = Mapping[str, Callable[[Any, Names], Any]]


def named(field: str) -> Callable[[Any, Names], Any]:
    return lambda data, names: getattr(data, field)


def device(field: str) -> Callable[[Any, Names], Any]:
    return lambda data, names: names[getattr(data, field)]


def hexed(field: str) -> Callable[[Any, Names], Any]:
    return lambda data, names: f"{getattr(data, field):#x}" if getattr(data, field) else "0"


def dotted(field: str) -> Callable[[Any, Names], Any]:
    return lambda data, names: str(ipaddress.IPv4Address(getattr(data, field)))


def address(field: str) -> Callable[[Any, Names], Any]:
    """Of a tunnel's end that is not told, ip says any."""
    return lambda data, names: {"0.0.0.0": "any", None: "any"}.get(getattr(data, field), getattr(data, field))


def choice(field: str, *words: str | None) -> Callable[[Any, Names], Any]:
    """A word by number."""
    return lambda data, names: words[getattr(data, field)]


def bit(field: str, flag: int) -> Callable[[Any, Names], Any]:
    return lambda data, names: bool(getattr(data, field) & flag)


def bridge_id(field: str) -> Callable[[Any, Names], Any]:
    """ip prints the priority, and the address without leading zeros."""

    def show(data: Any, names: Names) -> str:
        value = getattr(data, field)
        return f"{value.prio:04x}." + ":".join(f"{int(part, 16):x}" for part in value.addr.split(":"))

    return show


def bridge_option(number: int) -> Callable[[Any, Names], Any]:
    return lambda data, names: data.multi_boolopt.optval >> number & 1


def encap(data: Any, names: Names) -> Mapping[str, Any]:
    return {
        "type": {0: "none", 1: "fou", 2: "gue"}[data.encap_type],
        "sport": data.encap_sport,
        "dport": data.encap_dport,
        "csum": bool(data.encap_flags & 1),
        "csum6": bool(data.encap_flags & 2),
        "remcsum": bool(data.encap_flags & 4),
    }


def vlan_protocol(field: str) -> Callable[[Any, Names], Any]:
    return lambda data, names: {0x8100: "802.1Q", 0x88A8: "802.1ad"}[getattr(data, field)]


def qos(field: str) -> Callable[[Any, Names], Any]:
    return lambda data, names: [{"from": pair.from_, "to": pair.to} for pair in getattr(data, field).mapping]


def flag_words(flags: Any, prefix: str) -> list[str]:
    return [member.name.removeprefix(prefix) for member in type(flags) if member & flags]


LACP = ("active", "short_timeout", "aggregating", "in_sync", "collecting", "distributing", "defaulted", "expired")


def lacp(field: str) -> Callable[[Any, Names], Any]:
    return lambda data, names: [
        LACP[member.bit_length() - 1] for member in k.LacpState if member & getattr(data, field)
    ]


DF = choice("df", "unset", "set", "inherit")
MACVLAN_MODES = {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"}
MACSEC_SUITES = ("GCM-AES-128", "GCM-AES-256", "GCM-AES-XPN-128", "GCM-AES-XPN-256")
VLAN_FLAGS = ("REORDER_HDR", "GVRP", "MVRP", "LOOSE_BINDING", "BRIDGE_BINDING")  # in ip's order
CAN_MODES = {k.CanMode.CAN_CTRLMODE_LOOPBACK: "LOOPBACK", k.CanMode.CAN_CTRLMODE_LISTENONLY: "LISTEN-ONLY"}
PROTOCOLS = {0: "any", 4: "ipip", 41: "ip6ip"}
PROTOCOLS6 = {0: "any", 4: "ipip6", 41: "ip6ip6"}

BOND: Keys = {
    "mode": choice(
        "mode", "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"
    ),
    "peer_notify_delay": named("peer_notif_delay"),
    "arp_missed_max": named("missed_max"),
    "arp_ip_target": lambda data, names: list(data.arp_ip_target),
    "ns_ip6_target": lambda data, names: list(data.ns_ip6_target),
    "arp_validate": choice("arp_validate", None, "active", "backup", "all"),
    "arp_all_targets": choice("arp_all_targets", "any", "all"),
    "primary": device("primary"),
    "primary_reselect": choice("primary_reselect", "always", "better", "failure"),
    "fail_over_mac": choice("fail_over_mac", "none", "active", "follow"),
    "xmit_hash_policy": choice(
        "xmit_hash_policy", "layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"
    ),
    "ad_lacp_active": choice("ad_lacp_active", "off", "on"),
    "ad_lacp_rate": choice("ad_lacp_rate", "slow", "fast"),
    "ad_select": choice("ad_select", "stable", "bandwidth", "count"),
    "ad_info": lambda data, names: data.ad_info.asdict(),
}
BRIDGE: Keys = {
    "vlan_protocol": vlan_protocol("vlan_protocol"),
    "bridge_id": bridge_id("bridge_id"),
    "root_id": bridge_id("root_id"),
    "group_fwd_mask": hexed("group_fwd_mask"),
    "no_linklocal_learn": bridge_option(0),
    "mcast_vlan_snooping": bridge_option(1),
}
GRE: Keys = {
    "link": device("link"),
    "remote": address("remote"),
    "local": address("local"),
    "tos": hexed("tos"),
    "ikey": dotted("ikey"),
    "okey": dotted("okey"),
    "iseq": bit("iflags", k.GreFlags.GRE_SEQ),
    "oseq": bit("oflags", k.GreFlags.GRE_SEQ),
    "icsum": bit("iflags", k.GreFlags.GRE_CSUM),
    "ocsum": bit("oflags", k.GreFlags.GRE_CSUM),
    "fwmark": hexed("fwmark"),
    "encap": encap,
    "external": named("collect_metadata"),
    "tclass": lambda data, names: f"0x{data.flowinfo >> 20 & 0xFF:02x}",
    "flowlabel": lambda data, names: f"0x{data.flowinfo & 0xFFFFF:05x}",
    "erspan_dir": choice("erspan_dir", "ingress", "egress"),
    "erspan_hwid": hexed("erspan_hwid"),
    "proto": lambda data, names: PROTOCOLS[data.proto],
    **{flag.name.lower(): bit("flags", flag) for flag in k.Ip6TunnelFlags if flag.name},
}
IPTUN: Keys = {
    **GRE,
    "prefix": named("sixrd_prefix"),
    "prefixlen": named("sixrd_prefixlen"),
    "relay_prefix": named("sixrd_relay_prefix"),
    "relay_prefixlen": named("sixrd_relay_prefixlen"),
    "isatap": bit("flags", 1),
}
UDP: Keys = {
    "link": device("link"),
    "tos": hexed("tos"),
    "label": hexed("label"),
    "df": DF,
    "external": named("collect_metadata"),
    "port_range": lambda data, names: data.port_range.asdict(),
}
MACVLAN: Keys = {
    "mode": lambda data, names: MACVLAN_MODES[data.mode],
    "nopromisc": bit("flags", k.MacvlanFlags.MACVLAN_FLAG_NOPROMISC),
    "bcqueuelen": named("bc_queue_len"),
    "usedbcqueuelen": named("bc_queue_len_used"),
    "macaddr_data": lambda data, names: list(data.macaddr_data.macaddr),
}
IPVLAN: Keys = {
    "mode": choice("mode", "l2", "l3", "l3s"),
    "private": bit("flags", k.IpvlanFlags.IPVLAN_F_PRIVATE),
    "vepa": bit("flags", k.IpvlanFlags.IPVLAN_F_VEPA),
}
CAN: Keys = {
    "state": choice("state", "ERROR-ACTIVE", "ERROR-WARNING", "ERROR-PASSIVE", "BUS-OFF", "STOPPED", "SLEEPING"),
    "ctrlmode": lambda data, names: [CAN_MODES[mode] for mode in CAN_MODES if mode & data.ctrlmode.flags],
    "ctrlmode_supported": lambda data, names: [CAN_MODES[m] for m in CAN_MODES if m & data.ctrlmode_ext.supported],
    "bittiming_bitrate": lambda data, names: data.bittiming.bitrate,
    "bitrate_const": lambda data, names: list(data.bitrate_const),
    "clock": lambda data, names: data.clock.freq,
}

#: Kind -> ip's keys of its data that are not the name of a field with the same value.
DATA: Mapping[str, Keys] = {
    "bond": BOND,
    "bridge": BRIDGE,
    "can": CAN,
    "erspan": GRE,
    "geneve": UDP,
    "gre": GRE,
    "gretap": GRE,
    "gtp": {"role": choice("role", "ggsn", "sgsn"), "hsize": named("pdp_hashsize")},
    "hsr": {"slave1": device("slave1"), "slave2": device("slave2"), "proto": named("protocol")},
    "ip6erspan": GRE,
    "ip6gre": GRE,
    "ip6gretap": GRE,
    "ip6tnl": {**GRE, "proto": lambda data, names: PROTOCOLS6[data.proto]},
    "ipip": IPTUN,
    "ipvlan": IPVLAN,
    "ipvtap": IPVLAN,
    "macsec": {
        "sci": lambda data, names: f"{data.sci:016x}",
        "cipher_suite": lambda data, names: MACSEC_SUITES[(data.cipher_suite & 0xFF) - 1],
        "validation": choice("validation", "disabled", "check", "strict"),
        "offload": choice("offload", "off", "phy", "mac"),
    },
    "macvlan": MACVLAN,
    "macvtap": MACVLAN,
    "sit": IPTUN,
    "tun": {
        "type": choice("type", "", "tun", "tap"),
        "user": named("owner"),
        "numqueues": named("num_queues"),
        "numdisabled": named("num_disabled_queues"),
    },
    "vlan": {
        "protocol": vlan_protocol("protocol"),
        "flags": lambda data, names: [
            word for word in VLAN_FLAGS if word in flag_words(data.flags.flags, "VLAN_FLAG_")
        ],
        "ingress_qos": qos("ingress_qos"),
        "egress_qos": qos("egress_qos"),
    },
    "vti": GRE,
    "vti6": GRE,
    "vxlan": {**UDP, "remote": named("group"), "remote6": named("group6")},
    "xfrm": {"if_id": hexed("if_id"), "external": named("collect_metadata")},
}

#: Kind of a master -> the same of what it tells of a port.
PORT_DATA: Mapping[str, Keys] = {
    "bond": {
        "state": choice("state", "ACTIVE", "BACKUP"),
        "mii_status": choice("mii_status", "UP", "GOING_DOWN", "DOWN", "GOING_BACK"),
        "ad_actor_oper_port_state_str": lacp("ad_actor_oper_port_state"),
        "ad_partner_oper_port_state_str": lacp("ad_partner_oper_port_state"),
    },
    "bridge": {
        "state": choice("state", "disabled", "listening", "learning", "forwarding", "blocking"),
        "hairpin": named("mode"),
        "root_block": named("protect"),
        "fastleave": named("fast_leave"),
        "flood": named("unicast_flood"),
        "id": hexed("id"),
        "no": hexed("no"),
        "bridge_id": bridge_id("bridge_id"),
        "root_id": bridge_id("root_id"),
        "proxy_arp": named("proxyarp"),
        "proxy_arp_wifi": named("proxyarp_wifi"),
        "mcast_to_unicast": named("mcast_to_ucast"),
        "group_fwd_mask": hexed("group_fwd_mask"),
        "group_fwd_mask_str": lambda data, names: f"{data.group_fwd_mask:#x}",
    },
}

#: Timers run on between two readings.
TIMERS = {"hello_timer", "tcn_timer", "topology_change_timer", "gc_timer"}
TIMERS |= {"hold_timer", "message_age_timer", "forward_delay_timer"}


def shown(keys: Keys, data: Any, said: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """What ip should have said of data, by the keys that it said something of; but timers."""
    return {key: keys[key](data, names) if key in keys else getattr(data, key) for key in said.keys() - TIMERS}
