"""The Nsight Systems collector: the same blocks as torch.profiler's, run by a process of their own under `nsys profile`.

A process can't start recording itself with nsys, so the workload is built again in a child (`worker`). The report
(.nsys-rep) is kept for Nsight Systems' own window, its sqlite export for launchlens; the report holds the environment
variables and the command line of every process recorded, so it is not for sharing.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling import child, nsight
from launchlens.profiling.collectors.fault import CollectorError
from launchlens.profiling.nsight import GET, Nsys, NsysError
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord

NAME: Literal["nsys"] = "nsys"


def found(device: str) -> Nsys:
    """The nsys to record with on `device`. Raises NsysError, naming what is missing and how to get it."""
    if device != "cuda":
        raise NsysError("Nsight Systems records CUDA, and this was measured on the CPU", for_good=True)
    if importlib.util.find_spec("nvtx") is None:
        raise NsysError("the nvtx package, which names the ranges, is missing: pip install nvtx", for_good=True)
    nsys = nsight.find()
    if nsys is None:
        raise NsysError(f"nsys is neither on PATH nor where its installers put it: {GET}", for_good=True)
    return nsys


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
    """Record blocks of `variants` in one regime into `folder/nsys/REGIME.nsys-rep`, and export that beside it.

    `advance` is told of all rounds once the recording is done, and of one more for the export. Raises CollectorError
    when no trace comes of it, and OSError when it can't be written.
    """
    nsys = found(device)
    reference = _reference(workload, variants, regime=regime, iterations=iterations, device=device, seed=seed)
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
    # not below `folder`: nsys replaces %-signs in the name of its output
    with tempfile.TemporaryDirectory(prefix="launchlens-nsys-") as temporary:
        here = Path(temporary)
        said = nsight.profile(nsys, child.command(asked, here), here / "recorded", whole=device != "cuda")
        child.answered(here)
        report, export = here / "recorded.nsys-rep", here / "recorded.sqlite"
        if not report.is_file():
            raise nsight.explained(nsys, said, "made no report")
        advance(rounds)
        nsight.export_sqlite(nsys, report, export)
        kept = folder / NAME
        kept.mkdir(parents=True, exist_ok=True)
        files.put({kept / f"{regime}.nsys-rep": report, kept / f"{regime}.sqlite": export})
    advance(1)
    return TraceRecord(NAME, regime, f"{NAME}/{regime}.sqlite", rounds, iterations, reference_ns=reference)


def _reference(
    workload: WorkloadSpec, variants: Sequence[str], *, regime: str, iterations: int, device: str, seed: int
) -> Mapping[str, float]:
    """Unprofiled times, from a process like the one that is recorded next, which nsys is attached to all along."""
    asked = child.request(
        workload, variants, regime=regime, device=device, seed=seed, task="reference", iterations=iterations
    )
    with tempfile.TemporaryDirectory(prefix="launchlens-reference-") as temporary:
        here = Path(temporary)
        ended = child.run(child.command(asked, here))
        said = child.answered(here)
        if said is None:
            raise CollectorError(f"the process that times without Nsight Systems {ended}")
        reference: Mapping[str, float] = said["reference_ns"]
        return reference
