"""What commands read, join and work out of the same files, once: for tests of many commands on few inputs, and for the fuzzer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch


@contextmanager
def read_once() -> Iterator[None]:
    """Let the commands in here share what they read and work out; what has been written since, or lies elsewhere, is read anew."""
    from launchlens.traces import analysis, joined
    from launchlens.traces.analyses.question import Question
    from launchlens.traces.analyses.scope import Scope
    from launchlens.traces.analysis import Analysis
    from launchlens.traces.cache import kept_analysis, kept_measures
    from launchlens.traces.captures import capture as of_captures
    from launchlens.traces.captures.capture import Capture
    from launchlens.traces.checks import recorded
    from launchlens.traces.comparisons import of_ranges, sides
    from launchlens.traces.fleet import read as fleets
    from launchlens.traces.fleet.summarise import summaries
    from launchlens.traces.fleet.work import local
    from launchlens.traces.source import OneTrace
    from launchlens.traces.studies import range_side, study
    from launchlens.traces.sweeps import study as sweep_study
    from launchlens.traces.sweeps.sweep import Sweep

    timed, read, of_capture, of_sweep = of_captures._timings, OneTrace.read, study.study, sweep_study.sweep_study
    scope_of, answer, of_fleet = Analysis.scope, Question.table, fleets.read_fleet
    known: dict[Any, Any] = {}

    def once(key: Any, work: Callable[[], Any], *given: Any) -> Any:
        """What `work` gives, made once for a key; `given` are kept as long, for a key may hold their ids."""
        if key not in known:
            known[key] = (given, work())
        return known[key][1]

    def reading(one: OneTrace, *, partial: bool = False, **more: Any) -> Any:
        return once((read, one.path, partial, written(one.path)), lambda: read(one, partial=partial, **more))

    def timings(path: Path, instead: Any) -> Any:
        key = (timed, path, *instead.items(), written(path)) if path.is_file() else None
        return timed(path, instead) if key is None else once(key, lambda: timed(path, instead))

    def studied(capture: Capture, progress: Any = None) -> Any:
        return once((of_capture, capture.path, written(capture.path)), lambda: of_capture(capture, progress))

    def swept(sweep: Sweep, *more: Any) -> Any:
        return once((of_sweep, sweep.path, written(sweep.path)), lambda: of_sweep(sweep, *more))

    def summarised(path: Path, steps: str | None) -> Any:
        return once((summaries, path, steps, written(path)), lambda: summaries(path, steps))

    def fleet(paths: Sequence[Path], **more: Any) -> Any:
        if not all(map(os.path.exists, paths)):  # a pattern, or nothing
            return of_fleet(paths, **more)
        key = (of_fleet, *((path, written(path)) for path in paths), more.get("steps"), more.get("scheduler"))
        return once(key, lambda: of_fleet(paths, **more))

    def scope(of: Analysis, *, by_shape: bool = False) -> Any:
        return once((scope_of, id(of), by_shape), lambda: scope_of(of, by_shape=by_shape), of)

    def answered(question: Question, scope: Scope) -> Any:
        return once((answer, question.name, id(scope)), lambda: answer(question, scope), scope)

    def kept(work: Callable[..., Any]) -> Callable[..., Any]:
        """Work on traces and what is joined of them, which are kept as long as what came of it."""

        def kept_work(*given: Any, **more: Any) -> Any:
            ids = (each if isinstance(each, str | None) else id(each) for each in given)
            return once((work, *ids, *more.items()), lambda: work(*given, **more), given)

        return kept_work

    join = kept(joined.join)
    with ExitStack() as changed:
        changed.enter_context(patch.object(of_captures, "_timings", timings))
        changed.enter_context(patch.object(OneTrace, "read", reading))
        changed.enter_context(patch.object(study, "study", studied))
        changed.enter_context(patch.object(sweep_study, "sweep_study", swept))
        changed.enter_context(patch.object(local, "summaries", summarised))
        changed.enter_context(patch.object(fleets, "read_fleet", fleet))
        changed.enter_context(patch.object(Analysis, "scope", scope))
        changed.enter_context(patch.object(Question, "table", answered))
        for module in (analysis, kept_measures, range_side, recorded):
            changed.enter_context(patch.object(module, "join", join))
        for module, name in ((sides, "_measured"), (of_ranges, "side_of_range"), (kept_analysis, "analyze")):
            changed.enter_context(patch.object(module, name, kept(getattr(module, name))))
        yield


def written(path: Path) -> tuple[tuple[str, int, int, int], ...]:
    """The files that are there, each with when it was written last, how long it is and which it is; less pages, which nothing reads."""
    files = sorted(each for each in path.rglob("*") if each.suffix != ".html") if path.is_dir() else [path]
    found = ((file, os.stat(file, follow_symlinks=False)) for file in files)
    return tuple((str(file), of.st_mtime_ns, of.st_size, of.st_ino) for file, of in found)
