"""A table as CSV: a line per row, a column per number, nulls empty, and no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv as standard

from launchlens.reports.writers.cells import spelled
from launchlens.traces.tables.table import Table

#: A text that begins so is a formula to Excel and LibreOffice (OWASP, "CSV Injection"); or with the apostrophe itself, which has
#: one before it too, so that a reader may take one off wherever a text begins with one.
_BEHIND_AN_APOSTROPHE = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def csv(table: Table) -> str:
    """The table as text, header first: the names of its columns, an interval's as NAME_low and NAME_high."""
    lines = _Lines()
    # with both in the terminator, a cell that holds either is quoted
    writer = standard.writer(lines, lineterminator="\r\n")
    parts = [part for column in table.columns for part in column.parts]
    writer.writerow(parts)
    writer.writerows(zip(*([_safe(value) for value in table.cells(part)] for part in parts), strict=True))
    return "".join(f"{line}\n" for line in lines.lines)


class _Lines:
    """The lines that a csv writer writes, without their ends."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line.removesuffix("\r\n"))


def _safe(value: object) -> object:
    """A text that would be a formula behind an apostrophe, which spreadsheets take for the sign of a text; numbers as they are."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return spelled(f"'{value}" if value.startswith(_BEHIND_AN_APOSTROPHE) else value)
    return value
