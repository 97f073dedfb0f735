"""The sides of a comparison as a command line names them: CAPTURE::VARIANT, TRACE::RANGE, or two whole captures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from launchlens.traces.captures.capture import MANIFEST
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys.folder import is_folder_of_tables
from launchlens.traces.studies.compare import Comparison, compare
from launchlens.traces.studies.range_side import side_of_range
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.two_captures import across, between
from launchlens.traces.trace import open_trace

#: A capture or trace, and the variant or range of it that is meant; None for all of a capture.
Named = tuple[Path, str | None]


def named(side: str) -> Named:
    """PATH::NAME taken apart; a capture may be named by its manifest."""
    text, mark, name = side.partition("::")
    path = Path(text)
    return path.parent if path.name == MANIFEST and path.is_file() else path, name if mark else None


def comparisons_of(a: Named, b: Named, study: Callable[[Path], Study]) -> list[Comparison]:
    """B against A. `study` reads a capture. Raises InputError for sides that don't go together or aren't there."""
    (path_a, name_a), (path_b, name_b) = a, b
    if _is_capture(path_a) != _is_capture(path_b):
        raise InputError(
            path_b, f"can't be compared with {path_a}: one is a capture, the other a trace", "give two of a kind"
        )
    if (name_a is None) != (name_b is None):
        raise InputError(path_b, "one side names a variant or range and the other does not", "write both as PATH::NAME")
    if _is_capture(path_a):
        return _of_captures(a, b, study)
    if name_a is None or name_b is None:
        raise InputError(path_a, "is a trace, so a range must be named", "write TRACE::RANGE")
    side_a, side_b = side_of_range(open_trace(path_a), name_a), side_of_range(open_trace(path_b), name_b)
    return [compare(side_a, side_b, paired=False, notes=("profiled-times",))]


def _is_capture(path: Path) -> bool:
    return (path.is_dir() and not is_folder_of_tables(path)) or path.name == MANIFEST


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
