"""Claims tested, on one capture or on several: every case of every test, and the verdict that they make together.

On several captures, a claim is tested on each that it is about, and its cases are pooled (pool.py) by machine: a verdict
is of one GPU, and where GPUs differ in it, it depends on the GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.case_words import cases_in_words, listed
from launchlens.traces.claims.claim import Case, Claim, Combine, Judgement, Outcome, Verdict
from launchlens.traces.claims.kinds_of_test.base import Test, unmet
from launchlens.traces.claims.pooled_cases import counting, merged
from launchlens.traces.studies.study import Study

#: The outcome that a settled verdict is made of, which its words need not say again.
SETTLED: dict[Verdict, tuple[Outcome, ...]] = {"supported": ("holds",), "refuted": ("fails",)}


def judge(study: Study, claims: Iterable[Claim]) -> list[Judgement]:
    """Test claims on one study, in their order. Raises InputError for a probes.json that can't be read."""
    return _judge({None: CaptureUnderTest(study)}, claims)


def judge_across(studies: Mapping[str, Study], claims: Iterable[Claim]) -> list[Judgement]:
    """Test claims on studies by the names of their captures; of a single one, no name is told. Raises as `judge` does."""
    if len(studies) == 1:
        return judge(next(iter(studies.values())), claims)
    return _judge({name: CaptureUnderTest(study, name) for name, study in studies.items()}, claims)


def _judge(captures: Mapping[str | None, CaptureUnderTest], claims: Iterable[Claim]) -> list[Judgement]:
    for tested in captures.values():
        _ = tested.study.probes  # a file that can't be read is refused, whatever the claims ask
    return [judge_one(captures, claim) for claim in claims]


def judge_one(captures: Mapping[str | None, CaptureUnderTest], claim: Claim) -> Judgement:
    """Test one claim on every capture that it is about."""
    apt = {name: tested for name, tested in captures.items() if _elsewhere(tested, claim) is None}
    if not apt:
        reasons = list(dict.fromkeys(_elsewhere(tested, claim) for tested in captures.values()))
        return Judgement(claim, "not-testable", None, "; ".join(filter(None, reasons)) or "there is no capture")
    cases = [(test, merged([case for tested in apt.values() for case in test.run(tested)])) for test in claim.tests]
    machines = dict.fromkeys(tested.machine for tested in captures.values())
    by_machine: dict[str, tuple[Verdict, list[Case]]] = {}
    for machine in machines:
        here = {name for name, tested in apt.items() if tested.machine == machine}
        mine = [(test, [case for case in found if case.capture in here]) for test, found in cases if test.decides]
        verdict = _combined(claim.combine, [counting(test, found, apt) for test, found in mine])
        by_machine[machine] = verdict, [case for _, found in mine for case in found]
    pooled = [case for test, found in cases if test.decides for case in found]
    if len(machines) > 1:
        return _of_machines(claim, by_machine, pooled, cases)
    ((verdict, _),) = by_machine.values()
    if verdict == "depends":
        return Judgement(
            claim, verdict, cases_in_words(pooled, skip=("absent",)), cases_in_words(pooled, only=("absent",)), cases
        )
    return Judgement(claim, verdict, None, cases_in_words(pooled, skip=SETTLED.get(verdict, ())), cases)


def _of_machines(
    claim: Claim,
    by_machine: Mapping[str, tuple[Verdict, Sequence[Case]]],
    pooled: Sequence[Case],
    cases: Sequence[tuple[Test, Sequence[Case]]],
) -> Judgement:
    """The judgement of captures of different machines: `on` says what each machine's say."""
    said: dict[str, list[str]] = {}
    for machine, (verdict, found) in by_machine.items():
        if verdict != "not-testable":
            details = f" ({cases_in_words(found, skip=('absent',))})" if verdict == "depends" else ""
            said.setdefault(f"{verdict}{details}", []).append(machine)
    verdicts = {verdict for verdict, _ in by_machine.values()} - {"not-testable"}
    if not verdicts:
        return Judgement(claim, "not-testable", None, cases_in_words(pooled), cases)
    on = "; ".join(f"on {listed(machines)}: {what}" for what, machines in said.items())
    verdict = verdicts.pop() if len(verdicts) == 1 else "depends"
    return Judgement(claim, verdict, on, cases_in_words(pooled, only=("absent",)), cases)


def _elsewhere(tested: CaptureUnderTest, claim: Claim) -> str | None:
    """Why a claim is not about this capture at all."""
    manifest = tested.study.capture.manifest
    name, several = manifest.workload.get("name"), tested.name is not None
    if claim.workload is not None and claim.workload != name:
        tail = "" if several else f"; this one is of {name}"
        return f"it needs a capture of the workload {claim.workload}{tail}"
    if claim.device is not None and claim.device != manifest.device:
        words = {"cuda": "a GPU", "cpu": "a CPU"}
        needs, has = (words.get(device, device) for device in (claim.device, manifest.device))
        return f"it needs a capture of {needs}" + ("" if several else f"; this one is of {has}")
    return unmet(claim.when, tested)


def _combined(combine: Combine, counted: Sequence[Sequence[Case]]) -> Verdict:
    """The verdict of each test's cases that count, as the claim combines its tests."""
    if combine == "each":
        return _pooled([case for mine in counted for case in mine])
    return _joined([_pooled(mine) for mine in counted], first="refuted" if combine == "all" else "supported")


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
