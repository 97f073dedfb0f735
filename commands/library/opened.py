"""`launchlens.open`: whatever a path is, as the object that answers questions of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from launchlens.commands.library.capture import Capture
from launchlens.commands.library.fleet import Fleet
from launchlens.commands.library.sweep import Sweep
from launchlens.commands.library.trace import Trace
from launchlens.traces.problems import InputError
from launchlens.traces.source import CaptureFolder, OneTrace, SeveralTraces, SweepFolder, source_of

Opened: TypeAlias = Trace | Capture | Fleet | Sweep


def open(
    path: str | Path | Sequence[str | Path],
    *,
    range: str | None = None,
    thread: str | None = None,
    steps: str | None = None,
) -> Opened:
    """Open what lies at a path: a trace, a capture that `profile` wrote, a sweep, or several traces as the ranks of a job.

    A file of a recorder is a `Trace`, a folder or pattern of several of them (or several paths) a `Fleet`, a folder that `profile`
    wrote a `Capture`, one of `profile --sweep` a `Sweep`. `range` and `thread` confine a trace, and `steps` names the ranges that are
    the steps of a trace or of ranks, as in `Trace.open`, which with `Capture.open`, `Fleet.open` and `Sweep.open` says its type.
    Raises InputError, with one line, for what is none of these or can't be used.
    """
    of_one = {"range": range, "thread": thread}
    if not isinstance(path, str | Path):
        if not isinstance(path, Sequence) or not all(isinstance(each, str | Path) for each in path):
            raise InputError("launchlens.open", f"takes a path, or several, and was given {type(path).__name__}")
        if not path:
            raise InputError("launchlens.open", "was given no path")
        if len(path) > 1:
            _refuse(Path(path[0]), of_one, "is for one trace, and these are several")
            return Fleet.open(path, steps=steps)
        path = path[0]
    at = Path(path)
    match source_of(at):
        case CaptureFolder():
            _refuse(at, of_one | {"steps": steps}, "is for traces, and this is a capture")
            return Capture.open(at)
        case SweepFolder():
            _refuse(at, of_one | {"steps": steps}, "is for traces, and this is a sweep")
            return Sweep.open(at)
        case SeveralTraces():
            _refuse(at, of_one, "is for one trace, and these are several")
            return Fleet.open(at, steps=steps)
        case OneTrace():
            return Trace.open(at, range=range, thread=thread, steps=steps)


def _refuse(path: Path, options: dict[str, str | None], why: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(path, f"{name}={value!r} {why}", "leave it out")
