"""`launchlens.Trace`: one trace, whoever recorded it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from launchlens.commands.library.found import Found
from launchlens.commands.library.frames import frame_of
from launchlens.traces.analyses import catalogue
from launchlens.traces.analysis import Analysis, analyze, as_document
from launchlens.traces.problems import InputError
from launchlens.traces.source import as_one, source_of
from launchlens.traces.tables import accounts, of_trace
from launchlens.traces.tables.problems import problems as problems_table
from launchlens.traces.tables.table import Table
from launchlens.traces.tables.table import table as made_table
from launchlens.traces.windows import of_range

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from launchlens.reports.blocks import Page
    from launchlens.traces.documents.advice import Verdict
    from launchlens.traces.documents.analysis import AnalysisDocument


class Trace(Found):
    """One trace, or the instances of a range in it, and every table that `launchlens analyze` makes of it.

    Tables are pandas frames; a table that the trace holds nothing of has its columns, no rows, and in `attrs["absent"]` why. Nothing
    is worked out before it is asked for, and each thing once.
    """

    def __init__(self, path: Path, analysis: Analysis) -> None:
        self.path = path
        self._analysis = analysis
        self._answered: dict[tuple[str, bool], tuple[Table, str]] = {}

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        range: str | None = None,
        thread: str | None = None,
        steps: str | None = None,
        partial: bool = False,
    ) -> Trace:
        """Read a trace: Kineto JSON, an Nsight Systems export or report, a CUPTI recording.

        `range` is the name of a range, or a pattern such as `"ProfilerStep*"`, to which everything is confined; `thread` the id of the
        thread to account for instead of its process; `steps` a pattern of ranges that are the steps. `partial` keeps the whole events
        of a JSON trace that breaks off. Raises InputError, with one line, for what is no trace, can't be used, or lacks what is named.
        """
        trace = as_one(source_of(Path(path))).read(partial=partial)
        return cls(Path(path), analyze(trace, range_name=range, thread=thread, steps=steps))

    def within(self, range: str) -> Trace:
        """The same trace, confined to the instances of a range, or of all that fit a pattern.

        Host events belong to it by their start, GPU work by its launch. Raises InputError where no range is called so.
        """
        whole = self._analysis
        only = None if whole.slice is None or whole.slice.thread is None else (whole.slice.process, whole.slice.thread)
        return Trace(self.path, replace(whole, slice=of_range(whole.joined, range, only), of_range=True))

    @property
    def events(self) -> pd.DataFrame:
        """The event table, a row an event, of the whole trace, as docs/formats/events.md says of each column.

        `start_ns` and `dur_ns` are whole ns on the recorder's clock. It is the trace's own: change a copy.
        """
        return self._analysis.joined.events

    @property
    def recorded_by(self) -> str:
        """The recorder: `kineto`, `nsys`, `cupti` or `light`."""
        return self._analysis.joined.trace.recorded_by

    @property
    def devices(self) -> dict[int, str]:
        """GPUs by number, with their names where the file gives them."""
        return dict(self._analysis.joined.trace.devices)

    def kernels(self) -> pd.DataFrame:
        """Kernels by name: how many, their GPU time (`total_ns`), its share of all kernels', shortest to longest."""
        return self._answer("kernels")

    def operators(self, by_shape: bool = False) -> pd.DataFrame:
        """Framework ops by name: host time and GPU time, with and without what is nested in them; `by_shape`: by inputs' shapes as well."""
        return self._answer("operators", by_shape)

    def range_paths(self) -> pd.DataFrame:
        """Ranges by the path of ranges that they lie in: host time, launches and GPU time of their work."""
        return self._answer("range_paths")

    def modules(self) -> pd.DataFrame:
        """Modules (`nn.Module`) by path, where the profiler recorded them: host and GPU time."""
        return self._answer("modules")

    def steps(self) -> pd.DataFrame:
        """A row a step: how long it takes, how busy the GPU is in it, launches."""
        return self._answer("steps")

    def steps_idle(self) -> pd.DataFrame:
        """What the GPU was idle for in each step, ns."""
        return self._answer("steps_idle")

    def steps_devices(self) -> pd.DataFrame:
        """Each step on each device."""
        return self._answer("steps_devices")

    def idle(self) -> pd.DataFrame:
        """A row a gap of the GPU: when, how long, what it waited for."""
        return self._answer("idle")

    def idle_causes(self) -> pd.DataFrame:
        """What the GPU was idle for: how many gaps, how long in all, as a share of the idle time."""
        return self._answer("idle_causes")

    def syncs(self) -> pd.DataFrame:
        """Calls that wait for the GPU: how many, how long, in which range and op."""
        return self._answer("syncs")

    def communication(self) -> pd.DataFrame:
        """Collectives by kind and group: time, bytes, GB/s, and how much of them nothing overlaps."""
        return self._answer("communication")

    def copies(self) -> pd.DataFrame:
        """Copies by direction, kind of memory and size: time, bytes, GB/s."""
        return self._answer("copies")

    def streams(self) -> pd.DataFrame:
        """Streams of each device: work, busy time."""
        return self._answer("streams")

    def concurrency(self) -> pd.DataFrame:
        """How long how many streams ran at once."""
        return self._answer("concurrency")

    def graphs(self) -> pd.DataFrame:
        """CUDA graphs: replays, what they hold, how long one takes."""
        return self._answer("graphs")

    def latency(self) -> pd.DataFrame:
        """From a launch to the start of its work, by API call."""
        return self._answer("latency")

    def launch_queue(self) -> pd.DataFrame:
        """How far the host ran ahead of the GPU: launches in flight."""
        return self._answer("launch_queue")

    def memory(self) -> pd.DataFrame:
        """Memory got and given back, where the profiler recorded it, bytes."""
        return self._answer("memory")

    def overhead(self) -> pd.DataFrame:
        """What the profiler itself took, where it says so."""
        return self._answer("overhead")

    def totals(self) -> pd.DataFrame:
        """GPU work by kind and launches by what they submit: how many, ns, bytes; of the whole trace."""
        return frame_of(of_trace.totals(self._plain))

    def ranges(self) -> pd.DataFrame:
        """Ranges by name, of the whole trace: host time, launches, GPU time of their work."""
        return frame_of(of_trace.ranges(self._plain))

    def launch_costs(self) -> pd.DataFrame:
        """API calls that launch, by what they caused: time in the call, in the queue and on the GPU, medians in ns."""
        return frame_of(of_trace.launch_cost(self._plain))

    def account(self, range: str | None = None) -> pd.DataFrame:
        """The time account: `host` by `device` state, `ns` in each cell, which sum to the window; of the first device.

        With `range` that of the instances of a range. Without rows where nothing launches anything. Raises InputError where no range
        is called so.
        """
        found = self._plain if range is None else self.within(range)._plain
        if found.account is None:
            columns = (accounts.HOST, accounts.DEVICE, accounts.NS)
            return frame_of(made_table("account", "time account", columns, []), "no thread launches anything")
        return frame_of(accounts.cells(found.account))

    def verdict(self) -> Verdict:
        """What limits the program: `bound_by`, the `shares` of the time that this rests on, and a `sentence`."""
        return self._plain.verdict

    def bounds(self) -> pd.DataFrame:
        """What the verdict rests on: a row a thing that may limit the program, its `share` of the time, whether it `limits`."""
        found = self._plain.verdict
        rows = [[name, share, name == found.bound_by] for name, share in (found.shares or {}).items()]
        table = made_table("bounds", "What limits the program", of_trace.BOUNDS, rows, order="by share")
        return frame_of(table, "" if rows else "nothing was launched")

    def advice(self) -> pd.DataFrame:
        """Changes that would save time, what saves most first, with bounds on what a step would save, ns and as a share."""
        return frame_of(of_trace.advice(self._plain))

    def problems(self) -> pd.DataFrame:
        """What could not be used of the trace, or should be known of it: a row a kind, with how often and what it means."""
        return frame_of(problems_table({str(self.path): self._analysis.problems}))

    def document(self) -> AnalysisDocument:
        """Everything, typed, as `analyze --json` prints it (docs/formats/analysis.md)."""
        return as_document(self._analysis, self._analysis.answers())

    @property
    def figures(self) -> list[str]:
        """The names that `figure` takes."""
        return ["timeline", "account"]

    def figure(self, name: Literal["timeline", "account"] = "timeline", *, step: str | int | None = None) -> go.Figure:
        """A plotly figure: the `timeline` of a step, or the `account` as bars.

        `step` names one, by its name, the number at its end, or its place from 1 on; the median one without. Raises InputError for a
        step that there is not, and for a figure that is none or of nothing.
        """
        from launchlens.reports.figures.step_strips import step_strips
        from launchlens.reports.figures.strips import bars_figure, strips_figure
        from launchlens.reports.pages.trace import account_bars

        if name == "timeline":
            found = self._analysis.timelines(None if step is None else str(step))
            if not found:
                raise InputError(self.path, "holds nothing to draw a timeline of")
            return strips_figure(step_strips("timeline", found[0], _nowhere, _nowhere)).figure
        if name == "account":
            account = self._plain.account
            if account is None or not account.window_ns:
                raise InputError(self.path, "has no account to draw", "name a range or a thread")
            return bars_figure("account", list(account_bars(account)), account.window_ns).figure
        raise InputError(self.path, f"has no figure {name!r}", f"there are {', '.join(self.figures)}")

    def table(self, name: str) -> pd.DataFrame:
        """The table of this name as a frame: an analysis (docs/analyses.md), `totals`, `ranges`, `launch_cost`, `advice`, `advice_rows`, `account`.

        Columns say their units, as those of every object. Raises InputError for a name that is none.
        """
        if name in {each.name for each in catalogue.CATALOGUE}:
            return self._answer(name)
        return super().table(name)

    @cached_property
    def _plain(self) -> AnalysisDocument:
        """The document without the tables of analyses."""
        return as_document(self._analysis)

    def _answer(self, name: str, by_shape: bool = False) -> pd.DataFrame:
        key = (name, by_shape)
        if key not in self._answered:
            answers = self._analysis.answers([name], by_shape=by_shape)
            (question,) = catalogue.questions([name])
            nothing = made_table(name, question.title, question.columns, [])
            self._answered[key] = answers.tables.get(name, nothing), answers.lacking.get(name, "")
        return frame_of(*self._answered[key])

    def _answers(self) -> list[Table]:
        """The tables of analyses that have rows."""
        for each in catalogue.CATALOGUE:
            self._answer(each.name)
        answered = [self._answered[each.name, False][0] for each in catalogue.CATALOGUE]
        return [each for each in answered if len(each)]

    def _made(self) -> Mapping[str, Table]:
        from launchlens.reports.pages.trace import tables

        return {each.name: each for each in tables(self._plain, self._answers())}

    def _page(self) -> Page:
        from launchlens.reports.pages.trace import page

        return page(self.document(), self._answers(), self._analysis.timelines())

    def _said(self) -> list[str]:
        joined = self._analysis.joined
        on = ", ".join(dict.fromkeys(self.devices.values()))
        return [
            f"{len(joined.events):,} events, recorded by {self.recorded_by}{f', {on}' if on else ''}",
            self.verdict().sentence,
        ]


def _nowhere(*_: Any) -> str:
    """A figure in a notebook leads nowhere."""
    return ""
