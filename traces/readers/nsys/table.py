"""From the columns of an export's tables to the event table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    start, end = _column(parts, "start", lengths), _column(parts, "end", lengths)
    columns["start_ns"] = start
    columns["dur_ns"] = np.subtract(end, start, out=end)
    kinds = sorted({part.kind for part in parts})
    codes = np.repeat([kinds.index(part.kind) for part in parts], lengths)
    columns["kind"] = _categorical(codes, kinds)
    columns["name"] = _used(_column(parts, "name", lengths), names)
    layer = _column(parts, "layer", lengths)
    columns["layer"] = _categorical(np.where(layer == NULL, -1, layer), ["runtime", "driver"])
    scope = _column(parts, "scope", lengths)
    columns["scope"] = _categorical(np.where(scope == NULL, -1, scope), ["process"])
    kind_number = _column(parts, "copy_kind", lengths)
    numbers, which = np.unique(kind_number, return_inverse=True)
    labels = [copy_kinds.get(int(number), "") for number in numbers]
    columns["copy_kind"] = _used(np.where(kind_number == NULL, -1, which), labels)
    columns["process"], columns["thread"] = _process_and_thread(parts, lengths)
    for name in _NUMBERS:
        values = _column(parts, name, lengths)
        absent = values == NULL
        values[absent] = 0
        dtype = np.dtype(BY_NAME[name].dtype.lower())
        columns[name] = pd.arrays.IntegerArray(values.astype(dtype, copy=False), absent)
    table = event_table(columns, sum(lengths), problems)
    summable = within_total(table["dur_ns"].to_numpy())
    if summable.all():
        return table
    problems.add("event-not-understood", int((~summable).sum()))
    return table[summable].reset_index(drop=True)


def _column(parts: Sequence[TableRows], name: str, lengths: Sequence[int]) -> Ints:
    """One column of all parts, NULL for those without it; the parts give it up."""
    given = [part.columns.pop(name, None) for part in parts]
    return np.concatenate(
        [np.full(length, NULL) if values is None else values for values, length in zip(given, lengths, strict=True)]
    )


def _used(codes: Ints, labels: Sequence[str]) -> pd.Categorical:
    """A categorical of the labels that occur, each once; -1 is null."""
    which, unique = pd.factorize(codes, use_na_sentinel=False)
    mine, texts = pd.factorize(np.array([labels[code] if code >= 0 else None for code in unique], object))
    return _categorical(mine[which] if len(mine) else which, list(texts))


def _categorical(codes: npt.NDArray[np.integer], labels: Sequence[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, categories=pd.Index(labels, dtype=object))


def _process_and_thread(parts: Sequence[TableRows], lengths: Sequence[int]) -> tuple[pd.Categorical, pd.Categorical]:
    """Process and thread ids as text from Nsight's serialized ids: 8 bits hardware, 8 bits VM, 24 process, 24 thread.

    GPU rows of exports that name no process on them belong to the only process, where there is just one.
    """
    serialized = _column(parts, "global", lengths)
    on_host = np.repeat([part.kind in HOST_KINDS for part in parts], lengths)
    known = serialized != NULL
    key = np.where(known, serialized >> PID_BITS, NULL)
    of_host = np.unique(key[on_host & known])
    if len(of_host) == 1:
        key = np.where(~known & ~on_host, of_host[0], key)
    which, unique = pd.factorize(key, use_na_sentinel=False)
    mask = (1 << PID_BITS) - 1
    labels = process_names(int(value) for value in unique if value != NULL)
    order = {value: code for code, value in enumerate(labels)}
    codes = np.array([order.get(int(value), -1) for value in unique], np.int64)
    process = _categorical(codes[which] if len(codes) else which, list(labels.values()))

    thread = np.where(known & on_host, serialized & mask, NULL)
    which, unique = pd.factorize(thread, use_na_sentinel=False)
    texts = np.array([None if value == NULL else str(value) for value in unique], object)
    mine, labels_of_threads = pd.factorize(texts)
    return process, _categorical(mine[which] if len(mine) else which, list(labels_of_threads))


def process_keys(parts: Sequence[TableRows]) -> frozenset[int]:
    """The processes that some parts name: their serialized ids without the thread's bits."""
    named = (part.columns["global"] for part in parts if "global" in part.columns)
    return frozenset(int(key) for each in named for key in np.unique(each[each != NULL] >> PID_BITS))


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
