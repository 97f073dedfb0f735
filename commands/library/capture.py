"""`launchlens.Capture`: what `profile` measured and recorded, worked out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from launchlens.commands.library.found import Found
from launchlens.commands.library.frames import frame_of
from launchlens.commands.library.trace import Trace
from launchlens.traces import files
from launchlens.traces.captures.capture import Capture as CaptureOnDisk
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.recorded import describe_if_recorded
from launchlens.traces.problems import InputError
from launchlens.traces.studies.verdict import verdict
from launchlens.traces.tables import accounts, differences, ledgers
from launchlens.traces.tables import explained as explained_tables
from launchlens.traces.tables.problems import problems as problems_table
from launchlens.traces.tables.table import Table
from launchlens.traces.tables.timing import timing
from launchlens.traces.windows import BLOCK

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from launchlens.reports.blocks import Page, Section
    from launchlens.traces.captures.capture import Manifest, TraceRecord
    from launchlens.traces.documents.study import StudyDocument
    from launchlens.traces.studies.study import Study

#: The figures of a capture.
FigureName = Literal["times", "account", "difference", "timeline"]
FIGURES: tuple[FigureName, ...] = ("times", "account", "difference", "timeline")


class Capture(Found):
    """A capture: the times of every variant without a profiler, what was recorded of each, and what follows from both.

    Tables are pandas frames, a row a variant in a regime (`eager` or `graph`) or finer. All times are ns of one iteration.
    """

    def __init__(self, capture: CaptureOnDisk) -> None:
        self.path = capture.path
        self._capture = capture
        self._recorded: Trace | None = None

    @classmethod
    def open(cls, path: str | Path) -> Capture:
        """Read a capture: the folder that `profile` or `record` wrote. Raises InputError, with one line, for what is none."""
        return cls(read_capture(Path(path)))

    @property
    def manifest(self) -> Manifest:
        """What the capture says of itself: workload, variants, GPU, versions, its raw traces (docs/formats/capture.md)."""
        return self._capture.manifest

    @property
    def timings(self) -> pd.DataFrame:
        """Every timed block, in time order: `wall_ns`, `host_ns`, `device_ns` of a block of so many `iterations`; a copy.

        `recorder` says whether the light recorder was on, and `length` whether the block is a short one or a long one.
        """
        return self._capture.timings.copy()

    def times(self) -> pd.DataFrame:
        """A row a variant and regime, fastest first: `wall_ns` of an iteration with its 95 % interval, its ratio to the baseline, the verdict.

        Raises InputError as all that is worked out of a capture: where nothing was timed, a trace can't be used, or its data contradict
        each other.
        """
        return frame_of(timing(self._study))

    def ratios(self) -> pd.DataFrame:
        """Every variant against the baseline: both times, the ratio with its 95 % interval, and whether a difference is shown."""
        return frame_of(differences.compared(self._study.against_baseline))

    def parts(self) -> pd.DataFrame:
        """What the unprofiled difference of each variant from the baseline is made of, ns; the parts of one sum to it."""
        return frame_of(explained_tables.parts(self._study.against_baseline))

    def explained(self) -> pd.DataFrame:
        """What the unprofiled time of each variant is made of, ns; the parts of one sum to it."""
        return frame_of(explained_tables.explained(self._study))

    def account(self, range: str | None = None) -> pd.DataFrame:
        """The account of one recorded iteration: `ns` by what `host` and `device` did; under the profiler, which adds to it.

        With `range` that of all instances of a range of its trace: a variant's name, what `record` was called with, or a range of yours.
        """
        return frame_of(accounts.account(self._study)) if range is None else self.recorded.account(self._range(range))

    @property
    def recorded(self) -> Trace:
        """The trace that stands for the capture: that of the first collector, torch.profiler where it recorded, in the first regime.

        Raises InputError where there is none.
        """
        if self._recorded is None:
            kept = self._worked_out
            if not kept:
                raise InputError(self.path, "holds no trace", "see `timings` and times()")
            self._recorded = Trace.open(self._capture.trace_path(kept[0]))
        return self._recorded

    @property
    def _worked_out(self) -> list[TraceRecord]:
        """The traces that anything is worked out of."""
        return [each for each in self.manifest.kept if not each.to_look_at]

    @property
    def events(self) -> pd.DataFrame:
        """The event table of `recorded`, a row an event."""
        return self.recorded.events

    def kernels(self, variant: str | None = None) -> pd.DataFrame:
        """Kernels of `recorded` by name, of all variants or in the blocks of one; as `Trace.kernels`."""
        return self._of(variant).kernels()

    def operators(self, variant: str | None = None) -> pd.DataFrame:
        """Framework ops of `recorded` by name, likewise."""
        return self._of(variant).operators()

    def steps(self, variant: str | None = None) -> pd.DataFrame:
        """The recorded blocks as steps, a row a block: how long it takes, how busy the GPU is in it, launches; likewise."""
        return self._of(variant or "*").steps()

    def idle(self, variant: str | None = None) -> pd.DataFrame:
        """A row a gap of the GPU in `recorded`: when, how long, what it waited for; likewise."""
        return self._of(variant).idle()

    def advice(self, variant: str | None = None) -> pd.DataFrame:
        """Changes that would save time, with bounds on what they would save in the recorded run; likewise."""
        return self._of(variant).advice()

    def _of(self, variant: str | None) -> Trace:
        return self.recorded if variant is None else self.recorded.within(self._range(variant))

    def _range(self, name: str) -> str:
        """The range of a variant's blocks where one is called so, else the range of that name."""
        known = {each.variant for each in self.manifest.variants}
        return f"{BLOCK}{name}" if name in known or name == "*" else name

    def ledger(self) -> pd.DataFrame:
        """Launches of one recorded iteration by API call: how many, and what each costs."""
        return frame_of(ledgers.ledger(self._study))

    def gpu_work(self) -> pd.DataFrame:
        """What ran on the GPU in one recorded iteration, by kind and name."""
        return frame_of(ledgers.gpu_work(self._study))

    def problems(self) -> pd.DataFrame:
        """What was met in its traces, and where it contradicts itself."""
        return frame_of(problems_table(self._study.problems))

    def findings(self) -> list[str]:
        """The verdict in sentences, what matters most first."""
        from launchlens.reports.words.verdict import sentences

        return [each.text for each in sentences(verdict(self._study))]

    def document(self) -> StudyDocument:
        """Everything, typed, as `report --json` prints it (docs/formats/study.md)."""
        from launchlens.reports.documents import study_document

        return study_document(self._study, verdict(self._study), recorded=describe_if_recorded(self.path))

    def trace(self, collector: str = "torch", regime: str = "eager") -> Trace:
        """The raw trace that a collector recorded in a regime. Raises InputError where there is none."""
        kept = self._worked_out
        for each in kept:
            if (each.collector, each.regime) == (collector, regime):
                return Trace.open(self._capture.trace_path(each))
        known = ", ".join(f"{each.collector} {each.regime}" for each in kept) or "none"
        raise InputError(self.path, f"holds no trace of {collector!r} in regime {regime!r}", f"it holds: {known}")

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report as one HTML file, `report.html` in the capture without `path`, over what may be there; return its path.

        Raises InputError where it can't be written, or belongs to the capture.
        """
        return self.to_html(self.path / "report.html" if path is None else path)

    @property
    def figures(self) -> list[str]:
        """The names that `figure` takes."""
        return list(FIGURES)

    def figure(self, name: FigureName = "times", *, regime: str | None = None, variant: str | None = None) -> go.Figure:
        """A plotly figure of a regime: `times` or `account` of all variants, the `difference` of one from the baseline, its `timeline`.

        The first regime without `regime`, and of `difference` and `timeline` the fastest variant without `variant`. Raises InputError
        for names that are none, and for a figure of nothing.
        """
        from launchlens.reports.blocks import drawings

        study = self._study
        wanted = regime or study.regimes[0]
        if wanted not in study.regimes:
            raise InputError(self.path, f"has no regime {wanted!r}", f"it has {', '.join(study.regimes)}")
        if name not in FIGURES:
            raise InputError(self.path, f"has no figure {name!r}", f"there are {', '.join(FIGURES)}")
        prefix = f"{'timing' if name == 'times' else name}-{study.regimes.index(wanted)}"
        if name in ("difference", "timeline"):
            prefix += f"-{self._place(name, wanted, variant)}"
        for drawing in drawings(_section(name)(study).blocks):
            if drawing.id == prefix or drawing.id.startswith(f"{prefix}-"):
                return drawing.figure
        raise InputError(self.path, f"holds nothing to draw {name!r} of in regime {wanted!r}")

    def _place(self, name: str, regime: str, variant: str | None) -> int:
        """Which of the drawings of a regime is that of a variant."""
        study = self._study
        if name == "difference":
            known = [each.b.variant for each in study.against_baseline if each.b.regime == regime]
        else:
            known = [
                side.variant
                for side in study.in_regime(regime)
                if side.recording is not None and side.recording.timeline is not None
            ]
        if variant is None:
            return 0
        if variant not in known:
            raise InputError(
                self.path, f"has no {name} of {variant!r} in regime {regime!r}", f"it has: {', '.join(known)}"
            )
        return known.index(variant)

    @cached_property
    def _study(self) -> Study:
        from launchlens.traces.studies.study import study

        return study(self._capture)

    def _made(self) -> Mapping[str, Table]:
        from launchlens.reports.pages.capture import tables

        return {each.name: each for each in tables(self._study)}

    def _page(self, base: str = "") -> Page:
        from launchlens.reports.pages.capture import page

        return page(self._study, recorded=describe_if_recorded(self.path), links_base=base)

    def to_html(self, path: str | Path) -> Path:
        """The same as `report`, at a path that must be given."""
        from launchlens.reports.writers.html import html

        place = files.free(Path(path), True, self.path)
        # relative, so that a page that is passed on names no folder of anybody's machine beyond the way to the traces
        way = os.path.relpath(self.path.resolve(), place.parent.resolve())
        base = "" if way == "." else f"{quote(os.fsencode(Path(way).as_posix()))}/"
        with files.writable(place):
            files.write_text(place, html(self._page(base)))
        return place

    def _said(self) -> list[str]:
        manifest = self.manifest
        where = str(manifest.environment.get("gpu") or manifest.environment.get("cpu") or manifest.device)
        recorded = describe_if_recorded(self.path)
        timed = list(dict.fromkeys(each.variant for each in manifest.variants if each.status == "measured"))
        first = (
            f"{manifest.workload.get('name', 'a workload')}, {', '.join(timed)}; {where}, {manifest.recorded_at[:10]}"
        )
        return [first, *([recorded] if recorded else [])]


def _section(name: str) -> Callable[[Study], Section]:
    """The section of the report that draws a figure."""
    from launchlens.reports.sections.account import account
    from launchlens.reports.sections.difference import difference
    from launchlens.reports.sections.timeline import timeline
    from launchlens.reports.sections.timing import timing as times

    return {"times": times, "account": account, "difference": difference, "timeline": timeline}[name]
