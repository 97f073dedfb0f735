"""The numbers of traces that limits are about: of every matched step, by `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launchlens.traces.checks.decide import Measurement
from launchlens.traces.checks.limits import Limit, names_that_fit
from launchlens.traces.comparisons.compare import Metric, Side, TraceComparison, compare_traces
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
        names = names_that_fit(limit.metric, [*was, *now])
        if not names:
            known = ", ".join(list(dict.fromkeys([*was, *now]))[:_NAMED])
            raise InputError(new[0], f"has no metric that fits {limit.metric!r}", f"among those it has: {known}")
        for name in names:
            either = was.get(name) or now[name]
            # what the steps of a side hold none of took none of their time
            sides = [side.get(name) or _none(either, other) for side, other in ((was, found.a), (now, found.b))]
            rows.append((Measurement(name, either.unit, sides[0].samples, sides[1].samples), limit.allowance))
    return Found(tuple(rows), (len(found.b.compared), len(found.a.compared)), _notes(found))


def _none(metric: Metric, side: Side) -> Metric:
    return Metric(metric.name, metric.unit, tuple(one.figures["wall"].astype(float) * 0 for one in side.compared))


def _notes(found: TraceComparison) -> tuple[str, ...]:
    differing = tuple(f"{each.what} differs: {each.was} in the base, {each.now} now" for each in found.conditions)
    skipped = tuple(
        f"{each.path.name} was not used: {each.why}" for side in (found.a, found.b) for each in side.skipped
    )
    return (*differing, *skipped)
