"""What the measuring machine is and has, without a word about whose it is.

No host name, user, path, environment variable, serial number or UUID is read, so none can leave with a capture.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from launchlens import __version__

#: need -> (what it gives, how to get it). The needs that a variant or collector may name.
NEEDS: dict[str, tuple[str, str]] = {
    "torch": ("the torch variants and the torch.profiler collector", "pip install 'launchlens[gpu]'"),
    "cuda": ("measuring on a GPU", "a machine with an NVIDIA GPU, its driver, and a CUDA build of torch"),
    "triton": ("the Triton variants", "pip install 'launchlens[gpu]'"),
    "nvcc": (
        "building the CUDA C++ variants",
        "a C++ compiler and the CUDA toolkit of torch's CUDA version, with nvcc on PATH or below CUDA_HOME",
    ),
    "ninja": ("building the CUDA C++ variants", "pip install ninja"),
    "cuda-bindings": ("the variants that call CUDA's runtime from Python", "pip install cuda-bindings"),
    "nvtx": ("ranges that Nsight Systems shows", "pip install 'launchlens[gpu]'"),
    "nvml": ("clocks, power and driver version in the capture", "pip install 'launchlens[gpu]' and an NVIDIA driver"),
}


@dataclass(frozen=True)
class Examined:
    """A thing that may be here: its version (None where unknown or absent), what it gives, how to get it (None if found)."""

    name: str
    found: bool
    version: str | None
    gives: str
    get: str | None


def has_cuda() -> bool:
    """Whether torch is installed and sees a CUDA GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available()) and torch.version.hip is None


def has_compilers() -> bool:
    """Whether nvcc and a C++ compiler are where torch's extension builder looks for them."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    nvcc = shutil.which("nvcc", path=os.path.join(home, "bin")) or shutil.which("nvcc")
    return nvcc is not None and shutil.which(os.environ.get("CXX", "c++")) is not None


def version(package: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing(needs: Iterable[str], device: str) -> list[str]:
    """Those of `needs` that are not met when running on `device` ("cuda" or "cpu")."""
    met: dict[str, Callable[[], bool]] = {
        "torch": lambda: importlib.util.find_spec("torch") is not None,
        "cuda": lambda: device == "cuda" and has_cuda(),
        "triton": lambda: importlib.util.find_spec("triton") is not None,
        "nvcc": has_compilers,
        "ninja": lambda: shutil.which("ninja") is not None,
        "cuda-bindings": lambda: version("cuda-bindings") is not None,
        "nvtx": lambda: importlib.util.find_spec("nvtx") is not None,
        "nvml": lambda: nvml_handle() is not None,
    }
    return [need for need in needs if need not in met or not met[need]()]


def describe(device: str) -> dict[str, Any]:
    """Versions and hardware of this machine as flat data; what can't be known is None."""
    import torch

    found: dict[str, Any] = {
        "device": device,
        "gpu": None,
        "gpu_compute_capability": None,
        "gpu_multiprocessors": None,
        "gpu_memory_bytes": None,
        "driver": None,
        "cuda": torch.version.cuda,
        "torch": str(torch.__version__),  # a subclass of str, which not every encoder takes
        "triton": version("triton"),
        "nvtx": version("nvtx"),
        "python": platform.python_version(),
        "launchlens": __version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        "cpu_count": os.cpu_count(),
        "clocks": None,
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        found |= {
            "gpu": properties.name,
            "gpu_compute_capability": f"{properties.major}.{properties.minor}",
            "gpu_multiprocessors": properties.multi_processor_count,
            "gpu_memory_bytes": properties.total_memory,
        }
        found |= _nvml_facts()
    return found


def cpu_model() -> str | None:
    """The processor's own name, or None where the system doesn't tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or None


def nvml_handle() -> Any | None:
    """NVML's handle of torch's current device, or None without NVML.

    The device is found by its PCI address: NVML ignores CUDA_VISIBLE_DEVICES, so index 0 may be another GPU.
    """
    try:
        import pynvml
        import torch
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        if not torch.cuda.is_available():
            return None
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        wanted = getattr(properties, "pci_bus_id", None), getattr(properties, "pci_device_id", None)
        count = pynvml.nvmlDeviceGetCount()
        for index in range(count):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            pci = pynvml.nvmlDeviceGetPciInfo(handle)
            if count == 1 or (pci.bus, pci.device) == wanted:
                return handle
    except (pynvml.NVMLError, RuntimeError, AttributeError):
        return None
    return None


def _nvml_facts() -> dict[str, Any]:
    handle = nvml_handle()
    if handle is None:
        return {}
    import pynvml

    facts: dict[str, Any] = {}
    try:
        facts["driver"] = pynvml.nvmlSystemGetDriverVersion()
        facts["clocks"] = {
            "sm_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
            "memory_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM),
            "sm_max_mhz": pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_SM),
            "memory_max_mhz": pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_MEM),
        }
        facts["gpu_memory_bus_bits"] = pynvml.nvmlDeviceGetMemoryBusWidth(handle)
    except pynvml.NVMLError as error:
        facts["clocks_unknown"] = str(error)
    return facts


def sm_clock_reader() -> Callable[[], int | None]:
    """A function that reads the SM clock in MHz, or None where NVML doesn't give it."""
    handle = nvml_handle()
    if handle is None:
        return lambda: None
    import pynvml

    def read() -> int | None:
        try:
            return int(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM))
        except pynvml.NVMLError:
            return None

    return read


@contextmanager
def quiet_collector() -> Any:
    """Keep Python's cycle collector from running in here; what it was doing before, it does again after."""
    import gc

    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
