"""The table `difference`: what makes one side slower than another, cell by cell of the account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.document import as_recorded
from launchlens.traces.tables.accounts import DEVICE, HOST
from launchlens.traces.tables.table import Column, Table, table


def difference(comparisons: Iterable[Comparison]) -> Table:
    """A row per comparison and cell, largest first; those of a comparison sum to its difference."""
    columns = (
        Column("regime", "code", "eager or graph"),
        Column("a", "name", "the side compared with"),
        Column("b", "name", "the side compared"),
        HOST,
        DEVICE,
        Column(
            "ns",
            "time",
            "what b spends more in this cell, per iteration of the recorded run",
            title="difference",
            signed=True,
        ),
        Column(
            "interval_ns",
            "interval",
            "95 % interval of its mean over blocks; null where they are not paired",
            of="time",
            title="95 % interval",
            signed=True,
            absent="no interval",
        ),
    )
    title = "The difference cell by cell, per iteration"
    return table("difference", title, columns, _rows(comparisons), order="largest first")


def _rows(comparisons: Iterable[Comparison]) -> Iterator[list[Any]]:
    for item in comparisons:
        recorded = as_recorded(item)
        for part in recorded.parts if recorded else ():
            yield [item.b.regime, item.a.variant, item.b.variant, part.host, part.device, part.ns, part.interval_ns]


def compared(comparisons: Iterable[Comparison]) -> Table:
    """A row per comparison: both times, the ratio and the verdict."""
    columns = (
        Column("regime", "code", "eager, graph, or recorded for ranges of a trace"),
        Column("a", "name", "the side compared with"),
        Column("b", "name", "the side compared"),
        Column("a_ns", "time", "time of one iteration of a, median", title="a takes", whole=False),
        Column("b_ns", "time", "time of one iteration of b, median", title="b takes", whole=False),
        Column("ratio", "ratio", "b's time over a's"),
        Column(
            "ratio_interval",
            "interval",
            "95 % interval of that ratio",
            of="ratio",
            title="95 % interval",
            absent="no interval",
        ),
        Column("verdict", "code", "faster, slower, equivalent, no-difference-shown or not-comparable"),
        Column("reasons", "text", "codes of the reasons"),
    )
    rows = []
    for item in comparisons:
        ratio = item.ratio
        rows.append([item.b.regime, item.a.variant, item.b.variant, item.a.wall.value, item.b.wall.value, ratio.value,
                     ratio.interval, item.verdict, ", ".join(item.reasons)])  # fmt: skip
    return table("comparisons", "comparisons", columns, rows)
