"""Copies a trace without what names the machine it came from or its user, and proves that the analysis is the same.

Names of kernels and ranges stay as they are: analyses tell events by them, and a range's name is its author's own text.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from launchlens.traces.analysis import analyze, to_json
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys.folder import SUFFIX, is_folder_of_tables
from launchlens.traces.scrub import kineto as scrub_kineto
from launchlens.traces.scrub import parquet as scrub_parquet
from launchlens.traces.scrub import sqlite as scrub_sqlite
from launchlens.traces.scrub import tables as scrub_tables
from launchlens.traces.scrub.text import Removed, without_paths
from launchlens.traces.trace import Progress, Trace, open_trace

FORMAT = "launchlens.scrub/1"
#: The one problem that may become rarer: odd JSON goes with the text that held it.
_MAY_SHRINK = "replaced-bad-json"


@dataclass(frozen=True)
class Scrubbed:
    """What was done: which file became which, of what size in bytes, and what was `removed`, a count by phrase.

    `paths_in_names` counts the different names of ranges and kernels that hold a path; they were kept.
    """

    source: Path
    output: Path
    recorded_by: str
    bytes: int
    removed: dict[str, int]
    paths_in_names: int

    def to_json(self) -> dict[str, Any]:
        """As `scrub --json` prints it; the names of the two files, not where they lie."""
        return {
            "format": FORMAT,
            "source": self.source.name,
            "output": self.output.name,
            "recorded_by": self.recorded_by,
            "bytes": self.bytes,
            "verified": "the analyses of both files are equal",
            "removed": [{"what": what, "count": count} for what, count in self.removed.items()],
            "paths_in_names": self.paths_in_names,
        }


def scrub(path: Path, output: Path, *, force: bool = False, progress: Progress | None = None) -> Scrubbed:
    """Write a copy of `path` to `output` that names no machine and no user, when its analysis is that of `path`.

    Of a folder of an Nsight Systems export's tables the copy is a folder as well.
    The input is never altered, and `output` appears whole or not at all. Raises InputError when `path` can't be read as
    a trace, when `output` is `path`, or exists and `force` was not given, or can't be written.
    """
    if is_folder_of_tables(path):
        _check_folders(path, output, force)
        return _into_place(path, output, lambda copy, removed: _trace(path, copy, removed, progress))
    _check_places(path, output, force)
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputError(path, f"can't be read: {error.strerror or error}", "check the path") from None
    if head.startswith(b"PAR1") and not scrub_parquet.is_recording(path):
        return _into_place(path, output, lambda copy, removed: _parquet(path, copy, removed))
    return _into_place(path, output, lambda copy, removed: _trace(path, copy, removed, progress))


def _check_places(path: Path, output: Path, force: bool) -> None:
    if path.is_dir():
        raise InputError(path, "is a folder, not a trace", "scrub the files in it one by one")
    if output.is_dir():
        raise InputError(output, "is a folder", "give --output the name of a file")
    if output.exists():
        if path.exists() and output.samefile(path):
            raise InputError(output, "is the input itself, which is never altered", "give --output another name")
        if not force:
            raise InputError(output, "exists already", "pass --force to overwrite it")


def _check_folders(path: Path, output: Path, force: bool) -> None:
    """Where a folder of tables may be copied to: a place of its own, an empty folder, or with `force` another such copy."""
    if output.exists() and not output.is_dir():
        raise InputError(output, "is a file", "the copy of a folder is a folder: give --output the name of one")
    source, place = Path(os.path.realpath(path)), Path(os.path.realpath(output))
    if place.is_relative_to(source) or source.is_relative_to(place):
        raise InputError(output, "is the input itself, which is never altered, or in it", "give --output another name")
    held = list(output.iterdir()) if output.is_dir() else []
    if held and not force:
        raise InputError(output, "exists already", "pass --force to overwrite it")
    if any(each.suffix != SUFFIX or not each.is_file() for each in held):
        raise InputError(output, "holds other files than tables, which are not overwritten", "give another name")


def _into_place(path: Path, output: Path, make: Callable[[Path, Removed], tuple[str, int]]) -> Scrubbed:
    """Make the copy in a folder beside its place, and rename it there when all is done."""
    removed = Removed()
    try:
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".scrub-") as folder:
            copy = Path(folder) / output.name
            recorded_by, paths_in_names = make(copy, removed)
            size = sum(file.stat().st_size for file in (copy.iterdir() if copy.is_dir() else [copy]))
            _replace(copy, output, Path(folder) / "before")
    except OSError as error:
        raise InputError(output, f"can't be written: {error.strerror or error}", "give another place") from None
    return Scrubbed(path, output, recorded_by, size, dict(+removed), paths_in_names)


def _replace(made: Path, output: Path, aside: Path) -> None:
    """Rename `made` to `output`; a folder takes the place of none but an empty one, so that another goes to `aside` first."""
    if output.is_dir() and any(output.iterdir()):
        os.replace(output, aside)
        try:
            os.replace(made, output)
        except OSError:
            os.replace(aside, output)
            raise
    else:
        os.replace(made, output)


def _trace(path: Path, copy: Path, removed: Removed, progress: Progress | None) -> tuple[str, int]:
    before = open_trace(path, progress=progress)
    expected = _comparable(before)
    if path.is_dir():
        scrub_tables.copy(path, copy, removed, progress=progress)
    elif before.recorded_by == "nsys":
        scrub_sqlite.copy(path, copy, removed, progress=progress)
    elif before.recorded_by == "cupti":
        scrub_parquet.copy_recording(path, copy, removed)
    else:
        scrub_kineto.copy(path, copy, removed, progress=progress)
    found = _comparable(open_trace(copy, progress=progress))
    odd, still_odd = (analysis["problems"].pop(_MAY_SHRINK, 0) for analysis in (expected, found))
    changed = [part for part in expected if expected[part] != found[part]]
    if changed or still_odd > odd:
        what = "can't be scrubbed without a change to its analysis: " + ", ".join(changed or ["problems"])
        raise InputError(path, what, "this is a fault of launchlens: please report it; nothing was written")
    events = before.events
    named = events.loc[events["kind"].isin(["range", "gpu-range", "kernel"]), "name"].unique()
    return before.recorded_by, sum(without_paths(str(name))[1] > 0 for name in named)


def _comparable(trace: Trace) -> dict[str, Any]:
    """The analysis of a trace, less where it lies and how long it is; its problems as counts by code."""
    document = to_json(analyze(trace))
    del document["source"]["path"], document["source"]["bytes"]
    document["problems"] = {problem["code"]: problem["count"] for problem in document["problems"]}
    return document


def _parquet(path: Path, copy: Path, removed: Removed) -> tuple[str, int]:
    before = scrub_parquet.read(path)
    scrub_parquet.copy(path, copy, removed)
    try:
        pd.testing.assert_frame_equal(before, scrub_parquet.read(copy))
    except AssertionError:
        what = "can't be scrubbed without a change to its table"
        raise InputError(path, what, "this is a fault of launchlens: please report it; nothing was written") from None
    return "launchlens", 0
