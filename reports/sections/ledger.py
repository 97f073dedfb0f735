"""The ledger: launches by kind, how many times what each costs, and what that ran as."""

from __future__ import annotations

from launchlens.reports.blocks import Block, Chapter, Paragraph, Section, Shown
from launchlens.reports.sections.account import timed_only
from launchlens.reports.words.verdict import in_regime
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.ledgers import gpu_work
from launchlens.traces.tables.ledgers import ledger as ledger_table

#: Kinds of work shown per variant, those that take longest; what is left out is counted.
MOST_WORK = 12


def ledger(study: Study) -> Section:
    """Two tables a regime."""
    intro = Paragraph(
        "What each variant submits to the GPU per iteration, under the profiler, and what that ran as. Launches × API time per"
        " launch is the time spent launching; queue time is from the end of the call to the start of its work, for the launches"
        " that queued."
    )
    chapters = [_chapter(study, regime) for regime in study.regimes]
    return Section("ledger", "Ledger", "Ledger: more launches, or dearer ones?", (intro, *chapters))


def _chapter(study: Study, regime: str) -> Chapter:
    blocks: list[Block] = timed_only(study, regime)
    launches, work = ledger_table(study), gpu_work(study)
    mine = launches.only(launches.title, regime=regime)
    if not len(mine):
        cpu = study.capture.manifest.device == "cpu"
        nothing = "There is no GPU in this capture, so nothing is launched." if cpu else "No launch was recorded."
        blocks.append(Paragraph(nothing, "note"))
    ran = work.only(work.title, regime=regime)
    longest = ran.first_of_each("variant", MOST_WORK)
    blocks += [Shown(each) for each in (mine, longest) if len(each)]
    if len(longest) < len(ran):
        left_out = (
            f"At most {MOST_WORK} of a variant are shown, those that take longest: {len(ran) - len(longest):,} are not."
        )
        blocks.append(Paragraph(left_out, "note"))
    return Chapter(in_regime(regime), tuple(blocks))
