"""CUDA's own calls through ctypes, each beside a C function that is called the same way and does nothing.

What ctypes costs stands in both, so the difference of their times is the call's, with no compiler needed: one method for the
runtime's cudaMemcpyAsync, which `.copy_()` ends in, and for the driver's cuLaunchKernelEx, which Triton's launcher ends in.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

#: Kernel arguments beyond those that are given: Triton's kernels take some of its own, whose number depends on its version.
SPARE_ARGUMENTS = 8
_DEVICE_TO_DEVICE = 3  # cudaMemcpyDeviceToDevice


@dataclass(frozen=True)
class RawCall:
    """A C function with its arguments, and one of the same prototype that ignores them. `keeps` lives as long as it does."""

    name: str
    function: Callable[..., int]
    nothing: Callable[..., int]
    arguments: tuple[Any, ...]
    keeps: tuple[Any, ...] = ()

    def once(self) -> None:
        """Make the call. Raises RuntimeError where it answers anything but 0."""
        code = self.function(*self.arguments)
        if code:
            raise RuntimeError(f"{self.name} answers {code}")

    def repeat(self, times: int) -> None:
        function, arguments = self.function, self.arguments
        for _ in repeat(None, times):
            function(*arguments)

    def repeat_nothing(self, times: int) -> None:
        function, arguments = self.nothing, self.arguments
        for _ in repeat(None, times):
            function(*arguments)


def memcpy_async(to: int, source: int, size: int, stream: int) -> RawCall:
    """cudaMemcpyAsync of `size` bytes between two addresses on the device. Raises LookupError where it isn't to be found."""
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p
    )
    arguments = (
        *(ctypes.c_void_p(to), ctypes.c_void_p(source), ctypes.c_size_t(size)),
        *(ctypes.c_int(_DEVICE_TO_DEVICE), ctypes.c_void_p(stream)),
    )
    return _raw("cudaMemcpyAsync", loaded_library("libcudart"), prototype, arguments)


class _Launch(ctypes.Structure):
    """CUlaunchConfig: grid, block, bytes of dynamic shared memory, stream, and no attributes."""

    _fields_ = (
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("shared_bytes", ctypes.c_uint32),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("attribute_count", ctypes.c_uint32),
    )


def launch_kernel(
    function: int, grid: int, block: int, shared_bytes: int, stream: int, arguments: Sequence[Any]
) -> RawCall:
    """cuLaunchKernelEx of a CUfunction; `arguments` are ctypes values in the kernel's order, and zeros follow them.

    Raises LookupError where the driver's library isn't to be found.
    """
    zero = ctypes.c_uint64(0)
    values = [*arguments, *[zero] * SPARE_ARGUMENTS]
    pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(item) for item in values))
    launch = _Launch((grid, 1, 1), (block, 1, 1), shared_bytes, stream, None, 0)
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    passed = (
        *(ctypes.c_void_p(ctypes.addressof(launch)), ctypes.c_void_p(function)),
        *(ctypes.c_void_p(ctypes.addressof(pointers)), ctypes.c_void_p(None)),
    )
    return _raw("cuLaunchKernelEx", loaded_library("libcuda."), prototype, passed, (launch, pointers, values))


def _raw(
    name: str, library: ctypes.CDLL, prototype: Any, arguments: tuple[Any, ...], keeps: tuple[Any, ...] = ()
) -> RawCall:
    try:
        function = prototype((name, library))
    except AttributeError:
        raise LookupError(f"the library of {name} does not export it") from None
    # labs looks at its first argument alone, and the caller clears away what it passed
    return RawCall(name, function, prototype(("labs", ctypes.CDLL(None))), arguments, keeps)


def loaded_library(begins: str) -> ctypes.CDLL:
    """The library whose file name begins so, among those that this process has loaded. Raises LookupError without one.

    Not a second copy by its name: the runtime that torch calls is the one whose time is asked for.
    """
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        raise LookupError(f"the system doesn't tell where {begins}* was loaded from") from None
    for line in lines:
        path = line.split(maxsplit=5)[5:]
        if path and Path(path[0]).name.startswith(begins):
            return ctypes.CDLL(path[0])
    raise LookupError(f"this process has loaded no {begins}*")
