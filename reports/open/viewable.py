"""What Perfetto's page is given to show of a source: a Kineto trace as it is, anything else exported for it first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launchlens.traces.captures.capture import read_capture
from launchlens.traces.perfetto.export import (
    Part,
    PerfettoMissing,
    is_capture,
    part_of,
    parts,
    recorded_traces,
    write,
)
from launchlens.traces.problems import InputError
from launchlens.traces.trace import Progress, Trace

_GET = "pip install 'launchlens[export]'"


@dataclass(frozen=True)
class Viewable:
    """A file that Perfetto opens, with a line on what it holds where that is not simply the source."""

    path: Path
    says: str | None = None


@contextmanager
def viewable(
    source: Path, regime: str | None, read: Callable[[Path], Trace], progress: Progress | None = None
) -> Iterator[Viewable]:
    """What to show of `source`, a trace that `read` opens or a capture (of one `regime`, where it is named).

    What is exported lies in a folder that is gone afterwards. Raises InputError for what can't be used, or not shown.
    """
    with tempfile.TemporaryDirectory(prefix="launchlens-") as folder:
        if is_capture(source):
            yield _of_capture(source, regime, Path(folder), progress)
        elif regime is not None:
            raise InputError(source, "is one trace, not a capture", "leave out --regime")
        else:
            yield _of_trace(read(source), Path(folder))


def _of_trace(trace: Trace, folder: Path) -> Viewable:
    if trace.recorded_by == "kineto":
        return Viewable(trace.path)
    what = {"nsys": "an Nsight Systems recording", "cupti": "a CUPTI recording"}[trace.recorded_by]
    try:
        return _exported([part_of(trace)], folder / f"{trace.path.stem}.pftrace", f"{trace.path.name}, {what}")
    except PerfettoMissing:
        raise InputError(
            trace.path, f"is {what}, which is exported for Perfetto with a package that is not installed", _GET
        ) from None


def _of_capture(source: Path, regime: str | None, folder: Path, progress: Progress | None) -> Viewable:
    """All its traces in one; without the package that makes such a file, the first that Perfetto opens as it is."""
    capture = read_capture(source)
    recorded = recorded_traces(capture, regime)
    name = capture.path.resolve().name or "capture"
    said = f"{name}: {', '.join(f'{each.regime} ({each.collector})' for each in recorded)}"
    try:
        return _exported(parts(source, progress, regime), folder / f"{name}.pftrace", said)
    except PerfettoMissing:
        for record in recorded:
            if record.collector == "torch":
                others = "the whole capture in one, with its account, needs"
                return Viewable(capture.trace_path(record), f"{record.path} of {name}; {others} {_GET}")
        raise InputError(
            source, "holds nothing that Perfetto opens unexported, and the package that exports is missing", _GET
        ) from None


def _exported(made: Iterable[Part], path: Path, what: str) -> Viewable:
    with open(path, "wb") as file:
        write(file, made)
    return Viewable(path, f"{what}, exported for Perfetto")
