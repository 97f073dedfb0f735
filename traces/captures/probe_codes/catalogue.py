"""The closed set of codes of each probe's figures. What writes a figure, a claim that names one and the words for it share them."""

from __future__ import annotations

from collections.abc import Mapping

from launchlens.traces.captures.probe_codes import (
    backlog,
    copy_engine,
    launch_costs,
    launch_floor,
    launch_ladder,
    profiler_tax,
    stream_synchronize,
    triton_compile,
)

#: What figures there are (`ProbeFigure.what`), by probe.
FIGURES: Mapping[str, frozenset[str]] = {
    module.ID: module.FIGURES
    for module in (
        launch_costs,
        backlog,
        copy_engine,
        launch_floor,
        launch_ladder,
        profiler_tax,
        stream_synchronize,
        triton_compile,
    )
}
