"""launchlens' commands, and nothing else: each wires the folders together and prints."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, ExitStack, redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.kernels.registry import Variant, WorkloadSpec
    from launchlens.profiling.probes.catalogue import Listed
    from launchlens.profiling.run import Plan
    from launchlens.traces.captures.capture import Manifest
    from launchlens.traces.claims.claim import Claim
    from launchlens.traces.studies.study import Study
    from launchlens.traces.trace import Progress, Trace

DONE, ANSWER_IS_NO, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class _Commands(TyperGroup):
    """The one place that turns exceptions meant for people into a line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
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
    epilog="Exit codes: 0 done; 1 done, and the answer is no (a variant is wrong); 2 unusable input or command line; 130 interrupted.",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else there.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output file.")]
Claims = Annotated[
    Path | None,
    typer.Option("--claims", metavar="FILE.toml", help="Test the claims of this file; by default the note's."),
]


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


@app.command()
def profile(
    workload: Annotated[
        str,
        typer.Option(help="What to measure: a name (see `variants`), or FILE.py that declares a workload of yours."),
    ] = "small-copies",
    variant: Annotated[list[str] | None, typer.Option(help="Measure only this variant; may be repeated.")] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Measure every variant of the workload, not only the usual ones, and run every probe."
        ),
    ] = False,
    regime: Annotated[
        list[str] | None, typer.Option(help="Measure only in this regime: eager or graph; may be repeated.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto: the GPU if there is one, else the recorded capture. cuda, cpu: measure there.")
    ] = "auto",
    output: Annotated[
        Path | None, typer.Option(help="Folder for the capture; a new one below captures/ by default.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of interleaved blocks.")] = 40,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="Iterations in a block; chosen from a trial run by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the inputs.")] = 0,
    count: Annotated[
        int | None,
        typer.Option(help="How many copies small-copies makes, its sizes over and over; each once by default."),
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(help="Elements of each copy of small-copies, e.g. 32,64,128; the note's by default.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a parameter of the workload; may be repeated."),
    ] = None,
    collector: Annotated[
        list[str] | None,
        typer.Option(help="What records it: torch (torch.profiler, the default), nsys, cupti or all; may be repeated."),
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(help="Run this probe as well (see `probe --list`), or all; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure every variant of a workload, record it under a profiler, and say which is fastest and why.

    With several collectors the account is torch.profiler's, and a table says how far the others agree with it. Without a CUDA GPU it reports on the recorded capture that ships with launchlens, and says so.

    Example: launchlens profile --variant copy_ --variant triton-batched
    """
    from launchlens.kernels.registry import REGIMES

    if device not in ("auto", "cuda", "cpu"):
        raise typer.BadParameter(f"{device!r} is none of auto, cuda, cpu", param_hint="--device")
    unknown = [name for name in regime or () if name not in REGIMES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(REGIMES)}", param_hint="--regime")
    collectors, probes = _collectors(collector), _probes(probe or [])
    spec, chosen = _chosen(workload, variant, every=every)
    spec, changed = _changed(spec, count, sizes, setting)
    where = _where(_device_for_own(workload) if spec.file and device == "auto" else device)
    if where == "recorded":
        _refuse_recorded(changed)
        if variant or every or regime or iterations or collector or probe:
            options = "--variant, --all, --regime, --iterations, --collector and --probe need --device."
            typer.echo(f"The recorded capture holds what it holds: {options}", err=True)
        _report_recorded(workload, output, as_json, every)
        return
    from launchlens.profiling.new_capture import new_folder
    from launchlens.profiling.run import Plan

    if where != "cuda" and probes:
        raise InputError("--probe", "probes are of a GPU, and this measures on the CPU", "leave it out")
    if every and where == "cuda" and not probes:
        probes = _probes(["all"])
    regimes, command = tuple(regime or REGIMES), _command_line()
    plan = Plan(
        spec, chosen, where, regimes, seed, rounds, iterations, collectors=collectors, probes=probes, command=command
    )
    folder = new_folder(output, spec.name)
    manifest = _measure(plan, folder, workload)
    _report(folder, folder / "report.html", as_json=as_json, recorded=None)
    wrong = [record for record in manifest.variants if record.status == "wrong"]
    for record in wrong:
        typer.echo(
            f"launchlens: variant {record.variant} ({record.regime}) is wrong and was not timed: {record.why}", err=True
        )
    if wrong:
        raise typer.Exit(ANSWER_IS_NO)


def _measure(plan: Plan, folder: Path, workload: str) -> Manifest:
    """Run a plan into `folder`; what ends it early becomes a line for people."""
    from launchlens.profiling.checking import NOT_CHECKED
    from launchlens.profiling.run import NothingToMeasureError, run
    from launchlens.reports.progress import Steps

    try:
        with _stdout_kept_clean():
            manifest = run(plan, folder, Steps())
    except NothingToMeasureError as error:
        raise InputError(workload, f"nothing could be measured: {error}", "see `launchlens doctor`") from None
    except KeyboardInterrupt:
        typer.echo(
            f"launchlens: interrupted; {folder} holds what had been measured and says that it is incomplete", err=True
        )
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        _blame_own(error, plan.workload, f"while it was measured; {folder} is incomplete")
        raise
    if manifest.workload["correctness"] == NOT_CHECKED:
        typer.echo(f"launchlens: {workload} declares no check, so nothing says that its variants are right", err=True)
    _warn_of_traces(manifest, folder)
    return manifest


def _warn_of_traces(manifest: Manifest, folder: Path) -> None:
    """Say what could not be recorded and why, and, once, what a kept .nsys-rep tells about the machine."""
    from launchlens.profiling.collectors import nsys
    from launchlens.profiling.run import COLLECTORS

    missing: dict[tuple[str, str], list[str]] = {}
    for record in manifest.traces:
        if record.problem:
            missing.setdefault((record.collector, record.problem), []).append(record.regime)
    for (name, problem), regimes in missing.items():
        what = f"{COLLECTORS.get(name, name)} recorded nothing ({', '.join(regimes)})"
        typer.echo(f"launchlens: {what}: {problem}", err=True)
    kept = [record for record in manifest.traces if record.collector == nsys.NAME and record.path]
    if kept:
        typer.echo(
            f"launchlens: {folder / nsys.NAME}/*.nsys-rep and *.sqlite hold the environment variables and command lines of "
            f"this machine's processes. Share a copy: launchlens scrub {folder / kept[0].path} -o shared.sqlite; "
            "a .nsys-rep can't be scrubbed.",
            err=True,
        )


def _collectors(given: list[str] | None) -> tuple[str, ...]:
    """The collectors asked for, each once, torch.profiler's first: the account is the first one's."""
    from launchlens.profiling.run import COLLECTORS

    unknown = [name for name in given or () if name not in (*COLLECTORS, "all")]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(COLLECTORS)}, all", param_hint="--collector")
    wanted = given or ["torch"]
    return tuple(name for name in COLLECTORS if name in wanted or "all" in wanted)


def _probes(names: list[str], given_by: str = "--probe") -> list[Listed]:
    from launchlens.profiling.probes.catalogue import CATALOGUE, chosen

    try:
        return chosen(names)
    except KeyError as error:
        known = ", ".join((*CATALOGUE, "all"))
        raise typer.BadParameter(f"{error.args[0]!r} is none of {known}", param_hint=given_by) from None


@app.command("_worker", hidden=True)
def worker(request: Annotated[Path, typer.Argument(help="What to run, as a collector or probe wrote it.")]) -> None:
    """Run what a collector records, or a probe, in a process of its own; not for people."""
    from launchlens.profiling.worker import main

    raise typer.Exit(main(request, own_process=True))


def _chosen(workload: str, names: list[str] | None, *, every: bool) -> tuple[WorkloadSpec, list[Variant]]:
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
    from launchlens.kernels.user_module import UserModuleError, load

    try:
        with _stdout_kept_clean():
            return load(path)
    except UserModuleError as error:
        raise InputError(error.where, error.what, error.remedy) from None


def _stdout_kept_clean() -> AbstractContextManager[Any]:
    """What other people's code prints goes to stderr: stdout holds results only."""
    return redirect_stdout(sys.stderr)


def _blame_own(error: Exception, spec: WorkloadSpec, remedy: str = "") -> None:
    """Raise an InputError with the place in the user's file that `error` came through; a bug of ours is left as it is."""
    from launchlens.kernels.user_module import place

    where = place(error, spec.file) if spec.file else None
    if where is not None:
        raise InputError(where, f"{type(error).__name__}: {error}", remedy) from None


def _changed(
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
        _blame_own(error, spec)
        raise


def _device_for_own(workload: str) -> str:
    from launchlens.profiling.environment import has_cuda

    if not has_cuda():
        raise InputError(
            workload, "there is no CUDA GPU here, and no recorded capture of a workload of yours", "pass --device cpu"
        )
    return "cuda"


def _where(device: str) -> str:
    from launchlens.profiling.environment import has_cuda, version

    if device == "cpu" and version("torch") is None:
        raise InputError("--device cpu", "needs torch, which is not installed", "pip install 'launchlens[gpu]'")
    if device == "cpu":
        return "cpu"
    if has_cuda():
        return "cuda"
    why = "torch is not installed" if version("torch") is None else "torch sees no CUDA GPU"
    if device == "cuda":
        raise InputError("--device cuda", f"there is no CUDA GPU to measure on: {why}", "see `launchlens doctor`")
    typer.echo(f"No CUDA GPU here ({why}): this reports on the recorded capture that ships with launchlens.", err=True)
    return "recorded"


def _command_line() -> list[str]:
    """The arguments as given, paths cut to their last part: a capture names no folder of anybody's machine."""
    return [part if "/" not in part and "\\" not in part else Path(part).name for part in sys.argv[1:]]


def _refuse_recorded(changed: list[str]) -> None:
    if changed:
        raise InputError(
            ", ".join(changed),
            "the recorded capture was made without it, so it can't answer for it, and there is no GPU here",
            "measure on the CPU with --device cpu, or on a machine with a GPU",
        )


def _report_recorded(workload: str, output: Path | None, as_json: bool, every: bool) -> None:
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.captures.recorded import copy_recorded, describe_recorded, is_copy, recorded_captures

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
    try:
        copy_recorded(found[0], folder)
    except OSError as error:
        raise InputError(folder, f"can't be written: {error.strerror}", "give --output another place") from None
    _report(folder, folder / "report.html", as_json=as_json, recorded=describe_recorded(read_capture(folder).manifest))


def _study(folder: Path) -> Study:
    from launchlens.reports.progress import reading
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.studies.study import study

    capture = read_capture(folder)
    with reading(folder.name) as progress:
        return study(capture, progress)


def _report(
    folder: Path, html: Path | None, *, as_json: bool, recorded: str | None, claims: Path | None = None
) -> None:
    """Print the verdict (or JSON) of a capture to stdout and write its report."""
    from launchlens.reports.words.verdict import sentences
    from launchlens.traces import outputs
    from launchlens.traces.studies.verdict import verdict

    worked_out = _study(folder)
    findings = verdict(worked_out)
    if html is not None:
        # relative, so that a page that is passed on names no folder of anybody's machine beyond the way to the traces
        from urllib.parse import quote

        from launchlens.reports.html.report import render

        way = os.path.relpath(folder.resolve(), html.parent.resolve())
        base = "" if way == "." else f"{quote(Path(way).as_posix())}/"
        given = None if claims is None else _given_claims(claims, worked_out)
        outputs.write(html, render(worked_out, recorded=recorded, links_base=base, claims=given))
    if as_json:
        from launchlens.reports.machine import study_json, text

        typer.echo(text(study_json(worked_out, findings, recorded=recorded)))
        return
    from launchlens.reports.terminal.study import print_study, stdout

    print_study(stdout(), worked_out, sentences(findings), recorded)
    if html is not None:
        typer.echo(f"\nReport: {html}")


@app.command()
def analyze(
    trace: Annotated[
        Path,
        typer.Argument(
            help="A Kineto trace (.json, .json.gz), an Nsight Systems sqlite export (or, with nsys, report), or a CUPTI recording."
        ),
    ],
    range_name: Annotated[
        str | None, typer.Option("--range", help="Account for all instances of this range instead of the whole trace.")
    ] = None,
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Write the analysis as one HTML file.")] = None,
    partial: Annotated[bool, typer.Option(help="Keep the whole events of a JSON trace that breaks off.")] = False,
    top: Annotated[int, typer.Option(min=1, help="Rows per table.")] = 15,
    force: Force = False,
) -> None:
    """Say what a trace holds: GPU work, launches and what they cost, ranges, and a time account.

    Example: launchlens analyze trace.json.gz --range ProfilerStep#1
    """
    from launchlens.reports.machine import text
    from launchlens.reports.progress import reading
    from launchlens.traces import outputs
    from launchlens.traces.analysis import analyze as work_out
    from launchlens.traces.analysis import to_json

    if html is not None:
        outputs.free(html, force, trace)
    with reading(trace.name) as progress:
        document = to_json(work_out(_opened(trace, partial, progress), range_name=range_name))
    if html is not None:
        from launchlens.reports.html.analysis import render

        outputs.write(html, render(document))
    if as_json:
        typer.echo(text(document))
        return
    from launchlens.reports.terminal.study import print_analysis, stdout

    print_analysis(stdout(), document, top=top)
    if html is not None:
        typer.echo(f"\nReport: {html}")


def _opened(path: Path, partial: bool, progress: Progress) -> Trace:
    """Open a trace; a .nsys-rep is exported to a temporary file first, where nsys is there to do it."""
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from launchlens.profiling import nsight
    from launchlens.traces.trace import open_trace

    nsys = nsight.find() if path.suffix in (".nsys-rep", ".qdrep") and path.is_file() else None
    if nsys is None:
        return open_trace(path, partial=partial, progress=progress)
    with TemporaryDirectory(prefix="launchlens-") as folder:
        export = Path(folder) / "export.sqlite"
        try:
            nsight.export_sqlite(nsys, path, export)
        except nsight.NsysError as error:
            raise InputError(path, f"can't be opened: {error}", "export it where nsys works, as sqlite") from None
        return replace(open_trace(export, progress=progress), path=path, bytes=path.stat().st_size)


@app.command()
def report(
    capture: Annotated[Path, typer.Argument(help="A folder that `profile` wrote.")],
    output: Annotated[
        Path | None, typer.Option(help="Where to write the report; report.html in the capture by default.")
    ] = None,
    claims: Claims = None,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Write the HTML report of a capture again and print its verdict.

    Example: launchlens report captures/small-copies-20260102-030405
    """
    from launchlens.traces import outputs

    html = capture / "report.html" if output is None else outputs.free(output, force, capture)
    _report(capture, html, as_json=as_json, recorded=_if_recorded(capture), claims=claims)


def _if_recorded(capture: Path) -> str | None:
    """What to say of a shipped capture, or a copy of one: it was not measured on this machine. None of any other."""
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.captures.recorded import FOLDER, describe_recorded

    shipped = {path.read_bytes() for path in FOLDER.glob("*/manifest.json")}
    manifest = capture / "manifest.json"
    if manifest.is_file() and manifest.read_bytes() in shipped:
        return describe_recorded(read_capture(capture).manifest)
    return None


@app.command("claims")
def claims_(
    captures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CAPTURE", help="Folders that `profile` wrote; by default all recorded captures that ship."
        ),
    ] = None,
    claims: Claims = None,
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table, as docs/claims.md holds.")
    ] = False,
) -> None:
    """Test claims on captures: each is supported, refuted, depends, or not testable here, and on what evidence.

    On several captures, each claim is tested on all that it is about, and what one lacks another may have.

    Example: launchlens claims --json
    """
    from launchlens.traces.captures.recorded import all_recorded
    from launchlens.traces.claims.document import captures_json, document
    from launchlens.traces.claims.judge import judge_across
    from launchlens.traces.claims.read import note_claims
    from launchlens.traces.claims.sources import named

    if as_json and markdown:
        raise typer.BadParameter("give one of --json and --markdown", param_hint="--markdown")
    folders = named(captures or all_recorded())
    if not folders:
        raise InputError("claims", "no recorded capture ships with this version", "name one that `profile` wrote")
    studies = {name: _study(folder) for name, folder in folders.items()}
    judged = judge_across(studies, note_claims() if claims is None else _given_claims(claims, *studies.values()))
    shipped = {name: said for name, folder in folders.items() if (said := _if_recorded(folder))}
    recorded = " ".join(dict.fromkeys(shipped.values())) or None
    if as_json:
        from launchlens.reports.machine import text

        rows = captures_json(studies, shipped)
        typer.echo(text(document(judged, measured_here=not shipped, recorded=recorded, captures=rows)))
        return
    from launchlens.reports.html.answer import header
    from launchlens.reports.words.claims import Source

    heads = {name: header(study) for name, study in studies.items()}
    sources = [Source(name, head.says, shipped.get(name, head.measured)) for name, head in heads.items()]
    if markdown:
        from launchlens.reports.words.claims import markdown as table

        typer.echo(table(judged, sources), nl=False)
        return
    from launchlens.reports.terminal.claims import print_claims
    from launchlens.reports.terminal.study import stdout

    print_claims(stdout(), judged, recorded, sources)


def _given_claims(path: Path, *studies: Study) -> list[Claim]:
    """A user's claims; each must name variants that the captures or their workloads know."""
    from launchlens.kernels.registry import variants
    from launchlens.traces.claims.read import check_variants, read_claims

    known: dict[str, dict[str, None]] = {}
    for study in studies:
        name = str(study.capture.manifest.workload.get("name"))
        names = [one.variant for one in study.capture.manifest.variants] + [one.name for one in variants(name)]
        known.setdefault(name, {}).update(dict.fromkeys(names))
    made = read_claims(path)
    check_variants(made, path, known)
    return made


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="PATH::NAME, the side to compare with: see below.")],
    b: Annotated[str, typer.Argument(metavar="B", help="PATH::NAME, the side compared.")],
    as_json: Json = False,
) -> None:
    """Compare B with A: the ratio with its interval, and the difference in parts that sum to it.

    A side is CAPTURE::VARIANT, TRACE::RANGE, or two whole CAPTUREs, whose variants are compared one by one.

    Example: launchlens compare trace.json::forward other.json::forward
    """
    from launchlens.traces.studies.compare import document
    from launchlens.traces.studies.named_sides import comparisons_of, named

    comparisons = comparisons_of(named(a), named(b), _study)
    if as_json:
        from launchlens.reports.machine import text

        typer.echo(text(document(comparisons)))
        return
    from launchlens.reports.terminal.study import print_comparisons, stdout

    print_comparisons(stdout(), comparisons)


@app.command("open")
def open_(
    trace: Annotated[
        Path, typer.Argument(help="A trace of any recorder, or a folder that `profile` wrote.", metavar="TRACE")
    ],
    viewer: Annotated[
        str,
        typer.Option("--in", metavar="VIEWER", help="perfetto: ui.perfetto.dev. nsight: Nsight Systems' own window."),
    ] = "perfetto",
    regime: Annotated[
        str | None,
        typer.Option(help="Of a capture, only this regime; by default all in perfetto, the first in nsight."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Loopback port; Perfetto's page may fetch from 9001 only.")
    ] = 9001,
    browser: Annotated[bool, typer.Option(help="Open the browser; without it the address is only printed.")] = True,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the page to fetch the trace; 0 waits until Ctrl-C.")
    ] = 300,
) -> None:
    """Open a trace in ui.perfetto.dev: the file is served on loopback, to that page only, and leaves the machine nowhere.

    What Perfetto can't read (a capture, a recording of Nsight Systems or CUPTI) is exported for it first. With --in nsight, a
    .nsys-rep (of a capture: the one in its nsys folder) opens in nsys-ui.

    Example: launchlens open captures/small-copies-20260102-030405/torch/eager.pt.trace.json.gz
    """
    if viewer not in ("perfetto", "nsight"):
        raise typer.BadParameter(f"{viewer!r} is none of perfetto, nsight", param_hint="--in")
    if viewer == "nsight":
        _open_in_nsight(trace, regime)
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
            shown = stack.enter_context(viewable(trace, regime, lambda path: _opened(path, False, progress), progress))
        if shown.says:
            typer.echo(shown.says, err=True)
        fetched = serve(shown.path, port, wait, announce)
    if not fetched:
        typer.echo(f"launchlens: nothing fetched the trace within {wait:g} s", err=True)
        raise typer.Exit(ANSWER_IS_NO)


def _open_in_nsight(source: Path, regime: str | None) -> None:
    """Show a report in nsys-ui, and say which."""
    from launchlens.profiling import nsight_ui
    from launchlens.profiling.nsight import NsysError

    try:
        report = nsight_ui.report_of(source, regime)
        program = nsight_ui.show(report.path, nsight_ui.candidates())
    except NsysError as error:
        raise InputError(source, str(error)) from None
    others = f" (also recorded, with --regime: {', '.join(report.others)})" if report.others else ""
    which = f"{report.path}, regime {report.regime}{others}" if report.regime else f"{report.path}"
    typer.echo(f"{which}: open in {program}")


@app.command()
def export(
    source: Annotated[Path, typer.Argument(help="A folder that `profile` wrote, or any trace that `analyze` reads.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the trace: NAME.pftrace.")],
    perfetto: Annotated[
        bool, typer.Option("--perfetto", help="As a Perfetto protobuf trace, for ui.perfetto.dev.")
    ] = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Write a capture or a trace for another tool, with the time account and the launches in flight drawn on top.

    Example: launchlens export captures/small-copies-20260102-030405 --perfetto -o copies.pftrace
    """
    from launchlens.reports.progress import reading
    from launchlens.traces import outputs
    from launchlens.traces.perfetto.export import export as write_perfetto

    if not perfetto:
        raise typer.BadParameter("name the format to write: --perfetto", param_hint="export")
    outputs.free(output, force, source)
    try:
        with reading(source.name) as progress:
            written = write_perfetto(source, output, progress)
    except OSError as error:
        raise InputError(output, f"can't be written: {error.strerror}", "give --output another place") from None
    if as_json:
        from launchlens.reports.machine import text

        typer.echo(text(written.to_json(output)))
        return
    for trace, problems in written.problems.items():
        for problem in problems:
            if problem.severity != "info":
                typer.echo(
                    f"{trace}: {problem.severity}: {problem.count} × {problem.code}: {problem.meaning}", err=True
                )
    typer.echo(
        f"{output}: {written.bytes:,} bytes, {written.slices:,} slices, {written.flows:,} flows. "
        "Open it in https://ui.perfetto.dev"
    )


@app.command()
def scrub(
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A Kineto trace, an Nsight Systems export (sqlite, or a folder of parquet tables), or our parquet.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The copy; gzip if a Kineto trace's ends in .gz, a folder for a folder."),
    ],
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Write a copy of a trace that does not say whose machine it is from: no paths, hosts, users, environment, stacks.

    The copy's analysis is proved equal before it appears. Names of kernels and NVTX or record_function ranges stay as they
    are: a range's name is your own text, so read them. Tables that launchlens and nsys stats do not need are left out.

    Example: launchlens scrub report1.sqlite -o shared.sqlite
    """
    from launchlens.reports.progress import reading
    from launchlens.traces.scrub.scrub import scrub as make_copy

    with reading(trace.name) as progress:
        done = make_copy(trace, output, force=force, progress=progress)
    if as_json:
        from launchlens.reports.machine import text

        typer.echo(text(done.to_json()))
        return
    from launchlens.reports.terminal.study import print_rows, stdout

    print_rows(stdout(), ("removed", "count"), [(what, f"{count:,}") for what, count in done.removed.items()])
    typer.echo(f"\n{output}: its analysis is that of {trace.name}.")
    if done.paths_in_names:
        typer.echo(f"launchlens: {done.paths_in_names} names of ranges or kernels hold a path, and were kept", err=True)


@app.command("probe")
def probe_(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Probes to run, in the catalogue's order; default: all.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the probes and what each needs, and run none.")] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            help="A capture of this GPU (and workload, where its variants run): what is found is written into it, and claims and reports use it."
        ),
    ] = None,
    workload: Annotated[
        str, typer.Option(help="Whose variants to run, for the probes that run any: a name, or FILE.py.")
    ] = "small-copies",
    variant: Annotated[
        list[str] | None, typer.Option(help="Only this variant and the baseline; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every variant, not only the usual ones.")] = False,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a parameter of the workload; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the inputs.")] = 0,
    quick: Annotated[bool, typer.Option(help="Fewer samples: to see that all works, not for a result.")] = False,
    as_json: Json = False,
) -> None:
    """Run small experiments on this GPU: each asks one question, and says nothing unless its controls pass.

    Exits with 1 when a probe is inconclusive.

    Example: launchlens probe launch-floor launch-ladder
    """
    from tempfile import TemporaryDirectory

    from launchlens.profiling.probes.run import check_goes_into, right_variants, run_probes
    from launchlens.reports.progress import Steps
    from launchlens.reports.terminal.study import print_rows, stdout
    from launchlens.traces.captures.probes import INCONCLUSIVE

    probes = _probes(names or ["all"], "NAME")
    if listing:
        rows = [{"name": one.id, "asks": one.asks, "needs": list(one.needs)} for one in probes]
        if as_json:
            from launchlens.reports.machine import text

            typer.echo(text({"format": "launchlens.probe-list/1", "probes": rows}))
            return
        print_rows(stdout(), ("probe", "asks", "needs"), [(one.id, one.asks, ", ".join(one.needs)) for one in probes])
        return
    if quick and into is not None:
        raise typer.BadParameter(
            "is not for a result, and goes into no capture: leave out --into", param_hint="--quick"
        )
    _where("cuda")  # refuses where there is none
    spec, made = _chosen(workload, variant, every=every)
    spec, _ = _changed(spec, None, None, setting)
    if into is not None:
        check_goes_into(into, probes, spec)
    with TemporaryDirectory(prefix="launchlens-") as temporary, _stdout_kept_clean():
        right = right_variants(spec, made, seed) if any(one.of_variants for one in probes) else []
        found = run_probes(probes, spec, right, into or Path(temporary), Steps(), seed=seed, quick=quick)
    if as_json:
        from launchlens.reports.machine import probe_json, text

        typer.echo(text({"format": "launchlens.probes/1", "probes": [probe_json(one) for one in found]}))
    else:
        from launchlens.reports.terminal.probes import print_probe

        for probe in found:
            print_probe(stdout(), probe, full=True)
    if any(probe.verdict == INCONCLUSIVE for probe in found):
        raise typer.Exit(ANSWER_IS_NO)


@app.command()
def variants(
    workload: Annotated[str | None, typer.Option(help="Only those of this workload, or of FILE.py.")] = None,
    as_json: Json = False,
) -> None:
    """List every variant of every workload, what it needs, and whether that is met here.

    Example: launchlens variants --json
    """
    from launchlens.kernels import registry

    found = registry.variants() if workload is None else _chosen(workload, None, every=True)[1]
    if as_json:
        from launchlens.reports.machine import text

        rows = [
            {
                "name": made.name,
                "workload": made.workload,
                "needs": list(made.needs),
                "regimes": list(made.regimes),
                "says": made.says,
                "part_of": made.part_of,
            }
            for made in found
        ]
        typer.echo(text({"format": "launchlens.variants/1", "variants": rows}))
        return
    from launchlens.reports.terminal.study import print_rows, stdout

    columns = ("workload", "variant", "needs", "regimes", "what it does")
    print_rows(
        stdout(),
        columns,
        [(made.workload, made.name, ", ".join(made.needs), ", ".join(made.regimes), made.says) for made in found],
    )


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed here, what is missing, and what each missing thing would give.

    Example: launchlens doctor
    """
    from launchlens.profiling.doctor import examine

    rows = examine()
    if as_json:
        from launchlens.reports.machine import text

        typer.echo(text({"format": "launchlens.doctor/1", "checks": rows}))
        return
    from launchlens.reports.terminal.study import print_rows, stdout

    table = [
        (row["name"], row["version"] or "found" if row["found"] else "missing", row["gives"], row["get"] or "")
        for row in rows
    ]
    print_rows(stdout(), ("what", "here", "gives", "how to get it"), table)


if __name__ == "__main__":
    app()
