"""What a command line names, and what it changes: the workload, its variants and parameters, probes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from launchlens.commands.own_code import blame_own, stdout_kept_clean
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.kernels.registry import Variant, WorkloadSpec
    from launchlens.profiling.collectors.collector import Collector
    from launchlens.profiling.probes.catalogue import Listed


def chosen_variants(workload: str, names: list[str] | None, *, every: bool) -> tuple[WorkloadSpec, list[Variant]]:
    """A workload, by name or by its file, and which of its variants: those named, the usual ones, or every one."""
    if workload.endswith(".py"):
        spec, made = _own(Path(workload))
    else:
        from launchlens.kernels.registry import variants, workloads

        specs = {spec.name: spec for spec in workloads()}
        if workload not in specs:
            raise typer.BadParameter(f"{workload!r} is none of {', '.join(specs)}, FILE.py", param_hint="--workload")
        spec, made = specs[workload], variants(workload)
    known = {one.name: one for one in made}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(known)}", param_hint="--variant")
    # the baseline is what all are compared with, so it is measured whether named or not
    usual = set(known) if every or not spec.usual else set(spec.usual)
    wanted = {spec.baseline, *names} if names else usual
    return spec, [one for name, one in known.items() if name in wanted]


def _own(path: Path) -> tuple[WorkloadSpec, list[Variant]]:
    """What the user's file declares. Raises InputError with the place in it that is wrong."""
    from launchlens.kernels.user_module import UserModuleError, load

    try:
        with stdout_kept_clean():
            return load(path)
    except UserModuleError as error:
        raise InputError(error.where, error.what, error.remedy) from None


def changed_parameters(
    spec: WorkloadSpec, count: int | None, sizes: str | None, settings: list[str] | None
) -> tuple[WorkloadSpec, list[str]]:
    """The workload with its parameters as the command line says, and the options that said so."""
    given = {"--count": ("count", count), "--sizes": ("sizes", sizes)}
    options = {option: (name, str(value)) for option, (name, value) in given.items() if value is not None}
    for text in settings or ():
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
        options[f"--set {name}"] = name, value
    try:
        return spec.with_parameters(dict(options.values())), list(options)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=" ".join(options)) from None
    except Exception as error:
        blame_own(error, spec)
        raise


def chosen_probes(names: list[str], given_by: str = "--probe") -> list[Listed]:
    """The probes of these names; `given_by` is the option or argument that named them."""
    from launchlens.profiling.probes.catalogue import CATALOGUE, chosen

    try:
        return chosen(names)
    except KeyError as error:
        known = ", ".join((*CATALOGUE, "all"))
        raise typer.BadParameter(f"{error.args[0]!r} is none of {known}", param_hint=given_by) from None


def chosen_collectors(names: list[str] | None) -> list[Collector]:
    """The collectors of these names, or the usual one."""
    from launchlens.profiling.collectors.catalogue import CATALOGUE, USUAL, chosen

    try:
        return chosen(names) if names else [USUAL]
    except KeyError as error:
        known = ", ".join((*CATALOGUE, "all"))
        raise typer.BadParameter(f"{error.args[0]!r} is none of {known}", param_hint="--collector") from None
