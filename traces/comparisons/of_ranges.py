"""One range of one trace against another: the ratio of their instances' host times, as `compare` told it before it compared steps."""

from __future__ import annotations

from launchlens.traces.cache.kept_measures import document_once
from launchlens.traces.comparisons.compare import Side, TraceComparison
from launchlens.traces.comparisons.measured import Measured
from launchlens.traces.documents.comparison import ComparisonDocument
from launchlens.traces.problems import InputError
from launchlens.traces.studies.compare import compare
from launchlens.traces.studies.document import as_document
from launchlens.traces.studies.range_side import side_of_range


def ranges_against_each_other(found: TraceComparison) -> ComparisonDocument:
    """The comparison of two ranges; without rows where a side is several traces, names no range, or is a capture's."""
    sides = [_only(side) for side in (found.a, found.b)]
    if None in sides:
        return as_document([], "traces")
    (one, name), (other, other_name) = (side for side in sides if side is not None)

    def made() -> ComparisonDocument:
        try:
            a, b = (side_of_range(each.behind.joined.trace, of) for each, of in ((one, name), (other, other_name)))
        except InputError:
            return as_document([], "traces")  # a pattern, which that takes for the name of one range
        notes = ("profiled-times",) if one.path == other.path else ("too-few-runs", "profiled-times")
        return as_document([compare(a, b, paired=False, notes=notes)], "traces")

    return document_once((one, other), (name, other_name), made)


def _only(side: Side) -> tuple[Measured, str] | None:
    if len(side.traces) != 1 or len(side.given) != 1 or side.given[0].range_name is None:
        return None
    return side.traces[0], side.given[0].range_name
