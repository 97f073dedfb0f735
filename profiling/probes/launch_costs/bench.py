"""The points of `launch-costs` made ready, timed a round at a time: alone, or in the rounds in which a capture's variants are timed.

A host drifts by tens of per cent within minutes, and what its calls cost with it. Costs that are to say what a variant should
take are therefore timed in the variant's own rounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from launchlens.profiling.probes.apparatus.captured_nodes import nodes
from launchlens.profiling.probes.launch_costs.point import (
    HOST,
    LEAD,
    SHORT_NS,
    WALL,
    Maker,
    Point,
    iterations_of,
    sampled,
)
from launchlens.profiling.probes.launch_costs.verdict import Timed, conclude
from launchlens.profiling.timing import Block
from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.probes import Probe

#: What the first point is called where it is timed again: the A/A control.
AGAIN = "A/A"


@dataclass
class LaunchCosts:
    """Points with a block to time them by. `counted` is what each launches, by name; `wait` waits for the device.

    `with_variants`: rounds are timed beside a workload's variants; `where` says so in words.
    """

    points: list[Point]
    block: Block
    wait: Callable[[], object]
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    with_variants: bool = False
    where: str = "in a process of its own"
    _iterations: dict[str, int] = field(default_factory=dict, init=False)
    _samples: dict[str, dict[str, list[float]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._iterations = {point.name: iterations_of(point.call, self.block) for point in self.points}

    def round(self, number: int) -> None:
        """Time every point once, in an order that differs from round to round; the path of one that raises is left out."""
        named = [(point.name, point) for point in self.points]
        named[1:1] = [(AGAIN, point) for point in self.points[:1]]
        failed: dict[str, str] = {}
        for index in block_order(len(named), number) if named else []:
            name, point = named[index]
            if point.path in failed:
                continue
            try:
                found = sampled(point.call, self._iterations[point.name], self.block)
            except Exception as error:  # noqa: BLE001  whatever one way of launching raises, the others can still be timed
                failed[point.path] = str(error).partition("\n")[0] or type(error).__name__
                self.wait()  # raises where the failure left no usable device
                continue
            of_point = self._samples.setdefault(name, {HOST: [], WALL: []})
            for what, ns in found.items():
                of_point[what].append(ns)
        self.points = [point for point in self.points if point.path not in failed]
        self.notes += [f"Left out: {path}: {why}" for path, why in failed.items()]

    def probe(self) -> Probe:
        """What the rounds say."""
        timed = [
            Timed(
                point.path,
                point.parts,
                self._samples[point.name][HOST],
                self._samples[point.name][WALL],
                point.nodes,
                self.counted.get(point.name),
            )
            for point in self.points
            if point.name in self._samples
        ]
        again = self._samples.get(AGAIN, {HOST: []})[HOST]
        return conclude(timed, again, [*_notes(self.where), *self.notes], with_variants=self.with_variants)


def made_ready(makers: Sequence[Maker], *, beside: str | None = None) -> LaunchCosts:
    """The points that work on this GPU, all that is loaded late loaded, with a note on each path that doesn't.

    `beside`: in words, where rounds are timed, if beside a workload's variants.
    """
    import torch

    from launchlens.profiling.timing import block_on

    points: list[Point] = []
    notes: list[str] = []
    for name, make in makers:
        try:
            found = make()
            for point in found:
                point.call()
            torch.cuda.synchronize()
        except Exception as error:  # noqa: BLE001  whatever one way of launching raises, the others can still be timed
            torch.cuda.synchronize()  # raises where the failure left no usable device
            why = str(error).partition("\n")[0]
            notes.append(f"Left out: {name}: {why or type(error).__name__}")
        else:
            points += found
    counted = _counted(points)
    made = LaunchCosts(points, block_on("cuda"), torch.cuda.synchronize, counted, notes, beside is not None)
    made.where = beside or made.where
    return made


def _counted(points: Sequence[Point]) -> dict[str, Mapping[str, int]]:
    """What an iteration of each point launches, by kind, by a CUDA graph that it is captured into."""
    import torch

    stream = torch.cuda.Stream()
    counted: dict[str, Mapping[str, int]] = {}
    with torch.cuda.stream(stream):
        for point in points:
            if point.nodes is not None:
                counted[point.name] = Counter(node.kind for node in nodes(point.call, int(stream.cuda_stream)))
    torch.cuda.synchronize()
    return counted


def _notes(where: str) -> list[str]:
    return [
        (
            f"Timed {where}. A point is an iteration that launches so often with so many arguments. {LEAD} iterations, then a block of "
            f"iterations of about {SHORT_NS / 1e6:.1f} ms is timed, and one twice as long; its time is what the longer takes more, "
            "by the iterations that it has more. All points are timed in turn, round by round."
        ),
        (
            "Costs are those of a line through the points of a path, least squares of relative distances, round by round; a "
            "cost is the median over rounds. What is launched are copies of 32 to 2048 int32, by the code of the variants that "
            "copy so: what a node costs the device is of nodes that copy so little."
        ),
        (
            "Of graphs, the host's costs are of submitting a replay; the device's are of the wall time of replays back to back, "
            "of those points only where the device makes the pace."
        ),
        "Where an iteration is one launch, what the iteration costs Python is part of the launch's cost.",
    ]
