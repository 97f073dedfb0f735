"""Connections to a database that anybody may have made: nothing of it is run, and nothing it holds can keep SQLite busy for good."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from launchlens.traces.problems import InputError

EXPORT_AGAIN = "export it again: nsys export --type sqlite REPORT.nsys-rep"
#: Steps of SQLite's machine that a file may cost: the dearest export seen took 2 a byte. A page that is its own child costs
#: steps without end.
STEPS, STEPS_A_BYTE = 50_000_000, 20
#: After how many steps SQLite asks whether to go on.
_BETWEEN = 10_000
#: What a statement, and what it reads, may have of each; SQLite's own limits are for programs that trust their files.
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 64 << 20,  # bytes of a text or a row
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_COLUMN: 2_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 10,
    sqlite3.SQLITE_LIMIT_ATTACHED: 1,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
#: Exports have some hundred tables.
MOST_TABLES = 10_000
_PLAIN_TABLE = re.compile(r"CREATE TABLE\b", re.IGNORECASE)


class Guard:
    """Watches over the connections that one file is read with: how long they may run, and what ended them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._steps = STEPS + STEPS_A_BYTE * path.stat().st_size
        self._raised: BaseException | None = None
        self._spent = False
        self._answers = self._whether_to_stop()
        next(self._answers)

    def __call__(self, db: sqlite3.Connection) -> sqlite3.Connection:
        """`db`, guarded; text that is not UTF-8 is escaped, never an error."""
        db.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
        for limit, most in _LIMITS.items():
            db.setlimit(limit, most)
        db.set_progress_handler(self._answers.__next__, _BETWEEN)
        # a view or a default of a doctored file must not run functions of ours
        db.execute("PRAGMA trusted_schema = OFF")
        return db

    def _whether_to_stop(self) -> Iterator[int]:
        # a generator: what a signal raises is raised where it goes on, which is inside `try`; out of a function that SQLite
        # calls it would be lost
        try:
            for _ in range(self._steps // _BETWEEN + 1):
                yield 0
            self._spent = True
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001  raised again by `explained`
            self._raised = error
        while True:
            yield 1

    def explained(self, error: Exception) -> BaseException:
        """What to raise for what was raised while the file was read."""
        if self._raised is not None:
            return self._raised
        if self._spent:
            what = f"takes over {self._steps:,} steps to read, and no export of its size does"
            return InputError(self._path, what, EXPORT_AGAIN)
        if isinstance(error, InputError):
            return error
        # SQLite quotes the file, whatever its bytes are
        said = "what SQLite says of it is no text" if isinstance(error, UnicodeDecodeError) else error
        return InputError(self._path, f"is a damaged SQLite database: {said}", EXPORT_AGAIN)


@contextmanager
def guarded(path: Path) -> Iterator[Guard]:
    """A guard for the connections that the database `path` is read with in the block.

    Raises InputError for errors of SQLite, and for what takes too long; Ctrl-C passes through, also while SQLite runs.
    """
    guard = Guard(path)
    try:
        yield guard
    except (sqlite3.Error, UnicodeDecodeError, InputError) as error:
        raise guard.explained(error) from None


def plain_tables(db: sqlite3.Connection, schema: str = "main") -> list[str]:
    """The names of the tables that hold rows of their own, SQLite's own left out. Raises sqlite3.Error for a damaged file.

    Views and virtual tables run what the file says, which may never end.
    """
    rows = db.execute(
        f"SELECT name, sql FROM {schema}.sqlite_master WHERE type = 'table' AND rootpage > 0 LIMIT {MOST_TABLES + 1}"
    ).fetchall()
    if len(rows) > MOST_TABLES:
        raise sqlite3.DatabaseError(f"it has over {MOST_TABLES:,} tables")
    return [str(name) for name, sql in rows if _PLAIN_TABLE.match(str(sql)) and not str(name).startswith("sqlite_")]
