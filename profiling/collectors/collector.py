"""The form of a collector: whichever tool records a workload's blocks, a run asks it for the same things."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling.environment import Examined
from launchlens.profiling.timing import Entry
from launchlens.traces.captures.capture import TraceRecord

#: Told of the rounds that are done.
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Job:
    """One recording: variants of a workload in one regime, in `rounds` interleaved blocks of `iterations` each.

    `entries` are the variants as this process calls them. A collector that records a process of its own has them built
    again there, from the workload, their names and the seed. `folder` is where traces go: the capture, or in that
    process the folder of the request.
    """

    workload: WorkloadSpec
    entries: Sequence[Entry]
    folder: Path
    regime: str
    rounds: int
    iterations: int
    device: str
    seed: int = 0

    @property
    def variants(self) -> list[str]:
        """The names of the variants, in order."""
        return [entry.variant for entry in self.entries]


class Collector(ABC):
    """Records jobs with one tool. To add one: a module with such a class, and a row in `catalogue`.

    `name` stands for it on the command line, in manifests and as its folder in a capture; `label` is what people call it.
    """

    name: ClassVar[str]
    label: ClassVar[str]

    @abstractmethod
    def check(self, device: str) -> None:
        """Raise CollectorError, naming what is missing and how to get it, where it can't record on `device`."""

    @abstractmethod
    def record(self, job: Job, advance: Advance) -> TraceRecord:
        """Record a job into a trace below its folder; `advance` is told of each round, and of one more for the keeping.

        Asked only after `check`. Raises CollectorError when no trace comes of it, and OSError when it can't be written.
        """

    def examined(self) -> Examined | None:
        """What `doctor` says of it; None where it needs nothing that `environment.NEEDS` does not name."""
        return None

    def before_sharing(self, capture: Path, traces: Sequence[TraceRecord]) -> str | None:
        """What to know before its traces in a capture are passed on; None where they tell nothing of the machine."""
        return None

    def kept(self, job: Job, file: str, reference_ns: Mapping[str, float] | None = None) -> TraceRecord:
        """What the manifest says of a trace that was recorded: `file` in the collector's folder."""
        path = f"{self.name}/{file}"
        return TraceRecord(
            self.name, job.regime, path, job.rounds, job.iterations, reference_ns=reference_ns, label=self.label
        )

    def without_trace(self, job: Job, why: str) -> TraceRecord:
        """What the manifest says where nothing was recorded."""
        return TraceRecord(self.name, job.regime, "", 0, 0, why, label=self.label)


class ChildCollector(Collector):
    """One that records a process of its own, which `child` starts and `worker` runs; `inside` is what it does there."""

    @abstractmethod
    def inside(self, job: Job, *, careful: bool) -> Mapping[str, float] | None:
        """Run the job's blocks in the recorded process. What it leaves in `job.folder` is for `record` to fetch.

        Returns the unprofiled time of one iteration by variant, ns, where it was timed in that process. `careful` asks
        for no more than what was seen to be recorded without harm.
        """
