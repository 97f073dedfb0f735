"""A capture: the directory that `profile` writes and everything after it reads.

    manifest.json        what was run, on what, and what came of it (this module's `Manifest`)
    timings.parquet      a row per unprofiled block, in time order (`TIMING_COLUMNS`)
    torch/*.pt.trace.json.gz   raw traces, a folder per collector, openable as they are
    nsys/*.sqlite, *.nsys-rep  the same of Nsight Systems, where it recorded as well
    cupti/*.parquet            the same of CUPTI (`launchlens.traces.readers.cupti.schema`)

History of the format, newest first. A reader accepts every version listed here.
    launchlens.capture/2   every variant has blocks of two lengths (`length`), some of them with the light recorder on
                           (`recorder`): a time of one iteration is what the longer block takes more
    launchlens.capture/1   the first: one length, and all of it unprofiled
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from launchlens.traces import files
from launchlens.traces.captures.manifest_check import MOST_NAME, faults, is_name, loads_finite
from launchlens.traces.captures.marks import FOR_A_SWEEP, MANIFEST, SWEEP
from launchlens.traces.captures.small_files import is_within, read_small
from launchlens.traces.documents.refused import refused
from launchlens.traces.documents.structure import means
from launchlens.traces.problems import InputError
from launchlens.traces.schema import Column

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "launchlens.capture/2"
#: Every version that is read, and what its timings lack, with what stands for it.
READ: dict[str, dict[str, str]] = {
    FORMAT: {},
    "launchlens.capture/1": {"length": "only", "recorder": "off"},
}
TIMINGS = "timings.parquet"
#: A capture of 100 variants timed for 10 000 rounds has a million rows; a file that says it has more than this is not read.
MOST_TIMINGS = 5_000_000
#: The names in it take at most this where each row has its own, bytes.
MOST_TEXT = 256 << 20

#: `timings.parquet`. Times are of one block of `iterations` iterations, never of one iteration.
TIMING_COLUMNS: tuple[Column, ...] = (
    Column(
        "round", "int64", "", False, "rounds hold one block of every variant and regime; ratios are paired by round"
    ),
    Column("position", "int64", "", False, "place of the block within its round"),
    Column("variant", "str", "", False, "name of the variant"),
    Column("regime", "str", "", False, "eager or graph"),
    Column("control", "bool", "", False, "true for the second block of the same variant in a round (the A/A control)"),
    Column(
        "length",
        "str",
        "",
        False,
        "short, or long: twice the iterations of a short one; only, where there is one length",
    ),
    Column("recorder", "str", "", False, "off, or light: whether the light recorder was on"),
    Column("iterations", "int64", "", False, "iterations in the block"),
    Column("start_ns", "int64", "ns", False, "start of the block since the first one began"),
    Column("host_ns", "int64", "ns", False, "host submission time: until the last iteration had been submitted"),
    Column("wall_ns", "int64", "ns", False, "until the final synchronize had returned"),
    Column(
        "device_ns", "Int64", "ns", True, "between a device event before the first iteration and one after the last"
    ),
    Column("sm_clock_mhz", "Int64", "MHz", True, "SM clock read before the round, where NVML gives it"),
)

Status = Literal["measured", "skipped", "wrong", "failed", "interrupted"]


class LaunchRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Launches of one kind in an iteration, as the variant declares them; they are counted in recordings besides.

    What is said of it beside its fields would change what a launch costs, so a file that does is not read.
    """

    path: Annotated[str, means("the way of launching, as the probe `launch-costs` names it")]
    per_iteration: Annotated[int, means("how many of them an iteration makes")]
    arguments: Annotated[int, means("arguments of one: those that the path's cost depends on")]
    items: Annotated[int, means("pieces of work that one does: copies, say")]
    node: Annotated[Literal["kernel", "memcpy"], means("what one becomes in a CUDA graph")]


@dataclass(frozen=True)
class VariantRecord:
    """What became of one variant in one regime. `why` says it in a sentence unless it was measured.

    `part_of` names the variant whose work it does a part of; None where it does the whole. `structure` is as declared.
    """

    variant: Annotated[str, means("name of the variant")]
    regime: Annotated[str, means("`eager` or `graph`")]
    status: Annotated[Status, means("what became of it")]
    says: Annotated[str, means("what the variant does, in a line")] = ""
    why: Annotated[str | None, means("why it was not measured, in a sentence", null="it was")] = None
    part_of: Annotated[
        str | None, means("the variant whose work it does a part of", null="it does the whole of the workload's work")
    ] = None
    structure: Annotated[
        list[LaunchRecord] | None,
        means("what an iteration launches, called eagerly", null="the variant doesn't declare it"),
    ] = None


@dataclass(frozen=True)
class TraceRecord:
    """One raw trace of a capture: who recorded it, which regime it holds, and how its ranges are laid out.

    Its ranges are called `variant:NAME`, one instance a round, each over `iterations` iterations and the synchronize
    after them; `iteration:NAME` ranges, where present, hold one iteration each and are for looking at, not for timing.
    Where the collector could not record, `problem` says why and `path` is empty. `reference_ns` is the unprofiled time of
    one iteration by variant just before, in the recorded process or one like it; None where the timed rounds serve.
    `label` is what people call the collector; captures made before it was written down have none.
    """

    collector: Annotated[str, means("what recorded it: `torch`, `nsys` or `cupti`")]
    regime: Annotated[str, means("the regime that it holds")]
    path: Annotated[str, means("where it lies in the capture; empty where the collector could not record")]
    rounds: Annotated[int, means("instances of each variant's range")]
    iterations: Annotated[int, means("iterations in one instance")]
    problem: Annotated[str | None, means("why the collector could not record", null="it did")] = None
    reference_ns: Annotated[
        Mapping[str, float] | None,
        means(
            "unprofiled time of one iteration just before, in the recorded process or one like it",
            unit="ns",
            null="the timed rounds serve",
            key="variant",
        ),
    ] = None
    label: Annotated[str, means("what people call the collector; empty where it was not written down")] = ""
    to_look_at: Annotated[
        bool,
        means("whether its blocks are of several lengths: nothing is worked out of them, accounts stand beside it"),
    ] = False

    @property
    def recorder(self) -> str:
        """The collector in words, or its name where they were not written down."""
        return self.label or self.collector


@dataclass(frozen=True)
class Manifest:
    """What a capture says of itself. `environment` is flat text and numbers, nothing that names machine or user."""

    workload: Annotated[
        Mapping[str, Any],
        means("what was measured: `name`, `says`, `correctness`, its parameters and the numbers of it"),
    ]
    variants: Annotated[list[VariantRecord], means("a row a variant and regime")]
    baseline: Annotated[str, means("the variant that all others are compared with")]
    device: Annotated[str, means("`cuda` or `cpu`")]
    command: Annotated[list[str], means("the arguments that it was recorded with, paths cut to their last part")]
    recorded_at: Annotated[str, means("when, as an ISO 8601 time in UTC")]
    environment: Annotated[
        Mapping[str, Any],
        means("GPU, driver, clocks, processor, versions: flat text and numbers, nothing that names machine or user"),
    ]
    timing: Annotated[Mapping[str, Any], means("how it was timed: rounds, iterations, seed and the like")]
    traces: Annotated[list[TraceRecord], means("a row a raw trace")] = field(default_factory=list)
    complete: Annotated[bool, means("whether the run came to its end")] = False
    format: Annotated[str, means("name and version of the format")] = FORMAT
    launchlens: Annotated[str, means("the version of launchlens that wrote it")] = ""

    @property
    def kept(self) -> list[TraceRecord]:
        """The traces that there are, first the one that stands for the capture: that of the first collector, in the first regime.

        One to look at sees no GPU, and stands for a capture only where nothing else recorded.
        """
        return sorted((each for each in self.traces if each.path), key=lambda each: each.to_look_at)


@dataclass(frozen=True)
class Capture:
    """A capture read back: its folder, its manifest and its timings (`TIMING_COLUMNS`; empty when none were written)."""

    path: Path
    manifest: Manifest
    timings: pd.DataFrame

    def trace_path(self, record: TraceRecord) -> Path:
        """Where a raw trace lies. Raises InputError for a path that leads out of the capture, or to nothing."""
        path = self.path / record.path
        if not is_within(path, self.path):
            raise InputError(
                self.path / MANIFEST, f"names a trace outside the capture: {record.path!r}", "record it again"
            )
        if not os.path.isfile(path):
            raise InputError(path, "is missing from the capture", "record it again")
        return path


def recorded_pass(capture: Capture) -> TraceRecord | None:
    """The trace of a capture of which nothing was timed, and nothing was to be: `record` entered once. None of any other."""
    kept = [record for record in capture.manifest.traces if record.path]
    alone = capture.manifest.complete and not len(capture.timings) and len(kept) == 1
    return kept[0] if alone else None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into `folder`, whole or not at all."""
    files.write_text(folder / MANIFEST, json.dumps(msgspec.to_builtins(manifest), indent=1, ensure_ascii=False) + "\n")


def write_timings(folder: Path, timings: pd.DataFrame) -> None:
    """Write `timings.parquet` into `folder`, whole or not at all."""
    write_table(folder / TIMINGS, timings, TIMING_COLUMNS)


def write_table(place: Path, table: pd.DataFrame, columns: tuple[Column, ...]) -> None:
    """Write a table of these columns as parquet, whole or not at all. Raises ValueError for one that doesn't fit."""
    data = typed(table, columns)
    with files.writing(place) as path, path.open("wb") as file:
        data.to_parquet(file, index=False)


def typed(timings: pd.DataFrame, columns: tuple[Column, ...] = TIMING_COLUMNS) -> pd.DataFrame:
    """A table with exactly the declared columns and dtypes; ValueError names a column that doesn't fit."""
    import numpy as np
    import pandas as pd

    there = frozenset(timings.columns)
    missing = [column.name for column in columns if column.name not in there]
    if missing:
        raise ValueError(f"columns missing: {', '.join(missing)}")
    data = {}
    for column in columns:
        values = timings[column.name]
        # numpy's whole numbers and flags are never null
        never_null = isinstance(values.dtype, np.dtype) and values.dtype.kind in "iub"
        if not (column.nullable or never_null) and values.isna().any():
            raise ValueError(f"column {column.name} holds nulls")
        try:
            data[column.name] = (values if values.dtype == column.dtype else values.astype(column.dtype)).array
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {column.name}: {error}") from None
    return pd.DataFrame(data, timings.index)


def read_capture(path: Path) -> Capture:
    """Read a capture directory (or its manifest). Raises InputError with one line when it can't be used."""
    folder, manifest = _folder(path), read_manifest(path)
    return Capture(folder, manifest, _timings(folder / TIMINGS, READ[manifest.format]))


def read_manifest(path: Path) -> Manifest:
    """Read what a capture directory says of itself. Raises InputError with one line when it can't be used."""
    folder = _folder(path)
    manifest_path = folder / MANIFEST
    try:
        raw = loads_finite(read_small(folder, MANIFEST).decode())
    except FileNotFoundError:
        if os.path.lexists(folder / SWEEP):
            raise InputError(path, "is a sweep, not a capture", FOR_A_SWEEP) from None
        raise InputError(
            path, "is not a capture: it has no manifest.json", "give a folder that `profile` wrote"
        ) from None
    except RecursionError:
        raise InputError(
            manifest_path, "can't be read as JSON: it is nested too deeply", "record the capture again"
        ) from None
    except ValueError as error:  # bytes that are not UTF-8 among them
        raise InputError(manifest_path, f"can't be read as JSON: {error}", "record the capture again") from None
    return _manifest(manifest_path, raw)


def _folder(path: Path) -> Path:
    return path.parent if path.name == MANIFEST else path


def _manifest(path: Path, raw: Any) -> Manifest:
    if not isinstance(raw, dict) or raw.get("format") not in list(READ):
        found = raw.get("format") if isinstance(raw, dict) else type(raw).__name__
        raise InputError(path, f"has format {found!r}, not {FORMAT!r}", "read it with the version that wrote it")
    try:
        manifest = msgspec.convert(raw, Manifest)
        wrong = next(faults(manifest), None)
    except msgspec.ValidationError as error:
        wrong = refused(error, Manifest, raw)
    except UnicodeEncodeError:  # msgspec encodes keys, and texts where it wants none
        wrong = "half of a surrogate pair stands in a key, or where no text is wanted"
    if wrong is not None:
        raise InputError(path, f"is not a manifest of a capture: {wrong}", "record the capture again")
    return manifest


def read_table(
    path: Path, columns: tuple[Column, ...], instead: Mapping[str, str | None] | None = None
) -> pd.DataFrame:
    """A table of these columns; those of `instead` may be absent, and hold that. Raises InputError where it can't be used."""
    if not os.path.isfile(path):
        raise InputError(path, "is not a regular file", "record the capture again")
    if not is_within(path, path.parent):
        raise InputError(path, "is a link that leads out of the capture", "put the file itself there")
    from launchlens.traces import (
        parquet,  # takes long, and whoever reads what a folder says of itself has no use for it
    )

    try:
        with parquet.opened(path, parquet.Limits(MOST_TIMINGS, MOST_TEXT)) as file:
            absent = {name: value for name, value in (instead or {}).items() if name not in file.schema.names}
            table = file.plain([column.name for column in columns if column.name not in absent])
        return typed(table.to_pandas(ignore_metadata=True).assign(**absent), columns)
    except parquet.FAULTS as error:
        what = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(path, f"can't be read: {what[:200]}", "record the capture again") from None


def _timings(path: Path, instead: Mapping[str, str]) -> pd.DataFrame:
    if not os.path.lexists(path):
        import pandas as pd

        return typed(pd.DataFrame({column.name: [] for column in TIMING_COLUMNS}))
    timings = read_table(path, TIMING_COLUMNS, instead)
    try:
        check_timings(timings)
    except ValueError as error:
        raise InputError(path, f"can't be read: {error}", "record the capture again") from None
    return timings


def check_timings(timings: pd.DataFrame, *within: str) -> None:
    """Raise ValueError, naming column and row, for what no timed block can say; rounds are counted anew in each of `within`."""
    for name in ("wall_ns", "host_ns", "iterations", "device_ns"):
        least = 0 if name == "device_ns" else 1
        low = (timings[name] < least).fillna(False).to_numpy(bool)
        if low.any():
            row = int(low.argmax())
            raise ValueError(f"column {name} holds {timings[name].iloc[row]} in row {row}; it must be at least {least}")
    for name in ("variant", "regime"):
        for value in timings[name].unique():
            if not is_name(value):
                raise ValueError(
                    f"column {name} holds {str(value)[:40]!r}; names are 1 to {MOST_NAME} printable characters"
                )
    key = [*within, "round", "variant", "regime", "control", "length", "recorder"]
    again = timings.duplicated(key).to_numpy(bool)
    if again.any():
        raise ValueError(f"columns {', '.join(key)} name the same block twice: row {int(again.argmax())} repeats one")
