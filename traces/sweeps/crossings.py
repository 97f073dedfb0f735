"""Where one variant overtakes another along an axis, the other axes held: between which two points, and about where.

    count           1        2        4        8        16
    b against a   slower   slower   nothing  faster   faster        b overtakes a at about 4, between 2 and 8
                                    shown

What is shown at a point is a ratio whose whole 95 % interval lies beyond the equivalence margin. The interval of a crossing goes from the last
point at which the one order is shown to the first at which the other is: it needs nothing of what lies between points but that the
order turns over once. Where between them is read off a line through the logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, log, log1p
from typing import Literal

import numpy as np

from launchlens.traces.sweeps.samples import Samples
from launchlens.traces.sweeps.signed_rank import Estimates
from launchlens.traces.sweeps.sweep import Axis, Point, Setting
from launchlens.traces.thresholds import THRESHOLDS

_MARGIN = log1p(THRESHOLDS.equivalence_margin)

#: How a line goes: one is faster all along, they turn over, or nothing is shown anywhere.
Course = Literal["faster", "slower", "turns-over", "no-difference-shown"]


@dataclass(frozen=True)
class Crossing:
    """`to` is faster beyond `at`; the interval goes from the last point of the old order to the first of the new one."""

    to: str
    at: float
    low: float
    high: float


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


def signs_of(ratios: Estimates) -> list[int]:
    """What is shown at each point, as `Line.signs`."""
    return [
        1 if low > _MARGIN else -1 if high < -_MARGIN else 0 for low, high in zip(ratios.low, ratios.high, strict=True)
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
        lines: dict[tuple[tuple[str, Setting], ...], list[tuple[float, int]]] = {}
        for row, index in enumerate(samples.points):
            if not np.isfinite(ratios.value[row]):
                continue
            settings = points[index].settings
            fixed = tuple((other.name, settings[other.name]) for other in axes if other is not axis)
            lines.setdefault(fixed, []).append((float(settings[axis.name]), row))
        for fixed, held in lines.items():
            if len(held) < 2:
                continue
            held.sort()
            values, rows = tuple(value for value, _ in held), tuple(row for _, row in held)
            of_line = tuple(signs[row] for row in rows)
            found = tuple(
                _crossings(axis, values, [float(ratios.value[row]) for row in rows], of_line, variant, against)
            )
            indices = tuple(int(samples.points[row]) for row in rows)
            yield Line(regime, variant, against, axis, fixed, indices, values, ratios, rows, of_line, found)


def _crossings(
    axis: Axis, values: Sequence[float], logs: Sequence[float], signs: Sequence[int], variant: str, against: str
) -> Iterator[Crossing]:
    shown = [place for place, sign in enumerate(signs) if sign]
    for first, last in pairwise(shown):
        if signs[first] != signs[last]:
            at = _between(axis, values[first : last + 1], logs[first : last + 1])
            yield Crossing(variant if signs[last] < 0 else against, at, values[first], values[last])


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
