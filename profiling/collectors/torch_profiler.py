"""The torch.profiler collector: interleaved blocks under Kineto, in this process, one trace per regime."""

from __future__ import annotations

import gzip
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from launchlens.profiling.checking import synchronize
from launchlens.profiling.collectors.blocks import run_blocks
from launchlens.profiling.collectors.collector import Advance, Collector, Job
from launchlens.profiling.environment import quiet_collector
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord

#: Kineto writes the host's name and the path it wrote to; a capture holds neither.
_PRIVATE = re.compile(rb'"(host_name|traceName)": *"(?:[^"\\]|\\.)*"')


class TorchProfiler(Collector):
    """Records the variants as this process calls them."""

    name = "torch"
    label = "torch.profiler"

    def check(self, device: str) -> None:
        """torch is here, or nothing would have been measured; it records on every device that it runs on."""

    def record(self, job: Job, advance: Advance) -> TraceRecord:
        """Record the job into `FOLDER/torch/REGIME.pt.trace.json.gz`."""
        # the first session in a process loads CUPTI, which takes seconds; it is thrown away
        with ended(started(job.device)):
            job.entries[0].call()
            synchronize(job.device)
        with quiet_collector(), ended(started(job.device)) as session:
            run_blocks(job, advance)
        path = job.folder / self.name / f"{job.regime}.pt.trace.json.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        # torch takes paths as UTF-8, which that of a capture need not be
        with files.writing(path) as packed, TemporaryDirectory(prefix="launchlens-") as folder:
            plain = Path(folder) / "trace.json"
            session.export_chrome_trace(str(plain))
            pack(plain, packed)
        advance(1)
        return self.kept(job, path.name)


def started(device: str) -> Any:
    """A session of torch.profiler that has begun. It keeps what Kineto writes, and makes no objects of it when it ends: they take longer
    than all that is recorded, and nobody asks for them."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device == "cuda" else [])
    session = profile(activities=activities)
    with warnings.catch_warnings():
        # before 2.13 torch says so of every session, not only of one that goes on after its first cycle
        warnings.filterwarnings("ignore", message="Warning: Profiler clears events at the end of each cycle")
        session.__enter__()
    return session


@contextmanager
def ended(session: Any) -> Iterator[Any]:
    """A session that has begun, which ends here."""
    try:
        yield session
    finally:
        session.__exit__(None, None, None)


def pack(plain: Path, path: Path) -> None:
    """Compress a trace, less the host's name and the path it was written to."""
    text = _PRIVATE.sub(rb'"\1": ""', plain.read_bytes())
    # no time stamp and no file name in the header: the same trace gives the same bytes
    with open(path, "wb") as out, gzip.GzipFile("", "wb", compresslevel=6, fileobj=out, mtime=0) as packed:
        packed.write(text)
