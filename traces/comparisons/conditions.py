"""What two sides differ in besides the program: the recorder and its settings, versions, the GPU and its clock.

Only what both tell is compared; what one alone tells is no difference that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.trace import Trace

#: What recorders say of a recording in `Trace.meta`, and what it is called here.
_TOLD = {
    "cuda_runtime_version": "CUDA runtime", "cuda_driver_version": "CUDA driver", "cupti_version": "CUPTI",
    "hip_runtime_version": "HIP runtime", "hip_driver_version": "HIP driver",
    "pytorch_version": "torch", "torch_version": "torch", "python_version": "Python", "triton_version": "Triton",
    "with_stack": "with_stack", "record_shapes": "record_shapes", "profile_memory": "profile_memory",
    "with_flops": "with_flops", "with_modules": "with_modules", "trace_id_kind": "kind of trace",
    "sm_clock_mhz": "GPU clock, MHz", "gpu_clock_mhz": "GPU clock, MHz",
}  # fmt: skip
OPS = "framework ops recorded"


@dataclass(frozen=True)
class Condition:
    """One thing that differs: what, as `a` and `b` have it."""

    what: str
    was: str
    now: str


def differing(a: Sequence[Measured], b: Sequence[Measured]) -> list[Condition]:
    """What the recordings of two sides say of themselves and differ in, what weighs most first."""
    ours, theirs = _told(one.trace for one in a), _told(one.trace for one in b)
    if not ops_are_known(a, b):
        ours, theirs = ({**told, OPS: frozenset([_yes(_has_ops(side))])} for told, side in ((ours, a), (theirs, b)))
    found = [
        Condition(what, _text(ours[what]), _text(theirs[what]))
        for what in ours
        if what in theirs and ours[what] != theirs[what]
    ]
    return found + [
        Condition(f"{what} within a side", _text(values), _text(values))
        for what, values in ((what, ours[what] | theirs.get(what, frozenset())) for what in ours)
        if len(values) > 1 and ours[what] == theirs.get(what)
    ]


def _told(traces: Iterable[Trace]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for trace in traces:
        for what, value in _of_trace(trace).items():
            found.setdefault(what, set()).add(str(value))
    return {what: frozenset(values) for what, values in found.items()}


def _of_trace(trace: Trace) -> dict[str, Any]:
    details = trace.details
    found: dict[str, Any] = {"recorder": trace.recorded_by}
    if trace.recorded_by_version is not None:
        found["recorder's version"] = trace.recorded_by_version
    if trace.devices:
        found["GPU"] = ", ".join(sorted(set(trace.devices.values())))
    for key, what in _TOLD.items():
        value = trace.meta.get(key)
        if value is not None and what not in found:
            found[what] = value
    # settings that a file does not name show in what it holds
    held = {
        "shapes recorded": details.shapes is not None and len(details.shapes) > 0,
        "Python stacks recorded": bool(trace.python_frames) or details.modules is not None,
        "memory recorded": details.memory is not None and len(details.memory) > 0,
    }
    return found | {what: _yes(value) for what, value in held.items()}


def ops_are_known(a: Sequence[Measured], b: Sequence[Measured]) -> bool:
    """Whether framework ops would have been recorded on both sides, or on neither: else what a host did can't be compared op by op.

    A side without any has none where it was recorded as the other was, and ranges of the host with it: a replayed graph calls no ops.
    """
    with_ops = [_has_ops(side) for side in (a, b)]
    if with_ops[0] == with_ops[1]:
        return True
    without, other = (a, b) if with_ops[1] else (b, a)
    alike = {one.trace.recorded_by for one in without} <= {one.trace.recorded_by for one in other}
    return alike and all(bool((one.trace.events["kind"] == "range").any()) for one in without)


def _has_ops(side: Sequence[Measured]) -> bool:
    return any(bool((one.trace.events["kind"] == "op").any()) for one in side)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _text(values: Iterable[str]) -> str:
    return " and ".join(sorted(values))
