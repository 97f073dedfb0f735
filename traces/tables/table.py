"""Tables: what an analysis or a report finds, as columns that say their unit and what they mean.

A table holds numbers, never text made of numbers. Terminal, HTML, Markdown, CSV, parquet and JSON are writers of it
(`reports/writers/`): each knows kinds of columns and no table. What is absent is null.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from launchlens.traces.tables.rows import Rows

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
#: Rows of which a table holds plain cells: of more they would take more room than their columns do.
FEW = 10_000
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

    What shows few rows asks for plain cells, and most tables have few rows: one that was made of cells (`table`, `of_rows`) holds
    these, shares them with its parts, and has a frame, which takes longer to make than to print, only once somebody asks for it.
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
        self._check_declared()
        expected = _parts(self.columns)
        if list(self.frame.columns) != expected:
            raise TableError(f"table {self.name} has columns {list(self.frame.columns)}, not {expected}")
        wanted = [column.dtype for column in self.columns for _ in column.parts]
        for part, found, dtype in zip(expected, map(str, self.frame.dtypes.tolist()), wanted, strict=True):
            if found != dtype:
                raise TableError(f"table {self.name}: {part} is {found}, not {dtype}")
        vars(self).update(_cells={}, _length=len(self.frame))

    def _check_declared(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise TableError(f"table name {self.name!r} is not lower case with underscores")
        units = {column.unit_in for column in self.columns if column.unit_in}
        missing = units - {column.name for column in self.columns}
        if missing:
            raise TableError(f"table {self.name} lacks the column of units {sorted(missing)}")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The frame of a table that was made of plain cells, when it is first asked for."""
            if name != "frame" or "_cells" not in vars(self):
                raise AttributeError(name)
            import pandas as pd

            index = pd.RangeIndex(self._length)
            data = {part: _filled(column, self._cells[part], index) for column in self.columns for part in column.parts}
            made = pd.DataFrame(data, index=index, copy=False)
            vars(self)["frame"] = made
            return made

    def __len__(self) -> int:
        length: int = vars(self)["_length"]
        return length

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)

    def cells(self, part: str, most: int | None = None) -> Sequence[Any]:
        """The first `most` cells (all without) of a part of a column as Python's own numbers and texts, None where absent."""
        kept: dict[str, list[Any]] = vars(self)["_cells"]
        if part in kept:
            return kept[part] if most is None else kept[part][:most]
        if len(self) > FEW:
            return _plain(self.frame[part].array[:most])
        kept[part] = _plain(self.frame[part].array)
        return self.cells(part, most)

    def rows(self, most: int | None = None) -> list[tuple[Any, ...]]:
        """The first `most` rows (all without) as plain Python cells: an interval is a pair, what is absent None."""
        cells: list[Sequence[Any]] = []
        for column in self.columns:
            values = [self.cells(part, most) for part in column.parts]
            if column.kind == "interval":
                pairs = zip(*values, strict=True)
                cells.append([None if low is None or high is None else (low, high) for low, high in pairs])
            else:
                cells.append(values[0])
        return list(zip(*cells, strict=True))

    def changed(self, **fields: Any) -> Table:
        """As dataclasses.replace, with the same rows: fields other than the frame. `columns` have the same parts, or some of them."""
        made = object.__new__(Table)
        vars(made).update(vars(self), **fields)
        made._check_declared()
        return made

    def pick(self, title: str, *names: str) -> Table:
        """These columns of the table, in this order, under another title."""
        return self._of(tuple(self.column(name) for name in names), title)

    def without(self, names: Iterable[str]) -> Table:
        """The table less these columns."""
        left_out = set(names)
        return self._of(tuple(column for column in self.columns if column.name not in left_out), self.title)

    def _of(self, columns: tuple[Column, ...], title: str) -> Table:
        made = self.changed(title=title, columns=columns)
        if "frame" in vars(self):
            vars(made)["frame"] = self.frame[_parts(columns)]
        return made

    def exact(self, *names: str) -> Table:
        """The table with these columns of times read in whole ns, so that a reader can add them up."""
        columns = tuple(
            replace(column, shown_in="ns", title=f"{column.heading}, ns") if column.name in names else column
            for column in self.columns
        )
        return self.changed(columns=columns)

    def with_cells(self, name: str, cells: Sequence[Any]) -> Table:
        """The table with other cells in one column, which is no interval. Raises TableError where it can't hold them."""
        kept = {part: self.cells(part) for part in _parts(self.columns)}
        return self._of_cells(self.columns, kept | {name: _held(self.name, self.column(name), list(cells))})

    def where(self, keep: Iterable[bool]) -> Table:
        """The rows for which `keep` says so."""
        return self._where(self.columns, list(keep))

    def _where(self, columns: tuple[Column, ...], keep: Sequence[bool]) -> Table:
        return self._of_cells(
            columns, {part: list(compress(self.cells(part), keep)) for part in _parts(columns)}, sum(keep)
        )

    def _of_cells(
        self, columns: tuple[Column, ...], cells: Mapping[str, Sequence[Any]], length: int | None = None
    ) -> Table:
        more = (self.order, self.total, self.pivot, self.notes)
        return _made(self.name, self.title, columns, cells, len(self) if length is None else length, *more)

    def first_of_each(self, name: str, most: int) -> Table:
        """At most `most` rows, the first ones, for each value of this column."""
        seen: Counter[Any] = Counter()
        keep = []
        for value in self.cells(name):
            seen[value] += 1
            keep.append(seen[value] <= most)
        return self.where(keep)

    def summed(self, *names: str) -> Table:
        """The table with a last row that sums these columns; its first column calls it `sum`."""
        sums = {name: _sum(self.cells(name)) for name in names}
        first = self.columns[0].name
        last = [sums.get(column.name, "sum" if column.name == first else None) for column in self.columns]
        return table(self.name, self.title, self.columns, [*self.rows(), last], total=True, notes=self.notes)

    def only(self, title: str, **values: str | bool) -> Table:
        """The rows in which these columns hold these values, without the columns, under another title."""
        asked = [self.cells(name) for name in values]
        wanted = tuple(values.values())
        keep = [row == wanted for row in zip(*asked, strict=True)] if asked else [True] * len(self)
        columns = tuple(column for column in self.columns if column.name not in values)
        return self._where(columns, keep).changed(title=title)


def _parts(columns: Iterable[Column]) -> list[str]:
    return [part for column in columns for part in column.parts]


def _made(
    name: str,
    title: str,
    columns: tuple[Column, ...],
    cells: Mapping[str, Sequence[Any]],
    length: int,
    order: str = "",
    total: bool = False,
    pivot: Pivot | None = None,
    notes: tuple[str, ...] = (),
) -> Table:
    """A table of the cells of each part, which their columns hold."""
    made = object.__new__(Table)
    vars(made).update(name=name, title=title, columns=columns, order=order, total=total, pivot=pivot, notes=notes)
    vars(made).update(_cells=dict(cells), _length=length)
    made._check_declared()
    return made


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
    parts = [(column, part) for column in columns for part in column.parts]
    cells: list[list[Any]] = [[] for _ in parts]
    length = 0
    for length, row in enumerate(rows, 1):  # noqa: B007  how many there are
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
    held = {part: _held(name, column, values) for (column, part), values in zip(parts, cells, strict=True)}
    return _made(name, title, tuple(columns), held, length, order, total, pivot, tuple(notes))


def of_structures(
    name: str, title: str, columns: Sequence[Column], rows: Iterable[object], *, order: str = ""
) -> Table:
    """A table of structures that have a field of each column's name, as those of a document have."""
    return table(name, title, columns, [[getattr(row, each.name) for each in columns] for row in rows], order=order)


def of_frame(
    name: str,
    title: str,
    columns: Sequence[Column],
    frame: pd.DataFrame | Rows,
    *,
    order: str = "",
    pivot: Pivot | None = None,
) -> Table:
    """A table of a frame that has (at least) the columns' parts, each brought to its dtype. For many rows."""
    import pandas as pd

    data = {part: _array(name, column, frame[part]) for column in columns for part in column.parts}
    return Table(name, title, tuple(columns), pd.DataFrame(data), order, pivot=pivot)


def of_rows(
    name: str, title: str, columns: Sequence[Column], rows: Rows, *, order: str = "", pivot: Pivot | None = None
) -> Table:
    """A table of what was found, which has (at least) the columns' parts, each brought to its dtype."""
    if len(rows) > FEW:
        return of_frame(name, title, columns, rows, order=order, pivot=pivot)
    cells = {}
    for column in columns:
        for part in column.parts:
            values = rows[part]
            plain = values.tolist() if isinstance(values, np.ndarray) else values
            if isinstance(values, np.ndarray) and values.dtype.kind == "f":
                plain = [None if isnan(each) else each for each in plain]
            elif not isinstance(plain, list):
                plain = _plain(values)
            cells[part] = _held(name, column, plain, values)
    return _made(name, title, tuple(columns), cells, len(rows), order, pivot=pivot)


def of_cells(name: str, title: str, columns: Sequence[Column], cells: Mapping[str, list[Any]]) -> Table:
    """A table of lists of cells, None where absent, of (at least) the columns' parts. For what was a table before.

    Raises TableError where a part is no list, where they are not of one length, and for a cell that its column can't hold.
    """
    import pandas as pd

    parts = {part: column for column in columns for part in column.parts}
    lengths = {len(cells[part]) if isinstance(cells[part], list) else -1 for part in parts} or {0}
    if len(lengths) > 1 or lengths == {-1}:
        raise TableError(f"table {name}: its columns are not of one length")
    (length,) = lengths
    if length > FEW:
        return of_frame(name, title, columns, pd.DataFrame({part: cells[part] for part in parts}, dtype=object))
    held = {part: _held(name, column, cells[part]) for part, column in parts.items()}
    return _made(name, title, tuple(columns), held, length)


#: The kinds of cells that a column of each dtype holds as they are.
_HELD: Mapping[str, frozenset[type]] = {
    "object": frozenset({str, type(None)}),
    "boolean": frozenset({bool, type(None)}),
    "Int64": frozenset({int, type(None)}),
    "Float64": frozenset({float, int, type(None)}),
}
_LEAST, _MOST = -(2**63), 2**63 - 1


def _held(name: str, column: Column, cells: list[Any], values: Any = None) -> list[Any]:
    """Cells as a column holds them: Python's own numbers and texts, None where absent; `values` are the same as they were given.

    Raises TableError for a cell that it can't hold. Pandas, which knows of many kinds of numbers and of nothing, is asked only where
    there is another kind than a column has: it takes longer for a column of a few cells than all else that is done with it.
    """
    kinds = set(map(type, cells))
    if kinds <= _HELD[column.dtype]:
        if int in kinds:
            numbers = [cell for cell in cells if cell is not None]
            if _LEAST <= min(numbers) and max(numbers) <= _MOST:
                return cells if column.dtype == "Int64" else [None if each is None else float(each) for each in cells]
        elif float not in kinds or not any(map(isnan, filter(None, cells))):
            return cells
    return _plain(_array(name, column, cells if values is None else values).array)


def _array(name: str, column: Column, values: Any) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype == "object":
        found = pd.array(list(values), dtype=object)
        found[pd.isna(found)] = None
        return pd.Series(found, dtype=object)
    try:
        return pd.Series(pd.array(values, dtype=column.dtype))
    except (TypeError, ValueError) as error:
        raise TableError(f"table {name}: column {column.name}: {error}") from None


def _filled(column: Column, cells: Sequence[Any], index: pd.RangeIndex) -> Any:
    """Cells that a column holds (`_held`) as a column of a frame: pandas, which looks what cells are, takes five times as long."""
    import pandas as pd

    if column.dtype == "object":
        return pd.Series(np.fromiter(cells, object, len(cells)), index, object)
    absent = np.fromiter((cell is None for cell in cells), bool, len(cells))
    if column.dtype == "boolean":
        return pd.arrays.BooleanArray(np.fromiter(map(bool, cells), bool, len(cells)), absent)
    values = [cell or 0 for cell in cells] if absent.any() else cells
    if column.dtype == "Int64":
        return pd.arrays.IntegerArray(np.array(values, np.int64), absent)
    return pd.arrays.FloatingArray(np.array(values, np.float64), absent)


def _sum(cells: Sequence[Any]) -> int | float:
    """The sum of those that are there, as pandas adds them up."""
    there = [cell is not None for cell in cells]
    found: int | float = np.sum(np.array([cell or 0 for cell in cells]), where=np.array(there, bool)).item()
    return found


def _plain(values: pd.api.extensions.ExtensionArray) -> list[Any]:
    """Cells as Python's own numbers and texts, None where null."""
    import pandas as pd

    # pandas' own list of a numpy array holds numpy's numbers
    cells = (values.to_numpy() if isinstance(values, pd.arrays.NumpyExtensionArray) else values).tolist()
    if values.dtype == object:
        cells = [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
    absent = values.isna()
    return [None if gone else cell for cell, gone in zip(cells, absent, strict=True)] if absent.any() else cells
