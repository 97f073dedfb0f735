"""`scrub`: a copy of a trace that does not say whose machine it is from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.options import Force, Json


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
    force: Force = False,
) -> None:
    """Copy a trace without what tells whose machine it is from.

    No paths, hosts, users, environment, stacks. The copy's analysis is proved equal before it appears. Names of
    kernels and NVTX or record_function ranges stay as they are: a range's name is your own text, so read them. Tables
    that launchlens and nsys stats do not need are left out.

    Example: launchlens scrub report1.sqlite -o shared.sqlite
    """
    from launchlens.reports.progress import reading
    from launchlens.traces.scrub.scrub import scrub as make_copy

    with reading(trace.name) as progress:
        done = make_copy(trace, output, force=force, progress=progress)
    if as_json:
        from launchlens.reports.machine import text

        typer.echo(text(done.as_document()))
        return
    from launchlens.reports.terminal.console import stdout
    from launchlens.reports.terminal.study import print_rows

    print_rows(stdout(), ("removed", "count"), [(what, f"{count:,}") for what, count in done.removed.items()])
    typer.echo(f"\n{output}: its analysis is that of {trace.name}.")
    if done.paths_in_names:
        typer.echo(f"launchlens: {done.paths_in_names} names of ranges or kernels hold a path, and were kept", err=True)
