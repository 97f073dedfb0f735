"""A joined trace: its launches, the time of which it is not known what ran, and its range instances, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.backward import BackwardOps, backward_ops
from launchlens.traces.columns import codes, is_any
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.lanes import (
    HostEvents,
    Lane,
    device_lane,
    evident_lane,
    host_events,
    host_lane,
    lane_kinds,
    process_lane,
)
from launchlens.traces.launches.apis import launches_are_known
from launchlens.traces.launches.hardware_queue import HardwareQueue
from launchlens.traces.launches.join import find_launches
from launchlens.traces.launches.table import Launches
from launchlens.traces.problems import Problems
from launchlens.traces.ranges import range_instances
from launchlens.traces.trace import Trace
from launchlens.traces.unrecorded.unknown_time import Spans, unknown_time
from launchlens.traces.waits_for_backward import waits_for_backward

if TYPE_CHECKING:
    from launchlens.traces.slice import Slice
    from launchlens.traces.steps.host_line import HostLine
    from launchlens.traces.steps.stepped import Stepped


@dataclass(frozen=True)
class InstanceColumns:
    """Columns of range instances as plain arrays, each made when it is asked for; process and thread by their codes."""

    instances: pd.DataFrame

    @cached_property
    def process(self) -> Ints:
        return codes(self.instances, "process")

    @cached_property
    def thread(self) -> Ints:
        return codes(self.instances, "thread")

    @cached_property
    def start_ns(self) -> Ints:
        return self._numbers("start_ns")

    @cached_property
    def end_ns(self) -> Ints:
        return self._numbers("end_ns")

    @cached_property
    def launches(self) -> Ints:
        return self._numbers("launches")

    @cached_property
    def launches_all_threads(self) -> Ints:
        return self._numbers("launches_all_threads")

    @cached_property
    def by_name(self) -> Mapping[str, Ints]:
        """The positions of the instances of each name, in the order in which these begin."""
        names = self.instances["name"].array
        groups = by_keys(np.arange(len(self.instances)), codes(self.instances, "name"))
        ordered = sorted(groups.items(), key=lambda item: int(item[1][0]))
        return {str(names.categories[code]): rows for code, rows in ordered}

    def _numbers(self, column: str) -> Ints:
        found: Ints = self.instances[column].to_numpy(np.int64)
        return found


@dataclass(frozen=True)
class JoinedTrace:
    """A trace with its launches joined to their GPU work.

    `unknown` are the times, by device, of which it is not known whether work that was launched ran. `problems` are those of
    the reader and of the join.
    """

    trace: Trace
    launches: Launches
    unknown: Spans
    problems: Problems
    _host_lanes: dict[tuple[int, int], Lane] = field(default_factory=dict, repr=False)
    _evident_lanes: dict[tuple[int, int], Lane] = field(default_factory=dict, repr=False)
    _process_lanes: dict[int, Lane] = field(default_factory=dict, repr=False)
    _device_lanes: dict[int | None, Lane] = field(default_factory=dict, repr=False)
    _segment_causes: dict[int, tuple[HostLine, Ints]] = field(default_factory=dict, repr=False)
    _stepped: dict[tuple[str | None, bytes | None], Stepped] = field(default_factory=dict, repr=False)

    @property
    def events(self) -> pd.DataFrame:
        return self.trace.events

    @cached_property
    def instances(self) -> pd.DataFrame:
        """The range instances with the work launched inside each (`launchlens.traces.ranges.INSTANCE_COLUMNS`)."""
        return range_instances(self.events, self.launches, self.backward_ops)

    @cached_property
    def instance_columns(self) -> InstanceColumns:
        """What most ask of the range instances, as plain arrays."""
        return InstanceColumns(self.instances)

    @cached_property
    def backward_ops(self) -> BackwardOps:
        """The ops of backward passes, with their forward ops."""
        return backward_ops(self.events)

    @cached_property
    def waits(self) -> Mapping[tuple[int, int], tuple[Ints, Ints]]:
        """When each thread waits for another one that does its work."""
        return waits_for_backward(self.events, self.host_events, self.backward_ops)

    @cached_property
    def hardware_queue(self) -> HardwareQueue:
        """What the recorder tells of the queue between host and GPU."""
        return HardwareQueue(self.launches, self.events)

    @cached_property
    def host_events(self) -> HostEvents:
        """The host events by the state that they put their thread in."""
        return host_events(self.events, self.launches, self.trace.python_processes)

    def host_lane(self, process: int, thread: int) -> Lane:
        """The host lane of a thread that is known to run the caller's code, cut once: that is most of the work of an account."""
        if (process, thread) not in self._host_lanes:
            self._host_lanes[process, thread] = host_lane(self.host_events, process, thread)
        return self._host_lanes[process, thread]

    def evident_lane(self, process: int, thread: int) -> Lane:
        """The host lane of a thread of any program, likewise."""
        if (process, thread) not in self._evident_lanes:
            waits = self.waits.get((process, thread))
            frames = self.frames_of(process, thread)
            self._evident_lanes[process, thread] = evident_lane(self.host_events, process, thread, frames, waits)
        return self._evident_lanes[process, thread]

    def frames_of(self, process: int, thread: int) -> tuple[Ints, Ints] | None:
        """When frames of Python's stack are open on a thread, as intervals that share no moment; None where none was recorded."""
        if process < 0 or thread < 0:
            return None
        ids = (
            str(self.events[name].array.categories[code]) for name, code in (("process", process), ("thread", thread))
        )
        return self.trace.python_frames.get((next(ids), next(ids)))

    def process_lane(self, process: int) -> Lane:
        """The host lane of a process, likewise."""
        if process not in self._process_lanes:
            threads = self.host_events.threads_of(process)
            self._process_lanes[process] = process_lane([self.evident_lane(process, thread) for thread in threads])
        return self._process_lanes[process]

    def stepped(self, pattern: str | None = None, windows: Slice | None = None) -> Stepped:
        """The trace as a row of steps, made once for each: those that a `pattern` of ranges names, or without one those that a slice of
        a range's instances holds."""
        from launchlens.traces.steps.stepped import Stepped

        windows = windows if pattern is None else None
        of = None if windows is None else windows.start_ns.tobytes() + windows.end_ns.tobytes()
        if (pattern, of) not in self._stepped:
            self._stepped[pattern, of] = Stepped(self, pattern, windows)
        return self._stepped[pattern, of]

    def segment_causes(self, host: HostLine, work_out: Callable[[], Ints]) -> Ints:
        """What `work_out` gives for a host's line, once: each device of a process asks for the same."""
        if id(host) not in self._segment_causes:
            self._segment_causes[id(host)] = host, work_out()  # the line is held, so that nothing else gets its id
        return self._segment_causes[id(host)][1]

    def device_lane(self, device: int | None) -> Lane:
        """The lane of a device, cut once; one without any state where the trace holds no event of a device."""
        if device not in self._device_lanes:
            unknown = None if device is None else self.unknown.get(device)
            self._device_lanes[device] = device_lane(self.events, device, unknown, self.work_kinds)
        return self._device_lanes[device]

    @cached_property
    def work_kinds(self) -> npt.NDArray[np.object_]:
        return lane_kinds(self.events)

    @cached_property
    def saw_gpu(self) -> bool:
        """Whether the trace tells of GPU work: it holds some, or it shows that it looked and nothing was launched.

        It looked where it holds a projection of a range on a GPU, or API calls of which a launch would be known, or its reader
        says so. A trace of the host alone knows nothing of GPUs.
        """
        if len(self.launches.activity_rows):
            return True
        if len(self.launches):
            return False
        if self.trace.looked_for_gpu is not None:
            return self.trace.looked_for_gpu
        calls = _calls(self.events)
        return bool(is_any(self.events, "kind", "gpu-range").any() or calls) and all(map(launches_are_known, calls))


def join(trace: Trace) -> JoinedTrace:
    """Join the launches of a trace to their GPU work, and work out what its recorder left out of them."""
    problems = trace.problems.copy()
    unseen = trace.looked_for_gpu is False
    launches = find_launches(trace.events, problems, gpu_expected=not unseen)
    joined = JoinedTrace(trace, launches, unknown_time(trace.events, launches, problems), problems)
    if not joined.saw_gpu and not problems["no-gpu-records"] and (unseen or _calls(trace.events)):
        problems.add("gpu-not-recorded")
    return joined


def _calls(events: pd.DataFrame) -> list[str]:
    """The names of the API calls of a trace, each once."""
    names = events["name"].array
    used = np.unique(names.codes[is_any(events, "kind", "api")])
    return [str(name) for name in names.categories[used[used >= 0]]]
