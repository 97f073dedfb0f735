"""Every number that a verdict, a problem or a control hangs on, each with its unit and its reason.

Code reads them here, and `doctor --json` shows them: who doubts a verdict sees where its edges are. How much is shown (rows of a
table, names in a list) and how much is measured (rounds, seeds) decides nothing, and stands where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Threshold:
    """One threshold as it is shown. `unit` is empty for a count."""

    name: str
    value: float
    unit: str
    reason: str


def _threshold(value: float, unit: str, reason: str) -> Any:
    return field(default=value, metadata={"unit": unit, "reason": reason})


@dataclass(frozen=True)
class Thresholds:
    """The thresholds by name. A time is ns, a share of 1 is all."""

    # -- samples and their intervals
    interval_level: float = _threshold(
        0.95, "share", "the usual level: an interval misses the truth one time in twenty, and every verdict says so"
    )
    least_samples: int = _threshold(
        5, "", "resampling fewer samples only repeats them: they give a value and no interval"
    )
    least_pairs: int = _threshold(
        6,
        "",
        "pairs of rounds: of five, the signed-rank test calls the clearest case a chance of 2 in 32, which is more than 5 %",
    )
    equivalence_margin: float = _threshold(
        0.01,
        "share",
        "sides whose ratio is within this of 1, with its whole interval, are equivalent: code timed against itself in the "
        "captures that ship is off by up to about so much, so nothing finer is a property of the code",
    )
    least_runs: int = _threshold(
        3,
        "",
        "runs a side: a host differs by tens of per cent from run to run, which one run can't tell, and two can only guess",
    )
    resamples: int = _threshold(4000, "", "each end of an interval then has 100 resamples beyond it")

    # -- controls: one thing timed twice in the same rounds
    control_within: float = _threshold(
        0.02,
        "share",
        "an interval misses the truth one time in twenty, also where a thing is held against itself; below 2 % nothing is "
        "told apart from anything, so a ratio that near to 1 passes all the same",
    )
    probe_control_within: float = _threshold(
        0.05,
        "share",
        "of probes that split a call or rank variants: a whole that is further from itself would hide what is told of its parts",
    )
    probe_half_within: float = _threshold(
        0.15,
        "share",
        "half as many calls, or twice as many iterations: neither a queue that filled nor a constant may hide in what one costs",
    )
    probe_rung_order: float = _threshold(
        0.02,
        "share",
        "code that is timed apart is laid out otherwise, so a rung may seem dearer than the one around it",
    )
    probe_most_void: float = _threshold(
        0.1,
        "share",
        "a variant that loses more of its samples because the blocker let go too early is left out; of others, those rounds are",
    )

    # -- costs of launches, and what is worked out of them
    launch_cost_misfit: float = _threshold(
        0.15,
        "share",
        "a path whose points lie further off a line has no cost that could be multiplied: nothing is predicted of it",
    )
    launch_cost_waited: float = _threshold(
        0.9,
        "share",
        "of replays that were submitted by this share of the wall time the host waited for the device, whose time is then the wall's",
    )

    # -- what is predicted of a sweep
    sweep_most_error: float = _threshold(
        0.3,
        "share",
        "a prediction that may be further off chooses between no two variants that anybody would hesitate over",
    )
    sweep_fewest_points: int = _threshold(
        8,
        "",
        "points of a variant in a regime: a model has about as many constants, and some points are left out to judge it",
    )
    sweep_most_error_beside: float = _threshold(
        0.2,
        "share",
        "nothing is predicted beside a point that was further off when it was left out of the fit: that errors grow there is known before "
        "they are too large",
    )
    sweep_choices_right: float = _threshold(
        0.95,
        "share",
        "of choices between variants so many must be right, or within the equivalence margin: where they aren't, none is predicted",
    )
    sweep_covers: float = _threshold(
        0.92,
        "share",
        "of points that were left out of a fit in turn, so many lie within ± e: held out ones then do at 90 %",
    )

    # -- whether the baseline holds still
    two_modes_explain: float = _threshold(
        0.85,
        "share",
        "the baseline has two modes where a cut in two explains this share of the variance of its rounds: of a normal "
        "distribution a cut explains 0.64, of a steady drift 0.75",
    )
    two_modes_apart: float = _threshold(
        0.05, "share", "and their medians are further apart than this: a mode within the noise reverses no rank"
    )
    two_modes_fewest: float = _threshold(0.1, "share", "and either holds this share of the rounds: fewer are outliers")
    drift: float = _threshold(
        0.1,
        "share",
        "the baseline drifts where its last third takes so much more or less than its first: hosts move by less while nothing "
        "happens to them",
    )
    drift_chance: float = _threshold(
        0.01, "share", "and where a rank test gives that so little chance: two thirds of noise differ as well"
    )

    # -- what a side waits for
    host_bound_submitting: float = _threshold(
        0.9,
        "share",
        "host-bound: submitting takes at least this share of the wall time, so hardly any is spent waiting",
    )
    host_bound_busy: float = _threshold(
        0.5, "share", "host-bound: and the device is busy for at most this share of it, so it is the one that waits"
    )
    device_bound_busy: float = _threshold(
        0.9, "share", "device-bound: the device is busy for at least this share of the wall time"
    )
    device_bound_submitted: float = _threshold(
        0.6,
        "share",
        "device-bound as well: all was submitted by this share of the wall time, and the host waited for the rest",
    )

    # -- what a difference is explained by
    closure: float = _threshold(
        0.10, "share", "parts that leave more of a side's time unattributed than this don't explain it"
    )
    least_variants_for_a_cost: float = _threshold(
        2,
        "",
        "what a call costs a recorder is told by other variants than the one that it is taken from, and one alone has no spread",
    )
    worth_naming: float = _threshold(
        0.1, "share", "a clause of its own for a smaller part of a difference would make the sentence a list"
    )

    # -- whether a capture contradicts itself (the data gate)
    gate_distinct: float = _threshold(
        0.5,
        "share",
        "of blocks that are alike, so many have the time of another one to the ns: the timer has large steps, and the spread of "
        "these times is not known. In the captures that ship at most 1 in 20 has",
    )
    gate_copies_apart_ns: int = _threshold(
        5,
        "ns",
        "blocks of one kind, half of which lie within less than this for each of them, have the same times by chance: two that do "
        "are no copies",
    )
    gate_copies_least: int = _threshold(
        3,
        "",
        "blocks: of a few dozen blocks that take microseconds two may have the times of another one to the ns by chance, as two of 30 did in a "
        "capture of five rounds on a CPU",
    )
    gate_blocks: float = _threshold(
        0.05,
        "share",
        "a block or two of a side may be odd by chance: the process was held up between two clocks, or two times are the same",
    )
    gate_far_off: float = _threshold(
        3, "×", "a block that took so many times as long as most that are alike was held up by something else"
    )
    gate_device_beyond: float = _threshold(
        0.05, "share", "a block lasts longer by its device events than by the host's clock by at most so much"
    )
    gate_device_beyond_ns: int = _threshold(
        20_000,
        "ns",
        "and this: the first event is recorded before the clock starts. In the captures of an H100 and an H200 it was 13 µs at most",
    )
    gate_pause_ns: int = _threshold(
        1_000_000_000,
        "ns",
        "between two blocks nothing takes so long, the bursts of the light recorder included (0.11 s): the run was held",
    )
    gate_apart_rounds: float = _threshold(
        2, "×", "a block that begins so many lengths of a round away from the middle of its own was not timed in turn"
    )
    gate_clock_moved: float = _threshold(
        0.02, "share", "an SM clock that moves by more changes the times that are compared by as much as is told apart"
    )
    gate_pace: float = _threshold(
        0.5,
        "share",
        "hosts drift, by up to 30 % from the first to the last third of the captures of an H100 and an H200; by more the whole "
        "machine was throttled, or shared",
    )
    gate_launches: float = _threshold(
        0.005, "share", "counts of launches are whole numbers an iteration: only rounding may tell two apart"
    )
    gate_overlap: float = _threshold(
        0.25,
        "share",
        "work on one stream runs one after the other, but for the ends of launches that may overlap by design: a stream with more "
        "overlap has times that are too long, or twice as many records as work",
    )
    gate_busy: float = _threshold(
        0.02,
        "share",
        "GPU work of an iteration takes at most the whole iteration, and this for clocks between two runs",
    )
    gate_recorded_faster: float = _threshold(
        0.6,
        "×",
        "a recorder adds time and hosts drift, so a recorded iteration took 0.9 times an unprofiled one at least; one that took so "
        "much less is not of the same code",
    )
    gate_regimes_apart: float = _threshold(
        1.75,
        "×",
        "one kernel takes as long eagerly as in a graph, but for what lies in caches: up to 1.4 times in the captures that ship",
    )

    # -- whether recorders saw the same
    gpu_time_tolerance: float = _threshold(
        0.03, "share", "times of one GPU activity may differ so far: clocks move between two runs"
    )
    gpu_clock_step_ns: int = _threshold(
        34,
        "ns",
        "or by one step of the GPU's clock as its times show it, which is 4 % of 0.8 µs. Of the 152,000 durations in the "
        "captures that ship, of an H100 and an H200, all but 239 (of copies of 16 MB) are a multiple of 32 ns or 1 ns from "
        "one; so two that are a step apart differ by 34 at most",
    )

    # -- whether all was recorded
    unknown_device: float = _threshold(
        0.01,
        "share",
        "a recording says how busy the device was where its state is unknown for at most this share of the time",
    )
    long_wait_ns: int = _threshold(
        100_000,
        "ns",
        "a wait for replays that outlasts all recorded work by this much was for something that was not recorded",
    )
    long_wait_share: float = _threshold(0.1, "share", "and by this share of its own length")
    fewest_replays: int = _threshold(
        3, "", "without ids of nodes, of two replays at one place nothing says which is the odd one"
    )
    busier_times: float = _threshold(
        2,
        "×",
        "the device was busier than recorded beyond so many times the recorded time and what its own steps may take; "
        "recorded whole, no side of the captures that ship comes near",
    )
    busier_per_activity_ns: int = _threshold(
        1_000, "ns", "what a step from one activity of a replay to the next may take"
    )
    busier_per_launch_ns: int = _threshold(5_000, "ns", "what a step from one replay to the next may take")
    far_from_zero_ns: int = _threshold(
        3_600_000_000_000,
        "ns",
        "a record at 0 that lies an hour before all others has no time: recorders write 0 where they could not take it",
    )
    far_apart_ns: int = _threshold(
        1_000_000_000,
        "ns",
        "GPU work waits for what was submitted before it, which is recorded: it does not start so long after, or before, all else",
    )
    over_stream_ns: int = _threshold(
        1_000_000,
        "ns",
        "work of one stream runs in order; what may overlap at its edges (clock noise, programmatic dependent launches) takes "
        "microseconds, and in the traces that ship no two records overlap by 2 µs",
    )
    inner_call_rounding_ns: int = _threshold(
        1_000,
        "ns",
        "a driver call may stick out of the runtime call that made it so far: recorders with whole microseconds cut start and "
        "length apart",
    )

    # -- what a device waits for
    idle_gap_ns: int = _threshold(
        10_000,
        "ns",
        "gaps are listed from this length on, which is what one launch takes: all of them, listed or not, are summed by cause",
    )
    odd_step_spreads: float = _threshold(
        5, "×", "a step is odd when it is so many times further from the median one than half of the steps are"
    )
    odd_step_share: float = _threshold(0.1, "share", "and by this share of that one's time")
    phase_alike: float = _threshold(
        0.8,
        "share",
        "steps that have this much of their calls, ranges and launches in common are of one phase: a step that logs is near one that "
        "does not, one that evaluates has less than half in common with one that trains",
    )
    phases_paired: float = _threshold(
        0.3, "share", "phases of two sides that have less than this in common are not compared where there are several"
    )
    same_pace: float = _threshold(
        0.03,
        "share",
        "where three quarters of the GPU time that both sides spend in kernels of one name are further apart than this in one direction, it is the clock or the "
        "GPU: a kernel's duration is a step of 34 ns apart from run to run, 1 to 3 % of a short one",
    )
    same_calls: float = _threshold(
        0.5, "calls", "a step of either side makes as many calls of a name where the means differ by less than this"
    )
    renamed_alike: float = _threshold(
        0.5,
        "share",
        "what is gone and what was added is one thing renamed where half of both stands at the same places; below that a new name is "
        "as likely another thing",
    )
    launch_latency_ns: int = _threshold(
        20_000,
        "ns",
        "work that starts this long after its call returned was held up by other work; an idle GPU takes 5 to 10 µs from the call",
    )

    # -- ranks of a job
    straggler_share: float = _threshold(
        0.1,
        "share",
        "of a step: a rank that costs the others less is what ranks differ by anyhow; of four H100 that did the same, one cost 7 % at most",
    )
    clock_kept_ns: int = _threshold(
        100_000,
        "ns",
        "clocks of ranks that differ by less are taken for one: on one host, whose clock is one, collectives ended up to 38 µs apart",
    )
    straggler_steps: float = _threshold(0.5, "share", "in most steps: a rank that is late now and then is no straggler")

    # -- what is kept in the cache folder
    cache_least_bytes: int = _threshold(
        20_000_000, "bytes", "a trace of this size takes a second to read: of smaller ones nothing is kept"
    )
    cache_least_packed_bytes: int = _threshold(1_000_000, "bytes", "likewise of one that is packed with gzip")
    cache_bytes: int = _threshold(
        10_000_000_000, "bytes", "as much is kept at most: what was used longest ago goes first"
    )
    cache_days: int = _threshold(30, "days", "and so long after it was used last")

    # -- what a change would save
    least_stretch: float = _threshold(
        1.3,
        "×",
        "the recorder stretched the host's code by this much at least: seven recordings of training steps on an H100, of which the "
        "unprofiled time is known, were stretched 1.3 to 1.8 times by torch.profiler, one of decoding 3.1 times; of ten other programs on an H200 1.4 to 2.8 times",
    )
    most_stretch: float = _threshold(
        3.1, "×", "and by this much at most, as likewise: what one recording was stretched, the trace doesn't tell"
    )
    stretched_piece_ns: int = _threshold(
        20_000,
        "ns",
        "code between two recorded events is stretched by what these cost: beyond this length a sleep stays a sleep",
    )

    least_worth: float = _threshold(
        0.01,
        "share",
        "a change that might save less than this of a step is not advised: it would not be seen in a measurement",
    )
    most_worth: float = _threshold(0.05, "share", "nor one that saves less than this of a step at most")
    fewest_alike: int = _threshold(
        8,
        "",
        "launches of one kind in a row are a loop over many tensors from this number on; fewer may well be layers",
    )
    fewest_fused: int = _threshold(3, "", "fewer element-wise kernels in a row are hardly worth a compiler's while")
    batched_host_share: float = _threshold(
        1 / 3,
        "share",
        "a batched call still walks over its tensors on the host: with AdamW over 50 tensors it kept a fifth of the loop's time",
    )
    kernel_floor_ns: int = _threshold(
        1_000,
        "ns",
        "a kernel or copy takes nearly this when it does next to nothing: 0.8 to 0.9 µs measured on an H100 and an H200",
    )
    graph_launch_ns: int = _threshold(15_000, "ns", "what the launch of a graph takes on the host, unprofiled")
    graph_node_ns: int = _threshold(200, "ns", "and at most so much more for each of its nodes")
    graph_step_least_ns: int = _threshold(
        300, "ns", "in a graph, from the end of one node to the start of the next, at least"
    )
    graph_step_most_ns: int = _threshold(1_000, "ns", "likewise, at most: one node waits for another")
    link_least: float = _threshold(12, "GB/s", "pinned copies reach this at least: PCIe 3 with 16 lanes")
    link_most: float = _threshold(55, "GB/s", "and this at most where the trace shows none: PCIe 5 with 16 lanes")
    overlapped_least: float = _threshold(
        0.5, "share", "of what could run beside other work at least this does, as far as there is other work"
    )
    stall_ns: int = _threshold(100_000, "ns", "fetching a batch that was prefetched takes up to this")
    collective_floor_ns: int = _threshold(100_000, "ns", "a collective that takes less is latency, not traffic")
    collective_wait: float = _threshold(
        2, "×", "a collective that takes this many times what its like take was waiting for another rank"
    )

    quick_collective: float = _threshold(
        0.25, "share", "what the quicker quarter of its like take is what a collective takes for which nobody came late"
    )
    collective_latency: float = _threshold(
        0.05,
        "share",
        "what the quickest twentieth of small collectives take is latency; what others take more is traffic",
    )
    repeated_names: float = _threshold(
        0.8,
        "share",
        "of a run of launches so many must bear names that repeat in it: a loop over tensors calls the same ops for each",
    )
    for_each_tensor: float = _threshold(
        0.3,
        "share",
        "of a run of launches so many must be of ops that have a batched form: else one call can't make them",
    )
    same_launches: float = _threshold(
        0.8,
        "share",
        "of the instances of a range so many must launch the same, in order, for a graph to stand for them",
    )
    read_value_bytes: int = _threshold(
        4_096,
        "bytes",
        "a copy of fewer is a value that is read, and what that costs is the wait, which is another advice's",
    )
    copy_call_least_ns: int = _threshold(5_000, "ns", "the host's part of a copy that it does not wait for, at least")
    copy_call_most_ns: int = _threshold(10_000, "ns", "the host's part of a copy that it does not wait for, at most")
    kept_allocation: float = _threshold(
        0.15,
        "share",
        "where memory is kept instead of got anew, finding it takes at most so much of what getting it took",
    )

    # -- steps and clocks
    repeats: float = _threshold(
        0.95,
        "share",
        "launches repeat with a period where so many are as the ones a period before: steps that log differ a little",
    )
    repeats_as_well: float = _threshold(
        0.002,
        "share",
        "of periods that fit nearly as well the shortest is the step: multiples of a period fit a little better by chance",
    )
    fewest_for_drift: int = _threshold(12, "", "of fewer collectives a drift between two clocks is as much noise")
    drift_span_ns: int = _threshold(
        20_000_000, "ns", "within less a drift of clocks, some µs a second, is less than collectives end apart"
    )
    drift_explains: float = _threshold(
        0.5, "×", "a drift is taken for one where it leaves less than this of the spread: else it explains nothing"
    )

    # -- what a replay takes where the trace holds no case of it
    stream_waited_ns: int = _threshold(
        12_000,
        "ns",
        "work that begins this soon after that of another stream ended may have waited for it, and later work has not",
    )
    usual_latency_ns: int = _threshold(
        6_000, "ns", "on an idle device work begins so long after its call began, where every launch of a trace queues"
    )
    usual_between_ns: int = _threshold(1_000, "ns", "between two pieces of work that were both queued")

    # -- tables of a trace
    held_up_call: float = _threshold(
        10,
        "×",
        "a launch call that takes so many times the median of all is held up: full queues and page faults do that, calls don't",
    )
    large_copy_bytes: int = _threshold(
        1 << 20,
        "bytes",
        "a copy of this size or more shows what its way can do: below, starting it takes longer than its bytes",
    )

    # -- which of many is fastest
    trimmed_share: float = _threshold(
        0.2,
        "share",
        "left out at either end of a trimmed mean: a fifth is usual, and keeps a spread that outliers would drown",
    )

    def __iter__(self) -> Iterator[Threshold]:
        for each in fields(self):
            yield Threshold(each.name, getattr(self, each.name), each.metadata["unit"], each.metadata["reason"])


THRESHOLDS = Thresholds()
