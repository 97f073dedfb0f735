"""Which of what is gone and which of what was added are one thing under another name: told by where they stand in a step.

GPU work stands in the op that launched it, at a place among what that op launched, with the shapes of the op's inputs; where no ops
were recorded, between the work before and after it whose names both sides have, which is half of the evidence: the stem of its name is the other. An op stands in the op around it, between such neighbours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from launchlens.traces.analyses.kernel_names import short_name
from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.comparisons.order_in_window import WORK, Stood
from launchlens.traces.intervals import Ints
from launchlens.traces.thresholds import THRESHOLDS

#: How recorders spell copies and memsets, and casts of template arguments that only some write.
_COPY = re.compile(r"^\[?(?:CUDA )?memcpy[ -](\w+to\w+)", re.IGNORECASE)
_SET = re.compile(r"^\[?(?:CUDA )?memset\b", re.IGNORECASE)
_CAST = re.compile(r"\((?:unsigned )?(?:int|long|short|char|bool|signed char|long long|at::\w+|c10::\w+)\)(?=[-\w])")

#: So many names of either side that the other has not are looked at, those with the most time: each is held against each.
MOST_NAMES = 200

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
    """Where each name stands in a step: in which op (None where ops don't tell), at which place, with which shapes."""

    op: Places | None
    position: Places
    shape: Places | None


def of_work(a: Measured, b: Measured, gone: Sequence[str], added: Sequence[str]) -> list[Pairing]:
    """Pairs of kernels and other GPU work."""
    if not gone or not added:
        return []
    spelt = _spelt_otherwise(gone, added) if a.told.recorded_by != b.told.recorded_by else []
    gone, added = (
        [name for name in names if all(name not in (pair.was, pair.now) for pair in spelt)] for names in (gone, added)
    )
    shared = _shared(a, b, "kernels", gone, added)
    by_op = all(one.told.has_ops for one in (a, b))
    return [*spelt, *_paired(_work(a, shared, by_op=by_op), _work(b, shared, by_op=by_op), gone, added)]


def _spelt_otherwise(gone: Sequence[str], added: Sequence[str]) -> list[Pairing]:
    """What two recorders spell in two ways, where each spells it in one."""
    ours, theirs = (Counter(spelling(name) for name in names) for names in (gone, added))
    now_of = {spelling(name): name for name in added}
    return [
        Pairing(was, now_of[text], 1.0, ("name",))
        for was, text in ((name, spelling(name)) for name in gone)
        if ours[text] == theirs[text] == 1
    ]


def spelling(name: str) -> str:
    """A name of GPU work as any recorder could spell it.

    >>> spelling("void at::<unnamed>::f<(int)4>(T1)") == spelling("void at::(anonymous namespace)::f<4>(T1)")
    True
    >>> spelling("Memcpy HtoD (Pinned -> Device)"), spelling("[CUDA memcpy HtoD]")
    ('memcpy HtoD', 'memcpy HtoD')
    """
    copied = _COPY.match(name)
    if copied:
        return f"memcpy {copied[1]}"
    if _SET.match(name):
        return "memset"
    return _CAST.sub("", name.replace("<unnamed>", "(anonymous namespace)").replace("{unnamed", "{lambda")).replace(
        " ", ""
    )


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
            told = {
                name: _common(ours, theirs, was, now)
                for name, ours, theirs in (
                    ("op", a.op, b.op),
                    ("position", a.position, b.position),
                    ("shape", a.shape, b.shape),
                )
                if ours is not None and theirs is not None
            }
            if (
                "op" not in told
            ):  # a place between neighbours is not evidence enough: who stands where another stood may be a stranger
                told["name"] = float(_stem(was) == _stem(now))
            confidence = sum(told.values()) / len(told)
            by = tuple(name for name, share in told.items() if share >= THRESHOLDS.renamed_alike)
            if confidence >= THRESHOLDS.renamed_alike and by:
                scored.append(Pairing(was, now, round(confidence, 3), by))
    found: list[Pairing] = []
    for each in sorted(scored, key=lambda pair: (-pair.confidence, sorted((pair.was, pair.now)))):
        if all(each.was != other.was and each.now != other.now for other in found):
            found.append(each)
    return found


def _stem(name: str) -> str:
    return short_name(name.replace("<unnamed>::", ""))


def _common(a: Places, b: Places, was: str, now: str) -> float:
    ours, theirs = a.get(was, Counter()), b.get(now, Counter())
    either = sum((ours | theirs).values())
    return sum((ours & theirs).values()) / either if either else 0.0


def _middle(one: Measured) -> int:
    """The window of middle length, by its position in the trace."""
    order = np.argsort(one.figures["wall"], kind="stable")
    return int(one.positions[order[(len(one) - 1) // 2]])


def _work(one: Measured, shared: set[str], *, by_op: bool) -> _Standing:
    stood = one.stood(_middle(one))
    names, of_op, calls, shapes = _columns(stood, stood.work)
    if not by_op:
        return _Standing(None, _neighbours(_known(names), shared), None)
    ordinals: dict[str | None, dict[int, int]] = {}
    launched: Counter[int] = Counter()
    op, position, shape = _nothing(), _nothing(), _nothing()
    for name, around, call, shaped in zip(_known(names), of_op, calls, shapes, strict=True):
        number = ordinals.setdefault(around, {}).setdefault(call, len(ordinals[around]))
        _add(op, name, (around,))
        _add(position, name, (around, number, launched[call]))
        launched[call] += 1
        _add(shape, name, (around, shaped))
    return _Standing(op, position, shape if stood.shapes else None)


def _operators(one: Measured, shared: set[str]) -> _Standing:
    stood = one.stood(_middle(one))
    names, parents, ranges, shapes = _columns(stood, stood.ops, codes=())
    op, shape = _nothing(), _nothing()
    for name, above, around, shaped in zip(_known(names), parents, ranges, shapes, strict=True):
        _add(op, name, (above, around))
        _add(shape, name, (shaped,))
    return _Standing(op, _neighbours(_known(names), shared), shape if stood.shapes else None)


def _columns(stood: Stood, rows: Ints, codes: tuple[str, ...] = ("call",)) -> tuple[list[Any], ...]:
    """Columns of texts, None for none; those of `codes` stay numbers."""
    text = [*stood.texts, None]
    return tuple(
        rows[:, at].tolist() if WORK[at] in codes else [text[code] for code in rows[:, at].tolist()] for at in range(4)
    )


def _known(names: Sequence[str | None]) -> list[str]:
    return [name for name in names if name is not None]


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


def _nothing() -> Places:
    return {}


def _add(places: Places, name: str, place: tuple[object, ...]) -> None:
    places.setdefault(name, Counter())[place] += 1
