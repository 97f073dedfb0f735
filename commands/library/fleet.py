"""`launchlens.Fleet`: several traces as the ranks of one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from launchlens.commands.library.found import Found
from launchlens.commands.library.frames import frame_of
from launchlens.traces.fleet.fleet import Fleet as Ranks
from launchlens.traces.fleet.read import read_fleet
from launchlens.traces.problems import InputError
from launchlens.traces.tables import of_fleet
from launchlens.traces.tables.problems import problems as problems_table
from launchlens.traces.tables.table import Table

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from launchlens.reports.blocks import Page
    from launchlens.traces.documents.fleet import FleetDocument


#: The figures of a fleet.
FigureName = Literal["steps", "account"]
FIGURES: tuple[FigureName, ...] = ("steps", "account")


class Fleet(Found):
    """The ranks of a job: what the steps of each are made of, who keeps the others waiting, and why.

    Tables are pandas frames; times are ns, of a step where their meaning says so.
    """

    def __init__(self, path: Path, ranks: Ranks) -> None:
        self.path = path
        self._ranks = ranks

    @classmethod
    def open(
        cls,
        paths: str | Path | Sequence[str | Path],
        *,
        steps: str | None = None,
        workers: int | None = None,
        scheduler: str | None = None,
    ) -> Fleet:
        """Read the traces of some ranks: a folder, a pattern such as `"runs/*.json.gz"`, or several paths.

        `steps` is a pattern of ranges that are the steps. `workers` processes read them (as many as cores and memory allow without),
        or a Dask cluster at the address `scheduler`; what is found is the same. A file that can't be used is in `skipped()`. Raises
        InputError, with one line, where not one can be used.
        """
        given = [Path(paths)] if isinstance(paths, str | Path) else [Path(each) for each in paths]
        return cls(given[0], read_fleet(given, steps=steps, workers=workers, scheduler=scheduler))

    def ranks(self) -> pd.DataFrame:
        """A row a rank: what its steps take and are made of, and how long it keeps others waiting."""
        return frame_of(of_fleet.ranks(self.document()))

    def stragglers(self) -> pd.DataFrame:
        """A row a rank that keeps others waiting, the dearest first: why, and what it costs them a step. Without rows there is none."""
        alone = (
            "" if self.document().stragglers is not None else "the ranks have no collective in common, so nothing tells"
        )
        return frame_of(of_fleet.stragglers(self.document()), alone)

    def imbalance(self) -> pd.DataFrame:
        """How each figure of a step differs between ranks."""
        return frame_of(of_fleet.imbalance(self.document()))

    def collectives(self) -> pd.DataFrame:
        """A row a group and operation: time, waiting, transfer, who comes last."""
        return frame_of(of_fleet.collectives(self.document()))

    def waits(self) -> pd.DataFrame:
        """Which rank waited for which, for how long in all its steps."""
        return frame_of(of_fleet.waits(self.document()))

    def idle_causes(self) -> pd.DataFrame:
        """What each rank's GPU was idle for, a step."""
        return frame_of(of_fleet.idle_causes(self.document()))

    def parts(self) -> pd.DataFrame:
        """Where the time of each rank's steps went, all steps together; they sum to the steps."""
        return frame_of(of_fleet.parts(self.document()))

    def account(self) -> pd.DataFrame:
        """The time accounts of all ranks, added: `ns` by what `host` and `device` did."""
        return frame_of(of_fleet.account(self.document()))

    def skipped(self) -> pd.DataFrame:
        """Files that were left out, and why."""
        return frame_of(of_fleet.skipped(self.document()))

    def problems(self) -> pd.DataFrame:
        """What was met in the files, and in putting them together."""
        return frame_of(problems_table({str(self.path): self._ranks.problems}))

    def verdict(self) -> str:
        """What matters most, in a sentence; `stragglers()` and `imbalance()` are the tables that it rests on."""
        return self.document().sentence

    @property
    def figures(self) -> list[str]:
        """The names that `figure` takes."""
        return list(FIGURES)

    def figure(self, name: FigureName = "steps") -> go.Figure:
        """A plotly figure: the `steps` of each rank by what they are made of, or the `account` of all ranks, added, as bars.

        Raises InputError for a figure that is none or of nothing.
        """
        from launchlens.reports.figures.ranks import account_bars, step_bars
        from launchlens.reports.figures.strips import bars_figure

        if name not in FIGURES:
            raise InputError(self.path, f"has no figure {name!r}", f"there are {', '.join(FIGURES)}")
        bars, whole = step_bars(self.document()) if name == "steps" else account_bars(self.document())
        if not bars or not whole:
            raise InputError(self.path, f"holds nothing to draw {name!r} of")
        return bars_figure(name, bars, whole).figure

    def document(self) -> FleetDocument:
        """Everything, typed, as `analyze --json` prints it (docs/formats/fleet.md)."""
        return self._document

    @cached_property
    def _document(self) -> FleetDocument:
        return self._ranks.document()

    def _made(self) -> Mapping[str, Table]:
        return {each.name: each for each in of_fleet.tables(self.document())}

    def _page(self) -> Page:
        from launchlens.reports.pages.fleet import page

        return page(self.document())

    def _said(self) -> list[str]:
        ranks, left_out = len(self.document().ranks), len(self.document().skipped)
        without = f", {left_out} files left out" if left_out else ""
        return [f"{ranks} rank{'' if ranks == 1 else 's'}{without}", self.verdict()]
