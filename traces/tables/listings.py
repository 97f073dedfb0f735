"""Tables of what a machine can do: variants, probes, what is installed; and of what a scrub removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from launchlens.traces.documents.analysis_list import ListedAnalysis
from launchlens.traces.documents.doctor import CheckRow
from launchlens.traces.documents.probe_list import ListedProbe
from launchlens.traces.documents.variants import VariantRow
from launchlens.traces.tables.table import Column, Table, table
from launchlens.traces.thresholds import Threshold


def variants(rows: Iterable[VariantRow]) -> Table:
    """A row per variant of every workload."""
    columns = (
        Column("workload", "code", "the workload that it is a way of doing"),
        Column("variant", "name", "its name"),
        Column("needs", "text", "what it needs, apart from Python"),
        Column("regimes", "text", "regimes that it can be measured in"),
        Column("says", "text", "what it does, in a line", title="what it does"),
        Column("part_of", "name", "the variant whose work this one does only a part of"),
    )
    made = [
        [row.workload, row.name, ", ".join(row.needs), ", ".join(row.regimes), row.says, row.part_of] for row in rows
    ]
    return table("variants", "", columns, made)


def probe_list(rows: Iterable[ListedProbe]) -> Table:
    """A row per probe that can be run."""
    columns = (
        Column("probe", "code", "its name"),
        Column("asks", "text", "the question"),
        Column("needs", "text", "what it needs"),
    )
    return table("probes", "", columns, [[row.name, row.asks, ", ".join(row.needs)] for row in rows])


def analysis_list(rows: Iterable[ListedAnalysis]) -> Table:
    """A row per analysis that a trace can be put to."""
    columns = (
        Column("analysis", "code", "its name, as --show takes it"),
        Column("asks", "text", "the question"),
    )
    return table("analyses", "", columns, [[row.name, row.asks] for row in rows])


def checks(rows: Iterable[CheckRow]) -> Table:
    """A row per thing that launchlens can use."""
    columns = (
        Column("what", "name", "what was looked for"),
        Column("here", "text", "its version, or that it is missing"),
        Column("gives", "text", "what it gives"),
        Column("get", "text", "how to get it, where it is missing", title="how to get it"),
    )
    made = [[row.name, row.version or "found" if row.found else "missing", row.gives, row.get] for row in rows]
    return table("checks", "", columns, made)


def removed(counts: Mapping[str, int]) -> Table:
    """What was taken out of a trace, and how often."""
    columns = (Column("removed", "text", "what was taken out"), Column("count", "count", "how often"))
    return table("removed", "", columns, counts.items())


def kept_texts(counts: Mapping[str, int]) -> Table:
    """What a copy of a trace holds as text, and how often."""
    columns = (Column("kept", "text", "where the text stands, or what it names"), Column("count", "count", "how many"))
    return table("kept", "kept as text", columns, counts.items())


def thresholds(found: Iterable[Threshold]) -> Table:
    """Every number that a verdict hangs on, with its reason."""
    columns = (
        Column("name", "code", "what it is called"),
        Column("value", "number", "its value", whole=False),
        Column("unit", "text", "its unit; nothing for a count"),
        Column("reason", "text", "why it is what it is"),
    )
    rows = [[each.name, each.value, each.unit, each.reason] for each in found]
    return table("thresholds", "thresholds", columns, rows)
