"""A sweep as claims ask it: what was measured on what, and along which lines of its grid a figure can be followed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from launchlens.traces.claims.capture_under_test import machine_of
from launchlens.traces.sweeps.study import SweepStudy
from launchlens.traces.sweeps.sweep import Axis


@dataclass(frozen=True)
class SweepUnderTest:
    """A sweep worked out, as claims ask it. `name` tells it from captures and other sweeps, where there are several."""

    study: SweepStudy
    name: str | None = None
    is_sweep: ClassVar[bool] = True

    @property
    def workload(self) -> Mapping[str, Any]:
        return self.study.sweep.record.workload

    @property
    def variants(self) -> Sequence[str]:
        """Every variant that it names, measured or not."""
        return list(self.study.sweep.record.says)

    @property
    def recorded_at(self) -> str:
        return self.study.sweep.record.recorded_at

    @property
    def complete(self) -> bool:
        return self.study.sweep.record.complete

    @property
    def environment(self) -> Mapping[str, Any]:
        return self.study.sweep.record.environment

    @property
    def device(self) -> str:
        return self.study.sweep.record.device

    @property
    def machine(self) -> str:
        """What it was measured on, called as that of a capture."""
        record = self.study.sweep.record
        return machine_of(record.device, record.environment)

    @property
    def measured(self) -> tuple[str, str]:
        """What was measured on what: sweeps that have this in common measured the same thing again."""
        axes = [axis.name for axis in self.study.sweep.record.axes]
        about = {**self.workload, "says": "", "correctness": "", "axes": axes}
        return self.machine, json.dumps(about, sort_keys=True, default=str)

    def axis(self, name: str) -> Axis | None:
        """The axis of this name; None where it was not swept, or has names between which there is nothing."""
        return next(
            (axis for axis in self.study.sweep.record.axes if axis.name == name and axis.scale != "named"), None
        )

    def missing(self, variant: str, regime: str) -> str | None:
        """Why a variant was never timed in a regime, in words; None where it was."""
        if self.study.samples.side(variant, regime) is not None:
            return None
        found = self.study.not_measured
        reasons = [f"{status}: {why}" for name, mine, status, why in found if (name, mine) == (variant, regime)]
        return f"{variant} was not measured" + (f" ({reasons[0]})" if reasons else "")
