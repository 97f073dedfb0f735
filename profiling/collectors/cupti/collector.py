"""The CUPTI collector: the same blocks as torch.profiler's, recorded by a process of its own from inside.

CUPTI's records go through cupti-python into one parquet file a regime. Its process is not this one: torch.profiler is a
client of CUPTI too, and two of them in one process get in each other's way; and a fault in native code then costs this
recording, not the run.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from launchlens.profiling import child
from launchlens.profiling.checking import synchronize
from launchlens.profiling.collectors.blocks import reference_times, run_blocks, unwatched
from launchlens.profiling.collectors.collector import Advance, ChildCollector, Job
from launchlens.profiling.collectors.cupti.session import GET, Session, library
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.environment import Examined, version
from launchlens.profiling.request import Record, asked_of
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord
from launchlens.traces.programs import without_folders

#: What the recorded process leaves for the one that started it.
RECORDING = "recording.parquet"


class Cupti(ChildCollector):
    """Records the child from inside."""

    name = "cupti"
    label = "CUPTI"

    def check(self, device: str) -> None:
        """cupti-python has to be here; whether it finds its library shows only in the recorded process."""
        if device != "cuda":
            raise CollectorError("CUPTI records CUDA, and this was measured on the CPU", for_good=True)
        if not _is_there():
            raise CollectorError(f"the package cupti-python is missing: {GET}", for_good=True)

    def record(self, job: Job, advance: Advance) -> TraceRecord:
        """Record the job into `FOLDER/cupti/REGIME.parquet`.

        A process that breaks down is tried once more, without what is not needed (NVTX markers, copies between devices).
        `advance` is told of all rounds once the recording is done, and of one more when it is kept.
        """
        for careful in (False, True):
            asked = asked_of(job, Record(self.name, job.rounds, job.iterations, careful))
            with tempfile.TemporaryDirectory(prefix="launchlens-cupti-") as temporary:
                here = Path(temporary)
                ended = child.run(child.command(asked, here), _environment(markers=not careful))
                said = child.answered(here)
                if said is None:
                    continue
                advance(job.rounds)
                place = job.folder / self.name / f"{job.regime}.parquet"
                place.parent.mkdir(parents=True, exist_ok=True)
                files.put({place: here / RECORDING})
                advance(1)
                return self.kept(job, place.name, said.reference_ns)
        raise CollectorError(f"the recorded process {ended}")

    def inside(self, job: Job, *, careful: bool) -> Mapping[str, float]:
        """Run the blocks while CUPTI records this process, and write down what it saw; the reference is timed before."""
        from launchlens.profiling.collectors.cupti import file

        reference = reference_times(job)
        session = Session(careful=careful)
        with session:
            run_blocks(job, unwatched, session.named)
            synchronize(job.device)
        file.write(job.folder / RECORDING, session.rows(), session.header())
        return reference

    def examined(self) -> Examined:
        """cupti-python, which is of use only when it finds the libcupti of its CUDA version."""
        gives = "profile --collector cupti"
        if not _is_there():
            return Examined(self.name, False, None, gives, GET)
        fault, known = _fault_of(_TRY), version("cupti-python")
        if fault is None:
            return Examined(self.name, True, known, gives, None)
        return Examined(self.name, False, None, gives, f"cupti-python {known or ''} is there, but {fault}; {GET}")


def _is_there() -> bool:
    """Whether cupti-python is installed. A mere folder `cupti`, as each capture has one that CUPTI recorded, has no origin."""
    found = importlib.util.find_spec("cupti")
    return found is not None and found.origin is not None


#: torch brings the libcupti that cupti-python has to go with.
_TRY = """
try: import torch
except ImportError: pass
from cupti import cupti
cupti.get_timestamp()
"""


@cache
def _fault_of(code: str) -> str | None:
    """What some Python says when it fails, tried in a process of its own: native code may end it. None when it works.

    It is tried once: what a process finds installed stays, and to load torch for it takes seconds.
    """
    try:
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"it can't be tried: {type(error).__name__}"
    if not answer.returncode:
        return None
    lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    return without_folders(lines[-1])[:200] if lines else f"it ends with status {answer.returncode}"


def _environment(*, markers: bool) -> dict[str, str]:
    environment = dict(os.environ)
    wanted_by = library() if markers else None
    if wanted_by is not None:
        # NVTX looks here, at its first call in a process, for who wants its ranges
        environment.setdefault("NVTX_INJECTION64_PATH", wanted_by)
    return environment
