"""What `probe --list --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from launchlens.traces.documents.structure import Document, Structure, means


class ListedProbe(Structure, frozen=True, kw_only=True):
    """One probe that can be run."""

    name: Annotated[str, means("its name, as `probe` takes it")]
    asks: Annotated[str, means("the question that it answers")]
    needs: Annotated[list[str], means("what it needs to run; `doctor` says what is here")]


class ProbeListDocument(Document, tag_field="format", tag="launchlens.probe-list/1", frozen=True, kw_only=True):
    """The probes that there are; none of them is run."""

    printed_by: ClassVar = ("probe --list --json",)
    history: ClassVar = (("launchlens.probe-list/1", "the first"),)

    probes: Annotated[list[ListedProbe], means("a row a probe, in the catalogue's order")]
