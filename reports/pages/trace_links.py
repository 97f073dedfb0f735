"""What leads where on the page of a trace: figures of the verdict to rows, rows to the timeline, boxes of the timeline to rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from launchlens.reports.blocks import MOST_ROWS, Reference, Shown, row_anchor
from launchlens.reports.figures.step_strips import unversioned
from launchlens.traces.analyses.kernel_names import told_apart
from launchlens.traces.documents.analysis import AnalysisDocument
from launchlens.traces.step_timelines import StepTimeline, TimelineLane
from launchlens.traces.steps.pieces import Piece
from launchlens.traces.tables.table import Table

#: The table that a verdict rests on, where that is not one of causes.
_RESTS_ON = {"communication": "communication", "copies": "copies", "gpu": "kernels"}
_PERCENT = re.compile(r"\d+ %")
_OF_DEVICE = re.compile(r"(\d+ %) of device (\w+)'s time")
_SAVES = re.compile(r"that would save (\d+ to \d+ %) of an? [a-z ]+ \(")


def step_anchor(number: int) -> str:
    """What the timeline of a step is called on the page."""
    return f"step-{number}"


def named_apart(table: Table) -> Table:
    """The table of kernels with short names of which none stands twice; any other as it is."""
    if table.name != "kernels":
        return table
    return table.with_cells("short_name", told_apart(table.cells("name")))


def _gap(lane: TimelineLane, piece: Piece) -> str:
    """What the box of a gap is called."""
    return f"gap-{lane.number}-{piece.row + 1}"


@dataclass(frozen=True)
class Links:
    """The rows that a page shows of some tables, and the boxes of its timelines, each findable by what it is about."""

    tables: Mapping[str, Table]
    timelines: Sequence[StepTimeline]
    _taken: set[str] = field(default_factory=set, repr=False)

    def row(self, table: str, **values: Any) -> str:
        """The first row of a table with these values, empty where none is shown."""
        found = self._rows(table, *values).get(tuple(values.values()))
        return "" if found is None else row_anchor(table, found)

    def _rows(self, table: str, *columns: str) -> Mapping[tuple[Any, ...], int]:
        key = (table, *columns)
        if key not in self._found:
            shown = self.tables.get(table)
            first: dict[tuple[Any, ...], int] = {}
            if shown is not None and all(column in shown for column in columns):
                cells = (shown.cells(column, MOST_ROWS) for column in columns)
                for at, values in enumerate(zip(*cells, strict=True)):
                    first.setdefault(values, at)
            self._found[key] = first
        return self._found[key]

    @cached_property
    def _found(self) -> dict[tuple[str, ...], Mapping[tuple[Any, ...], int]]:
        return {}

    @cached_property
    def kernel_names(self) -> Mapping[str, str]:
        """What kernels are called for short, by their names."""
        if "kernels" not in self.tables:
            return {}
        kernels = named_apart(self.tables["kernels"])
        return dict(zip(kernels.cells("name"), kernels.cells("short_name"), strict=True))

    # -- from the timeline to rows, and what boxes are called

    def of_piece(self, lane: TimelineLane, piece: Piece) -> str:
        """The row that a piece of a timeline is in."""
        match lane.kind:
            case "gaps":
                device = str(lane.number)
                listed = self.row("idle", start_ns=piece.at_ns, device=device) if piece.count == 1 else ""
                return listed or self._of_cause(piece.what, device)
            case "stream":
                return self._of_work(piece)
            case "advice":
                return self._of_advice(lane.number, piece.name)
            case "ranges":
                return self.row("ranges", name=piece.name) or self.row("range_paths", name=piece.name)
            case "thread":
                return self._of_call(piece)

    def _of_cause(self, cause: str, device: str) -> str:
        """The row of a cause, of this device where each has its own."""
        return self.row("idle_causes", cause=cause, device=device) or self.row("idle_causes", cause=cause)

    def _of_work(self, piece: Piece) -> str:
        if piece.what == "memcpy":
            return self.row("copies", kind=piece.around)
        return self.row("kernels", name=piece.name)

    def _of_call(self, piece: Piece) -> str:
        op = piece.around or None
        if piece.what == "dispatch":
            return self.row("operators", name=piece.name) or self.row("operators", name=op)
        call = unversioned(piece.name)
        if piece.what == "sync":
            return self.row("syncs", api=piece.name, op=op) or self.row("syncs", api=call, op=op)
        return self.row("launch_cost", api=call) if piece.what == "launch" else ""

    def _of_advice(self, number: int, name: str) -> str:
        """The row of one of the events that a piece of advice rests on, else the advice's first."""
        if number > len(self.codes):
            return ""
        code = self.codes[number - 1]
        return self.row("advice_rows", code=code, name=name) or self.row("advice_rows", code=code)

    @cached_property
    def codes(self) -> list[str]:
        """The codes of the advice in its order: each stands once."""
        rows = self.tables.get("advice_rows")
        return [] if rows is None else list(dict.fromkeys(rows.cells("code")))

    def anchor(self, lane: TimelineLane, piece: Piece) -> str:
        """What the box of a piece is called, empty where no row leads to it or another box is called so."""
        name = self._name(lane, piece)
        if not name or name in self._taken:
            return ""
        self._taken.add(name)
        return name

    def _name(self, lane: TimelineLane, piece: Piece) -> str:
        match lane.kind:
            case "gaps" if piece.count == 1 and piece.row >= 0:
                return _gap(lane, piece)
            case "stream" if (piece.at_ns, piece.row) in self._longest_work:
                return f"work-{piece.row + 1}"
            case "advice":
                return f"advice-{lane.number}"
        return ""

    @cached_property
    def _longest_work(self) -> dict[tuple[int, int], str]:
        """Of each kernel the longest instance that has a box of its own, in the first timeline that has one."""
        found: dict[str, Piece] = {}
        for timeline in self.timelines:
            here: dict[str, Piece] = {}
            for piece in self._pieces(timeline, "stream"):
                if piece.count == 1 and (piece.name not in here or piece.length_ns > here[piece.name].length_ns):
                    here[piece.name] = piece
            found = here | found
        return {(piece.at_ns, piece.row): name for name, piece in found.items()}

    @staticmethod
    def _pieces(timeline: StepTimeline, kind: str) -> list[Piece]:
        return [piece for lane in timeline.lanes if lane.kind == kind for piece in lane.pieces]

    # -- from rows to the timeline, and to each other

    def shown(self, table: Table) -> Shown:
        """A table whose rows can be linked to, and lead where they lie in the timeline."""
        leads: dict[str, list[str]] = {}
        match table.name:
            case "idle":
                leads["at_ns"] = [
                    self._gaps.get((start, device)) or self._steps.get(step, "")
                    for start, device, step in zip(
                        *(table.cells(name) for name in ("start_ns", "device", "step")), strict=True
                    )
                ]
                leads["cause"] = [
                    self._of_cause(cause, device)
                    for cause, device in zip(table.cells("cause"), table.cells("device"), strict=True)
                ]
            case "idle_causes":
                leads["cause"] = [
                    self.row("idle", cause=cause, device=device) if device else self.row("idle", cause=cause)
                    for cause, device in zip(table.cells("cause"), table.cells("device"), strict=True)
                ]
            case "kernels":
                drawn = {name: f"work-{row + 1}" for (_, row), name in self._longest_work.items()}
                leads["short_name"] = [drawn.get(name, "") for name in table.cells("name")]
            case "steps":
                leads["name"] = [self._step_at.get(start, "") for start in table.cells("start_ns")]
            case "advice_rows":
                leads["code"] = [
                    f"advice-{number}" if (number := self.codes.index(code) + 1) in self._advised else ""
                    for code in table.cells("code")
                ]
                leads["name"] = [self._named(name) for name in table.cells("name")]
        return Shown(named_apart(table), anchored=True, leads=leads)

    def _named(self, name: str) -> str:
        """The row of an op, a kernel or a call."""
        call = unversioned(name)
        kinds = (
            ("operators", "name", name),
            ("kernels", "name", name),
            ("syncs", "api", name),
            ("syncs", "api", call),
            ("launch_cost", "api", call),
        )
        return next((anchor for table, column, value in kinds if (anchor := self.row(table, **{column: value}))), "")

    @cached_property
    def _gaps(self) -> dict[tuple[int, str], str]:
        """The gaps that have a box of their own, by when they begin, and their device."""
        return {
            (piece.at_ns, str(lane.number)): _gap(lane, piece)
            for timeline in self.timelines
            for lane in timeline.lanes
            for piece in lane.pieces
            if lane.kind == "gaps" and piece.count == 1 and piece.row >= 0
        }

    @cached_property
    def _steps(self) -> dict[str, str]:
        often = Counter(self.tables["steps"].cells("name") if "steps" in self.tables else ())
        return {each.name: step_anchor(each.number) for each in self.timelines if often.get(each.name) == 1}

    @cached_property
    def _step_at(self) -> dict[int, str]:
        return {timeline.start_ns: step_anchor(timeline.number) for timeline in self.timelines}

    @cached_property
    def _advised(self) -> set[int]:
        return {lane.number for timeline in self.timelines for lane in timeline.lanes if lane.kind == "advice"}

    # -- from sentences to rows

    def of_devices(self, document: AnalysisDocument) -> tuple[Reference, ...]:
        """The figures of the sentence on several devices: each leads to the cause that weighs most there, or to what runs."""
        verdict, found = document.verdict, []
        by_device = {each.device: each for each in verdict.devices}
        for match in _OF_DEVICE.finditer(verdict.devices_sentence or ""):
            each = by_device[match[2]]
            table = _RESTS_ON.get(each.bound_by)
            at = self._table(table) if table is not None else self._of_cause(each.part or each.bound_by, each.device)
            if at or (at := self._table("idle_causes")):
                found.append(Reference(match.start(1), match.end(1), at))
        return tuple(found)

    def _table(self, name: str) -> str:
        return f"table-{name}" if name in self.tables else ""

    def of_verdict(self, document: AnalysisDocument) -> tuple[Reference, ...]:
        """The figures of the verdict's sentence: the share, that of a part, and that of which nothing is known, in this order."""
        verdict = document.verdict
        rests_on = _RESTS_ON.get(verdict.bound_by, "idle_causes")
        places = [self._table(rests_on)]
        if verdict.part is not None:
            places.append(self.row("idle_causes", cause=verdict.part))
        if verdict.bound_by != "unknown":
            places.append(self.row("idle_causes", cause="not-recorded") or self.row("idle_causes", cause="unknown"))
        figures = list(_PERCENT.finditer(verdict.sentence))
        return tuple(
            Reference(figure.start(), figure.end(), place)
            for figure, place in zip(figures, places, strict=False)
            if place
        )

    def of_advice(self, text: str, code: str) -> tuple[Reference, ...]:
        """The figure of a piece of advice: what it would save."""
        found = list(_SAVES.finditer(text))
        place = self.row("advice_rows", code=code)
        return (Reference(found[-1].start(1), found[-1].end(1), place),) if found and place else ()
