"""Claims tested: every case of every test, and the verdict that they make together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from launchlens.traces.claims.claim import Case, Claim, Evidence, Judgement, Outcome, Verdict
from launchlens.traces.claims.ground import Ground
from launchlens.traces.study import Study

FORMAT = "launchlens.claims/1"

#: How outcomes are called in a verdict's words; the order is the order in which they are told.
OUTCOME_WORDS: dict[Outcome, str] = {
    "holds": "holds",
    "fails": "does not hold",
    "no-difference-shown": "no difference shown",
    "undecided": "undecided",
    "absent": "not tested",
}


def judge(study: Study, claims: Iterable[Claim]) -> list[Judgement]:
    """Test claims on a study, in their order. Raises InputError for a probes.json that can't be read."""
    ground = Ground.of(study)
    return [judge_one(ground, claim) for claim in claims]


def judge_one(ground: Ground, claim: Claim) -> Judgement:
    """Test one claim."""
    elsewhere = _elsewhere(ground, claim)
    if elsewhere:
        return Judgement(claim, "not-testable", None, elsewhere)
    cases = [(test, test.run(ground)) for test in claim.tests]
    counted = [mine for test, mine in cases if test.decides]
    pooled = [case for mine in counted for case in mine]
    if claim.combine == "each":
        verdict = _pooled(pooled)
    else:
        verdict = _joined(
            [_pooled(mine) for mine in counted], first="refuted" if claim.combine == "all" else "supported"
        )
    if verdict == "depends":
        return Judgement(claim, verdict, _told(pooled, skip=("absent",)), _told(pooled, only=("absent",)), cases)
    settled: dict[Verdict, list[Outcome]] = {"supported": ["holds"], "refuted": ["fails"]}
    return Judgement(claim, verdict, None, _told(pooled, skip=settled.get(verdict, ())), cases)


def _elsewhere(ground: Ground, claim: Claim) -> str | None:
    """Why a claim is not about this capture at all."""
    manifest = ground.study.capture.manifest
    name = manifest.workload.get("name")
    if claim.workload is not None and claim.workload != name:
        return f"it needs a capture of the workload {claim.workload}; this one is of {name}"
    if claim.device is not None and claim.device != manifest.device:
        words = {"cuda": "a GPU", "cpu": "a CPU"}
        needs, has = (words.get(device, device) for device in (claim.device, manifest.device))
        return f"it needs a capture of {needs}; this one is of {has}"
    return None


def _pooled(cases: Sequence[Case]) -> Verdict:
    """The verdict of cases that count alike: what could not be tested doesn't count, but nothing is made of it."""
    outcomes = {case.outcome for case in cases} - {"absent"}
    if "holds" in outcomes:
        return "supported" if outcomes == {"holds"} else "depends"
    return "refuted" if "fails" in outcomes else "not-testable"


def _joined(verdicts: Sequence[Verdict], *, first: Verdict) -> Verdict:
    """All tests together: `first` is the verdict that one test is enough for, its opposite needs all of them."""
    opposite: Verdict = "supported" if first == "refuted" else "refuted"
    if first in verdicts:
        return first
    if "depends" in verdicts:
        return "depends"
    return opposite if set(verdicts) == {opposite} else "not-testable"


def _told(cases: Sequence[Case], *, skip: Sequence[Outcome] = (), only: Sequence[Outcome] = ()) -> str | None:
    """Cases in words: `holds in eager; no difference shown in graph`, with what each is about where that differs."""
    alike = len({case.what for case in cases}) == 1
    told = []
    for outcome, words in OUTCOME_WORDS.items():
        if outcome in skip or (only and outcome not in only):
            continue
        groups: dict[tuple[str, str | None], list[str]] = {}
        for case in cases:
            if case.outcome == outcome:
                # what is missing says itself what it is missing from
                what = "" if outcome == "absent" else case.what
                groups.setdefault((what, case.reason), []).append(case.regime or "")
        for (what, reason), regimes in groups.items():
            where = " and ".join(dict.fromkeys(regime for regime in regimes if regime))
            place = ("" if alike or not what else f" for {what}") + (f" in {where}" if where else "")
            why = "" if not reason or outcome in ("holds", "fails") else f": {reason}" if not place else f" ({reason})"
            told.append(f"{words}{place}{why}")
    return "; ".join(told) or None


def document(judged: Sequence[Judgement], **about: Any) -> dict[str, Any]:
    """What `claims --json` prints; `about` are further keys, which say where it comes from."""
    return {"format": FORMAT} | about | {"claims": [to_json(item) for item in judged]}


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
                "cases": [
                    {"what": case.what, "regime": case.regime, "outcome": case.outcome, "reason": case.reason}
                    for case in cases
                ],
            }
            for test, cases in judgement.cases
        ],
    }


def _evidence_json(item: Evidence) -> dict[str, Any]:
    """Evidence as JSON: times are whole ns, as everywhere."""
    whole = item.unit == "ns"
    bounds = None if item.interval is None else [round(end) if whole else end for end in item.interval]
    return {
        "figure": item.figure,
        "value": round(item.value) if whole and item.value is not None else item.value,
        "unit": item.unit,
        "interval": bounds,
        "rows": item.rows,
        "section": item.section,
    }
