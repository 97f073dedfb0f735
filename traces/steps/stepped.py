"""A trace seen as a row of steps: the host's line, the device's gaps, the calls that wait, and what each step is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.columns import codes, is_any, is_on, most_first
from launchlens.traces.communication import communicates
from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints, covered, moments, union
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.launches.apis import copies_and_waits, waits
from launchlens.traces.steps.gaps import Gaps, find_gaps
from launchlens.traces.steps.host_line import HostLine, host_line, launching_process, range_line
from launchlens.traces.steps.steps import Steps, find_steps, is_users, of_windows

if TYPE_CHECKING:
    from launchlens.traces.slice import Slice

#: Of so many devices tables say what each does.
MOST_DEVICES = 64


@dataclass(frozen=True)
class Stepped:
    """A joined trace with its steps, which `pattern` may name; everything else follows, and is worked out once.

    `windows` are the instances of a range that was asked for, which are the steps then, and nothing else is looked at. What is said of
    a device is of `only` where that is given, else of the one that does most of what the process launches.
    """

    joined: JoinedTrace
    pattern: str | None = None
    windows: Slice | None = None
    only: int | None = None

    @property
    def events(self) -> pd.DataFrame:
        return self.joined.events

    @cached_property
    def process(self) -> int:
        """The code of the process with the most launches, or of that of the windows."""
        return self.windows.process if self.windows is not None else launching_process(self.joined)

    @cached_property
    def steps(self) -> Steps | None:
        return find_steps(self.joined, self.pattern) if self.windows is None else of_windows(self.windows)

    @cached_property
    def host(self) -> HostLine:
        return host_line(self.joined, self.process)

    @cached_property
    def places(self) -> HostLine:
        """The innermost range that the program's author named, on any thread of the process."""
        return range_line(self.joined, self.process, is_users)

    @cached_property
    def device(self) -> int | None:
        """The device that is meant; None where no GPU work was recorded."""
        if self.only is not None:
            return self.only
        return next(iter(self._devices), None)

    @cached_property
    def _devices(self) -> list[int]:
        """The devices of what the process launched, the one with most activities first; of all where none is known to be its."""
        of = self.joined.launches
        rows = of.joined_rows[of.process[of.owner] == self.process]
        return most_first(self.events["device"].array[rows if len(rows) else of.activity_rows])

    @cached_property
    def each_device(self) -> tuple[Stepped, ...]:
        """The same steps with what each device of the process does in them, by the devices' numbers; none without GPU work.

        Of more than MOST_DEVICES, which no machine has, those with most activities.
        """
        found = []
        for device in sorted(self._devices[:MOST_DEVICES]):
            other = self if device == self.device else replace(self, only=device)
            # what is not of the device is worked out once for all of them
            for name in ("process", "steps", "host", "places"):
                other.__dict__[name] = getattr(self, name)
            found.append(other)
        return tuple(found)

    @cached_property
    def window(self) -> tuple[int, int]:
        """The time of the steps; without steps from the first launch or GPU work to the last."""
        if self.steps is not None:
            return int(self.steps.start_ns[0]), int(self.steps.done_ns[-1])
        of, start = self.joined.launches, self.start
        moments = np.concatenate((of.start_ns, start[of.activity_rows]))
        ends = np.concatenate((of.end_ns, self.end[of.activity_rows]))
        return (int(moments.min()), int(ends.max())) if len(moments) else (0, 0)

    @cached_property
    def start(self) -> Ints:
        found: Ints = self.events["start_ns"].to_numpy()
        return found

    @cached_property
    def end(self) -> Ints:
        found: Ints = self.start + self.events["dur_ns"].to_numpy()
        return found

    @cached_property
    def gaps(self) -> Gaps | None:
        """The gaps of the device in the window; None where no GPU work was recorded."""
        if self.device is None:
            return None
        start, end = self.times
        return find_gaps(self.joined, self.host, self.device, self.window, (end[:-1], start[1:]))

    @cached_property
    def times(self) -> tuple[Ints, Ints]:
        """The time of the steps as intervals in order: one, the window, unless they are apart."""
        if self.steps is not None and self.steps.apart:
            return self.steps.start_ns, self.steps.done_ns
        return np.array(self.window[:1], np.int64), np.array(self.window[1:], np.int64)

    @cached_property
    def work(self) -> Ints:
        """The GPU work of the device as rows of the event table, in order of start."""
        rows = self.joined.launches.activity_rows
        if self.device is None:
            return rows[:0]
        rows = rows[is_on(self.events, self.device, rows)]
        found: Ints = rows[np.argsort(self.start[rows], kind="stable")]
        return found

    @cached_property
    def is_collective(self) -> npt.NDArray[np.bool_]:
        """Of `work`: which are kernels of collectives, by name."""
        kernel = is_any(self.events, "kind", "kernel")[self.work]
        found: npt.NDArray[np.bool_] = named(self.events["name"], communicates, self.work) & kernel
        return found

    @cached_property
    def is_copy(self) -> npt.NDArray[np.bool_]:
        """Of `work`: which are copies between host and device."""
        return is_any(self.events, "copy_kind", "HtoD", "DtoH")[self.work]

    def alone(self, chosen: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """When work of the device that is `chosen` runs and no other does, as disjoint intervals in order."""
        mine = union(self.start[self.work[chosen]], self.end[self.work[chosen]])
        others = union(self.start[self.work[~chosen]], self.end[self.work[~chosen]])
        edges = moments(*mine, *others)
        if len(edges) < 2:
            return edges[:0], edges[:0]
        only = covered(edges, *mine) & ~covered(edges, *others)
        return union(edges[:-1][only], edges[1:][only])

    # -- the calls of the host that wait

    @cached_property
    def waits(self) -> Ints:
        """Calls of the process in its window that wait for the device, as rows of the event table, in order of start."""
        api = is_any(self.events, "kind", "api")
        rows = np.flatnonzero(api & (self._process == self.process))
        rows = rows[named(self.events["name"], lambda name: waits(name) or copies_and_waits(name), rows)]
        low, high = self.window
        rows = rows[(self.start[rows] >= low) & (self.start[rows] < high)]
        return rows[np.argsort(self.start[rows], kind="stable")]

    @cached_property
    def _process(self) -> Ints:
        return codes(self.events, "process")

    @cached_property
    def thread(self) -> Ints:
        return codes(self.events, "thread")

    @cached_property
    def ops(self) -> Opened:
        """The framework ops of the trace, as what is open on their threads."""
        return Opened(self.events, np.flatnonzero(is_any(self.events, "kind", "op")))

    @cached_property
    def outermost(self) -> Ints:
        """For each of `ops`: the outermost op that holds it, itself where none does, as a position in `ops.rows`."""
        parent = self.ops.parent
        top = np.where(parent >= 0, parent, np.arange(len(parent)))
        while len(top) and (top != top[top]).any():
            top = top[top]
        return top

    def op_around(self, rows: Ints) -> tuple[Ints, Ints]:
        """The innermost and the outermost op in which some host events were made, as rows of the event table; -1 for none."""
        if not len(self.ops.rows):
            nothing = np.full(len(rows), -1, np.int64)
            return nothing, nothing
        at = self.ops.at(self._process[rows], self.thread[rows], self.start[rows])
        inner = np.where(at >= 0, self.ops.rows[at], -1)
        outer = np.where(at >= 0, self.ops.rows[self.outermost[at]], -1)
        return inner, outer

    def place(self, moment: Ints) -> Ints:
        """The range, as its author named it, that is open in the process at each moment: a row of the event table, -1 for none."""
        return self.places.row_at(moment)

    @cached_property
    def _names(self) -> pd.Categorical:
        names: pd.Categorical = self.events["name"].array
        return names

    def name(self, row: int) -> str:
        return str(self._names[row])

    def names(self, rows: Ints) -> list[str | None]:
        """The names of events, None for row -1."""
        texts = self._names.categories.to_numpy()
        codes = np.append(self._names.codes, -1)[rows]
        return [None if code < 0 else str(texts[code]) for code in codes.tolist()]
