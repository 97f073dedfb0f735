"""Small files, which may come from a stranger: regular files of a bounded size, and those of a capture in its folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from launchlens.traces.problems import InputError

#: No manifest and no file of probes is larger; those that ship have 170 kB at most.
MOST_BYTES = 64 << 20
_AGAIN = "record the capture again"


def read_small(folder: Path, name: str, most: int = MOST_BYTES) -> bytes:
    """What the file `name` of a capture holds.

    Raises FileNotFoundError where there is none, and InputError, at once, for what is no regular file (a pipe would wait for
    somebody to write, a device might never end), lies elsewhere, is larger than `most` bytes, or can't be read.
    """
    path = folder / name
    if not is_within(path, folder):
        raise InputError(path, "is a link that leads out of the capture", "put the file itself there")
    return _read(path, most, "no capture's has", _AGAIN)


def read_given(path: Path) -> bytes:
    """What a small file that somebody named holds, wherever it lies. Raises InputError, at once, for whatever is none, or is absent."""
    try:
        return _read(path, MOST_BYTES, "no such file has", "give a file of text")
    except FileNotFoundError as error:
        raise InputError(path, f"can't be read: {error.strerror}", "check the path") from None


def _read(path: Path, most: int, none_has: str, remedy: str) -> bytes:
    try:
        # a pipe that nobody writes to is opened only so
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(path, "is not a regular file", remedy)
            if status.st_size > most:
                raise InputError(path, f"has {status.st_size:,} bytes, and {none_has} over {most:,}", remedy)
            return file.read(most)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise InputError(path, "is not a regular file", remedy) from None
    except OSError as error:
        raise InputError(path, f"can't be read: {error.strerror or error}", "check its permissions") from None


def is_within(path: Path, folder: Path) -> bool:
    """Whether what `path` is, links followed, lies in `folder`; so does what no file can be called or links in a circle."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return True
