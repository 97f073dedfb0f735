"""Judged claims as `claims --json` prints them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from launchlens.traces.claims.claim import Case, Evidence, Judgement
from launchlens.traces.claims.ground import machine
from launchlens.traces.studies.study import Study

FORMAT = "launchlens.claims/1"


def document(judged: Sequence[Judgement], **about: Any) -> dict[str, Any]:
    """What `claims --json` prints; `about` are further keys, which say where it comes from."""
    return {"format": FORMAT} | about | {"claims": [to_json(item) for item in judged]}


def captures_json(studies: Mapping[str, Study], recorded: Collection[str]) -> list[dict[str, Any]]:
    """The captures that claims were tested on, a row each; `recorded` names those that ship with launchlens."""
    rows = []
    for name, study in studies.items():
        manifest = study.capture.manifest
        rows.append(
            {
                "name": name,
                "workload": manifest.workload.get("name"),
                "says": manifest.workload.get("says"),
                "machine": machine(manifest),
                "recorded_at": manifest.recorded_at,
                "complete": manifest.complete,
                "measured_here": name not in recorded,
            }
        )
    return rows


def to_json(judgement: Judgement) -> dict[str, Any]:
    """One claim as FORMATS.md asks, with `gave` (the source's figure), `why`, and the outcome of each test beside."""
    claim = judgement.claim
    return {
        "id": claim.id,
        "text": claim.text,
        "source": claim.source,
        "gave": claim.gave,
        "test": claim.test,
        "verdict": judgement.verdict,
        "on": judgement.on,
        "why": judgement.why,
        "evidence": [_evidence_json(item) for item in judgement.evidence],
        "tests": [
            {
                "kind": test.kind,
                "test": test.describe(),
                "decides": test.decides,
                "cases": [_case_json(case) for case in cases],
            }
            for test, cases in judgement.cases
        ],
    }


def _case_json(case: Case) -> dict[str, Any]:
    found = {"what": case.what, "regime": case.regime, "outcome": case.outcome, "reason": case.reason}
    return found if case.capture is None else found | {"capture": case.capture}


def _evidence_json(item: Evidence) -> dict[str, Any]:
    """Evidence as JSON: times are whole ns, as everywhere."""
    whole = item.unit == "ns"
    bounds = None if item.interval is None else [round(end) if whole else end for end in item.interval]
    found = {
        "figure": item.figure,
        "value": round(item.value) if whole and item.value is not None else item.value,
        "unit": item.unit,
        "interval": bounds,
        "rows": item.origin,
        "section": item.section,
    }
    return found if item.capture is None else found | {"capture": item.capture}
