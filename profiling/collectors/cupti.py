"""The CUPTI collector: the same blocks as torch.profiler's, recorded by a process of its own from inside.

CUPTI's records go through cupti-python into one parquet file a regime. Its process is not this one: torch.profiler is a
client of CUPTI too, and two of them in one process get in each other's way; and a fault in native code then costs this
recording, not the run.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling.checking import without_folders
from launchlens.profiling.collectors import child
from launchlens.profiling.collectors.cupti_session import GET, library
from launchlens.profiling.collectors.fault import CollectorError
from launchlens.profiling.collectors.worker import RECORDING
from launchlens.traces.capture import TraceRecord

NAME: Literal["cupti"] = "cupti"
#: A recorded process that takes longer than this hangs, seconds.
LONGEST_S = 900


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
        recorder=NAME,
    )
    for careful in (False, True):
        with tempfile.TemporaryDirectory(prefix="launchlens-cupti-") as temporary:
            here = Path(temporary)
            ended = _run(child.command(replace(asked, careful=careful), here), markers=not careful)
            if not child.check(here):
                continue
            advance(rounds)
            _keep(here / RECORDING, folder / NAME / f"{regime}.parquet")
            advance(1)
            return TraceRecord(NAME, regime, f"{NAME}/{regime}.parquet", rounds, iterations)
    raise CollectorError(f"the recorded process {ended}")


def _run(command: Sequence[str], *, markers: bool) -> str:
    """Run the process and say how it ended, in words. Raises CollectorError when it can't run or does not end."""
    environment = dict(os.environ)
    wanted_by = library() if markers else None
    if wanted_by is not None:
        # NVTX looks here, at its first call in a process, for who wants its ranges
        environment.setdefault("NVTX_INJECTION64_PATH", wanted_by)
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=LONGEST_S,
            check=False,
        )
    except OSError as error:
        raise CollectorError(f"the recorded process can't be run: {error.strerror or error}", for_good=True) from None
    except subprocess.TimeoutExpired:
        raise CollectorError(f"the recorded process did not end within {LONGEST_S} s", for_good=True) from None
    return _ended(answer.returncode, answer.stdout.decode("utf-8", "backslashreplace"))


def _ended(code: int, said: str) -> str:
    """How a process ended that left no answer: its signal or status, and the last line that it printed."""
    try:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    except ValueError:
        how = f"was ended by signal {-code}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"{how} and left no answer{f': {without_folders(lines[-1])[:200]}' if lines else ''}"


def _keep(recording: Path, place: Path) -> None:
    """Move a recording to its place, which may be on another file system, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}")
    try:
        shutil.copyfile(recording, partial)
        os.replace(partial, place)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
