"""Files that a command writes: never over an input, never over what is there unless forced, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from launchlens.traces.captures.capture import write_whole
from launchlens.traces.problems import InputError


def free(path: Path, force: bool, source: Path) -> Path:
    """`path` as a place to write to. Raises InputError where it is the input or one of its files, or there and not forced."""
    if path.is_dir():
        raise InputError(path, "is a folder", "name a file")
    # not Path.resolve: before Python 3.13 it raises RuntimeError for links that lead round in a circle
    place, origin = Path(os.path.realpath(path)), Path(os.path.realpath(source))
    within = source.is_dir() and place.is_relative_to(origin) and path.name != "report.html"
    if place == origin or (within and path.exists()):
        raise InputError(path, "belongs to the input, which is never overwritten", "give another name")
    if path.exists() and not force:
        raise InputError(path, "exists already", "pass --force to overwrite it")
    return path


def write(path: Path, text: str) -> None:
    """Write a text file, whole or not at all. Raises InputError where the system refuses."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise InputError(path, f"can't be written: {error.strerror}", "give another place") from None
