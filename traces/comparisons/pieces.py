"""Every moment of a trace's windows once: what ran on the device, or for what nothing did; for which op, and in which range.

    device    |- kernel a -|    idle     |- kernel b -|  b |- c -|      of work that overlaps the one that started last has the moment
    pieces    [  a  ][  a  ][wait][launch][     b      ][    c   ]      each with the op and the range that it is put down to

Work, and the wait for it from the start of its launch on, is put down to the op and the range in which it was launched; what of an idle
time passes until a call that waited returns, to where that was made; the rest to where the host was then. So lengths of pieces sum to the windows, whatever they are grouped by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.columns import is_any, is_on
from launchlens.traces.comparisons.windows import Windows
from launchlens.traces.intervals import Ints, innermost, moments
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.steps.gaps import CAUSES, Gaps, find_gaps, segment_causes
from launchlens.traces.steps.host_line import HostLine, range_line
from launchlens.traces.steps.steps import is_users

#: What a piece of a device is put down to besides causes of idle time (codes of CAUSES).
BUSY, UNKNOWN = -1, -2


@dataclass(frozen=True)
class Pieces:
    """Pieces of the windows of a trace, arrays of one length; `length_ns` over a window sums to its time.

    `work` is the row of the event table of what ran (-1: nothing). `cause` is the code in CAUSES of why nothing did, BUSY or
    UNKNOWN. `op` and `place` are rows of the op and of the author's range that it is put down to, `host` that of what the host is in, -1 for none.
    """

    window: Ints
    length_ns: Ints
    work: Ints
    cause: Ints
    op: Ints
    place: Ints
    host: Ints


@dataclass(frozen=True)
class Around:
    """Which op and which of the author's ranges host events of a process are made in."""

    joined: JoinedTrace
    ops: Opened
    places: HostLine

    @classmethod
    def of(cls, joined: JoinedTrace, process: int) -> Around:
        is_op = is_any(joined.events, "kind", "op")
        return cls(joined, Opened(joined.events, np.flatnonzero(is_op)), range_line(joined, process, is_users))

    def op(self, rows: Ints) -> Ints:
        """The innermost op in which each event was made, itself where it is one; a row of the event table, -1 for none (and of -1)."""
        events = self.joined.events
        if not len(self.ops.rows) or not len(rows):
            return np.full(len(rows), -1, np.int64)
        process, thread = (events[each].array.codes.astype(np.int64) for each in ("process", "thread"))
        at = self.ops.at(process[rows], thread[rows], events["start_ns"].to_numpy()[rows])
        found = np.where(at >= 0, self.ops.rows[at], -1)
        is_op = np.zeros(len(events) + 1, bool)
        is_op[self.ops.rows] = True
        return np.where(rows < 0, -1, np.where(is_op[rows], rows, found))

    def place(self, moment: Ints) -> Ints:
        """The author's range that is open at each moment: a row of the event table, -1 for none."""
        return self.places.row_at(moment)


def pieces_of(
    joined: JoinedTrace, windows: Windows, device: int | None, around: Around, host: HostLine
) -> tuple[Pieces, Gaps | None]:
    """The windows cut into pieces, and the gaps of the device in them; without a device all is UNKNOWN, where the host was."""
    events, of = joined.events, joined.launches
    low, high = int(windows.start[0]), int(windows.end[-1])
    nothing = np.empty(0, np.int64)
    gaps = None if device is None else find_gaps(joined, host, device, (low, high))
    busy_edges, owner, work = nothing, nothing, nothing
    if device is not None:
        work = of.activity_rows[is_on(events, device, of.activity_rows)]
        start = events["start_ns"].to_numpy()[work]
        busy_edges, owner = innermost(start, start + events["dur_ns"].to_numpy()[work])
    cuts = (
        ()
        if gaps is None
        else (gaps.start_ns, gaps.end_ns, gaps.cuts.owed_until, gaps.cuts.call_from, gaps.cuts.call_until)
    )
    edges = moments(windows.start, windows.end, busy_edges, host.edges, around.places.edges, *cuts)
    edges = edges[(edges >= low) & (edges <= high)]
    left, length = edges[:-1], np.diff(edges)
    window = windows.at(left)
    left, length, window = left[window >= 0], length[window >= 0], window[window >= 0]

    at = np.searchsorted(busy_edges, left, side="right") - 1
    running = (at >= 0) & (at < len(owner))
    running[running] = owner[at[running]] >= 0
    ran = np.full(len(left), -1, np.int64)
    ran[running] = work[owner[at[running]]]
    cause, launch, wait = _idle(joined, host, gaps, left)
    cause = np.where(running, BUSY, cause)
    launch_of = np.full(len(events) + 1, -1, np.int64)
    launch_of[of.joined_rows] = of.owner
    launch = np.where(running, launch_of[ran], launch)

    segment = host.segment(left)
    host_row = np.where(segment >= 0, host.row[segment], -1) if len(host.row) else np.full(len(left), -1, np.int64)
    in_host, host_row = host_row, np.where(wait >= 0, wait, host_row)
    call = of.row[launch] if len(of) else host_row
    # work of which the launch is not known has no op: where the host happens to be says nothing of it
    row = np.where(launch >= 0, call, np.where(running, -1, host_row))
    moment = np.where(wait >= 0, events["start_ns"].to_numpy()[wait], left)
    moment = np.where(launch >= 0, of.start_ns[launch], moment) if len(of) else moment
    place = np.where(running & (launch < 0), -1, around.place(moment))
    return Pieces(window, length, ran, cause, around.op(row), place, in_host), gaps


def _idle(joined: JoinedTrace, host: HostLine, gaps: Gaps | None, moment: Ints) -> tuple[Ints, Ints, Ints]:
    """Why the device is idle at each moment (UNKNOWN outside the gaps), the launch that it waits for by then, and the row of the call that it
    is owed to, both -1 for none.
    """
    cause = np.full(len(moment), UNKNOWN, np.int64)
    launch, wait = np.full(len(moment), -1, np.int64), np.full(len(moment), -1, np.int64)
    if gaps is None or not len(gaps.start_ns):
        return cause, launch, wait
    at = np.searchsorted(gaps.start_ns, moment, side="right") - 1
    inside = at >= 0
    inside[inside] = moment[inside] < gaps.end_ns[at[inside]]
    gap, when, cuts = at[inside], moment[inside], gaps.cuts
    of_segment = np.append(segment_causes(joined, host), CAUSES.index("not-recorded"))
    of_host = of_segment[host.segment(when)]
    # a gap is owed to a wait until that returns: what the host does from then on is what another step would do less or more of
    start = joined.events["start_ns"].to_numpy()[cuts.wait]
    returns = np.where(cuts.wait >= 0, start + joined.events["dur_ns"].to_numpy()[cuts.wait], cuts.owed_until)
    owed = when < np.minimum(cuts.owed_until, returns)[gap]
    cause[inside] = np.select(
        [owed, when < cuts.call_from[gap], when < cuts.call_until[gap]],
        [cuts.owed_to[gap], of_host, cuts.of_call[gap]],
        cuts.of_rest[gap],
    )
    launch[inside] = np.where(when >= cuts.call_from[gap], cuts.launch[gap], -1)
    wait[inside] = np.where(owed, cuts.wait[gap], -1)
    return cause, launch, wait
