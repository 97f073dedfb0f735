"""What all kinds of test share: their common keys, when they apply, and the bounds that a figure is held against."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from math import inf
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.claim import Case, Evidence, Outcome, decide
from launchlens.traces.claims.sweep_under_test import SweepUnderTest
from launchlens.traces.claims.under_test import Tested

Regime = Literal["eager", "graph"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers of a workload that a test is for, both ends included."""

    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: Any) -> bool:
        """Whether a number, or every number of a list, lies within."""
        values = value if isinstance(value, list | tuple) else [value]
        numbers = [item for item in values if isinstance(item, int | float) and not isinstance(item, bool)]
        return bool(numbers) and len(numbers) == len(values) and all(self._meets(item) for item in numbers)

    def _meets(self, value: float) -> bool:
        return not (
            (self.at_least is not None and value < self.at_least) or (self.at_most is not None and value > self.at_most)
        )

    def __str__(self) -> str:
        return bounds_in_words(self.at_least, self.at_most)


class Test(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One test of a claim. A kind of test is a subclass: its fields are the keys that a claim's row may have.

    `regimes`: only these; by default every one in which its variants were timed. `when`: only of captures whose
    workload has these numbers. `decides` false: evidence only.
    """

    __test__: ClassVar[bool] = False  # no test of pytest's

    kind: ClassVar[str] = ""
    #: Whether it is made on sweeps, and not on captures.
    of_sweeps: ClassVar[bool] = False
    #: Whether it holds eager calls against replays, so that there is no regime to choose.
    across_regimes: ClassVar[bool] = False
    #: The fields that name the variants that it is about, in order.
    naming: ClassVar[tuple[str, ...]] = ()
    regimes: Annotated[list[Regime], msgspec.Meta(min_length=1)] | None = None
    when: dict[str, Limits] = {}
    decides: bool = True

    def __post_init__(self) -> None:
        names = self.variants()
        if len(set(names)) < len(names):
            raise ValueError(f"holds {names[0]} against itself, which can come out one way only")
        if self.across_regimes and self.regimes is not None:
            raise ValueError("has `regimes`, and holds the two against each other")

    def fixed_by(self, declared: Mapping[str, str]) -> str | None:
        """Why what variants declare of themselves settles this test before anything is measured; None where it doesn't.

        `declared` has the launches of variants whose own code says how many an iteration makes.
        """
        return None

    def run(self, tested: Tested) -> list[Case]:
        """Every case of the test on a capture; one that says what is missing where it can't be made."""
        if isinstance(tested, SweepUnderTest):
            return [Case(self.subject(), None, "absent", "it needs a capture, not a sweep").found_in(tested.name)]
        lacking = unmet(self.when, tested)
        found = [Case(self.subject(), None, "absent", lacking)] if lacking else self.cases(tested)
        return [case.found_in(tested.name) for case in found]

    def asks(self, tested: Tested) -> Hashable:
        """What a case is a case of: captures that have it in common ask the same thing again."""
        return tested.measured

    def variants(self) -> Sequence[str]:
        """The variants that it is about."""
        named = (getattr(self, name) for name in self.naming)
        return tuple(variant for variant in named if variant is not None)

    @property
    def reason(self) -> str | None:
        """Why its bounds are these; None where it has none, or nobody said."""
        return None

    def subject(self) -> str:
        """What it is about, in as few words as tell it from others."""
        return " against ".join(self.variants())

    @abstractmethod
    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        """The cases of this kind of test, once `when` is met."""

    def undecided(self, regime: str | None, reason: str, *evidence: Evidence) -> Case:
        """The case of figures that decide nothing, and why."""
        return Case(self.subject(), regime, "undecided", reason, evidence)

    @abstractmethod
    def says(self) -> str:
        """What must be so for the test to hold."""

    def describe(self) -> str:
        """The test in words: what must be so, in which regimes, of which captures."""
        where = f", {' and '.join(self.regimes)}" if self.regimes else ""
        only = "".join(f", {key} {limits}" for key, limits in self.when.items())
        return f"{self.says()}{where}{only}"


class ByRegime(Test, frozen=True, kw_only=True):
    """A test with a case for each regime in which its variants can be tested, or a case of what is missing there."""

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for regime, missing in tested.places(self.subject(), self.variants(), self.regimes):
            yield missing or self.case(tested, regime)

    @abstractmethod
    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        """The case of one regime."""


class Bounded(Test, frozen=True, kw_only=True):
    """A test of one figure against bounds, both ends included; `because` says why these bounds and no others.

    `within` is where such a figure lies whatever is measured: bounds that hold all of it, or nothing, decide nothing.
    """

    within: ClassVar[tuple[float, float]] = (-inf, inf)

    at_least: float | None = None
    at_most: float | None = None
    because: Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[^\r\n]*$")] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decides and self.at_least is None and self.at_most is None:
            raise ValueError("needs at_least or at_most (or decides = false)")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("has at_least above at_most")
        least = -inf if self.at_least is None else self.at_least
        most = inf if self.at_most is None else self.at_most
        low, high = self.within
        always, never = least <= low and high <= most, least > high or most < low
        if self.decides and (always or never):
            lies = f"{low:g} to {high:g}" if high < inf else f"{low:g} or more"
            outcome = "fail" if always else "hold"
            raise ValueError(f"has bounds that can't {outcome}: whatever is measured, its figure is {lies}")

    def bounds(self, unit: str = "", factor: float = 1.0) -> str:
        """The bounds in words, empty where there are none; multiplied by `factor` into `unit`."""
        if self.at_least is None and self.at_most is None:
            return ""
        low = None if self.at_least is None else self.at_least * factor
        high = None if self.at_most is None else self.at_most * factor
        return f" {bounds_in_words(low, high, unit)}"

    @property
    def reason(self) -> str | None:
        return self.because or None

    def describe(self) -> str:
        words = super().describe()
        if not self.decides or (self.at_least is None and self.at_most is None) or not self.says_bounds:
            return words
        return f"{words}, because {self.because}" if self.because else f"{words}, no reason given"

    @property
    def says_bounds(self) -> bool:
        """Whether its words hold the bounds, so that a reason for them belongs beside: not where they are the kind's own."""
        return True

    def judged(
        self, regime: str | None, main: Evidence, *more: Evidence, counted: bool = False, factor: float = 1.0
    ) -> Case:
        """The case that `main` makes, with `more` beside it; a bound of 1 is `factor` of the unit of `main`."""
        assert main.value is not None
        outcome: Outcome = "holds"
        if self.at_least is not None or self.at_most is not None:
            low = None if self.at_least is None else self.at_least * factor
            high = None if self.at_most is None else self.at_most * factor
            outcome = decide(main.value, main.interval, low, high, counted=counted)
        reason = None
        if outcome == "undecided":
            reason = "too few samples for an interval" if main.interval is None else "the interval straddles a bound"
        return Case(self.subject(), regime, outcome, reason, (main, *more))


def bounds_in_words(low: float | None, high: float | None, unit: str = "") -> str:
    """`at least 0.95`, `at most 20`, `0.90 to 1.10`, `7`, with a unit behind."""
    tail = f" {unit}" if unit else ""
    if low is not None and high is not None:
        return f"{_plain(low)}{tail}" if low == high else f"{_plain(low)} to {_plain(high)}{tail}"
    if low is not None:
        return f"at least {_plain(low)}{tail}"
    return f"at most {_plain(high)}{tail}" if high is not None else ""


def unmet(when: Mapping[str, Limits], tested: Tested) -> str | None:
    """What a capture must have and this one hasn't, in words; None where it has it all.

    What this one has instead is said where it is the only one: of several, each has something else.
    """
    words = [
        f"{key} {limits}" + ("" if tested.name is not None else f" (here: {_shown(tested.workload.get(key))})")
        for key, limits in when.items()
        if not limits.met(tested.workload.get(key))
    ]
    return f"it needs a capture with {', '.join(words)}" if words else None


def _plain(number: float) -> str:
    """A bound as a person writes it: no exponent, thousands apart, no digits that binary fractions add."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.6g}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple) and value and all(isinstance(each, int | float) for each in value):
        return f"{min(value)} to {max(value)}" if min(value) != max(value) else str(value[0])
    return "not said" if value is None else str(value)
