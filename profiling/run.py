"""A workload in, a capture out: check, time without a profiler, record under one, write everything down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from launchlens import __version__
from launchlens.kernels.registry import REGIMES, Variant, WorkloadSpec
from launchlens.profiling.checking import Checks, one_line, synchronize
from launchlens.profiling.collectors.catalogue import FALLBACK, USUAL
from launchlens.profiling.collectors.collector import Collector, Job
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.collectors.light.session import LABEL, LightSession
from launchlens.profiling.collectors.recording import Recording
from launchlens.profiling.environment import describe, missing
from launchlens.profiling.new_capture import NewCapture
from launchlens.profiling.probes.catalogue import Listed
from launchlens.profiling.probes.launch_costs import probe as launch_costs
from launchlens.profiling.probes.launch_costs.bench import LaunchCosts
from launchlens.profiling.probes.run import run_probes
from launchlens.profiling.progress import Steps
from launchlens.profiling.rounds import Rounds, iterations_of
from launchlens.profiling.timing import Entry, Failures, timings_frame
from launchlens.traces.captures.capture import (
    Manifest,
    Status,
    TraceRecord,
    VariantRecord,
    read_capture,
    write_timings,
)
from launchlens.traces.captures.probes import read_probes, write_probes

ROUNDS = 40
FEWEST_RECORDED, MOST_RECORDED = 3, 20


@dataclass(frozen=True)
class Plan:
    """What to run. `iterations` None lets the timing choose; `recorded_*` are of the profiled part, where None takes a
    quarter of the timed iterations, between FEWEST_RECORDED and MOST_RECORDED: traces of long iterations stay small.
    Each of `collectors` records every regime. `probes` are run last, beside the workload; `launch-costs` is timed in the
    rounds of the variants."""

    workload: WorkloadSpec
    variants: Sequence[Variant]
    device: str
    regimes: Sequence[str] = REGIMES
    seed: int = 0
    rounds: int = ROUNDS
    iterations: int | None = None
    recorded_rounds: int = 10
    recorded_iterations: int | None = None
    collectors: Sequence[Collector] = (USUAL,)
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
    capture = NewCapture(folder, _manifest(plan))
    entries = _check_all(plan, checks, capture, steps)
    entries = _time(plan, capture, entries, steps)
    entries = _check_again(checks, capture, entries)
    _record(plan, capture, entries, steps)
    if plan.probes:
        right = [entry.variant for entry in entries if entry.regime == "eager"]
        made = read_probes(folder)
        later = [each for each in plan.probes if each.id not in made]
        run_probes(later, plan.workload, right, folder, steps, seed=plan.seed)
    capture.now(complete=True)
    return capture.manifest


def _manifest(plan: Plan) -> Manifest:
    """What is known before anything was run."""
    return Manifest(
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


def _check_all(plan: Plan, checks: Checks, capture: NewCapture, steps: Steps) -> list[Entry]:
    """Check every variant in every regime, and write down what came of it; return what is right, regime by regime."""
    records, entries = [], []
    with steps.step("checking every variant", len(plan.variants)) as advance:
        for variant in plan.variants:
            for record, call in checks.check(variant, plan.regimes):
                records.append(record)
                if call is not None:
                    entries.append(Entry(variant.name, record.regime, call))
            _insist_on_a_device(plan.device, variant)
            advance(1)
    workload = dict(capture.manifest.workload) | {"correctness": checks.described()}
    capture.now(workload=workload, variants=records)
    return sorted(_some(entries, capture), key=lambda entry: REGIMES.index(entry.regime))


def _insist_on_a_device(device: str, variant: Variant) -> None:
    """Raise NothingToMeasureError when a variant's fault has left the process without a usable device."""
    try:
        synchronize(device)
    except RuntimeError as error:  # an illegal access, say: every later call answers the same
        why = str(error).splitlines()[0]
        raise NothingToMeasureError(
            f"variant {variant.name} left the device unusable ({why}); leave it out: name the others with --variant"
        ) from None


def _some(entries: list[Entry], capture: NewCapture) -> list[Entry]:
    """`entries`; NothingToMeasureError where none is left, with the reasons, one that all share said once."""
    if entries:
        return entries
    records = capture.manifest.variants
    reasons = dict.fromkeys(record.why for record in records)
    if len(reasons) == 1 and len(records) > 1:
        raise NothingToMeasureError(f"{next(iter(reasons))} (all {len(records)})")
    raise NothingToMeasureError("; ".join(f"{each.variant} ({each.regime}): {each.why}" for each in records))


def _time(plan: Plan, capture: NewCapture, entries: Sequence[Entry], steps: Steps) -> list[Entry]:
    """Time every entry; one that raises now, though it was right when checked, is recorded as failed and left out."""
    controls = [replace(entry, control=True) for entry in entries if entry.variant == plan.workload.baseline]
    light, why_not = _light(plan.device, steps)
    timed, failures = [*entries, *controls, *(light.bursts() if light else ())], Failures()
    iterations = iterations_of(timed, lambda: synchronize(plan.device), failures, plan.iterations)
    rows: list[dict[str, object]] = []
    costs = _launch_costs(plan, steps)
    rounds = Rounds(
        timed,
        iterations,
        plan.device,
        rows,
        failures,
        light.blocks if light else None,
        plan.seed,
        beside=costs.round if costs else None,
    )
    try:
        with steps.step("timing without a profiler", plan.rounds) as advance:
            rounds.run(plan.rounds, advance)
    finally:  # what had been timed before an interruption is kept
        write_timings(capture.folder, timings_frame([row for row in rows if row["regime"] in REGIMES]))
        reasons = {
            where: f"failed while it was timed: {one_line(error, plan.workload)}" for where, error in failures.items()
        }
        said: dict[str, object] = {"inside_ns": light.inside_ns} if light else {"why_not": why_not}
        capture.now(
            timing={
                "rounds": plan.rounds,
                "iterations": {f"{variant} ({regime})": count for (variant, regime), count in iterations.items()},
                "seed": plan.seed,
                "order": "balanced pairs of rounds: Williams rows of variants, and of the blocks of each",
                "light": said,
            },
            variants=_with_status(capture.manifest.variants, "failed", reasons),
        )
    if costs is not None:
        write_probes(capture.folder, [costs.probe()])
    if light is not None:
        capture.now(traces=light.keep(capture.folder, rows))
    return _some([entry for entry in entries if (entry.variant, entry.regime) not in failures], capture)


def _launch_costs(plan: Plan, steps: Steps) -> LaunchCosts | None:
    """What times the costs of launches in the rounds of the variants, where that probe was asked for and can be made."""
    asked = [each for each in plan.probes if each.id == launch_costs.ID and not missing(each.needs, plan.device)]
    if not asked:
        return None
    with steps.step(f"preparing probe {launch_costs.ID}", 1) as advance:
        costs = launch_costs.in_rounds_of_variants()
        advance(1)
    return costs


def _light(device: str, steps: Steps) -> tuple[LightSession | None, str]:
    """The light recorder, where it can be used here; else why not."""
    try:
        with steps.step(f"preparing {LABEL}", 1) as advance:
            session = LightSession(device)
            advance(1)
    except CollectorError as error:
        return None, str(error)
    return session, ""


def _with_status(
    records: Sequence[VariantRecord], status: Status, reasons: Mapping[tuple[str, str], str]
) -> list[VariantRecord]:
    """Records with another status for those that `reasons` names, by (variant, regime)."""
    return [
        replace(record, status=status, why=reasons[where])
        if (where := (record.variant, record.regime)) in reasons
        else record
        for record in records
    ]


def _check_again(checks: Checks, capture: NewCapture, entries: Sequence[Entry]) -> list[Entry]:
    """Check what was timed once more; what is no longer right loses its timings and is recorded as wrong."""
    faults = {(entry.variant, entry.regime): checks.again(entry.variant, entry.regime) for entry in entries}
    broken = {where: fault for where, fault in faults.items() if fault}
    if not broken:
        return list(entries)
    timings = read_capture(capture.folder).timings
    kept = [(row.variant, row.regime) not in broken for row in timings.itertuples()]
    write_timings(capture.folder, timings[kept].reset_index(drop=True))
    reasons = {where: f"right at first, but not after it had been timed: {fault}" for where, fault in broken.items()}
    capture.now(variants=_with_status(capture.manifest.variants, "wrong", reasons))
    return _some([entry for entry in entries if (entry.variant, entry.regime) not in broken], capture)


def _record(plan: Plan, capture: NewCapture, entries: Sequence[Entry], steps: Steps) -> None:
    """Record what was timed, regime by regime."""
    recording = Recording(_collectors(plan, capture.manifest), steps)
    traces: list[TraceRecord] = list(capture.manifest.traces)
    for job in _jobs(plan, capture, entries):
        traces += recording.of(job)
        capture.now(traces=list(traces))


def _collectors(plan: Plan, manifest: Manifest) -> Sequence[Collector]:
    """Who records: where the light recorder can't be used, CUPTI as well if it is here, for its calls are told apart too."""
    chosen = plan.collectors
    if "why_not" not in manifest.timing.get("light", {}) or any(each.name == FALLBACK.name for each in chosen):
        return chosen
    try:
        FALLBACK.check(plan.device)
    except CollectorError:
        return chosen
    return (*chosen, FALLBACK)


def _jobs(plan: Plan, capture: NewCapture, entries: Sequence[Entry]) -> Iterator[Job]:
    """What is to be recorded: a job a regime."""
    quarter = min(capture.manifest.timing["iterations"].values()) // 2
    iterations = plan.recorded_iterations or min(max(quarter, FEWEST_RECORDED), MOST_RECORDED)
    for regime in dict.fromkeys(entry.regime for entry in entries):
        chosen = [entry for entry in entries if entry.regime == regime]
        yield Job(
            plan.workload, chosen, capture.folder, regime, plan.recorded_rounds, iterations, plan.device, plan.seed
        )
