"""Runs a program and all that it starts, to its end or to ours: none of it is left behind, and none of it can hang us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

#: How long a program that was interrupted may take to end, seconds.
GRACE_S = 3.0
_PR_SET_PDEATHSIG = 1


def run_to_end(
    command: Sequence[str | Path], *, longest_s: float, environment: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """The exit status of `command` and what it printed, stdout and stderr in one.

    It gets a process group of its own. Where it takes longer than `longest_s` (subprocess.TimeoutExpired), or something is
    raised meanwhile (KeyboardInterrupt), the whole group is ended: compilers and profilers start programs too. Raises OSError
    where it can't be run.
    """
    # a file, not a pipe: what a program leaves running would hold a pipe open
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            process_group=0,
        )
        try:
            code = process.wait(longest_s)
        except BaseException:
            _end_group(process)
            raise
        said.seek(0)
        return code, said.read()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Interrupt every process of the group, as Ctrl-C would, and end what does not end by itself.

    Interrupted, torch takes back the lock of an extension that it was building, which later builds would wait for.
    """
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:  # nothing is left of it
            break
        if number == signal.SIGINT:
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                continue
    process.wait()


def end_with_parent() -> None:
    """Let Linux end this process when the one that started it ends, however that comes about: a kill leaves no time to tidy."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
