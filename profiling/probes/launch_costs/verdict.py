"""From samples to the costs of the probe `launch-costs`: a line through the points of each path.

    time of a point = sum over its parts of (count of the part × cost of the part)

fitted by least squares of relative distances, in each round by itself: costs drift with the host, and the rounds give their
interval. How far the medians of the points are from the line of the median costs is the path's misfit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median as middle

import numpy as np

from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.samples import aa_control, cells, estimated
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.captures.probes import Cell, ColumnKind, Control, Probe, ProbeFigure, ProbeTable
from launchlens.traces.statistics import Estimate, Floats, median
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Timed:
    """What was measured of one point: ns of an iteration, one sample a round, of its host and of its wall.

    `nodes` are what it must launch, `counted` what it does; None where that can't be counted.
    """

    path: str
    parts: Mapping[str, int]
    host: Sequence[float]
    wall: Sequence[float]
    nodes: Mapping[str, int] | None = None
    counted: Mapping[str, int] | None = None

    @property
    def host_share(self) -> float:
        """Submission time as a share of the wall time."""
        return middle(self.host) / middle(self.wall)


@dataclass(frozen=True)
class Line:
    """The costs of one path by part, ns, each round by round, and how far off the line the furthest point lies, a share."""

    path: str
    costs: Mapping[str, Floats]
    misfit: float

    @property
    def fits(self) -> bool:
        return self.misfit <= THRESHOLDS.launch_cost_misfit

    def estimates(self) -> dict[str, Estimate]:
        return {part: median(rounds) for part, rounds in self.costs.items()}


def line(path: str, points: Sequence[tuple[Mapping[str, int], Sequence[float]]]) -> Line | None:
    """The line through points of a path, each its parts and its times, one a round; None where they are too few for its parts."""
    parts = list(dict.fromkeys(part for counts, _ in points for part in counts))
    counts = np.array([[each.get(part, 0) for part in parts] for each, _ in points], np.float64)
    if not len(points) or np.linalg.matrix_rank(counts) < len(parts):
        return None
    times = np.array([samples for _, samples in points], np.float64)  # [points, rounds]
    centre = np.median(times, axis=1)
    if not (centre > 0).all():
        return None
    solve = np.linalg.pinv(counts / centre[:, np.newaxis])  # [parts, points]
    rounds = solve @ (times / centre[:, np.newaxis])  # [parts, rounds]
    on_the_line = counts @ np.median(rounds, axis=1)
    misfit = float(np.max(np.abs(on_the_line / centre - 1)))
    return Line(path, dict(zip(parts, rounds, strict=True)), misfit)


def conclude(
    timed: Sequence[Timed], again: Sequence[float], notes: Sequence[str] = (), *, with_variants: bool = False
) -> Probe:
    """The probe's answer. `again` are the first point's host times, measured a second time each round.

    `with_variants`: the rounds were those in which a capture's variants were timed.
    """
    host, device = lines(timed)
    both = [*host, *device]
    return concluded(
        codes.ID,
        verdict=codes.LINEAR if all(each.fits for each in both) else codes.NOT_LINEAR,
        controls=_controls(timed, again, both),
        figures=[
            *_figures(host, codes.HOST_COST),
            *_figures(device, codes.DEVICE_COST),
            *_rounds(timed, codes.WITH_VARIANTS if with_variants else codes.APART),
        ],
        tables=[_table(timed)],
        notes=notes,
    )


def lines(timed: Sequence[Timed]) -> tuple[list[Line], list[Line]]:
    """The lines of the host's times, a path each, and of the device's, which are those of replays of which it makes the pace."""
    host, device = [], []
    for path, group in groupby(sorted(timed, key=lambda each: each.path), key=lambda each: each.path):
        points = list(group)
        found = line(path, [(each.parts, each.host) for each in points])
        if found is not None:
            host.append(found)
        if path == codes.GRAPH:
            waited = [(each.parts, each.wall) for each in points if each.host_share <= THRESHOLDS.launch_cost_waited]
            paced = line(path, waited)
            if paced is not None:
                device.append(paced)
    return host, device


def _controls(timed: Sequence[Timed], again: Sequence[float], found: Sequence[Line]) -> list[Control]:
    countable = [each for each in timed if each.nodes is not None]
    other = [f"{_said(each)}: {dict(each.counted or {})}" for each in countable if each.counted != each.nodes]
    late = [
        f"{_said(each)}: {each.host_share:.2f}"
        for each in timed
        if each.path not in codes.GRAPHS and each.host_share < 1 - THRESHOLDS.probe_half_within
    ]
    fewest = min((len(each.host) for each in timed), default=0)
    return [
        Control(
            "each point launches what it says, by the nodes of a CUDA graph that it was captured into",
            bool(countable) and not other,
            "; ".join(other) or f"{len(countable)} of {len(countable)} points do",
        ),
        Control(
            "the host makes the pace of every point that is called eagerly: submitting takes nearly all of the wall time",
            bool(timed) and not late,
            "; ".join(late) or f"in {sum(each.path not in codes.GRAPHS for each in timed)} points",
        ),
        aa_control(_said(timed[0]), timed[0].host, again)
        if timed
        else Control("A/A", False, "nothing was timed twice"),
        Control(
            "there is a path with points enough for a line, and rounds enough for an interval",
            bool(found) and fewest >= THRESHOLDS.least_samples,
            f"{len(found)} lines; {fewest} rounds at least",
        ),
    ]


def _said(timed: Timed) -> str:
    return f"{timed.path}, " + " ".join(f"{count} {part}" for part, count in timed.parts.items())


def _figures(found: Sequence[Line], what: str) -> Iterator[ProbeFigure]:
    for each in found:
        for part, estimate in each.estimates().items():
            yield estimated(estimate, what, of=each.path, part=part)
        yield ProbeFigure(
            what=codes.MISFIT,
            of=each.path,
            under=what,
            value=each.misfit,
            unit="share",
        )


def _rounds(timed: Sequence[Timed], under: str) -> list[ProbeFigure]:
    fewest = min((len(each.host) for each in timed), default=0)
    return [ProbeFigure(what=codes.ROUNDS, under=under, value=fewest, unit="rounds")] if timed else []


def _table(timed: Sequence[Timed]) -> ProbeTable:
    parts = list(dict.fromkeys(part for each in timed for part in each.parts))
    columns: dict[str, ColumnKind] = {
        "path": "code",
        **{f"{part}s": "count" for part in parts},
        "host time": "time",
        "host: low": "time",
        "host: high": "time",
        "wall time": "time",
        "rounds": "count",
    }
    rows: list[tuple[Cell, ...]] = [
        (
            each.path,
            *(each.parts.get(part) for part in parts),
            *cells(median(each.host)),
            middle(each.wall),
            len(each.host),
        )
        for each in timed
    ]
    title = "Points: an iteration of each path by what it has of what costs, medians over rounds with 95 % intervals"
    return of_rows(title, columns, rows)
