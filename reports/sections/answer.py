"""The answer: the verdict in sentences, and one table a regime that says it all."""

from __future__ import annotations

from launchlens.reports.blocks import Block, Chapter, Fold, Paragraph, Section, Shown, Words
from launchlens.reports.words.sentence import Sentence
from launchlens.reports.words.verdict import in_regime, sentences
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.verdict import verdict
from launchlens.traces.tables.table import Table
from launchlens.traces.tables.timing import timing

_ALWAYS = ("variant", "says", "mark", "wall_ns", "wall_interval_ns", "ratio", "ratio_interval", "verdict", "part_of")
_OF_A_GPU = ("bound_by", "gpu_busy", "launches")


def answer(study: Study) -> Section:
    """Headlines, the table of each regime, why, every other comparison in a sentence, and caveats."""
    said = Said.of(study)
    blocks: list[Block] = [Words(said.first, "first")] if said.first else []
    blocks.append(Words(said.headlines, "headline"))
    blocks += [Shown(of_regime(study, regime, in_regime(regime)), style="answer") for regime in study.regimes]
    blocks.append(
        Paragraph(f"Small numbers are 95 % intervals (µs, or ratios of the same round). {_busy(study)}", "note")
    )
    if said.reasons:
        blocks.append(Chapter("Why", (Words(said.reasons),)))
    if said.others:
        blocks.append(Fold(f"Every comparison in a sentence ({len(said.others)})", (Words(said.others),)))
    if said.caveats:
        blocks.append(Chapter("Before you rely on it", (Words(said.caveats, "caveat"),)))
    return Section("answer", "Answer", "The answer", tuple(blocks))


class Said:
    """The sentences of a study's verdict by how much they matter here."""

    def __init__(self, said: list[Sentence]) -> None:
        plain = [sentence for sentence in said if sentence.weight == "plain"]
        # the first "why" of a regime is about its fastest variant: the one that a reader came for
        firsts = {sentence.regime: sentence for sentence in reversed(plain) if sentence.code == "why"}.values()
        self.first = tuple(sentence for sentence in said if sentence.weight == "first")
        self.headlines = tuple(sentence for sentence in said if sentence.weight == "headline")
        self.reasons = tuple(sentence for sentence in plain if sentence in firsts or sentence.code == "bound")
        self.others = tuple(sentence for sentence in plain if sentence not in self.reasons)
        self.caveats = tuple(sentence for sentence in said if sentence.weight == "caveat")

    @classmethod
    def of(cls, study: Study) -> Said:
        return cls(sentences(verdict(study)))


def of_regime(study: Study, regime: str, title: str) -> Table:
    """The answer table of one regime; without a GPU there are no launches, and what limits a variant is not asked."""
    names = _ALWAYS + (_OF_A_GPU if study.capture.manifest.device != "cpu" else ())
    return timing(study).only("", regime=regime, control=False).pick(title, *names)


def _busy(study: Study) -> str:
    if study.capture.manifest.device == "cpu":
        return "No GPU in this capture: nothing is launched, and what limits a variant is not asked."
    return "“GPU busy” is GPU work in one recorded iteration as a share of the unprofiled time."
