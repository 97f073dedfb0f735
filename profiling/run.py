"""A workload in, a capture out: check, time without a profiler, record under one, write everything down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from launchlens import __version__
from launchlens.kernels.registry import REGIMES, Iteration, Variant, WorkloadSpec
from launchlens.profiling.collectors import torch_profiler
from launchlens.profiling.environment import NEEDS, describe, missing
from launchlens.profiling.regimes import ENTER, CannotCaptureError
from launchlens.profiling.timing import Entry, choose_iterations, time_blocks, timings_frame
from launchlens.traces.capture import Manifest, Status, TraceRecord, VariantRecord, write_manifest, write_timings


class Steps(Protocol):
    """Where progress goes: `step(text, total)` opens one step and gives what advances it."""

    def step(self, text: str, total: int) -> AbstractContextManager[Callable[[int], None]]: ...


@dataclass(frozen=True)
class Plan:
    """What to run. `iterations` None lets the timing choose; `recorded_*` are of the profiled part."""

    workload: WorkloadSpec
    variants: Sequence[Variant]
    device: str
    regimes: Sequence[str] = REGIMES
    seed: int = 0
    rounds: int = 40
    iterations: int | None = None
    recorded_rounds: int = 10
    recorded_iterations: int = 20
    command: Sequence[str] = ()


class NothingToMeasureError(Exception):
    """No variant could be measured; the text says why for each."""


def run(plan: Plan, folder: Path, steps: Steps) -> Manifest:
    """Measure `plan` into the empty directory `folder` and return the manifest written there.

    The manifest is written first and after every step, so that an interruption (KeyboardInterrupt passes through) or a
    failure leaves a capture that says it is incomplete and holds what had been measured. Raises NothingToMeasureError
    when no variant is left after the checks.
    """
    manifest = Manifest(
        workload={"name": plan.workload.name, "says": plan.workload.says} | dict(plan.workload.parameters),
        variants=[],
        baseline=plan.workload.baseline,
        device=plan.device,
        command=list(plan.command),
        recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=describe(plan.device),
        timing={},
        launchlens=__version__,
    )
    write_manifest(folder, manifest)
    records, entries = _check_all(plan, steps)
    manifest = replace(manifest, variants=records)
    write_manifest(folder, manifest)
    if not entries:
        raise NothingToMeasureError(
            "; ".join(f"{record.variant} ({record.regime}): {record.why}" for record in records)
        )
    manifest = _time(plan, folder, manifest, entries, steps)
    manifest = _record(plan, folder, manifest, entries, steps)
    manifest = replace(manifest, complete=True)
    write_manifest(folder, manifest)
    return manifest


def _check_all(plan: Plan, steps: Steps) -> tuple[list[VariantRecord], list[Entry]]:
    records, entries = [], []
    with steps.step("checking every variant", len(plan.variants)) as advance:
        for variant in plan.variants:
            for record, call in _check(plan, variant):
                records.append(record)
                if call is not None:
                    entries.append(Entry(variant.name, record.regime, call))
            advance(1)
    return records, sorted(entries, key=lambda entry: REGIMES.index(entry.regime))


def _check(plan: Plan, variant: Variant) -> list[tuple[VariantRecord, Iteration | None]]:
    """Build a variant, enter each regime, and run it once on poisoned destinations."""
    absent = missing(variant.needs, plan.device)
    regimes = [
        regime for regime in plan.regimes if regime in variant.regimes and (regime == "eager" or plan.device == "cuda")
    ]
    if absent:
        why = "needs " + ", ".join(f"{need} ({NEEDS[need][1]})" if need in NEEDS else need for need in absent)
        return [(VariantRecord(variant.name, regime, "skipped", variant.says, why), None) for regime in regimes]
    inputs = plan.workload.make(device=plan.device, seed=plan.seed)
    try:
        iteration = variant.build(inputs)
        iteration()
        _synchronize(plan.device)
    except Exception as error:  # noqa: BLE001  anybody's code: what it raises is its result; the others go on
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return [(VariantRecord(variant.name, regime, "failed", variant.says, why), None) for regime in regimes]
    checked: list[tuple[VariantRecord, Iteration | None]] = []
    for regime in regimes:
        try:
            call = ENTER[regime](iteration)
        except CannotCaptureError as error:
            checked.append(
                (VariantRecord(variant.name, regime, "failed", variant.says, f"can't be captured: {error}"), None)
            )
            continue
        inputs.poison()
        call()
        _synchronize(plan.device)
        fault = inputs.wrong()
        status: Status = "wrong" if fault else "measured"
        checked.append((VariantRecord(variant.name, regime, status, variant.says, fault), None if fault else call))
    return checked


def _time(plan: Plan, folder: Path, manifest: Manifest, entries: Sequence[Entry], steps: Steps) -> Manifest:
    controls = [replace(entry, control=True) for entry in entries if entry.variant == manifest.baseline]
    timed = [*entries, *controls]
    iterations = plan.iterations or choose_iterations(timed, lambda: _synchronize(plan.device))
    manifest = replace(
        manifest,
        timing={"rounds": plan.rounds, "iterations": iterations, "seed": plan.seed, "order": "reversed and rotated"},
    )
    rows: list[dict[str, object]] = []
    try:
        with steps.step("timing without a profiler", plan.rounds) as advance:
            time_blocks(
                timed, rounds=plan.rounds, iterations=iterations, device=plan.device, advance=advance, rows=rows
            )
    finally:  # what had been timed before an interruption is kept
        write_timings(folder, timings_frame(rows))
        write_manifest(folder, manifest)
    return manifest


def _record(plan: Plan, folder: Path, manifest: Manifest, entries: Sequence[Entry], steps: Steps) -> Manifest:
    traces: list[TraceRecord] = []
    for regime in dict.fromkeys(entry.regime for entry in entries):
        chosen = [entry for entry in entries if entry.regime == regime]
        with steps.step(f"recording under torch.profiler ({regime})", plan.recorded_rounds + 1) as advance:
            traces.append(
                torch_profiler.record(
                    chosen,
                    folder,
                    regime=regime,
                    rounds=plan.recorded_rounds,
                    iterations=plan.recorded_iterations,
                    device=plan.device,
                    advance=advance,
                )
            )
        manifest = replace(manifest, traces=list(traces))
        write_manifest(folder, manifest)
    return manifest


def _synchronize(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
