"""launchlens' commands, listed; an exception meant for people becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Annotated, Any

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
from typer.core import TyperGroup

from launchlens import __version__
from launchlens.commands.exit_codes import BAD_INPUT, DONE, INTERRUPTED
from launchlens.commands.termination import tidy_when_terminated
from launchlens.traces.problems import InputError

#: In the order of the help; the module of each in commands/ holds a function `command`. Those with a `_` are not for people.
COMMANDS = (
    "profile",
    "analyze",
    "report",
    "claims",
    "compare",
    "open",
    "export",
    "scrub",
    "probe",
    "variants",
    "doctor",
    "_worker",
)


class _Commands(TyperGroup):
    """The one place that turns exceptions meant for people into a line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with tidy_when_terminated():
                return super().invoke(ctx)
        except InputError as error:
            typer.echo(f"launchlens: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            typer.echo("launchlens: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # `| head` has read enough: what it read was right
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for the interpreter's last flush
            raise typer.Exit(DONE) from None
        except OSError as error:
            # a path too long, a folder that may not be searched, a full disk: the system says what, and where
            where = f"{error.filename}: " if error.filename else ""
            typer.echo(f"launchlens: {' '.join(f'{where}{error.strerror or error}'.split())[:600]}", err=True)
            raise typer.Exit(BAD_INPUT) from None


app = typer.Typer(
    cls=_Commands,
    name="launchlens",
    help="Why one version of some GPU code is faster than another, in parts that add up to the measured time.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 done, and the answer is no (a variant is wrong); 2 unusable input or command line; 130 interrupted; 143 terminated.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


for _name in COMMANDS:
    app.command(_name, hidden=_name.startswith("_"))(import_module(f"launchlens.commands.{_name}").command)


if __name__ == "__main__":
    app()
