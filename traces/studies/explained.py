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

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.account import LaneName
from launchlens.traces.captures.light import BURSTS, CALLS, OPS, STATES
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
        self._off = {
            key: rows.set_index("round") for key, rows in every_round(timings).groupby(["variant", "regime", "control"])
        }
        self._stretch = _stretch(timings)
        self._cells = _marginal(accounts)
        self._costs, self._measured = _costs(_stretch(bursts), self._cells, inside_ns)
        self.rounds = list(self._costs.index)
        count = len(self.rounds)
        generator = np.random.default_rng(SEED)
        enough = count >= THRESHOLDS.least_samples
        self._draws = Resamples.of(generator.integers(0, count, size=(DRAWS, count))) if enough else None

    @cached_property
    def costs(self) -> Mapping[str, float]:
        """What an op and a call cost in all, ns: the medians over rounds."""
        return {name: float(self._costs[name].median()) for name in (OPS, CALLS)}

    def explain(self, side: Side) -> Explained | None:
        """The parts of a side whose pace the host makes; None where it was not recorded so in every round, or what it made costs
        is not known."""
        key = side.variant, side.regime
        cells, stretch, off = self._cells.get(key), self._stretch.get(key), self._off.get((*key, False))
        if cells is None or stretch is None or off is None or not self.rounds:
            return None
        if any(not set(self.rounds) <= set(index) for index in (stretch.index, off.index, cells["ns"].index)):
            return None
        if any(cells[name].loc[self.rounds].isna().any(axis=None) for name in ("ns", "events", "holds")):
            return None
        noted = cells["events"].loc[self.rounds].gt(0).any()
        if any(noted[state] and (OPS if state == "dispatch" else CALLS) not in self._measured for state in STATES):
            return None
        seen = _Seen(
            wall=off.loc[self.rounds, "wall_ns"].to_numpy(float),
            stretch=stretch.loc[self.rounds].to_numpy(float),
            costs=self._costs.loc[self.rounds, [OPS, CALLS]].to_numpy(float),
            **{
                name: frame.loc[self.rounds, list(STATES)].to_numpy(float, na_value=np.nan)
                for name, frame in cells.items()
            },
        )
        parts, whole = seen.parts(self.inside_ns, None), side.wall.value
        draws = None if self._draws is None else seen.parts(self.inside_ns, self._draws)
        made = tuple(
            Part("host", state, float(parts[at]), None if draws is None else draws[:, at])
            for at, state in enumerate(STATES)
            if seen.ns[:, at].any()
        )
        rest = None if self._draws is None or draws is None else self._draws.medians(seen.wall) - draws.sum(axis=1)
        fixed = off["fixed_ns"].dropna()
        return Explained(
            by="light",
            marginal_ns=whole,
            fixed_block_ns=float(fixed.median()) if len(fixed) else None,
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


def _marginal(accounts: pd.DataFrame) -> dict[tuple[str, str], dict[str, pd.DataFrame]]:
    """Per (variant, regime): time, events and held events of one iteration, [rounds, states]; controls left out."""
    mine = accounts[~accounts["control"]].astype(dict.fromkeys(CELLS, "float64"))
    if mine.empty:
        return {}
    block = ["variant", "regime", "length", "round"]
    # all sides in one go: what a table of each costs is not its rows
    cells = mine.groupby([*block, "state"])[list(CELLS)].first().unstack("state")
    cells = cells.reindex(columns=pd.MultiIndex.from_product([CELLS, STATES]))
    values, rounds = cells.to_numpy(), cells.index.get_level_values("round").to_numpy()
    iterations = mine.groupby(block)["iterations"].first().reindex(cells.index).to_numpy()
    blocks = cells.groupby(level=block[:3]).indices
    sides: defaultdict[tuple[str, str], dict[str, npt.NDArray[np.intp]]] = defaultdict(dict)
    for (variant, regime, length), at in sorted(blocks.items()):
        sides[variant, regime][length] = at
    found: dict[tuple[str, str], dict[str, pd.DataFrame]] = {}
    for (variant, regime), ran in sides.items():
        if set(ran) != {"short", "long"}:
            continue
        _, *both = np.intersect1d(rounds[ran["long"]], rounds[ran["short"]], return_indices=True)
        long, short = (ran[length][at] for length, at in zip(("long", "short"), both, strict=True))
        more = iterations[long] - iterations[short]
        long, short, more = long[more > 0], short[more > 0], more[more > 0]
        marginal = (values[long] - values[short]) / more[:, np.newaxis]
        index, states = pd.Index(rounds[long], name="round"), pd.Index(STATES)
        found[str(variant), str(regime)] = {
            name: pd.DataFrame(each, index, states)
            for name, each in zip(CELLS, np.split(marginal, len(CELLS), axis=1), strict=True)
        }
    return found


def _stretch(timings: pd.DataFrame) -> dict[tuple[str, str], pd.Series[float]]:
    """Per (variant, regime): what the recorder adds to an iteration, ns, round by round; controls left out.

    Blocks of one length with it on and off cost the same besides, so both lengths count in full.
    """
    mine = timings[~timings["control"].to_numpy(bool)]
    names = list(mine[["variant", "regime"]].drop_duplicates().itertuples(index=False, name=None))
    sides = mine.groupby(["variant", "regime"], sort=False, dropna=False).ngroup().to_numpy()
    rounds, round_at = np.unique(mine["round"].to_numpy(), return_inverse=True)
    # a number for each round of a side: sums by names and a table of each side take longer than all the rest
    found, cell = np.unique(sides * len(rounds) + round_at, return_inverse=True)

    def sums(values: npt.NDArray[Any]) -> Floats:
        return np.bincount(cell, weights=values, minlength=len(found)).astype(np.float64)

    wall, iterations = (mine[name].to_numpy(float) for name in ("wall_ns", "iterations"))
    is_on, is_off = (mine["recorder"].eq(recorder).to_numpy(bool) for recorder in ("light", "off"))
    whole = (sums(is_on) == 2) & (sums(is_off) == 2) & (np.bincount(cell, minlength=len(found)) == 4)
    with np.errstate(divide="ignore", invalid="ignore"):
        more = sums(np.where(is_on, wall, -wall))[whole] / sums(np.where(is_on, iterations, 0))[whole]
    side, number = np.divmod(found[whole], max(len(rounds), 1))
    ends = np.searchsorted(side, np.arange(len(names) + 1)).tolist()
    return {
        (str(variant), str(regime)): pd.Series(more[begin:end], pd.Index(rounds[number[begin:end]], name="round"))
        for (variant, regime), (begin, end) in zip(names, pairwise(ends), strict=True)
    }


def _costs(
    stretch: Mapping[tuple[str, str], pd.Series[float]],
    cells: Mapping[tuple[str, str], Mapping[str, pd.DataFrame]],
    inside_ns: float,
) -> tuple[pd.DataFrame, frozenset[str]]:
    """What an op and a call cost in all, ns, round by round: what more events stretch an iteration more; and of which there were
    bursts that tell."""
    found = {}
    for kind in (OPS, CALLS):
        names = sorted(
            {name for name, regime in stretch if regime == BURSTS and name.startswith(f"{kind}:")}, key=_count
        )
        if len(names) < 2:
            continue
        few, many = names[0], names[-1]
        events = [float(cells[name, BURSTS]["events"].sum(axis=1).median()) for name in (few, many)]
        if events[1] > events[0]:
            found[kind] = (stretch[many, BURSTS] - stretch[few, BURSTS]) / (events[1] - events[0])
    table = pd.DataFrame(found)
    for kind in (OPS, CALLS):
        if kind not in table:
            table[kind] = inside_ns  # for sides that have nothing of that kind
    return table.dropna(), frozenset(found)


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
