"""What the light recorder writes, as the catalogue of readers lists it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from launchlens.traces.readers.reader import Reader, Seen

if TYPE_CHECKING:
    from launchlens.traces.scrub.text import Removed
    from launchlens.traces.trace import Progress, Trace

FORMAT_KEY = b"format"


def is_recording(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Whether the metadata of a parquet file say that the light recorder wrote it."""
    return metadata is not None and metadata.get(FORMAT_KEY, b"").startswith(b"launchlens.light/")


def _recognises(seen: Seen) -> bool:
    if not seen.head.startswith(b"PAR1"):
        return False
    from launchlens.traces.parquet import metadata_of

    return is_recording(metadata_of(seen.path))


def _read(path: Path, *, partial: bool, progress: Progress | None) -> Trace:
    from launchlens.traces.readers.light.reader import read

    return read(path, progress=progress)


def _scrub(path: Path, output: Path, removed: Removed, *, progress: Progress | None) -> None:
    from launchlens.traces.scrub.light import copy

    copy(path, output, removed)


EVENTS = Reader(
    name="light",
    label="a recording of the light recorder",
    tool="the light recorder",
    recognises=_recognises,
    read=_read,
    scrub=_scrub,
    remedy="record it again with profile",
)
