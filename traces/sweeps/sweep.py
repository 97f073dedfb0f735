"""A sweep: the folder that `profile --sweep` writes, in which a workload is timed at many values of its parameters.

    sweep.json           what was run, on what, the axes, and what came of each point (this module's `SweepRecord`)
    timings.parquet      a row per unprofiled block, in time order: the columns of a capture's, and the `point` it is of

A point is a value of each axis. Its rounds count from 0 and are balanced in pairs, as a capture's are; rounds of different points
share nothing. Points that are held out, drawn by seed before any of them was timed, are for judging predictions and never fitted.

History of the format, newest first. A reader accepts every version listed here.
    launchlens.sweep/1     the first
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

from launchlens.traces import files
from launchlens.traces.captures.capture import (
    TIMING_COLUMNS,
    TIMINGS,
    LaunchRecord,
    Status,
    check_timings,
    read_table,
    typed,
    write_table,
)
from launchlens.traces.captures.manifest_check import LEAST_TOO_MANY, MOST_KINDS, MOST_NAME, is_name, said_faults
from launchlens.traces.captures.marks import MANIFEST, SWEEP
from launchlens.traces.captures.probes import Probe
from launchlens.traces.captures.small_files import read_small
from launchlens.traces.documents.structure import means
from launchlens.traces.problems import InputError
from launchlens.traces.schema import Column

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "launchlens.sweep/1"
#: No sweep of ten minutes has a tenth of these; a file that has more is not one.
MOST_AXES, MOST_POINTS, MOST_ROWS = 8, 20_000, 500_000
#: Bytes beyond this no iteration moves.
_MOST_BYTES = 1 << 60
_AGAIN = "record the sweep again"

#: `timings.parquet`. Times are of one block of `iterations` iterations, never of one iteration.
SWEEP_TIMING_COLUMNS: tuple[Column, ...] = (
    Column("point", "int64", "", False, "index of the point that was timed"),
    *TIMING_COLUMNS,
)

#: What a parameter may be at a point.
Setting: TypeAlias = int | float | str
Scale = Literal["linear", "log2", "named"]
Stage = Literal["coarse", "refinement"]


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that is swept. `values` are those that were asked for; refinement may time others between them."""

    name: Annotated[str, means("the workload's parameter")]
    values: Annotated[tuple[Setting, ...], means("the values that were asked for, in order")]
    unit: Annotated[str, means("unit of the values; empty for a count")] = ""
    scale: Annotated[
        Scale, means("how values lie: `linear`, `log2` (by factors), or `named`, with nothing between two of them")
    ] = "linear"


class SweptVariant(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a variant in a regime at a point. Counts are of one iteration, as declared or else as recorded."""

    variant: Annotated[str, means("name of the variant")]
    regime: Annotated[str, means("`eager` or `graph`")]
    status: Annotated[Status, means("what became of it")]
    why: Annotated[str | None, means("why it was not measured, in a sentence", null="it was")] = None
    part_of: Annotated[
        str | None, means("the variant whose work it does a part of", null="it does the whole of the workload's work")
    ] = None
    launches: Annotated[
        int | None, means("calls that submit work in an iteration, called eagerly", null="nobody told")
    ] = None
    arguments: Annotated[
        int | None,
        means(
            "arguments of all of these: those that their path's cost depends on, as declared, or else what the kernels' signatures have",
            null="nobody told",
        ),
    ] = None
    nodes: Annotated[int | None, means("nodes of one iteration as a CUDA graph", null="nobody told")] = None
    bytes: Annotated[
        int | None, means("what an iteration writes, as the workload says", unit="bytes", null="nobody told")
    ] = None
    structure: Annotated[
        tuple[LaunchRecord, ...] | None,
        means("what an iteration launches, called eagerly", null="the variant doesn't declare it"),
    ] = None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A value of each axis, and what became of the variants there; `variants` is empty until the point has been timed."""

    index: Annotated[int, means("its number, as `timings.parquet` has it: its place in the list")]
    settings: Annotated[Mapping[str, Setting], means("a value of each axis", key="axis")]
    held_out: Annotated[bool, means("whether predictions are judged by it: it is never fitted")] = False
    stage: Annotated[
        Stage, means("whether it belongs to the first grid, or was put near a turn-over that had been found")
    ] = "coarse"
    variants: Annotated[
        tuple[SweptVariant, ...], means("a row a variant and regime; empty where the point was not reached")
    ] = ()
    reference_ns: Annotated[
        tuple[int, ...],
        means(
            "what the same small work of the host took, once a round: how fast the host was then; empty where it was not timed",
            unit="ns",
        ),
    ] = ()


class SweepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep says of itself. `environment` is flat text and numbers, nothing that names machine or user."""

    format: Annotated[str, means("name and version of the format")] = FORMAT
    workload: Annotated[
        Mapping[str, Any],
        means("what was measured: `name`, `says`, `correctness`, and the parameters that were not swept"),
    ]
    says: Annotated[Mapping[str, str], means("what each variant does, in a line", key="variant")] = {}
    baseline: Annotated[str, means("the variant that all others are compared with")]
    device: Annotated[str, means("`cuda` or `cpu`")]
    axes: Annotated[tuple[Axis, ...], means("the parameters that were swept")]
    points: Annotated[tuple[Point, ...], means("a row a point, held out ones among them")]
    seed: Annotated[int, means("what inputs, orders and the points held out were drawn from")]
    timing: Annotated[Mapping[str, Any], means("how points were timed: rounds, length of a block, and the like")] = {}
    costs: Annotated[
        Probe | None,
        means("what bursts of launches cost, as the probe `launch-costs` gives it", null="it was not measured"),
    ] = None
    minutes: Annotated[float, means("how many minutes it was to take at most")]
    used_minutes: Annotated[float, means("how many minutes it took")]
    complete: Annotated[bool, means("whether it came to its end; false where it was interrupted")] = False
    command: Annotated[tuple[str, ...], means("the arguments that it was recorded with, paths cut to their last part")]
    recorded_at: Annotated[str, means("when, as an ISO 8601 time in UTC")]
    environment: Annotated[
        Mapping[str, Any],
        means("GPU, driver, clocks, processor, versions: flat text and numbers, nothing that names machine or user"),
    ]
    launchlens: Annotated[str, means("the version of launchlens that wrote it")] = ""


@dataclass(frozen=True)
class Sweep:
    """A sweep read back: its folder, its record and its timings (`SWEEP_TIMING_COLUMNS`; empty when none were written)."""

    path: Path
    record: SweepRecord
    timings: pd.DataFrame


def write_sweep(folder: Path, record: SweepRecord, timings: pd.DataFrame) -> None:
    """Write both files into `folder`, each whole or not at all; the timings first, so that no point is said to be timed that isn't.

    Raises ValueError for what no reader would take.
    """
    if (wrong := _wrong(record)) is not None:
        raise ValueError(wrong)
    write_table(folder / TIMINGS, timings, SWEEP_TIMING_COLUMNS)
    raw = msgspec.json.encode(record)
    files.write_text(folder / SWEEP, msgspec.json.format(raw, indent=1).decode() + "\n")


def no_timings() -> pd.DataFrame:
    """The timings of a sweep that has not timed a point yet."""
    import pandas as pd

    return typed(pd.DataFrame({column.name: [] for column in SWEEP_TIMING_COLUMNS}), SWEEP_TIMING_COLUMNS)


def is_sweep(path: Path) -> bool:
    """Whether a folder, or the file given, is a sweep's and not a capture's."""
    folder = path.parent if path.name == SWEEP else path
    return os.path.lexists(folder / SWEEP) and not os.path.lexists(folder / MANIFEST)


def read_record(path: Path) -> SweepRecord:
    """What the sweep in a folder says of itself, without its timings. Raises InputError with one line when it can't be used."""
    folder = path.parent if path.name == SWEEP else path
    place = folder / SWEEP
    try:
        raw = read_small(folder, SWEEP)
    except FileNotFoundError:
        what = "is not a sweep: it has no sweep.json"
        raise InputError(path, what, "give a folder that `profile --sweep` wrote") from None
    try:
        format = msgspec.json.decode(raw, type=_Format).format
        if format != FORMAT:
            raise InputError(place, f"has format {format!r}, not {FORMAT!r}", "read it with the version that wrote it")
        record = msgspec.json.decode(raw, type=SweepRecord)
    except RecursionError:
        raise InputError(place, f"is not {FORMAT}: it is nested too deeply", _AGAIN) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(place, f"is not {FORMAT}: {error}", _AGAIN) from None
    if (wrong := _wrong(record)) is not None:
        raise InputError(place, f"is not {FORMAT}: {wrong}", _AGAIN)
    return record


def read_sweep(path: Path) -> Sweep:
    """Read a sweep's folder (or its sweep.json). Raises InputError with one line when it can't be used."""
    folder = path.parent if path.name == SWEEP else path
    record, place = read_record(path), folder / TIMINGS
    if not os.path.lexists(place):
        return Sweep(folder, record, no_timings())
    timings = read_table(place, SWEEP_TIMING_COLUMNS)
    try:
        check_timings(timings, "point")
        beyond = ~timings["point"].between(0, len(record.points) - 1).to_numpy(bool)
        if beyond.any():
            row = int(beyond.argmax())
            raise ValueError(
                f"row {row} is of point {timings['point'].iloc[row]}, and {SWEEP} has {len(record.points)}"
            )
    except ValueError as error:
        raise InputError(place, f"can't be read: {error}", _AGAIN) from None
    return Sweep(folder, record, timings)


class _Format(msgspec.Struct):
    format: str


def _wrong(record: SweepRecord) -> str | None:
    """The first thing that no sweep can say; None where there is none."""
    return next(_faults(record), None)


def _faults(record: SweepRecord) -> Iterator[str]:
    if not 1 <= len(record.axes) <= MOST_AXES:
        yield f"it has {len(record.axes)} axes, and a sweep has 1 to {MOST_AXES}"
    if len(record.points) > MOST_POINTS or sum(len(point.variants) for point in record.points) > MOST_ROWS:
        yield f"it has over {MOST_POINTS:,} points, or {MOST_ROWS:,} rows of variants"
    names = [axis.name for axis in record.axes]
    yield from said_faults(record.workload, record.environment)
    for name in (*names, record.baseline, *record.says):
        if not is_name(name):
            yield f"{name[:40]!r} is no name: names are 1 to {MOST_NAME} printable characters"
    if len(set(names)) < len(names):
        yield "two axes have one name"
    for axis in record.axes:
        yield from _of_axis(axis)
    kinds = {axis.name: axis.scale for axis in record.axes}
    for place, point in enumerate(record.points):
        if point.index != place:
            yield f"point {place} says that it is number {point.index}"
        if set(point.settings) != set(names):
            yield f"point {place} does not have one value of each axis, {', '.join(names)}"
        for name, value in point.settings.items():
            if name in kinds and not _fits(value, kinds[name]):
                yield f"point {place}: {name} can't be {str(value)[:40]!r} on an axis that is {kinds[name]}"
        keys = [(each.variant, each.regime) for each in point.variants]
        if len(set(keys)) < len(keys):
            yield f"point {place} has a variant twice in a regime"
        for each in point.variants:
            yield from (f"point {place}: {fault}" for fault in _of_variant(each))
        if any(not 0 < ns < LEAST_TOO_MANY for ns in point.reference_ns):
            yield f"point {place} has times of the reference that can't be"


def _of_axis(axis: Axis) -> Iterator[str]:
    if not axis.values:
        yield f"axis {axis.name} has no value"
    for value in axis.values:
        if not _fits(value, axis.scale):
            yield f"axis {axis.name} can't have {str(value)[:40]!r}, as it is {axis.scale}"


def _fits(value: Setting, scale: Scale) -> bool:
    """Whether a value can lie on an axis: named ones take anything short, others numbers, by factors those above 0."""
    if isinstance(value, str):
        return scale == "named" and len(value) <= MOST_NAME and value.isprintable()
    return abs(value) < _MOST_BYTES and (scale != "log2" or value > 0)


def _of_variant(each: SweptVariant) -> Iterator[str]:
    for name in (each.variant, each.regime):
        if not is_name(name):
            yield f"{name[:40]!r} is no name: names are 1 to {MOST_NAME} printable characters"
    for name, most in (
        ("launches", LEAST_TOO_MANY),
        ("arguments", LEAST_TOO_MANY),
        ("nodes", LEAST_TOO_MANY),
        ("bytes", _MOST_BYTES),
    ):
        value = getattr(each, name)
        if value is not None and not 0 <= value < most:
            yield f"{each.variant} has {value} {name}"
    if each.structure is not None:
        if len(each.structure) > MOST_KINDS:
            yield f"{each.variant} has over {MOST_KINDS} kinds of launches"
        for one in each.structure:
            counts = (one.per_iteration, one.arguments, one.items)
            if not is_name(one.path) or any(not 0 <= count < LEAST_TOO_MANY for count in counts):
                yield f"{each.variant} has launches that can't be"
