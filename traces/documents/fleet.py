"""What `analyze --json` prints of several traces: the ranks of a job."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from launchlens.traces.documents.account import AccountCell
from launchlens.traces.documents.problem import ProblemRow
from launchlens.traces.documents.structure import Document, Structure, means

#: Why a rank is late.
LateBy = Literal["host", "gpu", "data", "communication"]
_NO_GPU = "GPU work was not recorded"
_ALONE = "the rank shares no collective with others"


class RankRow(Structure, frozen=True, kw_only=True):
    """One rank. Times are means over its steps, without the first of three or more; `gpu_ns`, `waiting_exposed_ns`, `transfer_exposed_ns`,
    `idle_ns` and `unknown_ns` sum to `step_ns`, up to rounding."""

    rank: Annotated[int, means("its number in the job")]
    rank_from: Annotated[
        Literal["recorded", "file-name", "order"],
        means("how that is known: the recorder says it, the file's name does, or it is the order of the names"),
    ]
    files: Annotated[list[str], means("its files")]
    recorded_by: Annotated[str, means("the reader whose format they are: `kineto`, `nsys`, `cupti`, …")]
    device: Annotated[str | None, means("its GPU", null=_NO_GPU)]
    steps: Annotated[int, means("how many steps were recorded")]
    steps_found_by: Annotated[str, means("how they were found")]
    step_ns: Annotated[int, means("a step, from the end of the one before to the end of its own last work", unit="ns")]
    median_step_ns: Annotated[int, means("the same, the median", unit="ns")]
    gpu_busy_ns: Annotated[int | None, means("time in which its GPU ran anything", unit="ns", null=_NO_GPU)]
    gpu_ns: Annotated[int | None, means("time in which it ran anything but collectives", unit="ns", null=_NO_GPU)]
    exposed_communication_ns: Annotated[
        int | None, means("time in which it ran collectives and nothing else", unit="ns", null=_NO_GPU)
    ]
    waiting_exposed_ns: Annotated[
        int | None, means("of that, time in which the last rank had not come yet", unit="ns", null=_NO_GPU)
    ]
    transfer_exposed_ns: Annotated[int | None, means("the rest of it", unit="ns", null=_NO_GPU)]
    idle_ns: Annotated[int | None, means("time in which it had nothing to do", unit="ns", null=_NO_GPU)]
    idle_causes: Annotated[
        dict[str, int] | None,
        means("the same by what it waited for", unit="ns", null=_NO_GPU, key="cause, as in the table `idle_causes`"),
    ]
    unknown_ns: Annotated[
        int | None, means("time of which it is not known whether it ran anything", unit="ns", null=_NO_GPU)
    ]
    launches: Annotated[int, means("launches of a step, the mean rounded")]
    launch_ns: Annotated[int, means("time of its host in the calls that launch", unit="ns")]
    collectives: Annotated[int, means("collectives that it has in common with others, in all its steps")]
    waiting_ns: Annotated[
        int | None, means("time in its collectives before the last rank came", unit="ns", null=_ALONE)
    ]
    comes_last: Annotated[int, means("in how many of its collectives it came last")]
    costs_others_ns: Annotated[
        int | None,
        means("how long each other rank waits in collectives until it has come, a step", unit="ns", null=_ALONE),
    ]
    lengthens_steps_ns: Annotated[
        int | None,
        means(
            "what it costs each other rank of a step to come late: its lateness, counted again in later collectives only as far as it grew or the other had stood still for it",
            unit="ns",
            null=_ALONE,
        ),
    ]
    clock_offset_ns: Annotated[
        int | None,
        means(
            "how far its clock is ahead of that of the first rank that it shares collectives with; 0 where the two are one to what collectives tell",
            unit="ns",
            null=_ALONE,
        ),
    ]
    clock_drift: Annotated[
        float | None, means("how much more with each ns that passes; 0 where no drift shows", null=_ALONE)
    ]
    clock_apart_ns: Annotated[
        int | None,
        means("how far from the others its collectives end all the same, the median: what is told of waits is no finer", unit="ns", null=_ALONE),
    ]  # fmt: skip


class StragglerRow(Structure, frozen=True, kw_only=True):
    """A rank that costs others a tenth of a step in most steps."""

    rank: Annotated[int, means("the rank")]
    cause: Annotated[
        LateBy | None,
        means(
            "what of its own step takes longer than others': its `host`, its `gpu`, its `data`, or its transfers (`communication`)",
            null="nothing that was recorded tells",
        ),
    ]
    where: Annotated[
        str | None, means("the range in which its host spends most more than others' do", null="its host is not why, or names no ranges")
    ]  # fmt: skip
    longer_ns_per_step: Annotated[
        int | None,
        means("how much longer its cause takes in its steps than in others'", unit="ns", null="`cause` is null"),
    ]
    costs_others_ns_per_step: Annotated[
        int,
        means(
            "how long each other rank waits for it in collectives: the two below together",
            unit="ns",
        ),
    ]
    lengthens_steps_ns_per_step: Annotated[
        int,
        means(
            "what it costs each other rank of a step to come late, as in `ranks`: the mean over those that are in time of the median over their steps",
            unit="ns",
        ),
    ]
    others_wait_exposed_ns_per_step: Annotated[
        int,
        means("how long each other rank waits for it in collectives while nothing else runs on its GPU", unit="ns"),
    ]
    others_wait_overlapped_ns_per_step: Annotated[
        int,
        means(
            "the same while other work runs there: one lateness is waited for in several such collectives, so this may be more than it costs",
            unit="ns",
        ),
    ]
    share_of_step: Annotated[float, means("what their steps are longer by, as a share of them")]
    steps: Annotated[int, means("in how many of their steps it is a tenth or more")]
    of_steps: Annotated[int, means("of how many")]
    sentence: Annotated[str, means("the same in words")]


class ImbalanceRow(Structure, frozen=True, kw_only=True):
    """How one figure of a step differs between ranks."""

    figure: Annotated[str, means("which: a key of `ranks` rows; `own_ns` is a step less its exposed waits")]
    least_ns: Annotated[int, means("of the rank with least", unit="ns")]
    median_ns: Annotated[int, means("the median over ranks", unit="ns")]
    most_ns: Annotated[int, means("of the rank with most", unit="ns")]
    rank_of_most: Annotated[int, means("which rank that is, the first of equals")]
    share_of_step: Annotated[float, means("most less median, as a share of the median step")]


class CollectiveRow(Structure, frozen=True, kw_only=True):
    """The collectives of one group that do the same, of which two ranks or more were recorded, in all steps."""

    group: Annotated[str, means("the process group, as recorded, or which stream in order of use")]
    matched_by: Annotated[
        Literal["number", "step", "order"],
        means("how it is known which are the same: by recorded number, by step and place in it, or by their order"),
    ]
    operation: Annotated[str, means("what they do")]
    ranks: Annotated[int, means("ranks of which they were recorded")]
    count: Annotated[int, means("how many")]
    total_ns: Annotated[int, means("their time on all ranks together", unit="ns")]
    waiting_ns: Annotated[int, means("of that, the time before the last rank had come", unit="ns")]
    transfer_ns: Annotated[int, means("the rest", unit="ns")]
    skew_median_ns: Annotated[int, means("from the first rank's start to the last one's, the median", unit="ns")]
    skew_most_ns: Annotated[int, means("the longest", unit="ns")]
    last_rank: Annotated[int, means("the rank that came last most often")]
    last_share: Annotated[float, means("in which share of them it did")]


class WaitRow(Structure, frozen=True, kw_only=True):
    """How long one rank waited for another in collectives, in all its steps."""

    rank: Annotated[int, means("the rank that waited")]
    for_rank: Annotated[int, means("the one that came last, or that had kept the last one waiting before")]
    ns: Annotated[int, means("for how long", unit="ns")]
    exposed_ns: Annotated[int, means("of that, the time in which nothing else ran on its GPU", unit="ns")]


class FleetPart(Structure, frozen=True, kw_only=True):
    """One part of the steps of one rank."""

    rank: Annotated[int, means("the rank")]
    part: Annotated[
        str,
        means(
            "`gpu` (anything but collectives runs), `waiting` (a collective alone, the last rank has not come), `transfer` (the rest of such time),"
            " a cause of idle time, `unknown`, or `not-recorded` of a rank whose GPU was not recorded"
        ),
    ]
    ns: Annotated[int, means("time in it, in all its steps", unit="ns")]


class FleetAccount(Structure, frozen=True, kw_only=True):
    """Where the time of all ranks' steps went. `cells` and `parts` each sum to `window_ns`."""

    window_ns: Annotated[int, means("the steps of all ranks together", unit="ns")]
    cells: Annotated[
        list[AccountCell], means("the accounts of the ranks' launching processes, added; cells of no time are left out")
    ]
    parts: Annotated[list[FleetPart], means("a row a rank and part; those of no time are left out")]


class SkippedFile(Structure, frozen=True, kw_only=True):
    """A file that was left out."""

    file: Annotated[str, means("where it lies, as given")]
    reason: Annotated[str, means("why, in words")]


class FleetDocument(Document, tag_field="format", tag="launchlens.fleet/1", frozen=True, kw_only=True):
    """What several traces say of one job: its ranks, who keeps whom waiting and why, and where the time of all of them went.

    It does not depend on the order in which files are given, nor on how many processes read them, or where.
    """

    printed_by: ClassVar = ("analyze PATHS... --json", "analyze FOLDER --json")
    history: ClassVar = (("launchlens.fleet/1", "the first"),)

    sentence: Annotated[str, means("what matters most, in words")]
    ranks: Annotated[list[RankRow], means("a row a rank, in their order")]
    ranks_in_job: Annotated[int | None, means("how many ranks the job had, as recorded", null="no file says so")]
    stragglers: Annotated[
        list[StragglerRow] | None,
        means(
            "ranks that keep others waiting, the dearest first",
            null="the ranks have no collective in common, so nothing tells",
        ),
    ]
    imbalance: Annotated[list[ImbalanceRow], means("how figures differ between ranks; empty of one rank")]
    collectives: Annotated[list[CollectiveRow], means("a row a group and operation, the most waiting first")]
    waits: Annotated[list[WaitRow], means("a row per rank that waited and rank that it waited for, the longest first")]
    account: Annotated[FleetAccount, means("where the time of all ranks went")]
    problems: Annotated[list[ProblemRow], means("what was met in all files together")]
    skipped: Annotated[list[SkippedFile], means("files that were left out, in order of their names")]
