"""What a claim is, and what comes of testing one: plain data, with no opinion on whether it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from launchlens.traces.captures.probes import FigureKey

if TYPE_CHECKING:
    from launchlens.traces.claims.kinds_of_test.base import Limits, Test

#: What one test finds in one place (a regime, a variant). `no-difference-shown` and `undecided` were measured, and the
#: measurement doesn't decide: the first about which of two is faster, the second about a threshold that an interval
#: straddles. `absent` was not measured, or not as the test needs it.
Outcome = Literal["holds", "fails", "no-difference-shown", "undecided", "absent"]
#: What comes of a claim. `not-reproduced` stands where a test disagrees with a claim that is about another machine, or that was
#: tested on our own reconstruction of its subject (`Measures`): what we found does not refute it there. `undecided` was measured,
#: and what was measured doesn't decide; `not-testable` was not measured, or can't be.
Verdict = Literal["supported", "refuted", "depends", "not-reproduced", "undecided", "not-testable"]
#: What a claim measures that is not measured here: a time or a ratio of the machine that it was stated on, or code that was not
#: published and that our variants only reconstruct.
Measures = Literal["another-machine", "reconstruction"]
#: How a claim's tests make its verdict:
#:   each  every case counts by itself: all hold, all fail, or it depends on which (regimes, variants); where one is undecided
#:         and no two differ, the claim is
#:   all   every test must hold, so one that fails refutes and one that can't be made leaves the claim untested
#:   any   one test that holds is enough
Combine = Literal["each", "all", "any"]

#: Sections of the report in which evidence stands; they are its anchors too.
Section = Literal["timing", "account", "difference", "ledger", "environment"]


@dataclass(frozen=True)
class OfProbe:
    """The figure of a probe that evidence is, and the one that it is held against, where it is."""

    probe: str
    figure: FigureKey
    against: FigureKey | None = None

    def __str__(self) -> str:
        against = "" if self.against is None else f" ÷ {self.against}"
        return f"{self.figure}{against}, probe {self.probe}"


@dataclass(frozen=True)
class Evidence:
    """One figure and where it comes from.

    `value` and `interval` (95 %) are in `unit`: `ns`, `ratio` (1 is equal), `share` (1 is all), or what is counted.
    `rows` names the rows of the capture that the figure was computed from; `section` is where the report shows them.
    `capture` says which capture that is, where there are several. `of_probe` says which figure of a probe it is, where it
    is one: there are words for those (reports/words/probes).
    """

    figure: str
    value: float | None
    unit: str
    interval: tuple[float, float] | None
    rows: str
    section: Section
    capture: str | None = None
    of_probe: OfProbe | None = None

    @property
    def origin(self) -> str:
        """Its rows, and before them the capture that they are in, where there are several."""
        return self.rows if self.capture is None else f"{self.capture}: {self.rows}"


@dataclass(frozen=True)
class Case:
    """What one test found in one place: `what` (variants) in `regime` (None where regimes don't matter).

    `capture` is the one it was found in, where there are several; None also for what no capture holds.
    """

    what: str
    regime: str | None
    outcome: Outcome
    reason: str | None = None
    evidence: Sequence[Evidence] = ()
    capture: str | None = None

    def found_in(self, capture: str | None) -> Case:
        """The same case with its evidence, as found in a capture."""
        return replace(self, capture=capture, evidence=tuple(replace(each, capture=capture) for each in self.evidence))


@dataclass(frozen=True)
class Claim:
    """A statement that can be tested. `text` is one line; `source` says who states it and where, `gave` their figure.

    `workload` and `device` say on which captures it can be tested (any, where None), and `when` which numbers their
    workload must have. A test with `decides` false adds evidence and doesn't count for the verdict.

    `measures` says what of it can't be measured here, so that a test that disagrees does not refute it. `untested` says why
    no test of ours could come out either way: its tests then only add evidence.
    """

    id: str
    text: str
    source: str
    gave: str
    tests: Sequence[Test]
    combine: Combine = "each"
    workload: str | None = None
    device: str | None = None
    when: Mapping[str, Limits] = field(default_factory=dict)
    measures: Measures | None = None
    untested: str = ""

    @property
    def test(self) -> str:
        """How it is tested, in words made of its tests."""
        if self.untested:
            beside = "; ".join(test.describe() for test in self.tests)
            return "no test of ours could come out either way" + (f". Beside it: {beside}" if beside else "")
        joint = {"each": "; ", "all": "; and ", "any": "; or "}[self.combine]
        deciding = joint.join(test.describe() for test in self.tests if test.decides)
        beside = "; ".join(test.describe() for test in self.tests if not test.decides)
        numbers = " and ".join(f"{key} {limits}" for key, limits in self.when.items())
        text = f"{deciding}; on captures with {numbers}" if numbers else deciding
        return f"{text}. Beside it: {beside}" if beside else text


@dataclass(frozen=True)
class MachineVerdict:
    """What the captures of one machine say of a claim.

    `on` says on what that depends, what keeps it from being tested or decided, or what one of several captures left open.
    """

    machine: str
    verdict: Verdict
    on: str | None


@dataclass(frozen=True)
class Judgement:
    """What came of a claim. `on` says on what it depends; `why` what was not shown or not tested, and why.

    `machines` has the verdict of each machine that captures were given of, whatever it is.
    """

    claim: Claim
    verdict: Verdict
    on: str | None
    why: str | None
    cases: Sequence[tuple[Test, Sequence[Case]]] = field(default_factory=tuple)
    machines: Sequence[MachineVerdict] = ()

    @property
    def evidence(self) -> list[Evidence]:
        """Every figure once, in the order of the tests."""
        found = [item for _, cases in self.cases for case in cases for item in case.evidence]
        return list(dict.fromkeys(found))

    @property
    def deciding(self) -> list[Evidence]:
        """The figures that were held against what the claim says: the first of each case that counts."""
        cases = [case for test, cases in self.cases if test.decides for case in cases]
        return list(dict.fromkeys(case.evidence[0] for case in cases if case.evidence))

    @property
    def measured(self) -> bool:
        """Whether anything was measured that bears on it, of a claim that can be tested."""
        return bool(self.evidence) and not self.claim.untested


def decide(
    value: float,
    interval: tuple[float, float] | None,
    at_least: float | None,
    at_most: float | None,
    *,
    counted: bool = False,
) -> Outcome:
    """Whether a figure lies within bounds: only if all of its interval does, and outside only if none of it does.

    A figure without an interval decides nothing, unless it was `counted`: a count of all that there was is no estimate.
    """
    if interval is None and not counted:
        return "undecided"
    low, high = interval or (value, value)
    least, most = (float("-inf") if at_least is None else at_least), (float("inf") if at_most is None else at_most)
    if least <= low and high <= most:
        return "holds"
    return "fails" if high < least or most < low else "undecided"
