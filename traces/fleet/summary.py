"""What is kept of one rank's trace: small, and enough to say how its steps went and who waited for whom.

A worker reads a file, makes this of it and lets the file go; whoever puts ranks together never holds a trace. Times are int64 ns on
the recorder's own clock, which is another one for each host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from launchlens.traces.intervals import Ints
from launchlens.traces.problems import Problem

#: At so many places of a collective it is kept how much of it was exposed until there.
EXPOSED_AT = 9


@dataclass(frozen=True)
class StepFigures:
    """A row a step. `idle_ns` is [steps, CAUSES]; what is said of the GPU is 0 throughout where `saw_gpu` of the rank is False.

    wall = gpu + exposed communication + idle + unknown, to the nanosecond. `gpu_ns` is time in which anything but a collective ran;
    `host_ranges_ns` [steps, `host_ranges`] what the host spent in each range of the program's author, innermost, waits for the device left out.
    """

    names: tuple[str, ...]
    start_ns: Ints
    done_ns: Ints
    gpu_ns: Ints
    exposed_ns: Ints
    idle_ns: npt.NDArray[np.int64]
    unknown_ns: Ints
    launches: Ints
    launch_ns: Ints
    kernels: Ints
    host_ranges: tuple[str, ...]
    host_ranges_ns: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def wall_ns(self) -> Ints:
        return self.done_ns - self.start_ns


@dataclass(frozen=True)
class What:
    """What a collective does, as far as its rank's trace tells; `size` is the larger of what goes in and comes out, in elements (-1: not recorded)."""

    operation: str
    dtype: str
    size: int


@dataclass(frozen=True)
class Collectives:
    """A row per collective of the steps that ran on the GPU, in order of launch.

    `group` and `what` are positions in `groups` and `whats`, `step` is one of its rank's steps, `number` the recorded number in the group (-1
    where none was). `exposed_ns` is [rows, EXPOSED_AT]: for how long nothing else had run on the device until each eighth of it.
    """

    groups: tuple[str, ...]
    whats: tuple[What, ...]
    group: Ints
    what: Ints
    step: Ints
    number: Ints
    start_ns: Ints
    end_ns: Ints
    exposed_ns: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start_ns)


@dataclass(frozen=True)
class RankSummary:
    """One rank's trace, or a piece of it. `rank` and `ranks` are what the file itself says.

    `process` is told where a file holds several. `named`: the names of its steps tell each from all others, on every rank alike. `cells` is the
    account of its steps, [HOST_STATES, DEVICE_STATES]; all of its time is in one cell of no device where no GPU work was recorded.
    `first_ns` is when its first event begins, and `clock_ns` what has to be added to its times for a clock that hosts share, as well as they keep it.
    """

    path: Path
    process: str | None
    rank: int | None
    ranks: int | None
    recorded_by: str
    bytes: int
    device: str | None
    saw_gpu: bool
    steps_found_by: str
    named: bool
    steps: StepFigures
    collectives: Collectives
    cells: npt.NDArray[np.int64]
    first_ns: int
    clock_ns: int = 0
    problems: tuple[Problem, ...] = field(default=())


@dataclass(frozen=True)
class Unusable:
    """A file that could not be used, and why in words."""

    path: Path
    why: str
