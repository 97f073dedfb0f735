"""A Triton kernel that copies N tensors, for any N up to 64: Triton fixes a kernel's signature, so each N has its own.

For N = 3 the source is

    def copy_3(d0, d1, d2, s0, s1, s2, n0, n1, n2, BLOCK: tl.constexpr):
        which = tl.program_id(0)
        if which < 1:
            copy_block(d0, s0, n0, BLOCK)
        else:
            if which < 2:
                copy_block(d1, s1, n1, BLOCK)
            else:
                copy_block(d2, s2, n2, BLOCK)

The branch is the same for a whole program, so no lane diverges; halving at each level keeps 64 tensors six branches deep.
"""

from __future__ import annotations

import linecache
from functools import cache
from typing import Any

from launchlens.kernels.optional_triton import tl, triton
from launchlens.kernels.registry import NotForTheseInputsError

#: Most tensors of one launch: 64 pointers twice and 64 lengths are 1280 of the 4096 bytes of arguments that every GPU takes.
ROOM = 64
#: Most programs along the second axis of a launch, which CUDA gives every grid.
MOST_PROGRAMS = 65_535


@triton.jit  # type: ignore[untyped-decorator]
def copy_block(destination, source, elements, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Copy this program's block (second grid axis) of one tensor; blocks past its end do nothing."""
    offset = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offset < elements
    tl.store(destination + offset, tl.load(source + offset, mask=inside), mask=inside)


def refuse_too_long(programs: int) -> None:
    """Raise NotForTheseInputsError where the longest tensor needs more programs than a launch has along its second axis."""
    if programs > MOST_PROGRAMS:
        raise NotForTheseInputsError(f"one launch has at most {MOST_PROGRAMS} programs a tensor, not {programs}")


def source_of(count: int) -> str:
    """The source of the kernel for `count` tensors."""
    arguments = [f"{letter}{index}" for letter in "dsn" for index in range(count)]
    lines = [f"def copy_{count}({', '.join(arguments)}, BLOCK: tl.constexpr):", "    which = tl.program_id(0)"]
    return "\n".join([*lines, *_branches(0, count, "    ")]) + "\n"


def _branches(low: int, high: int, indent: str) -> list[str]:
    if high - low == 1:
        return [f"{indent}copy_block(d{low}, s{low}, n{low}, BLOCK)"]
    middle = (low + high) // 2
    left, right = _branches(low, middle, indent + "    "), _branches(middle, high, indent + "    ")
    return [f"{indent}if which < {middle}:", *left, f"{indent}else:", *right]


@cache
def kernel_of(count: int) -> Any:
    """The jitted kernel for `count` tensors: grid (count, blocks of the longest), arguments d…, s…, n…, BLOCK.

    Raises ValueError beyond ROOM.
    """
    if not 1 <= count <= ROOM:
        raise ValueError(f"the kernel copies 1 to {ROOM} tensors, not {count}")
    text, name = source_of(count), f"<launchlens copy_{count}>"
    # Triton reads a kernel's source through inspect, which finds here what lies in no file; no time stamp, no re-check
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    defined: dict[str, Any] = {}
    exec(compile(text, name, "exec"), globals(), defined)  # noqa: S102  the source is ours, above
    return triton.jit(defined[f"copy_{count}"])
