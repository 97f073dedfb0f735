"""launchlens' commands, listed; what they raise becomes a line on stderr and an exit code (commands/endings.py)."""

from __future__ import annotations

import sys

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

try:  # Ctrl-C while this and what it needs is loaded
    import os
    import signal
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
    from typer.core import TyperCommand, TyperGroup

    from launchlens import __version__
    from launchlens.commands.endings import TerminatedError, ended, signals_unwind
    from launchlens.commands.exit_codes import INTERRUPTED, TERMINATED
    from launchlens.reports.streams import clean_output

    _modules = {name: import_module(f"launchlens.commands.{name}") for name in COMMANDS}
except KeyboardInterrupt:
    sys.stderr.write("launchlens: interrupted\n")
    sys.exit(130)


class _Command(TyperCommand):
    def invoke(self, ctx: Any) -> Any:
        given = [ctx.params[one.name] for one in self.params if one.param_type_name == "argument"]
        inputs = [str(part) for value in given for part in (value if isinstance(value, list) else [value]) if part]
        with ended(debug=ctx.find_root().params["debug"], inputs=inputs):
            return super().invoke(ctx)


class _Commands(TyperGroup):
    """Prints through streams that clean, and lets what reads the command line end as a command does."""

    def main(self, *arguments: Any, **more: Any) -> Any:
        with signals_unwind(), clean_output():
            return super().main(*arguments, **more)

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        with ended(debug=bool(os.environ.get("LAUNCHLENS_DEBUG"))):
            return super().make_context(*arguments, **more)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # a command that failed is run again with --debug at its end
        own = args[: args.index("--")] if "--" in args else args
        debug = ["--debug"] if "--debug" in own else []
        return super().parse_args(ctx, [*debug, *(part for part in own if part not in debug), *args[len(own) :]])

    def invoke(self, ctx: Any) -> Any:
        with ended(debug=ctx.params["debug"]):
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    name="launchlens",
    help="Why one version of some GPU code is faster than another, in parts that add up to the measured time.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done; 1 done, and the answer is no (a variant is wrong); 2 unusable input or command line; "
    "70 a fault of launchlens; 130 interrupted; 143 terminated.",
)
for _name, _module in _modules.items():
    app.command(_name, cls=_Command, hidden=_name.startswith("_"))(_module.command)


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
    try:
        app()
    except (KeyboardInterrupt, TerminatedError) as error:  # between two steps of typer's
        sys.exit(INTERRUPTED if isinstance(error, KeyboardInterrupt) else TERMINATED)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left to say, nor to unwind


if __name__ == "__main__":
    main()
