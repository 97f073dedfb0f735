"""Counts what Triton compiles, by the hooks that Triton has for it, and gives it a cache folder of one's own.

Triton keeps a compiled kernel in three places: in the kernel's own table in memory (a launch looks there first), in a folder
on disk, and nowhere else. So a launch finds its code in memory, loads it from disk, or has it compiled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Compilations:
    """Counts while it is open: code `compiled`, code `loaded` from disk, and how often a launch `asked` for either.

    `compiled` and `loaded` are told by the compiler's listener, `asked` by the hook of the kernel's table: two witnesses.
    `compiler_us` is the time inside the compiler, of each compilation. Whatever was hooked in before is still called.
    """

    def __init__(self) -> None:
        self.compiled = self.loaded = self.asked = 0
        self.compiler_us: list[int] = []

    def __enter__(self) -> Self:
        from triton import knobs

        self._listener, self._hook = knobs.compilation.listener, knobs.runtime.jit_post_compile_hook
        knobs.compilation.listener = self._compiled
        knobs.runtime.jit_post_compile_hook = self._asked
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        from triton import knobs

        knobs.compilation.listener, knobs.runtime.jit_post_compile_hook = self._listener, self._hook

    def _compiled(self, **told: Any) -> None:
        if told["cache_hit"]:
            self.loaded += 1
        else:
            self.compiled += 1
            self.compiler_us.append(told["times"].total)
        if self._listener is not None:
            self._listener(**told)

    def _asked(self, **told: Any) -> Any:
        self.asked += 1
        return self._hook(**told) if self._hook is not None else None


@contextmanager
def cache_folder(folder: Path) -> Iterator[None]:
    """Let Triton keep its compiled code in `folder`; afterwards where it kept it before."""
    from triton import knobs

    with knobs.cache.scope():
        knobs.cache.dir = str(folder)
        yield


def in_memory(kernel: Any) -> int:
    """How many compiled forms the kernel's own table holds, over all devices."""
    return sum(len(caches[0]) for caches in kernel.device_caches.values())
