"""The numbers of windows by name, for what limits them: `step.wall`, `gpu.busy`, `idle.sync`, `launch.cost`, `kernel.NAME` and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from launchlens.traces.comparisons.measured import FigureName, Measured, aligned, union_of_names
from launchlens.traces.comparisons.typical import Floats
from launchlens.traces.steps.gaps import CAUSES

#: The metrics of which every name is known beforehand, and those whose names are of the program: prefix, and the table that has them.
_OF_GPU: tuple[FigureName, ...] = ("busy", "idle")
PREFIXES = {"idle": "idle_causes", "kernel": "kernels", "operator": "operators", "range": "ranges"}
STEP, LAUNCHES, LAUNCH_COST = "step.wall", "launches", "launch.cost"
KNOWN = (STEP, *(f"gpu.{name}" for name in _OF_GPU), LAUNCHES, LAUNCH_COST, *(f"idle.{cause}" for cause in CAUSES))


@dataclass(frozen=True)
class Metric:
    """One number of every matched step of a side, in its unit (`ns`, or empty for a count): an array a recording."""

    name: str
    unit: str
    samples: tuple[Floats, ...]

    @property
    def by_recording(self) -> Floats:
        """The median over the steps of each recording."""
        return np.array([float(np.median(each)) for each in self.samples])


def metrics_of(compared: Sequence[Measured]) -> Mapping[str, Metric]:
    """Every number of some windows by name: `step.wall`, `gpu.busy`, `gpu.idle`, `launches`, `launch.cost` (of one launch), `idle.CAUSE`,
    `kernel.NAME`, `operator.NAME` and `range.NAME`; times are ns a window. What was not recorded is not there.
    """
    found = [Metric(STEP, "ns", _figure(compared, "wall"))]
    if all("busy" in one.figures for one in compared):
        found += [Metric(f"gpu.{name}", "ns", _figure(compared, name)) for name in _OF_GPU]
    found.append(Metric(LAUNCHES, "", tuple(one.launches.astype(float) for one in compared)))
    costs = tuple(one.launch_ns[one.launches > 0] / one.launches[one.launches > 0] for one in compared)
    if all(len(each) for each in costs):
        found.append(Metric(LAUNCH_COST, "ns", costs))
    for prefix, table in PREFIXES.items():
        if is_recorded(f"{prefix}.", compared):
            parts = [one.tables[table] for one in compared]
            names = union_of_names(parts)
            columns = [aligned(part, names)[0] for part in parts]
            found += [
                Metric(f"{prefix}.{name}", "ns", tuple(column[:, at] for column in columns))
                for at, name in enumerate(names)
            ]
    return {each.name: each for each in found}


def is_recorded(name: str, compared: Sequence[Measured]) -> bool:
    """Whether some windows would have a metric of this name if they took any time for it."""
    prefix = name.partition(".")[0]
    if prefix in PREFIXES:
        return all(PREFIXES[prefix] in one.tables for one in compared)
    if prefix == "gpu":
        return all("busy" in one.figures for one in compared)
    return name in (STEP, LAUNCHES)


def _figure(compared: Sequence[Measured], name: FigureName) -> tuple[Floats, ...]:
    return tuple(one.figures[name].astype(float) for one in compared)
