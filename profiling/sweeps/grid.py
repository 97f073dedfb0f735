"""The first points of a sweep: every combination of the values that were asked for, in an order that may stop anywhere.

values   1   2   4   8  16  32  64        ends first, then what lies in the middle of a gap: wherever time runs out, what was
order    0   3   2   3   1   3   0        measured is a coarser grid of the whole
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from launchlens.traces.sweeps.sweep import Axis, Setting

#: Of so many points of the grid one is held out.
ONE_IN = 5

Settings = tuple[Setting, ...]


def grid(axes: Sequence[Axis]) -> list[Settings]:
    """The settings of every point of the grid, a value of each axis, in the order in which they are to be timed."""
    levels = [levels_of(len(axis.values)) for axis in axes]
    places = sorted(
        product(*(range(len(axis.values)) for axis in axes)),
        key=lambda place: (max(levels[axis][index] for axis, index in enumerate(place)), place),
    )
    return [tuple(axes[axis].values[index] for axis, index in enumerate(place)) for place in places]


def levels_of(count: int) -> list[int]:
    """When each of so many values in a row is reached: 0 for the ends, then the middle of each gap, and so on."""
    levels = [0] * count
    gaps, level = [(0, count - 1)], 1
    while gaps:
        left = []
        for low, high in gaps:
            if high - low > 1:
                middle = (low + high) // 2
                levels[middle] = level
                left += [(low, middle), (middle, high)]
        gaps, level = left, level + 1
    return levels


def held_out(
    points: Sequence[Settings], axes: Sequence[Axis], seed: int, possible: Callable[[Settings], bool]
) -> set[int]:
    """The indices of the points that predictions are judged by: one in ONE_IN, drawn by `seed` before any is timed.

    A corner is never among them: what is predicted lies between what is known. Nor is what the workload refuses.
    """
    ends = [{axis.values[0], axis.values[-1]} for axis in axes]
    inner = [
        index
        for index, settings in enumerate(points)
        if not all(value in end for value, end in zip(settings, ends, strict=True)) and possible(settings)
    ]
    wanted = min(len(points) // ONE_IN, len(inner))
    return (
        {int(index) for index in np.random.default_rng(seed).choice(inner, wanted, replace=False)} if wanted else set()
    )
