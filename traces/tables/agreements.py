"""The table `agreement`: the same blocks by several recorders, and how far apart they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launchlens.traces.studies.study import Study
from launchlens.traces.tables.table import Column, Table, table

_UNITS = {"ns": "ns", "×": "ratio", "": ""}


def agreement(study: Study) -> Table:
    """A row per side and figure, a column per recorder; empty for a capture of one recorder."""
    found = study.agreement
    collectors = list(dict.fromkeys(name for row in found for name in row.values))
    columns = [
        Column("variant", "name", "what was recorded"),
        Column("regime", "code", "eager or graph"),
        Column("figure", "text", "what is compared: a median over blocks"),
        Column("unit", "code", "its unit: ns, ratio, or nothing for a count", hint="unit"),
    ]
    columns += [
        Column(_plain(name), "figure", f"the figure by the collector {name}", title=name, unit_in="unit", absent="–")
        for name in collectors
    ]
    columns += [
        Column("apart", "share", "the largest relative difference from the first", title="apart", absent="–"),
        Column("verdict", "code", "agree, differ (which it may), or amiss: differs and must not", title=""),
    ]

    def rows() -> Iterator[list[Any]]:
        for row in found:
            values = [row.values[name].value if name in row.values else None for name in collectors]
            verdict = "amiss" if row.amiss else row.verdict
            yield [row.variant, row.regime, row.metric.says, _UNITS[row.metric.unit], *values, row.apart, verdict]

    return table("agreement", "Recorders compared", columns, rows())


def _plain(name: str) -> str:
    """A collector's name as the name of a column."""
    return "".join(character if character.isalnum() else "_" for character in name.lower())
