"""Every variant is run once and checked before it is timed: what can't run or is wrong gets a status and a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from launchlens.kernels.correctness import Remembering, kept, poison
from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, NotForTheseInputsError, Variant, WorkloadSpec
from launchlens.kernels.user_module import place
from launchlens.profiling.environment import NEEDS, missing
from launchlens.profiling.regimes import ENTER, CannotCaptureError
from launchlens.traces.captures.capture import LaunchRecord, Status, VariantRecord
from launchlens.traces.programs import without_folders

if TYPE_CHECKING:
    import torch

NOT_CHECKED = "not checked: the workload declares no check"

Checked = tuple[VariantRecord, Iteration | None]


class _NoExpectationError(Exception):
    """There is nothing to compare outputs with, because the baseline gave none; the text says why."""


@dataclass
class Checks:
    """The checks of one workload's variants. The baseline's outputs are worked out once, when first compared with."""

    workload: WorkloadSpec
    variants: Sequence[Variant]
    device: str
    seed: int
    _expected: dict[str, torch.Tensor] | _NoExpectationError | None = None
    _checks_itself: bool | None = None
    _entered: dict[tuple[str, str], tuple[Any, Remembering, Iteration]] = field(default_factory=dict)

    def described(self) -> str:
        """How the variants were checked, in one line for the manifest; known once one of them has been."""
        if self._checks_itself is None:
            return "nothing could be run, so nothing was checked"
        if self._checks_itself:
            return "the workload's own check"
        return self.workload.check.described(self.workload.baseline) if self.workload.check else NOT_CHECKED

    def check(self, variant: Variant, regimes: Sequence[str]) -> list[Checked]:
        """Build a variant, enter each regime, and run it once on poisoned destinations.

        Returns a record for each regime that the variant and the device know, with the call to time where it is right.
        Whatever the variant raises is its result; KeyboardInterrupt passes through.
        """
        entered = [
            regime for regime in regimes if regime in variant.regimes and (regime == "eager" or self.device == "cuda")
        ]

        def all_of_them(status: Status, why: str) -> list[Checked]:
            return [
                (VariantRecord(variant.name, regime, status, variant.says, why, variant.part_of), None)
                for regime in entered
            ]

        absent = missing(variant.needs, self.device)
        if absent:
            needs = ", ".join(f"{need} ({NEEDS[need][1]})" if need in NEEDS else need for need in absent)
            return all_of_them("skipped", f"needs {needs}")
        try:
            inputs = self.workload.inputs(device=self.device, seed=self.seed)
            self._checks_itself = hasattr(inputs, "wrong")
        except Exception as error:  # noqa: BLE001  anybody's code
            return all_of_them("failed", f"its inputs can't be made: {one_line(error, self.workload)}")
        try:
            launches = None if variant.structure is None else [_launched(each) for each in variant.structure(inputs)]
            iteration = variant.build(inputs)
            iteration()
            synchronize(self.device)
        except NotForTheseInputsError as error:
            return all_of_them("skipped", str(error))
        except Exception as error:  # noqa: BLE001  anybody's code; the other variants go on
            return all_of_them("failed", one_line(error, self.workload))
        return [self._check_in(regime, variant, inputs, iteration, launches) for regime in entered]

    def _check_in(
        self,
        regime: str,
        variant: Variant,
        inputs: Any,
        iteration: Iteration,
        launches: list[LaunchRecord] | None = None,
    ) -> Checked:
        def record(status: Status, why: str | None) -> VariantRecord:
            return VariantRecord(variant.name, regime, status, variant.says, why, variant.part_of, launches)

        remembering = Remembering(iteration)
        try:
            enter = ENTER[regime]
            call = enter(remembering)
            self._entered[variant.name, regime] = inputs, remembering, call
            fault = self._fault(inputs, remembering, call)
        except CannotCaptureError as error:
            return record("failed", f"can't be captured: {error}"), None
        except _NoExpectationError as error:
            return record("skipped", str(error)), None
        except Exception as error:  # noqa: BLE001  anybody's code
            return record("failed", one_line(error, self.workload)), None
        if fault:
            return record("wrong", fault), None
        # eager blocks time the iteration itself: what remembers costs a Python call
        return record("measured", None), iteration if call is remembering else call

    def again(self, variant: str, regime: str) -> str | None:
        """Check once more, after a variant has been timed: None when it is still right, else what is wrong.

        Code may stop working after some calls (a buffer that is full, a cache that is hit); its time is then of nothing.
        """
        try:
            return self._fault(*self._entered[variant, regime])
        except Exception as error:  # noqa: BLE001  anybody's code
            return one_line(error, self.workload)

    def _fault(self, inputs: Any, remembering: Remembering, call: Iteration) -> str | None:
        """Run once on poisoned destinations; None when right (or when the workload declares no check)."""
        if hasattr(inputs, "poison"):
            inputs.poison()
        own: Callable[[], str | None] | None = getattr(inputs, "wrong", None)
        compare = self.workload.check if own is None else None
        if compare is not None:
            if remembering.outputs is None:
                remembering()
            poison(remembering.outputs, self._baseline_outputs(), inputs)
        call()
        synchronize(self.device)
        if own is not None:
            return own()
        return compare.wrong(remembering.outputs, self._baseline_outputs()) if compare else None

    def _baseline_outputs(self) -> dict[str, torch.Tensor]:
        """What the baseline returns for inputs of its own, iterated once. Raises _NoExpectationError when it returns nothing."""
        if self._expected is None:
            self._expected = self._work_out_expected()
        if isinstance(self._expected, _NoExpectationError):
            raise self._expected
        return self._expected

    def _work_out_expected(self) -> dict[str, torch.Tensor] | _NoExpectationError:
        name = self.workload.baseline
        baseline = next((made for made in self.variants if made.name == name), None)
        if baseline is None:
            return _NoExpectationError(f"not checked: the baseline {name} was not asked for")
        if missing(baseline.needs, self.device):
            return _NoExpectationError(f"not checked: the baseline {name} can't run here")
        try:
            iteration = baseline.build(self.workload.inputs(device=self.device, seed=self.seed))
            outputs = kept(iteration())
            synchronize(self.device)
        except Exception as error:  # noqa: BLE001  anybody's code
            return _NoExpectationError(f"not checked: the baseline {name} failed: {one_line(error, self.workload)}")
        if not outputs:
            return _NoExpectationError(f"not checked: the baseline {name} returns no tensor to compare with")
        return outputs


def _launched(declared: Launches) -> LaunchRecord:
    """A declaration as a manifest holds it."""
    return LaunchRecord(declared.path, declared.per_iteration, declared.arguments, declared.items, declared.node)


def one_line(error: Exception, workload: WorkloadSpec) -> str:
    """An exception as a manifest may hold it: type, first line, place in the user's file, no folder of the machine."""
    lines = str(error).splitlines()
    text = f"{type(error).__name__}: {lines[0] if lines else ''}"
    where = place(error, workload.file) if workload.file else None
    if where and workload.file:
        where = where.replace(str(workload.file), workload.file.name)
    return without_folders(f"{text} ({where})" if where else text)


def synchronize(device: str) -> None:
    """Wait for the device, where there is one to wait for."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
