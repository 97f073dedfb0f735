"""What the raw traces of captures tell of an iteration of a variant, by the metrics that traces have: idle time by cause, kernels, ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from launchlens.traces.cache.content import Content
from launchlens.traces.cache.kept_measures import ReadJoined, measured_once
from launchlens.traces.comparisons.measured import Measured, measure
from launchlens.traces.comparisons.metrics import LAUNCH_COST, is_recorded, metrics_of
from launchlens.traces.comparisons.windows import windows_of
from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.source import OneTrace, as_one, source_of
from launchlens.traces.statistics import Floats
from launchlens.traces.studies.study import Study
from launchlens.traces.windows import BLOCK

#: A variant in a regime.
Key = tuple[str, str]


@dataclass
class Recorded:
    """The traces behind the sides of some captures, each measured once, and only when a limit is about it."""

    _found: dict[tuple[int, Key], _OfSide | None] = field(default_factory=dict)
    _joined: dict[Path, JoinedTrace] = field(default_factory=dict)

    def names(self, study: Study, key: Key) -> list[str]:
        """The metrics that a capture's trace has of a side."""
        found = self._of(study, key)
        return [] if found is None else list(found.values)

    def of(self, study: Study, key: Key, name: str) -> Floats | None:
        """A metric of an iteration, a number a recorded block; None where it was not recorded."""
        found = self._of(study, key)
        if found is None or (name.startswith(("gpu.", "idle.", "kernel.")) and not found.gpu):
            return None
        if name in found.values:
            return found.values[name]
        # what a side has none of took none of its time
        return found.nothing if is_recorded(name, [found.measured]) else None

    def _of(self, study: Study, key: Key) -> _OfSide | None:
        place = id(study), key
        if place not in self._found:
            self._found[place] = _of_side(study, key, self._read)
        return self._found[place]

    def _read(self, source: OneTrace, content: Content | None) -> JoinedTrace:
        """A trace, read and joined once for all sides that it holds: what is measured of each keeps it anyway."""
        if source.path not in self._joined:
            self._joined[source.path] = join(source.read(content=content))
        return self._joined[source.path]


@dataclass(frozen=True)
class _OfSide:
    """`gpu` says whether it is known how long the GPU was busy: not where replays of graphs were recorded in part."""

    measured: Measured
    values: Mapping[str, Floats]
    nothing: Floats
    gpu: bool


def _of_side(study: Study, key: Key, read: ReadJoined) -> _OfSide | None:
    side = study.sides.get(key)
    if side is None or side.recording is None:
        return None
    name = f"{BLOCK}{side.variant}"

    def make(joined: JoinedTrace) -> Measured:
        return measure(joined, windows_of(joined, name))

    source = as_one(source_of(study.capture.path / side.recording.trace))
    found = measured_once(source, (name, None, False), make, read=read)
    of_one = side.recording.iterations
    values = {
        each.name: each.samples[0] if each.name == LAUNCH_COST else each.samples[0] / of_one
        for each in metrics_of([found]).values()
    }
    return _OfSide(found, values, np.zeros(len(found)), side.recording.gpu_busy_ns is not None)
