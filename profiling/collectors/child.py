"""What the collectors that record in a process of its own share: how it is started, and what it answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import launchlens
from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling.collectors.fault import CollectorError
from launchlens.profiling.collectors.worker import ANSWER, Recorder, Request, plain_parameters


def request(
    workload: WorkloadSpec,
    variants: Sequence[str],
    *,
    regime: str,
    rounds: int,
    iterations: int,
    device: str,
    seed: int,
    recorder: Recorder,
) -> Request:
    """What the process is to run: as the parent runs it, with all that a command line can have changed."""
    return Request(
        workload=str(workload.file.absolute()) if workload.file else workload.name,
        parameters=plain_parameters(workload),
        variants=list(variants),
        regime=regime,
        device=device,
        seed=seed,
        rounds=rounds,
        iterations=iterations,
        recorder=recorder,
    )


def command(asked: Request, folder: Path) -> list[str]:
    """Write the request into `folder`; return the command that runs it, from a checkout or an installation alike."""
    path = folder / "request.json"
    path.write_text(json.dumps(asdict(asked)), "utf-8")
    return [sys.executable, str(Path(launchlens.__file__).parent / "cli.py"), "_worker", str(path)]


def check(folder: Path) -> bool:
    """Whether the process has answered. Raises CollectorError with its own words where it says that it failed."""
    answer = folder / ANSWER
    if not answer.is_file():
        return False
    said = json.loads(answer.read_text("utf-8"))
    if said["for_good"]:
        raise CollectorError(said["fault"], for_good=True)
    if said["fault"]:
        raise CollectorError(f"the recorded process failed: {said['fault']}")
    return True
