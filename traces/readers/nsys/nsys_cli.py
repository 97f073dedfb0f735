"""Nsight Systems on this machine: where it is, what its importer lacks, and how it exports a report."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from launchlens.traces.programs import run_to_end, telling, without_folders

#: Where installers put it, below the root of the file system; last the copy that Nsight Compute brings along.
PLACES = (
    "opt/nvidia/nsight-systems/*/bin/nsys",
    "opt/nvidia/nsight-systems/*/target-linux-*/nsys",
    "opt/nvidia/nsight-systems-cli/*/bin/nsys",
    "usr/local/cuda*/bin/nsys",
    "usr/local/cuda*/nsight-systems-*/bin/nsys",
    "usr/lib/nsight-systems/bin/nsys",
    "usr/lib/nsight-systems/target-linux-*/nsys",
    "opt/nvidia/nsight-compute/*/host/target-linux-*/nsys",
    "usr/local/cuda*/nsight-compute-*/host/target-linux-*/nsys",
    "usr/lib/nsight-compute/host/target-linux-*/nsys",
)
GET = "install NVIDIA Nsight Systems (https://developer.nvidia.com/nsight-systems) and put nsys on PATH"
#: The Debian package of a library that slim images lack.
_PACKAGES = {
    "libdw.so.1": "libdw1",
    "libelf.so.1": "libelf1",
    "libnss3.so": "libnss3",
    "libglib-2.0.so.0": "libglib2.0-0",
}
#: What the dynamic loader says on stderr of a program that it can't start.
_LOADER = re.compile(r"error while loading shared libraries: ([^\s:]+):")
#: An nsys that takes longer than this hangs, seconds.
LONGEST_S = 900


class NsysError(Exception):
    """nsys did not do what was asked; the text says why in one line. `for_good`: nor would it if asked again."""

    def __init__(self, text: str, *, for_good: bool = False) -> None:
        super().__init__(text)
        self.for_good = for_good


@dataclass(frozen=True)
class Nsys:
    """An nsys that answers. `missing` are the shared libraries that its importer can't find: without it no report is made."""

    path: Path
    version: str | None
    missing: tuple[str, ...] = ()


def find(root: Path = Path("/")) -> Nsys | None:
    """The nsys on PATH, else one in the places where it is installed below `root`, the newest of a place first."""
    for path in installed("nsys", PLACES, root):
        try:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            continue  # the CUDA toolkit's nsys is a script that fails when Nsight Systems itself isn't installed
        return Nsys(path, said.strip().splitlines()[0] if said.strip() else None, _missing_libraries(path))
    return None


def installed(program: str, places: Sequence[str], root: Path) -> Iterator[Path]:
    """What may be started as `program`: the one on PATH, then those in `places` below `root`, the newest of a place first."""
    on_path = shutil.which(program)
    if on_path:
        yield Path(on_path)
    for place in places:
        for path in sorted(root.glob(place), key=_by_number, reverse=True):
            if path.is_file() and os.access(path, os.X_OK):
                yield path


def _by_number(path: Path) -> list[tuple[int, str]]:
    """A key that puts 2025.10 after 2025.3."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(path))]


def _missing_libraries(nsys: Path) -> tuple[str, ...]:
    """The shared libraries that the importer beside `nsys` asks for and the loader doesn't find.

    Nothing is known, and nothing said, where no importer lies near: `nsys` is then somebody's script, which may well
    set what the importer needs.
    """
    near = list(nsys.resolve().parents)[:2]
    importer = next((found for folder in near for found in sorted(folder.glob("*/QdstrmImporter"))), None)
    if importer is None:
        return ()
    # what lies beside it counts as found: nsys starts it so
    known = os.pathsep.join(filter(None, (str(importer.parent), os.environ.get("LD_LIBRARY_PATH"))))
    try:
        answer = subprocess.run(
            ["ldd", importer],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "LD_LIBRARY_PATH": known},
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(dict.fromkeys(re.findall(r"(\S+) => not found", answer.stdout)))


def lacks(libraries: Sequence[str]) -> str:
    """What to say of an importer without its libraries: their names, and how to get them."""
    known = [_PACKAGES[name] for name in libraries if name in _PACKAGES]
    get = f"apt-get install {' '.join(known)}" if known else "install the packages that hold them"
    return f"its importer can't run: the shared library {', '.join(libraries)} is missing; {get}"


def export_sqlite(nsys: Nsys, report: Path, output: Path) -> None:
    """Export a .nsys-rep to an sqlite file. Raises NsysError when none comes of it."""
    code, said = said_by(
        nsys, ["export", "--type=sqlite", "--force-overwrite=true", f"--output={output}", str(report.absolute())]
    )
    if code or not output.is_file():
        raise explained(nsys, said, f"exported no sqlite of {report.name}")


def explained(nsys: Nsys, said: str, what: str) -> NsysError:
    """The error for an nsys that ran and did not deliver: a missing library by name, else the line it complained in."""
    libraries = tuple(dict.fromkeys((*_LOADER.findall(said), *nsys.missing)))
    if libraries:
        return NsysError(f"nsys {what}: {lacks(libraries)}", for_good=True)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return NsysError(f"nsys {what}: {without_folders(telling(lines) if lines else 'it said nothing')[:300]}")


def said_by(nsys: Nsys, arguments: Sequence[str]) -> tuple[int, str]:
    """The exit status of an nsys command and what it printed, stdout and stderr in one. Raises NsysError when it can't be run."""
    try:
        code, said = run_to_end([nsys.path, *arguments], longest_s=LONGEST_S)
    except OSError as error:
        raise NsysError(f"nsys can't be run: {error.strerror or error}", for_good=True) from None
    except subprocess.TimeoutExpired:
        raise NsysError(f"nsys {arguments[0]} did not end within {LONGEST_S} s", for_good=True) from None
    return code, said.decode("utf-8", "backslashreplace")
