"""Judged claims as people read them: verdicts, figures with units, and the table that the docs hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launchlens.reports.words.figure import between, value
from launchlens.reports.words.markdown import cell
from launchlens.reports.words.probes.catalogue import figure_name
from launchlens.traces.claims.claim import Evidence, Judgement, Measures, Verdict

#: What a claim's not being reproduced says of it, by what of it can't be measured here.
MEASURES_WORDS: dict[Measures, str] = {
    "another-machine": "It states a figure of another machine, which ours does not refute",
    "reconstruction": "What it is about is known to us by our own reconstruction alone, which does not refute it",
}

VERDICT_WORDS: dict[Verdict, str] = {
    "supported": "supported",
    "refuted": "refuted",
    "depends": "depends",
    "not-reproduced": "not reproduced",
    "undecided": "undecided",
    "not-testable": "not testable here",
}

#: Figures that stand beside a verdict; the others are listed with the evidence.
FIGURES = 4


@dataclass(frozen=True)
class Source:
    """A capture that claims were tested on, as text: its name, what its workload was, and where it was measured."""

    name: str
    says: str
    measured: str


def because(judgement: Judgement) -> str:
    """What the verdict depends on, and what was not shown or not tested; empty where there is nothing to add."""
    text = "; ".join(part for part in (judgement.on, judgement.why) if part)
    said = f"{text[0].upper()}{text[1:]}." if text else ""
    measures = judgement.claim.measures
    found = {judgement.verdict, *(each.verdict for each in judgement.machines)}
    if measures is None or "not-reproduced" not in found:
        return said
    return " ".join(part for part in (said, f"{MEASURES_WORDS[measures]}.") if part)


def name(evidence: Evidence) -> str:
    """What a figure is called."""
    of = evidence.of_probe
    if of is None:
        return evidence.figure
    above, *below = (figure_name(of.probe, key) for key in (of.figure, of.against) if key is not None)
    return f"{' ÷ '.join([above, *below])}, probe {of.probe}"


def written(evidence: Evidence) -> str:
    """A figure in one line: its name, its value and its interval."""
    bounds = between(evidence)
    return f"{name(evidence)}: {value(evidence)}" + (f" ({bounds})" if bounds else "")


def found(judgement: Judgement) -> str:
    """The figures that decided, a few of them; empty where there are none."""
    figures = [written(each) for each in judgement.deciding]
    more = [f"{len(figures) - FIGURES} more below"] if len(figures) > FIGURES else []
    return "; ".join(figures[:FIGURES] + more)


def tally(judged: Sequence[Judgement]) -> str:
    """How many claims got which verdict: `2 supported, 5 refuted, 17 not testable here`."""
    counts = {verdict: sum(item.verdict == verdict for item in judged) for verdict in VERDICT_WORDS}
    return ", ".join(f"{count} {VERDICT_WORDS[verdict]}" for verdict, count in counts.items() if count) or "none"


def measured_first(judged: Sequence[Judgement]) -> list[Judgement]:
    """Claims that this capture bears on before those that it doesn't, each in their own order."""
    return sorted(judged, key=lambda item: not item.measured)


def by_place(sources: Sequence[Source]) -> dict[str, list[Source]]:
    """Captures by where they were measured, in their order."""
    places: dict[str, list[Source]] = {}
    for each in sources:
        places.setdefault(each.measured, []).append(each)
    return places


def markdown(judged: Sequence[Judgement], sources: Sequence[Source]) -> str:
    """The claims as a Markdown table with their evidence, and above it the captures that they were tested on."""
    lines = []
    if len(sources) == 1:
        lines += [f"{cell(sources[0].measured)} Intervals are of 95 %.", ""]
    else:
        for measured, here in by_place(sources).items():
            lines += [cell(measured), "", *(f"- {cell(each.name)}: {cell(each.says)}" for each in here), ""]
        lines += ["Intervals are of 95 %. Behind each figure stands the capture that it is from.", ""]
    lines += [
        "| claim | what it gave | how it is tested | verdict | evidence |",
        "| --- | --- | --- | --- | --- |",
    ]
    for item in judged:
        evidence = "<br>".join(
            cell(written(each) + (f", {each.capture}" if each.capture is not None else "")) for each in item.evidence
        )
        why = because(item)
        verdict = f"**{VERDICT_WORDS[item.verdict]}**" + (f": {cell(why)}" if why else "")
        gave = cell(item.claim.gave) or "no figure"
        text = f"{cell(item.claim.text)} ({cell(item.claim.source)})"
        lines.append(f"| {text} | {gave} | {cell(item.claim.test)} | {verdict} | {evidence or 'none'} |")
    return "\n".join([*lines, "", f"{len(judged)} claims: {tally(judged)}."]) + "\n"
