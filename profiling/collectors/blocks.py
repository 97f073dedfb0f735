"""What every collector records: a warm-up, interleaved blocks, then single iterations, each in a range of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from time import perf_counter

import pandas as pd

from launchlens.profiling.annotate import BLOCK, ITERATION, WARM_UP, annotated
from launchlens.profiling.checking import synchronize
from launchlens.profiling.collectors.collector import Advance, Job
from launchlens.profiling.rounds import Rounds, one_block_each
from launchlens.profiling.timing import Entry, Failures
from launchlens.traces.captures.block_order import block_order

#: What names a part of a run for whoever records it.
Naming = Callable[[str], AbstractContextManager[None]]

#: Iterations of each variant recorded one by one, for the timeline.
SHOWN_ITERATIONS = 3
WARM_UP_ITERATIONS = 5
#: Interleaved blocks of each variant that are timed just before a recording.
REFERENCE_ROUNDS = 10
REFERENCE_WARM_UP_S = 1.0


def run_blocks(job: Job, advance: Advance, naming: Naming = annotated) -> None:
    """Run the interleaved blocks of a job, then single iterations, for whichever recorder listens.

    A recorder can lose the first events of a session (pytorch#192021), so a warm-up comes first, in a range that no
    analysis asks for. `advance(1)` is called per round. `naming` is for a recorder that writes down ranges by itself.
    """
    with naming(WARM_UP):
        for entry in job.entries:
            for _ in range(WARM_UP_ITERATIONS):
                entry.call()
        synchronize(job.device)
    for number in range(job.rounds):
        for index in block_order(len(job.entries), number):
            _block(BLOCK + job.entries[index].variant, job.entries[index], job.iterations, job.device, naming)
        advance(1)
    for entry in job.entries:
        for _ in range(SHOWN_ITERATIONS):
            _block(ITERATION + entry.variant, entry, 1, job.device, naming)


def reference_times(job: Job) -> Mapping[str, float]:
    """Unprofiled time of one iteration by variant, ns: the median over interleaved blocks, in this process and just now.

    What a recorder costs is told from this, not from times taken minutes before: hosts drift by more than recorders cost.
    A new process is slow at first (clocks rise, caches fill), so all entries run for REFERENCE_WARM_UP_S before.
    """
    rows: list[dict[str, object]] = []
    until = perf_counter() + REFERENCE_WARM_UP_S
    while perf_counter() < until:
        for entry in job.entries:
            entry.call()
        synchronize(job.device)
    failures = Failures()
    iterations = {(entry.variant, entry.regime): job.iterations for entry in job.entries}
    rounds = Rounds(job.entries, iterations, job.device, rows, failures, warm=0, blocks=one_block_each)
    rounds.run(REFERENCE_ROUNDS, unwatched)
    for error in failures.values():
        raise error
    frame = pd.DataFrame(rows)
    found = (frame["wall_ns"] / frame["iterations"]).groupby(frame["variant"]).median()
    return {str(variant): float(value) for variant, value in found.items()}


def unwatched(done: int) -> None:
    """An `advance` for where nobody looks on."""


def _block(name: str, entry: Entry, iterations: int, device: str, naming: Naming) -> None:
    with naming(name):
        for _ in range(iterations):
            entry.call()
        synchronize(device)
