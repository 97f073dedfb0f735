"""Command lines that print every format there is, on inputs made up for tests: nothing of this machine, no GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import kept
from msgspec.structs import replace as replace_fields
from read_once import read_once
from typer.testing import CliRunner

import made_cupti
from launchlens.cli import app
from launchlens.reports.output import Wanted
from launchlens.traces.captures.capture import VariantRecord, read_capture, write_manifest
from launchlens.traces.captures.probes import write_probes
from launchlens.traces.sweeps.sweep import SweptVariant, write_sweep
from launchlens.traces.tables.table import Table
from made_capture import make_capture, make_trace
from made_probes import ALL, LAUNCH_COSTS
from made_sweep import make_sweep, points, record, timings
from traces import made_nsys, made_ranks

#: Format -> command lines that print it, where OUT is a file to write, and what is in capitals else is made by the function of
#: that name.
LINES = {
    "launchlens.analysis/2": [
        "analyze KINETO",
        "analyze KINETO --range variant:copy_",
        "analyze KINETO --thread 4321",
        "analyze WHOLE_GRAPHS",
        "analyze CHANNELS",
        "analyze NO_GPU_RECORDS",
        "analyze HOST_ALONE",
    ],
    "launchlens.analysis-list/1": ["analyze --list"],
    "launchlens.fleet/1": ["analyze RANKS", "analyze RANKS HOST_ALONE KINETO"],
    "launchlens.study/2": ["report CAPTURE", "report UNLIKE_CAPTURE --output OUT", "profile --output OUT"],
    "launchlens.sweep-report/1": ["report SWEEP", "report INTERRUPTED_SWEEP --output OUT"],
    "launchlens.prediction/1": [
        "predict SWEEP --set count=3 --set bytes=4K",
        "predict SWEEP --set count=999 --set bytes=64",
    ],
    "launchlens.comparison/2": [
        "compare CAPTURE CAPTURE",
        "compare CAPTURE UNLIKE_CAPTURE",
        "compare CAPTURE::copy_ CAPTURE::foreach",
        "compare KINETO::variant:copy_ KINETO::variant:foreach",
        "compare HOST_ALONE::r KINETO::variant:foreach",
        "compare KINETO HOST_ALONE",
        "compare KINETO KINETO --a KINETO",
    ],
    "launchlens.check/1": [
        "check CAPTURE --against CAPTURE --allow-single",
        "check KINETO --against KINETO --metric gpu.busy --metric launches",
    ],
    "launchlens.claims/2": ["claims CAPTURE", "claims CAPTURE UNLIKE_CAPTURE"],
    "launchlens.export/1": ["export CAPTURE --perfetto -o OUT", "export NO_GPU_RECORDS --perfetto -o OUT"],
    "launchlens.scrub/1": ["scrub KINETO -o OUT"],
    "launchlens.probes/2": ["probe"],
    "launchlens.probe-list/1": ["probe --list"],
    "launchlens.variants/1": ["variants"],
    "launchlens.doctor/1": ["doctor"],
}


def kineto(folder: Path) -> Path:
    make_trace(folder / "made.pt.trace.json.gz", "eager", ["copy_", "foreach"])
    return folder / "made.pt.trace.json.gz"


def whole_graphs(folder: Path) -> Path:
    """An Nsight Systems export of a replay that was recorded whole, and of a launch that nothing is known of."""
    calls = [
        made_nsys.call("cudaGraphLaunch_v10000", 100, 200, 1),
        made_nsys.call("cudaLaunchKernel_v7000", 250, 300, 2),
    ]
    graphs = [{"graphExecId": 3, **made_nsys.on_gpu(210, 240, 1)}]
    return made_nsys.export(folder / "made.sqlite", runtime=calls, graph_trace=graphs)


def channels(folder: Path) -> Path:
    """A CUPTI recording, which tells channels and when kernels were put into a buffer."""
    rows = [
        made_cupti.named("step", 0, 1000),
        made_cupti.call("cudaLaunchKernel_v7000", 100, 200, 1),
        made_cupti.on_gpu("kernel", 300, 400, 1, queued_ns=210, submitted_ns=220),
    ]
    return made_cupti.recording(folder / "made.parquet", rows)


def host_alone(folder: Path) -> Path:
    path = folder / "host.json"
    path.write_text(
        '{"traceEvents": [{"ph": "X", "cat": "user_annotation", "name": "r", "pid": 1, "tid": 1, "ts": 1, "dur": 2}]}'
    )
    return path


def no_gpu_records(folder: Path) -> Path:
    calls = [made_nsys.call("cudaLaunchKernel_v7000", 100, 200, 1)]
    return made_nsys.export(folder / "made.sqlite", runtime=calls)


def ranks(folder: Path) -> Path:
    """Four ranks, of which one is late, and a file that is cut off."""
    paths = made_ranks.write(made_ranks.run(made_ranks.training(2, "data", 3000), 4, 3), folder / "ranks")
    (folder / "ranks" / "rank4.json").write_bytes(paths[0].read_bytes()[:999])
    return folder / "ranks"


def capture(folder: Path) -> Path:
    return make_capture(folder / "made")


def sweep(folder: Path) -> Path:
    return make_sweep(folder / "swept", counts=(1, 2, 4, 8), sizes=(128, 4096, 1 << 20, 8 << 20), rounds=12)


def interrupted_sweep(folder: Path) -> Path:
    """A sweep of one axis that was interrupted, of which a variant was skipped and one does a part of the work."""
    made = points([(count, 4096) for count in (1, 2, 4)])
    skipped = SweptVariant(variant="streams", regime="eager", status="skipped", why="it needs a GPU")
    part = SweptVariant(variant="batched", regime="graph", status="measured", part_of="loop")
    changed = replace_fields(made[0], variants=(*made[0].variants[:3], part, skipped))
    (folder / "interrupted").mkdir()
    write_sweep(
        (folder / "interrupted"),
        record((changed, *made[1:]), axes=record(made).axes, complete=False),
        timings(made, 12),
    )
    return folder / "interrupted"


def unlike_capture(folder: Path) -> Path:
    """A capture of another GPU: by two recorders, one of which lost rounds, with probes, interrupted, a variant skipped."""
    made = make_capture(folder / "unlike", complete=False, gpu="Another GPU")
    manifest = read_capture(made).manifest
    skipped = VariantRecord("seven-streams", "eager", "skipped", why="it needs a GPU")
    again = [
        replace(record, collector="cupti", path=record.path.replace("torch/", "cupti/"), rounds=99)
        for record in manifest.traces
    ]
    (made / "cupti").mkdir()
    for trace, copy in zip(manifest.traces, again, strict=True):
        copyfile(made / trace.path, made / copy.path)
    write_manifest(
        made,
        replace(
            manifest,
            variants=[*manifest.variants, skipped],
            traces=[*manifest.traces, *again],
        ),
    )
    write_probes(made, [*ALL, LAUNCH_COSTS])
    return made


MADE: dict[str, Callable[[Path], Path]] = {
    made.__name__.upper(): made
    for made in (
        kineto,
        whole_graphs,
        channels,
        host_alone,
        no_gpu_records,
        ranks,
        capture,
        unlike_capture,
        sweep,
        interrupted_sweep,
    )
}


@contextmanager
def made_machine(folder: Path) -> Iterator[None]:
    """A machine for which a made-up capture is what ships; on its GPU, if a probe asks, all probes find what test ones do."""
    shipped = make_capture(folder / "shipped")
    with (
        patch("launchlens.profiling.environment.has_cuda", lambda: False),
        patch("launchlens.traces.captures.recorded.recorded_captures", lambda *_, **__: [shipped]),
        patch("launchlens.commands.probe.device_or_recorded", lambda _: "cuda"),
        patch("launchlens.profiling.probes.run.right_variants", lambda *_: []),
        patch("launchlens.profiling.probes.run.run_probes", lambda *_, **__: ALL),
    ):
        yield


@cache
def input_in(inputs: Path, name: str) -> Path:
    """An input in a folder of its own among others, made once."""
    (folder := inputs / name.lower()).mkdir()
    return MADE[name](folder)


def run(line: str, folder: Path, *more: str, inputs: Path | None = None):
    """Run a command line that writes to `folder`, on inputs made there or in a folder of theirs."""
    arguments = []
    for word in line.split():
        name, mark, rest = word.partition("::")
        if name == "OUT":
            made = str(folder / "out")
        elif name in MADE:
            made = str(MADE[name](folder) if inputs is None else input_in(inputs, name))
        else:
            made = name
        arguments.append(made + mark + rest)
    return CliRunner().invoke(app, [*arguments, *more])


@dataclass(frozen=True)
class Answer:
    """What a command line wrote, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Printed:
    """What came of a command line with `--json`, and every table that its result has."""

    answer: Answer
    tables: tuple[Table, ...]


@contextmanager
def no_page_drawn() -> Iterator[None]:
    """No report's page is drawn, which takes as long as all that is said beside it."""
    with (
        patch("launchlens.reports.pages.capture.page", lambda *study, **more: None),
        patch("launchlens.reports.writers.html.html", lambda page: ""),
    ):
        yield


def printed_lines() -> dict[str, Printed]:
    """Every command line, run once for all tests, for what is said of its JSON and of its tables."""
    return kept.once("printed_lines", _print_lines)


def _print_lines() -> dict[str, Printed]:
    found: dict[str, Printed] = {}
    write = Wanted.write
    with TemporaryDirectory() as folder, made_machine(Path(folder)), no_page_drawn(), read_once():
        (inputs := Path(folder) / "inputs").mkdir()
        for number, line in enumerate(line for of_format in LINES.values() for line in of_format):
            place = Path(folder) / str(number)
            place.mkdir()
            given: list[Table] = []

            def noted(wanted: Wanted, result: Any, to: list[Table] = given) -> None:
                to.extend(result.tables())
                write(wanted, result)

            with patch.object(Wanted, "write", noted):
                answer = run(line, place, "--json", inputs=inputs)
            found[line] = Printed(Answer(answer.exit_code, answer.stdout, answer.stderr), tuple(given))
    return found
