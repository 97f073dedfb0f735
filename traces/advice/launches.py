"""`batch-launches`, `capture-graph` and `fuse-kernels`: the same work with fewer launches.

Batching is for one op after another over many tensors, as an optimizer's loop makes them; capturing for a region whose
launches are the same every time, with nothing in it that a graph can't hold; fusing for element-wise kernels in a row.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from launchlens.traces.advice.candidate import Candidate
from launchlens.traces.advice.region import Region, folded
from launchlens.traces.columns import is_any
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.gaps import loads_data
from launchlens.traces.steps.replay import Change
from launchlens.traces.steps.steps import is_users
from launchlens.traces.thresholds import THRESHOLDS

#: What PyTorch has a `torch._foreach_…` of.
_FOREACH = re.compile(
    r"^aten::(abs|acos|add|addcdiv|addcmul|asin|atan|ceil|clamp|clamp_max|clamp_min|copy|cos|cosh|div|erf|erfc|exp|expm1|fill|floor|"
    r"frac|lerp|lgamma|log|log10|log1p|log2|max|maximum|minimum|mul|neg|norm|linalg_vector_norm|pow|reciprocal|round|rsqrt|sigmoid|"
    r"sign|sin|sinh|sqrt|sub|tan|tanh|trunc|zero|square|where|bernoulli|clone|zeros_like|_to_copy|to)_?$"
)
#: Of these what shows that the ops are over many tensors, each for itself, and not one after the other on one.
_EACH = re.compile(r"^aten::(\w*_|norm|linalg_vector_norm|copy_|zero_|max|clone|zeros_like|to|_to_copy)$")
_POINTWISE = re.compile(r"elementwise_kernel|(^|_)triton_poi_", re.IGNORECASE)


# -- batch-launches


def batch(region: Region) -> list[Candidate]:
    """One candidate a place: runs of ops that each launch one thing, of few kinds, each many times."""
    if not len(region.launches):
        return []
    by_place: dict[int, list[tuple[Ints, int]]] = {}
    for run, kinds in _runs(region):
        by_place.setdefault(int(region.code[region.places[run[0]]]), []).append((run, kinds))
    found = []
    for mine in by_place.values():
        all_of = np.concatenate([run for run, _ in mine])
        rows = region.launch_rows[all_of]
        if not region.in_most_steps(rows):
            continue
        unit = _units(region)
        start = region.stepped.start[unit[[run[0] for run, _ in mine]]]
        end = region.stepped.end[unit[[run[-1] for run, _ in mine]]]
        stays = np.array([kinds / len(run) for run, kinds in mine])
        units = np.unique(unit[all_of])
        # the work becomes that of a few kernels: no steps between, and what each takes to do nothing only once
        later = region.work_of[np.concatenate([run[kinds:] for run, kinds in mine])]
        later = later[later >= 0]
        took = (region.stepped.end - region.stepped.start)[later].astype(np.float64)
        floor = THRESHOLDS.kernel_floor_ns
        named = region.named(int(units[0]))
        found.append(
            Candidate(
                "batch-launches",
                region.where(region.places[all_of], f"`{named}`"),
                # a batched call still walks over its tensors on the host
                Change(
                    gone=((start, end, np.maximum(stays, THRESHOLDS.batched_host_share)),),
                    close=later,
                    duration=(later, np.maximum(took - floor / 2, 0)),
                ),
                Change(gone=((start, end, stays),), close=later, duration=(later, np.maximum(took - floor, 0))),
                region.evidence(units) + region.evidence(rows, 1),
            )
        )
    return found


def _units(region: Region) -> Ints:
    """The row of what makes each launch: its outermost op, else the call itself."""
    return np.where(region.around[1] >= 0, region.around[1], region.launch_rows)


def _runs(region: Region) -> list[tuple[Ints, int]]:
    """Runs of launches that could be batched, as positions in `region.launches`, each with how many launches would stay."""
    stepped = region.stepped
    _, outer = region.around
    batchable = region.says([bool(_FOREACH.match(name)) for name in region.names], outer)
    # a kernel that is launched outside of any op, as Triton's are, can be batched with its like
    bare = (outer < 0) & (region.work_of >= 0)
    what = np.where(outer >= 0, region.code[outer], -2 - region.code[region.work_of])
    good = batchable | bare
    thread = stepped.thread[region.launch_rows]
    new = np.ones(len(what), bool)
    same_kind = (what[1:] == what[:-1]) | (batchable[1:] & batchable[:-1])
    near = (thread[1:] == thread[:-1]) & (region.places[1:] == region.places[:-1])
    new[1:] = ~(good[1:] & good[:-1] & same_kind & near)
    is_each = region.says([bool(_EACH.match(name)) for name in region.names], outer)
    runs = []
    for run in np.split(np.arange(len(what)), np.flatnonzero(new)[1:]):
        if not good[run[0]] or len(run) < THRESHOLDS.fewest_alike:
            continue
        names, count = np.unique(what[run], return_counts=True)
        # a name that comes once in a while joins what repeats, but doesn't repeat itself
        often = count >= THRESHOLDS.fewest_alike
        if count[often].sum() < THRESHOLDS.repeated_names * len(run):
            continue
        for_each = is_each[run].mean() if outer[run[0]] >= 0 else 1.0
        if for_each < THRESHOLDS.for_each_tensor:
            continue
        runs.append((run, len(names)))
    return runs


# -- capture-graph


def capture(region: Region) -> list[Candidate]:
    """At most one candidate: the outermost ranges whose launches are the same each time and that a graph can hold."""
    start, end, names = _author_ranges(region)
    taken: list[tuple[Ints, Ints]] = []
    shown: list[tuple[str, int]] = []
    for name in sorted(set(names), key=lambda name: -int((end - start)[names == name].sum())):
        mine = names == name
        low, high = start[mine], end[mine]
        if any(((low[:, None] < b[None, :]) & (a[None, :] < high[:, None])).any() for a, b in taken):
            continue
        held = _held(region, low, high)
        if _can_capture(region, low, high, held):
            taken.append((low, high))
            shown.append((name, int((held >= 0).sum())))
    captured = sum(count for _, count in shown)
    if captured * 2 < len(region.launches):
        steps = region.stepped.steps
        assert steps is not None
        own = slice(region.replay.first, region.replay.last + 1)
        low, high = steps.host_start_ns[own], steps.host_end_ns[own]
        held = _held(region, low, high)
        if _can_capture(region, low, high, held):
            taken, shown = [(low, high)], [("the step", len(region.launches))]
    if not taken:
        return []
    low, high = np.concatenate([each[0] for each in taken]), np.concatenate([each[1] for each in taken])
    held = _held(region, low, high)
    work = region.caused(held >= 0)
    later = np.setdiff1d(work, _firsts(region, work, held))
    per_instance = round(len(work) / max(len(low), 1))
    dear = THRESHOLDS.graph_launch_ns + THRESHOLDS.graph_node_ns * per_instance
    listed = [f"`{name}`" if name != "the step" else name for name, _ in sorted(shown, key=lambda each: -each[1])]
    ranges = "" if shown[0][0] == "the step" else "ranges " if len(listed) > 1 else "range "
    times = len(low) / region.steps / max(len(shown), 1)
    return [
        Candidate(
            "capture-graph",
            ranges + ", ".join(listed) + (f", {times:.0f} a step" if times >= 1.5 else ""),
            Change(gone=((low, high, 0.0),), added=((low, dear),), close=later, close_ns=THRESHOLDS.graph_step_most_ns),
            Change(
                gone=((low, high, 0.0),),
                added=((low, THRESHOLDS.graph_launch_ns),),
                close=later,
                close_ns=THRESHOLDS.graph_step_least_ns,
            ),
            region.evidence(region.launch_rows[held >= 0]),
        )
    ]


def _author_ranges(region: Region) -> tuple[Ints, Ints, npt.NDArray[np.object_]]:
    """The author's ranges in the steps: start, end and folded name of each instance."""
    events = region.stepped.events
    rows = region.inside(np.flatnonzero(is_any(events, "kind", "range")))
    rows = rows[(events["process"].array.codes[rows] == region.stepped.process)]
    rows = rows[region.says([is_users(name) for name in region.names], rows)]
    names = np.array([folded(region.named(int(row))) for row in rows], object)
    return region.stepped.start[rows], region.stepped.end[rows], names


def _held(region: Region, low: Ints, high: Ints) -> Ints:
    """For each launch the instance, of some in time, that holds it; -1 for none."""
    order = np.argsort(low, kind="stable")
    start = region.stepped.start[region.launch_rows]
    at = np.searchsorted(low[order], start, side="right") - 1
    inside = (at >= 0) & (start < high[order][np.maximum(at, 0)])
    return np.where(inside, order[np.maximum(at, 0)], -1)


def _can_capture(region: Region, low: Ints, high: Ints, held: Ints) -> bool:
    stepped = region.stepped
    inside = np.flatnonzero(held >= 0)
    if len(inside) < THRESHOLDS.fewest_alike * len(low):
        return False
    submits = stepped.joined.launches.columns["submits"][region.launches[inside]]
    if (submits == "graph").any() or (region.work_of[inside] < 0).any():
        return False
    if is_any(stepped.events, "copy_kind", "HtoD", "DtoH")[region.work_of[inside]].any():
        return False
    names = [loads_data(name) for name in region.names]
    ranges = region.inside(stepped.places.row[stepped.places.row >= 0])
    loading = ranges[region.says(names, ranges)]
    moments = np.concatenate((stepped.start[region.waits], _allocations(region), stepped.start[loading]))
    if any(((moments >= a) & (moments < b)).any() for a, b in zip(low.tolist(), high.tolist(), strict=True)):
        return False
    # the same launches every time
    key = region.code[region.work_of[inside]]
    made = [tuple(key[held[inside] == number].tolist()) for number in range(len(low))]
    usual = max(set(made), key=made.count)
    return len(made) >= 2 and made.count(usual) >= THRESHOLDS.same_launches * len(made)


def _allocations(region: Region) -> Ints:
    from launchlens.traces.launches.apis import allocates

    api = np.flatnonzero(is_any(region.stepped.events, "kind", "api"))
    rows = region.inside(api)
    return region.stepped.start[rows[region.says([allocates(name) for name in region.names], rows)]]


def _firsts(region: Region, work: Ints, held: Ints) -> Ints:
    """The first work of each instance: it waits for the launch, the others for the one before."""
    inside = np.flatnonzero(held >= 0)
    _, first = np.unique(held[inside], return_index=True)
    return region.work_of[inside[first]]


# -- fuse-kernels


def fuse(region: Region) -> list[Candidate]:
    """At most one candidate a place: element-wise kernels that follow each other on a stream, and that batching is not for."""
    stepped = region.stepped
    if not len(region.launches):
        return []
    pointwise = region.says([bool(_POINTWISE.search(name)) for name in region.names], region.work_of)
    batched = np.zeros(len(region.launches), bool)
    for run, _ in _runs(region):
        batched[run] = True
    pointwise &= ~batched
    thread = stepped.thread[region.launch_rows]
    new = np.ones(len(pointwise), bool)
    new[1:] = ~(
        pointwise[1:] & pointwise[:-1] & (thread[1:] == thread[:-1]) & (region.places[1:] == region.places[:-1])
    )
    runs = [
        run
        for run in np.split(np.arange(len(pointwise)), np.flatnonzero(new)[1:])
        if pointwise[run[0]] and len(run) >= THRESHOLDS.fewest_fused
    ]
    by_place: dict[int, list[Ints]] = {}
    for run in runs:
        by_place.setdefault(int(region.code[region.places[run[0]]]), []).append(run)
    return [candidate for mine in by_place.values() if (candidate := _fused(region, mine)) is not None]


def _fused(region: Region, runs: list[Ints]) -> Candidate | None:
    stepped = region.stepped
    all_of = np.concatenate(runs)
    rows = region.launch_rows[all_of]
    if not region.in_most_steps(rows):
        return None
    took = (stepped.end - stepped.start).astype(np.float64)
    unit, size = _units(region), np.array([len(run) for run in runs])
    start, end = stepped.start[unit[[run[0] for run in runs]]], stepped.end[unit[[run[-1] for run in runs]]]
    held = region.work_of[all_of]
    # one kernel that reads and writes once takes what the longest takes; one that keeps half of the traffic, halfway
    begins = np.cumsum(size) - size
    whole, longest = np.add.reduceat(took[held], begins), np.maximum.reduceat(took[held], begins)
    share = np.repeat(longest / np.maximum(whole, 1), size)
    later = np.setdiff1d(held, held[begins])
    return Candidate(
        "fuse-kernels",
        region.where(region.places[all_of], "the step"),
        Change(gone=((start, end, (1 + 1 / size) / 2),), duration=(held, took[held] * (1 + share) / 2), close=later),
        Change(gone=((start, end, 1 / size),), duration=(held, took[held] * share), close=later),
        region.evidence(held),
    )
