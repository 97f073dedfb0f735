"""A comparison of traces as `compare --json` prints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec.structs import replace

from launchlens.traces.comparisons.compare import Figure, Side, TraceComparison
from launchlens.traces.comparisons.measured import CELL, Measured
from launchlens.traces.comparisons.pace import HostPace, Pace
from launchlens.traces.comparisons.rows import Row
from launchlens.traces.comparisons.words import caveat, sentences
from launchlens.traces.documents.comparison import ComparisonDocument
from launchlens.traces.documents.trace_comparison import (
    CellDifferenceRow,
    ConditionRow,
    DeviceDifference,
    DifferenceRow,
    FigureDifference,
    HostPaceRow,
    PhaseRow,
    TraceSideRow,
)
from launchlens.traces.studies.document import as_document as of_comparisons


def as_document(found: TraceComparison, ranges: ComparisonDocument | None = None) -> ComparisonDocument:
    """The comparison in whole ns, whose tables sum exactly; `ranges` is that of two ranges, which has keys of its own."""
    return replace(
        ranges or of_comparisons([], "traces"),
        sentences=sentences(found),
        caveat=caveat(found),
        conditions=[ConditionRow(what=each.what, was=each.was, now=each.now) for each in found.conditions],
        sides=[_side(side, launches) for side, launches in zip((found.a, found.b), found.launches, strict=True)],
        phases=[
            PhaseRow(
                name=each.kind,
                steps_was=each.steps_was,
                steps_now=each.steps_now,
                was_ns=None if each.was_ns is None else round(each.was_ns),
                now_ns=None if each.now_ns is None else round(each.now_ns),
                alike=each.alike,
                compared=each.compared,
            )
            for each in found.phases
        ],
        rests_on=found.rests_on,
        host_pace=None if found.host_pace is None else _host_paces(found.host_pace),
        difference_ns_per_step=found.wall.difference_ns,
        figures=[_figure(each) for each in found.figures.values()],
        devices=[
            DeviceDifference(
                device=each.device,
                steps_was=each.steps[0],
                steps_now=each.steps[1],
                figures=[_figure(figure) for figure in each.figures.values()],
                **_tables(each.tables),
            )
            for each in found.devices
        ],
        **_tables(found.tables),
    )


def _tables(tables: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """The tables by name as they are written, null where it was not recorded."""
    named = ("kernels", "operators", "ranges", "idle_causes")
    found: dict[str, Any] = {name: [_row(row) for row in tables[name]] if name in tables else None for name in named}
    return found | {"account": [_cell(row) for row in tables["account"]] if "account" in tables else None}


def _side(side: Side, launches: float) -> TraceSideRow:
    return TraceSideRow(
        given=[str(each) for each in side.given],
        recordings=[str(one.path) for one in side.compared],
        runs=side.runs,
        recorded_by=sorted({one.told.recorded_by for one in side.compared}),
        skipped=[f"{each.path}: {each.why}" for each in side.skipped],
        devices=sorted({_device(one) for one in side.compared if one.device is not None}),
        found_by=sorted({one.windows.found_by for one in side.compared}),
        steps=side.steps,
        steps_in_all=side.steps_in_all,
        first_left_out=side.first_left_out,
        odd_steps=side.odd,
        wall_median_ns=round(side.wall_median_ns),
        launches_per_step=launches,
    )


def _host_paces(pace: HostPace) -> list[HostPaceRow]:
    rows = [_host_pace("steps", pace.main)]
    return rows if pace.others is pace.main else [*rows, _host_pace("others", pace.others)]


def _host_pace(threads: Literal["steps", "others"], pace: Pace) -> HostPaceRow:
    return HostPaceRow(threads=threads, ratio=pace.ratio, low=pace.low, high=pace.high, alike=pace.alike)


def _device(one: Measured) -> str:
    return f"{one.device} of {one.told.devices}"


def _figure(figure: Figure) -> FigureDifference:
    return FigureDifference(
        name=figure.name,
        was_ns=figure.was_ns,
        now_ns=figure.now_ns,
        difference_ns=figure.difference_ns,
        interval_ns=figure.interval_ns,
        at_equal_pace_ns=figure.at_equal_pace_ns,
    )


def _row(row: Row) -> DifferenceRow:
    pairing = row.pairing
    return DifferenceRow(
        name=row.name,
        was_ns=row.was_ns,
        now_ns=row.now_ns,
        difference_ns=row.difference_ns,
        interval_ns=row.interval_ns,
        calls_was=row.calls_was,
        calls_now=row.calls_now,
        by_calls_ns=row.by_calls_ns,
        by_cost_ns=row.by_cost_ns,
        at_equal_pace_ns=row.at_equal_pace_ns,
        status=row.status,
        renamed_from=None if pairing is None else pairing.was,
        confidence=None if pairing is None else pairing.confidence,
        paired_by=None if pairing is None else list(pairing.by),
    )


def _cell(row: Row) -> CellDifferenceRow:
    host, _, device = row.name.partition(CELL)
    return CellDifferenceRow(
        host=host,
        device=device or None,
        was_ns=row.was_ns,
        now_ns=row.now_ns,
        difference_ns=row.difference_ns,
        interval_ns=row.interval_ns,
    )
