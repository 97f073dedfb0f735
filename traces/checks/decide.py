"""Whether something became slower by more than it may: decided by the interval of the ratio, not by its value.

allowance  1 + a |
                 |  |----x----|       slower: the whole interval lies above it
   |----x----|   |                    passed: it lies at or below it
           |-----|x----|              not shown: it straddles it, and is no wider than twice the allowance
|----------------|-----x----------|   undecided: it straddles it, and is wider
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from launchlens.traces.families import holm
from launchlens.traces.statistics import Estimate, Floats, Welch, unpaired_ratio_beyond
from launchlens.traces.studies.two_captures import ratio_of_runs
from launchlens.traces.thresholds import THRESHOLDS

Outcome = Literal["slower", "passed", "not-shown", "undecided"]
#: What the intervals of a row rest on: one number a capture or trace, of three or more a side; steps or rounds of fewer.
RestsOn = Literal["recordings", "samples", "nothing"]

#: Reason codes of an outcome, each with what it says.
REASONS = {
    "above": "the whole 95 % interval lies above the allowance",
    "within": "the 95 % interval lies at or below the allowance",
    "straddles": "the 95 % interval straddles the allowance, and is no wider than twice the allowance",
    "too-wide": "the 95 % interval straddles the allowance, and is wider than twice the allowance: more captures or steps are needed",
    "not-after-holm": "the 95 % interval lies above the allowance, but of so many limits one does that by chance (Holm)",
    "too-few-captures": "fewer than three captures stand on a side: --allow-single takes fewer",
    "too-few-samples": "there are too few steps or rounds for an interval",
    "data-refused": "a capture contradicts itself in these times (the data gate), so they are compared with none",
    "not-recorded": "a side did not record it",
    "new": "the base takes no time for it, so there is no ratio",
    "drift-not-covered": "the interval is of steps or rounds of single recordings: drift between runs is not covered",
}


@dataclass(frozen=True)
class Measurement:
    """One number of both sides: an array of samples for each capture or trace. `why_not` is a reason code where it can't be judged."""

    metric: str
    unit: str
    base: tuple[Floats, ...] = ()
    new: tuple[Floats, ...] = ()
    variant: str | None = None
    regime: str | None = None
    why_not: str = ""


@dataclass(frozen=True)
class Row:
    """One limit, and what was found. `ratio` is the new time over the base's; `p` what chance has of it above the allowance."""

    measured: Measurement
    allowance: float
    ratio: Estimate | None
    base: float | None
    new: float | None
    rests_on: RestsOn
    outcome: Outcome
    reasons: tuple[str, ...]
    p: float | None = None
    p_adjusted: float | None = None


def decided(measured: Sequence[tuple[Measurement, float]]) -> list[Row]:
    """A row for each measurement with its allowance, all of one family: that something is slower must hold for all of them at once."""
    rows = [_row(each, allowance) for each, allowance in measured]
    adjusted = holm([row.p for row in rows])
    level = 1 - THRESHOLDS.interval_level
    return [_after_holm(replace(row, p_adjusted=p), level) for row, p in zip(rows, adjusted, strict=True)]


def _row(measured: Measurement, allowance: float) -> Row:
    sides = tuple(_middle(each) for each in (measured.base, measured.new))
    if measured.why_not or sides[0] is None or sides[1] is None:
        return _undecided(measured, allowance, sides, measured.why_not or "not-recorded")
    base, new = sides[0], sides[1]
    if new <= base == 0:
        return Row(measured, allowance, None, base, new, "nothing", "passed", ("within",))
    if base <= 0:
        return _undecided(measured, allowance, sides, "new")
    several = min(len(measured.base), len(measured.new)) >= THRESHOLDS.least_runs
    tops, bottoms = ([float(np.median(each)) for each in side] for side in (measured.new, measured.base))
    rests_on: RestsOn = "samples"
    notes: tuple[str, ...] = ("drift-not-covered",)
    p: float | None
    if several and min(*tops, *bottoms) > 0:
        rests_on, notes = "recordings", ()
        ratio, p = ratio_of_runs(tops, bottoms), _welch(tops, bottoms, allowance)
    else:
        ratio, p = unpaired_ratio_beyond(np.concatenate(measured.new), np.concatenate(measured.base), 1 + allowance)
    outcome, why = outcome_of(ratio, allowance)
    return Row(measured, allowance, ratio, base, new, rests_on, outcome, (why, *notes), p)


def outcome_of(ratio: Estimate, allowance: float) -> tuple[Outcome, str]:
    """What the interval of a ratio says of an allowance, and the reason code."""
    if ratio.interval is None:
        return "undecided", "too-few-samples"
    low, high = ratio.interval
    if low > 1 + allowance:
        return "slower", "above"
    if high <= 1 + allowance:
        return "passed", "within"
    return ("not-shown", "straddles") if high - low <= 2 * allowance else ("undecided", "too-wide")


def _after_holm(row: Row, level: float) -> Row:
    """A row that is slower by itself, and not among so many, is undecided, or not shown where its interval is narrow."""
    if row.outcome != "slower" or row.p_adjusted is None or row.p_adjusted <= level:
        return row
    assert row.ratio is not None and row.ratio.interval is not None
    low, high = row.ratio.interval
    outcome: Outcome = "not-shown" if high - low <= 2 * row.allowance else "undecided"
    return replace(row, outcome=outcome, reasons=("not-after-holm", *row.reasons[1:]))


def _undecided(measured: Measurement, allowance: float, sides: Sequence[float | None], why: str) -> Row:
    return Row(measured, allowance, None, sides[0], sides[1], "nothing", "undecided", (why,))


def _middle(side: Sequence[Floats]) -> float | None:
    """The median of a side: of several recordings the median of their medians."""
    found = [float(np.median(each)) for each in side if len(each)]
    return float(np.median(found)) if found else None


def _welch(above: Sequence[float], below: Sequence[float], allowance: float) -> float:
    """What chance has of the ratio of two sides lying above the allowance, twice the one-sided p of Welch's t of the logarithms."""
    tops, bottoms = np.log(above), np.log(below) + np.log1p(allowance)
    if not np.ptp(tops) and not np.ptp(bottoms):
        return 0.0 if tops[0] > bottoms[0] else 1.0
    return min(1.0, 2 * Welch.of(tops, bottoms).p_above)
