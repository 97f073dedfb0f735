"""A word in pinned host memory that a kernel can write and the host can watch."""

from __future__ import annotations

import ctypes
from types import TracebackType
from typing import Any, Self

from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.profiling.probes.apparatus.raw_kernel import device

#: The word has its page to itself, so that nothing else on its cache line is touched.
_BYTES = 4096


class AnswerWord:
    """One 32-bit word: `seen` for the host (its `value`), `on_device` as an address, `tensor()` for torch.

    Nothing on the GPU may still write it when it is closed.
    """

    def __init__(self) -> None:
        from cuda.bindings import driver

        device()  # makes torch's context current
        flags = driver.CU_MEMHOSTALLOC_PORTABLE | driver.CU_MEMHOSTALLOC_DEVICEMAP
        (memory,) = check(driver.cuMemHostAlloc(_BYTES, flags))
        self._memory: Any = memory
        self.on_host = int(memory)
        (mapped,) = check(driver.cuMemHostGetDevicePointer(self.on_host, 0))
        self.on_device = int(mapped)
        self.seen = ctypes.c_uint32.from_address(self.on_host)
        self.seen.value = 0

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": (1,), "typestr": "<i4", "data": (self.on_device, False), "strides": None, "version": 3}

    def tensor(self) -> Any:
        """The word as a CUDA tensor, [1] int32, for kernels that are handed tensors. Raises RuntimeError where torch copied it."""
        import torch

        made = torch.as_tensor(self, device=torch.device("cuda", torch.cuda.current_device()))
        if made.data_ptr() != self.on_device:
            raise RuntimeError("torch makes a copy of a word in pinned memory, not a view")
        return made

    def close(self) -> None:
        """Give the memory back."""
        from cuda.bindings import driver

        if self._memory is not None:
            memory, self._memory = self._memory, None
            self.seen = ctypes.c_uint32()  # a late look must not read freed memory
            check(driver.cuMemFreeHost(memory))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
