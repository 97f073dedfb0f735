"""Cases of one test from several captures, put together.

A capture that measured another thing adds cases of its own; one that measured the same thing again must not count twice, nor
be left out where it found something else. So verdicts never count how many cases say what: they ask which outcomes there
are. What one capture lacks is made up for by another that has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from launchlens.traces.claims.claim import Case
from launchlens.traces.claims.kinds_of_test.base import Test
from launchlens.traces.claims.under_test import Tested

#: Different reasons for which a test can't be made that are kept; twenty captures may each have their own.
REASONS = 3


def merged(cases: Sequence[Case]) -> list[Case]:
    """A test's cases: those that were made, and of what is missing only what no capture makes up for, each once.

    A test that a capture can't make at all is made up for by any that makes it; a regime, by any that has that regime.
    """
    made = [case for case in cases if case.outcome != "absent"]
    regimes = {case.regime for case in made}
    missing: dict[tuple[str | None, str | None], Case] = {}
    for case in cases:
        if case.outcome == "absent" and case.regime not in regimes and not (made and case.regime is None):
            # of no capture: none of them has it
            missing.setdefault((case.regime, case.reason), replace(case, capture=None))
    return [*made, *list(missing.values())[:REASONS]]


def counting(test: Test, cases: Sequence[Case], captures: Mapping[str | None, Tested]) -> list[Case]:
    """The cases that count for a verdict.

    A case that its capture leaves undecided (too few samples, an interval across a bound, a control that failed) counts
    where nothing better is known. Where another capture that asked the same thing again decides it, that one stands.
    """

    def place(case: Case) -> object:
        return test.asks(captures[case.capture]), case.regime

    decided = {place(case) for case in cases if case.outcome not in ("absent", "undecided")}
    return [
        case
        for case in cases
        if case.outcome != "absent" and not (case.outcome == "undecided" and place(case) in decided)
    ]
