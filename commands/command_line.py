"""How typer runs a command of ours: whatever it reads, prints and raises."""

from __future__ import annotations

import os
from typing import Any

from typer import BadParameter
from typer.core import TyperCommand, TyperGroup

from launchlens.commands.endings import ended, signals_unwind
from launchlens.reports.streams import clean_output


class Command(TyperCommand):
    """A command, whose end names what it was given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest: list[str] = super().parse_args(ctx, args)
        # `--html --output page.html` would write a file of the name --output, and read the page
        names = {name for one in self.params for name in (*one.opts, *one.secondary_opts) if name.startswith("-")}
        for one in self.params:
            given = ctx.params.get(one.name)
            taken = names.intersection(map(str, given if isinstance(given, list | tuple) else [given]))
            if one.param_type_name == "option" and taken:
                raise BadParameter(f"needs a value, and {taken.pop()} is an option", ctx, param_hint=one.opts[0])
        return rest

    def invoke(self, ctx: Any) -> Any:
        given = [ctx.params[one.name] for one in self.params if one.param_type_name == "argument"]
        inputs = [str(part) for value in given for part in (value if isinstance(value, list) else [value]) if part]
        with ended(debug=ctx.find_root().params["debug"], inputs=inputs):
            return super().invoke(ctx)


class CommandLine(TyperGroup):
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
