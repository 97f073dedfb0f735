"""The windows of one trace that are compared: its steps, the instances of a range, or all of it as one.

step      host  |- 1 --|- 2 --|          steps tile, from the end of the work of one to the end of the work of the next
          GPU      |-- 1 --|-- 2 --|
range     host  |- 1 -|  |- 2 -|         an instance lasts from its start to its end, or to that of its work; what lies between
          GPU     |-- 1 --| |-- 2 --|    instances is nobody's
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.ranges import folded_names
from launchlens.traces.steps.host_line import launching_process
from launchlens.traces.steps.steps import Steps, find_steps
from launchlens.traces.windows import of_range

WHOLE, RANGE = "the whole trace", "range "


@dataclass(frozen=True)
class Windows:
    """Windows of one process in order; int64 ns on the recorder's clock.

    What is launched or opened in [host_start, host_end) is a window's own; [start, end) is its time, and no moment is in two. `names`
    are as recorded, `kinds` are folded: the same for steps that differ by their number alone. `begins_with_itself`: the first holds what was
    launched before it, as the first of a row of steps does.
    """

    process: int
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    host_start: Ints
    host_end: Ints
    start: Ints
    end: Ints
    found_by: str
    begins_with_itself: bool

    def __len__(self) -> int:
        return len(self.names)

    @property
    def wall_ns(self) -> Ints:
        return self.end - self.start

    @property
    def is_range(self) -> bool:
        """Whether these are instances of a range that was asked for."""
        return self.found_by.startswith(RANGE)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of a trace, in which no steps were found."""
        return self.found_by == WHOLE

    def owner(self, moments: Ints) -> Ints:
        """The window that owns what began on the host at each moment, -1 for none."""
        return _within(self.host_start, self.host_end, moments)

    def at(self, moments: Ints) -> Ints:
        """The window in whose time each moment lies, -1 for none."""
        return _within(self.start, self.end, moments)


def windows_of(joined: JoinedTrace, range_name: str | None = None, steps: str | None = None) -> Windows:
    """The instances of a range; without one the steps of a trace, which `steps` may name as a pattern; where it has none, all of it.

    Raises InputError where no range is called so.
    """
    if range_name is not None:
        return _of_range(joined, range_name)
    found = find_steps(joined, steps)
    return whole(joined) if found is None else _of_steps(joined, found)


def whole(joined: JoinedTrace) -> Windows:
    """All of a trace as one window: from its first event to its last."""
    start = joined.events["start_ns"].to_numpy()
    end = start + joined.events["dur_ns"].to_numpy()
    low, high = (start.min()[None], end.max()[None]) if len(start) else (np.zeros(1, np.int64), np.zeros(1, np.int64))
    return Windows(launching_process(joined), (WHOLE,), (WHOLE,), low, high + 1, low, high, WHOLE, False)


def _of_steps(joined: JoinedTrace, steps: Steps) -> Windows:
    kinds = tuple("step" if name.startswith("step ") else name for name in _folded(joined, steps.names))
    host_end = np.append(steps.host_start_ns[1:], steps.host_end_ns[-1:])
    return Windows(
        steps.process, steps.names, kinds, steps.host_start_ns, host_end, steps.start_ns, steps.done_ns, steps.found_by, True
    )  # fmt: skip


def _of_range(joined: JoinedTrace, name: str) -> Windows:
    found = of_range(joined, name)
    of = joined.launches
    host_start, host_end = found.start_ns, found.end_ns
    lasting = host_end > host_start
    host_start, host_end = host_start[lasting], host_end[lasting]
    if not len(host_start):
        return whole(joined)
    done = host_end.copy()
    mine = _within(host_start, host_end, of.start_ns)
    worked = (mine >= 0) & of.caused_work & (of.process == found.process)
    np.maximum.at(done, mine[worked], of.gpu_end_ns[worked])
    done = np.maximum.accumulate(done)
    start = np.maximum(host_start, np.append(host_start[:1], done[:-1]))
    names = tuple([name] * len(host_start))
    return Windows(found.process, names, names, host_start, host_end, start, done, f"{RANGE}`{name}`", False)


def _folded(joined: JoinedTrace, names: tuple[str, ...]) -> list[str]:
    import pandas as pd

    folded = folded_names(pd.Categorical(list(names)))
    return [str(each) for each in folded]


def _within(start: Ints, end: Ints, moments: Ints) -> Ints:
    at = np.searchsorted(start, moments, side="right") - 1
    inside = at >= 0
    inside[inside] = moments[inside] < end[at[inside]]
    return np.where(inside, at, -1)
