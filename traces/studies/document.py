"""Comparisons, sides and what recorders agree on, as documents hold them: whole ns, and parts that sum exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET
from msgspec.structs import asdict

from launchlens.traces.documents.comparison import (
    AsRecorded,
    ComparisonDocument,
    ComparisonRow,
    ExplainedPart,
    ExplainedRow,
    LedgerLine,
    PartRow,
    Reason,
    SideRow,
    SideTime,
    WorkRow,
)
from launchlens.traces.documents.estimate import estimate_row
from launchlens.traces.documents.study import AgreementRow
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies.agreement import Agreement
from launchlens.traces.studies.compare import REASONS, Comparison
from launchlens.traces.studies.explained import Explained, Part
from launchlens.traces.studies.side import Side


def as_document(comparisons: Sequence[Comparison], of: Literal["captures", "traces"]) -> ComparisonDocument:
    """What `compare --json` prints: all comparisons, and where there is just one its keys at the top as well."""
    rows = [comparison_row(item) for item in comparisons]
    top = asdict(rows[0]) if len(rows) == 1 else {}
    return ComparisonDocument(of=of, **top, comparisons=rows)


def comparison_row(comparison: Comparison) -> ComparisonRow:
    """A comparison in whole ns; its parts sum to `difference_ns` exactly, and so do the recorded ones."""
    explained, whole = comparison.explained, round(comparison.b.wall.value - comparison.a.wall.value)
    rest, parts = (None, None) if explained is None else _whole_parts(whole, explained.parts)
    return ComparisonRow(
        regime=comparison.a.regime if comparison.a.regime == comparison.b.regime else None,
        a=side_row(comparison.a, None if explained is None else explained.a),
        b=side_row(comparison.b, None if explained is None else explained.b),
        ratio=estimate_row(comparison.ratio),
        p=comparison.p,
        p_adjusted=comparison.p_adjusted,
        verdict=comparison.verdict,
        reasons=[Reason(code=code, meaning=REASONS[code]) for code in comparison.reasons],
        difference_ns=whole,
        parts=parts,
        not_attributed_ns=rest,
        changes_pace=None if explained is None else explained.changes_pace,
        as_recorded=as_recorded(comparison),
    )


def as_recorded(comparison: Comparison) -> AsRecorded | None:
    """The recorded runs' difference in whole ns, cell by cell; None where a side was not recorded."""
    if comparison.difference is None:
        return None
    whole = comparison.difference.whole()
    return AsRecorded(
        difference_ns=int(whole.total_ns),
        parts=[
            PartRow(
                host=cell.host,
                device=cell.device if whole.device_known else None,
                ns=int(whole.of_cell(cell.host, cell.device)[0]),
                interval_ns=_whole_ends(cell.interval),
            )
            for cell in comparison.cells
        ],
    )


def explained_row(explained: Explained) -> ExplainedRow:
    """What a side's time is made of, in whole ns that sum exactly."""
    whole = round(explained.marginal_ns)
    rest, parts = _whole_parts(whole, explained.parts)
    return ExplainedRow(
        by=explained.by,
        marginal_ns=whole,
        fixed_block_ns=None if explained.fixed_block_ns is None else round(explained.fixed_block_ns),
        inflation=None if explained.inflation is None else round(explained.inflation, 4),
        closure=round(explained.closure, 5),
        not_attributed_ns=rest,
        parts=parts,
    )


def _whole_parts(whole: int, parts: Sequence[Part]) -> tuple[int, list[ExplainedPart]]:
    """What is not attributed, and the parts, in whole ns that sum to `whole`: what rounding leaves goes to the first."""
    rows = [
        ExplainedPart(lane=part.lane, state=part.state, ns=round(part.ns), interval_ns=_whole_ends(part.interval))
        for part in parts
    ]
    return whole - sum(row.ns for row in rows), rows


def side_row(side: Side, explained: Explained | None = None) -> SideRow:
    """One side: unprofiled times with intervals, what bounds it and what it is made of, its account and ledger."""
    recording = side.recording
    return SideRow(
        variant=side.variant,
        part_of=side.part_of,
        regime=side.regime,
        wall_ns=_time(side.wall),
        host_ns=_time(side.host),
        device_ns=None if side.device is None else _time(side.device),
        bound=side.bound,
        host_share=round(side.host_share, 4),
        gpu_busy_share=None if side.busy_share is None else round(side.busy_share, 4),
        profiled_ns=None if recording is None else round(recording.profiled_ns),
        inflation=None if side.inflation is None else round(side.inflation, 4),
        account=None if recording is None else recording.per_iteration.rows(),
        per_iteration=None if recording is None else dict(recording.counts),
        gpu_work=None
        if recording is None
        else [
            WorkRow(kind=row.kind, name=row.name, per_iteration=row.per_iteration, gpu_ns=round(row.gpu_ns))
            for row in recording.work
        ],
        launch_ledger=None
        if recording is None
        else [
            LedgerLine(
                api=row.api,
                activity=row.activity,
                per_iteration=row.per_iteration,
                api_ns=round(row.api_ns),
                queued_per_iteration=row.queued,
                queue_ns=None if row.queue_ns is None else round(row.queue_ns),
                gpu_ns=None if row.gpu_ns is None else round(row.gpu_ns),
                channel=UNSET if row.channel is None else row.channel,
            )
            for row in recording.ledger
        ],
        explained=None if explained is None else explained_row(explained),
    )


def agreement_rows(rows: Sequence[Agreement]) -> list[AgreementRow]:
    """How far recorders agree, a row a side and metric."""
    return [
        AgreementRow(
            variant=row.variant,
            regime=row.regime,
            metric=row.metric.code,
            unit=row.metric.unit or None,
            must_agree=row.metric.rule != "free",
            values={name: estimate_row(value) for name, value in row.values.items()},
            apart=row.apart,
            verdict=row.verdict,
        )
        for row in rows
    ]


def _time(estimate: Estimate) -> SideTime:
    return SideTime(median=round(estimate.value), interval=_whole_ends(estimate.interval), rounds=estimate.samples)


def _whole_ends(interval: tuple[float, float] | None) -> tuple[int, int] | None:
    return None if interval is None else (round(interval[0]), round(interval[1]))
