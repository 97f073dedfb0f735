"""Claims tested, on one capture or on several: every case of every test, and the verdict that they make together.

On several captures, a claim is tested on each that it is about, and its cases are pooled (pooled_cases.py) by machine: a
verdict is of one GPU. Where GPUs differ in it, it depends on the GPU; where one of them can't decide, neither can all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.case_words import cases_in_words, listed
from launchlens.traces.claims.claim import Case, Claim, Combine, Judgement, MachineVerdict, Outcome, Verdict
from launchlens.traces.claims.kinds_of_test.base import Test, unmet
from launchlens.traces.claims.pooled_cases import counting, merged
from launchlens.traces.claims.under_test import Tested, Worked, under_test

#: The outcome that a settled verdict is made of, which its words need not say again.
SETTLED: dict[Verdict, tuple[Outcome, ...]] = {
    "supported": ("holds",),
    "refuted": ("fails",),
    "not-reproduced": ("fails",),
}


def judge(study: Worked, claims: Iterable[Claim]) -> list[Judgement]:
    """Test claims on one study, in their order. Raises InputError for a probes.json that can't be read."""
    return _judge({None: under_test(study)}, claims)


def judge_across(studies: Mapping[str, Worked], claims: Iterable[Claim]) -> list[Judgement]:
    """Test claims on studies by the names of their captures; of a single one, no name is told. Raises as `judge` does."""
    if len(studies) == 1:
        return judge(next(iter(studies.values())), claims)
    return _judge({name: under_test(study, name) for name, study in studies.items()}, claims)


def _judge(captures: Mapping[str | None, Tested], claims: Iterable[Claim]) -> list[Judgement]:
    for tested in captures.values():
        if isinstance(tested, CaptureUnderTest):
            _ = tested.study.probes  # a file that can't be read is refused, whatever the claims ask
    return [judge_one(captures, claim) for claim in claims]


def judge_one(captures: Mapping[str | None, Tested], claim: Claim) -> Judgement:
    """Test one claim on every capture that it is about."""
    machines = list(dict.fromkeys(tested.machine for tested in captures.values()))
    apt = {name: tested for name, tested in captures.items() if _elsewhere(tested, claim) is None}
    if not apt:
        reasons = list(dict.fromkeys(_elsewhere(tested, claim) for tested in captures.values()))
        why = "; ".join(filter(None, reasons)) or "there is no capture"
        return _untestable(claim, why, machines)
    found = [(test, [case for tested in apt.values() for case in test.run(tested)]) for test in claim.tests]
    cases = [(test, merged(mine)) for test, mine in found]
    if claim.untested:
        return replace(_untestable(claim, claim.untested, machines), cases=cases)
    of_machines = [_of_machine(claim, machine, found, apt) for machine in machines]
    pooled = [case for test, mine in cases if test.decides for case in mine]
    if len(machines) > 1:
        verdict = _of_all({each.verdict for each in of_machines})
        on = None if verdict == "not-testable" else _on_machines(of_machines)
        only: tuple[Outcome, ...] = ("absent",)
        return Judgement(claim, verdict, on, cases_in_words(pooled, only=only), cases, of_machines)
    (one,) = of_machines
    if one.verdict == "depends":
        return Judgement(claim, one.verdict, one.on, cases_in_words(pooled, only=("absent",)), cases, of_machines)
    rest = cases_in_words(pooled, skip=SETTLED.get(one.verdict, ()))
    return Judgement(claim, one.verdict, None, rest, cases, of_machines)


def _untestable(claim: Claim, why: str, machines: Sequence[str]) -> Judgement:
    """The judgement of a claim that no capture can test."""
    said = [MachineVerdict(machine, "not-testable", why) for machine in machines]
    return Judgement(claim, "not-testable", None, why, machines=said)


def _of_machine(
    claim: Claim,
    machine: str,
    found: Sequence[tuple[Test, Sequence[Case]]],
    captures: Mapping[str | None, Tested],
) -> MachineVerdict:
    """What the captures of one machine say: those of others are not put to them."""
    here = {name for name, tested in captures.items() if tested.machine == machine}
    mine = [(test, merged([case for case in cases if case.capture in here])) for test, cases in found if test.decides]
    verdict = _combined(claim.combine, [counting(test, cases, captures) for test, cases in mine])
    if verdict == "refuted" and claim.measures is not None:
        verdict = "not-reproduced"
    cases = [case for _, cases in mine for case in cases]
    if verdict in ("depends", "undecided"):
        return MachineVerdict(machine, verdict, cases_in_words(cases, skip=("absent",)))
    if verdict == "not-testable":
        return MachineVerdict(machine, verdict, cases_in_words(cases) or "no capture of it has what the claim is about")
    # decided by another capture of the same thing; that one was open is not passed over
    return MachineVerdict(machine, verdict, cases_in_words(cases, only=("undecided",)))


def _of_all(verdicts: Collection[Verdict]) -> Verdict:
    """The verdict of several machines: one that could not test adds nothing, one that could not decide leaves it open."""
    measured = set(verdicts) - {"not-testable"}
    decided = measured - {"undecided"}
    if not measured:
        return "not-testable"
    if len(decided) > 1 or "depends" in decided:
        return "depends"
    return decided.pop() if len(measured) == 1 and decided else "undecided"


def _on_machines(said: Sequence[MachineVerdict]) -> str:
    """What each machine's captures say, in words; why one could not test it is told apart from this."""
    words: dict[str, list[str]] = {}
    for each in said:
        what = each.verdict.replace("-", " ")
        if each.on and each.verdict != "not-testable":
            what = each.on if each.on.startswith(what) else f"{what} ({each.on})"
        words.setdefault(what, []).append(each.machine)
    return "; ".join(f"on {listed(machines)}: {what}" for what, machines in words.items())


def _elsewhere(tested: Tested, claim: Claim) -> str | None:
    """Why a claim is not about this capture at all."""
    name, device, several = tested.workload.get("name"), tested.device, tested.name is not None
    if claim.workload is not None and claim.workload != name:
        tail = "" if several else f"; this one is of {name}"
        return f"it needs a capture of the workload {claim.workload}{tail}"
    if claim.device is not None and claim.device != device:
        words = {"cuda": "a GPU", "cpu": "a CPU"}
        needs, has = (words.get(device, device) for device in (claim.device, device))
        return f"it needs a capture of {needs}" + ("" if several else f"; this one is of {has}")
    if not any(test.of_sweeps == tested.is_sweep for test in claim.tests):
        return "it needs a capture" if tested.is_sweep else "it needs a sweep"
    return unmet(claim.when, tested)


def _combined(combine: Combine, counted: Sequence[Sequence[Case]]) -> Verdict:
    """The verdict of each test's cases that count, as the claim combines its tests."""
    if combine == "each":
        return _pooled([case for mine in counted for case in mine])
    return _joined([_pooled(mine) for mine in counted], first="refuted" if combine == "all" else "supported")


def _pooled(cases: Sequence[Case]) -> Verdict:
    """The verdict of cases that count alike: what could not be tested doesn't count, and what is undecided leaves it open."""
    outcomes = {case.outcome for case in cases} - {"absent"}
    if not outcomes:
        return "not-testable"
    if "holds" in outcomes and outcomes & {"fails", "no-difference-shown"}:
        return "depends"
    if "undecided" in outcomes or outcomes == {"no-difference-shown"}:
        return "undecided"
    return "supported" if "holds" in outcomes else "refuted"


def _joined(verdicts: Sequence[Verdict], *, first: Verdict) -> Verdict:
    """All tests together: `first` is the verdict that one test is enough for, its opposite needs all of them."""
    opposite: Verdict = "supported" if first == "refuted" else "refuted"
    for enough in (first, "depends", "undecided"):
        if enough in verdicts:
            return enough
    return opposite if set(verdicts) == {opposite} else "not-testable"
