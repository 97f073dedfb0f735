"""What `doctor --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from launchlens.traces.documents.structure import Document, Structure, means


class CheckRow(Structure, frozen=True, kw_only=True):
    """One thing that launchlens can use."""

    name: Annotated[str, means("what was looked for")]
    found: Annotated[bool, means("whether it is here and works")]
    version: Annotated[str | None, means("its version, or which GPU", null="it is absent, or does not say")]
    gives: Annotated[str, means("what it is for")]
    get: Annotated[str | None, means("how to get it", null="it was found")]


class DoctorDocument(Document, tag_field="format", tag="launchlens.doctor/1", frozen=True, kw_only=True):
    """What is installed here, and what is missing."""

    printed_by: ClassVar = ("doctor --json",)
    history: ClassVar = (("launchlens.doctor/1", "the first"),)

    checks: Annotated[list[CheckRow], means("a row a thing")]
