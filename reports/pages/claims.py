"""Claims tested on captures: what `claims` shows."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.blocks import Block, Chapter, Paragraph
from launchlens.reports.sections.claims import entry
from launchlens.reports.words.claims import Source, by_place, name, tally
from launchlens.traces.claims.claim import Judgement
from launchlens.traces.tables.evidence import all_evidence, claims
from launchlens.traces.tables.table import Table


def blocks(judged: Sequence[Judgement], sources: Sequence[Source], recorded: str | None) -> list[Block]:
    """The captures, where there are several, each claim in the order given, and how many got which verdict.

    `recorded` is said of the only capture where it ships with launchlens.
    """
    made: list[Block] = []
    if len(sources) > 1:
        for measured, here in by_place(sources).items():
            made.append(Chapter(measured, tuple(Paragraph(f"{each.name}: {each.says}") for each in here)))
        made.append(Paragraph("Intervals are of 95 %. Behind each figure stands the capture that it is from.", "note"))
    elif recorded:
        made.append(Paragraph(recorded, "warning"))
    made += [entry(item) for item in judged]
    made.append(Paragraph(f"{len(judged)} claims: {tally(judged)}.", "good"))
    return made


def tables(judged: Sequence[Judgement]) -> list[Table]:
    """Every claim in a row, and every figure behind them."""
    return [claims(judged), all_evidence(judged, name)]
