"""`profile`: measure every variant of a workload, record it, and report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launchlens.commands.capture_report import report_on
from launchlens.commands.choices import changed_parameters, chosen_collectors, chosen_probes, chosen_variants
from launchlens.commands.device import cuda_for_own, device_or_recorded, with_recorder
from launchlens.commands.endings import TerminatedError
from launchlens.commands.exit_codes import ANSWER_IS_NO, INTERRUPTED, TERMINATED
from launchlens.commands.measured import measured
from launchlens.commands.options import Format, Json, NoCache, Seed, Setting, TableName
from launchlens.commands.profile_sweep import MINUTES, AskedSweep, run_sweep
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.profiling.run import Plan
    from launchlens.reports.output import Wanted
    from launchlens.traces.captures.capture import Manifest


Workload = Annotated[
    str,
    typer.Option(help="What to measure: a name (see `variants`), or FILE.py that declares a workload of yours."),
]
VariantName = Annotated[list[str] | None, typer.Option(help="Measure only this variant; may be repeated.")]
Every = Annotated[
    bool,
    typer.Option("--all", help="Measure every variant of the workload, not only the usual ones, and run every probe."),
]
Regime = Annotated[list[str] | None, typer.Option(help="Measure only in this regime: eager or graph; may be repeated.")]
Device = Annotated[
    str, typer.Option(help="auto: the GPU if there is one, else the recorded capture. cuda, cpu: measure there.")
]
NewFolder = Annotated[Path | None, typer.Option(help="Folder for the capture; a new one below captures/ by default.")]
Sweep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUES",
        help="Measure at all these values of a parameter: V1,V2,… or LOW..HIGH:STEP, a number or log2; may be repeated.",
    ),
]
Minutes = Annotated[
    float | None, typer.Option(min=0, help="How long a sweep may take; 10 by default.", show_default=False)
]
Resume = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Go on with the sweep in this folder.")]
Rounds = Annotated[
    int | None,
    typer.Option(
        min=1, help="Rounds of interleaved blocks; 40 by default, and 12 a point of a sweep.", show_default=False
    ),
]
Iterations = Annotated[
    int | None, typer.Option(min=1, help="Iterations in a block; chosen from a trial run by default.")
]
Count = Annotated[
    int | None,
    typer.Option(help="How many copies small-copies makes, its sizes over and over; each once by default."),
]
Sizes = Annotated[
    str | None, typer.Option(help="Elements of each copy of small-copies, e.g. 32,64,128; the note's by default.")
]
CollectorName = Annotated[
    list[str] | None,
    typer.Option(
        help="What records it: torch (torch.profiler, the default), another that `doctor` lists, or all; may be repeated."
    ),
]
ProbeName = Annotated[
    list[str] | None,
    typer.Option(help="Run this probe as well (see `probe --list`), or all; may be repeated."),
]


def command(
    context: typer.Context,
    workload: Workload = "small-copies",
    variant: VariantName = None,
    every: Every = False,
    regime: Regime = None,
    device: Device = "auto",
    output: NewFolder = None,
    sweep: Sweep = None,
    minutes: Minutes = None,
    resume: Resume = None,
    rounds: Rounds = None,
    iterations: Iterations = None,
    seed: Seed = 0,
    count: Count = None,
    sizes: Sizes = None,
    setting: Setting = None,
    collector: CollectorName = None,
    probe: ProbeName = None,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    no_cache: NoCache = False,
) -> None:
    """Measure the variants of a workload: which is fastest, and why.

    They are timed unprofiled, in interleaved blocks, and recorded under a profiler as well. With several collectors
    the account is torch.profiler's, and a table says how far the others agree with it. Without a CUDA GPU it reports
    on the recorded capture that ships with launchlens, and says so.

    Example: launchlens profile --variant copy_ --variant triton-batched
    """
    from launchlens.commands.printing import wanted
    from launchlens.kernels.registry import REGIMES

    asked = wanted(format, as_json, table=table)
    if device not in ("auto", "cuda", "cpu"):
        raise typer.BadParameter(f"{device!r} is none of auto, cuda, cpu", param_hint="--device")
    unknown = [name for name in regime or () if name not in REGIMES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(REGIMES)}", param_hint="--regime")
    regimes, given = tuple(regime or REGIMES), _given(context)
    if sweep or resume is not None:
        made = AskedSweep(
            workload, tuple(sweep or ()), resume, MINUTES if minutes is None else minutes, variant, every,
            regimes, device, output, rounds, iterations, seed, count, sizes, setting, _command_line(), given,
        )  # fmt: skip
        run_sweep(made, asked)
        return
    if minutes is not None:
        raise typer.BadParameter("only a sweep has minutes: give --sweep NAME=VALUES as well", param_hint="--minutes")
    collectors, probes = chosen_collectors(collector), chosen_probes(probe or [])
    spec, chosen = chosen_variants(workload, variant, every=every)
    spec, changed = changed_parameters(spec, count, sizes, setting)
    where = device_or_recorded(cuda_for_own(workload) if spec.file and device == "auto" else device)
    if where == "recorded":
        _refuse_changed(changed)
        _warn_of_options(given)
        _report_recorded(workload, output, asked, every)
        return
    from launchlens.profiling.new_capture import new_folder, unless_empty
    from launchlens.profiling.run import ROUNDS, Plan

    with_recorder(where)
    if where != "cuda" and probes:
        raise InputError("--probe", "probes are of a GPU, and this measures on the CPU", "leave it out")
    if every and where == "cuda" and not probes:
        probes = chosen_probes(["all"])
    plan = Plan(
        spec, chosen, where, regimes, seed, rounds or ROUNDS, iterations, collectors=collectors, probes=probes,
        command=_command_line(),
    )  # fmt: skip
    folder = new_folder(output, spec.name)
    with unless_empty(folder):
        manifest = _measure(plan, folder, workload)
    report_on(folder, folder / "report.html", asked, recorded=None)
    _end_where_wrong(manifest)


def _warn_of_options(given: frozenset[str]) -> None:
    """Say which of the options that were given a recorded capture has no use for."""
    needing = ("--variant", "--all", "--regime", "--iterations", "--collector", "--probe")
    if given & set(needing):
        options = f"{', '.join(needing[:-1])} and {needing[-1]} need --device."
        typer.echo(f"The recorded capture holds what it holds: {options}", err=True)


def _end_where_wrong(manifest: Manifest) -> None:
    """Name the variants that are wrong, and end with 1 where there are any."""
    wrong = [record for record in manifest.variants if record.status == "wrong"]
    for record in wrong:
        typer.echo(
            f"launchlens: variant {record.variant} ({record.regime}) is wrong and was not timed: {record.why}", err=True
        )
    if wrong:
        raise typer.Exit(ANSWER_IS_NO)


def _measure(plan: Plan, folder: Path, workload: str) -> Manifest:
    """Run a plan into `folder`; what ends it early becomes a line for people."""
    try:
        return measured(plan, folder, workload)
    except (KeyboardInterrupt, TerminatedError) as error:
        how, code = ("interrupted", INTERRUPTED) if isinstance(error, KeyboardInterrupt) else ("terminated", TERMINATED)
        typer.echo(f"launchlens: {how}; {folder} holds what had been measured and says that it is incomplete", err=True)
        raise typer.Exit(code) from None


def _given(context: typer.Context) -> frozenset[str]:
    """The options that were given, as they are written on the command line."""
    sources = {one: context.get_parameter_source(one.name or "") for one in context.command.params}
    return frozenset(
        option for one, source in sources.items() if source and source.name == "COMMANDLINE" for option in one.opts
    )


def _command_line() -> list[str]:
    """The arguments as given, paths cut to their last part: a capture names no folder of anybody's machine."""
    return [part if "/" not in part and "\\" not in part else Path(part).name for part in sys.argv[1:]]


def _refuse_changed(changed: list[str]) -> None:
    if changed:
        raise InputError(
            ", ".join(changed),
            "the recorded capture was made without it, so it can't answer for it, and there is no GPU here",
            "measure on the CPU with --device cpu, or on a machine with a GPU",
        )


def _report_recorded(workload: str, output: Path | None, asked: Wanted, every: bool) -> None:
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.captures.recorded import copy_recorded, describe_recorded, is_copy, recorded_captures
    from launchlens.traces.files import writable

    found = recorded_captures(workload, every=every)
    if not found:
        raise InputError(
            workload,
            "no recorded capture of it ships with this version",
            "measure it: --device cpu, or on a machine with a GPU",
        )
    if read_capture(found[0]).manifest.device != "cuda":
        typer.echo(
            "No capture of a GPU has been recorded with this version yet; the one that ships is of a CPU.", err=True
        )
    folder = output or Path("captures") / f"recorded-{found[0].name}"
    if folder.exists() and not is_copy(found[0], folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            folder, "exists and is neither empty nor a copy of the recorded capture", "give --output another name"
        )
    with writable(folder, "give --output another place"):
        copy_recorded(found[0], folder)
    report_on(folder, folder / "report.html", asked, recorded=describe_recorded(read_capture(folder).manifest))
