"""A trace, whoever recorded it, as its reader hands it over; `launchlens.traces.source` opens one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from launchlens.traces.details import Details
from launchlens.traces.intervals import Ints
from launchlens.traces.problems import Problems

#: Called with (bytes done, bytes in all or None) as a file is read.
Progress = Callable[[int, int | None], None]
#: Of a recorder that tells nothing beside its events.
NO_DETAILS = Details()


@dataclass(frozen=True)
class Trace:
    """The event table of one file (or folder of tables), with where it came from and what was wrong with it.

    `events` follows `launchlens.traces.schema`. `recorded_by` is the recorder's name as its reader declares it, and
    `recorded_by_version` its own version where the file gives it. `devices` maps a device number to its name where the file
    gives one, `memory_bandwidths` to what its memory can read or write at most, in bytes a second. `looked_for_gpu` says of a file without GPU work that what there was would have been recorded (True), or that it
    was not recorded (False); None where only the events can tell. `python_processes` are the ids of the processes that the file
    shows, or its recorder knows, to run Python; `python_frames` is when Python frames were open on a thread, by the ids of its
    process and its own: starts and ends of intervals that share no moment, in order.
    """

    path: Path
    recorded_by: str
    recorded_by_version: str | None
    bytes: int
    events: pd.DataFrame
    problems: Problems
    devices: Mapping[int, str] = field(default_factory=dict)
    memory_bandwidths: Mapping[int, int] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    details: Details = NO_DETAILS
    looked_for_gpu: bool | None = None
    python_processes: Collection[str] = frozenset()
    python_frames: Mapping[tuple[str, str], tuple[Ints, Ints]] = field(default_factory=dict)
