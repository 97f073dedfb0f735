"""Memory: what a caching allocator reported of each device, its peaks above all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.kernels import masked
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Groups
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("device", "name", "`cpu`, or the device's number"),
    Column("allocations", "count", "how often memory was allocated"),
    Column("releases", "count", "how often it was released"),
    Column("allocated_bytes", "size", "what was allocated, in all", title="allocated in all"),
    Column("peak_bytes", "size", "the most that was allocated at once; null where the recorder keeps no count", title="peak"),
    Column("peak_ns", "time", "when that was, from the first event of the trace", title="at"),
    Column("peak_reserved_bytes", "size", "the most that the allocator had reserved of the device; null where it reserves nothing",
           title="peak reserved"),
    Column("last_bytes", "size", "what was allocated at the last of these moments", title="at the end"),
)  # fmt: skip


def _samples(scope: Scope) -> pd.DataFrame:
    """The allocator's samples in the windows, in order of time."""
    told = scope.joined.trace.details.memory
    assert told is not None
    return told[scope.inside(told["start_ns"].to_numpy())].sort_values("start_ns", kind="stable")


def _answer(scope: Scope) -> Rows:
    told = _samples(scope)
    used, code = np.unique(told["device"].array.codes, return_inverse=True)
    groups = Groups(code.astype(np.int64), len(used))
    size, when = told["bytes"].to_numpy(), told["start_ns"].to_numpy()
    known, holds = told["allocated"].notna().to_numpy(), told["reserved"].fillna(0).to_numpy(np.int64)
    allocated = told["allocated"].fillna(0).to_numpy(np.int64)
    counted, reserves = groups.only(known), groups.only(holds > 0)
    peak = counted.ordered(allocated).max
    at_peak = groups.only(known & (allocated == peak[groups.codes]))
    backwards = Groups(groups.codes[::-1], groups.count).only(known[::-1])
    return Rows(
        {
            "device": [str(told["device"].cat.categories[each]) for each in used],
            "allocations": groups.only(size > 0).sizes,
            "releases": groups.only(size < 0).sizes,
            "allocated_bytes": groups.only(size > 0).sum(size),
            "peak_bytes": masked(peak, counted),
            "peak_ns": masked(at_peak.first(when) - int(scope.start.min()), counted),
            "peak_reserved_bytes": masked(reserves.ordered(holds).max, reserves),
            "last_bytes": masked(backwards.first(allocated[::-1]), counted),
        }
    ).ordered("device")


MEMORY = Question(
    name="memory",
    title="Memory",
    asks="How much memory was allocated at most, and when?",
    columns=COLUMNS,
    needs=(
        Need(
            lambda scope: scope.joined.trace.details.memory is not None and len(_samples(scope)) > 0,
            "no samples of an allocator, which torch.profiler's profile_memory takes",
        ),
    ),
    answer=_answer,
    nothing="no samples of an allocator",
    order="by device",
)
