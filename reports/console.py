"""The consoles that everything with colours or progress is printed on: only styles of ours reach a terminal as codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from launchlens.reports.streams import STEERING, CleanStream, Stream, clean

#: Width of tables that go into a file or a pipe, where no terminal says its own.
PIPE_WIDTH = 140


class _CleanConsole(Console):
    """Cleans the texts that it is given before it adds codes; so it may write past the stream that cleans."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            clear = segment.control or STEERING.search(segment.text) is None
            yield segment if clear else Segment(clean(segment.text), segment.style)


def stdout() -> Console:
    """The console for results: colours and the terminal's width on a terminal, plain and wide elsewhere."""
    console = _console(sys.stdout)
    return console if console.is_terminal else _console(sys.stdout, PIPE_WIDTH)


def stderr() -> Console:
    """The console for progress."""
    return _console(sys.stderr)


def plain(out: IO[str]) -> Console:
    """A console that writes what goes into a file: plain and wide."""
    return _console(out, PIPE_WIDTH)


def _console(stream: IO[str] | None, width: int | None = None) -> Console:
    file = Stream(stream.stream) if isinstance(stream, CleanStream) else stream
    return _CleanConsole(file=cast(IO[str], file), width=width)
