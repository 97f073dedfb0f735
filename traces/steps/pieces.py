"""One lane of a step's timeline, as pieces: what lasts long by itself, what is short joined with its neighbours.

    events    |---- a ----| |b||c| |d|       |---- e ----|
    pieces    |---- a ----| | several|       |---- e ----|

A picture has room for so many: nothing is left out of it, and a piece that stands for several says for how many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints

#: Of the pieces that a lane has room for, the share that single events are given where not all find room.
SINGLE = 1 / 3


@dataclass(frozen=True)
class Piece:
    """One piece: times are ns from the step's start. `what` is a state, a kind of GPU work or a cause.

    `row` is its event, or its gap, -1 where there is none, and `count` 1; of one that stands for several, `count` says how many,
    `busy_ns` how long these are in all, `what` is what they are most of the time, and `row` the longest of them. `name` is the
    event's, `around` what it happens in (of a gap: between what), and `at_ns` when it begins on the recorder's clock, be that before
    the step.
    """

    start_ns: int
    end_ns: int
    what: str
    row: int
    count: int = 1
    busy_ns: int = 0
    name: str = ""
    around: str = ""
    at_ns: int = 0

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.start_ns


def pieces(start: Ints, end: Ints, what: list[str], row: Ints, most: int) -> list[Piece]:
    """At most `most` pieces of some intervals, in order of start. `most` is 6 or more."""
    order = np.argsort(start, kind="stable")
    start, end, row = start[order], end[order], row[order]
    codes, names = pd.factorize(np.array(what, object))
    code = codes.astype(np.int64)[order]
    single = np.ones(len(start), bool)
    if len(start) > most:
        single[np.argsort(start - end, kind="stable")[int(most * SINGLE) :]] = False
    made = [
        Piece(int(start[at]), int(end[at]), str(names[code[at]]), int(row[at]))
        for at in np.flatnonzero(single).tolist()
    ]
    rest = np.flatnonzero(~single)
    if len(rest):
        opens = _opens(start[rest], end[rest], start[single], most - len(made))
        for mine in np.split(rest, opens):
            made.append(_joined(start[mine], end[mine], code[mine], names, row[mine]))
    return sorted(made, key=lambda piece: (piece.start_ns, -piece.end_ns))


def _joined(start: Ints, end: Ints, code: Ints, names: npt.NDArray[np.object_], row: Ints) -> Piece:
    if len(start) == 1:
        return Piece(int(start[0]), int(end[0]), str(names[code[0]]), int(row[0]))
    length = end - start
    spent = np.zeros(len(names), np.int64)
    np.add.at(spent, code, length)
    longest = int(row[int(length.argmax())])
    mostly = str(names[int(spent.argmax())])
    return Piece(int(start.min()), int(end.max()), mostly, longest, len(start), int(length.sum()))


def _opens(start: Ints, end: Ints, single: Ints, most: int) -> Ints:
    """Where among some short intervals a new piece begins, other than at the first: those close to each other are one, with no single
    one between."""
    reach = np.maximum.accumulate(end)
    apart = start[1:] - reach[:-1]
    between = np.diff(np.searchsorted(single, start, side="right")) > 0
    near = max((int(reach[-1]) - int(start[0])) // 1000, 1)
    while True:
        opens = between | (apart > near)
        if int(opens.sum()) < most:
            return np.flatnonzero(opens) + 1
        near *= 2
