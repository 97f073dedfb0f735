"""The probe `copy-engine`: hold every SM, and see which copies are made all the same.

Each operation and size is tried with nothing held, with half of the SMs wholly free, with one large block on every SM, and
with no thread of any SM free. An operation that finishes in the last state needs no SM; one that does not, though it does
with half of the SMs free, runs on SMs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from launchlens.profiling.probes.apparatus.bystander import Bystander, independent
from launchlens.profiling.probes.apparatus.raw_kernel import NEEDS
from launchlens.profiling.probes.copy_engine.held_trial import Occupied, Outcome, trial
from launchlens.profiling.probes.copy_engine.operations import Operation, operations
from launchlens.profiling.probes.copy_engine.verdict import (
    HALF,
    REQUIRED,
    STATES,
    Seen,
    Shares,
    conclude,
)
from launchlens.profiling.probes.method.bench import Bench
from launchlens.traces.captures.probe_codes.copy_engine import ID
from launchlens.traces.captures.probes import Probe

__all__ = ["ID", "NEEDS", "probe"]

SIZES = (128, 4 << 10, 64 << 10, 1 << 20, 16 << 20, 64 << 20)
QUICK_SIZES = (128, 64 << 10, 64 << 20)
TRIALS = 3
#: Work counts as not finishing after this much, and the time its bytes would take at this pace, far below any bus's.
BOUND_S, SLOWEST_BYTES_PER_S = 0.05, 1e9


def probe(bench: Bench) -> Probe:
    """Try every operation, about 15 s in all. Raises RuntimeError where CUDA refuses what the probe itself needs."""
    sizes, trials = (QUICK_SIZES, 1) if bench.quick else (SIZES, TRIALS)
    seen: list[Seen] = []
    shares: dict[str, Shares] = {}
    refused: dict[str, str] = {}
    warmed = 0
    with _occupations() as occupations:
        bystander = independent([item.hold.stream for item in occupations if item.hold is not None])
        for size_bytes in sizes:
            for operation in operations(size_bytes, bystander):
                try:
                    warmed += _runs(operation, bystander)
                except RuntimeError as error:
                    if operation.name in REQUIRED:
                        raise
                    refused[operation.name] = str(error).partition("\n")[0]
                    continue
                for occupied in occupations:
                    tried = [_try(occupied, bystander, operation) for _ in range(trials)]
                    seen.append(_counted(operation, occupied, tried))
                    shares.setdefault(occupied.share, _share(occupied))
                bench.advance(1)
    notes = [*_notes(sizes, trials), *(f"{name} can't be run here: {why}" for name, why in refused.items())]
    return conclude(seen, [item for item in shares.values() if item.blocks], warmed, notes)


@contextmanager
def _occupations() -> Iterator[list[Occupied]]:
    """One of each share, loaded before any of them holds."""
    with ExitStack() as stack:
        made = []
        for share in STATES:
            made.append(Occupied.of(share))
            stack.callback(made[-1].close)
        yield made


def _runs(operation: Operation, bystander: Bystander) -> bool:
    """Run it with nothing held: this loads what CUDA loads late, and shows that the operation does what it should."""
    import torch

    operation.prepare()
    torch.cuda.synchronize()
    operation.submit()
    bystander.mark()
    bystander.wait()
    return operation.right()


def _try(occupied: Occupied, bystander: Bystander, operation: Operation) -> Outcome:
    bound = BOUND_S + operation.bytes / SLOWEST_BYTES_PER_S
    return trial(occupied, bystander, operation.submit, prepare=operation.prepare, right=operation.right, bound_s=bound)


def _counted(operation: Operation, occupied: Occupied, tried: list[Outcome]) -> Seen:
    took = [item.took_ns for item in tried if item.finished and item.took_ns is not None]
    return Seen(
        operation=operation.name,
        bytes=operation.bytes,
        state=occupied.share,
        trials=len(tried),
        held=sum(item.held for item in tried),
        finished=sum(item.finished for item in tried),
        right=sum(item.right for item in tried),
        call_waited=sum(item.call_waited for item in tried),
        took_ns=int(median(took)) if took else None,
    )


def _share(occupied: Occupied) -> Shares:
    hold = occupied.hold
    if hold is None:
        return Shares(occupied.share, 0, 0, 0, 0, 0)
    each = set(occupied.sms.values())
    return Shares(
        state=occupied.share,
        blocks=hold.blocks,
        threads=hold.threads,
        sms_held=len(occupied.sms),
        blocks_per_sm=each.pop() if len(each) == 1 else 0,
        sms=hold.device.sms,
    )


def _notes(sizes: tuple[int, ...], trials: int) -> list[str]:
    return [
        (
            f"{trials} trials each of {len(sizes)} sizes, {min(sizes):,} to {max(sizes):,} bytes. Not finished means: not within "
            f"{BOUND_S * 1e3:.0f} ms and the time of its bytes at {SLOWEST_BYTES_PER_S / 1e9:.0f} GB/s."
        ),
        (
            "The probe tells what needs an SM. That work which needs none is made by a copy engine is inferred, for copies; "
            "a memset that needs none may be made by the engine that reads the commands."
        ),
        f"Held {HALF}: all SMs are held first, then the blocks on one half of them leave.",
        "Where a capture holds a recording of CUPTI, its memcpy records name the channel and its type, an independent witness.",
        "Each batch copy is of 4 parts. In a CUDA graph the driver may make a copy otherwise than outside of one: not tried here.",
    ]
