"""What `report --json` and `profile --json` print."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from launchlens.traces.captures.capture import Status
from launchlens.traces.documents.comparison import ComparisonRow, SideRow
from launchlens.traces.documents.estimate import EstimateRow
from launchlens.traces.documents.findings import AnyFinding
from launchlens.traces.documents.probes import ProbeRow
from launchlens.traces.documents.problem import ProblemRow
from launchlens.traces.documents.structure import Document, Structure, means
from launchlens.traces.documents.what_if import WhatIfRow
from launchlens.traces.studies.agreement import Verdict

MANIFEST = "as the [manifest](capture.md) has it"


class AgreementRow(Structure, frozen=True, kw_only=True):
    """One figure of one side, by each collector that gives it."""

    variant: Annotated[str, means("the variant")]
    regime: Annotated[str, means("the regime")]
    metric: Annotated[str, means("the figure: `launches`, `activities`, `gpu_ns`, `api_ns`, `queue_ns` or `inflation`")]
    unit: Annotated[str | None, means("its unit: `ns` or `×`", null="it is a count")]
    must_agree: Annotated[bool, means("whether collectors must agree on it")]
    values: Annotated[dict[str, EstimateRow], means("the median over blocks, in `unit`", key="collector")]
    apart: Annotated[
        float | None,
        means(
            "the largest distance from the first collector's value, as a share of it",
            null="that value is 0, and others are not",
        ),
    ]
    verdict: Annotated[Verdict, means("whether they agree")]


class NotMeasuredRow(Structure, frozen=True, kw_only=True):
    """A variant that was not measured in a regime."""

    variant: Annotated[str, means("the variant")]
    regime: Annotated[str, means("the regime")]
    status: Annotated[Status, means("what became of it")]
    why: Annotated[str | None, means("why, in a sentence", null="no reason was recorded")]


class StudyDocument(Document, tag_field="format", tag="launchlens.study/2", frozen=True, kw_only=True):
    """A capture worked out: the verdict as findings and in words, every side, and all against the baseline."""

    printed_by: ClassVar = ("report CAPTURE --json", "profile --json")
    history: ClassVar = (
        ("launchlens.study/2", "sides say what their unprofiled time is made of; differences are of unprofiled times"),
        ("launchlens.study/1", "the first"),
    )

    capture: Annotated[str, means("where it lies")]
    measured_here: Annotated[bool, means("false for a capture that ships with launchlens")]
    recorded: Annotated[
        str | None, means("what to say of one that ships: where and when it was measured", null="it doesn't")
    ]
    recorded_at: Annotated[str, means(f"when, {MANIFEST}")]
    complete: Annotated[bool, means("whether the run that measured it came to its end")]
    device: Annotated[str, means("`cuda` or `cpu`")]
    workload: Annotated[dict[str, Any], means(f"what was measured, {MANIFEST}")]
    environment: Annotated[dict[str, Any], means(f"on what, {MANIFEST}")]
    timing: Annotated[dict[str, Any], means(f"how it was timed, {MANIFEST}")]
    verdict: Annotated[list[AnyFinding], means("the findings, as a verdict states them")]
    sentences: Annotated[list[str], means("the verdict in words")]
    sides: Annotated[list[SideRow], means("a row a variant and regime that was timed")]
    comparisons: Annotated[
        list[ComparisonRow], means("the other variants against the baseline, regime by regime, the fastest first")
    ]
    controls: Annotated[
        dict[str, EstimateRow | None],
        means("the A/A control: the baseline's time over its own; null where no round has both", key="regime"),
    ]
    what_if: Annotated[
        WhatIfRow | None,
        means("what the costs of launches predict", null="the capture holds no such costs that count: see its probes"),
    ]
    agreement: Annotated[list[AgreementRow], means("how far collectors agree; empty where only one recorded")]
    probes: Annotated[list[ProbeRow], means("what the probes in the capture found; empty without any")]
    problems: Annotated[
        dict[str, list[ProblemRow]], means("what was met in each file", key="path of the file in the capture")
    ]
    not_measured: Annotated[list[NotMeasuredRow], means("what was not measured, and why")]
