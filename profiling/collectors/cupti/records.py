"""CUPTI's records taken out of their buffers: per kind of record one list of tuples, of the fields that are needed.

No other field is read: some are unions or pointers, and reading the wrong one has ended a process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

#: Kinds without which there is no account, and kinds that are nice to have. GRAPH_TRACE is not among them: with
#: cupti-python 13.0.1 it ended the process, and would hide the nodes of a graph.
NEEDED = ("RUNTIME", "DRIVER", "CONCURRENT_KERNEL", "MEMCPY", "MEMSET", "EXTERNAL_CORRELATION", "OVERHEAD")
WANTED = ("MEMCPY2", "MARKER")

_DEVICE = (
    "start", "end", "device_id", "context_id", "stream_id", "correlation_id", "graph_id", "graph_node_id", "channel_type",
    "channel_id",
)  # fmt: skip
#: Kind of record -> the fields taken from it, in the order in which they stand in its tuples.
FIELDS: dict[str, tuple[str, ...]] = {
    "RUNTIME": ("start", "end", "thread_id", "correlation_id", "cbid"),
    "DRIVER": ("start", "end", "thread_id", "correlation_id", "cbid"),
    "CONCURRENT_KERNEL": (*_DEVICE, "name", "queued", "submitted", "completed"),
    "MEMCPY": (*_DEVICE, "bytes", "copy_kind", "copy_count"),
    "MEMCPY2": (*_DEVICE, "bytes", "copy_kind"),
    "MEMSET": (*_DEVICE, "bytes"),
    "EXTERNAL_CORRELATION": ("correlation_id", "external_id", "external_kind"),
    "OVERHEAD": ("start", "end", "correlation_id", "overhead_kind"),
}
ON_DEVICE = ("CONCURRENT_KERNEL", "MEMCPY", "MEMCPY2", "MEMSET")

# CUpti_ActivityFlag
_MARKER_START, _MARKER_END = 1 << 1, 1 << 2
_THREAD = 2  # CUPTI_ACTIVITY_OBJECT_THREAD


class Range(NamedTuple):
    """A range: ns on CUPTI's clock, the thread as API records name it (None: unknown), and its external id, if it has one."""

    name: str
    start: int
    end: int | None
    thread: int | None
    number: int | None


class Records:
    """The records met so far. `unknown` counts those of kinds that nobody asked for."""

    def __init__(self, cupti: Any) -> None:
        self.unknown = 0
        self._taken: dict[str, list[tuple[Any, ...]]] = {name: [] for name in FIELDS}
        self._markers: dict[int, Range] = {}
        self._takers: dict[int, Callable[[Any], object]] = {}
        for name, fields in FIELDS.items():
            self._takers[int(getattr(cupti.ActivityKind, name))] = _taker(fields, self._taken[name])
        self._takers[int(cupti.ActivityKind.MARKER)] = self._take_marker

    def add(self, activities: Sequence[Any]) -> None:
        """Take what is needed from the records of one buffer, which is gone afterwards."""
        for record in activities:
            take = self._takers.get(int(record.kind))
            if take is None:
                self.unknown += 1
            else:
                take(record)

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """The records of a kind, each a tuple of its FIELDS."""
        return self._taken[kind]

    def devices(self) -> set[int]:
        """Numbers of the devices that anything ran on."""
        return {record[FIELDS[kind].index("device_id")] for kind in ON_DEVICE for record in self._taken[kind]}

    def markers(self) -> list[Range]:
        """NVTX ranges; one whose end was not seen has none."""
        return list(self._markers.values())

    def _take_marker(self, record: Any) -> None:
        """Join the two records of a range by their id. Only the first of them has a name that may be read."""
        flags = record.flags_
        if flags & _MARKER_START:
            thread = record.object_id.pt.thread_id if record.object_kind == _THREAD else None
            self._markers[record.id] = Range(str(record.name), record.timestamp, None, thread, None)
        elif flags & _MARKER_END and record.id in self._markers:
            self._markers[record.id] = self._markers[record.id]._replace(end=record.timestamp)


def _taker(fields: tuple[str, ...], into: list[tuple[Any, ...]]) -> Callable[[Any], object]:
    get = attrgetter(*fields)
    return lambda record: into.append(get(record))
