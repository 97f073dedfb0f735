"""What a reader or an analysis could not use, counted: nothing is dropped in silence.

A *problem* is something about the trace that the reader of a result should know. It has a code (for scripts), a
severity, a count and one sentence. An `InputError` is different: the input can't be used at all, and the command
ends with exit code 2 and that one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Literal

Severity = Literal["info", "warning", "error"]

#: code -> (severity, one sentence). The only place where a code is defined.
MEANINGS: dict[str, tuple[Severity, str]] = {
    # the file
    "truncated": (
        "error",
        "The file ends in the middle of an event; only the whole events before that were kept (--partial).",
    ),
    "replaced-bad-json": (
        "warning",
        "Parts of the file are not valid JSON (NaN, raw control characters, bytes that are not UTF-8); they were read leniently.",
    ),
    "unreadable-json": (
        "warning",
        "Parts of the file are not JSON even when read leniently; the events that stood there were left out.",
    ),
    "half-an-event": (
        "warning",
        "Events begin without an end, or end without a beginning (`ph` is B, or E); they were left out.",
    ),
    "event-without-category": ("info", "Events carry no category, so nothing says what they are; they were left out."),
    "unknown-category": ("info", "Events have a category that is not part of the time account; they were left out."),
    "event-not-understood": ("warning", "Events lack a usable timestamp, duration or name; they were left out."),
    "size-not-understood": (
        "warning",
        "Copies or memsets are said to move more bytes than any can, or fewer than none: how many they moved is unknown.",
    ),
    "ranks-in-one-file": (
        "info",
        "The file holds several processes whose correlation ids repeat: each is joined to its own GPU work, and GPUs are numbered apart.",
    ),
    "work-said-again": (
        "info",
        "Rows say a device's work again in other words (modules, ops, steps); only those of its streams were kept.",
    ),
    "device-not-named": (
        "warning",
        "GPU activities name no device: they count in totals, and no device's busy time or account holds them.",
    ),
    "time-not-taken": (
        "warning",
        "Records have no time, for the recorder could not take it; they were left out, and when they ran is unknown.",
    ),
    "time-far-away": (
        "warning",
        "GPU activities lie far from everything else in time, with nothing to wait for; they were left out, and when they ran is unknown.",
    ),
    "over-others-of-its-stream": (
        "warning",
        "GPU activities go on over others of their stream, which runs in order: how long they took is unknown, and they were left out.",
    ),
    "python-stack-left-out": (
        "info",
        "Python stack frames have no rows of their own; of each thread it is kept when one was open.",
    ),
    "negative-duration": ("warning", "Events end before they start; they were left out."),
    "missing-table": ("info", "The export lacks a table that others have; what it would hold is reported as absent."),
    "name-missing": ("warning", "Events have no name in the file; they are kept as `(no name)`."),
    "range-left-open": ("info", "Ranges were still open when the recording ended; they were closed at the last event."),
    "cuda-overhead-left-out": (
        "info",
        "CUDA's own work listed as overhead (module loading, JIT) is left in the API calls that contain it.",
    ),
    "graph-recorded-whole": (
        "warning",
        "CUDA graph replays were recorded whole: the kernels and copies inside are unknown (use --cuda-graph-trace=node).",
    ),
    "copies-in-one-record": ("info", "One record stands for several copies of a batch; it counts as one memcpy."),
    "managed-memory-migration": (
        "info",
        "Memory copies are migrations of managed memory: no call launched them, and none is missing.",
    ),
    "dropped-records": (
        "error",
        "The recorder had no room for some records and dropped them: counts and times lack what these held.",
    ),
    "buffer-full-while-recording": (
        "warning",
        "Buffers of the recorder filled up while it recorded: reading them took time from what was measured.",
    ),
    "range-ids-disagree": (
        "warning",
        "API calls lie in another range by their times than by the id that CUPTI recorded with them.",
    ),
    "gpu-not-recorded": (
        "info",
        "Nothing shows that GPU work was recorded: what the GPU did is not known, and stands as null.",
    ),
    "payloads-not-exported": (
        "info",
        "The export leaves out NVTX payloads, and with them what NCCL's collectives carry (`nsys export --include-blobs=true` keeps them).",
    ),
    "payload-not-understood": (
        "info",
        "NVTX payloads could not be read: what they tell, as sizes of collectives, is not known.",
    ),
    "recorder-lost-events": (
        "warning",
        "The recorder itself says that it may not have collected all GPU events: counts and times are of those it has.",
    ),
    # correlation
    "no-gpu-records": ("error", "The trace holds launches but not one GPU activity: the recorder saw the host only."),
    "launch-without-gpu-record": (
        "warning",
        "Launch calls have no GPU activity: it was not recorded, or nothing was submitted.",
    ),
    "launches-captured": (
        "info",
        "Launch calls were captured into a CUDA graph instead of being run: they have no GPU activity, and none is missing.",
    ),
    "work-unrecorded": (
        "warning",
        "Launches of kernels have no GPU activity: until they must have ended, the device's state is unknown, not idle.",
    ),
    "gpu-record-without-launch": (
        "warning",
        "GPU activities have no launch call: it was made before the recording began, or not recorded.",
    ),
    "graph-replay-unrecorded": (
        "warning",
        "Launches of CUDA graphs have no GPU activity: until they must have ended, the device's state is unknown, not idle.",
    ),
    "graph-replay-incomplete": (
        "warning",
        "Replays of CUDA graphs have fewer GPU activities than others of the same graph: some were not recorded, or the graph left nodes out; the device's state meanwhile is unknown, not idle.",
    ),
    "graph-replay-under-recorded": (
        "warning",
        "After launches of CUDA graphs the host waited for the device in time of which no activity was recorded: the device's state is then unknown, not idle.",
    ),
    "missing-correlation": ("warning", "GPU activities carry no correlation id, so their launch is unknown."),
    "correlation-id-repeats": (
        "warning",
        "One correlation id names several unrelated launch calls; its GPU activities were left unassigned.",
    ),
    "gpu-start-before-launch": (
        "warning",
        "GPU activities start before the call that launched them: the two clocks disagree.",
    ),
    # windows
    "gpu-work-after-window": (
        "warning",
        "GPU activities launched inside a window end after it; the account cuts them at its end.",
    ),
    "ranges-overlap-across-threads": (
        "warning",
        "Ranges of one name overlap on several threads of a process: what is launched in their common time counts for each of them (`_all_threads`).",
    ),
    # several traces
    "files-skipped": (
        "warning",
        "Files could not be used and were left out: what is said is of the others.",
    ),
    "ranks-missing": (
        "warning",
        "The job had more ranks than there are traces: whoever waited for one of those is not told from a slow transfer.",
    ),
    "ranks-by-order": (
        "info",
        "Neither the recorder nor the names of the files say which rank is which: they are numbered in the order of the names.",
    ),
    "collectives-alone": (
        "info",
        "Collectives have no counterpart on another rank: who waited in them is not known.",
    ),
    "collectives-unlike": (
        "warning",
        "Collectives that should be the same do something else, or carry something else, on different ranks: who waited in them is not known.",
    ),
    "clock-not-aligned": (
        "info",
        "Ranks share no collective with others that would align their clocks.",
    ),
    # tables
    "table-absent": (
        "info",
        "Tables are absent, because the trace holds nothing that they would show.",
    ),
    # the data gate: what a capture can't be like (`launchlens.traces.gate.catalogue` says what each takes from whom)
    "rows-of-two-runs": (
        "error",
        "Blocks share their place in a round with another one, or have other iterations than those that are alike: rows of two runs or machines were put together.",
    ),
    "iterations-disagree": (
        "error",
        "Blocks have more or fewer iterations than the manifest says: time per iteration is not known.",
    ),
    "blocks-out-of-order": (
        "error",
        "Blocks began before others that precede them by round and position: rounds were shuffled, so nothing is paired.",
    ),
    "blocks-overlap": (
        "error",
        "Blocks began before the one before them had ended, which one process can't do: times were changed, shuffled or copied.",
    ),
    "rounds-copied": (
        "error",
        "Blocks have, to the nanosecond, the times of another round: copies make intervals narrower than they are.",
    ),
    "timed-apart": (
        "error",
        "Blocks of a variant began long before or after the others of their rounds: it was not timed in turn with them.",
    ),
    "timer-coarse": (
        "error",
        "Blocks take one of a few times again and again: the timer has large steps, and how far these times spread is not known.",
    ),
    "host-beyond-wall": (
        "error",
        "Blocks took longer to submit than to submit and to wait for: the times contradict each other.",
    ),
    "device-beyond-wall": (
        "error",
        "Blocks took longer between device events than on the clock around them: the times contradict each other.",
    ),
    "rounds-disagree": (
        "warning",
        "The manifest says another number of rounds than the timings hold: some were lost, or added.",
    ),
    "rounds-incomplete": (
        "warning",
        "Blocks are missing from rounds that others have: ratios are of the rounds that are whole, single times of other ones.",
    ),
    "timing-interrupted": (
        "warning",
        "The run stood still between blocks: what was timed before and after may be of another state of the machine.",
    ),
    "blocks-unsteady": (
        "warning",
        "More than one in twenty blocks took over three times as long as most of their kind: something else ran on the machine.",
    ),
    "blocks-far-off": (
        "info",
        "Single blocks took over three times as long as most of their kind; they are kept, and medians don't see them.",
    ),
    "clock-moved": (
        "warning",
        "The SM clock moved by more than 2 % between rounds: times before and after are not of one pace.",
    ),
    "pace-changed": (
        "warning",
        "Every variant became slower, or faster, while it was timed: the machine was throttled or shared.",
    ),
    "other-gpu": ("error", "The trace is of another GPU than the manifest names: they are not of one machine."),
    "iterations-missing": (
        "error",
        "Recorded blocks hold fewer launches than their iterations make: iterations are missing from them.",
    ),
    "counts-differ": (
        "error",
        "Recorded blocks of one variant differ in launches or GPU activities: they are not of the same work, or some was not recorded.",
    ),
    "gpu-records-missing": (
        "error",
        "Launches have no GPU activity though others of the same call have: the recorder left some out, and how busy the GPU was is not known.",
    ),
    "gpu-records-doubled": ("error", "GPU activities are recorded twice: counts and times of the GPU are too large."),
    "gpu-time-zero": ("error", "GPU activities take no time at all: their durations were not recorded."),
    "gpu-work-overlaps": (
        "error",
        "GPU activities begin on their stream before earlier ones there have ended: their durations are too long.",
    ),
    "gpu-clock-off": (
        "error",
        "GPU work ends after the wait for it, or begins before its launch: the GPU's clock is off, and no time between host and GPU is known.",
    ),
    "names-out-of-order": (
        "error",
        "Recorded blocks come in another order than their names should: names of variants were swapped.",
    ),
    "busy-beyond-wall": (
        "error",
        "The GPU work of a recorded iteration takes longer than a whole iteration does unprofiled: they are not of the same work, or the recorder made it slower.",
    ),
    "recorded-faster": (
        "error",
        "A recorded iteration takes much less time than an unprofiled one, though a recorder only adds to it: they are not of the same code.",
    ),
    "regimes-apart": (
        "error",
        "A kernel takes much longer in one regime than in another: its durations are wrong in one of them.",
    ),
    "light-launches-differ": (
        "error",
        "The light recorder saw another number of launches than was counted beside it: its account lacks calls, and is not used.",
    ),
    # captures
    "device-busier-than-recorded": (
        "warning",
        "Unprofiled, the device took more than twice as long for the replays of a graph as activities were recorded for: the recorder left some out.",
    ),
    "overlapping-blocks": (
        "warning",
        "Recorded blocks of one variant overlap; only the outermost of them were counted.",
    ),
    "capture-disagrees": (
        "warning",
        "Variants have more or fewer recorded blocks than the manifest says: trace and manifest are not of one run.",
    ),
}


@dataclass(frozen=True)
class Problem:
    """One kind of problem met in a trace, with how often it was met.

    `ns` is the time that it concerns, ns, and `details` say what exactly was met; most kinds have neither.
    """

    code: str
    count: int
    ns: int | None = None
    details: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return MEANINGS[self.code][0]

    @property
    def meaning(self) -> str:
        """One sentence: what the code means, and after a colon the details."""
        general = MEANINGS[self.code][1]
        return f"{general.removesuffix('.')}: {'; '.join(self.details)}." if self.details else general

    def and_more(self, other: Problem) -> Problem:
        """This one, met as often as it and another of its code together."""
        known = [ns for ns in (self.ns, other.ns) if ns is not None]
        ns = sum(known) if known else None
        return Problem(self.code, self.count + other.count, ns, (*self.details, *other.details))


@dataclass
class Problems:
    """The problems met so far, one entry a code, in the order in which they were first met."""

    _met: dict[str, Problem] = field(default_factory=dict)

    def add(self, code: str, count: int = 1, *, ns: int | None = None, detail: str | None = None) -> None:
        """Count `count` more cases of `code`; zero cases are no problem and leave no entry.

        Raises KeyError for a code that `MEANINGS` does not define.
        """
        if code not in MEANINGS:
            raise KeyError(code)
        if count:
            met = Problem(code, int(count), None if ns is None else int(ns), () if detail is None else (detail,))
            self._met[code] = self._met[code].and_more(met) if code in self._met else met

    def copy(self) -> Problems:
        return Problems(dict(self._met))

    def __add__(self, other: Problems) -> Problems:
        """These and, after them, those of another."""
        both = dict(self._met)
        for problem in other:
            both[problem.code] = both[problem.code].and_more(problem) if problem.code in both else problem
        return Problems(both)

    def __iter__(self) -> Iterator[Problem]:
        return iter(list(self._met.values()))

    def __len__(self) -> int:
        return len(self._met)

    def __getitem__(self, code: str) -> int:
        return self._met[code].count if code in self._met else 0


def shown_name(name: str, most: int = 60) -> str:
    """The beginning of a name that a trace gave, for a sentence: what steers a terminal or breaks a line is replaced."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:most])


class InputError(Exception):
    """The input can't be used. Its text is one line: the file, the place in it, what is wrong, and the remedy."""

    def __init__(self, path: str | PathLike[str], what: str, remedy: str = "", place: str = "") -> None:
        self.path, self.what, self.remedy = path, what, remedy
        where = f"{fspath(path)}{f', {place}' if place else ''}"
        text = " ".join(f"{where}: {what}{f' ({remedy})' if remedy else ''}".split())
        # a name in it may hold what drives a terminal
        super().__init__("".join(character if character.isprintable() else "?" for character in text))
