"""A table as CSV: a line per row, a column per number, nulls empty, and no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv as standard
import io

from launchlens.traces.tables.table import Table

#: A text that begins so is a formula to Excel and LibreOffice (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv(table: Table) -> str:
    """The table as text, header first: the names of its columns, an interval's as NAME_low and NAME_high."""
    out = io.StringIO()
    writer = standard.writer(out, lineterminator="\n")
    frame = table.frame
    writer.writerow(frame.columns)
    columns = []
    for name in frame.columns:
        absent = frame[name].isna().to_numpy()
        values = frame[name].to_numpy(dtype=object, na_value=None)
        columns.append(["" if gone else _safe(value) for value, gone in zip(values, absent, strict=True)])
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()


def _safe(value: object) -> object:
    """A text that would be a formula behind an apostrophe, which spreadsheets take for the sign of a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value
