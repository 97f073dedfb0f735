"""What a copy of a Kineto trace calls its events, processes and threads."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from launchlens.traces.readers.kineto.categories import HARMLESS, PROFILERS_OWN, PYTHON_STACK, kind_and_layer
from launchlens.traces.readers.kineto.ranks import RANK
from launchlens.traces.scrub.text import without_folders, without_places

#: What processes, threads and their labels may be called: what Kineto calls them itself.
_PLAIN_NAMES = re.compile(
    r"(?:CPU|GPU \d+|python[\d.]*|Spans|Traces|PyTorch Profiler|stream -?\d+ ?|thread \d+|default"
    # XLA's, and Proton's
    r"|/device:\w+:\d+|/host:CPU|Stream #\d+\([\w, ]*\)|XLA (?:Ops|Modules)|Steps|(?:GPU |Graph: )Stream \d+|CPU Thread \d+|Trace"
    # a copy's
    r"|rank \d+)?"
)
_THREAD = re.compile(r"(thread \d+) \(.*\)", re.DOTALL)
#: Ids of processes and threads that say nothing but which: numbers, and those that a copy gives.
_PLAIN_ID = re.compile(r"-?\d+|0x[0-9a-fA-F]+|id-[a-z]+\s?\d*")
_NUMBER_AT_END = re.compile(r"\s?\d*\Z")

#: Categories whose events a copy keeps besides those that the reader uses; of any other it keeps that there was one.
_KNOWN = frozenset((
    *("cuda_sync", "cuda_event", "cuda_profiler_range", "concurrent_kernel", "external_correlation", "collective_comm", "ac2g", "fwdbwd"),
    *("async", "scope", "other", *PYTHON_STACK, *HARMLESS),
))  # fmt: skip
_CALLS = re.compile(
    r"(?:(?:cuda|hip|hsa|xpu|privateuse1|mtia|glow|hpu|mlu|npu|musa|sycl|ze|opencl)_)?(?:runtime|driver)"
)
#: A moment that Kineto itself marks, and an allocator's.
MOMENTS = re.compile(r"\[memory\]|Iteration Start: PyTorch Profiler|Record Window End")
#: The events that name processes and threads.
METADATA = frozenset(("process_name", "process_labels", "process_sort_index", "thread_name", "thread_sort_index"))
#: What CUPTI's overheads are called (CUpti_ActivityOverheadKind), and what of any other is kept.
_OVERHEADS = re.compile(
    r"(?:Activity )?Buffer Request|(?:Activity )?Buffer Flush|Instrumentation|Resource|Driver Compiler|CUPTI \w{1,20}|UVM Activity Init|"
    r"Runtime Triggered Module Loading|Lazy Function Loading|Command Buffer Full|Activity Buffer Request|Driver Compilation|"
    r"Lazy Module Loading|Module Loading|JIT|Unrecognized|Unknown|"
)
_WAITS = re.compile(
    r"(?:(?:Stream|Context|Event|Device|Wait|Sync|Synchronize|Record) ?){1,4}|PyTorch Profiler(?: \(\d+\))?|"
)
_FRAMES = re.compile(
    r".+\(\d+\): .*|nn\.Module: \w+|<(?:built-in|bound|method|function|class|lambda|listcomp|genexpr|module) ?[^<>]*>|\$[\w.<>-]+:\d+ [\w.<>-]+",
    re.DOTALL,
)


class Name(NamedTuple):
    """What becomes of the names of some events, and what those that stay are called in the account of what does."""

    of: str
    stays: Callable[[str], str]


def _as_it_is(text: str) -> str:
    return text


def _of_overhead(text: str) -> str:
    if _OVERHEADS.fullmatch(text):
        return text
    return "Instrumentation" if PROFILERS_OWN.search(text) else "Unknown"


def _of_frame(text: str) -> str:
    changed, _ = without_folders(text)
    return without_places(changed)[0] if _FRAMES.fullmatch(changed) else ""


def _of_op(text: str) -> str:
    return without_places(text)[0]


def _of_wait(text: str) -> str:
    return text if _WAITS.fullmatch(text) else ""


@lru_cache(maxsize=4096)
def category(text: str) -> str:
    """A category as a copy gives it: what the reader takes it for is the same."""
    known = text.lower()
    if known in _KNOWN or not known:
        return text
    kind, layer = kind_and_layer(known)
    if kind == "api":
        return text if _CALLS.fullmatch(known) else str(layer)
    return "other" if kind is None else text


def name_rule(text: str, *, of_proton: bool, of_xla: bool) -> Name | None:
    """What becomes of the names of events of a category; None where they are left out."""
    known = text.lower()
    kind, _ = kind_and_layer(known)
    match kind:
        case "range" | "gpu-range":
            return Name("names of ranges", _as_it_is)
        case "kernel":
            return Name("names of kernels", _as_it_is)
        case "memcpy" | "memset":
            return Name("names of copies and memsets", _as_it_is)
        case "api":
            return Name("names of API calls", _as_it_is)
        case "op":
            return Name("names of ops", _of_op)
        case "overhead":
            return Name("names of overheads", _of_overhead)
    if known in PYTHON_STACK:
        return Name("frames of Python's stack", _of_frame)
    if known == "scope" and of_proton:
        return Name("names of ranges", _as_it_is)
    if not known and of_xla:
        return Name("names of ops and kernels", lambda name: _of_frame(name) if name.startswith("$") else name)
    return Name("names of waits", _of_wait) if known in _KNOWN else None


def plain_name(text: str) -> str:
    """What a process or thread is called, as far as the recorder itself gave it the name."""
    if match := _THREAD.fullmatch(text):
        return match[1]
    if rank := RANK.search(text):
        return f"rank {rank[1]}"  # ranks that somebody merged into one file are told apart by it
    return text if _PLAIN_NAMES.fullmatch(text) else ""


class Ids:
    """Ids of processes and threads that are texts: each that says more than which gets another, by which they are told apart alike.

    A number at its end stays, for readers take that of a device or stream from it, and so do the ranks of a merged file.
    """

    def __init__(self) -> None:
        #: what was given for each
        self.given: dict[str, str] = {}
        self._begins: dict[str, str] = {}

    def of(self, text: str) -> str:
        """The id for an id."""
        if text in self.given:
            return self.given[text]
        if not text or _PLAIN_ID.fullmatch(text) or (_PLAIN_NAMES.fullmatch(text) and not RANK.search(text)):
            return text
        rank = plain_name(text) if RANK.search(text) else ""
        if rank and rank not in self.given.values():
            self.given[text] = rank
            return rank
        end = _NUMBER_AT_END.search(text)
        at = len(text) if end is None else end.start()
        begin = self._begins.setdefault(text[:at], f"id-{_letters(len(self._begins))}")
        self.given[text] = begin + text[at:]
        return self.given[text]


def _letters(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    made = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        made = chr(ord("a") + digit) + made
    return made
