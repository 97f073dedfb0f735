"""Two captures against each other: every variant and regime that they share, and what makes their numbers hard to compare."""

from __future__ import annotations

from dataclasses import replace

from launchlens.traces.studies.compare import Comparison, compare
from launchlens.traces.studies.explained import difference_of
from launchlens.traces.studies.study import Study

HARDWARE = ("gpu", "cpu", "device")
SOFTWARE = ("driver", "cuda", "torch", "triton", "python")


def between(a: Study, b: Study) -> list[Comparison]:
    """Every variant and regime that two captures share, b against a; not paired, for they were not timed in turn."""
    names = dict.fromkeys(variant for variant, _ in a.sides)
    return [item for name in names for item in across(a, name, b, name)]


def across(a: Study, variant_a: str, b: Study, variant_b: str) -> list[Comparison]:
    """Variant `variant_b` of one capture against `variant_a` of another, in each regime that has both."""
    ours, theirs = a.capture.manifest, b.capture.manifest
    notes = [
        code
        for code, keys in (("different-hardware", HARDWARE), ("different-software", SOFTWARE))
        if any(ours.environment.get(key) != theirs.environment.get(key) for key in keys)
    ]
    if not (ours.complete and theirs.complete):
        notes.append("incomplete")
    found = []
    for regime in a.regimes:
        if (variant_a, regime) in a.sides and (variant_b, regime) in b.sides:
            left, right = a.sides[variant_a, regime], b.sides[variant_b, regime]
            item = compare(left, right, paired=False, notes=tuple(notes))
            found.append(replace(item, explained=difference_of(a.explained(left), b.explained(right))))
    return found
