"""The rows of a difference: a name with its time and its calls on either side, and what of the difference each explains.

    b - a = (calls_b - calls_a) × mean cost  +  mean calls × (cost_b - cost_a)

Both means are of the two sides, so the two parts sum to the difference exactly, and swapping the sides negates both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from launchlens.traces.comparisons.renames import Pairing

Status = Literal["same", "added", "gone", "renamed"]


@dataclass(frozen=True)
class Row:
    """One name. Times are whole ns of a typical step, and sum over a table to the table's total; `interval_ns` is of the difference.

    `calls_was` and `calls_now` are None of what is not called, as the time in no op. `by_calls_ns` is what more or fewer calls
    explain, `by_cost_ns` what dearer or cheaper ones do. `pairing` says of a renamed one what it was called. `at_equal_pace_ns` is the
    difference were the host as quick on either side (`pace`); None where that is not known.
    """

    name: str
    was_ns: int
    now_ns: int
    interval_ns: tuple[int, int] | None
    calls_was: float | None
    calls_now: float | None
    status: Status
    by_calls_ns: int
    by_cost_ns: int
    pairing: Pairing | None = None
    at_equal_pace_ns: int | None = None

    @property
    def difference_ns(self) -> int:
        return self.now_ns - self.was_ns


def row(
    name: str,
    ns: tuple[int, int],
    calls: tuple[float, float] | None,
    interval: tuple[int, int] | None,
    pairing: Pairing | None = None,
    at_equal_pace_ns: int | None = None,
) -> Row:
    """A row of its time and its calls on either side (was, now)."""
    was, now = ns
    by_calls, by_cost = split(was, now, calls)
    status: Status = "renamed" if pairing is not None else "same"
    if pairing is None:
        here = [bool(time or often) for time, often in zip(ns, calls or (0, 0), strict=True)]
        status = "gone" if here == [True, False] else "added" if here == [False, True] else "same"
    return Row(
        name, was, now, interval, calls and calls[0], calls and calls[1], status, by_calls, by_cost, pairing, at_equal_pace_ns
    )  # fmt: skip


def split(was: int, now: int, calls: tuple[float, float] | None) -> tuple[int, int]:
    """What of a difference more calls explain, and what dearer ones do; of what has no calls, or none on one side, all is either.

    >>> split(100, 300, (1, 2))  # 1 more, at 125 on average; 1.5 on average, each 50 dearer
    (125, 75)
    >>> split(0, 300, (0, 2)), split(100, 300, None)
    ((300, 0), (0, 200))
    """
    difference = now - was
    if calls is None:
        return 0, difference
    before, after = calls
    if not before or not after:
        return (difference, 0) if before != after else (0, difference)
    by_calls = round((after - before) * (was / before + now / after) / 2)
    return by_calls, difference - by_calls


def largest_first(rows: Sequence[Row]) -> list[Row]:
    """Rows by how much they differ, then by their name."""
    return sorted(rows, key=lambda each: (-abs(each.difference_ns), each.name))
