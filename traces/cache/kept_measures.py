"""What comparisons begin with, kept: a big trace measured window by window, and what stands in those windows that a comparison looked into.

    measures-…    the windows of one trace by range and steps: told, figures and tables
    stood-…       what stands in one window on one device, by which renamed things are known
    ranges-…      what is said of one range against another

The trace itself is read again only where something is asked that neither tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from launchlens.traces.cache import store
from launchlens.traces.cache.arrays import array_of, part_of
from launchlens.traces.cache.content import Content, content_of, is_big, key_of, unchanged
from launchlens.traces.comparisons.measured import (
    FIGURES,
    TABLES,
    Measured,
    Measures,
    OnDevice,
    Read,
    measure,
)
from launchlens.traces.comparisons.order_in_window import OPS, WORK, Stood
from launchlens.traces.comparisons.pieces import Around
from launchlens.traces.comparisons.recording_setup import Told
from launchlens.traces.comparisons.windows import Windows, whole, windows_of
from launchlens.traces.documents.comparison import ComparisonDocument
from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.trace import Progress

if TYPE_CHECKING:
    from launchlens.traces.source import OneTrace

#: What parts of an entry that are not what they should be raise.
_FAULTS = (ValueError, KeyError, TypeError, IndexError, AttributeError, msgspec.MsgspecError, pa.ArrowException)
_TEXT, _WINDOWS, _NUMBERS = "text.json", "windows.parquet", "numbers.parquet"
_OF_NUMBERS = ("ns", "calls", "host_main", "host_others")
_OF_WINDOWS = ("host_start", "host_end", "start", "end")
Make = Callable[[JoinedTrace], Measured]
ReadJoined = Callable[["OneTrace", Content | None], JoinedTrace]


class _Names(msgspec.Struct, frozen=True):
    """The names of one table of measures, in order; `hosts` says whether it tells the host's part."""

    table: str
    names: tuple[str, ...]
    hosts: bool


class _Device(msgspec.Struct, frozen=True):
    device: int | None
    figures: tuple[str, ...]
    tables: tuple[_Names, ...]


class _Text(msgspec.Struct, frozen=True):
    """What of an entry is no array."""

    told: Told
    process: int
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    found_by: str
    begins_with_itself: bool
    devices: tuple[_Device, ...]
    contents: tuple[str, ...]
    calls: tuple[tuple[str, ...], tuple[str, ...]]


def measured_once(
    source: OneTrace,
    asked: Sequence[object],
    make: Make,
    progress: Progress | None = None,
    read: ReadJoined | None = None,
) -> Measured:
    """A trace as `make` measures it, or as that was kept. `asked` are the options that it depends on. Raises InputError as reading does.

    `read` reads and joins it, for who has other things measured of the same trace.
    """

    def joined(content: Content | None) -> JoinedTrace:
        return join(source.read(progress=progress, content=content)) if read is None else read(source, content)

    path = source.path
    content = content_of(path) if store.folder() is not None and is_big(path) else None
    if content is None:
        return make(joined(None))
    behind = _Kept(source, content, key_of("measures", content, source.reader, asked))
    parts = store.find(behind.key)
    if parts is not None:
        try:
            return _unpacked(parts, path, behind)
        except _FAULTS:
            store.forget(behind.key)
    return keep(make(joined(content)), behind)


def keep_beside(
    joined: JoinedTrace, source: OneTrace, content: Content, range_name: str | None, steps: str | None
) -> None:
    """Keep the measures of a trace that was read for something else, so that a comparison of it need not read it again."""
    behind = _Kept(source, content, key_of("measures", content, source.reader, (range_name, steps, False)))
    if not store.has(behind.key):
        keep(measure(joined, windows_of(joined, range_name, steps)), behind)


def keep(found: Measured, behind: _Kept) -> Measured:
    """What was measured, with what is behind it kept as well when a comparison asks for it."""
    with suppress(UnicodeEncodeError):  # a name in it is half of a pair, of which JSON has no spelling
        if unchanged(found.path, behind.content):
            store.keep(behind.key, _packed(found))
    assert isinstance(found.behind, Read)
    return replace(found, behind=replace(behind, read=found.behind))


def document_once(
    of: tuple[Measured, Measured], names: tuple[str, str], make: Callable[[], ComparisonDocument]
) -> ComparisonDocument:
    """What `make` says of two ranges, or what was kept of that: it needs the events of both, which the measures don't hold."""
    a, b = (each.behind for each in of)
    if not isinstance(a, _Kept) or not isinstance(b, _Kept):
        return make()
    # the paths stand in it, and whether both are one file decides what it says
    key = key_of("ranges", a.content, a.source.reader, (a.key, b.key, *names, *(str(each.path) for each in of)))
    parts = store.find(key)
    if parts is not None:
        try:
            return msgspec.json.decode(parts[_TEXT], type=ComparisonDocument)
        except _FAULTS:
            store.forget(key)
    found = make()
    with suppress(UnicodeEncodeError):
        if all(unchanged(each.source.path, each.content) for each in (a, b)):
            store.keep(key, {_TEXT: msgspec.json.encode(found)})
    return found


@dataclass(frozen=True)
class _Kept:
    """A trace that is at hand, as `read`, or in the cache, from where it is read when something is asked that is not kept."""

    source: OneTrace
    content: Content
    key: str
    read: Read | None = field(default=None, compare=False)

    @property
    def joined(self) -> JoinedTrace:
        return self.read.joined if self.read is not None else self._joined

    @cached_property
    def _joined(self) -> JoinedTrace:
        return join(self.source.read(content=self.content))

    def stood(self, windows: Windows, device: int | None, position: int) -> Stood:
        key = key_of("stood", self.content, self.source.reader, (self.key, device, position))
        parts = store.find(key)
        if parts is not None:
            try:
                return _stood(parts)
            except _FAULTS:
                store.forget(key)
        read = self.read or Read(self.joined, Around.of(self.joined, windows.process))
        found = read.stood(windows, device, position)
        with suppress(UnicodeEncodeError):
            if unchanged(self.source.path, self.content):
                store.keep(key, _packed_stood(found))
        return found

    def as_whole(self) -> Measured:
        def make(joined: JoinedTrace) -> Measured:
            return measure(joined, whole(joined))

        return measured_once(self.source, ("whole",), make)


def _packed(found: Measured) -> dict[str, bytes]:
    windows = found.windows
    here: dict[int | None, OnDevice] = {found.device: found.here}
    here |= found.others.items()
    devices = tuple(
        _Device(
            number,
            tuple(each.figures),
            tuple(_Names(name, table.names, table.host_ns is not None) for name, table in each.tables.items()),
        )
        for number, each in here.items()
    )
    text = _Text(
        found.told, windows.process, windows.names, windows.kinds, windows.found_by, windows.begins_with_itself, devices,
        found.contents.names, (found.host_calls[0].names, found.host_calls[1].names),
    )  # fmt: skip
    figures = {f"{at}.{name}": values for at, each in enumerate(here.values()) for name, values in each.figures.items()}
    measures = [*(table for each in here.values() for table in each.tables.values()), found.contents, *found.host_calls]
    none = [np.zeros(0, np.int64)]
    return {
        _TEXT: msgspec.json.encode(text),
        _WINDOWS: part_of(
            {name: getattr(windows, name) for name in _OF_WINDOWS}
            | {"launches": found.launches, "launch_ns": found.launch_ns}
            | figures
        ),
        _NUMBERS: part_of(
            {
                "ns": np.concatenate([*(each.ns.ravel() for each in measures), *none]),
                "calls": np.concatenate([*(each.calls.ravel() for each in measures), *none]),
                "host_main": np.concatenate([*(each.host_parts[0].ravel() for each in measures), *none]),
                "host_others": np.concatenate([*(each.host_parts[1].ravel() for each in measures), *none]),
            }
        ),
    }


def _unpacked(parts: Mapping[str, bytes], path: Path, behind: _Kept) -> Measured:
    """What was measured. Raises _FAULTS where a part is not what it should be."""
    text = msgspec.json.decode(parts[_TEXT], type=_Text)
    by_window, numbers = array_of(parts[_WINDOWS]), array_of(parts[_NUMBERS])
    count = len(text.names)
    if len(text.kinds) != count or any(len(each) != count for each in by_window.values()):
        raise ValueError("other windows than were kept")
    rows = _Rows([numbers[name] for name in _OF_NUMBERS], count)
    on: list[OnDevice] = []
    for at, device in enumerate(text.devices):
        if not {*device.figures} <= {*FIGURES} or "wall" not in device.figures:
            raise ValueError("a figure of which nothing is known")
        if not {each.table for each in device.tables} <= {*TABLES}:
            raise ValueError("a table of which nothing is known")
        figures = {name: by_window[f"{at}.{name}"] for name in FIGURES if name in device.figures}
        on.append(OnDevice(figures, {each.table: rows.next(each.names, hosts=each.hosts) for each in device.tables}))
    contents = rows.next(text.contents, hosts=False)
    main, others_of_host = (rows.next(names, hosts=False) for names in text.calls)
    rows.end()
    host_start, host_end, start, end = (by_window[name] for name in _OF_WINDOWS)
    windows = Windows(
        text.process, text.names, text.kinds, host_start, host_end, start, end, text.found_by, text.begins_with_itself
    )
    numbers_of = [each.device for each in text.devices]
    others = {number: each for number, each in zip(numbers_of[1:], on[1:], strict=True) if number is not None}
    return Measured(
        path,
        text.told,
        windows,
        numbers_of[0],
        on[0],
        others,
        by_window["launches"],
        by_window["launch_ns"],
        contents,
        (main, others_of_host),
        behind,
    )


@dataclass
class _Rows:
    """The measures of an entry, which lie one after the other, by _OF_NUMBERS."""

    columns: Sequence[Ints]
    windows: int
    _at: int = 0

    def next(self, names: tuple[str, ...], *, hosts: bool) -> Measures:
        begin, self._at = self._at, self._at + self.windows * len(names)
        ns, calls, *host = (each[begin : self._at].reshape(self.windows, len(names)) for each in self.columns)
        return Measures(names, ns, calls, np.stack(host) if hosts else None)

    def end(self) -> None:
        if any(len(each) != self._at for each in self.columns):
            raise ValueError("other measures than were kept")


class _StoodText(msgspec.Struct, frozen=True):
    texts: tuple[str, ...]
    shapes: bool


def _packed_stood(found: Stood) -> dict[str, bytes]:
    return {
        _TEXT: msgspec.json.encode(_StoodText(found.texts, found.shapes)),
        "work.parquet": part_of(dict(zip(WORK, found.work.T, strict=True))),
        "ops.parquet": part_of(dict(zip(OPS, found.ops.T, strict=True))),
    }


def _stood(parts: Mapping[str, bytes]) -> Stood:
    text = msgspec.json.decode(parts[_TEXT], type=_StoodText)
    found: list[Any] = []
    for part, names, coded in (("work.parquet", WORK, ("name", "op", "shape")), ("ops.parquet", OPS, OPS)):
        columns = array_of(parts[part])
        rows = np.stack([columns[name] for name in names], axis=1)
        codes = rows[:, [name in coded for name in names]]
        if codes.size and not -1 <= codes.min() <= codes.max() < len(text.texts):
            raise ValueError("a text of which nothing is known")
        found.append(rows)
    return Stood(text.texts, found[0], found[1], text.shapes)
