"""`remove-sync`: waits of the host for the device, with the reads that they end and the ops that only make what is read.

    op   |- norm -|  |- item: copy, wait -|  |- norm -|  |- item: copy, wait -|

At least the read goes; at most also the ops before it that sum something up, back to the read before or to an op that changes a
tensor in place: their result has no other reader that was seen.

An op whose result has as many elements as its input decides (`nonzero`, in `x[mask]`) waits for that number:

    op   |- index: |- nonzero: launches, copy, wait -|, launches -|

A program that keeps the size (`torch.where`) has no such op: at least it goes, and at most what is around it becomes one launch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from launchlens.traces.advice.candidate import Candidate
from launchlens.traces.advice.region import Region
from launchlens.traces.columns import is_any, numbers
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.replay import Change, Shares
from launchlens.traces.thresholds import THRESHOLDS

#: Ops that do nothing but bring a value to the host.
_READS = re.compile(r"^aten::(item|_local_scalar_dense|is_nonzero|equal|allclose|to|_to_copy|copy_|cpu)$")
#: Ops that sum up or compare: what a program computes to look at.
_SUMS_UP = re.compile(
    r"^aten::(linalg_)?(vector_)?(norm|sum|mean|max|min|amax|amin|argmax|argmin|std|var|median|isnan|isinf|isfinite|any|all|abs|"
    r"count_nonzero|nansum|nanmean|eq|ne|gt|lt|ge|le|logical_and|logical_or|logical_not|pow|square|sqrt|div|mul|sub|add|rsub|"
    r"stack|cat|detach|to|_to_copy|float|double|clone|view|reshape|flatten|squeeze|unsqueeze|_foreach_norm)$|^detach$"
)

#: Ops that wait to know how large their result is.
_SIZED = re.compile(r"^aten::(nonzero|masked_select|_unique2?|unique_dim|unique_consecutive|repeat_interleave)$")


def propose(region: Region) -> list[Candidate]:
    """One candidate a place in which the host waits in at least half of the steps."""
    stepped, waits = region.stepped, region.waits
    if not len(waits):
        return []
    _, outer = stepped.op_around(waits)
    brings_in = _uploads(region, outer, at_least=THRESHOLDS.read_value_bytes)
    waits, outer = waits[~brings_in], outer[~brings_in]
    place = stepped.place(stepped.start[waits])
    key = np.where(place >= 0, region.code[place], -2 - region.code[np.where(outer >= 0, outer, waits)])
    found = []
    for each in np.unique(key):
        mine = key == each
        if region.in_most_steps(waits[mine]):
            found.append(_candidate(region, waits[mine], outer[mine], place[mine]))
    return found


def _uploads(region: Region, outer: Ints, *, at_least: int) -> npt.NDArray[np.bool_]:
    """Of waits, by the op around each: whether it is one for a copy of so many bytes to the device; of data that is another advice's."""
    events = region.stepped.events
    to_device = is_any(events, "copy_kind", "HtoD") & (numbers(events, "bytes", absent=0) >= at_least)
    launched = region.around[1][(region.work_of >= 0) & to_device[region.work_of]]
    return (outer >= 0) & np.isin(outer, launched)


def _candidate(region: Region, waits: Ints, outer: Ints, place: Ints) -> Candidate:
    stepped = region.stepped
    # a small value that is brought in could be made there: then at most all of its copy goes
    brings_in = _uploads(region, outer, at_least=0)
    reads = region.says([bool(_READS.match(name)) for name in region.names], outer) & ~brings_in
    unit = np.where(reads, outer, waits)
    start, end = stepped.start[unit], stepped.end[unit]
    launched = np.isin(region.around[1], outer[reads])
    inner, _ = stepped.op_around(waits)
    sized = np.flatnonzero(
        region.says([bool(_SIZED.match(name)) for name in region.names], inner) & ~reads & ~brings_in
    )
    kept_size = _kept_size(region, inner[sized], outer[sized])
    low, made = _feeding(region, waits[reads], outer[reads], place[reads])
    least = Change(
        gone=((start, end, 0.0), *kept_size.gone_at_least),
        dropped=region.caused(launched | kept_size.dropped_at_least),
        unwaited=waits,
    )
    most = Change(
        gone=(
            (start, end, 0.0),
            (low, stepped.end[outer[reads]], 0.0),
            (stepped.start[outer[brings_in]], stepped.end[outer[brings_in]], 0.0),
            *kept_size.gone_at_most,
        ),
        dropped=region.caused(
            launched
            | np.isin(region.around[1], made)
            | np.isin(region.around[1], outer[brings_in])
            | kept_size.dropped_at_most
        ),
        unwaited=waits,
    )
    named = region.named(int(outer[0])) if outer[0] >= 0 else region.named(int(waits[0]))
    evidence = region.evidence(np.unique(outer[reads])) + region.evidence(waits) + region.evidence(made)
    return Candidate("remove-sync", region.where(place, f"`{named}`"), least, most, evidence)


@dataclass(frozen=True)
class _KeptSize:
    """What goes where results keep the size of what they are made from: host time, as in `Change.gone`, and launches of the region."""

    gone_at_least: tuple[tuple[Ints, Ints, Shares], ...]
    gone_at_most: tuple[tuple[Ints, Ints, Shares], ...]
    dropped_at_least: npt.NDArray[np.bool_]
    dropped_at_most: npt.NDArray[np.bool_]


def _kept_size(region: Region, inner: Ints, outer: Ints) -> _KeptSize:
    """Of ops that wait for the size of their result, `inner`, and the outermost ops around them."""
    stepped, launches = region.stepped, region.around
    none = np.zeros(len(region.launches), bool)
    if not len(inner):
        return _KeptSize((), (), none, none)
    # an op that is not part of another is what the program asks for: of that only the wait is known not to be needed
    within = inner != outer
    start, end = stepped.start[inner[within]], stepped.end[inner[within]]
    tops = np.unique(outer)
    of_tops = np.flatnonzero(np.isin(launches[1], tops))
    # launches are in order of their start, and outermost ops of a thread follow each other: the last of each stays
    at = np.searchsorted(tops, launches[1][of_tops])
    made = np.bincount(at, minlength=len(tops))
    last = np.zeros(len(tops), np.int64)
    np.maximum.at(last, at, of_tops)
    at_most = np.isin(launches[1], tops)
    at_most[last[made > 0]] = False
    # at most it becomes what ops of one launch usually are
    took = (stepped.end - stepped.start)[tops]
    ops, count = np.unique(launches[1][launches[1] >= 0], return_counts=True)
    usual = np.median((stepped.end - stepped.start)[ops[count == 1]]) if (count == 1).any() else np.inf
    stays = np.minimum(1 / np.maximum(made, 1), usual / np.maximum(took, 1))
    return _KeptSize(
        ((start, end, 0.0),),
        ((stepped.start[tops], stepped.end[tops], stays),),
        np.isin(launches[0], inner[within]),
        at_most,
    )


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
