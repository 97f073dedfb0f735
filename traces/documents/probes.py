"""What `probe --json` prints, and `report --json` of the probes of a capture."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from launchlens.traces.documents.structure import Document, Structure, means


class ControlRow(Structure, frozen=True, kw_only=True):
    """Something known that the probe must find as well."""

    control: Annotated[str, means("what must be found")]
    passed: Annotated[bool, means("whether it was")]
    found: Annotated[str, means("what was found")]


class FigureRow(Structure, frozen=True, kw_only=True):
    """One figure of a probe."""

    figure: Annotated[str, means("what it is, in words")]
    what: Annotated[str, means("which figure it is: a code of the probe's own")]
    of: Annotated[
        str, means("what it is about: a variant, a way of launching, a ladder, an operation; empty where nothing")
    ]
    part: Annotated[str, means("which part of that: a step of a ladder; empty where all")]
    to: Annotated[str, means("what a ratio is against; empty for others")]
    under: Annotated[str, means("the condition it was found under; empty where there is one only")]
    value: Annotated[int | float | None, means("its value, in `unit`", null="it could not be measured")]
    unit: Annotated[str, means("`ns`, `ratio` (1 is equal), `share` (1 is all), or what is counted")]
    out_of: Annotated[int | None, means("of how many, for a count", null="it is no count, or not out of a number")]
    interval: Annotated[
        tuple[int | float, int | float] | None,
        means("95 % interval, low and high, in `unit`", null="it has none: a count, or a mean over all that was made"),
    ]


class ProbeRow(Structure, frozen=True, kw_only=True):
    """What one probe found. Its answer counts where `control` is `passed`."""

    id: Annotated[str, means("the probe, as `probe --list` names it")]
    asks: Annotated[str, means("the question")]
    verdict: Annotated[
        str | None,
        means("the code of the answer; `inconclusive` where a control did not pass", null="it gave none"),
    ]
    says: Annotated[str, means("the answer in a sentence or two")]
    control: Annotated[
        Literal["passed", "failed", "absent"], means("`passed` where every control did, `absent` where it made none")
    ]
    controls: Annotated[list[ControlRow], means("its controls")]
    figures: Annotated[list[FigureRow], means("what it measured")]


class ProbesDocument(Document, tag_field="format", tag="launchlens.probes/2", frozen=True, kw_only=True):
    """What probes found on this GPU. A capture's `probes.json` is of the same format, and holds tables and notes besides."""

    printed_by: ClassVar = ("probe [NAME]... --json",)
    history: ClassVar = (
        ("launchlens.probes/2", "figures have fields, and verdicts are codes"),
        ("launchlens.probes/1", "the first"),
    )

    probes: Annotated[list[ProbeRow], means("a row a probe, in the order in which they ran")]
