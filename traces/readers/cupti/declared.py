"""What `profile --collector cupti` writes, as the catalogue of readers lists it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from launchlens.traces.readers.reader import Reader, Seen

if TYPE_CHECKING:
    from launchlens.traces.scrub.text import Removed
    from launchlens.traces.trace import Progress, Trace


def _recognises(seen: Seen) -> bool:
    return seen.head.startswith(b"PAR1")


def _refuse(seen: Seen) -> None:
    if _recognises(seen):
        from launchlens.traces.parquet import metadata_of
        from launchlens.traces.readers.cupti.file import check_is_recording

        metadata = metadata_of(seen.path)
        if metadata is not None:
            check_is_recording(seen.path, metadata)


def _read(path: Path, *, partial: bool, progress: Progress | None) -> Trace:
    from launchlens.traces.readers.cupti.reader import read

    return read(path, progress=progress)


def _scrub(path: Path, output: Path, removed: Removed, *, progress: Progress | None) -> None:
    from launchlens.traces.scrub.parquet import copy_recording

    copy_recording(path, output, removed)


RECORDING = Reader(
    name="cupti",
    label="a CUPTI recording",
    tool="CUPTI",
    recognises=_recognises,
    read=_read,
    scrub=_scrub,
    remedy="record it again with profile --collector cupti",
    refuse=_refuse,
    adds_to_calls_alone=True,
)
