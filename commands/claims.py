"""`claims`: claims tested on captures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.capture_report import given_claims, worked_out
from launchlens.commands.exit_codes import ANSWER_IS_NO
from launchlens.commands.options import Claims, Force, Format, Json, Markdown, NoCache, Output, TableName, Tables
from launchlens.commands.texts import texts_of_python
from launchlens.traces.problems import InputError


def command(
    captures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CAPTURE", help="Folders that `profile` wrote, sweeps too; by default all recorded that ship."
        ),
    ] = None,
    claims: Claims = None,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    output: Output = None,
    force: Force = False,
    markdown: Markdown = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where a claim of --claims FILE.toml is refuted.")
    ] = False,
    no_cache: NoCache = False,
) -> None:
    """Test claims on captures, and say on what evidence.

    Each is supported, refuted, depends, not reproduced, undecided, or not testable here. On several captures, each claim
    is tested on all that it is about, and what one lacks another may have.

    Example: launchlens claims --json
    """
    from launchlens.commands.printing import wanted
    from launchlens.reports.output import Result
    from launchlens.reports.pages import claims as shown
    from launchlens.reports.words.claims import markdown as markdown_page
    from launchlens.reports.words.sources import source_of
    from launchlens.traces.captures.recorded import all_recorded, describe_if_recorded, recorded_sweeps
    from launchlens.traces.claims.captures_by_name import named
    from launchlens.traces.claims.document import as_document
    from launchlens.traces.claims.judge import judge_across
    from launchlens.traces.claims.read import note_claims

    if strict and claims is None:
        raise typer.BadParameter("is for claims of your own: give --claims FILE.toml as well", param_hint="--strict")
    asked = wanted(
        format,
        as_json,
        markdown=markdown,
        table=table,
        tables=tables,
        output=output,
        force=force,
        source=captures[0] if captures else None,
    )
    folders = named(captures or [*all_recorded(), *recorded_sweeps()])
    if not folders:
        raise InputError("claims", "no recorded capture ships with this version", "name one that `profile` wrote")
    with texts_of_python():
        studies = {name: worked_out(folder) for name, folder in folders.items()}
        judged = judge_across(studies, note_claims() if claims is None else given_claims(claims, *studies.values()))
    shipped = {name: said for name, folder in folders.items() if (said := describe_if_recorded(folder))}
    recorded = " ".join(dict.fromkeys(shipped.values())) or None
    sources = [source_of(name, study, shipped.get(name)) for name, study in studies.items()]
    asked.write(
        Result(
            lambda: as_document(judged, studies, shipped=shipped, recorded=recorded),
            lambda: shown.blocks(judged, sources, recorded),
            lambda: shown.tables(judged),
            full=True,
            markdown=lambda: markdown_page(judged, sources),
        )
    )
    if strict and any(item.verdict == "refuted" for item in judged):
        raise typer.Exit(ANSWER_IS_NO)
