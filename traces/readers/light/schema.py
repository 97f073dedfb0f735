"""The parquet files of the light recorder's events: host events only, ns since the first block that was kept."""

from __future__ import annotations

import pyarrow as pa

FORMAT = "launchlens.light/1"

SCHEMA = pa.schema(
    [
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("dur_ns", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("thread", pa.int64(), nullable=False),
    ]
)
