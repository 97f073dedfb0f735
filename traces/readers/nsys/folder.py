"""A folder of tables, as `nsys export --type parquetdir` writes it: which it is, and which of its files are read.

A folder is untrusted like a file: what a table is told by is a plain file of the table's own name in the folder itself.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from launchlens.traces.captures.capture import MANIFEST
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys.schema import is_mark

SUFFIX = ".parquet"
EXPORT_AGAIN = "export it again: nsys export --type parquetdir REPORT.nsys-rep"


def is_folder_of_tables(path: Path) -> bool:
    """Whether `path` is a folder with a table of Nsight Systems in it, and no capture of ours."""
    try:
        return path.is_dir() and not (path / MANIFEST).exists() and any(is_mark(name) for name, _ in _files(path))
    except (OSError, ValueError):  # a name with a null character is a ValueError
        return False


def refuse_table(path: Path, metadata: Mapping[bytes, bytes]) -> None:
    """Raise InputError for a parquet file that is one table of such a folder, by its name or by what nsys wrote into it."""
    if (path.suffix == SUFFIX and is_mark(path.stem)) or b"table_name" in metadata:
        what = "is one table of an Nsight Systems export"
        raise InputError(path, what, f"give the folder that holds it and the others: {path.parent}")


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
        raise _no_tables(path)
    return found


def _no_tables(path: Path) -> InputError:
    if any(is_mark(file.stem) for file in path.glob("*.arrow")):
        return InputError(
            path, "is a folder of Arrow tables", "nsys export --type parquetdir makes one that can be read"
        )
    return InputError(
        path,
        "is a folder, not a trace: it holds no table of an Nsight Systems export",
        "give a trace file, or the folder that nsys export --type parquetdir wrote",
    )


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """The parquet files of a folder by the name of their table, in the order of these names."""
    for file in sorted(path.iterdir()):
        if file.suffix == SUFFIX:
            yield file.stem, file
