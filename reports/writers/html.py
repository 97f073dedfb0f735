"""Blocks as one HTML file that holds everything it shows, opens offline, and lets nothing but its own script run.

The page is data in, text out: no clock, no random number, nothing fetched. Text from a trace is escaped where it is
printed, bounded in length, and could run nothing even if an escape were missed: the Content-Security-Policy admits
scripts by their hashes: on a page with figures the one that draws them and Plotly, on one whose tables can be sorted the one
that does that and the one that leads from row to timeline and back, and on another none.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
import plotly
from markupsafe import Markup, escape

from launchlens.reports.blocks import MOST_ROWS, Figure, Page, Shown, Strips, drawings, row_anchor
from launchlens.reports.figures.drawing import short, to_script
from launchlens.reports.writers import cells
from launchlens.reports.writers.as_read import laid_out, title, told
from launchlens.traces.tables.table import Column, Table
from launchlens.traces.units import duration

TEMPLATES = Path(__file__).parents[1] / "templates"
#: No text printed into the page is longer: a name of a million characters costs this many.
TEXT = 1200
#: Cells of one table on a page; CSV and JSON hold all.
MOST_CELLS = 10_000
_CODE = re.compile(r"`([^`]+)`")
#: Labels of a timeline's axis where it is not magnified: so many have room on a phone.
TICKS = 5


def html(page: Page) -> str:
    """The page as text. The same page gives the same text."""
    shown = [drawing.plain() for section in page.sections for drawing in drawings(section.blocks)]
    own, library, packed = (page_file("script.js"), *_plotly()) if shown else ("", "", "")
    sorts, leads = (page_file("tables.js"), page_file("timeline.js")) if page.sortable else ("", "")
    template = _templates().get_template("page.html")
    text: str = template.render(
        page=page,
        figures=Markup(to_script(shown)) if shown else None,
        policy=policy(*filter(None, (own, library, sorts, leads))),
        style=Markup(page_file("style.css")),
        script=Markup(own),
        sorts=Markup(sorts),
        leads=Markup(leads),
        plotly=packed,
        licence=Markup(_licence(library)) if library else "",
    )
    return text + "\n"


def policy(*scripts: str) -> str:
    """A Content-Security-Policy under which `scripts` run and nothing else does, and nothing is fetched."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=8)
def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _plotly() -> tuple[str, str]:
    """Plotly's source, and the same gzipped in base64: 2 MB on the page where the source takes 5."""
    text = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text("utf-8")
    return text, base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _licence(library: str) -> str:
    """What a library says of its licence where it begins, as a comment of the page: packed it would be seen by nobody."""
    says = re.match(r"/\*[*!]?(.*?)\*/", library, re.DOTALL)
    lines = [line.strip(" *") for line in says[1].splitlines()] if says else []
    told = "\n".join([*filter(None, lines), page_file("mit.txt").strip()]).replace("--", "- -")
    return f"<!--\nFigures are drawn by a library that this page holds, packed:\n{told}\n-->"


@cache
def page_file(name: str) -> str:
    """A file of `templates/`, as text."""
    return (TEMPLATES / name).read_text("utf-8")


@cache
def _templates() -> jinja2.Environment:
    """The templates: everything printed is escaped and bounded in length."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_bounded,
    )
    filters: dict[str, Any] = {
        "short": short,
        "kind": lambda block: type(block).__name__,
        "grid": _grid,
        "ticks": _ticks,
        "coded": _coded,
    }
    templates.filters |= filters
    return templates


def _bounded(value: Any) -> Any:
    """What a template prints, bounded: only markup of our own (and the page's data in it) may be longer."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return value if len(value) <= TEXT and value.isprintable() else short(value, TEXT)
    return value


def _coded(text: str) -> Markup:
    """A text of ours in which what stands between grave accents is code."""
    parts = _CODE.split(str(_bounded(text)))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )


def _ticks(block: Strips) -> list[tuple[float, str]]:
    """Round moments of a timeline's axis: where each stands, %, and what it is called."""
    least = max(block.length_ns / TICKS, 1)
    power = 10 ** (len(str(int(least))) - 1)
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    return [(100 * at / block.length_ns, duration(at) if at else "0") for at in range(0, block.length_ns, step)]


@dataclass(frozen=True)
class _Heading:
    heading: str
    number: bool
    beside: bool


@dataclass(frozen=True)
class _Cell:
    """A cell as the template prints it; `code` is a class for its colour, `bar` its share of the column's largest, %.

    `value` is the number that a column is sorted by, `leads` where the cell leads to on the page.
    """

    text: str
    heading: str
    number: bool
    words: bool
    code: str
    beside: bool
    bar: float | None
    anchor: str = ""
    title: str = ""
    value: str = ""
    leads: str = ""
    with_: tuple[_Cell, ...] = field(default=())

    def __getitem__(self, name: str) -> Any:
        # `with` is a word of Python's and not of the template's
        return getattr(self, "with_" if name == "with" else name)


@dataclass(frozen=True)
class _Row:
    cells: tuple[_Cell, ...]
    sums: bool
    best: bool
    anchor: str = ""


@dataclass(frozen=True)
class _Grid:
    title: str
    label: str
    columns: tuple[_Heading, ...]
    rows: tuple[_Row, ...]


def _grid(block: Shown | Figure) -> _Grid:
    """The table of a block, its cells ready to print."""
    it = block.table
    assert it is not None
    most = min((block.most if isinstance(block, Shown) else None) or MOST_ROWS, MOST_ROWS)
    shown, sums = laid_out(it)
    most = max(1, min(most, MOST_CELLS // max(len(shown.columns), 1)))
    kept = len(shown) if sums else min(most, len(shown))
    texts = cells.texts(shown, kept, sums)
    columns = told(shown, texts)
    headings = tuple(
        _Heading(each.heading, each.is_number, each.beside) for each in (shown.columns[at] for at in columns)
    )
    bare = isinstance(block, Shown) and block.style == "bare"
    said = title(it, kept, len(shown), bare=bare)
    rows = _rows(shown, texts, columns, sums)
    if isinstance(block, Shown) and block.anchored:
        names = [shown.columns[at].name for at in columns]
        rows = [_linked(row, block, number, names) for number, row in enumerate(rows)]
    return _Grid(said, it.title or said, headings, tuple(rows))


def _linked(row: _Row, block: Shown, number: int, names: Sequence[str]) -> _Row:
    """A row that can be linked to, its cells with where they lead to; `names` are those of its columns."""
    made = [
        replace(cell, leads=block.leads[name][number]) if name in block.leads else cell
        for cell, name in zip(row.cells, names, strict=True)
    ]
    return replace(row, cells=tuple(made), anchor=row_anchor(block.table.name, number))


def _rows(it: Table, texts: Sequence[Sequence[str]], columns: Sequence[int], sums: frozenset[int]) -> list[_Row]:
    values = it.rows(len(texts))
    largest = {
        column.name: max((abs(value) for value in _numbers(it, column)), default=0)
        for column in it.columns
        if column.bar
    }
    rows = []
    for at, (row, said) in enumerate(zip(values, texts, strict=True)):
        hints: dict[str, str] = {
            str(column.hint): text for column, text in zip(it.columns, said, strict=True) if column.hint
        }
        made = [_cell(it.columns[to], row[to], said[to], largest.get(it.columns[to].name, 0)) for to in columns]
        rows.append(_Row(_merged(made, hints), at in sums, _is_best(it, row)))
    return rows


def _numbers(it: Table, column: Column) -> list[float]:
    return [float(value) for value in it.cells(column.name) if value is not None]


def _is_best(it: Table, row: Sequence[Any]) -> bool:
    """Whether a code of the row marks it as best of its table."""
    return any(value == "fastest" for column, value in zip(it.columns, row, strict=True) if column.kind == "code")


def _cell(column: Column, value: Any, text: str, largest: float) -> _Cell:
    code = str(value) if column.kind == "code" and value is not None and str(value).replace("-", "").isalnum() else ""
    bar = round(100 * abs(value) / largest, 2) if column.bar and value is not None and largest else None
    sorted_by = str(value) if column.is_number and isinstance(value, int | float) else ""
    words = column.kind == "text"
    return _Cell(text, column.heading, column.is_number, words, code, column.beside, bar, value=sorted_by)


def _merged(made: Sequence[_Cell], hints: dict[str, str]) -> tuple[_Cell, ...]:
    """Cells with those beside them in them, where a table shows them so; and what hints say of the first and the last."""
    found: list[_Cell] = []
    for each in made:
        if each.beside and found:
            at = next(index for index in range(len(found) - 1, -1, -1) if not found[index].beside)
            found[at] = replace(found[at], with_=(*found[at].with_, each))
        found.append(each)
    if "title" in hints:
        found[0] = replace(found[0], title=hints["title"])
    if "anchor" in hints:
        found[-1] = replace(found[-1], anchor=hints["anchor"])
    return tuple(found)
