"""A process of its own, for a recorder or a probe that needs one: how it is started, how it ended, what it answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import launchlens
from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling.checking import without_folders
from launchlens.profiling.collectors.fault import CollectorError
from launchlens.profiling.processes import run_to_end
from launchlens.profiling.worker import ANSWER, Request, Task, plain_parameters

#: A process that takes longer than this hangs, seconds.
LONGEST_S = 900


def request(
    workload: WorkloadSpec,
    variants: Sequence[str],
    *,
    regime: str,
    device: str,
    seed: int,
    task: Task,
    rounds: int = 0,
    iterations: int = 0,
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
        task=task,
    )


def command(asked: Request, folder: Path) -> list[str]:
    """Write the request into `folder`; return the command that runs it, from a checkout or an installation alike."""
    path = folder / "request.json"
    path.write_text(json.dumps(asdict(asked)), "utf-8")
    return [sys.executable, str(Path(launchlens.__file__).parent / "cli.py"), "_worker", str(path)]


def answered(folder: Path, who: str = "the recorded process") -> dict[str, Any] | None:
    """What the process has answered; None where it left no answer.

    Raises CollectorError with its own words where it says that it failed; `who` is what that calls it.
    """
    answer = folder / ANSWER
    if not answer.is_file():
        return None
    said: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if said["for_good"]:
        raise CollectorError(said["fault"], for_good=True)
    if said["fault"]:
        raise CollectorError(f"{who} failed: {said['fault']}")
    return said


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, longest_s: float = LONGEST_S) -> str:
    """Run the process and say how it ended, in words. Raises CollectorError when it can't run or does not end."""
    try:
        code, said = run_to_end(command, longest_s=longest_s, environment=environment)
    except OSError as error:
        raise CollectorError(f"the process can't be run: {error.strerror or error}", for_good=True) from None
    except subprocess.TimeoutExpired:
        raise CollectorError(f"the process did not end within {longest_s:.0f} s", for_good=True) from None
    return _ended(code, said.decode("utf-8", "backslashreplace"))


def _ended(code: int, said: str) -> str:
    """How a process ended that left no answer: its signal or status, and the last line that it printed."""
    try:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    except ValueError:
        how = f"was ended by signal {-code}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"{how} and left no answer{f': {without_folders(lines[-1])[:200]}' if lines else ''}"
