"""A sweep of a made-up machine whose costs are known, so where one variant overtakes another is known as well. Not a measurement.

An iteration copies `count` pieces of `bytes` each. It takes the larger of what the host and what the device need, in ns:

    variant   host, called                    host, as a graph        device
    loop      4,000 a launch, count of them   5,000 + 150 a node      count × (750 + piece)
    batched   9,000 + 250 an argument, 2 n    5,000 + 150             1,200 + all pieces

where a piece takes 2 × bytes over the bandwidth of the caches (4,000 bytes a ns) or, of what is beyond 32 MB an iteration, of the
memory (2,000); the batched one has 0.8 of either. Blocks have noise of their own, rounds a drift, and a block a cost that is its own.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from math import exp
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.capture import LaunchRecord, typed
from launchlens.traces.sweeps.sweep import (
    SWEEP_TIMING_COLUMNS,
    Axis,
    Point,
    SweepRecord,
    SweptVariant,
    write_sweep,
)

GPU = "Made-up GPU"
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)
BYTES = tuple(64 << step for step in range(1, 20, 2))
VARIANTS, REGIMES, SEED = ("loop", "batched"), ("eager", "graph"), 7
#: What a block costs besides its iterations, ns, and the spread of blocks and of rounds.
FIXED, NOISE, DRIFT = 9000.0, 0.01, 0.05
CACHE = 32 << 20
#: What the reference takes at the host's usual pace.
REFERENCE_NS = 300_000


def structure(variant: str, count: int) -> tuple[LaunchRecord, ...]:
    """What an iteration launches."""
    if variant == "loop":
        return (LaunchRecord("torch-copy_", count, 2, 1, "memcpy"),)
    return (LaunchRecord("torch-foreach-copy_", 1, 2 * count, count, "kernel"),)


def true_ns(variant: str, regime: str, count: int, size: int, slower: float = 1.0) -> float:
    """What an iteration takes, where the host takes `slower` times as long as usual."""
    total, of_peak = 2.0 * count * size, 1.0 if variant == "loop" else 0.8
    near = min(total, CACHE)
    moving = (near / 4000 + (total - near) / 2000) / of_peak
    device = moving + (750 * count if variant == "loop" else 1200)
    if regime == "graph":
        host = 5000.0 + 150 * (count if variant == "loop" else 1)
    else:
        host = 4000.0 * count if variant == "loop" else 9000.0 + 250 * 2 * count
    return max(host * slower, device)


def swept(variant: str, regime: str, count: int, size: int) -> SweptVariant:
    """What became of a variant at a point."""
    (kind,) = structure(variant, count)
    return SweptVariant(
        variant=variant,
        regime=regime,
        status="measured",
        launches=kind.per_iteration,
        arguments=kind.per_iteration * kind.arguments,
        nodes=kind.per_iteration,
        bytes=count * size,
        structure=(kind,),
    )


def points(grid: Sequence[tuple[int, int]], held_out: Sequence[int] = ()) -> tuple[Point, ...]:
    """A point for each of some (count, bytes)."""
    return tuple(
        Point(
            index=index,
            settings={"count": count, "bytes": size},
            held_out=index in held_out,
            variants=tuple(swept(variant, regime, count, size) for variant in VARIANTS for regime in REGIMES),
        )
        for index, (count, size) in enumerate(grid)
    )


def with_paces(made: Sequence[Point], spread: float = 0.2) -> tuple[Point, ...]:
    """The points with a host that is now faster and now slower than usual, and the time of the reference at that pace."""
    generator = np.random.default_rng(SEED)
    paces = [exp(spread * generator.choice([-1, 1]) + generator.normal(0, spread / 10)) for _ in made]
    return tuple(
        msgspec.structs.replace(point, reference_ns=(round(REFERENCE_NS * pace),) * 12)
        for point, pace in zip(made, paces, strict=True)
    )


def timings(made: Sequence[Point], rounds: int = 12, noise: float = NOISE) -> pd.DataFrame:
    """Blocks of two lengths of every variant and regime at every point, the baseline twice a round."""
    generator, start, rows = np.random.default_rng(SEED), 0, []
    for point in made:
        count, size = (int(point.settings[name]) for name in ("count", "bytes"))
        slower = point.reference_ns[0] / REFERENCE_NS if point.reference_ns else 1.0
        entries = [
            (variant, regime, control, length)
            for variant, control in (*((each, False) for each in VARIANTS), (VARIANTS[0], True))
            for regime in REGIMES
            for length in ("short", "long")
        ]
        for number in range(rounds):
            drift = exp(generator.normal(0, DRIFT))
            order = block_order(len(entries), number // 2)
            for position, index in enumerate(order if number % 2 == 0 else order[::-1]):
                variant, regime, control, length = entries[index]
                one = true_ns(variant, regime, count, size, slower)
                iterations = max(1, round(2_000_000 / one)) * (2 if length == "long" else 1)
                wall = (FIXED + iterations * one) * drift * exp(generator.normal(0, noise / 10))
                block = (point.index, number, position, variant, regime, control, length, "off", iterations, start)
                rows.append((*block, round(wall * 0.9), round(wall), None, None))
                start += round(wall) + 1000
    frame = pd.DataFrame(rows, columns=[column.name for column in SWEEP_TIMING_COLUMNS])
    return typed(frame, SWEEP_TIMING_COLUMNS)


def record(made: Sequence[Point], **changed: object) -> SweepRecord:
    """What the sweep says of itself."""
    fields: Mapping[str, object] = {
        "workload": {"name": "made-copies", "says": "pieces of memory, copied", "correctness": "made up"},
        "says": {"loop": "one launch a piece", "batched": "one launch for all pieces"},
        "baseline": "loop",
        "device": "cuda",
        "axes": (
            Axis(name="count", values=COUNTS, scale="log2"),
            Axis(name="bytes", values=BYTES, unit="bytes", scale="log2"),
        ),
        "points": tuple(made),
        "seed": SEED,
        "timing": {"rounds": 12},
        "minutes": 10.0,
        "used_minutes": 4.5,
        "complete": True,
        "command": ("profile", "--sweep", "count=1..128:log2", "--sweep", "bytes=128..64M:log2"),
        "recorded_at": "2026-01-02T03:04:05+00:00",
        "environment": {"gpu": GPU, "driver": "1.0"},
        "launchlens": "0.0",
    }
    return SweepRecord(**{**fields, **changed})  # type: ignore[arg-type]


def make_sweep(
    folder: Path,
    counts: Sequence[int] = COUNTS,
    sizes: Sequence[int] = BYTES,
    rounds: int = 12,
    noise: float = NOISE,
    *,
    paces: bool = False,
) -> Path:
    """A sweep of the whole grid, of which one point in five is held out; with `paces`, on a host whose pace changes."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = list(product(counts, sizes))
    chosen = np.random.default_rng(SEED).permutation(len(grid))[: len(grid) // 5]
    made = points(grid, [int(index) for index in chosen])
    made = with_paces(made) if paces else made
    write_sweep(folder, record(made), timings(made, rounds, noise))
    return folder
