"""What the light recorder writes, as the catalogue of readers lists it."""

from __future__ import annotations

from collections.abc import Mapping

from launchlens.traces.readers.reader import Reader, Seen, read_by, scrub_by

FORMAT_KEY = b"format"


def is_recording(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Whether the metadata of a parquet file say that the light recorder wrote it."""
    return metadata is not None and metadata.get(FORMAT_KEY, b"").startswith(b"launchlens.light/")


def _recognises(seen: Seen) -> bool:
    if not seen.head.startswith(b"PAR1"):
        return False
    from launchlens.traces.parquet import metadata_of

    return is_recording(metadata_of(seen.path))


EVENTS = Reader(
    name="light",
    label="a recording of the light recorder",
    tool="the light recorder",
    recognises=_recognises,
    read=read_by("launchlens.traces.readers.light.reader"),
    scrub=scrub_by("launchlens.traces.scrub.light"),
    remedy="record it again with profile",
)
