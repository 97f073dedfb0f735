"""A slice: some windows of one trace, on one process or host thread and one device, and what is to be said of them.

The whole trace, the instances of a range and the blocks of a capture's variant are slices (`launchlens.traces.windows` makes
them): they differ in which windows they cut, and in nothing else.

    trace     |----------------------------------------------------|
    windows        |------|      |------|        |------|             what is launched in them is theirs, wherever it runs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from launchlens.traces.account import HOST_STATES, Account
from launchlens.traces.columns import is_on
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints, union_length
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.lanes import Lane, cut
from launchlens.traces.launches.ledger import LaunchKind, ledger
from launchlens.traces.problems import Problems
from launchlens.traces.schema import Column
from launchlens.traces.threads import thread_name

#: A row per window: what was launched in it, and medians over that.
WINDOW_COLUMNS: tuple[Column, ...] = (
    Column("launches", "int64", "", False, "launches made in the window"),
    Column("activities", "int64", "", False, "GPU activities that these caused"),
    Column("gpu_projection_ns", "Int64", "ns", True, "last end - first start of these activities; null without any"),
    Column("api_ns", "Float64", "ns", True, "time of a launch in its call, median; null without a launch"),
    Column("queue_ns", "Float64", "ns", True, "time that a launch was queued, median; null where none was"),
    Column("gpu_ns", "Float64", "ns", True, "GPU time of an activity, median; null without any"),
)


@dataclass(frozen=True)
class Work:
    """GPU work of one kind and name: how often it ran, and how long in all, ns."""

    kind: str
    name: str
    count: int
    total_ns: int


@dataclass(frozen=True)
class Calls:
    """API calls that put their thread in one host state: how many, and how many others began while that state was the innermost."""

    made: int
    held: int


@dataclass(frozen=True)
class Slice:
    """Some windows of a trace on one process, or one thread of it, and one device.

    `process` and `thread` are codes of the event table; `thread` is None for all threads of the process, and `device` where the
    trace holds no event of a device. `known_caller`: the thread is known to run the caller's code wherever nothing else is open,
    as a capture's is; of any other program nothing is known then. The
    windows [start, end) are int64 ns on the recorder's clock, in order, and share no moment. `covers` says in words what
    they are. `problems` are those of these windows, the trace's own not among them.
    """

    joined: JoinedTrace
    process: int
    thread: int | None
    device: int | None
    start_ns: Ints
    end_ns: Ints
    covers: str
    problems: Problems
    known_caller: bool = False

    @property
    def thread_name(self) -> str | None:
        """What the thread is called; None for all threads of the process."""
        return None if self.thread is None else thread_name(self.joined.events, self.process, self.thread)

    @property
    def process_name(self) -> str | None:
        """The id of the process; None where the trace names none."""
        return str(self.joined.events["process"].array.categories[self.process]) if self.process >= 0 else None

    @property
    def device_name(self) -> str | None:
        return None if self.device is None else str(self.device)

    @cached_property
    def account(self) -> Account:
        """Where the time went, window by window. Everything that is said of times in states is said from here."""
        device = self.joined.device_lane(self.device)
        return Account(cut(self.host_lane, device, self.start_ns, self.end_ns), self.device is not None)

    @property
    def host_lane(self) -> Lane:
        """What the process, or its thread, was in, also outside the windows."""
        if self.thread is None:
            return self.joined.process_lane(self.process)
        if self.known_caller:
            return self.joined.host_lane(self.process, self.thread)
        return self.joined.evident_lane(self.process, self.thread)

    @cached_property
    def launches(self) -> Ints:
        """The positions of the launches that the slice's process, or its thread, made in its windows."""
        of = self.joined.launches
        mine = (of.process == self.process) & (self.window_of_launch >= 0)
        return np.flatnonzero(mine if self.thread is None else mine & (of.thread == self.thread))

    @cached_property
    def window_of_launch(self) -> Ints:
        """For each launch of the trace, the position of the window that it was made in, -1 for none."""
        return self.window_of(self.joined.launches.start_ns)

    @cached_property
    def activities(self) -> tuple[Ints, Ints]:
        """The work of the launches: positions in the event table, and which launch each is of."""
        return self.joined.launches.work_of(self.launches)

    def window_of(self, moments: Ints) -> Ints:
        """The position of the window that holds each moment, -1 for none."""
        if not len(self.start_ns):
            return np.full(len(moments), -1, np.int64)
        which = np.searchsorted(self.start_ns, moments, side="right") - 1
        # before the first window -1 leads to the last one, and stays -1 whatever that says
        return np.where(moments < self.end_ns[which], which, -1)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many launches were made in the windows, and how many kernels, memcpys and memsets these caused."""
        columns, mine = self.joined.launches.columns, self.launches
        caused = {name: int(columns[name][mine].sum()) for name in ("kernels", "memcpys", "memsets")}
        return {"launches": len(mine)} | caused

    @property
    def calls(self) -> Mapping[str, Calls]:
        """The API calls that the slice's thread made in its windows, by host state; empty of all threads of a process.

        A call that began inside another one is held by that one's state, any other by what its thread was in just before.
        """
        found = self.joined.host_events
        if self.thread is None or (mine := found.of_thread.get((self.process, self.thread))) is None:
            return {}
        is_call = np.isin(found.state[mine], [HOST_STATES.index(name) for name in ("launch", "sync", "api")])
        mine = mine[is_call & (self.window_of(found.start_ns[mine]) >= 0)]
        made = np.bincount(found.state[mine], minlength=len(HOST_STATES))
        held = np.bincount(self.host_lane.at(found.start_ns[mine] - 1), minlength=len(HOST_STATES))
        counted = zip(HOST_STATES, made.tolist(), held.tolist(), strict=True)
        return {state: Calls(*counts) for state, *counts in counted if any(counts)}

    @property
    def ledger(self) -> list[LaunchKind]:
        """The launches by the call made and what it caused, those that took most API time first."""
        return ledger(self.joined.launches, self.launches, self.joined.hardware_queue)

    @property
    def work(self) -> list[Work]:
        """What ran on the GPU, by kind and name, the longest in all first.

        A recorder's names tell what ran: a device-to-device memcpy replayed in a graph, say, runs as a kernel of the driver's.
        """
        rows, _ = self.activities
        events = self.joined.events
        kind, name = (events[each].array for each in ("kind", "name"))
        groups = by_keys(rows, kind.codes[rows], name.codes[rows])
        took = events["dur_ns"].to_numpy()
        found = [
            Work(str(kind.categories[of_kind]), str(name.categories[of_name]), len(each), int(took[each].sum()))
            for (of_kind, of_name), each in groups.items()
        ]
        return sorted(found, key=lambda work: (-work.total_ns, work.kind, work.name))

    @cached_property
    def gpu_recorded_ns(self) -> int | None:
        """How long the device was recorded to be busy with what was launched in the windows; None without a device."""
        if self.device is None:
            return None
        rows, _ = self.activities
        events = self.joined.events
        rows = rows[is_on(events, self.device, rows)]
        start = events["start_ns"].to_numpy()[rows]
        return union_length(start, start + events["dur_ns"].to_numpy()[rows])

    @cached_property
    def per_window(self) -> pd.DataFrame:
        """Counts and medians of each window: WINDOW_COLUMNS."""
        of, mine = self.joined.launches, self.launches
        window = self.window_of_launch[mine]
        rows, owner = self.activities
        queued = of.queued[mine]
        windows = len(self.start_ns)

        def medians(values: Ints, where: Ints) -> pd.arrays.FloatingArray:
            count = np.bincount(where, minlength=windows)
            some, first = count > 0, np.cumsum(count) - count
            ordered = values[np.lexsort((values, where))].astype(np.float64)
            middle = ordered[(first + (count - 1) // 2)[some]], ordered[(first + count // 2)[some]]
            found = np.zeros(windows)
            found[some] = (middle[0] + middle[1]) / 2
            return pd.arrays.FloatingArray(found, ~some)

        of_work, duration = self.window_of_launch[owner], self.joined.events["dur_ns"].to_numpy()[rows]
        start = self.joined.events["start_ns"].to_numpy()[rows]
        first, last = np.full(windows, np.iinfo(np.int64).max), np.full(windows, np.iinfo(np.int64).min)
        np.minimum.at(first, of_work, start)
        np.maximum.at(last, of_work, start + duration)
        activities = np.bincount(of_work, minlength=windows)
        projection = np.subtract(last, first, out=np.zeros(windows, np.int64), where=activities > 0)
        return pd.DataFrame(
            {
                "launches": np.bincount(window, minlength=windows),
                "activities": activities,
                "gpu_projection_ns": pd.arrays.IntegerArray(projection, activities == 0),
                "api_ns": medians(of.end_ns[mine] - of.start_ns[mine], window),
                "queue_ns": medians(of.queue_ns[mine][queued], window[queued]),
                "gpu_ns": medians(duration, of_work),
            }
        )

    def middle_window(self) -> Slice:
        """The window of middle length, as a slice of its own. Raises IndexError without windows."""
        at = int(np.argsort(self.end_ns - self.start_ns, kind="stable")[len(self.start_ns) // 2])
        return replace(self, start_ns=self.start_ns[at : at + 1], end_ns=self.end_ns[at : at + 1], problems=Problems())

    @property
    def outlasting(self) -> int:
        """How many of the launches have GPU work that ended after their window: the account cuts it off there."""
        of, mine = self.joined.launches, self.launches[self.joined.launches.caused_work[self.launches]]
        return int((of.gpu_end_ns[mine] > self.end_ns[self.window_of_launch[mine]]).sum())

    @property
    def outlasted(self) -> bool:
        """Whether GPU work launched in a window ended after it."""
        return self.outlasting > 0
