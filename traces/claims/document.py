"""Judged claims as `claims --json` prints them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import UNSET

from launchlens.traces.claims.claim import Case, Evidence, Judgement
from launchlens.traces.claims.under_test import Worked, under_test
from launchlens.traces.documents.claims import (
    CaptureRow,
    CaseRow,
    ClaimRow,
    ClaimsDocument,
    EvidenceRow,
    MachineRow,
    TestRow,
)


def as_document(
    judged: Sequence[Judgement],
    studies: Mapping[str, Worked],
    *,
    shipped: Collection[str] = (),
    recorded: str | None = None,
) -> ClaimsDocument:
    """Claims judged on `studies`, by name; `shipped` names those that ship with launchlens, `recorded` says it of them."""
    return ClaimsDocument(
        measured_here=not shipped,
        recorded=recorded,
        captures=[_capture(name, study, measured_here=name not in shipped) for name, study in studies.items()],
        claims=[_claim(judgement) for judgement in judged],
    )


def _capture(name: str, study: Worked, *, measured_here: bool) -> CaptureRow:
    tested = under_test(study)
    return CaptureRow(
        name=name,
        workload=tested.workload.get("name"),
        says=tested.workload.get("says"),
        machine=tested.machine,
        recorded_at=tested.recorded_at,
        complete=tested.complete,
        measured_here=measured_here,
    )


def _claim(judgement: Judgement) -> ClaimRow:
    claim = judgement.claim
    return ClaimRow(
        id=claim.id,
        text=claim.text,
        source=claim.source,
        gave=claim.gave,
        test=claim.test,
        measures=claim.measures,
        verdict=judgement.verdict,
        machines=[MachineRow(machine=each.machine, verdict=each.verdict, on=each.on) for each in judgement.machines],
        on=judgement.on,
        why=judgement.why,
        evidence=[_evidence(item) for item in judgement.evidence],
        tests=[
            TestRow(
                kind=test.kind,
                test=test.describe(),
                because=test.reason,
                decides=test.decides,
                cases=[_case(each) for each in cases],
            )
            for test, cases in judgement.cases
        ],
    )


def _case(case: Case) -> CaseRow:
    return CaseRow(
        what=case.what,
        regime=case.regime,
        outcome=case.outcome,
        reason=case.reason,
        capture=UNSET if case.capture is None else case.capture,
    )


def _evidence(item: Evidence) -> EvidenceRow:
    """Evidence with times as whole ns, as everywhere."""
    value, interval = item.value, item.interval
    if item.unit == "ns":
        value = None if value is None else round(value)
        interval = None if interval is None else (round(interval[0]), round(interval[1]))
    return EvidenceRow(
        figure=item.figure,
        value=value,
        unit=item.unit,
        interval=interval,
        rows=item.origin,
        section=item.section,
        capture=UNSET if item.capture is None else item.capture,
    )
