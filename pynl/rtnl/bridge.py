"""Bridges and bonds, and the ports of both: linux/if_link.h, linux/if_bridge.h, linux/if_bonding.h.

Times are in 1/100 s (USER_HZ) for bridges, in milliseconds for bonds.
"""

from __future__ import annotations

from typing import Any

from ..fields import attribute, many, member, nest, never, struct, unless
from ..kinds import BE16, BYTES, DEVICE, FLAG, HARDWARE, IP, S32, U8, U16, U32, U64, enum, fixed, flags, indexed
from ..schema import Record
from .kindconstants import (
    BondLink,
    BondMode,
    BondState,
    BondXmitPolicy,
    BridgeFlags,
    BridgeMode,
    BridgePortState,
    BridgeStpMode,
    BridgeVlanFlags,
    LacpState,
    MulticastRouter,
    VlanProtocol,
)


class BridgeId(Record, struct="ifla_bridge_id"):
    """An 802.1D bridge identifier; the priority is in network byte order (__u8 prio[2] in C)."""

    prio = member(BE16)
    addr = member(fixed(HARDWARE, 6))


class BridgeOptions(Record, struct="br_boolopt_multi"):
    """Switches of a bridge: bit n is the option br_boolopt_id n (linux/if_bridge.h, since 5.0)."""

    optval = member(U32)
    optmask = member(U32)


def _switched(value: Any, record: Any) -> Any:
    """Some kernels refuse to be told of switches that they do not have, even that these are off."""
    return value if value and value.optval else None


class BridgeQuerier(Record, prefix="BRIDGE_QUERIER_"):
    """IFLA_BR_MCAST_QUERIER_STATE: who asks for multicast memberships (since 5.15)."""

    ip_address = attribute(1, IP)
    ip_port = attribute(2, DEVICE)
    ip_other_timer = attribute(3, U64)
    pad = attribute(4, BYTES)
    ipv6_address = attribute(5, IP)
    ipv6_port = attribute(6, DEVICE)
    ipv6_other_timer = attribute(7, U64)


class Bridge(Record, prefix="IFLA_BR_"):
    """A bridge."""

    forward_delay = attribute(1, U32)
    hello_time = attribute(2, U32)
    max_age = attribute(3, U32)
    ageing_time = attribute(4, U32)
    stp_state = attribute(5, U32)
    priority = attribute(6, U16)
    vlan_filtering = attribute(7, U8, sent=unless(0))
    vlan_protocol = attribute(8, enum(BE16, VlanProtocol))
    group_fwd_mask = attribute(9, U16)
    root_id = attribute(10, struct(BridgeId), sent=never)
    bridge_id = attribute(11, struct(BridgeId), sent=never)
    root_port = attribute(12, U16, sent=never)
    root_path_cost = attribute(13, U32, sent=never)
    topology_change = attribute(14, U8, sent=never)
    topology_change_detected = attribute(15, U8, sent=never)
    hello_timer = attribute(16, U64, sent=never)
    tcn_timer = attribute(17, U64, sent=never)
    topology_change_timer = attribute(18, U64, sent=never)
    gc_timer = attribute(19, U64, sent=never)
    group_addr = attribute(20, HARDWARE)
    #: Sent only; that it is there counts, not what is in it.
    fdb_flush = attribute(21, BYTES)
    mcast_router = attribute(22, enum(U8, MulticastRouter))
    mcast_snooping = attribute(23, U8)
    mcast_query_use_ifaddr = attribute(24, U8)
    mcast_querier = attribute(25, U8)
    mcast_hash_elasticity = attribute(26, U32)
    mcast_hash_max = attribute(27, U32)
    mcast_last_member_cnt = attribute(28, U32)
    mcast_startup_query_cnt = attribute(29, U32)
    mcast_last_member_intvl = attribute(30, U64)
    mcast_membership_intvl = attribute(31, U64)
    mcast_querier_intvl = attribute(32, U64)
    mcast_query_intvl = attribute(33, U64)
    mcast_query_response_intvl = attribute(34, U64)
    mcast_startup_query_intvl = attribute(35, U64)
    nf_call_iptables = attribute(36, U8)
    nf_call_ip6tables = attribute(37, U8)
    nf_call_arptables = attribute(38, U8)
    vlan_default_pvid = attribute(39, U16)
    pad = attribute(40, BYTES)
    vlan_stats_enabled = attribute(41, U8)
    mcast_stats_enabled = attribute(42, U8)
    mcast_igmp_version = attribute(43, U8)
    mcast_mld_version = attribute(44, U8)
    vlan_stats_per_port = attribute(45, U8)
    multi_boolopt = attribute(46, struct(BridgeOptions), sent=_switched)
    mcast_querier_state = attribute(47, nest(BridgeQuerier), nested=True, sent=never)
    fdb_n_learned = attribute(48, U32, sent=never)
    fdb_max_learned = attribute(49, U32)
    stp_mode = attribute(50, enum(U32, BridgeStpMode))


class BridgePort(Record, prefix="IFLA_BRPORT_"):
    """A port of a bridge."""

    state = attribute(1, enum(U8, BridgePortState), sent=never)
    priority = attribute(2, U16)
    cost = attribute(3, U32)
    mode = attribute(4, U8)
    guard = attribute(5, U8)
    protect = attribute(6, U8)
    fast_leave = attribute(7, U8)
    learning = attribute(8, U8)
    unicast_flood = attribute(9, U8)
    proxyarp = attribute(10, U8)
    learning_sync = attribute(11, U8)
    proxyarp_wifi = attribute(12, U8)
    root_id = attribute(13, struct(BridgeId), sent=never)
    bridge_id = attribute(14, struct(BridgeId), sent=never)
    designated_port = attribute(15, U16, sent=never)
    designated_cost = attribute(16, U16, sent=never)
    id = attribute(17, U16, sent=never)
    no = attribute(18, U16, sent=never)
    topology_change_ack = attribute(19, U8, sent=never)
    config_pending = attribute(20, U8, sent=never)
    message_age_timer = attribute(21, U64, sent=never)
    forward_delay_timer = attribute(22, U64, sent=never)
    hold_timer = attribute(23, U64, sent=never)
    flush = attribute(24, FLAG)
    multicast_router = attribute(25, enum(U8, MulticastRouter))
    pad = attribute(26, BYTES)
    mcast_flood = attribute(27, U8)
    mcast_to_ucast = attribute(28, U8)
    vlan_tunnel = attribute(29, U8)
    bcast_flood = attribute(30, U8)
    group_fwd_mask = attribute(31, U16)
    neigh_suppress = attribute(32, U8)
    isolated = attribute(33, U8)
    backup_port = attribute(34, DEVICE)
    mrp_ring_open = attribute(35, U8)
    mrp_in_open = attribute(36, U8)
    mcast_eht_hosts_limit = attribute(37, U32)
    mcast_eht_hosts_cnt = attribute(38, U32, sent=never)
    locked = attribute(39, U8)
    mab = attribute(40, U8)
    mcast_n_groups = attribute(41, U32, sent=never)
    mcast_max_groups = attribute(42, U32)
    neigh_vlan_suppress = attribute(43, U8)
    backup_nhid = attribute(44, U32)
    neigh_forward_grat = attribute(45, U8)


class BridgeVlan(Record, struct="bridge_vlan_info"):
    """A VLAN of a port; ranges are two of them, with RANGE_BEGIN and RANGE_END."""

    flags = member(flags(U16, BridgeVlanFlags))
    vid = member(U16)


class BridgeVlanTunnel(Record, prefix="IFLA_BRIDGE_VLAN_TUNNEL_"):
    """Which tunnel id stands for a VLAN on a port."""

    id = attribute(1, U32)
    vid = attribute(2, U16)
    flags = attribute(3, flags(U16, BridgeVlanFlags))


class BridgeMstEntry(Record, prefix="IFLA_BRIDGE_MST_ENTRY_"):
    """A port's state in one multiple spanning tree instance (since 5.18)."""

    msti = attribute(1, U16)
    state = attribute(2, enum(U8, BridgePortState))


class BridgeMst(Record, prefix="IFLA_BRIDGE_MST_"):
    """IFLA_BRIDGE_MST."""

    entry = many(1, nest(BridgeMstEntry), nested=True)


class BridgeAfSpec(Record, prefix="IFLA_BRIDGE_"):
    """IFLA_AF_SPEC of messages of the family AF_BRIDGE (linux/if_bridge.h).

    The state machines of MRP and CFM have nests of their own, which stay raw.
    """

    flags = attribute(0, flags(U16, BridgeFlags))
    mode = attribute(1, enum(U16, BridgeMode))
    vlan_info = many(2, struct(BridgeVlan))
    vlan_tunnel_info = many(3, nest(BridgeVlanTunnel))
    mrp = attribute(4, BYTES, nested=True)
    cfm = attribute(5, BYTES, nested=True)
    mst = attribute(6, nest(BridgeMst), nested=True)


class BondAdInfo(Record, prefix="IFLA_BOND_AD_INFO_"):
    """The active 802.3ad aggregator."""

    aggregator = attribute(1, U16)
    num_ports = attribute(2, U16)
    actor_key = attribute(3, U16)
    partner_key = attribute(4, U16)
    partner_mac = attribute(5, HARDWARE)


class Bond(Record, prefix="IFLA_BOND_"):
    """A bond."""

    mode = attribute(1, enum(U8, BondMode))
    active_slave = attribute(2, DEVICE, sent=never)
    miimon = attribute(3, U32, sent=unless(0))
    updelay = attribute(4, U32, sent=unless(0))
    downdelay = attribute(5, U32, sent=unless(0))
    use_carrier = attribute(6, U8, sent=unless(1))
    arp_interval = attribute(7, U32, sent=unless(0))
    arp_ip_target = attribute(8, indexed(IP, "str"))
    arp_validate = attribute(9, U32, sent=unless(0))
    arp_all_targets = attribute(10, U32, sent=unless(0))
    primary = attribute(11, DEVICE)
    primary_reselect = attribute(12, U8, sent=unless(0))
    fail_over_mac = attribute(13, U8, sent=unless(0))
    xmit_hash_policy = attribute(14, enum(U8, BondXmitPolicy), sent=unless(0))
    resend_igmp = attribute(15, U32, sent=unless(1))
    num_peer_notif = attribute(16, U8, sent=unless(1))
    all_slaves_active = attribute(17, U8, sent=unless(0))
    min_links = attribute(18, U32, sent=unless(0))
    lp_interval = attribute(19, U32, sent=unless(1))
    packets_per_slave = attribute(20, U32, sent=unless(1))
    ad_lacp_rate = attribute(21, U8, sent=unless(0))
    ad_select = attribute(22, U8, sent=unless(0))
    ad_info = attribute(23, nest(BondAdInfo), sent=never)
    ad_actor_sys_prio = attribute(24, U16, sent=unless(65535))
    ad_user_port_key = attribute(25, U16, sent=unless(0))
    ad_actor_system = attribute(26, HARDWARE, sent=unless("00:00:00:00:00:00"))
    tlb_dynamic_lb = attribute(27, U8, sent=unless(1))
    peer_notif_delay = attribute(28, U32, sent=unless(0))
    ad_lacp_active = attribute(29, U8, sent=unless(1))
    missed_max = attribute(30, U8, sent=unless(2))
    ns_ip6_target = attribute(31, indexed(IP, "str"), nested=True)
    coupled_control = attribute(32, U8, sent=unless(1))
    broadcast_neigh = attribute(33, U8)
    lacp_strict = attribute(34, U8)


class BondPort(Record, prefix="IFLA_BOND_SLAVE_"):
    """A port of a bond."""

    state = attribute(1, enum(U8, BondState), sent=never)
    mii_status = attribute(2, enum(U8, BondLink), sent=never)
    link_failure_count = attribute(3, U32, sent=never)
    perm_hwaddr = attribute(4, HARDWARE, sent=never)
    queue_id = attribute(5, U16)
    ad_aggregator_id = attribute(6, U16, sent=never)
    ad_actor_oper_port_state = attribute(7, flags(U8, LacpState), sent=never)
    ad_partner_oper_port_state = attribute(8, flags(U16, LacpState), sent=never)
    prio = attribute(9, S32)
    actor_port_prio = attribute(10, U16)
    ad_churn_actor_state = attribute(11, U8, sent=never)
    ad_churn_partner_state = attribute(12, U8, sent=never)
