"""Latency by launch path: the call that was made and what it caused, from the call's start to the work's start."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.groups import Groups
from launchlens.traces.analyses.kernels import masked
from launchlens.traces.analyses.question import LAUNCHES, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("api", "name", "the API call", title="API call"),
    Column("activity", "name", "what it caused, as `memcpy DtoD`; null where nothing was recorded", title="caused"),
    Column("calls", "count", "how many calls"),
    Column("api_total_ns", "time", "time of the host in them, in all", title="in all"),
    Column("api_ns", "time", "time in one call, median", title="in the call"),
    Column("queued", "count", "calls whose work started at or after their end", title="times queued"),
    Column("queue_ns", "time", "from the end of such a call to the start of its work, median", title="queued"),
    Column("latency_ns", "time", "from the start of a call to the start of its work, median: launch latency", title="latency"),
    Column("latency_max_ns", "time", "the longest such time", title="longest latency"),
)  # fmt: skip


def _answer(scope: Scope) -> pd.DataFrame:
    chosen, of = scope.launches, scope.of
    api, activity = (of.table[each].cat for each in ("api", "activity"))
    width = len(activity.categories) + 1
    pair = api.codes.to_numpy(np.int64)[chosen] * width + activity.codes.to_numpy(np.int64)[chosen] + 1
    used, code = np.unique(pair, return_inverse=True)
    groups = Groups(code.astype(np.int64), len(used))
    call = of.end_ns[chosen] - of.start_ns[chosen]
    queued = groups.only(of.queued[chosen])
    worked = groups.only(of.caused_work[chosen] & (of.gpu_start_ns[chosen] >= of.start_ns[chosen]))
    latency = worked.ordered(of.gpu_start_ns[chosen] - of.start_ns[chosen])
    frame = pd.DataFrame(
        {
            "api": [str(api.categories[each // width]) for each in used],
            "activity": [str(activity.categories[each % width - 1]) if each % width else None for each in used],
            "calls": groups.sizes,
            "api_total_ns": groups.sum(call),
            "api_ns": groups.median(call),
            "queued": queued.sizes,
            "queue_ns": masked(queued.median(of.queue_ns[chosen]), queued),
            "latency_ns": masked(latency.median, worked),
            "latency_max_ns": masked(latency.max, worked),
        }
    )
    by = frame.assign(activity=frame["activity"].fillna(""))
    order = by.sort_values(["api_total_ns", "api", "activity"], ascending=[False, True, True], kind="stable").index
    return frame.loc[order].reset_index(drop=True)


LATENCY = Question(
    name="latency",
    title="Launch latency",
    asks="How long does a launch take, in the call, in the queue, and until its work starts?",
    columns=COLUMNS,
    needs=(LAUNCHES,),
    answer=_answer,
    nothing="no launches",
    order="by time in the call",
)
