"""How fast the host is while a point is measured: the same small work, timed once a round.

A host's pace changes within seconds, by half on some virtual machines, and everything that waits for the host changes with it. No variant can
say so of itself: what its parameters cost and what the moment cost look alike. This work has no parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from launchlens.profiling.checking import synchronize

#: Launches of one timing on a GPU: a few hundred microseconds, and far fewer than a launch queue holds.
LAUNCHES = 100
#: Steps of the interpreter's work where there is no GPU, about as long.
_STEPS = 4_000


class HostReference:
    """Work of the host alone: on a GPU small launches until they are submitted, on the CPU a loop of the interpreter."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._work = _launches() if device == "cuda" else _interpreter

    def ns(self) -> int:
        """What the work takes now. Nothing of it is left running."""
        begin = perf_counter_ns()
        self._work()
        spent = perf_counter_ns() - begin
        synchronize(self._device)
        return max(spent, 1)


def _launches() -> Callable[[], None]:
    import torch

    source, destination = (torch.zeros(16, dtype=torch.int32, device="cuda") for _ in range(2))

    def work() -> None:
        for _ in range(LAUNCHES):
            destination.copy_(source)

    work()
    return work


def _interpreter() -> None:
    total = 0
    for step in range(_STEPS):
        total += step & 7
