"""Where one variant overtakes another along an axis, the other axes held: between which two points, and about where.

    count           1        2        4        8        16
    b against a   slower   slower   nothing  faster   faster        b overtakes a at about 4, between 2 and 8
                                    shown

What is shown at a point is a ratio whose whole 95 % interval lies beyond the equivalence margin. Between the last point at which the one order
is shown and the first at which the other is, the place is read off a line through the logarithms. Its interval is that of a bootstrap: pairs
of rounds of these points are drawn anew, and the way between two points is bent (a power of the straight one), since nobody measured it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, inf, log, log1p
from typing import Literal

import numpy as np

from launchlens.traces.statistics import SEED, Floats
from launchlens.traces.sweeps.samples import Samples
from launchlens.traces.sweeps.signed_rank import Estimates
from launchlens.traces.sweeps.sweep import Axis, Point, Setting
from launchlens.traces.thresholds import THRESHOLDS

#: The logarithm of the margin within which two are alike.
MARGIN = log1p(THRESHOLDS.equivalence_margin)

#: Draws of a crossing's bootstrap, and the power up to which the way between two points may be bent, either way.
_DRAWS, _BENT = 1000, 2.0

#: How a line goes: one is faster all along, they turn over, or nothing is shown anywhere.
Course = Literal["faster", "slower", "turns-over", "no-difference-shown"]


@dataclass(frozen=True)
class Crossing:
    """`to` is faster beyond `at`, which lies between `low` and `high` at 95 %. `between`: the last point of the old order, the first of the new one."""

    to: str
    at: float
    low: float
    high: float
    between: tuple[float, float]


@dataclass(frozen=True)
class Line:
    """`variant` against `against` along `axis`, at `fixed` values of the others: its points in order with their ratios.

    `signs`: 1 where it is shown to be slower, −1 faster, 0 where neither is.
    """

    regime: str
    variant: str
    against: str
    axis: Axis
    fixed: tuple[tuple[str, Setting], ...]
    points: tuple[int, ...]
    values: tuple[float, ...]
    ratios: Estimates
    rows: tuple[int, ...]
    signs: tuple[int, ...]
    crossings: tuple[Crossing, ...] = field(default=())

    @property
    def course(self) -> Course:
        if self.crossings:
            return "turns-over"
        shown = {sign for sign in self.signs if sign}
        return "no-difference-shown" if not shown else "slower" if shown == {1} else "faster"


@dataclass(frozen=True)
class Turn:
    """From where on along an axis something lies below a level, the other axes held at `fixed`: at `at`, between `low` and `high`.

    `low` is the last value at which it is shown above, −inf where it is nowhere; from `high` on it is shown below and never again
    above, inf where it isn't. `at` is read off as that of a crossing; None where the two ends say nothing of it. `last` is the row of
    the samples that is shown above last.
    """

    fixed: tuple[tuple[str, Setting], ...]
    points: tuple[int, ...]
    at: float | None
    low: float
    high: float
    last: int | None


def turns_of(
    samples: Samples, points: Sequence[Point], axes: Sequence[Axis], axis: Axis, above: Estimates, margin: float = 0.0
) -> Iterator[Turn]:
    """Where each line of the grid along `axis` falls below 0 for good, by estimates that are to lie `margin` beside it."""
    on_grid = {other.name: set(other.values) for other in axes if other is not axis}
    signs = signs_of(above, margin)
    for fixed, held in _by_line(samples, points, axes, axis, above).items():
        # points near turn-overs of others lie on lines of their own, of which they say little
        if len(held) < 2 or any(value not in on_grid[name] for name, value in fixed):
            continue
        values, rows = [value for value, _ in held], [row for _, row in held]
        of_line, logs = [signs[row] for row in rows], [float(above.value[row]) for row in rows]
        last = max((place for place, sign in enumerate(of_line) if sign > 0), default=None)
        after = [place for place, sign in enumerate(of_line) if sign < 0 and (last is None or place > last)]
        low = -inf if last is None else values[last]
        high = values[after[0]] if after else inf
        at = None
        if after:
            begin = 0 if last is None else last
            at = _between(axis, values[begin : after[0] + 1], logs[begin : after[0] + 1]) if logs[begin] > 0 else None
        yield Turn(
            fixed, tuple(int(samples.points[row]) for row in rows), at, low, high, None if last is None else rows[last]
        )


def _by_line(
    samples: Samples, points: Sequence[Point], axes: Sequence[Axis], axis: Axis, estimates: Estimates
) -> Mapping[tuple[tuple[str, Setting], ...], list[tuple[float, int]]]:
    """By the values of the other axes, the points along one that have an estimate: its value and their row, in order."""
    lines: dict[tuple[tuple[str, Setting], ...], list[tuple[float, int]]] = {}
    for row, index in enumerate(samples.points):
        if np.isfinite(estimates.value[row]):
            settings = points[index].settings
            fixed = tuple((other.name, settings[other.name]) for other in axes if other is not axis)
            lines.setdefault(fixed, []).append((float(settings[axis.name]), row))
    return {fixed: sorted(held) for fixed, held in lines.items()}


def signs_of(ratios: Estimates, margin: float = MARGIN) -> list[int]:
    """What is shown at each point, as `Line.signs`."""
    return [
        1 if low > margin else -1 if high < -margin else 0 for low, high in zip(ratios.low, ratios.high, strict=True)
    ]


def lines_of(
    samples: Samples, points: Sequence[Point], axes: Sequence[Axis], regime: str, variant: str, against: str
) -> Iterator[Line]:
    """Every line of two variants in a regime that has two points or more with both of them."""
    above, below = samples.side(variant, regime), samples.side(against, regime)
    if above is None or below is None:
        return
    ratios = samples.ratios(above, below)
    signs = signs_of(ratios)
    for axis in axes:
        if axis.scale == "named":
            continue
        for fixed, held in _by_line(samples, points, axes, axis, ratios).items():
            if len(held) < 2:
                continue
            values, rows = tuple(value for value, _ in held), tuple(row for _, row in held)
            of_line = tuple(signs[row] for row in rows)
            pairs = samples.logs[list(rows), :, above] - samples.logs[list(rows), :, below]
            logs = [float(ratios.value[row]) for row in rows]
            found = tuple(_crossings(axis, values, logs, pairs, of_line, variant, against))
            indices = tuple(int(samples.points[row]) for row in rows)
            yield Line(regime, variant, against, axis, fixed, indices, values, ratios, rows, of_line, found)


def _crossings(
    axis: Axis,
    values: Sequence[float],
    logs: Sequence[float],
    pairs: Floats,
    signs: Sequence[int],
    variant: str,
    against: str,
) -> Iterator[Crossing]:
    """`pairs`: [points, pairs of rounds] of the logarithm of the ratio, NaN where there is none; `logs` what they estimate."""
    shown = [place for place, sign in enumerate(signs) if sign]
    for first, last in pairwise(shown):
        if signs[first] != signs[last]:
            stretch = slice(first, last + 1)
            at = _between(axis, values[stretch], logs[stretch])
            low, high = _interval(
                axis, values[stretch], signs[first] * np.array(logs[stretch]), signs[first] * pairs[stretch]
            )
            to = variant if signs[last] < 0 else against
            yield Crossing(to, at, min(low, at), max(high, at), (values[first], values[last]))


def _interval(axis: Axis, values: Sequence[float], logs: Floats, pairs: Floats) -> tuple[float, float]:
    """The interval of the place at which the first of `logs`, above 0, has become the last, below 0."""
    generator = np.random.default_rng(SEED)
    by_factor = axis.scale == "log2" and values[0] > 0
    places = np.log(values) if by_factor else np.array(values, float)
    drawn = np.array([_drawn(value, mine, generator) for value, mine in zip(logs, pairs, strict=True)])
    above = drawn > 0
    # where it turns over more than once on the way, the first time and the last are as good as each other
    first = np.where(above.all(axis=0), len(places), np.argmin(above, axis=0))
    last = np.where(above.any(axis=0), len(places) - np.argmax(above[::-1], axis=0), 0)
    upper = np.where(generator.random(_DRAWS) < 0.5, first, last)
    inside = (upper > 0) & (upper < len(places))
    upper = np.clip(upper, 1, len(places) - 1)
    columns = np.arange(_DRAWS)
    before, after = drawn[upper - 1, columns], drawn[upper, columns]
    way = np.where(inside, before / np.where(before == after, 1.0, before - after), (first > 0).astype(float))
    way = np.clip(way, 0.0, 1.0) ** np.exp(generator.uniform(-log(_BENT), log(_BENT), _DRAWS))
    found = places[upper - 1] + way * (places[upper] - places[upper - 1])
    tail = (1 - THRESHOLDS.interval_level) / 2
    low, high = (float(each) for each in np.quantile(found, (tail, 1 - tail)))
    return (exp(low), exp(high)) if by_factor else (low, high)


def _drawn(value: float, pairs: Floats, generator: np.random.Generator) -> Floats:
    """What a ratio's logarithm might have been found to be, of pairs of rounds drawn anew; of so few they spread too little by √(n ÷ (n − 1))."""
    there = pairs[np.isfinite(pairs)]
    count = len(there)
    if count < 2:
        return np.full(_DRAWS, value)
    means = there[generator.integers(0, count, (_DRAWS, count))].mean(axis=1)
    return np.asarray(value + (means - there.mean()) * (count / (count - 1)) ** 0.5, float)


def _between(axis: Axis, values: Sequence[float], logs: Sequence[float]) -> float:
    """Where the ratio is 1 between the first and the last of some points, by the steps in which it crosses."""
    by_factor = axis.scale == "log2" and values[0] > 0
    places = [log(value) if by_factor else value for value in values]
    found = [
        low + (high - low) * before / (before - after)
        for (low, before), (high, after) in pairwise(zip(places, logs, strict=True))
        if (before > 0) != (after > 0)
    ]
    middle = float(np.median(found))
    return exp(middle) if by_factor else middle
