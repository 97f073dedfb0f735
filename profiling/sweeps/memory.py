"""Memory between the points of a sweep: how much there is, and how what one point took is given back before the next."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: Of what is free, the share that inputs and outputs may take: allocators round up, and code needs some for itself.
_USABLE = 0.85
#: What an exception says where memory ran out, on a GPU and on the CPU.
_OUT_OF_MEMORY = ("OutOfMemoryError", "out of memory", "can't allocate memory", "MemoryError")


@contextmanager
def kept_apart() -> Iterator[None]:
    """Leave what is there already out of every collection within: each is then over what a point made.

    Whoever left something out before leaves it out afterwards: Python takes all in again, or nothing.
    """
    left_out = gc.get_freeze_count()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        if not left_out:
            gc.unfreeze()


def give_back(device: str) -> None:
    """Free what no name leads to any more, compiled code of torch's among it: it is of shapes that don't come again."""
    dynamo = sys.modules.get("torch._dynamo")
    if dynamo is not None and getattr(dynamo, "reset", None) is not None:
        dynamo.reset()
    gc.collect()
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
        torch.cuda.empty_cache()


def free_bytes(device: str) -> int | None:
    """Memory that could be taken now; None where the system doesn't tell."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    try:
        with open("/proc/meminfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def too_much(variants: int, moved: int | None, device: str) -> str | None:
    """Why a point can't be measured: each of its variants has inputs of its own, of which an iteration writes `moved` bytes.

    None where it may be tried. As much as is written is read as well.
    """
    free = free_bytes(device)
    if moved is None or free is None or 2 * moved * variants <= _USABLE * free:
        return None
    return (
        f"out of memory: {variants} variants read and write {2 * moved / 1e9:.1f} GB each, "
        f"and {free / 1e9:.1f} GB are free"
    )


def ran_out(why: str | None) -> bool:
    """Whether what was raised says that memory ran out."""
    return why is not None and any(words in why for words in _OUT_OF_MEMORY)
