"""What runs in a process of its own: the variants of a request, built again, for a recorder or a probe.

Nsight Systems records it from outside, between the cudaProfiler calls; CUPTI records it from inside; a probe runs where
nothing else has run. Nothing is checked here: the parent has found these variants right, with the same seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from launchlens.kernels.registry import Variant, WorkloadSpec, variants, workloads
from launchlens.kernels.user_module import load
from launchlens.profiling.annotate import annotated
from launchlens.profiling.checking import one_line, synchronize
from launchlens.profiling.collectors.blocks import WARM_UP_ITERATIONS, Naming, reference_times, run_blocks
from launchlens.profiling.collectors.fault import CollectorError
from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.processes import end_with_parent
from launchlens.profiling.regimes import ENTER
from launchlens.profiling.timing import Entry
from launchlens.traces.captures.probes import write_probes
from launchlens.traces.files import write_text

#: What the worker leaves beside its request: `fault` is null when all went well, `for_good` whether it would fail again,
#: `reference_ns` the unprofiled time of one iteration by variant, in this process, where it was timed.
ANSWER = "answer.json"
#: What a recorder inside the process writes beside the request.
RECORDING = "recording.parquet"

Task = Literal["nsys", "cupti", "reference", "probe"]


@dataclass(frozen=True)
class Request:
    """What to run, as JSON can carry it. `workload` is a name, or the path of the user's file that declares it.

    `careful` keeps CUPTI to the kinds of records that it was seen to give without harm. `probe` names the probe to run,
    and `quick` asks it for fewer samples; it leaves a probes.json beside the request.
    """

    workload: str
    parameters: Mapping[str, Any]
    variants: Sequence[str]
    regime: str
    device: str
    seed: int
    rounds: int
    iterations: int
    task: Task
    careful: bool = False
    probe: str = ""
    quick: bool = False


def plain_parameters(workload: WorkloadSpec) -> dict[str, Any]:
    """The parameters that a command line can have changed; the others are what the workload's file says anyway."""
    plain = (bool, int, float, str)
    return {
        name: value
        for name, value in workload.parameters.items()
        if isinstance(value, plain)
        or (isinstance(value, list | tuple) and all(isinstance(part, plain) for part in value))
    }


def main(path: Path, *, own_process: bool = False) -> int:
    """Run the request in the file `path`, leave an answer beside it, and return the exit status.

    In its `own_process` it ends when its parent does.
    """
    request = Request(**json.loads(path.read_text("utf-8")))
    if own_process and request.task != "nsys":  # nsys starts this process itself, from a thread that may end before
        end_with_parent()
    answer = path.with_name(ANSWER)
    spec: WorkloadSpec | None = None
    fault, for_good, reference = None, False, None
    try:
        spec, made = _declared(request)
        entries = _built(request, spec, made)
        if request.task == "probe":
            _probe(request, spec, made, entries, path.parent)
        elif request.task == "reference":
            reference = reference_times(entries, request.iterations, request.device)
        else:
            with quiet_collector():
                reference = _RECORDERS[request.task](request, entries, path.with_name(RECORDING))
    except CollectorError as error:
        fault, for_good = str(error), error.for_good
    except Exception as error:  # noqa: BLE001  anybody's code; the parent goes on without this trace or probe
        fault = one_line(error, spec) if spec else f"{type(error).__name__}: {error}"
    write_text(answer, json.dumps({"fault": fault, "for_good": for_good, "reference_ns": reference}))
    return 1 if fault else 0


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


def _run(request: Request, entries: Sequence[Entry], naming: Naming = annotated) -> None:
    run_blocks(
        entries,
        rounds=request.rounds,
        iterations=request.iterations,
        device=request.device,
        advance=lambda done: None,
        naming=naming,
    )


def _from_outside(request: Request, entries: Sequence[Entry], output: Path) -> None:
    """Run the blocks between the calls that nsys waits for; it writes down what it sees elsewhere.

    No reference is timed here: nsys is attached all along, which costs time before it records as well.
    """
    if request.device != "cuda":
        _run(request, entries)
        return
    import torch

    torch.cuda.profiler.start()
    _run(request, entries)
    torch.cuda.profiler.stop()


def _by_cupti(request: Request, entries: Sequence[Entry], output: Path) -> dict[str, float]:
    """Run the blocks while CUPTI records this process, and write what it saw to `output`; the reference is timed before."""
    from launchlens.profiling.collectors import cupti_file
    from launchlens.profiling.collectors.cupti_session import Session

    reference = reference_times(entries, request.iterations, request.device)
    session = Session(careful=request.careful)
    with session:
        _run(request, entries, session.named)
        synchronize(request.device)
    cupti_file.write(output, session.rows(), session.header())
    return reference


def _probe(
    request: Request, spec: WorkloadSpec, made: Sequence[Variant], entries: Sequence[Entry], folder: Path
) -> None:
    """Run one probe and leave what it found in `folder`."""
    from launchlens.profiling.probes.catalogue import CATALOGUE

    calls = {(entry.variant, entry.regime): entry.call for entry in entries}
    bench = Bench(spec, made, calls, seed=request.seed, quick=request.quick)
    write_probes(folder, [CATALOGUE[request.probe].probe(bench)])


_RECORDERS: Mapping[Task, Callable[[Request, Sequence[Entry], Path], dict[str, float] | None]] = {
    "nsys": _from_outside,
    "cupti": _by_cupti,
}
