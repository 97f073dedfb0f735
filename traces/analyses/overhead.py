"""Overhead: what the recorder itself says that recording cost."""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Groups
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("name", "name", "what the recorder did, in its words"),
    Column("count", "count", "how often", title="times"),
    Column("total_ns", "time", "how long, in all", title="in all"),
    Column("median_ns", "time", "how long once, median", title="median"),
    Column("max_ns", "time", "the longest", title="longest"),
    Column("share", "share", "that as a share of the time from the first event to the last one", title="of the trace"),
)


def _answer(scope: Scope) -> Rows:
    rows = scope.host_rows("overhead")
    used, code = np.unique(scope.names.codes[rows], return_inverse=True)
    groups = Groups(code.astype(np.int64), len(used))
    duration = scope.dur[rows]
    spread = groups.ordered(duration)
    total = groups.sum(duration)
    span = int((scope.start + scope.dur).max() - scope.start.min())
    if scope.windows is not None:
        span = int((scope.windows.end_ns - scope.windows.start_ns).sum())
    return Rows(
        {
            "name": [str(each) for each in scope.names.categories[used].tolist()],
            "count": groups.sizes,
            "total_ns": total,
            "median_ns": spread.median,
            "max_ns": spread.max,
            "share": total / span if span else np.full(len(used), np.nan),
        }
    ).ordered("-total_ns", "name")


OVERHEAD = Question(
    name="overhead",
    title="What the recorder cost",
    asks="What does the recorder say that recording cost?",
    columns=COLUMNS,
    needs=(Need(lambda scope: len(scope.host_rows("overhead")) > 0, "no overhead of its recorder"),),
    answer=_answer,
    nothing="no overhead of its recorder",
    order="by time",
)
