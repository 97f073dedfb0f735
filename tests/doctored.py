"""Captures that contradict themselves, each made of one that ships by a change that a reader of its numbers would not see."""

import gzip
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from launchlens.traces.captures.capture import read_capture, write_timings
from launchlens.traces.captures.marks import MANIFEST
from launchlens.traces.captures.recorded import FOLDER

BASE, ELSEWHERE = FOLDER / "small-copies-50-h100", FOLDER / "small-copies-50-h200"
TRACES = {regime: f"torch/{regime}.pt.trace.json.gz" for regime in ("eager", "graph")}
Event = dict[str, Any]
BASELINE, OTHER = "copy_", "foreach"


@cache
def _text(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def _packed(text: bytes) -> bytes:
    return gzip.compress(text, 1, mtime=0)


@cache
def _as_it_is(path: Path) -> bytes:
    return _packed(_text(path))


@cache
def _timings(path: Path) -> pd.DataFrame:
    return read_capture(path).timings


class Doctored:
    """The parts of a capture, to be changed: its timings, its manifest, and the events of its traces."""

    def __init__(self) -> None:
        self.timings: pd.DataFrame = _timings(BASE).copy()
        self.manifest: dict[str, Any] = json.loads((BASE / MANIFEST).read_text())
        self._traces: dict[str, dict[str, Any]] = {}

    def trace(self, regime: str) -> dict[str, Any]:
        """The document of a regime's trace."""
        if regime not in self._traces:
            self._traces[regime] = msgspec.json.decode(_text(BASE / TRACES[regime]))
        return self._traces[regime]

    def change_events(self, keep: Callable[[Event], list[Event]], *regimes: str) -> None:
        """Put what `keep` makes of each event in its place."""
        for regime in regimes or TRACES:
            document = self.trace(regime)
            document["traceEvents"] = [made for event in document["traceEvents"] for made in keep(event)]

    def rows(self, variant: str, regime: str = "eager", control: bool = False) -> "pd.Series[bool]":
        """The blocks of a side."""
        of = self.timings
        return (of["variant"] == variant) & (of["regime"] == regime) & (of["control"] == control)

    def stretch(self, rows: Any, factor: Any) -> None:
        """Let blocks take so many times as long, and all that follow begin so much later: nothing overlaps."""
        before = self.timings["wall_ns"].copy()
        for name in ("host_ns", "wall_ns", "device_ns"):
            self.timings.loc[rows, name] = (self.timings.loc[rows, name] * factor).round().astype("int64")
        later = (self.timings["wall_ns"] - before).cumsum().shift(fill_value=0)
        self.timings["start_ns"] += later

    def write(self, folder: Path) -> Path:
        """Write the capture into an empty folder, and return that."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).write_text(json.dumps(self.manifest))
        write_timings(folder, self.timings)
        for regime, name in TRACES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            changed = self._traces.get(regime)
            packed = _as_it_is(BASE / name) if changed is None else _packed(msgspec.json.encode(changed))
            (folder / name).write_bytes(packed)
        return folder


def is_gpu(event: Event) -> bool:
    """Whether an event is work on the GPU."""
    return event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")


def kernels_dropped(made: Doctored) -> None:
    generator = np.random.default_rng(1)
    made.change_events(lambda event: [] if event.get("cat") == "kernel" and generator.random() < 0.3 else [event])


def iterations_gone(made: Doctored) -> None:
    """A third of copy_'s iterations missing from each block: their calls, their ops and their work."""
    document = made.trace("eager")
    events = document["traceEvents"]
    blocks = [event for event in events if event.get("name") == "variant:copy_"]
    ends = [(block["ts"] + 2 * block["dur"] / 3, block["ts"] + block["dur"]) for block in blocks]
    gone = {
        event["args"]["correlation"]
        for event in events
        if event.get("name") == "cudaMemcpyAsync" and any(low < event["ts"] < high for low, high in ends)
    }
    document["traceEvents"] = [event for event in events if event.get("args", {}).get("correlation") not in gone]


def clock_fell(made: Doctored) -> None:
    made.timings.loc[made.timings["round"] >= 20, "sm_clock_mhz"] = 1200


def rounds_shuffled(made: Doctored) -> None:
    mine = made.rows(OTHER)
    made.timings.loc[mine, "round"] ^= 1  # neighbours change places: rounds far apart are told as a variant timed apart


def times_shuffled(made: Doctored) -> None:
    """Only the times of one variant, under their own rounds and start times: of a block that a hiccup made long, at least."""
    mine = made.rows("triton-per-tensor")
    times = ["host_ns", "wall_ns", "device_ns"]
    order = np.random.default_rng(2).permutation(int(mine.sum()))
    made.timings.loc[mine, times] = made.timings.loc[mine, times].to_numpy()[order]


def ten_minutes_later(made: Doctored) -> None:
    mine = made.rows(OTHER)
    made.timings.loc[mine, "start_ns"] = 2 * made.timings.loc[mine, "start_ns"] + 600_000_000_000
    for name in ("host_ns", "wall_ns", "device_ns"):
        made.timings.loc[mine, name] = (made.timings.loc[mine, name] * 1.5).round().astype("int64")


def timer_of_a_millisecond(made: Doctored) -> None:
    for name in ("host_ns", "wall_ns"):
        made.timings[name] = (made.timings[name] // 1_000_000 + 1) * 1_000_000
    made.timings["start_ns"] = made.timings["wall_ns"].cumsum() - made.timings["wall_ns"]


def one_block_long(made: Doctored) -> None:
    made.stretch(made.rows(BASELINE) & (made.timings["round"] == 7), 10)


def a_third_long(made: Doctored) -> None:
    made.stretch(made.rows(BASELINE) & (made.timings["round"] % 3 == 0), 20)


def rows_doubled(made: Doctored) -> None:
    made.timings = pd.concat([made.timings, made.timings[made.rows(OTHER)]], ignore_index=True)


def rounds_under_new_numbers(made: Doctored) -> None:
    again = made.timings.assign(round=made.timings["round"] + 40)
    again["start_ns"] += int(again["start_ns"].max() + again["wall_ns"].max())
    made.timings = pd.concat([made.timings, again], ignore_index=True)
    made.manifest["timing"]["rounds"] = 80


def records_doubled(made: Doctored) -> None:
    made.change_events(lambda event: [event, dict(event)] if event.get("cat") == "kernel" else [event])


def rows_of_another_machine(made: Doctored) -> None:
    other = read_capture(ELSEWHERE).timings
    theirs = other[(other["variant"] == OTHER) & (other["regime"] == "eager")]
    made.timings = pd.concat([made.timings[~made.rows(OTHER)], theirs], ignore_index=True)


def rounds_of_another_machine(made: Doctored) -> None:
    """The second half of the rounds, its start times moved behind the first half's."""
    other = read_capture(ELSEWHERE).timings
    theirs, ours = other[other["round"] >= 20].copy(), made.timings[made.timings["round"] < 20]
    theirs["start_ns"] += int((ours["start_ns"] + ours["wall_ns"]).max() - theirs["start_ns"].min()) + 20_000
    made.timings = pd.concat([ours, theirs], ignore_index=True)


def manifest_of_another_gpu(made: Doctored) -> None:
    made.manifest["environment"]["gpu"] = "NVIDIA H200"


def throttled(made: Doctored) -> None:
    made.stretch(slice(None), np.linspace(1, 3, len(made.timings)))


def device_five_times(made: Doctored) -> None:
    mine = made.rows(OTHER, "graph")
    made.timings.loc[mine, "device_ns"] = 5 * made.timings.loc[mine, "wall_ns"]


def host_twice(made: Doctored) -> None:
    mine = made.rows(BASELINE, "graph")
    made.timings.loc[mine, "host_ns"] = 2 * made.timings.loc[mine, "wall_ns"]


def iterations_said_otherwise(made: Doctored) -> None:
    made.timings.loc[made.rows(OTHER) | made.rows(OTHER, "graph"), "iterations"] *= 10


def _gpu_clock(made: Doctored, late_us: float) -> None:
    made.change_events(lambda event: [event | {"ts": event["ts"] + late_us}] if is_gpu(event) else [event])


def gpu_clock_late(made: Doctored) -> None:
    _gpu_clock(made, 1000)


def gpu_clock_early(made: Doctored) -> None:
    _gpu_clock(made, -200)


def no_durations(made: Doctored) -> None:
    made.change_events(lambda event: [event | {"dur": 0}] if is_gpu(event) else [event])


def durations_doubled(made: Doctored) -> None:
    made.change_events(lambda event: [event | {"dur": 2 * event["dur"]}] if is_gpu(event) else [event])


def eager_durations_doubled(made: Doctored) -> None:
    made.change_events(lambda event: [event | {"dur": 2 * event["dur"]}] if is_gpu(event) else [event], "eager")


def half_the_rounds(made: Doctored) -> None:
    made.timings = made.timings[~(made.rows(OTHER) & (made.timings["round"] % 2 == 1))].reset_index(drop=True)


def _swapped(made: Doctored, one: str, other: str) -> None:
    names = {f"{kind}:{a}": f"{kind}:{b}" for kind in ("variant", "iteration") for a, b in ((one, other), (other, one))}
    made.change_events(lambda event: [event | {"name": names.get(event.get("name", ""), event.get("name", ""))}])


def names_swapped(made: Doctored) -> None:
    _swapped(made, BASELINE, OTHER)


def like_names_swapped(made: Doctored) -> None:
    """Of two variants that make as many launches and take about as long: no figure tells."""
    _swapped(made, BASELINE, "triton-per-tensor")


def paused(made: Doctored) -> None:
    made.timings.loc[made.timings["round"] >= 12, "start_ns"] += 45_000_000_000


def rounds_lost(made: Doctored) -> None:
    made.timings = made.timings[made.timings["round"] < 33].reset_index(drop=True)


def one_block_has_more(made: Doctored) -> None:
    """Three copies more in one block of copy_, with their work."""
    events = made.trace("eager")["traceEvents"]
    block = [event for event in events if event.get("name") == "variant:copy_"][4]
    call = next(
        event
        for event in events
        if event.get("name") == "cudaMemcpyAsync" and 0 < event["ts"] - block["ts"] < block["dur"]
    )
    work = next(
        event for event in events if is_gpu(event) and event["args"]["correlation"] == call["args"]["correlation"]
    )
    for number in range(10_000_000, 10_000_003):
        events += [event | {"args": event["args"] | {"correlation": number}, "dur": 0.001} for event in (call, work)]


def quick_beyond_the_device(made: Doctored) -> None:
    made.stretch(made.rows(BASELINE, "graph"), 0.5)


def slow_beyond_the_recorder(made: Doctored) -> None:
    made.stretch(made.rows(BASELINE), 8)
