"""What if: what an iteration would take were its launches one, by what launches cost, held against all that was timed."""

from __future__ import annotations

from launchlens.reports.blocks import Block, Chapter, Fold, Paragraph, Section, Shown
from launchlens.reports.words.verdict import in_regime
from launchlens.reports.words.what_if import timed, validated, were_one
from launchlens.traces.studies.study import Study
from launchlens.traces.tables import what_if as tables


def what_if(study: Study) -> Section | None:
    """Sentences and a table a regime, and how far predictions are off; None of a capture without costs of launches."""
    found = study.what_if
    if found is None:
        return None
    blocks: list[Block] = [
        Paragraph(
            "By what a launch, an argument and a node cost, as the probe launch-costs measured them by bursts: nothing here comes from"
            f" a recorded run. {timed(found)}"
        ),
        Paragraph(validated(found)),
    ]
    for regime in study.regimes:
        said: list[Block] = [Paragraph(text) for text in of_baseline(study, regime)]
        ones = tables.were_one(study, regime)
        if len(ones):
            said.append(Shown(ones.without(["regime", *_alike(study, regime)])))
        said.append(
            Fold("Every side, predicted and measured", (Shown(tables.predicted(study, regime).without(["regime"])),))
        )
        blocks.append(Chapter(in_regime(regime), tuple(said)))
    return Section("what-if", "What if", "What if the launches were one", tuple(blocks))


def _alike(study: Study, regime: str) -> list[str]:
    """The columns that say whose launches these are, where all are of the same: the sentences above say it."""
    found = [] if study.what_if is None else [each.of for each in study.what_if.were_one if each.regime == regime]
    return ["of", "launches"] if all(each == found[0] for each in found) else []


def of_baseline(study: Study, regime: str) -> list[str]:
    """What an iteration of the baseline would take were its launches one, by the path that would be fastest, and by its own."""
    found = study.what_if
    baseline = study.baseline(regime)
    if found is None or baseline is None:
        return []
    mine = [each for each in found.were_one if each.regime == regime and baseline in each.of]
    return [were_one(each, baseline.variant) for each in sorted(mine, key=lambda each: each.predicted.ns)][:3]
