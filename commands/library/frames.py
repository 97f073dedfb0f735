"""Tables as pandas frames that say their units: the one place where columns get the names that Python sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from launchlens.traces.tables.table import Column, Kind, Table

if TYPE_CHECKING:
    import pandas as pd

#: The word that the name of a column of each kind holds, so that it says its unit: shares and ratios count 1 as all and as equal.
WORDS: Mapping[Kind, str] = {"time": "ns", "size": "bytes", "share": "share", "ratio": "ratio"}


def named(column: Column) -> str:
    """The name of a column with its unit in it: as declared where it is there already, else behind it (`apart` is `apart_share`)."""
    word = WORDS.get(column.of or column.kind, "")
    return column.name if not word or word in column.name.split("_") else f"{column.name}_{word}"


def names(column: Column) -> tuple[str, ...]:
    """The columns of the frame: one, or the two ends of an interval, `NAME_low` and `NAME_high`."""
    name = named(column)
    return (f"{name}_low", f"{name}_high") if column.kind == "interval" else (name,)


def frame_of(table: Table, absent: str = "") -> pd.DataFrame:
    """A copy of the table's frame under these names.

    Its `attrs` say the `title`, in `meanings` what each column means, in `units` the unit of those that have one, and `absent` why
    there is no row, where the trace lacks what the table is made of.
    """
    pairs = [
        (part, name, column) for column in table.columns for part, name in zip(column.parts, names(column), strict=True)
    ]
    frame = table.frame.copy()
    frame.columns = [name for _, name, _ in pairs]
    frame.attrs = {
        "title": table.title,
        "meanings": {name: column.meaning for _, name, column in pairs},
        "units": {name: column.unit for _, name, column in pairs if column.unit},
    }
    if absent:
        frame.attrs["absent"] = absent
    return frame
