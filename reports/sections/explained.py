"""Parts: what the unprofiled time of every variant is made of, with what can't be attributed beside them."""

from __future__ import annotations

import numpy as np

from launchlens.reports.blocks import Block, Chapter, Paragraph, Section, Shown
from launchlens.reports.words.verdict import in_regime
from launchlens.traces.captures.light import CALLS, OPS
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.explained import of_regime
from launchlens.traces.units import duration, listed, percent, times


def explained(study: Study) -> Section | None:
    """A table a regime; None of a capture of whose sides nothing tells."""
    found = {
        (side.variant, side.regime): made
        for side in study.sides.values()
        if (made := study.explained(side)) is not None
    }
    if not found:
        return None
    closures = sorted(each.closure for each in found.values())
    stretched = [each.inflation for each in found.values() if each.by == "light" and each.inflation is not None]
    blocks: list[Block] = [
        Paragraph(
            "Every row sums to the time without a profiler. Where the host makes the pace, the parts are what it did, by a"
            " recorder so light that it was on and off in the same rounds; where the device does, they are the device’s"
            " recorded work and what lies between. What no part accounts for is not attributed."
        )
    ]
    for regime in study.regimes:
        table = of_regime(study, regime, "Unprofiled time of one iteration by its parts")
        if len(table):
            blocks.append(Chapter(in_regime(regime), (Shown(table),)))
    said = (
        f"Not attributed: {percent(float(np.median(closures)))} of the time in the median side, {percent(closures[-1])} in the"
        " worst."
    )
    if stretched and study.light is not None:
        costs = study.light.costs
        said += (
            f" The light recorder stretches an iteration to {times(float(np.median(stretched)))} in the median side and to"
            f" {times(max(stretched))} in the worst; an op costs {duration(costs[OPS])} and a call {duration(costs[CALLS])}, by"
            " bursts in the same rounds, and both are taken out."
        )
    blocks.append(Paragraph(said, "note"))
    fallen_back = [f"{variant} ({regime})" for (variant, regime), each in found.items() if each.by == "cupti"]
    if fallen_back:
        stretch = times(max(each.inflation or 1.0 for each in found.values() if each.by == "cupti"))
        text = (
            f"Of {listed(fallen_back)} the light recorder tells nothing. Their parts are from CUPTI’s recording, less what its calls"
            f" cost by the other variants’ stretch; it stretched an iteration to up to {stretch}, and tells Python from the"
            " framework’s code not at all."
        )
        blocks.append(Paragraph(text, "note"))
    return Section("parts", "Parts", "Parts: what the time is made of", tuple(blocks))
