"""`launchlens.compare`: two sides, and where their difference lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from launchlens.commands.library.capture import Capture
from launchlens.commands.library.found import Found
from launchlens.commands.library.frames import frame_of
from launchlens.commands.library.trace import Trace
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.problems import InputError
from launchlens.traces.studies.compare import Comparison as VariantComparison
from launchlens.traces.tables import differences, trace_differences
from launchlens.traces.tables.table import Table
from launchlens.traces.tables.table import table as made_table

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from launchlens.reports.blocks import Page
    from launchlens.traces.documents.comparison import ComparisonDocument

#: What stands for a side: a path, `PATH::RANGE` or `CAPTURE::VARIANT`, what `open` gave, or several of them.
Side: TypeAlias = str | Path | Trace | Capture


def compare(a: Side | Sequence[Side], b: Side | Sequence[Side], *, steps: str | None = None) -> Comparison:
    """Compare b with a: two traces, or several a side, by their steps; or two captures, or variants of captures.

    A side is a path (`str` or `Path`), a `Trace` or a `Capture`, or several traces; `"PATH::RANGE"` confines a trace to a range (or a
    pattern), and `"CAPTURE::VARIANT"` names a variant. `steps` is a pattern of ranges that are the steps of traces. Raises InputError,
    with one line, for what can't be used or doesn't go together.
    """
    from launchlens.traces.studies.named_sides import named, runs_of

    ours, theirs = _given(a), _given(b)
    if len(ours) == len(theirs) == 1 and runs_of(named(ours[0])[0]) and runs_of(named(theirs[0])[0]):
        if steps is not None:
            raise InputError(ours[0], "is a capture, and steps are those of traces", "leave out steps")
        return _of_captures(ours[0], theirs[0])
    return _of_traces(ours, theirs, steps)


class Comparison(Found):
    """b against a: differences are b's less a's, so what became dearer is positive.

    Of traces every table is of a typical step, ns, and its rows sum to the difference. Of captures there are `ratios()` and
    `parts()`, of an iteration without a profiler. `of` says which; a table of the other raises InputError.
    """

    def __init__(
        self,
        path: Path,
        of: Literal["traces", "captures"],
        document: ComparisonDocument,
        between: Sequence[VariantComparison] = (),
    ) -> None:
        self.path = path
        self.of = of
        self._document = document
        self._between = between

    @property
    def difference_ns_per_step(self) -> int:
        """What a typical step of b takes more than one of a, as recorded, ns. Raises InputError for captures."""
        return next(each.difference_ns for each in self._of_traces().figures or () if each.name == "wall")

    def difference(self) -> pd.DataFrame:
        """A step of either side: the whole, and the GPU's busy, idle and unknown time in it."""
        return frame_of(trace_differences.figures(self._of_traces()))

    def kernels(self) -> pd.DataFrame:
        """By GPU work: was, now, difference with its 95 % interval, what more calls and what dearer calls explain, renamed ones paired."""
        return self._named("kernels")

    def operators(self) -> pd.DataFrame:
        """By the op that launched, or in which the host was."""
        return self._named("operators")

    def ranges(self) -> pd.DataFrame:
        """By the author's innermost range."""
        return self._named("ranges")

    def idle_causes(self) -> pd.DataFrame:
        """By what the GPU waited for."""
        return self._named("idle_causes")

    def account(self) -> pd.DataFrame:
        """By what `host` and `device` did."""
        return self._named("account")

    def devices(self) -> pd.DataFrame:
        """Where both sides use several GPUs, a step on each of them, matched by number; else without rows."""
        self._of_traces()
        made = self._made()
        if "devices" in made:
            return frame_of(made["devices"])
        columns = trace_differences.ON_DEVICES
        return frame_of(made_table("devices", "GPU by GPU", columns, []), "the sides have one GPU in common")

    @property
    def figures(self) -> list[str]:
        """The names that `figure` takes, of traces."""
        return [name for name in ("ranges", "operators", "kernels", "idle_causes") if name in self.tables]

    def figure(self, name: str = "ranges") -> go.Figure:
        """A plotly figure of traces: the largest differences of a table, as bars to either side of none.

        Raises InputError for captures, whose figures `Capture.figure` draws, and for a figure that is none.
        """
        from launchlens.reports.figures.differences import differences_figure

        self._of_traces()
        if name not in self.figures:
            raise InputError(self.path, f"has no figure {name!r}", f"there are {', '.join(self.figures) or 'none'}")
        return differences_figure(name, getattr(self._document, name)).figure

    def ratios(self) -> pd.DataFrame:
        """Of captures: a row a variant and regime, with both times, the ratio, its 95 % interval and the verdict."""
        self._of_captures()
        return frame_of(differences.compared(self._between))

    def parts(self) -> pd.DataFrame:
        """Of captures: what the unprofiled differences are made of, ns; without rows where nothing tells."""
        from launchlens.traces.tables.explained import parts

        self._of_captures()
        return frame_of(parts(self._between))

    def sentences(self) -> list[str]:
        """What changed most, and what this does not show."""
        if self.of == "captures":
            return [
                f"{each.b.variant} against {each.a.variant}, {each.a.regime}: {each.verdict.replace('-', ' ')}"
                for each in self._between
            ]
        document = self._document
        said = [
            f"The sides differ in {each.what}: {each.was} before, {each.now} now." for each in document.conditions or ()
        ]
        return [*said, *(document.sentences or ()), *([document.caveat] if document.caveat else [])]

    def document(self) -> ComparisonDocument:
        """Everything, typed, as `compare --json` prints it (docs/formats/comparison.md)."""
        return self._document

    def _of_traces(self) -> ComparisonDocument:
        if self.of != "traces":
            raise InputError(self.path, "is of captures, and that is told of traces", "see ratios() and parts()")
        return self._document

    def _of_captures(self) -> None:
        if self.of != "captures":
            raise InputError(self.path, "is of traces, and that is told of captures", "see difference() and kernels()")

    def _named(self, name: str) -> pd.DataFrame:
        self._of_traces()
        made = self._made()
        if name in made:
            return frame_of(made[name])
        columns = trace_differences.CELLS if name == "account" else trace_differences.of_names("the name", name)
        return frame_of(made_table(name, name, columns, []), "it was not recorded on both sides")

    def _made(self) -> Mapping[str, Table]:
        from launchlens.reports.pages import comparisons

        found = comparisons.tables(self._between) if self.of == "captures" else trace_differences.tables(self._document)
        return {each.name: each for each in found}

    def _page(self) -> Page:
        from launchlens.reports.pages.trace_comparison import page

        return page(self._of_traces())

    def _said(self) -> list[str]:
        return self.sentences() or ["nothing is compared"]


def _given(side: Side | Sequence[Side]) -> list[str]:
    several = [side] if isinstance(side, str | Path | Trace | Capture) else list(side)
    return [str(each.path if isinstance(each, Trace | Capture) else each) for each in several]


def _of_captures(a: str, b: str) -> Comparison:
    from launchlens.traces.studies.document import as_document
    from launchlens.traces.studies.named_sides import comparisons_of, named
    from launchlens.traces.studies.study import study

    found = comparisons_of(named(a), named(b), lambda path: study(read_capture(path)))
    return Comparison(named(b)[0], "captures", as_document(found, "captures"), found)


def _of_traces(a: Sequence[str], b: Sequence[str], steps: str | None) -> Comparison:
    from launchlens.traces.comparisons.compare import compare_traces
    from launchlens.traces.comparisons.document import as_document
    from launchlens.traces.comparisons.of_ranges import ranges_against_each_other
    from launchlens.traces.studies.named_sides import named

    found = compare_traces(a, b, steps=steps)
    return Comparison(named(b[0])[0], "traces", as_document(found, ranges_against_each_other(found)))
