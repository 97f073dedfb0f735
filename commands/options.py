"""Options that several commands have, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else there.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output file.")]
Claims = Annotated[
    Path | None,
    typer.Option("--claims", metavar="FILE.toml", help="Test the claims of this file; by default the note's."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a parameter of the workload; may be repeated."),
]
Seed = Annotated[int, typer.Option(help="Seed of the inputs.")]
