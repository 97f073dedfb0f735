"""Rounds of blocks: every variant in turn, each in blocks of two lengths, with the light recorder off and on.

A block begins with a few iterations that are not timed, and no synchronize between: it has been warmed when the clock starts.
What begins and ends a block costs the same in a short one as in a long one, so what a long one takes more is the time of the
iterations that it has more: the marginal time of one, free of what a block costs by itself.

    round 0:  A B C ...      each, say: off short, light long, off long, light short
    round 1:  ... C B A      the same, backwards: what drifts through the two meets all of them alike
    round 2:  another row of the design

A recorder's reference, which is timed in the recorded process, has no use for two lengths: there a round holds one block of each entry
(`one_block_each`), and a block is its own measure.

The variants of a pair of rounds are in the order of a row of a Williams square, and so are a variant's own blocks (E. J. Williams,
"Experimental designs balanced for the estimation of residual effects of treatments", 1949): over all rows of a square each comes
directly before each other one equally often. Which variant stands for which column is drawn from the seed, anew for each square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from time import perf_counter_ns

import numpy as np

from launchlens.kernels.registry import Iteration
from launchlens.profiling.checking import synchronize
from launchlens.profiling.collectors.light.blocks import LightBlocks
from launchlens.profiling.environment import quiet_collector, sm_clock_reader
from launchlens.profiling.timing import Block, Entry, Failures, Timed, block_on, timing_row
from launchlens.traces.captures.block_order import block_order

#: A short block lasts about this long, and a long one twice that.
SHORT_NS = 4_000_000
FEWEST_ITERATIONS, MOST_ITERATIONS = 4, 300
#: Iterations at the beginning of a block that are not timed.
WARM_ITERATIONS = 3
_TRIAL = 20


@dataclass(frozen=True)
class Lengths:
    """How long blocks are: a short one lasts about `short_ns`, within so many iterations, behind `warm` that are not timed.

    `trials` are the iterations of the passes by which an iteration's time is found out; the first pays for what is done late.
    """

    short_ns: int = SHORT_NS
    fewest: int = FEWEST_ITERATIONS
    most: int = MOST_ITERATIONS
    warm: int = WARM_ITERATIONS
    trials: tuple[int, ...] = (_TRIAL, _TRIAL)


USUAL = Lengths()


@dataclass(frozen=True)
class Treatment:
    """How a block is run: with the light recorder on or off, and as a short one or a long one, or the only one that there is."""

    light: bool
    long: bool
    alone: bool = False

    @property
    def length(self) -> str:
        return "only" if self.alone else "long" if self.long else "short"

    @property
    def recorder(self) -> str:
        return "light" if self.light else "off"


_ONLY = Treatment(False, False, alone=True)
_OFF = (Treatment(False, False), Treatment(False, True))
_BOTH = (Treatment(False, False), Treatment(True, False), Treatment(False, True), Treatment(True, True))


def williams(count: int) -> list[list[int]]:
    """Rows of a Williams square of `count` treatments: over them each follows each other one equally often.

    An even number has `count` rows. An odd one has them and their mirror images, without which no such square exists.
    """
    middle = [(at + 1) // 2 if at % 2 else -(at // 2) for at in range(count)]  # 0, 1, -1, 2, -2, ...
    rows = [[(first + step) % count for step in middle] for first in range(count)]
    return rows if count % 2 == 0 else [*rows, *(row[::-1] for row in rows)]


def _of_pairs(count: int) -> list[list[int]]:
    """The rows of a square that, each followed by its mirror image, are the whole square: in one of even size rows come in twos."""
    return williams(count)[: max(count // 2, 1) if count % 2 == 0 else count]


def order(entries: int, rounds: int, *, light: bool, seed: int) -> Iterator[list[tuple[int, Treatment]]]:
    """Of each round, which entry is run how, in order: pairs of rounds, the second one the first backwards."""
    generator = np.random.default_rng(seed)
    treatments = _BOTH if light else _OFF
    inner, outer = williams(len(treatments)), _of_pairs(entries)
    blocks: list[tuple[int, Treatment]] = []
    named = np.arange(entries)
    for number in range(rounds):
        pair = number // 2
        if number % 2 == 0:
            if pair % len(outer) == 0:
                named = generator.permutation(entries)
            row = inner[pair % len(inner)]
            blocks = [(int(named[column]), treatments[at]) for column in outer[pair % len(outer)] for at in row]
        else:
            blocks = blocks[::-1]
        yield blocks


def one_block_each(entries: int, rounds: int) -> Iterator[list[tuple[int, Treatment]]]:
    """As `order`, with one block of an entry a round: every other round backwards, and each pair of rounds rotated by one."""
    for number in range(rounds):
        yield [(index, _ONLY) for index in block_order(entries, number)]


def iterations_of(
    entries: Sequence[Entry],
    wait: Callable[[], None],
    failures: Failures,
    given: int | None = None,
    lengths: Lengths = USUAL,
) -> dict[tuple[str, str], int]:
    """Iterations of a short block by (variant, regime), so that it is as long as `lengths` say; those `given` for all. Warms up.

    An entry that raises is noted in `failures`.
    """
    found: dict[tuple[str, str], int] = {}
    for entry in entries:
        where = entry.variant, entry.regime
        if where in found:
            continue
        try:
            took = _trial(entry.call, wait, lengths)
        except Exception as error:  # noqa: BLE001  anybody's code
            failures[where] = error
            wait()  # raises where the failure left no usable device
            continue
        found[where] = given or int(min(max(lengths.short_ns // max(took, 1), lengths.fewest), lengths.most))
    return found


def _trial(call: Iteration, wait: Callable[[], None], lengths: Lengths) -> int:
    """Time of one iteration, ns, in a short block."""
    spent = 0
    for iterations in lengths.trials:
        begin = perf_counter_ns()
        for _ in range(iterations):
            call()
        wait()
        spent = (perf_counter_ns() - begin) // iterations
        if spent > lengths.short_ns:
            break
    return spent


@dataclass
class Rounds:
    """Times rounds of blocks of `entries`, appending a row a block to `rows` (`TIMING_COLUMNS`) as it is done.

    The rows are the caller's, so that an interruption leaves what had been timed. An entry that raises is noted in
    `failures`, loses its rows, and the others go on. `beside` is called once a round, after its blocks, with the round's number:
    what it measures has the drift of the round. Blocks start at so many ns since `origin_ns`, by default since the first of a run.
    `blocks` says which come in which order, for how many entries and rounds; by default `order`.
    """

    entries: Sequence[Entry]
    iterations: Mapping[tuple[str, str], int]
    device: str
    rows: list[dict[str, object]]
    failures: Failures
    light: LightBlocks | None = None
    seed: int = 0
    beside: Callable[[int], object] | None = None
    warm: int = WARM_ITERATIONS
    origin_ns: int | None = None
    blocks: Callable[[int, int], Iterator[list[tuple[int, Treatment]]]] | None = None

    def run(self, rounds: int, advance: Callable[[int], None], done: int = 0) -> None:
        """Run so many rounds behind the `done` of an earlier call; `advance(1)` is called for each."""
        clock = sm_clock_reader() if self.device == "cuda" else (lambda: None)
        block = block_on(self.device)
        origin = perf_counter_ns() if self.origin_ns is None else self.origin_ns
        count = len(self.entries), done + rounds
        whole = (
            order(*count, light=self.light is not None, seed=self.seed) if self.blocks is None else self.blocks(*count)
        )
        with quiet_collector():
            for number, blocks in islice(enumerate(whole), done, None):
                megahertz = clock()
                for position, (index, treatment) in enumerate(blocks):
                    entry = self.entries[index]
                    if (entry.variant, entry.regime) in self.failures:
                        continue
                    start = perf_counter_ns() - origin
                    try:
                        self._block(block, entry, treatment, number, position, start, megahertz)
                    except Exception as error:  # noqa: BLE001  anybody's code
                        self._failed(entry, error)
                if self.beside is not None:
                    self.beside(number)
                advance(1)

    def _block(
        self,
        block: Block,
        entry: Entry,
        treatment: Treatment,
        number: int,
        position: int,
        start: int,
        megahertz: int | None,
    ) -> None:
        count = self.iterations[entry.variant, entry.regime] * (2 if treatment.long else 1)
        key = entry.variant, entry.regime, treatment.long
        light = self.light if treatment.light else None
        if light is not None:
            light.begin(*key)
        try:
            for _ in range(self.warm):
                entry.call()
            low = 0 if light is None else light.recorder.moment()
            host_ns, wall_ns, device_ns = block(entry.call, count)
            high = 0 if light is None else light.recorder.moment()
        except BaseException:
            if light is not None:
                light.recorder.off()
                light.recorder.take()
            raise
        row = timing_row(
            entry.variant,
            entry.regime,
            Timed(start, host_ns, wall_ns, device_ns, megahertz),
            round=number,
            position=position,
            iterations=count,
            control=entry.control,
            length=treatment.length,
            recorder=treatment.recorder,
        )
        if light is not None:
            light.end({name: row[name] for name in _OF_ACCOUNTS}, (low, high), *key)
        self.rows.append(row)

    def _failed(self, entry: Entry, error: Exception) -> None:
        self.failures[entry.variant, entry.regime] = error
        for rows in (self.rows, self.light.rows if self.light else []):
            rows[:] = [row for row in rows if (row["variant"], row["regime"]) not in self.failures]
        synchronize(self.device)  # raises where the failure left no usable device


_OF_ACCOUNTS = ("round", "variant", "regime", "control", "length", "iterations")
