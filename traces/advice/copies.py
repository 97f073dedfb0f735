"""`pin-memory` and `overlap-copy`: copies between host and device that something waits for.

A copy from or to pageable memory goes through a buffer of the driver's, and holds the host as long. From pinned memory it runs at
the link's speed, and the host goes on (`non_blocking=True`). A pinned copy on a stream of its own runs beside other work.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from launchlens.traces.advice.candidate import Candidate
from launchlens.traces.advice.region import Region
from launchlens.traces.columns import is_any, numbers
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.replay import Change
from launchlens.traces.thresholds import THRESHOLDS

_PAGEABLE = re.compile("pageable", re.IGNORECASE)


def pin(region: Region) -> list[Candidate]:
    """One candidate: the copies of pageable memory of the steps, where they move enough to matter."""
    chosen = _copies(region, pageable=True)
    if not len(chosen):
        return []
    stepped = region.stepped
    work, rows = region.work_of[chosen], region.launch_rows[chosen]
    if not region.in_most_steps(rows):
        return []
    moved = numbers(stepped.events, "bytes", absent=0).astype(np.float64)[work]
    took = (stepped.end - stepped.start)[work].astype(np.float64)
    best = _best_rate(region)
    slow = np.minimum(took, moved / (best or THRESHOLDS.link_least))
    fast = np.minimum(took, moved / (best or THRESHOLDS.link_most))
    waits = _waits_of(region, chosen)
    # at least the copy is quicker, and the call with it; at most the host doesn't stay for it either
    start, end = stepped.start[rows], stepped.end[rows]
    call = np.maximum((end - start).sum(), 1)
    stays = float(min(1.0, (slow.sum() + len(rows) * THRESHOLDS.copy_call_most_ns) / call))
    everything = Change(
        gone=((start, end, float(min(1.0, len(rows) * THRESHOLDS.copy_call_least_ns / call))),),
        duration=(work, fast),
        unwaited=waits,
    )
    return [
        Candidate(
            "pin-memory",
            region.where(region.places[chosen], _by_op(region, chosen)),
            Change(gone=((start, end, stays),), duration=(work, slow)),
            everything,
            region.evidence(work) + region.evidence(rows, 1) + region.evidence(waits, 1),
        )
    ]


def overlap(region: Region) -> list[Candidate]:
    """One candidate: the time in which copies of pinned memory run alone on the device, as far as other work could run beside."""
    chosen = _copies(region, pageable=False)
    if not len(chosen):
        return []
    stepped = region.stepped
    work, rows = region.work_of[chosen], region.launch_rows[chosen]
    if not region.in_most_steps(rows):
        return []
    took = (stepped.end - stepped.start)[work].astype(np.float64)
    alone = exposed(region, work)
    if not alone.sum():
        return []
    others = float(region.replay.took.sum() - took.sum())
    hidden = min(1.0, others / float(alone.sum()))
    waits = _waits_of(region, chosen)
    return [
        Candidate(
            "overlap-copy",
            region.where(region.places[chosen], _by_op(region, chosen)),
            Change(duration=(work, took - alone * hidden * THRESHOLDS.overlapped_least)),
            Change(duration=(work, took - alone * hidden), unwaited=waits),
            region.evidence(work) + region.evidence(waits, 1),
        )
    ]


def exposed(region: Region, work: Ints) -> npt.NDArray[np.float64]:
    """How long each piece of some work runs while no other work does."""
    stepped = region.stepped
    chosen = np.isin(stepped.work, work)
    start, end = stepped.alone(chosen)
    total = np.concatenate(([0], np.cumsum(end - start)))

    def until(moment: Ints) -> npt.NDArray[np.float64]:
        at = np.searchsorted(start, moment, side="right")
        part = np.where(at > 0, np.minimum(moment, end[at - 1]) - start[at - 1], 0) if len(start) else 0
        return (total[np.maximum(at - 1, 0)] + part).astype(np.float64)

    found: npt.NDArray[np.float64] = until(stepped.end[work]) - until(stepped.start[work])
    return found


def _copies(region: Region, *, pageable: bool) -> Ints:
    """Launches of copies between host and device, as positions in `region.launches`, of pageable or of other memory."""
    events = region.stepped.events
    between = (region.work_of >= 0) & is_any(events, "copy_kind", "HtoD", "DtoH")[region.work_of]
    said = region.says([bool(_PAGEABLE.search(name)) for name in region.names], region.work_of)
    # values that are read are no data: what they cost is the wait, and another advice's
    large = numbers(events, "bytes", absent=0)[region.work_of] >= THRESHOLDS.read_value_bytes
    return np.flatnonzero(between & large & (said if pageable else ~said))


def _best_rate(region: Region) -> float | None:
    """The rate of the quickest large pinned copy of the trace, bytes per ns; None where there is none."""
    stepped = region.stepped
    rows = stepped.work[stepped.is_copy]
    rows = rows[~region.says([bool(_PAGEABLE.search(name)) for name in region.names], rows)]
    moved = numbers(stepped.events, "bytes", absent=0).astype(np.float64)[rows]
    took = (stepped.end - stepped.start)[rows]
    large = (moved >= THRESHOLDS.large_copy_bytes) & (took > 0)
    return float((moved[large] / took[large]).max()) if large.any() else None


def _waits_of(region: Region, chosen: Ints) -> Ints:
    """Waits of the host in the ops that make some copies."""
    if not len(region.waits):
        return region.waits
    _, outer = region.stepped.op_around(region.waits)
    of_copies = region.around[1][chosen]
    return region.waits[(outer >= 0) & np.isin(outer, of_copies[of_copies >= 0])]


def _by_op(region: Region, chosen: Ints) -> str:
    outer = int(region.around[1][chosen[0]])
    return f"`{region.named(outer if outer >= 0 else int(region.launch_rows[chosen[0]]))}`"
