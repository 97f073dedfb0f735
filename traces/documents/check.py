"""What `check --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from launchlens.traces.documents.structure import Document, Structure, means

Outcome = Literal["slower", "passed", "not-shown", "undecided"]


class CheckedRow(Structure, frozen=True, kw_only=True):
    """One limit on one metric."""

    metric: Annotated[str, means("what is limited: `step.wall`, `gpu.busy`, `kernel.NAME`, ... ([ci](../ci.md))")]
    variant: Annotated[str | None, means("the variant", null="of traces")]
    regime: Annotated[str | None, means("eager or graph", null="of traces")]
    unit: Annotated[str, means("of `base` and `new`: `ns`, or empty for a count")]
    allowance: Annotated[float, means("by how much it may be larger, as a share: 0.05 is 5 %")]
    base: Annotated[
        float | None, means("the median of the base's side, a step or iteration", null="it was not recorded")
    ]
    new: Annotated[float | None, means("the median of the new side", null="it was not recorded")]
    ratio: Annotated[float | None, means("new over base", null="it was not recorded, or the base has none of it")]
    interval: Annotated[
        tuple[float, float] | None, means("95 % interval of the ratio", null="there were too few samples")
    ]
    p: Annotated[
        float | None, means("what chance has of a ratio above the allowance, by itself", null="there is no interval")
    ]
    p_adjusted: Annotated[float | None, means("the same for all rows together (Holm)", null="there is no interval")]
    rests_on: Annotated[
        Literal["recordings", "samples", "nothing"],
        means(
            "`recordings`: one number of each of three or more a side; `samples`: steps or rounds of fewer; `nothing`: no interval"
        ),
    ]
    outcome: Annotated[
        Outcome,
        means(
            "`slower`: the whole interval lies above the allowance; `passed`: it lies at or below it; `not-shown`: it straddles it and "
            "is no wider than twice the allowance; `undecided`: else"
        ),
    ]
    reasons: Annotated[list[str], means("why, as codes ([ci](../ci.md))")]


class CheckDocument(Document, tag_field="format", tag="launchlens.check/1", frozen=True, kw_only=True):
    """New recordings held against those of a base."""

    printed_by: ClassVar = ("check NEW --against BASE --json",)
    history: ClassVar = (("launchlens.check/1", "the first"),)

    of: Annotated[Literal["captures", "traces"], means("what was checked")]
    outcome: Annotated[
        Outcome, means("of all rows together: `slower` where one is, else `undecided`, else `not-shown`, else `passed`")
    ]
    exit_code: Annotated[int, means("what the command ends with: 0 passed or not shown, 1 slower, 3 undecided")]
    new: Annotated[list[str], means("the new side, as given")]
    base: Annotated[list[str], means("the base, as given")]
    new_recordings: Annotated[int, means("how many captures or traces stand on the new side")]
    base_recordings: Annotated[int, means("and on the base's")]
    notes: Annotated[
        list[str], means("what the sides differ in besides the program, and what was not used, in sentences")
    ]
    rows: Annotated[list[CheckedRow], means("a row a limit and metric, in the order of the limits")]
