"""A cell of a table as people read it: number and unit by the kind of its column, whatever the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from launchlens.reports.words import figure
from launchlens.reports.words.codes import code_words
from launchlens.traces import units
from launchlens.traces.tables.table import Column, Kind, Table


def texts(table: Table, most: int | None = None, sums: frozenset[int] = frozenset()) -> list[list[str]]:
    """The first `most` rows of a table as texts, a cell per column; what is not summed is empty in rows of `sums`."""
    names = [column.name for column in table.columns]
    found = []
    for number, row in enumerate(table.rows(most)):
        said = [
            cell(column, value, _unit(column, names, row)) for column, value in zip(table.columns, row, strict=True)
        ]
        if number in sums:
            said = ["" if value is None else text for text, value in zip(said, row, strict=True)]
        found.append(said)
    return found


def cell(column: Column, value: Any, unit: str = "") -> str:
    """One cell; `unit` is that of a figure, which its row tells."""
    if value is None:
        return column.absent
    if column.kind == "interval":
        return _interval(column, value, unit)
    if column.shown_in:
        return _in_unit(column, value)
    if column.kind == "code":
        return code_words(column.name, str(value))
    return quantity(column.kind, value, unit, signed=column.signed)


def spelled(text: str) -> str:
    """A text for a file, `?` in it for halves of pairs: no encoding has a spelling for those."""
    return text.encode("utf-8", "replace").decode("utf-8")


def quantity(kind: Kind, value: Any, unit: str = "", *, signed: bool = False) -> str:
    """A value of some kind with its unit; a figure in the unit given."""
    match kind:
        case "name" | "text":
            return str(value)
        case "code":
            return str(value).replace("-", " ")
        case "flag":
            return "yes" if value else "no"
        case "time":
            return units.signed_duration(value) if signed else units.duration(value)
        case "share":
            return units.percent(value)
        case "ratio":
            return units.times(value)
        case "size":
            return units.size(value)
        case "count":
            return units.count(value)
        case "number":
            return units.number(value)
        case "figure":
            return figure.in_unit(value, unit)
    raise AssertionError(kind)


def _interval(column: Column, value: tuple[float, float], unit: str) -> str:
    low, high = value
    if column.signed and column.shown_in:
        return f"{_in_unit(column, low)} to {_in_unit(column, high)}"
    if column.signed:
        write = units.signed_duration if column.of == "time" else units.signed_number
        return f"{write(low)} – {write(high)}"
    if column.shown_in:
        return units.ends(low, high, _FACTORS[column.shown_in])
    if column.of == "figure":
        return figure.ends_in_unit(value, unit)
    if column.of == "ratio":
        return units.ends(low, high)
    return figure.ends_in_unit(value, {"time": "ns", "share": "share"}.get(str(column.of), ""))


_FACTORS: Mapping[str, float] = {"ns": 1, "µs": 1000}


def _in_unit(column: Column, value: float) -> str:
    number = value / _FACTORS[column.shown_in]
    sign = "+" if column.signed else ""
    return f"{number:{sign},.2f}" if column.shown_in == "µs" else f"{number:{sign},.0f}"


def _unit(column: Column, names: Sequence[str], row: Sequence[Any]) -> str:
    return str(row[names.index(column.unit_in)] or "") if column.unit_in else ""
