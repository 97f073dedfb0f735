"""A made host and a made GPU that run small programs, with and without a profiler: what a change really saves is known.

The same program is run twice: once for its unprofiled time, once with every event costing the host something more, and written down
as a recorder would. Times are whole ns. Nothing here is launchlens': the physics are a queue per stream and a host that goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import events as made
from launchlens.traces.joined import JoinedTrace

US = 1_000
#: What the profiler adds to an op, and to a call of the API: torch.profiler's, about.
OP_COST, CALL_COST = 2_500, 3_000
#: Of the made GPU: from the call until work can begin, from one work to the next, after a wait until the host goes on.
LATENCY, STEP, WAKE = 4_000, 1_000, 4_000
PAGEABLE, PINNED = 6, 50  # bytes per ns


class Machine:
    """A host thread and a GPU. `recorded` makes rows of events and lets each cost its time."""

    def __init__(self, recorded: bool) -> None:
        self.recorded = recorded
        self.now = 0
        self.free: dict[int, int] = {}
        self.rows: list[dict[str, Any]] = []
        self.correlation = 0

    def code(self, us: float) -> None:
        """The host computes."""
        self.now += round(us * US)

    sleep = code

    @contextmanager
    def range(self, name: str) -> Iterator[None]:
        start = self.now
        yield
        if self.recorded:
            self.now += OP_COST
            self.rows.append(made.host("range", name, start, self.now))

    @contextmanager
    def op(self, name: str, us: float = 4) -> Iterator[None]:
        """A framework op that takes the host `us` besides what is called in it."""
        start = self.now
        self.now += round(us * US) + (OP_COST if self.recorded else 0)
        yield
        if self.recorded:
            self.rows.append(made.host("op", name, start, self.now))

    def call(self, name: str, us: float, **more: Any) -> None:
        start = self.now
        self.now += round(us * US) + (CALL_COST if self.recorded else 0)
        if self.recorded:
            self.rows.append(made.host("api", name, start, self.now, **more))

    def launch(
        self, kernel: str, us: float, stream: int = 7, *, after: int | None = None, kind: str = "kernel", **more: Any
    ) -> int:
        """Launch work that takes `us`; it waits for `after`, a moment on the device. Returns when it will be done."""
        self.correlation += 1
        begun = self.now
        self.call({"kernel": "cudaLaunchKernel", "memcpy": "cudaMemcpyAsync"}[kind], 3, correlation=self.correlation)
        start = max(begun + LATENCY, self.free.get(stream, -STEP) + STEP, (after or -STEP) + STEP)
        end = start + round(us * US)
        self.free[stream] = end
        if self.recorded:
            self.rows.append(made.gpu(kind, start, end, self.correlation, stream=stream) | {"name": kernel} | more)
        return end

    def kernel(self, op: str, kernel: str, us: float, host_us: float = 6) -> None:
        with self.op(op, host_us):
            self.launch(kernel, us)

    def graph(self, nodes: list[tuple[str, float]]) -> None:
        """Replay a graph of kernels."""
        self.correlation += 1
        begun = self.now
        self.call("cudaGraphLaunch", 10, correlation=self.correlation)
        end = max(begun + LATENCY, self.free.get(7, 0))
        for name, us in nodes:
            start, end = end + 500, end + 500 + round(us * US)
            if self.recorded:
                self.rows.append(made.gpu("kernel", start, end, self.correlation) | {"name": name})
        self.free[7] = end

    def wait(self, api: str = "cudaStreamSynchronize", stream: int | None = None) -> None:
        """The host waits for a stream, or for all."""
        start = self.now
        ends = self.free.values() if stream is None else [self.free.get(stream, 0)]
        self.now = max([self.now, *ends]) + WAKE + (CALL_COST if self.recorded else 0)
        if self.recorded:
            self.rows.append(made.host("api", api, start, self.now))

    def read(self) -> None:
        """`tensor.item()`."""
        with self.op("aten::item", 3), self.op("aten::_local_scalar_dense", 2):
            self.launch("Memcpy DtoH (Device -> Pinned)", 1.5, kind="memcpy", copy_kind="DtoH", bytes=4)
            self.wait()

    def upload(self, size: int, *, pinned: bool, stream: int = 7) -> int:
        """`tensor.to("cuda")`: of pageable memory the host stays until it is done. Returns when it is."""
        with self.op("aten::to", 4), self.op("aten::copy_", 4):
            if pinned:
                return self.launch(
                    "Memcpy HtoD (Pinned -> Device)",
                    size / PINNED / US,
                    stream,
                    kind="memcpy",
                    copy_kind="HtoD",
                    bytes=size,
                )
            self.correlation += 1
            start = max(self.now + LATENCY, self.free.get(stream, -STEP) + STEP)
            end = start + size // PAGEABLE
            self.free[stream] = end
            if self.recorded:
                name = "Memcpy HtoD (Pageable -> Device)"
                more = {"name": name, "copy_kind": "HtoD", "bytes": size, "stream": stream}
                self.rows.append(made.gpu("memcpy", start, end, self.correlation) | more)
            self.call("cudaMemcpyAsync", (end - self.now) / US, correlation=self.correlation)
            self.wait()
            return end

    def allocate(self, name: str, us: float) -> None:
        """A call of the driver's allocator: it waits for the device, and then takes `us`."""
        start = self.now
        self.now = max([self.now, *self.free.values()]) + round(us * US) + (CALL_COST if self.recorded else 0)
        if self.recorded:
            self.rows.append(made.host("api", name, start, self.now))


Program = Callable[[Machine, int], None]


def unprofiled_ns(program: Program, steps: int = 12) -> float:
    """What a step takes when nothing records, steps in a row: from the end of the fourth to the end of the last."""
    machine, ends = Machine(recorded=False), []
    for number in range(steps):
        program(machine, number)
        ends.append(max([machine.now, *machine.free.values()]))
    return (ends[-1] - ends[3]) / (steps - 4)


def recorded(program: Program, steps: int = 8) -> JoinedTrace:
    """The trace of some steps in a row, each in a `ProfilerStep#N`."""
    machine = Machine(recorded=True)
    for number in range(steps):
        with machine.range(f"ProfilerStep#{number + 5}"):
            program(machine, number)
    return made.joined(made.events(machine.rows))
