"""The answer of a sweep in sentences: who overtakes whom, from where on, and how right the cost model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, floor
from statistics import median

from launchlens.reports.words.sentence import Sentence
from launchlens.traces.sweeps.crossings import Crossing, Line
from launchlens.traces.sweeps.study import SweepStudy
from launchlens.traces.sweeps.sweep import Axis, Setting
from launchlens.traces.units import binary_size, number, percent, significant

#: Turn-overs of a regime that are told in a sentence: a table has them all.
_MOST_PAIRS = 2
#: What the machine is called where the record doesn't name it.
NO_GPU = "a CPU"

#: How the regimes are called at the start of a sentence.
REGIMES = {"eager": "Called eagerly", "graph": "As a CUDA graph"}


def sentences(study: SweepStudy) -> list[Sentence]:
    """The answer beside the best choice, which is a table: the turn-overs that matter, then what the model predicts, and what is left out."""
    found = []
    for regime in study.regimes:
        said = _pair_sentences(study, regime, _that_matter(study, regime))
        found += [Sentence(text, "crossing", regime, "lines", "headline") for text in said[:_MOST_PAIRS]]
    found.append(Sentence(validation_sentence(study), "validation", None, "model", "plain"))
    if not study.sweep.record.complete:
        text = "The sweep was interrupted; this rests on what had been measured by then."
        found.append(Sentence(text, "incomplete", None, None, "caveat"))
    return found


def all_pair_sentences(study: SweepStudy) -> list[Sentence]:
    """Every pair in a sentence, regime by regime."""
    return [
        Sentence(text, "crossing", regime, "lines", "plain")
        for regime in study.regimes
        for text in _pair_sentences(study, regime, study.pairs(regime))
    ]


def _pair_sentences(study: SweepStudy, regime: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    said = (pair_sentence(variant, against, study.lines(variant, against, regime)) for variant, against in pairs)
    return [f"{REGIMES.get(regime, regime)}, {text}" for text in said if text]


def _that_matter(study: SweepStudy, regime: str) -> list[tuple[str, str]]:
    """Pairs between which there is something to choose: what is advised most against the baseline, then against what is advised next."""
    points: dict[str, int] = {}
    for rule in study.rules:
        if rule.regime == regime:
            points[rule.choice] = points.get(rule.choice, 0) + rule.points
    advised = sorted(points, key=lambda name: -points[name])
    beside = next(([(name, study.baseline)] for name in advised if name != study.baseline), [])
    others = [name for name in advised if name != study.baseline]
    return [*beside, *((after, before) for before, after in pairwise(others))]


def pair_sentence(variant: str, against: str, lines: Sequence[Line]) -> str:
    """How one variant stands to another over the axes: `b beats a from count 3 on (2 – 4), up to bytes 14 MiB (8 MiB – 32 MiB)`, along the
    lines on which it wins most; and at how many points it does."""
    by_axis: dict[str, list[Line]] = {}
    for line in lines:
        by_axis.setdefault(line.axis.name, []).append(line)
    if not by_axis:
        return ""
    courses = {line.course for line in lines}
    if courses <= {"faster", "no-difference-shown"} and "faster" in courses:
        return f"{variant} beats {against} wherever a difference is shown."
    if courses <= {"slower", "no-difference-shown"} and "slower" in courses:
        return f"{against} beats {variant} wherever a difference is shown."
    if courses == {"no-difference-shown"}:
        return f"no difference between {variant} and {against} is shown anywhere."
    signs = {point: sign for line in lines for point, sign in zip(line.points, line.signs, strict=True)}
    faster, slower = (sum(sign == wanted for sign in signs.values()) for wanted in (-1, 1))
    one, other, wins, loses = variant, against, faster, slower
    clauses = _clauses(one, list(by_axis.values()), variant)
    if not clauses and slower > faster:
        one, other, wins, loses = against, variant, slower, faster
        clauses = _clauses(one, list(by_axis.values()), variant)
    counted = f"at {wins} of {len(signs)} points, slower at {loses}"
    if clauses:
        return f"{one} beats {other} {', '.join(clauses)}; {counted}."
    return f"{one} beats {other} {counted}: where, the map shows."


def _clauses(one: str, by_axis: Sequence[Sequence[Line]], variant: str) -> list[str]:
    """Where `one` is faster, a clause an axis: along the line on which it wins most; none where they don't tell it in so few words."""
    clauses = []
    for lines in by_axis:
        line = max(lines, key=lambda line: sum(sign == _wins(one, variant) for sign in line.signs))
        if not line.crossings and line.course == ("faster" if one == variant else "slower"):
            continue
        if len(line.crossings) != 1:
            return []
        (crossing,) = line.crossings
        clauses.append(_from(line.axis, crossing) if crossing.to == one else _up_to(line.axis, crossing))
    return clauses


def _wins(one: str, variant: str) -> int:
    return -1 if one == variant else 1


def _from(axis: Axis, crossing: Crossing) -> str:
    first = ceil(crossing.at) if is_whole(axis) else crossing.at
    return f"from {quantity(axis, first)} on ({_ends(axis, crossing)})"


def _up_to(axis: Axis, crossing: Crossing) -> str:
    last = floor(crossing.at) if is_whole(axis) else crossing.at
    return f"up to {quantity(axis, last)} ({_ends(axis, crossing)})"


def _ends(axis: Axis, crossing: Crossing) -> str:
    if is_whole(axis):
        return f"{floor(crossing.low)} – {ceil(crossing.high)}"
    return f"{setting(axis, crossing.low)} – {setting(axis, crossing.high)}"


def is_whole(axis: Axis) -> bool:
    """Whether values of an axis are small whole numbers, between which there is nothing."""
    return not axis.unit and all(isinstance(value, int) for value in axis.values)


def quantity(axis: Axis, value: float) -> str:
    """A value of an axis with its name, as in a sentence: `3 (count)`, `14 MiB (bytes)`."""
    return f"{axis.name} {setting(axis, value)}"


def setting(axis: Axis, value: Setting) -> str:
    """A value of an axis: sizes in a unit of 1,024, others as they are; what is read off between points with two digits."""
    if isinstance(value, str):
        return value
    if axis.unit == "bytes":
        if (value == int(value) and int(value) in axis.values) or value % 64 == 0:
            return binary_size(value)
        for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
            if value >= factor:
                return f"{significant(value / factor, 2)} {unit}"
        return f"{value:.0f} B"
    return f"{value:,.0f}" if value == int(value) else number(float(f"{value:.3g}"))


def validation_sentence(study: SweepStudy) -> str:
    """How far predictions are off at the points held out."""
    found = study.validation
    held = len({each.point for each in found.checked})
    if not held or found.median_error is None or found.worst_error is None:
        if not held:
            return "No point was held out, so nothing says how right the cost model is."
        why = sorted({str(each.prediction.why_not) for each in found.checked})
        return f"Of {held} points held out nothing is predicted: {', '.join(code.replace('-', ' ') for code in why)}."
    left = len(found.checked) - found.predicted
    unknown = found.errors_as_measured
    text = (
        f"Predicted at {held} points held out ({found.predicted} of {len(found.checked)} times): off by {percent(found.median_error)} in the middle, "
        f"{percent(found.worst_error)} at worst, at the host's pace there ({percent(median(unknown))} and {percent(unknown[-1])} where that is not known); "
        f"± e covers {percent(found.coverage or 0)}"
    )
    asked = len(found.choices) + found.open_choices
    if found.winner_right is not None:
        text += (
            f". Which is the fastest is predicted {len(found.choices)} of {asked} times, and is right, or within the margin, at "
            f"{percent(found.winner_right)}"
        )
    if found.open_choices:
        text += f"; the fastest is among those that may be it {found.open_right} of {found.open_choices} times"
    return f"{text}." + (f" {left} times it says “not predicted”." if left else "")


def letters(names: Sequence[str]) -> Mapping[str, str]:
    """A letter a variant, in their order: beyond Z two of them."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    marks = [*alphabet, *(first + second for first in alphabet for second in alphabet)]
    return dict(zip(names, marks, strict=False))


def machine(environment: Mapping[str, object]) -> str:
    """What a sweep was measured on."""
    return str(environment.get("gpu") or environment.get("cpu") or NO_GPU)
