"""What some recorders tell beside the event table: arguments of collectives, shapes of ops' inputs, samples of an allocator, modules.

Each is a table of its own, None where the recorder told nothing of the kind; `row` is a position in the event table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.schema import Column

#: A row per event, a kernel or the op around it, that names its collective.
COLLECTIVE_COLUMNS: tuple[Column, ...] = (
    Column("row", "int64", "", False, "position in the event table"),
    Column("name", "category", "", False, "the collective, in the recorder's words"),
    Column("dtype", "category", "", True, "type of an element, likewise"),
    Column("sent", "Int64", "", True, "elements that the rank puts in"),
    Column("received", "Int64", "", True, "elements that it gets out"),
    Column("ranks", "Int64", "", True, "ranks in the group"),
    Column(
        "group", "category", "", True, "the process group: its name, and which ranks are in it where that was recorded"
    ),
    Column("number", "Int64", "", True, "which collective of its group it is, the same on all its ranks"),
    Column(
        "bytes",
        "Int64",
        "bytes",
        True,
        "size of its message, where the recorder tells that instead of elements: NCCL's own, of one rank",
    ),
)
#: A row per op of which the shapes of the inputs were recorded.
SHAPE_COLUMNS: tuple[Column, ...] = (
    Column("row", "int64", "", False, "position in the event table"),
    Column("shapes", "category", "", False, "shapes of its inputs, as JSON"),
)
#: A row per allocation or release that a caching allocator reported.
MEMORY_COLUMNS: tuple[Column, ...] = (
    Column("start_ns", "int64", "ns", False, "when, on the recorder's clock"),
    Column("device", "category", "", False, "`cpu`, or the device's number"),
    Column("bytes", "int64", "bytes", False, "bytes allocated; negative where they were released"),
    Column("allocated", "Int64", "bytes", True, "allocated in all, after it"),
    Column("reserved", "Int64", "bytes", True, "reserved by the allocator in all, after it"),
)
#: A row per call that recorders of Python's stack name: of a torch `nn.Module`, or of a function that lies in a file. They are no part of
#: the time account.
STACK_COLUMNS: tuple[Column, ...] = (
    Column("name", "category", "", False, "class and number of the module; or file, line and function"),
    Column("process", "category", "", True, "as in the event table, with its categories"),
    Column("thread", "category", "", True, "as in the event table, with its categories"),
    Column("start_ns", "int64", "ns", False, "start on the recorder's clock"),
    Column("dur_ns", "int64", "ns", False, "length, never negative"),
)


@dataclass(frozen=True)
class Details:
    """The tables with COLLECTIVE_COLUMNS, SHAPE_COLUMNS, MEMORY_COLUMNS and, of modules and frames, STACK_COLUMNS; None where nothing of the kind was recorded."""

    collectives: pd.DataFrame | None = None
    shapes: pd.DataFrame | None = None
    memory: pd.DataFrame | None = None
    modules: pd.DataFrame | None = None
    frames: pd.DataFrame | None = None

    def of_rows(self, kept: npt.NDArray[np.bool_]) -> Details:
        """What is told of those rows of the event table that are kept, at the positions that they have then."""
        position = np.cumsum(kept) - 1

        def moved(frame: pd.DataFrame | None) -> pd.DataFrame | None:
            if frame is None:
                return None
            row = frame["row"].to_numpy()
            return frame[kept[row]].assign(row=position[row[kept[row]]]).reset_index(drop=True)

        return replace(self, collectives=moved(self.collectives), shapes=moved(self.shapes))
