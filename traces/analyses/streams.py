"""Streams: what ran on each, and how many of a device's streams worked at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.coverage import at_once, covered_ns, unions
from launchlens.traces.analyses.question import GPU_WORK, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints, moments, union
from launchlens.traces.tables.rows import Rows, one_below_another
from launchlens.traces.tables.table import Column

STREAM_COLUMNS = (
    Column("device", "name", "the device's number"),
    Column("context", "name", "the context; null where the recorder names none"),
    Column("stream", "name", "the stream, unique within device and context"),
    Column("activities", "count", "GPU activities on it"),
    Column("kernels", "count", "kernels among them"),
    Column("busy_ns", "time", "time in which any of them ran", title="busy"),
    Column("share", "share", "that as a share of the time in which the device was busy", title="of the device's"),
    Column("alone_ns", "time", "of its busy time, that in which no other stream of the device worked", title="alone"),
)


def _streams(scope: Scope) -> Rows:
    rows = scope.work
    events = scope.events
    _, code = np.unique(scope.stream[rows], return_inverse=True)
    code = code.astype(np.int64)
    groups = Groups(code, int(code.max()) + 1)
    start, end = scope.start[rows], scope.start[rows] + scope.dur[rows]
    low, high, of = unions(start, end, code)
    busy = Groups(of, groups.count).sum(high - low)
    first = rows[groups.first(np.arange(len(rows)))]
    device = events["device"].array[first].to_numpy(np.int64, na_value=-1)
    alone, whole = np.zeros(groups.count, np.int64), np.zeros(groups.count, np.int64)
    for each in np.unique(device).tolist():
        mine = device[of] == each
        left, right = union(low[mine], high[mine])
        whole[device == each] = (right - left).sum()
        edges_low, edges_high = _alone(low[mine], high[mine])
        np.add.at(alone, of[mine], covered_ns(low[mine], high[mine], edges_low, edges_high))
    kernel = np.isin(rows, scope.work_of("kernel"), assume_unique=True)
    return Rows(
        {
            **{each: _texts(events[each].array[first]) for each in ("device", "context", "stream")},
            "activities": groups.sizes,
            "kernels": groups.only(kernel).sizes,
            "busy_ns": busy,
            "share": np.divide(busy, whole, out=np.full(len(busy), np.nan), where=whole > 0),
            "alone_ns": alone,
        }
    ).ordered("-busy_ns")


def _alone(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """The times in which exactly one of some intervals is open."""
    edges = moments(low, high)
    change = np.zeros(len(edges), np.int64)
    np.add.at(change, np.searchsorted(edges, low), 1)
    np.add.at(change, np.searchsorted(edges, high), -1)
    one = np.cumsum(change)[:-1] == 1
    return union(edges[:-1][one], edges[1:][one])


def _texts(values: pd.arrays.IntegerArray) -> list[str | None]:
    return [None if value is pd.NA else str(value) for value in values.tolist()]


CONCURRENCY_COLUMNS = (
    Column("device", "name", "the device's number"),
    Column("streams", "count", "how many of its streams worked at once; 0: none did"),
    Column("total_ns", "time", "for how long, between the first start and the last end of its work", title="time"),
    Column("share", "share", "that as a share of the whole time between", title="share"),
)


def _concurrency(scope: Scope) -> Rows:
    rows = scope.work
    device = scope.events["device"].array[rows].to_numpy(np.int64, na_value=-1)
    stream = scope.stream[rows]
    start, end = scope.start[rows], scope.start[rows] + scope.dur[rows]
    parts = []
    for each in np.unique(device).tolist():
        mine = device == each
        low, high, _ = unions(start[mine], end[mine], stream[mine])
        depth, length = at_once(low, high)
        whole = length.sum()
        parts.append(
            Rows(
                {
                    "device": [None if each < 0 else str(each)] * len(length),
                    "streams": depth,
                    "total_ns": length,
                    "share": length / whole if whole else np.full(len(length), np.nan),
                }
            ).taken(length > 0)
        )
    return one_below_another(parts)


STREAMS = Question(
    name="streams",
    title="Streams",
    asks="Which streams work, and does any of them work beside another?",
    columns=STREAM_COLUMNS,
    needs=(GPU_WORK,),
    answer=_streams,
    nothing="no GPU work",
    order="by busy time",
)
CONCURRENCY = Question(
    name="concurrency",
    title="Streams at once",
    asks="How many streams of a device work at once, and for how long?",
    columns=CONCURRENCY_COLUMNS,
    needs=(GPU_WORK,),
    answer=_concurrency,
    nothing="no GPU work that takes time",
    order="by device and number",
)
