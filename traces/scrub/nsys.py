"""What of an Nsight Systems export may be shared, whatever it is stored in: which tables, columns, rows and texts.

Everything is on a list of what is known to be safe; what is on none is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from launchlens.traces.readers.nsys.export import NULL, as_int, as_text
from launchlens.traces.readers.nsys.payloads import ENTRIES, only_numbers_of_nccl, says_what_nccl_says
from launchlens.traces.readers.nsys.schema import DIAGNOSTICS, PROCESSES, SOURCES, python_name, says_of_lost_events

#: Tables of events, whose name columns refer to StringIds.
EVENTS = frozenset(source.table for source in SOURCES)
#: Events of the recorder's own: what they are called may hold the path of a library.
OVERHEADS = ("PROFILER_OVERHEAD", "CUPTI_ACTIVITY_KIND_OVERHEAD")
#: What an export says of itself, of which only some rows are kept.
META = ("META_DATA_EXPORT", "EXPORT_META_DATA")
#: Payloads of NVTX ranges, which may hold anything.
PAYLOADS = ("NVTX_EVENTS", "binaryData")
#: Columns that hold ids into StringIds.
NAME_IDS = frozenset({"nameId", "textId", "demangledName", "shortName", "mangledName", "name", "text"})
#: Tables that are copied: what the reader reads, and what else `nsys stats` wants for its CUDA and NVTX reports.
_KEPT_TABLES = re.compile(
    r"CUPTI_ACTIVITY_KIND_\w+|ENUM_\w+|NVTX_EVENTS|NVTX_PAYLOAD_SCHEMA_ENTRIES|PROFILER_OVERHEAD|StringIds|ANALYSIS_DETAILS"
    r"|META_DATA_EXPORT|EXPORT_META_DATA|TARGET_INFO_(GPU|CUDA_GPU|CUDA_DEVICE|CUDA_CONTEXT_INFO|CUDA_(NULL_)?STREAM)"
    rf"|CUDA_GRAPH_(NODE_)?EVENTS|CUDA_GPU_MEMORY_USAGE_EVENTS|{DIAGNOSTICS}|{PROCESSES}"
)
#: Columns whose text is copied, by table; of every other column only numbers are.
_KEPT_TEXT: dict[str, frozenset[str]] = {
    "NVTX_EVENTS": frozenset({"text"}),
    "TARGET_INFO_GPU": frozenset({"name", "chipName"}),
    "TARGET_INFO_CUDA_GPU": frozenset({"name", "chipName"}),
    DIAGNOSTICS: frozenset({"text"}),
    PROCESSES: frozenset({"name"}),
} | dict.fromkeys(META, frozenset({"name", "value"}))
#: What an export says of the program that made it; the other rows name files, the host and the user.
_META_ROWS = re.compile(
    r"EXPORT_PRODUCT_.*|EXPORT_SCHEMA_.*|EXPORT_PLATFORM|EXPORT_ARCH|EXPORT_PARAM_LAZY|EXPORT_PARAM_TIME_NORMALIZE"
    r"|EXPORT_PARAM_TIME_SHIFT|EXPORT_CONFIG_TIME_SHIFT"
)


def keeps_table(name: str) -> bool:
    """Whether anything of a table is copied."""
    return _KEPT_TABLES.fullmatch(name) is not None


def text_columns(table: str) -> frozenset[str]:
    """The columns of a table whose text is copied as it is."""
    if table.startswith("ENUM_"):
        return frozenset({"name", "label"})
    names = next((source.names for source in SOURCES if source.table == table), ())
    return _KEPT_TEXT.get(table, frozenset()) | frozenset(names)


def number_columns(table: str) -> frozenset[str]:
    """The columns of a table of events of which the reader takes numbers, also where they hold these as texts."""
    taken = (source.columns.values() for source in SOURCES if source.table == table)
    return frozenset(theirs for columns in taken for possible in columns for theirs in possible)


def number_in(text: object) -> str | None:
    """The number that a text in one of these columns is to the reader, as a text again; None for no number."""
    number = as_int(as_text(text))
    return None if number == NULL else str(number)


def keeps_meta(name: object, value: object) -> bool:
    """Whether a row of META is copied: it tells of the program that exported, and holds no path."""
    said, text = as_text(name), as_text(value)
    return bool(said and text is not None and _META_ROWS.fullmatch(said) and not re.search(r"[/\\]", text))


def keeps_diagnostic(severity: object, text: object) -> bool:
    """Whether a row of the recorder's own messages is copied: it is a sentence of which this reader knows that it names nobody."""
    return says_of_lost_events(severity, as_text(text)) is not None


def keeps_process(number: object, name: object) -> bool:
    """Whether a row of the processes is copied: it is one of Python, and everybody's is called alike."""
    return python_name(as_text(name)) is not None


#: What is made of a column's values, by table and column.
Reductions: TypeAlias = Mapping[tuple[str, str], Callable[[object], str | None]]
#: Columns of which not the text is copied but what this makes of it.
REDUCED: Reductions = {
    (PROCESSES, "name"): lambda text: python_name(as_text(text)),
    (ENTRIES, "name"): lambda text: as_text(text) if says_what_nccl_says(text) else None,
    PAYLOADS: lambda blob: None,  # of which the rows of ENTRIES say what they are
}
#: Of ENTRIES what `reduced_by` takes.
OF_ENTRIES = ("domainId", "schemaId", "type", "name")
#: Tables of which only some rows are copied: those of which two columns say that they may be.
SOME_ROWS: Mapping[str, tuple[tuple[str, str], Callable[[object, object], bool]]] = {
    DIAGNOSTICS: (("severity", "text"), keeps_diagnostic),
    PROCESSES: (("globalPid", "name"), keeps_process),
} | dict.fromkeys(META, (("name", "value"), keeps_meta))


def reduced_by(
    entries: Iterable[tuple[object, object, object, object]],
) -> Reductions:
    """REDUCED for an export whose payloads have these fields (OF_ENTRIES)."""
    return {**REDUCED, PAYLOADS: only_numbers_of_nccl(entries)}


def by_name_ids(tables: Iterable[str]) -> list[str]:
    """Those of some tables that refer to StringIds, overheads last: a text is an overhead's if nothing else has it."""
    events = [name for name in tables if name in EVENTS]
    return sorted(events, key=lambda name: name in OVERHEADS)
