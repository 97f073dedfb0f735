"""Whether all that both sides do alike takes longer on one: then that is a clock's or a host's pace, and no change of the program.

A host drifts, and a recorder stretches it more one time than another. Of the calls that a step of either side makes equally often, each
by what passes until the next one, the middle half tells by how much; the rest may have changed. A thread has a pace of its own, as it has a core. At one pace, the geometric mean of both, the
time in which the GPU waits for the host's own code would be so much shorter on one side, and longer on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.comparisons.rows import Row
from launchlens.traces.comparisons.typical import Floats, middle
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


@dataclass(frozen=True)
class HostPace:
    """The paces of the host: of the thread of the steps, and of others, as that of a backward pass, which run on other cores."""

    main: Pace
    others: Pace

    def by(self, *, now: bool) -> tuple[float, float]:
        """What the times of both are to be multiplied by, on the side that is now or on the one that was."""
        return (self.main.now_by, self.others.now_by) if now else (self.main.was_by, self.others.was_by)

    @property
    def differs(self) -> bool:
        return self.main.differs or self.others.differs


def pace_of_host(a: Sequence[Measured], b: Sequence[Measured]) -> HostPace | None:
    """That of framework ops and API calls, waits left out; None where too few are called equally often in a step of either side.

    Where just one of the threads has enough of them it speaks for both.
    """
    found = [_alike(_costs(a, others=others), _costs(b, others=others)) for others in (False, True)]
    known = next((each for each in found if each is not None), None)
    return None if known is None else HostPace(found[0] or known, found[1] or known)


def _alike(was: Mapping[str, tuple[float, float]], now: Mapping[str, tuple[float, float]]) -> Pace | None:
    alike = [name for name in was if name in now and abs(was[name][0] - now[name][0]) < THRESHOLDS.same_calls]
    costs = np.array([(was[name][1], now[name][1]) for name in alike]).reshape(-1, 2)
    calls = np.array([was[name][0] for name in alike])
    # a call that waited on one side weighs what it costs without
    return _pace(costs[:, 1] / costs[:, 0], calls * costs.min(axis=1))


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


def _costs(side: Sequence[Measured], *, others: bool) -> dict[str, tuple[float, float]]:
    """How often a step makes each call, and what one takes until the next, ns, by name."""
    found = [_costs_of(one, others=others) for one in side]
    shared = set(found[0]).intersection(*found[1:])
    return {
        name: (
            float(np.mean([each[name][0] for each in found])),
            float(np.mean([each[name][1] for each in found])),
        )
        for name in sorted(shared)
    }


def _costs_of(one: Measured, *, others: bool) -> dict[str, tuple[float, float]]:
    calls = one.host_calls[int(others)]
    usual = one.positions[middle(one.figures["wall"].astype(float))]
    count, own = calls.calls[usual].sum(axis=0), calls.ns[usual].sum(axis=0)
    # the mean of what the typical step is a mean of: rows hold that drift and no other
    return {
        name: (often / len(usual), took / often)
        for name, often, took in zip(calls.names, count.tolist(), own.tolist(), strict=True)
        if often
    }
