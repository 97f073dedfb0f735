"""The verdict on a trace and the advice that it gives, as documents hold them."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.traces.advice.candidate import Evidence, Saving
from launchlens.traces.advice.words import advice_sentence, how_to, verdict_sentence
from launchlens.traces.documents.advice import Advice, AdviceRow, Verdict
from launchlens.traces.steps.bound_by import BOUNDS, bound_by
from launchlens.traces.steps.stepped import Stepped


def verdict_of(stepped: Stepped) -> Verdict:
    """The verdict on a trace."""
    found, steps = bound_by(stepped), stepped.steps
    return Verdict(
        bound_by="unknown" if found is None else found.bound_by,
        share=None if found is None else found.share,
        part=None if found is None else found.part,
        part_share=None if found is None or found.part is None else found.part_share,
        shares=None if found is None else {name: found.shares[name] for name in BOUNDS},
        steps=None if steps is None else len(steps),
        steps_found_by=None if steps is None else steps.found_by,
        sentence=verdict_sentence(found, saw_gpu=stepped.joined.saw_gpu),
    )


def advice_of(savings: Sequence[Saving], *, of_range: bool = False) -> list[Advice]:
    """The changes that would save something as advice, in the same order; `of_range`: of an instance of the range that was asked for."""
    of = "an instance of the range" if of_range else "a step"
    return [_advice(saving, of) for saving in savings]


def _advice(saving: Saving, of: str) -> Advice:
    candidate = saving.candidate
    return Advice(
        code=candidate.code,
        saves_ns_per_step=saving.ns,
        share_of_step=saving.share,
        where=candidate.where,
        rows=[_row(each) for each in candidate.evidence],
        how=how_to(candidate.code),
        sentence=advice_sentence(saving, of),
    )


def _row(evidence: Evidence) -> AdviceRow:
    return AdviceRow(
        name=evidence.name,
        per_step=float(evidence.per_step),
        ns_per_step=float(evidence.ns_per_step),
        first_ns=evidence.first_ns,
    )
