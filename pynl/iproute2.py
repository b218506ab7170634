"""Names of numbers, as iproute2 keeps them: tables, protocols, scopes, realms, groups, DS fields.

A declaration takes them by ``named_in(U32, "rt_tables")``; reading gives the number. The files are looked at whenever a
name is used, and read anew when they have changed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from .kinds import U8, U32, Kind, named_by
from .schema import nearest

T = TypeVar("T")

#: Where iproute2 looks, the administrator's before the distribution's: a file in an earlier folder hides the later one.
FOLDERS = (Path("/etc/iproute2"), Path("/usr/share/iproute2"), Path("/usr/lib/iproute2"))

#: What iproute2 knows without its files.
_BUILT_IN: Mapping[str, Mapping[str, int]] = {
    "rt_tables": {"default": 253, "main": 254, "local": 255},
    "rt_scopes": {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255},
    "group": {"default": 0},
}

_LINE = re.compile(r"\s*(0[xX][0-9a-fA-F]+|[0-9]+)\s+(\S+)")

#: Path, and what changes with its content.
_Stamp = tuple[str, int, int, int, int]


def names(file: str) -> Mapping[str, int]:
    """Name -> number, of one of iproute2's files and its drop-ins, FILE.d/*.conf."""
    return _read(file, tuple(_sources(file)))


def number(file: str, name: str, others: Iterable[str] = ()) -> int:
    """The number of a name, or of its digits.

    Args:
        file: one of iproute2's.
        name: as it stands there.
        others: names that the caller knows beside those.

    Raises:
        ValueError: there is no such name; the text has the nearest.
    """
    known = names(file)
    if name in known:
        return known[name]
    try:
        return int(name, 16 if name[:2] in ("0x", "0X") else 10)
    except ValueError:
        raise ValueError(f"no {name!r} in {file}{nearest(name, [*known, *others])}") from None


def named_in(kind: Kind[T], file: str) -> Kind[T]:
    """The same kind of number, for which callers may also give a name of one of iproute2's files.

    Names of its enum come before the file's.
    """

    members = () if kind.enum is None else kind.enum.__members__

    def named(text: str) -> int:
        if kind.number:
            try:
                return kind.number(text)
            except ValueError:  # none of its enum
                pass
        return number(file, text, (member.partition("_")[2].lower() for member in members))

    return named_by(kind, named)


def _sources(file: str) -> Iterator[_Stamp]:
    """The files to read: what a later one says replaces what an earlier one did."""
    for folder in FOLDERS:
        if stamp := _stamp(folder / file):
            yield stamp
            break
    found: dict[str, _Stamp] = {}
    for folder in FOLDERS:
        try:
            drop_ins = sorted(os.listdir(folder / f"{file}.d"))
        except OSError:
            continue
        for name in drop_ins:
            hidden = name in found or name.startswith(".") or not name.endswith(".conf")
            if not hidden and (stamp := _stamp(folder / f"{file}.d" / name)):
                found[name] = stamp
    yield from reversed(found.values())


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


@lru_cache(64)
def _read(file: str, sources: tuple[_Stamp, ...]) -> Mapping[str, int]:
    found = dict(_BUILT_IN.get(file, {}))
    for path, *_ in sources:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as lines:
                told = [match for line in lines if (match := _LINE.match(line))]
        except OSError:
            continue
        found.update((match[2], int(match[1], 16 if match[1][:2] in ("0x", "0X") else 10)) for match in told)
    return MappingProxyType(found)


def _realms_dump(value: Any) -> bytes:
    if not isinstance(value, str):
        return U32.dump(value)
    realms = [number("rt_realms", realm) for realm in value.split("/")]
    if len(realms) > 2 or not all(0 <= realm < 1 << 16 for realm in realms):
        raise ValueError(f"expected a realm below 65536, or two as 'source/destination', not {value!r}")
    return U32.dump(realms[0] << 16 | realms[1] if len(realms) == 2 else realms[0])


#: The number of a routing table.
TABLE = named_in(U32, "rt_tables")
#: The group of a device.
GROUP = named_in(U32, "group")
#: The DS field, in older words the type of service.
DSFIELD = named_in(U8, "rt_dsfield")
#: Realms: that of the source in the upper 16 bits, that of the destination in the lower; as text "source/destination".
REALMS = replace(U32, dump=_realms_dump)
