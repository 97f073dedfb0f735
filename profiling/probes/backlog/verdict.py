"""From samples to the answer of the probe `backlog`: does the order of the variants change when the device never waits?

Two variants are in an order where the 95 % interval of their ratio, paired by round, excludes 1. They flip where they are in one
order eagerly, by wall time, and in the other one behind a backlog, by device time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from launchlens.profiling.probes.backlog.kept import AGAIN, BACKLOG, EAGER, Kept, Sample
from launchlens.profiling.probes.method.samples import estimated
from launchlens.traces.captures.probes import NO_FLIP, Cell, Control, Probe, ProbeFigure, ProbeTable, concluded
from launchlens.traces.control import takes_as_long
from launchlens.traces.statistics import Estimate, median, paired_ratio
from launchlens.traces.thresholds import THRESHOLDS

ID = "backlog"
ASKS = "Does the ranking of the variants flip when the device never waits for the host?"
FLIPS, HOLDS, NOT_SHOWN = "ranking flips", "ranking holds", NO_FLIP

SHOWN_FLIPS = 3


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
    flips = [pair for pair in pairs if pair.found == "flips"]
    undecided = [pair for pair in pairs if pair.found == "not decided"]
    return concluded(
        ID,
        asks=ASKS,
        verdict=FLIPS if flips else NOT_SHOWN if undecided or not pairs else HOLDS,
        says=_says(pairs, out),
        controls=_controls(kept, baseline, counted, ranked, out),
        figures=[*_figures(kept, baseline, counted), _count(pairs)],
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


def _says(pairs: Sequence[Pair], out: Mapping[str, str]) -> str:
    flips = [pair for pair in pairs if pair.found == "flips"]
    same = sum(pair.found == "same order" for pair in pairs)
    text = (
        "With all work queued before the device may begin, so that it never waits for the host, "
        f"{len(flips)} of {len(pairs)} pairs of variants change their order"
    )
    if flips:
        shown = "; ".join(_flip(pair) for pair in flips[:SHOWN_FLIPS])
        more = f"; and {len(flips) - SHOWN_FLIPS} more" if len(flips) > SHOWN_FLIPS else ""
        text += f": {shown}{more}"
    text += f". {same} pairs keep it, and of {len(pairs) - same - len(flips)} it is not shown in both."
    if out:
        text += f" Not put behind a backlog: {'; '.join(f'{name} ({why})' for name, why in out.items())}."
    return text


def _flip(pair: Pair) -> str:
    return (
        f"{pair.first} takes {pair.eager.value:.2f} × the time of {pair.second} eagerly, and {pair.backlog.value:.2f} × "
        "behind a backlog"
    )


def _figures(kept: Kept, baseline: str, counted: Sequence[str]) -> Iterator[ProbeFigure]:
    for name in counted:
        yield estimated(f"{name}: device time behind a backlog", median(kept.times(name, BACKLOG)))
        yield estimated(f"{name}: eager time", median(kept.times(name, EAGER)))
    if baseline in counted:
        for name in counted:
            if name != baseline:
                behind = paired_ratio(kept.times(name, BACKLOG), kept.times(baseline, BACKLOG))
                eager = paired_ratio(kept.times(name, EAGER), kept.times(baseline, EAGER))
                yield estimated(f"{name} ÷ {baseline} behind a backlog", behind, "ratio")
                yield estimated(f"{name} ÷ {baseline} eager", eager, "ratio")


def _count(pairs: Sequence[Pair]) -> ProbeFigure:
    return ProbeFigure("pairs that flip", sum(pair.found == "flips" for pair in pairs), f"of {len(pairs)} pairs")


def _times(kept: Kept, baseline: str, counted: Sequence[str]) -> ProbeTable:
    columns = (
        *("variant", "iterations per sample", "rounds"),
        *("device time behind a backlog, ns", "low, ns", "high, ns", "twice as many iterations take"),
        *("eager wall time, ns", "eager low, ns", "eager high, ns", "eager host time, ns"),
        *(f"÷ {baseline} behind a backlog", f"÷ {baseline} eager"),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in counted:
        behind, eager = median(kept.times(name, BACKLOG)), median(kept.times(name, EAGER))
        ratios: tuple[Cell, Cell] = (None, None)
        if baseline in counted:
            behind_ratio, eager_ratio = (
                paired_ratio(kept.times(name, how), kept.times(baseline, how)) for how in (BACKLOG, EAGER)
            )
            ratios = behind_ratio.value, eager_ratio.value
        host = median(kept.host(name)).value
        rows.append(
            (
                *(name, kept.iterations(name), behind.samples, behind.value, behind.low, behind.high),
                *(2 * kept.scale(name).value, eager.value, eager.low, eager.high, host, *ratios),
            )
        )
    return ProbeTable("Time per iteration, behind a backlog and eagerly, in turn in every round", columns, tuple(rows))


def _orders(pairs: Sequence[Pair]) -> ProbeTable:
    columns = (
        "first",
        "second",
        "first ÷ second eagerly",
        "low",
        "high",
        "behind a backlog",
        "its low",
        "its high",
        "order",
    )
    ordered = sorted(pairs, key=lambda pair: ("flips", "same order", "not decided").index(pair.found))
    rows: list[tuple[Cell, ...]] = [
        (
            *(pair.first, pair.second, pair.eager.value, pair.eager.low, pair.eager.high),
            *(pair.backlog.value, pair.backlog.low, pair.backlog.high, pair.found),
        )
        for pair in ordered
    ]
    return ProbeTable("Every pair of variants, those that flip first", columns, tuple(rows))


def _left_out(out: Mapping[str, str]) -> ProbeTable:
    return ProbeTable("Variants that were not put behind a backlog", ("variant", "why"), tuple(out.items()))
