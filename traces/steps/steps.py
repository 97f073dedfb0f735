"""The iterations of a trace: where each begins on the host, and when the last of its work was done.

    host      |- step 1 -|- step 2 -|- step 3 -|            a step owns what is launched in it, by any thread
    GPU            |-- 1 --|-- 2 --|-- 3 --|
    wall      [     1      ][   2   ][   3  ]               from the end of the step before to the end of its own last work

Steps are the profiler's own (`ProfilerStep#N`), the ranges that a pattern names, or what the launches repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.steps.host_line import launching_process
from launchlens.traces.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from launchlens.traces.slice import Slice

PROFILER_STEP = "ProfilerStep#*"
#: Ranges that a framework opens by itself: they name no part of a program as its author does.
_OF_FRAMEWORK = re.compile(
    r"^(ProfilerStep#|Optimizer\.(step|zero_grad)#|nccl:|enumerate\(DataLoader\)|## |autograd::|aten::|torch::|"
    r"DistributedDataParallel\.|FullyShardedDataParallel|FSDP::|Torch-Compiled Region|TorchDynamo|CompiledFunction)"
)
#: A sequence of launches is tried for so many periods at most, and is compared over so many launches at most.
_MOST_PERIODS, _MOST_LAUNCHES = 64, 200_000


def is_users(name: str) -> bool:
    """Whether a range's name is one that the program's author gave."""
    return not _OF_FRAMEWORK.match(name)


@dataclass(frozen=True)
class Steps:
    """Steps of one process in order of time; int64 ns on the recorder's clock.

    `host_start_ns` to `host_end_ns` is the step on the host. `start_ns` is where the step before was done, and `done_ns` where
    this one was: the later of its host's end and the end of the last work that it launched. They tile. `found_by` says in
    words how they were found, `by_name` that they are ranges, and `earlier_work` how many GPU activities run in them that were launched before the recording.

    Instances of a range that was asked for are `apart`: what lies between them is nobody's, and one begins where its range does,
    where the one before was done by then.
    """

    found_by: str
    process: int
    names: tuple[str, ...]
    host_start_ns: Ints
    host_end_ns: Ints
    start_ns: Ints
    done_ns: Ints
    launches: Ints
    earlier_work: int
    by_name: bool = True
    apart: bool = False

    def __len__(self) -> int:
        return len(self.names)

    @property
    def wall_ns(self) -> Ints:
        """From the end of the step before to the end of its own last work."""
        return self.done_ns - self.start_ns

    def of_launch(self, start: Ints) -> Ints:
        """The step that owns a launch made at each moment, -1 for none: what follows a step on the host is still its own, unless they
        are apart."""
        at = np.searchsorted(self.host_start_ns, start, side="right") - 1
        ends = self.host_end_ns if self.apart else np.append(self.host_start_ns[1:], self.host_end_ns[-1:])
        inside = at >= 0
        inside[inside] = start[inside] < ends[at[inside]]
        return np.where(inside, at, -1)


def find_steps(joined: JoinedTrace, pattern: str | None = None) -> Steps | None:
    """The steps of the launching process; None where nothing repeats. With a `pattern`, the ranges that it names.

    A pattern that names no range finds nothing: the caller knows whether to say so or to refuse.
    """
    process = launching_process(joined)
    if pattern is not None:
        return _of_ranges(joined, process, pattern, f"ranges `{pattern}`")
    return _of_ranges(joined, process, PROFILER_STEP, f"`{PROFILER_STEP}`") or _of_repetition(joined, process)


def of_windows(windows: Slice) -> Steps:
    """The instances of the range that a slice is of as steps, which are apart."""
    joined, process = windows.joined, windows.process
    instances = joined.instances
    mine = instances[instances["process"].array.codes == process]
    at = pd.MultiIndex.from_arrays([mine["start_ns"], mine["end_ns"]])
    texts = pd.Series(mine["name"].astype(str).to_numpy(), index=at)
    texts = texts[~texts.index.duplicated()]
    wanted = pd.MultiIndex.from_arrays([windows.start_ns, windows.end_ns])
    names = [f"window {number}" if pd.isna(name) else str(name) for number, name in enumerate(texts.reindex(wanted), 1)]
    return _steps(joined, process, names, windows.start_ns, windows.end_ns, windows.covers, apart=True)


def _of_ranges(joined: JoinedTrace, process: int, pattern: str, found_by: str) -> Steps | None:
    instances = joined.instances
    chosen = named(instances["name"], lambda name: fnmatchcase(name, pattern))
    chosen &= instances["process"].array.codes == process
    chosen &= instances["host_ns"].to_numpy() > 0
    if not chosen.any():
        return None
    # ranges that several threads open side by side are not one row of steps: those of the thread with the most are
    thread = instances["thread"].array.codes
    threads, counts = np.unique(thread[chosen], return_counts=True)
    mine = np.flatnonzero(chosen & (thread == threads[counts.argmax()]))
    start, end = (instances[name].to_numpy()[mine] for name in ("start_ns", "end_ns"))
    order = np.lexsort((-end, start))
    start, end = start[order], end[order]
    outermost = np.ones(len(start), bool)
    outermost[1:] = start[1:] >= np.maximum.accumulate(end)[:-1]
    found = [str(name) for name in instances["name"].array[mine[order][outermost]]]
    return _steps(joined, process, found, start[outermost], end[outermost], found_by)


def _of_repetition(joined: JoinedTrace, process: int) -> Steps | None:
    """Steps told by the launches alone: what is launched, in what order, repeats with a period of so many launches."""
    of = joined.launches
    mine = np.flatnonzero(of.process == process)
    mine = mine[np.argsort(of.start_ns[mine], kind="stable")]
    if len(mine) < 3:
        return None
    period = repetition(_signature(joined, mine)[:_MOST_LAUNCHES])
    if period is None:
        return None
    # a step begins after the longest pause of the host, at the place in the period where that is longest as a rule
    start = of.start_ns[mine]
    pause = np.diff(start, prepend=start[0]).astype(np.float64)
    whole = len(mine) // period
    if whole < 2:
        return None
    by_place = np.median(pause[: whole * period].reshape(whole, period)[1:], axis=0)
    first = int(by_place.argmax())
    begins = np.arange(first, len(mine), period)
    begins = begins[begins + period <= len(mine)]
    if len(begins) < 3:
        return None
    host_start, host_end = start[begins], of.end_ns[mine][begins + period - 1]
    names = [f"step {number}" for number in range(1, len(begins) + 1)]
    made = _steps(joined, process, names, host_start, host_end, f"launches that repeat, {period} a step")
    return replace(made, by_name=False)


def _signature(joined: JoinedTrace, positions: Ints) -> Ints:
    """A number a launch: equal where the same call caused work of the same name."""
    of = joined.launches
    first = np.full(len(of), -1, np.int64)
    first[of.owner[::-1]] = of.joined_rows[::-1]
    name = np.where(first >= 0, joined.events["name"].array.codes[first], -1) + 1
    api = of.columns["api"].codes.astype(np.int64)
    found: Ints = (api * (len(joined.events["name"].array.categories) + 1) + name)[positions]
    return found


def repetition(sequence: Ints) -> int | None:
    """The shortest period in which a sequence repeats nearly whole, three times at least; None where there is none.

    Layers repeat within a step, and almost as well: so of all periods the ones that repeat best are asked for, and of those
    the shortest. Periods are the distances between the places of the rarest values: a step has few things that it does once.
    """
    values, inverse, count = np.unique(sequence, return_inverse=True, return_counts=True)
    if len(values) == 1:
        return None  # one thing over and over tells no step from the next
    candidates: dict[int, None] = {}
    for value in np.argsort(count, kind="stable"):
        if count[value] < 3:
            continue
        gaps, often = np.unique(np.diff(np.flatnonzero(inverse == value)), return_counts=True)
        candidates[int(gaps[often.argmax()])] = None
        candidates[int(np.median(gaps))] = None
        if len(candidates) >= _MOST_PERIODS:
            break
    scored = [
        (float((sequence[period:] == sequence[:-period]).mean()), period)
        for period in candidates
        if 2 <= period <= len(sequence) // 3
    ]
    if not scored:
        return None
    best = max(score for score, _ in scored)
    if best < THRESHOLDS.repeats:
        return None
    return min(period for score, period in scored if score >= best - THRESHOLDS.repeats_as_well)


def _steps(
    joined: JoinedTrace,
    process: int,
    names: Iterable[str],
    host_start: Ints,
    host_end: Ints,
    found_by: str,
    *,
    apart: bool = False,
) -> Steps:
    of = joined.launches
    nothing = np.zeros(len(host_start), np.int64)
    made = Steps(found_by, process, tuple(names), host_start, host_end, host_start, host_end, nothing, 0, apart=apart)
    step = made.of_launch(of.start_ns)
    step[of.process != process] = -1
    done = host_end.copy()
    worked = (step >= 0) & of.caused_work
    np.maximum.at(done, step[worked], of.gpu_end_ns[worked])
    done = np.maximum.accumulate(done)
    start = np.append(host_start[:1], np.maximum(done[:-1], host_start[1:] if apart else host_start[:1]))
    launches = np.bincount(step[step >= 0], minlength=len(host_start))
    earlier = _earlier(joined, int(start[0]))
    return Steps(found_by, process, made.names, host_start, host_end, start, done, launches, earlier, apart=apart)


def _earlier(joined: JoinedTrace, start: int) -> int:
    """GPU activities that end after the first step began and that no recorded launch of a step caused."""
    events, of = joined.events, joined.launches
    end = events["start_ns"].to_numpy() + events["dur_ns"].to_numpy()
    orphans = int((end[of.orphan_rows] > start).sum())
    before: npt.NDArray[np.bool_] = (of.start_ns[of.owner] < start) & (end[of.joined_rows] > start)
    return orphans + int(before.sum())
