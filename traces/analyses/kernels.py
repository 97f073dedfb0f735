"""Kernels by name: how often each ran, how long, on which streams, and what it took to launch them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.kernel_names import is_compilers_triton, short_name
from launchlens.traces.analyses.question import KERNELS as HOLDS_KERNELS
from launchlens.traces.analyses.question import Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("name", "name", "the kernel, as recorded", hint="title"),
    Column("short_name", "name", "its name without return type, template arguments and arguments", title="kernel"),
    Column("made_by", "code", "`torch.compile` of a Triton kernel whose name is one that this gives; null of others", title="made by"),
    Column("count", "count", "how often it ran", title="times"),
    Column("total_ns", "time", "its GPU time, in all", title="in all"),
    Column("share", "share", "its share of the GPU time of all kernels", bar=True),
    Column("median_ns", "time", "GPU time of one, median", title="median"),
    Column("min_ns", "time", "the shortest", title="shortest"),
    Column("max_ns", "time", "the longest", title="longest"),
    Column("deviation_ns", "time", "standard deviation of the GPU time of one; null of one alone", title="deviation"),
    Column("streams", "count", "streams that it ran on, over all devices"),
    Column("launches", "count", "how many of them had a launch call of their own, and no graph's or batch's"),
    Column("launch_ns", "time", "time of the host in such a call, median; null without any", title="launch call"),
    Column("queue_ns", "time", "from the end of such a call to the kernel's start, median of those that start no earlier",
           title="queued"),
    Column("short", "count", "how many ran shorter than their own launch call took", title="shorter than their call"),
    Column("in_graphs", "count", "how many were launched as part of a graph", title="in graphs"),
)  # fmt: skip


def _answer(scope: Scope) -> Rows:
    rows = scope.work_of("kernel")
    used, code = np.unique(scope.names.codes[rows], return_inverse=True)
    groups = Groups(code.astype(np.int64), len(used))
    duration = scope.dur[rows]
    total, spread = groups.sum(duration), groups.ordered(duration)
    own, call, queue = own_call(scope, rows)
    alone = groups.only(own)
    queued = groups.only(own & (queue >= 0))
    name = [str(each) for each in scope.names.categories[used].tolist()]
    deviation = groups.deviation(duration)
    of_one = np.isnan(deviation)
    return Rows(
        {
            "name": name,
            "short_name": [short_name(each) for each in name],
            "made_by": ["torch.compile" if is_compilers_triton(each) else None for each in name],
            "count": groups.sizes,
            "total_ns": total,
            "share": total / total.sum() if total.sum() else np.full(len(used), np.nan),
            "median_ns": spread.median,
            "min_ns": spread.min,
            "max_ns": spread.max,
            "deviation_ns": pd.arrays.IntegerArray(np.where(of_one, 0, np.round(deviation)).astype(np.int64), of_one),
            "streams": groups.distinct(scope.stream[rows]),
            "launches": alone.sizes,
            "launch_ns": masked(alone.median(call), alone),
            "queue_ns": masked(queued.median(queue), queued),
            "short": masked(groups.only(own & (duration < call)).sizes, alone),
            "in_graphs": groups.only(in_graph(scope, rows)).sizes,
        }
    ).ordered("-total_ns", "name")


def masked(values: Ints, groups: Groups) -> pd.arrays.IntegerArray:
    """Values of groups, null where a group has no rows."""
    return pd.arrays.IntegerArray(values, groups.empty)


def own_call(scope: Scope, rows: Ints) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Ints, Ints]:
    """Of some GPU activities: whether a call launched each alone, how long the host was in it, and from its end to the start."""
    launch = scope.launch_of[rows]
    activities = scope.of.columns["activities"]
    own = launch >= 0
    if not len(activities):
        return own, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    own &= (activities[launch] == 1) & ~in_graph(scope, rows)
    call = scope.of.end_ns - scope.of.start_ns
    return own, call[launch], scope.start[rows] - scope.of.end_ns[launch]


def in_graph(scope: Scope, rows: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which GPU activities a graph launched: by the recorder's word, or by the call that launched it."""
    found = ~scope.events["graph"].array.isna()[rows]
    submits = scope.of.columns["submits"]
    if "graph" in submits.categories and len(submits):
        by_graph = submits.codes == submits.categories.get_loc("graph")
        launch = scope.launch_of[rows]
        found = found | ((launch >= 0) & by_graph[launch])
    return np.asarray(found, bool)


KERNELS = Question(
    name="kernels",
    title="Kernels",
    asks="Which kernels take the GPU's time, and what do they cost to launch?",
    columns=COLUMNS,
    needs=(HOLDS_KERNELS,),
    answer=_answer,
    nothing="no kernels",
    order="by GPU time",
    brief=("name", "short_name", "count", "total_ns", "share", "median_ns", "launch_ns", "short"),
)
