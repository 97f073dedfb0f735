"""What `variants --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from launchlens.traces.documents.structure import Document, Structure, means


class VariantRow(Structure, frozen=True, kw_only=True):
    """One variant of a workload."""

    name: Annotated[str, means("name of the variant, as `--variant` takes it")]
    workload: Annotated[str, means("name of its workload, as `--workload` takes it")]
    needs: Annotated[list[str], means("what it needs to run; `doctor` says what is here")]
    regimes: Annotated[list[str], means("in which regimes it can be measured: `eager`, `graph`")]
    says: Annotated[str, means("what it does, in a line")]
    part_of: Annotated[
        str | None, means("the variant whose work it does only a part of", null="it does all of the workload's work")
    ]


class VariantsDocument(Document, tag_field="format", tag="launchlens.variants/1", frozen=True, kw_only=True):
    """Every variant of every workload."""

    printed_by: ClassVar = ("variants --json",)
    history: ClassVar = (("launchlens.variants/1", "the first"),)

    variants: Annotated[list[VariantRow], means("a row a variant, workload by workload")]
