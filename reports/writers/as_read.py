"""A table as people read it: without columns that are hints for a page, and crosswise where it asks for that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from launchlens.reports.writers import cells
from launchlens.traces.tables.table import Column, Table, table


@dataclass(frozen=True)
class Read:
    """A table to print: its columns, the texts of its first rows, how many rows there are, and which of them are sums."""

    columns: tuple[Column, ...]
    rows: list[list[str]]
    there: int
    sums: frozenset[int]


def as_read(it: Table, most: int) -> Read:
    """The first `most` rows of a table for people; of one with a sum, or crosswise, all rows."""
    whole, sums = laid_out(it)
    rows = cells.texts(whole, None if sums else most, sums)
    columns: list[Column] = []
    texts: list[list[str]] = [[] for _ in rows]
    for at in told(whole, rows):
        column = whole.columns[at]
        if column.beside and columns and columns[-1].kind == "code" and not column.is_number:
            # what a code is about: `part of` and the name
            for mine, row in zip(texts, rows, strict=True):
                mine[-1] = f"{mine[-1]} {row[at]}".strip()
            continue
        columns.append(column)
        for mine, row in zip(texts, rows, strict=True):
            mine.append(row[at])
    return Read(tuple(columns), texts, len(whole), sums)


def laid_out(it: Table) -> tuple[Table, frozenset[int]]:
    """The table in the shape in which it is read, and which of its rows are sums of others."""
    if it.pivot is not None:
        return _crosswise(it)
    return it, frozenset({len(it) - 1} if it.total else ())


def told(it: Table, rows: Sequence[Sequence[str]]) -> list[int]:
    """The columns that tell people something: no hints, and none that is empty in every row."""
    return [
        at
        for at, column in enumerate(it.columns)
        if not column.hint and (column.absent or not rows or any(row[at] for row in rows))
    ]


def title(it: Table, shown: int, there: int, *, bare: bool = False) -> str:
    """The title of a table (none of a `bare` one), with how many of its rows are shown where those are not all."""
    name = "" if bare else it.title
    if there <= shown:
        return name
    count = f"{shown:,} of {there:,}{f', {it.order}' if it.order else ''}"
    return f"{name} ({count})" if name else count


def _crosswise(it: Table) -> tuple[Table, frozenset[int]]:
    """The table that `it.pivot` asks for: a row per value of its first column, with a sum row and a sum column.

    Rows and columns stand in the order in which `it` meets them; a cell that it doesn't have is empty.
    """
    assert it.pivot is not None
    down, across, values = (it.column(name) for name in (it.pivot.rows, it.pivot.columns, it.pivot.values))
    names = [column.name for column in it.columns]
    at = [names.index(column.name) for column in (down, across, values)]
    apart = names.index(it.pivot.group) if it.pivot.group else None
    groups: dict[Any, dict[tuple[Any, Any], Any]] = {}
    for row in it.rows():
        group = groups.setdefault(None if apart is None else row[apart], {})
        group[row[at[0]], row[at[1]]] = row[at[2]]
    top = list(dict.fromkeys(device for group in groups.values() for _, device in group))
    columns = [down] if apart is None else [it.columns[apart], down]
    for index, value in enumerate(top):
        heading = across.absent if value is None else str(value)
        columns.append(replace(values, name=f"value_{index}", title=heading, absent=""))
    columns.append(replace(values, name="sum", title="sum", absent=""))
    columns.append(Column("share", "share", "its share of the whole", absent=""))
    rows: list[list[Any]] = []
    sums = set()
    for name, group in groups.items():
        rows += [row if apart is None else [name, *row] for row in _with_sums(group, top)]
        sums.add(len(rows) - 1)
    return table(it.name, it.title, columns, rows), frozenset(sums)


def _with_sums(cells: dict[tuple[Any, Any], Any], top: Iterable[Any]) -> list[list[Any]]:
    """Rows of one account: each row's cells, their sum and its share of the whole, and last the sums of the columns."""
    total = sum(cells.values())
    rows: list[list[Any]] = []
    for host in dict.fromkeys(host for host, _ in cells):
        mine = [cells.get((host, device)) for device in top]
        whole = sum(value for value in mine if value is not None)
        rows.append([host, *mine, whole, whole / total if total else None])
    sums = [[value for (_, device), value in cells.items() if device == each] for each in top]
    # a state that this account never met, but another one did, has no sum either
    rows.append(["sum", *(sum(values) if values else None for values in sums), total, None])
    return rows
