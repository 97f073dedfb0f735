"""Latency by launch path: the call that was made and what it caused, from the call's start to the work's start."""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.kernels import masked
from launchlens.traces.analyses.question import LAUNCHES, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Groups
from launchlens.traces.tables.rows import Rows
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


def _answer(scope: Scope) -> Rows:
    chosen, of = scope.launches, scope.of
    api, activity = (of.columns[each] for each in ("api", "activity"))
    width = len(activity.categories) + 1
    pair = api.codes[chosen].astype(np.int64) * width + activity.codes[chosen] + 1
    used, code = np.unique(pair, return_inverse=True)
    groups = Groups(code.astype(np.int64), len(used))
    call = of.end_ns[chosen] - of.start_ns[chosen]
    queued = groups.only(of.queued[chosen])
    worked = groups.only(of.caused_work[chosen] & (of.gpu_start_ns[chosen] >= of.start_ns[chosen]))
    latency = worked.ordered(of.gpu_start_ns[chosen] - of.start_ns[chosen])
    calls, caused = api.categories.tolist(), [None, *activity.categories.tolist()]
    activities = [caused[each % width] for each in used.tolist()]
    return Rows(
        {
            "api": [str(calls[each // width]) for each in used.tolist()],
            "activity": activities,
            "calls": groups.sizes,
            "api_total_ns": groups.sum(call),
            "api_ns": groups.median(call),
            "queued": queued.sizes,
            "queue_ns": masked(queued.median(of.queue_ns[chosen]), queued),
            "latency_ns": masked(latency.median, worked),
            "latency_max_ns": masked(latency.max, worked),
        }
    ).ordered("-api_total_ns", "api", "activity", activity=[each or "" for each in activities])


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
