"""What was timed, as the data gate looks at it: the blocks in the order in which they say that they were run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.captures.capture import Manifest
from launchlens.traces.gate.check import Met, Of, of_sides
from launchlens.traces.thresholds import THRESHOLDS

SIDE = ["variant", "regime"]
#: Blocks that are alike but for their round.
ALIKE = [*SIDE, "control", "length", "recorder"]
#: No run has so many rounds, or iterations in a block.
MOST = 10**12
Flags = npt.NDArray[np.bool_]


def counted(value: object) -> float:
    """A number of the manifest as a count; NaN for what is none, which a manifest of anybody's may hold."""
    return float(value) if isinstance(value, int | float) and 0 < value < MOST else np.nan


@dataclass(frozen=True)
class Timed:
    """The manifest of a capture, and its timings (`TIMING_COLUMNS`)."""

    manifest: Manifest
    timings: pd.DataFrame

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """All blocks by round and position: the order in which they say that they were run."""
        return self.timings.sort_values(["round", "position"], kind="stable").reset_index(drop=True)

    @cached_property
    def expected(self) -> npt.NDArray[np.float64]:
        """How many iterations the manifest says of each block; NaN where it says nothing."""
        given, blocks = self.manifest.timing.get("iterations"), self.blocks
        if isinstance(given, Mapping):
            names = blocks["variant"] + " (" + blocks["regime"] + ")"
            short = names.map({str(name): counted(value) for name, value in given.items()}).to_numpy(np.float64)
        else:
            short = np.full(len(blocks), counted(given))
        found: npt.NDArray[np.float64] = short * np.where(blocks["length"] == "long", 2, 1)
        return found

    @cached_property
    def round_ns(self) -> float:
        """How long a round lasts, ns: the median of what lies between the middles of two."""
        middles = self.blocks.groupby("round")["start_ns"].median()
        return float(middles.diff().abs().median()) if len(middles) > 1 else 0.0

    @cached_property
    def apart(self) -> Flags:
        """Which blocks are of a side that was not timed in turn with the others: most of its blocks lie far from their rounds."""
        blocks = self.blocks
        middle = blocks["round"].map(blocks.groupby("round")["start_ns"].median())
        reach = max(THRESHOLDS.gate_apart_rounds * self.round_ns, THRESHOLDS.gate_pause_ns)
        far = (blocks["start_ns"] - middle).abs() > reach
        mostly: Flags = (far.groupby([blocks[name] for name in SIDE]).transform("mean") > 0.5).to_numpy(bool)
        return mostly

    def sides(self, which: Flags | None = None) -> tuple[Of, ...]:
        """The sides of some blocks, or of all."""
        mine = self.blocks if which is None else self.blocks[which]
        names = mine[SIDE].drop_duplicates()
        return tuple(zip(names["variant"].astype(str), names["regime"].astype(str), strict=True))

    def of_blocks(self, which: Flags) -> list[Met]:
        """Some blocks as what was met of their sides; nothing where there are none."""
        sides = self.sides(which)
        return [Met(int(which.sum()), sides, of_sides(sides))] if sides else []
