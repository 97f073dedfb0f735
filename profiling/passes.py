"""Passes of somebody's own code: timed without a profiler and recorded under torch.profiler in turn, into a capture.

pass      1         2        3      4         5      6         ...
          recorded  warm-up  timed  recorded  timed  recorded

The first may be the only one, so it is recorded; where others follow it is left out, for it warms up. Each is one iteration, in a
range `variant:NAME` that ends after the device has been waited for.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from launchlens import __version__
from launchlens.profiling.annotate import BLOCK, annotated
from launchlens.profiling.checking import synchronize
from launchlens.profiling.collectors.torch_profiler import TorchProfiler, pack, started
from launchlens.profiling.environment import describe
from launchlens.profiling.new_capture import NewCapture, new_folder
from launchlens.profiling.timing import Timed, timing_row, timings_frame
from launchlens.traces import files
from launchlens.traces.captures.capture import Manifest, TraceRecord, VariantRecord, write_timings

#: More passes than this are not recorded: they are timed.
MOST_RECORDED = 10
REGIME = "eager"
_TRACE = f"{TorchProfiler.name}/{REGIME}.pt.trace.json.gz"
#: Ids of a session, of a launch and its work or of an arrow, may be those of another one: those of each are moved by this.
_APART = 1 << 40
_IDS = ("correlation", "External id")
What = Literal["recorded", "warm-up", "timed"]


@dataclass
class Passes:
    """The passes of one capture so far. Between `begin` and `end` the code runs; `write` puts down what there is."""

    name: str
    folder: Path
    device: str
    _capture: NewCapture
    _begun: int = 0
    _rows: list[dict[str, object]] = field(default_factory=list)
    _sessions: list[bytes] = field(default_factory=list)
    _zero_ns: int | None = None
    _open: tuple[ExitStack, Any, int] | None = None
    _recorded_first: bool = False

    @classmethod
    def into(cls, output: Path | None, name: str, device: str) -> Passes:
        """Passes into a new capture, which says at once that it is incomplete. Raises InputError for a place that is taken."""
        folder = new_folder(output, re.sub(r"[^\w.-]+", "-", name).strip("-.") or "recorded")
        says = "code of the caller's own, a pass an iteration"
        manifest = Manifest(
            workload={"name": name, "says": says, "correctness": "not checked: the caller's own code"},
            variants=[VariantRecord(name, REGIME, "measured", says)],
            baseline=name,
            device=device,
            command=[],
            recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=describe(device),
            timing={},
            launchlens=__version__,
        )
        return cls(name, folder, device, NewCapture(folder, manifest))

    @property
    def is_open(self) -> bool:
        """Whether a pass has begun and not ended."""
        return self._open is not None

    @property
    def recorded(self) -> int:
        """How many recorded passes the capture holds."""
        return len(self._kept())

    @property
    def timed(self) -> int:
        """How many timed ones."""
        return len(self._rows)

    def _next(self) -> What:
        if self._begun == 0:
            return "recorded"
        if self._begun == 1:
            return "warm-up"
        return "timed" if self._begun % 2 == 0 or self.recorded >= MOST_RECORDED else "recorded"

    def begin(self) -> None:
        """Begin a pass: start the profiler where it is to be recorded, wait for the device, and open its range."""
        session = started(self.device) if self._next() == "recorded" else None
        synchronize(self.device)
        stack = ExitStack()
        stack.enter_context(annotated(f"{BLOCK}{self.name}"))
        self._open = stack, session, time.perf_counter_ns()

    def end(self, *, failed: bool) -> None:
        """End it: wait for the device, close the range, and keep what was recorded or timed; nothing of a pass that `failed`."""
        assert self._open is not None
        (stack, session, start), what = self._open, self._next()
        self._open = None
        submitted = time.perf_counter_ns()
        try:
            if not failed:
                synchronize(self.device)
            done = time.perf_counter_ns()
        finally:
            stack.close()
            if session is not None:
                session.__exit__(None, None, None)
        if failed:
            return
        self._begun += 1
        if session is not None:
            self._recorded_first |= self._begun == 1
            self._sessions.append(_exported(session))
        elif what == "timed":
            self._rows.append(self._row(start, submitted, done))

    def write(self) -> None:
        """Write trace, timings and manifest: the capture is complete, until more passes follow and it is written again."""
        kept, traces = self._kept(), []
        if kept:
            place = self.folder / _TRACE
            place.parent.mkdir(exist_ok=True)
            with files.writing(place) as packed, TemporaryDirectory(prefix="launchlens-") as folder:
                plain = Path(folder) / "trace.json"
                plain.write_text(json.dumps(_together(kept)))
                pack(plain, packed)
            traces = [TraceRecord(TorchProfiler.name, REGIME, _TRACE, len(kept), 1, label=TorchProfiler.label)]
        if self._rows:
            write_timings(self.folder, timings_frame(self._rows))
        order = "passes in turn: one timed, one recorded"
        timing = {"rounds": len(self._rows), "iterations": 1, "order": order}
        self._capture.now(traces=traces, timing=timing, complete=True)

    def _kept(self) -> list[bytes]:
        """The recorded passes; the first of several warmed up, and is not among them."""
        return self._sessions[1:] if self._recorded_first and len(self._sessions) > 1 else self._sessions

    def _row(self, start: int, submitted: int, done: int) -> dict[str, object]:
        if self._zero_ns is None:
            self._zero_ns = start
        timed = Timed(start - self._zero_ns, max(submitted - start, 1), max(done - start, 1), None)
        return timing_row(self.name, REGIME, timed, round=len(self._rows), position=0, iterations=1)


def _exported(session: Any) -> bytes:
    """The trace of a session as Kineto writes it, packed."""
    with TemporaryDirectory(prefix="launchlens-") as folder:
        plain = Path(folder) / "trace.json"
        session.export_chrome_trace(str(plain))
        return gzip.compress(plain.read_bytes(), 1, mtime=0)


def _together(sessions: list[bytes]) -> dict[str, Any]:
    """Traces of one process as one: their events on the clock of the first, and the ids of each told apart from those of others."""
    first, *others = (json.loads(gzip.decompress(each)) for each in sessions)
    base = first.get("baseTimeNanoseconds", 0)
    for number, other in enumerate(others, 1):
        later_us = (other.get("baseTimeNanoseconds", 0) - base) / 1000
        for event in other["traceEvents"]:
            if later_us and "ts" in event:
                event["ts"] += later_us
            _move(event, ("id",), number * _APART)
            _move(event.get("args"), _IDS, number * _APART)
        first["traceEvents"] += other["traceEvents"]
    found: dict[str, Any] = first
    return found


def _move(holder: object, names: tuple[str, ...], by: int) -> None:
    """Add to the ids of these names; what is no id (0, none, text) stays."""
    if isinstance(holder, dict):
        for name in names:
            if isinstance(holder.get(name), int) and holder[name] > 0:
                holder[name] += by
