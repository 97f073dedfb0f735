"""One variant in one regime: what was timed of it, what was recorded of it, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from launchlens.traces.statistics import Estimate, median
from launchlens.traces.studies.recording import Recording
from launchlens.traces.thresholds import THRESHOLDS

Bound = Literal["host-bound", "device-bound", "mixed", "unknown"]


@dataclass(frozen=True)
class Side:
    """One variant in one regime. Times of `blocks` are per iteration, ns, indexed by round.

    `part_of` names the variant whose work this one does only a part of: its time is shown, and never ranked. Codes of the data
    gate (`launchlens.traces.gate`) say why its times are compared with none (`refused`), and why nothing that was recorded of it
    is used (`withheld`); `recording` is then None.
    """

    variant: str
    regime: str
    says: str
    blocks: pd.DataFrame
    recording: Recording | None
    part_of: str | None = None
    refused: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()

    @cached_property
    def wall(self) -> Estimate:
        """Unprofiled wall time of one iteration, ns: the median over rounds."""
        return median(self.blocks["wall_ns"])

    @cached_property
    def wall_ns(self) -> float:
        """The same without its interval, which takes many resamples."""
        return float(np.median(self.blocks["wall_ns"].to_numpy(float)))

    @cached_property
    def host(self) -> Estimate:
        """Unprofiled host submission time of one iteration, ns."""
        return median(self.blocks["host_ns"])

    @cached_property
    def device(self) -> Estimate | None:
        """Unprofiled time between device events around the block, per iteration, ns; None off the GPU."""
        values = self.blocks["device_ns"].dropna()
        return median(values) if len(values) else None

    @cached_property
    def host_share(self) -> float:
        """Submission time as a share of wall time, unprofiled."""
        host, wall = (self.blocks[name].to_numpy(float) for name in ("host_ns", "wall_ns"))
        return float(np.median(host / wall))

    @property
    def busy_share(self) -> float | None:
        """GPU busy time of one recorded iteration as a share of the unprofiled wall time; None without GPU records."""
        if self.recording is None or self.recording.gpu_busy_ns is None:
            return None
        return self.recording.gpu_busy_ns / self.wall_ns

    @property
    def bound(self) -> Bound:
        """What the side waits for.

        It is host-bound when submitting takes nearly all of the wall time and the device is idle for much of it: the device
        then waits for the host. It is device-bound when the device is busy nearly all the time, or when the host had
        submitted everything early and then waited.
        """
        return "unknown" if self.busy_share is None else bound_of(self.busy_share, self.host_share)

    @property
    def inflation(self) -> float | None:
        """Profiled time over unprofiled time of one iteration: how far the profiler bends this side.

        The unprofiled time is the recording's own reference, where it has one, else that of the timed rounds.
        """
        if self.recording is None:
            return None
        return self.recording.profiled_ns / (self.recording.reference_ns or self.wall_ns)


def bound_of(busy_share: float, host_share: float) -> Bound:
    """What a side waits for whose device is busy, and whose host submits, for these shares of the time."""
    if busy_share >= THRESHOLDS.device_bound_busy or host_share <= THRESHOLDS.device_bound_submitted:
        return "device-bound"
    if host_share >= THRESHOLDS.host_bound_submitting and busy_share <= THRESHOLDS.host_bound_busy:
        return "host-bound"
    return "mixed"
