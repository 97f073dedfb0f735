"""`check`: whether new recordings are slower than a base's by more than they may be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launchlens.commands.capture_report import study_of
from launchlens.commands.options import Force, Format, Json, Markdown, NoCache, Output, Steps, TableName, Tables

if TYPE_CHECKING:
    from launchlens.traces.checks.check import Check
    from launchlens.traces.checks.limits import Limit

New = Annotated[
    list[str], typer.Argument(metavar="NEW", help="The new captures or traces: files, folders or patterns.")
]
Against = Annotated[list[str], typer.Option("--against", metavar="BASE", help="The base's, likewise; may be repeated.")]
MaxSlowdown = Annotated[str, typer.Option(metavar="SHARE", help="How much longer anything may take: 5% or 0.05.")]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="What is limited: step.wall (the default), gpu.busy, gpu.idle, idle.CAUSE, launches, launch.cost, kernel.NAME, operator.NAME, "
        "range.NAME, or a pattern such as 'idle.*'; may be repeated.",
    ),
]
VariantName = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Of captures: this variant alone; may be repeated.")
]
RangeName = Annotated[
    list[str] | None, typer.Option("--range", metavar="NAME", help="Limit this range: --metric range.NAME.")
]
Kernel = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Limit this kernel: --metric kernel.NAME.")]
Limits = Annotated[
    Path | None,
    typer.Option(metavar="FILE.toml", help="Limits with an allowance of their own, a row each (docs/ci.md)."),
]
AllowSingle = Annotated[
    bool,
    typer.Option(
        "--allow-single",
        help="Decide by fewer than three captures a side too; drift between runs is not covered then.",
    ),
]
Junit = Annotated[Path | None, typer.Option(metavar="FILE.xml", help="Write JUnit XML as well.")]


def command(
    new: New,
    against: Against,
    max_slowdown: MaxSlowdown = "5%",
    metric: Metric = None,
    variant: VariantName = None,
    range_name: RangeName = None,
    kernel: Kernel = None,
    limits: Limits = None,
    steps: Steps = None,
    allow_single: AllowSingle = False,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    output: Output = None,
    markdown: Markdown = False,
    junit: Junit = None,
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
    from launchlens.traces import files
    from launchlens.traces.checks.check import check
    from launchlens.traces.checks.document import EXIT_CODES, as_document, checked

    source = Path(new[0].partition("::")[0])
    asked = wanted(
        format, as_json, markdown=markdown, table=table, tables=tables, output=output, force=force, source=source
    )
    if junit is not None:
        files.free(junit, force, source)
    named = [
        *(metric or ()),
        *(f"range.{each}" for each in range_name or ()),
        *(f"kernel.{each}" for each in kernel or ()),
    ]
    given = _limits(limits, max_slowdown, named, variant or [])
    found = check(new, against, given, study_of, steps=steps, allow_single=allow_single, reading=reading)
    if junit is not None:
        from launchlens.reports.writers.junit import junit as junit_text

        with files.writable(junit):
            files.write_text(junit, junit_text(found))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        _add_to_summary(Path(summary), found)
    asked.write(Result(lambda: as_document(found), lambda: shown.blocks(found), lambda: [checked(found)], full=True))
    if code := EXIT_CODES[found.outcome]:
        raise typer.Exit(code)


def _limits(file: Path | None, max_slowdown: str, named: Sequence[str], variants: Sequence[str]) -> list[Limit]:
    """What is limited: by a file, by names and variants of the command line, or the step where neither says anything."""
    from launchlens.traces.checks.limits import STEP, Limit, read_limits, share

    try:
        allowance = share(max_slowdown)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--max-slowdown") from None
    given = [] if file is None else read_limits(file, allowance)
    if named or variants or not given:
        given += [Limit(name, allowance, each) for name in named or [STEP] for each in variants or ["*"]]
    return given


def _add_to_summary(place: Path, found: Check) -> None:
    """Add what was found to the runner's own file, to which every step adds: it is not ours to replace."""
    from launchlens.reports.pages import check as shown
    from launchlens.reports.streams import clean
    from launchlens.reports.writers.markdown import markdown
    from launchlens.traces import files

    with files.writable(place), place.open("a", encoding="utf-8") as file:
        file.write(clean(f"## launchlens check\n\n{markdown(shown.blocks(found))}\n"))
