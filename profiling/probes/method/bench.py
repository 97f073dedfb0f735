"""What a probe is given: where to run, what to run it on, and where progress goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from launchlens.kernels.registry import Iteration, Variant, WorkloadSpec
from launchlens.traces.captures.probes import Probe


@dataclass(frozen=True)
class Bench:
    """What a probe may use. Most probes are about the machine alone; some run the workload's variants.

    `calls` holds the iterations that were checked and found right, by (variant, regime). `advance(1)` is called now and
    then, so that a person sees that something moves. `quick` asks for fewer samples: a check that all works, not a result.
    """

    workload: WorkloadSpec
    variants: Sequence[Variant]
    calls: Mapping[tuple[str, str], Iteration] = field(default_factory=dict)
    seed: int = 0
    quick: bool = False
    advance: Callable[[int], object] = lambda done: None


class Prober(Protocol):
    """A probe: runs on the GPU that torch uses and says what it found. May raise; then the run goes on without it."""

    def __call__(self, bench: Bench) -> Probe: ...
