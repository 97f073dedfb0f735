"""A workload in, a capture out: check, time without a profiler, record under one, write everything down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from launchlens import __version__
from launchlens.kernels.registry import REGIMES, Variant, WorkloadSpec
from launchlens.profiling.checking import Checks, one_line, synchronize
from launchlens.profiling.collectors import cupti, nsys, torch_profiler
from launchlens.profiling.collectors.fault import CollectorError
from launchlens.profiling.environment import describe
from launchlens.profiling.probes.catalogue import Listed
from launchlens.profiling.probes.run import run_probes
from launchlens.profiling.steps import Steps
from launchlens.profiling.timing import Entry, Failures, choose_iterations, time_blocks, timings_frame
from launchlens.traces.captures.capture import (
    Manifest,
    Status,
    TraceRecord,
    VariantRecord,
    read_capture,
    write_manifest,
    write_timings,
)

FEWEST_RECORDED, MOST_RECORDED = 3, 20
#: What a capture can be recorded with, and what each is called.
COLLECTORS = {torch_profiler.NAME: "torch.profiler", nsys.NAME: "Nsight Systems", cupti.NAME: "CUPTI"}
#: Those that record in a process of their own.
_IN_A_CHILD = {nsys.NAME: nsys.record, cupti.NAME: cupti.record}


@dataclass(frozen=True)
class Plan:
    """What to run. `iterations` None lets the timing choose; `recorded_*` are of the profiled part, where None takes a
    quarter of the timed iterations, between FEWEST_RECORDED and MOST_RECORDED: traces of long iterations stay small.
    `collectors` are keys of COLLECTORS; each records every regime. `probes` are run last, beside the workload."""

    workload: WorkloadSpec
    variants: Sequence[Variant]
    device: str
    regimes: Sequence[str] = REGIMES
    seed: int = 0
    rounds: int = 40
    iterations: int | None = None
    recorded_rounds: int = 10
    recorded_iterations: int | None = None
    collectors: Sequence[str] = (torch_profiler.NAME,)
    probes: Sequence[Listed] = ()
    command: Sequence[str] = ()


class NothingToMeasureError(Exception):
    """No variant could be measured; the text says why for each."""


def run(plan: Plan, folder: Path, steps: Steps) -> Manifest:
    """Measure `plan` into the empty directory `folder` and return the manifest written there.

    The manifest is written first and after every step, so that an interruption (KeyboardInterrupt passes through) or a
    failure leaves a capture that says it is incomplete and holds what had been measured. Raises NothingToMeasureError
    when no variant is left after the checks.
    """
    checks = Checks(plan.workload, plan.variants, plan.device, plan.seed)
    manifest = Manifest(
        workload=plan.workload.described(),
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
    records, entries = _check_all(plan, checks, steps)
    workload = dict(manifest.workload) | {"correctness": checks.described()}
    manifest = replace(manifest, workload=workload, variants=records)
    write_manifest(folder, manifest)
    if not entries:
        raise NothingToMeasureError(_reasons(records))
    manifest, entries = _time(plan, folder, manifest, entries, steps)
    manifest, entries = _check_again(checks, folder, manifest, entries)
    manifest = _record(plan, folder, manifest, entries, steps)
    if plan.probes:
        right = [entry.variant for entry in entries if entry.regime == "eager"]
        run_probes(plan.probes, plan.workload, right, folder, steps, seed=plan.seed)
    manifest = replace(manifest, complete=True)
    write_manifest(folder, manifest)
    return manifest


def _check_all(plan: Plan, checks: Checks, steps: Steps) -> tuple[list[VariantRecord], list[Entry]]:
    records, entries = [], []
    with steps.step("checking every variant", len(plan.variants)) as advance:
        for variant in plan.variants:
            for record, call in checks.check(variant, plan.regimes):
                records.append(record)
                if call is not None:
                    entries.append(Entry(variant.name, record.regime, call))
            _insist_on_a_device(plan.device, variant)
            advance(1)
    return records, sorted(entries, key=lambda entry: REGIMES.index(entry.regime))


def _insist_on_a_device(device: str, variant: Variant) -> None:
    """Raise NothingToMeasureError when a variant's fault has left the process without a usable device."""
    try:
        synchronize(device)
    except RuntimeError as error:  # an illegal access, say: every later call answers the same
        why = str(error).splitlines()[0]
        raise NothingToMeasureError(
            f"variant {variant.name} left the device unusable ({why}); leave it out: name the others with --variant"
        ) from None


def _reasons(records: Sequence[VariantRecord]) -> str:
    """Why nothing is left, a reason that all share said once."""
    reasons = dict.fromkeys(record.why for record in records)
    if len(reasons) == 1 and len(records) > 1:
        return f"{next(iter(reasons))} (all {len(records)})"
    return "; ".join(f"{record.variant} ({record.regime}): {record.why}" for record in records)


def _time(
    plan: Plan, folder: Path, manifest: Manifest, entries: Sequence[Entry], steps: Steps
) -> tuple[Manifest, list[Entry]]:
    """Time every entry; one that raises now, though it was right when checked, is recorded as failed and left out."""
    controls = [replace(entry, control=True) for entry in entries if entry.variant == manifest.baseline]
    timed, failures = [*entries, *controls], Failures()
    iterations = plan.iterations or choose_iterations(timed, lambda: synchronize(plan.device), failures)
    manifest = replace(
        manifest,
        timing={"rounds": plan.rounds, "iterations": iterations, "seed": plan.seed, "order": "reversed and rotated"},
    )
    rows: list[dict[str, object]] = []
    try:
        with steps.step("timing without a profiler", plan.rounds) as advance:
            time_blocks(
                timed,
                rounds=plan.rounds,
                iterations=iterations,
                device=plan.device,
                advance=advance,
                rows=rows,
                failures=failures,
            )
    finally:  # what had been timed before an interruption is kept
        write_timings(folder, timings_frame(rows))
        reasons = {
            where: f"failed while it was timed: {one_line(error, plan.workload)}" for where, error in failures.items()
        }
        manifest = replace(manifest, variants=_now(manifest.variants, "failed", reasons))
        write_manifest(folder, manifest)
    left = [entry for entry in entries if (entry.variant, entry.regime) not in failures]
    if not left:
        raise NothingToMeasureError(_reasons(manifest.variants))
    return manifest, left


def _now(
    records: Sequence[VariantRecord], status: Status, reasons: Mapping[tuple[str, str], str]
) -> list[VariantRecord]:
    """Records with a status of now for those that `reasons` names, by (variant, regime)."""
    return [
        replace(record, status=status, why=reasons[where])
        if (where := (record.variant, record.regime)) in reasons
        else record
        for record in records
    ]


def _check_again(
    checks: Checks, folder: Path, manifest: Manifest, entries: Sequence[Entry]
) -> tuple[Manifest, list[Entry]]:
    """Check what was timed once more; what is no longer right loses its timings and is recorded as wrong."""
    faults = {(entry.variant, entry.regime): checks.again(entry.variant, entry.regime) for entry in entries}
    broken = {where: fault for where, fault in faults.items() if fault}
    if not broken:
        return manifest, list(entries)
    timings = read_capture(folder).timings
    kept = [(row.variant, row.regime) not in broken for row in timings.itertuples()]
    write_timings(folder, timings[kept].reset_index(drop=True))
    reasons = {where: f"right at first, but not after it had been timed: {fault}" for where, fault in broken.items()}
    records = _now(manifest.variants, "wrong", reasons)
    manifest = replace(manifest, variants=records)
    write_manifest(folder, manifest)
    left = [entry for entry in entries if (entry.variant, entry.regime) not in broken]
    if not left:
        raise NothingToMeasureError(_reasons(records))
    return manifest, left


def _record(plan: Plan, folder: Path, manifest: Manifest, entries: Sequence[Entry], steps: Steps) -> Manifest:
    quarter = int(manifest.timing["iterations"]) // 4
    iterations = plan.recorded_iterations or min(max(quarter, FEWEST_RECORDED), MOST_RECORDED)
    traces: list[TraceRecord] = []
    broken: dict[str, str] = {}
    for regime in dict.fromkeys(entry.regime for entry in entries):
        chosen = [entry for entry in entries if entry.regime == regime]
        waiting, found = list(plan.collectors), False
        while waiting:
            name = waiting.pop(0)
            record = None if name not in broken else _without_trace(name, regime, broken[name])
            if record is None:
                with steps.step(f"recording under {COLLECTORS[name]} ({regime})", plan.recorded_rounds + 1) as advance:
                    record = _record_one(name, plan, folder, chosen, iterations, advance, broken)
            found = found or record.problem is None
            traces.append(record)
            if not waiting and not found and torch_profiler.NAME not in plan.collectors:
                # an account from another collector than asked for is worth more than none; the manifest says why
                waiting, found = [torch_profiler.NAME], True
        manifest = replace(manifest, traces=list(traces))
        write_manifest(folder, manifest)
    return manifest


def _record_one(
    name: str,
    plan: Plan,
    folder: Path,
    entries: Sequence[Entry],
    iterations: int,
    advance: Callable[[int], None],
    broken: dict[str, str],
) -> TraceRecord:
    """Record one regime with one collector. Where it can't the record has no trace and says why; `broken` is told when
    it would fail again."""
    regime, rounds = entries[0].regime, plan.recorded_rounds
    if name == torch_profiler.NAME:
        return torch_profiler.record(
            entries, folder, regime=regime, rounds=rounds, iterations=iterations, device=plan.device, advance=advance
        )
    try:
        return _IN_A_CHILD[name](
            plan.workload,
            [entry.variant for entry in entries],
            folder,
            regime=regime,
            rounds=rounds,
            iterations=iterations,
            device=plan.device,
            seed=plan.seed,
            advance=advance,
        )
    except CollectorError as error:
        if error.for_good:
            broken[name] = str(error)
        return _without_trace(name, regime, str(error))


def _without_trace(collector: str, regime: str, why: str) -> TraceRecord:
    return TraceRecord(collector, regime, "", 0, 0, why)
