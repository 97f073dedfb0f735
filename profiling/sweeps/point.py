"""One point of a sweep: its variants built, checked, counted and timed as those of a plain profile are, in a second or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from launchlens.kernels.registry import REGIMES, Variant, WorkloadSpec
from launchlens.profiling.checking import Checks, one_line, synchronize
from launchlens.profiling.environment import missing
from launchlens.profiling.rounds import Lengths, Rounds, iterations_of
from launchlens.profiling.sweeps.counted import NOTHING, Counted, LaunchCounter
from launchlens.profiling.sweeps.memory import give_back, ran_out, too_much
from launchlens.profiling.sweeps.reference import HostReference
from launchlens.profiling.sweeps.turnovers import Order, interval_of, medians, order_of
from launchlens.profiling.timing import Entry, Failures, timings_frame
from launchlens.traces.captures.capture import LaunchRecord, Status, VariantRecord
from launchlens.traces.statistics import Floats
from launchlens.traces.sweeps.sweep import SweptVariant

#: Blocks of a point: a quarter as long as a plain profile's, and of what takes longer a single iteration.
LENGTHS = Lengths(short_ns=1_000_000, fewest=1, most=200, warm=2, trials=(2, 10))
#: Rounds of a point, and how many more it has at a time where the two fastest are not told apart.
ROUNDS, MORE_ROUNDS = 12, 6
#: Two variants whose ratio is known so well, to either side, are as good as told apart.
_CLOSE = 0.03


@dataclass(frozen=True)
class HowTimed:
    """How every point is timed: `rounds`, up to `most_rounds` where the fastest two are not told apart."""

    rounds: int = ROUNDS
    most_rounds: int = 3 * ROUNDS
    iterations: int | None = None
    lengths: Lengths = LENGTHS


@dataclass(frozen=True)
class Measured:
    """What came of a point: a row a variant and regime, its timings, its orders by regime, and a time of the reference a round.

    `correctness` says how it was checked, empty where nothing was.
    """

    variants: tuple[SweptVariant, ...]
    timings: pd.DataFrame
    orders: Mapping[str, Order]
    correctness: str
    reference_ns: tuple[int, ...] = ()


@dataclass
class PointOfSweep:
    """Measures one point. `workload` has the point's parameters. `still_there(variant)` raises where that left no usable device."""

    workload: WorkloadSpec
    variants: Sequence[Variant]
    device: str
    regimes: Sequence[str]
    seed: int
    how: HowTimed
    counter: LaunchCounter
    reference: HostReference
    origin_ns: int
    still_there: Callable[[str], None]
    _counted: dict[str, Counted] = field(default_factory=dict, init=False)
    _reference_ns: list[int] = field(default_factory=list, init=False)

    def measure(self) -> Measured:
        """Check, count, time, check again. Whatever a variant raises is its result; interruptions pass through."""
        moved = bytes_of(self.workload)
        able = [each for each in self.variants if not missing(each.needs, self.device)]
        full = too_much(len(able), moved, self.device)
        if full:
            return self.skipped(full)
        checks = Checks(self.workload, self.variants, self.device, self.seed)
        records, entries = self._checked(checks)
        rows, reasons = self._timed(entries)
        wrong = {
            (entry.variant, entry.regime): f"right at first, but not after it had been timed: {fault}"
            for entry in entries
            if (entry.variant, entry.regime) not in reasons and (fault := checks.again(entry.variant, entry.regime))
        }
        records = _with(_with(records, "failed", reasons), "wrong", wrong)
        kept = [row for row in rows if (row["variant"], row["regime"]) not in wrong]
        frame = timings_frame(kept)
        ranked = [each.name for each in self.variants if each.part_of is None]
        return Measured(
            tuple(self._swept(record, moved) for record in records),
            frame,
            orders(frame, ranked),
            checks.described(),
            tuple(self._reference_ns),
        )

    def skipped(self, why: str) -> Measured:
        """No variant can be measured here: `why`."""
        rows = [
            SweptVariant(variant=variant.name, regime=regime, status="skipped", why=why, part_of=variant.part_of)
            for variant in self.variants
            for regime in self.regimes
            if regime in variant.regimes and (regime == "eager" or self.device == "cuda")
        ]
        return Measured(tuple(rows), timings_frame([]), {}, "")

    def _checked(self, checks: Checks) -> tuple[list[VariantRecord], list[Entry]]:
        records, entries = [], []
        for variant in self.variants:
            for record, call in checks.check(variant, self.regimes):
                if ran_out(record.why):
                    record = replace(record, status="skipped", why="out of memory")
                    give_back(self.device)
                records.append(record)
                if call is None:
                    continue
                entries.append(Entry(variant.name, record.regime, call))
                if record.regime == "eager":
                    self._counted[variant.name] = self.counter.of(call, variant)
            self.still_there(variant.name)
        return records, sorted(entries, key=lambda entry: REGIMES.index(entry.regime))

    def _timed(self, entries: Sequence[Entry]) -> tuple[list[dict[str, object]], dict[tuple[str, str], str]]:
        """A row a block; and why those that failed did."""
        rows: list[dict[str, object]] = []
        failures: Failures = {}
        if not entries:
            return rows, {}
        controls = [replace(entry, control=True) for entry in entries if entry.variant == self.workload.baseline]
        timed = [*entries, *controls]
        iterations = iterations_of(
            timed, lambda: synchronize(self.device), failures, self.how.iterations, self.how.lengths
        )
        left = [entry for entry in timed if (entry.variant, entry.regime) not in failures]
        rounds = Rounds(
            left,
            iterations,
            self.device,
            rows,
            failures,
            seed=self.seed,
            beside=lambda _: self._reference_ns.append(self.reference.ns()),
            warm=self.how.lengths.warm,
            origin_ns=self.origin_ns,
        )
        done = 0
        ranked = [each.name for each in self.variants if each.part_of is None]
        while left and done < self.how.most_rounds:
            more = self.how.rounds if not done else MORE_ROUNDS
            rounds.run(more, lambda _: None, done)
            done += more
            if told_apart(rows, ranked):
                break
        reasons = {
            where: "out of memory while it was timed"
            if ran_out(repr(error))
            else f"failed while it was timed: {one_line(error, self.workload)}"
            for where, error in failures.items()
        }
        failures.clear()  # what was raised holds on to the frames that it came through, and they to tensors
        return rows, reasons

    def _swept(self, record: VariantRecord, moved: int | None) -> SweptVariant:
        """A row of the sweep: counts as declared, or else as counted."""
        structure = None if record.structure is None else tuple(record.structure)
        counted = self._counted.get(record.variant, NOTHING)
        declared = None if structure is None else sum(each.per_iteration for each in structure)
        return SweptVariant(
            variant=record.variant,
            regime=record.regime,
            status=record.status,
            why=record.why,
            part_of=record.part_of,
            launches=declared if counted.launches is None else counted.launches,
            arguments=counted.arguments if structure is None else _arguments(structure),
            nodes=counted.nodes,
            bytes=moved,
            structure=structure,
        )


def bytes_of(workload: WorkloadSpec) -> int | None:
    """What an iteration writes, as the workload's facts say; None where they don't."""
    found = workload.described().get("bytes") if workload.facts else None
    return found if isinstance(found, int) and found >= 0 else None


def orders(timings: pd.DataFrame, ranked: Sequence[str]) -> dict[str, Order]:
    """By regime, which of the variants that do the whole work are faster than which."""
    return {regime: order_of(names, pairs) for regime, (names, pairs) in _samples(timings, ranked).items()}


def told_apart(rows: list[dict[str, object]], ranked: Sequence[str]) -> bool:
    """Whether in every regime the two that seem fastest are told apart, or known to be as near as _CLOSE."""
    for names, pairs in _samples(pd.DataFrame(rows), ranked).values():
        if len(names) < 2:
            continue
        first, second = np.argsort(medians(pairs))[:2]
        interval = interval_of(pairs[first], pairs[second])
        if interval is None or (interval[0] <= 0 <= interval[1] and interval[1] - interval[0] > 2 * np.log1p(_CLOSE)):
            return False
    return True


def _samples(timings: pd.DataFrame, ranked: Sequence[str]) -> dict[str, tuple[list[str], Floats]]:
    """By regime, variants and the logs of their marginal times: [variants, pairs of rounds], NaN where a pair is not whole."""
    found: dict[str, tuple[list[str], Floats]] = {}
    if not len(timings):
        return found
    # a pandas call on these few rows takes longer than all that is to be worked out
    of = {name: timings[name].to_numpy() for name in ("control", "variant", "regime", "round", "length")}
    ns = np.stack([timings[name].to_numpy(np.float64) for name in ("wall_ns", "iterations")])
    asked = ~of["control"].astype(bool) & np.isin(of["variant"].astype(object), np.array(ranked, object))
    for regime in dict.fromkeys(of["regime"][asked]):
        rows = asked & (of["regime"] == regime)
        variants, (rounds, place) = of["variant"][rows], np.unique(of["round"][rows], return_inverse=True)
        names = list(dict.fromkeys(variants))
        wide = np.full((2, len(names), 2, len(rounds)), np.nan)
        for number, name in enumerate(names):
            for side, length in enumerate(("short", "long")):
                block = (variants == name) & (of["length"][rows] == length)
                wide[:, number, side, place[block]] = ns[:, rows][:, block]
        wall, count = wide[:, :, 1] - wide[:, :, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            marginal = wall / count
            log_ns = np.log(np.where(marginal > 0, marginal, np.nan))
        whole = len(rounds) // 2 * 2
        found[str(regime)] = names, log_ns[:, :whole].reshape(len(names), -1, 2).mean(axis=2)
    return found


def _with(
    records: Sequence[VariantRecord], status: Status, reasons: Mapping[tuple[str, str], str]
) -> list[VariantRecord]:
    """Records with another status for those that `reasons` names."""
    return [
        replace(record, status="skipped" if ran_out(why) else status, why=why)
        if (why := reasons.get((record.variant, record.regime))) is not None
        else record
        for record in records
    ]


def _arguments(structure: Sequence[LaunchRecord]) -> int:
    return sum(each.per_iteration * each.arguments for each in structure)
