"""What the light recorder makes of a block: where its time went by host state, and how many events each state saw.

Worked out in the recorded process, block by block: an account is six numbers, its events would be thousands. The events of the
first rounds are kept as well, as a trace to look at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import sleep

import numpy as np
import numpy.typing as npt

from launchlens.profiling.collectors.light.recorder import Events, LightRecorder, is_call
from launchlens.traces.captures.light import STATES
from launchlens.traces.intervals import innermost
from launchlens.traces.launches.apis import submits, waits

Row = dict[str, object]
#: Rounds of which every event is kept, not only the accounts.
KEPT_ROUNDS = 2
#: Events for which room is made before the first block of an entry; later blocks know better.
_FIRST_ROOM = 1 << 15


@dataclass
class KeptEvents:
    """Events of some blocks, ns on CLOCK_MONOTONIC, and the block's window: what the trace of a regime is made of."""

    regime: str
    variant: str
    window: tuple[int, int]
    start_ns: npt.NDArray[np.int64]
    end_ns: npt.NDArray[np.int64]
    what: npt.NDArray[np.int64]
    thread: npt.NDArray[np.uint64]


@dataclass
class LightBlocks:
    """Switches the recorder on for a block and takes its account afterwards. `rows` are of `ACCOUNT_COLUMNS`."""

    recorder: LightRecorder
    rows: list[Row] = field(default_factory=list)
    kept: list[KeptEvents] = field(default_factory=list)
    dropped: int = 0
    ns_per_tick: float = 1.0
    _origin: tuple[int, int] = (0, 0)
    _room: dict[tuple[object, ...], int] = field(default_factory=dict)

    def set_clock(self, seconds: float = 0.3) -> None:
        """Find the rate of the recorder's clock against CLOCK_MONOTONIC."""
        first = self.recorder.clocks()
        sleep(seconds)
        last = self.recorder.clocks()
        self.ns_per_tick = (last[1] - first[1]) / (last[0] - first[0])
        self._origin = last

    def inside_ns(self, count: int = 20_000) -> float:
        """How far the two moments of an event lie apart when nothing happens between them, ns: the median of many."""
        self.recorder.take()
        self.recorder.record_nothing(count)
        events = self.recorder.take()
        return float(np.median(events.end - events.start)) * self.ns_per_tick

    def begin(self, *key: object) -> None:
        """Switch on, with room for as many events as the last such block had."""
        self.recorder.make_room(self._room.get(key, _FIRST_ROOM))
        self.recorder.on()

    def end(self, row: Row, window: tuple[int, int], *key: object) -> None:
        """Switch off and take the account of the block, whose window is in ticks. `row` says which block it is."""
        self.recorder.off()
        events = self.recorder.take()
        self._room[key] = max(self._room.get(key, _FIRST_ROOM), len(events.start) + len(events.start) // 4)
        if events.dropped or self.recorder.not_wrapped():
            # what was not seen would be called Python: such a block has no account, and its side is not explained
            self.dropped += events.dropped
            return
        inside = (events.start >= window[0]) & (events.end <= window[1])
        cells, count, parents, calls = self._account(events, inside, window)
        for state, name in enumerate(STATES):
            self.rows.append(
                row
                | {
                    "state": name,
                    "ns": round(float(cells[state]) * self.ns_per_tick),
                    "events": int(count[state]),
                    "holds": int(parents[state]),
                    "calls_held": int(calls[state]),
                }
            )
        if isinstance(row["round"], int) and row["round"] < KEPT_ROUNDS and not row["control"]:
            self.kept.append(
                KeptEvents(
                    str(row["regime"]), str(row["variant"]), (self._ns(window[0]), self._ns(window[1])),
                    self._all_ns(events.start[inside]), self._all_ns(events.end[inside]), events.what[inside],
                    events.thread[inside],
                )
            )  # fmt: skip

    def _account(self, events: Events, inside: npt.NDArray[np.bool_], window: tuple[int, int]) -> tuple[
        npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]
    ]:  # fmt: skip
        """Ticks by state; events by state; events by the state that they began in, which pays for what they cost outside; and
        how many of these are calls."""
        state_of = np.array([_state(name) for name in self.recorder.names] or [0], np.int64)
        mine = inside & (events.thread == np.uint64(self.recorder.main_thread))
        start, end = (each[mine].astype(np.int64) for each in (events.start, events.end))
        state = state_of[events.what[mine]] if mine.any() else np.empty(0, np.int64)
        python = STATES.index("python")
        edges, owner = innermost(start, end, rank=state)
        held = np.where(owner >= 0, state[np.maximum(owner, 0)], python) if len(owner) else np.empty(0, np.int64)
        cells = np.zeros(len(STATES))
        np.add.at(cells, held, np.diff(edges))
        cells[python] += (window[1] - window[0]) - cells.sum()
        # what was open just before an event began holds it
        segment = np.searchsorted(edges, start, side="left") - 1
        before = np.where(segment >= 0, held[np.maximum(segment, 0)], python) if len(held) else np.empty(0, np.int64)
        size = len(STATES)
        calls = before[state != STATES.index("dispatch")]
        return (
            cells,
            np.bincount(state, minlength=size),
            np.bincount(before, minlength=size),
            np.bincount(calls, minlength=size),
        )

    def _ns(self, tick: int) -> int:
        return self._origin[1] + round((tick - self._origin[0]) * self.ns_per_tick)

    def _all_ns(self, ticks: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        since = (ticks.astype(np.int64) - self._origin[0]) * self.ns_per_tick
        moments: npt.NDArray[np.int64] = np.rint(since).astype(np.int64) + self._origin[1]
        return moments


def _state(name: str) -> int:
    if not is_call(name):
        return STATES.index("dispatch")
    return STATES.index("launch" if submits(name) else "sync" if waits(name) else "api")
