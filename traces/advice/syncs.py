"""`remove-sync`: waits of the host for the device, with the reads that they end and the ops that only make what is read.

    op   |- norm -|  |- item: copy, wait -|  |- norm -|  |- item: copy, wait -|

At least the read goes; at most also the ops before it that sum something up, back to the read before or to an op that changes a
tensor in place: their result has no other reader that was seen.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from launchlens.traces.advice.candidate import Candidate
from launchlens.traces.advice.region import Region
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.replay import Change

#: Ops that do nothing but bring a value to the host.
_READS = re.compile(r"^aten::(item|_local_scalar_dense|is_nonzero|equal|allclose|to|_to_copy|copy_|cpu)$")
#: Ops that sum up or compare: what a program computes to look at.
_SUMS_UP = re.compile(
    r"^aten::(linalg_)?(vector_)?(norm|sum|mean|max|min|amax|amin|argmax|argmin|std|var|median|isnan|isinf|isfinite|any|all|abs|"
    r"count_nonzero|nansum|nanmean|eq|ne|gt|lt|ge|le|logical_and|logical_or|logical_not|pow|square|sqrt|div|mul|sub|add|rsub|"
    r"stack|cat|detach|to|_to_copy|float|double|clone|view|reshape|flatten|squeeze|unsqueeze|_foreach_norm)$|^detach$"
)


def propose(region: Region) -> list[Candidate]:
    """One candidate a place in which the host waits in at least half of the steps."""
    stepped, waits = region.stepped, region.waits
    if not len(waits):
        return []
    _, outer = stepped.op_around(waits)
    brings_in = _uploads(region, outer)
    waits, outer = waits[~brings_in], outer[~brings_in]
    place = stepped.place(stepped.start[waits])
    key = np.where(place >= 0, region.code[place], -2 - region.code[np.where(outer >= 0, outer, waits)])
    found = []
    for each in np.unique(key):
        mine = key == each
        if region.in_most_steps(waits[mine]):
            found.append(_candidate(region, waits[mine], outer[mine], place[mine]))
    return found


def _uploads(region: Region, outer: Ints) -> npt.NDArray[np.bool_]:
    """Of waits, by the op around each: whether it is one for a copy to the device, which is another advice's."""
    kinds = region.stepped.events["copy_kind"].astype(object)
    to_device = (kinds == "HtoD").to_numpy(bool)
    launched = region.around[1][(region.work_of >= 0) & to_device[region.work_of]]
    return (outer >= 0) & np.isin(outer, launched)


def _candidate(region: Region, waits: Ints, outer: Ints, place: Ints) -> Candidate:
    stepped = region.stepped
    reads = region.says([bool(_READS.match(name)) for name in region.names], outer)
    unit = np.where(reads, outer, waits)
    start, end = stepped.start[unit], stepped.end[unit]
    launched = np.isin(region.around[1], outer[reads])
    least = Change(gone=((start, end, 0.0),), dropped=region.caused(launched), unwaited=waits)
    low, made = _feeding(region, waits[reads], outer[reads], place[reads])
    dropped = region.caused(launched | np.isin(region.around[1], made))
    most = Change(gone=((start, end, 0.0), (low, stepped.end[outer[reads]], 0.0)), dropped=dropped, unwaited=waits)
    named = region.named(int(outer[0])) if outer[0] >= 0 else region.named(int(waits[0]))
    evidence = region.evidence(np.unique(outer[reads])) + region.evidence(waits) + region.evidence(made)
    return Candidate("remove-sync", region.where(place, f"`{named}`"), least, most, evidence)


def _feeding(region: Region, waits: Ints, reads: Ints, place: Ints) -> tuple[Ints, Ints]:
    """From when on all that the host does only makes what each read reads, and the ops that do."""
    stepped = region.stepped
    low, made = stepped.start[reads].copy(), []
    if not len(reads):
        return low, np.empty(0, np.int64)
    tops = stepped.ops.rows[np.unique(stepped.outermost)]
    tops = region.inside(tops)
    tops = tops[np.isin(stepped.thread[tops], np.unique(stepped.thread[waits]))]
    tops = tops[np.argsort(stepped.start[tops], kind="stable")]
    sums_up = region.says([bool(_SUMS_UP.match(name)) for name in region.names], tops)
    is_read = np.isin(tops, reads)
    of_place = stepped.place(stepped.start[tops])
    position = {int(row): number for number, row in enumerate(tops.tolist())}
    for number, (read, where) in enumerate(zip(reads.tolist(), place.tolist(), strict=True)):
        at = position.get(read)
        if at is None:
            continue
        first = at
        while first > 0 and sums_up[first - 1] and not is_read[first - 1] and of_place[first - 1] == where:
            first -= 1
        made.extend(tops[first:at].tolist())
        if first > 0 and of_place[first - 1] == where:
            # what stands between the op before and this one is the loop around the reads
            low[number] = stepped.end[tops[first - 1]] if is_read[first - 1] else stepped.start[tops[first]]
        else:
            low[number] = stepped.start[where] if where >= 0 else stepped.start[tops[first]]
    return low, np.unique(np.array(made, np.int64))
