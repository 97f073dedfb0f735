"""Captures against captures: every variant and regime that they share, and what makes their numbers hard to compare.

Rounds of one run say nothing of how far another run would be from it, so a ratio between captures rests on runs: three or more of
either side, of which each gives one time. With fewer a value is given, and no difference is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from launchlens.traces.statistics import Estimate, Welch
from launchlens.traces.studies.compare import Comparison, compare, with_verdict
from launchlens.traces.studies.explained import difference_of
from launchlens.traces.studies.study import Study
from launchlens.traces.thresholds import THRESHOLDS

HARDWARE = ("gpu", "cpu", "device")
SOFTWARE = ("driver", "cuda", "torch", "triton", "python")


def between(a: Sequence[Study], b: Sequence[Study]) -> list[Comparison]:
    """Every variant and regime that all runs of two sides share, b against a; not paired, for they were not timed in turn."""
    names = dict.fromkeys(variant for variant, _ in a[0].sides)
    return [item for name in names for item in across(a, name, b, name)]


def across(a: Sequence[Study], variant_a: str, b: Sequence[Study], variant_b: str) -> list[Comparison]:
    """Variant `variant_b` of some runs against `variant_a` of others, in each regime that all have.

    What is shown beside the ratio (times, accounts, parts) is of the first run of each side.
    """
    notes = differences_of_runs([*a, *b])
    found = []
    for regime in a[0].regimes:
        if not all((variant_a, regime) in run.sides for run in a) or not all(
            (variant_b, regime) in run.sides for run in b
        ):
            continue
        left, right = a[0].sides[variant_a, regime], b[0].sides[variant_b, regime]
        if min(len(a), len(b)) < THRESHOLDS.least_runs:
            item = compare(left, right, paired=False, notes=("too-few-runs", *notes))
        else:
            times = [
                [run.sides[name, regime].wall.value for run in runs] for runs, name in ((a, variant_a), (b, variant_b))
            ]
            ratio = ratio_of_runs(times[1], times[0])
            item = with_verdict(Comparison(left, right, ratio, "not-comparable", ("not-interleaved", *notes)))
        found.append(replace(item, explained=difference_of(a[0].explained(left), b[0].explained(right))))
    return found


def ratio_of_runs(above: Sequence[float], below: Sequence[float]) -> Estimate:
    """The ratio of two sides of which each run gives one time, by Welch's t of their logarithms (B. L. Welch 1947)."""
    tops, bottoms = np.log(above), np.log(below)
    value = float(np.exp(tops.mean() - bottoms.mean()))
    fewest = min(len(tops), len(bottoms))
    if fewest < THRESHOLDS.least_runs:
        return Estimate(value, None, None, fewest)
    if not np.ptp(tops) and not np.ptp(bottoms):
        return Estimate(value, value, value, fewest)
    low, high = Welch.of(tops, bottoms).interval(THRESHOLDS.interval_level)
    return Estimate(value, float(np.exp(low)), float(np.exp(high)), fewest)


def differences_of_runs(runs: Sequence[Study]) -> tuple[str, ...]:
    """What the runs of two sides differ in, as reason codes."""
    first, *others = (run.capture.manifest for run in runs)
    notes = [
        code
        for code, keys in (("different-hardware", HARDWARE), ("different-software", SOFTWARE))
        if any(first.environment.get(key) != other.environment.get(key) for other in others for key in keys)
    ]
    if not all(run.capture.manifest.complete for run in runs):
        notes.append("incomplete")
    return tuple(notes)
