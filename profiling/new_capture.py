"""Where a new capture goes, and how it grows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from launchlens.traces.captures.capture import Manifest, write_manifest
from launchlens.traces.problems import InputError

CAPTURES = Path("captures")


class NewCapture:
    """A capture while it is made: its manifest is written at once, and again whenever more is known."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        write_manifest(folder, manifest)

    def now(self, **known: Any) -> None:
        """Write the manifest again with what is `known` now of its fields."""
        self.manifest = replace(self.manifest, **known)
        write_manifest(self.folder, self.manifest)


@contextmanager
def unless_empty(folder: Path) -> Iterator[None]:
    """Take a new folder away again where what writes into it ends before it did."""
    try:
        yield
    except BaseException:
        with suppress(OSError):  # it holds something
            folder.rmdir()
        raise


def new_folder(output: Path | None, workload: str) -> Path:
    """`output`, made where it isn't there, else a new folder below captures/ named after the workload and the time.

    Raises InputError for a place that holds something already, or can't be made.
    """
    if output is None:
        return _by_time(workload)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(output, "exists and is not an empty folder", "give --output another name")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(output, f"can't be made: {error.strerror}", "give --output another place") from None
    return output


def _by_time(workload: str) -> Path:
    again = 0
    while True:  # two runs may start within one second
        again += 1
        name = f"{workload}-{datetime.now():%Y%m%d-%H%M%S}{f'-{again}' if again > 1 else ''}"
        folder = CAPTURES / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
