"""The launch queue: how many launches wait for the GPU at any time, and whether calls take longer behind many of them.

A launch is in flight from the end of its call until its work starts. A driver takes only so many launches ahead (1,024 of a CUDA stream);
a call behind that many waits until there is room.
"""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.kernels import masked
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import moments
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column
from launchlens.traces.thresholds import THRESHOLDS

#: Least number of launches in flight of each class, and what the classes are called.
_FROM = (0, 1, 2, 10, 100, 1000)
CLASSES = ("0", "1", "2 to 9", "10 to 99", "100 to 999", "1000 and more")

COLUMNS = (
    Column("in_flight", "code", f"launches in flight: {', '.join(CLASSES)}", title="in flight"),
    Column("total_ns", "time", "for how long there were so many, from the first launch to the last start of work", title="time"),
    Column("share", "share", "that as a share of the whole time between"),
    Column("launches", "count", "launches that were made behind so many"),
    Column("call_ns", "time", "time of the host in such a call, median; null without any", title="in the call"),
    Column("held_up", "count", f"calls among them that took {THRESHOLDS.held_up_call:.0f} times the median of all launch calls or longer", title="held up"),
    Column("blocked_ns", "time", "what these took beyond that median, in all: behind 1000 and more, time blocked on a full queue",
           title="held up for"),
)  # fmt: skip


def _answer(scope: Scope) -> Rows:
    of = scope.of
    chosen = scope.launches[of.caused_work[scope.launches]]
    start, end = of.start_ns[chosen], of.end_ns[chosen]
    begins = np.maximum(of.gpu_start_ns[chosen], end)
    edges = moments(start, end, begins)
    change = np.zeros(len(edges), np.int64)
    np.add.at(change, np.searchsorted(edges, end), 1)
    np.add.at(change, np.searchsorted(edges, begins), -1)
    depth = np.cumsum(change)
    class_of = np.searchsorted(_FROM, depth, side="right") - 1
    length = np.zeros(len(CLASSES), np.int64)
    np.add.at(length, class_of[:-1], np.diff(edges))
    call = end - start
    usual = float(np.median(call))
    groups = Groups(class_of[np.searchsorted(edges, start)], len(CLASSES))
    late = call >= max(THRESHOLDS.held_up_call * usual, 1)
    held = groups.only(late)
    whole = int(length.sum())
    return Rows(
        {
            "in_flight": list(CLASSES),
            "total_ns": length,
            "share": length / whole if whole else np.full(len(CLASSES), np.nan),
            "launches": groups.sizes,
            "call_ns": masked(groups.median(call), groups),
            "held_up": held.sizes,
            "blocked_ns": held.sum(np.rint(call - usual).astype(np.int64)),
        }
    ).taken((length > 0) | (groups.sizes > 0))


LAUNCH_QUEUE = Question(
    name="launch_queue",
    title="Launches in flight",
    asks="How far ahead of the GPU is the host, and is it held up by a full queue?",
    columns=COLUMNS,
    needs=(Need(lambda scope: bool(scope.of.caused_work[scope.launches].any()), "no launch with GPU work"),),
    answer=_answer,
    nothing="no launch with GPU work",
    order="by number in flight",
)
