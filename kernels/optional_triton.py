"""Triton, or a stand-in that lets a file with Triton kernels be imported where Triton is not installed.

A kernel must stand at module level, where `@triton.jit` finds its source; its file must still import anywhere. The
stand-in's `jit` leaves the function as it is, which nothing then calls: the variant says that it needs `triton`.
"""

from __future__ import annotations

from types import SimpleNamespace

__all__ = ["tl", "triton"]

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = SimpleNamespace(jit=lambda function: function)
    tl = SimpleNamespace(constexpr=object)
