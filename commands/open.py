"""`open`: a trace in Perfetto or Nsight Systems."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.exit_codes import ANSWER_IS_NO
from launchlens.commands.options import NoCache

PERFETTO = "perfetto"


def command(
    trace: Annotated[
        Path, typer.Argument(help="A trace of any recorder, or a folder that `profile` wrote.", metavar="TRACE")
    ],
    viewer: Annotated[
        str,
        typer.Option("--in", metavar="VIEWER", help="perfetto: ui.perfetto.dev. nsight: Nsight Systems' own window."),
    ] = PERFETTO,
    regime: Annotated[
        str | None,
        typer.Option(help="Of a capture, only this regime; by default all in perfetto, the first in nsight."),
    ] = None,
    as_recorded: Annotated[
        bool,
        typer.Option(
            "--as-recorded",
            help="Show a Kineto trace as its file is, with Python frames and all arguments, and without launchlens' tracks.",
        ),
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Loopback port; Perfetto's page may fetch from 9001 only.")
    ] = 9001,
    browser: Annotated[bool, typer.Option(help="Open the browser; without it the address is only printed.")] = True,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the page to fetch the trace; 0 waits until Ctrl-C.")
    ] = 300,
    no_cache: NoCache = False,
) -> None:
    """Open a trace in ui.perfetto.dev, or in Nsight Systems.

    The file is served on loopback, to Perfetto's page only, and leaves the machine nowhere. It is exported for that, with
    launchlens' own tracks on top: the steps, the GPU's gaps by cause, what each piece of advice rests on, the longest
    kernels, and the time account. With --in nsight, a .nsys-rep (of a
    capture: the one in its nsys folder) opens in nsys-ui.

    Example: launchlens open captures/small-copies-20260102-030405/torch/eager.pt.trace.json.gz
    """
    if viewer != PERFETTO:
        from launchlens.traces.readers.catalogue import windows

        own = windows()
        if viewer not in own:
            raise typer.BadParameter(f"{viewer!r} is none of {', '.join((PERFETTO, *own))}", param_hint="--in")
        typer.echo(own[viewer].show(trace, regime))
        return
    import webbrowser

    from launchlens.reports.open.serve import serve
    from launchlens.reports.open.viewable import viewable
    from launchlens.reports.progress import reading

    def announce(address: str) -> None:
        typer.echo(address)
        if browser and not webbrowser.open(address):
            typer.echo("No browser could be started here: open the address above in one on this machine.", err=True)

    with ExitStack() as stack:
        with reading(trace.name) as progress:
            shown = stack.enter_context(viewable(trace, regime, progress, as_recorded=as_recorded))
        if shown.says:
            typer.echo(shown.says, err=True)
        fetched = serve(shown.path, port, wait, announce)
    if not fetched:
        typer.echo(f"launchlens: nothing fetched the trace within {wait:g} s", err=True)
        raise typer.Exit(ANSWER_IS_NO)
