"""Reads one file and makes of it what a fleet needs: a summary per rank that it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.analyses.steps import overlap
from launchlens.traces.fleet.processes import by_process
from launchlens.traces.fleet.summary import EXPOSED_AT, Collectives, RankSummary, StepFigures, Unusable, What
from launchlens.traces.intervals import Ints, union
from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.launches.collectives import operation
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.readers.possible_times import with_possible_times
from launchlens.traces.slice import Slice
from launchlens.traces.source import as_one, source_of
from launchlens.traces.steps.gaps import CAUSES
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.steps.steps import Steps

#: Ranges of the program's author of which a rank tells how long its host was in them: those with most time.
MOST_RANGES = 24
WHOLE = "the whole trace: nothing repeats in it"


def summaries(path: Path, steps: str | None = None) -> list[RankSummary] | Unusable:
    """The ranks that a file holds, one as a rule. `steps` is a pattern of ranges that are its steps."""
    try:
        # not through the user's cache: a thousand files would put out of it what is in use
        trace = with_possible_times(as_one(source_of(path)).reader.read(path, partial=False, progress=None))
        parts = by_process(join(trace))
        return [_summary(part.joined, path, part.process, part.rank, steps) for part in parts]
    except InputError as error:
        return Unusable(path, error.what if not error.remedy else f"{error.what} ({error.remedy})")
    except MemoryError:
        return Unusable(path, "takes more memory than there is here")


def _summary(
    joined: JoinedTrace, path: Path, process: str | None, rank: int | None, pattern: str | None
) -> RankSummary:
    trace = joined.trace
    stepped = joined.stepped(pattern)
    steps = stepped.steps
    if pattern is not None and steps is None:
        raise InputError(path, f"holds no range that fits {pattern!r}", "name ranges of it with --steps")
    low, high = stepped.window
    if high <= low:
        raise InputError(path, "holds no launch and no GPU work", "record it with CPU and CUDA activities")
    known = stepped.device is not None
    figures = _figures(stepped, steps, known)
    base = trace.meta.get("base_ns", 0)
    device = stepped.device
    return RankSummary(
        path=path,
        process=process,
        rank=trace.meta.get("rank") if rank is None else rank,
        ranks=trace.meta.get("ranks"),
        recorded_by=trace.recorded_by,
        bytes=trace.bytes,
        device=None if device is None else trace.devices.get(device, f"GPU {device}"),
        saw_gpu=known,
        steps_found_by=WHOLE if steps is None else steps.found_by,
        named=steps is not None and steps.by_name and len(set(steps.names)) == len(steps),
        steps=figures,
        collectives=_collectives(stepped, steps) if known else _none(),
        cells=_cells(joined, stepped, low, high),
        first_ns=int(stepped.start.min()),
        clock_ns=base if isinstance(base, int) and abs(base) < 1 << 61 else 0,
        problems=tuple(joined.problems),
    )


def _figures(stepped: Stepped, steps: Steps | None, known: bool) -> StepFigures:
    low, high = stepped.window
    start = np.array([low], np.int64) if steps is None else steps.start_ns
    done = np.array([high], np.int64) if steps is None else steps.done_ns
    count = len(start)
    idle = np.zeros((count, len(CAUSES)), np.int64) if stepped.gaps is None else stepped.gaps.within(start, done)
    busy = overlap(start, done, stepped.start[stepped.work], stepped.end[stepped.work])
    exposed = overlap(start, done, *stepped.alone(stepped.is_collective)) if known else np.zeros(count, np.int64)
    of = stepped.joined.launches
    mine = of.process == stepped.process
    step = _step_of(steps, of.start_ns, low, high)
    step[~mine] = -1
    owned = step >= 0
    launch = np.zeros(count, np.int64)
    kernels = np.zeros(count, np.int64)
    np.add.at(launch, step[owned], (of.end_ns - of.start_ns)[owned])
    np.add.at(kernels, step[owned], of.columns["kernels"][owned])
    names, in_ranges = _host_ranges(stepped, steps, count)
    return StepFigures(
        names=("the whole trace",) if steps is None else steps.names,
        start_ns=start,
        done_ns=done,
        gpu_ns=busy - exposed,
        exposed_ns=exposed,
        idle_ns=idle,
        unknown_ns=done - start - busy - idle.sum(axis=1),
        launches=np.bincount(step[owned], minlength=count).astype(np.int64),
        launch_ns=launch,
        kernels=kernels,
        host_ranges=names,
        host_ranges_ns=in_ranges,
    )


def _step_of(steps: Steps | None, moment: Ints, low: int, high: int) -> Ints:
    if steps is not None:
        return steps.of_launch(moment)
    return np.where((moment >= low) & (moment < high), 0, -1)


def _host_ranges(stepped: Stepped, steps: Steps | None, count: int) -> tuple[tuple[str, ...], Ints]:
    """How long the host was in each range of the program's author in each step, where it did not wait for the device."""
    places = stepped.places
    inside = np.flatnonzero(places.row >= 0)
    if not len(inside):
        return (), np.zeros((count, 0), np.int64)
    start, end = places.start_ns[inside], places.end_ns[inside]
    waited = stepped.host.integral(stepped.host.is_in("sync"))
    own = end - start - (waited(end) - waited(start))
    step = _step_of(steps, start, *stepped.window)
    code = stepped.events["name"].array.codes.astype(np.int64)[places.row[inside]]
    code, own, step = code[step >= 0], own[step >= 0], step[step >= 0]
    met, which = np.unique(code, return_inverse=True)
    total = np.zeros(len(met), own.dtype)
    np.add.at(total, which, own)
    order = np.argsort(-total, kind="stable")[:MOST_RANGES]
    chosen = met[order].tolist()
    names = stepped.events["name"].cat.categories
    found = np.zeros((count, len(chosen)), np.int64)
    for column, each in enumerate(order.tolist()):
        np.add.at(found[:, column], step[which == each], own[which == each])
    return tuple(str(names[each]) for each in chosen), found


def _cells(joined: JoinedTrace, stepped: Stepped, low: int, high: int) -> Ints:
    windows = np.array([low], np.int64), np.array([high], np.int64)
    if stepped.process < 0:
        return np.zeros((len(HOST_STATES), len(DEVICE_STATES)), np.int64)
    made = Slice(joined, stepped.process, None, stepped.device, *windows, "its steps", Problems())
    found: Ints = made.account.cells.sum(axis=0).astype(np.int64)
    return found


# -- collectives


def _none() -> Collectives:
    nothing = np.empty(0, np.int64)
    return Collectives((), (), *(nothing,) * 6, np.empty((0, EXPOSED_AT), np.int64))


def _collectives(stepped: Stepped, steps: Steps | None) -> Collectives:
    """The collectives that the process launched in its steps."""
    joined, of = stepped.joined, stepped.joined.launches
    rows = stepped.work[stepped.is_collective]
    launch_of = np.full(len(stepped.events), -1, np.int64)
    launch_of[of.joined_rows] = of.owner
    launch = launch_of[rows]
    rows, launch = rows[launch >= 0], launch[launch >= 0]
    step = _step_of(steps, of.start_ns[launch], *stepped.window)
    kept = (step >= 0) & (of.process[launch] == stepped.process)
    rows, launch, step = rows[kept], launch[kept], step[kept]
    # calls of one group come in the order in which every rank makes them; kernels of several streams may start in any
    order = np.lexsort((stepped.start[rows], of.start_ns[launch]))
    rows, launch, step = rows[order], launch[order], step[order]
    if not len(rows):
        return _none()
    group, what, number = _told(joined, stepped, rows, launch)
    groups, group_code = np.unique(group, return_inverse=True)
    whats = sorted(set(what), key=lambda each: (each.operation, each.dtype, each.size))
    position = {each: at for at, each in enumerate(whats)}
    start, end = stepped.start[rows], stepped.end[rows]
    return Collectives(
        groups=tuple(map(str, groups)),
        whats=tuple(whats),
        group=group_code.astype(np.int64),
        what=np.array([position[each] for each in what], np.int64),
        step=step,
        number=number,
        start_ns=start,
        end_ns=end,
        exposed_ns=_exposed(start, end, *stepped.alone(stepped.is_collective)),
    )


def _told(joined: JoinedTrace, stepped: Stepped, rows: Ints, launch: Ints) -> tuple[list[str], list[What], Ints]:
    """Of each collective its group, what it does, and its number in the group (-1 where not recorded).

    The recorder says it of the kernel, or of the op that launched it. A group of which it says nothing is taken to be a stream's: the
    framework gives each group one of its own.
    """
    events = stepped.events
    stream = events["stream"].iloc[rows].fillna(-1).to_numpy(np.int64)
    met = {each: f"stream {at}" for at, each in enumerate(dict.fromkeys(stream.tolist()), start=1)}
    group = [met[each] for each in stream.tolist()]
    names = [str(each) for each in events["name"].array[rows]]
    what = [What(operation(name) or name.split("(")[0][:60], "", -1) for name in names]
    number = np.full(len(rows), -1, np.int64)
    told = joined.trace.details.collectives
    if told is None or not len(told):
        return group, what, number
    at = np.full(len(events), -1, np.int64)
    at[told["row"].to_numpy()] = np.arange(len(told))
    said = at[rows]
    if len(stepped.ops.rows):
        of = joined.launches
        owner = stepped.ops.at(of.process[launch], of.thread[launch], of.start_ns[launch])
        by_op = np.where(owner >= 0, at[stepped.ops.rows[owner]], -1)
        said = np.where(said >= 0, said, by_op)
    texts = {each: told[each].astype(object).tolist() for each in ("name", "dtype", "group")}
    numbers = {each: told[each].fillna(-1).to_numpy(np.int64) for each in ("sent", "received", "number")}
    for place, row in enumerate(said.tolist()):
        if row < 0:
            continue
        does = operation(str(texts["name"][row])) or what[place].operation
        dtype = texts["dtype"][row]
        size = int(max(numbers["sent"][row], numbers["received"][row]))
        what[place] = What(does, str(dtype) if isinstance(dtype, str) else "", size)
        if isinstance(texts["group"][row], str):
            group[place] = texts["group"][row]
        number[place] = numbers["number"][row]
    return group, what, number


def _exposed(start: Ints, end: Ints, low: Ints, high: Ints) -> Ints:
    """For how long collectives had run alone until each of EXPOSED_AT places of each one; `low` to `high` is when they do."""
    low, high = union(low, high)
    total = np.concatenate(([0], np.cumsum(high - low)))
    eighths = np.arange(EXPOSED_AT)
    moment = start[:, np.newaxis] + (end - start)[:, np.newaxis] * eighths // (EXPOSED_AT - 1)
    at = np.searchsorted(low, moment, side="right")
    part = np.where(at > 0, np.minimum(moment, high[at - 1]) - low[at - 1], 0) if len(low) else np.zeros_like(moment)
    until = total[np.maximum(at - 1, 0)] + part
    found: Ints = (until - until[:, :1]).astype(np.int64)
    return found
