"""Reads a Perfetto protobuf trace the way its trace processor does: packets in order of time, a stack per track.

Independent of what writes it. `read` refuses (AssertionError) what the trace processor would count as an error: an end
without a begin, a slice left open, a string used before it was interned, an event on a track that nobody described, a
flow that ends before it starts.
"""

from dataclasses import dataclass, field
from typing import Any

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackDescriptor, TrackEvent


@dataclass
class Slice:
    track: int
    name: str
    category: str
    start: int
    end: int = -1
    depth: int = 0
    args: dict[str, Any] = field(default_factory=dict)
    leaving: list[int] = field(default_factory=list)
    entering: list[int] = field(default_factory=list)


@dataclass
class Read:
    tracks: dict[int, Any]
    slices: list[Slice]
    counters: dict[int, list[tuple[int, int]]]
    #: (slice that it leaves, slice that it enters) by flow id
    flows: dict[int, tuple[Slice, Slice]]

    def path(self, track: int) -> tuple[str, ...]:
        """The names of a track and the groups that hold it, outermost first."""
        descriptor = self.tracks[track]
        above = self.path(descriptor.parent_uuid) if descriptor.parent_uuid else ()
        return (*above, descriptor.name)

    def on(self, *names: str) -> list[Slice]:
        """The slices whose track's path holds each of `names` as a part of some name."""
        return [s for s in self.slices if all(any(n in part for part in self.path(s.track)) for n in names)]

    def counter(self, name: str) -> list[tuple[int, int]]:
        (found,) = [track for track in self.counters if name in self.tracks[track].name]
        return self.counters[found]


def read(data: bytes) -> Read:
    packets = Trace.FromString(data).packet
    tracks: dict[int, Any] = {}
    strings: dict[tuple[str, int], str] = {}
    events = []
    for number, packet in enumerate(packets):
        if number == 0:
            assert packet.sequence_flags & 1, "the first packet says that what was interned before does not count"
        for what, entries in packet.interned_data.ListFields():
            for entry in entries:
                assert (what.name, entry.iid) not in strings and entry.iid > 0
                strings[what.name, entry.iid] = (
                    entry.str.decode() if what.name == "debug_annotation_string_values" else entry.name
                )
        if packet.HasField("track_descriptor"):
            descriptor = packet.track_descriptor
            assert descriptor.uuid and descriptor.uuid not in tracks
            assert not descriptor.parent_uuid or descriptor.parent_uuid in tracks
            assert (
                not descriptor.parent_uuid or tracks[descriptor.parent_uuid].child_ordering == TrackDescriptor.EXPLICIT
            )
            tracks[descriptor.uuid] = descriptor
        if packet.HasField("track_event"):
            assert packet.track_event.track_uuid in tracks
            assert packet.trusted_packet_sequence_id
            resolved = resolve(packet, strings) if packet.track_event.type == TrackEvent.TYPE_SLICE_BEGIN else None
            events.append((packet.timestamp, packet.track_event, resolved))
    return play(tracks, sorted(events, key=lambda event: event[0]))


def resolve(packet: Any, strings: dict[tuple[str, int], str]) -> Slice:
    assert packet.sequence_flags & 2, "interned strings are used"
    event = packet.track_event
    args = {}
    for argument in event.debug_annotations:
        value = (
            argument.int_value
            if argument.HasField("int_value")
            else strings["debug_annotation_string_values", argument.string_value_iid]
        )
        args[strings["debug_annotation_names", argument.name_iid]] = value
    (category,) = event.category_iids
    return Slice(
        event.track_uuid,
        strings["event_names", event.name_iid],
        strings["event_categories", category],
        packet.timestamp,
        args=args,
        leaving=list(event.flow_ids),
        entering=list(event.terminating_flow_ids),
    )


def play(tracks: dict[int, Any], events: list[tuple[int, Any, Slice | None]]) -> Read:
    stacks: dict[int, list[Slice]] = {}
    done: list[Slice] = []
    counters: dict[int, list[tuple[int, int]]] = {uuid: [] for uuid, t in tracks.items() if t.HasField("counter")}
    begun: dict[int, Slice] = {}
    flows: dict[int, tuple[Slice, Slice]] = {}
    for at, event, begins in events:
        stack = stacks.setdefault(event.track_uuid, [])
        if event.type == TrackEvent.TYPE_COUNTER:
            counters[event.track_uuid].append((at, event.counter_value))
        elif begins is not None:
            begins.depth = len(stack)
            stack.append(begins)
            done.append(begins)
            for flow in begins.leaving:
                assert flow not in begun
                begun[flow] = begins
            for flow in begins.entering:
                assert flow not in flows
                flows[flow] = (begun[flow], begins)
        else:
            assert event.type == TrackEvent.TYPE_SLICE_END
            stack.pop().end = at
    assert not any(stacks.values()), "a slice was left open"
    assert set(begun) == set(flows), "a flow leaves and arrives nowhere"
    return Read(tracks, done, counters, flows)
