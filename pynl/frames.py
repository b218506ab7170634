"""Tables in other libraries' hands, and in files. Each library is imported when it is asked for: none is needed."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any, Union

from .fields import Field
from .kinds import Via, utf8
from .plan import column_kind
from .schema import Record

#: Where a table is written: a path, or an open file.
Target = Union[str, "os.PathLike[str]", IO[Any]]


def library(name: str, extra: str) -> Any:
    """A module that pynl does without otherwise; ImportError tells how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        told = f"this needs {name.partition('.')[0]}: pip install 'pynl-netlink[{extra}]' ({error})"
        raise ImportError(told, name=name) from error


def arrow(table: Any) -> Any:
    """A pyarrow.Table, by the stream that the table offers."""
    return library("pyarrow", "arrow").RecordBatchReader.from_stream(table).read_all()


def pandas(table: Any) -> Any:
    """A pandas.DataFrame whose columns stay Arrow's: whole numbers with gaps stay whole numbers."""
    return arrow(table).to_pandas(types_mapper=library("pandas", "pandas").ArrowDtype)


def numpy(
    records: Sequence[Record], fields: Mapping[str, Field[Any]], columns: Any, mask: Callable[[str], memoryview | None]
) -> dict[str, Any]:
    """Arrays by field: numbers are the columns' memory, everything else Python objects.

    Args:
        records: the rows.
        fields: what to make arrays of.
        columns: field -> its memory.
        mask: field -> one byte a row: whether it has a value; None where all have.
    """
    np = library("numpy", "numpy")
    made = {}
    for name, field in fields.items():
        kind = column_kind(field)
        there = mask(name)
        if kind.format is None:
            values = np.fromiter((getattr(record, name) for record in records), dtype=object, count=len(records))
        elif len(columns[name]) == len(records):
            values = np.asarray(columns[name])
        else:  # no row has a value
            values = np.broadcast_to(np.zeros(1, dtype=np.dtype(kind.format)), len(records))
        if there is not None and kind.format is not None:
            values = np.ma.masked_array(values, mask=np.logical_not(np.asarray(there).astype(bool)))
        made[name] = values
    return made


# ---- files


@contextmanager
def _opened(target: Target) -> Iterator[IO[str]]:
    if isinstance(target, (str, os.PathLike)):
        with open(target, "w", encoding="utf-8", newline="") as file:
            yield file
    else:
        yield target


def write_parquet(table: Any, target: Target) -> None:
    library("pyarrow.parquet", "arrow").write_table(arrow(table), target)


def write_ipc(table: Any, target: Target) -> None:
    made = arrow(table)
    with library("pyarrow.ipc", "arrow").new_file(target, made.schema) as writer:
        writer.write_table(made)


def write_json(records: Sequence[Record], target: Target) -> None:
    """One object a line: the fields that are there."""
    with _opened(target) as file:
        for record in records:
            file.write(json.dumps(_fields(record), separators=(",", ":")) + "\n")


def write_csv(records: Sequence[Record], names: Sequence[str], target: Target) -> None:
    """A line of headings, then one a record; what is nested stands in its cell as JSON."""
    with _opened(target) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for record in records:
            writer.writerow([_cell(getattr(record, name)) for name in names])


def _fields(record: Record) -> dict[str, Any]:
    made = {name: _plain(value) for name, value in record.items()}
    if record.unknown:
        made["unknown"] = [{"type": item.type, "payload": item.payload.hex()} for item in record.unknown]
    return made


def _plain(value: Any) -> Any:
    """As JSON has it: enums as their numbers, bytes as hexadecimal digits."""
    if isinstance(value, Record):
        return _fields(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Via):
        return value._asdict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, (Record, tuple)):
        return json.dumps(_plain(value), separators=(",", ":"))
    return utf8(value).decode() if isinstance(value, str) else _plain(value)
