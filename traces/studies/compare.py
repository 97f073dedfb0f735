"""Two sides against each other: the ratio with its interval, and the difference in parts that sum to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.control import explains
from launchlens.traces.statistics import Estimate, mean, paired_ratio, unpaired_ratio
from launchlens.traces.studies.recording import account_json, apportion
from launchlens.traces.studies.study import Side, Study

FORMAT = "launchlens.comparison/1"
Lane = Literal["host", "device"]
STATES: dict[Lane, tuple[str, ...]] = {"host": HOST_STATES, "device": DEVICE_STATES}
#: The axis of `cells` that is summed away to leave a lane's own states.
OTHER_AXIS: dict[Lane, int] = {"host": 1, "device": 0}
Verdict = Literal["faster", "slower", "no-difference-shown", "not-comparable"]

#: Reason codes of a verdict, each with what it says.
REASONS = {
    "interval-excludes-1": "the 95 % interval of the ratio does not cover 1",
    "interval-covers-1": "the 95 % interval of the ratio covers 1",
    "within-control": "the ratio is no further from 1 than that of the baseline to itself (the A/A control)",
    "too-few-samples": "there are too few samples for an interval",
    "paired-by-round": "both sides were timed in interleaved blocks of one process, and are compared round by round",
    "not-interleaved": "the sides were not timed in turn, so whatever drifted between them is part of the ratio",
    "profiled-times": "the times are of a profiled run and carry the profiler's cost",
    "different-regimes": "the sides are of different regimes",
    "different-hardware": "the sides were recorded on different hardware",
    "different-software": "the sides were recorded with different versions of driver, CUDA, torch, triton or Python",
    "incomplete": "a side's capture is incomplete",
    "no-account": "one side has no recorded trace, so the difference can't be split",
}


@dataclass(frozen=True)
class Part:
    """One cell of the difference: ns per iteration, positive where B spends more, with the interval of its mean."""

    host: str
    device: str
    ns: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Comparison:
    """B against A in one regime.

    `ratio` is B's unprofiled time over A's; `difference_ns` the profiled difference per iteration (B - A) that `cells`
    ([HOST_STATES, DEVICE_STATES], ns) split, None without traces. `reasons` are codes of REASONS.
    """

    a: Side
    b: Side
    ratio: Estimate
    verdict: Verdict
    reasons: tuple[str, ...]
    difference_ns: float | None
    cells: npt.NDArray[np.float64] | None
    parts: tuple[Part, ...]

    @property
    def explained_by(self) -> Lane:
        """The lane that explains the difference: what the host did, unless the slower side waits for its device.

        Where the host waits, what it did says little: what the device did made that side slow.
        """
        seen = self.a.recording is not None and self.a.recording.device is not None
        slower = max(self.a, self.b, key=lambda side: side.wall.value)
        return "device" if seen and slower.bound not in ("host-bound", "unknown") else "host"

    def intervals(self, lane: Lane) -> dict[str, tuple[float, float] | None]:
        """The 95 % interval of each state's mean share of the difference over blocks, ns; None where not paired."""
        states, a, b = STATES[lane], self.a.recording, self.b.recording
        if a is None or b is None or len(a.cells) != len(b.cells) or "paired-by-round" not in self.reasons:
            return dict.fromkeys(states)
        axis = 1 + OTHER_AXIS[lane]
        blocks = b.cells.sum(axis=axis) / b.iterations - a.cells.sum(axis=axis) / a.iterations
        estimates = [mean(np.ascontiguousarray(blocks[:, index])) for index in range(len(states))]
        return {state: estimate.interval for state, estimate in zip(states, estimates, strict=True)}

    def host_parts(self) -> dict[str, float]:
        """The difference by host state, ns per iteration; it sums to `difference_ns`."""
        if self.cells is None:
            return {}
        return {state: float(ns) for state, ns in zip(HOST_STATES, self.cells.sum(axis=1), strict=True)}

    def device_parts(self) -> dict[str, float]:
        """The difference by device state, ns per iteration; it sums to `difference_ns` as well."""
        if self.cells is None:
            return {}
        return {state: float(ns) for state, ns in zip(DEVICE_STATES, self.cells.sum(axis=0), strict=True)}


def compare(
    a: Side, b: Side, *, paired: bool, control: Estimate | None = None, notes: tuple[str, ...] = ()
) -> Comparison:
    """Compare side `b` with side `a`.

    `paired` when both were timed in turn: they are then compared over the rounds they share, and as if not paired where
    they share none. `control` is the ratio of the baseline to itself: a difference
    that is not larger than what the same code shows against itself is not shown. `notes` are further reason codes;
    `different-hardware` or `different-regimes` among them makes the sides not comparable.
    """
    rounds = a.blocks.index.intersection(b.blocks.index)
    paired = paired and len(rounds) > 0
    if paired:
        ratio = paired_ratio(b.blocks.loc[rounds, "wall_ns"], a.blocks.loc[rounds, "wall_ns"])
    else:
        ratio = unpaired_ratio(b.blocks["wall_ns"], a.blocks["wall_ns"])
    verdict, reasons = _verdict(ratio, control)
    if {"different-hardware", "different-regimes"} & set(notes):
        verdict, reasons = "not-comparable", ()
    reasons = (*reasons, "paired-by-round" if paired else "not-interleaved", *notes)
    if a.recording is None or b.recording is None:
        return Comparison(a, b, ratio, verdict, (*reasons, "no-account"), None, None, ())
    cells = b.recording.per_iteration - a.recording.per_iteration
    return Comparison(a, b, ratio, verdict, reasons, float(cells.sum()), cells, _parts(a, b, paired))


def _verdict(ratio: Estimate, control: Estimate | None) -> tuple[Verdict, tuple[str, ...]]:
    if ratio.interval is None:
        return "no-difference-shown", ("too-few-samples",)
    if ratio.covers(1.0):
        return "no-difference-shown", ("interval-covers-1",)
    if control is not None and explains(control, ratio.value):
        return "no-difference-shown", ("within-control",)
    return ("faster" if ratio.value < 1 else "slower"), ("interval-excludes-1",)


def _parts(a: Side, b: Side, paired: bool) -> tuple[Part, ...]:
    """The difference cell by cell, largest first, each with the interval of its mean over blocks."""
    assert a.recording and b.recording
    of_a = a.recording.cells / a.recording.iterations
    of_b = b.recording.cells / b.recording.iterations
    parts = []
    for i, host in enumerate(HOST_STATES):
        for j, device in enumerate(DEVICE_STATES):
            left, right = of_a[:, i, j], of_b[:, i, j]
            if not left.any() and not right.any():
                continue
            ns = float(right.mean() - left.mean())
            estimate = mean(right - left) if paired and len(left) == len(right) else None
            parts.append(Part(host, device, ns, estimate.interval if estimate else None))
    return tuple(sorted(parts, key=lambda part: -abs(part.ns)))


def against_baseline(study: Study) -> list[Comparison]:
    """Every other variant against the baseline, regime by regime, fastest first; the baseline's A/A ratio as control.

    Those that do only a part of the work are left out: a ratio to the whole is not one of faster or slower.
    """
    found = []
    for regime in study.regimes:
        baseline = study.sides.get((study.capture.manifest.baseline, regime))
        if baseline is None:
            continue
        control = control_ratio(study, regime)
        for side in study.ranked(regime):
            if side is not baseline:
                found.append(compare(baseline, side, paired=True, control=control))
    return found


HARDWARE = ("gpu", "cpu", "device")
SOFTWARE = ("driver", "cuda", "torch", "triton", "python")


def between(a: Study, b: Study) -> list[Comparison]:
    """Every variant and regime that two captures share, b against a; not paired, for they were not timed in turn."""
    names = dict.fromkeys(variant for variant, _ in a.sides)
    return [item for name in names for item in across(a, name, b, name)]


def across(a: Study, variant_a: str, b: Study, variant_b: str) -> list[Comparison]:
    """Variant `variant_b` of one capture against `variant_a` of another, in each regime that has both."""
    ours, theirs = a.capture.manifest, b.capture.manifest
    notes = [
        code
        for code, keys in (("different-hardware", HARDWARE), ("different-software", SOFTWARE))
        if any(ours.environment.get(key) != theirs.environment.get(key) for key in keys)
    ]
    if not (ours.complete and theirs.complete):
        notes.append("incomplete")
    return [
        compare(a.sides[variant_a, regime], b.sides[variant_b, regime], paired=False, notes=tuple(notes))
        for regime in a.regimes
        if (variant_a, regime) in a.sides and (variant_b, regime) in b.sides
    ]


def within(study: Study, a: str, b: str) -> list[Comparison]:
    """Variant `b` against variant `a` of one capture, in each regime that has both; paired by round."""
    return [
        compare(study.sides[a, regime], study.sides[b, regime], paired=True, control=control_ratio(study, regime))
        for regime in study.regimes
        if (a, regime) in study.sides and (b, regime) in study.sides
    ]


def document(comparisons: list[Comparison]) -> dict[str, Any]:
    """What `compare --json` prints: all comparisons, and where there is just one its keys at the top as well."""
    rows = [to_json(item) for item in comparisons]
    return {"format": FORMAT} | (rows[0] if len(rows) == 1 else {}) | {"comparisons": rows}


def control_ratio(study: Study, regime: str) -> Estimate | None:
    """The A/A control: the baseline's second block of each round over its first; None where no round has both."""
    first, second = study.sides.get((study.capture.manifest.baseline, regime)), study.controls.get(regime)
    if first is None or second is None:
        return None
    rounds = first.blocks.index.intersection(second.blocks.index)
    if not len(rounds):
        return None
    return paired_ratio(second.blocks.loc[rounds, "wall_ns"], first.blocks.loc[rounds, "wall_ns"])


def to_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as FORMATS.md asks: whole ns, and parts that sum to `difference_ns` exactly."""
    whole = None if comparison.cells is None else apportion(comparison.cells.ravel()).reshape(comparison.cells.shape)
    intervals = {(part.host, part.device): part for part in comparison.parts}
    parts = None
    if whole is not None:
        seen = any(side.recording and side.recording.device is not None for side in (comparison.a, comparison.b))
        parts = [
            {
                "host": part.host,
                "device": part.device if seen else None,
                "ns": int(whole[HOST_STATES.index(part.host), DEVICE_STATES.index(part.device)]),
                "interval_ns": None if part.interval is None else [round(end) for end in part.interval],
            }
            for part in intervals.values()
        ]
    return {
        "regime": comparison.a.regime if comparison.a.regime == comparison.b.regime else None,
        "a": side_json(comparison.a),
        "b": side_json(comparison.b),
        "ratio": comparison.ratio.to_json(),
        "verdict": comparison.verdict,
        "reasons": [{"code": code, "meaning": REASONS[code]} for code in comparison.reasons],
        "difference_ns": None if whole is None else int(whole.sum()),
        "difference_of": "profiled time per iteration, b - a",
        "parts": parts,
    }


def side_json(side: Side) -> dict[str, Any]:
    """One side: unprofiled times with intervals (whole ns per iteration), what bounds it, its account and ledger."""

    def whole(estimate: Estimate | None) -> dict[str, Any] | None:
        if estimate is None:
            return None
        interval = None if estimate.interval is None else [round(end) for end in estimate.interval]
        return {"median": round(estimate.value), "interval": interval, "rounds": estimate.samples}

    recording = side.recording
    return {
        "variant": side.variant,
        "part_of": side.part_of,
        "regime": side.regime,
        "wall_ns": whole(side.wall),
        "host_ns": whole(side.host),
        "device_ns": whole(side.device),
        "bound": side.bound,
        "host_share": round(side.host_share, 4),
        "gpu_busy_share": None if side.busy_share is None else round(side.busy_share, 4),
        "profiled_ns": None if recording is None else round(recording.profiled_ns),
        "inflation": None if side.inflation is None else round(side.inflation, 4),
        "account": None if recording is None else account_json(recording),
        "per_iteration": None if recording is None else dict(recording.counts),
        "gpu_work": None
        if recording is None
        else [
            {"kind": row.kind, "name": row.name, "per_iteration": row.per_iteration, "gpu_ns": round(row.gpu_ns)}
            for row in recording.work
        ],
        "launch_ledger": None
        if recording is None
        else [
            {
                "api": row.api,
                "activity": row.activity,
                "per_iteration": row.per_iteration,
                "api_ns": round(row.api_ns),
                "queued_per_iteration": row.queued,
                "queue_ns": None if row.queue_ns is None else round(row.queue_ns),
                "gpu_ns": None if row.gpu_ns is None else round(row.gpu_ns),
                **({"channel": row.channel} if row.channel is not None else {}),
            }
            for row in recording.ledger
        ],
    }
