"""The verdict in sentences. Every sentence is made of a finding's figures and names them; none is assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from launchlens.reports.words.codes import DEVICE_WORDS, HOST_WORDS
from launchlens.reports.words.sentence import Sentence
from launchlens.traces.documents.estimate import EstimateRow
from launchlens.traces.documents.findings import (
    AgainstBaseline,
    AnyFinding,
    BaselineAlone,
    BoundBy,
    BoundFigures,
    Control,
    Fastest,
    Incomplete,
    Inflation,
    NamedPart,
    NotMeasured,
    UnsoundData,
    Unstable,
    Why,
    WinnerChanges,
    WinnerSame,
)
from launchlens.traces.studies.side import Bound
from launchlens.traces.units import count, duration, interval, listed, percent, signed_duration, times

#: A sentence names so many variants; of more it says how many, and the table beside it which.
_NAMED = 4
REGIME_WORDS = {"eager": "Called eagerly", "graph": "Replayed as a CUDA graph"}


#: Why a difference is not shown though its interval does not cover 1, by reason.
_NOT_SHOWN = {
    "within-control": "the baseline is as far from itself",
    "not-after-holm": "of so many comparisons one comes out like that by chance",
    "too-few-rounds-for-holm": "so few rounds can’t show any among so many comparisons; measure more (--rounds)",
    "reverses": "it points the other way in a part of the run",
}


def sentences(findings: Iterable[AnyFinding]) -> list[Sentence]:
    """The findings in words, in their order; findings that belong together become one sentence."""
    found = list(findings)
    made = [sentence for finding in found if (sentence := _sentence(finding)) is not None]
    made += _bounds([finding for finding in found if isinstance(finding, BoundBy)])
    made += _not_measured([finding for finding in found if isinstance(finding, NotMeasured)])
    order = {"first": 0, "headline": 1, "plain": 2, "caveat": 3}
    return sorted(made, key=lambda sentence: order[sentence.weight])


def _sentence(finding: AnyFinding) -> Sentence | None:
    """A finding in words; None where those of its kind become one sentence together."""
    match finding:
        case UnsoundData():
            return _unsound(finding)
        case Unstable():
            return _unstable(finding)
        case Fastest():
            return _fastest(finding)
        case BaselineAlone():
            return _alone(finding)
        case WinnerChanges() | WinnerSame():
            return _winner(finding)
        case AgainstBaseline():
            return _against(finding)
        case Why():
            return _why(finding)
        case Control():
            return _control(finding)
        case Inflation():
            return _inflation(finding)
        case Incomplete():
            return _incomplete(finding)
        case BoundBy() | NotMeasured():
            return None


def in_regime(regime: str | None) -> str:
    """How a sentence about a regime begins."""
    return REGIME_WORDS.get(regime or "", str(regime))


_TAKEN = {
    "verdict": " No time of {sides} is compared with another.",
    "recording": " Nothing that was recorded of {sides} is used.",
    "light": " {sides} is not explained by it.",
    "nothing": "",
}


def _unsound(finding: UnsoundData) -> Sentence:
    """What is wrong with the data, in which file, and what is not said because of it."""
    figures = finding.figures
    sides = listed([f"{variant} ({regime})" for variant, regime in figures.sides] or ["any variant"])
    word = "Unsound data" if figures.severity == "error" else "Beware"
    text = (
        f"{word} in {figures.where}, {figures.count:,} × {figures.problem}: {figures.meaning}"
        f"{_TAKEN[figures.takes].format(sides=sides)}"
    )
    return Sentence(text, finding.code, finding.regime, "environment", "first")


def _unstable(finding: Unstable) -> Sentence:
    figures = finding.figures
    value, name = figures.value, figures.baseline
    where = in_regime(finding.regime)
    match figures.cause:
        case "too-few-rounds":
            rounds = f"{count(value)} {'round' if value == 1 else 'rounds'}"
            text = f"UNSURE: {where}, {rounds} of timing can show no difference: it takes {count(figures.limit)}"
        case "control-excludes-1":
            text = (
                f"UNSTABLE: {where}, {name} takes {times(value)} its own time (95 % interval {interval(figures.interval)}):"
                " ranks that so much could reverse are withheld"
            )
        case "baseline-bimodal":
            text = f"UNSTABLE: {where}, {name} has two speeds, one {times(value)} the other: ranks that differ between them are withheld"
        case "baseline-drifts":
            text = (
                f"UNSTABLE: {where}, {name} drifts: the last third of the rounds took {times(value)} the time of the first;"
                " ranks that differ between the halves of the run are withheld"
            )
    return Sentence(text + ".", finding.code, finding.regime, "timing", "first")


def _fastest(finding: Fastest) -> Sentence:
    figures = finding.figures
    wall, baseline, ratio = figures.wall, figures.baseline_wall, figures.baseline_ratio
    where, first = in_regime(finding.regime), figures.variant
    if figures.all_tie:
        text = f"{where}, no difference is shown among {listed([first, *figures.ties])}: {first} takes {_per_iteration(wall)}"
    elif figures.ties:
        text = (
            f"{where}, {listed([first, *figures.ties])} are fastest, with no difference between them shown: {first}"
            f" takes {_per_iteration(wall)}"
        )
    else:
        text = f"{where}, {first} is fastest: {_per_iteration(wall)}"
    if ratio is not None and baseline is not None:
        text += (
            f", {times(ratio.value)} as fast as {figures.baseline} at {duration(baseline.value)}"
            f" (95 % interval {interval(ratio.interval)})"
        )
    return Sentence(text + ".", finding.code, finding.regime, "timing", "headline")


def _alone(finding: BaselineAlone) -> Sentence:
    figures = finding.figures
    text = f"{in_regime(finding.regime)}, only {figures.variant} was measured: {_per_iteration(figures.wall)}."
    return Sentence(text, finding.code, finding.regime, "timing", "headline")


def _winner(finding: WinnerChanges | WinnerSame) -> Sentence:
    figures = finding.figures
    if isinstance(finding, WinnerSame):
        text = f"Fastest, or not shown to be slower than the fastest, in every regime: {listed(figures.common)}."
    else:
        each = "; ".join(f"{regime}: {_few(names)}" for regime, names in figures.winners.items())
        text = f"The winner changes with the regime ({each})."
    if figures.flips:
        text += f" Faster than the baseline in one regime and slower in the other: {listed(figures.flips)}."
    return Sentence(text, finding.code, None, "timing", "headline")


def _against(finding: AgainstBaseline) -> Sentence:
    figures = finding.figures
    ratio = figures.ratio
    names = figures.variant, figures.baseline
    if figures.verdict == "slower":
        what = f"{names[0]} takes {times(ratio.value)} the time of {names[1]} (95 % interval {interval(ratio.interval)}): slower"
    elif figures.verdict == "faster":
        what = f"{names[0]} takes {times(ratio.value)} the time of {names[1]} (95 % interval {interval(ratio.interval)}): faster"
    elif figures.verdict == "not-comparable":
        what = f"{names[0]} and {names[1]} can’t be compared: the capture contradicts itself"
    elif figures.verdict == "equivalent":
        what = f"{names[0]} and {names[1]} are equivalent (ratio {times(ratio.value)}, 95 % interval {interval(ratio.interval)})"
    elif (why := _NOT_SHOWN.get(figures.reasons[0] if figures.reasons else "")) is not None:
        what = (
            f"no difference between {names[0]} and {names[1]} is shown: {why} (ratio {times(ratio.value)}, 95 % interval"
            f" {interval(ratio.interval)})"
        )
    else:
        what = (
            f"no difference between {names[0]} and {names[1]} is shown"
            f" (ratio {times(ratio.value)}, 95 % interval {interval(ratio.interval)})"
        )
    return Sentence(f"{in_regime(finding.regime)}, {what}.", finding.code, finding.regime, "timing", "plain")


def _why(finding: Why) -> Sentence:
    figures = finding.figures
    found = figures.unprofiled
    head = f"{in_regime(finding.regime)}, {figures.variant} takes {_more(figures.unprofiled_difference_ns)} per iteration than"
    if found is None:
        text = _as_recorded(finding)
    elif not found.closes:
        text = (
            f"{head} {figures.baseline}, and why is not explained: of a side {percent(max(found.closure))} of the time can’t be"
            " attributed."
        )
    elif found.changes_pace:
        gone = [f"{duration(-part.ns)} {_part(part)}" for part in found.named if part.ns < 0]
        new = [f"{duration(part.ns)} {_part(part)}" for part in found.named if part.ns > 0]
        text = f"{head} {figures.baseline}, and waits for something else: {listed(new or ['nothing'])} instead of {listed(gone or ['nothing'])}."
    else:
        parts = [f"{signed_duration(part.ns)} {_part(part)}" for part in found.named]
        text = f"{head} {figures.baseline}: {listed(parts or ['no part of it stands out'])}."
    theirs, mine = figures.launches
    if mine or theirs:
        # what a launch takes is of the recorded run, which explains nothing where the unprofiled one does
        cost_theirs, cost = figures.cost_per_launch_ns if found is None else (None, None)
        text += f" It makes {_launches(mine, cost)}, {figures.baseline} {_launches(theirs, cost_theirs)}"
        busy_theirs, busy = figures.gpu_busy_ns
        if busy is not None and busy_theirs is not None:
            text += f"; its work keeps the GPU busy for {duration(busy)}, that of {figures.baseline} for {duration(busy_theirs)}"
        text += "."
    return Sentence(text, finding.code, finding.regime, "difference", "plain")


def _launches(number: float, each_ns: float | None) -> str:
    """`7 launches of 10.0 µs each`."""
    text = f"{count(number)} {'launch' if number == 1 else 'launches'}"
    return text if each_ns is None or not number else f"{text} of {duration(each_ns)}{'' if number == 1 else ' each'}"


def _part(part: NamedPart) -> str:
    words = HOST_WORDS if part.lane == "host" else DEVICE_WORDS
    return words.get(part.state, part.state)


def _as_recorded(finding: Why) -> str:
    """What the recorded run says, where nothing tells of the unprofiled one."""
    figures = finding.figures
    by_device = figures.split_by == "device"
    words, chosen = (DEVICE_WORDS, figures.device_parts) if by_device else (HOST_WORDS, figures.host_parts)
    parts = [f"{signed_duration(ns)} {words.get(state, state)}" for state, ns in chosen.items()]
    return (
        f"{in_regime(finding.regime)} and recorded, {figures.variant} spends {_more(figures.difference_ns)} per"
        f" iteration than {figures.baseline} ({_more(figures.unprofiled_difference_ns)} without the profiler):"
        f" {listed(parts)}."
    )


def _control(finding: Control) -> Sentence:
    figures = finding.figures
    excluded = ", which excludes 1: ratios no further from 1 are not shown" if figures.excludes_1 else ""
    text = (
        f"{in_regime(finding.regime)}, {figures.baseline} timed against itself in the same rounds gives a ratio of"
        f" {times(figures.value)} (95 % interval {interval(figures.interval)}){excluded}."
    )
    return Sentence(text, finding.code, finding.regime, "timing", "caveat")


def _inflation(finding: Inflation) -> Sentence:
    factors = finding.figures.factors
    low, high = min(factors, key=factors.__getitem__), max(factors, key=factors.__getitem__)
    text = f"{in_regime(finding.regime)}, the profiler stretches an iteration to {times(factors[low])} ({low})"
    if low != high:
        text += f" to {times(factors[high])} ({high})"
    text += " of its unprofiled time; "
    if finding.figures.parts_of == "unprofiled":
        text += "ratios and parts are of the unprofiled run, ledgers of the profiled one."
    else:
        text += "ratios are of unprofiled times, parts and ledgers of the profiled run."
    return Sentence(text, finding.code, finding.regime, "account", "caveat")


def _incomplete(finding: Incomplete) -> Sentence:
    text = (
        "The capture is incomplete: the run was interrupted, and what follows rests on what had been measured by then."
    )
    return Sentence(text, finding.code, None, "environment", "caveat")


_BOUND_MEANS = {
    "host-bound": "the GPU waits for the host",
    "device-bound": "the host waits for the GPU",
    "mixed": "neither side waits for the other throughout",
}


def _bounds(findings: list[BoundBy]) -> list[Sentence]:
    """One sentence per regime and kind of bound, over all the variants that share it; of many variants one a regime, that counts them."""
    groups: dict[str | None, dict[Bound, list[BoundFigures]]] = {}
    for finding in findings:
        if finding.figures.bound != "unknown":
            groups.setdefault(finding.regime, {}).setdefault(finding.figures.bound, []).append(finding.figures)
    made = []
    for regime, by_bound in groups.items():
        members = [each for group in by_bound.values() for each in group]
        if len(members) > _NAMED:
            made.append(_bound(regime, _counted(by_bound, len(members)), members))
            continue
        for bound, group in by_bound.items():
            names = listed([member.variant for member in group])
            verb = "is" if len(group) == 1 else "are"
            made.append(_bound(regime, f"{names} {verb} {bound} ({_BOUND_MEANS[bound]})", group))
    return made


def _bound(regime: str | None, which: str, members: list[BoundFigures]) -> Sentence:
    host = _span([member.host_share for member in members])
    busy = _span([member.gpu_busy_share for member in members if member.gpu_busy_share is not None])
    text = f"{in_regime(regime)}, {which}: submitting takes {host} of the time, and GPU work fills {busy} of it."
    return Sentence(text, "bound", regime, "account", "plain")


def _counted(by_bound: Mapping[Bound, list[BoundFigures]], every: int) -> str:
    """How many variants each kind of bound has."""
    if len(by_bound) == 1:
        (bound,) = by_bound
        return f"all {every} variants are {bound} ({_BOUND_MEANS[bound]})"
    most, *others = sorted(by_bound, key=lambda bound: -len(by_bound[bound]))
    first = f"{len(by_bound[most])} of {every} variants {'is' if len(by_bound[most]) == 1 else 'are'} {most} ({_BOUND_MEANS[most]})"
    return listed([first, *(f"{len(by_bound[bound])} {bound} ({_BOUND_MEANS[bound]})" for bound in others)])


def _few(names: Sequence[str]) -> str:
    """Names, of many the first and how many more."""
    return listed(names) if len(names) <= _NAMED else f"{names[0]} and {len(names) - 1} more"


def _not_measured(findings: list[NotMeasured]) -> list[Sentence]:
    groups: dict[tuple[str, str | None], list[str]] = {}
    for finding in findings:
        figures = finding.figures
        name = f"{figures.variant} ({finding.regime})"
        groups.setdefault((figures.status, figures.why), []).append(name)
    return [
        Sentence(
            f"Not measured: {listed(names)}, {status}: {why or 'no reason recorded'}.",
            "not-measured",
            None,
            "environment",
            "caveat",
        )
        for (status, why), names in groups.items()
    ]


def _span(shares: list[float]) -> str:
    low, high = percent(min(shares)), percent(max(shares))
    return low if low == high else f"{low} to {high}"


def _more(ns: float) -> str:
    return f"{duration(abs(ns))} {'more' if ns >= 0 else 'less'}"


def _per_iteration(wall: EstimateRow) -> str:
    certainty = (
        f"95 % interval {interval(wall.interval, 1000)} µs" if wall.interval else "too few rounds for an interval"
    )
    return f"{duration(wall.value)} per iteration ({certainty})"
