"""From samples to the verdict of the probe `launch-floor`: which way of launching costs a Python program least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median as middle
from typing import Literal

from launchlens.profiling.probes.apparatus.captured_nodes import Node
from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.samples import aa_control, cells, estimated, paired, ratio_in_words
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import launch_floor as codes
from launchlens.traces.captures.probe_codes.verdicts import OR
from launchlens.traces.captures.probes import Cell, ColumnKind, Control, Probe, ProbeFigure, ProbeTable
from launchlens.traces.control import takes_as_long
from launchlens.traces.statistics import median, paired_ratio
from launchlens.traces.thresholds import THRESHOLDS

Work = Literal["empty kernel", "torch's own kernel", "graph of an empty kernel", "memcpy", "seven copies"]


@dataclass(frozen=True)
class Path:
    """A way of launching; its `name` is one of the codes. `loop` says where the loop over its calls runs, `work` what one call launches."""

    name: str
    loop: Literal["C++", "Python"]
    work: Work

    @property
    def is_floor(self) -> bool:
        """Whether it launches a kernel that does next to nothing, so that its time is the launch's."""
        return self.work not in ("memcpy", "seven copies")

    @property
    def node(self) -> str | None:
        """The kind of the one node that a captured call must give; None for a graph's launch, which can't be captured."""
        return None if self.work == "graph of an empty kernel" else "memcpy" if self.work == "memcpy" else "kernel"


@dataclass(frozen=True)
class Timed:
    """What was measured of one path: ns, one sample a round.

    `call` is the host time per call in a burst, `half` the same in a burst of half as many calls, `answer` the time from
    before a call until the host sees the word that its kernel wrote; empty where that wasn't measured.
    """

    path: Path
    call: Sequence[float]
    half: Sequence[float]
    answer: Sequence[float] = ()
    nodes: Sequence[Node] = field(default=())


def conclude(
    timed: Sequence[Timed],
    again: Sequence[float],
    burst: int,
    answered_unasked: bool,
    notes: Sequence[str] = (),
) -> Probe:
    """The probe's answer. `again` are the first path's calls, measured a second time each round; `burst` calls are one burst.

    `answered_unasked` says whether the host saw an answer where nothing had been launched.
    """
    return concluded(
        codes.ID,
        verdict=OR.join(item.path.name for item in _cheapest(timed)) or codes.NOTHING,
        controls=controls(timed, again, answered_unasked),
        figures=list(_figures(timed)),
        tables=[_table(timed, burst)],
        notes=notes,
    )


def _usable(timed: Sequence[Timed]) -> list[Timed]:
    """The paths that a Python program can take to launch a kernel, the one of least host time first."""
    mine = [item for item in timed if item.path.loop == "Python" and item.path.is_floor and item.call]
    return sorted(mine, key=lambda item: middle(item.call))


def _cheapest(timed: Sequence[Timed]) -> list[Timed]:
    """The cheapest path that a Python program can take, with those that can't be told from it."""
    usable = _usable(timed)
    return [item for item in usable if item is usable[0] or paired_ratio(item.call, usable[0].call).covers(1)]


def controls(timed: Sequence[Timed], again: Sequence[float], answered_unasked: bool) -> list[Control]:
    """What must have been found before the verdict counts."""
    bursts = {item.path.name: paired_ratio(item.half, item.call) for item in timed if item.call}
    uneven = [
        f"{name} {ratio_in_words(ratio)}"
        for name, ratio in bursts.items()
        if not takes_as_long(ratio, THRESHOLDS.probe_half_within)
    ]
    furthest = max(bursts.values(), key=lambda ratio: abs(ratio.value - 1), default=None)
    counted = [item for item in timed if item.path.node is not None]
    excepted = [item.path.name for item in timed if item.path.node is None]
    other = [f"{item.path.name}: {_launched(item.nodes)}" for item in counted if not _as_it_says(item)]
    exceptions = f"; not captured, being launches of a graph: {', '.join(excepted)}" if excepted else ""
    fewest = min((len(item.call) for item in timed), default=0)
    return [
        Control(
            "the launch queue did not fill: in a burst of half as many calls a call takes as long",
            bool(bursts) and not uneven,
            "; ".join(uneven) or (f"furthest from 1: {ratio_in_words(furthest)}" if furthest else "nothing was timed"),
        ),
        Control(
            "each path launches what it says, by the nodes of a CUDA graph that its call was captured into",
            bool(counted) and not other,
            "; ".join(other) or f"{len(counted)} of {len(counted)} paths do{exceptions}",
        ),
        aa_control(timed[0].path.name, timed[0].call, again)
        if timed
        else Control("A/A", False, "nothing was timed twice"),
        Control(
            "the host sees no answer where nothing was launched",
            not answered_unasked,
            "it saw one" if answered_unasked else "it saw none",
        ),
        Control(
            "a kernel can be launched from Python here, and every path has samples enough for an interval",
            bool(_usable(timed)) and fewest >= THRESHOLDS.least_samples,
            f"{len(_usable(timed))} such paths; {fewest} rounds at least",
        ),
    ]


def _as_it_says(item: Timed) -> bool:
    """One node of the right kind; an empty kernel is of ours, with the shape that all of them have."""
    if [node.kind for node in item.nodes] != [item.path.node]:
        return False
    (node,) = item.nodes
    return item.path.work != "empty kernel" or (node.blocks, node.threads) == (1, 32)


def _launched(nodes: Sequence[Node]) -> str:
    """`1 kernel (1 × 32 threads)`, `1 memcpy`, `nothing`."""
    counts = Counter(
        f"{node.kind} ({node.blocks} × {node.threads} threads)" if node.kind == "kernel" else node.kind
        for node in nodes
    )
    return ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing"


def _figures(timed: Sequence[Timed]) -> Iterator[ProbeFigure]:
    calls = {item.path.name: item.call for item in timed if item.call}
    for name, call in calls.items():
        yield estimated(median(call), codes.HOST_TIME, of=name)
    # the launch of seven prepared copies against a bare launch of an empty kernel, fired alike
    ratio = paired(calls.get(codes.PREPARED, ()), calls.get(codes.CPP_ONCE, ()))
    if ratio is not None:
        yield estimated(ratio, codes.RATIO, "ratio", of=codes.PREPARED, to=codes.CPP_ONCE)
    for item in timed:
        if item.answer:
            yield estimated(median(item.answer), codes.CALL_TO_ANSWER, of=item.path.name)


def _table(timed: Sequence[Timed], burst: int) -> ProbeTable:
    columns: dict[str, ColumnKind] = {
        "path": "code",
        "loop in": "text",
        "launches": "text",
        "host time per call": "time",
        "call: low": "time",
        "call: high": "time",
        f"host time per call, bursts of {burst // 2}": "time",
        "of the call in full bursts": "ratio",
        "call to answer": "time",
        "answer: low": "time",
        "answer: high": "time",
        "rounds": "count",
    }
    rows: list[tuple[Cell, ...]] = []
    for item in timed:
        if not item.call:
            continue
        launched = item.path.work if item.path.node is None else _launched(item.nodes)
        answer = median(item.answer) if item.answer else None
        rows.append(
            (
                *(item.path.name, item.path.loop, launched, *cells(median(item.call)), middle(item.half)),
                *(paired_ratio(item.half, item.call).value, *cells(answer), len(item.call)),
            )
        )
    title = f"Ways of launching, interleaved, without a profiler: bursts of {burst} calls, medians over rounds with 95 % intervals"
    return of_rows(title, columns, rows)
