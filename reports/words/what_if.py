"""What the costs of launches predict, in sentences."""

from __future__ import annotations

from launchlens.reports.words.probes.launch_costs import path
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.studies.what_if import OneLaunch, WhatIf
from launchlens.traces.units import duration, ends, listed, percent, unit_of

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def were_one(found: OneLaunch, of: str) -> str:
    """`Were the seven launches of copy_ one, by Triton, an iteration would take 26 µs (25.1 – 26.9): triton-batched takes 27.0 µs.`"""
    launches = NUMBERS[found.per_iteration] if found.per_iteration < len(NUMBERS) else f"{found.per_iteration:,}"
    what = "nodes" if found.regime == "graph" else "launches"
    scale, unit = unit_of(found.predicted.ns)
    took = f"{duration(found.predicted.ns)} ({ends(found.predicted.low_ns, found.predicted.high_ns, scale)} {unit})"
    measured = [f"{each.side.variant} {duration(each.side.wall.value)}" for each in found.measured]
    so = f"; measured so: {listed(measured)}" if measured else "; nothing was measured so"
    how = f"a {found.launch.node}" if found.path in codes.GRAPHS else f"by {path(found.path)}"
    flat = " of a flat buffer" if found.of_flat_buffer else ""
    return f"Were the {launches} {what} of {of} one, {how}{flat}, an iteration would take {took}{so}."


def timed(found: WhatIf) -> str:
    """When the costs were measured: with the variants, or when the host may have been another."""
    if found.with_variants is None:
        return "Whether the costs were timed with the variants was not written down."
    if found.with_variants:
        return "The costs were timed in the rounds in which the variants were timed."
    return (
        "The costs were timed apart from the variants, and a host drifts by tens of per cent within minutes: profile with"
        " --probe launch-costs times them in the variants’ own rounds."
    )


def validated(found: WhatIf) -> str:
    """How far the predictions are off, of how many sides."""
    if found.median_error is None:
        return "No side is predicted, so nothing says how good predictions are."
    count, within = len(found.errors), sum(bool(each.covered) for each in found.sides)
    return (
        f"Held against {count} measured side{'s' if count != 1 else ''}, the predictions are off by {percent(found.median_error)} in"
        f" the median and by {percent(found.errors[-1])} at most; {within} of the measured times lie within their interval."
    )
