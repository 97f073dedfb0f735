"""The gaps of a device: when it had nothing to do, and what it waited for.

A gap ends when the next work starts, and that work was launched by a call of the host. So a gap is cut in three:

    device    |- work -|              gap                |- next -|
    host               |  what came before | the call |
    of the gap         [   the host's part ][ launch  ][ latency ]

The host's part goes by what the process was in (`host_line`). If the host was waiting for the device when the device fell idle,
it had been ahead: as much of the gap as it had waited is owed to that wait. Where the next work had been launched before the gap
began, the device waited for itself: a dependency, or the latency of a launch. A gap has one cause, that of its largest part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from launchlens.traces.columns import is_on
from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints, union
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.steps.host_line import STATES, HostLine, is_allocation, range_line
from launchlens.traces.thresholds import THRESHOLDS

#: Why a device is idle. `not-recorded`: nothing that was recorded says what the host did. `unknown`: the launch of the next
#: work is not in the trace, or the recorder itself was at work.
CAUSES = (
    "host-python", "host-dispatch", "host-launch", "host-api", "sync", "data", "copy", "communication",
    "dependency", "launch-latency", "allocation", "not-recorded", "unknown",
)  # fmt: skip
HOST_CAUSES = ("host-python", "host-dispatch", "host-launch", "host-api")

_DATA = re.compile(
    r"(^|[^a-z])(data(loader|loading|set)?|load(er|ing)?|fetch(ing)?|prefetch(er)?|batch(es)?|inputs?|collate|tokeni[sz]e\w*)([^a-z]|$)"
    r"|^enumerate\(DataLoader\)",
    re.IGNORECASE,
)
_COMMUNICATION = re.compile(
    r"(^|[^a-z])(nccl|rccl|c10d|gloo|mpi|oneccl|all_?reduce|all_?gather|reduce_?scatter)", re.IGNORECASE
)


def loads_data(name: str) -> bool:
    """Whether a range or op is about getting the next data, by its name."""
    return bool(_DATA.search(name))


def _is_loader(name: str) -> bool:
    return name.startswith("enumerate(DataLoader)")


def about_collectives(name: str) -> bool:
    """Whether a range or an op is about collectives, by its name."""
    return bool(_COMMUNICATION.search(name))


@dataclass(frozen=True)
class Cuts:
    """Where the three parts of each gap lie in it, moments on the recorder's clock, and what they are put down to (codes of CAUSES).

    gap     |- owed to a wait -|- by what the host was in -|- the call -|- the rest -|
            start         owed_until                  call_from    call_until      end

    `launch` is the position of the launch that ends the gap, -1 where that is not known, and `wait` the call, as a row of the event
    table, that the first part is owed to, -1 where none is.
    """

    owed_until: Ints
    call_from: Ints
    call_until: Ints
    owed_to: Ints
    of_call: Ints
    of_rest: Ints
    launch: Ints
    wait: Ints


@dataclass(frozen=True)
class Gaps:
    """The gaps of one device within a window, in order; `parts` is [gaps, CAUSES], int64 ns, and each row sums to its gap.

    `before_row` and `after_row` are the GPU work around a gap as positions in the event table, -1 where there is none in the window.
    """

    device: int
    window: tuple[int, int]
    start_ns: Ints
    end_ns: Ints
    parts: npt.NDArray[np.int64]
    before_row: Ints
    after_row: Ints
    cuts: Cuts

    @property
    def length_ns(self) -> Ints:
        return self.end_ns - self.start_ns

    @property
    def cause(self) -> Ints:
        """The cause of each gap as an index into CAUSES: that of its largest part."""
        return self.parts.argmax(axis=1) if len(self.parts) else np.empty(0, np.int64)

    def by_cause(self) -> npt.NDArray[np.int64]:
        """Idle time by cause: it sums to the idle time."""
        total = np.zeros(len(CAUSES), np.int64)
        np.add.at(total, self.cause, self.length_ns)
        return total

    def by_part(self) -> npt.NDArray[np.int64]:
        """Idle time by the parts of gaps: it sums to the idle time as well, and is finer."""
        sums: npt.NDArray[np.int64] = self.parts.sum(axis=0)
        return sums

    def within(self, start: Ints, end: Ints) -> npt.NDArray[np.int64]:
        """Idle time by cause in each of some windows that share no moment: [windows, CAUSES]. A gap is cut at their ends."""
        found = np.zeros((len(start), len(CAUSES)), np.int64)
        if not len(start) or not len(self.start_ns):
            return found
        first = np.searchsorted(end, self.start_ns, side="right")
        last = np.searchsorted(start, self.end_ns, side="left") - 1
        reach = np.maximum(last - first + 1, 0)
        gap = np.repeat(np.arange(len(self.start_ns)), reach)
        offset = np.arange(len(gap)) - np.repeat(np.cumsum(reach) - reach, reach)
        window = first[gap] + offset
        length = np.minimum(self.end_ns[gap], end[window]) - np.maximum(self.start_ns[gap], start[window])
        np.add.at(found, (window, self.cause[gap]), np.maximum(length, 0))
        return found


def find_gaps(
    joined: JoinedTrace,
    host: HostLine,
    device: int,
    window: tuple[int, int],
    outside: tuple[Ints, Ints] | None = None,
) -> Gaps:
    """The gaps of `device` within [start, end) of `window`, less some intervals `outside`, which cut them. Time of which it is not
    known whether work ran is no gap."""
    events, of = joined.events, joined.launches
    rows = of.activity_rows[is_on(events, device, of.activity_rows)]
    start = events["start_ns"].to_numpy()[rows]
    order = np.argsort(start, kind="stable")
    rows, start = rows[order], start[order]
    end = start + events["dur_ns"].to_numpy()[rows]
    low, high = window
    unknown = joined.unknown.get(device) or (start[:0], start[:0])
    none = outside or (start[:0], start[:0])
    busy = union(np.concatenate((start, unknown[0], none[0])), np.concatenate((end, unknown[1], none[1])))
    left, right = np.append(low, busy[1]), np.append(busy[0], high)
    left, right = np.clip(left, low, high), np.clip(right, low, high)
    real = right > left
    left, right = left[real], right[real]

    after = np.searchsorted(start, right, side="left")
    has_next = after < len(rows)
    after_row = np.where(has_next, rows[np.minimum(after, len(rows) - 1)] if len(rows) else -1, -1)
    by_end = np.argsort(end, kind="stable")
    before = np.searchsorted(end[by_end], left, side="right") - 1
    before_row = np.where(before >= 0, rows[by_end[np.maximum(before, 0)]] if len(rows) else -1, -1)
    launch_of = np.full(len(events), -1, np.int64)
    launch_of[of.joined_rows] = of.owner
    # what the window cuts, or a time of which nothing is known, is the host's part alone
    ends_in_work = has_next & (start[np.minimum(after, len(rows) - 1)] == right) if len(rows) else has_next
    launch = np.where(ends_in_work, launch_of[after_row], -1)
    # between two nodes of one replay nothing was launched
    within = (launch >= 0) & (before_row >= 0) & (launch_of[before_row] == launch)
    parts, cuts = _parts(joined, host, left, right, launch, ends_in_work, within)
    return Gaps(device, window, left, right, parts, before_row, np.where(ends_in_work, after_row, -1), cuts)


def _parts(
    joined: JoinedTrace,
    host: HostLine,
    left: Ints,
    right: Ints,
    launch: Ints,
    ends_in_work: npt.NDArray[np.bool_],
    within: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int64], Cuts]:
    of = joined.launches
    parts = np.zeros((len(left), len(CAUSES)), np.int64)
    known = launch >= 0
    # the host's part ends where the call begins, the call's where it ends; without a launch all is the host's
    call = np.where(known, of.start_ns[launch] if len(of.start_ns) else 0, right)
    back = np.where(known, of.end_ns[launch] if len(of.end_ns) else 0, right)
    cause_of = segment_causes(joined, host)
    owed, wait = _owed_to_waits(host, left)
    owed_to = np.where(wait >= 0, cause_of[wait] if len(cause_of) else 0, 0)
    # what had been launched before the gap began waited for no host
    owed = np.where(known & (back <= left), 0, owed)
    at_wait = np.clip(left + owed, left, right)
    np.add.at(parts, (np.arange(len(left)), owed_to), at_wait - left)
    in_call = np.clip(call, at_wait, right)
    after_call = np.clip(back, in_call, right)
    told = np.zeros(len(left), np.int64)
    for number in np.unique(cause_of).tolist():
        if CAUSES[number] == "not-recorded":
            continue
        until = host.integral(cause_of == number)
        spent = until(in_call) - until(at_wait)
        parts[:, number] += spent
        told += spent
    parts[:, CAUSES.index("not-recorded")] += in_call - at_wait - told
    by_copy = known & of.copies_and_waits[launch] if len(of) else known
    parts[:, CAUSES.index("copy")] += np.where(by_copy, after_call - in_call, 0)
    parts[:, CAUSES.index("host-launch")] += np.where(by_copy, 0, after_call - in_call)
    queued = known & (within | (back + THRESHOLDS.launch_latency_ns < right))
    parts[:, CAUSES.index("dependency")] += np.where(queued, right - after_call, 0)
    parts[:, CAUSES.index("launch-latency")] += np.where(queued, 0, right - after_call)
    # of work whose launch is not in the trace nobody knows what it waited for
    lost = ends_in_work & ~known
    parts[lost] = 0
    parts[lost, CAUSES.index("unknown")] = (right - left)[lost]
    rest = np.where(queued, CAUSES.index("dependency"), CAUSES.index("launch-latency"))
    cuts = Cuts(
        np.where(lost, left, at_wait),
        np.where(lost, left, in_call),
        np.where(lost, left, after_call),
        owed_to,
        np.where(by_copy, CAUSES.index("copy"), CAUSES.index("host-launch")),
        np.where(lost, CAUSES.index("unknown"), rest),
        launch,
        np.where((wait >= 0) & ~lost, host.row[wait] if len(host.row) else -1, -1),
    )
    return parts, cuts


def _owed_to_waits(host: HostLine, left: Ints) -> tuple[Ints, Ints]:
    """How much of a gap that begins at each moment is owed to a wait the host was in then, and the wait's segment (-1: none).

    Until the wait returns the gap is its, and beyond that as long as it had kept the host.
    """
    at = host.segment(left)
    if not len(host.state):
        return np.zeros(len(left), np.int64), at
    at = np.where(host.is_in("sync")[at], at, -1)
    row = host.row[at]
    began = host.events["start_ns"].to_numpy()[row]
    ends = began + host.events["dur_ns"].to_numpy()[row]
    return np.where(at >= 0, np.maximum(left - began, ends - left), 0), at


def segment_causes(joined: JoinedTrace, host: HostLine) -> Ints:
    """For each segment of the host's line, the cause that idle time in it has: an index into CAUSES."""
    return joined.segment_causes(host, lambda: _segment_causes(joined, host))


def _segment_causes(joined: JoinedTrace, host: HostLine) -> Ints:
    if not len(host.state):
        return np.empty(0, np.int64)
    cause = np.array([CAUSES.index(_CAUSE_OF[state]) for state in STATES])[host.state]
    cause[is_allocation(host)] = CAUSES.index("allocation")
    # what a range says of its time holds on every thread of the process
    ranges = range_line(joined, host.process, lambda name: True)
    at = ranges.segment(host.start_ns)
    around = np.where(at >= 0, ranges.row[at], -1) if len(ranges.row) else np.full(len(cause), -1, np.int64)
    names = host.events["name"]
    about_data = named(names, loads_data, around) | named(names, _is_loader, host.row)
    cause[about_data & host.is_in("python", "nothing", "dispatch")] = CAUSES.index("data")
    collective = named(names, about_collectives, around) | named(names, about_collectives, host.row)
    cause[collective & host.is_in("sync")] = CAUSES.index("communication")
    return cause


#: What idle time is put down to while the process is in a state, where nothing more is known.
_CAUSE_OF = {
    "launch": "host-launch", "dispatch": "host-dispatch", "api": "host-api", "sync": "sync", "python": "host-python",
    "profiler": "unknown", "nothing": "not-recorded",
}  # fmt: skip
