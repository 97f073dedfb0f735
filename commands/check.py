"""`check`: whether new recordings are slower than a base's by more than they may be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.capture_report import study_of
from launchlens.commands.options import Force, Format, Json, NoCache, Output, TableName, Tables


def command(
    new: Annotated[
        list[str], typer.Argument(metavar="NEW", help="The new captures or traces: files, folders or patterns.")
    ],
    against: Annotated[
        list[str], typer.Option("--against", metavar="BASE", help="The base's, likewise; may be repeated.")
    ],
    max_slowdown: Annotated[
        str, typer.Option(metavar="SHARE", help="How much longer anything may take: 5% or 0.05.")
    ] = "5%",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What is limited: step.wall (the default), gpu.busy, gpu.idle, idle.CAUSE, launches, kernel.NAME, operator.NAME, "
            "range.NAME, or a pattern such as 'idle.*'; may be repeated.",
        ),
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Of captures: this variant alone; may be repeated.")
    ] = None,
    range_name: Annotated[
        list[str] | None, typer.Option("--range", metavar="NAME", help="Limit this range: --metric range.NAME.")
    ] = None,
    kernel: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Limit this kernel: --metric kernel.NAME.")
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Limits with an allowance of their own, a row each (docs/ci.md)."),
    ] = None,
    steps: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Of traces: ranges that are the steps, as in 'iteration*'.")
    ] = None,
    allow_single: Annotated[
        bool,
        typer.Option(
            "--allow-single",
            help="Decide by fewer than three captures a side too; drift between runs is not covered then.",
        ),
    ] = False,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    output: Output = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The same as --format markdown: fit for a pull request.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE.xml", help="Write JUnit XML as well.")] = None,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Say, for CI, whether NEW is slower than BASE allows.

    Exit codes: 0 passed, or no slowdown shown; 1 the whole 95 % interval of a ratio lies above its allowance; 3 the data can't decide.
    Where GITHUB_STEP_SUMMARY names a file, a summary is added to it.

    Example: launchlens check new/*.json.gz --against 'base/*.json.gz' --max-slowdown 5%
    """
    from launchlens.commands.printing import wanted
    from launchlens.reports.output import Result
    from launchlens.reports.pages import check as shown
    from launchlens.reports.progress import reading
    from launchlens.reports.streams import clean
    from launchlens.reports.writers.markdown import markdown as markdown_text
    from launchlens.traces import files
    from launchlens.traces.checks.check import check
    from launchlens.traces.checks.document import EXIT_CODES, as_document, checked
    from launchlens.traces.checks.limits import STEP, Limit, read_limits, share

    if markdown and (as_json or format not in (None, "markdown")):
        raise typer.BadParameter("give one of --json, --format and --markdown", param_hint="--markdown")
    source = Path(new[0].partition("::")[0])
    asked = wanted(
        "markdown" if markdown else format,
        as_json,
        table=table,
        tables=tables,
        output=output,
        force=force,
        source=source,
    )
    if junit is not None:
        files.free(junit, force, source)
    try:
        allowance = share(max_slowdown)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--max-slowdown") from None
    named = [
        *(metric or ()),
        *(f"range.{each}" for each in range_name or ()),
        *(f"kernel.{each}" for each in kernel or ()),
    ]
    given = [] if limits is None else read_limits(limits, allowance)
    if named or variant or not given:
        given += [Limit(name, allowance, each) for name in named or [STEP] for each in variant or ["*"]]
    found = check(new, against, given, study_of, steps=steps, allow_single=allow_single, reading=reading)
    if junit is not None:
        from launchlens.reports.writers.junit import junit as junit_text

        with files.writable(junit):
            files.write_text(junit, junit_text(found))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        # the runner's own file, to which every step adds: it is not ours to replace
        with files.writable(Path(summary)), open(summary, "a", encoding="utf-8") as file:
            file.write(clean(f"## launchlens check\n\n{markdown_text(shown.blocks(found))}\n"))
    asked.write(Result(lambda: as_document(found), lambda: shown.blocks(found), lambda: [checked(found)], full=True))
    if code := EXIT_CODES[found.outcome]:
        raise typer.Exit(code)
