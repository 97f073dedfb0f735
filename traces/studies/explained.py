"""What a side's unprofiled time is made of: parts that sum to it, with what can't be attributed as a row of its own.

Where the host makes the pace, the parts come from the light recorder, which was on and off in the same rounds:

    stretch   = median over rounds of (blocks with it on − blocks with it off) ÷ their iterations
    share     = of each host state, in the marginal time of the blocks with it on: median over rounds, together 1
    part      = share × (unprofiled time + stretch) − (events of that state × what lies between an event's two moments)
                                                    − (events that it holds × what an event costs besides)

What an event costs comes from bursts of ops and of API calls, timed in the same rounds with the recorder on and off. What the
unprofiled time is more or less than the sum of the parts is `not attributed`, which is the stretch that those costs don't
explain; its share is the closure. Where the device makes the pace, the parts are the device's: its recorded work by kind, and
what lies between; there `not attributed` is the time that events on the device don't cover.

Every part has a 95 % interval: rounds are drawn anew, all sides and bursts of a round together, and everything is worked out
again (a percentile bootstrap). The parts of a difference are differences of parts, over the same draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.account import LaneName
from launchlens.traces.captures.light import BURSTS, CALLS, OPS, STATES
from launchlens.traces.grouping import by_keys, numbered
from launchlens.traces.intervals import Ints
from launchlens.traces.statistics import Resamples, medians, percentiles
from launchlens.traces.studies.per_iteration import every_round
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

#: Draws of a bootstrap, and its seed.
DRAWS, SEED = 1000, 20251204
#: What an account says of each state.
CELLS = ("ns", "events", "holds", "calls_held")
Floats = npt.NDArray[np.float64]
By = Literal["light", "cupti", "device"]


@dataclass(frozen=True)
class Part:
    """One part of a time or of a difference, ns of one iteration. `draws` are its values over the bootstrap's draws."""

    lane: LaneName
    state: str
    ns: float
    draws: Floats | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval, ns; None where there were too few rounds."""
        return None if self.draws is None else percentiles(self.draws)

    def less(self, other: Part) -> Part:
        """This part less another one, draw by draw."""
        both = None if self.draws is None or other.draws is None else self.draws - other.draws
        return Part(self.lane, self.state, self.ns - other.ns, both)


@dataclass(frozen=True)
class Explained:
    """The parts of one side. `marginal_ns` is its unprofiled time of one iteration, `fixed_block_ns` what a block costs besides.

    `parts` and `not_attributed` sum to `marginal_ns`. `inflation` is the time with the recorder on over that without.
    """

    by: By
    marginal_ns: float
    fixed_block_ns: float | None
    inflation: float | None
    parts: tuple[Part, ...]
    not_attributed: Part

    @property
    def closure(self) -> float:
        """The share of the time that is not attributed to any part, whichever its sign."""
        return abs(self.not_attributed.ns) / self.marginal_ns if self.marginal_ns else 0.0

    @property
    def closes(self) -> bool:
        """Whether so little is left that the parts explain the side."""
        return self.closure <= THRESHOLDS.closure

    def part(self, state: str) -> Part | None:
        """The part of a state; None where it has none."""
        return next((each for each in self.parts if each.state == state), None)


class LightAccounts:
    """The light recorder's accounts of a capture, from which sides are explained. Rounds that lack anything are left out."""

    def __init__(self, timings: pd.DataFrame, accounts: pd.DataFrame, bursts: pd.DataFrame, inside_ns: float) -> None:
        self.inside_ns = inside_ns
        self._off = _unrecorded(timings)
        self._stretch = _stretch(timings)
        self._cells = _marginal(accounts)
        self._rounds, self._costs, self._measured = _costs(_stretch(bursts), self._cells, inside_ns)
        self.rounds = self._rounds.tolist()
        count = len(self.rounds)
        generator = np.random.default_rng(SEED)
        enough = count >= THRESHOLDS.least_samples
        self._draws = Resamples.of(generator.integers(0, count, size=(DRAWS, count))) if enough else None

    @cached_property
    def costs(self) -> Mapping[str, float]:
        """What an op and a call cost in all, ns: the medians over rounds."""
        return dict(zip((OPS, CALLS), medians(self._costs).tolist(), strict=True))

    def explain(self, side: Side) -> Explained | None:
        """The parts of a side whose pace the host makes; None where it was not recorded so in every round, or what it made costs
        is not known."""
        key = side.variant, side.regime
        if not self.rounds or not all(key in each for each in (self._cells, self._stretch, self._off)):
            return None
        off = self._off[key]
        timed, stretch, cells = (each[key].at(self._rounds) for each in (self._off, self._stretch, self._cells))
        if timed is None or stretch is None or cells is None:
            return None
        seen = _Seen(
            timed[:, 0], stretch, self._costs, *(np.ascontiguousarray(each) for each in np.moveaxis(cells, 1, 0))
        )
        if any(np.isnan(each).any() for each in (seen.ns, seen.events, seen.holds)):
            return None
        noted: list[bool] = np.any(seen.events > 0, axis=0).tolist()
        if any(
            there and (OPS if state == "dispatch" else CALLS) not in self._measured
            for state, there in zip(STATES, noted, strict=True)
        ):
            return None
        parts, whole = seen.parts(self.inside_ns, None), side.wall.value
        draws = None if self._draws is None else seen.parts(self.inside_ns, self._draws)
        made = tuple(
            Part("host", state, float(parts[at]), None if draws is None else draws[:, at])
            for at, state in enumerate(STATES)
            if seen.ns[:, at].any()
        )
        rest = None if self._draws is None or draws is None else self._draws.medians(seen.wall) - draws.sum(axis=1)
        fixed = off.values[~np.isnan(off.values[:, 1]), 1]
        return Explained(
            by="light",
            marginal_ns=whole,
            fixed_block_ns=float(np.median(fixed)) if len(fixed) else None,
            inflation=1 + float(np.median(seen.stretch)) / whole,
            parts=made,
            not_attributed=Part("host", "not attributed", whole - sum(part.ns for part in made), rest),
        )


@dataclass(frozen=True)
class _Seen:
    """What was seen of one side, round by round: ns of one iteration, and events of one by state, [rounds, states]."""

    wall: Floats
    stretch: Floats
    costs: Floats
    ns: Floats
    events: Floats
    holds: Floats
    calls_held: Floats

    def parts(self, inside_ns: float, draws: Resamples | None) -> Floats:
        """Corrected time by state: of all rounds [states], or of each of some draws of rounds [draws, states]."""

        def middle(values: Floats) -> Floats:
            if draws is None:
                return medians(values)
            if values.ndim == 1:
                return draws.medians(values)
            return np.stack([draws.medians(column) for column in values.T], axis=1)

        whole = self.ns.sum(axis=1, keepdims=True)
        shares = middle(np.divide(self.ns, whole, out=np.zeros_like(self.ns), where=whole > 0))
        total = shares.sum(axis=-1, keepdims=True)
        shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
        length = (middle(self.wall) + middle(self.stretch))[..., np.newaxis]
        events, holds, cost = middle(self.events), middle(self.holds), middle(self.costs)
        is_op = np.array([state == "dispatch" for state in STATES])
        op, call = cost[..., 0:1], cost[..., 1:2]
        inside = np.minimum(inside_ns, np.where(is_op, op, call))
        ops, count = events[..., is_op].sum(axis=-1, keepdims=True), events.sum(axis=-1, keepdims=True)
        # what an event costs outside falls on the state that holds it; where it was not noted how many of these are calls, their
        # share among all events of the side says it
        share = np.divide(ops, count, out=np.zeros_like(count), where=count > 0)
        calls = holds * (1 - share) if np.isnan(self.calls_held).any() else middle(self.calls_held)
        outside = (holds - calls) * np.maximum(op - inside_ns, 0) + calls * np.maximum(call - inside_ns, 0)
        corrected: Floats = shares * length - events * inside - outside
        return corrected


def explained_by_device(side: Side) -> Explained | None:
    """The parts of a side whose pace the device makes: recorded work by kind, and what lies between; None of blocks of one length."""
    recording, device = side.recording, side.device
    if recording is None or recording.device is None or device is None:
        return None
    fixed = side.blocks["fixed_ns"].dropna() if "fixed_ns" in side.blocks else side.blocks["wall_ns"].iloc[:0]
    if not len(fixed):
        return None
    times = recording.per_iteration.on_device()
    busy = {state: ns for state, ns in times.items() if state not in ("idle", "unknown") and ns}
    if times.get("unknown"):
        return None
    parts = [Part("device", state, ns) for state, ns in busy.items()]
    parts.append(Part("device", "between", device.value - sum(busy.values())))
    rest = Part("device", "not attributed", side.wall.value - device.value)
    return Explained("device", side.wall.value, float(fixed.median()), None, tuple(parts), rest)


@dataclass(frozen=True)
class _ByRound:
    """What was seen of one side in each of some `rounds`, which are in order: `values` [rounds, ...]."""

    rounds: Ints
    values: Floats

    def at(self, rounds: Ints) -> Floats | None:
        """What was seen in some rounds; None where one is missing."""
        place = np.searchsorted(self.rounds, rounds)
        if not (place < len(self.rounds)).all() or (self.rounds[place] != rounds).any():
            return None
        return self.values[place]


Sides = Mapping[tuple[str, str], _ByRound]


def _unrecorded(timings: pd.DataFrame) -> Sides:
    """Per (variant, regime): what an iteration takes with no recorder on, and what a block costs besides; controls left out."""
    timed = every_round(timings)
    rows = np.flatnonzero(~timed["control"].to_numpy(bool))
    rounds = timed["round"].to_numpy(np.int64)
    both = np.stack([timed[name].to_numpy(np.float64, na_value=np.nan) for name in ("wall_ns", "fixed_ns")], axis=1)
    rows = rows[np.argsort(rounds[rows], kind="stable")]
    return {side: _ByRound(rounds[mine], both[mine]) for side, mine in _of_sides(timed, rows)}


def _of_sides(table: pd.DataFrame, rows: Ints) -> Iterator[tuple[tuple[str, str], Ints]]:
    """Some rows of a table by (variant, regime), in the order in which they are given."""
    names = [table[name].array for name in ("variant", "regime")]
    for mine in by_keys(rows, numbered(table["variant"], table["regime"])[rows]).values():
        variant, regime = (each[mine[0]] for each in names)
        yield (str(variant), str(regime)), mine


def _marginal(accounts: pd.DataFrame) -> Sides:
    """Per (variant, regime): CELLS of one iteration by state, [rounds, CELLS, STATES]; controls left out."""
    block = numbered(*(accounts[name] for name in ("variant", "regime", "control", "length", "round")))
    blocks = int(block.max(initial=-1)) + 1
    state_of = {state: at for at, state in enumerate(STATES)}
    codes, states = pd.factorize(accounts["state"])
    state = np.array([state_of.get(str(name), -1) for name in states], np.int64)[codes]
    cells = np.full((blocks, len(CELLS), len(STATES)), np.nan)
    for at, name in enumerate(CELLS):
        values = accounts[name].to_numpy(np.float64, na_value=np.nan)
        # the first of several is written last
        told = np.flatnonzero((state >= 0) & ~np.isnan(values))[::-1]
        cells[block[told], at, state[told]] = values[told]
    first = np.unique(block, return_index=True)[1]
    rounds, iterations = (accounts[name].to_numpy(np.int64)[first] for name in ("round", "iterations"))
    control, length = accounts["control"].to_numpy(bool)[first], accounts["length"].array[first]
    long, short = (np.asarray(length == each, bool) for each in ("long", "short"))
    found = {}
    for side, mine in _of_sides(accounts, first[~control]):
        own = block[mine]
        of_long, of_short = own[long[own]], own[short[own]]
        if not len(of_long) or not len(of_short) or len(of_long) + len(of_short) < len(own):
            continue
        _, *both = np.intersect1d(rounds[of_long], rounds[of_short], return_indices=True)
        above, below = of_long[both[0]], of_short[both[1]]
        more = iterations[above] - iterations[below]
        above, below, more = above[more > 0], below[more > 0], more[more > 0]
        found[side] = _ByRound(rounds[above], (cells[above] - cells[below]) / more[:, np.newaxis, np.newaxis])
    return found


def _stretch(timings: pd.DataFrame) -> Sides:
    """Per (variant, regime): what the recorder adds to an iteration, ns, round by round; controls left out.

    Blocks of one length with it on and off cost the same besides, so both lengths count in full.
    """
    mine = np.flatnonzero(~timings["control"].to_numpy(bool))
    # a number for each round of a side: sums by names and a table of each side take longer than all the rest
    cell = numbered(timings["variant"], timings["regime"], timings["round"])[mine]
    found, first, cell = np.unique(cell, return_index=True, return_inverse=True)

    def sums(values: npt.NDArray[Any]) -> Floats:
        return np.bincount(cell, weights=values, minlength=len(found)).astype(np.float64)

    wall, iterations = (timings[name].to_numpy(float)[mine] for name in ("wall_ns", "iterations"))
    is_on, is_off = (timings["recorder"].eq(recorder).to_numpy(bool)[mine] for recorder in ("light", "off"))
    whole = (sums(is_on) == 2) & (sums(is_off) == 2) & (np.bincount(cell, minlength=len(found)) == 4)
    with np.errstate(divide="ignore", invalid="ignore"):
        more = sums(np.where(is_on, wall, -wall))[whole] / sums(np.where(is_on, iterations, 0))[whole]
    rows, rounds = mine[first[whole]], timings["round"].to_numpy(np.int64)
    at = dict(zip(rows.tolist(), range(len(rows)), strict=True))
    return {
        side: _ByRound(rounds[of_side], more[[at[row] for row in of_side.tolist()]])
        for side, of_side in _of_sides(timings, rows)
    }


def _costs(stretch: Sides, cells: Sides, inside_ns: float) -> tuple[Ints, Floats, frozenset[str]]:
    """What an op and a call cost in all, ns: what more events stretch an iteration more. The rounds, [rounds, kinds], and of which
    kinds there were bursts that tell."""
    found: dict[str, _ByRound] = {}
    for kind in (OPS, CALLS):
        names = sorted(
            {name for name, regime in stretch if regime == BURSTS and name.startswith(f"{kind}:")}, key=_count
        )
        if len(names) < 2:
            continue
        few, many = names[0], names[-1]
        at = CELLS.index("events")
        events = [float(np.median(np.nansum(cells[name, BURSTS].values[:, at], axis=1))) for name in (few, many)]
        if events[1] > events[0]:
            less, more = stretch[few, BURSTS], stretch[many, BURSTS]
            rounds, of_less, of_more = np.intersect1d(less.rounds, more.rounds, return_indices=True)
            found[kind] = _ByRound(rounds, (more.values[of_more] - less.values[of_less]) / (events[1] - events[0]))
    shared = reduce(np.intersect1d, [each.rounds for each in found.values()]) if found else np.empty(0, np.int64)
    # for sides that have nothing of a kind that was not measured
    table = np.full((len(shared), 2), inside_ns)
    for column, kind in enumerate((OPS, CALLS)):
        if kind in found:
            table[:, column] = found[kind].values[np.searchsorted(found[kind].rounds, shared)]
    told = ~np.isnan(table).any(axis=1)
    return shared[told], table[told], frozenset(found)


def _count(name: str) -> int:
    return int(name.partition(":")[2])


@dataclass(frozen=True)
class ExplainedDifference:
    """The parts of a difference, b less a, ns of one iteration; `parts` and `not_attributed` sum to `ns`.

    Where one side waits for the host and the other for the device, their parts are of different kinds, and are not netted:
    those of a are then what b has less of, those of b what it has instead (`changes_pace`).
    """

    a: Explained
    b: Explained
    ns: float
    parts: tuple[Part, ...]
    not_attributed: Part
    changes_pace: bool

    @property
    def closes(self) -> bool:
        """Whether both sides close, and the parts point where the difference does."""
        return self.a.closes and self.b.closes and sum(part.ns for part in self.parts) * self.ns > 0

    @property
    def named(self) -> tuple[Part, ...]:
        """The parts that are larger than what is not attributed, and worth a word, the largest first."""
        least = max(abs(self.not_attributed.ns), THRESHOLDS.worth_naming * abs(self.ns))
        return tuple(sorted((part for part in self.parts if abs(part.ns) > least), key=lambda part: -abs(part.ns)))


def difference_of(a: Explained | None, b: Explained | None) -> ExplainedDifference | None:
    """What b has more of than a; None where nothing tells what one of them is made of, or two recorders that part it otherwise."""
    if a is None or b is None or {a.by, b.by} == {"light", "cupti"}:
        return None
    rest = b.not_attributed.less(a.not_attributed)
    whole = b.marginal_ns - a.marginal_ns
    if (a.by == "device") is not (b.by == "device"):
        negative = [
            Part(part.lane, part.state, -part.ns, None if part.draws is None else -part.draws) for part in a.parts
        ]
        return ExplainedDifference(a, b, whole, (*negative, *b.parts), rest, changes_pace=True)
    parts = []
    for state in dict.fromkeys(part.state for part in (*a.parts, *b.parts)):
        left, right = a.part(state), b.part(state)
        if left is None:
            parts += [right] if right else []
            continue
        # what b has nothing of is known as well as what a has: its interval is that of a's
        nothing = Part(left.lane, state, 0.0, None if left.draws is None else np.zeros_like(left.draws))
        parts.append((right or nothing).less(left))
    return ExplainedDifference(a, b, whole, tuple(parts), rest, changes_pace=False)
