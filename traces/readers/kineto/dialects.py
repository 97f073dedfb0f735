"""What others write in the trace event format, said in Kineto's words: XLA's profiler (JAX, TensorFlow), and Triton's Proton.

A dialect goes over the events of a block before they become rows: it gives them categories, and says where GPU rows ran. What it
can't say stays absent; what it leaves out is counted by name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from launchlens.traces.problems import Problems, shown_name
from launchlens.traces.readers.kineto.events import Args, Complete

#: Names of threads by (process id, thread id), and of processes by id, as the file gives them.
Threads = Mapping[tuple[str, str], str]
Processes = Mapping[str, str]


class Dialect(Protocol):
    """`recorder` is whose it is. `runs_python` says whether all that it records is started from Python."""

    recorder: str
    runs_python: bool

    def translated(self, events: Iterable[Complete], processes: Processes, threads: Threads) -> list[Complete]:
        """The events in Kineto's words, less those that are none."""

    def close(self, problems: Problems) -> None:
        """Count what was left out, when all events have been met."""


class Xla:
    """XLA: a process a device, with a line a stream, and lines that say the same work again in other words; a process for the host.

    /device:GPU:0    Stream #13(Compute)   fusion_0      XLA Ops, XLA Modules, Steps, ...: left out
    /host:CPU        a thread              PjitFunction, cuLaunchKernel
    """

    recorder, runs_python = "xla", False
    _DEVICE = re.compile(r"^/device:(\w+):(\d+)")
    _HOST = re.compile(r"^/host:")
    _STREAM = re.compile(r"^Stream #(\d+)")
    _CALL = re.compile(r"^(cuda|cu|hip)[A-Z]")
    _COPY = re.compile(r"^Memcpy([HDPA])(?:2|to)([HDPA])$", re.IGNORECASE)

    def __init__(self) -> None:
        self._left_out: Counter[str] = Counter()

    @classmethod
    def speaks(cls, processes: Iterable[str]) -> bool:
        """Whether some names of processes are XLA's."""
        return any(cls._DEVICE.match(name) or cls._HOST.match(name) for name in processes)

    def translated(self, events: Iterable[Complete], processes: Processes, threads: Threads) -> list[Complete]:
        made = []
        for event in events:
            process = processes.get(str(event.pid), "")
            if event.cat or not event.name:
                made.append(event)
            elif device := self._DEVICE.match(process):
                line = threads.get((str(event.pid), str(event.tid)), "")
                if self._ran(event, device[1], int(device[2]), line):
                    made.append(event)
                else:
                    self._left_out[f"{device[0]} {line or 'without a name'}"] += 1
            else:
                self._called(event)
                made.append(event)
        return made

    def _ran(self, event: Complete, kind: str, device: int, line: str) -> bool:
        """Make an event of a device's a kernel, copy or memset; False for one that only repeats such work."""
        stream = self._STREAM.match(line)
        if stream is None and (kind == "GPU" or line != "XLA Ops"):
            return False
        args = event.args or Args()
        args.device, args.correlation = device, args.correlation_id
        args.stream = int(stream[1]) if stream else -1
        copy = self._COPY.match(event.name or "")
        if copy:
            args.kind = f"{copy[1].upper()}to{copy[2].upper()}"
        event.cat = "gpu_memcpy" if copy else "gpu_memset" if event.name == "Memset" else "kernel"
        event.args = args
        if stream is None:
            event.tid = None
        return True

    def _called(self, event: Complete) -> None:
        """Make an event of the host's an API call, a frame of Python, or an op."""
        name = event.name or ""
        if call := self._CALL.match(name):
            event.cat = "cuda_driver" if call[1] == "cu" else "cuda_runtime"
            event.args = event.args or Args()
            event.args.correlation = event.args.correlation_id
        else:
            event.cat = "python_function" if name.startswith("$") else "cpu_op"

    def close(self, problems: Problems) -> None:
        for line, count in self._left_out.items():
            problems.add("work-said-again", count, detail=shown_name(line))


class Proton:
    """Proton (`proton.start(data="trace")`): kernels by stream, without device, launch or correlation, and the scopes around them."""

    recorder, runs_python = "proton", True
    #: How the documents begin that it writes: no other writer has this unit.
    _BEGINS = re.compile(rb'\{\s*"displayTimeUnit"\s*:\s*"us"')
    _STREAM = re.compile(r"^GPU Stream (\d+)$")
    _GRAPH = re.compile(r"^Graph: Stream (\d+)$")

    @classmethod
    def begins(cls, text: bytes) -> bool:
        """Whether a document is Proton's, by how it begins."""
        return cls._BEGINS.match(text) is not None

    def translated(self, events: Iterable[Complete], processes: Processes, threads: Threads) -> list[Complete]:
        made = list(events)
        for event in made:
            line = threads.get((str(event.pid), str(event.tid)), "")
            on_graph = self._GRAPH.match(line)
            if event.cat == "scope":
                event.cat = "gpu_user_annotation" if on_graph else "user_annotation"
            if event.cat not in ("kernel", "gpu_user_annotation"):
                continue
            stream = self._STREAM.match(line) or on_graph
            event.args = event.args or Args()
            event.args.stream = int(stream[1]) if stream else event.tid
            event.pid = event.tid = None  # neither says which device it was
        return made

    def close(self, problems: Problems) -> None:
        """Nothing was left out."""
