"""`profile --sweep` and `profile --resume`: a workload at many values of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from launchlens.commands.choices import changed_parameters, chosen_variants
from launchlens.commands.device import cuda_for_own, device_or_recorded, with_recorder
from launchlens.commands.endings import TerminatedError
from launchlens.commands.exit_codes import ANSWER_IS_NO, INTERRUPTED, TERMINATED
from launchlens.commands.own_code import blame_own, stdout_kept_clean
from launchlens.commands.sweep_report import report_on_sweep
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.profiling.sweeps.run import SweepPlan
    from launchlens.reports.output import Wanted
    from launchlens.traces.sweeps.sweep import Sweep, SweepRecord

#: Minutes of a sweep, where none are given.
MINUTES = 10.0


@dataclass(frozen=True)
class AskedSweep:
    """What the command line says of a sweep. `given` are the options that were given, as they are written there."""

    workload: str
    sweep: Sequence[str]
    resume: Path | None
    minutes: float
    variant: list[str] | None
    every: bool
    regimes: tuple[str, ...]
    device: str
    output: Path | None
    rounds: int | None
    iterations: int | None
    seed: int
    count: int | None
    sizes: str | None
    setting: list[str] | None
    command: list[str]
    given: frozenset[str]


#: What a sweep that goes on takes from its folder.
_OF_THE_FOLDER = (
    "--variant",
    "--all",
    "--regime",
    "--output",
    "--rounds",
    "--iterations",
    "--count",
    "--sizes",
    "--set",
)
#: What a sweep has no use for: it records nothing.
_OF_A_PLAIN_RUN = ("--collector", "--probe")


def run_sweep(asked: AskedSweep, wanted: Wanted) -> None:
    """Begin a sweep, or go on with one, and report on it. Raises typer.Exit where it was interrupted, or a variant is wrong."""
    for option in _OF_A_PLAIN_RUN:
        if option in asked.given:
            raise InputError(
                option, "a sweep times and records nothing", "leave it out, or profile one point without --sweep"
            )
    plan, folder, earlier = _anew(asked) if asked.resume is None else _to_resume(asked, asked.resume)
    from launchlens.profiling.new_capture import unless_empty

    with unless_empty(folder):
        record = _measure(plan, folder, earlier, asked.workload)
    _say(record, folder)
    report_on_sweep(folder, folder / "report.html", wanted)
    wrong = {
        (each.variant, each.regime): f"{each.why} (at {_at(point.settings)})"
        for point in record.points
        for each in point.variants
        if each.status == "wrong"
    }
    for (variant, regime), why in wrong.items():
        typer.echo(f"launchlens: variant {variant} ({regime}) is wrong and was not timed there: {why}", err=True)
    if wrong:
        raise typer.Exit(ANSWER_IS_NO)


def _anew(asked: AskedSweep) -> tuple[SweepPlan, Path, Sweep | None]:
    spec, chosen = chosen_variants(asked.workload, asked.variant, every=asked.every)
    spec, changed = changed_parameters(spec, asked.count, asked.sizes, asked.setting)
    from launchlens.profiling.new_capture import new_folder
    from launchlens.profiling.sweeps.axes import axes_of
    from launchlens.profiling.sweeps.point import HowTimed
    from launchlens.profiling.sweeps.run import SweepPlan

    try:
        axes = axes_of(spec, asked.sweep)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sweep") from None
    twice = [axis.name for axis in axes if {f"--{axis.name}", f"--set {axis.name}"} & set(changed)]
    if twice:
        raise typer.BadParameter(f"{twice[0]} is swept and set as well", param_hint="--sweep")
    device = _device(asked, own=spec.file is not None)
    usual = HowTimed()
    rounds = asked.rounds or usual.rounds
    how = HowTimed(rounds, rounds if asked.rounds else usual.most_rounds, asked.iterations)
    plan = SweepPlan(spec, chosen, axes, device, asked.regimes, asked.seed, asked.minutes, how, command=asked.command)
    try:
        _refuse_values(plan)
    except Exception as error:
        blame_own(error, spec)
        raise
    return plan, new_folder(asked.output, f"{spec.name}-sweep"), None


def _refuse_values(plan: SweepPlan) -> None:
    """Raise BadParameter for a value that the workload refuses wherever it is met."""
    from itertools import product

    for number, axis in enumerate(plan.axes):
        others = [each.values if place != number else (None,) for place, each in enumerate(plan.axes)]
        for value in axis.values:
            why = ""
            for place in product(*others):
                settings = tuple(value if each is None else each for each in place)
                why = plan.refusal(settings) or ""
                if not why:
                    break
            if why:
                raise typer.BadParameter(why, param_hint=f"--sweep {axis.name}")


def _to_resume(asked: AskedSweep, folder: Path) -> tuple[SweepPlan, Path, Sweep | None]:
    from launchlens.profiling.sweeps.axes import axes_of
    from launchlens.profiling.sweeps.resume import plan_to_resume
    from launchlens.traces.sweeps.sweep import read_sweep

    taken = [option for option in _OF_THE_FOLDER if option in asked.given]
    if taken:
        raise InputError(taken[0], f"is as it was in {folder}, which goes on", "leave it out")
    earlier = read_sweep(folder)
    record = earlier.record
    file = record.workload.get("file")
    if file is not None and "--workload" not in asked.given:
        raise InputError(folder, f"is of a workload of your own, in {file}", "give --workload FILE.py as well")
    name = asked.workload if "--workload" in asked.given else str(record.workload.get("name"))
    spec, known = chosen_variants(name, None, every=True)
    plan = plan_to_resume(earlier, spec, known, asked.minutes, asked.command)
    anew = "begin a sweep anew, without --resume"
    if "--seed" in asked.given and asked.seed != record.seed:
        raise InputError(folder, f"has the seed {record.seed}, not {asked.seed}", anew)
    if "--device" in asked.given and asked.device not in ("auto", record.device):
        raise InputError(folder, f"was measured on {record.device}, not {asked.device}", anew)
    if record.device == "cuda":
        device_or_recorded("cuda")
    if asked.sweep:
        try:
            axes = axes_of(spec, asked.sweep)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--sweep") from None
        if axes != record.axes:
            raise InputError(folder, "sweeps other values than these", "leave --sweep out, or begin a sweep anew")
    with_recorder(record.device)
    return plan, earlier.path, earlier


def _device(asked: AskedSweep, *, own: bool) -> str:
    """Where to measure. Raises InputError where `auto` finds no GPU: no recorded sweep is of the values that were asked for."""
    device = asked.device
    if own and device == "auto":
        device = cuda_for_own(asked.workload)
    elif device == "auto":
        from launchlens.profiling.environment import has_cuda

        if not has_cuda():
            raise InputError("--sweep", "there is no CUDA GPU here to sweep on", "pass --device cpu")
        device = "cuda"
    where = device_or_recorded(device)
    with_recorder(where)
    return where


def _measure(plan: SweepPlan, folder: Path, earlier: Sweep | None, workload: str) -> SweepRecord:
    """Run a plan into `folder`; what ends it early becomes a line for people."""
    from launchlens.profiling.run import NothingToMeasureError
    from launchlens.profiling.sweeps.run import sweep
    from launchlens.reports.progress import Steps

    try:
        with stdout_kept_clean():
            return sweep(plan, folder, Steps(), earlier)
    except NothingToMeasureError as error:
        raise InputError(workload, f"nothing could be measured: {error}", "see `launchlens doctor`") from None
    except (KeyboardInterrupt, TerminatedError) as error:
        how, code = ("interrupted", INTERRUPTED) if isinstance(error, KeyboardInterrupt) else ("terminated", TERMINATED)
        typer.echo(
            f"launchlens: {how}; {folder} holds the points that had been measured; go on with --resume {folder}",
            err=True,
        )
        raise typer.Exit(code) from None
    except Exception as error:
        blame_own(error, plan.workload, f"while it was measured; {folder} is incomplete")
        raise


def _say(record: SweepRecord, folder: Path) -> None:
    """How far it came, on stderr: results stand on stdout."""
    coarse = [point for point in record.points if point.stage == "coarse"]
    measured = sum(bool(point.variants) for point in coarse)
    near = len(record.points) - len(coarse)
    held = sum(point.held_out for point in coarse)
    text = f"{measured} of {len(coarse)} points of the grid ({held} held out), {near} near turn-overs"
    typer.echo(f"Swept {text}, in {record.used_minutes:.1f} minutes: {folder}", err=True)
    if measured < len(coarse):
        typer.echo(f"launchlens: the time was up; go on with --resume {folder}", err=True)


def _at(settings: object) -> str:
    assert isinstance(settings, dict)
    return ", ".join(f"{name}={value}" for name, value in settings.items())
