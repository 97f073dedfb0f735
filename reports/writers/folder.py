"""Tables as a folder: each as NAME.csv and NAME.parquet, and `tables.json`, which says what they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from launchlens.reports.streams import clean
from launchlens.reports.writers.csv import csv
from launchlens.reports.writers.json import text
from launchlens.reports.writers.parquet import parquet
from launchlens.traces import files
from launchlens.traces.documents.tables import TABLES, TablesFile, tables_file
from launchlens.traces.tables.table import Table, TableError

#: No `tables.json` of ours is larger; one that is says nothing of what lies beside it.
_LARGEST = 2**24


def write(place: Path, tables: Sequence[Table]) -> None:
    """Write the tables to a folder that takes the place of what stood there, whole or not at all.

    Raises OSError where the system refuses, and TableError for two tables of one name.
    """
    names = [each.name for each in tables]
    if len(set(names)) < len(names):
        raise TableError(f"two tables have one name: {', '.join(names)}")
    # where `place` leads, as a link that is replaced would leave the folder behind it
    with files.writing(Path(os.path.realpath(place))) as folder:
        folder.mkdir()
        for each in tables:
            (folder / f"{each.name}.csv").write_text(clean(csv(each)), "utf-8", newline="")
            (folder / f"{each.name}.parquet").write_bytes(parquet(each))
        (folder / TABLES).write_text(text(tables_file(tables)) + "\n", "utf-8")


def free(place: Path, force: bool, source: Path) -> None:
    """Raise InputError where the tables may not be written: into the input, or over anything but tables written so before, forced."""
    files.free_folder(place, force, source, of="tables that launchlens wrote", holds=_written_before(place))


def _written_before(place: Path) -> frozenset[str]:
    """The names of the files that `tables.json` in a folder says launchlens wrote there; of a folder without one, none."""
    said = place / TABLES
    try:
        if not said.is_file() or said.stat().st_size > _LARGEST:
            return frozenset()
        known = msgspec.json.decode(said.read_bytes(), type=TablesFile)
    except (OSError, ValueError, RecursionError):  # not ours, or no longer what we wrote
        return frozenset()
    return frozenset({TABLES, *(f"{each.name}.{suffix}" for each in known.tables for suffix in ("csv", "parquet"))})
