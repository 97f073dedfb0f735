"""A stream beside one that is held, on which work goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.profiling.probes.apparatus.bare_kernel import BareKernel
from launchlens.profiling.probes.apparatus.hold import Hold
from launchlens.profiling.probes.apparatus.raw_kernel import make_stream

STREAMS_TRIED = 24


class Bystander:
    """A new stream, which work goes to while another one is held, and an event on it."""

    def __init__(self) -> None:
        from cuda.bindings import driver

        self.stream = make_stream()
        (self._event,) = check(driver.cuEventCreate(driver.CUevent_flags.CU_EVENT_DISABLE_TIMING))

    def on_torch(self) -> Any:
        """A context in which torch and Triton work on this stream."""
        import torch

        return torch.cuda.stream(torch.cuda.ExternalStream(self.stream))

    def mark(self) -> None:
        """Record the event that `reached` asks for."""
        from cuda.bindings import driver

        check(driver.cuEventRecord(self._event, self.stream))

    def reached(self) -> bool:
        from cuda.bindings import driver

        (answer,) = driver.cuEventQuery(self._event)
        if answer == driver.CUresult.CUDA_ERROR_NOT_READY:
            return False
        check((answer,))
        return True

    def wait(self) -> None:
        from cuda.bindings import driver

        check(driver.cuEventSynchronize(self._event))


def independent(streams: Sequence[int]) -> Bystander:
    """A bystander whose stream runs on while any of `streams` is held: of many streams, some share a hardware queue.

    Raises RuntimeError where none of those made was so.
    """
    import torch

    kernel, room = BareKernel(), torch.zeros(64, dtype=torch.int32, device="cuda")
    torch.cuda.synchronize()

    def work(bystander: Bystander) -> None:
        kernel.launch(room.data_ptr(), room.data_ptr() + 128, 128, bystander.stream)
        bystander.mark()

    with Hold() as hold:
        for _ in range(STREAMS_TRIED):
            bystander = Bystander()
            work(bystander)
            bystander.wait()
            if all(_runs_beside(hold, stream, bystander, work) for stream in streams):
                return bystander
    raise RuntimeError(f"none of {STREAMS_TRIED} streams ran a kernel while one block was held on another stream")


def _runs_beside(hold: Hold, stream: int, bystander: Bystander, work: Callable[[Bystander], None]) -> bool:
    hold.start(stream)
    try:
        if not hold.wait_until_held():
            return False
        began = perf_counter_ns()
        work(bystander)
        while not bystander.reached():
            if perf_counter_ns() - began > 20_000_000:
                return False
        return hold.held
    finally:
        hold.finish()
        bystander.wait()
