"""What Perfetto's page is given to show of a source: an export with launchlens' tracks, or a Kineto trace as it was recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launchlens.traces.captures.capture import read_capture
from launchlens.traces.perfetto.export import (
    ExportedTrace,
    PerfettoMissing,
    part_of,
    parts,
    recorded_traces,
    write,
)
from launchlens.traces.problems import InputError
from launchlens.traces.source import CaptureFolder, OneTrace, as_one, source_of
from launchlens.traces.trace import Progress

_GET = "pip install 'launchlens[export]'"


@dataclass(frozen=True)
class Viewable:
    """A file that Perfetto opens, with a line on what it holds where that is not simply the source."""

    path: Path
    says: str | None = None


@contextmanager
def viewable(
    path: Path, regime: str | None, progress: Progress | None = None, *, as_recorded: bool = False
) -> Iterator[Viewable]:
    """What to show of `path`, a trace or a capture (of one `regime`, where it is named).

    `as_recorded` shows a trace that Perfetto opens as its recorder wrote it. What is exported lies in a folder that is gone
    afterwards. Raises InputError for what can't be used, or not shown.
    """
    with tempfile.TemporaryDirectory(prefix="launchlens-") as folder:
        source = source_of(path)
        if isinstance(source, CaptureFolder):
            if as_recorded:
                raise InputError(
                    path, "is a capture, which is exported", "give one of its traces, or leave out --as-recorded"
                )
            yield _of_capture(source, regime, Path(folder), progress)
        elif regime is not None:
            raise InputError(path, "is one trace, not a capture", "leave out --regime")
        else:
            yield _of_trace(as_one(source), Path(folder), progress, as_recorded)


def _of_trace(source: OneTrace, folder: Path, progress: Progress | None, as_recorded: bool) -> Viewable:
    trace, what = source.read(progress=progress), source.reader.label
    if as_recorded:
        if source.reader.in_perfetto:
            return Viewable(trace.path)
        raise InputError(trace.path, f"is {what}, which Perfetto opens exported only", "leave out --as-recorded")
    try:
        return _exported([part_of(trace)], folder / f"{trace.path.stem}.pftrace", f"{trace.path.name}, {what}")
    except PerfettoMissing:
        if source.reader.in_perfetto:
            return Viewable(
                trace.path,
                f"{trace.path.name}, as recorded; with the gaps and kernels that launchlens names it needs {_GET}",
            )
        raise InputError(
            trace.path, f"is {what}, which is exported for Perfetto with a package that is not installed", _GET
        ) from None


def _of_capture(source: CaptureFolder, regime: str | None, folder: Path, progress: Progress | None) -> Viewable:
    """All its traces in one; without the package that makes such a file, the first that Perfetto opens as it is."""
    capture = read_capture(source.path)
    recorded = recorded_traces(capture, regime)
    name = capture.path.resolve().name or "capture"
    said = f"{name}: {', '.join(f'{each.regime} ({each.collector})' for each in recorded)}"
    try:
        return _exported(parts(source, progress, regime), folder / f"{name}.pftrace", said)
    except PerfettoMissing:
        for record in recorded:
            trace = source_of(capture.trace_path(record))
            if isinstance(trace, OneTrace) and trace.reader.in_perfetto:
                others = "the whole capture in one, with its account, needs"
                return Viewable(trace.path, f"{record.path} of {name}; {others} {_GET}")
        raise InputError(
            source.path, "holds nothing that Perfetto opens unexported, and the package that exports is missing", _GET
        ) from None


def _exported(made: Iterable[ExportedTrace], path: Path, what: str) -> Viewable:
    with open(path, "wb") as file:
        write(file, made)
    return Viewable(path, f"{what}, exported for Perfetto")
