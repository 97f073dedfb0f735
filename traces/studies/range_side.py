"""A range of any trace as a side of a comparison: each of its instances is a block of one iteration."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from launchlens.traces.captures.capture import TraceRecord
from launchlens.traces.joined import join
from launchlens.traces.studies.recording import recording_of
from launchlens.traces.studies.side import Bound, Side
from launchlens.traces.trace import Trace
from launchlens.traces.windows import range_of_caller


@dataclass(frozen=True)
class RangeSide(Side):
    """A range of any trace. Its times are all of the trace: `busy` is the share of its instances in which the device ran.

    `outlasted` when GPU work launched inside an instance ended after it: such a range does not wait for its work, so its
    times don't tell what does.
    """

    busy: float | None = None
    outlasted: bool = False

    @property
    def busy_share(self) -> float | None:
        """The share of the range in which the device ran anything, whoever launched it; None without GPU records."""
        return self.busy

    @property
    def bound(self) -> Bound:
        return "unknown" if self.outlasted else super().bound


def side_of_range(trace: Trace, name: str) -> Side:
    """The instances of one range of any trace as a side: every instance is a block of one iteration.

    Its times are profiled: `wall_ns` the host's in the range, `host_ns` what of it was not spent waiting (host state
    `sync`). Instances inside another one of the same name are left out, so that no time
    counts twice; instances on other threads than the one that launches most are left out as well. Raises InputError
    when the trace holds no such range.
    """
    mine = range_of_caller(join(trace), name)
    record = TraceRecord(trace.recorded_by, "recorded", str(trace.path), mine.account.windows, 1)
    recording = recording_of(mine, mine.middle_window(), record)
    wall = mine.account.window_ns.astype(float)
    blocks = pd.DataFrame(
        {
            "wall_ns": wall,
            "host_ns": wall - mine.account.of_states("host", "sync"),
            "device_ns": recording.per_block["gpu_projection_ns"].astype("Float64"),
        }
    )
    known = recording.device is not None and recording.gpu_busy_ns is not None
    busy = 1 - mine.account.share("device", "unknown", "idle") if known else None
    return RangeSide(name, "recorded", "", blocks, recording, busy=busy, outlasted=mine.outlasted)
