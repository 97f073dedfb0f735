"""One range of one trace against another: the ratio of their instances' host times, as `compare` told it before it compared steps."""

from __future__ import annotations

from launchlens.traces.comparisons.compare import Side, TraceComparison
from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.problems import InputError
from launchlens.traces.studies.compare import Comparison, compare
from launchlens.traces.studies.range_side import side_of_range


def ranges_against_each_other(found: TraceComparison) -> list[Comparison]:
    """The comparison of two ranges; none where a side is several traces, names no range, or is a capture's."""
    sides = [_only(side) for side in (found.a, found.b)]
    if None in sides:
        return []
    (one, name), (other, other_name) = (side for side in sides if side is not None)
    try:
        a, b = side_of_range(one.trace, name), side_of_range(other.trace, other_name)
    except InputError:
        return []  # a pattern, which that takes for the name of one range
    notes = ("profiled-times",) if one.path == other.path else ("too-few-runs", "profiled-times")
    return [compare(a, b, paired=False, notes=notes)]


def _only(side: Side) -> tuple[Measured, str] | None:
    if len(side.traces) != 1 or len(side.given) != 1 or side.given[0].range_name is None:
        return None
    return side.traces[0], side.given[0].range_name
