"""The numbers of traces that limits are about: of every matched step, by `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from launchlens.traces.checks.decide import Measurement
from launchlens.traces.checks.limits import Limit, names_that_fit
from launchlens.traces.comparisons.compare import Side, TraceComparison, compare_traces
from launchlens.traces.comparisons.metrics import KNOWN, LAUNCHES, Metric, is_recorded
from launchlens.traces.comparisons.sides import Reading
from launchlens.traces.problems import InputError

#: How many names a refusal shows.
_NAMED = 12


@dataclass(frozen=True)
class Found:
    """Measurements with their allowances, how many recordings stand on the new and the base's side, and what else is to be known."""

    measured: tuple[tuple[Measurement, float], ...]
    recordings: tuple[int, int]
    notes: tuple[str, ...]


def measured(
    new: Sequence[str], base: Sequence[str], limits: Sequence[Limit], *, steps: str | None, reading: Reading | None
) -> Found:
    """Every metric that a limit is about. Raises InputError for a limit that is about none, and for what only captures have."""
    for limit in limits:
        if limit.of_captures_alone:
            raise InputError(
                new[0], "is a trace, which has no variants and regimes", "limit ranges, kernels or metrics of it"
            )
    found = compare_traces(base, new, steps=steps, reading=reading)
    was, now = found.a.metrics, found.b.metrics
    rows = []
    for limit in limits:
        names = names_that_fit(limit.metric, [*was, *now]) or [name for name in KNOWN if name == limit.metric]
        if not names:
            known = ", ".join(list(dict.fromkeys([*was, *now]))[:_NAMED])
            raise InputError(new[0], f"has no metric that fits {limit.metric!r}", f"among those it has: {known}")
        for name in names:
            sides = [side.get(name) or _none(name, other) for side, other in ((was, found.a), (now, found.b))]
            unit = "" if name == LAUNCHES else "ns"
            samples = [() if side is None else side.samples for side in sides]
            why = "not-recorded" if None in sides else ""
            rows.append((Measurement(name, unit, samples[0], samples[1], why_not=why), limit.allowance))
    return Found(tuple(rows), (len(found.b.compared), len(found.a.compared)), _notes(found))


def _none(name: str, side: Side) -> Metric | None:
    """What the steps of a side hold none of took none of their time; None where it was not recorded."""
    if not is_recorded(name, side.compared):
        return None
    return Metric(name, "ns", tuple(np.zeros(len(one)) for one in side.compared))


def _notes(found: TraceComparison) -> tuple[str, ...]:
    differing = tuple(f"{each.what} differs: {each.was} in the base, {each.now} now" for each in found.conditions)
    skipped = tuple(
        f"{each.path.name} was not used: {each.why}" for side in (found.a, found.b) for each in side.skipped
    )
    return (*differing, *skipped)
