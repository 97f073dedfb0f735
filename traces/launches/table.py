"""The launches of a trace as a table, and which GPU activity is whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints
from launchlens.traces.launches.apis import copies_and_waits
from launchlens.traces.schema import Column

#: What a launch submits, in the order of the codes of the column `submits`.
SUBMITS = ("kernel", "memcpy", "memset", "graph")

#: A row per launch call, in order of start. Times are on the recorder's clock.
LAUNCH_COLUMNS: tuple[Column, ...] = (
    Column("row", "int64", "", False, "position of the API event in the event table, the runtime's where the driver wrote one too"),
    Column("api", "category", "", False, "the call's name as recorded"),
    Column("submits", "category", "", False, "what the call submits: one of SUBMITS"),
    Column(
        "activity",
        "category",
        "",
        True,
        "what it caused: `kernel`, `memcpy DtoD`, `memset`, or `graph` whether its nodes were recorded or the replay as one; "
        "null where nothing was recorded",
    ),
    Column("process", "category", "", True, "as in the event table, with its categories"),
    Column("thread", "category", "", True, "as in the event table, with its categories"),
    Column("start_ns", "int64", "ns", False, "start of the call"),
    Column("end_ns", "int64", "ns", False, "end of the call"),
    Column(
        "ambiguous", "bool", "", False, "its correlation id names other calls as well, so its activities were given to none"
    ),
    Column("activities", "int64", "", False, "GPU activities that it caused"),
    Column("kernels", "int64", "", False, "how many of them are kernels; what a graph recorded whole ran counts as none"),
    Column("memcpys", "int64", "", False, "how many are memcpys"),
    Column("memsets", "int64", "", False, "how many are memsets"),
    Column("gpu_start_ns", "Int64", "ns", True, "first start of its activities; null without any"),
    Column("gpu_end_ns", "Int64", "ns", True, "last end of its activities; null without any"),
    Column("gpu_ns", "Int64", "ns", True, "sum of the durations of its activities; null without any"),
)  # fmt: skip


@dataclass(frozen=True)
class Launches:
    """The launches of a trace, joined to the GPU activities that they caused.

    `columns` are LAUNCH_COLUMNS by name, and `table` the frame of them. `activity_rows` are the positions of all GPU activities in the event table;
    `joined_rows` those whose launch is known, and `owner` the position in `table` of the launch of each.
    """

    columns: Mapping[str, Any]
    activity_rows: Ints
    joined_rows: Ints
    owner: Ints

    def __len__(self) -> int:
        return len(self.columns["row"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """The launches as a frame, for whoever looks at them row by row."""
        return pd.DataFrame(dict(self.columns))

    @property
    def row(self) -> Ints:
        """The position of each launch's API event in the event table."""
        row: Ints = self.columns["row"]
        return row

    @cached_property
    def orphan_rows(self) -> Ints:
        """The positions in the event table of the activities whose launch is not known."""
        return np.setdiff1d(self.activity_rows, self.joined_rows, assume_unique=True)

    def work_of(self, chosen: Ints) -> tuple[Ints, Ints]:
        """The activities of some launches: their positions in the event table, and which launch each is of."""
        theirs = np.zeros(len(self), bool)
        theirs[chosen] = True
        mine = theirs[self.owner]
        return self.joined_rows[mine], self.owner[mine]

    # The columns as plain arrays: what works on millions of launches compares codes and numbers, never objects.

    @cached_property
    def process(self) -> Ints:
        """The codes of the column `process`, pandas' -1 for null."""
        return self._codes("process")

    @cached_property
    def thread(self) -> Ints:
        """The codes of the column `thread`, pandas' -1 for null."""
        return self._codes("thread")

    @cached_property
    def start_ns(self) -> Ints:
        return self._numbers("start_ns")

    @cached_property
    def end_ns(self) -> Ints:
        return self._numbers("end_ns")

    @cached_property
    def caused_work(self) -> npt.NDArray[np.bool_]:
        """Which launches have GPU activities."""
        return self._numbers("activities") > 0

    @cached_property
    def gpu_start_ns(self) -> Ints:
        """First start of the work of each launch; what stands where `caused_work` is False means nothing."""
        return self._numbers("gpu_start_ns")

    @cached_property
    def gpu_end_ns(self) -> Ints:
        """Last end of the work of each launch, likewise."""
        return self._numbers("gpu_end_ns")

    @cached_property
    def gpu_ns(self) -> Ints:
        """GPU time of the work of each launch, 0 where `caused_work` is False."""
        return self._numbers("gpu_ns")

    @cached_property
    def copies_and_waits(self) -> npt.NDArray[np.bool_]:
        """Which launches are of calls that copy and return only when that is done: of each device's gaps that is asked again."""
        return named(self.columns["api"], copies_and_waits)

    @cached_property
    def queue_ns(self) -> Ints:
        """GPU start - API end, ns: the queue time of the launches that `queued` names, and of others meaningless."""
        return self.gpu_start_ns - self.end_ns

    @cached_property
    def queued(self) -> npt.NDArray[np.bool_]:
        """Which launches have a queue time: those whose work starts at or after the end of the call.

        Nsight Systems' `cuda_kern_exec_sum` defines it so.
        """
        return self.caused_work & (self.queue_ns >= 0)

    def _numbers(self, column: str) -> Ints:
        """A column of numbers, 0 for null."""
        values = self.columns[column]
        numbers: Ints = values if isinstance(values, np.ndarray) else values.to_numpy(np.int64, na_value=0)
        return numbers

    def _codes(self, column: str) -> Ints:
        codes: Ints = self.columns[column].codes.astype(np.int64)
        return codes
