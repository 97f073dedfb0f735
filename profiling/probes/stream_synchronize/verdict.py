"""From samples to the verdict of the probe `stream-synchronize`: what seven streams cost, and what waiting for them costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median as middle

from launchlens.profiling.probes.method.samples import aa_control, figure, in_words, ratio_in_words
from launchlens.traces.captures.probes import NO_DIFFERENCE, Cell, Control, Probe, ProbeFigure, ProbeTable, concluded
from launchlens.traces.statistics import Estimate, median, paired_ratio
from launchlens.traces.thresholds import THRESHOLDS

ID = "stream-synchronize"
ASKS = "What does it cost to create seven streams, and to wait for each of them after seven small copies?"

#: The figures that the claims read: as the note wrote it.
CREATED, IN_FLIGHT = "creating seven streams", "seven streams"
CREATED_RAW, DESTROYED_RAW = "creating seven streams, by CUDA itself", "destroying seven streams, by CUDA itself"
IDLE, ENDED = "seven idle streams", "seven streams, their copies ended"
WHOLE_DEVICE = "one synchronize of the device"
SUBMITTED = "submitting seven copies to seven streams"
ONE_IDLE, ONE_LARGE = "one idle stream", "one stream with a large copy in flight"

#: What each is, in the order of the table.
SAYS = {
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
SEVEN_COST_MORE = "one synchronize of the device costs less"
SEVEN_COST_LESS = "seven synchronizes cost less"
ALIKE = NO_DIFFERENCE


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


def conclude(
    samples: Mapping[str, Sequence[float]], again: Sequence[float], checked: Checked, notes: Sequence[str] = ()
) -> Probe:
    """The probe's answer, from ns by figure, one sample a round; `again` is `IDLE`, measured a second time each round."""
    seven, one = samples.get(IN_FLIGHT, ()), samples.get(WHOLE_DEVICE, ())
    ratio = paired_ratio(seven, one) if seven and len(seven) == len(one) else None
    return concluded(
        ID,
        asks=ASKS,
        verdict=_verdict(ratio),
        says=_says(samples, ratio, checked),
        controls=controls(samples, again, checked),
        figures=_figures(samples, ratio, checked),
        tables=[_table(samples)],
        notes=notes,
    )


def _verdict(ratio: Estimate | None) -> str:
    if ratio is None or ratio.covers(1):
        return ALIKE
    return SEVEN_COST_MORE if ratio.value > 1 else SEVEN_COST_LESS


def controls(samples: Mapping[str, Sequence[float]], again: Sequence[float], checked: Checked) -> list[Control]:
    """What must have been found before the verdict counts."""
    idle, large = samples.get(ONE_IDLE, ()), samples.get(ONE_LARGE, ())
    waits = paired_ratio(large, idle) if idle and len(idle) == len(large) else None
    lacking = [name for name in SAYS if len(samples.get(name, ())) < THRESHOLDS.least_samples]
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
        aa_control(IDLE, samples.get(IDLE, ()), again),
        Control(
            "everything was measured often enough for an interval",
            not lacking,
            f"too few samples of: {', '.join(lacking)}" if lacking else f"{_rounds(samples)} rounds",
        ),
    ]


def _rounds(samples: Mapping[str, Sequence[float]]) -> int:
    return min((len(found) for found in samples.values()), default=0)


def _figures(samples: Mapping[str, Sequence[float]], ratio: Estimate | None, checked: Checked) -> list[ProbeFigure]:
    found = [figure(name, samples[name]) for name in (IN_FLIGHT, CREATED) if samples.get(name)]
    found += [figure(name, samples[name]) for name in SAYS if name not in (IN_FLIGHT, CREATED) and samples.get(name)]
    if ratio is not None:
        found.append(ProbeFigure(f"{IN_FLIGHT} ÷ {WHOLE_DEVICE}", ratio.value, "ratio", ratio.interval))
    if checked.working:
        found.append(figure("streams still copying when the synchronizes begin", checked.working, "of 7 streams"))
    found.append(
        ProbeFigure("distinct streams that torch gave", checked.distinct, f"of {checked.given} that were asked for")
    )
    return found


def _says(samples: Mapping[str, Sequence[float]], ratio: Estimate | None, checked: Checked) -> str:
    def took(name: str) -> str:
        return in_words(middle(samples[name])) if samples.get(name) else "an unknown time"

    than = f", {ratio.value:.2f} × that" if ratio is not None else ""
    parts = [
        (
            f"Right after seven small copies on seven streams, waiting for each stream takes {took(IN_FLIGHT)}{than} of one "
            f"torch.cuda.synchronize() ({took(WHOLE_DEVICE)}); with the copies ended {took(ENDED)}, and with idle streams "
            f"{took(IDLE)}."
        ),
        (
            f"Seven torch.cuda.Stream() take {took(CREATED)}"
            + (", since torch hands out streams that it made before" if checked.distinct < checked.given else "")
            + f"; creating seven by CUDA itself takes {took(CREATED_RAW)}, and destroying them {took(DESTROYED_RAW)}."
        ),
    ]
    return " ".join(parts)


def _table(samples: Mapping[str, Sequence[float]]) -> ProbeTable:
    rows: list[tuple[Cell, ...]] = []
    for name, what in SAYS.items():
        if samples.get(name):
            estimate = median(samples[name])
            low, high = estimate.interval or (None, None)
            rows.append((name, what, estimate.value, low, high, len(samples[name])))
    columns = ("figure", "what was timed", "host ns", "low", "high", "rounds")
    return ProbeTable(
        "Seven streams: host time, interleaved, medians over rounds with 95 % intervals", columns, tuple(rows)
    )
