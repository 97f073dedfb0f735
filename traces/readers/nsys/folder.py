"""A folder of tables, as `nsys export --type parquetdir` writes it: which it is, and which of its files are read.

A folder is untrusted like a file: what a table is told by is a plain file of the table's own name in the folder itself.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys.schema import is_mark
from launchlens.traces.readers.reader import Seen

SUFFIX = ".parquet"
EXPORT_AGAIN = "export it again: nsys export --type parquetdir REPORT.nsys-rep"


def holds_tables(names: Iterable[str], suffix: str = SUFFIX) -> bool:
    """Whether a folder with files of these names has a table of Nsight Systems among them."""
    return any(name.endswith(suffix) and is_mark(name.removesuffix(suffix)) for name in names)


def refuse_other_forms(seen: Seen) -> None:
    """Raise InputError for one table of such a folder, by its name or by what nsys wrote into it, and for Arrow's tables."""
    if seen.names is not None:
        if holds_tables(seen.names, ".arrow") and not holds_tables(seen.names):
            what = "is a folder of Arrow tables"
            raise InputError(seen.path, what, "nsys export --type parquetdir makes one that can be read")
    elif seen.head.startswith(b"PAR1"):
        from launchlens.traces.parquet import metadata_of

        named = holds_tables([seen.path.name])
        if named or b"table_name" in (metadata_of(seen.path) or {}):
            what = "is one table of an Nsight Systems export"
            raise InputError(seen.path, what, f"give the folder that holds it and the others: {seen.path.parent}")


def tables(path: Path) -> dict[str, Path]:
    """The file of each table in the folder `path`, links resolved.

    Raises InputError for a folder that holds no table of Nsight Systems, and for a table that is a link out of the
    folder, or no plain file.
    """
    found = {}
    try:
        home = path.resolve(strict=True)
        for name, file in _files(path):
            real = file.resolve()
            if not real.is_relative_to(home):
                raise InputError(
                    path, f"{file.name} is a link that leads out of the folder", "put the table itself there"
                )
            if not stat.S_ISREG(real.stat().st_mode):
                raise InputError(path, f"{file.name} is not a regular file", EXPORT_AGAIN)
            found[name] = real
    except (OSError, RuntimeError) as error:  # pathlib's error for links in a circle
        why = getattr(error, "strerror", None) or error
        raise InputError(path, f"can't be read: {why}", "check the folder and its permissions") from None
    if not any(map(is_mark, found)):
        what = "is a folder, not a trace: it holds no table of an Nsight Systems export"
        raise InputError(path, what, "give a trace file, or the folder that nsys export --type parquetdir wrote")
    return found


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """The parquet files of a folder by the name of their table, in the order of these names."""
    for file in sorted(path.iterdir()):
        if file.suffix == SUFFIX:
            yield file.stem, file
