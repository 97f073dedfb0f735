"""The CUPTI collector: the same blocks as torch.profiler's, recorded by a process of its own from inside.

CUPTI's records go through cupti-python into one parquet file a regime. Its process is not this one: torch.profiler is a
client of CUPTI too, and two of them in one process get in each other's way; and a fault in native code then costs this
recording, not the run.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling import child
from launchlens.profiling.collectors.cupti_session import GET, library
from launchlens.profiling.collectors.fault import CollectorError
from launchlens.profiling.worker import RECORDING
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord

NAME: Literal["cupti"] = "cupti"


def check_found(device: str) -> None:
    """Raise CollectorError, naming what is missing and how to get it, where CUPTI can't record on `device`.

    Whether cupti-python finds its library shows only in the recorded process.
    """
    if device != "cuda":
        raise CollectorError("CUPTI records CUDA, and this was measured on the CPU", for_good=True)
    if importlib.util.find_spec("cupti") is None:
        raise CollectorError(f"the package cupti-python is missing: {GET}", for_good=True)


def record(
    workload: WorkloadSpec,
    variants: Sequence[str],
    folder: Path,
    *,
    regime: str,
    rounds: int,
    iterations: int,
    device: str,
    seed: int,
    advance: Callable[[int], None],
) -> TraceRecord:
    """Record blocks of `variants` in one regime into `folder/cupti/REGIME.parquet`.

    A process that breaks down is tried once more, without what is not needed (NVTX markers, copies between devices).
    `advance` is told of all rounds once the recording is done, and of one more when it is kept. Raises CollectorError when
    no trace comes of it, and OSError when it can't be written.
    """
    check_found(device)
    asked = child.request(
        workload,
        variants,
        regime=regime,
        rounds=rounds,
        iterations=iterations,
        device=device,
        seed=seed,
        task=NAME,
    )
    for careful in (False, True):
        with tempfile.TemporaryDirectory(prefix="launchlens-cupti-") as temporary:
            here = Path(temporary)
            ended = child.run(child.command(replace(asked, careful=careful), here), _environment(markers=not careful))
            said = child.answered(here)
            if said is None:
                continue
            advance(rounds)
            place = folder / NAME / f"{regime}.parquet"
            place.parent.mkdir(parents=True, exist_ok=True)
            files.put({place: here / RECORDING})
            advance(1)
            path, reference = f"{NAME}/{place.name}", said["reference_ns"]
            return TraceRecord(NAME, regime, path, rounds, iterations, reference_ns=reference)
    raise CollectorError(f"the recorded process {ended}")


def _environment(*, markers: bool) -> dict[str, str]:
    environment = dict(os.environ)
    wanted_by = library() if markers else None
    if wanted_by is not None:
        # NVTX looks here, at its first call in a process, for who wants its ranges
        environment.setdefault("NVTX_INJECTION64_PATH", wanted_by)
    return environment
