"""Perfetto's protobuf trace format: track descriptors, slices, flows and counters, written packet by packet.

Every string that repeats is interned. Track uuids are hashes of the tracks' names and nothing is taken from a clock,
so the same input gives the same bytes.

The tracks are plain ones (no process or thread descriptors): Perfetto orders the children of a plain track by
`sibling_order_rank` where the parent asks for it, and those of a process by its own taste; and the traces of one
capture come from one process, whose id would merge them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import IO, Any, TypeAlias

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket, TrackDescriptor, TrackEvent

#: Longer names are cut: some kernels' are pages long, and no screen shows more.
NAME_LIMIT = 1000

_SEQUENCE = 1
_STATE_CLEARED, _NEEDS_STATE = 1, 2  # SequenceFlags; the enum lies deep in the packet's descriptor
_BEGIN, _END, _COUNTER = TrackEvent.TYPE_SLICE_BEGIN, TrackEvent.TYPE_SLICE_END, TrackEvent.TYPE_COUNTER

Argument: TypeAlias = int | str


class PacketWriter:
    """Writes packets to a binary file as they are made, and counts what it wrote."""

    def __init__(self, file: IO[bytes]) -> None:
        self.slices = self.flows = self.counter_values = 0
        self._file = file
        self._interned: dict[str, dict[str, int]] = {}
        self._ranks: dict[int, int] = {}
        self._tracks: set[int] = set()
        packet = TracePacket()
        packet.trusted_packet_sequence_id = _SEQUENCE
        packet.sequence_flags = _STATE_CLEARED
        self._write(packet)
        # of an end nothing is new but where and when: one packet is filled in anew for each
        self._ending = self._event(0, 0, _END)
        self._ended = self._ending.track_event

    def track(self, path: tuple[str, ...], *, says: str = "", unit: str | None = None, overflow_of: int = 0) -> int:
        """Describe a new track below the one of `path[:-1]` and after its siblings so far; return its uuid.

        A `unit` makes it a counter. A track that is the `overflow_of` another (its uuid) holds what can't nest there;
        Perfetto draws the two as one.
        """
        uuid, copies = _uuid(path), 0
        while uuid in self._tracks:
            copies += 1
            uuid = _uuid(path, copies)
        self._tracks.add(uuid)
        packet = TracePacket()
        track = packet.track_descriptor
        track.uuid = uuid
        track.name = clean(path[-1])
        track.child_ordering = TrackDescriptor.EXPLICIT
        track.sibling_merge_behavior = TrackDescriptor.SIBLING_MERGE_BEHAVIOR_BY_SIBLING_MERGE_KEY
        track.sibling_merge_key_int = overflow_of or uuid
        parent = _uuid(path[:-1]) if len(path) > 1 else 0
        if parent:
            track.parent_uuid = parent
        if overflow_of:
            track.sibling_order_rank = self._ranks[overflow_of]
        else:
            track.sibling_order_rank = self._ranks[uuid] = self._ranks.get(~parent, 0)
            self._ranks[~parent] = self._ranks[uuid] + 1
        if says:
            track.description = clean(says)
        if unit is not None:
            track.counter.unit_name = unit
        self._write(packet)
        return uuid

    def knows(self, path: tuple[str, ...]) -> bool:
        """Whether a track of that path has been described."""
        return _uuid(path) in self._tracks

    def begin(
        self,
        track: int,
        at_ns: int,
        name: str,
        category: str,
        arguments: Mapping[str, Argument],
        leaving: Iterable[int] = (),
        entering: Iterable[int] = (),
    ) -> None:
        """Begin a slice; flows with the ids `leaving` start from it, and those `entering` end in it."""
        packet = self._event(track, at_ns, _BEGIN)
        packet.sequence_flags = _NEEDS_STATE
        event = packet.track_event
        event.name_iid = self._iid(packet, "event_names", name)
        event.category_iids.append(self._iid(packet, "event_categories", category))
        for key, value in arguments.items():
            argument = event.debug_annotations.add()
            argument.name_iid = self._iid(packet, "debug_annotation_names", key)
            if isinstance(value, int):
                argument.int_value = value
            else:
                argument.string_value_iid = self._iid(packet, "debug_annotation_string_values", value)
        if leaving:
            event.flow_ids.extend(leaving)
        if entering:
            event.terminating_flow_ids.extend(entering)
            self.flows += len(event.terminating_flow_ids)
        self.slices += 1
        self._write(packet)

    def end(self, track: int, at_ns: int) -> None:
        """End the slice that was begun last on the track."""
        self._ending.timestamp = at_ns
        self._ended.track_uuid = track
        self._write(self._ending)

    def count(self, track: int, at_ns: int, value: int) -> None:
        """Say what a counter stands at from here on."""
        packet = self._event(track, at_ns, _COUNTER)
        packet.track_event.counter_value = value
        self.counter_values += 1
        self._write(packet)

    def _write(self, packet: Any) -> None:
        """Write a packet as the field of `Trace` that it is; a `Trace` made for each, as perfetto's builder does, takes twice as long."""
        content = packet.SerializeToString()
        length = len(content)
        self._file.write((_SHORT[length] if length < len(_SHORT) else _PACKET + _varint(length)) + content)

    def _event(self, track: int, at_ns: int, kind: int) -> Any:
        packet = TracePacket()
        packet.timestamp = at_ns
        packet.trusted_packet_sequence_id = _SEQUENCE
        event = packet.track_event
        event.type = kind
        event.track_uuid = track
        return packet

    def _iid(self, packet: Any, what: str, text: str) -> int:
        """The number that stands for a string; the packet that uses it first says so."""
        known = self._interned.setdefault(what, {})
        number = known.get(text)
        if number is None:
            number = known[text] = len(known) + 1
            entry = getattr(packet.interned_data, what).add()
            entry.iid = number
            if what == "debug_annotation_string_values":
                entry.str = clean(text).encode()
            else:
                entry.name = clean(text)
        return number


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first, each with the eighth bit but the last."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


#: What stands before each packet: field 1 of `Trace`, as bytes of a length that is told next.
_PACKET = b"\x0a"
#: The same with the length, of packets that are short: nearly all are.
_SHORT = [_PACKET + _varint(length) for length in range(512)]


def clean(text: str) -> str:
    """A string as protobuf takes it: no lone surrogates, and not longer than NAME_LIMIT."""
    cut = text if len(text) <= NAME_LIMIT else text[: NAME_LIMIT - 1] + "…"
    return cut.encode("utf-8", "replace").decode("utf-8")


def _uuid(path: tuple[str, ...], copy: int = 0) -> int:
    """The uuid of a track: 63 bits of a hash of its path, never 0, which is Perfetto's word for none."""
    # every part is preceded by its length, so that no two paths run together to the same bytes
    parts = [part.encode("utf-8", "surrogatepass") for part in path]
    text = b"".join(b"%d:%b" % (len(part), part) for part in parts) + b"%d" % copy
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1 or 1
