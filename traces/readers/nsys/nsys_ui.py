"""Nsight Systems' own window: which report to show in it, where the program is, and starting it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from launchlens.traces.captures.capture import Capture, read_capture
from launchlens.traces.captures.marks import MANIFEST
from launchlens.traces.problems import InputError
from launchlens.traces.programs import telling, without_folders
from launchlens.traces.readers.nsys import nsys_cli
from launchlens.traces.readers.nsys.declared import GET_WINDOW, NAME, REPORTS
from launchlens.traces.readers.nsys.nsys_cli import NsysError

#: Where installers put it, below the root of the file system; last what Nsight Compute brings along, if it brings it.
PLACES = (
    "opt/nvidia/nsight-systems/*/bin/nsys-ui",
    "opt/nvidia/nsight-systems/*/host-linux-*/nsys-ui",
    "usr/local/cuda*/bin/nsys-ui",
    "usr/local/cuda*/nsight-systems-*/bin/nsys-ui",
    "usr/local/cuda*/nsight-systems-*/host-linux-*/nsys-ui",
    "usr/lib/nsight-systems/bin/nsys-ui",
    "usr/lib/nsight-systems/host-linux-*/nsys-ui",
    "opt/nvidia/nsight-compute/*/host/*/nsys-ui",
    "usr/local/cuda*/nsight-compute-*/host/*/nsys-ui",
    "usr/lib/nsight-compute/host/*/nsys-ui",
)
#: Where it lies in an installation, seen from the folder that holds that of nsys, or from nsys' own.
_BESIDE = ("nsys-ui", "bin/nsys-ui", "host-linux-*/nsys-ui")
#: A window that can't be opened is given up within this time, seconds.
FIRST_S = 3.0


@dataclass(frozen=True)
class Report:
    """A report to show. Of a capture: the `regime` that it holds, and the `others` that have a report as well."""

    path: Path
    regime: str | None = None
    others: tuple[str, ...] = ()


def shown(source: Path, regime: str | None) -> str:
    """Show the report of `source` in the window, and say which and in what. Raises InputError where that can't be done."""
    try:
        report = report_of(source, regime)
        program = show(report.path, candidates())
    except NsysError as error:
        raise InputError(source, str(error)) from None
    others = f" (also recorded, with --regime: {', '.join(report.others)})" if report.others else ""
    which = f"{report.path}, regime {report.regime}{others}" if report.regime else f"{report.path}"
    return f"{which}: open in {program}"


def report_of(source: Path, regime: str | None = None) -> Report:
    """The report to show for `source`: a report itself, or a capture, of which it is the one of `regime` or the first.

    Raises NsysError, saying what is wrong and what to do, where there is none, and InputError for a folder that is no
    capture.
    """
    if source.is_dir() or source.name == MANIFEST:
        return _of_capture(read_capture(source), regime)
    if not source.is_file():
        raise NsysError("is no file: check the path")
    if source.suffix == ".sqlite" and source.with_suffix(REPORTS[0]).is_file():
        source = source.with_suffix(REPORTS[0])  # nsys exports a report under the report's name
    if source.suffix not in REPORTS:
        raise NsysError(
            "is no report of Nsight Systems (.nsys-rep), and nsys-ui opens nothing else: leave out --in nsight, and it opens in Perfetto"
        )
    if not source.stat().st_size:
        raise NsysError("is empty: record it again")
    if regime is not None:
        raise NsysError("is one report, not a capture: leave out --regime")
    return Report(source)


def _of_capture(capture: Capture, regime: str | None) -> Report:
    regimes = dict.fromkeys(each.regime for each in capture.manifest.traces if each.collector == NAME and each.path)
    found = {
        name: path for name in regimes if _is_inside(path := capture.path / f"{NAME}/{name}{REPORTS[0]}", capture.path)
    }
    if not found:
        raise NsysError("holds no report of Nsight Systems: record one with launchlens profile --collector nsys")
    chosen = next(iter(found)) if regime is None else regime
    if chosen not in found:
        raise NsysError(f"holds no report of regime {chosen!r}: it holds {', '.join(found)}")
    return Report(found[chosen], chosen, tuple(name for name in found if name != chosen))


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a report is there, and is not a link that leads out of the capture."""
    try:
        return path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a name that no file can have, or links that lead round in a circle
        return False


def candidates(root: Path = Path("/")) -> list[Path]:
    """Every nsys-ui that may be started: on PATH, in the places where it is installed below `root`, and beside an nsys."""
    found: dict[Path, Path] = {}
    for path in (*nsys_cli.installed("nsys-ui", PLACES, root), *_beside_nsys(root)):
        found.setdefault(path.resolve(), path)
    return list(found.values())


def _beside_nsys(root: Path) -> Iterator[Path]:
    for nsys in nsys_cli.installed("nsys", nsys_cli.PLACES, root):
        for folder in list(nsys.resolve().parents)[:2]:
            for place in _BESIDE:
                yield from (path for path in sorted(folder.glob(place)) if path.is_file() and os.access(path, os.X_OK))


def show(report: Path, programs: Sequence[Path]) -> Path:
    """Start the first of `programs` that opens a window on `report`; return which. The window outlives this process.

    Raises NsysError when there is none, or none of them can open one.
    """
    if not programs:
        raise NsysError(f"can't be shown: nsys-ui is neither on PATH nor where its installers put it: {GET_WINDOW}")
    faults = []
    for program in programs:
        fault = _fault_of(program, report)
        if fault is None:
            return program
        faults.append(fault)
    raise NsysError(f"can't be shown: {faults[0]}")


def _fault_of(program: Path, report: Path) -> str | None:
    """Start one nsys-ui; None when it runs on, or has ended well (some start the window and leave), else what it said."""
    # a file, not a pipe: nobody reads what the window says later
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                [program, report.absolute()],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code = process.wait(timeout=FIRST_S)
        except subprocess.TimeoutExpired:
            process.returncode = 0  # it is left alone from here on, which Popen would warn of
            return None
        except OSError as error:
            return f"nsys-ui can't be run: {error.strerror or error}"
        if not code:
            return None
        said.seek(0)
        lines = [line.strip() for line in said.read().decode("utf-8", "backslashreplace").splitlines() if line.strip()]
    what = without_folders(telling(lines))[:300] if lines else f"it ended with status {code}"
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        what += "; this machine has no display: copy the report to one that has"
    return f"nsys-ui opened no window: {what}"
