"""What every collector records: a warm-up, interleaved blocks, then single iterations, each in a range of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from launchlens.profiling.annotate import BLOCK, ITERATION, WARM_UP, annotated
from launchlens.profiling.checking import synchronize
from launchlens.profiling.timing import Entry, block_order

#: What names a part of a run for whoever records it.
Naming = Callable[[str], AbstractContextManager[None]]

#: Iterations of each variant recorded one by one, for the timeline.
SHOWN_ITERATIONS = 3
WARM_UP_ITERATIONS = 5


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


def _block(name: str, entry: Entry, iterations: int, device: str, naming: Naming) -> None:
    with naming(name):
        for _ in range(iterations):
            entry.call()
        synchronize(device)
