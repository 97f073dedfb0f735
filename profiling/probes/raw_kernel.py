"""A CUDA kernel of a probe's own: compiled by NVRTC, loaded at once, launched through the driver on any stream.

The driver, and not `torch.cuda._compile_kernel`, because a probe sets what torch's launcher does not pass on (the shared
memory carve-out, dynamic shared memory, a raw stream) and reads what a kernel asks for (`Attributes`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from launchlens.kernels.small_copies.raw_cuda import NEEDS, check

__all__ = ["NEEDS", "Attributes", "Device", "RawKernel", "attributes_of", "device", "make_stream", "set_carveout"]


@dataclass(frozen=True)
class Device:
    """What the GPU that torch uses has: counts, and bytes of shared memory; `index` is CUDA's ordinal."""

    index: int
    arch: str
    sms: int
    threads_per_sm: int
    threads_per_block: int
    blocks_per_sm: int
    registers_per_sm: int
    shared_per_sm: int
    shared_per_block: int
    reserved_shared_per_block: int

    @property
    def filling_block(self) -> int:
        """The largest block of whole warps of which a whole number leaves no thread of an SM free: 1,024 of 2,048, 768 of 1,536."""
        sizes = range(32, min(self.threads_per_block, self.threads_per_sm) + 1, 32)
        return max(size for size in sizes if self.threads_per_sm % size == 0)

    @property
    def filling_blocks_per_sm(self) -> int:
        return self.threads_per_sm // self.filling_block


@dataclass(frozen=True)
class Attributes:
    """What a kernel asks for, as the driver says; bytes of local memory are per thread.

    `carveout` is the preferred share of shared memory in per cent, None where it is left to the driver.
    """

    name: str
    registers: int
    static_shared: int
    local: int
    most_dynamic_shared: int
    most_threads: int
    carveout: int | None
    cluster: tuple[int, int, int] = (0, 0, 0)


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
        index=index,
        arch=f"sm_{read('COMPUTE_CAPABILITY_MAJOR')}{read('COMPUTE_CAPABILITY_MINOR')}",
        sms=read("MULTIPROCESSOR_COUNT"),
        threads_per_sm=read("MAX_THREADS_PER_MULTIPROCESSOR"),
        threads_per_block=read("MAX_THREADS_PER_BLOCK"),
        blocks_per_sm=read("MAX_BLOCKS_PER_MULTIPROCESSOR"),
        registers_per_sm=read("MAX_REGISTERS_PER_MULTIPROCESSOR"),
        shared_per_sm=read("MAX_SHARED_MEMORY_PER_MULTIPROCESSOR"),
        shared_per_block=read("MAX_SHARED_MEMORY_PER_BLOCK_OPTIN"),
        reserved_shared_per_block=read("RESERVED_SHARED_MEMORY_PER_BLOCK"),
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


def attributes_of(function: Any) -> Attributes:
    """What the kernel behind a CUfunction, or its address as an integer, asks for."""
    from cuda.bindings import driver

    names, handle = driver.CUfunction_attribute, _function(function)

    def read(name: str) -> int:
        answer = driver.cuFuncGetAttribute(getattr(names, f"CU_FUNC_ATTRIBUTE_{name}"), handle)
        return int(check(answer)[0])

    carveout = read("PREFERRED_SHARED_MEMORY_CARVEOUT")
    (name,) = check(driver.cuFuncGetName(handle))
    return Attributes(
        name=name.decode(errors="replace") if isinstance(name, bytes) else str(name),
        registers=read("NUM_REGS"),
        static_shared=read("SHARED_SIZE_BYTES"),
        local=read("LOCAL_SIZE_BYTES"),
        most_dynamic_shared=read("MAX_DYNAMIC_SHARED_SIZE_BYTES"),
        most_threads=read("MAX_THREADS_PER_BLOCK"),
        carveout=carveout if carveout >= 0 else None,
        cluster=(read("REQUIRED_CLUSTER_WIDTH"), read("REQUIRED_CLUSTER_HEIGHT"), read("REQUIRED_CLUSTER_DEPTH")),
    )


def set_carveout(function: Any, percent: int | None) -> None:
    """Prefer `percent` of the SM's unified cache as shared memory for this kernel; None leaves it to the driver again."""
    _set(function, "PREFERRED_SHARED_MEMORY_CARVEOUT", -1 if percent is None else percent)


def _set(function: Any, name: str, value: int) -> None:
    from cuda.bindings import driver

    attribute = getattr(driver.CUfunction_attribute, f"CU_FUNC_ATTRIBUTE_{name}")
    check(driver.cuFuncSetAttribute(_function(function), attribute, value))


def _function(function: Any) -> Any:
    from cuda.bindings import driver

    return driver.CUfunction(function) if isinstance(function, int) else function


def make_stream(*, blocking: bool = False) -> int:
    """A new stream, for the life of the process. Unless `blocking`, it and the legacy default stream don't wait for each other."""
    from cuda.bindings import driver

    flags = driver.CUstream_flags
    (stream,) = check(driver.cuStreamCreate(flags.CU_STREAM_DEFAULT if blocking else flags.CU_STREAM_NON_BLOCKING))
    return int(stream)


class RawKernel:
    """One kernel of `source`, compiled with `defines`. With `lazy`, CUDA may load its code only at the first launch."""

    def __init__(self, source: str, name: str, *, lazy: bool = False, **defines: int) -> None:
        from cuda.bindings import driver

        compiled = cubin(source, device().arch, tuple(sorted(defines.items())))
        self.function: Any
        if lazy:
            (self._library,) = check(driver.cuLibraryLoadData(compiled, [], [], 0, [], [], 0))
            (kernel,) = check(driver.cuLibraryGetKernel(self._library, name.encode()))
            self.function = driver.CUfunction(int(kernel))  # cuLaunchKernel takes a CUkernel in a CUfunction's place
        else:
            (self._module,) = check(driver.cuModuleLoadData(compiled))
            (self.function,) = check(driver.cuModuleGetFunction(self._module, name.encode()))
            load = getattr(driver, "cuFuncLoad", None)  # CUDA 12.4: loads now, whatever CUDA_MODULE_LOADING says
            if load is not None:
                check(load(self.function))

    @property
    def attributes(self) -> Attributes:
        return attributes_of(self.function)

    def allow_shared(self, dynamic_bytes: int) -> None:
        """Let a launch ask for this much dynamic shared memory; above 48 KiB it has to be asked for."""
        _set(self.function, "MAX_DYNAMIC_SHARED_SIZE_BYTES", dynamic_bytes)

    def prefer_carveout(self, percent: int | None) -> None:
        set_carveout(self.function, percent)

    def launch(self, grid: int, block: int, stream: int, arguments: Sequence[Any], shared_bytes: int = 0) -> None:
        """One launch on a raw stream; `arguments` are ctypes values in the kernel's order."""
        from cuda.bindings import driver

        pointers = (ctypes.c_void_p * max(len(arguments), 1))(*(ctypes.addressof(item) for item in arguments))
        address = ctypes.addressof(pointers)
        check(driver.cuLaunchKernel(self.function, grid, 1, 1, block, 1, 1, shared_bytes, stream, address, 0))
