"""A big trace's event table, and what goes with it, kept as parquet: the second time it is read in a small part of the time.

Columns of categories are kept as their codes, and the categories beside them: a table that comes back is the one that was kept, to
the order of its categories.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.traces.cache import store
from launchlens.traces.cache.arrays import written
from launchlens.traces.cache.content import Content, content_of, is_big, key_of, unchanged
from launchlens.traces.details import COLLECTIVE_COLUMNS, MEMORY_COLUMNS, SHAPE_COLUMNS, STACK_COLUMNS, Details
from launchlens.traces.intervals import Ints
from launchlens.traces.problems import MEANINGS, Problem, Problems
from launchlens.traces.readers.reader import Reader
from launchlens.traces.schema import COLUMNS, Column, SchemaError, check, validate
from launchlens.traces.trace import Trace

_DETAILS: Mapping[str, Sequence[Column]] = {
    "collectives": COLLECTIVE_COLUMNS,
    "shapes": SHAPE_COLUMNS,
    "memory": MEMORY_COLUMNS,
    "modules": STACK_COLUMNS,
    "frames": STACK_COLUMNS,
}
#: The fields of a trace that are texts and numbers, and those that give one for each device.
_PLAIN = ("recorded_by", "recorded_by_version", "bytes", "looked_for_gpu")
_BY_DEVICE = ("devices", "memory_bandwidths")
#: The others, each of which has a form of its own; a test holds all of them together to the fields that there are.
_OTHERS = ("path", "events", "problems", "meta", "details", "python_processes", "python_frames")
_PYTHON = "python_frames.parquet"
#: What parts of an entry that are not what they should be raise.
_FAULTS = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, SchemaError, pa.ArrowException)
_TEXT = "text.json"


def read_once(
    path: Path, reader: Reader, *, partial: bool, read: Callable[[], Trace], content: Content | None = None
) -> Trace:
    """The trace at `path`: as it was kept, or as `read` reads it, which is kept then where it is big.

    `content` is that of its files, where the caller has it: hashing them is most of what a hit takes.
    """
    if content is None and store.folder() is not None and is_big(path):
        content = content_of(path)
    if content is None:
        return read()
    key = key_of("trace", content, reader, [partial])
    parts = store.find(key)
    if parts is not None:
        try:
            return unpacked(parts, path)
        except _FAULTS:
            store.forget(key)
    trace = read()
    if unchanged(path, content):
        parts = packed(trace)
        if parts is not None:
            store.keep(key, parts)
    return trace


def packed(trace: Trace) -> dict[str, bytes] | None:
    """The parts of an entry for a trace; None where it holds what has no form there."""
    parts: dict[str, bytes] = {}
    categories: dict[str, dict[str, list[Any]]] = {}
    parts["events.parquet"], categories["events"] = _packed(trace.events, COLUMNS)
    for name, columns in _DETAILS.items():
        frame = getattr(trace.details, name)
        if frame is not None:
            parts[f"{name}.parquet"], categories[name] = _packed(frame, columns)
    threads = list(trace.python_frames)
    parts[_PYTHON] = _packed_frames([trace.python_frames[each] for each in threads])
    text = {
        "plain": {name: getattr(trace, name) for name in _PLAIN},
        "rows": len(trace.events),
        "categories": categories,
        "by_device": {name: list(getattr(trace, name).items()) for name in _BY_DEVICE},
        "meta": [
            [name, [[list(key) if isinstance(key, tuple) else key, said] for key, said in value.items()]]
            if isinstance(value, dict)
            else [name, value]
            for name, value in trace.meta.items()
        ],
        "python_processes": sorted(trace.python_processes),
        "threads": threads,
        "problems": [[each.code, each.count, each.ns, list(each.details)] for each in trace.problems],
    }
    try:
        parts[_TEXT] = json.dumps(text).encode()
    except (TypeError, ValueError):
        return None
    return parts


def unpacked(parts: Mapping[str, bytes], path: Path) -> Trace:
    """The trace of an entry, checked as a reader's is. Raises _FAULTS where a part is not what it should be."""
    text = json.loads(parts[_TEXT])
    categories = text["categories"]
    events = _unpacked(parts["events.parquet"], COLUMNS, categories["events"])
    validate(events)
    if len(events) != text["rows"]:
        raise ValueError("the event table has other rows than were kept")
    details = {}
    for name, columns in _DETAILS.items():
        if f"{name}.parquet" in parts:
            details[name] = _unpacked(parts[f"{name}.parquet"], columns, categories[name])
            check(details[name], columns)
    problems = Problems({code: Problem(code, count, ns, tuple(said)) for code, count, ns, said in text["problems"]})
    if any(each.code not in MEANINGS for each in problems):
        raise ValueError("a problem of which nothing is known")
    simple: dict[str, Any] = {name: text["plain"][name] for name in _PLAIN}
    simple |= {name: dict(text["by_device"][name]) for name in _BY_DEVICE}
    threads = [(str(process), str(thread)) for process, thread in text["threads"]]
    return Trace(
        path=path,
        events=events,
        problems=problems,
        meta={
            name: {tuple(key) if isinstance(key, list) else key: said for key, said in value}
            if isinstance(value, list)
            else value
            for name, value in text["meta"]
        },
        details=Details(**details),
        python_processes=frozenset(text["python_processes"]),
        python_frames=dict(zip(threads, _unpacked_frames(parts[_PYTHON], len(threads)), strict=True)),
        **simple,
    )


def _packed(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[bytes, dict[str, list[Any]]]:
    arrays, categories = {}, {}
    for column in columns:
        values = frame[column.name]
        if column.dtype == "category":
            categories[column.name] = [str(values.cat.categories.dtype), values.cat.categories.tolist()]
            arrays[column.name] = pa.array(values.array.codes)
        else:
            arrays[column.name] = pa.array(values, from_pandas=True)
    return written(pa.table(arrays)), categories


def _unpacked(part: bytes, columns: Sequence[Column], categories: Mapping[str, Any]) -> pd.DataFrame:
    table = pq.read_table(io.BytesIO(part))
    data: dict[str, Any] = {}
    for column in columns:
        values = table.column(column.name)
        if column.dtype == "category":
            dtype, known = categories[column.name]
            data[column.name] = pd.Categorical.from_codes(values.to_numpy(), categories=pd.Index(known, dtype=dtype))
        elif column.nullable:
            kind = column.dtype.lower()
            absent = values.is_null().to_numpy()
            numbers = values.fill_null(0).to_numpy().astype(kind, copy=True)
            data[column.name] = pd.arrays.IntegerArray(numbers, absent.astype(bool, copy=True))
        else:
            data[column.name] = values.to_numpy().astype(column.dtype, copy=True)
    return pd.DataFrame(data, copy=False)


def _packed_frames(frames: Sequence[tuple[Ints, Ints]]) -> bytes:
    none = [np.zeros(0, np.int64)]
    of = np.repeat(np.arange(len(frames), dtype=np.int32), [len(starts) for starts, _ in frames])
    starts = np.concatenate([*(starts for starts, _ in frames), *none])
    ends = np.concatenate([*(ends for _, ends in frames), *none])
    return written(pa.table({"of": of, "start": starts, "end": ends}))


def _unpacked_frames(part: bytes, threads: int) -> list[tuple[Ints, Ints]]:
    table = pq.read_table(io.BytesIO(part))
    of, starts, ends = (table.column(name).to_numpy().astype(np.int64) for name in ("of", "start", "end"))
    return [(starts[of == number], ends[of == number]) for number in range(threads)]
