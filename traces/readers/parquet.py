"""Parquet files from strangers: what one says of itself."""

from __future__ import annotations

from pathlib import Path


def metadata_of(path: Path) -> dict[bytes, bytes] | None:
    """What a parquet file says of itself as a whole; None where it can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return dict(pq.read_schema(path).metadata or {})
    except (OSError, ValueError, pa.ArrowException):
        return None
