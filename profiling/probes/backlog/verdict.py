"""From samples to the answer of the probe `backlog`: does the order of the variants change when the device never waits?

Two variants are in an order where the 95 % interval of their ratio, paired by round, excludes 1. They flip where they are in one
order eagerly, by wall time, and in the other one behind a backlog, by device time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from launchlens.profiling.probes.backlog.kept import AGAIN, BACKLOG, EAGER, How, Kept, Sample
from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.samples import cells, estimated
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import backlog as codes
from launchlens.traces.captures.probe_codes.verdicts import NO_FLIP
from launchlens.traces.captures.probes import Cell, ColumnKind, Control, Probe, ProbeFigure, ProbeTable
from launchlens.traces.control import takes_as_long
from launchlens.traces.statistics import Estimate, median, paired_ratio
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Pair:
    """Two variants, the first's time over the second's, eagerly and behind a backlog."""

    first: str
    second: str
    eager: Estimate
    backlog: Estimate

    @property
    def found(self) -> Literal["flips", "same order", "not decided"]:
        orders = {_order(self.eager), _order(self.backlog)}
        if 0 in orders:
            return "not decided"
        return "flips" if len(orders) > 1 else "same order"


def _order(ratio: Estimate) -> int:
    """−1 where the first is faster, 1 where it is slower, 0 where neither is shown."""
    return 0 if ratio.covers(1) else 1 if ratio.value > 1 else -1


def conclude(
    samples: Sequence[Sample],
    baseline: str,
    *,
    parts: Collection[str] = (),
    left_out: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Probe:
    """The probe's answer. `parts` are timed and not ranked; `left_out` says why a variant has no samples."""
    out = {**(left_out or {}), **_let_go(samples, baseline)}
    kept = Kept([item for item in samples if item.variant not in out])
    for name in kept.variants():
        times = 2 * kept.scale(name).value
        if name != baseline and not _scales(kept.scale(name)):
            out[name] = (
                f"twice as many iterations take {times:.2f} × as long: some of its work may not be on the held stream"
            )
    counted = [name for name in kept.variants() if name not in out]
    ranked = [name for name in counted if name not in parts]
    pairs = list(_pairs(kept, ranked))
    found = [pair.found for pair in pairs]
    return concluded(
        codes.ID,
        verdict=codes.FLIPS if "flips" in found else NO_FLIP if "not decided" in found or not pairs else codes.HOLDS,
        controls=_controls(kept, baseline, counted, ranked, out),
        figures=[*_figures(kept, baseline, counted), *_counts(found, len(counted), len(out))],
        tables=[_times(kept, baseline, counted), _orders(pairs), _left_out(out)],
        notes=notes,
    )


def _let_go(samples: Sequence[Sample], baseline: str) -> dict[str, str]:
    """Variants other than the baseline whose samples too often outlasted the blocker, with the reason."""
    rounds: dict[str, set[int]] = {}
    void: dict[str, set[int]] = {}
    for item in samples:
        rounds.setdefault(item.variant, set()).add(item.round)
        if not item.held:
            void.setdefault(item.variant, set()).add(item.round)
    return {
        name: f"in {len(lost)} of {len(rounds[name])} rounds it waited until the blocker let go"
        for name, lost in void.items()
        if name != baseline and len(lost) > THRESHOLDS.probe_most_void * len(rounds[name])
    }


def _pairs(kept: Kept, ranked: Sequence[str]) -> Iterator[Pair]:
    for first, second in combinations(ranked, 2):
        ratios = (paired_ratio(kept.times(first, how), kept.times(second, how)) for how in (EAGER, BACKLOG))
        yield Pair(first, second, *ratios)


def _scales(scale: Estimate) -> bool:
    return abs(scale.value - 1) <= THRESHOLDS.probe_half_within


def _controls(
    kept: Kept, baseline: str, counted: Sequence[str], ranked: Sequence[str], out: Mapping[str, str]
) -> list[Control]:
    measured = baseline in counted
    again = paired_ratio(kept.times(baseline, AGAIN), kept.times(baseline, BACKLOG)) if measured else None
    scales = [kept.scale(name) for name in counted]
    behind = [item for item in kept.all if item.how != EAGER]
    lost = sum(not item.held for item in behind)
    absent = f"{baseline} has no time behind a backlog: {out.get(baseline, 'it was not measured')}"
    return [
        Control(
            "the blocker held until the last call of each counted sample had been submitted",
            kept.left >= max(THRESHOLDS.least_samples, (1 - THRESHOLDS.probe_most_void) * kept.rounds),
            f"in {len(behind) - lost} of {len(behind)} samples; {kept.left} of {kept.rounds} rounds are counted",
        ),
        Control(
            "the baseline, timed twice in every round behind a backlog, takes as long as itself (within its interval or 5 %)",
            again is not None and takes_as_long(again, THRESHOLDS.probe_control_within),
            absent if again is None else f"{baseline} × {again.value:.3f}",
        ),
        Control(
            "twice as many iterations take the device twice as long (within 15 %), so none of the time is a constant",
            measured and all(_scales(scale) for scale in scales),
            f"{min(s.value for s in scales) * 2:.2f} to {max(s.value for s in scales) * 2:.2f} ×"
            if measured
            else absent,
        ),
        Control(
            "there are two variants to rank",
            len(ranked) > 1,
            f"{len(ranked)} could be ranked",
        ),
    ]


def _figures(kept: Kept, baseline: str, counted: Sequence[str]) -> Iterator[ProbeFigure]:
    for name in counted:
        yield estimated(median(kept.times(name, BACKLOG)), codes.DEVICE_TIME, of=name, under=codes.BEHIND)
        yield estimated(median(kept.times(name, EAGER)), codes.WALL_TIME, of=name, under=codes.EAGER)
    if baseline in counted:
        for name in counted:
            if name != baseline:
                behind, eager = (_ratio(kept, name, baseline, how) for how in (BACKLOG, EAGER))
                yield estimated(behind, codes.RATIO, "ratio", of=name, to=baseline, under=codes.BEHIND)
                yield estimated(eager, codes.RATIO, "ratio", of=name, to=baseline, under=codes.EAGER)


def _ratio(kept: Kept, name: str, baseline: str, how: How) -> Estimate:
    return paired_ratio(kept.times(name, how), kept.times(baseline, how))


def _counts(found: Sequence[str], counted: int, out: int) -> Iterator[ProbeFigure]:
    for what, order in (
        (codes.PAIRS_THAT_FLIP, "flips"),
        (codes.PAIRS_IN_ORDER, "same order"),
        (codes.PAIRS_UNDECIDED, "not decided"),
    ):
        yield ProbeFigure(what=what, value=found.count(order), unit="pairs", out_of=len(found))
    yield ProbeFigure(what=codes.LEFT_OUT, value=out, unit="variants", out_of=counted + out)


def _times(kept: Kept, baseline: str, counted: Sequence[str]) -> ProbeTable:
    columns: dict[str, ColumnKind] = {
        "variant": "name",
        "iterations per sample": "count",
        "rounds": "count",
        "device time behind a backlog": "time",
        "low": "time",
        "high": "time",
        "twice as many iterations take": "ratio",
        "eager wall time": "time",
        "eager low": "time",
        "eager high": "time",
        "eager host time": "time",
        f"÷ {baseline} behind a backlog": "ratio",
        f"÷ {baseline} eager": "ratio",
    }
    rows: list[tuple[Cell, ...]] = []
    for name in counted:
        behind, eager = median(kept.times(name, BACKLOG)), median(kept.times(name, EAGER))
        ratios: list[Cell] = [None, None]
        if baseline in counted:
            behind_ratio, eager_ratio = (_ratio(kept, name, baseline, how) for how in (BACKLOG, EAGER))
            ratios = [behind_ratio.value, eager_ratio.value]
        host = median(kept.host(name)).value
        rows.append(
            (
                *(name, kept.iterations(name), behind.samples, *cells(behind)),
                *(2 * kept.scale(name).value, *cells(eager), host, *ratios),
            )
        )
    return of_rows("Time per iteration, behind a backlog and eagerly, in turn in every round", columns, rows)


def _orders(pairs: Sequence[Pair]) -> ProbeTable:
    columns: dict[str, ColumnKind] = {
        "first": "name",
        "second": "name",
        "first ÷ second eagerly": "ratio",
        "low": "ratio",
        "high": "ratio",
        "behind a backlog": "ratio",
        "its low": "ratio",
        "its high": "ratio",
        "order": "text",
    }
    ordered = sorted(pairs, key=lambda pair: ("flips", "same order", "not decided").index(pair.found))
    rows = [(pair.first, pair.second, *cells(pair.eager), *cells(pair.backlog), pair.found) for pair in ordered]
    return of_rows("Every pair of variants, those that flip first", columns, rows)


def _left_out(out: Mapping[str, str]) -> ProbeTable:
    return of_rows("Variants that were not put behind a backlog", {"variant": "name", "why": "text"}, out.items())
