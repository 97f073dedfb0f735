"""How far the recorders of one capture are from each other: the same blocks, seen by torch.profiler, Nsight Systems, CUPTI.

What is counted must agree exactly, and so must GPU times but for a few per cent: recorders that differ there did not see
the same work. What they cost the host, each in its own way, is not meant to agree; it is shown because a reader of one
account ought to know by how much another recorder's would differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from launchlens.traces.statistics import Estimate, median
from launchlens.traces.studies.recording import Recording, preferred_first
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

Rule = Literal["exact", "close", "free"]
Verdict = Literal["agree", "differ"]


@dataclass(frozen=True)
class Metric:
    """A figure that every recorder gives of a side. `rule`: `exact`, `close` (within what clocks do), or `free`."""

    code: str
    says: str
    unit: str
    rule: Rule


METRICS = (
    Metric("launches", "launches per iteration", "", "exact"),
    Metric("activities", "GPU activities per iteration", "", "exact"),
    Metric("gpu_ns", "GPU time of one activity, median", "ns", "close"),
    Metric("api_ns", "API time of one launch, median", "ns", "free"),
    Metric("queue_ns", "queue time of one launch, median", "ns", "free"),
    Metric("inflation", "recorded time over unprofiled time", "×", "free"),
)


@dataclass(frozen=True)
class Agreement:
    """One metric of one side by each collector: the median over its blocks with its interval.

    `apart` is the largest relative difference from the first collector's value, None where that is 0 and others are not.
    `verdict` is `differ` where the intervals do not meet (counts: where the numbers are not the same) and `apart` is beyond
    what the metric's rule allows.
    """

    variant: str
    regime: str
    metric: Metric
    values: Mapping[str, Estimate]
    apart: float | None
    verdict: Verdict

    @property
    def amiss(self) -> bool:
        """Whether recorders differ in what they must agree on."""
        return self.verdict == "differ" and self.metric.rule != "free"


def agreement(sides: Iterable[Side], recordings: Mapping[tuple[str, str, str], Recording]) -> list[Agreement]:
    """A row per side and metric that at least two collectors give; empty for a capture of one collector.

    `recordings` are those of all collectors, by (collector, variant, regime).
    """
    rows = []
    for side in sides:
        of_side = {
            name: made
            for (name, variant, regime), made in recordings.items()
            if (variant, regime) == (side.variant, side.regime)
        }
        # the one whose account the side has is what the others are compared with
        of_side = preferred_first(of_side)
        for metric in METRICS:
            values = {
                name: value for name, made in of_side.items() if (value := _value(metric, made, side)) is not None
            }
            if len(values) > 1:
                rows.append(_judged(side, metric, values))
    return rows


def _value(metric: Metric, recording: Recording, side: Side) -> Estimate | None:
    """The metric's median over the blocks of a recording; None where no block has any of it."""
    blocks = recording.per_block
    if metric.code == "activities" and recording.device is None:
        return None  # no GPU was recorded: not known, which is not none
    if metric.code == "inflation":
        unprofiled = recording.reference_ns or side.wall_ns
        samples = recording.account.window_ns / recording.iterations / unprofiled
    elif metric.rule == "exact":
        samples = blocks[metric.code].to_numpy() / recording.iterations
    else:
        samples = blocks[metric.code].to_numpy(np.float64, na_value=np.nan)
        samples = samples[~np.isnan(samples)]
    return median(samples) if len(samples) else None


def _judged(side: Side, metric: Metric, values: Mapping[str, Estimate]) -> Agreement:
    first, *others = values.values()
    differences = [_relative(first.value, other.value) for other in others]
    apart = None if None in differences else max(each for each in differences if each is not None)
    if metric.rule == "exact":
        differs = any(other.value != first.value for other in others)
    else:
        differs = any(
            not _meet(first, other) and not (metric.rule == "close" and _close(first.value, other.value))
            for other in others
        )
    return Agreement(side.variant, side.regime, metric, values, apart, "differ" if differs else "agree")


def _close(first: float, other: float) -> bool:
    """Whether two GPU times differ by no more than clocks do: by a share, or by one step of the GPU's clock."""
    return abs(other - first) <= max(THRESHOLDS.gpu_time_tolerance * abs(first), THRESHOLDS.gpu_clock_step_ns)


def _relative(first: float, other: float) -> float | None:
    if first == other:
        return 0.0
    return abs(other - first) / abs(first) if first and np.isfinite(first) else None


def _meet(a: Estimate, b: Estimate) -> bool:
    """Whether two intervals share a point; too few blocks for an interval leave only the values to compare."""
    low_a, high_a = a.interval or (a.value, a.value)
    low_b, high_b = b.interval or (b.value, b.value)
    return max(low_a, low_b) <= min(high_a, high_b)
