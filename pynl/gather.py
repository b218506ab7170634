"""Many values of one field as a column, as C takes it: the reverse of blocks.py."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from typing import Any

from ._wire import ffi, lib
from .encode import attribute
from .errors import NetlinkError, retold
from .fields import Field
from .kinds import Kind, tlv
from .plan import column_kind
from .schema import normalize

#: A value as reading would show it; the argument and its value go in.
Normalize = Callable[[Field[Any], Any], Any]


class Same(Sequence[Any]):
    """One value for every row."""

    def __init__(self, value: Any, count: int) -> None:
        self.value, self._count = value, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        return repeat(self.value, self._count)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Same(self.value, len(range(self._count)[index]))
        return self.value if range(self._count)[index] >= 0 else None


class Column:
    """struct pynl_column of values given by Python, and what has to live as long as it."""

    def __init__(self, values: Any, width: int, there: Sequence[bool] | None, count: int, **more: Any) -> None:
        bits = bytearray(b"\xff" * (count // 8 + 1) if there is None else _bits(there))
        self.count = count
        #: One truth value a row, where not all have one.
        self.there = there
        #: Bytes a row of an address.
        self.lengths: bytearray | None = more.get("lengths")
        self._keep = [values, bits, *more.values()]
        pointers = {name: ffi.from_buffer("uint8_t[]", value) for name, value in more.items()}
        self._keep += [pointers, ffi.from_buffer("uint8_t[]", bits), ffi.from_buffer("uint8_t[]", values)]
        self.c = ffi.new(
            "struct pynl_column *",
            {"valid": self._keep[-2], "values": self._keep[-1], "width": width, "count": count, **pointers},
        )

    @property
    def lacking(self) -> bool:
        """Whether some row has no value."""
        return 0 in self.lengths if self.lengths is not None else self.there is not None and False in self.there


def _bits(there: Sequence[bool]) -> bytes:
    digits = bytes(there)[::-1].translate(bytes.maketrans(b"\0\1", b"01"))
    return int(digits or b"0", 2).to_bytes(len(there) // 8 + 1, "little")


def gather(field: Field[Any], values: Sequence[Any], resolve: Normalize) -> Mapping[str, tuple[int, Column]]:
    """Columns of one field, by the name of the field that each is for, with its ``enum pynl_part_kind``.

    Args:
        field: no header member that has no attribute beside it becomes an attribute.
        values: one a row; None: the row has none.
        resolve: makes one value what reading it would give.

    Raises:
        TypeError, ValueError: a value that the field cannot have; the text names the field and the row.
    """
    kind = column_kind(field)
    if kind.code == lib.PYNL_ADDRESS and not kind.size:
        return _addresses(field, kind, values)
    if kind.record is None and kind.format and kind.code in (lib.PYNL_INT, lib.PYNL_BE) and not field.many:
        return {field.name: (lib.PYNL_FIXED, _numbers(field, kind, values, resolve))}
    if kind.code == lib.PYNL_TEXT and not kind.size and not field.many:
        return {field.name: (lib.PYNL_STRING, _texts(each(field, values, lambda field, value: _text(kind, value))))}
    return {field.name: (lib.PYNL_WHOLE, _texts(each(field, values, lambda f, v: _whole(f, resolve(f, v)))))}


def each(field: Field[Any], values: Iterable[Any], function: Normalize) -> list[Any]:
    """The function of every value that is there."""
    made = []
    for row, value in enumerate(values):
        try:
            made.append(None if value is None else function(field, value))
        except (TypeError, ValueError, NetlinkError) as error:
            raise _at(error, field, row) from None
    return made


def _at(error: Exception, field: Field[Any], row: int) -> Exception:
    text = (isinstance(error, NetlinkError) and error.message) or str(error)
    return retold(error, f"row {row}: {text if text.startswith(field.name) else f'{field.name}: {text}'}")


def _numbers(field: Field[Any], kind: Kind[Any], values: Sequence[Any], resolve: Normalize) -> Column:
    there, types = None, set(map(type, values))
    numbers = values
    if type(None) in types:
        there = [value is not None for value in values]
        numbers = [0 if value is None else value for value in values]
    if not types <= {int, type(None)}:
        numbers = _named(field, numbers, resolve)
    try:
        made = array(kind.format or "B", numbers)
    except OverflowError:
        each(field, values, resolve)  # which tells the first that is too large
        raise
    if kind.code == lib.PYNL_BE:
        made.byteswap()
    return Column(made, kind.size, there, len(values))


def _named(field: Field[Any], values: Sequence[Any], resolve: Normalize) -> Sequence[int]:
    """Names of devices, members of enums and the like as numbers: each different one is looked at once."""
    keys = list(zip(map(type, values), values, strict=True))  # since True equals 1
    try:
        known = {key: int(resolve(field, key[1])) for key in dict.fromkeys(keys)}
    except (TypeError, ValueError, NetlinkError):  # also of what cannot be a key; it is to be told which row it is in
        return each(field, values, resolve)
    return list(map(known.__getitem__, keys))


def _addresses(field: Field[Any], kind: Kind[Any], values: Sequence[Any]) -> Mapping[str, tuple[int, Column]]:
    """Addresses are read in C, all at once; with a prefix length behind them they make a second column."""
    count, width = len(values), 16 if kind.style == lib.PYNL_IP else 32
    texts, types = values, set(map(type, values))
    if type(None) in types:
        if "" in values:  # which C takes for none
            return _slowly(field, values)
        texts = ["" if value is None else value for value in values]
    if not types <= {str, type(None)}:
        texts = each(field, texts, lambda field, value: value if isinstance(value, str) else normalize(field, value))
    lines = ("\n".join(texts) + "\n").encode("ascii", "replace")
    if type(None) not in types and (lines.startswith(b"\n") or b"\n\n" in lines):
        return _slowly(field, values)
    column = Column(bytearray(count * width), width, [False] * count, count, lengths=bytearray(count))
    prefix = Column(bytearray(count), 1, [False] * count, count)
    length = prefix.c if field.length else ffi.NULL
    found = lib.pynl_text_parse(ffi.from_buffer("char[]", lines), len(lines), kind.style, count, column.c, length)
    if found < 0 or lines.count(b"\n") != count:
        return _slowly(field, values)
    made = {field.name: (lib.PYNL_BYTES, column)}
    return {**made, field.length: (lib.PYNL_FIXED, prefix)} if field.length else made


def _slowly(field: Field[Any], values: Sequence[Any]) -> Mapping[str, tuple[int, Column]]:
    """Addresses one by one: for those that are told in a way that C does not read, and for the reason why not."""
    texts = each(field, values, normalize)
    data = [b"" if text is None else field.kind.dump(text.partition("/")[0]) for text in texts]
    there = [text is not None for text in texts]
    count, width = len(texts), max(map(len, data), default=0)
    rows = b"".join(item.ljust(width, b"\0") for item in data)
    made = {field.name: (lib.PYNL_BYTES, Column(rows, width, there, count, lengths=bytearray(map(len, data))))}
    if not field.length:
        return made
    lengths = bytes(int(text.rpartition("/")[2]) if text else 0 for text in texts)
    return {**made, field.length: (lib.PYNL_FIXED, Column(lengths, 1, there, count))}


def _text(kind: Kind[Any], value: Any) -> bytes:
    data = kind.dump(value)
    tlv(0, data)  # which refuses what is too long
    return data[:-1]


def _texts(texts: Sequence[bytes | None]) -> Column:
    offsets = array("i", accumulate((len(text or b"") for text in texts), initial=0))
    there = [text is not None for text in texts]
    text = b"".join(text for text in texts if text)
    made = Column(offsets, 4, there, len(texts), text=text)
    made.c.text_size = len(text)
    return made


def _whole(field: Field[Any], value: Any) -> bytes:
    """An attribute as it is sent, once for every item of one that comes many times."""
    return b"".join(attribute(field, item) for item in (value if field.many else (value,)))
