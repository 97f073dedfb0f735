"""Claims on a terminal: a line each with its verdict, and under it how it was tested and the evidence."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from launchlens.reports.claim_words import VERDICT_WORDS, Source, because, by_place, tally, written
from launchlens.reports.terminal import short
from launchlens.traces.claims.claim import Judgement

STYLES = {"supported": "bold green", "refuted": "bold red", "depends": "bold yellow", "not-testable": "dim"}
#: Longest text printed of one claim's words; figures of a hostile file must not fill the screen.
TEXT = 600


def print_claims(
    console: Console, judged: Sequence[Judgement], recorded: str | None, sources: Sequence[Source] = ()
) -> None:
    """Every claim in the order given: verdict, text and what it gave, then why, how it was tested and the figures.

    Above them, where there are several, the captures that they were tested on; `recorded` is said where they ship with launchlens.
    """
    if len(sources) > 1:
        for measured, here in by_place(sources).items():
            console.print(Text(short(measured, TEXT), "bold yellow" if recorded else "bold"), soft_wrap=True)
            for source in here:
                _indented(console, f"{source.name}: {source.says}", "")
    elif recorded:
        console.print(Text(recorded, "bold yellow"))
    width = max(map(len, VERDICT_WORDS.values()))
    for item in judged:
        console.print()
        line = Text.assemble((VERDICT_WORDS[item.verdict].ljust(width), STYLES[item.verdict]), "  ")
        line.append(short(item.claim.text, TEXT), "bold")
        if item.claim.gave:
            line.append(f"  [{short(item.claim.gave, TEXT)}]", "dim")
        console.print(line, soft_wrap=True)
        if because(item):
            _indented(console, because(item), "")
        _indented(console, f"tested: {item.claim.test}", "dim")
        for each in item.evidence:
            _indented(console, f"{written(each)}  ← {each.origin}", "")
    console.print()
    console.print(Text(f"{len(judged)} claims: {tally(judged)}.", "bold"), soft_wrap=True)


def _indented(console: Console, text: str, style: str) -> None:
    wrapped = textwrap.wrap(
        short(text, TEXT), max(console.width - 1, 50), initial_indent="    ", subsequent_indent="      "
    )
    console.print(Text("\n".join(wrapped), style), soft_wrap=True)
