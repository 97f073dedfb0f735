"""What a few steps would have taken had something been otherwise: their host and their device, played again.

    host      |--- code ---|- wait -|--- code ---|          code takes what it took, a wait until what it waits for is done
    GPU             |- a -|- b -|        |- c -|            work begins when it has been launched and its stream is free

A `Change` says what is otherwise: host time that is gone, work that is gone or takes another time, waits that are gone. The recorder
stretched the host's code, by a factor that a trace doesn't tell; so a replay is made for a `stretch`, which is taken out of
each piece of code between two recorded events. Waits, sleeps and GPU work are not stretched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from launchlens.traces.columns import numbers
from launchlens.traces.communication import communicates
from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints, moments
from launchlens.traces.steps.host_line import is_allocation
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.thresholds import THRESHOLDS

#: Steps are replayed until they hold so many pieces of GPU work: enough to tell, and a replay goes through each by itself.
MOST_WORK = 12_000
MOST_STEPS = 8
FEWEST_STEPS = 2
#: What happens at the moments of a replay, in this order where several share one.
_BEGIN, _LAUNCH, _WAIT, _END = -1, 0, 1, 2

Shares = float | npt.NDArray[np.float64]
#: Where the host is at some recorded moments.
Moments = Callable[[Ints], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Change:
    """What is otherwise in a replay.

    Host time in `gone` ([start, end) in recorded time, with the share of each that stays) is taken out; where two of one entry overlap,
    the time is the earlier one's. `added` is host time put in at some moments, ns each. `dropped` work is not done, `duration` gives some
    work another time, both by row of the event table; `unwaited` are rows of waits that don't happen. Work in `close` starts
    `close_ns` after the work before it on its stream has ended.
    """

    gone: tuple[tuple[Ints, Ints, Shares], ...] = ()
    added: tuple[tuple[Ints, int], ...] = ()
    dropped: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    unwaited: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    duration: tuple[Ints, npt.NDArray[np.float64]] | None = None
    close: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    close_ns: int = 0


NOTHING = Change()


class Replay:
    """A few steps in a row of a trace, ready to be played. `first` and `last` are the steps, both included."""

    def __init__(self, stepped: Stepped, first: int, last: int) -> None:
        steps = stepped.steps
        assert steps is not None
        self.stepped, self.first, self.last = stepped, first, last
        self.low, self.high = int(steps.host_start_ns[first]), int(steps.host_end_ns[last])
        self._cut_host()
        self._take_work()
        self._take_waits()

    @property
    def steps(self) -> int:
        return self.last - self.first + 1

    def _cut_host(self) -> None:
        """The host's line within the steps, cut at its events, with the time that each piece of code may have been stretched."""
        host = self.stepped.host
        inner = host.edges[(host.edges > self.low) & (host.edges < self.high)]
        self.edges = moments(np.array([self.low, self.high]), inner, *self._ends_of_host())
        mine = self.holds(self.edges[:-1])
        at = np.where(mine, host.segment(self.edges[:-1]), -1)
        # what lies between steps that are apart takes no time
        self.length = np.where(mine, np.diff(self.edges), 0).astype(np.float64)
        self.row = np.where(at >= 0, host.row[at], -1)
        waiting = np.where(at >= 0, host.is_in("sync")[at], False)
        # getting or giving back memory waits for the device where it takes long; what it costs by itself is code
        waiting |= np.where(at >= 0, is_allocation(host)[at], False) & (self.length > THRESHOLDS.idle_gap_ns)
        self.waiting = waiting

    def holds(self, moment: Ints) -> npt.NDArray[np.bool_]:
        """Whether the steps hold each moment of the host."""
        steps = self.stepped.steps
        assert steps is not None
        inside: npt.NDArray[np.bool_] = (moment >= self.low) & (moment < self.high)
        return inside & (steps.of_launch(moment) >= 0) if steps.apart else inside

    def _ends_of_host(self) -> tuple[Ints, Ints]:
        """Where the host begins and ends steps that are apart; nothing of others."""
        steps = self.stepped.steps
        assert steps is not None
        own = slice(self.first, self.last + 1) if steps.apart else slice(0, 0)
        return steps.host_start_ns[own], steps.host_end_ns[own]

    def _take_work(self) -> None:
        stepped, of = self.stepped, self.stepped.joined.launches
        launch_of = np.full(len(stepped.events), -1, np.int64)
        launch_of[of.joined_rows] = of.owner
        rows = stepped.work
        launch = launch_of[rows]
        mine = (launch >= 0) & (of.process[launch] == stepped.process)
        called = of.start_ns[launch]
        mine &= self.holds(called)
        rows, launch = rows[mine], launch[mine]
        called, back = of.start_ns[launch], of.end_ns[launch]
        self.rows, self.called = rows, called
        self.start, self.end = stepped.start[rows], stepped.end[rows]
        self.took = (self.end - self.start).astype(np.float64)
        context = numbers(stepped.events, "context", absent=0)[rows]
        stream = numbers(stepped.events, "stream", absent=0)[rows]
        _, self.stream = np.unique(np.stack((context, stream)), axis=1, return_inverse=True)
        self.stream = self.stream.ravel()
        before = np.full(len(rows), self.low, np.int64)
        previous = np.full(len(rows), -1, np.int64)
        for each in range(int(self.stream.max(initial=-1)) + 1):
            own = np.flatnonzero(self.stream == each)
            before[own[1:]] = np.maximum.accumulate(self.end[own])[:-1]
            previous[own[1:]] = own[:-1]
        # launched while its stream was still busy: it was queued, and what it waited for was on the device
        queued = (previous >= 0) & (called < before)
        wait = (self.start - before).astype(np.float64)
        reached = np.maximum(self.start - called, 0).astype(np.float64)
        usual = float(np.median(reached[~queued])) if (~queued).any() else THRESHOLDS.usual_latency_ns
        short = wait[queued & (wait >= 0) & (wait < THRESHOLDS.stream_waited_ns)]
        step = float(np.median(short)) if len(short) else THRESHOLDS.usual_between_ns
        self.usual_step = step
        # of work that was queued the latency of its call can't be seen, of work that wasn't the step from the one before it
        calls = np.maximum(np.minimum(back, self.start) - called, 0)
        self.latency = np.where(queued, np.minimum(usual, np.maximum(reached, 0)), reached)
        self.latency = np.where(queued, np.maximum(self.latency, np.minimum(calls, usual)), self.latency)
        self.after = np.where(queued, np.maximum(wait, 0), np.minimum(step, np.maximum(wait, 0)))
        self._take_dependencies(called, before, queued)

    def _take_dependencies(self, called: Ints, before: Ints, queued: npt.NDArray[np.bool_]) -> None:
        """Work that began as soon as work of another stream had ended, though its own was free: it waited for that."""
        count = len(self.rows)
        self.waits_for = np.full(count, -1, np.int64)
        self.waits_more = np.zeros(count)
        if not count:
            return
        by_end = np.argsort(self.end, kind="stable")
        at = np.searchsorted(self.end[by_end], self.start, side="right") - 1
        other = by_end[np.maximum(at, 0)]
        late = np.maximum(before, called)
        depends = (
            (at >= 0)
            & (self.stream[other] != self.stream)
            & (self.start - self.end[other] < THRESHOLDS.stream_waited_ns)
        )
        depends &= (
            (self.end[other] > late) & (called[other] <= called) & (self.start - late > THRESHOLDS.stream_waited_ns / 2)
        )
        self.waits_for[depends] = other[depends]
        self.waits_more[depends] = (self.start - self.end[other])[depends]
        self.after[depends] = self.usual_step
        # its call had reached the device long before
        usual = float(np.median(self.latency[~depends])) if (~depends).any() else THRESHOLDS.usual_latency_ns
        self.latency[depends] = np.minimum(self.latency[depends], usual)

    def _take_waits(self) -> None:
        """The waits of the line: each with the work after whose end it returned, and how long after."""
        waits = np.flatnonzero(self.waiting)
        self.wait_segment = waits
        start, end = self.edges[waits], self.edges[waits + 1]
        self.wait_for = np.full(len(waits), -1, np.int64)
        by_end = np.argsort(self.end, kind="stable")
        at = np.searchsorted(self.end[by_end], end, side="right") - 1
        # work that ended last before the wait did, of what had been launched by then
        for number, position in enumerate(at.tolist()):
            while position >= 0 and self.called[by_end[position]] > start[number]:
                position -= 1
            if position >= 0:
                self.wait_for[number] = by_end[position]
        done = np.where(self.wait_for >= 0, self.end[self.wait_for] if len(self.end) else 0, start)
        self.wait_more = (end - np.maximum(done, start)).astype(np.float64)
        # a wait of which nothing that was recorded tells the end takes what it took

    def play(self, change: Change = NOTHING, stretch: float = 1.0) -> float:
        """How long a step takes, ns: the mean over the replayed steps, from the end of the first to that of the last where there
        are several."""
        ends = self.ends(change, stretch)
        if len(ends) == 1:
            return float(ends[0])
        return float(ends[-1] - ends[0]) / (len(ends) - 1)

    def ends(self, change: Change = NOTHING, stretch: float = 1.0) -> list[float]:
        """When each step is done, ns from where the replay begins."""
        host_at = self._host(change, stretch)
        dropped = np.isin(self.rows, change.dropped)
        took = self.took.copy()
        if change.duration is not None:
            order = np.argsort(change.duration[0])
            keys, values = change.duration[0][order], change.duration[1][order]
            at = np.minimum(np.searchsorted(keys, self.rows), max(len(keys) - 1, 0))
            if len(keys):
                hit = keys[at] == self.rows
                took[hit] = values[at[hit]]
        after = self.after.copy()
        after[np.isin(self.rows, change.close)] = change.close_ns
        unwaited = np.isin(self.row[self.wait_segment], change.unwaited)

        steps = self.stepped.steps
        assert steps is not None
        own = slice(self.first, self.last + 1)
        owner = np.searchsorted(steps.host_start_ns[own], self.called, side="right") - 1
        # moments of the host in order: launches, waits, ends of steps
        wait_start, wait_end = self.edges[self.wait_segment], self.edges[self.wait_segment + 1]
        step_end = steps.host_end_ns[own]
        # of steps that are apart some begin when the one before is done, whatever its host has to do
        late_start = steps.start_ns[own] == steps.host_start_ns[own]
        begins = np.flatnonzero(late_start)[1:] if steps.apart else np.empty(0, np.int64)
        parts = (self.called, wait_start, step_end, steps.host_start_ns[own][begins])
        moment = np.concatenate(parts)
        what = np.repeat([_LAUNCH, _WAIT, _END, _BEGIN], [len(each) for each in parts])
        index = np.concatenate((*(np.arange(len(each)) for each in parts[:3]), begins))
        order = np.lexsort((index, what, moment))
        at_host = host_at(moment)[order].tolist()
        lasts = (host_at(wait_end) - host_at(wait_start)).tolist()
        what_list, index_list = what[order].tolist(), index[order].tolist()

        streams = [0.0] * (int(self.stream.max(initial=-1)) + 1)
        end = [0.0] * len(self.rows)
        done = [0.0] * self.steps
        stream_of, took_list, after_list = self.stream.tolist(), took.tolist(), after.tolist()
        latency_list, gone = self.latency.tolist(), dropped.tolist()
        for_list, more_list = self.waits_for.tolist(), self.waits_more.tolist()
        # beyond the wait itself a call is code, and stretched as other code is: a long one of the driver's is not
        more = self.wait_more - np.minimum(self.wait_more, THRESHOLDS.stretched_piece_ns) * (1 - 1 / stretch)
        wait_for, wait_more, free = self.wait_for.tolist(), more.tolist(), unwaited.tolist()
        owner_list = owner.tolist()
        late = 0.0  # how much later than its code alone the host is, for the waits so far
        for moment_, kind, i in zip(at_host, what_list, index_list, strict=True):
            if kind == _LAUNCH:
                stream = stream_of[i]
                if gone[i]:
                    end[i] = streams[stream]
                    continue
                begin = max(moment_ + late + latency_list[i], streams[stream] + after_list[i])
                if for_list[i] >= 0:
                    begin = max(begin, end[for_list[i]] + more_list[i])
                end[i] = streams[stream] = begin + took_list[i]
                step = owner_list[i]
                if step >= 0 and end[i] > done[step]:
                    done[step] = end[i]
            elif kind == _WAIT:
                if free[i]:
                    continue
                now = moment_ + late
                until = max(now, end[wait_for[i]]) if wait_for[i] >= 0 else now
                late += until - now + wait_more[i] - lasts[i]
            elif kind == _END:
                done[i] = max(done[i], moment_ + late)
            else:
                late += max(max(done[:i]) - (moment_ + late), 0.0)
        found: list[float] = np.maximum.accumulate(done).tolist()
        return found

    def _host(self, change: Change, stretch: float) -> Moments:
        """Where the host is at a recorded moment, counted in its own code alone."""
        at_most = THRESHOLDS.stretched_piece_ns
        length = np.where(self.waiting, 0.0, self.length - np.minimum(self.length, at_most) * (1 - 1 / stretch))
        edges = self.edges
        for start, end, stays in change.gone:
            edges, length = _keep(edges, length, start, end, stays)
        total = np.concatenate(([0.0], np.cumsum(length)))

        def at(moment: Ints) -> npt.NDArray[np.float64]:
            # from where the replay begins: a clock that counts from 1970 leaves a float steps of 256 ns
            here: npt.NDArray[np.float64] = np.interp(moment - edges[0], edges - edges[0], total)
            for added, ns in change.added:
                ordered = np.sort(added[(added >= self.low) & (added < self.high)])
                here = here + ns * np.searchsorted(ordered, moment, side="right")
            return here

        return at


def _keep(
    edges: Ints, length: npt.NDArray[np.float64], start: Ints, end: Ints, stays: Shares
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """The pieces of the host's line with only a share of what lies in some intervals."""
    share = np.broadcast_to(np.asarray(stays, np.float64), start.shape)
    order = np.argsort(start, kind="stable")
    start, end, share = start[order], np.maximum.accumulate(end[order]), share[order]
    start = np.maximum(start, np.append(start[:1], end[:-1]))
    start, end = np.clip(start, edges[0], edges[-1]), np.clip(end, edges[0], edges[-1])
    real = end > start
    start, end, share = start[real], end[real], share[real]
    if not len(start):
        return edges, length
    finer = moments(edges, start, end)
    piece = np.searchsorted(edges, finer[:-1], side="right") - 1
    at = np.searchsorted(start, finer[:-1], side="right") - 1
    inside = (at >= 0) & (finer[:-1] < end[np.maximum(at, 0)])
    part = np.diff(finer) / np.diff(edges)[piece]
    return finer, length[piece] * part * np.where(inside, share[np.maximum(at, 0)], 1.0)


def replay_of(stepped: Stepped) -> Replay | None:
    """The replay of some usual steps in a row of a trace; None without steps or GPU work."""
    steps = stepped.steps
    if steps is None or stepped.device is None or not len(steps):
        return None
    count = min(len(steps), MOST_STEPS)
    # the first step holds what was launched before it, and warms up
    begin = 1 if len(steps) > FEWEST_STEPS else 0
    count = min(count, len(steps) - begin)
    while count > FEWEST_STEPS and steps.launches[begin : begin + count].sum() > MOST_WORK:
        count -= 1
    # of all rows of so many steps the one whose time is nearest to what is usual
    usual = np.median(steps.wall_ns[begin:])
    sums = np.convolve(np.abs(steps.wall_ns[begin:] - usual), np.ones(count), mode="valid")
    first = begin + int(sums.argmin())
    return Replay(stepped, first, first + count - 1)


def collectives_in(replay: Replay) -> npt.NDArray[np.bool_]:
    """Of a replay's work: which are kernels of collectives."""
    return named(replay.stepped.events["name"], communicates, replay.rows)
