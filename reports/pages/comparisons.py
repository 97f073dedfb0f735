"""Comparisons named on a command line: each its verdict, the reasons, and the parts of the difference."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.blocks import Block, Chapter, Fold, Paragraph, Shown
from launchlens.traces.studies.compare import REASONS, Comparison
from launchlens.traces.studies.explained import ExplainedDifference
from launchlens.traces.studies.side import Side
from launchlens.traces.tables.differences import compared, difference
from launchlens.traces.tables.explained import parts
from launchlens.traces.tables.table import Table
from launchlens.traces.units import duration, interval, percent, signed_duration, times


def blocks(comparisons: Sequence[Comparison]) -> list[Block]:
    """A chapter per comparison."""
    return [_one(item) for item in comparisons]


def tables(comparisons: Sequence[Comparison]) -> list[Table]:
    """Every comparison in a row, the parts of the unprofiled differences, and the cells of the recorded ones."""
    known = [parts(comparisons)] if any(item.explained is not None for item in comparisons) else []
    return [compared(comparisons), *known, difference(comparisons)]


def _one(item: Comparison) -> Chapter:
    title = f"{item.b.variant} against {item.a.variant}, {item.a.regime}: {item.verdict.replace('-', ' ')}"
    said: list[Block] = [
        Paragraph(f"ratio {times(item.ratio.value)}, 95 % interval {interval(item.ratio.interval)}"),
        Paragraph(_side(item.a)),
        Paragraph(_side(item.b)),
        *(Paragraph(REASONS[code], "note") for code in item.reasons),
    ]
    if item.explained is not None:
        said.append(_unprofiled(item.explained, parts([item])))
    if item.difference_ns is not None:
        whole = f"profiled difference per iteration: {signed_duration(item.difference_ns)}"
        table = difference([item]).pick(whole, "host", "device", "ns", "interval_ns")
        shown = Shown(table, most=len(table))
        # beside what explains the user's run, what was recorded of another one is for those who look for it
        said.append(shown if item.explained is None else Fold("As recorded under the profiler", (shown,)))
    return Chapter(title, tuple(said))


def _unprofiled(found: ExplainedDifference, table: Table) -> Block:
    if not found.closes:
        worst = max(found.a.closure, found.b.closure)
        text = f"unprofiled difference: not explained, of one side {percent(worst)} of the time can’t be attributed"
        return Paragraph(text, "warning")
    title = f"unprofiled difference per iteration: {signed_duration(found.ns)}"
    return Shown(table.pick(title, "lane", "state", "ns", "interval_ns"), most=len(table))


def _side(side: Side) -> str:
    bounds = f" (95 % interval {interval(side.wall.interval, 1000)} µs)" if side.wall.interval else ""
    return f"{side.variant}: {duration(side.wall.value)} per iteration{bounds}, {side.bound}"
