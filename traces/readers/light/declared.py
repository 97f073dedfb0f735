"""What the light recorder writes, as the catalogue of readers lists it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from launchlens.traces.parquet import metadata_of
from launchlens.traces.readers.reader import Reader, Seen

if TYPE_CHECKING:
    from launchlens.traces.trace import Progress, Trace

FORMAT_KEY = b"format"


def _recognises(seen: Seen) -> bool:
    if not seen.head.startswith(b"PAR1"):
        return False
    metadata = metadata_of(seen.path)
    return metadata is not None and metadata.get(FORMAT_KEY, b"").startswith(b"launchlens.light/")


def _read(path: Path, *, partial: bool, progress: Progress | None) -> Trace:
    from launchlens.traces.readers.light.reader import read

    return read(path, progress=progress)


EVENTS = Reader(
    name="light",
    label="a recording of the light recorder",
    recognises=_recognises,
    read=_read,
    scrub=None,
    remedy="record it again with profile",
    scrub_instead="it holds nothing but names of ops, calls and variants: share it as it is",
)
