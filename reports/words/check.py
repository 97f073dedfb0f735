"""A check in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from launchlens.traces.checks.check import Check
from launchlens.traces.checks.decide import REASONS, Outcome, Row
from launchlens.traces.units import percent, times

#: What each outcome is called at the head of a summary.
HEADLINES: Mapping[Outcome, str] = {
    "slower": "Slower than it may be",
    "undecided": "The data can't decide",
    "not-shown": "No slowdown shown",
    "passed": "Passed",
}


def headline(check: Check) -> str:
    """What the whole comes to, and of how many limits."""
    counts = Counter(row.outcome for row in check.rows)
    of = ", ".join(f"{counts[each]} {each.replace('-', ' ')}" for each in HEADLINES if counts[each])
    return f"{HEADLINES[check.outcome]}: of {len(check.rows)} {'limit' if len(check.rows) == 1 else 'limits'} {of}."


def stands_on(check: Check) -> str:
    """How many recordings stand on either side."""
    return f"{check.recordings[0]} {check.of} against {check.recordings[1]} of the base."


def name(row: Row) -> str:
    """What a row is about."""
    of = [part for part in (row.measured.variant, row.measured.regime) if part]
    return f"{row.measured.metric} of {', '.join(of)}" if of else row.measured.metric


def sentence(row: Row) -> str:
    """What was found of one limit."""
    allowed = f"{percent(row.allowance)} more is allowed"
    if row.ratio is None:
        return f"{name(row)}: {row.outcome.replace('-', ' ')} ({allowed}); {because(row)}"
    interval = row.ratio.interval
    ends = "no interval" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
    return (
        f"{name(row)}: {times(row.ratio.value)} ({ends}), {row.outcome.replace('-', ' ')} ({allowed}); {because(row)}"
    )


def because(row: Row) -> str:
    """Its reasons in words."""
    return "; ".join(REASONS[code] for code in row.reasons)


def reasons(check: Check) -> list[str]:
    """Each reason that a row has, once, with its code."""
    return [f"{code}: {REASONS[code]}" for code in REASONS if any(code in row.reasons for row in check.rows)]
