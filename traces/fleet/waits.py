"""Who waited for whom in collectives, and for how long.

    rank 0   |== waits for 2 ==|= transfer =|
    rank 1        |= waits ====|= transfer =|          a wait is from a rank's own start to that of the last one
    rank 2                     |= transfer =|          the rest of a collective is transfer

A wait is booked to the rank that came last. But where that one came late because it had waited for another rank before, as in a group that the
other is not in, so much of the wait is passed on to that one: each rank carries what it was delayed by each other, as far as nothing else ran
meanwhile on its device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.fleet.clocks import Clocks
from launchlens.traces.fleet.matched import Matched
from launchlens.traces.fleet.summary import EXPOSED_AT
from launchlens.traces.intervals import Ints

#: Of one collective so many of the last to come are asked what they alone cost the others.
_MOST_LATE = 8


@dataclass(frozen=True)
class Waits:
    """`wait_ns` and `exposed_wait_ns` are of each row of what was matched; `last` is the member that came last, `skew_ns` how long after the first.

    `booked` has a row per waiting member, its step and the member that it waited for: ns in all and exposed. Over the latter they sum to the
    waits. `costs` has a row per waiting member, its step and a late member: for how long it waited while that one had not come. Where several are
    late together these are counted for each of them.
    """

    wait_ns: Ints
    exposed_wait_ns: Ints
    last: Ints
    skew_ns: Ints
    booked: pd.DataFrame
    costs: pd.DataFrame


def waits(matched: Matched, clocks: Clocks, members: int) -> Waits:
    """The waits of each rank in each collective that was matched."""
    start = clocks.aligned(matched.member, matched.start_ns)
    length = matched.end_ns - matched.start_ns
    first = matched.first
    count = np.diff(np.append(first, len(matched)))
    latest = np.repeat(np.maximum.reduceat(start, first), count) if len(first) else start
    earliest = np.repeat(np.minimum.reduceat(start, first), count) if len(first) else start
    wait = np.minimum(latest - start, length)
    exposed = _exposed_until(matched.exposed_ns, wait, length)
    last = np.zeros(len(matched), np.int64)
    booked, costs = _Rows(), _Rows()
    delayed = np.zeros((members, members))
    order = np.argsort(latest[first], kind="stable") if len(first) else first
    for instance in order.tolist():
        rows = np.arange(first[instance], first[instance] + count[instance])
        of = matched.member[rows]
        late = int(of[int(np.argmax(start[rows]))])
        last[rows] = late
        _cost(costs, rows, of, matched.step[rows], start[rows], length[rows], delayed)
        _book(booked, rows, of, matched.step[rows], wait[rows], exposed[rows], late, delayed)
    return Waits(wait, exposed, last, latest - earliest, booked.frame(), costs.frame())


def _exposed_until(sampled: npt.NDArray[np.int64], moment: Ints, length: Ints) -> Ints:
    """How much of the first `moment` ns of each collective was exposed, of what is known at EXPOSED_AT places."""
    if not len(moment):
        return moment
    place = np.where(length > 0, moment / np.maximum(length, 1), 0.0) * (EXPOSED_AT - 1)
    low = np.minimum(place.astype(np.int64), EXPOSED_AT - 2)
    rows = np.arange(len(moment))
    before, after = sampled[rows, low], sampled[rows, low + 1]
    found: Ints = np.rint(before + (after - before) * (place - low)).astype(np.int64)
    return np.minimum(found, moment)


class _Rows:
    """Rows of who waited, in which step, for whom, collected as arrays."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []

    def add(self, member: Ints, step: Ints, behind: Ints, ns: Ints, exposed: Ints) -> None:
        kept = ns > 0
        if kept.any():
            self._parts.append((member[kept], step[kept], behind[kept], ns[kept], exposed[kept]))

    def frame(self) -> pd.DataFrame:
        names = ("member", "step", "behind", "ns", "exposed_ns")
        columns = (
            [np.concatenate(each) for each in zip(*self._parts, strict=True)]
            if self._parts
            else [np.empty(0, np.int64)] * len(names)
        )
        frame = pd.DataFrame(dict(zip(names, columns, strict=True)))
        return frame.groupby(["member", "step", "behind"], as_index=False).sum()


def _cost(
    costs: _Rows, rows: Ints, of: Ints, step: Ints, start: Ints, length: Ints, delayed: npt.NDArray[np.float64]
) -> None:
    """What each of the last to come cost the others, less what it was late by because of others."""
    for at in np.argsort(start, kind="stable")[::-1][:_MOST_LATE].tolist():
        late = int(of[at])
        behind = np.clip(start[at] - start, 0, length).astype(np.float64)
        if not behind.any():
            break
        theirs = np.flatnonzero(delayed[late] > 0)
        theirs = theirs[theirs != late]
        passed = np.maximum(delayed[late, theirs] - delayed[np.ix_(of, theirs)], 0).sum(axis=1)
        own = np.maximum(behind - passed, 0).astype(np.int64)
        costs.add(of, step, np.full(len(of), late), own, np.zeros(len(of), np.int64))


def _book(
    booked: _Rows,
    rows: Ints,
    of: Ints,
    step: Ints,
    wait: Ints,
    exposed: Ints,
    late: int,
    delayed: npt.NDArray[np.float64],
) -> None:
    """Book the waits of one collective, and what of them delays whom."""
    theirs = np.flatnonzero(delayed[late] > 0)
    theirs = theirs[theirs != late]
    passed = np.maximum(delayed[late, theirs] - delayed[np.ix_(of, theirs)], 0)
    total = passed.sum(axis=1)
    share = np.divide(np.minimum(total, wait), total, out=np.zeros(len(of)), where=total > 0)
    taken = np.floor(passed * share[:, np.newaxis]).astype(np.int64)
    part = np.divide(exposed, wait, out=np.zeros(len(of)), where=wait > 0)
    shown = np.floor(taken * part[:, np.newaxis]).astype(np.int64)
    rest, rest_shown = wait - taken.sum(axis=1), exposed - shown.sum(axis=1)
    for column, cause in enumerate(theirs.tolist()):
        booked.add(of, step, np.full(len(of), cause), taken[:, column], shown[:, column])
        delayed[of, cause] += shown[:, column]
    booked.add(of, step, np.full(len(of), late), rest, rest_shown)
    others = of != late
    delayed[of[others], late] += rest_shown[others]
    # the one that came late has lost as much as it made the others lose
    if others.any():
        delayed[late, late] = max(delayed[late, late], float(delayed[of[others], late].max()))
