"""Claims on a terminal: a line each with its verdict, and under it how it was tested and the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from launchlens.reports.terminal.parts import TEXT, print_indented, short
from launchlens.reports.words.claims import VERDICT_WORDS, Source, because, by_place, tally, written
from launchlens.traces.claims.claim import Judgement

STYLES = {"supported": "bold green", "refuted": "bold red", "depends": "bold yellow", "not-testable": "dim"}


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
                print_indented(console, f"{source.name}: {source.says}", "")
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
            print_indented(console, because(item), "")
        print_indented(console, f"tested: {item.claim.test}", "dim")
        for each in item.evidence:
            print_indented(console, f"{written(each)}  ← {each.origin}", "")
    console.print()
    console.print(Text(f"{len(judged)} claims: {tally(judged)}.", "bold"), soft_wrap=True)
