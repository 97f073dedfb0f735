"""What two sides differ in besides the program: the recorder and its settings, versions, the GPU and its clock.

Only what both tell is compared; what one alone tells is no difference that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.comparisons.recording_setup import yes

OPS = "framework ops recorded"


@dataclass(frozen=True)
class Condition:
    """One thing that differs: what, as `a` and `b` have it."""

    what: str
    was: str
    now: str


def differing(a: Sequence[Measured], b: Sequence[Measured]) -> list[Condition]:
    """What the recordings of two sides say of themselves and differ in, what weighs most first."""
    ours, theirs = _told(a), _told(b)
    if not ops_are_known(a, b):
        ours, theirs = ({**told, OPS: frozenset([yes(_has_ops(side))])} for told, side in ((ours, a), (theirs, b)))
    found = [
        Condition(what, _text(ours[what]), _text(theirs[what]))
        for what in ours
        if what in theirs and ours[what] != theirs[what]
    ]
    return found + [
        Condition(f"{what} within a side", _text(values), _text(values))
        for what, values in ((what, ours[what] | theirs.get(what, frozenset())) for what in ours)
        if len(values) > 1 and ours[what] == theirs.get(what)
    ]


def _told(side: Sequence[Measured]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for one in side:
        for what, value in one.told.says:
            found.setdefault(what, set()).add(value)
    return {what: frozenset(values) for what, values in found.items()}


def ops_are_known(a: Sequence[Measured], b: Sequence[Measured]) -> bool:
    """Whether framework ops would have been recorded on both sides, or on neither: else what a host did can't be compared op by op.

    A side without any has none where it was recorded as the other was, and ranges of the host with it: a replayed graph calls no ops.
    """
    with_ops = [_has_ops(side) for side in (a, b)]
    if with_ops[0] == with_ops[1]:
        return True
    without, other = (a, b) if with_ops[1] else (b, a)
    alike = {one.told.recorded_by for one in without} <= {one.told.recorded_by for one in other}
    return alike and all(one.told.has_ranges for one in without)


def _has_ops(side: Sequence[Measured]) -> bool:
    return any(one.told.has_ops for one in side)


def _text(values: Iterable[str]) -> str:
    return " and ".join(sorted(values))
