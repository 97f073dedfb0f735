"""Copies a trace without what names the machine it came from or its user, and proves that the analysis is the same.

Names of kernels and ranges stay as they are: analyses tell events by them, and a range's name is its author's own text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path

import pandas as pd
from msgspec.structs import replace

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.cache import store
from launchlens.traces.documents.analysis import AnalysisDocument
from launchlens.traces.documents.scrub import KeptRow, RemovedRow, ScrubDocument
from launchlens.traces.files import free, free_folder, writable, writing
from launchlens.traces.problems import InputError
from launchlens.traces.readers.reader import Scrub
from launchlens.traces.scrub import parquet as scrub_parquet
from launchlens.traces.scrub.text import Removed, without_paths
from launchlens.traces.source import OneTrace, SeveralTraces, as_one, source_of
from launchlens.traces.trace import Progress, Trace

#: Problems that may become rarer: odd JSON goes with the text that held it, and so do payloads of which nobody knows what they are.
_MAY_SHRINK = ("replaced-bad-json", "unreadable-json", "payload-not-understood")


@dataclass(frozen=True)
class Scrubbed:
    """What was done: which file became which, of what size in bytes, what was `removed`, and which texts were `kept`: counts by phrase.

    `paths_in_names` counts the different names of ranges and kernels that hold a path; they were kept.
    """

    source: Path
    output: Path
    recorded_by: str
    bytes: int
    removed: dict[str, int]
    kept: dict[str, int]
    paths_in_names: int

    def as_document(self) -> ScrubDocument:
        """As `scrub --json` prints it; the names of the two files, not where they lie."""
        return ScrubDocument(
            source=self.source.name,
            output=self.output.name,
            recorded_by=self.recorded_by,
            bytes=self.bytes,
            verified="the analyses of both files are equal",
            removed=[RemovedRow(what=what, count=count) for what, count in self.removed.items()],
            kept=[KeptRow(what=what, count=count) for what, count in self.kept.items()],
            paths_in_names=self.paths_in_names,
        )


def scrub(path: Path, output: Path, *, force: bool = False, progress: Progress | None = None) -> Scrubbed:
    """Write a copy of `path` to `output` that names no machine and no user, when its analysis is that of `path`.

    Of a folder of tables the copy is a folder as well.
    The input is never altered, and `output` appears whole or not at all. Raises InputError when `path` can't be read as
    a trace, when `output` is `path`, or exists and `force` was not given, or can't be written.
    """
    if scrub_parquet.is_no_trace(path):
        free(output, force, path)
        return _into_place(path, output, lambda copy, removed: _parquet(path, copy, removed))
    source = source_of(path)
    if isinstance(source, SeveralTraces):
        raise InputError(path, "is a folder, not a trace", "scrub the files in it one by one")
    trace = as_one(source)
    if trace.reader.scrub is None:
        raise InputError(path, f"is {trace.reader.label} that can't be scrubbed", trace.reader.scrub_instead)
    if trace.reader.tables is not None:
        free_folder(output, force, path, suffix=trace.reader.tables, of="tables")
    else:
        free(output, force, path)
    copy_by = trace.reader.scrub
    return _into_place(path, output, lambda copy, removed: _trace(trace, copy_by, copy, removed, progress))


def _into_place(path: Path, output: Path, make: Callable[[Path, Removed], tuple[str, int]]) -> Scrubbed:
    """Make the copy, which takes its place when all is done."""
    removed = Removed()
    with writable(output), writing(output) as copy:
        recorded_by, paths_in_names = make(copy, removed)
        size = sum(file.stat().st_size for file in (copy.iterdir() if copy.is_dir() else [copy]))
    return Scrubbed(path, output, recorded_by, size, dict(+removed), dict(+removed.kept), paths_in_names)


@store.off()  # the proof is of the files themselves
def _trace(
    source: OneTrace, scrubbed: Scrub, copy: Path, removed: Removed, progress: Progress | None
) -> tuple[str, int]:
    path = source.path
    before = source.read(progress=progress)
    scrubbed(path, copy, removed, progress=progress)
    expected, problems = _comparable(_renamed(before, removed.renamed))
    found, problems_left = _comparable(OneTrace(copy, source.reader).read(progress=progress))
    more_odd = any(problems_left.pop(code, 0) > problems.pop(code, 0) for code in _MAY_SHRINK)
    changed = [part for part in expected.__struct_fields__ if getattr(expected, part) != getattr(found, part)]
    if more_odd or problems != problems_left:
        changed.append("problems")
    if changed:
        what = "can't be scrubbed without a change to its analysis: " + ", ".join(changed)
        raise InputError(path, what, "this is a fault of launchlens: please report it; nothing was written")
    events = before.events
    named = events.loc[events["kind"].isin(["range", "gpu-range", "kernel"]), "name"].unique()
    return before.recorded_by, sum(without_paths(str(name))[1] > 0 for name in named)


def _renamed(trace: Trace, ids: Mapping[str, str]) -> Trace:
    """The trace with those ids of processes and threads that its copy has."""
    if not ids:
        return trace
    columns = {name: trace.events[name].cat.rename_categories(dict(ids)) for name in ("process", "thread")}
    return replace_fields(
        trace,
        events=trace.events.assign(**columns),
        python_processes=frozenset(ids.get(each, each) for each in trace.python_processes),
        python_frames={
            (ids.get(process, process), ids.get(thread, thread)): spans
            for (process, thread), spans in trace.python_frames.items()
        },
        devices={number: _of_renamed(name, ids) for number, name in trace.devices.items()},
    )


def _of_renamed(device: str, ids: Mapping[str, str]) -> str:
    """The name of a GPU, which ends in its process where several of a file were told apart."""
    named = (old for old in ids if device.endswith(f" of process {old}"))
    old = max(named, key=len, default=None)
    return device if old is None else device.removesuffix(old) + ids[old]


def _comparable(trace: Trace) -> tuple[AnalysisDocument, dict[str, int]]:
    """The analysis of a trace, less where it lies and how long it is; and its problems as counts by code."""
    analysis = analyze(trace)
    document = as_document(analysis)
    problems = {problem.code: problem.count for problem in analysis.problems}
    return replace(document, source=replace(document.source, path="", bytes=0), problems=[]), problems


def _parquet(path: Path, copy: Path, removed: Removed) -> tuple[str, int]:
    before = scrub_parquet.read(path)
    scrub_parquet.copy(path, copy, removed)
    try:
        pd.testing.assert_frame_equal(before, scrub_parquet.read(copy))
    except AssertionError:
        what = "can't be scrubbed without a change to its table"
        raise InputError(path, what, "this is a fault of launchlens: please report it; nothing was written") from None
    return "launchlens", 0
