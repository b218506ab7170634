"""CAN controllers: linux/can/netlink.h."""

from __future__ import annotations

from ..fields import attribute, member, nest, never, struct
from ..kinds import TEXT, U16, U32, enum, fixed, flags, packed
from ..schema import Record
from .kindconstants import CanMode, CanState


class CanBitTiming(Record, struct="can_bittiming"):
    """Bit timing of a CAN bus; times in ns or time quanta, the sample point in 1/1000."""

    bitrate = member(U32)
    sample_point = member(U32)
    tq = member(U32)
    prop_seg = member(U32)
    phase_seg1 = member(U32)
    phase_seg2 = member(U32)
    sjw = member(U32)
    brp = member(U32)


class CanBitTimingConst(Record, struct="can_bittiming_const"):
    """What bit timings a controller can do."""

    name = member(fixed(TEXT, 16))
    tseg1_min = member(U32)
    tseg1_max = member(U32)
    tseg2_min = member(U32)
    tseg2_max = member(U32)
    sjw_max = member(U32)
    brp_min = member(U32)
    brp_max = member(U32)
    brp_inc = member(U32)


class CanClock(Record, struct="can_clock"):
    """A controller's clock in Hz."""

    freq = member(U32)


class CanControlMode(Record, struct="can_ctrlmode"):
    """Modes, and which of them are to be set."""

    mask = member(flags(U32, CanMode))
    flags = member(flags(U32, CanMode))


class CanErrorCounter(Record, struct="can_berr_counter"):
    """Bus errors."""

    txerr = member(U16)
    rxerr = member(U16)


class CanTdc(Record, prefix="IFLA_CAN_TDC_"):
    """Transmitter delay compensation of CAN FD (since 5.16) or CAN XL."""

    tdcv_min = attribute(1, U32)
    tdcv_max = attribute(2, U32)
    tdco_min = attribute(3, U32)
    tdco_max = attribute(4, U32)
    tdcf_min = attribute(5, U32)
    tdcf_max = attribute(6, U32)
    tdcv = attribute(7, U32)
    tdco = attribute(8, U32)
    tdcf = attribute(9, U32)


class CanControlModeExt(Record, prefix="IFLA_CAN_CTRLMODE_"):
    """What modes a controller can do (since 6.0)."""

    supported = attribute(1, flags(U32, CanMode))


class CanPwm(Record, prefix="IFLA_CAN_PWM_"):
    """Pulse width modulation of CAN XL (since 6.19)."""

    pwms_min = attribute(1, U32)
    pwms_max = attribute(2, U32)
    pwml_min = attribute(3, U32)
    pwml_max = attribute(4, U32)
    pwmo_min = attribute(5, U32)
    pwmo_max = attribute(6, U32)
    pwms = attribute(7, U32)
    pwml = attribute(8, U32)
    pwmo = attribute(9, U32)


class CanStats(Record, struct="can_device_stats"):
    """What happened on the bus: IFLA_INFO_XSTATS of a CAN controller."""

    bus_error = member(U32)
    error_warning = member(U32)
    error_passive = member(U32)
    bus_off = member(U32)
    arbitration_lost = member(U32)
    restarts = member(U32)


class Can(Record, prefix="IFLA_CAN_"):
    """A CAN controller."""

    bittiming = attribute(1, struct(CanBitTiming))
    bittiming_const = attribute(2, struct(CanBitTimingConst), sent=never)
    clock = attribute(3, struct(CanClock), sent=never)
    state = attribute(4, enum(U32, CanState), sent=never)
    ctrlmode = attribute(5, struct(CanControlMode))
    restart_ms = attribute(6, U32)
    restart = attribute(7, U32)
    berr_counter = attribute(8, struct(CanErrorCounter), sent=never)
    data_bittiming = attribute(9, struct(CanBitTiming))
    data_bittiming_const = attribute(10, struct(CanBitTimingConst), sent=never)
    termination = attribute(11, U16)
    termination_const = attribute(12, packed(U16, "int"), sent=never)
    bitrate_const = attribute(13, packed(U32, "int"), sent=never)
    data_bitrate_const = attribute(14, packed(U32, "int"), sent=never)
    bitrate_max = attribute(15, U32, sent=never)
    tdc = attribute(16, nest(CanTdc), nested=True)
    ctrlmode_ext = attribute(17, nest(CanControlModeExt), nested=True, sent=never)
    xl_data_bittiming = attribute(18, struct(CanBitTiming))
    xl_data_bittiming_const = attribute(19, struct(CanBitTimingConst), sent=never)
    xl_data_bitrate_const = attribute(20, packed(U32, "int"), sent=never)
    xl_tdc = attribute(21, nest(CanTdc), nested=True)
    xl_pwm = attribute(22, nest(CanPwm), nested=True)
