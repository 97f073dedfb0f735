"""The parquet file of a CUPTI recording: one row an event, written by the collector and read by `readers/cupti.py`.

The schema's metadata holds one JSON object under METADATA_KEY: the format, the versions of what recorded it, the names of
the devices, and what the recorder lost (`Header`). Nothing in it names the machine or its user.

History of the format, newest first. A reader accepts every version listed here.
    launchlens.cupti/1   the first
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from launchlens.traces.documents.structure import Structure, as_plain, means

FORMAT = "launchlens.cupti/1"
METADATA_KEY = b"launchlens"

#: Kinds of rows, and the event table's name of each.
KINDS = ("range", "api", "overhead", "kernel", "memcpy", "memset")


@dataclass(frozen=True)
class FileColumn:
    """One column of the file. Whole numbers are int64, texts are dictionaries; all but `kind`, start and end may be null."""

    name: str
    type: Literal["text", "whole"]
    meaning: str


COLUMNS: tuple[FileColumn, ...] = (
    FileColumn("kind", "text", "one of KINDS"),
    FileColumn("name", "text", "range text, API call with its version suffix, kernel, or kind of overhead"),
    FileColumn("start_ns", "whole", "start, ns on CUPTI's clock (the Unix clock where CUPTI was not told otherwise)"),
    FileColumn("end_ns", "whole", "end, ns on the same clock"),
    FileColumn("process", "whole", "the recorded process"),
    FileColumn("thread", "whole", "host rows: the pthread id's lower 32 bits, as CUPTI gives it"),
    FileColumn("device", "whole", "GPU rows: device number in the process"),
    FileColumn("context", "whole", "GPU rows: CUDA context"),
    FileColumn("stream", "whole", "GPU rows: stream"),
    FileColumn("correlation", "whole", "joins an API call to the GPU work it caused"),
    FileColumn("layer", "text", "API rows: runtime or driver"),
    FileColumn("bytes", "whole", "memcpy and memset: bytes moved or set"),
    FileColumn("copy_kind", "text", "memcpy: HtoD, DtoH, DtoD, ..."),
    FileColumn("copies", "whole", "memcpy: copies that this record stands for"),
    FileColumn("graph", "whole", "work of a replayed graph: CUPTI's id of the graph"),
    FileColumn("graph_node", "whole", "work of a replayed graph: CUPTI's id of the node"),
    FileColumn("queued_ns", "whole", "kernels: when it was put into a buffer for the GPU, where CUPTI gives it"),
    FileColumn("submitted_ns", "whole", "kernels: when that buffer was submitted to the GPU, where CUPTI gives it"),
    FileColumn("completed_ns", "whole", "kernels: when CUPTI says that it was complete"),
    FileColumn("channel", "text", "GPU rows: kind of hardware channel, compute or async-memcpy"),
    FileColumn("channel_id", "whole", "GPU rows: number of that channel"),
    FileColumn(
        "external", "whole", "ranges of the collector: their own id; API rows: id of the range they were made in"
    ),
)


TOLD = "the recorder could tell"


class Header(Structure, frozen=True, kw_only=True):
    """What a recording says of itself: the JSON object in the metadata of the file's schema."""

    format: Annotated[str, means("name and version of the format")]
    cupti_python: Annotated[str | UnsetType, means("version of the cupti-python package", there=TOLD)] = UNSET
    cupti: Annotated[int | UnsetType, means("version of the CUPTI API, as cuptiGetVersion numbers it", there=TOLD)] = (
        UNSET
    )
    torch: Annotated[str | UnsetType, means("version of torch", there=TOLD)] = UNSET
    cuda: Annotated[str | UnsetType, means("version of CUDA that torch was built for", there=TOLD)] = UNSET
    devices: Annotated[dict[str, Any] | UnsetType, means("names of the devices", there=TOLD, key="device number")] = (
        UNSET
    )
    dropped_records: Annotated[int | UnsetType, means("records that CUPTI had no room for", there=TOLD)] = UNSET
    buffers_while_recording: Annotated[
        int | UnsetType, means("buffers that filled up, and were read, before the recording had ended", there=TOLD)
    ] = UNSET
    unknown_records: Annotated[int | UnsetType, means("records of kinds that were not asked for", there=TOLD)] = UNSET
    markers: Annotated[bool | UnsetType, means("whether NVTX markers were asked for", there=TOLD)] = UNSET

    def as_metadata(self) -> dict[bytes, bytes]:
        """As it stands in the metadata of the file's schema."""
        return {METADATA_KEY: json.dumps(as_plain(self), sort_keys=True).encode()}


def header(values: Mapping[str, Any]) -> Header:
    """The header that `values` hold; what is none of its fields, or not of their types, is left out."""
    known = {}
    for each in msgspec.structs.fields(Header):
        with suppress(KeyError, msgspec.ValidationError, UnicodeEncodeError):  # the last of half a surrogate pair
            known[each.name] = msgspec.convert(values[each.name], each.type)
    return Header(**known)
