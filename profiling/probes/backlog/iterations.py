"""Samples behind a backlog, and how many iterations go into one: enough to be timed, far fewer than fill the queue.

stream:  |---- the blocker holds ----|release  |first|i i i i ... i|last|
host:        first, i i i ... i, last          \\ the device works through what was queued, and never waits for the host

CUDA takes some 1,024 launches before a submitting call waits for the device, which here would wait for the blocker. How many
launches an iteration makes nobody says, so the number of iterations is doubled until they take the device long enough; since no
launch takes it much less than 1 µs, that bounds their number. A call that waits all the same is noticed when the blocker's
timer lets go of it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from launchlens.profiling.probes.apparatus.blocker import Behind

#: Twice the iterations of a sample take the device at least this long, or are this many.
ENOUGH_NS = 300_000
MOST_TWICE = 128
#: Submitting slower than this many times the usual, and by this much, is waiting for room in the queue.
SLOWED, SLOWED_NS = 4, 20_000_000
#: The blocker's timer: this many times what submitting usually takes, within these bounds.
PATIENCE, LEAST_LIMIT_S, MOST_LIMIT_S = 20, 0.25, 2.0
#: An iteration that takes longer to submit is not tried: two of them must stay far below the timer.
LONGEST_SUBMISSION_NS = 50_000_000


class NotQueuedError(Exception):
    """A variant can't be put behind a backlog; the text says why, for a table."""


def limit_s(iterations: int, host_ns: float) -> float:
    """When the blocker's timer should let go of iterations that take `host_ns` each to submit."""
    return min(max(PATIENCE * iterations * host_ns / 1e9, LEAST_LIMIT_S), MOST_LIMIT_S)


def choose_iterations(run: Callable[[int], Behind], host_ns: float) -> int:
    """Iterations of a sample, of which twice as many still fit. `run(n)` submits n behind the blocker.

    Raises NotQueuedError where not even two fit.
    """
    if host_ns > LONGEST_SUBMISSION_NS:
        raise NotQueuedError(f"submitting one iteration takes {host_ns / 1e6:.0f} ms, too long to block the device for")
    passed, twice = 0, 1
    while twice <= MOST_TWICE:
        found = run(twice)
        if not found.held or found.submit_ns > SLOWED * twice * host_ns + SLOWED_NS:
            break
        passed = twice
        if twice > 1 and found.device_ns >= ENOUGH_NS:
            return twice // 2
        twice *= 2
    else:
        return MOST_TWICE // 2
    if not passed:
        raise NotQueuedError("it waits for the device, or one iteration is more than the queue takes")
    if passed == 1:
        raise NotQueuedError("two iterations are more than the queue takes")
    return max(passed // 4, 1)  # well below what did not fit


def eagerly(call: Callable[[], object], iterations: int) -> tuple[int, int]:
    """The time of iterations as they are usually run, in ns of all of them: submitting them, and until the device is done."""
    import torch

    torch.cuda.synchronize()
    begin = perf_counter_ns()
    for _ in range(iterations):
        call()
    submitted = perf_counter_ns()
    torch.cuda.synchronize()
    return submitted - begin, perf_counter_ns() - begin
