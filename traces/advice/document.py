"""The verdict on a trace and the advice that it gives, as documents hold them."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.traces.advice.candidate import Evidence, Saving
from launchlens.traces.advice.words import advice_sentence, devices_sentence, how_to, verdict_sentence
from launchlens.traces.documents.advice import Advice, AdviceRow, DeviceVerdict, Verdict
from launchlens.traces.steps.bound_by import BOUNDS, Bound, bound_by
from launchlens.traces.steps.stepped import Stepped


def verdict_of(stepped: Stepped) -> Verdict:
    """The verdict on a trace."""
    found, steps, each = bound_by(stepped), stepped.steps, _each_device(stepped)
    return Verdict(
        bound_by="unknown" if found is None else found.bound_by,
        share=None if found is None else found.share,
        part=None if found is None else found.part,
        part_share=None if found is None or found.part is None else found.part_share,
        shares=None if found is None else {name: found.shares[name] for name in BOUNDS},
        steps=None if steps is None else len(steps),
        steps_found_by=None if steps is None else steps.found_by,
        sentence=verdict_sentence(
            found,
            saw_gpu=stepped.joined.saw_gpu,
            ran=stepped.device is None and len(stepped.joined.launches.activity_rows) > 0,
        ),
        devices=[_of_device(device, bound) for device, bound in each.items()],
        devices_sentence=devices_sentence(each, str(stepped.device)) if each else None,
    )


def _each_device(stepped: Stepped) -> dict[str, Bound]:
    """What bounds each device of the process, by its number; nothing where there are not several."""
    if len(stepped.each_device) < 2:
        return {}
    bounds = {str(each.device): bound_by(each) for each in stepped.each_device}
    known = {device: bound for device, bound in bounds.items() if bound is not None}
    return known if len(known) > 1 else {}


def _of_device(device: str, bound: Bound) -> DeviceVerdict:
    return DeviceVerdict(
        device=device,
        bound_by=bound.bound_by,
        share=bound.share,
        part=bound.part,
        part_share=None if bound.part is None else bound.part_share,
        shares={name: bound.shares[name] for name in BOUNDS},
        sentence=verdict_sentence(bound, saw_gpu=True),
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
