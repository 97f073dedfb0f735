"""The sides of a comparison as a command line names them: CAPTURE::VARIANT, TRACE::RANGE, or two whole captures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from launchlens.traces.problems import InputError
from launchlens.traces.source import CaptureFolder, as_one, source_of
from launchlens.traces.studies.compare import Comparison, compare
from launchlens.traces.studies.range_side import side_of_range
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.two_captures import across, between

#: A capture or trace, and the variant or range of it that is meant; None for all of a capture.
Named = tuple[Path, str | None]


def named(side: str) -> Named:
    """PATH::NAME taken apart."""
    text, mark, name = side.partition("::")
    return Path(text), name if mark else None


def comparisons_of(a: Named, b: Named, study: Callable[[Path], Study]) -> list[Comparison]:
    """B against A. `study` reads a capture. Raises InputError for sides that don't go together or aren't there."""
    (path_a, name_a), (path_b, name_b) = a, b
    source_a, source_b = source_of(path_a), source_of(path_b)
    if isinstance(source_a, CaptureFolder) != isinstance(source_b, CaptureFolder):
        raise InputError(
            path_b, f"can't be compared with {path_a}: one is a capture, the other a trace", "give two of a kind"
        )
    if (name_a is None) != (name_b is None):
        raise InputError(path_b, "one side names a variant or range and the other does not", "write both as PATH::NAME")
    if isinstance(source_a, CaptureFolder):
        return _of_captures((source_a.path, name_a), (source_b.path, name_b), study)
    one_a, one_b = as_one(source_a), as_one(source_b)
    if name_a is None or name_b is None:
        raise InputError(path_a, "is a trace, so a range must be named", "write TRACE::RANGE")
    side_a, side_b = side_of_range(one_a.read(), name_a), side_of_range(one_b.read(), name_b)
    return [compare(side_a, side_b, paired=False, notes=("profiled-times",))]


def _of_captures(a: Named, b: Named, study: Callable[[Path], Study]) -> list[Comparison]:
    (path_a, name_a), (path_b, name_b) = a, b
    left = study(path_a)
    right = left if path_b.resolve() == path_a.resolve() else study(path_b)
    if name_a is None or name_b is None:
        found = between(left, right)
    elif left is right:
        found = left.within(name_a, name_b)
    else:
        found = across(left, name_a, right, name_b)
    if not found:
        for path, made, name in ((path_a, left, name_a), (path_b, right, name_b)):
            known = dict.fromkeys(variant for variant, _ in made.sides)
            if name is not None and name not in known:
                raise InputError(path, f"has no timed variant {name!r}", f"it has: {', '.join(known)}")
        raise InputError(path_b, "the two share no variant in a regime", "compare two of one capture, as PATH::NAME")
    return found
