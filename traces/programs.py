"""Other people's programs: run to their end or to ours, none of it left behind and none of it able to hang us; what they said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

#: How long a program that was interrupted may take to end, seconds.
GRACE_S = 3.0
_FAULT = re.compile(r"error|fail|cannot|unable|not found|no such", re.IGNORECASE)


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


def telling(lines: Sequence[str]) -> str:
    """Of the lines that a program said before it failed, the last that names a fault, else the last."""
    return next((line for line in reversed(lines) if _FAULT.search(line)), lines[-1])


def without_folders(text: str) -> str:
    """`text` with absolute paths cut to their last part."""
    quoted = re.sub(r"""(['"])/[^'"]*/([^/'"]*)\1""", r"\1\2\1", text)  # may hold blanks
    return re.sub(r"(?<![\w.:/])/(?:[^\s/'\":]+/)+", "", quoted)
