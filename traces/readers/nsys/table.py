"""From the columns of an export's tables to the event table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.problems import Problems
from launchlens.traces.readers.nsys.export import NULL
from launchlens.traces.schema import BY_NAME, HOST_KINDS, event_table, within_total

_NUMBERS = ("device", "context", "stream", "correlation", "bytes", "graph", "graph_node")
#: Bits of a serialized id that are the thread's, and as many before these that are the process's.
PID_BITS = 24
#: Rows of which something is made at a time.
_ROWS = 1 << 17


@dataclass(frozen=True)
class TableRows:
    """The rows of one table: int64 columns of one length, NULL for absent values.

    start, end (ns), name (code), global (globalTid or globalPid), layer (0 runtime, 1 driver), scope (0 process), copy_kind (number) and
    the event table's own number columns; all but start, end and name may be missing.
    """

    kind: str
    columns: dict[str, Ints]

    def __len__(self) -> int:
        return len(self.columns["start"])


def take(columns: Mapping[str, Ints], keep: npt.NDArray[np.bool_]) -> dict[str, Ints]:
    """The rows of all columns where `keep` holds."""
    if keep.all():
        return dict(columns)
    return {name: values[keep] for name, values in columns.items()}


def assemble(
    parts: Sequence[TableRows], names: Sequence[str], copy_kinds: Mapping[int, str], problems: Problems
) -> pd.DataFrame:
    """The event table of all parts, one after the other; the parts are emptied on the way, to save memory.

    `names[code]` is the text of a name code, `copy_kinds` our name of each copy kind.
    Events whose durations together are more than int64 holds are left out, and counted in `problems`.
    """
    lengths = [len(part) for part in parts]
    columns: dict[str, object] = {}
    start, end = _column(parts, "start"), _column(parts, "end")
    columns["start_ns"] = start
    columns["dur_ns"] = np.subtract(end, start, out=end)
    del end
    kinds = sorted({part.kind for part in parts})
    codes = np.repeat(np.array([kinds.index(part.kind) for part in parts], np.int8), lengths)
    columns["kind"] = _categorical(codes, kinds)
    columns["name"] = _labelled(_given(parts, "name"), lengths, lambda code: names[code] if code >= 0 else None)
    columns["layer"] = _categorical(_small(_given(parts, "layer"), lengths), ["runtime", "driver"])
    columns["scope"] = _categorical(_small(_given(parts, "scope"), lengths), ["process"])
    columns["copy_kind"] = _labelled(
        _given(parts, "copy_kind"), lengths, lambda number: None if number == NULL else copy_kinds.get(number, "")
    )
    columns["process"], columns["thread"] = _process_and_thread(parts, lengths)
    for name in _NUMBERS:
        numbers = _numbers(_given(parts, name), lengths, np.dtype(BY_NAME[name].dtype.lower()))
        if numbers is not None:
            columns[name] = numbers
    table = event_table(columns, sum(lengths), problems)
    summable = within_total(table["dur_ns"].to_numpy())
    if summable.all():
        return table
    problems.add("event-not-understood", int((~summable).sum()))
    return table[summable].reset_index(drop=True)


def _given(parts: Sequence[TableRows], name: str) -> list[Ints | None]:
    """One column of each part, None of those without it; the parts give it up."""
    return [part.columns.pop(name, None) for part in parts]


def _column(parts: Sequence[TableRows], name: str) -> Ints:
    """One column of all parts, which all have it; the parts give it up."""
    given = [part.columns.pop(name) for part in parts]
    return np.concatenate(given) if given else np.empty(0, np.int64)


def _spans(given: list[Ints | None], lengths: Sequence[int]) -> Iterator[tuple[slice, Ints]]:
    """What parts have of one column, some rows at a time, and where these lie among all rows; a part that is done is given up.

    What is made on the way of some rows is small, whatever all of them are.
    """
    at = 0
    for number, length in enumerate(lengths):
        values, given[number] = given[number], None
        if values is not None:
            for low in range(0, length, _ROWS):
                some = values[low : low + _ROWS]
                yield slice(at + low, at + low + len(some)), some
        at += length


def _numbers(
    given: list[Ints | None], lengths: Sequence[int], dtype: np.dtype[np.signedinteger[Any]]
) -> pd.arrays.IntegerArray | None:
    """A column of numbers that may be null; None where all are."""
    values, absent = np.zeros(sum(lengths), dtype), np.ones(sum(lengths), bool)
    for rows, some in _spans(given, lengths):
        known = some != NULL
        values[rows] = np.where(known, some, 0)
        absent[rows] = ~known
    return None if absent.all() else pd.arrays.IntegerArray(values, absent)


def _small(given: list[Ints | None], lengths: Sequence[int]) -> npt.NDArray[np.int8]:
    """A column of numbers so small that they are codes already, -1 for null."""
    codes = np.full(sum(lengths), -1, np.int8)
    for rows, some in _spans(given, lengths):
        codes[rows] = np.where(some == NULL, -1, some)
    return codes


def _labelled(given: list[Ints | None], lengths: Sequence[int], label: Callable[[int], str | None]) -> pd.Categorical:
    """A categorical of what numbers are called, each text once, in the order in which they occur; None is null."""
    codes = np.full(sum(lengths), -1, np.int32)
    of_number: dict[int, int] = {}
    of_text: dict[str, int] = {}
    for rows, some in _spans(given, lengths):
        which, unique = pd.factorize(some, use_na_sentinel=False)
        for number in unique.tolist():
            if number not in of_number:
                text = label(number)
                of_number[number] = -1 if text is None else of_text.setdefault(text, len(of_text))
        codes[rows] = np.array([of_number[number] for number in unique.tolist()], np.int32)[which]
    return _categorical(codes, list(of_text))


def _categorical(codes: npt.NDArray[np.integer], labels: Sequence[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, categories=pd.Index(labels, dtype=object))


def _process_and_thread(parts: Sequence[TableRows], lengths: Sequence[int]) -> tuple[pd.Categorical, pd.Categorical]:
    """Process and thread ids as text from Nsight's serialized ids: 8 bits hardware, 8 bits VM, 24 process, 24 thread.

    GPU rows of exports that name no process on them belong to the only process, where there is just one.
    """
    mask = (1 << PID_BITS) - 1
    given = _given(parts, "global")
    named = process_names(_keys(given))
    of_host = list(_keys([values for part, values in zip(parts, given, strict=True) if part.kind in HOST_KINDS]))
    if len(of_host) == 1:
        (only,) = of_host
        for number, part in enumerate(parts):
            if part.kind not in HOST_KINDS:
                given[number] = _filled(given[number], only << PID_BITS, lengths[number])
    thread = _labelled(
        [values if part.kind in HOST_KINDS else None for part, values in zip(parts, given, strict=True)],
        lengths,
        lambda number: None if number == NULL else str(number & mask),
    )
    process = _labelled(given, lengths, lambda number: None if number == NULL else named[number >> PID_BITS])
    return process, thread


def _keys(given: Iterable[Ints | None]) -> dict[int, None]:
    """The processes that serialized ids name (`process_keys`), in the order in which they occur."""
    found: dict[int, None] = {}
    for values in given:
        if values is None:
            continue
        for low in range(0, len(values), _ROWS):
            ids = pd.unique(values[low : low + _ROWS])
            found.update(dict.fromkeys((ids[ids != NULL] >> PID_BITS).tolist()))
    return found


def _filled(values: Ints | None, by: int, length: int) -> Ints:
    """A column with a number in the place of nulls."""
    if values is None:
        return np.broadcast_to(np.int64(by), (length,))
    return np.where(values == NULL, by, values)


def process_keys(parts: Sequence[TableRows]) -> frozenset[int]:
    """The processes that some parts name: their serialized ids without the thread's bits."""
    return frozenset(_keys([part.columns.get("global") for part in parts]))


def process_names(keys: Iterable[int]) -> dict[int, str]:
    """What each of all processes is called in the event table, by its key.

    Two processes of different machines may share a process id: only these get the machine's bits added, as `4711@0x101`.
    """
    keys = list(keys)
    mask = (1 << PID_BITS) - 1
    often = Counter(key & mask for key in keys)
    return {
        key: str(key & mask) if often[key & mask] == 1 else f"{key & mask}@{(key >> PID_BITS) & 0xFFFF:#x}"
        for key in keys
    }
