"""Command lines in processes of their own, each forked off one that has loaded what commands import: loading it takes longest.

What is forked runs `cli.py` as a script and ends as Python ends; what it does not show is how a new interpreter begins.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from launchlens.kernels.registry import discover
from started import PATIENCE

CLI = Path(__file__).parents[1] / "cli.py"


@dataclass
class Process:
    """A command line that runs; one at a time does."""

    channel: socket.socket
    number: int
    _ended: int | None = None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has been waited for."""
        if self._ended is None:
            with suppress(ProcessLookupError):
                os.kill(self.number, number)

    def wait(self) -> int:
        """Its exit status, as that of subprocess; negative where a signal ended it. One that hangs is killed."""
        if self._ended is None:
            self.channel.settimeout(PATIENCE)
            try:
                self._ended = _said(self.channel)
            except TimeoutError:
                self.send_signal(signal.SIGKILL)
                self.channel.settimeout(None)
                self._ended = _said(self.channel)
        return self._ended


@contextmanager
def program(
    arguments: Sequence[str | Path], stdout: Path, stderr: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Run `cli.py` with these arguments, which prints into files; it is ended at the end."""
    with open(stdout, "wb") as out, open(stderr, "wb") as errors:
        process = start(arguments, stdout=out.fileno(), stderr=errors.fileno(), environment=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def start(
    arguments: Sequence[str | Path], *, stdout: int, stderr: int, environment: Mapping[str, str] | None = None
) -> Process:
    """Run `cli.py` with these arguments, with file descriptors as its stdout and stderr and no stdin."""
    channel = _ready()
    asked = json.dumps([list(map(str, arguments)), dict(environment or {})])
    with open(os.devnull) as nothing:
        socket.send_fds(channel, [asked.encode()], [nothing.fileno(), stdout, stderr])
    return Process(channel, _said(channel))


def _said(channel: socket.socket) -> int:
    """The next number that the process says which forks."""
    said = channel.recv(_WIDTH, socket.MSG_WAITALL)
    assert said, "the process that others are forked off has died"
    return int(said)


#: Characters of a number that it says: two may lie there to be read.
_WIDTH = 16


def _say(channel: socket.socket, number: int) -> None:
    channel.sendall(f"{number:{_WIDTH}}".encode())


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
            tempfile.tempdir = None  # which the environment says
            return list(arguments)
        for descriptor in given:
            os.close(descriptor)
        _say(channel, child)
        _say(channel, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    # as where a command is run: nothing of the tests' own is found
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).parent]
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        sys.argv = [str(CLI), *asked]
        runpy.run_path(str(CLI), run_name="__main__")
