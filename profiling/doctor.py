"""What is installed here, what is missing, and what each missing thing would give."""

from __future__ import annotations

import importlib.util
import platform

from launchlens.profiling.collectors.catalogue import CATALOGUE
from launchlens.profiling.environment import NEEDS, Examined, has_cuda, missing, version
from launchlens.traces.readers.catalogue import windows

_PACKAGES = {"torch": "torch", "triton": "triton", "nvtx": "nvtx", "nvml": "nvidia-ml-py"}


#: Packages that something asks for and nothing needs: what each gives, and how to get it.
_OPTIONAL = {
    "isal": ("faster reading of .gz traces", "pip install isal"),
    "perfetto": ("export --perfetto", "pip install 'launchlens[export]'"),
}


def examine() -> list[Examined]:
    """A row per thing that may be missing, Python first."""
    rows = [Examined("python", True, platform.python_version(), "everything", None)]
    gpu = _gpu() if has_cuda() else None
    for need, (gives, get) in NEEDS.items():
        found = not missing([need], "cuda")
        rows.append(_row(need, found, gpu if need == "cuda" else version(_PACKAGES.get(need, need)), gives, get))
    for package, (gives, get) in _OPTIONAL.items():
        rows.append(_row(package, importlib.util.find_spec(package) is not None, version(package), gives, get))
    rows += [said for each in CATALOGUE.values() if (said := each.examined()) is not None]
    rows += [
        _row(each.program, bool(each.programs()), None, f"open --in {name}", each.get)
        for name, each in windows().items()
    ]
    return rows


def _row(name: str, found: bool, known_version: str | None, gives: str, get: str) -> Examined:
    return Examined(name, found, known_version if found else None, gives, None if found else get)


def _gpu() -> str:
    import torch

    return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"
