"""The kind of test on parts of the unprofiled run: `parts`. Captures that the light recorder was on in have them; others don't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np

from launchlens.traces.claims.capture_under_test import CaptureUnderTest, paired_rows
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.claims.kinds_of_test.base import Bounded, ByRegime, Name
from launchlens.traces.claims.shares import interval_of, share_of_more
from launchlens.traces.statistics import Floats
from launchlens.traces.studies.explained import By, Explained, Part
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

#: Host states that the light recorder tells apart, and of the device what rules where it makes the pace.
State = Literal["python", "dispatch", "launch", "sync", "api", "kernel", "memcpy", "memset", "kernel+memcpy", "between"]


class Parts(ByRegime, Bounded, frozen=True, kw_only=True):
    """The share that some `states` make of the unprofiled time of `variant`, or of what it spends more than `against`.

    Both are of the timed rounds. Of a difference, it is the share of all that is more on the slower side, what is not
    attributed among it; parts that are less don't count, so that a share is one.
    """

    kind: ClassVar[str] = "parts"
    within: ClassVar[tuple[float, float]] = (0, 1)
    naming: ClassVar[tuple[str, ...]] = ("variant", "against")
    variant: Name
    against: Name | None = None
    states: Annotated[list[State], msgspec.Meta(min_length=1)]

    def says(self) -> str:
        of = f"time of {self.variant}" if self.against is None else f"difference {self.variant} − {self.against}"
        return f"{' and '.join(self.states)} as a share of the unprofiled {of}{self.bounds('%', 100)}"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        sides = [tested.study.sides[name, regime] for name in self.variants()]
        study = tested.study
        explained = study.explained_alike(*sides) if len(sides) == 2 else [study.explained(sides[0])]
        found = [one for one in explained if one is not None]
        if len(found) < len(sides):
            side = sides[explained.index(None)]
            if side.withheld:
                return tested.not_recorded(self.subject(), side)
            return Case(self.subject(), regime, "absent", f"{side.variant}: no parts of its unprofiled time are known")
        open_ = [side.variant for side, one in zip(sides, found, strict=True) if not one.closes]
        if open_:
            reason = f"of {open_[0]}, over {THRESHOLDS.closure * 100:.0f} % of the time is not attributed to any part"
            return self.undecided(regime, reason)
        if len({one.by for one in found}) > 1:
            return self.undecided(
                regime, "one waits for the host and the other for the device, so their parts differ in kind"
            )
        if found[0].by == "cupti" and not self._told_by_cupti():
            return self.undecided(regime, "without the light recorder Python and the framework's code are one part")
        if self.against is not None and tested.compared(self.variant, self.against, regime).verdict in NOTHING_TO_SPLIT:
            return Case(self.subject(), regime, "no-difference-shown", "there is no difference to split")
        return self._share(tested, sides, found)

    def _told_by_cupti(self) -> bool:
        """Whether the states are parts of CUPTI's recording too: of what is outside calls, both or neither."""
        return ("python" in self.states) is ("dispatch" in self.states)

    def _states(self, by: By) -> Sequence[str]:
        """The states by the names that they have as parts."""
        if by != "cupti":
            return self.states
        return list(
            dict.fromkeys("outside-calls" if state in ("python", "dispatch") else state for state in self.states)
        )

    def _share(self, tested: CaptureUnderTest, sides: Sequence[Side], found: Sequence[Explained]) -> Case:
        side = sides[0]
        values, draws = _parts(found[0]), _draws(found[0])
        whole, of, rows = found[0].marginal_ns, self.variant, _rows(side)
        if self.against is not None:
            less, fewer = _parts(found[1]), _draws(found[1])
            names = dict.fromkeys((*values, *less))
            values = {name: values.get(name, 0.0) - less.get(name, 0.0) for name in names}
            whole -= found[1].marginal_ns
            of = f"{self.variant} − {self.against}"
            rows = paired_rows(tested.compared(self.variant, self.against, side.regime))
            if draws is not None and fewer is not None:
                nothing = np.zeros_like(next(iter(draws.values())))
                draws = {name: draws.get(name, nothing) - fewer.get(name, nothing) for name in names}
            else:
                draws = None
        states, sign = " and ".join(self.states), 1.0 if whole >= 0 else -1.0
        chosen = self._states(found[0].by)
        share = float(_share_of({name: np.array(sign * ns) for name, ns in values.items()}, chosen))
        interval = None
        if draws is not None:
            interval = interval_of(_share_of({name: sign * each for name, each in draws.items()}, chosen))
        place = f"{of}, {side.regime}"
        source = f"light/accounts.parquet and {rows}" if found[0].by == "light" else f"a trace and {rows}"
        main = Evidence(f"{states} as a share of {place}", share, "share", interval, source, "difference")
        each = [
            Evidence(f"{name}, {place}", ns, "ns", _ends(draws, name), source, "difference")
            for name, ns in values.items()
        ]
        ends = None if draws is None else interval_of(np.sum(list(draws.values()), axis=0))
        return self.judged(
            side.regime, main, Evidence(f"unprofiled, {place}", whole, "ns", ends, rows, "timing"), *each
        )


#: Verdicts of a comparison that leave nothing to take apart.
NOTHING_TO_SPLIT = ("no-difference-shown", "equivalent", "not-comparable")


def _all(explained: Explained) -> list[Part]:
    return [*explained.parts, explained.not_attributed]


def _parts(explained: Explained) -> dict[str, float]:
    return {part.state: part.ns for part in _all(explained)}


def _draws(explained: Explained) -> dict[str, Floats] | None:
    """Every part over the draws of rounds; None where one has none, as too few rounds give none."""
    found = {part.state: part.draws for part in _all(explained) if part.draws is not None}
    return found if len(found) == len(_all(explained)) else None


def _share_of(parts: Mapping[str, Floats], states: Sequence[str]) -> Floats:
    """The share of what is more that lies in some states, which count together; each other part counts by itself."""
    chosen = [values for name, values in parts.items() if name in states]
    others = [values for name, values in parts.items() if name not in states]
    some = next(iter(parts.values()))
    together = np.sum(chosen, axis=0) if chosen else np.zeros_like(some)
    return share_of_more(together, np.stack(others, axis=-1) if others else np.zeros((*some.shape, 0)))


def _ends(draws: Mapping[str, Floats] | None, name: str) -> tuple[float, float] | None:
    return None if draws is None else interval_of(draws[name])


def _rows(side: Side) -> str:
    return f"timings.parquet: variant={side.variant}, regime={side.regime}, {side.wall.samples} rounds"
