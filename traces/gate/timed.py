"""What was timed, as the data gate looks at it: the blocks in the order in which they say that they were run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.captures.capture import Manifest
from launchlens.traces.gate.check import Met, Of, of_sides
from launchlens.traces.grouping import Groups, numbered
from launchlens.traces.intervals import Ints
from launchlens.traces.thresholds import THRESHOLDS

SIDE = ["variant", "regime"]
#: Blocks that are alike but for their round.
ALIKE = [*SIDE, "control", "length", "recorder"]
#: No run has so many rounds, or iterations in a block.
MOST = 10**12
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def counted(value: object) -> float:
    """A number of the manifest as a count; NaN for what is none, which a manifest of anybody's may hold."""
    return float(value) if isinstance(value, int | float) and 0 < value < MOST else np.nan


def middles(values: npt.NDArray[Any], of: Ints) -> Floats:
    """The median of the values of each number; every number up to the largest has some."""
    return Groups.by(of).ordered(values).quantile(0.5)


@dataclass(frozen=True)
class Timed:
    """The manifest of a capture, and its timings (`TIMING_COLUMNS`)."""

    manifest: Manifest
    timings: pd.DataFrame

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """All blocks by round and position: the order in which they say that they were run."""
        return self.timings.sort_values(["round", "position"], kind="stable").reset_index(drop=True)

    # The columns as plain arrays: every check looks at some of them, and pandas groups by names anew each time.

    @cached_property
    def wall_ns(self) -> Ints:
        found: Ints = self.blocks["wall_ns"].to_numpy(np.int64)
        return found

    @cached_property
    def start_ns(self) -> Ints:
        found: Ints = self.blocks["start_ns"].to_numpy(np.int64)
        return found

    @cached_property
    def iterations(self) -> Ints:
        found: Ints = self.blocks["iterations"].to_numpy(np.int64)
        return found

    @cached_property
    def round_of(self) -> Ints:
        """The round of each block, as a number from 0 on."""
        return numbered(self.blocks["round"])

    @cached_property
    def side_of(self) -> Ints:
        """The side of each block, as a number from 0 on, in the order of their names."""
        return numbered(*(self.blocks[name] for name in SIDE))

    @cached_property
    def alike(self) -> Ints:
        """A number for each block that those alike have as well, from 0 on, in the order of what they are by."""
        return numbered(*(self.blocks[name] for name in ALIKE))

    @cached_property
    def usual_wall_ns(self) -> Floats:
        """The median time of the blocks that are alike, for each."""
        return middles(self.wall_ns, self.alike)[self.alike]

    @cached_property
    def expected(self) -> Floats:
        """How many iterations the manifest says of each block; NaN where it says nothing."""
        given = self.manifest.timing.get("iterations")
        if isinstance(given, Mapping):
            said = {str(name): counted(value) for name, value in given.items()}
            of_each = [said.get(f"{variant} ({regime})", np.nan) for variant, regime in self.all_sides]
            short = np.array(of_each, np.float64)[self.side_of]
        else:
            short = np.full(len(self.blocks), counted(given))
        return short * np.where(self.blocks["length"].eq("long").to_numpy(bool), 2, 1)

    @cached_property
    def round_ns(self) -> float:
        """How long a round lasts, ns: the median of what lies between the middles of two."""
        between = np.abs(np.diff(self._round_middles))
        return float(np.median(between)) if len(between) else 0.0

    @cached_property
    def _round_middles(self) -> Floats:
        return middles(self.start_ns, self.round_of)

    @cached_property
    def apart(self) -> Flags:
        """Which blocks are of a side that was not timed in turn with the others: most of its blocks lie far from their rounds."""
        reach = max(THRESHOLDS.gate_apart_rounds * self.round_ns, THRESHOLDS.gate_pause_ns)
        far = np.abs(self.start_ns - self._round_middles[self.round_of]) > reach
        mostly: Flags = self.share_of_side(far) > 0.5
        return mostly

    def share_of_side(self, which: Flags) -> Floats:
        """For each block, the share that some blocks are of its side's."""
        found: Floats = (np.bincount(self.side_of, weights=which) / np.bincount(self.side_of))[self.side_of]
        return found

    @cached_property
    def all_sides(self) -> list[Of]:
        """All sides by their numbers."""
        first = np.unique(self.side_of, return_index=True)[1]
        names = (self.blocks[name].array[first].astype(str) for name in SIDE)
        return [(str(variant), str(regime)) for variant, regime in zip(*names, strict=True)]

    def sides(self, which: Flags | None = None) -> tuple[Of, ...]:
        """The sides of some blocks, or of all."""
        found, first = np.unique(self.side_of if which is None else self.side_of[which], return_index=True)
        return tuple(self.all_sides[number] for number in found[np.argsort(first)].tolist())

    def of_blocks(self, which: Flags) -> list[Met]:
        """Some blocks as what was met of their sides; nothing where there are none."""
        sides = self.sides(which)
        return [Met(int(which.sum()), sides, of_sides(sides))] if sides else []
