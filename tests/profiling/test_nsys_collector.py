"""The nsys collector against a stand-in for nsys: a script that runs the program it is given, and exports a made database."""

import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import quick_workload
from traces.made_nsys import call, export, global_tid, on_gpu
from typer.testing import CliRunner

import child_in_here
from launchlens.cli import app
from launchlens.kernels.registry import variants, workloads
from launchlens.profiling import child
from launchlens.profiling.collectors.catalogue import chosen as chosen_collectors
from launchlens.profiling.collectors.collector import Job
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.collectors.nsys import collector as module
from launchlens.profiling.collectors.nsys.collector import NsightSystems, profile
from launchlens.profiling.doctor import examine
from launchlens.profiling.request import plain_parameters
from launchlens.profiling.run import Plan, run
from launchlens.profiling.timing import Entry
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys import nsys_cli
from launchlens.traces.readers.nsys.nsys_cli import Nsys
from launchlens.traces.source import open_trace
from launchlens.traces.studies.study import study

COMMAND = child.command
#: Stands for nsys: `profile` runs what follows its options, `export` copies a database made by the test.
STAND_IN = """#!/bin/bash
echo "$@" >> {log}
[ "$1" = --version ] && echo "NVIDIA Nsight Systems version 2025.3.1.1-made-up" && exit 0
mode={mode} command=$1; shift
while [[ $1 == --* ]]; do [[ $1 == --output=* ]] && output=${{1#--output=}}; shift; done
if [ $command = export ]; then
  [ $mode = no-export ] && echo "Exporting" && echo "ERROR: /home/somebody/x.nsys-rep is of a newer version" && exit 1
  exec cp {database} "$output"
fi
[ $mode = no-library ] && touch "$output.qdstrm" &&
  echo "/opt/somewhere/QdstrmImporter: error while loading shared libraries: libdw.so.1: cannot open shared object file" && exit 1
[ $mode = no-report ] && echo "Collecting data..." && echo "FATAL ERROR: no space left on /home/somebody" && exit 1
"$@" || exit $?
echo made up > "$output.nsys-rep"
"""


def blocks(name, start):
    """Two instances of a range around two launches each, with their kernels."""
    for at in (start, start + 100_000):
        yield "NVTX_EVENTS", {"start": at, "end": at + 50_000, "eventType": 59, "text": name, "globalTid": global_tid()}
        for number in range(2):
            begin = at + 1000 + 10_000 * number
            yield "runtime", call("cudaLaunchKernel_v7000", begin, begin + 3000, begin)
            yield "kernel", on_gpu(begin + 4000, begin + 5000, begin, demangledName="copy", shortName="copy")


@pytest.fixture
def database(tmp_path):
    tables = {}
    for table, row in [*blocks("variant:copy_", 1_000_000), *blocks("variant:foreach", 2_000_000)]:
        tables.setdefault(table, []).append(row)
    return export(tmp_path / "made.sqlite", "2026", **tables)


@pytest.fixture
def stand_in(tmp_path, database, monkeypatch):
    """Puts a stand-in of the given mode on PATH, alone, and returns the file that it logs its command lines to."""
    log = tmp_path / "commands.log"
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "cp", "touch"):
        (tools / name).symlink_to(shutil.which(name))

    def put(mode="works"):
        script = tools / "nsys"
        script.write_text(
            STAND_IN.format(log=log, mode=mode, database=database).replace("#!/bin/bash", f"#!{tools}/bash")
        )
        script.chmod(0o755)
        return log

    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(nsys_cli, "PLACES", ())
    # nsys is for CUDA, and the stand-in for machines without
    real = module.found
    monkeypatch.setattr(module, "found", lambda device: real("cuda"))
    child_in_here.use(monkeypatch)
    return put


def small_copies():
    return next(spec for spec in workloads() if spec.name == "small-copies")


def record(folder, *names, workload=None, seed=0, advance=lambda done: None):
    entries = [Entry(name, "eager", lambda: None) for name in names]
    job = Job(workload or small_copies(), entries, folder, "eager", 2, 2, "cpu", seed)
    return NsightSystems().record(job, advance)


class Steps:
    @contextmanager
    def step(self, text, total):
        yield lambda done: None


def plan(*collectors, **more):
    chosen = [made for made in variants("small-copies") if made.name in ("copy_", "foreach")]
    settings = {"rounds": 6, "iterations": 3, "recorded_rounds": 2, "recorded_iterations": 1}
    return Plan(small_copies(), chosen, "cpu", collectors=chosen_collectors(collectors), **settings | more)


# -- one recording


def test_a_recording_by_real_processes_keeps_the_report_and_its_export(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(child, "command", COMMAND)
    log, done = stand_in(), []
    made = record(tmp_path / "capture", "one", "two", workload=quick_workload.put(tmp_path), advance=done.append)
    assert (made.collector, made.path, made.rounds, made.iterations) == ("nsys", "nsys/eager.sqlite", 2, 2)
    kept = tmp_path / "capture" / "nsys"
    assert sorted(path.name for path in kept.iterdir()) == ["eager.nsys-rep", "eager.sqlite"]
    assert done == [2, 1]
    profiled = next(line for line in log.read_text().splitlines() if line.startswith("profile"))
    for option in ("--sample=none", "--cpuctxsw=none", "--trace=cuda,nvtx", "--cuda-graph-trace=node"):
        assert option in profiled
    assert open_trace(kept / "eager.sqlite").recorded_by == "nsys"


def test_only_what_lies_between_the_profiler_calls_is_recorded_on_a_gpu(stand_in, tmp_path):
    log = stand_in()
    profile(nsys_cli.find(), ["true"], tmp_path / "out")
    assert "--capture-range=cudaProfilerApi --capture-range-end=stop" in log.read_text()


def test_a_worker_that_fails_is_quoted(stand_in, tmp_path):
    stand_in()
    with pytest.raises(
        CollectorError, match="the recorded process failed: LookupError: a new process knows no variant 'nix'"
    ):
        record(tmp_path, "nix")
    with pytest.raises(CollectorError, match="knows no workload 'mine'"):
        record(tmp_path, "copy_", workload=replace(small_copies(), name="mine"))
    assert not (tmp_path / "nsys").exists()


def test_a_workload_of_the_users_own_is_loaded_from_its_file(stand_in, tmp_path, monkeypatch):
    from launchlens.kernels.user_module import load

    monkeypatch.setattr(sys, "path", list(sys.path))
    stand_in()
    file = tmp_path / "mine.py"
    seen = tmp_path / "seen"
    file.write_text(f"""
from pathlib import Path
from launchlens.kernels.registry import variant, workload

@workload("mine", baseline="one")
def make(device, seed, sizes: tuple[int, ...] = (1, 2)):
    return sizes, seed

@variant("mine", "one")
def one(inputs):
    Path({str(seen)!r}).write_text(repr(inputs))
    return lambda: None
""")
    spec, _ = load(file)
    record(tmp_path, "one", workload=spec.with_parameters({"sizes": "3,4,5"}), seed=7)
    assert seen.read_text() == "((3, 4, 5), 7)"


def test_parameters_that_no_command_line_can_change_stay_at_home():
    spec = replace(small_copies(), parameters={"sizes": (1, 2), "count": None, "dtype": object(), "name": "x"})
    assert plain_parameters(spec) == {"sizes": (1, 2), "name": "x"}


# -- what can be missing


def test_a_missing_library_is_named_with_its_package(stand_in, tmp_path):
    stand_in("no-library")
    with pytest.raises(CollectorError) as caught:
        record(tmp_path, "copy_")
    assert "the shared library libdw.so.1 is missing; apt-get install libdw1" in str(caught.value)
    assert caught.value.for_good


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("no-report", "nsys made no report: FATAL ERROR: no space left on somebody"),
        ("no-export", "nsys exported no sqlite of recorded.nsys-rep: ERROR: x.nsys-rep is of a newer version"),
    ],
)
def test_an_nsys_that_delivers_nothing_is_quoted_without_folders(stand_in, tmp_path, mode, said):
    stand_in(mode)
    with pytest.raises(CollectorError) as caught:
        record(tmp_path, "copy_")
    assert str(caught.value) == said and not caught.value.for_good


def test_without_nsys_the_error_says_how_to_get_it(stand_in):
    with pytest.raises(CollectorError, match=r"neither on PATH .* install NVIDIA Nsight Systems"):
        NsightSystems().check("cuda")


def test_on_the_cpu_there_is_nothing_for_nsys():
    with pytest.raises(CollectorError, match="records CUDA"):
        NsightSystems().check("cpu")


def importer(folder, libraries):
    """A program that asks for shared libraries of these names, as ldd sees it."""
    path = folder / "host-linux-x64" / "QdstrmImporter"
    path.parent.mkdir(parents=True)
    path.write_text("")
    script = folder.parent / "ldd"
    lines = "".join(f"echo '{name} => not found'\n" for name in libraries)
    script.write_text(f"#!{shutil.which('bash')}\necho 'libc.so.6 => /lib/libc.so.6'\n{lines}")
    script.chmod(0o755)
    return script.parent


def test_the_importer_is_looked_at_through_ldd(tmp_path, monkeypatch):
    home = tmp_path / "nsight"
    monkeypatch.setenv("PATH", str(importer(home, ["libdw.so.1", "libodd.so"])))
    assert nsys_cli._missing_libraries(home / "target-linux-x64" / "nsys") == ("libdw.so.1", "libodd.so")
    assert nsys_cli._missing_libraries(tmp_path / "elsewhere" / "deep" / "nsys") == ()
    error = nsys_cli.explained(Nsys(home, None, ("libodd.so",)), "", "made no report")
    assert "libodd.so is missing; install the packages" in str(error)


def test_nsys_is_found_in_the_places_of_its_installers_newest_first(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    broken = tmp_path / "usr/local/cuda-13.0/bin/nsys"
    inside = tmp_path / "opt/nvidia/nsight-compute/2025.3.1/host/target-linux-x64/nsys"
    for path, text in ((broken, "exit 1"), (inside, "echo NVIDIA Nsight Systems version 2025.3")):
        path.parent.mkdir(parents=True)
        path.write_text(f"#!{sys.executable and '/bin/sh'}\n{text}\n")
        path.chmod(0o755)
    assert nsys_cli.find(tmp_path).path == inside, "a script of CUDA's that finds no nsys is passed over"
    for version in ("2025.3.1", "2025.10.1"):
        path = tmp_path / "opt/nvidia/nsight-systems" / version / "bin/nsys"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\necho {version}\n")
        path.chmod(0o755)
    assert nsys_cli.find(tmp_path).version == "2025.10.1"
    assert nsys_cli.find(tmp_path / "nothing") is None


def test_doctor_names_a_library_that_the_importer_lacks(monkeypatch):
    monkeypatch.setattr(nsys_cli, "find", lambda: Nsys(Path("/opt/x/nsys"), "2025.3", ("libdw.so.1",)))
    row = next(row for row in examine() if row.name == "nsys")
    assert not row.found and "libdw.so.1 is missing; apt-get install libdw1" in row.get
    monkeypatch.setattr(nsys_cli, "find", lambda: Nsys(Path("/opt/x/nsys"), "2025.3"))
    row = next(row for row in examine() if row.name == "nsys")
    assert row.found and row.version == "2025.3" and row.get is None


# -- in a run


def test_a_capture_holds_the_traces_of_both(stand_in, tmp_path):
    stand_in()
    run(plan("torch", "nsys"), tmp_path, Steps())
    capture = read_capture(tmp_path)
    assert [(record.collector, record.problem) for record in capture.manifest.traces] == [
        ("torch", None),
        ("nsys", None),
    ]
    found = study(capture)
    assert {key[0] for key in found.recordings} == {"torch", "nsys"}
    side = found.sides["copy_", "eager"]
    assert side.recording is found.recordings["torch", "copy_", "eager"], "torch.profiler's account is the report's"


def test_without_a_working_nsys_the_others_go_on_and_the_manifest_says_why(stand_in, tmp_path):
    stand_in("no-library")
    run(plan("torch", "nsys"), tmp_path, Steps())
    capture = read_capture(tmp_path)
    torch_trace, nsys_trace = capture.manifest.traces
    assert torch_trace.problem is None and "libdw.so.1" in nsys_trace.problem and nsys_trace.path == ""
    assert study(capture).sides["copy_", "eager"].recording is not None


def test_where_nothing_asked_for_works_torch_profiler_records(tmp_path):
    manifest = run(plan("nsys"), tmp_path, Steps())
    assert [(record.collector, bool(record.problem)) for record in manifest.traces] == [
        ("nsys", True),
        ("torch", False),
    ]
    assert manifest.complete


# -- the commands


def test_profile_says_what_was_not_recorded(tmp_path):
    chosen = [
        "--device",
        "cpu",
        "--rounds",
        "5",
        "--iterations",
        "2",
        "--variant",
        "foreach",
        "--output",
        str(tmp_path / "c"),
    ]
    result = CliRunner().invoke(app, ["profile", *chosen, "--collector", "nsys"])
    assert result.exit_code == 0
    assert "Nsight Systems recorded nothing (eager): Nsight Systems records CUDA" in result.stderr
    page = (tmp_path / "c" / "report.html").read_text()
    assert "Not recorded with Nsight Systems (eager)" in page


def test_profile_warns_of_what_a_kept_report_holds(stand_in, tmp_path):
    stand_in()
    chosen = [
        "--device",
        "cpu",
        "--rounds",
        "5",
        "--iterations",
        "2",
        "--variant",
        "foreach",
        "--output",
        str(tmp_path / "c"),
    ]
    result = CliRunner().invoke(app, ["profile", *chosen, "--collector", "all"])
    assert result.exit_code == 0
    assert result.stderr.count("can't be scrubbed") == 1 and "launchlens scrub" in result.stderr


def test_other_collectors_are_refused():
    result = CliRunner().invoke(app, ["profile", "--collector", "perf"])
    assert result.exit_code == 2 and "none of torch, nsys, cupti, all" in result.stderr


def test_a_report_is_exported_before_it_is_analyzed(stand_in, tmp_path):
    stand_in()
    report = tmp_path / "mine.nsys-rep"
    report.write_text("made up")
    result = CliRunner().invoke(app, ["analyze", str(report), "--full"])
    assert result.exit_code == 0 and "mine.nsys-rep" in result.stdout and "variant:copy_" in result.stdout
    stand_in("no-export")
    result = CliRunner().invoke(app, ["analyze", str(report), "--full"])
    assert result.exit_code == 2 and "is of a newer version" in result.stderr
    os.remove(os.environ["PATH"] + "/nsys")
    result = CliRunner().invoke(app, ["analyze", str(report), "--full"])
    assert result.exit_code == 2 and "nsys export --type sqlite mine.nsys-rep" in result.stderr
    with pytest.raises(InputError):
        open_trace(report)
