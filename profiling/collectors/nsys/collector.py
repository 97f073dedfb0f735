"""The Nsight Systems collector: the same blocks as torch.profiler's, run by a process of their own under `nsys profile`.

A process can't start recording itself with nsys, so the workload is built again in a child (`worker`). The report
(.nsys-rep) is kept for Nsight Systems' own window, its sqlite export for launchlens; the report holds the environment
variables and the command line of every process recorded, so it is not for sharing.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from launchlens.profiling import child
from launchlens.profiling.collectors.blocks import run_blocks, unwatched
from launchlens.profiling.collectors.collector import Advance, ChildCollector, Job
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.environment import Examined
from launchlens.profiling.request import Record, Reference, asked_of
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord
from launchlens.traces.readers.nsys import nsys_cli
from launchlens.traces.readers.nsys.nsys_cli import GET, Nsys, NsysError, said_by


@contextmanager
def _as_collector_error() -> Iterator[None]:
    """Where nsys did not do what was asked, this collector recorded nothing."""
    try:
        yield
    except NsysError as error:
        raise CollectorError(str(error), for_good=error.for_good) from None


class NsightSystems(ChildCollector):
    """Records the child from outside, between its cudaProfiler calls."""

    name = "nsys"
    label = "Nsight Systems"

    def check(self, device: str) -> None:
        """Nsight Systems and nvtx have to be here, and there is nothing to record on a CPU."""
        found(device)

    @_as_collector_error()
    def record(self, job: Job, advance: Advance) -> TraceRecord:
        """Record the job into `FOLDER/nsys/REGIME.nsys-rep`, and export that beside it.

        `advance` is told of all rounds once the recording is done, and of one more for the export.
        """
        nsys = found(job.device)
        reference = _reference(job)
        asked = asked_of(job, Record(self.name, job.rounds, job.iterations, started_by_tool=True))
        # not below the capture: nsys replaces %-signs in the name of its output
        with tempfile.TemporaryDirectory(prefix="launchlens-nsys-") as temporary:
            here = Path(temporary)
            said = profile(nsys, child.command(asked, here), here / "recorded", whole=job.device != "cuda")
            child.answered(here)
            report, export = here / "recorded.nsys-rep", here / "recorded.sqlite"
            if not report.is_file():
                raise nsys_cli.explained(nsys, said, "made no report")
            advance(job.rounds)
            nsys_cli.export_sqlite(nsys, report, export)
            folder = job.folder / self.name
            folder.mkdir(parents=True, exist_ok=True)
            files.put({folder / f"{job.regime}.nsys-rep": report, folder / f"{job.regime}.sqlite": export})
        advance(1)
        return self.kept(job, f"{job.regime}.sqlite", reference)

    def inside(self, job: Job, *, careful: bool) -> None:
        """Run the blocks between the calls that nsys waits for; it writes down what it sees elsewhere.

        No reference is timed here: nsys is attached all along, which costs time before it records as well.
        """
        if job.device != "cuda":
            run_blocks(job, unwatched)
            return
        import torch

        torch.cuda.profiler.start()
        run_blocks(job, unwatched)
        torch.cuda.profiler.stop()

    def examined(self) -> Examined:
        """Nsight Systems, which is of use only when its importer can run as well."""
        nsys = nsys_cli.find()
        gives = "profile --collector nsys, and opening .nsys-rep files"
        if nsys is None:
            return Examined(self.name, False, None, gives, GET)
        if nsys.missing:
            get = f"{nsys.path} is there, but {nsys_cli.lacks(nsys.missing)}"
            return Examined(self.name, False, None, gives, get)
        return Examined(self.name, True, nsys.version, gives, None)

    def before_sharing(self, capture: Path, traces: Sequence[TraceRecord]) -> str:
        """What a kept report and its export tell about the machine."""
        return (
            f"{capture / self.name}/*.nsys-rep and *.sqlite hold the environment variables and command lines of "
            f"this machine's processes. Share a copy: launchlens scrub {capture / traces[0].path} -o shared.sqlite; "
            "a .nsys-rep can't be scrubbed."
        )


def found(device: str) -> Nsys:
    """The nsys to record with on `device`. Raises CollectorError, naming what is missing and how to get it."""
    if device != "cuda":
        raise CollectorError("Nsight Systems records CUDA, and this was measured on the CPU", for_good=True)
    if importlib.util.find_spec("nvtx") is None:
        raise CollectorError("the nvtx package, which names the ranges, is missing: pip install nvtx", for_good=True)
    nsys = nsys_cli.find()
    if nsys is None:
        raise CollectorError(f"nsys is neither on PATH nor where its installers put it: {GET}", for_good=True)
    return nsys


def profile(nsys: Nsys, command: Sequence[str], output: Path, *, whole: bool = False) -> str:
    """Run `command` under nsys into `output` + `.nsys-rep`; return what both printed.

    Recorded are CUDA calls, GPU work (graphs node by node) and NVTX ranges, and of these only what lies between
    cudaProfilerStart and cudaProfilerStop, unless `whole`. CPU sampling is off: it slows what is measured and made
    gigabytes of a second. Raises NsysError when nsys can't be run; whether there is a report is for the caller to see.
    """
    limits = [] if whole else ["--capture-range=cudaProfilerApi", "--capture-range-end=stop"]
    options = ["--sample=none", "--cpuctxsw=none", "--trace=cuda,nvtx", "--cuda-graph-trace=node", "--stats=false"]
    return said_by(nsys, ["profile", *options, *limits, "--force-overwrite=true", f"--output={output}", *command])[1]


def _reference(job: Job) -> Mapping[str, float] | None:
    """Unprofiled times, from a process like the one that is recorded next, which nsys is attached to all along."""
    with tempfile.TemporaryDirectory(prefix="launchlens-reference-") as temporary:
        here = Path(temporary)
        ended = child.run(child.command(asked_of(job, Reference(job.iterations)), here))
        said = child.answered(here)
        if said is None:
            raise CollectorError(f"the process that times without Nsight Systems {ended}")
        return said.reference_ns
