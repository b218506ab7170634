"""Counters of links: as a link's own attributes, and as messages of their own, RTM_NEWSTATS (linux/if_link.h)."""

from __future__ import annotations

from ..fields import attribute, member, nest, pad, struct
from ..kinds import BYTES, DEVICE, U8, U32, U64, enum
from ..schema import Record
from .constants import AddressFamily


class LinkStats(Record, struct="rtnl_link_stats"):
    """IFLA_STATS: the counters' low 32 bits."""

    rx_packets = member(U32)
    tx_packets = member(U32)
    rx_bytes = member(U32)
    tx_bytes = member(U32)
    rx_errors = member(U32)
    tx_errors = member(U32)
    rx_dropped = member(U32)
    tx_dropped = member(U32)
    multicast = member(U32)
    collisions = member(U32)
    rx_length_errors = member(U32)
    rx_over_errors = member(U32)
    rx_crc_errors = member(U32)
    rx_frame_errors = member(U32)
    rx_fifo_errors = member(U32)
    rx_missed_errors = member(U32)
    tx_aborted_errors = member(U32)
    tx_carrier_errors = member(U32)
    tx_fifo_errors = member(U32)
    tx_heartbeat_errors = member(U32)
    tx_window_errors = member(U32)
    rx_compressed = member(U32)
    tx_compressed = member(U32)
    rx_nohandler = member(U32)


class LinkStats64(Record, struct="rtnl_link_stats64"):
    """IFLA_STATS64."""

    rx_packets = member(U64)
    tx_packets = member(U64)
    rx_bytes = member(U64)
    tx_bytes = member(U64)
    rx_errors = member(U64)
    tx_errors = member(U64)
    rx_dropped = member(U64)
    tx_dropped = member(U64)
    multicast = member(U64)
    collisions = member(U64)
    rx_length_errors = member(U64)
    rx_over_errors = member(U64)
    rx_crc_errors = member(U64)
    rx_frame_errors = member(U64)
    rx_fifo_errors = member(U64)
    rx_missed_errors = member(U64)
    tx_aborted_errors = member(U64)
    tx_carrier_errors = member(U64)
    tx_fifo_errors = member(U64)
    tx_heartbeat_errors = member(U64)
    tx_window_errors = member(U64)
    rx_compressed = member(U64)
    tx_compressed = member(U64)
    rx_nohandler = member(U64)
    rx_otherhost_dropped = member(U64)


class HwStats64(Record, struct="rtnl_hw_stats64"):
    """What hardware counts of its own."""

    rx_packets = member(U64)
    tx_packets = member(U64)
    rx_bytes = member(U64)
    tx_bytes = member(U64)
    rx_errors = member(U64)
    tx_errors = member(U64)
    rx_dropped = member(U64)
    tx_dropped = member(U64)
    multicast = member(U64)


class HwStatsInfo(Record, prefix="IFLA_OFFLOAD_XSTATS_HW_S_INFO_"):
    """Whether hardware was asked to count, and does."""

    request = attribute(1, U8)
    used = attribute(2, U8)


class HwStatsInfos(Record, prefix="IFLA_OFFLOAD_XSTATS_"):
    """IFLA_OFFLOAD_XSTATS_HW_S_INFO: by the counters' own attribute."""

    l3_stats = attribute(3, nest(HwStatsInfo))


class OffloadStats(Record, prefix="IFLA_OFFLOAD_XSTATS_"):
    """IFLA_STATS_LINK_OFFLOAD_XSTATS: counters of what hardware does."""

    cpu_hit = attribute(1, struct(LinkStats64))
    hw_s_info = attribute(2, nest(HwStatsInfos))
    l3_stats = attribute(3, struct(HwStats64))


class Stats(Record, prefix="IFLA_STATS_", struct="if_stats_msg"):
    """A link's counters, as RTM_GETSTATS asks for them (since 4.7)."""

    family = member(enum(U8, AddressFamily))
    _pad = pad(3)
    ifindex = member(DEVICE)
    filter_mask = member(U32)

    link_64 = attribute(1, struct(LinkStats64))
    link_xstats = attribute(2, BYTES)
    link_xstats_slave = attribute(3, BYTES)
    link_offload_xstats = attribute(4, nest(OffloadStats))
    af_spec = attribute(5, BYTES)
