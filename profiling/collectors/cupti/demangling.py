"""Names of C++ kernels as their authors wrote them: CUPTI gives mangled names, other recorders readable ones."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


@cache
def _functions() -> tuple[Any, Any] | None:
    """`__cxa_demangle` of the C++ runtime that torch brings along, and `free` for its answers; None without them."""
    try:
        demangle = ctypes.CDLL("libstdc++.so.6").__cxa_demangle
        free = ctypes.CDLL("libc.so.6").free
    except (OSError, AttributeError):
        return None
    demangle.restype = ctypes.c_void_p
    demangle.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    return demangle, free


def demangled(name: str) -> str:
    """`name` as C++ spells it, or as it is where it is no C++ name.

    >>> demangled("_Z4copyPiS_"), demangled("_copy_kernel")
    ('copy(int*, int*)', '_copy_kernel')
    """
    functions = _functions()
    # without the mark "f" would be a type, float
    if functions is None or not name.startswith("_Z"):
        return name
    demangle, free = functions
    status = ctypes.c_int(0)
    text = demangle(name.encode(), None, None, ctypes.addressof(status))
    if not text:
        return name
    try:
        return ctypes.string_at(text).decode("utf-8", "backslashreplace")
    finally:
        free(text)
