"""`launchlens.Sweep`: a workload measured over its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from launchlens.commands.library.found import Found
from launchlens.commands.library.frames import frame_of
from launchlens.traces.problems import InputError
from launchlens.traces.sweeps.study import SweepStudy, sweep_study
from launchlens.traces.sweeps.sweep import read_sweep
from launchlens.traces.tables import sweeps
from launchlens.traces.tables.table import Table

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from launchlens.reports.blocks import Page
    from launchlens.traces.documents.sweep_report import SweepReportDocument


class Sweep(Found):
    """A sweep: which variant is fastest at each point, where they overtake each other, and what the cost model says.

    Tables are pandas frames; times are ns of one iteration.
    """

    def __init__(self, path: Path, study: SweepStudy) -> None:
        self.path = path
        self._study = study

    @classmethod
    def open(cls, path: str | Path) -> Sweep:
        """Read the folder that `profile --sweep` wrote. Raises InputError, with one line, for what is none."""
        return cls(Path(path), sweep_study(read_sweep(Path(path))))

    def choices(self) -> pd.DataFrame:
        """The best choice as rules: which variant to take where, and what that loses at most, as a share."""
        return frame_of(sweeps.choices(self._study))

    def winners(self) -> pd.DataFrame:
        """The fastest variant at each point and regime, where one is shown to be."""
        return frame_of(sweeps.winners(self._study))

    def crossings(self) -> pd.DataFrame:
        """Where along each axis one variant overtakes another."""
        return frame_of(sweeps.crossings(self._study))

    def ratios(self) -> pd.DataFrame:
        """Every variant against the baseline at each point."""
        return frame_of(sweeps.ratios(self._study))

    def times(self) -> pd.DataFrame:
        """The time of every variant at each point, ns."""
        return frame_of(sweeps.times(self._study))

    def constants(self) -> pd.DataFrame:
        """What things cost, as the model fits it, ns."""
        return frame_of(sweeps.constants(self._study))

    def held_out(self) -> pd.DataFrame:
        """The points that were not fitted, predicted and measured."""
        return frame_of(sweeps.held_out(self._study))

    def findings(self) -> list[str]:
        """The answer in sentences, what matters most first."""
        from launchlens.reports.words.sweep import sentences

        return [each.text for each in sentences(self._study)]

    def document(self) -> SweepReportDocument:
        """Everything, typed, as `report --json` prints it (docs/formats/sweep-report.md)."""
        from launchlens.traces.sweeps.document import sweep_document

        return sweep_document(self._study, self.findings())

    @cached_property
    def figures(self) -> list[str]:
        """The names that `figure` takes: a map a regime, and lines of pairs along the axes."""
        return list(self._drawings)

    def figure(self, name: str | None = None) -> go.Figure:
        """A plotly figure, the first map without a name. Raises InputError for a name that is none."""
        wanted = name or next(iter(self._drawings))
        if wanted not in self._drawings:
            raise InputError(self.path, f"has no figure {wanted!r}", f"there are {', '.join(self._drawings)}")
        return self._drawings[wanted]

    @cached_property
    def _drawings(self) -> dict[str, go.Figure]:
        from launchlens.reports.blocks import drawings

        return {each.id: each.figure for section in self._page().sections for each in drawings(section.blocks)}

    def _made(self) -> Mapping[str, Table]:
        from launchlens.reports.pages.sweep import tables

        return {each.name: each for each in tables(self._study)}

    def _page(self) -> Page:
        from launchlens.reports.pages.sweep import page

        return page(self._study)

    def _said(self) -> list[str]:
        record = self._study.sweep.record
        axes = " × ".join(axis.name for axis in record.axes)
        return [
            f"{record.workload.get('name', 'a workload')} over {axes}, {len(record.points)} points",
            *self.findings()[:3],
        ]
