"""One recording of this process by CUPTI, through cupti-python: what is asked for, ranges of our own, what came back.

    session = Session()
    with session:
        with session.named("variant:copy_"):
            ...
    session.rows(), session.header()

CUPTI hands its buffers over in a thread of its own, with Python's lock held: they are so large that none fills up while
something is measured, and are turned into plain tuples at the end (a record is only good as long as its buffer).
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import UNSET

from launchlens.profiling.collectors.cupti.records import NEEDED, WANTED, Range, Records
from launchlens.profiling.collectors.cupti.rows import Rows, rows_of
from launchlens.profiling.collectors.error import CollectorError
from launchlens.traces.readers.cupti.schema import FORMAT, Header

#: Of one buffer; a call and its kernel take some 350 bytes, so it holds about 190,000 launches.
BUFFER_BYTES = 64 << 20
GET = (
    "pip install 'launchlens[cupti]' 'cupti-python==13.0.*', with the CUDA version that torch was built for "
    "(torch.version.cuda) in place of 13.0: each brings its own libcupti"
)
_FLUSH_ALL = 1  # CUPTI_ACTIVITY_FLAG_FLUSH_FORCED: buffers that are not full as well


class Session:
    """Records this process while it is entered. `cupti` is the module to record with, cupti-python's by default.

    `careful` asks only for the kinds of records that a run can't do without. Raises CollectorError where CUPTI can't be
    had or refuses.
    """

    def __init__(self, *, careful: bool = False, cupti: Any = None) -> None:
        self._cupti = load() if cupti is None else cupti
        self._kinds = NEEDED if careful else (*NEEDED, *WANTED)
        self._records = Records(self._cupti)
        # held on to: CUPTI calls them from C
        self._callbacks = (lambda: (BUFFER_BYTES, 0), self._take)
        self._enabled: list[Any] = []
        self._ranges: list[Range] = []
        self._recording = False
        self._handed_over_early = 0
        self._dropped: int | None = None
        self._fault: Exception | None = None

    def __enter__(self) -> Self:
        cupti = self._cupti
        try:
            cupti.activity_register_callbacks(*self._callbacks)
            for name in self._kinds:
                kind = getattr(cupti.ActivityKind, name)
                try:
                    cupti.activity_enable(kind)
                except cupti.cuptiError as error:
                    if name in NEEDED:
                        raise CollectorError(f"CUPTI does not record {name} here: {error}", for_good=True) from None
                else:
                    self._enabled.append(kind)
            cupti.activity_enable_latency_timestamps(1)
        except cupti.cuptiError as error:
            raise CollectorError(f"CUPTI can't be set up: {error}", for_good=True) from None
        self._recording = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._recording = False
        cupti = self._cupti
        try:
            cupti.activity_flush_all(_FLUSH_ALL)
            self._dropped = self._ask_for_dropped()
            for each in self._enabled:
                cupti.activity_disable(each)
        except cupti.cuptiError as fault:
            self._fault = self._fault or fault
        if error is None and self._fault is not None:
            raise CollectorError(f"CUPTI's records can't be read: {type(self._fault).__name__}: {self._fault}")

    @contextmanager
    def named(self, name: str) -> Iterator[None]:
        """A range: its times on CUPTI's clock, and its number given to CUPTI for each call made in it on this thread."""
        cupti, number = self._cupti, len(self._ranges) + 1
        custom = cupti.ExternalCorrelationKind.CUSTOM0
        start = cupti.get_timestamp()
        cupti.activity_push_external_correlation_id(custom, number)
        try:
            yield
        finally:
            cupti.activity_pop_external_correlation_id(custom)
            end = cupti.get_timestamp()
            self._ranges.append(Range(name, start, end, threading.get_ident() & 0xFFFFFFFF, number))

    def rows(self) -> Rows:
        """All that was recorded, as columns of the file."""
        return rows_of(self._records, self._ranges, os.getpid(), self._cupti)

    def header(self) -> Header:
        """What the file says of the recording."""
        package, api, torch = _version("cupti-python"), _api_version(), _version("torch")
        return Header(
            format=FORMAT,
            cupti_python=UNSET if package is None else package,
            cupti=UNSET if api is None else api,
            torch=UNSET if torch is None else torch,
            devices=_devices(sorted(self._records.devices())),
            dropped_records=UNSET if self._dropped is None else self._dropped,
            buffers_while_recording=self._handed_over_early,
            unknown_records=self._records.unknown,
            markers=any(kind == self._cupti.ActivityKind.MARKER for kind in self._enabled),
        )

    def _take(self, activities: Sequence[Any]) -> None:
        """Called by CUPTI with the records of a buffer; it would print and forget what is raised in here."""
        self._handed_over_early += self._recording
        try:
            self._records.add(activities)
        except Exception as error:  # noqa: BLE001  raised again when the recording ends
            self._fault = self._fault or error

    def _ask_for_dropped(self) -> int | None:
        """How many records CUPTI had no room for; None where this version can't be asked."""
        dropped = ctypes.c_size_t(0)
        try:
            self._cupti.activity_get_num_dropped_records(0, 0, ctypes.addressof(dropped))
        except (self._cupti.cuptiError, AttributeError, TypeError):
            return None
        return dropped.value


def load() -> Any:
    """cupti-python's module. Raises CollectorError that says what it lacks."""
    try:
        from cupti import cupti
    except (ImportError, OSError, RuntimeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise CollectorError(f"cupti-python can't be used here: {lines[0][:200]}: {GET}", for_good=True) from None
    return cupti


def library() -> str | None:
    """The libcupti that this process has loaded (torch's), which a process like it will load; None where none is."""
    try:
        maps = Path("/proc/self/maps").read_text("utf-8", "replace")
    except OSError:
        return None
    found = re.search(r"(/\S*/libcupti\.so[.\d]*)$", maps, re.MULTILINE)
    return found[1] if found else None


def _api_version() -> int | None:
    """The version of the libcupti that is loaded, as it numbers itself; None where there is none."""
    path, number = library(), ctypes.c_uint32(0)
    try:
        failed = path is None or ctypes.CDLL(path).cuptiGetVersion(ctypes.byref(number))
    except (OSError, AttributeError):
        return None
    return None if failed else number.value


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices(numbers: Sequence[int]) -> dict[str, str]:
    """The names of some devices by number, as text; none where torch does not know CUDA."""
    import torch

    if not torch.cuda.is_available():
        return {}
    return {str(number): torch.cuda.get_device_name(number) for number in numbers if number < torch.cuda.device_count()}
