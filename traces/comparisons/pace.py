"""Whether all that both sides do alike takes longer on one: then that is a clock's or a host's pace, and no change of the program.

A host drifts, and a recorder stretches it more one time than another. Of the calls that a step of either side makes equally often, each
by what it takes itself, the middle half tells by how much; the rest may have changed. At one pace, the geometric mean of both, the
time in which the GPU waits for the host's own code would be so much shorter on one side, and longer on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.comparisons.rows import Row
from launchlens.traces.comparisons.typical import Floats
from launchlens.traces.steps.host_line import is_allocation
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Pace:
    """How many times as long b takes for what both sides do: the median of all their time, and its quartiles; `alike` names are behind it."""

    ratio: float
    low: float
    high: float
    alike: int

    @property
    def differs(self) -> bool:
        return self.low > 1 + THRESHOLDS.same_pace or self.high < 1 - THRESHOLDS.same_pace

    @property
    def was_by(self) -> float:
        """What a time of the host's code in a is to be multiplied by for both sides to be at one pace."""
        return float(np.sqrt(self.ratio))

    @property
    def now_by(self) -> float:
        return 1 / self.was_by


def pace_of_gpu(tables: Mapping[str, tuple[Row, ...]]) -> Pace | None:
    """That of the kernels that both sides run; None where too few are."""
    ratios, weights = [], []
    for each in tables.get("kernels", ()):
        if each.status == "same" and each.calls_was and each.calls_now and each.was_ns and each.now_ns:
            ratios.append((each.now_ns / each.calls_now) / (each.was_ns / each.calls_was))
            weights.append(float(each.was_ns + each.now_ns))
    return _pace(np.array(ratios), np.array(weights))


def pace_of_host(a: Sequence[Measured], b: Sequence[Measured]) -> Pace | None:
    """That of framework ops and API calls, waits left out; None where too few are called equally often in a step of either side."""
    was, now = _costs(a), _costs(b)
    alike = [name for name in was if name in now and abs(was[name][0] - now[name][0]) < THRESHOLDS.same_calls]
    costs = np.array([(was[name][1], now[name][1]) for name in alike]).reshape(-1, 2)
    calls = np.array([was[name][0] for name in alike])
    return _pace(costs[:, 1] / costs[:, 0], calls * costs.sum(axis=1))


def _pace(ratios: Floats, weights: Floats) -> Pace | None:
    if len(ratios) < THRESHOLDS.least_samples:
        return None
    order = np.argsort(ratios, kind="stable")
    up, down = _quantiles(ratios[order], weights[order]), _quantiles(ratios[order[::-1]], weights[order[::-1]])
    # from both ends, so that it is one over this with the sides swapped
    return Pace(float(np.sqrt(up[1] * down[1])), up[0], down[0], len(ratios))


def _quantiles(values: Floats, weights: Floats) -> tuple[float, float]:
    """Of values in order, those up to which a quarter and a half of all weight lies."""
    total = np.cumsum(weights)
    at = np.minimum(np.searchsorted(total, np.array([0.25, 0.5]) * total[-1]), len(values) - 1)
    return float(values[at[0]]), float(values[at[1]])


def _costs(side: Sequence[Measured]) -> dict[str, tuple[float, float]]:
    """How often a step makes each call, and what one takes itself, ns, by name: the median over calls, the mean over recordings."""
    found = [_costs_of(one) for one in side]
    shared = set(found[0]).intersection(*found[1:])
    return {
        name: (
            float(np.mean([each[name][0] for each in found])),
            float(np.mean([each[name][1] for each in found])),
        )
        for name in sorted(shared)
    }


def _costs_of(one: Measured) -> dict[str, tuple[float, float]]:
    host, events = one.host, one.joined.events
    if not len(host.row):
        return {}
    # a median over calls: one that waited, for a full queue say, says nothing of the host's pace
    chosen = host.is_in("dispatch", "launch", "api") & (host.row >= 0) & ~is_allocation(host)
    rows, part = np.unique(host.row[chosen], return_inverse=True)
    own = np.bincount(part, weights=np.diff(host.edges)[chosen], minlength=len(rows))
    mine = np.isin(one.windows.owner(events["start_ns"].to_numpy()[rows]), one.positions) & (own > 0)
    rows, own = rows[mine], own[mine]
    names = events["name"].cat
    code = names.codes.to_numpy()[rows]
    order = np.lexsort((own, code))
    used, first, count = np.unique(code[order], return_index=True, return_counts=True)
    middle = own[order][first + (count - 1) // 2] / 2 + own[order][first + count // 2] / 2
    return {
        str(names.categories[each]): (often / len(one), float(cost))
        for each, often, cost in zip(used.tolist(), count.tolist(), middle.tolist(), strict=True)
    }
