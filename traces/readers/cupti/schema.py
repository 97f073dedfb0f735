"""The parquet file of a CUPTI recording: one row an event, written by the collector and read by `readers/cupti.py`.

The schema's metadata holds one JSON object under METADATA_KEY: the format, the versions of what recorded it, the names of
the devices, and what the recorder lost (`HEADER`). Nothing in it names the machine or its user.

History of the format, newest first. A reader accepts every version listed here.
    launchlens.cupti/1   the first
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

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

#: What the JSON object in the metadata holds: field -> Python type; all but `format` may be missing or null.
HEADER: dict[str, type] = {
    "format": str,
    "cupti_python": str,  # version of the cupti-python package
    "cupti": int,  # version of the CUPTI API, as cuptiGetVersion numbers it
    "torch": str,
    "cuda": str,  # that torch was built for
    "devices": dict,  # number, as text -> name
    "dropped_records": int,  # records that CUPTI had no room for; null where it could not be asked
    "buffers_while_recording": int,  # buffers that filled up, and were read, before the recording had ended
    "unknown_records": int,  # records of kinds that were not asked for
    "markers": bool,  # whether NVTX markers were asked for
}


def header(values: dict[str, Any]) -> dict[str, Any]:
    """The known fields of `values` that are what HEADER says, the others left out."""
    return {
        name: values[name]
        for name, of_type in HEADER.items()
        if isinstance(values.get(name), of_type) and not (of_type is int and isinstance(values[name], bool))
    }
