"""A capture as claims ask it: in which regimes variants can be tested, the figures of a study as evidence, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from launchlens.traces.captures.capture import Manifest
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.recording import Recording
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study

#: Why a figure of a recorded run decides nothing.
RECORDED = "a recorded time carries the recorder's cost, which differs from variant to variant"


@dataclass(frozen=True)
class CaptureUnderTest:
    """A capture worked out, as claims ask it. `name` tells it from others, where there are several."""

    study: Study
    name: str | None = None
    is_sweep: ClassVar[bool] = False

    @property
    def workload(self) -> Mapping[str, Any]:
        return self.study.capture.manifest.workload

    @property
    def variants(self) -> Sequence[str]:
        """Every variant that it names, measured or not."""
        return [one.variant for one in self.study.capture.manifest.variants]

    @property
    def recorded_at(self) -> str:
        return self.study.capture.manifest.recorded_at

    @property
    def complete(self) -> bool:
        return self.study.capture.manifest.complete

    @property
    def environment(self) -> Mapping[str, Any]:
        return self.study.capture.manifest.environment

    @property
    def device(self) -> str:
        return self.study.capture.manifest.device

    @property
    def machine(self) -> str:
        """What it was measured on: captures of different GPUs are never pooled."""
        return machine(self.study.capture.manifest)

    @property
    def measured(self) -> tuple[str, str]:
        """What was measured on what: captures that have this in common measured the same thing again."""
        return self.machine, json.dumps({**self.workload, "says": "", "correctness": ""}, sort_keys=True, default=str)

    def compared(self, variant: str, against: str, regime: str) -> Comparison:
        """`variant` against `against`, without parts; both must have been timed in `regime`."""
        return self.study.compared_times(variant, against, regime)

    def control(self, regime: str) -> Estimate | None:
        """The A/A control of a regime."""
        return self.study.control_ratio(regime)

    def places(
        self, what: str, names: Sequence[str], wanted: Sequence[str] | None
    ) -> Iterator[tuple[str, Case | None]]:
        """Regimes in which `names` can be tested, each with None, or with the case that says what is missing there.

        Where the data gate refuses the times of one, what the capture says of it decides nothing.

        Without `wanted`, a regime that the capture doesn't know a variant in is left out: it may not have it.
        """
        met = False
        for regime in wanted or self.study.regimes:
            lacking = [name for name in names if (name, regime) not in self.study.sides]
            reasons = [self._missing(name, regime) for name in lacking]
            refused = [name for name in names if not lacking and self.study.sides[name, regime].refused]
            if refused:
                yield regime, self._refused(what, self.study.sides[refused[0], regime])
            elif not lacking:
                yield regime, None
            elif wanted or all(reasons):
                yield regime, Case(what, regime, "absent", self._say(lacking, [regime]))
            else:
                continue
            met = True
        if not met:
            lacking = [name for name in names if not any(variant == name for variant, _ in self.study.sides)]
            reason = self._say(lacking or names, self.study.regimes)
            yield "", Case(what, None, "absent", reason)

    def _refused(self, what: str, side: Side) -> Case:
        """The case of a side in whose times the capture contradicts itself."""
        reason = f"the capture contradicts itself in the times of {side.variant}: {', '.join(side.refused)}"
        return Case(what, side.regime, "undecided", reason)

    def _missing(self, name: str, regime: str) -> str | None:
        """Why a variant that the capture names was not measured in a regime; None for one that it doesn't name."""
        for record in self.study.capture.manifest.variants:
            if (record.variant, record.regime) == (name, regime) and record.status != "measured":
                return f"{record.status}: {record.why or 'no reason recorded'}"
        return None

    def _say(self, names: Sequence[str], regimes: Sequence[str]) -> str:
        words = []
        for name in names:
            reasons = [reason for regime in regimes if (reason := self._missing(name, regime))]
            words.append(f"{name} was not measured" + (f" ({reasons[0]})" if reasons else ""))
        return ", ".join(words)

    # -- figures, each named and with its rows

    def wall(self, side: Side) -> Evidence:
        """Unprofiled time per iteration."""
        return figure("time per iteration", side, side.wall, "ns")

    def recording(self, side: Side) -> Recording | None:
        """The side's recording, where it holds anything that was launched."""
        return side.recording if side.recording is not None and side.recording.ledger else None

    def not_recorded(self, what: str, side: Side) -> Case:
        """The case of a side whose launches were not recorded, or were so that the data gate withholds them."""
        if side.withheld:
            codes = ", ".join(side.withheld)
            reason = f"the capture contradicts itself in what was recorded of {side.variant}: {codes}"
            return Case(what, side.regime, "undecided", reason)
        cpu = self.study.capture.manifest.device == "cpu"
        why = "the capture is of a CPU, which launches nothing" if cpu else "no launch of it was recorded"
        return Case(what, side.regime, "absent", f"{side.variant}: {why}")


def machine(manifest: Manifest) -> str:
    """The GPU of a capture by its name, or its CPU where it used none."""
    return machine_of(manifest.device, manifest.environment)


def machine_of(device: str, environment: Mapping[str, Any]) -> str:
    """The same of any record."""
    if device == "cpu":
        return f"{environment.get('cpu') or 'an unknown CPU'}, without a GPU"
    return str(environment.get("gpu") or "an unknown GPU")


def figure(name: str, side: Side, estimate: Estimate, unit: str, divide: float = 1.0) -> Evidence:
    """An estimate over the unprofiled rounds of one side, divided by a constant."""
    bounds = estimate.interval
    return Evidence(
        f"{name}, {side.variant}, {side.regime}",
        estimate.value / divide,
        unit,
        None if bounds is None else (bounds[0] / divide, bounds[1] / divide),
        f"timings.parquet: variant={side.variant}, regime={side.regime}, {estimate.samples} rounds",
        "timing",
    )


def paired_rows(comparison: Comparison) -> str:
    """The rows that a paired ratio or difference of two sides comes from."""
    a, b, samples = comparison.a, comparison.b, comparison.ratio.samples
    return f"timings.parquet: variant={b.variant} and {a.variant}, regime={b.regime}, {samples} rounds, paired"


def recorded_rows(side: Side) -> str:
    """The part of a trace that a recorded figure comes from."""
    trace = "" if side.recording is None else side.recording.trace
    return f"{trace}: variant:{side.variant}"


def unseen(recording: Recording | None) -> str | None:
    """Why a recording does not say what the GPU did, in words; None where it does."""
    if recording is None or recording.gpu_recorded_ns is None:
        return "no GPU activity was recorded"
    return "replays of graphs were recorded in part" if recording.gpu_busy_ns is None else None
