"""What runs in a process of its own: the variants of a request, built again, for a collector or a probe.

Nsight Systems records it from outside, between the cudaProfiler calls; CUPTI records it from inside; a probe runs where
nothing else has run. Nothing is checked here: the parent has found these variants right, with the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from launchlens.kernels.registry import Variant, WorkloadSpec, variants, workloads
from launchlens.kernels.user_module import load
from launchlens.profiling.checking import one_line, synchronize
from launchlens.profiling.collectors.blocks import WARM_UP_ITERATIONS, reference_times
from launchlens.profiling.collectors.catalogue import CATALOGUE
from launchlens.profiling.collectors.collector import ChildCollector, Job
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.processes import end_with_parent
from launchlens.profiling.regimes import ENTER
from launchlens.profiling.request import Answer, Record, Reference, Request, RunProbe, read_request, write_answer
from launchlens.profiling.timing import Entry
from launchlens.traces.captures.probes import write_probes


def main(path: Path, *, own_process: bool = False) -> int:
    """Run the request in the file `path`, leave an answer beside it, and return the exit status.

    In its `own_process` it ends when its parent does.
    """
    request = read_request(path)
    if own_process and not (isinstance(request.task, Record) and request.task.started_by_tool):
        end_with_parent()
    answer = _answer(request, path.parent)
    write_answer(path.parent, answer)
    return 1 if answer.fault else 0


def _answer(request: Request, folder: Path) -> Answer:
    spec: WorkloadSpec | None = None
    try:
        spec, made = _declared(request)
        entries = _built(request, spec, made)
        return Answer(reference_ns=_done(request, spec, made, entries, folder))
    except CollectorError as error:
        return Answer(str(error), error.for_good)
    except Exception as error:  # noqa: BLE001  anybody's code; the parent goes on without this trace or probe
        return Answer(one_line(error, spec) if spec else f"{type(error).__name__}: {error}")


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


def _done(
    request: Request, spec: WorkloadSpec, made: Sequence[Variant], entries: Sequence[Entry], folder: Path
) -> Mapping[str, float] | None:
    """Do what is asked; return the unprofiled times of this process, where they were taken."""

    def job(rounds: int, iterations: int) -> Job:
        return Job(spec, entries, folder, request.regime, rounds, iterations, request.device, request.seed)

    match request.task:
        case Record() as task:
            with quiet_collector():
                return _collector(task.collector).inside(job(task.rounds, task.iterations), careful=task.careful)
        case Reference() as task:
            return reference_times(job(0, task.iterations))
        case RunProbe() as task:
            from launchlens.profiling.probes.catalogue import CATALOGUE as PROBES

            calls = {(entry.variant, entry.regime): entry.call for entry in entries}
            bench = Bench(spec, made, calls, seed=request.seed, quick=task.quick)
            write_probes(folder, [PROBES[task.probe].probe(bench)])
            return None


def _collector(name: str) -> ChildCollector:
    match CATALOGUE.get(name):
        case ChildCollector() as found:
            return found
    raise LookupError(f"a new process knows no collector {name!r} that records it")
