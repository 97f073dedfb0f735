"""The verdict: what the numbers of a study say, as findings (`launchlens.traces.documents.findings`).

Nothing is assumed: every finding names the figures that it rests on, and "no difference shown" is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.traces.captures.capture import VariantRecord
from launchlens.traces.documents.estimate import estimate_row
from launchlens.traces.documents.findings import (
    ORDER,
    AgainstBaseline,
    AgainstFigures,
    AnyFinding,
    BaselineAlone,
    BaselineAloneFigures,
    BoundBy,
    BoundFigures,
    Control,
    ControlFigures,
    Fastest,
    FastestFigures,
    Incomplete,
    Inflation,
    InflationFigures,
    NamedPart,
    NotMeasured,
    NotMeasuredFigures,
    UnprofiledParts,
    UnsoundData,
    UnsoundDataFigures,
    Unstable,
    UnstableFigures,
    Why,
    WhyFigures,
    WinnerChanges,
    WinnerFigures,
    WinnerSame,
)
from launchlens.traces.gate.gate import Stopped
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.explained import ExplainedDifference
from launchlens.traces.studies.recording import LedgerRow
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.steadiness import Cause, Steadiness
from launchlens.traces.studies.study import Study
from launchlens.traces.thresholds import THRESHOLDS


def verdict(study: Study) -> list[AnyFinding]:
    """All findings of a study, in the order of ORDER, regime by regime."""
    found: list[AnyFinding] = [_unsound(each) for each in study.gate.stopped if each.problem.severity != "info"]
    found += [one for regime in study.regimes for one in _unstable(study, regime)]
    found += [_fastest(study, regime) for regime in study.regimes if study.ranked(regime)]
    found += _winner_across(study)
    for comparison in study.against_baseline:
        found.append(_against(comparison))
        if comparison.is_difference and comparison.difference_ns is not None:
            found.append(_why(comparison))
    found += [_bound(side) for side in study.sides.values()]
    for regime in study.regimes:
        still = study.steadiness(regime)
        if still is not None and still.control_ratio is not None:
            found.append(_control(regime, study.capture.manifest.baseline, still, still.control_ratio))
    found += _inflation(study)
    if not study.capture.manifest.complete:
        found.append(Incomplete(regime=None))
    found += [_not_measured(record) for record in study.capture.manifest.variants if record.status != "measured"]
    return sorted(found, key=lambda finding: ORDER.index(type(finding)))


def _unsound(stopped: Stopped) -> UnsoundData:
    problem = stopped.problem
    regimes = {regime for _, regime in stopped.met.sides}
    figures = UnsoundDataFigures(
        problem=problem.code,
        severity=problem.severity,
        count=problem.count,
        where=stopped.where,
        meaning=problem.meaning,
        takes=stopped.takes,
        sides=list(stopped.met.sides),
    )
    return UnsoundData(regime=regimes.pop() if len(regimes) == 1 else None, figures=figures)


def _fastest(study: Study, regime: str) -> Fastest | BaselineAlone:
    first, *ties = study.winners(regime)
    baseline = study.baseline(regime)
    others = [side for side in study.ranked(regime) if side is not first]
    if not others:
        alone = BaselineAloneFigures(variant=first.variant, wall=estimate_row(first.wall))
        return BaselineAlone(regime=regime, figures=alone)
    figures = FastestFigures(
        variant=first.variant,
        wall=estimate_row(first.wall),
        ties=[side.variant for side in ties],
        all_tie=len(ties) == len(others),
        baseline=None if baseline is None else baseline.variant,
        baseline_wall=None if baseline is None else estimate_row(baseline.wall),
        baseline_ratio=None
        if baseline is None or baseline is first or baseline in ties or baseline.refused
        else estimate_row(study.compared(baseline.variant, first.variant, regime).ratio),
    )
    return Fastest(regime=regime, figures=figures)


def _winner_across(study: Study) -> list[WinnerChanges | WinnerSame]:
    regimes = study.regimes
    if len(regimes) < 2 or any(len(study.ranked(regime)) < 2 for regime in regimes):
        return []
    sets = {regime: [side.variant for side in study.winners(regime)] for regime in regimes}
    common = set.intersection(*(set(names) for names in sets.values()))
    figures = WinnerFigures(winners=sets, common=sorted(common), flips=_flips(study))
    return [(WinnerSame if common else WinnerChanges)(regime=None, figures=figures)]


def _flips(study: Study) -> list[str]:
    """Variants that are shown faster than the baseline in one regime and slower in another."""
    seen: dict[str, set[str]] = {}
    for comparison in study.against_baseline:
        seen.setdefault(comparison.b.variant, set()).add(comparison.verdict)
    return sorted(variant for variant, verdicts in seen.items() if {"faster", "slower"} <= verdicts)


def _against(comparison: Comparison) -> AgainstBaseline:
    figures = AgainstFigures(
        variant=comparison.b.variant,
        baseline=comparison.a.variant,
        verdict=comparison.verdict,
        reasons=list(comparison.reasons),
        ratio=estimate_row(comparison.ratio),
        p_adjusted=comparison.p_adjusted,
        wall=estimate_row(comparison.b.wall),
        baseline_wall=estimate_row(comparison.a.wall),
    )
    return AgainstBaseline(regime=comparison.a.regime, figures=figures)


def _why(comparison: Comparison) -> Why:
    difference = comparison.difference_ns or 0.0
    a, b = comparison.a.recording, comparison.b.recording
    assert a and b

    def worth_naming(parts: dict[str, float]) -> dict[str, float]:
        named = {state: ns for state, ns in parts.items() if abs(ns) >= THRESHOLDS.worth_naming * abs(difference)}
        return dict(sorted(named.items(), key=lambda item: -abs(item[1])))

    figures = WhyFigures(
        variant=comparison.b.variant,
        baseline=comparison.a.variant,
        difference_ns=difference,
        unprofiled_difference_ns=comparison.b.wall.value - comparison.a.wall.value,
        split_by=comparison.explained_by,
        host_parts=worth_naming(comparison.parts("host")),
        device_parts=worth_naming(comparison.parts("device")),
        intervals={
            state: bounds
            for state, bounds in comparison.intervals(comparison.explained_by).items()
            if bounds is not None
        },
        unprofiled=None if comparison.explained is None else _unprofiled(comparison.explained),
        launches=(a.counts["launches"], b.counts["launches"]),
        cost_per_launch_ns=(_cost(a.ledger), _cost(b.ledger)),
        gpu_busy_ns=(a.gpu_busy_ns, b.gpu_busy_ns),
    )
    return Why(regime=comparison.a.regime, figures=figures)


def _unprofiled(found: ExplainedDifference) -> UnprofiledParts:
    return UnprofiledParts(
        closes=found.closes,
        changes_pace=found.changes_pace,
        named=[NamedPart(lane=part.lane, state=part.state, ns=part.ns, interval=part.interval) for part in found.named],
        not_attributed_ns=found.not_attributed.ns,
        closure=(found.a.closure, found.b.closure),
    )


def _cost(ledger: Sequence[LedgerRow]) -> float | None:
    """Mean time in a launching API call, ns."""
    calls = sum(row.per_iteration for row in ledger)
    return sum(row.per_iteration * row.api_ns for row in ledger) / calls if calls else None


def _bound(side: Side) -> BoundBy:
    figures = BoundFigures(
        variant=side.variant,
        bound=side.bound,
        host_share=side.host_share,
        gpu_busy_share=side.busy_share,
        wall_ns=side.wall.value,
        gpu_busy_ns=side.recording.gpu_busy_ns if side.recording else None,
    )
    return BoundBy(regime=side.regime, figures=figures)


def _control(regime: str, baseline: str, still: Steadiness, ratio: Estimate) -> Control:
    figures = ControlFigures(
        baseline=baseline,
        value=ratio.value,
        interval=ratio.interval,
        samples=ratio.samples,
        excludes_1=still.biased,
        noise=still.noise,
    )
    return Control(regime=regime, figures=figures)


def _unstable(study: Study, regime: str) -> list[Unstable]:
    still = study.steadiness(regime)
    if still is None or len(study.ranked(regime)) < 2:
        return []
    ratio = still.control_ratio
    # what each cause has for a figure, and the threshold that it is held against
    held: dict[Cause, tuple[float | None, float]] = {
        "too-few-rounds": (still.rounds, 2 * THRESHOLDS.least_pairs),
        "control-excludes-1": (None if ratio is None else ratio.value, THRESHOLDS.equivalence_margin),
        "baseline-bimodal": (None if still.modes is None else still.modes.apart, THRESHOLDS.two_modes_apart),
        "baseline-drifts": (still.drift, THRESHOLDS.drift),
    }
    found = []
    for cause in still.causes:
        value, limit = held[cause]
        figures = UnstableFigures(
            cause=cause,
            baseline=study.capture.manifest.baseline,
            value=float(value or 0.0),
            interval=None if ratio is None or cause != "control-excludes-1" else ratio.interval,
            limit=limit,
        )
        found.append(Unstable(regime=regime, figures=figures))
    return found


def _not_measured(record: VariantRecord) -> NotMeasured:
    figures = NotMeasuredFigures(variant=record.variant, status=record.status, why=record.why)
    return NotMeasured(regime=record.regime, figures=figures)


def _inflation(study: Study) -> list[Inflation]:
    found = []
    for regime in study.regimes:
        sides = study.in_regime(regime)
        factors = {side.variant: side.inflation for side in sides if side.inflation is not None}
        if factors:
            unprofiled = all(study.explained(side) is not None for side in sides)
            figures = InflationFigures(factors=factors, parts_of="unprofiled" if unprofiled else "recorded")
            found.append(Inflation(regime=regime, figures=figures))
    return found
