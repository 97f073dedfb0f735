"""What an iteration should take by the costs of its launches, and what it would take were its launches one.

    time of an iteration = the larger of
        host    the costs of what it has: its path's iteration, launches and arguments; of a replayed graph, launch and nodes
        device  the nodes' costs, with the graph's launch where a graph is replayed

The costs are those that the probe `launch-costs` measured by bursts, in a process without a profiler; nothing comes from a
recorded ledger. The interval takes every cost at the same end of its own, and adds how far the path's points lie off its line.
Every side whose launches are declared is predicted so, and held against its own unprofiled time: that is the validation. A side
of which something is not modelled is not predicted, and says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from launchlens.traces.captures.capture import LaunchRecord
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.captures.probe_codes.launch_costs import ARGUMENT, ITERATION, LAUNCH, NODES
from launchlens.traces.captures.probes import Probe, ProbeFigure
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

WhyNot = Literal["not-declared", "path-not-modelled", "no-cost", "not-linear", "other-launches"]

#: How often an iteration has what costs, by path and part.
Terms = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Predicted:
    """What an iteration should take, ns; `host_ns` and `device_ns` are what each needs, the larger makes the pace."""

    host_ns: float
    device_ns: float
    low_ns: float
    high_ns: float

    @property
    def ns(self) -> float:
        return max(self.host_ns, self.device_ns)

    @property
    def by(self) -> Literal["host", "device"]:
        """Which of the two makes the pace."""
        return "host" if self.host_ns >= self.device_ns else "device"


@dataclass(frozen=True)
class NotPredicted:
    """Why there is no prediction: a code of WHY_NOT, and the path that it is about."""

    code: WhyNot
    path: str = ""


@dataclass(frozen=True)
class Costs:
    """The costs that the probe found, by path and part; figures without a value are left out.

    `with_variants`: they were timed in the rounds of the variants, so that the host's drift is in both; None where that
    was not written down.
    """

    host: Mapping[str, Mapping[str, ProbeFigure]]
    device: Mapping[str, Mapping[str, ProbeFigure]]
    misfits: Mapping[tuple[str, str], float] = field(default_factory=dict)
    with_variants: bool | None = None

    def predict(self, launches: Sequence[LaunchRecord], regime: str) -> Predicted | NotPredicted:
        """What an iteration of these launches takes in a regime."""
        paths = list(dict.fromkeys(each.path for each in launches))
        unknown = [path for path in paths if path not in codes.PATHS]
        if unknown:
            return NotPredicted("path-not-modelled", unknown[0])
        host, device = (
            (_replayed(launches) if regime == "graph" else self._called(launches)),
            _on_device(launches, regime),
        )
        bounds = []
        for terms, costs, what in ((host, self.host, codes.HOST_COST), (device, self.device, codes.DEVICE_COST)):
            found = self._sum(terms, costs, what)
            if isinstance(found, NotPredicted):
                return found
            bounds.append(found)
        (host_ns, host_low, host_high), (device_ns, device_low, device_high) = bounds
        return Predicted(host_ns, device_ns, max(host_low, device_low), max(host_high, device_high))

    def _called(self, launches: Sequence[LaunchRecord]) -> Terms:
        """The parts of an iteration that is called: of each path those that it has a cost of, and its launches at least."""
        terms: Counter[tuple[str, str]] = Counter()
        for each in launches:
            known = self.host.get(each.path, {})
            terms[each.path, LAUNCH] += each.per_iteration
            if ARGUMENT in known:
                terms[each.path, ARGUMENT] += each.per_iteration * each.arguments
            if ITERATION in known:
                terms[each.path, ITERATION] = 1
        return terms

    def _sum(
        self, terms: Terms, costs: Mapping[str, Mapping[str, ProbeFigure]], what: str
    ) -> tuple[float, float, float] | NotPredicted:
        """The sum of some costs with the ends of its interval, or which cost is missing."""
        sums, off = [0.0, 0.0, 0.0], 0.0
        for path in dict.fromkeys(path for path, _ in terms):
            misfit = self.misfits.get((path, what), 0.0)
            if misfit > THRESHOLDS.launch_cost_misfit:
                return NotPredicted("not-linear", path)
            of_path = 0.0
            for (other, part), count in terms.items():
                if other != path or not count:
                    continue
                figure = costs.get(path, {}).get(part)
                if figure is None or figure.value is None:
                    return NotPredicted("no-cost", path)
                low, high = figure.interval or (figure.value, figure.value)
                of_path += count * figure.value
                sums = [sums[0] + count * figure.value, sums[1] + count * low, sums[2] + count * high]
            off += abs(of_path) * misfit
        return sums[0], max(sums[1] - off, 0.0), sums[2] + off


def _replayed(launches: Sequence[LaunchRecord]) -> Terms:
    """The host's parts of a replay by torch: the graph's launch, and its nodes."""
    return {(codes.GRAPH, LAUNCH): 1, **_nodes(launches)}


def _on_device(launches: Sequence[LaunchRecord], regime: str) -> Terms:
    """The device's parts: the nodes, and the launch of each graph."""
    graphs = 1 if regime == "graph" else sum(each.per_iteration for each in launches if each.path in codes.GRAPHS)
    return {(codes.GRAPH, LAUNCH): graphs, **_nodes(launches)}


def _nodes(launches: Sequence[LaunchRecord]) -> Terms:
    counts: Counter[tuple[str, str]] = Counter()
    for each in launches:
        counts[codes.GRAPH, NODES[each.node]] += each.per_iteration
    return counts


def costs_of(probe: Probe | None) -> Costs | None:
    """The costs that a capture's probe found; None where it holds none, or a control of it did not pass."""
    if probe is None or probe.checked != "passed":
        return None
    host: dict[str, dict[str, ProbeFigure]] = {}
    device: dict[str, dict[str, ProbeFigure]] = {}
    misfits = {}
    for figure in probe.figures:
        if figure.what == codes.MISFIT and figure.value is not None:
            misfits[figure.of, figure.under] = figure.value
        elif figure.what in (codes.HOST_COST, codes.DEVICE_COST):
            where = host if figure.what == codes.HOST_COST else device
            where.setdefault(figure.of, {})[figure.part] = figure
    timed = [each.under == codes.WITH_VARIANTS for each in probe.figures if each.what == codes.ROUNDS]
    with_variants = timed[0] if timed else None
    return Costs(host, device, misfits, with_variants) if host else None


@dataclass(frozen=True)
class PredictedSide:
    """A side and what it should take; or why that is not predicted."""

    side: Side
    launches: Sequence[LaunchRecord] | None
    predicted: Predicted | NotPredicted

    @property
    def off(self) -> float | None:
        """How far the prediction is from the measured time, as a share of that; below 0 where it is less. None without one."""
        if isinstance(self.predicted, NotPredicted):
            return None
        return self.predicted.ns / self.side.wall.value - 1

    @property
    def covered(self) -> bool | None:
        """Whether the measured time lies within the prediction's interval; None without one."""
        if isinstance(self.predicted, NotPredicted):
            return None
        return self.predicted.low_ns <= self.side.wall.value <= self.predicted.high_ns


@dataclass(frozen=True)
class OneLaunch:
    """Sides of several launches, were these one by `path`: the launch, what an iteration would take, and who was measured so.

    `of` are the sides whose launches these are; `measured` the sides of this very structure. In the regime `graph` the one
    launch is a node, by whatever path it was captured, and `path` is that of the replay.
    """

    regime: str
    of: Sequence[Side]
    per_iteration: int
    launch: LaunchRecord
    predicted: Predicted
    measured: Sequence[PredictedSide]

    @property
    def path(self) -> str:
        return codes.GRAPH if self.regime == "graph" else self.launch.path

    @property
    def of_flat_buffer(self) -> bool:
        """Whether one launch takes all only where what it works on lies in one buffer."""
        return not codes.PATHS[self.launch.path].takes_all and self.launch.node == "memcpy"


@dataclass(frozen=True)
class WhatIf:
    """What the costs predict: every side, and sides of several launches were these one. `with_variants` as of the costs."""

    sides: Sequence[PredictedSide]
    were_one: Sequence[OneLaunch]
    with_variants: bool | None = None

    @property
    def errors(self) -> list[float]:
        """How far off the predictions are, whichever way, as shares of the measured times, the nearest first."""
        return sorted(abs(each.off) for each in self.sides if each.off is not None)

    @property
    def median_error(self) -> float | None:
        """The median of these; None where nothing is predicted."""
        return median(self.errors) if self.errors else None


def what_if(
    costs: Costs, sides: Sequence[Side], launches: Mapping[tuple[str, str], Sequence[LaunchRecord] | None]
) -> WhatIf:
    """What the costs say of some sides, whose launches are given by (variant, regime), None where they aren't declared."""
    predicted = [_predicted(costs, side, launches.get((side.variant, side.regime))) for side in sides]
    return WhatIf(predicted, list(_were_one(costs, predicted)), costs.with_variants)


def _predicted(costs: Costs, side: Side, launches: Sequence[LaunchRecord] | None) -> PredictedSide:
    if not launches:
        return PredictedSide(side, None, NotPredicted("not-declared"))
    if not _as_recorded(side, launches):
        return PredictedSide(side, launches, NotPredicted("other-launches"))
    return PredictedSide(side, launches, costs.predict(launches, side.regime))


def _as_recorded(side: Side, launches: Sequence[LaunchRecord]) -> bool:
    """Whether as many launches were recorded as are declared, in a graph as many nodes; yes where nothing was recorded."""
    if side.recording is None:
        return True
    counts, declared = side.recording.counts, sum(each.per_iteration for each in launches)
    if side.regime == "graph":
        nodes = [counts.get(kind) for kind in ("kernels", "memcpys", "memsets")]
        known = [count for count in nodes if count is not None]
        return not known or sum(known) in (0, declared)
    recorded = counts.get("launches")
    return recorded is None or recorded == declared


def _were_one(costs: Costs, sides: Sequence[PredictedSide]) -> Iterator[OneLaunch]:
    """Of the sides that make the same pieces of work by several launches: one launch by each path that has a cost."""
    several: dict[tuple[str, int, int], list[PredictedSide]] = {}
    for each in sides:
        if each.launches and len(each.launches) == 1 and each.launches[0].per_iteration > 1:
            (kind,) = each.launches
            pieces = kind.per_iteration * kind.items
            several.setdefault((each.side.regime, kind.per_iteration, pieces), []).append(each)
    for (regime, per_iteration, pieces), group in several.items():
        for launch in _single(pieces, regime, group):
            found = costs.predict([launch], regime)
            if isinstance(found, NotPredicted):
                continue
            like = [each for each in sides if each.side.regime == regime and _is_like(each, launch)]
            yield OneLaunch(regime, [each.side for each in group], per_iteration, launch, found, like)


def _single(pieces: int, regime: str, group: Sequence[PredictedSide]) -> Iterator[LaunchRecord]:
    """The launches that could make so many pieces of work in one."""
    kinds = {launch.node for each in group for launch in each.launches or ()}
    if regime == "graph":
        yield LaunchRecord(codes.TRITON, 1, 3 * pieces, pieces, "kernel")
        if "memcpy" in kinds:
            yield LaunchRecord(codes.COPY, 1, 2, pieces, "memcpy")
        return
    own = {launch.path for each in group for launch in each.launches or ()}
    for path, known in codes.PATHS.items():
        if known.takes_all:
            node: Literal["kernel", "memcpy"] = "memcpy" if path == codes.MEMCPY_BATCH else "kernel"
            yield LaunchRecord(path, 1, known.of_a_copy * pieces, pieces, node)
        elif path in own:
            yield LaunchRecord(path, 1, known.of_a_copy, pieces, "memcpy")


def _is_like(side: PredictedSide, launch: LaunchRecord) -> bool:
    """Whether a side was measured with this one launch; in a graph, with one node of its kind."""
    if not side.launches or len(side.launches) != 1:
        return False
    (mine,) = side.launches
    if side.side.regime == "graph":
        return (mine.per_iteration, mine.items, mine.node) == (1, launch.items, launch.node)
    return mine == launch
