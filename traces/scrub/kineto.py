"""Copies a Kineto trace without what names its machine or its user: events as they stand in the file, but for such text.

Only the bytes of a text that has to change are changed: numbers keep their digits, odd JSON stays as odd as it was, and
the file is read in blocks, so that its size does not matter.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from launchlens.traces.problems import Problems
from launchlens.traces.readers.byte_source import ByteSource
from launchlens.traces.readers.kineto.categories import PYTHON_STACK, kind_and_layer
from launchlens.traces.readers.kineto.dialects import Proton
from launchlens.traces.readers.kineto.events import Args, EventDecoder
from launchlens.traces.readers.kineto.json_blocks import TraceDocument
from launchlens.traces.readers.kineto.json_brackets import elements, is_json, most_readable
from launchlens.traces.readers.kineto.json_repair import STRING, repair
from launchlens.traces.readers.kineto.ranks import RANK
from launchlens.traces.scrub.text import Removed, is_hardware_id, is_private, without_folders, without_paths
from launchlens.traces.trace import Progress

#: The keys around the events whose text is the recorder's own words; of all others only numbers are kept.
_TEXT_KEYS = frozenset({"displayTimeUnit", "pytorch_version", "torch_version", "cuda_version"})
_DEVICE_KEYS = ("deviceProperties", "computeProperties")
#: What processes, threads and their labels may be called: what Kineto calls them itself.
_PLAIN_NAMES = re.compile(
    r"(?:CPU|GPU \d+|python[\d.]*|Spans|Traces|PyTorch Profiler|stream -?\d+ ?|thread \d+|default"
    # XLA's, and Proton's
    r"|/device:\w+:\d+|/host:CPU|Stream #\d+\([\w, ]*\)|XLA (?:Ops|Modules)|Steps|(?:GPU |Graph: )Stream \d+|CPU Thread \d+|Trace)?"
)
_THREAD = re.compile(r"(thread \d+) \(.*\)", re.DOTALL)
#: Kinds whose name is the author's own text, or the compiler's: analyses tell events by it.
_NAMED = frozenset({"range", "gpu-range", "kernel", "memcpy", "memset", "api", "overhead"})

#: How a copy begins; Proton's is told by its unit.
_BEGINNING, _PROTONS = b'{"traceEvents": [\n', b'{"displayTimeUnit":"us","traceEvents":[\n'
#: Cheap to look for: events without any of these, and without a private key, hold nothing to remove.
_SUSPECT = re.compile(rb'[/\\~\x00]|"ph"\s*:\s*"M"')
_KEY = re.compile(rb'"([^"\\]*)"\s*:')
#: Ids and counts that the reader takes, as text in some files.
_READ = frozenset(info.encode_name for info in msgspec.structs.fields(Args))
_TOKEN = re.compile(STRING + rb"|[{}\[\]:,]", re.DOTALL)


def copy(path: Path, output: Path, removed: Removed, *, progress: Progress | None = None) -> None:
    """Write `path` to `output` (gzip where its name ends in .gz) without what identifies; count that in `removed`.

    Raises InputError for a file that is no whole Kineto trace, OSError when `output` can't be written.
    """
    with ExitStack() as stack:
        source = stack.enter_context(ByteSource(path, progress=progress))
        plain = stack.enter_context(open(output, "wb"))
        out: BinaryIO = plain
        if output.suffix == ".gz":
            # no time stamp and no file name in the header: the same trace gives the same bytes
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=plain, mtime=0)
            out = cast("BinaryIO", stack.enter_context(packed))
        document = TraceDocument(source)
        begun, between = False, b""
        for block in document.blocks(_Blocks(removed)):
            if not begun:
                out.write(_PROTONS if Proton.begins(document.head) else _BEGINNING)
                begun = True
            if block:
                out.write(between + block)
                between = b",\n"
        out.write(b"" if begun else _BEGINNING)
        head = b"{}" if Proton.begins(document.head) else document.head
        out.write(b"\n]" + _keys(head, document.tail, removed) + b"}\n")


class _Blocks:
    """Decodes as the reader does, which proves that a block holds whole events, and gives the scrubbed text instead."""

    def __init__(self, removed: Removed) -> None:
        self._removed = removed
        self._problems = Problems()
        self._decoder = EventDecoder(self._problems)

    def __call__(self, data: bytes, *, certain: bool) -> bytes | None:
        unreadable = self._problems["unreadable-json"]
        if self._decoder(data, certain=certain) is None:
            return None
        events: Iterable[bytes] = elements(data)
        if self._problems["unreadable-json"] > unreadable:
            # nobody reads it, and what in it is a text and may hold a name can't be told
            every = most_readable(data)
            events = [event for event in every if is_json(event)]
            self._removed["events that are not JSON"] += len(every) - len(events)
        return b",\n".join(self._event(event) for event in events)

    def _event(self, event: bytes) -> bytes:
        if not _SUSPECT.search(event) and not any(map(_is_private, _KEY.findall(event))):
            return event
        texts = list(_texts(event))
        at_top = {keys[0]: _decoded(event[start:end]) for keys, start, end in texts if keys and len(keys) == 1}
        pieces, done = [], 0
        for keys, start, end in texts:
            text = _decoded(event[start:end])
            changed = self._text(keys, text, at_top)
            if changed != text:
                pieces += [event[done:start], json.dumps(changed).encode()]
                done = end
        return b"".join([*pieces, event[done:]])

    def _text(self, keys: tuple[str, ...] | None, text: str, event: dict[str, str]) -> str:
        """One text of an event, at `keys` in it, as it may stay; `event` holds the texts at its top."""
        category = event.get("cat", "").lower()
        if keys is None:
            pass  # a key: only a path in it goes
        elif keys in (("ph",), ("cat",), ("pid",), ("tid",), ("id",), ("bp",)):
            return text
        elif keys == ("name",):
            if category in PYTHON_STACK:
                changed, count = without_folders(text)
                self._removed["folders of Python stack frames"] += count
                return changed
            if event.get("ph") in ("X", "B") and kind_and_layer(category)[0] in _NAMED:
                return text
        elif event.get("ph") == "M":
            changed = _plain_name(text)
            self._removed["names of processes and threads"] += changed != text
            return changed
        elif keys[:1] == ("args",) and keys[-1] in _READ:
            return text
        elif any(is_private(key) for key in keys):
            self._removed[f"text of {keys[-1]!r} in events"] += bool(text)
            return ""
        changed, count = without_paths(text)
        self._removed["paths in the text of events"] += count
        return changed


@lru_cache(maxsize=4096)
def _is_private(key: bytes) -> bool:
    return is_private(key.decode("utf-8", "replace"))


def _plain_name(text: str) -> str:
    if match := _THREAD.fullmatch(text):
        return match[1]
    if rank := RANK.search(text):
        return f"rank {rank[1]}"  # ranks that somebody merged into one file are told apart by it
    return text if _PLAIN_NAMES.fullmatch(text) else ""


def _texts(event: bytes) -> Iterator[tuple[tuple[str, ...] | None, int, int]]:
    """Every string of an event, where it starts and ends: of a value the keys that lead to it (list places have none).

    Of a key itself None.
    """
    keys: list[str | None] = []
    pending: re.Match[bytes] | None = None
    for match in _TOKEN.finditer(event):
        token = match.group()
        if token[:1] == b'"':
            pending = match
            continue
        if token == b":" and pending is not None:
            keys[-1] = _decoded(pending.group())
            yield None, pending.start(), pending.end()
        elif pending is not None:
            yield tuple(key for key in keys if key is not None), pending.start(), pending.end()
        pending = None
        if token in b"{[":
            keys.append(None)
        elif token in b"}]":
            keys.pop()


def _decoded(token: bytes) -> str:
    try:
        text: str = json.loads(token) if b"\\" in token else token[1:-1].decode()
    except ValueError:  # odd JSON, or bytes that are not UTF-8
        text = json.loads(repair(token)[0])
    return text


def _keys(head: bytes, tail: bytes, removed: Removed) -> bytes:
    """What may stay of the keys around the events, as the end of an object's text."""
    kept: dict[str, Any] = {}
    for text in (tail, head):  # where both have a key, the reader takes the head's
        for name, raw in _fields(text).items():
            value = _value(name, raw)
            removed[f"{name!r} of the recording"] += value != _loaded(bytes(raw))
            if value is not None:
                kept[name] = raw if value == _loaded(bytes(raw)) else msgspec.Raw(json.dumps(value).encode())
    return b"".join(b",\n" + json.dumps(name).encode() + b": " + bytes(raw) for name, raw in kept.items())


def _fields(text: bytes) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return msgspec.json.decode(repair(text)[0], type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}  # the reader could not read these either


def _loaded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return json.loads(repair(raw)[0])


def _value(name: str, raw: msgspec.Raw) -> Any:
    """What may stay of one key around the events; None for nothing."""
    value = _loaded(bytes(raw))
    if name in _DEVICE_KEYS and isinstance(value, list):
        return [_numbers(device) | _named(device) for device in value if isinstance(device, dict)]
    if name == "distributedInfo" and isinstance(value, dict):
        return _numbers(value) | {key: value[key] for key in ("backend",) if value.get(key) in ("nccl", "gloo", "mpi")}
    if isinstance(value, str):
        return value if name in _TEXT_KEYS and not without_paths(value)[1] else None
    return value if _is_number(name, value) else None


def _is_number(name: str, value: Any) -> bool:
    return isinstance(value, bool | int | float) and not is_hardware_id(name) and not without_paths(name)[1]


def _numbers(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if _is_number(key, value)}


def _named(device: dict[str, Any]) -> dict[str, str]:
    name = device.get("name")
    return {"name": name} if isinstance(name, str) else {}
