"""The sides of a comparison of captures as a command line names them: CAPTURE::VARIANT, or two whole captures.

A folder of captures stands for all of them: runs of one thing, of which a ratio between two sides needs three or more of either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from launchlens.traces.captures.marks import MANIFEST
from launchlens.traces.problems import InputError
from launchlens.traces.source import CaptureFolder, source_of
from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.two_captures import across, between

#: A capture (or trace), and the variant (or range) of it that is meant; None for all of it.
Named = tuple[Path, str | None]


def named(side: str) -> Named:
    """PATH::NAME taken apart."""
    text, mark, name = side.partition("::")
    return Path(text), name if mark else None


def comparisons_of(a: Named, b: Named, study: Callable[[Path], Study]) -> list[Comparison]:
    """B against A, both captures, which `study` reads. Raises InputError for sides that don't go together or aren't there."""
    (path_a, name_a), (path_b, name_b) = a, b
    runs_a, runs_b = runs_of(path_a), runs_of(path_b)
    if (name_a is None) != (name_b is None):
        raise InputError(path_b, "one side names a variant or range and the other does not", "write both as PATH::NAME")
    return _of_captures((path_a, runs_a, name_a), (path_b, runs_b, name_b), study)


def runs_of(path: Path) -> list[Path]:
    """The capture that a path is, or the captures that lie in it; none where it is a trace. Raises InputError for neither."""
    try:
        if path.is_dir() and not (path / MANIFEST).exists():
            found = sorted(manifest.parent for manifest in path.glob(f"*/{MANIFEST}"))
            if found:
                return found
    except OSError:
        pass  # what can't be looked into is refused below
    source = source_of(path)
    return [source.path] if isinstance(source, CaptureFolder) else []


#: A side as it was given, the captures that it stands for, and the variant that is meant.
_Runs = tuple[Path, list[Path], str | None]


def _of_captures(a: _Runs, b: _Runs, study: Callable[[Path], Study]) -> list[Comparison]:
    (path_a, runs_a, name_a), (path_b, runs_b, name_b) = a, b
    read = {path.resolve(): study(path) for path in dict.fromkeys([*runs_a, *runs_b])}
    left, right = ([read[path.resolve()] for path in runs] for runs in (runs_a, runs_b))
    if name_a is None or name_b is None:
        found = between(left, right)
    elif len(left) == 1 and left[0] is right[0]:
        found = left[0].within(name_a, name_b)
    else:
        found = across(left, name_a, right, name_b)
    if not found:
        for path, made, name in ((path_a, left[0], name_a), (path_b, right[0], name_b)):
            known = dict.fromkeys(variant for variant, _ in made.sides)
            if name is not None and name not in known:
                raise InputError(path, f"has no timed variant {name!r}", f"it has: {', '.join(known)}")
        raise InputError(path_b, "the two share no variant in a regime", "compare two of one capture, as PATH::NAME")
    return found
