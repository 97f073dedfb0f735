"""The Triton kernels of the probe `launch-floor`: the least that Triton can launch, and one that writes a word."""

from __future__ import annotations

from launchlens.kernels.optional_triton import tl, triton


@triton.jit  # type: ignore[untyped-decorator]
def empty() -> None:
    """Do nothing."""


@triton.jit
def stamp(word):  # type: ignore[no-untyped-def]
    """Write 1 to the word that `word` points to."""
    tl.store(word, 1)
