"""What `doctor --json` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from launchlens.traces.cache.store import Held
from launchlens.traces.documents.structure import Document, Structure, means
from launchlens.traces.thresholds import Threshold


class CheckRow(Structure, frozen=True, kw_only=True):
    """One thing that launchlens can use."""

    name: Annotated[str, means("what was looked for")]
    found: Annotated[bool, means("whether it is here and works")]
    version: Annotated[str | None, means("its version, or which GPU", null="it is absent, or does not say")]
    gives: Annotated[str, means("what it is for")]
    get: Annotated[str | None, means("how to get it", null="it was found")]


class ThresholdRow(Structure, frozen=True, kw_only=True):
    """One number that verdicts, problems or controls hang on."""

    name: Annotated[str, means("what it is called")]
    value: Annotated[int | float, means("what it is, in `unit`")]
    unit: Annotated[str, means("`ns`, `share` (1 is all), `×`, `GB/s`, `bytes`, `days`, or empty for a count")]
    reason: Annotated[str, means("why it is that")]


class CacheFolder(Structure, frozen=True, kw_only=True):
    """Where what was worked out of big traces is kept."""

    place: Annotated[
        str | None, means("the folder, whether it is there or not", null="nothing is kept: `LAUNCHLENS_CACHE` is `off`")
    ]
    entries: Annotated[int, means("how many entries it holds")]
    bytes: Annotated[int, means("how large they are in all", unit="bytes")]
    refused: Annotated[str | None, means("why it is not used", null="it may be used")]


class DoctorDocument(Document, tag_field="format", tag="launchlens.doctor/1", frozen=True, kw_only=True):
    """What is installed here, and what is missing."""

    printed_by: ClassVar = ("doctor --json",)
    history: ClassVar = (("launchlens.doctor/1", "the first"),)

    checks: Annotated[list[CheckRow], means("a row a thing")]
    cache: Annotated[CacheFolder, means("the cache folder")]
    thresholds: Annotated[list[ThresholdRow], means("a row a threshold: where the edges of verdicts are")]


def threshold_rows(thresholds: Iterable[Threshold]) -> list[ThresholdRow]:
    """Thresholds as documents hold them."""
    return [
        ThresholdRow(name=each.name, value=float(each.value), unit=each.unit, reason=each.reason) for each in thresholds
    ]


def cache_folder(held: Held) -> CacheFolder:
    """What is kept, as documents hold it."""
    place = None if held.place is None else str(held.place)
    return CacheFolder(place=place, entries=held.entries, bytes=held.bytes, refused=held.refused or None)
