"""What `export --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from launchlens.traces.documents.problem import ProblemRow
from launchlens.traces.documents.structure import Document, means


class ExportDocument(Document, tag_field="format", tag="launchlens.export/1", frozen=True, kw_only=True):
    """What was written for another tool."""

    printed_by: ClassVar = ("export SOURCE --perfetto -o OUTPUT --json",)
    history: ClassVar = (("launchlens.export/1", "the first"),)

    path: Annotated[str, means("the file that was written, as given")]
    bytes: Annotated[int, means("its size", unit="bytes")]
    slices: Annotated[int, means("slices in it: events, and segments of the account's lanes")]
    flows: Annotated[int, means("arrows from launches to the work that they caused")]
    counters: Annotated[int, means("values of counters")]
    flows_left_out: Annotated[int, means("arrows that would have pointed back in time, and were left out")]
    problems: Annotated[
        dict[str, list[ProblemRow]],
        means("what was met in each trace", key="trace: its path in the capture, or its file name"),
    ]
