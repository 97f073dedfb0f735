"""The model that lies beside a sweep: which files it is of, and how it is written."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from launchlens.traces import files
from launchlens.traces.captures.capture import TIMINGS
from launchlens.traces.captures.marks import SWEEP
from launchlens.traces.captures.small_files import read_small
from launchlens.traces.sweeps.model import MODEL, SweepModel
from launchlens.traces.sweeps.sweep import Sweep

#: No file of a sweep is larger, bytes.
_MOST_BYTES = 512 << 20


def digest_of(folder: Path) -> str:
    """What tells the files of a sweep's folder from others. Raises InputError for what can't be read."""
    made = hashlib.sha256()
    for name in (SWEEP, TIMINGS):
        try:
            made.update(read_small(folder, name, _MOST_BYTES))
        except FileNotFoundError:
            made.update(b"none")
    return made.hexdigest()[:32]


def write_model(sweep: Sweep, model: SweepModel) -> None:
    """Store a model beside the sweep that it is of. Raises OSError where the folder can't be written to."""
    files.write_bytes(sweep.path / MODEL, msgspec.json.encode(model) + b"\n")
