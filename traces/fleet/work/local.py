"""Files read by processes of this machine, one file at a time each. A process that dies takes one file with it, which is done again.

A process is asked through its stdin and answers through its stdout, in pickles: it is ours, and nobody else talks to it. It is not forked, for
this process has threads.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import launchlens
from launchlens.traces.fleet.summarise import summaries
from launchlens.traces.fleet.summary import RankSummary, Unusable
from launchlens.traces.fleet.work.faults import told
from launchlens.traces.fleet.work.progress import Done

#: A file whose process died is tried again so often.
TRIES_AGAIN = 2
#: Less than this is read sooner than processes are started, bytes.
_SMALL = 8 << 20
#: What a process takes at least, and for each byte of a file (packed ones hold ten times as much), bytes: measured with torch's traces.
_LEAST_MEMORY, _PER_BYTE, _PER_PACKED_BYTE = 400 << 20, 6, 60


def read_here(
    paths: Sequence[Path], steps: str | None, workers: int | None, done: Done
) -> list[RankSummary | Unusable]:
    """The summaries of some files, in their order. `workers` is how many processes read; None: as many as is good here."""
    if workers is None:
        if sum(map(_size, paths)) < _SMALL:
            found: list[RankSummary | Unusable] = []
            for path in paths:
                found += _flat(told(summaries, path, steps))
                done(1)
            return found
        workers = fitting(paths)
    with _Crew(paths, steps, min(workers, len(paths)), done) as crew:
        return [each for answer in crew.results() for each in _flat(answer)]


def fitting(paths: Sequence[Path]) -> int:
    """How many processes read these files: as many as there are cores, and as memory has room for the largest files."""
    needs = max(
        _LEAST_MEMORY + _size(path) * (_PER_PACKED_BYTE if path.suffix == ".gz" else _PER_BYTE) for path in paths
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(len(paths), cores, _free_memory() // needs))


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(each.stat().st_size for each in path.iterdir())
        return path.stat().st_size
    except OSError:
        return 0


def _free_memory() -> int:
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return 8 << 30  # elsewhere than on Linux nothing tells it; most machines have as much


def _flat(result: list[RankSummary] | Unusable) -> list[RankSummary | Unusable]:
    return [result] if isinstance(result, Unusable) else [*result]


class _DiedError(Exception):
    """A process died before it answered."""


class _Process:
    """One process that reads files."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(launchlens.__file__).parent / "cli.py"), "_reader"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0
        )

    def ask(self, path: Path, steps: str | None) -> list[RankSummary] | Unusable:
        """What a file holds. Raises _DiedError with how it ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            pickle.dump((path, steps), self._process.stdin)
            self._process.stdin.flush()
            found: list[RankSummary] | Unusable = pickle.load(self._process.stdout)
            return found
        except (OSError, EOFError, pickle.UnpicklingError):
            self._process.wait()
            raise _DiedError(_ended(self._process.returncode)) from None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for each in (self._process.stdin, self._process.stdout):
            try:
                if each is not None:
                    each.close()
            except OSError:
                pass  # it had died before it took what was sent


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


@dataclass
class _Crew:
    """A thread for each process, which gives it one file after another; the main thread waits for all of them."""

    paths: Sequence[Path]
    steps: str | None
    workers: int
    done: Done
    _todo: queue.SimpleQueue[tuple[int, int]] = field(default_factory=queue.SimpleQueue)
    _answers: queue.SimpleQueue[tuple[int, Any]] = field(default_factory=queue.SimpleQueue)
    _processes: list[_Process] = field(default_factory=list)
    _over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        # large files first, so that none is left alone at the end
        for at in sorted(range(len(self.paths)), key=lambda at: -_size(self.paths[at])):
            self._todo.put((at, 0))
        for _ in range(self.workers):
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._over = True
            processes = [*self._processes]
        for each in processes:
            each.end()

    def results(self) -> list[list[RankSummary] | Unusable]:
        """The answers in the order of the paths. Raises what a thread met that is no fault of a file."""
        found: dict[int, list[RankSummary] | Unusable] = {}
        while len(found) < len(self.paths):
            try:
                at, answer = self._answers.get(timeout=0.2)  # so that Ctrl-C is heard
            except queue.Empty:
                continue
            if isinstance(answer, BaseException):
                raise answer
            found[at] = answer
            self.done(1)
        return [found[at] for at in range(len(self.paths))]

    def _start(self) -> _Process | None:
        with self._lock:
            if self._over:
                return None
            process = _Process()
            self._processes.append(process)
            return process

    def _work(self) -> None:
        process: _Process | None = None
        while not self._over:
            try:
                at, tries = self._todo.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                process = process or self._start()
                if process is None:
                    return
                self._answers.put((at, process.ask(self.paths[at], self.steps)))
            except _DiedError as died:
                if process is not None:
                    process.end()
                    with self._lock:
                        self._processes.remove(process)
                process = None
                if self._over:
                    return
                if tries < TRIES_AGAIN:
                    self._todo.put((at, tries + 1))
                else:
                    why = f"its process {died}, and so did {TRIES_AGAIN} more that read it"
                    self._answers.put((at, Unusable(self.paths[at], why)))
            except BaseException as error:  # noqa: BLE001  it is raised in the thread that waits
                self._answers.put((at, error))
                return
