"""What everything printed on a terminal is made of: texts that can't drive it, wrapped lines, plain tables."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

#: Names longer than this are cut in tables: a kernel name can be a page long.
NAME_WIDTH = 60
#: Longest text printed of one item's words; a hostile file must not fill the screen.
TEXT = 600


def short(name: str, width: int = NAME_WIDTH) -> str:
    """A name cut to `width`, control characters shown as `?`: a trace must not be able to drive the terminal."""
    clean = "".join(character if character.isprintable() else "?" for character in name[: width + 1])
    return clean if len(clean) <= width else clean[: width - 1] + "…"


def table_of(title: str) -> Table:
    """An empty table without lines, its title on the left."""
    return Table(
        title=escape(title), title_justify="left", title_style="bold", header_style="", box=None, pad_edge=False
    )


def print_indented(console: Console, text: str, style: str, indent: str = "    ", most: int = TEXT) -> None:
    """A text of at most `most` characters, wrapped to the console, every line further in than what it belongs to."""
    wrapped = textwrap.wrap(
        short(text, most), max(console.width - 1, 50), initial_indent=indent, subsequent_indent=indent + "  "
    )
    console.print(Text("\n".join(wrapped), style), soft_wrap=True)
