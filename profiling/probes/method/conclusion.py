"""What a probe concludes: its verdict, which counts only where every control passed, and figures of its closed set."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.traces.captures.probe_codes.catalogue import FIGURES
from launchlens.traces.captures.probe_codes.verdicts import INCONCLUSIVE
from launchlens.traces.captures.probes import Control, Probe, ProbeFigure, ProbeTable


def concluded(
    id: str,
    *,
    verdict: str,
    controls: Sequence[Control],
    figures: Sequence[ProbeFigure] = (),
    tables: Sequence[ProbeTable] = (),
    notes: Sequence[str] = (),
) -> Probe:
    """A probe with its verdict, or `inconclusive` where a control did not pass (or none was made).

    Raises ValueError for a figure that is not of the probe's closed set, and for two of the same fields.
    """
    strange = [str(item) for item in figures if item.what not in FIGURES.get(id, {item.what})]
    if strange:
        raise ValueError(f"the probe {id} has no figure {strange[0]!r}")
    if len({item.key for item in figures}) < len(figures):
        raise ValueError(f"two figures of the probe {id} have the same fields")
    failed = any(not control.passed for control in controls)
    return Probe(
        id=id,
        verdict=INCONCLUSIVE if failed or not controls else verdict,
        control="failed" if failed else "passed" if controls else "absent",
        controls=tuple(controls),
        figures=tuple(figures),
        tables=tuple(tables),
        notes=tuple(notes),
    )
