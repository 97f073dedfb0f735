"""Overhead: what the recorder itself says that recording cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.groups import Groups
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("name", "name", "what the recorder did, in its words"),
    Column("count", "count", "how often", title="times"),
    Column("total_ns", "time", "how long, in all", title="in all"),
    Column("median_ns", "time", "how long once, median", title="median"),
    Column("max_ns", "time", "the longest", title="longest"),
    Column("share", "share", "that as a share of the time from the first event to the last one", title="of the trace"),
)


def _answer(scope: Scope) -> pd.DataFrame:
    rows = scope.host_rows("overhead")
    names = scope.events["name"].cat
    used, code = np.unique(names.codes.to_numpy()[rows], return_inverse=True)
    groups = Groups(code.astype(np.int64), len(used))
    duration = scope.dur[rows]
    spread = groups.ordered(duration)
    total = groups.sum(duration)
    span = int((scope.start + scope.dur).max() - scope.start.min())
    if scope.windows is not None:
        span = int((scope.windows.end_ns - scope.windows.start_ns).sum())
    frame = pd.DataFrame(
        {
            "name": [str(each) for each in names.categories[used]],
            "count": groups.sizes,
            "total_ns": total,
            "median_ns": spread.median,
            "max_ns": spread.max,
            "share": total / span if span else np.full(len(used), np.nan),
        }
    )
    return frame.sort_values(["total_ns", "name"], ascending=[False, True], kind="stable", ignore_index=True)


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
