"""A process of its own, for a collector or a probe that needs one: how it is started, how it ended, what it answered."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import launchlens
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.request import Answer, Request, read_answer, write_request
from launchlens.traces.programs import run_to_end, without_folders

#: A process that takes longer than this hangs, seconds.
LONGEST_S = 900


def command(request: Request, folder: Path) -> list[str]:
    """Write the request into `folder`; return the command that runs it, from a checkout or an installation alike."""
    path = write_request(folder, request)
    return [sys.executable, str(Path(launchlens.__file__).parent / "cli.py"), "_worker", str(path)]


def answered(folder: Path, who: str = "the recorded process") -> Answer | None:
    """What the process has answered; None where it left no answer.

    Raises CollectorError with its own words where it says that it failed; `who` is what that calls it.
    """
    answer = read_answer(folder)
    if answer is None or answer.fault is None:
        return answer
    if answer.for_good:
        raise CollectorError(answer.fault, for_good=True)
    raise CollectorError(f"{who} failed: {answer.fault}")


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
