"""Which of what is gone and which of what was added are one thing under another name: told by where they stand in a step.

GPU work stands in the op that launched it, at a place among what that op launched, with the shapes of the op's inputs; where no ops
were recorded, between the work before and after it whose names both sides have. An op stands in the op around it, between such neighbours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.thresholds import THRESHOLDS

Places = dict[str, Counter[tuple[object, ...]]]


@dataclass(frozen=True)
class Pairing:
    """One thing under two names. `confidence` is how much of both stands at the same places, 1 for all; `by` what they have in common."""

    was: str
    now: str
    confidence: float
    by: tuple[str, ...]


@dataclass(frozen=True)
class _Standing:
    """Where each name stands in a step: in which op, at which place, with which shapes, between which neighbours."""

    op: Places
    position: Places
    shape: Places | None


def of_work(a: Measured, b: Measured, gone: Sequence[str], added: Sequence[str]) -> list[Pairing]:
    """Pairs of kernels and other GPU work."""
    if not gone or not added:
        return []
    shared = _shared(a, b, "kernels", gone, added)
    return _paired(_work(a, shared), _work(b, shared), gone, added)


def of_operators(a: Measured, b: Measured, gone: Sequence[str], added: Sequence[str]) -> list[Pairing]:
    """Pairs of ops."""
    if not gone or not added:
        return []
    shared = _shared(a, b, "operators", gone, added)
    return _paired(_operators(a, shared), _operators(b, shared), gone, added)


def _shared(a: Measured, b: Measured, table: str, gone: Sequence[str], added: Sequence[str]) -> set[str]:
    return ({*a.tables[table].names} | {*b.tables[table].names}) - {*gone} - {*added}


def _paired(a: _Standing, b: _Standing, gone: Sequence[str], added: Sequence[str]) -> list[Pairing]:
    scored = []
    for was in gone:
        for now in added:
            op, position = _common(a.op, b.op, was, now), _common(a.position, b.position, was, now)
            shape = None if a.shape is None or b.shape is None else _common(a.shape, b.shape, was, now)
            told = {"op": op, "position": position} | ({} if shape is None else {"shape": shape})
            confidence = sum(told.values()) / len(told)
            by = tuple(name for name, share in told.items() if share >= THRESHOLDS.renamed_alike)
            if confidence >= THRESHOLDS.renamed_alike and by:
                scored.append(Pairing(was, now, round(confidence, 3), by))
    found: list[Pairing] = []
    for each in sorted(scored, key=lambda pair: (-pair.confidence, sorted((pair.was, pair.now)))):
        if all(each.was != other.was and each.now != other.now for other in found):
            found.append(each)
    return found


def _common(a: Places, b: Places, was: str, now: str) -> float:
    ours, theirs = a.get(was, Counter()), b.get(now, Counter())
    either = sum((ours | theirs).values())
    return sum((ours & theirs).values()) / either if either else 0.0


def _middle(one: Measured) -> int:
    """The window of middle length, by its position in the trace."""
    order = np.argsort(one.figures["wall"], kind="stable")
    return int(one.positions[order[(len(one) - 1) // 2]])


def _work(one: Measured, shared: set[str]) -> _Standing:
    joined, events = one.joined, one.joined.events
    rows = joined.launches.activity_rows
    rows = rows[(events["device"].iloc[rows] == one.device).fillna(False).to_numpy(bool)]
    start = events["start_ns"].to_numpy()[rows]
    rows = rows[np.argsort(start, kind="stable")]
    rows = rows[one.windows.at(events["start_ns"].to_numpy()[rows]) == _middle(one)]
    launch_of = np.full(len(events), -1, np.int64)
    launch_of[joined.launches.joined_rows] = joined.launches.owner
    launch = launch_of[rows]
    call = joined.launches.table["row"].to_numpy(np.int64)
    ops = one.around.op(np.where(launch >= 0, call[launch], -1) if len(call) else launch)
    names = [str(events["name"].array[row]) for row in rows.tolist()]
    of_op = [str(events["name"].array[row]) if row >= 0 else None for row in ops.tolist()]
    if not any(of_op):
        between = _neighbours(names, shared)
        return _Standing(between, between, None)
    ordinals: dict[str | None, dict[int, int]] = {}
    launched: Counter[int] = Counter()
    op, position, shape = _nothing(), _nothing(), _nothing()
    shapes = _shapes(one)
    for name, around, row in zip(names, of_op, ops.tolist(), strict=True):
        number = ordinals.setdefault(around, {}).setdefault(row, len(ordinals[around]))
        _add(op, name, (around,))
        _add(position, name, (around, number, launched[row]))
        launched[row] += 1
        if shapes is not None:
            _add(shape, name, (around, shapes.get(row)))
    return _Standing(op, position, None if shapes is None else shape)


def _operators(one: Measured, shared: set[str]) -> _Standing:
    events, ops = one.joined.events, one.around.ops
    mine = np.flatnonzero(one.windows.owner(ops.start) == _middle(one))
    mine = mine[np.argsort(ops.start[mine], kind="stable")]
    names = [str(events["name"].array[row]) for row in ops.rows[mine].tolist()]
    parents = ops.parent[mine]
    parent = [str(events["name"].array[ops.rows[at]]) if at >= 0 else None for at in parents.tolist()]
    place = one.around.place(ops.start[mine]).tolist()
    op = _nothing()
    for name, above, around in zip(names, parent, place, strict=True):
        _add(op, name, (above, str(events["name"].array[around]) if around >= 0 else None))
    shapes = _shapes(one)
    shape = _nothing()
    if shapes is not None:
        for name, row in zip(names, ops.rows[mine].tolist(), strict=True):
            _add(shape, name, (shapes.get(row),))
    return _Standing(op, _neighbours(names, shared), None if shapes is None else shape)


def _neighbours(names: Sequence[str], shared: set[str]) -> Places:
    """Of each name, between which two names that both sides have it stands, and as which one there."""
    found = _nothing()
    after: list[str | None] = []
    following: str | None = None
    for name in reversed(names):
        after.append(following)
        following = name if name in shared else following
    before, since = None, 0
    for name, then in zip(names, reversed(after), strict=True):
        _add(found, name, (before, then, since))
        before, since = (name, 0) if name in shared else (before, since + 1)
    return found


def _shapes(one: Measured) -> dict[int, str] | None:
    told = one.trace.details.shapes
    return None if told is None else dict(zip(told["row"].tolist(), map(str, told["shapes"]), strict=True))


def _nothing() -> Places:
    return {}


def _add(places: Places, name: str, place: tuple[object, ...]) -> None:
    places.setdefault(name, Counter())[place] += 1
