"""The two libraries of the light recorder: built once by the C and C++ compilers that are here, then kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from launchlens.profiling.collectors.error import CollectorError
from launchlens.traces.files import put

_HERE = Path(__file__).parent
#: Overrides where libraries are kept.
CACHE = "LAUNCHLENS_CACHE"
GET = "install a C and a C++ compiler (gcc and g++, say)"
#: A compiler that takes longer than this hangs, seconds.
_LONGEST_S = 300


@dataclass(frozen=True)
class Libraries:
    """Where they lie: `interpose` sees API calls (preloaded), `observe` sees framework ops; None without torch's headers."""

    interpose: Path
    observe: Path | None


def built() -> Libraries:
    """Both libraries, built where they are not in the cache. Raises CollectorError where they can't be."""
    cc, cxx = _compiler("CC", "cc", "gcc"), _compiler("CXX", "c++", "g++")
    headers = _torch_headers()
    folder = _cache() / _digest(cc, cxx, headers)
    interpose, observe = folder / "interpose.so", folder / "observe.so"
    if not interpose.is_file():
        _build([cc, "-O1", "-shared", "-fPIC", str(_HERE / "interpose.c"), "-ldl", "-lpthread"], interpose)
    if headers is None:
        return Libraries(interpose, None)
    if not observe.is_file():
        includes = [f"-isystem{each}" for each in headers.includes]
        # torch's libraries are in the process that loads it, and found by their names: no path of this machine is kept
        libraries = [f"-L{headers.libraries}", "-ltorch_cpu", "-lc10"]
        options = ["-O2", "-std=c++20", "-shared", "-fPIC", f"-D_GLIBCXX_USE_CXX11_ABI={headers.new_abi}"]
        _build([cxx, *options, *includes, str(_HERE / "observe.cpp"), *libraries], observe)
    return Libraries(interpose, observe)


@dataclass(frozen=True)
class _Headers:
    includes: tuple[Path, ...]
    libraries: Path
    new_abi: int
    version: str


def _torch_headers() -> _Headers | None:
    try:
        import torch
    except ImportError:
        return None
    include = Path(torch.__file__).parent / "include"
    if not (include / "ATen" / "record_function.h").is_file():
        return None
    more = include / "torch" / "csrc" / "api" / "include"
    return _Headers(
        (include, more), include.parent / "lib", int(torch.compiled_with_cxx11_abi()), str(torch.__version__)
    )


def _compiler(variable: str, *names: str) -> str:
    named = os.environ.get(variable)
    found = next((path for name in ((named,) if named else names) if name and (path := shutil.which(name))), None)
    if found is None:
        raise CollectorError(f"no {'C++' if variable == 'CXX' else 'C'} compiler is here: {GET}", for_good=True)
    return found


def _cache() -> Path:
    given = os.environ.get(CACHE) or os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "launchlens" / "light"


def _digest(cc: str, cxx: str, headers: _Headers | None) -> str:
    """What a library is good for: these sources, compilers, torch and processor."""
    parts = [file.read_bytes() for file in sorted(_HERE.glob("*.[ch]*")) if file.suffix in (".c", ".cpp", ".h")]
    parts += [_version(each).encode() for each in (cc, cxx)]
    parts += [platform.machine().encode(), (headers.version if headers else "").encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


def _version(compiler: str) -> str:
    try:
        said = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    return f"{Path(compiler).name} {said.splitlines()[0] if said else ''}"


def _build(command: list[str], place: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="launchlens-light-") as folder:
            made = Path(folder) / place.name
            done = subprocess.run(
                [*command, "-o", str(made)], capture_output=True, text=True, timeout=_LONGEST_S, check=False
            )
            if done.returncode or not made.is_file():
                lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
                why = lines[0].rpartition("/")[2] if lines else f"status {done.returncode}"
                raise CollectorError(
                    f"{Path(command[0]).name} could not build {place.name}: {why[:200]}", for_good=True
                )
            put({place: made})
    except subprocess.TimeoutExpired:
        raise CollectorError(f"{Path(command[0]).name} did not end within {_LONGEST_S} s", for_good=True) from None
    except OSError as error:
        raise CollectorError(f"{place.name} can't be kept: {error.strerror or error}", for_good=True) from None
