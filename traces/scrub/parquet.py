"""Copies a parquet file of launchlens (an event table, a capture's timings) with what is declared alone."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from launchlens.traces import parquet
from launchlens.traces.captures.capture import TIMING_COLUMNS
from launchlens.traces.parquet import FAULTS, Limits, metadata_of, source
from launchlens.traces.problems import InputError
from launchlens.traces.readers.cupti.schema import METADATA_KEY
from launchlens.traces.readers.light.declared import is_recording
from launchlens.traces.readers.nsys.folder import refuse_other_forms
from launchlens.traces.readers.reader import Seen
from launchlens.traces.schema import COLUMNS
from launchlens.traces.scrub.text import Removed

#: Columns that event tables and timings had not got from the first.
_LATER = {"queued_ns", "submitted_ns", "channel", "length", "recorder"}
#: No table of ours has more rows, nor more text where every row has its own, bytes.
MOST_ROWS, MOST_TEXT = 50_000_000, 1 << 30


def read(path: Path) -> pd.DataFrame:
    """The declared columns of `path`, in their order. Raises InputError for what launchlens did not write."""
    try:
        with parquet.opened(path, Limits(MOST_ROWS, MOST_TEXT)) as file:
            for declared in (COLUMNS, TIMING_COLUMNS):
                names = [column.name for column in declared]
                if set(names) - _LATER <= set(file.schema.names):
                    frame: pd.DataFrame = file.plain(names).to_pandas()
                    return frame.reset_index(drop=True)
    except FAULTS as error:
        what = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(path, f"can't be read: {what[:200]}", "write it again") from None
    refuse_other_forms(Seen(path, b"PAR1"))
    raise InputError(
        path, "holds neither an event table nor timings", "give a parquet file that launchlens wrote, or a trace"
    )


def is_no_trace(path: Path) -> bool:
    """Whether `path` is a parquet file that does not say that it is a recording, of CUPTI or of the light recorder."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        if file.read(4) != b"PAR1":
            return False
    metadata = metadata_of(path)
    return METADATA_KEY not in (metadata or {}) and not is_recording(metadata)


def copy(path: Path, output: Path, removed: Removed) -> None:
    """Write `path` to `output` less other columns, the index and all metadata; count these in `removed`.

    Raises InputError for what launchlens did not write, OSError when `output` can't be written.
    """
    import pyarrow.parquet as pq

    frame = read(path)
    schema = pq.read_schema(source(path))
    # `pandas` says how columns become a frame again, and is written anew; `ARROW:schema` repeats the others
    removed["entries of metadata"] += len(set(schema.metadata or {}) - {b"pandas"})
    for name in schema.names:
        if name not in frame.columns:
            removed[f"column {name!r}"] += 1
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype | pd.StringDtype) or frame[name].dtype == object:
            removed.kept[f"column {name!r}"] += int(frame[name].notna().sum())
    with output.open("wb") as file:
        frame.to_parquet(file, index=False)
