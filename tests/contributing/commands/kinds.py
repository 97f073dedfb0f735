"""`kinds`, a command that is added: what a claim can be tested by."""

from __future__ import annotations

import typer


def command() -> None:
    """List every kind of test that a claim may have.

    Example: launchlens kinds
    """
    from launchlens.traces.claims.read import KINDS

    for name in KINDS:
        typer.echo(name)
