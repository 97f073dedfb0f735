"""The answers of probes as people read them: a verdict or a doubt, sentences, and what they rest on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from launchlens.reports.words.probes.catalogue import WORDS
from launchlens.traces.captures.probe_codes.verdicts import INCONCLUSIVE
from launchlens.traces.captures.probes import Probe

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
    """The verdict of a probe that has one, without a full stop; one that there are no words for is said as it is."""
    verdict, words = probe.verdict or "", WORDS.get(probe.id)
    said = (words.verdict(verdict) if words is not None else "") or verdict
    return said.capitalize() if PLAIN_WORDS.fullmatch(said) else said


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
    words, unsure = WORDS.get(probe.id), doubt(probe)
    if probe.why:
        return f"It could not be run: {probe.why}."
    if unsure:
        failed = [f"{control.control}: {control.found}" for control in probe.controls if not control.passed]
        which = f" ({'; '.join(failed)})" if failed else ""
        return f"Nothing can be said, because {NO_ANSWER[unsure]}{which}."
    return probe.says if words is None else words.says(probe)


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
