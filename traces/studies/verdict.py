"""The verdict: what the numbers of a study say, as codes and figures. Words are made of them in `reports/words.py`.

Nothing is assumed: every finding names the figures that it rests on, and "no difference shown" is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study

#: Finding codes, in the order in which a verdict states them.
CODES = (
    "fastest",
    "baseline-alone",
    "winner-changes",
    "winner-same",
    "against-baseline",
    "why",
    "bound",
    "control",
    "inflation",
    "incomplete",
    "not-measured",
)

#: A share of the profiled difference that is worth a clause of its own in "why".
WORTH_NAMING = 0.1


@dataclass(frozen=True)
class Finding:
    """One thing that the numbers say. `figures` are plain numbers and names; times are ns per iteration."""

    code: str
    regime: str | None
    figures: dict[str, Any] = field(default_factory=dict)


def verdict(study: Study) -> list[Finding]:
    """All findings of a study, in the order of CODES, regime by regime."""
    found = [_fastest(study, regime) for regime in study.regimes]
    found += _winner_across(study)
    for comparison in study.against_baseline:
        found.append(_against(comparison))
        if comparison.verdict in ("faster", "slower") and comparison.difference_ns is not None:
            found.append(_why(comparison))
    found += [_bound(side) for side in study.sides.values()]
    for regime in study.regimes:
        ratio = study.control_ratio(regime)
        if ratio is not None:
            found.append(Finding("control", regime, {"baseline": study.capture.manifest.baseline} | ratio.to_json()))
    found += _inflation(study)
    if not study.capture.manifest.complete:
        found.append(Finding("incomplete", None))
    found += [
        Finding("not-measured", record.regime, {"variant": record.variant, "status": record.status, "why": record.why})
        for record in study.capture.manifest.variants
        if record.status != "measured"
    ]
    return sorted(found, key=lambda finding: CODES.index(finding.code))


def _fastest(study: Study, regime: str) -> Finding:
    first, *ties = study.winners(regime)
    baseline = study.baseline(regime)
    others = [side for side in study.ranked(regime) if side is not first]
    if not others:
        return Finding("baseline-alone", regime, {"variant": first.variant, "wall": first.wall.to_json()})
    return Finding(
        "fastest",
        regime,
        {
            "variant": first.variant,
            "wall": first.wall.to_json(),
            "ties": [side.variant for side in ties],
            "all_tie": len(ties) == len(others),
            "baseline": None if baseline is None else baseline.variant,
            "baseline_wall": None if baseline is None else baseline.wall.to_json(),
            "baseline_ratio": None
            if baseline is None or baseline is first or baseline in ties
            else study.compared(baseline.variant, first.variant, regime).ratio.to_json(),
        },
    )


def _winner_across(study: Study) -> list[Finding]:
    regimes = study.regimes
    if len(regimes) < 2 or any(len(study.ranked(regime)) < 2 for regime in regimes):
        return []
    sets = {regime: [side.variant for side in study.winners(regime)] for regime in regimes}
    common = set.intersection(*(set(names) for names in sets.values()))
    flips = _flips(study)
    code = "winner-same" if common else "winner-changes"
    return [Finding(code, None, {"winners": sets, "common": sorted(common), "flips": flips})]


def _flips(study: Study) -> list[str]:
    """Variants that are shown faster than the baseline in one regime and slower in another."""
    seen: dict[str, set[str]] = {}
    for comparison in study.against_baseline:
        seen.setdefault(comparison.b.variant, set()).add(comparison.verdict)
    return sorted(variant for variant, verdicts in seen.items() if {"faster", "slower"} <= verdicts)


def _against(comparison: Comparison) -> Finding:
    return Finding(
        "against-baseline",
        comparison.a.regime,
        {
            "variant": comparison.b.variant,
            "baseline": comparison.a.variant,
            "verdict": comparison.verdict,
            "reasons": list(comparison.reasons),
            "ratio": comparison.ratio.to_json(),
            "wall": comparison.b.wall.to_json(),
            "baseline_wall": comparison.a.wall.to_json(),
        },
    )


def _why(comparison: Comparison) -> Finding:
    difference = comparison.difference_ns or 0.0
    a, b = comparison.a.recording, comparison.b.recording
    assert a and b

    def worth_naming(parts: dict[str, float]) -> dict[str, float]:
        named = {state: ns for state, ns in parts.items() if abs(ns) >= WORTH_NAMING * abs(difference)}
        return dict(sorted(named.items(), key=lambda item: -abs(item[1])))

    return Finding(
        "why",
        comparison.a.regime,
        {
            "variant": comparison.b.variant,
            "baseline": comparison.a.variant,
            "difference_ns": difference,
            "unprofiled_difference_ns": comparison.b.wall.value - comparison.a.wall.value,
            "split_by": comparison.explained_by,
            "host_parts": worth_naming(comparison.parts("host")),
            "device_parts": worth_naming(comparison.parts("device")),
            "intervals": {
                state: list(bounds)
                for state, bounds in comparison.intervals(comparison.explained_by).items()
                if bounds is not None
            },
            "launches": [a.counts["launches"], b.counts["launches"]],
            "cost_per_launch_ns": [_cost(a.ledger), _cost(b.ledger)],
            "gpu_busy_ns": [a.gpu_busy_ns, b.gpu_busy_ns],
        },
    )


def _cost(ledger: Sequence[Any]) -> float | None:
    """Mean time in a launching API call, ns."""
    calls = sum(row.per_iteration for row in ledger)
    return sum(row.per_iteration * row.api_ns for row in ledger) / calls if calls else None


def _bound(side: Side) -> Finding:
    return Finding(
        "bound",
        side.regime,
        {
            "variant": side.variant,
            "bound": side.bound,
            "host_share": side.host_share,
            "gpu_busy_share": side.busy_share,
            "wall_ns": side.wall.value,
            "gpu_busy_ns": side.recording.gpu_busy_ns if side.recording else None,
        },
    )


def _inflation(study: Study) -> list[Finding]:
    found = []
    for regime in study.regimes:
        factors = {side.variant: side.inflation for side in study.in_regime(regime) if side.inflation is not None}
        if factors:
            found.append(Finding("inflation", regime, {"factors": factors}))
    return found
