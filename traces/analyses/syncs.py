"""Syncs: the calls that make the host wait for the device, by what made them, and the idle time of the device that followed."""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

WAITS = Need(lambda scope: len(scope.stepped.waits) > 0, "no calls that wait for the GPU")


def _answer(scope: Scope) -> Rows:
    stepped = scope.stepped
    rows = stepped.waits[scope.inside(stepped.start[stepped.waits])]
    inner, outer = stepped.op_around(rows)
    place = stepped.place(stepped.start[rows])
    frame_code, frames = _frames(scope, rows)
    code = np.append(scope.names.codes.astype(np.int64), -1)
    keys = {"api": code[rows], "op": code[outer], "inner_op": code[inner], "range": code[place], "frame": frame_code}
    groups, first = Groups.of(*keys.values())
    waited = groups.ordered((stepped.end - stepped.start)[rows])
    names = scope.names.categories
    return Rows(
        {
            **{
                name: [
                    None if each < 0 else frames[each] if name == "frame" else str(names[each])
                    for each in key[first].tolist()
                ]
                for name, key in keys.items()
            },
            "calls": groups.sizes,
            "total_ns": groups.sum((stepped.end - stepped.start)[rows]),
            "median_ns": waited.median,
            "max_ns": waited.max,
            "idle_after_ns": [None] * len(first) if stepped.gaps is None else groups.sum(idle_after(stepped, rows)),
        }
    ).ordered("-total_ns", "api")


def _frames(scope: Scope, rows: Ints) -> tuple[Ints, list[str]]:
    """The innermost frame of Python's stack that each of some host events lies in, as a code of the names beside; -1 for none."""
    told = scope.joined.trace.details.frames
    if told is None:
        return np.full(len(rows), -1, np.int64), []
    opened = Opened(told, np.arange(len(told)))
    process, thread = (scope.events[each].array.codes[rows].astype(np.int64) for each in ("process", "thread"))
    at = opened.at(process, thread, scope.start[rows])
    names = told["name"].array
    return np.where(at >= 0, names.codes[at], -1).astype(np.int64), [str(each) for each in names.categories]


def idle_after(stepped: Stepped, rows: Ints) -> Ints:
    """For each wait, in order of start, how long the device was idle from when it had nothing left during the wait, or from the
    wait's end, until it had work again, or the next wait began."""
    gaps = stepped.gaps
    start, end = stepped.start[rows], stepped.end[rows]
    if gaps is None or not len(gaps.start_ns):
        return np.zeros(len(rows), np.int64)
    at = np.searchsorted(gaps.start_ns, end, side="right") - 1
    holds = (at >= 0) & (gaps.end_ns[np.maximum(at, 0)] > end)
    at = np.maximum(at, 0)
    until = np.minimum(gaps.end_ns[at], np.append(start[1:], np.iinfo(np.int64).max))
    return np.where(holds, np.maximum(until - np.maximum(gaps.start_ns[at], start), 0), 0)


SYNCS = Question(
    name="syncs",
    title="Waits for the GPU",
    asks="Which calls make the host wait for the GPU, what made them, and how long was the GPU idle after?",
    columns=(
        Column("api", "name", "the call", title="call"),
        Column("op", "name", "the outermost op in which it is made", absent="none"),
        Column("inner_op", "name", "the innermost op in which it is made", title="innermost op", absent="none"),
        Column("range", "name", "the author's range in which it is made", absent="none"),
        Column(
            "frame",
            "name",
            "the innermost frame of Python's stack that has a file: its name without folder, line and function; null where the stack was not recorded",
            title="in Python",
            absent="none",
        ),
        Column("calls", "count", "how many of them"),
        Column("total_ns", "time", "how long they waited, in all", title="waited", bar=True),
        Column("median_ns", "time", "how long one waited, median", title="median"),
        Column("max_ns", "time", "how long the longest waited", title="longest"),
        Column(
            "idle_after_ns",
            "time",
            "how long the GPU was idle then, until it had work again or the next wait began",
            title="GPU idle after",
            absent="not recorded",
        ),
    ),
    needs=(WAITS,),
    answer=_answer,
    nothing="no call in the range that waits for the GPU",
    order="by time waited",
    brief=("api", "op", "range", "calls", "total_ns", "idle_after_ns"),
)
