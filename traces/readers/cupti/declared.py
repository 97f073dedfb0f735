"""What `profile --collector cupti` writes, as the catalogue of readers lists it."""

from __future__ import annotations

from launchlens.traces.readers.reader import Reader, Seen, read_by, scrub_by


def _recognises(seen: Seen) -> bool:
    return seen.head.startswith(b"PAR1")


def _refuse(seen: Seen) -> None:
    if _recognises(seen):
        from launchlens.traces.parquet import metadata_of
        from launchlens.traces.readers.cupti.file import check_is_recording

        metadata = metadata_of(seen.path)
        if metadata is not None:
            check_is_recording(seen.path, metadata)


RECORDING = Reader(
    name="cupti",
    label="a CUPTI recording",
    tool="CUPTI",
    recognises=_recognises,
    read=read_by("launchlens.traces.readers.cupti.reader"),
    scrub=scrub_by("launchlens.traces.scrub.cupti"),
    remedy="record it again with profile --collector cupti",
    refuse=_refuse,
    adds_to_calls_alone=True,
)
