"""What the probe `held-sms` tries: one block on every SM, a kernel beside it, and one thing changed at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from launchlens.profiling.probes.bare_kernel import Demands

BARE: Final = "bare kernel"
TRITON: Final = "Triton copy"
ADD: Final = "torch add_"
FILL: Final = "torch fill_"
CONVERT: Final = "torch copy_, converting"
MEMCPY: Final = "torch copy_, same dtype"
FIRST_USE: Final = "torch, an operator of its own"

PLAIN: Final = Demands()

#: The hypotheses, in the order of the answer.
CARVEOUT: Final = "carve-out"
BLOCK: Final = "threads per block"
SHARED: Final = "shared memory in use"
STACK: Final = "local memory"
REGISTERS: Final = "registers"
LOADING: Final = "loading"
STREAM: Final = "stream"
GRID: Final = "number of blocks"
HYPOTHESES: Final = (CARVEOUT, BLOCK, SHARED, STACK, REGISTERS, LOADING, STREAM, GRID)
OBSERVATION: Final = "observation"
#: What must not start, and shows that the probe would see a hypothesis if it were so.
CONTROL: Final = "control"

CARVEOUTS: Final = (None, 0, 25, 50, 100)
KIB: Final = 1024
#: Elements of a kernel of torch or Triton, for each of `Work.blocks`.
ELEMENTS: Final = 1024


@dataclass(frozen=True)
class Holding:
    """The kernel of which one block sits on each SM. `threads` None: the largest block of which two or more fill an SM.

    `before` is the carve-out that a kernel on every SM preferred which ran, and ended, just before; None: no such kernel ran.
    """

    threads: int | None = None
    shared_bytes: int = 0
    carveout: int | None = None
    registers: int = 0
    local_bytes: int = 0
    blocking_stream: bool = False
    before: int | None = None


@dataclass(frozen=True)
class Work:
    """The kernel that is to start beside it. `warps` counts for Triton alone, `demands` for the bare kernel alone.

    `fresh`: code that has not run before in this process.
    """

    kind: str = BARE
    demands: Demands = PLAIN
    blocks: int = 1
    carveout: int | None = None
    warps: int = 4
    legacy_stream: bool = False
    fresh: bool = False

    @property
    def name(self) -> str:
        if self.kind == BARE:
            return f"{BARE}, {self.demands.threads:,} threads"
        return f"{TRITON}, {self.warps} warps" if self.kind == TRITON and self.warps != 4 else self.kind


@dataclass(frozen=True)
class Experiment:
    """One cell: `factor` at `level`, all else as in the other experiments of the same `factor` and `of`."""

    hypothesis: str
    factor: str
    of: str
    level: str
    holding: Holding = Holding()
    work: Work = Work()


SMALL = Work()
LARGE = Work(demands=Demands(threads=1024))
#: The kernels whose start is explained.
OBSERVED: Final = (SMALL, LARGE, Work(TRITON), Work(ADD), Work(FILL), Work(CONVERT), Work(MEMCPY))
#: Those on which what the holding kernel does is tried.
TRIED: Final = (SMALL, LARGE, Work(TRITON), Work(ADD))


def experiments() -> Iterator[Experiment]:
    """All of them; those that need code that never ran come last, since they change what later ones would find."""
    for work in OBSERVED:
        yield Experiment(OBSERVATION, "the kernel", "one block on every SM", work.name, work=work)
    yield from _of_the_holding_kernel()
    yield from _of_the_kernel()
    behind = Holding(blocking_stream=True)
    yield Experiment(
        CONTROL, "ordered behind the hold", SMALL.name, "legacy stream", behind, replace(SMALL, legacy_stream=True)
    )
    for kind, demands in ((BARE, Demands(local_bytes=4 * KIB)), (BARE, Demands(lazy=True)), (FIRST_USE, Demands())):
        work = Work(kind, demands, fresh=True)
        of = f"{BARE}, a stack of {demands.local_bytes:,} bytes" if demands.local_bytes else work.name
        hypothesis = STACK if demands.local_bytes else LOADING
        for level in ("has not run before", "has run before"):
            yield Experiment(hypothesis, "first run", of, level, work=replace(work, fresh=level.startswith("has not")))


def _of_the_holding_kernel() -> Iterator[Experiment]:
    for work in OBSERVED:
        for percent in CARVEOUTS:
            yield Experiment(
                CARVEOUT, "of the holding kernel", work.name, _percent(percent), Holding(carveout=percent), work
            )
    for work in TRIED:
        of = work.name
        for percent in (None, 0, 100):
            level = "none" if percent is None else f"one that prefers {_percent(percent)}"
            yield Experiment(CARVEOUT, "of a kernel before the hold", of, level, Holding(before=percent), work)
        for kib in (0, 1, 16, 64, 128):
            holding = Holding(shared_bytes=kib * KIB)
            yield Experiment(SHARED, "dynamic, of the holding kernel", of, f"{kib} KiB", holding, work)
        for local in (0, 2 * KIB):
            yield Experiment(STACK, "of the holding kernel", of, f"{local:,} bytes", Holding(local_bytes=local), work)
        for more in (0, 16, 32, 52):
            yield Experiment(REGISTERS, "of the holding kernel", of, f"{more} more", Holding(registers=more), work)
        for threads in (32, 256, 512, None):
            level = "largest" if threads is None else f"{threads}"
            yield Experiment(BLOCK, "of the holding kernel", of, level, Holding(threads=threads), work)


def _of_the_kernel() -> Iterator[Experiment]:
    for held in CARVEOUTS:
        of = f"{SMALL.name}, beside a hold that prefers {_percent(held)}"
        for percent in CARVEOUTS:
            work = Work(demands=Demands(carveout=percent))
            yield Experiment(CARVEOUT, "of the kernel", of, _percent(percent), Holding(carveout=held), work)
    for work in (Work(TRITON), Work(ADD)):
        for percent in CARVEOUTS:
            yield Experiment(
                CARVEOUT, "of the kernel", work.name, _percent(percent), work=replace(work, carveout=percent)
            )
    for held in (None, 100):
        of = f"{BARE}, beside a hold that prefers {_percent(held)}"
        for threads in (32, 64, 128, 256, 512, 1024):
            work = Work(demands=Demands(threads=threads))
            yield Experiment(BLOCK, "of the kernel", of, f"{threads:,}", Holding(carveout=held), work)
    for warps in (1, 4, 8, 32):
        yield Experiment(BLOCK, "of the kernel", TRITON, f"{32 * warps:,}", work=Work(TRITON, warps=warps))
    for work in (SMALL, LARGE):
        for kib in (0, 1, 16, 48):
            more = replace(work.demands, static_shared=kib * KIB)
            yield Experiment(SHARED, "static, of the kernel", work.name, f"{kib} KiB", work=replace(work, demands=more))
        for local in (0, 512, 2 * KIB):
            more = replace(work.demands, local_bytes=local)
            yield Experiment(STACK, "of the kernel", work.name, f"{local:,} bytes", work=replace(work, demands=more))
        for registers in (0, 16, 32, 64) if work is SMALL else (0, 16):
            more = replace(work.demands, registers=registers)
            work_of = replace(work, demands=more)
            yield Experiment(REGISTERS, "of the kernel", work.name, f"{registers} more", work=work_of)
    for work in TRIED:
        for legacy in (False, True):
            level = "the legacy default stream" if legacy else "a non-blocking stream"
            yield Experiment(STREAM, "of the kernel", work.name, level, work=replace(work, legacy_stream=legacy))
    for work in (SMALL, Work(TRITON), Work(ADD)):
        for blocks in (1, 132, 1024):
            level = f"{blocks:,}" if work.kind != ADD else f"{blocks * ELEMENTS:,} elements"
            yield Experiment(GRID, "of the kernel", work.name, level, work=replace(work, blocks=blocks))


def _percent(percent: int | None) -> str:
    return "the driver's choice" if percent is None else f"{percent} %"
