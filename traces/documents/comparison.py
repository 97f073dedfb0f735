"""What `compare --json` prints; sides and comparisons stand in `report --json` as well."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import UNSET, UnsetType

from launchlens.traces.account import LaneName
from launchlens.traces.documents.account import AccountCell
from launchlens.traces.documents.estimate import TOO_FEW, EstimateRow
from launchlens.traces.documents.structure import Document, Structure, means
from launchlens.traces.documents.trace_comparison import (
    NO_PACE,
    CellDifferenceRow,
    ConditionRow,
    DeviceDifference,
    DifferenceRow,
    FigureDifference,
    HostPaceRow,
    PhaseRow,
    TraceSideRow,
)
from launchlens.traces.studies.compare import REASONS, Verdict
from launchlens.traces.studies.side import Bound

NOT_RECORDED = "the side was not recorded"
JUST_ONE = "there is just one comparison"
NO_P = "the sides were not timed in turn, or too few rounds"
P = 'what Wilcoxon\'s signed-rank test gives "no difference", by balanced pairs of rounds'
P_ADJUSTED = "the same after Holm's correction, for all comparisons of the regime with the baseline"
NO_PARTS = "the light recorder did not see both sides"
OF_TRACES = "traces are compared"
NO_GPU = "GPU work was not recorded on both sides"
NO_OPS = "framework ops were recorded on one side alone"


class SideTime(Structure, frozen=True, kw_only=True):
    """A time of one iteration, taken without a profiler."""

    median: Annotated[int, means("the median over rounds", unit="ns")]
    interval: Annotated[tuple[int, int] | None, means("its 95 % interval, low and high", unit="ns", null=TOO_FEW)]
    rounds: Annotated[int, means("how many rounds (of a range: instances) it rests on")]


class WorkRow(Structure, frozen=True, kw_only=True):
    """GPU work of one kind and name."""

    kind: Annotated[str, means("`kernel`, `memcpy`, `memset` or `graph`")]
    name: Annotated[str, means("the recorder's name")]
    per_iteration: Annotated[float, means("how often it ran in an iteration")]
    gpu_ns: Annotated[int, means("GPU time of one, mean", unit="ns")]


class LedgerLine(Structure, frozen=True, kw_only=True):
    """Launches by one API call that caused one kind of work."""

    api: Annotated[str, means("the API call")]
    activity: Annotated[
        str | None, means("what it caused, as `memcpy DtoD`", null="no GPU activity was recorded for it")
    ]
    per_iteration: Annotated[float, means("how many launches in an iteration")]
    api_ns: Annotated[int, means("time in one call, mean", unit="ns")]
    queued_per_iteration: Annotated[
        float, means("how many of them were queued: their work starts no earlier than the call ends")
    ]
    queue_ns: Annotated[
        int | None,
        means("from the end of the call to the GPU's start, median of those", unit="ns", null="none was queued"),
    ]
    gpu_ns: Annotated[
        int | None, means("GPU time of what one launch caused, mean", unit="ns", null="`activity` is null")
    ]
    channel: Annotated[
        str | UnsetType, means("kind of hardware channel that took the work", there="the recorder tells")
    ] = UNSET


class ExplainedPart(Structure, frozen=True, kw_only=True):
    """One part of an unprofiled time, or of a difference of two."""

    lane: Annotated[LaneName, means("`host` or `device`: whose time it is")]
    state: Annotated[str, means("host state, or device state; `between`: time of the device between its work")]
    ns: Annotated[int, means("time of one iteration", unit="ns")]
    interval_ns: Annotated[tuple[int, int] | None, means("its 95 % interval", unit="ns", null=TOO_FEW)]


class ExplainedRow(Structure, frozen=True, kw_only=True):
    """What the unprofiled time of a side is made of: `parts` and `not_attributed_ns` sum to `marginal_ns`."""

    by: Annotated[
        str,
        means(
            "`light`: by the light recorder's account; `cupti`: by CUPTI's recording, less what its calls cost; `device`: by the"
            " device's recorded work"
        ),
    ]
    marginal_ns: Annotated[int, means("unprofiled time of one iteration", unit="ns")]
    fixed_block_ns: Annotated[
        int | None, means("what a block of iterations costs besides", unit="ns", null="blocks have one length")
    ]
    inflation: Annotated[float | None, means("time with the recorder on over that without", null="it is the device's")]
    closure: Annotated[float, means("share of the time that is not attributed, whichever its sign")]
    not_attributed_ns: Annotated[int, means("what the parts don't account for", unit="ns")]
    parts: Annotated[list[ExplainedPart], means("the parts")]


class SideRow(Structure, frozen=True, kw_only=True):
    """One variant in one regime, or a range of a trace. Times of `wall_ns`, `host_ns` and `device_ns` are unprofiled."""

    variant: Annotated[str, means("the variant, or the range's name")]
    part_of: Annotated[
        str | None, means("the variant whose work it does a part of: then it is not ranked", null="it does all")
    ]
    regime: Annotated[str, means("`eager` or `graph`; `recorded` of a range of a trace")]
    wall_ns: Annotated[SideTime, means("wall time of one iteration; of a range, as recorded", unit="ns")]
    host_ns: Annotated[
        SideTime, means("host time to submit one iteration; of a range, what of it was not spent waiting", unit="ns")
    ]
    device_ns: Annotated[
        SideTime | None, means("time between device events around it", unit="ns", null="there were none, as on a CPU")
    ]
    bound: Annotated[Bound, means("what it waits for, as [definitions](../definitions.md) say")]
    host_share: Annotated[float, means("host time as a share of wall time")]
    gpu_busy_share: Annotated[
        float | None,
        means("recorded GPU busy time as a share of unprofiled wall time", null="it is not known how busy it was"),
    ]
    profiled_ns: Annotated[int | None, means("recorded time of one iteration", unit="ns", null=NOT_RECORDED)]
    inflation: Annotated[float | None, means("recorded time over unprofiled time", null=NOT_RECORDED)]
    account: Annotated[
        list[AccountCell] | None,
        means("time account of one recorded iteration; cells of no time are left out", null=NOT_RECORDED),
    ]
    per_iteration: Annotated[
        dict[str, float] | None,
        means(
            "counts in one iteration",
            null=NOT_RECORDED,
            key="what is counted: `launches`, `kernels`, `memcpys`, `memsets`",
        ),
    ]
    gpu_work: Annotated[list[WorkRow] | None, means("what ran on the GPU, the longest in all first", null=NOT_RECORDED)]
    launch_ledger: Annotated[list[LedgerLine] | None, means("launches, the dearest kind first", null=NOT_RECORDED)]
    explained: Annotated[
        ExplainedRow | None, means("what its unprofiled time is made of", null="the light recorder did not see it")
    ]


class Reason(Structure, frozen=True, kw_only=True):
    """One reason for a verdict."""

    code: Annotated[str, means(f"one of {', '.join(f'`{code}`' for code in REASONS)}")]
    meaning: Annotated[str, means("what it says, in a sentence")]


class PartRow(Structure, frozen=True, kw_only=True):
    """One cell of the difference."""

    host: Annotated[str, means("host state, as in an account")]
    device: Annotated[str | None, means("device state, as in an account", null="neither side recorded a device")]
    ns: Annotated[int, means("what b spends more of it than a in an iteration", unit="ns")]
    interval_ns: Annotated[
        tuple[int, int] | None,
        means("95 % interval of its mean over blocks", unit="ns", null="the blocks are not paired, or too few"),
    ]


class AsRecorded(Structure, frozen=True, kw_only=True):
    """The difference of the recorded runs, which carry their recorder's cost."""

    difference_ns: Annotated[int, means("what b's recorded iteration takes more than a's", unit="ns")]
    parts: Annotated[list[PartRow], means("cell by cell, the largest first; they sum to it exactly")]


class ComparisonRow(Structure, frozen=True, kw_only=True):
    """Side b against side a. `parts` and `not_attributed_ns` sum to `difference_ns`."""

    regime: Annotated[str | None, means("the regime of both", null="their regimes differ")]
    a: Annotated[SideRow, means("the side compared with")]
    b: Annotated[SideRow, means("the side compared")]
    ratio: Annotated[EstimateRow, means("b's unprofiled wall time over a's")]
    p: Annotated[float | None, means(P, null=NO_P)]
    p_adjusted: Annotated[float | None, means(P_ADJUSTED, null=NO_P)]
    verdict: Annotated[Verdict, means("what is shown of b, against a")]
    reasons: Annotated[list[Reason], means("why, and what else to know of it")]
    difference_ns: Annotated[int, means("what b's unprofiled iteration takes more than a's", unit="ns")]
    parts: Annotated[
        list[ExplainedPart] | None,
        means(
            "what that is made of; where one side waits for the host and the other not, what of a is gone and what of b is new",
            null=NO_PARTS,
        ),
    ]
    not_attributed_ns: Annotated[int | None, means("what the parts don't account for", unit="ns", null=NO_PARTS)]
    changes_pace: Annotated[
        bool | None, means("whether one side waits for the host and the other for the device", null=NO_PARTS)
    ]
    as_recorded: Annotated[AsRecorded | None, means("the difference as recorded", null="a side was not recorded")]


class ComparisonDocument(Document, tag_field="format", tag="launchlens.comparison/2", frozen=True, kw_only=True):
    """Two sides against each other: the ratio with its interval, and the difference in parts that sum to it.

    Two whole captures give a comparison for every variant and regime that both have. Where there is just one, its keys stand
    at the top as well. Of traces the difference is that of a typical step (or instance of a range), and its tables sum: `operators`, `ranges`
    and `account` to `difference_ns_per_step`, `kernels` to the difference of `busy`, and `idle_causes` to that of `idle`. One range
    of one trace against another has both.
    """

    printed_by: ClassVar = ("compare A B --json",)
    history: ClassVar = (
        (
            "launchlens.comparison/2",
            "difference and parts are of the unprofiled run; the recorded one's are `as_recorded`",
        ),
        ("launchlens.comparison/1", "the first"),
    )

    of: Annotated[Literal["captures", "traces"], means("what was compared: variants of captures, or ranges of traces")]
    regime: Annotated[
        str | UnsetType | None, means("the regime of both", there=JUST_ONE, null="their regimes differ")
    ] = UNSET
    a: Annotated[SideRow | UnsetType, means("the side compared with", there=JUST_ONE)] = UNSET
    b: Annotated[SideRow | UnsetType, means("the side compared", there=JUST_ONE)] = UNSET
    ratio: Annotated[EstimateRow | UnsetType, means("b's unprofiled wall time over a's", there=JUST_ONE)] = UNSET
    p: Annotated[float | UnsetType | None, means(P, there=JUST_ONE, null=NO_P)] = UNSET
    p_adjusted: Annotated[float | UnsetType | None, means(P_ADJUSTED, there=JUST_ONE, null=NO_P)] = UNSET
    verdict: Annotated[Verdict | UnsetType, means("what is shown of b, against a", there=JUST_ONE)] = UNSET
    reasons: Annotated[list[Reason] | UnsetType, means("why, and what else to know of it", there=JUST_ONE)] = UNSET
    difference_ns: Annotated[
        int | UnsetType, means("what b's unprofiled iteration takes more than a's", unit="ns", there=JUST_ONE)
    ] = UNSET
    parts: Annotated[
        list[ExplainedPart] | UnsetType | None, means("what that is made of", there=JUST_ONE, null=NO_PARTS)
    ] = UNSET
    not_attributed_ns: Annotated[
        int | UnsetType | None, means("what the parts don't account for", unit="ns", there=JUST_ONE, null=NO_PARTS)
    ] = UNSET
    changes_pace: Annotated[
        bool | UnsetType | None,
        means("whether one side waits for the host and the other for the device", there=JUST_ONE, null=NO_PARTS),
    ] = UNSET
    as_recorded: Annotated[
        AsRecorded | UnsetType | None,
        means("the difference as recorded", there=JUST_ONE, null="a side was not recorded"),
    ] = UNSET
    comparisons: Annotated[list[ComparisonRow], means("every comparison; of the steps of traces none")]
    sentences: Annotated[
        list[str] | UnsetType, means("what differs, for people: what changed most is said first", there=OF_TRACES)
    ] = UNSET
    caveat: Annotated[str | UnsetType, means("what these differences don't show", there=OF_TRACES)] = UNSET
    conditions: Annotated[
        list[ConditionRow] | UnsetType, means("in what the recordings differ besides the program", there=OF_TRACES)
    ] = UNSET
    sides: Annotated[list[TraceSideRow] | UnsetType, means("a, then b", there=OF_TRACES)] = UNSET
    phases: Annotated[list[PhaseRow] | UnsetType, means("the phases of the program", there=OF_TRACES)] = UNSET
    rests_on: Annotated[
        Literal["recordings", "steps", "one sample each", "too few steps"] | UnsetType,
        means(
            "what the intervals rest on: recordings of three runs or more of either side, else their steps, which tell nothing of how far another "
            "recording would be; of the others there is no interval",
            there=OF_TRACES,
        ),
    ] = UNSET
    difference_ns_per_step: Annotated[
        int | UnsetType, means("what a typical recorded step of b takes more than one of a", unit="ns", there=OF_TRACES)
    ] = UNSET
    host_pace: Annotated[
        list[HostPaceRow] | UnsetType | None,
        means("how much longer b's host takes for what both do", there=OF_TRACES, null=NO_PACE),
    ] = UNSET
    figures: Annotated[
        list[FigureDifference] | UnsetType, means("the wholes that the tables sum to", there=OF_TRACES)
    ] = UNSET
    kernels: Annotated[
        list[DifferenceRow] | UnsetType | None,
        means(
            "GPU work by name, the largest difference first; of work that overlaps the one that started last has the time",
            there=OF_TRACES,
            null=NO_GPU,
        ),
    ] = UNSET
    operators: Annotated[
        list[DifferenceRow] | UnsetType | None,
        means(
            "the step by the op that launched what ran, or in which the host was while nothing did",
            there=OF_TRACES,
            null=NO_OPS,
        ),
    ] = UNSET
    ranges: Annotated[
        list[DifferenceRow] | UnsetType, means("the step by the author's innermost range, likewise", there=OF_TRACES)
    ] = UNSET
    idle_causes: Annotated[
        list[DifferenceRow] | UnsetType | None,
        means(
            "idle time by what the GPU waited for; its calls are gaps; `host`: the host's own code, where framework ops were recorded "
            "on one side alone",
            there=OF_TRACES,
            null=NO_GPU,
        ),
    ] = UNSET
    account: Annotated[
        list[CellDifferenceRow] | UnsetType | None,
        means(
            "the step by host state and device state",
            there=OF_TRACES,
            null="framework ops or GPU work was recorded on one side alone",
        ),
    ] = UNSET
    devices: Annotated[
        list[DeviceDifference] | UnsetType,
        means(
            "every GPU that both sides use, by number, where there are several; the tables above are of that which does most of each trace",
            there=OF_TRACES,
        ),
    ] = UNSET
