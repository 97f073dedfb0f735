"""Every check of the data gate, a line each, by what it looks at: timed blocks, recorded blocks of a trace, sides."""

from __future__ import annotations

from launchlens.traces.gate import clocks, recorded, rounds, sides, start_times
from launchlens.traces.gate.check import Check
from launchlens.traces.gate.recorded import Recorded
from launchlens.traces.gate.sides import Sides
from launchlens.traces.gate.timed import Timed

TIMED: tuple[Check[Timed], ...] = (
    Check("rows-of-two-runs", "verdict", rounds.of_two_runs),
    Check("iterations-disagree", "verdict", rounds.iterations_disagree),
    Check("blocks-out-of-order", "verdict", start_times.out_of_order),
    Check("blocks-overlap", "verdict", start_times.overlapping),
    Check("rounds-copied", "verdict", rounds.copied),
    Check("timed-apart", "verdict", start_times.timed_apart),
    Check("timer-coarse", "verdict", clocks.coarse),
    Check("host-beyond-wall", "verdict", clocks.host_beyond_wall),
    Check("device-beyond-wall", "verdict", clocks.device_beyond_wall),
    Check("rounds-disagree", "nothing", rounds.rounds_disagree),
    Check("rounds-incomplete", "nothing", rounds.incomplete),
    Check("timing-interrupted", "nothing", start_times.interrupted),
    Check("blocks-unsteady", "nothing", clocks.unsteady),
    Check("blocks-far-off", "nothing", clocks.far_off),
    Check("clock-moved", "nothing", clocks.clock_moved),
    Check("pace-changed", "nothing", clocks.pace_changed),
)
RECORDED: tuple[Check[Recorded], ...] = (
    Check("other-gpu", "verdict", recorded.other_gpu),
    Check("iterations-missing", "recording", recorded.iterations_missing),
    Check("counts-differ", "recording", recorded.counts_differ),
    Check("gpu-records-missing", "recording", recorded.silent_launches),
    Check("gpu-records-doubled", "recording", recorded.records_doubled),
    Check("gpu-time-zero", "recording", recorded.no_time),
    Check("gpu-work-overlaps", "recording", recorded.overlapping_work),
    Check("gpu-clock-off", "recording", recorded.gpu_clock_off),
    Check("names-out-of-order", "recording", recorded.names_out_of_order),
)
SIDES: tuple[Check[Sides], ...] = (
    Check("busy-beyond-wall", "recording", sides.busy_beyond_wall),
    Check("recorded-faster", "recording", sides.recorded_faster),
    Check("regimes-apart", "recording", sides.regimes_apart),
    Check("light-launches-differ", "light", sides.light_launches_differ),
)
