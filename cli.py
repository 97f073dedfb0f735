"""launchlens' commands, listed; what they raise becomes a line on stderr and an exit code (commands/endings.py)."""

from __future__ import annotations

import sys

#: In the order of the help; the module of each in commands/ holds a function `command`. Those with a `_` are not for people.
COMMANDS = (
    "profile",
    "analyze",
    "report",
    "predict",
    "claims",
    "compare",
    "check",
    "open",
    "export",
    "scrub",
    "probe",
    "variants",
    "doctor",
    "_worker",
    "_reader",
)

try:  # Ctrl-C while this and what it needs is loaded
    import gc
    import signal
    from importlib import import_module
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path
    from typing import Annotated

    if not __package__:
        # Run as a script. Python put this folder first on sys.path, where `kernels/` and `profiling/` would be importable
        # as top-level names; import the checkout as `launchlens` instead.
        _root = Path(__file__).resolve().parent
        sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _root]
        _spec = spec_from_file_location("launchlens", _root / "__init__.py")
        assert _spec and _spec.loader
        sys.modules["launchlens"] = module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules["launchlens"])

    import typer

    from launchlens import __version__
    from launchlens.commands.command_line import Command, CommandLine
    from launchlens.commands.endings import TerminatedError
    from launchlens.commands.exit_codes import INTERRUPTED, TERMINATED

    _modules = {name: import_module(f"launchlens.commands.{name}") for name in COMMANDS}
except KeyboardInterrupt:
    sys.stderr.write("launchlens: interrupted\n")
    sys.exit(130)


app = typer.Typer(
    cls=CommandLine,
    name="launchlens",
    help="Why one version of some GPU code is faster than another, in parts that add up to the measured time.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 done, and the answer is no (a variant is wrong, a check found a slowdown); 2 unusable input or "
    "command line; 3 the data can't decide (check); 70 a fault of launchlens; 130 interrupted; 143 terminated.",
)
for _name, _module in _modules.items():
    app.command(_name, cls=Command, hidden=_name.startswith("_"))(_module.command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="LAUNCHLENS_DEBUG", help="Show where an error was raised.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and end the process."""
    # what commands make is gone by itself, almost all of it: at Python's own pace a tenth of the time goes into looking whether it was
    gc.set_threshold(10_000, 20, 100)
    try:
        app()
    except (KeyboardInterrupt, TerminatedError) as error:  # between two steps of typer's
        sys.exit(INTERRUPTED if isinstance(error, KeyboardInterrupt) else TERMINATED)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left to say, nor to unwind


if __name__ == "__main__":
    main()
