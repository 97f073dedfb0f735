"""What `analyze` says of a big trace, kept: with its content and what was asked equal, nothing needs to be worked out again.

All analyses are put to a big trace at once, so that the next command finds whatever it asks for; what it does not ask for is left out,
as if the others had never been worked out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from launchlens.traces.analyses import catalogue
from launchlens.traces.analyses.answers import Answers
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.cache import store
from launchlens.traces.cache.content import Content, content_of, is_big, key_of, unchanged
from launchlens.traces.cache.kept_measures import keep_beside
from launchlens.traces.documents.analysis import AnalysisDocument
from launchlens.traces.documents.problem import problem_rows
from launchlens.traces.documents.table import table_of
from launchlens.traces.source import OneTrace
from launchlens.traces.step_timelines import StepTimeline
from launchlens.traces.tables.table import Column, Pivot, Table, of_cells
from launchlens.traces.trace import Progress

#: What parts of an entry that are not what they should be raise.
_FAULTS = (ValueError, KeyError, TypeError, IndexError, AttributeError, msgspec.MsgspecError)
_DOCUMENT, _TABLES, _TIMELINES = "document.json", "tables.json", "timelines.json"


@dataclass(frozen=True)
class Asked:
    """What is asked of a trace: as `analyze` has its options; `names` are the analyses that are wanted. `drawn` wants timelines of
    steps as well, that of `step` first."""

    names: tuple[str, ...]
    range_name: str | None = None
    thread: str | None = None
    steps: str | None = None
    by_shape: bool = False
    partial: bool = False
    drawn: bool = False
    step: str | None = None


@dataclass(frozen=True)
class Analysed:
    """The document of a trace with the tables that were wanted, and these tables; the timelines where these were wanted."""

    document: AnalysisDocument
    answered: Answers
    timelines: tuple[StepTimeline, ...] = ()


def analysis_of(source: OneTrace, asked: Asked, progress: Progress | None = None) -> Analysed:
    """What there is to say of a trace, from the cache where it is kept there. Raises InputError as reading and analysing do."""
    path = source.path
    content = content_of(path) if store.folder() is not None and is_big(path) else None
    if content is None:
        return _worked_out(source, asked, progress)
    keys = _keys(source, asked, content)
    found = _found(keys, asked)
    if found is None:
        everything = tuple(each.name for each in catalogue.CATALOGUE)
        found = _worked_out(source, replace(asked, names=everything, drawn=True), progress, content)
        if unchanged(path, content):
            for key, parts in zip(keys, (_packed(found), _packed_timelines(found)), strict=True):
                store.keep(key, parts)
    return _chosen(found, asked, path)


def _found(keys: tuple[str, str], asked: Asked) -> Analysed | None:
    """What is kept of what is asked; None where any of it is not."""
    analysed = _used(keys[0], _unpacked)
    if analysed is None or not asked.drawn:
        return analysed
    timelines = _used(keys[1], _unpacked_timelines)
    return None if timelines is None else replace(analysed, timelines=timelines)


Part = TypeVar("Part")


def _used(key: str, unpack: Callable[[Mapping[str, bytes]], Part]) -> Part | None:
    """What is kept under a key; None where nothing is that can be used."""
    parts = store.find(key)
    if parts is None:
        return None
    try:
        return unpack(parts)
    except _FAULTS:
        store.forget(key)
        return None


def _worked_out(source: OneTrace, asked: Asked, progress: Progress | None, content: Content | None = None) -> Analysed:
    trace = source.read(partial=asked.partial, progress=progress, content=content)
    analysis = analyze(trace, range_name=asked.range_name, thread=asked.thread, steps=asked.steps)
    answered = analysis.answers(asked.names, by_shape=asked.by_shape)
    document = as_document(analysis, answered)
    timelines = tuple(analysis.timelines(asked.step)) if asked.drawn else ()
    if content is not None and asked.thread is None and not asked.partial:
        keep_beside(analysis.joined, source, content, asked.range_name, asked.steps)
    return Analysed(document, answered, timelines)


def _keys(source: OneTrace, asked: Asked, content: Content) -> tuple[str, str]:
    """The keys of the answers, and of the timelines."""
    options = (asked.range_name, asked.thread, asked.steps, asked.partial)
    reader = source.reader
    return (
        key_of("analysis", content, reader, (*options, asked.by_shape)),
        key_of("timelines", content, reader, (*options, asked.step)),
    )


def _chosen(found: Analysed, asked: Asked, path: Path) -> Analysed:
    """What is wanted of all that was found, of the trace by the name that it has now."""
    answered = Answers(
        {name: found.answered.tables[name] for name in asked.names if name in found.answered.tables},
        {name: found.answered.lacking[name] for name in asked.names if name in found.answered.lacking},
    )
    problems = [each for each in found.document.problems if each.code != "table-absent"]
    document = msgspec.structs.replace(
        found.document,
        source=msgspec.structs.replace(found.document.source, path=str(path)),
        problems=[*problems, *problem_rows(answered.problems)],
        tables={name: table_of(table) for name, table in answered.tables.items()},
    )
    return Analysed(document, answered, found.timelines if asked.drawn else ())


def _packed(found: Analysed) -> dict[str, bytes]:
    text = {
        "tables": [_of_table(name, each) for name, each in found.answered.tables.items()],
        "lacking": dict(found.answered.lacking),
    }
    plain = msgspec.structs.replace(found.document, tables={})
    try:
        return {_DOCUMENT: msgspec.json.encode(plain), _TABLES: json.dumps(text).encode()}
    except UnicodeEncodeError:  # a name in it is half of a pair, of which JSON has no spelling
        return {}


def _unpacked(parts: Mapping[str, bytes]) -> Analysed:
    """What an entry holds. Raises _FAULTS where a part is not what it should be."""
    text = json.loads(parts[_TABLES])
    tables = {name: _table(said) for name, said in text["tables"]}
    document = msgspec.json.decode(parts[_DOCUMENT], type=AnalysisDocument)
    return Analysed(document, Answers(tables, dict(text["lacking"])))


def _packed_timelines(found: Analysed) -> dict[str, bytes]:
    try:
        return {_TIMELINES: msgspec.json.encode(found.timelines)}
    except UnicodeEncodeError:
        return {}


def _unpacked_timelines(parts: Mapping[str, bytes]) -> tuple[StepTimeline, ...]:
    return msgspec.json.decode(parts[_TIMELINES], type=tuple[StepTimeline, ...])


def _of_table(name: str, table: Table) -> tuple[str, dict[str, Any]]:
    data = {part: list(table.cells(part)) for column in table.columns for part in column.parts}
    said = {each.name: getattr(table, each.name) for each in fields(table) if each.name not in _MADE}
    pivot = None if table.pivot is None else astuple(table.pivot)
    return name, {**said, "columns": [astuple(column) for column in table.columns], "pivot": pivot, "data": data}


#: Fields of a table that are not plain text and numbers.
_MADE = frozenset({"columns", "frame", "pivot"})


def _table(said: Mapping[str, Any]) -> Table:
    columns: Sequence[Column] = [Column(*each) for each in said["columns"]]
    pivot = None if said["pivot"] is None else Pivot(*said["pivot"])
    made = of_cells(said["name"], said["title"], columns, said["data"])
    return made.changed(order=said["order"], total=said["total"], pivot=pivot, notes=tuple(said["notes"]))
