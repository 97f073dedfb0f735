"""A CUDA kernel of a probe's own: compiled by NVRTC, loaded at once, launched through the driver on any stream.

The driver, and not `torch.cuda._compile_kernel`, because a probe launches on raw streams, and times its launches without torch.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from launchlens.kernels.small_copies.raw_cuda import NEEDS, check

__all__ = ["NEEDS", "Device", "RawKernel", "device", "make_stream"]


@dataclass(frozen=True)
class Device:
    """What the GPU that torch uses has."""

    arch: str
    sms: int
    threads_per_sm: int
    threads_per_block: int
    blocks_per_sm: int

    @property
    def filling_block(self) -> int:
        """The largest block of whole warps of which a whole number leaves no thread of an SM free: 1,024 of 2,048, 768 of 1,536."""
        sizes = range(32, min(self.threads_per_block, self.threads_per_sm) + 1, 32)
        return max(size for size in sizes if self.threads_per_sm % size == 0)

    @property
    def filling_blocks_per_sm(self) -> int:
        return self.threads_per_sm // self.filling_block


def device() -> Device:
    """The GPU that torch uses now. Makes its primary context current, which every call of the driver needs."""
    import torch

    torch.cuda.synchronize()
    return _device(torch.cuda.current_device())


@cache
def _device(index: int) -> Device:
    from cuda.bindings import driver

    names = driver.CUdevice_attribute

    def read(name: str) -> int:
        (value,) = check(driver.cuDeviceGetAttribute(getattr(names, f"CU_DEVICE_ATTRIBUTE_{name}"), handle))
        return int(value)

    (handle,) = check(driver.cuCtxGetDevice())
    return Device(
        arch=f"sm_{read('COMPUTE_CAPABILITY_MAJOR')}{read('COMPUTE_CAPABILITY_MINOR')}",
        sms=read("MULTIPROCESSOR_COUNT"),
        threads_per_sm=read("MAX_THREADS_PER_MULTIPROCESSOR"),
        threads_per_block=read("MAX_THREADS_PER_BLOCK"),
        blocks_per_sm=read("MAX_BLOCKS_PER_MULTIPROCESSOR"),
    )


@cache
def cubin(source: str, arch: str, defines: tuple[tuple[str, int], ...]) -> bytes:
    """`source` compiled for `arch` (such as sm_90). Raises RuntimeError with the compiler's words."""
    from cuda.bindings import nvrtc

    options = [f"--gpu-architecture={arch}".encode(), b"--std=c++17"]
    options += [f"-D{name}={value}".encode() for name, value in defines]
    (program,) = check(nvrtc.nvrtcCreateProgram(source.encode(), b"probe.cu", 0, [], []))
    (failed,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if failed:
        (size,) = check(nvrtc.nvrtcGetProgramLogSize(program))
        log = b" " * int(size)
        nvrtc.nvrtcGetProgramLog(program, log)
        raise RuntimeError(f"NVRTC: {failed.name}: {log.decode(errors='replace').strip()}")
    (size,) = check(nvrtc.nvrtcGetCUBINSize(program))
    compiled = b" " * int(size)
    check(nvrtc.nvrtcGetCUBIN(program, compiled))
    return compiled


def make_stream() -> int:
    """A new stream, for the life of the process. It and the legacy default stream don't wait for each other."""
    from cuda.bindings import driver

    (stream,) = check(driver.cuStreamCreate(driver.CUstream_flags.CU_STREAM_NON_BLOCKING))
    return int(stream)


class RawKernel:
    """One kernel of `source`, compiled with `defines`."""

    def __init__(self, source: str, name: str, **defines: int) -> None:
        from cuda.bindings import driver

        compiled = cubin(source, device().arch, tuple(sorted(defines.items())))
        (self._module,) = check(driver.cuModuleLoadData(compiled))
        (self.function,) = check(driver.cuModuleGetFunction(self._module, name.encode()))
        load = getattr(driver, "cuFuncLoad", None)  # CUDA 12.4: loads now, whatever CUDA_MODULE_LOADING says
        if load is not None:
            check(load(self.function))

    def launch(self, grid: int, block: int, stream: int, arguments: Sequence[Any]) -> None:
        """One launch on a raw stream; `arguments` are ctypes values in the kernel's order."""
        from cuda.bindings import driver

        pointers = (ctypes.c_void_p * max(len(arguments), 1))(*(ctypes.addressof(item) for item in arguments))
        address = ctypes.addressof(pointers)
        check(driver.cuLaunchKernel(self.function, grid, 1, 1, block, 1, 1, 0, stream, address, 0))
