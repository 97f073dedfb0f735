"""A trace, whoever recorded it: open any file the readers know, get the event table."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from launchlens.traces.problems import InputError, Problems

Recorder = Literal["kineto", "nsys", "cupti"]
#: Called with (bytes done, bytes in all or None) as a file is read.
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Trace:
    """The event table of one file (or folder of tables), with where it came from and what was wrong with it.

    `events` follows `launchlens.traces.schema`. `recorded_by_version` is the recorder's own version where the file
    gives it. `devices` maps a device number to its name where the file gives one.
    """

    path: Path
    recorded_by: Recorder
    recorded_by_version: str | None
    bytes: int
    events: pd.DataFrame
    problems: Problems
    devices: Mapping[int, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


def open_trace(path: Path, *, partial: bool = False, progress: Progress | None = None) -> Trace:
    """Read `path` with the reader that its first bytes call for (never its name alone); a folder is one of nsys's tables.

    `partial` keeps the whole events of a Kineto trace that breaks off, and counts the problem. Raises InputError
    with one line when the file can't be used.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _open_folder(path, progress)
        # a device may never end, and a pipe can be neither read twice nor sought in
        if not stat.S_ISREG(mode):
            raise InputError(path, "is not a regular file", "save it to a file first")
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError(
            path, f"can't be read: {error.strerror or error}", "check the path and its permissions"
        ) from None
    except ValueError:
        raise InputError(path, "is no path: it holds a null character", "check the path") from None
    if not head:
        raise InputError(path, "is empty", "record it again")
    if head.startswith(b"SQLite format 3\x00"):
        from launchlens.traces.readers.nsys.reader import read as read_nsys

        return read_nsys(path, progress=progress)
    if head.startswith(b"PAR1"):
        from launchlens.traces.readers.cupti.reader import read as read_cupti

        return read_cupti(path, progress=progress)
    from launchlens.traces.readers.kineto.reader import read as read_kineto

    if path.suffix in {".nsys-rep", ".qdrep"}:
        raise InputError(
            path, "is an Nsight Systems report, which only nsys can open", "run: nsys export --type sqlite " + path.name
        )
    return read_kineto(path, partial=partial, progress=progress)


def _open_folder(path: Path, progress: Progress | None) -> Trace:
    from launchlens.traces.captures.capture import MANIFEST
    from launchlens.traces.readers.nsys.reader import read as read_nsys

    if (path / MANIFEST).exists():
        raise InputError(path, "is a folder, not a trace", "give a trace file, or use `report` for a capture")

    return read_nsys(path, progress=progress)
