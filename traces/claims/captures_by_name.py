"""Which captures claims are tested on: each once, and each under a name that tells it from the others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from launchlens.traces.captures.capture import TIMINGS
from launchlens.traces.captures.marks import MANIFEST, SWEEP
from launchlens.traces.captures.probes import PROBES


def named(paths: Sequence[Path]) -> dict[str, Path]:
    """Captures by name, in the order given; a capture that is given again, or a copy of one, is left out.

    A name is a folder's own, with as many of the folders above it as it takes to tell captures apart. What is no capture
    is kept: who reads it says so.
    """
    folders: dict[Path, Path] = {}
    seen: set[str] = set()
    for path in paths:
        folder = path.parent if path.name in (MANIFEST, SWEEP) else path
        place, content = _resolved(folder), _content(folder)
        if place not in folders and content not in seen:
            folders[place] = path
            seen |= {content} if content else set()
    return {_name(place, [*folders]): path for place, path in folders.items()}


#: No capture and no sweep has a file that is larger.
_MOST_BYTES = 1 << 30


def _resolved(folder: Path) -> Path:
    try:
        return folder.resolve()
    except (OSError, RuntimeError):  # links that lead round in a circle
        return folder.absolute()


def _content(folder: Path) -> str | None:
    """A digest of what claims are tested on; None where it can't be read, which its reader will say."""
    digest = hashlib.sha256()
    try:
        for name in (MANIFEST, SWEEP, TIMINGS, PROBES):
            file = folder / name
            if file.is_file():
                if file.stat().st_size > _MOST_BYTES:
                    return None
                with file.open("rb") as stream:
                    digest.update(f"{name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}".encode())
    except OSError:
        return None
    if not any((folder / name).is_file() for name in (MANIFEST, SWEEP)):
        return None
    return digest.hexdigest()


def _name(place: Path, others: Sequence[Path]) -> str:
    parts = place.parts
    for depth in range(1, len(parts) + 1):
        tail = parts[-depth:]
        if sum(other.parts[-depth:] == tail for other in others) == 1:
            break
    return "/".join(part.strip("/") for part in tail if part != "/") or str(place)
