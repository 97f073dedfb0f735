"""A block of iterations and how it is timed; and rounds of blocks of one length, as a recorder's reference is timed in its process.

What a capture's timings hold is timed by `rounds`. Here each entry has a block a round:

    round 0:  A A' B C D      (A' is A once more: the A/A control)
    round 1:  D C B A' A      reversed
    round 2:  B C D A A'      rotated

A host drifts by tens of per cent within minutes, so only blocks of one round are compared with each other, as ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import pandas as pd

from launchlens.kernels.registry import Iteration
from launchlens.profiling.environment import quiet_collector, sm_clock_reader
from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.capture import typed


@dataclass(frozen=True)
class Entry:
    """One thing to time: a variant in a regime. `control` marks the second block of the baseline (A/A)."""

    variant: str
    regime: str
    call: Iteration
    control: bool = False


#: What was raised by entries that failed while they were called over and over, by (variant, regime).
Failures = dict[tuple[str, str], Exception]


def time_blocks(
    entries: Sequence[Entry],
    *,
    rounds: int,
    iterations: int,
    device: str,
    advance: Callable[[int], None],
    rows: list[dict[str, object]],
) -> None:
    """Time `rounds` rounds of one block per entry, appending a row a block to `rows` (`TIMING_COLUMNS`) as it is done.

    The rows are the caller's, so that an interruption leaves what had been timed. `advance(1)` is called per round.
    """
    clock = sm_clock_reader() if device == "cuda" else (lambda: None)
    time_one = block_on(device)
    origin = perf_counter_ns()
    with quiet_collector():
        for number in range(rounds):
            megahertz = clock()
            for position, index in enumerate(block_order(len(entries), number)):
                entry = entries[index]
                start = perf_counter_ns() - origin
                host_ns, wall_ns, device_ns = time_one(entry.call, iterations)
                rows.append(
                    {
                        "round": number,
                        "position": position,
                        "variant": entry.variant,
                        "regime": entry.regime,
                        "control": entry.control,
                        "length": "only",
                        "recorder": "off",
                        "iterations": iterations,
                        "start_ns": start,
                        "host_ns": host_ns,
                        "wall_ns": wall_ns,
                        "device_ns": device_ns,
                        "sm_clock_mhz": megahertz,
                    }
                )
            advance(1)


def timings_frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """The rows as `timings.parquet` holds them; rounds that an interruption cut short are left out."""
    frame = pd.DataFrame(rows)
    if len(frame):
        per_round = frame.groupby("round")["round"].transform("size")
        frame = frame[per_round == per_round.max()]
    else:
        from launchlens.traces.captures.capture import TIMING_COLUMNS

        frame = pd.DataFrame({column.name: [] for column in TIMING_COLUMNS})
    return typed(frame.reset_index(drop=True))


#: Runs so many iterations and waits for them: host time, wall time and, on CUDA, time between two events, ns.
Block = Callable[[Iteration, int], tuple[int, int, int | None]]


def block_on(device: str) -> Block:
    """How a block is run on a device; on CUDA its two events are made here."""
    return _on_cuda() if device == "cuda" else _on_the_host


def _on_the_host(call: Iteration, iterations: int) -> tuple[int, int, int | None]:
    begin = perf_counter_ns()
    for _ in range(iterations):
        call()
    wall = perf_counter_ns() - begin
    return wall, wall, None


def _on_cuda() -> Block:
    import torch

    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    # the first record of an event creates it, which no block should pay for
    first.record()
    last.record()
    torch.cuda.synchronize()

    def block(call: Iteration, iterations: int) -> tuple[int, int, int | None]:
        first.record()
        begin = perf_counter_ns()
        for _ in range(iterations):
            call()
        submitted = perf_counter_ns()
        last.record()
        torch.cuda.synchronize()
        end = perf_counter_ns()
        return submitted - begin, end - begin, round(first.elapsed_time(last) * 1e6)

    return block
