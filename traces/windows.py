"""Which windows of a trace are looked at, as slices: all of it, the instances of a range, the blocks of a capture's variants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from launchlens.traces.columns import most_first
from launchlens.traces.event_names import named
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.ranges import folded_names
from launchlens.traces.slice import Slice
from launchlens.traces.threads import busiest_device, launching_process, launching_process_of

#: What the ranges of a capture are called before the variant's name: a block of iterations, and one iteration.
BLOCK, ITERATION = "variant:", "iteration:"
#: Of so many devices there is an account each: a trace of many ranks in one file has hundreds at most.
MOST_DEVICES = 64


def whole_trace(joined: JoinedTrace, thread: tuple[int, int] | None = None) -> Slice | None:
    """All of a trace as one window, of the process that launches most, or of one thread (its process's code and its own).

    None where no process launches anything and no thread is given.
    """
    process, only = (launching_process(joined.launches), None) if thread is None else thread
    if process is None:
        return None
    start = joined.events["start_ns"].to_numpy()
    end = start + joined.events["dur_ns"].to_numpy()
    return _slice(joined, process, only, start.min()[None], end.max()[None], "the whole trace, first event to last")


def of_range(joined: JoinedTrace, name: str, thread: tuple[int, int] | None = None) -> Slice:
    """The instances of a range in the process that launches most in them, or of one thread (its process's code and its own).

    `name` is a range's, a folded one (`ProfilerStep#*`) or a pattern as file names have them.

    Instances that share a moment, on one thread or on several, are one window: no time may count twice. Raises InputError
    where there is none.
    """
    rows, of = _instances(joined, name), joined.instance_columns
    process, only, start, end, made = (
        each[rows] for each in (of.process, of.thread, of.start_ns, of.end_ns, of.launches_all_threads)
    )
    if thread is None:
        busiest = max(np.unique(process).tolist(), key=lambda each: int(made[process == each].sum()))
        mine = process == busiest
    else:
        busiest = thread[0]
        mine = (process == busiest) & (only == thread[1])
    if not mine.any():
        raise InputError(joined.trace.path, f"holds no range {name!r} on that thread", "leave out --thread or --range")
    start, end = together(start[mine], end[mine])
    covers = f"{int(mine.sum())} instances of range {name!r}"
    if len(start) < mine.sum():
        covers += f", in {len(start)} windows"
    return _slice(joined, busiest, None if thread is None else thread[1], start, end, covers)


def of_devices(joined: JoinedTrace, made: Slice) -> list[Slice]:
    """A slice for each device of a trace: with the same windows, and the process that launched most of what ran on it.

    A slice of one thread, or of a trace without work on a device, stays the only one. Of more than MOST_DEVICES devices, which
    is no machine's, those with most activities are taken.
    """
    if made.thread is not None or made.device is None:
        return [made]
    devices = most_first(joined.events["device"].array[joined.launches.activity_rows])
    busiest = {made.device, *devices[: MOST_DEVICES - 1]}
    found = []
    for device in sorted(busiest):
        process = launching_process_of(joined.events, joined.launches, device)
        found.append(replace(made, device=device, process=made.process if process is None else process))
    return found


def together(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Intervals with those that share a moment made one; those that only touch stay apart. In order."""
    order = np.lexsort((-end, start))
    start, end = start[order], end[order]
    reach = np.maximum.accumulate(end)
    opens = np.concatenate(([True], start[1:] >= reach[:-1])) if len(start) else np.empty(0, bool)
    closes = np.append(opens[1:], True) if len(start) else opens
    return start[opens], reach[closes]


def range_of_caller(joined: JoinedTrace, name: str) -> Slice:
    """The instances of a range that take any time, those of one thread that share no moment. Raises InputError when the trace holds none."""
    rows, of = _instances(joined, name), joined.instance_columns
    lasting = rows[of.end_ns[rows] > of.start_ns[rows]]
    if not len(lasting):
        raise _no_range(joined, name)
    made = _told(_of_caller(joined, lasting))
    return replace(made, covers=f"{len(made.start_ns)} instances of range {name!r}")


def _instances(joined: JoinedTrace, name: str) -> Ints:
    """The positions of the instances of the range of that name, else of those whose folded name it is, else of those of which it is a
    pattern."""
    names = joined.instances["name"]
    ways: tuple[Callable[[], Any], ...] = (
        lambda: names == name,
        lambda: folded_names(names.array) == name,
        lambda: named(names, lambda each: fnmatchcase(each, name)),
    )
    for way in ways:
        chosen = np.flatnonzero(np.asarray(way(), bool))
        if len(chosen):
            return chosen
    raise _no_range(joined, name)


def _no_range(joined: JoinedTrace, name: str) -> InputError:
    known = ", ".join(repr(str(other)[:60]) for other in joined.instances["name"].unique()[:8]) or "none"
    return InputError(joined.trace.path, f"holds no range {name!r}", f"its ranges: {known}")


def blocks(joined: JoinedTrace) -> dict[str, Slice]:
    """The blocks of every variant that a capture's trace holds, by the variant's name: its `variant:` ranges."""
    found, of = {}, joined.instance_columns
    for name, rows in of.by_name.items():
        if not name.startswith(BLOCK):
            continue
        made = _told(_of_caller(joined, rows, f"the `{BLOCK}` ranges: one a block of iterations"))
        of_its_thread = int(((of.process[rows] == made.process) & (of.thread[rows] == made.thread)).sum())
        problems = Problems()
        problems.add("overlapping-blocks", of_its_thread - len(made.start_ns))
        found[name.removeprefix(BLOCK)] = replace(made, problems=problems + made.problems)
    return found


def middle_iteration(joined: JoinedTrace, variant: str) -> Slice | None:
    """Of the iterations of a variant that were recorded one by one, the one of middle length; None where there is none."""
    rows = joined.instance_columns.by_name.get(ITERATION + variant)
    return None if rows is None else _of_caller(joined, rows).middle_window()


def _of_caller(joined: JoinedTrace, rows: Ints, covers: str = "") -> Slice:
    """Some range instances, of the thread that launches most in them: those on other threads are left out.

    Left out as well are those that begin before an earlier one has ended: no time may count twice.
    """
    of = joined.instance_columns
    groups = by_keys(rows, of.process[rows], of.thread[rows])
    busiest = max(sorted(groups), key=lambda at: of.launches[groups[at]].sum())
    mine = groups[busiest]
    start, end = of.start_ns[mine], of.end_ns[mine]
    order = np.lexsort((-end, start))
    start, end = start[order], end[order]
    reach = np.maximum.accumulate(end)
    apart = np.ones(len(start), bool)
    apart[1:] = start[1:] >= reach[:-1]
    process, thread = int(busiest[0]), int(busiest[1])
    device = busiest_device(joined.events, joined.launches, process, thread)
    return Slice(joined, process, thread, device, start[apart], end[apart], covers, Problems(), known_caller=True)


def _slice(joined: JoinedTrace, process: int, thread: int | None, start: Ints, end: Ints, covers: str) -> Slice:
    device = busiest_device(joined.events, joined.launches, process, thread)
    return _told(Slice(joined, process, thread, device, start, end, covers, Problems()))


def _told(made: Slice) -> Slice:
    """A slice with what is amiss in its windows told."""
    made.problems.add("gpu-work-after-window", made.outlasting)
    return made
