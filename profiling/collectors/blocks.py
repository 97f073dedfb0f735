"""What every collector records: a warm-up, interleaved blocks, then single iterations, each in a range of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from time import perf_counter

import pandas as pd

from launchlens.profiling.annotate import BLOCK, ITERATION, WARM_UP, annotated
from launchlens.profiling.checking import synchronize
from launchlens.profiling.timing import Entry, block_order, time_blocks

#: What names a part of a run for whoever records it.
Naming = Callable[[str], AbstractContextManager[None]]

#: Iterations of each variant recorded one by one, for the timeline.
SHOWN_ITERATIONS = 3
WARM_UP_ITERATIONS = 5
#: Interleaved blocks of each variant that are timed just before a recording.
REFERENCE_ROUNDS = 10
REFERENCE_WARM_UP_S = 1.0


def run_blocks(
    entries: Sequence[Entry],
    *,
    rounds: int,
    iterations: int,
    device: str,
    advance: Callable[[int], None],
    naming: Naming = annotated,
) -> None:
    """Run `rounds` interleaved blocks of every entry, then single iterations, for whichever recorder listens.

    A recorder can lose the first events of a session (pytorch#192021), so a warm-up comes first, in a range that no
    analysis asks for. `advance(1)` is called per round. `naming` is for a recorder that writes down ranges by itself.
    """
    with naming(WARM_UP):
        for entry in entries:
            for _ in range(WARM_UP_ITERATIONS):
                entry.call()
        synchronize(device)
    for number in range(rounds):
        for index in block_order(len(entries), number):
            _block(BLOCK + entries[index].variant, entries[index], iterations, device, naming)
        advance(1)
    for entry in entries:
        for _ in range(SHOWN_ITERATIONS):
            _block(ITERATION + entry.variant, entry, 1, device, naming)


def reference_times(entries: Sequence[Entry], iterations: int, device: str) -> dict[str, float]:
    """Unprofiled time of one iteration by variant, ns: the median over interleaved blocks, in this process and just now.

    What a recorder costs is told from this, not from times taken minutes before: hosts drift by more than recorders cost.
    A new process is slow at first (clocks rise, caches fill), so all entries run for REFERENCE_WARM_UP_S before.
    """
    rows: list[dict[str, object]] = []
    until = perf_counter() + REFERENCE_WARM_UP_S
    while perf_counter() < until:
        for entry in entries:
            entry.call()
        synchronize(device)
    time_blocks(
        entries,
        rounds=REFERENCE_ROUNDS,
        iterations=iterations,
        device=device,
        advance=lambda done: None,
        rows=rows,
    )
    frame = pd.DataFrame(rows)
    found = (frame["wall_ns"] / frame["iterations"]).groupby(frame["variant"]).median()
    return {str(variant): float(value) for variant, value in found.items()}


def _block(name: str, entry: Entry, iterations: int, device: str, naming: Naming) -> None:
    with naming(name):
        for _ in range(iterations):
            entry.call()
        synchronize(device)
