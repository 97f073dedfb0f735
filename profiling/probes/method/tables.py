"""Tables of what a probe measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from launchlens.traces.captures.probes import Cell, ColumnKind, ProbeTable


def of_rows(title: str, columns: Mapping[str, ColumnKind], rows: Iterable[tuple[Cell, ...]]) -> ProbeTable:
    """A table under columns whose kinds are given. Raises ValueError for a row of another length."""
    made = tuple(rows)
    if any(len(row) != len(columns) for row in made):
        raise ValueError(f"the table {title!r} has a row of another length")
    return ProbeTable(title, tuple(columns), made, tuple(columns.values()))
