"""What a recording says of itself, as far as two of them may differ in it besides the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from launchlens.traces.joined import JoinedTrace
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


@dataclass(frozen=True)
class Told:
    """What a recording says of itself: `says` are its versions, its GPU and its settings, by what they are called.

    `devices` is how many its events name. `base_ns` is where its clock begins on that of the day, None where its recorder does not
    tell; from `first_ns` to `last_ns` it has events, None where it has none.
    """

    recorded_by: str
    says: tuple[tuple[str, str], ...]
    has_ops: bool
    has_ranges: bool
    devices: int
    base_ns: int | None
    first_ns: int | None
    last_ns: int | None

    @classmethod
    def of(cls, joined: JoinedTrace) -> Told:
        trace, events = joined.trace, joined.events
        kinds = set(events["kind"].unique())
        base = trace.meta.get("base_ns")
        start = events["start_ns"]
        return cls(
            recorded_by=trace.recorded_by,
            says=tuple((what, str(value)) for what, value in _says(trace).items()),
            has_ops="op" in kinds,
            has_ranges="range" in kinds,
            devices=int(events["device"].nunique()),
            base_ns=base if isinstance(base, int) else None,
            first_ns=int(start.min()) if len(events) else None,
            last_ns=int((start + events["dur_ns"]).max()) if len(events) else None,
        )

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """From when to when on the clock of the day; None where that is not told."""
        if self.base_ns is None or self.first_ns is None or self.last_ns is None:
            return None
        return self.base_ns + self.first_ns, self.base_ns + self.last_ns


def _says(trace: Trace) -> dict[str, Any]:
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
    return found | {what: yes(value) for what, value in held.items()}


def yes(value: bool) -> str:
    """A setting that is on or off, in a word."""
    return "yes" if value else "no"
