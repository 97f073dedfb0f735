"""A timeline: what happened in one window of a trace, event by event, to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.schema import Column
from launchlens.traces.slice import Slice

#: A row per event, the GPU's first, in order of start. Times are from the window's start.
TIMELINE_COLUMNS: tuple[Column, ...] = (
    Column("lane", "str", "", False, "`host` or `gpu`"),
    Column("kind", "str", "", False, "as in the event table"),
    Column("name", "str", "", False, "as in the event table"),
    Column("start_ns", "int64", "ns", False, "start"),
    Column("end_ns", "int64", "ns", False, "end; that of GPU work may lie beyond the window's"),
    Column("depth", "int64", "", False, "nesting on the host, 0 outermost"),
    Column("stream", "Int64", "", True, "stream of GPU work; null on the host, and where it is not named"),
    Column("launch", "Int64", "", True, "a number that a launch call shares with the work it caused; null for other events"),
)  # fmt: skip


@dataclass(frozen=True)
class Timeline:
    """The events of one window of `length_ns`, which have TIMELINE_COLUMNS."""

    length_ns: int
    events: pd.DataFrame


def timeline(window: Slice) -> Timeline:
    """What happened in a slice of one window: the events of its thread, or process, that lie inside, and the work launched in it."""
    events, launches = window.joined.events, window.joined.launches
    low, high = int(window.start_ns[0]), int(window.end_ns[0])
    start = events["start_ns"].to_numpy()
    end = start + events["dur_ns"].to_numpy()
    thread, process = (events[each].array.codes for each in ("thread", "process"))
    on_thread = (
        process == window.process if window.thread is None else (thread == window.thread) & (process == window.process)
    )
    host = np.flatnonzero(on_thread & (start >= low) & (end <= high))
    gpu, owner = window.activities
    rows = np.concatenate((host, gpu))
    calls = launches.row[window.launches]
    launch = np.concatenate((_position(host, calls), _position(owner, window.launches)))
    depth = np.concatenate((_depth(start[host], end[host]), np.zeros(len(gpu), np.int64)))
    on_host = np.arange(len(rows)) < len(host)
    order = np.lexsort((depth, start[rows], on_host))
    rows, launch = rows[order], launch[order]
    frame = pd.DataFrame(
        {
            "lane": pd.array(np.where(on_host[order], "host", "gpu"), dtype="str"),
            "kind": _texts(events["kind"], rows),
            "name": _texts(events["name"], rows),
            "start_ns": start[rows] - low,
            "end_ns": end[rows] - low,
            "depth": depth[order],
            "stream": events["stream"].array[rows],
            "launch": pd.arrays.IntegerArray(launch, launch < 0),
        }
    )
    return Timeline(high - low, frame)


def _texts(column: pd.Series, rows: Ints) -> pd.api.extensions.ExtensionArray:
    """The names of a column of categories in these rows."""
    values = column.array
    return pd.array(values.categories.take(values.codes[rows]).to_numpy(dtype=object), dtype="str")


def _position(values: Ints, among: Ints) -> Ints:
    """Where each value stands in `among`, which are distinct; -1 for one that doesn't."""
    order = np.argsort(among, kind="stable")
    at = np.searchsorted(among, values, sorter=order)
    found = at < len(among)
    found[found] = among[order[at[found]]] == values[found]
    position = np.full(len(values), -1, np.int64)
    position[found] = order[at[found]]
    return position


def _depth(start: Ints, end: Ints) -> Ints:
    """Nesting depth of each of a few intervals (one iteration's, so a loop over them is fine)."""
    depth = np.zeros(len(start), np.int64)
    open_ends: list[int] = []
    for index in sorted(range(len(start)), key=lambda i: (start[i], -end[i])):
        while open_ends and open_ends[-1] <= start[index]:
            open_ends.pop()
        depth[index] = len(open_ends)
        open_ends.append(int(end[index]))
    return depth
