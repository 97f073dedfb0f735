"""Command lines in processes of their own, each forked off one that has loaded what commands import: loading it takes longest.

What is forked runs `cli.py` as a script and ends as Python ends; what it does not show is how a new interpreter begins.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from launchlens.kernels.registry import discover

CLI = Path(__file__).parents[1] / "cli.py"


@dataclass(frozen=True)
class Process:
    """A command line that runs; one at a time does."""

    channel: socket.socket

    def wait(self) -> int:
        """Its exit status, as that of subprocess; negative where a signal ended it."""
        status = self.channel.recv(16)
        assert status, "the process that others are forked off has died"
        return int(status)


def start(
    arguments: Sequence[str | Path], *, stdout: int, stderr: int, environment: Mapping[str, str] | None = None
) -> Process:
    """Run `cli.py` with these arguments, with file descriptors as its stdout and stderr and no stdin."""
    channel = _ready()
    asked = json.dumps([list(map(str, arguments)), dict(environment or {})])
    with open(os.devnull) as nothing:
        socket.send_fds(channel, [asked.encode()], [nothing.fileno(), stdout, stderr])
    return Process(channel)


@cache
def _ready() -> socket.socket:
    """A channel to the process that forks; it ends with this one."""
    mine, theirs = socket.socketpair()
    with theirs:
        made = subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])

    def end() -> None:
        mine.close()
        made.wait()

    atexit.register(end)
    return mine


#: What the commands import that are asked for here.
LOADED = (
    "pyarrow.parquet",
    "launchlens.cli",
    "launchlens.traces.analysis",
    "launchlens.traces.cache.kept_analysis",
    "launchlens.traces.readers.kineto.reader",
    "launchlens.reports.pages.trace",
    "launchlens.reports.writers.json",
    "launchlens.reports.writers.terminal",
)


def _serve(channel: socket.socket) -> list[str] | None:
    """Fork for each command line that comes. Returns its arguments in the process that is to run it; None when no more come."""
    for module in LOADED:
        import_module(module)
    discover()
    gc.freeze()
    while True:
        message, given, *_ = socket.recv_fds(channel, 1 << 16, 3)
        if not message:
            return None
        child = os.fork()
        if not child:
            channel.close()
            for to, descriptor in enumerate(given):
                os.dup2(descriptor, to)
                os.close(descriptor)
            arguments, environment = json.loads(message)
            os.environ.update(environment)
            return list(arguments)
        for descriptor in given:
            os.close(descriptor)
        channel.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


if __name__ == "__main__":
    # as where a command is run: nothing of the tests' own is found
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).parent]
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        sys.argv = [str(CLI), *asked]
        runpy.run_path(str(CLI), run_name="__main__")
