"""Export: a capture or a trace as one Perfetto protobuf trace, with launchlens' own tracks on top.

Each trace is one group of tracks, starting at its own zero (its first event): the eager and the graph run of a capture
lie one above the other, so that they can be compared by eye; they did not run at the same time. In a group, from the
top: of a trace that is no capture's what `analyze` names of it (`launchlens.traces.perfetto.marks`), the account's host and device lanes, launches in flight and queued, then what the trace itself holds: per host
thread ranges, framework ops, API calls and the recorder's overhead, per GPU its streams. Events of one track that
overlap without nesting go onto further tracks, which Perfetto draws as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pandas as pd

from launchlens.traces.captures.capture import Capture, TraceRecord, read_capture
from launchlens.traces.documents.export import ExportDocument
from launchlens.traces.documents.problem import problem_rows
from launchlens.traces.files import writing
from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.nesting import sweep
from launchlens.traces.perfetto.layers import Counter, Layer
from launchlens.traces.perfetto.tracks import Flows, flows, layers
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.source import CaptureFolder, SeveralTraces, Source, as_one, open_trace, source_of
from launchlens.traces.trace import Progress, Trace

if TYPE_CHECKING:
    from launchlens.traces.perfetto.writer import Argument, PacketWriter


class PerfettoMissing(InputError):
    """The package that builds Perfetto's traces is not installed."""


#: Columns of the event table that a slice shows as arguments, where they are not null.
ARGUMENTS = ("bytes", "copy_kind", "correlation", "graph", "graph_node", "layer", "channel")


@dataclass(frozen=True)
class ExportedTrace:
    """One trace of an export. `name` is its own, `label` what its group of tracks is called.

    `blocks`: it is a capture's, and accounted for within its `variant:` ranges; else as a whole. `zero_ns` is the moment of its clock that is
    time 0, where it shares that with others; else it is its first event.
    """

    label: str
    name: str
    trace: Trace
    blocks: bool
    zero_ns: int | None = None


@dataclass(frozen=True)
class Exported:
    """What was written. `counters` are values of counters; `flows_left_out` would have pointed back in time.

    `problems` are those of each trace, by its name.
    """

    bytes: int
    slices: int
    flows: int
    counters: int
    flows_left_out: int
    problems: dict[str, Problems]

    def as_document(self, path: Path) -> ExportDocument:
        """As `export --json` prints it, of a trace written to `path`."""
        return ExportDocument(
            path=str(path),
            bytes=self.bytes,
            slices=self.slices,
            flows=self.flows,
            counters=self.counters,
            flows_left_out=self.flows_left_out,
            problems={trace: problem_rows(problems) for trace, problems in self.problems.items()},
        )


def export(source: Path, output: Path, progress: Progress | None = None) -> Exported:
    """Write `source`, a capture or a trace, to `output`: whole, or not at all.

    Raises InputError when the source can't be used or the perfetto package is missing, OSError when the output can't
    be written.
    """
    made = parts(source_of(source), progress)
    with writing(output) as path, open(path, "wb") as file:
        return write(file, made)


def parts(source: Source, progress: Progress | None = None, regime: str | None = None) -> Iterator[ExportedTrace]:
    """The traces of a capture, of one `regime` where it is named, of the ranks of a job, or a trace; each read when it is asked for."""
    if isinstance(source, SeveralTraces):
        yield from of_ranks(source.path, progress)
        return
    if not isinstance(source, CaptureFolder):
        yield part_of(as_one(source).read(progress=progress))
        return
    capture = read_capture(source.path)
    for record in recorded_traces(capture, regime):
        trace = open_trace(capture.trace_path(record), progress=progress)
        yield ExportedTrace(f"{record.regime} ({record.collector})", record.path, trace, True)


def part_of(trace: Trace) -> ExportedTrace:
    """A trace that is no capture's, as the one part of an export."""
    return ExportedTrace(trace.path.name, trace.path.name, trace, False)


def of_ranks(path: Path, progress: Progress | None = None) -> Iterator[ExportedTrace]:
    """The ranks of a job, a part each, on one clock as far as collectives align theirs."""
    from launchlens.traces.fleet.processes import by_process
    from launchlens.traces.fleet.read import read_fleet

    fleet = read_fleet([path])
    for place in fleet.on_one_clock():
        joined = by_process(join(open_trace(place.path, progress=progress)))
        mine = next(each.joined.trace for each in joined if each.process == place.process)
        name = place.path.name if place.process is None else f"{place.path.name}, process {place.process}"
        yield ExportedTrace(f"rank {place.rank}: {name}", name, mine, False, place.zero_ns)


def recorded_traces(capture: Capture, regime: str | None = None) -> list[TraceRecord]:
    """The traces that a capture holds, of one `regime` where it is named. Raises InputError when there are none."""
    recorded = [record for record in capture.manifest.traces if record.path]
    if not recorded:
        raise InputError(capture.path, "holds no traces", "record it again")
    chosen = [record for record in recorded if regime in (None, record.regime)]
    if not chosen:
        known = ", ".join(dict.fromkeys(record.regime for record in recorded))
        raise InputError(capture.path, f"holds no trace of regime {regime!r}", f"it holds {known}")
    return chosen


def write(file: IO[bytes], traces: Iterable[ExportedTrace]) -> Exported:
    """Write some traces to a binary file, packet by packet (about 100,000 slices a second).

    Raises PerfettoMissing without the perfetto package.
    """
    try:
        from launchlens.traces.perfetto.writer import PacketWriter
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("perfetto", "google"):
            raise
        raise PerfettoMissing(
            "--perfetto", "needs the perfetto package, which is not installed", "pip install 'launchlens[export]'"
        ) from None
    problems: dict[str, Problems] = {}
    left_out = 0
    writer = PacketWriter(file)
    for number, part in enumerate(traces, start=1):
        joined = join(part.trace)
        problems[part.name] = joined.problems
        left_out += _write(writer, f"{number}. {part.label}", joined, part)
    return Exported(file.tell(), writer.slices, writer.flows, writer.counter_values, left_out, problems)


def _write(writer: PacketWriter, group: str, joined: JoinedTrace, part: ExportedTrace) -> int:
    """Write one trace as a group of tracks; return how many flows had to be left out."""
    trace = joined.trace
    recorder = f"{trace.recorded_by} {trace.recorded_by_version or ''}".strip()
    first = (
        "the first event of this trace"
        if part.zero_ns is None
        else "the first event of all ranks, their clocks aligned"
    )
    writer.track((group,), says=f"Recorded by {recorder}. Time 0 is {first}.")
    if not len(trace.events):
        return 0
    zero = int(trace.events["start_ns"].min()) if part.zero_ns is None else part.zero_ns
    arrows = flows(trace.events, joined.launches)
    events = _Events(trace.events, arrows, first_flow=writer.flows + 1)
    for layer in layers(joined, of_capture=part.blocks):
        path = (group, *layer.path)
        if len(path) > 2 and not writer.knows(path[:-1]):
            writer.track(path[:-1])
        if isinstance(layer, Counter):
            _write_counter(writer, path, layer, zero)
        else:
            _write_slices(writer, path, layer, zero, events)
    return arrows.backwards


def _write_counter(writer: PacketWriter, path: tuple[str, ...], counter: Counter, zero: int) -> None:
    track = writer.track(path, says=counter.says, unit=counter.unit)
    if not len(counter.at_ns) or counter.at_ns[0] > zero:
        writer.count(track, 0, 0)  # without it the counter is unknown until its first change
    for at, value in zip(counter.at_ns.tolist(), counter.value.tolist(), strict=True):
        writer.count(track, at - zero, value)


def _write_slices(writer: PacketWriter, path: tuple[str, ...], layer: Layer, zero: int, events: _Events) -> None:
    start, end, name = layer.start_ns.tolist(), layer.end_ns.tolist(), layer.name.tolist()
    rows = None if layer.rows is None else layer.rows.tolist()
    tracks = [writer.track(path, says=layer.says)]
    for lane, index, begins in sweep(start, end):
        if lane == len(tracks):
            tracks.append(writer.track(path, overflow_of=tracks[0]))
        if not begins:
            writer.end(tracks[lane], end[index] - zero)
        elif rows is None:
            arguments = layer.arguments[index] if layer.arguments else {}
            writer.begin(tracks[lane], start[index] - zero, layer.names[name[index]], layer.category, arguments)
        else:
            row = rows[index]
            writer.begin(
                tracks[lane],
                start[index] - zero,
                layer.names[name[index]],
                events.kind[row],
                events.arguments(row),
                events.leaving(row),
                events.entering(row),
            )


class _Events:
    """What the slices of an event table carry: arguments and flow ids, looked up by position."""

    def __init__(self, events: pd.DataFrame, arrows: Flows, first_flow: int) -> None:
        self.kind: list[str] = events["kind"].astype(str).tolist()
        self._columns = [
            (name, column.astype(object).tolist(), column.notna().tolist())
            for name, column in ((name, events[name]) for name in ARGUMENTS)
            if column.notna().any()
        ]
        # a flow of its own per activity: Perfetto strings the slices that share one id together in order of time
        order = np.argsort(arrows.source, kind="stable")
        moments = np.arange(len(events) + 1)
        self._leaving = np.searchsorted(arrows.source[order], moments).tolist()
        self._first = first_flow
        self._entering = np.zeros(len(events), np.int64)
        self._entering[arrows.target[order]] = first_flow + np.arange(len(order))

    def arguments(self, row: int) -> dict[str, Argument]:
        """The arguments of an event by name."""
        return {name: values[row] for name, values, known in self._columns if known[row]}

    def leaving(self, row: int) -> range:
        """Ids of the flows from an event to the work it caused."""
        return range(self._first + self._leaving[row], self._first + self._leaving[row + 1])

    def entering(self, row: int) -> tuple[int, ...]:
        """Id of the flow to an event from its launch, if it has one."""
        flow = int(self._entering[row])
        return (flow,) if flow else ()
