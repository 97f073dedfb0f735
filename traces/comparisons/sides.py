"""The sides of a comparison of traces, as they are given: each is one trace or several, and may name a range.

trace.json.gz              its steps
trace.json.gz::forward     the instances of a range, or of those that a pattern fits
runs/ or 'runs/*.json.gz'  the traces in a folder or of a pattern, as several recordings of one thing
capture/::variant          the iterations of a variant, out of the trace that the capture holds
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from launchlens.traces.cache.kept_measures import measured_once
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.marks import FOR_A_SWEEP
from launchlens.traces.comparisons.measured import Measured, measure
from launchlens.traces.comparisons.windows import windows_of
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.problems import InputError
from launchlens.traces.source import CaptureFolder, NoTrace, OneTrace, SeveralTraces, SweepFolder, source_of
from launchlens.traces.trace import Progress
from launchlens.traces.windows import BLOCK, ITERATION

#: Called with the name of a file; what it makes takes the progress of reading it.
Reading = Callable[[str], AbstractContextManager[Progress | None]]


@dataclass(frozen=True)
class Given:
    """What stands for a side: a path (a trace, a folder or pattern of traces, a capture), and the range of it that is meant, None for its steps."""

    path: Path
    range_name: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.range_name is None else f"{self.path}::{self.range_name}"


def given(side: str | Path) -> Given:
    """PATH or PATH::RANGE taken apart."""
    text, mark, name = str(side).partition("::")
    return Given(Path(text), name if mark else None)


@dataclass(frozen=True)
class Skipped:
    """A file among those of a side that was not used, and why."""

    path: Path
    why: str


def traces_of(side: Given) -> tuple[list[OneTrace], list[NoTrace]]:
    """The traces that a side stands for, and what else lies among them. Raises InputError where it is none."""
    source = source_of(side.path)
    match source:
        case OneTrace():
            return [source], []
        case SeveralTraces():
            return list(source.traces), list(source.others)
        case CaptureFolder():
            return [_of_capture(source)], []
        case SweepFolder():
            raise InputError(source.path, "is a sweep, which holds no trace", FOR_A_SWEEP)


def _of_capture(source: CaptureFolder) -> OneTrace:
    capture = read_capture(source.path)
    for record in capture.manifest.kept:
        found = source_of(capture.trace_path(record))
        if isinstance(found, OneTrace):
            return found
    raise InputError(source.path, "holds no trace, so it can't be compared with one", "give a trace, or two captures")


def measured(
    sides: Sequence[Given], *, steps: str | None = None, reading: Reading | None = None
) -> tuple[list[Measured], list[Skipped]]:
    """The traces of a side measured in their steps or ranges, and the files that could not be used.

    A file that can't be read is skipped where others of its side can. Raises InputError where none can, or none holds the range.
    """
    found: list[Measured] = []
    skipped: list[Skipped] = []
    for side in sides:
        traces, others = traces_of(side)
        skipped += [Skipped(each.path, each.why) for each in others]
        alone = len(traces) == 1 and len(sides) == 1
        is_capture = isinstance(source_of(side.path), CaptureFolder)
        for one in traces:
            try:
                with reading(one.path.name) if reading is not None else nullcontext() as progress:
                    made = partial(_measured, range_name=side.range_name, steps=steps, of_capture=is_capture)
                    found.append(measured_once(one, (side.range_name, steps, is_capture), made, progress))
            except InputError as error:
                if alone:
                    raise
                skipped.append(Skipped(one.path, error.what))
    if not found:
        raise InputError(sides[0].path, f"holds no trace that can be used: {skipped[0].why}", "give others")
    return found, skipped


def _measured(joined: JoinedTrace, range_name: str | None, steps: str | None, *, of_capture: bool) -> Measured:
    if of_capture and range_name is not None:
        range_name = _of_variant(joined, range_name)
    if range_name is None and steps is not None and joined.stepped(steps).steps is None:
        known = ", ".join(repr(str(name)[:60]) for name in joined.instances["name"].unique()[:8]) or "none"
        raise InputError(joined.trace.path, f"holds no range that fits {steps!r}", f"its ranges: {known}")
    return measure(joined, windows_of(joined, range_name, steps))


def _of_variant(joined: JoinedTrace, variant: str) -> str:
    """What a capture's trace calls an iteration of a variant; of one that was not recorded by iterations, a block."""
    names = {str(name) for name in joined.instances["name"].unique()}
    return next((each + variant for each in (ITERATION, BLOCK) if each + variant in names), variant)
