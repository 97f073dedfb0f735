"""Probes as people read them: the answer in words, what it rests on, and the page that the docs hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from launchlens.reports.words.claims import between, cell, value
from launchlens.reports.words.units import number
from launchlens.traces.captures.probes import INCONCLUSIVE, PROBES, Cell, Probe

#: What a verdict means to somebody who hasn't read the probe, by the probe and its verdict; others are said as they are.
VERDICT_WORDS: Mapping[tuple[str, str], str] = {
    ("copy-engine", "sm"): "Copies within the GPU need an SM",
    ("copy-engine", "copy-engine"): "Copies within the GPU need no SM",
    ("copy-engine", "depends-on-size"): "Whether copies within the GPU need an SM depends on their size",
    ("held-sms", "carve-out"): "The carve-out of shared memory",
}
#: A verdict that begins a sentence with its capital: nothing in it is the name of a call.
PLAIN_WORDS = re.compile(r"[a-z]+( [a-z]+)*")
#: The verdict of a probe that could not be made at all.
FAILED = "failed"
CONTROL_FAILED, NO_CONTROL = "inconclusive: a control did not pass", "inconclusive: it made no control"
NO_VERDICT = "no verdict"
#: Why nothing can be said, by the words of `doubt`.
NO_ANSWER = {
    CONTROL_FAILED: "a control did not pass",
    NO_CONTROL: "it made no control",
    NO_VERDICT: "it gave no verdict",
    FAILED: "it could not be made",
    INCONCLUSIVE: "it found no answer",
}
#: An answer of more characters than this is said a sentence at a time.
LONG_ANSWER = 320


def verdict_words(probe: Probe) -> str:
    """The verdict of a probe that has one, without a full stop; most are words already, or names of calls or variants."""
    verdict = probe.verdict or ""
    words = VERDICT_WORDS.get((probe.id, verdict), verdict)
    return words.capitalize() if PLAIN_WORDS.fullmatch(words) else words


def doubt(probe: Probe) -> str:
    """Why a probe's answer does not count, in a few words; empty where it does."""
    if probe.verdict == FAILED:
        return FAILED
    if probe.checked == "failed":
        return CONTROL_FAILED
    if probe.checked == "absent":
        return NO_CONTROL
    if probe.verdict == INCONCLUSIVE:
        return INCONCLUSIVE
    return "" if probe.verdict else NO_VERDICT


def verdict_or_doubt(probe: Probe) -> str:
    """The answer in a word or two, or that there is none: `inconclusive`, where `says` tells why."""
    return doubt(probe).partition(":")[0].capitalize() or verdict_words(probe)


def says(probe: Probe) -> str:
    """The probe's answer; where it does not count, why not, whatever the file says besides."""
    failed = [f"{control.control}: {control.found}" for control in probe.controls if not control.passed]
    if not doubt(probe) or (probe.verdict in (INCONCLUSIVE, FAILED) and probe.says):
        return probe.says
    which = f" ({'; '.join(failed)})" if failed else ""
    return f"Nothing can be said, because {NO_ANSWER[doubt(probe)]}{which}."


def sentences(text: str) -> list[str]:
    """A long answer sentence by sentence, a short one whole; none of no answer."""
    if len(text) <= LONG_ANSWER:
        return [text] if text else []
    return re.split(r"(?<=[.!?]) (?=[A-Z])", text)


def controls_words(probe: Probe) -> str:
    """How many controls passed: `8 of 8 passed`, and the first one that did not."""
    if not probe.controls:
        return {"passed": "passed", "failed": "not passed", "absent": "none was made"}[probe.control]
    failed = [control for control in probe.controls if not control.passed]
    passed = len(probe.controls) - len(failed)
    text = f"{passed:,} of {len(probe.controls):,} passed"
    if not failed:
        return text
    more = f", and {len(failed) - 1:,} more" if len(failed) > 1 else ""
    return f"{text}; not “{failed[0].control}” (found: {failed[0].found or 'nothing'}){more}"


def tally(probes: Iterable[Probe]) -> str:
    """How many probes there are, and how many of them found an answer: `2 probes: 1 answered, 1 inconclusive`."""
    doubts = [doubt(probe).partition(":")[0] or "answered" for probe in probes]
    counts = {word: doubts.count(word) for word in sorted(set(doubts), key=lambda word: (word != "answered", word))}
    what = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    return f"{len(doubts):,} probe{'s' if len(doubts) != 1 else ''}: {what}"


def cell_text(it: Cell) -> str:
    """A cell of a probe's table; `–` where there is nothing. Whole numbers keep their digits, as times in ns do."""
    if it is None:
        return "–"
    if isinstance(it, bool):
        return "yes" if it else "no"
    return it if isinstance(it, str) else number(it)


def markdown(probes: Iterable[Probe], source: str) -> str:
    """The probes of one capture for a page of the docs: question, answer, controls, figures. `source` says where they ran."""
    return "\n".join([cell(source), *(line for probe in probes for line in ["", *_lines(probe)])]) + "\n"


def _lines(probe: Probe) -> list[str]:
    title = ": ".join(cell(text) for text in (probe.id, probe.asks) if text)
    lines = [f"### {title}", "", f"**{cell(verdict_or_doubt(probe))}.** {cell(says(probe))}".strip(), ""]
    lines += [f"Controls: {cell(controls_words(probe))}.", ""]
    lines += [
        f"- {cell(item.control)}: {cell(item.found)}{'' if item.passed else ' (**not passed**)'}"
        for item in probe.controls
    ]
    if probe.figures:
        lines += ["", "| figure | value | 95 % interval |", "| --- | ---: | ---: |"]
        lines += [
            f"| {cell(item.figure)} | {cell(value(item))} | {cell(between(item)) or '–'} |" for item in probe.figures
        ]
    if probe.tables:
        rows = sum(len(table.rows) for table in probe.tables)
        titles = ", ".join(f"“{cell(table.title)}”" for table in probe.tables)
        lines += ["", f"Row by row in {PROBES}: {titles} ({rows:,} rows)."]
    if probe.notes:
        lines += ["", "Notes:", "", *(f"- {cell(note)}" for note in probe.notes)]
    return lines
