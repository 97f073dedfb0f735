"""A capture read with progress, its claims, and the report on it, for the commands that need them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from launchlens.traces.claims.claim import Claim
    from launchlens.traces.studies.study import Study


def study_of(folder: Path) -> Study:
    """The study of a capture, with progress on a terminal while its traces are read. Raises InputError for what is none."""
    from launchlens.reports.progress import reading
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.studies.study import study

    capture = read_capture(folder)
    with reading(folder.name) as progress:
        return study(capture, progress)


def given_claims(path: Path, *studies: Study) -> list[Claim]:
    """A user's claims; each must name variants that the captures or their workloads know."""
    from launchlens.kernels.registry import variants
    from launchlens.traces.claims.read import check_variants, read_claims

    known: dict[str, dict[str, None]] = {}
    for study in studies:
        name = str(study.capture.manifest.workload.get("name"))
        names = [one.variant for one in study.capture.manifest.variants] + [one.name for one in variants(name)]
        known.setdefault(name, {}).update(dict.fromkeys(names))
    made = read_claims(path)
    check_variants(made, path, known)
    return made


def report_on(
    folder: Path, html: Path | None, *, as_json: bool, recorded: str | None, claims: Path | None = None
) -> None:
    """Print the verdict (or JSON) of a capture to stdout and write its report."""
    from launchlens.reports.words.verdict import sentences
    from launchlens.traces import files
    from launchlens.traces.studies.verdict import verdict

    worked_out = study_of(folder)
    findings = verdict(worked_out)
    if html is not None:
        # relative, so that a page that is passed on names no folder of anybody's machine beyond the way to the traces
        from urllib.parse import quote

        from launchlens.reports.html.report import render

        way = os.path.relpath(folder.resolve(), html.parent.resolve())
        base = "" if way == "." else f"{quote(Path(way).as_posix())}/"
        given = None if claims is None else given_claims(claims, worked_out)
        page = render(worked_out, recorded=recorded, links_base=base, claims=given)
        with files.writable(html):
            files.write_text(html, page)
    if as_json:
        from launchlens.reports.machine import study_document, text

        typer.echo(text(study_document(worked_out, findings, recorded=recorded)))
        return
    from launchlens.reports.terminal.console import stdout
    from launchlens.reports.terminal.study import print_study

    print_study(stdout(), worked_out, sentences(findings), recorded)
    if html is not None:
        typer.echo(f"\nReport: {html}")
