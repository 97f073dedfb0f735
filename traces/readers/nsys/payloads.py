"""What NCCL tells of its collectives in NVTX payloads: the size of the message, the communicator, how many ranks are in it.

    NVTX_PAYLOAD_SCHEMAS           a row a schema: its number in its domain, and how long what it describes is
    NVTX_PAYLOAD_SCHEMA_ENTRIES    a row a field: type, name, offset (none for the first)
    NVTX_EVENTS.binaryData         a range's payload, behind 32 bytes that name domain and schema

    | domain 4 | 4 | schema 4 | 4 | length 8 | length in all 8 | payload ... |       little-endian

Exports hold `binaryData` since 2024 where they were made with --include-blobs=true. As NCCL writes it (src/collectives.cc), the size is that
of what one rank puts in, of a reduce-scatter of what it gets out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from launchlens.traces.details import Details
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.readers.nsys.export import PAYLOAD, Export, as_text

ENTRIES, EVENTS = "NVTX_PAYLOAD_SCHEMA_ENTRIES", "NVTX_EVENTS"
#: Of a field, as NCCL calls it, what it is.
_SIZE, _COMMUNICATOR, _RANKS = "Message size [bytes]", "NCCL communicator ID", "No. of ranks"
_HEADER = struct.Struct("<IIIIQQ")
#: Whole numbers by the code of their type (nvToolsExtPayload.h).
_TYPES = {
    **dict.fromkeys((5, 15), struct.Struct("<i")),
    **dict.fromkeys((6, 16), struct.Struct("<I")),
    **dict.fromkeys((7, 9, 17), struct.Struct("<q")),
    **dict.fromkeys((8, 10, 18, 22), struct.Struct("<Q")),
}
#: The ranges of NCCL's own.
_NCCL = "nccl"
_Key = tuple[int, int]


@dataclass(frozen=True)
class _Field:
    name: str
    type: struct.Struct
    offset: int


def collectives(export: Export, events: pd.DataFrame, problems: Problems) -> Details:
    """What the payloads of NCCL's ranges tell, for the rows of the event table that are these ranges; what can't be read is counted."""
    schemas = _schemas(export)
    if not any(field.name == _SIZE for fields in schemas.values() for field in fields):
        return Details()
    columns = export.columns[EVENTS]
    named = events["name"].astype(str).str.startswith(_NCCL).to_numpy(bool) & (events["kind"] == "range").to_numpy(bool)
    ranges = np.flatnonzero(named)
    if not len(ranges):
        return Details()
    if not {PAYLOAD, "start", "end"} <= columns:
        problems.add("payloads-not-exported", len(ranges))
        return Details()
    rows, names, sizes, groups, of_ranks = [], [], [], [], []
    start = events["start_ns"].to_numpy()[ranges]
    end = start + events["dur_ns"].to_numpy()[ranges]
    told, ranks = _payloads(export, schemas, {*zip(start.tolist(), end.tolist(), strict=True)}, problems)
    for row, low, high in zip(ranges.tolist(), start.tolist(), end.tolist(), strict=True):
        fields = told.get((low, high))
        if fields is None or _SIZE not in fields:
            continue
        name = str(events["name"].array[row])
        communicator = fields.get(_COMMUNICATOR)
        rows.append(row)
        names.append(name)
        sizes.append(fields[_SIZE])
        groups.append(None if communicator is None else f"communicator {communicator:#x}")
        of_ranks.append(pd.NA if communicator is None else ranks.get(communicator, pd.NA))
    if not rows:
        return Details()
    nothing = pd.array([pd.NA] * len(rows), "Int64")
    return Details(
        collectives=pd.DataFrame(
            {
                "row": np.array(rows, np.int64),
                "name": pd.Categorical(names),
                "dtype": pd.Categorical([None] * len(rows), categories=pd.Index([], dtype=object)),
                "sent": nothing,
                "received": nothing,
                "ranks": pd.array(of_ranks, "Int64"),
                "group": pd.Categorical(groups, categories=sorted({each for each in groups if each is not None})),
                "number": nothing,
                "bytes": pd.array(sizes, "Int64"),
            }
        )
    )


def says_what_nccl_says(name: object) -> bool:
    """Whether a field of a schema is one of NCCL's that are read here."""
    return as_text(name) in (_SIZE, _COMMUNICATOR, _RANKS)


def only_numbers_of_nccl(entries: Iterable[tuple[object, object, object, object]]) -> Callable[[object], str | None]:
    """What keeps of payloads, as hexadecimal digits, those of schemas that hold nothing but numbers, the size of a message or a number of
    ranks among them; rows of entries are (domain, schema, type, name).
    """
    numbers: dict[tuple[object, object], bool] = {}
    ours: set[tuple[object, object]] = set()
    for domain, schema, kind, name in entries:
        key = domain, schema
        numbers[key] = numbers.get(key, True) and kind in _TYPES
        if as_text(name) in (_SIZE, _RANKS):
            ours.add(key)
    kept = {key for key in ours if numbers[key]}

    def reduced(blob: object) -> str | None:
        if not isinstance(blob, bytes) or len(blob) < _HEADER.size:
            return None
        domain, _, schema, _, length, whole = _HEADER.unpack_from(blob)
        # nothing may stand behind it
        return blob.hex() if (domain, schema) in kept and len(blob) == whole == _HEADER.size + length <= 128 else None

    return reduced


def _schemas(export: Export) -> dict[_Key, tuple[_Field, ...]]:
    """The fields of whole numbers of each schema, by its domain and its number."""
    has = export.columns.get(ENTRIES, frozenset())
    if not {"schemaId", "type", "name", "offset"} <= has or EVENTS not in export.columns:
        return {}
    domain = "domainId" if "domainId" in has else "schemaId"
    found: dict[_Key, list[_Field]] = {}
    for of, schema, kind, name, offset in export.rows(ENTRIES, (domain, "schemaId", "type", "name", "offset")):
        if not isinstance(schema, int) or not isinstance(of, int) or not isinstance(kind, int) or kind not in _TYPES:
            continue
        at = 0 if offset is None else offset
        text = as_text(name)
        if isinstance(at, int) and 0 <= at < 1 << 20 and text is not None:
            found.setdefault((of if domain == "domainId" else -1, schema), []).append(_Field(text, _TYPES[kind], at))
    return {key: tuple(fields) for key, fields in found.items()}


def _payloads(
    export: Export, schemas: Mapping[_Key, tuple[_Field, ...]], spans: set[_Key], problems: Problems
) -> tuple[dict[_Key, dict[str, int]], dict[int, int]]:
    """The payloads of ranges with these starts and ends, by these, and how many ranks are in each communicator.

    Of ranges that begin and end at the same ns, with other payloads, none is told: which is which is not known.
    """
    told: dict[_Key, dict[str, int]] = {}
    ranks: dict[int, int] = {}
    unlike: set[_Key] = set()
    try:
        for low, high, blob in export.rows(EVENTS, ("start", "end", PAYLOAD)):
            if blob is None or (low, high) not in spans:
                continue
            fields = _decoded(blob, schemas)
            if fields is None:
                problems.add("payload-not-understood")
                continue
            if _RANKS in fields and _COMMUNICATOR in fields:
                ranks[fields[_COMMUNICATOR]] = fields[_RANKS]
            if isinstance(low, int) and isinstance(high, int) and told.setdefault((low, high), fields) != fields:
                unlike.add((low, high))
    except InputError:  # a folder of tables is not read row by row where it has that many
        problems.add("payload-not-understood")
    return {span: fields for span, fields in told.items() if span not in unlike}, ranks


def _decoded(blob: object, schemas: Mapping[_Key, tuple[_Field, ...]]) -> dict[str, int] | None:
    """The fields of a payload by name, none of a schema of which no numbers are known; None for what is no payload."""
    if isinstance(blob, str):  # some exports write bytes as hexadecimal digits
        try:
            blob = bytes.fromhex(blob)
        except ValueError:
            return None
    if not isinstance(blob, bytes) or len(blob) < _HEADER.size:
        return None
    domain, _, schema, _, length, whole = _HEADER.unpack_from(blob)
    fields = schemas.get((domain, schema), schemas.get((-1, schema), ()))
    if whole > len(blob) or _HEADER.size + length > len(blob):
        return None
    found = {}
    for field in fields:
        if field.offset + field.type.size > length:
            return None
        value = field.type.unpack_from(blob, _HEADER.size + field.offset)[0]
        if field.name == _SIZE and not 0 <= value < 1 << 62:
            return None
        found[field.name] = value
    return found
