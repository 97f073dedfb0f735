"""The words for all probes that launchlens makes, by id. One that it no longer makes says what was recorded of it."""

from __future__ import annotations

from collections.abc import Mapping

from launchlens.reports.words.probes import (
    backlog,
    copy_engine,
    launch_costs,
    launch_floor,
    launch_ladder,
    profiler_tax,
    stream_synchronize,
    triton_compile,
)
from launchlens.reports.words.probes.words import ProbeWords
from launchlens.traces.captures.probes import FigureKey, Probe

WORDS: Mapping[str, ProbeWords] = {
    module.WORDS.id: module.WORDS
    for module in (
        launch_floor,
        launch_costs,
        launch_ladder,
        backlog,
        stream_synchronize,
        triton_compile,
        copy_engine,
        profiler_tax,
    )
}


def asks(probe: Probe) -> str:
    """The question that a probe asks."""
    words = WORDS.get(probe.id)
    return probe.asks if words is None else words.asks


def figure_name(probe: str, key: FigureKey) -> str:
    """What a figure of a probe is called."""
    words = WORDS.get(probe)
    return (words.figure(key) if words is not None else "") or str(key)
