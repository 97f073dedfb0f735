"""What every object of the Python interface is: tables by name, a typed document, a page, and a picture of itself in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from launchlens.commands.library.frames import frame_of
from launchlens.reports.streams import clean
from launchlens.traces import files
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    import pandas as pd

    from launchlens.reports.blocks import Page
    from launchlens.traces.tables.table import Table


class Found(ABC):
    """What was found in something on disk. `path` is where that lies."""

    path: Path

    @abstractmethod
    def _made(self) -> Mapping[str, Table]:
        """Every table by its name."""

    @abstractmethod
    def _page(self) -> Page:
        """The report as a page."""

    @abstractmethod
    def _said(self) -> list[str]:
        """What it is, and what matters most, in a few lines."""

    @property
    def tables(self) -> list[str]:
        """The names of the tables that there are, which `table` takes: those of `--table` on the command line."""
        return list(self._made())

    def table(self, name: str) -> pd.DataFrame:
        """The table of this name as a frame.

        Times are ns in columns with `ns` in their names, sizes bytes (`bytes`), shares are parts of 1 (`share`) and ratios count 1 as
        equal (`ratio`); what is absent is null. `frame.attrs` says what each column means. Raises InputError for a name that is none.
        """
        made = self._made()
        if name not in made:
            raise InputError(self.path, f"has no table {name!r}", f"it has {', '.join(made) or 'none'}")
        return frame_of(made[name])

    def to_html(self, path: str | Path) -> Path:
        """Write the report as one HTML file, over what may be there, and return its path.

        Raises InputError where it can't be written, or is the input itself.
        """
        from launchlens.reports.writers.html import html

        place = files.free(Path(path), True, self.path)
        with files.writable(place):
            files.write_text(place, html(self._page()))
        return place

    def __repr__(self) -> str:
        return clean(f"<{type(self).__name__} {self.path}: {self._said()[0]}>")

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{escape(line)}</div>" for line in self._said())
        return clean(f"<div><b>{type(self).__name__} {escape(str(self.path))}</b>{lines}</div>")
