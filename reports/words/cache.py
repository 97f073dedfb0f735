"""The cache folder, in a sentence."""

from __future__ import annotations

from launchlens.traces.cache.store import VARIABLE, Held
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.units import size


def cache_sentence(held: Held) -> str:
    """Where what was worked out of big traces is kept, and how much it is."""
    if held.place is None:
        return f"Of big traces nothing is kept: {VARIABLE} is off, or there is no home."
    if held.refused:
        return f"Of big traces nothing is kept: {held.place} {held.refused}."
    return (
        f"What big traces held is kept in {held.place}: {held.entries} entries, {size(held.bytes)} of at most "
        f"{size(THRESHOLDS.cache_bytes)}. It may be removed at any time."
    )
