"""Who waited for whom in collectives, and for how long.

    rank 0   |== waits for 2 ==|= transfer =|
    rank 1        |= waits ====|= transfer =|          a wait is from a rank's own start to that of the last one
    rank 2                     |= transfer =|          the rest of a collective is transfer

A wait is booked to the rank that came last. But where that one came late because it had waited for another rank before, as in a group that the
other is not in, so much of the wait is passed on to that one: each rank carries what it was delayed by each other, as far as nothing else ran
meanwhile on its device.

What a late rank costs is less than the sum of the waits for it where collectives run beside other work: who waits there goes on to compute, comes
to the next collective as early as before, and waits for the same lateness again.

    rank 0 computes   |==============|==============|= stands still =|
    and waits         |== 15 of 15 ==|== 9 of 15 ===|== 13 of 15 ====|     37 ms of waiting, of one lateness: 15 ms

So in a step a lateness counts once. It counts again as far as it grew, or as the one that waits had stood still for it: nothing but collectives
ran on its device. What is left of it when a step ends is carried over as far as the late rank begins the next one late.
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
    """`wait_ns` is of each row of what was matched; `last` is the member that came last, `skew_ns` how long after the first.

    `booked` has a row per waiting member, its step and the member that it waited for: ns in all and exposed. Over the latter they sum to the
    waits. `costs` has a row per waiting member, its step and a late member: `cost_ns` is what the lateness of that one costs it, `ns` and
    `exposed_ns` for how long it waited while that one had not come. Where several are late together these are counted for each of them.
    """

    wait_ns: Ints
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
    step_start = clocks.aligned(matched.member, matched.step_start_ns)
    booked, costs = _Rows(("ns", "exposed_ns")), _Rows(("cost_ns", "ns", "exposed_ns"))
    delayed = np.zeros((members, members))
    lateness = _Lateness(members)
    order = np.argsort(latest[first], kind="stable") if len(first) else first
    for instance in order.tolist():
        rows = np.arange(first[instance], first[instance] + count[instance])
        of = matched.member[rows]
        late = int(of[int(np.argmax(start[rows]))])
        last[rows] = late
        this = _Instance(of, matched.step[rows], step_start[rows], start[rows], length[rows], matched.exposed_ns[rows])
        _cost(costs, this, delayed, lateness)
        _book(booked, rows, of, matched.step[rows], wait[rows], exposed[rows], late, delayed)
    return Waits(wait, last, latest - earliest, booked.frame(), costs.frame())


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
    """Rows of who waited, in which step, for whom, and some times, collected as arrays; those whose `ns` is 0 are left out."""

    def __init__(self, times: tuple[str, ...]) -> None:
        self._times = times
        self._parts: list[tuple[Ints, ...]] = []

    def add(self, member: Ints, step: Ints, behind: Ints, *times: Ints) -> None:
        kept = times[self._times.index("ns")] > 0
        if kept.any():
            self._parts.append(tuple(each[kept] for each in (member, step, behind, *times)))

    def frame(self) -> pd.DataFrame:
        names = ("member", "step", "behind", *self._times)
        columns = (
            [np.concatenate(each) for each in zip(*self._parts, strict=True)]
            if self._parts
            else [np.empty(0, np.int64)] * len(names)
        )
        keys, times = columns[:3], columns[3:]
        order = np.lexsort(keys[::-1])
        keys = [each[order] for each in keys]
        first = np.flatnonzero(np.logical_or.reduce([np.diff(each, prepend=-1) != 0 for each in keys]))
        sums = [np.add.reduceat(each[order], first) if len(first) else each for each in times]
        return pd.DataFrame(dict(zip(names, [*(each[first] for each in keys), *sums], strict=True)))


@dataclass(frozen=True)
class _Instance:
    """One collective, a row a rank in it."""

    of: Ints
    step: Ints
    step_start_ns: Ints
    start_ns: Ints
    length_ns: Ints
    exposed_ns: npt.NDArray[np.int64]


class _Lateness:
    """What has been counted of the lateness of each member towards each other one, [late, waiting], as collectives follow each other.

    `_counted` is how much of it was counted and not stood still for yet, `_until` the moment until which waits were looked at, `_step` of which
    step of the one that waits.
    """

    def __init__(self, members: int) -> None:
        self._counted = np.zeros((members, members))
        self._until = np.full((members, members), np.iinfo(np.int64).min)
        self._step = np.full((members, members), -1)

    def more(self, this: _Instance, at: int, own: Ints) -> tuple[Ints, Ints, Ints]:
        """What the one that comes in row `at` costs each other one more, as each waits `own` ns for it: that, the wait, and what of it is exposed.

        Time in which it waited for the same one in another collective already is no wait.
        """
        late, of = int(this.of[at]), this.of
        new_step = this.step != self._step[late, of]
        behind = np.maximum(this.step_start_ns[at] - this.step_start_ns, 0)
        counted = np.where(new_step, np.minimum(self._counted[late, of], behind), self._counted[late, of])
        came = this.start_ns + np.clip(this.start_ns[at] - this.start_ns, 0, this.length_ns)
        since = np.minimum(np.maximum(came - own, self._until[late, of]), came)
        waited: Ints = came - since
        exposed = _exposed_until(this.exposed_ns, came - this.start_ns, this.length_ns) - _exposed_until(
            this.exposed_ns, np.maximum(since - this.start_ns, 0), this.length_ns
        )
        exposed = np.clip(exposed, 0, waited)
        costs: Ints = np.maximum(waited - counted, 0).astype(np.int64)
        self._counted[late, of] = np.maximum(waited, counted) - np.minimum(exposed, np.maximum(waited, counted))
        self._until[late, of] = np.maximum(came, self._until[late, of])
        self._step[late, of] = this.step
        return costs, waited, exposed


def _cost(costs: _Rows, this: _Instance, delayed: npt.NDArray[np.float64], lateness: _Lateness) -> None:
    """What each of the last to come cost the others, less what it was late by because of others."""
    for at in np.argsort(this.start_ns, kind="stable")[::-1][:_MOST_LATE].tolist():
        late = int(this.of[at])
        behind = np.clip(this.start_ns[at] - this.start_ns, 0, this.length_ns).astype(np.float64)
        if not behind.any():
            break
        theirs = np.flatnonzero(delayed[late] > 0)
        theirs = theirs[theirs != late]
        passed = np.maximum(delayed[late, theirs] - delayed[np.ix_(this.of, theirs)], 0).sum(axis=1)
        own = np.maximum(behind - passed, 0).astype(np.int64)
        costs.add(this.of, this.step, np.full(len(this.of), late), *lateness.more(this, at, own))


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
