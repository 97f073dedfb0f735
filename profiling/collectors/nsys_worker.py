"""The process that nsys records: builds the variants of a request again and runs their blocks, limited by cudaProfiler calls.

Nothing is checked here: the parent has found these variants right in this regime, with the same seed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from launchlens.kernels.registry import Variant, WorkloadSpec, variants, workloads
from launchlens.kernels.user_module import load
from launchlens.profiling.checking import one_line, synchronize
from launchlens.profiling.collectors.blocks import WARM_UP_ITERATIONS, run_blocks
from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.regimes import ENTER
from launchlens.profiling.timing import Entry

#: What the worker leaves beside its request: `fault` is null when all went well.
ANSWER = "answer.json"


@dataclass(frozen=True)
class Request:
    """What to run, as JSON can carry it. `workload` is a name, or the path of the user's file that declares it."""

    workload: str
    parameters: Mapping[str, Any]
    variants: Sequence[str]
    regime: str
    device: str
    seed: int
    rounds: int
    iterations: int


def plain_parameters(workload: WorkloadSpec) -> dict[str, Any]:
    """The parameters that a command line can have changed; the others are what the workload's file says anyway."""
    plain = (bool, int, float, str)
    return {
        name: value
        for name, value in workload.parameters.items()
        if isinstance(value, plain)
        or (isinstance(value, list | tuple) and all(isinstance(part, plain) for part in value))
    }


def main(path: Path) -> int:
    """Run the request in the file `path`, leave an answer beside it, and return the exit status."""
    request = Request(**json.loads(path.read_text("utf-8")))
    answer = path.with_name(ANSWER)
    spec: WorkloadSpec | None = None
    try:
        spec, made = _declared(request)
        entries = _built(request, spec, made)
        _run(request, entries)
    except Exception as error:  # noqa: BLE001  anybody's code; the parent goes on without this trace
        fault = one_line(error, spec) if spec else f"{type(error).__name__}: {error}"
        answer.write_text(json.dumps({"fault": fault}), "utf-8")
        return 1
    answer.write_text(json.dumps({"fault": None}), "utf-8")
    return 0


def _declared(request: Request) -> tuple[WorkloadSpec, Sequence[Variant]]:
    if request.workload.endswith(".py"):
        spec, made = load(Path(request.workload))
    else:
        known = {one.name: one for one in workloads()}
        if request.workload not in known:
            raise LookupError(f"a new process knows no workload {request.workload!r}")
        spec, made = known[request.workload], variants(request.workload)
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in request.parameters.items()}
    return replace(spec, parameters={**spec.parameters, **given}), made


def _built(request: Request, spec: WorkloadSpec, made: Sequence[Variant]) -> list[Entry]:
    by_name = {one.name: one for one in made}
    unknown = [name for name in request.variants if name not in by_name]
    if unknown:
        raise LookupError(f"a new process knows no variant {unknown[0]!r} of {spec.name}")
    entries = []
    for name in request.variants:
        iteration = by_name[name].build(spec.inputs(device=request.device, seed=request.seed))
        iteration()
        synchronize(request.device)
        entries.append(Entry(name, request.regime, ENTER[request.regime](iteration)))
    for entry in entries:
        for _ in range(WARM_UP_ITERATIONS):
            entry.call()
    synchronize(request.device)
    return entries


def _run(request: Request, entries: Sequence[Entry]) -> None:
    def run() -> None:
        with quiet_collector():
            run_blocks(
                entries,
                rounds=request.rounds,
                iterations=request.iterations,
                device=request.device,
                advance=lambda done: None,
            )

    if request.device != "cuda":
        run()
        return
    import torch

    torch.cuda.profiler.start()
    run()
    torch.cuda.profiler.stop()
