"""What stands in one window in order, by which a renamed thing is known: GPU work with the op that launched it, and ops with what is around them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from launchlens.traces.columns import is_on
from launchlens.traces.comparisons.pieces import Around
from launchlens.traces.comparisons.windows import Windows
from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace

#: Columns of `Stood.work` and of `Stood.ops`: codes in `texts`, -1 for none; `call` tells calls of one op apart.
WORK, OPS = ("name", "op", "call", "shape"), ("name", "parent", "range", "shape")


@dataclass(frozen=True)
class Stood:
    """The GPU work of one window on one device, and its ops, each in order of start: int64 [events, 4], by WORK and OPS.

    `shapes` says whether the recorder told shapes of inputs at all.
    """

    texts: tuple[str, ...]
    work: Ints
    ops: Ints
    shapes: bool


def stood_in(joined: JoinedTrace, around: Around, windows: Windows, device: int | None, position: int) -> Stood:
    """What stands in the window at a position."""
    events, of = joined.events, joined.launches
    names = events["name"].array.codes.astype(np.int64)
    rows = of.activity_rows[:0] if device is None else of.activity_rows[is_on(events, device, of.activity_rows)]
    start = events["start_ns"].to_numpy()
    rows = rows[np.argsort(start[rows], kind="stable")]
    rows = rows[windows.at(start[rows]) == position]
    launch_of = np.full(len(events), -1, np.int64)
    launch_of[of.joined_rows] = of.owner
    launch = launch_of[rows]
    call = of.row
    op = around.op(np.where(launch >= 0, call[launch], -1) if len(call) else launch)
    ops = around.ops
    mine = np.flatnonzero(windows.owner(ops.start) == position)
    mine = mine[np.argsort(ops.start[mine], kind="stable")]
    parents = ops.parent[mine]
    parent = np.where(parents >= 0, ops.rows[parents], -1) if len(mine) else mine
    place = around.place(ops.start[mine])
    shaped = _shapes(joined)
    code = _Codes([str(each) for each in events["name"].cat.categories])
    of_row = np.append(names, -1)
    work = [of_row[rows], of_row[op], op, code.of(shaped, op)]
    found = [of_row[ops.rows[mine]], of_row[parent], of_row[place], code.of(shaped, ops.rows[mine])]
    return code.used(work, found, shapes=shaped is not None)


class _Codes:
    """Texts by number: the names of a trace, and after them the shapes that are met."""

    def __init__(self, names: list[str]) -> None:
        self._texts = names
        self._known: dict[str, int] = {}

    def of(self, shaped: dict[int, str] | None, rows: Ints) -> Ints:
        """The code of the shapes of each row, -1 where there are none."""
        if shaped is None:
            return np.full(len(rows), -1, np.int64)
        return np.array([self._code(shaped.get(row)) for row in rows.tolist()], np.int64)

    def _code(self, text: str | None) -> int:
        if text is None:
            return -1
        if text not in self._known:
            self._known[text] = len(self._texts)
            self._texts.append(text)
        return self._known[text]

    def used(self, work: Iterable[Ints], ops: Iterable[Ints], *, shapes: bool) -> Stood:
        """With the texts that are used alone: a window holds few of the names of a trace."""
        columns = [np.stack(list(each), axis=1).astype(np.int64) for each in (work, ops)]
        texts = [name in ("name", "op", "shape") for name in WORK], [True] * len(OPS)
        met = np.unique(np.concatenate([each[:, chosen].ravel() for each, chosen in zip(columns, texts, strict=True)]))
        met = met[met >= 0]
        for each, chosen in zip(columns, texts, strict=True):
            part = each[:, chosen]
            each[:, chosen] = np.where(part >= 0, np.searchsorted(met, part), -1)
        return Stood(tuple(self._texts[code] for code in met.tolist()), columns[0], columns[1], shapes)


def _shapes(joined: JoinedTrace) -> dict[int, str] | None:
    told = joined.trace.details.shapes
    return None if told is None else dict(zip(told["row"].tolist(), map(str, told["shapes"]), strict=True))
