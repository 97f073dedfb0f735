"""What every collector records: a warm-up, interleaved blocks, then single iterations, each in a range of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from launchlens.profiling.annotate import BLOCK, ITERATION, WARM_UP, annotated
from launchlens.profiling.checking import synchronize
from launchlens.profiling.timing import Entry, block_order

#: Iterations of each variant recorded one by one, for the timeline.
SHOWN_ITERATIONS = 3
WARM_UP_ITERATIONS = 5


def run_blocks(
    entries: Sequence[Entry], *, rounds: int, iterations: int, device: str, advance: Callable[[int], None]
) -> None:
    """Run `rounds` interleaved blocks of every entry, then single iterations, for whichever recorder listens.

    A recorder can lose the first events of a session (pytorch#192021), so a warm-up comes first, in a range that no
    analysis asks for. `advance(1)` is called per round.
    """
    with annotated(WARM_UP):
        for entry in entries:
            for _ in range(WARM_UP_ITERATIONS):
                entry.call()
        synchronize(device)
    for number in range(rounds):
        for index in block_order(len(entries), number):
            _block(BLOCK + entries[index].variant, entries[index], iterations, device)
        advance(1)
    for entry in entries:
        for _ in range(SHOWN_ITERATIONS):
            _block(ITERATION + entry.variant, entry, 1, device)


def _block(name: str, entry: Entry, iterations: int, device: str) -> None:
    with annotated(name):
        for _ in range(iterations):
            entry.call()
        synchronize(device)
