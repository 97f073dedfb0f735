"""Copies a parquet file of launchlens (an event table, or a capture's timings) with its declared columns and no more."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from launchlens.traces.capture import TIMING_COLUMNS
from launchlens.traces.problems import InputError
from launchlens.traces.schema import COLUMNS
from launchlens.traces.scrub_text import Removed


def read(path: Path) -> pd.DataFrame:
    """The declared columns of `path`, in their order. Raises InputError for what launchlens did not write."""
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are both
        raise InputError(path, f"can't be read: {str(error).splitlines()[0]}", "write it again") from None
    for declared in (COLUMNS, TIMING_COLUMNS):
        names = [column.name for column in declared]
        if set(names) <= set(frame.columns):
            return frame[names].reset_index(drop=True)
    raise InputError(
        path, "holds neither an event table nor timings", "give a parquet file that launchlens wrote, or a trace"
    )


def copy(path: Path, output: Path, removed: Removed) -> None:
    """Write `path` to `output` less other columns, the index and all metadata; count these in `removed`.

    Raises InputError for what launchlens did not write, OSError when `output` can't be written.
    """
    import pyarrow.parquet as pq

    frame = read(path)
    schema = pq.read_schema(path)
    # `pandas` says how columns become a frame again, and is written anew; `ARROW:schema` repeats the others
    removed["entries of metadata"] += len(set(schema.metadata or {}) - {b"pandas"})
    for name in schema.names:
        if name not in frame.columns:
            removed[f"column {name!r}"] += 1
    frame.to_parquet(output, index=False)
