"""Copies an Nsight Systems export without what names its machine or its user: a new database of what is known to be safe.

Nothing is deleted from a copy: tables, columns and texts are copied one by one when they are on a list, so that no freed
page, index or view of the old file can come along.
"""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

from launchlens.traces.readers.nsys.connection import guarded, plain_tables
from launchlens.traces.readers.nsys.file import opened
from launchlens.traces.readers.nsys.payloads import ENTRIES
from launchlens.traces.readers.nsys.sqlite import quoted
from launchlens.traces.scrub.nsys import (
    NAME_IDS,
    OF_ENTRIES,
    OVERHEADS,
    REDUCED,
    SOME_ROWS,
    by_name_ids,
    keeps_table,
    number_columns,
    number_in,
    reduced_by,
    text_columns,
)
from launchlens.traces.scrub.text import Removed, is_hardware_id, without_paths
from launchlens.traces.trace import Progress

#: SQLite's codes for a place that can't be written; any other error is a fault of the input.
_CANT_WRITE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def copy(path: Path, output: Path, removed: Removed, *, progress: Progress | None = None) -> None:
    """Write what may stay of the export `path` to the new file `output`; count the rest in `removed`.

    Raises InputError for a file that is no whole SQLite database, OSError when `output` can't be written.
    """
    with opened(path) as source, guarded(path) as guard:
        # with a write-ahead log beside it, the file that is read is not `path`
        place = Path(os.fsdecode(source.execute("SELECT CAST(file AS BLOB) FROM pragma_database_list").fetchone()[0]))
        db = sqlite3.connect(output, isolation_level=None, uri=True)
        try:
            guard(db)
            for table, (_, keeps_row) in SOME_ROWS.items():
                db.create_function(f"keeps_row_of_{table}", 2, keeps_row, deterministic=True)
            db.create_function("number_in", 1, number_in, deterministic=True)
            # the file is renamed into place when whole: a journal would only be another copy of what it holds
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.execute("ATTACH DATABASE ? AS old", (f"{place.absolute().as_uri()}?mode=ro&immutable=1",))
            for (table, name), reduced in reduced_by(_entries(db)).items():
                db.create_function(f"reduced_{table}_{name}", 1, reduced, deterministic=True)
            db.execute("BEGIN")
            _copy(db, removed, path.stat().st_size, progress)
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in _CANT_WRITE:
                raise OSError(0, str(error)) from None
            raise
        finally:
            db.close()


def _entries(db: sqlite3.Connection) -> list[tuple[object, object, object, object]]:
    """The fields of the payloads of NVTX ranges, where the export tells them."""
    columns = {str(row[1]) for row in db.execute(f"PRAGMA old.table_info({ENTRIES})")}
    if not set(OF_ENTRIES) <= columns:
        return []
    texts = ", ".join(_as_blob(quoted(name)) for name in OF_ENTRIES)
    return db.execute(f"SELECT {texts} FROM old.{ENTRIES}").fetchall()


def _copy(db: sqlite3.Connection, removed: Removed, size: int, progress: Progress | None) -> None:
    names = plain_tables(db, "old")
    kept: dict[str, list[str]] = {}
    for number, table in enumerate(names):
        if not keeps_table(table):
            removed[f"rows of {table}"] += _count(db, f"SELECT count(*) FROM old.{quoted(table)}")
        elif table != "StringIds":
            kept[table] = _copy_table(db, table, removed)
        if progress is not None:
            progress(size * number // len(names), size)
    if "StringIds" in names:
        _copy_strings(db, kept, removed)
        kept["StringIds"] = ["value"]
    for table, columns in kept.items():
        for name in columns:
            texts = f"SELECT count(*) FROM main.{quoted(table)} WHERE typeof({quoted(name)}) = 'text'"
            removed.kept[f"{table}.{name}"] += _count(db, texts)


def _copy_table(db: sqlite3.Connection, table: str, removed: Removed) -> list[str]:
    """Copy one table, of texts only those on the list; returns its columns."""
    # columns (cid, name, type, notnull, default, pk): numbers may have taken the place of texts, so none is NOT NULL
    columns = [(str(row[1]), str(row[2])) for row in db.execute(f"PRAGMA old.table_info({quoted(table)})")]
    declared = ", ".join(f"{quoted(name)} {_type(kind)}" for name, kind in columns)
    db.execute(f"CREATE TABLE main.{quoted(table)} ({declared})")
    values = []
    for name, _ in columns:
        column = quoted(name)
        if is_hardware_id(name):
            removed[f"{table}.{name}"] += _count(db, f"SELECT count({column}) FROM old.{quoted(table)}")
            values.append("NULL")
        elif (table, name) in REDUCED:
            values.append(f"reduced_{table}_{name}({_as_blob(column)})")
        elif name in text_columns(table):
            values.append(column)
        else:
            number = "NULL"
            if name in number_columns(table):
                number = f"CASE typeof({column}) WHEN 'text' THEN number_in(CAST({column} AS BLOB)) END"
            texts = f"SELECT count(*) FROM old.{quoted(table)} WHERE typeof({column}) IN ('text', 'blob')"
            removed[f"{table}.{name}"] += _count(db, f"{texts} AND length({column}) > 0 AND {number} IS NULL")
            values.append(f"CASE WHEN typeof({column}) IN ('integer', 'real') THEN {column} ELSE {number} END")
    where = ""
    if table in SOME_ROWS:
        (by, of), _ = SOME_ROWS[table]
        told = {by, of} <= {name for name, _ in columns}
        first, second = map(_as_blob, (by, of))
        kept = f"keeps_row_of_{table}({first}, {second})" if told else "0"
        where = f" WHERE {kept}"
        removed[f"rows of {table}"] += _count(db, f"SELECT count(*) FROM old.{table} WHERE NOT {kept}")
    db.execute(f"INSERT INTO main.{quoted(table)} SELECT {', '.join(values)} FROM old.{quoted(table)}{where}")
    return [name for name, _ in columns]


def _as_blob(column: str) -> str:
    """A column with its texts as blobs: SQLite gives no text that is not UTF-8 to a function."""
    return f"iif(typeof({column}) = 'text', CAST({column} AS BLOB), {column})"


def _type(declared: str) -> str:
    """The declared type, if it is but a word: it decides how values are stored."""
    return declared if re.fullmatch(r"[A-Za-z]+", declared) else ""


def _copy_strings(db: sqlite3.Connection, kept: dict[str, list[str]], removed: Removed) -> None:
    """Copy the strings that rows of the copy refer to by id; what only overheads refer to, without paths."""
    columns = {str(row[1]) for row in db.execute("PRAGMA old.table_info(StringIds)")}
    db.execute("CREATE TABLE main.StringIds (id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL)")
    if not {"id", "value"} <= columns:
        return
    db.execute("CREATE TEMP TABLE used (id INTEGER PRIMARY KEY, named INTEGER)")
    for table in by_name_ids(kept):
        for column in NAME_IDS & set(kept[table]):
            name = quoted(column)
            db.execute(
                f"INSERT OR IGNORE INTO used SELECT DISTINCT {name}, ? FROM main.{quoted(table)} WHERE typeof({name}) = 'integer'",
                (int(table not in OVERHEADS),),
            )
    db.execute(
        "INSERT OR IGNORE INTO main.StringIds SELECT id, value FROM old.StringIds"
        " WHERE id IN (SELECT id FROM used WHERE named) AND value IS NOT NULL"
    )
    others = "SELECT id, CAST(value AS BLOB) FROM old.StringIds WHERE id IN (SELECT id FROM used WHERE NOT named)"
    for number, value in db.execute(others).fetchall():
        text, count = without_paths((value or b"").decode("utf-8", "backslashreplace"))
        removed["paths in the names of overheads"] += count
        db.execute("INSERT OR IGNORE INTO main.StringIds VALUES (?, ?)", (number, text))
    before = _count(db, "SELECT count(*) FROM old.StringIds")
    removed["strings that nothing kept refers to"] += before - _count(db, "SELECT count(*) FROM main.StringIds")
    db.execute("DROP TABLE temp.used")


def _count(db: sqlite3.Connection, query: str) -> int:
    return int(db.execute(query).fetchone()[0])
