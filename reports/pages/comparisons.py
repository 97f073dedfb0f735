"""Comparisons named on a command line: each its verdict, the reasons, and the parts of the difference."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.blocks import Block, Chapter, Paragraph, Shown
from launchlens.reports.words.units import duration, interval, signed_duration, times
from launchlens.traces.studies.compare import REASONS, Comparison
from launchlens.traces.studies.side import Side
from launchlens.traces.tables.differences import compared, difference
from launchlens.traces.tables.table import Table


def blocks(comparisons: Sequence[Comparison]) -> list[Block]:
    """A chapter per comparison."""
    return [_one(item) for item in comparisons]


def tables(comparisons: Sequence[Comparison]) -> list[Table]:
    """Every comparison in a row, and the cells of all differences."""
    return [compared(comparisons), difference(comparisons)]


def _one(item: Comparison) -> Chapter:
    title = f"{item.b.variant} against {item.a.variant}, {item.a.regime}: {item.verdict.replace('-', ' ')}"
    said: list[Block] = [
        Paragraph(f"ratio {times(item.ratio.value)}, 95 % interval {interval(item.ratio.interval)}"),
        Paragraph(_side(item.a)),
        Paragraph(_side(item.b)),
        *(Paragraph(REASONS[code], "note") for code in item.reasons),
    ]
    if item.difference_ns is not None:
        whole = f"profiled difference per iteration: {signed_duration(item.difference_ns)}"
        table = difference([item]).pick(whole, "host", "device", "ns", "interval_ns")
        said.append(Shown(table, most=len(table)))
    return Chapter(title, tuple(said))


def _side(side: Side) -> str:
    bounds = interval(side.wall.interval, 1000)
    return f"{side.variant}: {duration(side.wall.value)} per iteration (95 % interval {bounds} µs), {side.bound}"
