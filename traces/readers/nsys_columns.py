"""Columns out of SQLite: rows in chunks into int64 arrays, names into codes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.readers.nsys_schema import Source, quoted

#: Stands for SQL's NULL inside this reader's int64 arrays; the event table turns it into real nulls.
NULL = np.iinfo(np.int64).min
#: Rows at a time: larger chunks were slower (the tuples then fall out of the cache).
CHUNK = 2_000
#: Columns in which the oldest exports, unable to store NULL, wrote 0 for "none".
_ZERO_IS_NONE = {"correlation", "graph", "graph_node"}
_MOST_PARAMETERS = 900


class Names:
    """The names met so far, each once: `known[code]` is the text. Ids are looked up in StringIds when first met."""

    #: What an event is called whose name the export does not hold: it is kept, its time is real.
    NONE = "(no name)"

    def __init__(self, db: sqlite3.Connection, has_strings: bool) -> None:
        self._db = db
        self._has_strings = has_strings
        self._codes = _Codes()
        self._by_id: dict[int, int] = {}

    @property
    def known(self) -> list[str]:
        return list(self._codes)

    def code(self, text: str) -> int:
        return self._codes[text]

    def codes_of_texts(self, texts: Sequence[object]) -> Ints:
        """Codes of a chunk of a text column, -1 for NULL and for the empty text."""
        return np.array([self._codes[text] if text else -1 for text in map(_as_text, texts)], np.int64)

    def codes_of_ids(self, ids: Ints) -> Ints:
        """Codes of ids into StringIds, -1 where the export holds no text for one."""
        which, unique = pd.factorize(ids)
        new = [int(number) for number in unique if number != NULL and int(number) not in self._by_id]
        if self._has_strings:
            for at in range(0, len(new), _MOST_PARAMETERS):
                some = new[at : at + _MOST_PARAMETERS]
                marks = ",".join("?" * len(some))
                query = f"SELECT id, value FROM StringIds WHERE id IN ({marks})"
                for number, value in self._db.execute(query, some):
                    text = _as_text(value)
                    if text is not None:
                        self._by_id[number] = self._codes[text]
        codes = np.array([self._by_id.get(int(number), -1) for number in unique], np.int64)
        return codes[which] if len(codes) else np.empty(0, np.int64)


class _Codes(dict[str, int]):
    """Text -> code, a new one for a text not met before."""

    def __missing__(self, text: str) -> int:
        self[text] = code = len(self)
        return code


def _as_text(value: object) -> str | None:
    """A value of a text column as text; SQLite lets any column hold anything."""
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def read_table(
    db: sqlite3.Connection,
    source: Source,
    has: frozenset[str],
    names: Names,
    after_chunk: Callable[[int], None],
) -> dict[str, Ints]:
    """The columns of one table that `source` asks for and the table has: int64, NULL where absent, of one length.

    A `name` column holds codes of `names`, -1 where the export has none. `after_chunk` is told the rows of each chunk.
    `has` are the columns that the table has; `start` and `end` must be among them.
    """
    wanted = {
        ours: _expression(ours, present)
        for ours, candidates in source.columns.items()
        if (present := [theirs for theirs in candidates if theirs in has])
    }
    texts, ids = _name_columns(db, source, has)
    if ids:
        wanted["name_id"] = f"coalesce({', '.join(map(quoted, ids))}, :null)"
    selected = [*wanted.values(), *([f"coalesce({', '.join(map(quoted, texts))}, NULL)"] if texts else [])]
    where = ""
    if source.event_types and "eventType" in has:
        where = f" WHERE eventType IN ({', '.join(map(str, source.event_types))})"
    query = f"SELECT {', '.join(selected)} FROM {quoted(source.table)}{where}"

    chunks: list[list[Ints]] = [[] for _ in selected]
    for rows in _in_chunks(db.execute(query, {"null": NULL})):
        values = list(zip(*rows, strict=True))
        for chunk, column in zip(chunks, values[: len(wanted)], strict=False):
            chunk.append(_ints(column))
        if texts:
            chunks[-1].append(names.codes_of_texts(values[-1]))
        after_chunk(len(rows))
    arrays = [np.concatenate(chunk) if chunk else np.empty(0, np.int64) for chunk in chunks]
    columns = dict(zip(wanted, arrays, strict=False))
    _join_names(columns, arrays[-1] if texts else None, names)
    return columns


def rows_of(db: sqlite3.Connection, table: str) -> int:
    """About how many rows `table` has, without reading it (exports number their rows from 1 without gaps)."""
    try:
        last: int | None = db.execute(f"SELECT max(rowid) FROM {quoted(table)}").fetchone()[0]
    except sqlite3.OperationalError:  # a table without row ids, which Nsight Systems does not write
        return 0
    return last or 0


def _expression(ours: str, candidates: list[str]) -> str:
    """SQL for the first of `candidates` that is not NULL, else the first parameter (our NULL)."""
    columns = [f"nullif({quoted(name)}, 0)" if ours in _ZERO_IS_NONE else quoted(name) for name in candidates]
    return f"coalesce({', '.join([*columns, ':null'])})"


def _name_columns(db: sqlite3.Connection, source: Source, has: frozenset[str]) -> tuple[list[str], list[str]]:
    """The name columns of a table that hold text, and those that hold ids, told by their first value.

    A text has to be told from an id by its type alone: a range may well be called "12".
    """
    texts: list[str] = []
    ids: list[str] = []
    for name in source.names:
        if name in has:
            query = (
                f"SELECT typeof({quoted(name)}) FROM {quoted(source.table)} WHERE {quoted(name)} IS NOT NULL LIMIT 1"
            )
            first = db.execute(query).fetchone()
            if first is not None:
                (ids if first[0] == "integer" else texts).append(name)
    return texts, ids


def _in_chunks(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(CHUNK):
        yield rows


def _ints(values: tuple[Any, ...]) -> Ints:
    """One chunk of a column as int64; what is not a number becomes NULL."""
    try:
        return np.array(values, np.int64)
    except (TypeError, ValueError, OverflowError):
        return np.array([_int(value) for value in values], np.int64)


def _int(value: object) -> int:
    try:
        number = int(value) if isinstance(value, int | float | str) else NULL
    except (ValueError, OverflowError):  # "NaN" and other text, an infinite REAL
        return NULL
    return number if abs(number) < -NULL else NULL


def _join_names(columns: dict[str, Ints], texts: Ints | None, names: Names) -> None:
    """Replace `name_id` by `name`: the code of the text where there is one, else of what the id stands for."""
    ids = columns.pop("name_id", None)
    if texts is None and ids is None:
        return
    codes = np.full(len(columns["start"]), -1, np.int64) if texts is None else texts
    if ids is not None:
        codes = np.where(codes >= 0, codes, names.codes_of_ids(ids))
    columns["name"] = codes
