"""The blocker: a kernel on torch's current stream that lets nothing behind it run until it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns, sleep
from types import TracebackType
from typing import Any, Self

from launchlens.kernels.registry import Iteration
from launchlens.profiling.probes.apparatus.bystander import Bystander, independent
from launchlens.profiling.probes.apparatus.hold import Hold

#: How long work that is not held is given to end, and the blocker's timer while it is looked for.
LOOK_AFTER_S, LOOK_LIMIT_S = 0.005, 0.5


@dataclass(frozen=True)
class Behind:
    """Iterations that were submitted behind the blocker. `held`: it still held when the last of them had been submitted.

    `submit_ns` and `device_ns` are of all of them together.
    """

    iterations: int
    held: bool
    submit_ns: int
    device_ns: float


class Blocker:
    """Blocks the stream that torch works on, as it is when this is made. To be left by `with`, or closed."""

    def __init__(self) -> None:
        import torch

        self.stream = int(torch.cuda.current_stream().cuda_stream)
        self._hold = Hold()
        self._first, self._last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        # the first record of an event creates it
        self._first.record()
        self._last.record()
        torch.cuda.synchronize()
        self._bystander: Bystander | None = None

    def behind(self, call: Iteration, iterations: int, limit_s: float) -> Behind:
        """Submit iterations behind the blocker, let it go, and time them on the device.

        Whatever the call raises passes through, with the blocker gone.
        """
        import torch

        torch.cuda.synchronize()
        try:
            self._hold.start(self.stream, limit_s)
            well = self._hold.wait_until_held()
            self._first.record()
            begin = perf_counter_ns()
            for _ in range(iterations):
                call()
            submitted = perf_counter_ns() - begin
            self._last.record()
            held = well and self._hold.held
        finally:
            self._hold.finish()
        torch.cuda.synchronize()
        return Behind(iterations, held, submitted, self._first.elapsed_time(self._last) * 1e6)

    def ends_meanwhile(self, inputs: Any, call: Iteration) -> bool | None:
        """Whether an iteration does its work though the stream is blocked: it is on another stream that doesn't wait.

        `inputs` check themselves (`poison`, `wrong`), which is done here on a stream that is not blocked. None where that can't
        be said: no stream is independent of the blocked one, or the blocker did not hold until the check had ended.
        """
        import torch

        if self._bystander is None:
            try:
                self._bystander = independent([self.stream])
            except RuntimeError:
                return None
        call()
        torch.cuda.synchronize()
        inputs.poison()
        torch.cuda.synchronize()
        with self._bystander.on_torch():
            inputs.wrong()  # loads what it runs, before anything is blocked
        torch.cuda.synchronize()
        try:
            self._hold.start(self.stream, LOOK_LIMIT_S)
            well = self._hold.wait_until_held()
            call()
            sleep(LOOK_AFTER_S)
            with self._bystander.on_torch():
                fault = inputs.wrong()
            held = well and self._hold.held
        finally:
            self._hold.finish()
        torch.cuda.synchronize()
        return fault is None if held else None

    def close(self) -> None:
        self._hold.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
