"""The recorded captures that ship with the package, for machines without a GPU."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from launchlens.traces.captures.capture import Manifest, read_manifest
from launchlens.traces.captures.marks import MANIFEST, SWEEP
from launchlens.traces.captures.small_files import read_small
from launchlens.traces.files import put_copies
from launchlens.traces.problems import InputError
from launchlens.traces.sweeps.sweep import SweepRecord, is_sweep, read_record

FOLDER = Path(__file__).parents[1] / "recorded"


#: Options that make a capture answer another question than the plain command does.
SPECIAL = {"--all", "--count", "--sizes", "--set", "--variant", "--regime"}


def recorded_captures(workload: str, *, every: bool = False) -> list[Path]:
    """Shipped captures of a workload, the one to report on first.

    Those made on a GPU come first; then those made by the plain command or, for `every`, of all variants; then the newest, and of
    one day the first by name.
    """
    found = []
    for manifest in FOLDER.glob(f"*/{MANIFEST}"):
        raw = json.loads(manifest.read_text("utf-8"))
        if raw["workload"]["name"] == workload:
            options = SPECIAL & set(raw["command"])
            wanted = options == ({"--all"} if every else set())
            found.append((raw["device"] == "cuda", wanted, raw["recorded_at"][:10], manifest.parent))
    by_name = sorted(found, key=lambda each: each[-1])
    return [path for *_, path in sorted(by_name, key=lambda each: each[:-1], reverse=True)]


class _OfWorkload(msgspec.Struct):
    name: str


class _Said(msgspec.Struct):
    """What of the record of a sweep, which is long, says whether it is asked for."""

    workload: _OfWorkload
    recorded_at: str


def recorded_sweep(workload: str) -> Path:
    """The shipped sweep of a workload that is shown first: the newest.

    Raises InputError where none ships.
    """
    found, others = [], set()
    for place in FOLDER.glob("*/sweep.json"):
        raw = msgspec.json.decode(place.read_bytes(), type=_Said)
        others.add(raw.workload.name)
        if raw.workload.name == workload:
            found.append((raw.recorded_at, place.parent))
    if not found:
        known = f"sweeps of these ship: {', '.join(sorted(others))}" if others else "none ships"
        raise InputError(workload, f"has no sweep that ships; {known}", "give a folder that `profile --sweep` wrote")
    return max(found)[1]


def all_recorded() -> list[Path]:
    """Every shipped capture, by name."""
    return sorted(manifest.parent for manifest in FOLDER.glob(f"*/{MANIFEST}"))


def recorded_sweeps() -> list[Path]:
    """Every shipped sweep, by name."""
    return sorted(place.parent for place in FOLDER.glob("*/sweep.json"))


def describe_recorded(manifest: Manifest | SweepRecord) -> str:
    """One line that says that numbers are recorded, and where, when and with what they were."""
    environment = manifest.environment
    where = environment.get("gpu") or f"{environment.get('cpu') or 'a CPU'} (no GPU)"
    versions = [
        f"{name} {environment[key]}"
        for name, key in (("driver", "driver"), ("CUDA", "cuda"), ("torch", "torch"), ("triton", "triton"))
        if environment.get(key)
    ]
    return f"Recorded, not measured on this machine: {where}, {manifest.recorded_at[:10]}, {', '.join(versions)}."


def describe_if_recorded(capture: Path) -> str | None:
    """What to say of a shipped capture or sweep, or a copy of one: it was not measured on this machine. None of any other."""
    if is_sweep(capture):
        swept = {place.read_bytes() for place in FOLDER.glob(f"*/{SWEEP}")}
        return (
            describe_recorded(read_record(capture))
            if read_small(capture.parent if capture.name == SWEEP else capture, SWEEP) in swept
            else None
        )
    shipped = {path.read_bytes() for path in FOLDER.glob(f"*/{MANIFEST}")}
    return describe_recorded(read_manifest(capture)) if _manifest_of(capture) in shipped else None


def is_copy(source: Path, target: Path) -> bool:
    """Whether `target` is a copy of the shipped capture `source`: it has the same manifest, byte for byte."""
    return _manifest_of(target) == (source / MANIFEST).read_bytes()


def _manifest_of(folder: Path) -> bytes | None:
    """The bytes of a folder's manifest; None where it has none that can be read."""
    try:
        return read_small(folder, MANIFEST)
    except (FileNotFoundError, InputError):
        return None


def copy_recorded(source: Path, target: Path) -> None:
    """Copy a shipped capture to `target`, whole or not at all, where a report can lie beside its traces.

    Contents only: what ships may be read-only, and the copy's folder must take a report.
    """
    copies = {target / file.relative_to(source): file for file in sorted(source.rglob("*")) if file.is_file()}
    for copy in copies:
        copy.parent.mkdir(parents=True, exist_ok=True)
    put_copies(copies)
