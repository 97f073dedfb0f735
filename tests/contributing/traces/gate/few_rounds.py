"""A check of the data gate that is added: whether there are fewer rounds than anybody should go by."""

from __future__ import annotations

from launchlens.traces.gate.check import Met
from launchlens.traces.gate.timed import Timed

FEWEST = 1000


def few_rounds(timed: Timed) -> list[Met]:
    """Captures of fewer rounds."""
    rounds = timed.timings["round"].nunique()
    return [Met(1, timed.sides(), f"{rounds} of {FEWEST}")] if rounds < FEWEST else []
