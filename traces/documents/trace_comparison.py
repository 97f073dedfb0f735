"""What `compare --json` prints of traces, besides what it prints of captures: differences of a typical step, in tables that sum."""

from __future__ import annotations

from typing import Annotated, Literal

from launchlens.traces.documents.estimate import TOO_FEW
from launchlens.traces.documents.structure import Structure, means

Status = Literal["same", "added", "gone", "renamed"]
NOT_CALLED = "it is nothing that is called"
NO_STEPS = "the side has none"
NO_PACE = "too few calls are made equally often in a step of either side, or GPU work was not recorded on both"


class ConditionRow(Structure, frozen=True, kw_only=True):
    """One thing besides the program in which the recordings differ."""

    what: Annotated[str, means("what differs: a version, the recorder, a setting of it, the GPU, its pace")]
    was: Annotated[str, means("as the recordings of a have it")]
    now: Annotated[str, means("as those of b have it")]


class HostPaceRow(Structure, frozen=True, kw_only=True):
    """How many times as long b's host takes for the calls that a step of either side makes equally often, waits left out."""

    threads: Annotated[
        Literal["steps", "others"],
        means("`steps`: the thread of the steps, which stands for all where others have too few such calls; `others`"),
    ]
    ratio: Annotated[float, means("the median, each call weighed by its time")]
    low: Annotated[float, means("its lower quartile")]
    high: Annotated[float, means("its upper quartile")]
    alike: Annotated[int, means("how many names of ops and API calls that rests on")]


class TraceSideRow(Structure, frozen=True, kw_only=True):
    """One side: the recordings that stand for it, and their steps."""

    given: Annotated[list[str], means("the side as it was given")]
    recordings: Annotated[list[str], means("the files whose steps are compared")]
    runs: Annotated[
        int, means("how many runs these are: those whose times overlap, as the ranks of a job, are one run's")
    ]
    recorded_by: Annotated[list[str], means("what recorded them, each recorder once")]
    skipped: Annotated[list[str], means("files of the side that were not used, each with the reason")]
    devices: Annotated[
        list[str],
        means(
            "the GPU that is compared, that which does most of what the steps launch: of each recording with GPU work, and of how many there, each once"
        ),
    ]
    found_by: Annotated[list[str], means("how their steps were found, each way once")]
    steps: Annotated[int, means("how many steps are compared")]
    steps_in_all: Annotated[int, means("how many steps the recordings have")]
    first_left_out: Annotated[
        bool, means("whether the first step of each recording was left out: it holds what was launched before it")
    ]
    odd_steps: Annotated[
        int,
        means(
            "how many of the compared steps take far longer or shorter than the others: they are counted, and not left out"
        ),
    ]
    wall_median_ns: Annotated[int, means("median time of a compared step", unit="ns")]
    launches_per_step: Annotated[float, means("launches of a typical step")]  # fmt: skip


class PhaseRow(Structure, frozen=True, kw_only=True):
    """Steps that do alike."""

    name: Annotated[str, means("what they are called, numbers folded")]
    steps_was: Annotated[int, means("how many of them a has")]
    steps_now: Annotated[int, means("how many b has")]
    was_ns: Annotated[int | None, means("median time of one in a", unit="ns", null=NO_STEPS)]
    now_ns: Annotated[int | None, means("median time of one in b", unit="ns", null=NO_STEPS)]
    alike: Annotated[
        float,
        means(
            "what the steps of both sides have in common, 1 for all: of ops, ranges or GPU work, the most alike of these"
        ),
    ]
    compared: Annotated[bool, means("whether these are the steps that are compared")]  # fmt: skip


class FigureDifference(Structure, frozen=True, kw_only=True):
    """A whole that tables sum to; `busy`, `idle` and `unknown` sum to `wall`."""

    name: Annotated[
        Literal["wall", "busy", "idle", "unknown"],
        means(
            "`wall`: the time of a step; `busy`: of it, time in which the GPU did something; `idle`: nothing; `unknown`: what nobody knows"
        ),
    ]
    was_ns: Annotated[int, means("of a typical step of a", unit="ns")]
    now_ns: Annotated[int, means("of one of b", unit="ns")]
    difference_ns: Annotated[int, means("b's less a's", unit="ns")]
    interval_ns: Annotated[tuple[int, int] | None, means("its 95 % interval", unit="ns", null=TOO_FEW)]
    at_equal_pace_ns: Annotated[
        int | None,
        means(
            "of `wall` and `idle` the difference were the host as quick on either side (`host_pace`)",
            unit="ns",
            null=f"it is of the GPU, or {NO_PACE}",
        ),
    ]


class DifferenceRow(Structure, frozen=True, kw_only=True):
    """One name, of a typical step. `by_calls_ns` and `by_cost_ns` sum to `difference_ns`."""

    name: Annotated[str, means("as b has it, or a where b has none")]
    was_ns: Annotated[int, means("its time in a", unit="ns")]
    now_ns: Annotated[int, means("its time in b", unit="ns")]
    difference_ns: Annotated[int, means("b's less a's", unit="ns")]
    interval_ns: Annotated[tuple[int, int] | None, means("its 95 % interval", unit="ns", null=TOO_FEW)]
    calls_was: Annotated[float | None, means("how often in a", null=NOT_CALLED)]
    calls_now: Annotated[float | None, means("how often in b", null=NOT_CALLED)]
    by_calls_ns: Annotated[int, means("what more or fewer calls explain: (calls now − was) × mean cost", unit="ns")]
    by_cost_ns: Annotated[int, means("what dearer or cheaper calls explain: mean calls × (cost now − was)", unit="ns")]
    at_equal_pace_ns: Annotated[
        int | None,
        means(
            "the difference were the host as quick on either side: these sum as well, to that of the figure",
            unit="ns",
            null=f"it is of `kernels`, or {NO_PACE}",
        ),
    ]
    status: Annotated[
        Status, means("`added`: b alone has it; `gone`: a alone; `renamed`: a has it under `renamed_from`; else `same`")
    ]
    renamed_from: Annotated[str | None, means("what a calls it", null="it was not renamed")]
    confidence: Annotated[
        float | None,
        means("how sure that is: the share of both that stands at the same places, 1 for all", null="likewise"),
    ]
    paired_by: Annotated[
        list[str] | None,
        means("what both have in common: `op`, `position` and `shape` there, or `name` but for its spelling", null="likewise"),
    ]  # fmt: skip


class CellDifferenceRow(Structure, frozen=True, kw_only=True):
    """One cell of the account, of a typical step."""

    host: Annotated[str, means("host state, as in an account")]
    device: Annotated[str | None, means("device state, likewise", null="GPU work was not recorded")]
    was_ns: Annotated[int, means("time in it in a", unit="ns")]
    now_ns: Annotated[int, means("time in it in b", unit="ns")]
    difference_ns: Annotated[int, means("b's less a's", unit="ns")]
    interval_ns: Annotated[tuple[int, int] | None, means("its 95 % interval", unit="ns", null=TOO_FEW)]


class DeviceDifference(Structure, frozen=True, kw_only=True):
    """One GPU of both sides, matched by its number. Its tables sum as those of the comparison do."""

    device: Annotated[int, means("its number")]
    steps_was: Annotated[int, means("of how many steps of a something runs on it")]
    steps_now: Annotated[int, means("of how many of b")]
    figures: Annotated[list[FigureDifference], means("the wholes")]
    kernels: Annotated[list[DifferenceRow] | None, means("its work by name", null="no GPU work was recorded")]
    operators: Annotated[
        list[DifferenceRow] | None, means("by the op", null="framework ops were recorded on one side alone")
    ]
    ranges: Annotated[list[DifferenceRow], means("by the author's innermost range")]
    idle_causes: Annotated[list[DifferenceRow] | None, means("by what it waited for", null="no GPU work was recorded")]
    account: Annotated[
        list[CellDifferenceRow] | None,
        means("by host state and device state", null="framework ops were recorded on one side alone"),
    ]
