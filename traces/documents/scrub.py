"""What `scrub --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from launchlens.traces.documents.structure import Document, Structure, means


class RemovedRow(Structure, frozen=True, kw_only=True):
    """One kind of thing that is not in the copy."""

    what: Annotated[str, means("what was removed or replaced, in words")]
    count: Annotated[int, means("how many of them")]


class KeptRow(Structure, frozen=True, kw_only=True):
    """One kind of text that is in the copy."""

    what: Annotated[str, means("where in the file it stands, or what it is the name of")]
    count: Annotated[int, means("how many such texts the copy holds")]


class ScrubDocument(Document, tag_field="format", tag="launchlens.scrub/1", frozen=True, kw_only=True):
    """What the copy of a trace lacks. The two files are named without their folders."""

    printed_by: ClassVar = ("scrub FILE -o OUTPUT --json",)
    history: ClassVar = (("launchlens.scrub/1", "the first"),)

    source: Annotated[str, means("name of the file or folder that was copied")]
    output: Annotated[str, means("name of the copy")]
    recorded_by: Annotated[
        str,
        means(
            "the reader whose format it is: `kineto`, `nsys`, `cupti`, …; `launchlens`: a table of a capture of ours"
        ),
    ]
    bytes: Annotated[int, means("size of the copy", unit="bytes")]
    verified: Annotated[str, means("what was proved of the two files before the copy appeared")]
    removed: Annotated[list[RemovedRow], means("what was removed, a row a kind")]
    kept: Annotated[
        list[KeptRow],
        means("what the copy holds as text, a row a kind: look at those that your own words may stand in"),
    ]
    paths_in_names: Annotated[
        int, means("how many different names of ranges and kernels hold a path; they were kept as they are")
    ]
