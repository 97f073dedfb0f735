"""An analysis of a trace that is added: the range that a host thread spent most time in."""

from __future__ import annotations

from launchlens.traces.documents.analysis import AnalysisDocument
from launchlens.traces.tables.table import Column, Table, table


def longest(document: AnalysisDocument) -> Table:
    """One row, none without ranges."""
    columns = (
        Column("name", "name", "the range"),
        Column("host_ns", "time", "time in it in all", title="host time"),
    )
    rows = [(row.name, row.host_ns) for row in document.ranges]
    return table("longest", "longest range", columns, sorted(rows, key=lambda row: -row[1])[:1])
