"""`scrub`: a copy of a trace that does not say whose machine it is from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.options import Force, Format, Json, TableName


def command(
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A Kineto trace, an Nsight Systems export (sqlite, or a folder of parquet tables), or our parquet.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The copy; gzip if a Kineto trace's ends in .gz, a folder for a folder."),
    ],
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    force: Force = False,
) -> None:
    """Copy a trace without what tells whose machine it is from.

    No paths, hosts, users, environment, stacks. The copy's analysis is proved equal before it appears. What is
    not known to be needed is left out, and what stays as text is listed, by where it stands and how often. Names of kernels and
    NVTX or record_function ranges stay as they are: a range's name is your own text, so read them.

    Example: launchlens scrub report1.sqlite -o shared.sqlite
    """
    from launchlens.commands.printing import wanted
    from launchlens.reports.blocks import Paragraph, Shown
    from launchlens.reports.output import Result
    from launchlens.reports.progress import reading
    from launchlens.traces.scrub.scrub import scrub as make_copy
    from launchlens.traces.tables import listings

    asked = wanted(format, as_json, table=table)
    with reading(trace.name) as progress:
        done = make_copy(trace, output, force=force, progress=progress)
    removed, kept = listings.removed(done.removed), listings.kept_texts(done.kept)
    same = Paragraph(f"{output}: its analysis is that of {trace.name}.")
    asked.write(
        Result(
            done.as_document,
            lambda: [Shown(removed, most=len(removed)), Shown(kept, most=len(kept)), same],
            lambda: [removed, kept],
        )
    )
    if done.paths_in_names and asked.is_for_people:
        typer.echo(f"launchlens: {done.paths_in_names} names of ranges or kernels hold a path, and were kept", err=True)
