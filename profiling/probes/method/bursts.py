"""Bursts: what one call costs the host, timed many calls at a time and in turn with everything that it is compared with.

    round 0:  wait |A A A ... A| wait |B B B ... B| wait |C C C ... C|
    round 1:  wait |C ...      | wait |B ...      | wait |A ...      |      (`block_order`)

The clock runs between the bars alone: waiting for the device is outside, so that a burst is host time, provided that it is
short enough not to fill the queue of launches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns

import numpy as np

from launchlens.profiling.probes.method.rounds import Entry, in_rounds
from launchlens.traces.statistics import Floats

#: Bursts of each kind before any is timed.
WARM_UP = 2
_NS = "ns per call"


@dataclass(frozen=True)
class Burst:
    """`run(times)` makes that many calls: the loop is its own, so that nothing stands between the loop and the call.

    `around()` is entered before the clock starts and left after it has stopped.
    """

    name: str
    run: Callable[[int], object]
    times: int
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def time_bursts(
    bursts: Sequence[Burst],
    rounds: int,
    wait: Callable[[], object],
    *,
    advance: Callable[[int], object] = lambda done: None,
    clock: Callable[[], int] = perf_counter_ns,
) -> Mapping[str, Floats]:
    """Time per call in ns of every burst, by name: [rounds]. `wait` waits for the device; `advance(1)` is called per round.

    Raises ValueError where two bursts have the same name, and whatever a burst raises.
    """
    entries = [Entry(burst.name, partial(_sample, burst, wait, clock)) for burst in bursts]
    for burst in bursts:
        for _ in range(WARM_UP):
            _spent(burst, wait, clock)
    found = in_rounds(entries, rounds, advance)
    wait()
    return {name: np.array(samples[_NS], np.float64) for name, samples in found.items()}


def _sample(burst: Burst, wait: Callable[[], object], clock: Callable[[], int]) -> dict[str, float]:
    return {_NS: _spent(burst, wait, clock) / burst.times}


def _spent(burst: Burst, wait: Callable[[], object], clock: Callable[[], int]) -> int:
    wait()
    with burst.around():
        begin = clock()
        burst.run(burst.times)
        return clock() - begin
