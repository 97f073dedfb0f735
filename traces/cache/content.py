"""The keys of what is kept: the content of the files that it was worked out of, and the code that did.

The whole content is hashed, not the file's name and time: a key that is equal stands for the same bytes. The code is told by the names,
sizes and times of the modules under traces/, so that a checkout that is worked on uses nothing that its last state left.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import launchlens
from launchlens.traces.readers.reader import Reader
from launchlens.traces.thresholds import THRESHOLDS

_AT_ONCE = 1 << 20
#: What st_blocks counts, bytes, and how many times its room on disk a file is that is mostly holes; what is compressed there is none.
_A_BLOCK, _MOSTLY_HOLES = 512, 1000
_GZIP = b"\x1f\x8b"
#: What SQLite leaves beside a database that is being written: then the file alone is not its content.
_UNFINISHED = ("-wal", "-journal")


@dataclass(frozen=True)
class Content:
    """What some files held when they were hashed. `state` is by what a change while they are read is noticed."""

    digest: str
    state: tuple[tuple[str, int, int, int], ...]


def is_big(path: Path) -> bool:
    """Whether the trace at `path` takes long enough to read that its table is kept."""
    try:
        held = _files(path)
        states = [each.stat() for each in held]
        size = sum(each.st_size for each in states)
        if sum(getattr(each, "st_blocks", each.st_size) for each in states) * _A_BLOCK * _MOSTLY_HOLES < size:
            return False  # hashing holes takes as long as hashing what is there
        with open(held[0], "rb") as file:
            packed = file.read(2) == _GZIP
    except (OSError, IndexError):
        return False
    return size >= (THRESHOLDS.cache_least_packed_bytes if packed else THRESHOLDS.cache_least_bytes)


def content_of(path: Path) -> Content | None:
    """The content of a file, or of a folder of tables; None where it can't be read, or is still being written."""
    hashed = hashlib.blake2b(digest_size=20)
    try:
        state = _state(path)
        if state in _known:  # both sides of a comparison may be one file
            return Content(_known[state], state)
        for each in _files(path):
            if any(os.path.exists(f"{each}{ending}") for ending in _UNFINISHED):
                return None
            name = each.name if path.is_dir() else ""
            hashed.update(f"{name}\0{each.stat().st_size}\0".encode("utf-8", "surrogateescape"))
            with open(each, "rb") as file:
                while block := file.read(_AT_ONCE):
                    hashed.update(block)
        if _state(path) != state:
            return None
        _known[state] = hashed.hexdigest()
        return Content(_known[state], state)
    except OSError:
        return None


#: What this process hashed already, by the state of the files.
_known: dict[tuple[tuple[str, int, int, int], ...], str] = {}


def unchanged(path: Path, content: Content) -> bool:
    """Whether the files are still those that were hashed."""
    try:
        return _state(path) == content.state
    except OSError:
        return False


def key_of(what: str, content: Content, reader: Reader, options: Sequence[object]) -> str:
    """The key of `what` was worked out of that content by this code with these options."""
    parts = (what, content.digest, reader.name, reader.label, _code(), *options)
    return f"{what}-{hashlib.blake2b(repr(parts).encode('utf-8', 'backslashreplace'), digest_size=20).hexdigest()}"


@cache
def _code() -> str:
    """The version of what works things out."""
    root = Path(__file__).parents[1]
    modules = sorted(root.rglob("*.py"))
    state = [(str(each.relative_to(root)), (said := each.stat()).st_size, said.st_mtime_ns) for each in modules]
    return f"{launchlens.__version__} {hashlib.blake2b(repr(state).encode(), digest_size=16).hexdigest()}"


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]


def _state(path: Path) -> tuple[tuple[str, int, int, int], ...]:
    held = [(each, each.stat()) for each in _files(path)]
    return tuple((str(each), said.st_ino, said.st_size, said.st_mtime_ns) for each, said in held)
