"""What a process of its own is asked to do, and what it answers: two JSON files in one folder.

request.json     written by the one that starts it (`child`), read by what runs in it (`worker`)
answer.json      written beside it at the end, whatever came about; a process that broke down leaves none
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling.collectors.collector import Job
from launchlens.traces.files import write_text

REQUEST, ANSWER = "request.json", "answer.json"


class Record(msgspec.Struct, frozen=True, tag=True):
    """Run the blocks for the collector of this name. `careful` keeps it to what it was seen to record without harm.

    `started_by_tool`: not `child` but the collector's tool starts the process, from a thread that may end before it.
    """

    collector: str
    rounds: int
    iterations: int
    careful: bool = False
    started_by_tool: bool = False


class Reference(msgspec.Struct, frozen=True, tag=True):
    """Time the variants where no recorder listens."""

    iterations: int


class RunProbe(msgspec.Struct, frozen=True, tag=True):
    """Run a probe and leave what it found as probes.json beside the request; `quick` asks it for fewer samples."""

    probe: str
    quick: bool


Task = Record | Reference | RunProbe


@dataclass(frozen=True)
class Request:
    """What to build, and what to do with it. `workload` is a name, or the path of the user's file that declares it."""

    workload: str
    parameters: Mapping[str, Any]
    variants: Sequence[str]
    regime: str
    device: str
    seed: int
    task: Task


@dataclass(frozen=True)
class Answer:
    """How it went. `fault` is null when all went well, `for_good` whether it would fail again; `reference_ns` is the
    unprofiled time of one iteration by variant, in that process, where it was timed."""

    fault: str | None = None
    for_good: bool = False
    reference_ns: Mapping[str, float] | None = None


def asked(
    workload: WorkloadSpec, variants: Sequence[str], task: Task, *, regime: str, device: str, seed: int
) -> Request:
    """The workload as this process runs it, with all that a command line can have changed."""
    return Request(
        workload=str(workload.file.absolute()) if workload.file else workload.name,
        parameters=plain_parameters(workload),
        variants=list(variants),
        regime=regime,
        device=device,
        seed=seed,
        task=task,
    )


def asked_of(job: Job, task: Task) -> Request:
    """The workload and the variants of a recording, for a process like this one."""
    return asked(job.workload, job.variants, task, regime=job.regime, device=job.device, seed=job.seed)


def plain_parameters(workload: WorkloadSpec) -> dict[str, Any]:
    """The parameters that a command line can have changed; the others are what the workload's file says anyway."""
    plain = (bool, int, float, str)
    return {
        name: value
        for name, value in workload.parameters.items()
        if isinstance(value, plain)
        or (isinstance(value, list | tuple) and all(isinstance(part, plain) for part in value))
    }


def write_request(folder: Path, request: Request) -> Path:
    """Write a request into `folder`; return its file."""
    path = folder / REQUEST
    path.write_bytes(msgspec.json.encode(request))
    return path


def read_request(path: Path) -> Request:
    """The request in a file that `write_request` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Request)


def write_answer(folder: Path, answer: Answer) -> None:
    """Write an answer beside the request, whole or not at all."""
    write_text(folder / ANSWER, msgspec.json.encode(answer).decode())


def read_answer(folder: Path) -> Answer | None:
    """The answer beside a request; None where there is none."""
    path = folder / ANSWER
    return msgspec.json.decode(path.read_bytes(), type=Answer) if path.is_file() else None
