"""The report on a sweep, for the commands that write one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from launchlens.reports.output import Wanted


def report_on_sweep(folder: Path, html: Path | None, asked: Wanted) -> None:
    """Write the report of a sweep and store its cost model beside it, and print its answer as `asked`."""
    from contextlib import suppress

    from launchlens.reports.output import Result
    from launchlens.reports.pages import sweep as shown
    from launchlens.reports.words.sweep import sentences
    from launchlens.traces import files
    from launchlens.traces.sweeps.document import sweep_document
    from launchlens.traces.sweeps.stored import write_model
    from launchlens.traces.sweeps.study import sweep_study
    from launchlens.traces.sweeps.sweep import read_sweep

    study = sweep_study(read_sweep(folder))
    if html is not None:
        from launchlens.reports.writers.html import html as page_text

        page = page_text(shown.page(study))
        with files.writable(html):
            files.write_text(html, page)
        with suppress(OSError):  # without it, predictions fit it again
            write_model(study.sweep, study.model)
    asked.write(
        Result(
            lambda: sweep_document(study, [each.text for each in sentences(study)]),
            lambda: shown.brief(study),
            lambda: shown.tables(study),
        )
    )
    if html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {html}")
