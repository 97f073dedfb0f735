"""What torch.profiler writes, as the catalogue of readers lists it."""

from __future__ import annotations

from pathlib import Path

from launchlens.traces.readers.reader import Reader, Seen, read_by, scrub_by

_GZIP = b"\x1f\x8b"
#: What may stand before JSON: spaces, a mark of UTF-8, and NUL, with which a file that was to grow further is filled.
_BEFORE = b"\xef\xbb\xbf \t\r\n\x00"


def _recognises(seen: Seen) -> bool:
    return seen.head.startswith(_GZIP) or seen.head.lstrip(_BEFORE)[:1] in (b"{", b"[")


def _check(path: Path) -> None:
    from launchlens.traces.readers.kineto.beginning import check

    check(path)


JSON = Reader(
    name="kineto",
    label="a torch.profiler trace",
    tool="torch.profiler",
    recognises=_recognises,
    read=read_by("launchlens.traces.readers.kineto.reader"),
    scrub=scrub_by("launchlens.traces.scrub.kineto"),
    remedy="export it again: profile.export_chrome_trace(FILE)",
    in_perfetto=True,
    knows_operators=True,
    check=_check,
)
