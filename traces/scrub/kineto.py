"""Copies a Kineto trace without what names its machine or its user: events made anew of what is known to be safe.

What is kept is on lists: fields, categories, keys, and what their texts may be. Numbers keep their digits, for an event is written with
the bytes of its fields; nothing else of the file comes along. Events are cut and told apart as the reader does, a block at a time, so that
the file's size does not matter.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from launchlens.traces.readers.byte_source import ByteSource
from launchlens.traces.readers.kineto.dialects import Proton, Xla
from launchlens.traces.readers.kineto.events import elements_of
from launchlens.traces.readers.kineto.json_blocks import TraceDocument
from launchlens.traces.readers.kineto.json_faults import repaired
from launchlens.traces.readers.kineto.json_repair import repair
from launchlens.traces.scrub.kineto_keys import ARGUMENTS, DEVICE, HEAD, JOB, Rule, decoded, number
from launchlens.traces.scrub.kineto_names import METADATA, MOMENTS, Ids, Name, category, name_rule, plain_name
from launchlens.traces.scrub.text import Removed
from launchlens.traces.trace import Progress

#: How a copy begins; Proton's is told by its unit.
_BEGINNING, _PROTONS = b'{"traceEvents": [\n', b'{"displayTimeUnit":"us","traceEvents":[\n'
_DEVICE_KEYS = ("deviceProperties", "computeProperties")
_ABSENT = msgspec.Raw()
_INVALID = (msgspec.DecodeError, UnicodeDecodeError)
_QUOTE = ord('"')
#: What stands for an element that is no event, and for a category that nobody knows: readers count both.
_NO_EVENT = b"0"
#: Names that are remembered with what they became: a trace has few and says them often.
_MOST_NAMES = 200_000


class _Event(msgspec.Struct, gc=False, omit_defaults=True):
    """The fields of an event that may stay, as they stand in the file."""

    name: msgspec.Raw = _ABSENT
    cat: msgspec.Raw = _ABSENT
    pid: msgspec.Raw = _ABSENT
    tid: msgspec.Raw = _ABSENT
    ts: msgspec.Raw = _ABSENT
    dur: msgspec.Raw = _ABSENT
    id: msgspec.Raw = _ABSENT
    bp: msgspec.Raw = _ABSENT
    s: msgspec.Raw = _ABSENT
    args: dict[str, msgspec.Raw] | None = None


class _Complete(_Event, gc=False, omit_defaults=True, tag_field="ph", tag="X"):
    """An event with a start and a duration."""


class _Begin(_Event, gc=False, omit_defaults=True, tag_field="ph", tag="B"):
    """Half of one."""


class _End(_Event, gc=False, omit_defaults=True, tag_field="ph", tag="E"):
    """The other half."""


class _Metadata(_Event, gc=False, omit_defaults=True, tag_field="ph", tag="M"):
    """The name of a process or a thread."""


class _Instant(_Event, gc=False, omit_defaults=True, tag_field="ph", tag="i"):
    """A moment."""


class _Leaves(_Event, gc=False, omit_defaults=True, tag_field="ph", tag="s"):
    """Where an arrow leaves."""


class _Arrives(_Event, gc=False, omit_defaults=True, tag_field="ph", tag="f"):
    """Where it arrives."""


#: The trace event format's other phases, of which a copy keeps nothing.
_OTHERS = {
    phase: msgspec.defstruct(f"_Phase{ord(phase)}", [], gc=False, tag_field="ph", tag=phase)
    for phase in "ItPCbneSTpFNODvVRrac(),="
}
_KEPT = {"X": _Complete, "B": _Begin, "E": _End, "M": _Metadata, "i": _Instant, "s": _Leaves, "f": _Arrives}
_ANY: Any = _Complete | _Begin | _End | _Metadata | _Instant | _Leaves | _Arrives
for _other in _OTHERS.values():
    _ANY |= _other
_EVENTS: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[_ANY])
_ONE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_ANY)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()


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
        blocks = _Blocks(document, removed)
        begun, between = False, b""
        for block in document.blocks(blocks):
            if not begun:
                out.write(_PROTONS if Proton.begins(document.head) else _BEGINNING)
                begun = True
            if block:
                out.write(between + block)
                between = b",\n"
        out.write(b"" if begun else _BEGINNING)
        head = b"{}" if Proton.begins(document.head) else document.head
        out.write(b"\n]" + _keys(head, document.tail, removed) + b"}\n")
        removed["ids of processes and threads"] += len(blocks.ids.given)
        removed.renamed |= blocks.ids.given


class _Blocks:
    """Decodes as the reader does, which proves that a block holds whole events, and gives the text of a copy instead."""

    def __init__(self, document: TraceDocument, removed: Removed) -> None:
        self.ids = Ids()
        self._document = document
        self._removed = removed
        self._odd = self._of_xla = False
        self._names: dict[tuple[bytes, bytes], msgspec.Raw] = {}
        self._categories: dict[bytes, tuple[msgspec.Raw, Name | None]] = {}

    def __call__(self, data: bytes, *, certain: bool) -> bytes | None:
        body = b"[" + data + b"]"
        try:
            data.decode()
            return self._all(_EVENTS.decode(body))
        except msgspec.ValidationError:  # JSON as far as it was read, but of another shape
            with suppress(*_INVALID):
                return self._all(map(_one, elements_of(body)))
        except _INVALID:
            if not certain and not self._odd:
                return None
        made = repaired(data, certain=certain)
        if made is None:
            return None
        self._odd = True
        self._removed["events that are not JSON"] += made.unreadable
        try:
            return self._all(_EVENTS.decode(made.body))
        except _INVALID:
            return self._all(map(_one, elements_of(made.body)))

    def _all(self, events: Any) -> bytes:
        events = list(events)
        if not self._of_xla:
            named = (each.args or {} for each in events if type(each) is _Metadata)
            names = [decoded(bytes(args["name"])) for args in named if bytes(args.get("name", b""))[:1] == b'"']
            if Xla.speaks(names):  # whose events have no categories
                self._of_xla = True
                self._categories.clear()
        made = []
        for event in events:
            kept = self._kept(event)
            if kept is None:
                self._removed["moments, counters and other events that no reader needs"] += 1
            else:
                made.append(kept if isinstance(kept, bytes) else _ENCODER.encode(kept))
        return b",\n".join(made)

    def _kept(self, event: Any) -> Any:
        """What becomes of one event: an event, the text of one, or None for nothing."""
        match event:
            case _Complete() | _Begin():
                self._categorise(event)
            case _End():
                event.name = event.cat = _ABSENT
                event.args = None
            case _Metadata():
                if _text(event.name) not in METADATA:
                    return None
                event.cat = _ABSENT
            case _Instant():
                if not MOMENTS.fullmatch(_text(event.name) or ""):
                    return None
                event.cat = event.cat if bytes(event.cat) == b'"cpu_instant_event"' else _ABSENT
            case _Leaves() | _Arrives():
                if (of := _text(event.cat)) not in ("ac2g", "fwdbwd", "async"):
                    return None
                event.name = event.name if _text(event.name) == of else _ABSENT
            case bytes():
                return event
            case _:
                return None
        event.pid, event.tid = self._id(event.pid), self._id(event.tid)
        event.ts, event.dur, event.id = _numeric(event.ts), _numeric(event.dur), _numeric(event.id)
        event.bp = event.bp if bytes(event.bp) == b'"e"' else _ABSENT
        event.s = event.s if bytes(event.s) in (b'"g"', b'"p"', b'"t"') else _ABSENT
        if event.args:
            event.args = self._named(event.args) if type(event) is _Metadata else self._arguments(event.args)
        return event

    def _categorise(self, event: _Event) -> None:
        """Let an event have the category that it may, and the name."""
        raw = bytes(event.cat)
        found = self._categories.get(raw)
        if found is None:
            text = _text(event.cat) or ""
            of_proton = Proton.begins(self._document.head)
            kept = category(text)
            self._removed["categories that no reader knows"] += kept != text
            stays = event.cat if kept == text and raw[:1] == b'"' else msgspec.Raw(json.dumps(kept).encode())
            found = stays if text else _ABSENT, name_rule(text, of_proton=of_proton, of_xla=self._of_xla)
            self._categories[raw] = found
        event.cat, rule = found
        name = bytes(event.name)
        if name[:1] != b'"' or rule is None:
            if name[:1] == b'"':
                self._removed["names of events that no reader needs"] += 1
            event.name = _ABSENT
            return
        self._removed.kept[rule.of] += 1
        known = self._names.get((raw, name))
        if known is None:
            text = decoded(name)
            said = rule.stays(text)
            self._removed[f"in {rule.of}"] += said != text
            known = event.name if said == text else msgspec.Raw(json.dumps(said).encode())
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[raw, name] = known
        event.name = known

    def _id(self, raw: msgspec.Raw) -> msgspec.Raw:
        """The id of a process or thread, as it may stay."""
        value = bytes(raw)
        if value[:1] != b'"':
            return _numeric(raw)
        text = decoded(value)
        stays = self.ids.of(text)
        self._removed.kept["ids of processes and threads"] += 1
        return raw if stays == text else msgspec.Raw(json.dumps(stays).encode())

    def _arguments(self, args: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
        kept = {}
        for key, raw in args.items():
            rule = ARGUMENTS.get(key)
            value = bytes(raw)
            stays = None if rule is None else rule(value)
            if stays is None:
                self._removed[f"{key!r} in events"] += 1
                continue
            if rule is not number and stays[0] != _NUMBER_LIST:
                self._removed.kept[f"{key!r} in events"] += 1
            if stays is not value:
                self._removed[f"text of {key!r} in events"] += 1
                raw = msgspec.Raw(stays)
            kept[key] = raw
        return kept

    def _named(self, args: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
        """What a process or thread is called, where the recorder itself gave it the name."""
        kept = {}
        for key in ("name", "labels"):
            value = bytes(args.get(key, b""))
            if value[:1] == b'"':
                text = decoded(value)
                stays = plain_name(text)
                self._removed["names of processes and threads"] += stays != text
                self._removed.kept["names of processes and threads"] += bool(stays)
                kept[key] = msgspec.Raw(value if stays == text else json.dumps(stays).encode())
            elif value:
                kept[key] = _numeric(args[key])
        if "sort_index" in args:
            kept["sort_index"] = _numeric(args["sort_index"])
        for key in args:
            self._removed[f"{key!r} in events"] += key not in kept
        return {key: raw for key, raw in kept.items() if raw is not _ABSENT}


_NUMBER_LIST = ord("[")


def _one(raw: bytes) -> Any:
    """An event of an unusual shape, as the reader takes it; the text of something that is no event either for what is none."""
    try:
        return _ONE.decode(raw)
    except msgspec.ValidationError:
        pass
    except _INVALID:
        return None
    if raw.strip() == b"{}":
        return None
    try:
        fields = _FIELDS.decode(raw)
    except _INVALID:
        return _NO_EVENT
    phase = _text(fields.get("ph", _ABSENT))
    kind = _KEPT.get(phase or "")
    if kind is None:
        return _NO_EVENT if phase is None else None
    known: dict[str, Any] = {name: fields[name] for name in fields if name in kind.__struct_fields__ and name != "args"}
    event = kind(**known)
    try:
        event.args = _FIELDS.decode(fields["args"]) if "args" in fields else None
    except _INVALID:
        event.args = None
    return event


def _text(raw: msgspec.Raw) -> str | None:
    """The text that a value is; None for any other."""
    value = bytes(raw)
    return decoded(value) if value[:1] == b'"' else None


def _numeric(raw: msgspec.Raw) -> msgspec.Raw:
    """A number, or the text of one; absent for any other value."""
    value = bytes(raw)
    if not value or value[0] in b"-0123456789":
        return raw
    return raw if value[0] == _QUOTE and number(value) is not None else _ABSENT


def _keys(head: bytes, tail: bytes, removed: Removed) -> bytes:
    """What may stay of the keys around the events, as the end of an object's text."""
    kept: dict[str, bytes] = {}
    for text in (tail, head):  # where both have a key, the reader takes the head's
        for name, raw in _fields(text).items():
            value = _value(name, bytes(raw), removed)
            removed[f"{name!r} of the recording"] += value != bytes(raw)
            if value is not None:
                kept[name] = value
    return b"".join(b",\n" + json.dumps(name).encode() + b": " + raw for name, raw in kept.items())


def _fields(text: bytes) -> dict[str, msgspec.Raw]:
    for each in (text, repair(text)[0]):
        with suppress(*_INVALID):
            each.decode()
            return _FIELDS.decode(each)
    return {}  # the reader could not read these either


def _value(name: str, raw: bytes, removed: Removed) -> bytes | None:
    """What may stay of one key around the events; None for nothing."""
    if name in HEAD:
        stays = HEAD[name](raw)
        removed.kept[f"{name!r} of the recording"] += stays is not None and stays[0] == _QUOTE
        return stays
    if name == "distributedInfo":
        return _chosen(raw, JOB, (), name, removed)
    if name in _DEVICE_KEYS:
        try:
            listed = elements_of(raw)
        except _INVALID:
            return None
        kept = [_chosen(each, DEVICE, ("name",), name, removed) for each in listed]
        devices = [each for each in kept if each is not None]
        return raw if devices == listed else b"[" + b", ".join(devices) + b"]"
    return None


def _chosen(raw: bytes, rules: Mapping[str, Rule], texts: tuple[str, ...], of: str, removed: Removed) -> bytes | None:
    """An object with what is on a list alone; None for what is no object."""
    try:
        fields = _FIELDS.decode(raw)
    except _INVALID:
        return None
    kept = {}
    for key, value in fields.items():
        plain = bytes(value)
        is_text = plain[:1] == b'"'
        stays = rules[key](plain) if key in rules else plain if key in texts and is_text else None
        if stays is not None:
            kept[key] = msgspec.Raw(stays)
            removed.kept[f"{key!r} of {of!r}"] += is_text
    return raw if len(kept) == len(fields) else _ENCODER.encode(kept)
