"""What was worked out once, kept in the user's cache folder: entries by key, each one file, that are checked before they are used.

    find(key)       the parts of an entry; None where there is none, or what lies there is broken, too old or not this user's
    keep(key, …)    write one, beside its place and then renamed; what is too old, or too much in all, goes

An entry is a zip file: its parts, with the CRC-32 of each, and `about.json`, which holds the key that it was kept under. Nothing here
raises: what can't be read is worked out again, and what can't be kept is not. Runs at once don't disturb each other, for an entry
appears whole and a file that is being read stays readable when its name goes.

`LAUNCHLENS_CACHE` names another folder, or is `off`.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from launchlens.traces import files
from launchlens.traces.thresholds import THRESHOLDS

#: The variable that names another folder, and what it says where nothing is to be kept.
VARIABLE, OFF = "LAUNCHLENS_CACHE", "off"
#: What an entry's file is called, with its key before it, and the part that says what it is.
SUFFIX, ABOUT = ".entry.zip", "about.json"
#: The form of entries: one of another form is a miss.
FORM = 1
_DAY_S = 86_400
#: What reading a zip file that anybody may have damaged raises.
_FAULTS = (
    *(
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
        EOFError,
        MemoryError,
    ),
    *(struct.error, zipfile.BadZipFile),
)


def folder() -> Path | None:
    """Where entries lie, whether it is there or not; None where nothing is to be kept, or the user has no home."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return None if named.strip().lower() in (OFF, "") else Path(named) / "entries"
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # a relative one is to be ignored (XDG Base Directory Specification)
        return Path(base) / "launchlens" / "entries"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    caches = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return caches / "launchlens" / "entries"


@contextmanager
def off() -> Iterator[None]:
    """Neither use nor keep anything within, in this process and those that it starts."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = OFF
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


@dataclass(frozen=True)
class Held:
    """What lies in the cache. `place` is None where nothing is to be kept; `refused` says why its folder is not used."""

    place: Path | None
    entries: int
    bytes: int
    refused: str


def held() -> Held:
    """How much is kept, and where."""
    place = folder()
    if place is None:
        return Held(None, 0, 0, "")
    refused = _refused(place)
    found = [] if refused else _entries(place)
    return Held(place, len(found), sum(each.bytes for each in found), refused)


def find(key: str) -> dict[str, bytes] | None:
    """The parts of the entry kept under `key`, and that it was used is noted. What is there and can't be used goes."""
    place = folder()
    if place is None or _refused(place) or not os.path.isdir(place):
        return None
    path = place / f"{key}{SUFFIX}"
    try:
        parts = _read(path, key)
    except FileNotFoundError:
        return None
    except _FAULTS:
        with suppress(OSError):
            path.unlink()
        return None
    with suppress(OSError):
        os.utime(path)
    return parts


def has(key: str) -> bool:
    """Whether an entry is kept under `key`; not whether it can be used."""
    place = folder()
    return place is not None and (place / f"{key}{SUFFIX}").is_file()


def forget(key: str) -> None:
    """Remove an entry whose parts turned out to be no use."""
    place = folder()
    if place is not None and not _refused(place):
        with suppress(OSError):
            (place / f"{key}{SUFFIX}").unlink()


def keep(key: str, parts: Mapping[str, bytes]) -> None:
    """Keep the parts of an entry under `key`, in place of what is kept there."""
    place = folder()
    size = sum(map(len, parts.values()))
    if place is None or size > THRESHOLDS.cache_bytes / 4:
        return
    with suppress(OSError):
        if not os.path.isdir(place):
            place.mkdir(parents=True, mode=0o700, exist_ok=True)
        if _refused(place):
            return
        _make_room(place, size)
        with files.writing(place / f"{key}{SUFFIX}") as path:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as entry:
                entry.writestr(ABOUT, json.dumps({"form": FORM, "key": key, "parts": list(parts)}))
                for name, content in parts.items():
                    entry.writestr(name, content)
            path.chmod(0o600)


def _read(path: Path, key: str) -> dict[str, bytes]:
    """The parts of an entry. Raises FileNotFoundError where there is none, others of _FAULTS where it can't be used."""
    # a pipe would wait for somebody to write
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or _open_to_others(status, 0o022):
            raise ValueError("not a file that this user alone can have written")
        if status.st_size > THRESHOLDS.cache_bytes:
            raise ValueError("larger than all that is kept")
        if time.time() - status.st_mtime > THRESHOLDS.cache_days * _DAY_S:
            raise ValueError("too old")
        with zipfile.ZipFile(file) as entry:
            parts = entry.infolist()
            if sum(each.file_size for each in parts) > status.st_size:
                raise ValueError("says that it holds more than there is")
            if any(each.compress_type != zipfile.ZIP_STORED for each in parts):
                raise ValueError("not as it is written here")  # and what unpacks it has errors of its own
            about = json.loads(entry.read(ABOUT))
            if about["form"] != FORM or about["key"] != key:
                raise ValueError("of another form, or of another key")
            return {str(name): entry.read(name) for name in about["parts"]}


@dataclass(frozen=True)
class _Entry:
    path: Path
    bytes: int
    used: float


def _entries(place: Path) -> list[_Entry]:
    """All entries, the one that was used last at the end."""
    found = []
    with suppress(OSError), os.scandir(place) as listing:
        for each in listing:
            with suppress(OSError):
                if each.name.endswith(SUFFIX):
                    status = each.stat(follow_symlinks=False)
                    found.append(_Entry(Path(each.path), status.st_size, status.st_mtime))
    return sorted(found, key=lambda each: each.used)


def _make_room(place: Path, size: int) -> None:
    """Remove what was not used for long, and then what was used longest ago, until `size` bytes more are not too many."""
    entries = _entries(place)
    total, oldest = size + sum(each.bytes for each in entries), time.time() - THRESHOLDS.cache_days * _DAY_S
    for each in entries:
        if each.used < oldest or total > THRESHOLDS.cache_bytes:
            with suppress(OSError):
                each.path.unlink()
                total -= each.bytes
    for left in place.glob(f"{files.BESIDE}*"):  # of a run that was killed while it wrote
        with suppress(OSError):
            if left.lstat().st_mtime < time.time() - _DAY_S:
                for inner in left.iterdir():
                    inner.unlink()
                left.rmdir()


def _refused(place: Path) -> str:
    """Why the folder is not used, empty where it may be: what others can write to could hold anything."""
    try:
        status = os.stat(place)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"can't be looked into: {error.strerror or error}"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a folder"
    if _open_to_others(status, 0o077):
        return "is another user's, or open to others: only a folder of mode 0700 is used"
    return ""


def _open_to_others(status: os.stat_result, bits: int) -> bool:
    """Whether it is another user's, or has any of these bits of its mode set."""
    user = getattr(os, "geteuid", lambda: status.st_uid)()
    return status.st_uid != user or bool(status.st_mode & bits)
