"""The event table: one frame that every reader fills, declared here once.

Times are int64 nanoseconds on the recorder's own clock (the trace's origin is that clock's zero). Absent values are
nulls, never -1 or 0. Names and kinds are categories. Nothing that works on this table knows which tool recorded it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from launchlens.traces.problems import Problems

if TYPE_CHECKING:
    import pandas as pd

#: Kinds of host events, outermost first: where two events have the same start and end, the later kind is the inner one.
HOST_KINDS = ("range", "op", "api", "overhead")
#: Kinds of device events that are work. `graph` is a whole graph replay recorded as one activity: what ran inside is not
#: known. `gpu-range` is a recorder's own projection of a range: shown, never counted.
GPU_KINDS = ("kernel", "memcpy", "memset", "graph")
KINDS = (*HOST_KINDS, *GPU_KINDS, "gpu-range")

#: What a reader lets in. Any start lies in [MIN_START_NS, MAX_START_NS), any duration in [0, MAX_DUR_NS), which is 104
#: days, and all durations of a table add up to less than MAX_TOTAL_NS: so int64 holds every end, every difference of
#: two moments, and every sum of durations. The rest is counted as `event-not-understood` (see `within_limits`).
MIN_START_NS = -(1 << 61)
MAX_START_NS = 1 << 62
MAX_DUR_NS = 1 << 53
MAX_TOTAL_NS = 1 << 62
#: Likewise of what one copy moves, 1 PB, and of what all copies and memsets of a trace do: sums over some hundred traces still fit int64.
MAX_BYTES = 1 << 50
MAX_TOTAL_BYTES = 1 << 56


@dataclass(frozen=True)
class Column:
    """One column of a table: its pandas dtype, its unit, whether it may be null, and what it means."""

    name: str
    dtype: str
    unit: str
    nullable: bool
    meaning: str


COLUMNS: tuple[Column, ...] = (
    Column("kind", "category", "", False, "what the event is: one of KINDS"),
    Column(
        "name",
        "category",
        "",
        False,
        "the recorder's own name: range text, op, API call (with its version suffix), kernel",
    ),
    Column("start_ns", "int64", "ns", False, "start on the recorder's clock"),
    Column("dur_ns", "int64", "ns", False, "length, never negative"),
    Column("process", "category", "", True, "host process id as text; null where a device event does not name one"),
    Column("thread", "category", "", True, "host thread id as text, unique within the process; null on device events"),
    Column("device", "Int32", "", True, "device number as the file gives it; null on host events"),
    Column("context", "Int64", "", True, "CUDA context the device event ran in"),
    Column("stream", "Int64", "", True, "stream the device event ran in, unique within device and context"),
    Column(
        "correlation",
        "Int64",
        "",
        True,
        "id that joins a launch call to the GPU activities it caused; unique within a process",
    ),
    Column("layer", "category", "", True, "API events: `runtime` or `driver`; null elsewhere"),
    Column("bytes", "Int64", "bytes", True, "memcpy and memset: bytes moved or set"),
    Column(
        "copy_kind",
        "category",
        "",
        True,
        "memcpy: HtoD, DtoH, DtoD, HtoH, PtoP, ...; unknown ones keep the recorder's name",
    ),
    Column(
        "graph",
        "Int64",
        "",
        True,
        "device events of a replayed graph: the graph (exec) id, where the recorder gives it",
    ),
    Column(
        "graph_node", "Int64", "", True, "device events of a replayed graph: the node id, where the recorder gives it"
    ),
    Column(
        "sequence",
        "Int64",
        "",
        True,
        "ops: autograd's number of a step of the forward pass, which its backward op has as well; unique within the thread that ran forward",
    ),
    Column(
        "forward_thread",
        "Int64",
        "",
        True,
        "ops of a backward pass: the recorder's own number of the thread that ran forward; null on all others",
    ),
    Column("flow", "Int64", "", True, "ops: an arrow from a forward op to its backward op, which both have"),
    Column(
        "scope",
        "category",
        "",
        True,
        "ranges: `process` where it is its whole process's, and may end on another thread than it began on (NVTX start/end); else null",
    ),
    Column(
        "queued_ns",
        "Int64",
        "ns",
        True,
        "kernels: when CUPTI saw it put into a buffer for the GPU, on the recorder's clock; not for nodes of a graph",
    ),
    Column("submitted_ns", "Int64", "ns", True, "kernels: when CUPTI saw that buffer submitted to the GPU, likewise"),
    Column(
        "channel",
        "category",
        "",
        True,
        "device events: the kind of hardware channel that took it, where the recorder gives it: `compute` (the SMs' queue), "
        "`async-memcpy` (a copy engine's), ...",
    ),
)
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}


class SchemaError(ValueError):
    """A frame that is not as it was declared: a bug in a reader or an analysis, not a fault of the input."""


def within_limits(start: npt.NDArray[np.int64], dur: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of some events have a start and a (not negative) duration that the event table can hold."""
    usable: npt.NDArray[np.bool_] = (start >= MIN_START_NS) & (start < MAX_START_NS) & (dur < MAX_DUR_NS)
    return usable


def within_total(
    values: npt.NDArray[np.int64], most: int = MAX_DUR_NS, most_in_all: int = MAX_TOTAL_NS
) -> npt.NDArray[np.bool_]:
    """Which of a table's durations (or sizes, by their limits) to keep so that each is below the one limit and their sum below the other.

    All of them in any trace of a real program; else the smallest, as many as fit.
    """
    keep: npt.NDArray[np.bool_] = values < most
    values = np.where(keep, values, 0)
    if values.sum(dtype=np.float64) < most_in_all:
        return keep
    order = np.argsort(values, kind="stable")
    keep[order[np.cumsum(values[order], dtype=np.float64) >= most_in_all]] = False
    return keep


@cache
def _no_categories() -> pd.CategoricalDtype:
    import pandas as pd

    return pd.CategoricalDtype(pd.Index([], dtype=object))


def event_table(columns: Mapping[str, Any], length: int, problems: Problems) -> pd.DataFrame:
    """Build an event table of `length` rows from arrays by column name; a nullable column left out is all null.

    Sizes that no copy can have become null, and are counted in `problems`. Category columns may be given as `pd.Categorical` (built from codes: cheap) or as anything pandas turns into one.
    Raises SchemaError for unknown columns and for a missing one that may not be null.
    """
    import pandas as pd

    unknown = set(columns) - set(BY_NAME)
    if unknown:
        raise SchemaError(f"not columns of the event table: {sorted(unknown)}")
    none = _no_categories()
    data: dict[str, Any] = {}
    for column in COLUMNS:
        values = columns.get(column.name)
        if values is None:
            if not column.nullable and length:
                raise SchemaError(f"column {column.name!r} is missing")
            if column.dtype == "category":
                data[column.name] = pd.Categorical.from_codes(np.full(length, -1, np.int8), dtype=none, validate=False)
            elif column.nullable:
                # zeros that nobody writes to take no memory
                nothing = np.zeros(length, column.dtype.lower()), np.ones(length, bool)
                data[column.name] = pd.arrays.IntegerArray(*nothing)
            else:
                data[column.name] = np.zeros(length, column.dtype)
        elif column.dtype == "category":
            data[column.name] = values if isinstance(values, pd.Categorical) else pd.Categorical(values)
        elif not column.nullable:
            data[column.name] = np.asarray(values, dtype=column.dtype)
        elif isinstance(values, pd.arrays.IntegerArray) and values.dtype.name == column.dtype:
            data[column.name] = values
        else:
            data[column.name] = pd.array(values, dtype=column.dtype, copy=False)
    sizes = data["bytes"]
    told = ~sizes.isna()
    size = sizes.to_numpy(np.int64, na_value=0)
    impossible = told & ((size < 0) | ~within_total(size, MAX_BYTES, MAX_TOTAL_BYTES))
    if impossible.any():
        data["bytes"] = pd.arrays.IntegerArray(np.where(impossible, 0, size), ~told | impossible)
        problems.add("size-not-understood", int(impossible.sum()))
    # before the frame is made: to take columns out of it again is most of what a small table costs
    _check_events(data)
    return pd.DataFrame(data, pd.RangeIndex(length), copy=False)


def check(frame: pd.DataFrame, columns: Sequence[Column]) -> None:
    """Raise SchemaError unless `frame` has exactly these columns, with their dtypes, and nulls only where they may be."""
    if frame.columns.tolist() != [column.name for column in columns]:
        raise SchemaError(f"columns are {list(frame.columns)}")
    for column in columns:
        _check_column(column, frame[column.name].array)


def validate(frame: pd.DataFrame) -> None:
    """Raise SchemaError unless `frame` has exactly the declared columns, dtypes and nulls, and known kinds."""
    check(frame, COLUMNS)
    _check_kinds_and_durations(frame["kind"].array, frame["dur_ns"].to_numpy())


def _check_events(data: Mapping[str, Any]) -> None:
    """The same of an event table's columns, which are arrays by the names declared."""
    for column in COLUMNS:
        _check_column(column, data[column.name])
    _check_kinds_and_durations(data["kind"], data["dur_ns"])


def _check_column(column: Column, values: Any) -> None:
    dtype = values.dtype
    if dtype.name != column.dtype:
        raise SchemaError(f"column {column.name!r} is {dtype}, not {column.dtype}")
    whole_numbers = isinstance(dtype, np.dtype) and dtype.kind in "iub"  # which hold no null
    if not column.nullable and not whole_numbers and values.isna().any():
        raise SchemaError(f"column {column.name!r} holds nulls")


def _check_kinds_and_durations(kind: pd.Categorical, dur: npt.NDArray[np.int64]) -> None:
    unknown = set(kind.categories) - set(KINDS)
    if unknown:
        raise SchemaError(f"unknown kinds {sorted(unknown)}")
    if len(dur) and int(dur.min()) < 0:
        raise SchemaError("negative durations")
