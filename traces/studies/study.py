"""A capture worked out: for every variant in every regime its timing, its account, its ledger and one iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import pandas as pd

from launchlens.traces.captures.capture import Capture, TraceRecord
from launchlens.traces.joined import join
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.slice import of_range
from launchlens.traces.statistics import Estimate, median
from launchlens.traces.studies.busier_than_recorded import busier_than_recorded
from launchlens.traces.studies.recording import Recording, recording_of, recordings
from launchlens.traces.trace import Progress, Trace, open_trace

Bound = Literal["host-bound", "device-bound", "mixed", "unknown"]

#: A block is host-bound when submitting it takes at least this share of its wall time, and the device is busy for at
#: most HOST_BOUND_BUSY of it: the device then waits for the host. It is device-bound when the device is busy for at least
#: DEVICE_BOUND_BUSY of it, or when the host had submitted everything by DEVICE_BOUND_HOST of it and then waited.
HOST_BOUND_HOST, HOST_BOUND_BUSY = 0.9, 0.5
DEVICE_BOUND_BUSY, DEVICE_BOUND_HOST = 0.9, 0.6

#: The collector whose account a side takes where several recorded it: its traces also know the framework's ops.
PREFERRED = "torch"


@dataclass(frozen=True)
class Side:
    """One variant in one regime. Times of `blocks` are per iteration, ns, indexed by round.

    `part_of` names the variant whose work this one does only a part of: its time is shown, and never ranked.
    """

    variant: str
    regime: str
    says: str
    blocks: pd.DataFrame
    recording: Recording | None
    part_of: str | None = None

    @cached_property
    def wall(self) -> Estimate:
        """Unprofiled wall time of one iteration, ns: the median over rounds."""
        return median(self.blocks["wall_ns"])

    @cached_property
    def host(self) -> Estimate:
        """Unprofiled host submission time of one iteration, ns."""
        return median(self.blocks["host_ns"])

    @cached_property
    def device(self) -> Estimate | None:
        """Unprofiled time between device events around the block, per iteration, ns; None off the GPU."""
        values = self.blocks["device_ns"].dropna()
        return median(values) if len(values) else None

    @property
    def host_share(self) -> float:
        """Submission time as a share of wall time, unprofiled."""
        return float((self.blocks["host_ns"] / self.blocks["wall_ns"]).median())

    @property
    def busy_share(self) -> float | None:
        """GPU busy time of one recorded iteration as a share of the unprofiled wall time; None without GPU records."""
        if self.recording is None or self.recording.gpu_busy_ns is None:
            return None
        return self.recording.gpu_busy_ns / self.wall.value

    @property
    def bound(self) -> Bound:
        """What the side waits for; see the constants above for the thresholds."""
        busy = self.busy_share
        if busy is None:
            return "unknown"
        if busy >= DEVICE_BOUND_BUSY or self.host_share <= DEVICE_BOUND_HOST:
            return "device-bound"
        if self.host_share >= HOST_BOUND_HOST and busy <= HOST_BOUND_BUSY:
            return "host-bound"
        return "mixed"

    @property
    def inflation(self) -> float | None:
        """Profiled time over unprofiled time of one iteration: how far the profiler bends this side.

        The unprofiled time is the recording's own reference, where it has one, else that of the timed rounds.
        """
        if self.recording is None:
            return None
        return self.recording.profiled_ns / (self.recording.reference_ns or self.wall.value)


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


@dataclass(frozen=True)
class Study:
    """A capture worked out. `sides` is keyed by (variant, regime); `controls` holds the baseline's second blocks.

    `recordings` holds what every collector recorded of a side, keyed by (collector, variant, regime); `Side.recording` is
    one of these.
    """

    capture: Capture
    sides: Mapping[tuple[str, str], Side]
    controls: Mapping[str, Side]
    problems: Mapping[str, Problems]
    recordings: Mapping[tuple[str, str, str], Recording] = field(default_factory=dict)

    @property
    def regimes(self) -> list[str]:
        return list(dict.fromkeys(regime for _, regime in self.sides))

    def in_regime(self, regime: str) -> list[Side]:
        """The sides of one regime, fastest first."""
        return sorted((side for side in self.sides.values() if side.regime == regime), key=lambda side: side.wall.value)

    def ranked(self, regime: str) -> list[Side]:
        """The sides of one regime that do the whole work, fastest first: those that may be called faster than others."""
        sides = self.in_regime(regime)
        return [side for side in sides if side.part_of is None] or sides


def study(capture: Capture, progress: Progress | None = None) -> Study:
    """Read a capture's traces and work out every side that was timed.

    Raises InputError when a trace can't be used or the capture holds no timings.
    """
    timings = capture.timings
    if not len(timings):
        why = "it was interrupted before anything had been timed" if not capture.manifest.complete else "it holds none"
        raise InputError(capture.path, f"has no timings: {why}", "record it again")
    recorded: dict[tuple[str, str, str], Recording] = {}
    problems: dict[str, Problems] = {}
    for record in capture.manifest.traces:
        if not record.path:
            continue  # the collector could not record; the manifest says why
        trace = open_trace(capture.trace_path(record), progress=progress)
        found, noted = recordings(trace, record)
        recorded |= {(record.collector, variant, record.regime): recording for variant, recording in found.items()}
        noted.add("capture-disagrees", _disagreeing(capture, record, found))
        problems[record.path] = noted
    known = {record.variant: record for record in capture.manifest.variants}
    per_iteration = timings.assign(
        **{column: timings[column] / timings["iterations"] for column in ("host_ns", "wall_ns", "device_ns")}
    )
    for record in capture.manifest.traces:
        if record.path:
            _hold_against_events(recorded, record, per_iteration, problems[record.path])
    sides, controls = {}, {}
    for (variant, regime, control), blocks in per_iteration.groupby(["variant", "regime", "control"], sort=False):
        recording = None if control else _preferred(recorded, str(variant), str(regime))
        says, part_of = (known[variant].says, known[variant].part_of) if variant in known else ("", None)
        indexed = blocks.set_index("round").sort_index()
        side = Side(str(variant), str(regime), says, indexed, recording, part_of)
        if control and side.variant == capture.manifest.baseline:
            controls[side.regime] = side
        elif not control:
            sides[(side.variant, side.regime)] = side
    return Study(capture, sides, controls, problems, recorded)


def _disagreeing(capture: Capture, record: TraceRecord, found: Mapping[str, Recording]) -> int:
    """How many variants don't have as many blocks in a trace as the manifest says, one a round."""
    measured = {
        each.variant for each in capture.manifest.variants if (each.status, each.regime) == ("measured", record.regime)
    }
    blocks = {variant: recording.account.windows for variant, recording in found.items()}
    return sum(blocks.get(variant, 0) != record.rounds for variant in measured | set(blocks))


def _hold_against_events(
    recorded: dict[tuple[str, str, str], Recording], record: TraceRecord, timed: pd.DataFrame, problems: Problems
) -> None:
    """Name the recordings of a trace in which the device did less than events said of it, unprofiled.

    They then don't say how busy the GPU was. `timed` are all blocks with times per iteration, ns.
    """
    for key, recording in recorded.items():
        collector, variant, regime = key
        if (collector, regime) != (record.collector, record.regime):
            continue
        blocks = timed[(timed["variant"] == variant) & (timed["regime"] == regime)]
        device = blocks["device_ns"].dropna()
        waited = bool((blocks["host_ns"] / blocks["wall_ns"]).median() <= DEVICE_BOUND_HOST)
        between = float(device.median()) if len(device) else None
        if between is not None and busier_than_recorded(between, waited=waited, recording=recording):
            said = f"{variant} {between:,.0f} ns per iteration, {recording.gpu_recorded_ns:,.0f} ns recorded"
            problems.add("device-busier-than-recorded", detail=said)
            recorded[key] = replace(recording, gpu_busy_ns=None)


def _preferred(recorded: Mapping[tuple[str, str, str], Recording], variant: str, regime: str) -> Recording | None:
    """A side's recording by the first collector that has one, torch.profiler's before all others."""
    of_side = {name: made for (name, *side), made in recorded.items() if side == [variant, regime]}
    return of_side.get(PREFERRED) or next(iter(of_side.values()), None)


def side_of_range(trace: Trace, name: str) -> Side:
    """The instances of one range of any trace as a side: every instance is a block of one iteration.

    Its times are profiled: `wall_ns` the host's in the range, `host_ns` what of it was not spent waiting (host state
    `sync`). Instances inside another one of the same name are left out, so that no time
    counts twice; instances on other threads than the one that launches most are left out as well. Raises InputError
    when the trace holds no such range.
    """
    mine = of_range(join(trace), name, lasting=True)
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
