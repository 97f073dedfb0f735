"""Codes of the probe `triton-compile`. Figures are of launches of one kind, `under` the cache that they found or what is new in them."""

from __future__ import annotations

from typing import Final

ID: Final = "triton-compile"

#: Host time of a launch; with `part`, of the compiler within it.
HOST_TIME: Final = "host-time"
COMPILER: Final = "compiler"
#: Counts by Triton's own hooks, and how many launches were made.
COMPILATIONS_PER_LAUNCH: Final = "compilations-per-launch"
COMPILATIONS: Final = "compilations"
LOADS: Final = "loads-from-disk"
LAUNCHES: Final = "launches"
FIGURES: Final = frozenset({HOST_TIME, COMPILATIONS_PER_LAUNCH, COMPILATIONS, LOADS, LAUNCHES})

#: Kinds of launches: the first of a kernel, more of the same, one that Triton compiles for anew, and that one again.
FIRST, REPEATED, NEW, AGAIN = "first-launch", "repeated-launch", "new-specialisation", "same-again"
#: What the cache on disk held.
EMPTY_CACHE, FULL_CACHE = "empty-cache", "full-cache"
#: What is new in a specialisation.
LENGTH_ONE, ODD_LENGTH, DTYPE = "length-of-one", "odd-length", "another-dtype"
ODD_ADDRESS, BLOCK = "odd-address", "another-block"

#: Verdicts: what repeated launches compile.
ONCE, EVERY, DEPENDS = "once", "every-launch", "depends"
