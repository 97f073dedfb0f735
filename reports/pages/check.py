"""What `check` shows: the outcome, what it rests on, a row a limit, and what each reason means."""

from __future__ import annotations

from launchlens.reports.blocks import Block, Paragraph, Shown, Tone
from launchlens.reports.words import check as words
from launchlens.traces.checks.check import Check
from launchlens.traces.checks.decide import Outcome
from launchlens.traces.checks.document import checked

_TONES: dict[Outcome, Tone] = {"slower": "bad", "undecided": "warning", "not-shown": "plain", "passed": "good"}


def blocks(check: Check) -> list[Block]:
    """The page of a check."""
    table = checked(check)
    return [
        Paragraph(words.headline(check), _TONES[check.outcome]),
        Paragraph(words.stands_on(check)),
        *(Paragraph(note, "warning") for note in check.notes),
        Shown(table, most=len(table)),
        *(Paragraph(each, "note") for each in words.reasons(check)),
    ]
