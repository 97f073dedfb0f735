"""What `analyze --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, UnsetType

from launchlens.traces.documents.account import AccountCell
from launchlens.traces.documents.advice import Advice, Verdict
from launchlens.traces.documents.problem import ProblemRow
from launchlens.traces.documents.structure import Document, Structure, means
from launchlens.traces.documents.table import TableOfTrace

NO_GPU = "GPU work was not recorded"
NO_LINKS = "nothing in the trace links backward to forward"
DEVICE = "device number, as the file gives it"


class Source(Structure, frozen=True, kw_only=True):
    """The file that was read."""

    path: Annotated[str, means("where it lies, as given")]
    recorded_by: Annotated[str, means("the reader whose format it is: `kineto`, `nsys`, `cupti`, …")]
    recorded_by_version: Annotated[str | None, means("the recorder's version", null="the file does not say")]
    bytes: Annotated[int, means("size of the file", unit="bytes")]
    devices: Annotated[dict[str, str], means("names of the devices that the file names", key=DEVICE)]


class KernelTotals(Structure, frozen=True, kw_only=True):
    """All kernels of a trace."""

    count: Annotated[int, means("how many ran")]
    total_ns: Annotated[int, means("sum of their durations", unit="ns")]
    busy_ns: Annotated[
        dict[str, int], means("length of the union of their intervals: kernels overlap", unit="ns", key=DEVICE)
    ]


class CopyTotals(Structure, frozen=True, kw_only=True):
    """All memcpys of one kind, or all memsets."""

    count: Annotated[int, means("how many ran")]
    bytes: Annotated[int | None, means("what they moved or set", unit="bytes", null="none of them says")]
    total_ns: Annotated[int, means("sum of their durations", unit="ns")]


class GraphTotals(Structure, frozen=True, kw_only=True):
    """Replays of CUDA graphs that were recorded whole: what ran inside is not known."""

    count: Annotated[int, means("how many replays")]
    total_ns: Annotated[int, means("sum of their durations", unit="ns")]


class LaunchCount(Structure, frozen=True, kw_only=True):
    """Calls that submit one kind of work. A call counts once, however many rows the recorder wrote for it."""

    calls: Annotated[int, means("how many calls")]
    with_gpu_activity: Annotated[
        int | None, means("of these, how many have a GPU activity of the same correlation id", null=NO_GPU)
    ]
    without_gpu_activity: Annotated[int | None, means("the others", null=NO_GPU)]


class Totals(Structure, frozen=True, kw_only=True):
    """What the trace holds in all."""

    events: Annotated[int, means("events that were read and kept")]
    kernels: Annotated[KernelTotals | None, means("kernels", null=NO_GPU)]
    gpu_busy_ns: Annotated[
        dict[str, int] | None,
        means("length of the union of kernels, memcpys, memsets and whole graphs", unit="ns", null=NO_GPU, key=DEVICE),
    ]
    memcpy: Annotated[
        dict[str, CopyTotals] | None,
        means(
            "memcpys",
            null=NO_GPU,
            key="kind: `HtoD`, `DtoH`, `DtoD`, `HtoH`, `PtoP`, …; else the recorder's",
        ),
    ]
    memset: Annotated[CopyTotals | None, means("memsets", null=NO_GPU)]
    graph: Annotated[
        GraphTotals | UnsetType, means("graph replays that were recorded whole", there="there are any")
    ] = UNSET
    launches: Annotated[
        dict[str, LaunchCount],
        means("calls that submit GPU work", key="what is submitted: `kernel`, `graph`, `memcpy` or `memset`"),
    ]
    gpu_activities_without_launch: Annotated[
        dict[str, int] | None,
        means(
            "GPU activities whose launch is not in the trace",
            null=NO_GPU,
            key="kind: `kernel`, `memcpy`, `memset`, `graph`",
        ),
    ]
    first_ns: Annotated[int | None, means("start of the first event", unit="ns", null="there are no events")]
    last_ns: Annotated[int | None, means("end of the last event", unit="ns", null="there are no events")]

    @property
    def span_ns(self) -> int:
        """From the start of the first event to the end of the last one; 0 without events."""
        return 0 if self.first_ns is None or self.last_ns is None else self.last_ns - self.first_ns

    def copies(self) -> list[tuple[str, CopyTotals]]:
        """Memcpys by kind and memsets, each under the name that tables give it; only those that there are."""
        kinds = [(f"memcpy {kind}", row) for kind, row in (self.memcpy or {}).items()]
        memset = [] if self.memset is None else [("memset", self.memset)]
        return [(name, row) for name, row in (*kinds, *memset) if row.count]


class RangeRow(Structure, frozen=True, kw_only=True):
    """All instances of the ranges of one name, summed; what ranges nested in them hold counts as theirs too."""

    name: Annotated[str, means("the range's name, with `*` for numbers that tell instances apart: `ProfilerStep#*`")]
    names: Annotated[int, means("how many distinct names that is")]
    instances: Annotated[int, means("how many there were")]
    host_ns: Annotated[int, means("how long they were open", unit="ns")]
    gpu_projection_ns: Annotated[
        int | None,
        means("from the first GPU start to the last GPU end of what was launched inside", unit="ns", null=NO_GPU),
    ]
    launches: Annotated[int, means("launches inside, on the range's own thread (Nsight Systems' rule)")]
    kernels: Annotated[int | None, means("kernels that these launched", null=NO_GPU)]
    memcpys: Annotated[int | None, means("memcpys that these launched", null=NO_GPU)]
    memsets: Annotated[int | None, means("memsets that these launched", null=NO_GPU)]
    gpu_ns: Annotated[int | None, means("sum of the durations of the work launched inside", unit="ns", null=NO_GPU)]
    launches_all_threads: Annotated[int, means("launches that any thread of its process made in its time")]
    kernels_all_threads: Annotated[int | None, means("kernels that these launched", null=NO_GPU)]
    gpu_ns_all_threads: Annotated[
        int | None, means("sum of the durations of what these launched", unit="ns", null=NO_GPU)
    ]
    launches_linked: Annotated[
        int | None,
        means(
            "launches made for it, by links alone: in backward ops whose forward op lies in it; of a range that is its process's, all of"
            " its process in its time",
            null=NO_LINKS,
        ),
    ]
    kernels_linked: Annotated[int | None, means("kernels that these launched", null=f"{NO_LINKS}, or {NO_GPU}")]
    gpu_ns_linked: Annotated[
        int | None,
        means("sum of the durations of what these launched", unit="ns", null=f"{NO_LINKS}, or {NO_GPU}"),
    ]


class Spread(Structure, frozen=True, kw_only=True):
    """How some times are spread, each rounded to whole ns."""

    median: Annotated[int, means("the median", unit="ns")]
    mean: Annotated[int, means("the mean", unit="ns")]
    min: Annotated[int, means("the shortest", unit="ns")]
    max: Annotated[int, means("the longest", unit="ns")]


class CountedSpread(Structure, frozen=True, kw_only=True):
    """How the times of some launches of a row are spread: of those that have such a time."""

    count: Annotated[int, means("how many have one")]
    median: Annotated[int | None, means("the median", unit="ns", null="none has one")]
    mean: Annotated[int | None, means("the mean", unit="ns", null="none has one")]
    min: Annotated[int | None, means("the shortest", unit="ns", null="none has one")]
    max: Annotated[int | None, means("the longest", unit="ns", null="none has one")]


class LaunchCostRow(Structure, frozen=True, kw_only=True):
    """All launches by one API call that caused one kind of work."""

    api: Annotated[str, means("the API call, without its version suffix")]
    activity: Annotated[
        str | None, means("what it caused, as `memcpy DtoD`", null="no GPU activity was recorded for it")
    ]
    count: Annotated[int, means("how many launches")]
    api_total_ns: Annotated[int, means("time in these calls", unit="ns")]
    api_ns: Annotated[Spread, means("time in one call", unit="ns")]
    queue_ns: Annotated[
        CountedSpread,
        means(
            "from the end of the call to the GPU's start, of launches whose work starts no earlier than that", unit="ns"
        ),
    ]
    gpu_ns: Annotated[Spread | None, means("GPU time of what one launch caused", unit="ns", null="`activity` is null")]
    queued_to_start_ns: Annotated[
        CountedSpread | UnsetType,
        means(
            "from when a kernel was put into a buffer for the GPU until it started",
            unit="ns",
            there="the recorder tells",
        ),
    ] = UNSET
    channel: Annotated[
        str | UnsetType, means("kind of hardware channel that took the work", there="the recorder tells")
    ] = UNSET


class AccountOfTrace(Structure, frozen=True, kw_only=True):
    """Where the time of a process, or of one thread, went, against what one device did."""

    window: Annotated[str, means("what it covers, in words")]
    windows: Annotated[
        int, means("how many windows that is: instances of a range, of which those that share a moment are one; or 1")
    ]
    window_ns: Annotated[int, means("their length in all; the cells sum to it exactly", unit="ns")]
    process: Annotated[str | None, means("the process: its id", null="the trace names none")]
    thread: Annotated[
        str | None,
        means(
            "the thread that `--thread` asked for: its id, with its process's where there are several",
            null="the account is of all threads of the process",
        ),
    ]
    device: Annotated[str | None, means("the device's number", null="no device was recorded")]
    cells: Annotated[list[AccountCell], means("the account; cells of no time are left out")]


class AnalysisDocument(Document, tag_field="format", tag="launchlens.analysis/2", frozen=True, kw_only=True):
    """What one trace holds: totals, ranges, launch costs and a time account.

    What a trace does not hold is null, or an absent key of an object, never 0: a trace with launches and no GPU records
    has `"kernels": null` and a problem that says so.
    """

    printed_by: ClassVar = ("analyze TRACE --json",)
    history: ClassVar = (
        (
            "launchlens.analysis/2",
            "the account is of a process, not of its busiest thread, and has states more; there is one for each device",
        ),
        ("launchlens.analysis/1", "the first"),
    )

    source: Annotated[Source, means("the file that was read")]
    verdict: Annotated[
        Verdict,
        means(
            "what limits the program; with `--range` and without `--steps` the instances of that range, which are the steps then"
        ),
    ]
    advice: Annotated[
        list[Advice],
        means(
            "up to three changes, what saves most first, likewise; none where nothing is worth it, or steps were not found"
        ),
    ]
    problems: Annotated[list[ProblemRow], means("what was met in it")]
    totals: Annotated[Totals, means("what it holds in all")]
    ranges: Annotated[list[RangeRow], means("a row a name of ranges, the longest host time first")]
    launch_cost: Annotated[
        list[LaunchCostRow], means("a row an API call and what it caused, the most time in the call first")
    ]
    account: Annotated[
        AccountOfTrace | None,
        means(
            "the time account of the whole trace, or of the range that `--range` names",
            null="no thread launches anything, and neither a range nor a thread was named",
        ),
    ]
    accounts: Annotated[
        list[AccountOfTrace],
        means(
            "the same for each device, each of the process that launched most of what ran on it; `account` is one of them"
        ),
    ]
    tables: Annotated[
        dict[str, TableOfTrace],
        means(
            "what each analysis finds in the trace, or in the range that `--range` names; one that the trace holds nothing of is "
            "absent, and the problem `table-absent` says why",
            key="name of the analysis ([analyses](../analyses.md))",
        ),
    ]
