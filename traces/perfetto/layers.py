"""What an exported trace is made of, without a word of Perfetto's format: tracks of slices, and counters.

All times are ns on the recorder's clock; the writer shifts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.threads import thread_name


@dataclass(frozen=True)
class Layer:
    """The slices of one track. `path` names the track from the outermost group in; the last part is its own name.

    `names` are the slices' distinct names and `name` an index into them per slice. `rows` are positions in the event
    table, None where the slices are no events: then they are of `category`, and `arguments` has those of each, if any. The slices
    may overlap in any way.
    """

    path: tuple[str, ...]
    names: Sequence[str]
    name: Ints
    start_ns: Ints
    end_ns: Ints
    rows: Ints | None = None
    says: str = ""
    category: str = "time account"
    arguments: Sequence[Mapping[str, int | str]] = ()


@dataclass(frozen=True)
class Counter:
    """A whole number over time: it has `value[i]` from `at_ns[i]` on, and ends at 0."""

    path: tuple[str, ...]
    at_ns: Ints
    value: Ints
    unit: str
    says: str = ""


def thread_track(events: pd.DataFrame, process: int, thread: int) -> str:
    """What the track of a thread is called."""
    name = f"thread {thread_name(events, process, thread)}"
    # two tracks must not share a name, and a thread that names no process is another one
    return f"{name} of no process" if process < 0 < len(events["process"].cat.categories) else name
