"""A block of Kineto's JSON as typed events: complete events (`ph` is X) with the few fields kept, the rest as good as skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

import msgspec

from launchlens.traces.problems import Problems
from launchlens.traces.readers.kineto.json_faults import repaired

#: A number or an id; the formats' history holds each of them as a number and as text.
Scalar: TypeAlias = int | float | str | None
_Fields: TypeAlias = dict[str, msgspec.Raw]


class Args(msgspec.Struct, gc=False):
    """The arguments of a complete event that reach the event table. An id that is not there is -1."""

    device: Scalar = -1
    context: Scalar = -1
    stream: Scalar = -1
    correlation: Scalar = -1
    correlation_id: Scalar = -1  # XLA's
    bytes: Scalar = -1
    size: Scalar = -1  # ROCm: the bytes of a memcpy, on its API call
    kind: Scalar = None  # ROCm: HtoD, ...
    graph: Scalar = msgspec.field(name="graph id", default=-1)
    graph_node: Scalar = msgspec.field(name="graph node id", default=-1)
    collective: Scalar = msgspec.field(name="Collective name", default=None)
    dtype: Scalar = None
    sent: Scalar = msgspec.field(name="In msg nelems", default=-1)
    received: Scalar = msgspec.field(name="Out msg nelems", default=-1)
    ranks: Scalar = msgspec.field(name="Group size", default=-1)
    group: Scalar = msgspec.field(name="Process Group Name", default=None)
    group_ranks: Any = msgspec.field(name="Process Group Ranks", default=None)  # a list, or the text of one
    number: Scalar = msgspec.field(name="Seq", default=-1)
    shapes: msgspec.Raw = msgspec.field(name="Input Dims", default=msgspec.Raw())
    sequence: Scalar = msgspec.field(name="Sequence number", default=-1)
    forward_thread: Scalar = msgspec.field(name="Fwd thread id", default=-1)


NO_ARGS = Args()


class Complete(msgspec.Struct, gc=False, tag_field="ph", tag="X"):
    """An event with a start and a duration, both in microseconds as the file writes them."""

    name: str | None = None
    cat: str | None = None
    ts: Scalar = None
    dur: Scalar = None
    pid: Scalar = None
    tid: Scalar = None
    args: Args | None = None


class _CompleteText(msgspec.Struct, gc=False, tag_field="ph", tag="X"):
    """The same, with the decimal text of its times."""

    name: str | None = None
    cat: str | None = None
    ts: msgspec.Raw = msgspec.Raw()
    dur: msgspec.Raw = msgspec.Raw()
    pid: Scalar = None
    tid: Scalar = None
    args: Args | None = None

    def with_times_as_text(self) -> Complete:
        return Complete(self.name, self.cat, raw_text(self.ts), raw_text(self.dur), self.pid, self.tid, self.args)


class MetadataArgs(msgspec.Struct, gc=False):
    """The arguments of a metadata event: the name that it gives a process or thread."""

    name: Scalar = None


class Metadata(msgspec.Struct, gc=False, tag_field="ph", tag="M"):
    """Names a process or a thread."""

    name: str | None = None
    pid: Scalar = None
    tid: Scalar = None
    args: MetadataArgs | None = None


class Instant(msgspec.Struct, gc=False, tag_field="ph", tag="i"):
    """A moment, of which nothing is decoded before it is known to be an allocator's."""

    name: msgspec.Raw = msgspec.Raw()
    ts: msgspec.Raw = msgspec.Raw()
    args: msgspec.Raw = msgspec.Raw()

    @property
    def is_memory(self) -> bool:
        return bytes(self.name) == b'"[memory]"'


class MemoryArgs(msgspec.Struct, gc=False):
    """The arguments of an allocator's moment."""

    bytes: int = msgspec.field(name="Bytes")
    device_type: int = msgspec.field(name="Device Type")
    device: int = msgspec.field(name="Device Id", default=-1)
    allocated: int = msgspec.field(name="Total Allocated", default=-1)
    reserved: int = msgspec.field(name="Total Reserved", default=-1)


class Begin(msgspec.Struct, gc=False, tag_field="ph", tag="B"):
    """Half an event: its end is another one (`launchlens.traces.readers.kineto.pairs`)."""

    name: str | None = None
    cat: str | None = None
    ts: msgspec.Raw = msgspec.Raw()
    pid: Scalar = None
    tid: Scalar = None
    args: Args | None = None


class End(msgspec.Struct, gc=False, tag_field="ph", tag="E"):
    """The other half."""

    ts: msgspec.Raw = msgspec.Raw()
    pid: Scalar = None
    tid: Scalar = None


class Arrow(msgspec.Struct, gc=False, tag_field="ph", tag="s"):
    """Where an arrow leaves (`ph` is s): the event that is open on this thread at this moment."""

    cat: str | None = None
    id: Scalar = None
    ts: msgspec.Raw = msgspec.Raw()
    pid: Scalar = None
    tid: Scalar = None


class ArrowEnd(Arrow, gc=False, tag_field="ph", tag="f"):
    """Where it arrives (f)."""


#: Arrows from forward ops to their backward ops, as Kineto calls them. Those from launches to their work are not needed.
FORWARD_BACKWARD = "fwdbwd"
_ARROWS = (Arrow, ArrowEnd)

#: The trace event format's other phases (instants, counters, async, samples, ...): objects without fields.
_OTHERS = tuple(
    msgspec.defstruct(f"_Phase{ord(phase)}", [], gc=False, tag_field="ph", tag=phase)
    for phase in "ItPCbneSTpFNODvVRrac(),="
)


def _one_of(complete: type[msgspec.Struct]) -> Any:
    return reduce(or_, (complete, Metadata, Instant, Begin, End, Arrow, ArrowEnd, *_OTHERS))


_EVENTS: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[_one_of(Complete)])  # type: ignore[misc]
_TEXTS: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[_one_of(_CompleteText)])  # type: ignore[misc]
_ONE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_one_of(_CompleteText))
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_ARGS = {info.encode_name: info.name for info in msgspec.structs.fields(Args) if info.name != "shapes"}
_MEMORY = msgspec.json.Decoder(MemoryArgs)
_TEXT, _IDS = ({name: name for name in names} for names in (("name", "cat"), ("pid", "tid")))
#: Of a file of which so many elements are no events, none is taken for one.
FEWEST = 1000
_INVALID = (msgspec.DecodeError, UnicodeDecodeError)


@dataclass
class EventBlock:
    """Several whole events. `body` is their JSON array, or None when they were decoded one by one: those have their times as text.

    `memory` are an allocator's moments, each with the decimal text of its time.
    """

    complete: list[Complete]
    metadata: list[Metadata]
    body: bytes | None
    halves: list[Begin | End] = field(default_factory=list)
    memory: list[tuple[str, MemoryArgs]] = field(default_factory=list)
    #: those from forward ops to backward ops
    arrows: list[Arrow] = field(default_factory=list)

    def times_as_text(self, name: str) -> Iterable[str]:
        """The decimal text of `ts` or `dur`, for each of `complete`: more digits than a float holds."""
        if self.body is None:
            return [str(getattr(event, name)) for event in self.complete]
        events = [event for event in _TEXTS.decode(self.body) if type(event) is _CompleteText]
        return [raw_text(getattr(event, name)) for event in events]


def elements_of(body: bytes) -> list[bytes]:
    """The elements of a JSON array. Raises msgspec's errors for what is none."""
    return [bytes(raw) for raw in _ELEMENTS.decode(body)]


@dataclass
class EventDecoder:
    """Decodes blocks of events, with patience for odd JSON; counts what it had to change or leave out in `problems`."""

    problems: Problems = field(default_factory=Problems)
    #: elements of the events' array met so far, and how many of them were events
    seen: int = 0
    events: int = 0
    #: such a file has its oddity in many blocks: once one was repaired, guesses at a cut are tried repaired too
    _odd: bool = False

    def __call__(self, data: bytes, *, certain: bool) -> EventBlock | None:
        body = b"[" + data + b"]"
        try:
            return self._sorted(_EVENTS.decode(body), body)
        except msgspec.ValidationError:
            pass  # JSON as far as it was read, but of another shape
        except _INVALID:
            if not certain and not self._odd:
                return None
        return self._patiently(data, body, certain=certain)

    def _patiently(self, data: bytes, body: bytes, *, certain: bool) -> EventBlock | None:
        if _is_utf8(data):
            with suppress(*_INVALID):
                return self._one_by_one(elements_of(body))
        made = repaired(data, certain=certain)
        if made is None:
            return None
        self._odd = True
        self.problems.add("replaced-bad-json", made.replaced)
        self.problems.add("unreadable-json", made.unreadable)
        self.seen += made.unreadable
        try:
            return self._sorted(_EVENTS.decode(made.body), made.body)
        except _INVALID:
            return self._one_by_one(elements_of(made.body))

    def _sorted(self, events: list[Any], body: bytes) -> EventBlock:
        kinds = Counter(map(type, events))
        self.seen += len(events)
        self.events += len(events)
        complete = [event for event in events if type(event) is Complete]
        metadata = [event for event in events if type(event) is Metadata] if kinds[Metadata] else []
        in_halves = kinds[Begin] or kinds[End]
        halves = [event for event in events if type(event) in (Begin, End)] if in_halves else []
        instants = [event for event in events if type(event) is Instant] if kinds[Instant] else []
        leads = kinds[Arrow] or kinds[ArrowEnd]
        arrows = [each for each in events if type(each) in _ARROWS and each.cat == FORWARD_BACKWARD] if leads else []
        return EventBlock(complete, metadata, body, halves, _memory(instants), arrows)

    def _one_by_one(self, raws: Iterable[bytes]) -> EventBlock:
        block = EventBlock([], [], None)
        instants: list[Instant] = []
        for raw in raws:
            if self.seen >= FEWEST and not self.events:
                break  # it is something else, and its other elements need not be looked at
            self.seen += 1
            if raw == b"{}":
                continue  # XLA ends its events with one
            try:
                event = _one(raw)
            except _INVALID:
                self.problems.add("unreadable-json")
                continue
            self.events += event is not None
            if isinstance(event, _CompleteText):
                block.complete.append(event.with_times_as_text())
            elif isinstance(event, Metadata):
                block.metadata.append(event)
            elif isinstance(event, Instant):
                instants.append(event)
            elif isinstance(event, Begin | End):
                block.halves.append(event)
            elif isinstance(event, Arrow) and event.cat == FORWARD_BACKWARD:
                block.arrows.append(event)
            elif event is None:
                self.problems.add("event-not-understood")
        block.memory = _memory(instants)
        return block


def _memory(instants: Iterable[Instant]) -> list[tuple[str, MemoryArgs]]:
    """The allocator's moments among others; what is not as an allocator writes it is left out."""
    found = []
    for each in instants:
        if each.is_memory:
            with suppress(*_INVALID):
                found.append((raw_text(each.ts), _MEMORY.decode(each.args)))
    return found


def _one(raw: bytes) -> Any:
    try:
        return _ONE.decode(raw)
    except msgspec.ValidationError:
        return _by_hand(raw)


def _by_hand(raw: bytes) -> Any:
    """An event of an unusual shape, by as many of its fields as make sense; None when it is no event."""
    try:
        fields = msgspec.json.decode(raw, type=_Fields)
    except msgspec.ValidationError:
        return None  # a number, say, among the events
    phase = _scalar(fields.get("ph"))
    if phase == "X":
        times: dict[str, Any] = {name: fields[name] for name in ("ts", "dur") if name in fields}
        args = Args(**_known(_ARGS, _arguments(fields)))
        return _CompleteText(**_known(_TEXT, fields, str), **_known(_IDS, fields), **times, args=args)
    if phase == "M":
        args_name = MetadataArgs(**_known({"name": "name"}, _arguments(fields)))
        return Metadata(**_known({"name": "name"}, fields, str), **_known(_IDS, fields), args=args_name)
    if phase == "B":
        args = Args(**_known(_ARGS, _arguments(fields)))
        return Begin(**_known(_TEXT, fields, str), **_known(_IDS, fields), ts=_raw(fields, "ts"), args=args)
    if phase == "E":
        return End(**_known(_IDS, fields), ts=_raw(fields, "ts"))
    return phase if isinstance(phase, str) else None


def _raw(fields: _Fields, name: str) -> msgspec.Raw:
    return fields.get(name, msgspec.Raw())


def _arguments(fields: _Fields) -> _Fields:
    try:
        return msgspec.json.decode(fields.get("args", b"{}"), type=_Fields)
    except msgspec.ValidationError:
        return {}  # not an object: as good as none


def _known(names: dict[str, str], fields: _Fields, kind: type = object) -> dict[str, Any]:
    """The fields of `names` (attribute by key) that are there and scalars; the others keep their default."""
    values = {attribute: _scalar(fields[key]) for key, attribute in names.items() if key in fields}
    return {name: value for name, value in values.items() if value is not None and isinstance(value, kind)}


def _scalar(raw: msgspec.Raw | None) -> Scalar:
    if raw is None:
        return None
    try:
        value: Scalar = msgspec.json.decode(raw, type=int | float | str | None)
    except _INVALID:
        return None
    return value


def raw_text(raw: msgspec.Raw) -> str:
    """A number as it stands in the file, quoted or not."""
    return bytes(raw).decode("ascii", "replace").strip(' "')


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
