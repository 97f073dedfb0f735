"""Workloads and their variants: what is compared.

A *workload* makes inputs and knows the right answer. A *variant* is one way of doing the work: a function that takes the
inputs, prepares whatever may be prepared once, and returns the thing that one iteration calls. Adding a variant is one
file in the workload's folder:

    from launchlens.kernels.registry import variant

    @variant("small-copies", "my-way", needs=("torch", "cuda"), says="what it does, in one line")
    def my_way(inputs):
        return lambda: ...

A file must import without torch or a GPU (heavy imports go into the function), so that `variants` can list it anywhere.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: One iteration: submits the work and returns; it does not wait for the device.
Iteration = Callable[[], object]
REGIMES = ("eager", "graph")


class Workload(Protocol):
    """What a workload's `make` returns: inputs made once, a poisoning, and a check."""

    def poison(self) -> None:
        """Overwrite every destination with what no source holds."""

    def wrong(self) -> str | None:
        """None when every destination holds the right answer, else one sentence saying where it does not."""


@dataclass(frozen=True)
class WorkloadSpec:
    """A workload by name: `make(device=..., seed=...)` builds its inputs on a torch device."""

    name: str
    says: str
    baseline: str
    make: Callable[..., Workload]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """One way of doing a workload. `needs` are names that `launchlens.profiling.environment.missing` can test."""

    name: str
    workload: str
    build: Callable[[Any], Iteration]
    needs: tuple[str, ...]
    regimes: tuple[str, ...]
    says: str


_workloads: dict[str, WorkloadSpec] = {}
_variants: dict[tuple[str, str], Variant] = {}


def workload(spec: WorkloadSpec) -> WorkloadSpec:
    """Register a workload. Raises ValueError when another one has its name."""
    if _workloads.setdefault(spec.name, spec) is not spec:
        raise ValueError(f"two workloads are called {spec.name!r}")
    return spec


def variant(
    workload: str, name: str, *, says: str, needs: Sequence[str] = ("torch",), regimes: Sequence[str] = REGIMES
) -> Callable[[Callable[[Any], Iteration]], Callable[[Any], Iteration]]:
    """Register the decorated function as variant `name` of `workload`.

    `needs`: what must be there (`torch`, `cuda`, `triton`, ...). `regimes`: in which it can run; `graph` means that
    one iteration can be captured into a CUDA graph. `says`: one line for people. Raises ValueError for an unknown
    regime and for a name that is taken.
    """
    unknown = set(regimes) - set(REGIMES)
    if unknown:
        raise ValueError(f"variant {name!r}: unknown regimes {sorted(unknown)}; there are {', '.join(REGIMES)}")

    def register(build: Callable[[Any], Iteration]) -> Callable[[Any], Iteration]:
        made = Variant(name, workload, build, tuple(needs), tuple(regimes), says)
        if _variants.setdefault((workload, name), made) is not made:
            raise ValueError(f"two variants of {workload!r} are called {name!r}")
        return build

    return register


def discover() -> None:
    """Import every module of `kernels/` and of its folders, so that what they register is known."""
    here = Path(__file__).parent
    package = __package__ or "launchlens.kernels"
    # the folders carry no __init__.py (see pyproject.toml), so pkgutil would not walk into them by itself
    folders = sorted(entry for entry in here.iterdir() if entry.is_dir() and entry.name.isidentifier())
    for folder, prefix in [(here, package), *((folder, f"{package}.{folder.name}") for folder in folders)]:
        for module in pkgutil.iter_modules([str(folder)]):
            importlib.import_module(f"{prefix}.{module.name}")


def workloads() -> list[WorkloadSpec]:
    """All workloads, by name."""
    discover()
    return [_workloads[name] for name in sorted(_workloads)]


def variants(workload: str | None = None) -> list[Variant]:
    """All variants, or those of one workload: its baseline first, then by name."""
    discover()
    baselines = {spec.baseline for spec in _workloads.values()}
    chosen = [made for made in _variants.values() if workload in (None, made.workload)]
    return sorted(chosen, key=lambda made: (made.workload, made.name not in baselines, made.name))
