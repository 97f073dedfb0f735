"""From samples to the verdict of the probe `stream-synchronize`: what seven streams cost, and what waiting for them costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.samples import aa_control, cells, estimated, paired, ratio_in_words
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import stream_synchronize as codes
from launchlens.traces.captures.probe_codes.verdicts import NO_DIFFERENCE
from launchlens.traces.captures.probes import Cell, ColumnKind, Control, Probe, ProbeFigure, ProbeTable
from launchlens.traces.statistics import Estimate, median
from launchlens.traces.thresholds import THRESHOLDS

#: What is timed: what is done, and under which condition.
Timed = tuple[str, str]

CREATED: Timed = (codes.CREATE, codes.BY_TORCH)
CREATED_RAW: Timed = (codes.CREATE, codes.BY_CUDA)
DESTROYED_RAW: Timed = (codes.DESTROY, codes.BY_CUDA)
SUBMITTED: Timed = (codes.SUBMIT, "")
IN_FLIGHT: Timed = (codes.SYNCHRONIZE, codes.IN_FLIGHT)
ENDED: Timed = (codes.SYNCHRONIZE, codes.ENDED)
IDLE: Timed = (codes.SYNCHRONIZE, codes.IDLE)
WHOLE_DEVICE: Timed = (codes.SYNCHRONIZE_DEVICE, codes.IN_FLIGHT)
ONE_IDLE: Timed = (codes.SYNCHRONIZE_ONE, codes.IDLE)
ONE_LARGE: Timed = (codes.SYNCHRONIZE_ONE, codes.LARGE)

#: What each is, in the order of the table.
CALLS: Mapping[Timed, str] = {
    CREATED: "[torch.cuda.Stream() for _ in range(7)], after torch has made its pool",
    CREATED_RAW: "cudaStreamCreateWithFlags × 7, through cuda.bindings",
    DESTROYED_RAW: "cudaStreamDestroy × 7 of those, never used",
    SUBMITTED: "with torch.cuda.stream(...): copy_, × 7",
    IN_FLIGHT: "synchronize() of each stream, right after submitting",
    ENDED: "the same, once events have said that all seven copies ended",
    IDLE: "the same, with nothing submitted since the last",
    WHOLE_DEVICE: "torch.cuda.synchronize(), right after submitting the same copies",
    ONE_IDLE: "synchronize() of one stream with nothing submitted",
    ONE_LARGE: "synchronize() of one stream right after a large copy was submitted to it",
}
Samples = Mapping[Timed, Sequence[float]]


@dataclass(frozen=True)
class Checked:
    """What was looked at beside the times, over all rounds.

    `right` of `copied` times all seven copies held the right values right after the loop of synchronizes. `working` says in
    how many streams, of seven, the copy had not ended when a loop of synchronizes would begin, one number a round.
    `distinct` streams were there among the `given` that torch gave out.
    """

    copied: int
    right: int
    working: Sequence[float]
    given: int
    distinct: int


def conclude(samples: Samples, again: Sequence[float], checked: Checked, notes: Sequence[str] = ()) -> Probe:
    """The probe's answer, from ns by what was timed, one sample a round; `again` is `IDLE`, measured a second time each round."""
    ratio = paired(samples.get(IN_FLIGHT, ()), samples.get(WHOLE_DEVICE, ()))
    return concluded(
        codes.ID,
        verdict=_verdict(ratio),
        controls=controls(samples, again, checked),
        figures=list(_figures(samples, ratio, checked)),
        tables=[_table(samples)],
        notes=notes,
    )


def _verdict(ratio: Estimate | None) -> str:
    if ratio is None or ratio.covers(1):
        return NO_DIFFERENCE
    return codes.DEVICE_COSTS_LESS if ratio.value > 1 else codes.STREAMS_COST_LESS


def controls(samples: Samples, again: Sequence[float], checked: Checked) -> list[Control]:
    """What must have been found before the verdict counts."""
    waits = paired(samples.get(ONE_LARGE, ()), samples.get(ONE_IDLE, ()))
    lacking = [CALLS[timed] for timed in CALLS if len(samples.get(timed, ())) < THRESHOLDS.least_samples]
    rounds = min((len(found) for found in samples.values()), default=0)
    return [
        Control(
            "the seven copies are there right after the loop of synchronizes",
            0 < checked.copied == checked.right,
            f"{checked.right} of {checked.copied} times",
        ),
        Control(
            "synchronizing an idle stream takes less time than one with a large copy in flight",
            waits is not None and waits.low is not None and waits.low > 1,
            f"the copy makes it {ratio_in_words(waits)} as long" if waits is not None else "it was not measured",
        ),
        aa_control("synchronizing seven idle streams", samples.get(IDLE, ()), again),
        Control(
            "everything was measured often enough for an interval",
            not lacking,
            f"too few samples of: {'; '.join(lacking)}" if lacking else f"{rounds} rounds",
        ),
    ]


def _figures(samples: Samples, ratio: Estimate | None, checked: Checked) -> Iterator[ProbeFigure]:
    for of, under in (IN_FLIGHT, CREATED, *(timed for timed in CALLS if timed not in (IN_FLIGHT, CREATED))):
        if samples.get((of, under)):
            yield estimated(median(samples[of, under]), codes.HOST_TIME, of=of, under=under)
    if ratio is not None:
        (of, under), (to, _) = IN_FLIGHT, WHOLE_DEVICE
        yield estimated(ratio, codes.RATIO, "ratio", of=of, to=to, under=under)
    if checked.working:
        yield estimated(median(checked.working), codes.STILL_COPYING, "streams", out_of=7)
    yield ProbeFigure(what=codes.DISTINCT, value=checked.distinct, unit="streams", out_of=checked.given)


def _table(samples: Samples) -> ProbeTable:
    rows: list[tuple[Cell, ...]] = [
        (", ".join(filter(None, timed)), what, *cells(median(samples[timed])), len(samples[timed]))
        for timed, what in CALLS.items()
        if samples.get(timed)
    ]
    columns: dict[str, ColumnKind] = {
        "figure": "code",
        "what was timed": "text",
        "host time": "time",
        "low": "time",
        "high": "time",
        "rounds": "count",
    }
    return of_rows("Seven streams: host time, interleaved, medians over rounds with 95 % intervals", columns, rows)
