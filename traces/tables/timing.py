"""The table `timing`: every variant in every regime, unprofiled, and against the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launchlens.traces.statistics import Estimate
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.table import Column, Table, table


def columns(baseline: str) -> tuple[Column, ...]:
    """The columns, under headings that name the baseline."""
    return (
        Column("regime", "code", "eager, or graph: replayed as a CUDA graph"),
        Column("variant", "name", "what was timed"),
        Column("says", "text", "what the variant does, in a line", hint="title"),
        Column("mark", "code", "fastest, or ties: not shown to be slower than the fastest", title="", beside=True),
        Column("control", "flag", "whether it is the baseline's second block of each round (the A/A control)"),
        Column(
            "wall_ns",
            "time",
            "unprofiled time of one iteration, median over rounds",
            title="µs per iteration",
            whole=False,
            shown_in="µs",
            bar=True,
        ),
        Column(
            "wall_interval_ns",
            "interval",
            "95 % interval of that median",
            of="time",
            title="95 % interval",
            absent="no interval",
            whole=False,
            shown_in="µs",
            beside=True,
        ),
        Column("ratio", "ratio", "time over the baseline's, median over rounds", title=f"against {baseline}"),
        Column(
            "ratio_interval",
            "interval",
            "95 % interval of that ratio",
            of="ratio",
            title="95 % interval",
            beside=True,
        ),
        Column(
            "verdict",
            "code",
            "faster, slower, equivalent or no-difference-shown, against the baseline; baseline, or why there is none: only-a-part, no-baseline-here",
            beside=True,
        ),
        Column("part_of", "name", "the variant whose work this one does only a part of", title="of", beside=True),
        Column(
            "bound_by", "code", "what it waits for: host-bound, device-bound, mixed, or unknown", title="limited by"
        ),
        Column(
            "gpu_busy",
            "share",
            "recorded GPU busy time of an iteration over its unprofiled time",
            title="GPU busy",
            absent="–",
        ),
        Column("launches", "count", "launches per iteration, as recorded", whole=False, absent="–"),
        Column("rounds", "count", "rounds that the times are of"),
        Column(
            "host_ns",
            "time",
            "unprofiled time until an iteration had been submitted, median",
            title="submitting",
            whole=False,
        ),
        Column(
            "device_ns",
            "time",
            "unprofiled time of an iteration between device events, median",
            title="between device events",
            whole=False,
            absent="–",
        ),
    )


def timing(study: Study) -> Table:
    """A row per variant and regime, fastest first, and a row for each control."""
    baseline = study.capture.manifest.baseline
    return table("timing", "unprofiled times", columns(baseline), _rows(study), order="fastest first")


def _rows(study: Study) -> Iterator[list[Any]]:
    against = {(item.b.variant, item.b.regime): item for item in study.against_baseline}
    for regime in study.regimes:
        ranked = study.ranked(regime)
        best = [side.variant for side in study.winners(regime)] if len(ranked) > 1 else []
        for side in study.in_regime(regime):
            item = against.get((side.variant, regime))
            mark = ("fastest" if side.variant == best[0] else "ties") if side.variant in best else None
            verdict = item.verdict if item else _without(side, study.capture.manifest.baseline)
            ratio = item.ratio if item else None
            yield [*_named(side, mark, False), *_times(side.wall), *_times(ratio), verdict, side.part_of, side.bound, side.busy_share,
                   side.recording.counts["launches"] if side.recording else None, *_further(side)]  # fmt: skip
        if regime in study.controls:
            side = study.controls[regime]
            yield [
                *_named(side, None, True),
                *_times(side.wall),
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                *_further(side),
            ]


def _without(side: Side, baseline: str) -> str:
    """What the table says of a side that is compared with nothing."""
    return "baseline" if side.variant == baseline else "only-a-part" if side.part_of is not None else "no-baseline-here"


def _named(side: Side, mark: str | None, control: bool) -> list[Any]:
    return [side.regime, side.variant, side.says or None, mark, control]


def _times(estimate: Estimate | None) -> list[Any]:
    if estimate is None:
        return [None, None]
    return [estimate.value, estimate.interval]


def _further(side: Side) -> list[Any]:
    return [side.wall.samples, side.host.value, None if side.device is None else side.device.value]
