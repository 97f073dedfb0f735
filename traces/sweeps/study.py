"""A sweep worked out: the map, where variants overtake each other, the best choice as rules, the cost model and how right it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from math import exp

import numpy as np

from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.statistics import Estimate
from launchlens.traces.sweeps.crossings import Line, lines_of
from launchlens.traces.sweeps.decisions import Rule, rules_of
from launchlens.traces.sweeps.fitting import fit
from launchlens.traces.sweeps.model import SweepModel
from launchlens.traces.sweeps.samples import Samples, samples_of
from launchlens.traces.sweeps.signed_rank import Estimates
from launchlens.traces.sweeps.sweep import Sweep, SweptVariant
from launchlens.traces.sweeps.validation import Validation, validated
from launchlens.traces.sweeps.winners import Cell, cells_of

#: A byte that is copied is read and written, and memory of double rate moves twice a clock.
_MOVES, _A_CLOCK = 2, 2


@dataclass(frozen=True)
class Limit:
    """What the hardware or the plainest code takes for something, ns, and how that is known."""

    ns: float
    says: str


@dataclass(frozen=True)
class SweepStudy:
    """A sweep with everything that reports, claims and documents say of it, each worked out when it is first asked."""

    sweep: Sweep
    samples: Samples
    _lines: dict[tuple[str, str, str], list[Line]] = field(default_factory=dict, init=False, repr=False)
    _ratios: dict[tuple[str, str, str], Estimates | None] = field(default_factory=dict, init=False, repr=False)

    @property
    def regimes(self) -> list[str]:
        return self.samples.regimes

    @property
    def baseline(self) -> str:
        return self.sweep.record.baseline

    def variants(self, regime: str) -> list[str]:
        """The variants of a regime that do the whole work, the baseline first."""
        return [
            name for place in self.samples.in_regime(regime) if (name := self.samples.sides[place][0]) not in self.parts
        ]

    @cached_property
    def parts(self) -> Sequence[str]:
        """The variants that do a part of the work only: they are shown, and never ranked."""
        found = {each.variant for point in self.sweep.record.points for each in point.variants if each.part_of}
        return sorted(found)

    @cached_property
    def cells(self) -> Sequence[Cell]:
        """The map: which variant is fastest at each point."""
        return cells_of(self.samples, self.parts)

    def cell(self, point: int, regime: str) -> Cell | None:
        """The cell of a point; None where nothing was timed there."""
        return self._by_place.get((point, regime))

    @cached_property
    def _by_place(self) -> Mapping[tuple[int, str], Cell]:
        return {(cell.point, cell.regime): cell for cell in self.cells}

    def time(self, point: int, variant: str, regime: str) -> Estimate | None:
        """The time of an iteration at a point; None where it was not timed."""
        place = self.samples.side(variant, regime)
        at = int(np.searchsorted(self.samples.points, point))
        if place is None or at >= len(self.samples.points) or self.samples.points[at] != point:
            return None
        row = at * len(self.samples.sides) + place
        found = self.samples.times
        return found.as_ratio(row) if np.isfinite(found.value[row]) else None

    def ratios(self, variant: str, against: str, regime: str) -> Estimates | None:
        """One variant's time over another's at each point of the samples; None where one was never timed."""
        key = variant, against, regime
        if key not in self._ratios:
            above, below = self.samples.side(variant, regime), self.samples.side(against, regime)
            self._ratios[key] = None if above is None or below is None else self.samples.ratios(above, below)
        return self._ratios[key]

    def lines(self, variant: str, against: str, regime: str) -> Sequence[Line]:
        """One variant against another along each axis."""
        key = variant, against, regime
        if key not in self._lines:
            record = self.sweep.record
            self._lines[key] = list(lines_of(self.samples, record.points, record.axes, regime, variant, against))
        return self._lines[key]

    def pairs(self, regime: str) -> Sequence[tuple[str, str]]:
        """The pairs that are told of, (variant, against): each with the baseline, and those that lead somewhere with each other."""
        variants = self.variants(regime)
        leaders = [
            name for name in variants if any(cell.leader == name for cell in self.cells if cell.regime == regime)
        ]
        found = [(name, self.baseline) for name in variants if name != self.baseline and self.baseline in variants]
        found += [(b, a) for a, b in combinations(leaders, 2) if self.baseline not in (a, b)]
        return found

    @cached_property
    def all_lines(self) -> Sequence[Line]:
        """The lines of all pairs that are told of."""
        return [line for regime in self.regimes for pair in self.pairs(regime) for line in self.lines(*pair, regime)]

    @cached_property
    def rules(self) -> Sequence[Rule]:
        """The best choice as rules, regime by regime."""
        record = self.sweep.record
        return [
            rule
            for regime in self.regimes
            for rule in rules_of(self.samples, record.points, record.axes, regime, self.parts)
        ]

    @cached_property
    def model(self) -> SweepModel:
        """The cost model, fitted to the points that are not held out."""
        return fit(self.sweep, self.samples)

    @cached_property
    def validation(self) -> Validation:
        """How right the model is at the points held out."""
        return validated(self.model, self.sweep, self.samples, self.cells, self.parts)

    @cached_property
    def limits(self) -> Mapping[str, Limit]:
        """Physical limits beside the constants, by part; only those of which the sweep says something."""
        found = {}
        costs, environment = self.sweep.record.costs, self.sweep.record.environment
        if costs is not None and costs.checked == "passed":
            for part, paths in (("launch", set(codes.PATHS) - codes.GRAPHS), ("replay", codes.GRAPHS)):
                known = [
                    (figure.value, figure.of)
                    for figure in costs.figures
                    if (figure.what, figure.part) == (codes.HOST_COST, codes.LAUNCH)
                    and figure.of in paths
                    and figure.value
                ]
                if known:
                    ns, path = min(known)
                    found[part] = Limit(ns, f"the cheapest launch of bursts, by {path}")
        bits, clocks = environment.get("gpu_memory_bus_bits"), environment.get("clocks")
        megahertz = clocks.get("memory_max_mhz") if isinstance(clocks, Mapping) else None
        if isinstance(bits, int) and isinstance(megahertz, int) and bits > 0 and megahertz > 0:
            bytes_a_ns = bits / 8 * megahertz * 1e6 * _A_CLOCK / 1e9
            says = f"memory of {bits} bits at {megahertz} MHz, twice a clock: {bytes_a_ns:,.0f} GB/s; a byte is read and written"
            found["byte-far"] = Limit(_MOVES / bytes_a_ns, says)
        return found

    @property
    def not_measured(self) -> Mapping[tuple[str, str, str, str], int]:
        """At how many points a variant was not measured in a regime, by (variant, regime, status, why)."""
        found: dict[tuple[str, str, str, str], int] = {}
        for point in self.sweep.record.points:
            for each in point.variants:
                if each.status != "measured":
                    key = each.variant, each.regime, str(each.status), each.why or ""
                    found[key] = found.get(key, 0) + 1
        return found

    def swept(self, point: int, variant: str, regime: str) -> SweptVariant | None:
        """What the record says of a variant at a point."""
        of_point = self.sweep.record.points[point].variants
        return next((each for each in of_point if (each.variant, each.regime) == (variant, regime)), None)


def sweep_study(sweep: Sweep) -> SweepStudy:
    """Work a sweep out. Raises InputError where nothing was timed."""
    return SweepStudy(sweep, samples_of(sweep))


def share(log_ratio: float) -> float:
    """A logarithm of a ratio as a share above 1."""
    return exp(log_ratio) - 1
