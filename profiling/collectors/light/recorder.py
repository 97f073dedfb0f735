"""The light recorder in the process that it records: switched on for a block, off between, and its events taken."""

from __future__ import annotations

import ctypes
import os
import threading
from dataclasses import dataclass, field
from time import clock_gettime_ns

import numpy as np
import numpy.typing as npt

from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.collectors.light.build import Libraries

#: Set in a process that was started with the interposing library preloaded, to where that lies.
PRELOADED = "LAUNCHLENS_LIGHT"
#: Names below this are numbers of API calls; others are where the name of an op lies.
_NAMES = 4096
_EVENT = np.dtype([("start", "u8"), ("end", "u8"), ("what", "u8")])
#: Events of one thread between two takings; beyond these they are counted and lost.
MOST_EVENTS = 1 << 23


@dataclass(frozen=True)
class Events:
    """What happened in some time: moments in ticks of the recorder's clock, and what by its number in `names`.

    `calls` says of each name whether it is an API call (else a framework op). `dropped` events had no room.
    """

    start: npt.NDArray[np.uint64]
    end: npt.NDArray[np.uint64]
    what: npt.NDArray[np.int64]
    thread: npt.NDArray[np.uint64]
    dropped: int


@dataclass
class LightRecorder:
    """Records the process it is made in. `names` are those met so far; a name that starts with `cu` and a capital is a call's.

    `sees_calls` says whether API calls are seen: the library was there before CUDA's. `main_thread` is the number that events of
    the process's first thread carry. `ops`: framework ops are recorded as well. Raises CollectorError where the libraries can't be loaded.
    """

    libraries: Libraries
    ops: bool = True
    names: list[str] = field(default_factory=list)
    _numbers: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            # already there where it was preloaded: the loader knows a file by its place
            self._calls = ctypes.CDLL(str(self.libraries.interpose), mode=ctypes.RTLD_GLOBAL)
            observe = self.libraries.observe if self.ops else None
            if observe is not None:
                import torch  # noqa: F401  what the library needs is found in torch's

                self._ops: ctypes.CDLL | None = ctypes.CDLL(str(observe))
            else:
                self._ops = None
        except OSError as error:
            raise CollectorError(f"a library of the light recorder can't be loaded: {error}", for_good=True) from None
        self._calls.light_moment.restype = ctypes.c_uint64
        self._calls.light_count.restype = ctypes.c_uint64
        self._calls.light_take.restype = ctypes.c_uint64
        self._calls.light_not_wrapped.restype = ctypes.c_uint32
        self._calls.light_name.restype = ctypes.c_char_p
        self._calls.light_limit(ctypes.c_uint64(MOST_EVENTS))
        # the library is loaded: processes that this one starts are not to be recorded
        self.sees_calls = os.environ.get(PRELOADED) == str(self.libraries.interpose)
        environment = without_preloading()
        for name in ("LD_PRELOAD", PRELOADED):
            if name not in environment:
                os.environ.pop(name, None)
            else:
                os.environ[name] = environment[name]
        self.main_thread = threading.main_thread().native_id or os.getpid()
        self.uses_tsc = bool(ctypes.c_int.in_dll(self._calls, "light_uses_tsc").value)

    def moment(self) -> int:
        """Now, in ticks of the recorder's clock."""
        return int(self._calls.light_moment())

    def clocks(self) -> tuple[int, int]:
        """Now, in ticks and in ns of CLOCK_MONOTONIC: of several tries the one in which least time passed between the two."""
        tries = []
        for _ in range(9):
            before, ns, after = self.moment(), clock_gettime_ns(_MONOTONIC), self.moment()
            tries.append((after - before, before + (after - before) // 2, ns))
        _, ticks, ns = min(tries)
        return ticks, ns

    def make_room(self, events: int) -> None:
        """Find room for so many events of this thread before they are recorded."""
        self._calls.light_make_room(ctypes.c_uint64(min(events, MOST_EVENTS)))

    def record_nothing(self, count: int) -> None:
        """Record so many events between whose two moments nothing happens; their name is empty."""
        self._calls.light_record_nothing(ctypes.c_uint64(count))

    def on(self) -> None:
        """Record from now on, on every thread."""
        if self._ops is not None:
            self._ops.light_observe_ops()
        self._calls.light_on()

    def off(self) -> None:
        """Record no more."""
        self._calls.light_off()
        if self._ops is not None:
            self._ops.light_leave_ops()

    def not_wrapped(self) -> int:
        """How many functions were handed out as they are, as there was no room for more: calls of them are not seen."""
        return int(self._calls.light_not_wrapped())

    def take(self) -> Events:
        """All events since they were last taken, thread by thread, each in order of its end; they are forgotten here."""
        dropped = ctypes.c_uint64()
        count = int(self._calls.light_count(ctypes.byref(dropped)))
        events, threads = np.empty(count, _EVENT), np.empty(count, np.uint64)
        taken = int(
            self._calls.light_take(
                events.ctypes.data_as(ctypes.c_void_p), threads.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint64(count)
            )
        )
        events, threads = events[:taken], threads[:taken]
        distinct, which = np.unique(events["what"], return_inverse=True)
        numbers = np.array([self._number(int(each)) for each in distinct], np.int64)
        return Events(
            events["start"].copy(), events["end"].copy(), numbers[which] if taken else np.empty(0, np.int64), threads,
            int(dropped.value),
        )  # fmt: skip

    def _number(self, what: int) -> int:
        if what not in self._numbers:
            raw = self._calls.light_name(ctypes.c_uint32(what)) if what < _NAMES else ctypes.string_at(what)
            name = (raw or b"").decode("utf-8", "backslashreplace")
            if is_call(name):  # `__cudaLaunchKernel` is what `<<<>>>` calls since CUDA 12.8
                name = name.lstrip("_")
            if name not in self.names:
                self.names.append(name)
            self._numbers[what] = self.names.index(name)
        return self._numbers[what]


_MONOTONIC = 1  # CLOCK_MONOTONIC, which Python's time has under this number on Linux


def is_call(name: str) -> bool:
    """Whether a name is of an API call of CUDA's: those of ops have a namespace (`aten::copy_`)."""
    return "::" not in name and name.lstrip("_").startswith("cu")


def preloading(libraries: Libraries) -> dict[str, str]:
    """The environment of a process that is to be recorded: what is preloaded already stays, behind the recorder's."""
    before = os.environ.get("LD_PRELOAD", "")
    mine = str(libraries.interpose)
    kept = [each for each in before.replace(":", " ").split() if each != mine]
    return dict(os.environ) | {"LD_PRELOAD": ":".join([mine, *kept]), PRELOADED: mine}


def without_preloading() -> dict[str, str]:
    """The environment of a process that is not to be recorded, started by one that is."""
    environment = dict(os.environ)
    mine = environment.pop(PRELOADED, None)
    kept = [each for each in environment.get("LD_PRELOAD", "").replace(":", " ").split() if each != mine]
    if kept:
        environment["LD_PRELOAD"] = ":".join(kept)
    else:
        environment.pop("LD_PRELOAD", None)
    return environment
