"""A block of Kineto's JSON as typed events: complete events (`ph` is X) with the few fields kept, the rest as good as skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

import msgspec

from launchlens.traces.problems import Problems
from launchlens.traces.readers.json_blocks import elements
from launchlens.traces.readers.json_repair import repair

#: A number or an id; the formats' history holds each of them as a number and as text.
Scalar: TypeAlias = int | float | str | None
_Fields: TypeAlias = dict[str, msgspec.Raw]


class Args(msgspec.Struct, gc=False):
    """The arguments of a complete event that reach the event table. An id that is not there is -1."""

    device: Scalar = -1
    context: Scalar = -1
    stream: Scalar = -1
    correlation: Scalar = -1
    bytes: Scalar = -1
    size: Scalar = -1  # ROCm: the bytes of a memcpy, on its API call
    kind: Scalar = None  # ROCm: HtoD, ...
    graph: Scalar = msgspec.field(name="graph id", default=-1)
    graph_node: Scalar = msgspec.field(name="graph node id", default=-1)


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
    """The same, for the decimal text of its times."""

    ts: msgspec.Raw = msgspec.Raw()
    dur: msgspec.Raw = msgspec.Raw()


class MetadataArgs(msgspec.Struct, gc=False):
    name: Scalar = None


class Metadata(msgspec.Struct, gc=False, tag_field="ph", tag="M"):
    """Names a process or a thread."""

    name: str | None = None
    pid: Scalar = None
    tid: Scalar = None
    args: MetadataArgs | None = None


class _Begin(msgspec.Struct, gc=False, tag_field="ph", tag="B"):
    """Half an event: its end is another one. Kineto writes none, and they are not put together here."""


class _End(msgspec.Struct, gc=False, tag_field="ph", tag="E"):
    """The other half."""


#: The trace event format's other phases (flows, instants, counters, async, samples, ...): objects without fields.
_OTHERS = tuple(
    msgspec.defstruct(f"_Phase{ord(phase)}", [], gc=False, tag_field="ph", tag=phase)
    for phase in "iIstfPCbneSTpFNODvVRrac(),="
)


def _decoder(complete: type[msgspec.Struct]) -> msgspec.json.Decoder[list[Any]]:
    kinds: Any = reduce(or_, (complete, Metadata, _Begin, _End, *_OTHERS))
    return msgspec.json.Decoder(list[kinds])


_EVENTS = _decoder(Complete)
_TEXTS = _decoder(_CompleteText)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_INVALID = (msgspec.DecodeError, UnicodeDecodeError)


@dataclass
class EventBlock:
    """Several whole events. `body` is their JSON array, or None when some were decoded by hand: those have their times as text."""

    complete: list[Complete]
    metadata: list[Metadata]
    body: bytes | None

    def times_as_text(self, name: str) -> Iterable[str]:
        """The decimal text of `ts` or `dur`, for each of `complete`: more digits than a float holds."""
        if self.body is None:
            return [str(getattr(event, name)) for event in self.complete]
        events = [event for event in _TEXTS.decode(self.body) if type(event) is _CompleteText]
        return [_text(getattr(event, name)) for event in events]


@dataclass
class EventDecoder:
    """Decodes blocks of events, with patience for odd JSON; counts what it had to change or leave out in `problems`."""

    problems: Problems = field(default_factory=Problems)
    #: elements of the events' array met so far
    seen: int = 0
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
        try:
            raws = [bytes(raw) for raw in _ELEMENTS.decode(body)]
            if _is_utf8(data):
                return self._by_hand(raws)
        except _INVALID:
            pass
        body, replaced = repair(body)
        try:
            raws = [bytes(raw) for raw in _ELEMENTS.decode(body)]
        except _INVALID:
            if not certain:
                return None
            fixed = [repair(element) for element in elements(data)]
            raws, replaced = [raw for raw, _ in fixed], sum(count for _, count in fixed)
        self._odd = True
        self.problems.add("replaced-bad-json", replaced)
        try:
            return self._sorted(_EVENTS.decode(body), body)
        except _INVALID:
            return self._by_hand(raws)

    def _sorted(self, events: list[Any], body: bytes) -> EventBlock:
        kinds = Counter(map(type, events))
        self.seen += len(events)
        self.problems.add("event-not-understood", kinds[_Begin] + kinds[_End])
        complete = [event for event in events if type(event) is Complete]
        metadata = [event for event in events if type(event) is Metadata] if kinds[Metadata] else []
        return EventBlock(complete, metadata, body)

    def _by_hand(self, raws: Iterable[bytes]) -> EventBlock:
        block = EventBlock([], [], None)
        for raw in raws:
            self.seen += 1
            try:
                fields = msgspec.json.decode(raw, type=_Fields)
            except msgspec.ValidationError:
                self.problems.add("event-not-understood")  # a number, say, among the events
                continue
            except _INVALID:
                self.problems.add("unreadable-json")
                continue
            phase = _scalar(fields.get("ph"))
            if phase == "X":
                block.complete.append(_complete(fields))
            elif phase == "M":
                args = MetadataArgs(**_known(MetadataArgs, _arguments(fields)))
                block.metadata.append(Metadata(**_known(Metadata, fields), args=args))
            elif not isinstance(phase, str) or phase in ("B", "E"):
                self.problems.add("event-not-understood")
        return block


def _arguments(fields: _Fields) -> _Fields:
    try:
        return msgspec.json.decode(fields.get("args", b"{}"), type=_Fields)
    except msgspec.ValidationError:
        return {}  # not an object: as good as none


def _complete(fields: _Fields) -> Complete:
    event = Complete(**_known(Complete, fields), args=Args(**_known(Args, _arguments(fields))))
    # times stay text, however long, and become numbers where all the exact ones do
    event.ts, event.dur = (_text(fields[name]) if name in fields else None for name in ("ts", "dur"))
    return event


def _known(struct: type[msgspec.Struct], fields: _Fields) -> dict[str, Any]:
    """The fields of `struct` that are there and of a kind it takes; the others keep their default."""
    known: dict[str, Any] = {}
    for info in msgspec.structs.fields(struct):
        value = _scalar(fields.get(info.encode_name)) if info.name != "args" else None
        if value is not None and (info.name not in ("name", "cat") or isinstance(value, str)):
            known[info.name] = value
    return known


def _scalar(raw: msgspec.Raw | None) -> Scalar:
    if raw is None:
        return None
    try:
        value: Scalar = msgspec.json.decode(raw, type=int | float | str | None)
    except _INVALID:
        return None
    return value


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode("ascii", "replace").strip(' "')


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
