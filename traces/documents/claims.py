"""What `claims --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, UnsetType

from launchlens.traces.claims.claim import Measures, Outcome, Section, Verdict
from launchlens.traces.documents.structure import Document, Structure, means

SEVERAL = "several captures were given"


class EvidenceRow(Structure, frozen=True, kw_only=True):
    """One figure that a claim was held against, and where it comes from."""

    figure: Annotated[str, means("what it is, in words")]
    value: Annotated[
        int | float | None,
        means("its value, in `unit`; a time is rounded to whole ns", null="it could not be worked out"),
    ]
    unit: Annotated[str, means("`ns`, `ratio` (1 is equal), `share` (1 is all), or what is counted")]
    interval: Annotated[
        tuple[int | float, int | float] | None,
        means("95 % interval, low and high, in `unit`", null="it has none: a count, or too few samples"),
    ]
    rows: Annotated[str, means("the rows of the capture that it was worked out from, in words")]
    section: Annotated[
        Section, means("the section of the report that shows them, which is the section's anchor in the page too")
    ]
    capture: Annotated[str | UnsetType, means("the capture that it is from", there=SEVERAL)] = UNSET


class CaseRow(Structure, frozen=True, kw_only=True):
    """What one test found in one place."""

    what: Annotated[str, means("the variants, or what else the test was made on")]
    regime: Annotated[str | None, means("the regime", null="regimes don't matter to the test")]
    outcome: Annotated[
        Outcome,
        means(
            "`no-difference-shown` and `undecided` were measured, and the measurement doesn't decide; `absent` was not "
            "measured, or not as the test needs it"
        ),
    ]
    reason: Annotated[str | None, means("why, in words", null="the outcome says all")]
    capture: Annotated[str | UnsetType, means("the capture that it was found in", there=SEVERAL)] = UNSET


class TestRow(Structure, frozen=True, kw_only=True):
    """One test of a claim."""

    kind: Annotated[str, means("the kind of test, as a claims file names it")]
    test: Annotated[str, means("what it asks for, in words")]
    because: Annotated[str | None, means("why its bounds are these", null="it has none, or nobody said")]
    decides: Annotated[bool, means("whether it counts for the verdict; else it adds evidence only")]
    cases: Annotated[list[CaseRow], means("what it found, a row a place")]


class MachineRow(Structure, frozen=True, kw_only=True):
    """What the captures of one machine say of a claim."""

    machine: Annotated[str, means("the GPU, or the processor where the capture is of one")]
    verdict: Annotated[Verdict, means("the verdict of this machine's captures alone")]
    on: Annotated[
        str | None,
        means(
            "on what it depends, what keeps it from being tested or decided, or what one of several captures left open",
            null="the verdict says all",
        ),
    ]


class ClaimRow(Structure, frozen=True, kw_only=True):
    """One claim and what came of it."""

    id: Annotated[str, means("its id in the claims file")]
    text: Annotated[str, means("what is claimed")]
    source: Annotated[str, means("who states it, and where")]
    gave: Annotated[str, means("the figure that the source gives; empty if none")]
    measures: Annotated[
        Measures | None,
        means(
            "what of it can't be measured here: a constant of the machine that it was stated on, or code that ours only "
            "reconstructs; a test that disagrees makes it `not-reproduced` then",
            null="nothing keeps a test from refuting it",
        ),
    ]
    test: Annotated[str, means("how it is tested, in words")]
    verdict: Annotated[Verdict, means("what the tests say of it together, on all machines")]
    machines: Annotated[list[MachineRow], means("the verdict of each machine that captures were given of")]
    on: Annotated[
        str | None,
        means(
            "what each machine's captures say, or on what it depends, in words", null="there is nothing to tell apart"
        ),
    ]
    why: Annotated[str | None, means("what was not shown or not tested, and why", null="all was")]
    evidence: Annotated[list[EvidenceRow], means("every figure once, in the order of the tests")]
    tests: Annotated[list[TestRow], means("the outcome of each test")]


class CaptureRow(Structure, frozen=True, kw_only=True):
    """One capture that claims were tested on."""

    name: Annotated[str, means("what the document calls it: its folder's name")]
    workload: Annotated[str | None, means("what was measured", null="the manifest does not say")]
    says: Annotated[str | None, means("the workload in a sentence", null="the manifest does not say")]
    machine: Annotated[str, means("the GPU, or the processor where the capture is of one")]
    recorded_at: Annotated[str, means("when, as the capture says")]
    complete: Annotated[bool, means("whether the run that measured it came to its end")]
    measured_here: Annotated[bool, means("false for a capture that ships with launchlens")]


class ClaimsDocument(Document, tag_field="format", tag="launchlens.claims/2", frozen=True, kw_only=True):
    """Claims, each tested on the captures that it is about."""

    printed_by: ClassVar = ("claims [CAPTURE]... --json",)
    history: ClassVar = (
        (
            "launchlens.claims/2",
            "verdicts `not-reproduced` and `undecided`, which were `refuted` and `not-testable`; `machines`, `measures`, `because`",
        ),
        ("launchlens.claims/1", "the first"),
    )

    measured_here: Annotated[bool, means("whether none of the captures ships with launchlens")]
    recorded: Annotated[
        str | None,
        means("what to say of those that ship: where and when they were measured", null="none of them ships"),
    ]
    captures: Annotated[list[CaptureRow], means("what the claims were tested on")]
    claims: Annotated[list[ClaimRow], means("a row a claim, in the order of the file")]
