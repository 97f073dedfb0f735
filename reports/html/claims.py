"""The report's claims section as plain data: what was claimed, what this capture says of it, and the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from launchlens.reports.html.probes import anchors
from launchlens.reports.words.claims import VERDICT_WORDS, because, between, found, measured_first, tally, value
from launchlens.traces.captures.probes import PROBES, Probe
from launchlens.traces.claims.claim import Claim, Judgement, Section
from launchlens.traces.claims.judge import judge
from launchlens.traces.claims.read import note_claims
from launchlens.traces.studies.study import Study


@dataclass(frozen=True)
class EvidenceRow:
    """One figure as text; `section` names the section that shows the rows it came from, `anchor` the place in it."""

    figure: str
    value: str
    interval: str
    rows: str
    section: Section | Literal["probes"]
    anchor: str


@dataclass(frozen=True)
class ClaimRow:
    """One claim as text; `verdict` is a code for its colour, `says` its words."""

    id: str
    text: str
    source: str
    gave: str
    test: str
    verdict: str
    says: str
    because: str
    found: str
    evidence: Sequence[EvidenceRow]


@dataclass(frozen=True)
class ClaimsSection:
    """The section: claims that the capture bears on, those that it doesn't, and how many got which verdict."""

    tested: Sequence[ClaimRow]
    untested: Sequence[ClaimRow]
    tally: str
    of_note: bool


def claims_section(study: Study, claims: Sequence[Claim] | None, probes: Mapping[str, Probe]) -> ClaimsSection | None:
    """The section for `claims`; without them for the note's, and then none for a workload that the note isn't about.

    `probes` are those that the page shows: what rests on one links to its place there.
    """
    chosen = note_claims() if claims is None else claims
    if claims is None and study.capture.manifest.workload.get("name") not in {claim.workload for claim in chosen}:
        return None
    judged = measured_first(judge(study, chosen))
    known = anchors(probes)
    places = {f"{PROBES}: {id}": known.get(id, "probes") for id in probes}
    return ClaimsSection(
        tested=[_row(item, places) for item in judged if item.measured],
        untested=[_row(item, places) for item in judged if not item.measured],
        tally=tally(judged),
        of_note=claims is None,
    )


def _row(item: Judgement, places: Mapping[str, str]) -> ClaimRow:
    """`places` are the anchors of probes, by the rows that evidence names."""
    claim = item.claim
    evidence = [
        EvidenceRow(
            each.figure,
            value(each),
            between(each),
            each.rows,
            "probes" if each.rows in places else each.section,
            places.get(each.rows, each.section),
        )
        for each in item.evidence
    ]
    says = VERDICT_WORDS[item.verdict]
    return ClaimRow(
        claim.id,
        claim.text,
        claim.source,
        claim.gave,
        claim.test,
        item.verdict,
        says,
        because(item),
        found(item),
        evidence,
    )
