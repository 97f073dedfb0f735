"""SIGTERM, as `timeout`, docker and SLURM send it, ends a command as Ctrl-C does: what is half done is taken away first."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

from launchlens.commands.exit_codes import TERMINATED


@contextmanager
def tidy_when_terminated() -> Iterator[None]:
    """Make SIGTERM unwind the block. Of itself it ends a process on the spot, and half-written files stay."""

    def end(number: int, frame: object) -> None:
        sys.exit(TERMINATED)

    ours = current_thread() is main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
