"""What is installed here, what is missing, and what each missing thing would give."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from dataclasses import dataclass

from launchlens.profiling import nsight, nsight_ui
from launchlens.profiling.checking import without_folders
from launchlens.profiling.collectors.cupti_session import GET
from launchlens.profiling.environment import NEEDS, has_cuda, missing, version

_PACKAGES = {"torch": "torch", "triton": "triton", "nvtx": "nvtx", "nvml": "nvidia-ml-py"}


@dataclass(frozen=True)
class Check:
    """One thing that can be used: what it `gives`, and how to `get` it (None if it was found).

    `version` is None where it is absent, or does not say.
    """

    name: str
    found: bool
    version: str | None
    gives: str
    get: str | None


def examine() -> list[Check]:
    """A row per thing that can be used, whether it is here or not."""
    rows = [_row("python", True, platform.python_version(), "everything", "")]
    gpu = _gpu() if has_cuda() else None
    for need, (gives, get) in NEEDS.items():
        found = not missing([need], "cuda")
        rows.append(_row(need, found, gpu if need == "cuda" else version(_PACKAGES.get(need, need)), gives, get))
    rows.append(
        _row(
            "isal",
            importlib.util.find_spec("isal") is not None,
            version("isal"),
            "faster reading of .gz traces",
            "pip install isal",
        )
    )
    rows.append(
        _row(
            "perfetto",
            importlib.util.find_spec("perfetto") is not None,
            version("perfetto"),
            "export --perfetto",
            "pip install 'launchlens[export]'",
        )
    )
    rows.append(_nsys())
    window = next(iter(nsight_ui.candidates()), None)
    rows.append(_row("nsys-ui", window is not None, None, "open --in nsight", nsight_ui.GET))
    rows.append(_cupti())
    return rows


def _row(name: str, found: bool, known_version: str | None, gives: str, get: str) -> Check:
    return Check(name, found, known_version if found else None, gives, None if found else get)


def _gpu() -> str:
    import torch

    return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"


def _nsys() -> Check:
    """Nsight Systems, which is of use only when its importer can run as well."""
    nsys = nsight.find()
    gives = "profile --collector nsys, and opening .nsys-rep files"
    if nsys is None:
        return _row("nsys", False, None, gives, nsight.GET)
    return _row(
        "nsys", not nsys.missing, nsys.version, gives, f"{nsys.path} is there, but {nsight.lacks(nsys.missing)}"
    )


#: torch brings the libcupti that cupti-python has to go with.
_TRY_CUPTI = """
try: import torch
except ImportError: pass
from cupti import cupti
cupti.get_timestamp()
"""


def _cupti() -> Check:
    """cupti-python, which is of use only when it finds the libcupti of its CUDA version."""
    gives = "profile --collector cupti"
    if importlib.util.find_spec("cupti") is None:
        return _row("cupti", False, None, gives, GET)
    fault = _fault_of(_TRY_CUPTI)
    known = version("cupti-python")
    return _row("cupti", fault is None, known, gives, f"cupti-python {known or ''} is there, but {fault}; {GET}")


def _fault_of(code: str) -> str | None:
    """What some Python says when it fails, tried in a process of its own: native code may end it. None when it works."""
    try:
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"it can't be tried: {type(error).__name__}"
    if not answer.returncode:
        return None
    lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    return without_folders(lines[-1])[:200] if lines else f"it ends with status {answer.returncode}"
