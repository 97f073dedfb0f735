"""An export in SQLite: rows in chunks into int64 arrays, names into codes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from launchlens.traces.intervals import Ints
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys.connection import EXPORT_AGAIN, plain_tables
from launchlens.traces.readers.nsys.export import (
    NULL,
    STRINGS,
    ZERO_IS_NONE,
    Names,
    as_int,
    candidates,
    join_names,
)
from launchlens.traces.readers.nsys.file import opened
from launchlens.traces.readers.nsys.schema import Source

#: Rows at a time: larger chunks were slower (the tuples then fall out of the cache).
CHUNK = 2_000
_MOST_PARAMETERS = 900


@contextmanager
def opened_sqlite(path: Path) -> Iterator[SqliteExport]:
    """The export in the database `path`. Raises InputError as `nsys_file.opened` does."""
    with opened(path) as db:
        yield SqliteExport(path, db)


class SqliteExport:
    """An `Export`: see there."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path, self._db = path, db
        self.bytes = path.stat().st_size
        self.columns = tables(db)

    def rows_of(self, table: str) -> int:
        """Exports number their rows from 1 without gaps."""
        try:
            last: int | None = self._db.execute(f"SELECT max(rowid) FROM {quoted(table)}").fetchone()[0]
        except sqlite3.OperationalError:  # a table without row ids, which Nsight Systems does not write
            return 0
        return last or 0

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[object, ...]]:
        yield from self._db.execute(f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(table)}")

    def texts(self, ids: Sequence[int]) -> Iterator[tuple[int, object]]:
        if not {"id", "value"} <= self.columns.get(STRINGS, frozenset()):
            return
        for at in range(0, len(ids), _MOST_PARAMETERS):
            some = ids[at : at + _MOST_PARAMETERS]
            marks = ",".join("?" * len(some))
            yield from self._db.execute(f"SELECT id, value FROM {STRINGS} WHERE id IN ({marks})", some)

    def events(self, source: Source, names: Names, after_chunk: Callable[[int], None]) -> dict[str, Ints]:
        try:
            return self._events(source, names, after_chunk)
        except sqlite3.Error as error:
            what = f"is damaged: {error}"
            raise InputError(self._path, what, EXPORT_AGAIN, place=f"table {source.table}") from None

    def _events(self, source: Source, names: Names, after_chunk: Callable[[int], None]) -> dict[str, Ints]:
        has = self.columns[source.table]
        wanted = {ours: _expression(ours, theirs) for ours, theirs in candidates(source, has)}
        texts, ids = self._name_columns(source, has)
        if ids:
            wanted["name_id"] = f"coalesce({', '.join(map(quoted, ids))}, :null)"
        selected = [*wanted.values(), *([f"coalesce({', '.join(map(quoted, texts))}, NULL)"] if texts else [])]
        where = ""
        if source.event_types and "eventType" in has:
            where = f" WHERE eventType IN ({', '.join(map(str, source.event_types))})"
        query = f"SELECT {', '.join(selected)} FROM {quoted(source.table)}{where}"

        chunks: list[list[Ints]] = [[] for _ in selected]
        for rows in _in_chunks(self._db.execute(query, {"null": NULL})):
            values = list(zip(*rows, strict=True))
            for chunk, column in zip(chunks, values[: len(wanted)], strict=False):
                chunk.append(_ints(column))
            if texts:
                chunks[-1].append(names.codes_of_texts(values[-1]))
            after_chunk(len(rows))
        arrays = [np.concatenate(chunk) if chunk else np.empty(0, np.int64) for chunk in chunks]
        columns = dict(zip(wanted, arrays, strict=False))
        join_names(columns, arrays[-1] if texts else None, names)
        return columns

    def _name_columns(self, source: Source, has: frozenset[str]) -> tuple[list[str], list[str]]:
        """The name columns of a table that hold text, and those that hold ids, told by their first value.

        A text has to be told from an id by its type alone: a range may well be called "12".
        """
        texts: list[str] = []
        ids: list[str] = []
        for name in source.names:
            if name in has:
                query = f"SELECT typeof({quoted(name)}) FROM {quoted(source.table)} WHERE {quoted(name)} IS NOT NULL LIMIT 1"
                first = self._db.execute(query).fetchone()
                if first is not None:
                    (ids if first[0] == "integer" else texts).append(name)
        return texts, ids


def tables(db: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """The columns of each table (`plain_tables`). Raises sqlite3.Error for a damaged file."""
    found = {}
    for name in plain_tables(db):
        found[name] = frozenset(str(row[1]) for row in db.execute(f"PRAGMA table_info({quoted(name)})"))
    return found


def quoted(name: str) -> str:
    """`name` as an SQL identifier (`end` is a keyword)."""
    return '"' + name.replace('"', '""') + '"'


def _expression(ours: str, theirs: list[str]) -> str:
    """SQL for the first of `theirs` that is not NULL, else the first parameter (our NULL)."""
    columns = [f"nullif({quoted(name)}, 0)" if ours in ZERO_IS_NONE else quoted(name) for name in theirs]
    return f"coalesce({', '.join([*columns, ':null'])})"


def _in_chunks(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(CHUNK):
        yield rows


def _ints(values: tuple[Any, ...]) -> Ints:
    """One chunk of a column as int64; what is not a number becomes NULL."""
    try:
        return np.array(values, np.int64)
    except (TypeError, ValueError, OverflowError):
        return np.array([as_int(value) for value in values], np.int64)
