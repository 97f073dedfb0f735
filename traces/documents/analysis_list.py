"""What `analyze --list --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from launchlens.traces.documents.structure import Document, Structure, means


class ListedAnalysis(Structure, frozen=True, kw_only=True):
    """One analysis that a trace can be put to."""

    name: Annotated[str, means("its name, as `--show` takes it, and that of its table")]
    asks: Annotated[str, means("the question that it answers")]
    columns: Annotated[list[str], means("the columns of its table")]


class AnalysisListDocument(Document, tag_field="format", tag="launchlens.analysis-list/1", frozen=True, kw_only=True):
    """The analyses that there are; no trace is read."""

    printed_by: ClassVar = ("analyze --list --json",)
    history: ClassVar = (("launchlens.analysis-list/1", "the first"),)

    analyses: Annotated[list[ListedAnalysis], means("a row an analysis, in the catalogue's order")]
