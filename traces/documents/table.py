"""A table in a document: its columns with unit and meaning, and its rows as objects."""

from __future__ import annotations

from typing import Annotated

from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.tables.table import Table

Cell = int | float | str | bool | list[float] | None


class ColumnOfTable(Structure, frozen=True, kw_only=True):
    """One column of a table."""

    name: Annotated[str, means("its key in each row")]
    unit: Annotated[str, means("its unit; empty for texts, counts, and what says its unit in another column")]
    meaning: Annotated[str, means("what it means")]


class TableOfTrace(Structure, frozen=True, kw_only=True):
    """One table. It has at least one row."""

    columns: Annotated[list[ColumnOfTable], means("its columns")]
    rows: Annotated[
        list[dict[str, Cell]],
        means(
            "its rows, in the order that its analysis says; a cell that the trace tells nothing of is null, an interval a list of two",
            key="name of the column",
        ),
    ]


def table_of(table: Table) -> TableOfTrace:
    """A table as documents hold it."""
    names = [column.name for column in table.columns]
    intervals = any(column.kind == "interval" for column in table.columns)
    return TableOfTrace(
        columns=[ColumnOfTable(name=column.name, unit=column.unit, meaning=column.meaning) for column in table.columns],
        rows=[
            dict(
                zip(
                    names,
                    [list(cell) if isinstance(cell, tuple) else cell for cell in row] if intervals else row,
                    strict=True,
                )
            )
            for row in table.rows()
        ],
    )
