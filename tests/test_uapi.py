"""Constants and structs against the installed C headers: every number that a declaration has, as gcc knows it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from pathlib import Path
from types import ModuleType

import pytest

from pynl.rtnl import constants, kindconstants, link, linkconstants, linkstats
from pynl.rtnl.addr import Address
from pynl.rtnl.neigh import Neighbour
from pynl.rtnl.nexthop import NexthopBucket, NexthopObject
from pynl.rtnl.nsid import NsId
from pynl.rtnl.route import Route
from pynl.rtnl.rule import Rule
from pynl.schema import Record

HEADERS = (
    "sys/socket.h",
    "linux/amt.h",
    "linux/batman_adv.h",
    "linux/caif/if_caif.h",
    "linux/can/netlink.h",
    "linux/can/vxcan.h",
    "linux/dpll.h",
    "linux/fib_rules.h",
    "linux/icmpv6.h",
    "linux/if.h",
    "linux/if_addr.h",
    "linux/if_arp.h",
    "linux/if_bonding.h",
    "linux/if_bridge.h",
    "linux/if_ether.h",
    "linux/if_link.h",
    "linux/if_macsec.h",
    "linux/if_tun.h",
    "linux/if_tunnel.h",
    "linux/if_vlan.h",
    "linux/ila.h",
    "linux/ip.h",
    "linux/ip6_tunnel.h",
    "linux/ipv6.h",
    "linux/lwtunnel.h",
    "linux/mpls_iptunnel.h",
    "linux/neighbour.h",
    "linux/net_namespace.h",
    "linux/netkit.h",
    "linux/nexthop.h",
    "linux/ovpn.h",
    "linux/rtnetlink.h",
    "linux/seg6_iptunnel.h",
    "linux/seg6_local.h",
    "linux/snmp.h",
    "linux/veth.h",
    "linux/wwan.h",
)

#: What headers of Linux 6.1 (Debian 12) do not have, by the version that brought it. A constant that is neither in
#: the headers nor here is misspelt.
NEWER_BY_VERSION = {
    "6.2": "IFLA_BRPORT_MAB IFLA_DEVLINK_PORT NTF_EXT_LOCKED",
    "6.3": "IFLA_BRPORT_MCAST_MAX_GROUPS IFLA_BRPORT_MCAST_N_GROUPS IFLA_GRO_IPV4_MAX_SIZE IFLA_GSO_IPV4_MAX_SIZE",
    "6.4": "IFLA_BRPORT_NEIGH_VLAN_SUPPRESS IFLA_MACVLAN_BC_CUTOFF",
    "6.5": "IFLA_VXLAN_LOCALBYPASS",
    "6.6": "IFLA_BRPORT_BACKUP_NHID",
    "6.7": """
        DPLL_A_PIN_ID IFLA_BR_FDB_MAX_LEARNED IFLA_BR_FDB_N_LEARNED IFLA_DPLL_PIN IFLA_NETKIT_MODE
        IFLA_NETKIT_PEER_INFO IFLA_NETKIT_PEER_POLICY IFLA_NETKIT_POLICY IFLA_NETKIT_PRIMARY NETKIT_DROP NETKIT_L2
        NETKIT_L3 NETKIT_PASS RTAX_FEATURE_TCP_USEC_TS
    """,
    "6.8": "IFLA_VXLAN_LABEL_POLICY VXLAN_LABEL_FIXED VXLAN_LABEL_INHERIT",
    "6.9": """
        NHA_GROUP_STATS NHA_GROUP_STATS_ENTRY NHA_GROUP_STATS_ENTRY_ID NHA_GROUP_STATS_ENTRY_PACKETS
        NHA_GROUP_STATS_ENTRY_PACKETS_HW NHA_HW_STATS_ENABLE NHA_HW_STATS_USED NHA_OP_FLAGS NHA_OP_FLAG_DUMP_HW_STATS
        NHA_OP_FLAG_DUMP_STATS
    """,
    "6.10": "IFLA_GTP_LOCAL IFLA_GTP_LOCAL6 IFLA_HSR_INTERLINK",
    "6.12": "NHA_OP_FLAG_RESP_GRP_RESVD_0",
    "6.13": """
        FRA_DSCP IFLA_MAX_PACING_OFFLOAD_HORIZON IFLA_NETKIT_PEER_SCRUB IFLA_NETKIT_SCRUB NETKIT_SCRUB_DEFAULT
        NETKIT_SCRUB_NONE
    """,
    "6.14": """
        FRA_FLOWLABEL FRA_FLOWLABEL_MASK IFLA_NETKIT_HEADROOM IFLA_NETKIT_TAILROOM IFLA_VXLAN_RESERVED_BITS
        RTA_FLOWLABEL
    """,
    "6.15": """
        FRA_DPORT_MASK FRA_DSCP_MASK FRA_SPORT_MASK IFLA_GENEVE_PORT_RANGE IFLA_MCTP_PHYS_BINDING IFLA_NETNS_IMMUTABLE
    """,
    "6.16": "IFLA_OVPN_MODE OVPN_MODE_MP OVPN_MODE_P2P",
    "6.17": "IFLA_BOND_BROADCAST_NEIGH IFLA_VXLAN_MC_ROUTE NTF_EXT_EXT_VALIDATED",
    "6.19": """
        CAN_CTRLMODE_RESTRICTED CAN_CTRLMODE_XL CAN_CTRLMODE_XL_TDC_AUTO CAN_CTRLMODE_XL_TDC_MANUAL CAN_CTRLMODE_XL_TMS
        IFLA_CAN_PWM_PWML IFLA_CAN_PWM_PWML_MAX IFLA_CAN_PWM_PWML_MIN IFLA_CAN_PWM_PWMO IFLA_CAN_PWM_PWMO_MAX
        IFLA_CAN_PWM_PWMO_MIN IFLA_CAN_PWM_PWMS IFLA_CAN_PWM_PWMS_MAX IFLA_CAN_PWM_PWMS_MIN
        IFLA_CAN_XL_DATA_BITRATE_CONST IFLA_CAN_XL_DATA_BITTIMING IFLA_CAN_XL_DATA_BITTIMING_CONST IFLA_CAN_XL_PWM
        IFLA_CAN_XL_TDC
    """,
    # Only the specifications tell of these; which version was the first has not been looked up.
    "6.18 or later": """
        BR_STP_MODE_AUTO BR_STP_MODE_KERNEL BR_STP_MODE_USER IFA_MC_USERS IFLA_BOND_LACP_STRICT
        IFLA_BRPORT_NEIGH_FORWARD_GRAT IFLA_BR_STP_MODE IFLA_GENEVE_GRO_HINT IFLA_GENEVE_LOCAL IFLA_GENEVE_LOCAL6
        IFLA_HEADROOM IFLA_NETKIT_PAIRING IFLA_TAILROOM NETKIT_DEVICE_PAIR NETKIT_DEVICE_SINGLE RTA_DEL_REASON
        RT_DEL_REASON_EXPIRED RT_DEL_REASON_RA_WITHDRAWN RT_DEL_REASON_UNSPEC SEG6_IPTUNNEL_SRC
    """,
}
NEWER = {name: version for version, names in NEWER_BY_VERSION.items() for name in names.split()}

#: struct member as declared -> as C has it, perhaps in two.
C_MEMBERS = {
    ("ifinfomsg", "ifindex"): "ifi_index",
    ("ifaddrmsg", "ifindex"): "ifa_index",
    ("rtnexthop", "oif"): "rtnh_ifindex",
    ("ifa_cacheinfo", "prefered"): "ifa_prefered",
    ("ifa_cacheinfo", "valid"): "ifa_valid",
    ("ifla_vlan_qos_mapping", "from_"): "from",
    ("nexthop_grp", "weight"): "weight weight_high",
}

ROOTS = (Address, Neighbour, Route, Rule, NexthopObject, NexthopBucket, NsId, link.Link, linkstats.Stats)


def records(*roots: type[Record]) -> list[type[Record]]:
    """Every record class that is reached from these."""
    found = list(roots)
    for cls in found:  # grows while it runs
        for field in cls.FIELDS.values():
            kind = field.extended[1] if field.extended else field.kind
            inner = [*field.select[1].values()] if field.select else [kind.record]
            found += [record for record in dict.fromkeys(inner) if record is not None and record not in found]
    return found


ALL = records(*ROOTS)

#: What an enum has beside its values, and IFLA_IF_NETNSID, once the name of IFLA_TARGET_NETNSID.
NO_VALUE = re.compile(r"__|.*_(UNSPEC|MAX|END)$|.*_MAX_|IFLA_IF_NETNSID$|NETNSA_NONE$").match


def enums(*modules: ModuleType) -> Iterator[type[IntEnum] | type[IntFlag]]:
    for module in modules or (constants, linkconstants, kindconstants):
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, (IntEnum, IntFlag))
                and value.__module__ == module.__name__
            ):
                yield value


def declared() -> dict[str, int]:
    """Every constant's UAPI name and our number."""
    found: dict[str, int] = {}
    for names in enums():
        for name, member in names.__members__.items():
            number = socket.htons(member) if names is kindconstants.GreFlags else int(member)
            assert found.setdefault(name, number) == number, name
    for cls in ALL:
        for number, field in cls.ATTRIBUTES.items():
            name = field.constant or cls.PREFIX + field.name.upper()
            assert found.setdefault(name, number) == number, f"{cls.__name__}.{field.name}"
    return found


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    gcc = shutil.which("gcc") or shutil.which("cc")
    if gcc is None or not Path("/usr/include/linux/rtnetlink.h").exists():
        pytest.skip("no C compiler, or no kernel headers")
    return Compiler(gcc, tmp_path_factory.mktemp("uapi"))


class Compiler:
    def __init__(self, path: str, directory: Path) -> None:
        self.path = path
        self.directory = directory
        self.include = "#include <stddef.h>\n#include <stdio.h>\n" + "".join(
            f"#if __has_include(<{header}>)\n#include <{header}>\n#endif\n" for header in HEADERS
        )

    def unknown(self, names: list[str]) -> set[str]:
        """Which names the headers do not declare."""
        body = "".join(f"long long f{at}(void) {{ return (long long)({name}); }}\n" for at, name in enumerate(names))
        source = self.directory / "known.c"
        source.write_text(self.include + body)
        done = subprocess.run(
            [self.path, "-fsyntax-only", "-fmax-errors=0", str(source)],
            capture_output=True,
            text=True,
            env={"LC_ALL": "C"},
        )
        found = set(re.findall(r"'(\w+)' undeclared", done.stderr))
        assert found or not done.returncode, done.stderr
        return found

    def numbers(self, expressions: list[str]) -> list[int]:
        body = "".join(f'    printf("%lld\\n", (long long)({expression}));\n' for expression in expressions)
        source = self.directory / "numbers.c"
        source.write_text(f"{self.include}int main(void) {{\n{body}    return 0;\n}}\n")
        program = self.directory / "numbers"
        subprocess.run([self.path, "-w", "-o", str(program), str(source)], check=True)
        done = subprocess.run([str(program)], check=True, capture_output=True, text=True)
        return [int(line) for line in done.stdout.split()]

    def enumerators(self) -> list[list[str]]:
        """The names of each enum of the headers, in order."""
        source = self.directory / "enums.c"
        source.write_text(self.include)
        done = subprocess.run([self.path, "-E", "-P", str(source)], check=True, capture_output=True, text=True)
        bodies = re.findall(r"enum\s*\w*\s*\{([^}]*)\}", done.stdout)
        return [re.findall(r"(?:^|,)\s*(\w+)", body) for body in bodies]


def test_constants(compiler: Compiler) -> None:
    names = declared()
    unknown = compiler.unknown(list(names))
    assert not sorted(unknown - set(NEWER)), "in no installed header, and not listed as newer"
    known = [name for name in names if name not in unknown]
    numbers = dict(zip(known, compiler.numbers(known), strict=True))
    unsigned = {name: number if number >= 0 else number & 0xFFFFFFFF for name, number in numbers.items()}
    wrong = {name: (names[name], number) for name, number in unsigned.items() if names[name] != number}
    assert not wrong, "ours, and what the header says"


def test_nothing_of_a_header_is_left_out(compiler: Compiler) -> None:
    """Every attribute of each set that is declared, and every value of what a kind of link names."""
    constants = {
        cls.__name__: {f.constant or cls.PREFIX + f.name.upper() for f in cls.ATTRIBUTES.values()} for cls in ALL
    }
    constants.update((names.__name__, {*names.__members__}) for names in enums(kindconstants))
    known = declared()
    blocks = compiler.enumerators()
    missing = {
        name: left
        for name, ours in constants.items()
        for block in blocks
        if ours & {*block} and (left := [found for found in block if found not in known and not NO_VALUE(found)])
    }
    assert not missing


def test_listed_constants_exist() -> None:
    """Nothing is listed as newer that no declaration has."""
    assert not sorted(set(NEWER) - set(declared()))


STRUCTS = [cls for cls in ALL if cls.STRUCT]


@pytest.mark.parametrize("record", STRUCTS, ids=lambda record: record.STRUCT)
def test_struct(compiler: Compiler, record: type[Record]) -> None:
    """Its size, and the offset and size of each member."""
    name = f"struct {record.STRUCT}"
    expressions, ours = [f"sizeof({name})"], [record.HEADER]
    for member in record.MEMBERS:
        c_names = C_MEMBERS.get((record.STRUCT, member.name), record.STRUCT_PREFIX + member.name).split()
        sizes = (f"sizeof((({name} *)0)->{c_name})" for c_name in c_names)
        expressions += [f"offsetof({name}, {c_names[0]})", " + ".join(sizes)]
        ours += [member.number, member.kind.size]
    assert ours == compiler.numbers(expressions)


def test_every_record_with_members_names_its_struct() -> None:
    assert not [cls.__name__ for cls in ALL if cls.MEMBERS and not cls.STRUCT]
