"""Opening an Nsight Systems sqlite export, so that nothing on the disk changes: not the file, nor what lies beside it.

SQLite opens a damaged file gladly and fails in the middle, or not at all; what can be told from the header is told here.
"""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys.connection import EXPORT_AGAIN, guarded

#: The first bytes of every SQLite database.
MAGIC = b"SQLite format 3\x00"
#: The first bytes of a rollback journal that still has to be played back (https://www.sqlite.org/fileformat2.html).
_HOT_JOURNAL = bytes.fromhex("d9d505f920a163d7")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to `path`, guarded (`launchlens.traces.readers.nsys.connection`) and closed at the end.

    Raises InputError for what is not a whole SQLite database, and for one that is still being written. Errors of
    SQLite itself inside the block (a damaged page) become InputErrors as well.
    """
    _check_header(path)
    _check_journal(path)
    with _at_rest(path) as source:
        try:
            # immutable: no locks, and no -shm file made beside the export
            connection = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        except sqlite3.Error as error:
            raise InputError(path, f"can't be opened: {error}", "check the path and its permissions") from None
        with closing(connection), guarded(path) as guard:
            yield guard(connection)


def _check_header(path: Path) -> None:
    if path.is_dir():
        raise InputError(path, "is a folder, not an export", "give the .sqlite file")
    try:
        with open(path, "rb") as file:
            head = file.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(
            path, f"can't be read: {error.strerror or error}", "check the path and its permissions"
        ) from None
    if not head.startswith(MAGIC):
        raise InputError(path, "is not a SQLite database, or an encrypted one", EXPORT_AGAIN)
    if len(head) < 100:
        raise InputError(path, "ends within its header", EXPORT_AGAIN)
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    # the page count is valid only where the two counters agree; SQLite would miss a cut in pages it does not visit
    whole = (65536 if page == 1 else page) * pages
    if head[24:28] == head[92:96] and size < whole:
        raise InputError(path, f"is cut short: {size} of {whole} bytes", EXPORT_AGAIN)


def _check_journal(path: Path) -> None:
    """Raise InputError where a transaction was left open: the pages of the file alone would be a mixture."""
    journal = path.with_name(path.name + "-journal")
    try:
        if not stat.S_ISREG(journal.stat().st_mode):  # a pipe would wait for somebody to write
            return
        with open(journal, "rb") as file:
            hot = file.read(8) == _HOT_JOURNAL
    except OSError:
        return
    if hot:
        raise InputError(
            path,
            f"is still being written, or its export was interrupted ({journal.name} lies beside it)",
            "wait for the export to end, or " + EXPORT_AGAIN,
        )


def has_log(path: Path) -> bool:
    """Whether another program left a write-ahead log beside the database."""
    try:
        return _log(path).stat().st_size > 0
    except OSError:
        return False


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


@contextmanager
def _at_rest(path: Path) -> Iterator[Path]:
    """`path`, or where another program left a write-ahead log beside it, a copy of both with the log merged.

    Reading the log in place would make SQLite write its index (-shm) beside the export; ignoring the log would miss
    rows. Nsight Systems itself never leaves one.
    """
    log = _log(path)
    if not has_log(path):
        yield path
        return
    with TemporaryDirectory(prefix="launchlens-") as folder:
        copy = Path(folder) / "export.sqlite"
        try:
            shutil.copyfile(path, copy)
            shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
            merging = sqlite3.connect(copy)
        except OSError as error:
            raise InputError(
                path, f"can't be copied together with {log.name}: {error.strerror or error}", "free some disk space"
            ) from None
        try:
            merging.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise InputError(path, f"can't be merged with {log.name}: {error}", EXPORT_AGAIN) from None
        finally:
            merging.close()
        yield copy
