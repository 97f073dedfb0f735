"""A block of iterations: how it is timed, and the row that it becomes. In which order blocks come is `rounds`' business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

import pandas as pd

from launchlens.kernels.registry import Iteration
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


@dataclass(frozen=True)
class Timed:
    """A block that was timed: when it began since the first one of the run did, and what `Block` gives of it."""

    start_ns: int
    host_ns: int
    wall_ns: int
    device_ns: int | None
    sm_clock_mhz: int | None = None


def timing_row(
    variant: str,
    regime: str,
    timed: Timed,
    *,
    round: int,
    position: int,
    iterations: int,
    control: bool = False,
    length: str = "only",
    recorder: str = "off",
) -> dict[str, object]:
    """A block as `timings.parquet` has it (`TIMING_COLUMNS`)."""
    return {
        "round": round,
        "position": position,
        "variant": variant,
        "regime": regime,
        "control": control,
        "length": length,
        "recorder": recorder,
        "iterations": iterations,
        "start_ns": timed.start_ns,
        "host_ns": timed.host_ns,
        "wall_ns": timed.wall_ns,
        "device_ns": timed.device_ns,
        "sm_clock_mhz": timed.sm_clock_mhz,
    }


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
