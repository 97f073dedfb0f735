"""Several things measured in turn in one process, so that what drifts on the host touches all of them alike.

Each is measured once a round, in an order that differs from round to round (`block_order`). The samples of one round
are pairs, and only as pairs are they compared.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from launchlens.profiling.environment import quiet_collector
from launchlens.traces.captures.block_order import block_order

#: What tells the figures of an entry apart.
FigureT = TypeVar("FigureT", bound=Hashable)


@dataclass(frozen=True)
class Entry(Generic[FigureT]):
    """One thing to measure. `measure` makes one round's sample of each of its figures, always of the same ones."""

    name: str
    measure: Callable[[], Mapping[FigureT, float]]


def in_rounds(
    entries: Sequence[Entry[FigureT]], rounds: int, advance: Callable[[int], object]
) -> dict[str, dict[FigureT, list[float]]]:
    """The samples of every entry by its name, one a round and figure, in the order of the rounds. `advance(1)` is called per round.

    Python's cycle collector rests meanwhile. Raises ValueError for two entries of one name, and what a measurement raises.
    """
    found: dict[str, dict[FigureT, list[float]]] = {entry.name: {} for entry in entries}
    if len(found) < len(entries):
        raise ValueError("two entries have the same name")
    with quiet_collector():
        for number in range(rounds):
            for index in block_order(len(entries), number):
                entry = entries[index]
                for figure, value in entry.measure().items():
                    found[entry.name].setdefault(figure, []).append(value)
            advance(1)
    return found
