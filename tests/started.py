"""Programs that tests start: none is waited for in vain, and none outlives its test."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

#: Longer than anything here takes on a machine that is busy with other work, seconds.
PATIENCE = 120

T = TypeVar("T")


@contextmanager
def program(command: Sequence[str | Path], said: Path, **more: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program that writes what it prints, stdout and stderr in one, to the file `said`; it is ended at the end.

    A file, and not a pipe: reading a pipe takes as long as the program likes.
    """
    with open(said, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **more)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(found: Callable[[], T], what: str, within_s: float = PATIENCE) -> T:
    """The first answer of `found` that is true; TimeoutError, saying `what` was waited for, where it takes too long."""
    end = time.monotonic() + within_s
    while not (answer := found()):
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} within {within_s:.0f} s")
        time.sleep(0.02)
    return answer
