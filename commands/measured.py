"""A plan measured into a capture, with progress, for the command and for Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from launchlens.commands.own_code import blame_own, stdout_kept_clean
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.profiling.collectors.collector import Collector
    from launchlens.profiling.run import Plan
    from launchlens.traces.captures.capture import Manifest


def measured(plan: Plan, folder: Path, workload: str) -> Manifest:
    """Run a plan into `folder`, and say on stderr what could not be recorded. Raises InputError where nothing could be measured."""
    from launchlens.profiling.checking import NOT_CHECKED
    from launchlens.profiling.run import NothingToMeasureError, run
    from launchlens.reports.progress import Steps

    try:
        with stdout_kept_clean():
            manifest = run(plan, folder, Steps())
    except NothingToMeasureError as error:
        raise InputError(workload, f"nothing could be measured: {error}", "see `launchlens doctor`") from None
    except Exception as error:
        blame_own(error, plan.workload, f"while it was measured; {folder} is incomplete")
        raise
    if manifest.workload["correctness"] == NOT_CHECKED:
        typer.echo(f"launchlens: {workload} declares no check, so nothing says that its variants are right", err=True)
    _warn_of_traces(manifest, folder, plan.collectors)
    return manifest


def _warn_of_traces(manifest: Manifest, folder: Path, collectors: Sequence[Collector]) -> None:
    """Say what could not be recorded and why, and what is to be known before traces are passed on."""
    missing: dict[tuple[str, str], list[str]] = {}
    for record in manifest.traces:
        if record.problem:
            missing.setdefault((record.recorder, record.problem), []).append(record.regime)
    for (recorder, problem), regimes in missing.items():
        typer.echo(f"launchlens: {recorder} recorded nothing ({', '.join(regimes)}): {problem}", err=True)
    for collector in collectors:
        kept = [record for record in manifest.traces if record.collector == collector.name and record.path]
        warning = collector.before_sharing(folder, kept) if kept else None
        if warning:
            typer.echo(f"launchlens: {warning}", err=True)
