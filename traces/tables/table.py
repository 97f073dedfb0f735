"""Tables: what an analysis or a report finds, as columns that say their unit and what they mean.

A table holds numbers, never text made of numbers. Terminal, HTML, Markdown, CSV, parquet and JSON are writers of it
(`reports/writers/`): each knows kinds of columns and no table. What is absent is null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

#: What the cells of a column are:
#:   name      a name out of a trace or capture: a kernel, a range, a variant, a file; may be long
#:   text      words of ours
#:   code      a word out of a closed set, as scripts read it: a state, a verdict, a severity
#:   time      ns
#:   share     a part of 1
#:   ratio     1 is equal
#:   count     how many; whole or, per iteration, not
#:   size      bytes
#:   flag      yes or no
#:   number    a number whose unit its heading says
#:   figure    a number in the unit that the column `Column.unit_in` of the same row names (`ns`, `ratio`, `share`, or what is counted)
#:   interval  two ends, `Column.of` says of what kind; its frame columns are NAME_low and NAME_high
Kind = Literal[
    "name", "text", "code", "time", "share", "ratio", "count", "size", "flag", "number", "figure", "interval"
]

#: The unit of each kind as scripts are told it; of a figure the row says it.
UNITS: Mapping[Kind, str] = {"time": "ns", "share": "of 1", "ratio": "of 1", "size": "bytes"}
_TEXTS = frozenset({"name", "text", "code"})
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class TableError(ValueError):
    """A table that is not what its columns say: a bug in what made it, not a fault of the input."""


@dataclass(frozen=True)
class Column:
    """One column: its name for scripts, what its cells are, and what they mean in a sentence.

    `title` is its heading for people (its name where it has none) and `absent` what they read where a cell is null.
    `whole` numbers are integers (times and sizes are unless they are means). `shown_in` fixes the unit that people read a
    column of times in (`µs`); without it each cell has its own. `signed` numbers are differences. A column `beside` another
    belongs to the one before it, and stands in its cells where there is room; `bar` columns are drawn as well, as shares of the
    largest. A `hint` is no column for people: it is the unit of figures, or a page shows it as the row's title, or as
    where the row leads to.
    """

    name: str
    kind: Kind
    meaning: str
    title: str = ""
    absent: str = ""
    whole: bool = True
    shown_in: Literal["", "ns", "µs"] = ""
    signed: bool = False
    of: Kind | None = None
    unit_in: str = ""
    beside: bool = False
    bar: bool = False
    hint: Literal["", "title", "anchor", "unit"] = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise TableError(f"column name {self.name!r} is not lower case with underscores")
        if not self.meaning:
            raise TableError(f"column {self.name} does not say what it means")
        if (self.kind == "interval") != (self.of is not None):
            raise TableError(f"column {self.name}: an interval, and nothing else, is of a kind")
        if "figure" in (self.kind, self.of) and not self.unit_in:
            raise TableError(f"column {self.name}: figures need the column that holds their unit")

    @property
    def heading(self) -> str:
        """What people read above the column."""
        return self.title or self.name.replace("_", " ")

    @property
    def unit(self) -> str:
        """The unit that scripts are told; empty for what has none or says it in another column."""
        return UNITS.get(self.of or self.kind, "")

    @property
    def is_number(self) -> bool:
        """Whether cells are numbers, which people read aligned on the right."""
        return self.kind not in _TEXTS and self.kind != "flag"

    @property
    def parts(self) -> tuple[str, ...]:
        """The columns of the frame that hold it."""
        return (f"{self.name}_low", f"{self.name}_high") if self.kind == "interval" else (self.name,)

    @property
    def dtype(self) -> str:
        """The pandas dtype of its parts; all of them take nulls."""
        if self.kind in _TEXTS:
            return "object"
        if self.kind == "flag":
            return "boolean"
        kind = self.of or self.kind
        return "Int64" if self.whole and kind in ("time", "count", "size") else "Float64"


@dataclass(frozen=True)
class Pivot:
    """How people read a table crosswise: a row per value of `rows`, a column per value of `columns`, with sums.

    Where `group` is a column as well, each of its values has rows of its own, and a row that sums them.
    """

    rows: str
    columns: str
    values: str
    group: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows under declared columns. `name` is for scripts, `title` stands above it for people.

    `frame` has the parts of every column and nothing else. `order` says in words how the rows are sorted (`by host time`):
    people are shown the first of many. `total`: the last row is the sum of the others.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    order: str = ""
    total: bool = False
    pivot: Pivot | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise TableError(f"table name {self.name!r} is not lower case with underscores")
        expected = [part for column in self.columns for part in column.parts]
        if list(self.frame.columns) != expected:
            raise TableError(f"table {self.name} has columns {list(self.frame.columns)}, not {expected}")
        wanted = [column.dtype for column in self.columns for _ in column.parts]
        for part, found, dtype in zip(expected, map(str, self.frame.dtypes.tolist()), wanted, strict=True):
            if found != dtype:
                raise TableError(f"table {self.name}: {part} is {found}, not {dtype}")
        units = {column.unit_in for column in self.columns if column.unit_in}
        missing = units - {column.name for column in self.columns}
        if missing:
            raise TableError(f"table {self.name} lacks the column of units {sorted(missing)}")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The frame of a table that was made of plain rows (`of_plain_rows`), when it is first asked for."""
            if name != "frame" or "_plain_rows" not in self.__dict__:
                raise AttributeError(name)
            made = table(self.name, self.title, self.columns, self.__dict__["_plain_rows"]).frame
            object.__setattr__(self, "frame", made)
            return made

    def __len__(self) -> int:
        plain = self.__dict__.get("_plain_rows")
        return len(self.frame if plain is None else plain)

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def rows(self, most: int | None = None) -> list[tuple[Any, ...]]:
        """The first `most` rows (all without) as plain Python cells: an interval is a pair, what is absent None."""
        plain = self.__dict__.get("_plain_rows")
        if plain is not None:
            return list(plain[:most])
        frame = self.frame if most is None else self.frame.iloc[:most]
        parts = {str(name): _plain(values.array) for name, values in frame.items()}
        cells = []
        for column in self.columns:
            values = [parts[name] for name in column.parts]
            if column.kind == "interval":
                pairs = zip(*values, strict=True)
                cells.append([None if low is None or high is None else (low, high) for low, high in pairs])
            else:
                cells.append(values[0])
        return list(zip(*cells, strict=True))

    def pick(self, title: str, *names: str) -> Table:
        """These columns of the table, in this order, under another title."""
        return self._of(tuple(self.column(name) for name in names), title)

    def without(self, names: Iterable[str]) -> Table:
        """The table less these columns."""
        left_out = set(names)
        return self._of(tuple(column for column in self.columns if column.name not in left_out), self.title)

    def _of(self, columns: tuple[Column, ...], title: str) -> Table:
        frame = self.frame[[part for column in columns for part in column.parts]]
        return replace(self, title=title, columns=columns, frame=frame)

    def exact(self, *names: str) -> Table:
        """The table with these columns of times read in whole ns, so that a reader can add them up."""
        columns = tuple(
            replace(column, shown_in="ns", title=f"{column.heading}, ns") if column.name in names else column
            for column in self.columns
        )
        return replace(self, columns=columns)

    def first_of_each(self, name: str, most: int) -> Table:
        """At most `most` rows, the first ones, for each value of this column."""
        frame = self.frame.groupby(name, sort=False, dropna=False).head(most).reset_index(drop=True)
        return replace(self, frame=frame)

    def summed(self, *names: str) -> Table:
        """The table with a last row that sums these columns; its first column calls it `sum`."""
        sums = {name: self.frame[name].sum() for name in names}
        first = self.columns[0].name
        last = [sums.get(column.name, "sum" if column.name == first else None) for column in self.columns]
        return table(self.name, self.title, self.columns, [*self.rows(), last], total=True, notes=self.notes)

    def only(self, title: str, **values: str | bool) -> Table:
        """The rows in which these columns hold these values, without the columns, under another title."""
        keep = np.ones(len(self.frame), bool)
        for name, value in values.items():
            keep &= (self.frame[name] == value).fillna(False).to_numpy(bool)
        columns = tuple(column for column in self.columns if column.name not in values)
        frame = self.frame.loc[keep, [part for column in columns for part in column.parts]].reset_index(drop=True)
        return replace(self, title=title, columns=columns, frame=frame)


def table(
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    *,
    order: str = "",
    total: bool = False,
    pivot: Pivot | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """A table made of rows, each with a cell per column: None where absent, an interval as (low, high).

    Raises TableError for a row of another length, and for a cell that its column can't hold.
    """
    cells: list[list[Any]] = [[] for column in columns for _ in column.parts]
    for row in rows:
        if len(row) != len(columns):
            raise TableError(f"table {name}: a row of {len(row)} cells under {len(columns)} columns")
        at = 0
        for column, cell in zip(columns, row, strict=True):
            if column.kind == "interval":
                low, high = (None, None) if cell is None else cell
                cells[at].append(low)
                cells[at + 1].append(high)
                at += 2
            else:
                cells[at].append(cell)
                at += 1
    import pandas as pd

    parts = [(column, part) for column in columns for part in column.parts]
    data = {part: _array(name, column, values) for (column, part), values in zip(parts, cells, strict=True)}
    frame = pd.DataFrame(data, columns=[part for _, part in parts])
    return Table(name, title, tuple(columns), frame, order, total, pivot, tuple(notes))


def of_structures(
    name: str, title: str, columns: Sequence[Column], rows: Iterable[object], *, order: str = ""
) -> Table:
    """A table of structures that have a field of each column's name, as those of a document have."""
    return table(name, title, columns, [[getattr(row, each.name) for each in columns] for row in rows], order=order)


def of_plain_rows(name: str, title: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Table:
    """As `table`, of rows that hold what their columns give back: texts, whole numbers where these are whole, floats and None. It is a frame only
    when one is asked for, so that few rows are shown without bringing in pandas. Raises TableError for a row of another length.
    """
    made = object.__new__(Table)
    kept = [tuple(row) for row in rows]
    for row in kept:
        if len(row) != len(columns):
            raise TableError(f"table {name}: a row of {len(row)} cells under {len(columns)} columns")
    values = {
        "name": name,
        "title": title,
        "columns": tuple(columns),
        "order": "",
        "total": False,
        "pivot": None,
        "notes": (),
    }
    for field_name, value in (values | {"_plain_rows": kept}).items():
        object.__setattr__(made, field_name, value)
    return made


def of_frame(
    name: str,
    title: str,
    columns: Sequence[Column],
    frame: pd.DataFrame,
    *,
    order: str = "",
    pivot: Pivot | None = None,
) -> Table:
    """A table of a frame that has (at least) the columns' parts, each brought to its dtype. For many rows."""
    import pandas as pd

    data = {part: _array(name, column, frame[part]) for column in columns for part in column.parts}
    return Table(name, title, tuple(columns), pd.DataFrame(data), order, pivot=pivot)


def _array(name: str, column: Column, values: Any) -> Any:
    import pandas as pd

    if column.dtype == "object":
        found = pd.array(list(values), dtype=object)
        found[pd.isna(found)] = None
        return pd.Series(found, dtype=object)
    try:
        return pd.array(values, dtype=column.dtype)
    except (TypeError, ValueError) as error:
        raise TableError(f"table {name}: column {column.name}: {error}") from None


def _plain(values: pd.api.extensions.ExtensionArray) -> list[Any]:
    """Cells as Python's own numbers and texts, None where null."""
    cells = values.tolist()
    if values.dtype == object:
        cells = [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
    absent = values.isna()
    return [None if gone else cell for cell, gone in zip(cells, absent, strict=True)] if absent.any() else cells
