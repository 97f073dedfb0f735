"""Claims: what was said, what captures say of it, and the figures behind each verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from launchlens.reports.blocks import Block, Entry, Fold, Paragraph, Section, Shown
from launchlens.reports.sections.probes import anchors
from launchlens.reports.words.claims import VERDICT_WORDS, because, found, measured_first, name, tally
from launchlens.traces.captures.probes import PROBES, Probe
from launchlens.traces.claims.claim import Claim, Evidence, Judgement
from launchlens.traces.claims.judge import judge
from launchlens.traces.claims.read import note_claims
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.evidence import evidence

Anchor = Callable[[Evidence], str]


def claims(study: Study, given: Sequence[Claim] | None, probes: Mapping[str, Probe]) -> Section | None:
    """The section for the claims given; without them for the note's, and then none for a workload that the note isn't about.

    `probes` are those that the page shows: what rests on one links to its place there.
    """
    chosen = note_claims() if given is None else given
    if given is None and study.capture.manifest.workload.get("name") not in {claim.workload for claim in chosen}:
        return None
    judged = measured_first(judge(study, chosen))
    known = anchors(probes)
    places = {f"{PROBES}: {id}": known.get(id, "probes") for id in probes}

    def anchor(each: Evidence) -> str:
        return places.get(each.rows, each.section)

    of_note = "The note that launchlens began with explained its figures. " if given is None else ""
    blocks: list[Block] = [
        Paragraph(f"{of_note}Each claim is tested by the figures of this capture alone: {tally(judged)}.")
    ]
    tested = [item for item in judged if item.measured]
    untested = [item for item in judged if not item.measured]
    blocks += [entry(item, anchor) for item in tested]
    if not tested:
        blocks.append(Paragraph("This capture holds nothing that bears on them.", "note"))
    if untested:
        folded = tuple(entry(item, anchor) for item in untested)
        blocks.append(Fold(f"Not testable with this capture ({len(untested)})", folded))
    return Section("claims", "Claims", "Claims: what was said, and what this capture says of it", tuple(blocks))


def entry(item: Judgement, anchor: Anchor = lambda each: each.section) -> Entry:
    """One claim: its verdict, what it gave and what was found, and the evidence."""
    claim = item.claim
    said = because(item)
    # of several machines each stands in the headline, one that can't decide as well
    lead = [said] if len(item.machines) > 1 and said else []
    if claim.gave:
        lead.append(f"Claimed: {claim.gave}.")
    if found(item):
        lead.append(f"Found: {found(item)}.")
    details: list[Block] = [Paragraph(said)] if said and said not in lead else []
    about = Paragraph(f"Claimed by {claim.source}. Tested: {claim.test}.", "note")
    if item.evidence:
        count = len(item.evidence)
        summary = f"Evidence ({count} figure{'s' if count != 1 else ''})"
        table = evidence(f"Evidence: {claim.text}", item.evidence, anchor, name)
        details.append(Fold(summary, (about, Shown(table, most=count, style="bare"))))
    else:
        details.append(about)
    words = VERDICT_WORDS[item.verdict]
    return Entry(claim.text, words, item.verdict, " ".join(lead), tuple(details), f"claim-{claim.id}")
