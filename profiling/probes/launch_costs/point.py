"""One point of a path's line: an iteration that launches so often, with so many arguments, ready to be timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from launchlens.kernels.registry import Iteration
from launchlens.profiling.timing import Block

#: Iterations before a block's clock starts, with no synchronize between.
LEAD = 3
#: A short block takes about so long, and a long one twice that; and has at least and at most so many iterations.
SHORT_NS, FEWEST, MOST = 1_500_000, 4, 200
#: What a point's samples are called: host time until an iteration was submitted, and wall time of one.
HOST, WALL = "host", "wall"


@dataclass(frozen=True)
class Point:
    """An iteration of `path`. `parts` says how often it has what costs, by part.

    `nodes` are the kinds of what it launches, None where CUDA can't capture it to be counted.
    """

    path: str
    parts: Mapping[str, int]
    call: Iteration
    nodes: Mapping[str, int] | None = None
    holds: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The path and what it has: `triton: 1 iteration, 4 launch, 12 argument`."""
        return f"{self.path}: " + ", ".join(f"{count} {part}" for part, count in self.parts.items())


def iterations_of(call: Iteration, block: Block) -> int:
    """How many iterations make a short block. Warms the call up."""
    block(call, FEWEST)
    wall = block(call, FEWEST)[1] / FEWEST
    return int(min(max(SHORT_NS / max(wall, 1), FEWEST), MOST))


def sampled(call: Iteration, iterations: int, block: Block) -> dict[str, float]:
    """One round's times of an iteration, ns: what a block of twice as many iterations takes more, by the iterations it has more.

    What a block costs by itself is the same in both, as in a capture's timings (`profiling/rounds.py`).
    """
    found: dict[str, list[int]] = {HOST: [], WALL: []}
    for count in (iterations, 2 * iterations):
        for _ in range(LEAD):
            call()
        host, wall, _ = block(call, count)
        found[HOST].append(host)
        found[WALL].append(wall)
    return {name: (long - short) / iterations for name, (short, long) in found.items()}


#: What makes the points of a path, or raises where this machine can't.
Maker = tuple[str, Callable[[], list[Point]]]
