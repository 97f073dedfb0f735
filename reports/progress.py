"""Progress on stderr: a bar on a terminal, a line a step elsewhere, so that results on stdout stay clean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from launchlens.reports.console import stderr


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
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
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
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
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
    with Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True) as bar:
        task = bar.add_task(f"reading {name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
