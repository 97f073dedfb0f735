"""Several traces as the ranks of a job: what `analyze` shows of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from launchlens.reports.output import Wanted


@dataclass(frozen=True)
class FleetAsked:
    """What the command line asks of several traces. `full`: every table, and all rows."""

    paths: Sequence[Path]
    steps: str | None
    workers: int | None
    scheduler: str | None
    show: str | None
    html: Path | None
    full: bool


def are_several(paths: Sequence[Path]) -> bool:
    """Whether these are several traces, or a folder or pattern of some."""
    from launchlens.traces.source import SeveralTraces, source_of

    if len(paths) > 1:
        return True
    path = paths[0]
    return (os.path.isdir(path) or glob.has_magic(str(path))) and isinstance(source_of(path), SeveralTraces)


def show_fleet(asked: Wanted, of: FleetAsked) -> None:
    """Read them, and write what they say. Raises InputError where not one can be used."""
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.reports.pages import fleet as shown
    from launchlens.reports.progress import files as showing
    from launchlens.traces import files
    from launchlens.traces.fleet.read import read_fleet
    from launchlens.traces.problems import InputError
    from launchlens.traces.tables.of_fleet import tables

    if of.workers is not None and of.scheduler is not None:
        raise typer.BadParameter("give one of --workers and --scheduler", param_hint="--workers")
    fleet = read_fleet(of.paths, steps=of.steps, workers=of.workers, scheduler=of.scheduler, showing=showing)
    document = fleet.document()
    if of.html is not None:
        from launchlens.reports.writers.html import html as page_text

        with files.writable(of.html):
            files.write_text(of.html, page_text(shown.page(document)))
    made = tables(document)
    if of.show is not None:
        found = {each.name: each for each in made}
        if of.show not in found:
            raise InputError("--show", f"{of.show!r} is none of {', '.join(found)}")
        one = found[of.show]
        asked.write(Result(lambda: document, lambda: [Shown(shown.for_people(one))], lambda: made, alone=one.name))
    else:
        asked.write(Result(lambda: document, lambda: shown.blocks(document, full=of.full), lambda: made))
    for each in document.skipped:
        typer.echo(f"launchlens: left out {each.file}: {each.reason}", err=True)
    if of.html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {of.html}")
