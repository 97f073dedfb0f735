"""Where a sweep measures next: between two points between which it turns over which variant is faster.

    rows          64         256        1024       4096
    a beside b    faster     faster     nothing    slower        b overtakes a between 256 and 4096
                                        shown
    next point                     512, then 2048: each end of the gap, until they are as near as NEAR

Lines are points that differ in one axis alone. What is held out has no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from launchlens.profiling.sweeps.grid import Settings
from launchlens.traces.balanced import Pairs
from launchlens.traces.statistics import Floats
from launchlens.traces.sweeps.sweep import Axis
from launchlens.traces.thresholds import THRESHOLDS

#: A turn-over's place is known where both sides of it lie within this of it: ±15 %.
NEAR = 0.15
#: Two points are near enough where the upper is at most so many times the lower.
_NEAR_FACTOR = (1 + NEAR) ** 2
#: A gap that is wider than this, one from 0 above all, counts as if it were so wide.
_WIDE = 64.0
#: Nearer to each other than this two variants are equivalent, and what of them comes first is chance.
_MARGIN = math.log1p(THRESHOLDS.equivalence_margin)
#: What a turn-over counts: of the fastest, of a variant and the baseline, of any other two.
_OF_THE_FASTEST, _OF_THE_BASELINE, _OF_OTHERS = 100.0, 10.0, 1.0


@dataclass(frozen=True)
class Order:
    """Which variants are faster than which at a point, in one regime. `log_ns`: [variants], logs of times of an iteration.

    `sign`: [variants, variants], −1 where the first is shown to be faster than the second, 1 slower, 0 where nothing is shown.
    """

    variants: tuple[str, ...]
    log_ns: Floats
    sign: Floats

    @property
    def fastest(self) -> str:
        """The one whose time is least, shown or not."""
        return self.variants[int(np.argmin(self.log_ns))]

    def of(self, first: str, second: str) -> int:
        """The sign of two variants; 0 where one of them is not there."""
        if first not in self.variants or second not in self.variants:
            return 0
        return int(self.sign[self.variants.index(first), self.variants.index(second)])


def order_of(variants: Sequence[str], pairs: Floats) -> Order:
    """The order that samples show. `pairs`: [variants, pairs of rounds], logs of an iteration's time, NaN where there is none."""
    count = len(variants)
    sign = np.zeros((count, count))
    for first, second in combinations(range(count), 2):
        interval = interval_of(pairs[first], pairs[second])
        if interval is not None:
            sign[first, second] = 1 if interval[0] > _MARGIN else -1 if interval[1] < -_MARGIN else 0
    return Order(tuple(variants), medians(pairs), sign - sign.T)


def medians(pairs: Floats) -> Floats:
    """The median of each row, of what is there; infinite where nothing is."""
    return np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.inf for row in pairs])


def interval_of(first: Floats, second: Floats) -> tuple[float, float] | None:
    """The interval of log(first ÷ second), of samples by pair of rounds; None of too few."""
    difference = first - second
    return Pairs(difference[np.isfinite(difference)], difference).interval


#: By regime.
Orders = Mapping[str, Order]


@dataclass(frozen=True)
class Gap:
    """Two neighbours on a line along axis number `axis`, between which something turns over, and how much that counts."""

    axis: int
    low: Settings
    high: Settings
    weight: float

    @property
    def factor(self) -> float:
        """How many times the lower the upper is; infinite where the lower is not above 0."""
        low, high = self.low[self.axis], self.high[self.axis]
        assert not isinstance(low, str) and not isinstance(high, str)
        return high / low if low > 0 else math.inf


def gaps(seen: Mapping[Settings, Orders], axes: Sequence[Axis], baseline: str) -> list[Gap]:
    """Gaps in which a turn-over's place is not known well enough, first where it counts most and is least known."""
    weights: dict[tuple[int, Settings, Settings], float] = {}
    for axis, line in _lines(seen, axes):
        for low, high, weight in _turning(line, seen, baseline):
            for place in _ends(line[low : high + 1]):
                weights[axis, *place] = weights.get((axis, *place), 0.0) + weight
    found = [Gap(axis, low, high, weight) for (axis, low, high), weight in weights.items()]
    wide = [gap for gap in found if gap.factor > _NEAR_FACTOR]
    return sorted(wide, key=lambda gap: (-gap.weight * math.log(min(gap.factor, _WIDE)), gap.axis, repr(gap.low)))


def _lines(seen: Mapping[Settings, Orders], axes: Sequence[Axis]) -> Iterator[tuple[int, list[Settings]]]:
    """Points that differ in one axis alone, along it; only of axes that have something between two values."""
    for number, axis in enumerate(axes):
        if axis.scale == "named":
            continue
        lines: dict[Settings, list[Settings]] = {}
        for settings in seen:
            lines.setdefault((*settings[:number], *settings[number + 1 :]), []).append(settings)
        for line in lines.values():
            yield number, sorted(line, key=lambda settings: float(settings[number]))


def _turning(
    line: Sequence[Settings], seen: Mapping[Settings, Orders], baseline: str
) -> Iterator[tuple[int, int, float]]:
    """Places on a line between which two variants change order, both shown, with nothing shown between; and what that counts."""
    for regime in dict.fromkeys(regime for settings in line for regime in seen[settings]):
        orders = [(place, seen[settings][regime]) for place, settings in enumerate(line) if regime in seen[settings]]
        names = dict.fromkeys(name for _, order in orders for name in order.variants)
        for first, second in combinations(names, 2):
            shown = [(place, order, sign) for place, order in orders if (sign := order.of(first, second))]
            for (low, before, was), (high, after, now) in pairwise(shown):
                if was == now:
                    continue
                at_ends = {before.fastest, after.fastest}
                if at_ends == {first, second}:
                    yield low, high, _OF_THE_FASTEST
                else:
                    yield low, high, _OF_THE_BASELINE if baseline in (first, second) else _OF_OTHERS


def _ends(stretch: Sequence[Settings]) -> list[tuple[Settings, Settings]]:
    """The first and the last two neighbours of a stretch: where nothing is shown between them, its edges are what is looked for."""
    neighbours = list(pairwise(stretch))
    return neighbours if len(neighbours) < 3 else [neighbours[0], neighbours[-1]]


def between(
    gap: Gap,
    taken: Collection[Settings],
    kept_out: Collection[Settings],
    possible: Callable[[Settings], bool],
) -> Settings | None:
    """A point in the gap: near its middle, a round number, not `taken`, and away from what is held out; None where there is none."""
    low, high = gap.low[gap.axis], gap.high[gap.axis]
    assert not isinstance(low, str) and not isinstance(high, str)
    whole = isinstance(low, int) and isinstance(high, int)
    middle = math.sqrt(low * high) if low > 0 else (low + high) / 2
    for value in sorted(
        _round_numbers(low, high, whole=whole), key=lambda each: abs(_place(each, low) - _place(middle, low))
    ):
        settings = (*gap.low[: gap.axis], value, *gap.low[gap.axis + 1 :])
        if settings not in taken and settings not in kept_out and possible(settings):
            return settings
    return None


def _place(value: float, low: float) -> float:
    """How far along a value lies: by factors above 0."""
    return math.log(value) if low > 0 else value


def _round_numbers(low: float, high: float, *, whole: bool) -> list[int] | list[float]:
    """Values between two: whole ones that are multiples of a power of two, of which three to seven fit in; others of three digits."""
    if whole:
        step = 1 << max(0, math.floor(math.log2((high - low) / 4))) if high - low >= 4 else 1
        first = (int(low) // step + 1) * step
        return list(range(first, int(high), step))
    shares = (1 / 2, 1 / 3, 2 / 3)
    made = [low * (high / low) ** share if low > 0 else low + (high - low) * share for share in shares]
    rounded = [float(f"{value:.3g}") for value in made]
    return [value for value in rounded if low < value < high]
