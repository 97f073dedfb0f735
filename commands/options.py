"""Options that several commands have, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else there.")]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", help="table (the default), json, csv, parquet or markdown."),
]
Markdown = Annotated[bool, typer.Option("--markdown", help="The same as --format markdown: fit for a pull request.")]
TableName = Annotated[
    str | None,
    typer.Option("--table", metavar="NAME", help="With csv, parquet or markdown: this table; by default the first."),
]
Tables = Annotated[
    Path | None,
    typer.Option(
        "--tables",
        metavar="DIR",
        help="Write all tables to this new folder as well, each as CSV and as parquet; with --force over tables of before.",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output file.")]


def _without_cache(context: typer.Context, wanted: bool) -> bool:
    if wanted:
        from launchlens.traces.cache import store

        context.with_resource(store.off())
    return wanted


NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache",
        callback=_without_cache,
        help="Read traces anew, and keep nothing of them; else what a big one held is kept in your cache folder (see doctor).",
    ),
]
Claims = Annotated[
    Path | None,
    typer.Option("--claims", metavar="FILE.toml", help="Test the claims of this file; by default the note's."),
]
Steps = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Of traces: ranges that are the steps, as in 'iteration*'; else the profiler's own, or what repeats.",
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a parameter of the workload; may be repeated."),
]
Seed = Annotated[int, typer.Option(help="Seed of the inputs.")]
