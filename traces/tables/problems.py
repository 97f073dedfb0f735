"""The table `problems`: what could not be used of a trace, or should be known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from launchlens.traces.problems import Problem
from launchlens.traces.tables.table import Column, Table, table


def problems(found: Mapping[str, Iterable[Problem]]) -> Table:
    """A row per trace and code, in the order in which they were met."""
    columns = (
        Column("severity", "code", "info, warning or error"),
        Column("code", "code", "what was met, for scripts"),
        Column("count", "count", "how often", title="times"),
        Column("meaning", "text", "what that means, in a sentence", title="what it means"),
        Column("time_ns", "time", "the time that it concerns; null where it concerns none", title="time"),
        Column("trace", "name", "the trace, or other file of the capture, that it was met in"),
    )
    rows = [
        [each.severity, each.code, each.count, each.meaning, each.ns, trace]
        for trace, met in found.items()
        for each in met
    ]
    return table("problems", "Problems met", columns, rows)
