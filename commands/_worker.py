"""`_worker`: what a child process of `profile` and `probe` runs; not for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(request: Annotated[Path, typer.Argument(help="What to run, as a collector or probe wrote it.")]) -> None:
    """Run what a collector records, or a probe, in a process of its own; not for people."""
    import signal

    from launchlens.profiling.worker import main

    # sent when the parent has gone, maybe while the GPU hangs: no Python would run to unwind
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise typer.Exit(main(request, own_process=True))
