"""Workloads and their variants: what is compared.

A *workload* makes inputs and knows the right answer. A *variant* is one way of doing the work: a function that takes the
inputs, prepares whatever may be prepared once, and returns the thing that one iteration calls. Adding a variant is one
file in the workload's folder:

    from launchlens.kernels.registry import variant

    @variant("small-copies", "my-way", needs=("torch", "cuda"), says="what it does, in one line")
    def my_way(inputs):
        return lambda: ...

A file must import without torch or a GPU (heavy imports go into the function), so that `variants` can list it anywhere.

A workload of one's own is declared the same way, in a file that `profile --workload FILE.py` is given:

    from launchlens.kernels.correctness import CompareOutputs
    from launchlens.kernels.registry import variant, workload

    @workload("row-sums", baseline="sum", check=CompareOutputs(rtol=1e-4, atol=1e-4))
    def make(device, seed, rows=4096):
        "Sums of the rows of a float32 matrix."
        import torch
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(rows, 512, generator=generator).to(device)

    @variant("row-sums", "sum")
    def by_sum(x):
        "x.sum(dim=1)"
        return lambda: x.sum(dim=1)

Each variant's outputs are then compared with the baseline's (`launchlens.kernels.correctness`).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, overload

from launchlens.kernels.correctness import CompareOutputs
from launchlens.kernels.launches import Declared
from launchlens.kernels.parameters import declared, read_parameter

#: One iteration: submits the work and returns; it does not wait for the device. What it returns are its outputs.
Iteration = Callable[[], object]
REGIMES = ("eager", "graph")

Build = Callable[[Any], Iteration]
BuildT = TypeVar("BuildT", bound=Build)
MakeT = TypeVar("MakeT", bound=Callable[..., Any])


class Workload(Protocol):
    """What a workload's `make` may return when it checks itself: inputs made once, a poisoning, and a check."""

    def poison(self) -> None:
        """Overwrite every destination with what no source holds."""

    def wrong(self) -> str | None:
        """None when every destination holds the right answer, else one sentence saying where it does not."""


class NotForTheseInputsError(Exception):
    """A variant can't do these inputs (raised when it is built): it is skipped, and the text says why."""


@dataclass(frozen=True)
class WorkloadSpec:
    """A workload by name.

    `make(device=..., seed=..., **parameters)` builds its inputs on a torch device. `parameters` are what may be changed
    from the command line, with their values. `facts(**parameters)`, where given, says more for the manifest (`says`
    among it replaces the general one) and raises ValueError for values that make no sense. `check` is how outputs are
    checked when what `make` returns has no `wrong`; None then means that nothing is checked, and the manifest says so.
    `file` is where a user declared it; of it, only the name enters a capture. `usual` names the variants that are
    measured when nobody asks for others; empty means all of them.
    """

    name: str
    says: str
    baseline: str
    make: Callable[..., Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    facts: Callable[..., Mapping[str, Any]] | None = None
    check: CompareOutputs | None = None
    file: Path | None = None
    usual: tuple[str, ...] = ()

    def inputs(self, *, device: str, seed: int) -> Any:
        """Make the inputs. Raises what `make` raises."""
        return self.make(device=device, seed=seed, **self.parameters)

    def with_parameters(self, texts: Mapping[str, str]) -> WorkloadSpec:
        """The same workload with parameters changed to what `texts` say, as given on a command line.

        Raises ValueError, in one line, for a name that the workload doesn't have and for a value that doesn't fit.
        """
        values = {
            name: read_parameter(self.name, self.make, self.parameters, name, text) for name, text in texts.items()
        }
        changed = replace(self, parameters={**self.parameters, **values})
        changed.described()
        return changed

    def described(self) -> dict[str, Any]:
        """Name, one line and parameters as a manifest holds them. Raises ValueError for parameters that make no sense."""
        facts = self.facts(**self.parameters) if self.facts else {}
        plain = {name: _plain(value) for name, value in self.parameters.items() if value is not None}
        file = {"file": self.file.name} if self.file else {}
        return {"name": self.name, "says": self.says} | file | plain | dict(facts)


@dataclass(frozen=True)
class Variant:
    """One way of doing a workload. `needs` are names that `launchlens.profiling.environment.missing` can test.

    `part_of` names the variant that it is a part of, where it does not do the whole work: timed beside the others, and
    never ranked among them. `launches` says how many launches an iteration makes where its own code settles that (`1`, `1 per
    tensor`), and not a library that it calls: what was written so is no finding. `structure` says what an iteration launches by the
    inputs (`launchlens.kernels.launches`); None where that isn't declared.
    """

    name: str
    workload: str
    build: Build
    needs: tuple[str, ...]
    regimes: tuple[str, ...]
    says: str
    part_of: str | None = None
    launches: str | None = None
    structure: Declared | None = None


_workloads: dict[str, WorkloadSpec] = {}
_variants: dict[tuple[str, str], Variant] = {}


@overload
def workload(spec: WorkloadSpec, /) -> WorkloadSpec: ...


@overload
def workload(
    name: str,
    /,
    *,
    baseline: str,
    says: str = "",
    check: CompareOutputs | None = ...,
    facts: Callable[..., Mapping[str, Any]] | None = None,
    usual: Sequence[str] = (),
) -> Callable[[MakeT], MakeT]: ...


def workload(
    spec: WorkloadSpec | str,
    /,
    *,
    baseline: str = "",
    says: str = "",
    check: CompareOutputs | None = CompareOutputs(),  # noqa: B008  frozen
    facts: Callable[..., Mapping[str, Any]] | None = None,
    usual: Sequence[str] = (),
) -> Any:
    """Register a workload: a `WorkloadSpec`, or, as a decorator, the function that makes its inputs.

    The decorated function takes `device` ("cuda" or "cpu") and `seed`; whatever else it takes must have a default and
    is a parameter, which `--set NAME=VALUE` changes. `baseline` names the variant that all are compared with, `says`
    is one line for people (by default the docstring's first), `check` how outputs are checked when the inputs don't
    check themselves, `usual` the variants that are measured unless others are asked for (by default all of them).
    Raises ValueError when another workload has the name, or for a parameter without a default.
    """
    if isinstance(spec, WorkloadSpec):
        return _register(spec)
    name = spec

    def register(make: MakeT) -> MakeT:
        parameters = declared(make, given=("device", "seed"))
        one_line = says or _first_line(make)
        _register(WorkloadSpec(name, one_line, baseline, make, parameters, facts, check, usual=tuple(usual)))
        return make

    return register


def _register(spec: WorkloadSpec) -> WorkloadSpec:
    _refuse_odd_name("workload", spec.name)
    if _workloads.setdefault(spec.name, spec) is not spec:
        raise ValueError(f"two workloads are called {spec.name!r}")
    return spec


def variant(
    workload: str,
    name: str,
    *,
    says: str = "",
    needs: Sequence[str] = ("torch",),
    regimes: Sequence[str] = REGIMES,
    part_of: str | None = None,
    launches: str | None = None,
    structure: Declared | None = None,
) -> Callable[[BuildT], BuildT]:
    """Register the decorated function as variant `name` of `workload`.

    `needs`: what must be there (`torch`, `cuda`, `triton`, ...). `regimes`: in which it can run; `graph` means that
    one iteration can be captured into a CUDA graph. `says`: one line for people, by default the docstring's first.
    `part_of`: the variant that this one is only a part of, so that its time is shown and not ranked; it is checked like
    any other, so a workload with parts needs a check of its own that knows them. `launches`: how many launches an iteration
    makes, where this code settles it; claims can't be tested by counting them then.
    `structure`: what it launches, by which paths and with how many arguments, from which reports say what an iteration should take,
    and what it would were its launches one.
    Raises ValueError for an unknown regime and for a name that is taken.
    """
    _refuse_odd_name("variant", name)
    unknown = set(regimes) - set(REGIMES)
    if unknown:
        raise ValueError(f"variant {name!r}: unknown regimes {sorted(unknown)}; there are {', '.join(REGIMES)}")

    def register(build: BuildT) -> BuildT:
        made = Variant(
            name,
            workload,
            build,
            tuple(needs),
            tuple(regimes),
            says or _first_line(build),
            part_of,
            launches,
            structure,
        )
        if _variants.setdefault((workload, name), made) is not made:
            raise ValueError(f"two variants of {workload!r} are called {name!r}")
        return build

    return register


def _refuse_odd_name(what: str, name: str) -> None:
    # names stand in folder names, in range names and in PATH::VARIANT
    if not name or not name.isprintable() or any(mark in name for mark in " /\\:") or len(name) > 100:
        raise ValueError(f"{what} name {name!r}: use at most 100 visible characters, none of them a slash or a colon")


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")


def _plain(value: Any) -> Any:
    """A parameter's value as JSON can hold it: a dtype, say, by its text."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def discover() -> None:
    """Import every module of `kernels/` and of its folders, so that what they register is known."""
    for name in _modules():
        importlib.import_module(name)


@cache
def _modules() -> tuple[str, ...]:
    here = Path(__file__).parent
    package = __package__ or "launchlens.kernels"
    # the folders carry no __init__.py (see pyproject.toml), so pkgutil would not walk into them by itself
    folders = sorted(entry for entry in here.iterdir() if entry.is_dir() and entry.name.isidentifier())
    packages = [(here, package), *((folder, f"{package}.{folder.name}") for folder in folders)]
    return tuple(
        f"{prefix}.{found.name}" for folder, prefix in packages for found in pkgutil.iter_modules([str(folder)])
    )


def workloads() -> list[WorkloadSpec]:
    """All workloads, by name."""
    discover()
    return [_workloads[name] for name in sorted(_workloads)]


def variants(workload: str | None = None) -> list[Variant]:
    """All variants, or those of one workload: its baseline first, then by name."""
    discover()
    chosen = [made for made in _variants.values() if workload in (None, made.workload)]
    return baseline_first(chosen, _workloads.values())


@contextmanager
def apart() -> Iterator[tuple[dict[str, WorkloadSpec], dict[tuple[str, str], Variant]]]:
    """Collect what is registered in here apart from the rest, so that a user's names can't clash with the built-in ones."""
    global _workloads, _variants
    discover()  # else a user's import of a built-in module would take that module's variants along
    kept = _workloads, _variants
    _workloads, _variants = {}, {}
    try:
        yield _workloads, _variants
    finally:
        _workloads, _variants = kept


def baseline_first(chosen: Sequence[Variant], specs: Iterable[WorkloadSpec]) -> list[Variant]:
    """Variants by workload, each workload's baseline before its others, which follow by name."""
    baselines = {(spec.name, spec.baseline) for spec in specs}
    return sorted(chosen, key=lambda made: (made.workload, (made.workload, made.name) not in baselines, made.name))
