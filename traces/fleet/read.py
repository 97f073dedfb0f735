"""Paths in, a fleet out: which files they are, and who reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from launchlens.traces.fleet.fleet import Fleet, fleet_of
from launchlens.traces.fleet.members import natural
from launchlens.traces.fleet.summary import Unusable
from launchlens.traces.fleet.work.progress import Done
from launchlens.traces.problems import InputError
from launchlens.traces.source import CaptureFolder, OneTrace, SeveralTraces, SweepFolder, source_of

#: Opens something that shows progress of so many files.
Showing = Callable[[int], AbstractContextManager[Done]]


@dataclass(frozen=True)
class Files:
    """The files of a fleet in order of their names, each once, and what lay among them that is no trace."""

    traces: tuple[Path, ...]
    others: tuple[Unusable, ...]


def files_of(paths: Sequence[Path]) -> Files:
    """The traces that some paths stand for: files, folders and patterns. Raises InputError where not one is a trace."""
    traces: dict[Path, Path] = {}
    others: list[Unusable] = []
    for path in paths:
        try:
            source = source_of(path)
        except InputError as error:
            if len(paths) == 1:
                raise
            others.append(Unusable(path, error.what))
            continue
        match source:
            case OneTrace():
                traces.setdefault(source.path.absolute(), source.path)
            case SeveralTraces():
                for each in source.traces:
                    traces.setdefault(each.path.absolute(), each.path)
                others += [Unusable(each.path, each.why) for each in source.others]
            case CaptureFolder():
                others.append(Unusable(path, "is a capture, not a trace"))
            case SweepFolder():
                others.append(Unusable(path, "is a sweep, not a trace"))
    if not traces:
        first = others[0]
        raise InputError(first.path, first.why, "give traces of which one at least can be used")
    in_order = sorted(traces.values(), key=lambda path: natural(str(path)))
    return Files(tuple(in_order), tuple(others))


def read_fleet(
    paths: Sequence[Path],
    *,
    steps: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    showing: Showing | None = None,
) -> Fleet:
    """The ranks in some files, folders or patterns. `steps` is a pattern of ranges that are their steps.

    `workers` processes of this machine read them (None: as many as cores and memory allow), or a Dask cluster at `scheduler`: who does makes no
    difference. Raises InputError where not one file can be used.
    """
    files = files_of(paths)
    showing = showing or _nothing_shown
    with showing(len(files.traces)) as done:
        if scheduler is not None:
            from launchlens.traces.fleet.work.on_cluster import read_on

            found = read_on(scheduler, files.traces, steps, done)
        else:
            from launchlens.traces.fleet.work.local import read_here

            found = read_here(files.traces, steps, workers, done)
    return fleet_of(found, files.others)


def _nothing_shown(total: int) -> AbstractContextManager[Done]:
    return nullcontext(lambda more: None)
