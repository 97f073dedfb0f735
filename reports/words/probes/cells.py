"""Cells of a probe's tables as text."""

from __future__ import annotations

from launchlens.traces.captures.probes import Cell
from launchlens.traces.units import number


def cell_text(it: Cell) -> str:
    """A cell of a probe's table; `–` where there is nothing. Whole numbers keep their digits, as times in ns do."""
    if it is None:
        return "–"
    if isinstance(it, bool):
        return "yes" if it else "no"
    return it if isinstance(it, str) else number(it)
