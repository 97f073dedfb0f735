"""A capture read with progress, its claims, and the report on it, for the commands that need them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from launchlens.commands.texts import texts_of_python

if TYPE_CHECKING:
    from launchlens.reports.output import Wanted
    from launchlens.traces.captures.capture import Capture
    from launchlens.traces.claims.claim import Claim
    from launchlens.traces.claims.under_test import Worked
    from launchlens.traces.studies.study import Study


def study_of(folder: Path) -> Study:
    """The study of a capture, with progress on a terminal while its traces are read. Raises InputError for what is none."""
    from launchlens.traces.captures.capture import read_capture

    return _study(read_capture(folder), folder.name)


def _study(capture: Capture, name: str) -> Study:
    from launchlens.reports.progress import reading
    from launchlens.traces.studies.study import study

    with reading(name) as progress:
        return study(capture, progress)


def worked_out(folder: Path) -> Worked:
    """The study of a capture or of a sweep. Raises InputError for what is neither."""
    from launchlens.traces.sweeps.sweep import is_sweep, read_sweep

    if not is_sweep(folder):
        return study_of(folder)
    from launchlens.traces.sweeps.study import sweep_study

    return sweep_study(read_sweep(folder))


def given_claims(path: Path, *studies: Worked) -> list[Claim]:
    """A user's claims; each must name variants that the captures or their workloads know, and be open to what they do."""
    from launchlens.kernels.registry import variants
    from launchlens.traces.claims.read import check_outcomes, check_variants, read_claims
    from launchlens.traces.claims.under_test import under_test

    known: dict[str, dict[str, None]] = {}
    declared: dict[str, dict[str, str]] = {}
    for study in studies:
        tested = under_test(study)
        name = str(tested.workload.get("name"))
        names = [*tested.variants, *(one.name for one in variants(name))]
        known.setdefault(name, {}).update(dict.fromkeys(names))
        declared[name] = {one.name: one.launches for one in variants(name) if one.launches is not None}
    made = read_claims(path)
    check_variants(made, path, known)
    check_outcomes(made, path, declared)
    return made


@texts_of_python()
def report_on(
    folder: Path, html: Path | None, asked: Wanted, *, recorded: str | None, claims: Path | None = None
) -> None:
    """Write the report of a capture, and its verdict as `asked` to stdout."""
    from launchlens.reports.documents import study_document
    from launchlens.reports.output import Result
    from launchlens.reports.pages import capture as shown
    from launchlens.traces import files
    from launchlens.traces.captures.capture import read_capture, recorded_pass
    from launchlens.traces.captures.probes import read_probes
    from launchlens.traces.studies.verdict import verdict
    from launchlens.traces.windows import BLOCK

    read = read_capture(folder)
    recorded_alone = recorded_pass(read)
    if recorded_alone is not None and claims is None:
        _report_on_pass(read.trace_path(recorded_alone), f"{BLOCK}{read.manifest.baseline}", html, asked)
        return
    read_probes(folder)  # where they can't be read, that is said before all else is read
    study = _study(read, folder.name)
    if html is not None:
        # relative, so that a page that is passed on names no folder of anybody's machine beyond the way to the traces
        from urllib.parse import quote

        from launchlens.reports.writers.html import html as page_text

        way = os.path.relpath(folder.resolve(), html.parent.resolve())
        base = "" if way == "." else f"{quote(os.fsencode(Path(way).as_posix()))}/"
        given = None if claims is None else given_claims(claims, study)
        page = page_text(shown.page(study, recorded=recorded, links_base=base, claims=given))
        with files.writable(html):
            files.write_text(html, page)
    asked.write(
        Result(
            lambda: study_document(study, verdict(study), recorded=recorded),
            lambda: shown.brief(study, recorded=recorded),
            lambda: shown.tables(study),
        )
    )
    if html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {html}")


#: What is said of a capture that holds a recorded pass alone.
ONE_PASS = "This capture holds one recorded pass, and no time without a profiler: this is what was recorded, which the recorder made slower."


def _report_on_pass(trace: Path, block: str, html: Path | None, asked: Wanted) -> None:
    """The analysis of the pass, which is the range `block` of the trace, with that sentence above it: nothing was timed that a verdict could be of."""
    from dataclasses import replace

    from launchlens.reports.blocks import Paragraph
    from launchlens.reports.output import Result
    from launchlens.reports.pages import trace as shown
    from launchlens.traces import files
    from launchlens.traces.analysis import analyze, as_document
    from launchlens.traces.source import open_trace

    analysis = analyze(open_trace(trace), range_name=block)
    answered = analysis.answers()
    document, tables = as_document(analysis, answered), list(answered.tables.values())
    if html is not None:
        from launchlens.reports.writers.html import html as page_text

        page = replace(shown.page(document, tables, analysis.timelines()), banners=(("recorded", ONE_PASS, ""),))
        with files.writable(html):
            files.write_text(html, page_text(page))
    said = Paragraph(ONE_PASS, "warning")
    asked.write(
        Result(
            lambda: document,
            lambda: [said, *shown.blocks(document, tables, brief=8)],
            lambda: shown.tables(document, tables),
        )
    )
    if html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {html}")
