"""Progress on stderr: a bar on a terminal, a line a step elsewhere, so that results on stdout stay clean."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from launchlens.reports.console import stderr


def _text(of: str) -> TextColumn:
    """A part of a bar that is only text: names of files and parameters stand in it, which may hold what rich takes for markup."""
    return TextColumn(of, markup=False)


class Steps:
    """Opens one step after another; `step` gives the function that advances it."""

    def __init__(self) -> None:
        self._console = stderr()

    @contextmanager
    def step(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """One step of `total` parts: a bar that goes away when the step is done, or one line."""
        if not self._console.is_terminal:
            print(f"{text} …", file=sys.stderr, flush=True)
            yield lambda done: None
            return
        columns = (_text("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(text, total=total)
            yield lambda done: bar.advance(task, done)
        print(text, file=sys.stderr, flush=True)

    @contextmanager
    def points(self, text: str) -> Iterator[Callable[[int, int, float, str], None]]:
        """Points of a sweep, of which there may be more and more: a bar with the time left at most, or one line."""
        if not self._console.is_terminal:
            print(f"{text} …", file=sys.stderr, flush=True)
            yield lambda done, known, left_s, now: None
            return
        columns = (
            _text("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _text("{task.fields[left]}"),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(text, total=None, left="")

            def show(done: int, known: int, left_s: float, now: str) -> None:
                left = f"at most {int(left_s) // 60}:{int(left_s) % 60:02} left"
                bar.update(task, description=f"{text}: {now}", completed=done, total=known, left=left, refresh=True)

            yield show
        print(text, file=sys.stderr, flush=True)


@contextmanager
def reading(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """Progress of reading a file by bytes; nothing is shown off a terminal, nor for files read in no time."""
    console = stderr()
    if not console.is_terminal:
        yield lambda done, total: None
        return
    with Progress(_text("{task.description}"), BarColumn(), console=console, transient=True) as bar:
        task = bar.add_task(f"reading {name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


#: Off a terminal, how many seconds pass at least from one line of progress to the next.
LINES_APART_S = 5.0


@contextmanager
def files(total: int) -> Iterator[Callable[[int], None]]:
    """Progress of reading so many files: how many, how many a second, and how long the rest takes; off a terminal a line now and then."""
    console = stderr()
    begun = time.monotonic()
    if console.is_terminal:
        columns = (_text("reading files"), BarColumn(), MofNCompleteColumn())
        rest = (_text("{task.fields[rate]}"), TimeRemainingColumn())
        with Progress(*columns, *rest, console=console, transient=True) as bar:
            task, done = bar.add_task("", total=total, rate=""), [0]

            def advance(more: int) -> None:
                done[0] += more
                bar.update(task, advance=more, rate=_rate(done[0], begun))

            yield advance
        return
    count, said = [0], [begun]

    def line(more: int) -> None:
        count[0] += more
        now = time.monotonic()
        if now - said[0] >= LINES_APART_S and count[0] < total:
            said[0] = now
            left = (total - count[0]) * (now - begun) / count[0]
            print(
                f"read {count[0]} of {total} files, {_rate(count[0], begun)}, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    yield line


def _rate(done: int, begun: float) -> str:
    return f"{done / max(time.monotonic() - begun, 1e-9):.1f} files/s"
