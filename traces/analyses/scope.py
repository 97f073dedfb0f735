"""What of a joined trace an analysis is about: all of it, or what belongs to the windows of a slice.

A host event belongs to a window by its start, on whatever thread; GPU work belongs to the window in which it was launched. What
several analyses need is worked out here once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.launches.table import Launches
from launchlens.traces.slice import Slice
from launchlens.traces.steps.stepped import Stepped


@dataclass(frozen=True)
class Scope:
    """A joined trace, the windows that were asked for (None: all of it), and whether ops are told apart by their shapes,
    and the pattern of ranges that `--steps` gave."""

    joined: JoinedTrace
    windows: Slice | None = None
    by_shape: bool = False
    steps: str | None = None
    _host_rows: dict[str, Ints] = field(default_factory=dict, repr=False)
    _work_of: dict[str, Ints] = field(default_factory=dict, repr=False)
    _opened: dict[tuple[str, ...], Opened] = field(default_factory=dict, repr=False)

    @property
    def events(self) -> pd.DataFrame:
        return self.joined.events

    @property
    def of(self) -> Launches:
        """All launches of the trace; `launches` says which of them are meant."""
        return self.joined.launches

    @property
    def stepped(self) -> Stepped:
        """The trace as a row of steps: those that were named, else the windows, else those that are found."""
        return self.joined.stepped(self.steps, self.windows)

    @cached_property
    def start(self) -> Ints:
        """Start of every event, ns."""
        start: Ints = self.events["start_ns"].to_numpy()
        return start

    @cached_property
    def dur(self) -> Ints:
        """Length of every event, ns."""
        duration: Ints = self.events["dur_ns"].to_numpy()
        return duration

    @cached_property
    def _kinds(self) -> pd.Categorical:
        kinds: pd.Categorical = self.events["kind"].array
        return kinds

    @cached_property
    def names(self) -> pd.Categorical:
        """The name of every event."""
        names: pd.Categorical = self.events["name"].array
        return names

    def _rows(self, kind: str) -> Ints:
        return np.flatnonzero(self._kinds.codes == self._code(kind))

    def _code(self, kind: str) -> int:
        """The code of a kind of event, -2 where there is none."""
        kinds = self._kinds.categories
        return int(kinds.get_loc(kind)) if kind in kinds else -2

    def host_rows(self, kind: str) -> Ints:
        """The rows of the event table of one kind of host event, of those in the windows."""
        if kind not in self._host_rows:
            rows = self._rows(kind)
            self._host_rows[kind] = rows if self.windows is None else rows[self.inside(self.start[rows])]
        return self._host_rows[kind]

    def inside(self, moment: Ints) -> npt.NDArray[np.bool_]:
        """Which moments lie in the windows."""
        if self.windows is None:
            return np.ones(len(moment), bool)
        return self.windows.window_of(moment) >= 0

    @cached_property
    def launches(self) -> Ints:
        """The positions of the launches made in the windows, by any thread."""
        return np.flatnonzero(self.inside(self.of.start_ns))

    @cached_property
    def launch_of(self) -> Ints:
        """For every row of the event table the position of its launch, -1 where that is not known."""
        found = np.full(len(self.events), -1, np.int64)
        found[self.of.joined_rows] = self.of.owner
        return found

    @cached_property
    def stream(self) -> Ints:
        """For every GPU activity, by its row of the event table, a number for its stream, in order of device, context and stream;
        0 for what is none. Streams are told apart within device and context."""
        rows = self.of.activity_rows
        code = np.zeros(len(rows), np.int64)
        for each in ("device", "context", "stream"):
            # by hashing: a sort for each of these was a tenth of an analysis, and more of a larger one
            part, parts = pd.factorize(self.events[each].array[rows].to_numpy(np.int64, na_value=-1), sort=True)
            code, _ = pd.factorize(code * max(len(parts), 1) + part, sort=True)
        found = np.zeros(len(self.events), np.int64)
        found[rows] = code
        return found

    @cached_property
    def work(self) -> Ints:
        """The rows of the GPU activities: all of the trace, or those launched in the windows."""
        if self.windows is None:
            return self.of.activity_rows
        return self.of.work_of(self.launches)[0]

    def work_of(self, kind: str) -> Ints:
        """The rows of `work` of one kind: `kernel`, `memcpy`, `memset` or `graph`."""
        if kind not in self._work_of:
            self._work_of[kind] = self.work[self._kinds.codes[self.work] == self._code(kind)]
        return self._work_of[kind]

    def opened(self, *kinds: str) -> Opened:
        """The host events of some kinds, of the whole trace, as what is open on their threads."""
        if kinds not in self._opened:
            rows = np.sort(np.concatenate([self._rows(kind) for kind in kinds]))
            self._opened[kinds] = Opened(self.events, rows)
        return self._opened[kinds]
