"""From samples to the verdict of the probe `profiler-tax`: whether calls stay dearer after a session, and whether a teardown helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median as middle

from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.samples import cells, estimated, paired, ratio_in_words
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import profiler_tax as codes
from launchlens.traces.captures.probe_codes.verdicts import NO_DIFFERENCE
from launchlens.traces.captures.probes import Control, Probe, ProbeFigure
from launchlens.traces.control import takes_as_long
from launchlens.traces.statistics import Estimate, median
from launchlens.traces.thresholds import THRESHOLDS

KINDS = (codes.SESSION, codes.TORN_DOWN, codes.NOTHING)


@dataclass(frozen=True)
class Process:
    """Samples of one process, ns for seven copies: `before` and `after` what its `kind` says happened between."""

    kind: str
    before: Sequence[float]
    after: Sequence[float]


def conclude(processes: Sequence[Process], notes: Sequence[str] = ()) -> Probe:
    """The probe's answer, a process counting once: with the medians of its samples."""
    before, after, ratios = {}, {}, {}
    for kind in KINDS:
        mine = [process for process in processes if process.kind == kind]
        before[kind], after[kind] = ([middle(each) for each in side] for side in _sides(mine))
        ratios[kind] = paired(after[kind], before[kind])
    rows = [
        (kind, moment, *cells(median(values)), len(values))
        for kind in KINDS
        for moment, values in ((codes.BEFORE, before[kind]), (codes.AFTER, after[kind]))
        if values
    ]
    return concluded(
        codes.ID,
        verdict=_verdict(ratios),
        controls=list(_controls(ratios, {kind: len(values) for kind, values in before.items()})),
        figures=list(_figures(before, after, ratios)),
        tables=[
            of_rows(
                "Seven copies, host time before and after, medians over processes with 95 % intervals",
                {
                    "process": "code", "when": "code", "host time": "time", "low": "time", "high": "time",
                    "processes": "count",
                },
                rows,
            )
        ],
        notes=notes,
    )  # fmt: skip


def _sides(processes: Sequence[Process]) -> tuple[list[Sequence[float]], list[Sequence[float]]]:
    return [process.before for process in processes], [process.after for process in processes]


def _dearer(ratio: Estimate | None) -> bool:
    """Whether calls are shown to be dearer after, by more than things differ from themselves."""
    return ratio is not None and ratio.low is not None and ratio.low > 1 + THRESHOLDS.control_within


def _verdict(ratios: dict[str, Estimate | None]) -> str:
    if not _dearer(ratios[codes.SESSION]):
        return NO_DIFFERENCE
    return codes.STAYS_DESPITE_TEARDOWN if _dearer(ratios[codes.TORN_DOWN]) else codes.STAYS


def _controls(ratios: dict[str, Estimate | None], counts: dict[str, int]) -> Iterator[Control]:
    alone = ratios[codes.NOTHING]
    yield Control(
        "A/A: in a process without a session, the same copies take as long after as before",
        alone is not None and takes_as_long(alone),
        "it was not measured" if alone is None else f"after took {ratio_in_words(alone)} of before",
    )
    fewest = min(counts.values())
    yield Control(
        "there were enough processes of each kind for an interval",
        fewest >= THRESHOLDS.least_samples,
        f"{fewest} processes",
    )


def _figures(
    before: dict[str, list[float]], after: dict[str, list[float]], ratios: dict[str, Estimate | None]
) -> Iterator[ProbeFigure]:
    for kind in KINDS:
        ratio = ratios[kind]
        if ratio is None:
            continue
        yield estimated(ratio, codes.RATIO, "ratio", of=kind)
        for moment, values in ((codes.BEFORE, before[kind]), (codes.AFTER, after[kind])):
            yield estimated(median(values), codes.HOST_TIME, of=kind, under=moment)
