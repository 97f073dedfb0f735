"""The kind of test that reads an experiment of its own: `needs-probe`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar

import msgspec

from launchlens.traces.captures.probes import OR, PROBES, UNDECIDED, Probe
from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.claim import Case, Evidence, Outcome
from launchlens.traces.claims.kinds_of_test.base import Bounded, Name


class NeedsProbe(Bounded, frozen=True, kw_only=True):
    """What a probe of the capture says: its verdict `is` this, or one `figure` of it lies within bounds.

    Bounds are in the unit that the probe gives its figure; of its ratio to another one, where it is held `against` that.
    Where the probe's control did not pass, it says nothing.
    """

    kind: ClassVar[str] = "needs-probe"
    probe: Name
    expect: Name | None = msgspec.field(name="is", default=None)
    figure: Name | None = None
    against: Name | None = None

    def __post_init__(self) -> None:
        if (self.expect is None) == (self.figure is None):
            raise ValueError("needs one of `is` (the probe's verdict) and `figure`")
        if self.figure is not None:
            super().__post_init__()
        elif self.at_least is not None or self.at_most is not None:
            raise ValueError("has bounds for a verdict; bounds are for a `figure`")
        if self.against is not None and self.figure is None:
            raise ValueError("has `against` without the `figure` that is held against it")
        if self.regimes is not None:
            raise ValueError("has `regimes`, and a probe has none")

    def subject(self) -> str:
        return f"probe {self.probe}"

    def asks(self, tested: CaptureUnderTest) -> Hashable:
        # of the machine, whatever the workload was that the probe ran beside
        return tested.machine

    def says(self) -> str:
        if self.expect is not None:
            return f"the probe {self.probe} finds: {self.expect}"
        against = f" ÷ {self.against}" if self.against is not None else ""
        return f"{self.figure}{against} of the probe {self.probe}{self.bounds()}"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        probe, subject = tested.study.probes.get(self.probe), self.subject()
        if probe is None:
            yield Case(subject, None, "absent", f"the probe {self.probe} was not run")
            return
        found = _evidence(probe)
        if probe.checked != "passed":
            absent = f"the probe {self.probe} made no control. {probe.says}".strip()
            reason = f"the control of the probe {self.probe} did not pass" if probe.checked == "failed" else absent
            yield Case(subject, None, "undecided", reason, found)
        elif self.expect is not None:
            reason = f"the probe {self.probe} finds: {probe.verdict or 'nothing'}"
            yield Case(subject, None, self._outcome(probe.verdict), reason, found)
        else:
            yield self._of_figure(found)

    def _outcome(self, verdict: str | None) -> Outcome:
        """What a verdict says; one that names this answer among several that it can't tell apart does not decide it."""
        if verdict == self.expect:
            return "holds"
        if not verdict or verdict in UNDECIDED or self.expect in verdict.split(OR):
            return "undecided"
        return "fails"

    def _of_figure(self, found: list[Evidence]) -> Case:
        known = {item.figure: item for item in found if item.value is not None}
        names = [name for name in (self.figure, self.against) if name is not None]
        lacking = [name for name in names if f"{name}, probe {self.probe}" not in known]
        if lacking:
            return Case(self.subject(), None, "absent", f"the probe {self.probe} gives no figure {lacking[0]!r}")
        main, *others = (known[f"{name}, probe {self.probe}"] for name in names)
        if not others:
            # a figure that the probe gives no interval is a count or a mean over all that it made
            return self.judged(None, main, exact=True)
        ratio = _ratio(main, others[0])
        if ratio is None:
            return Case(self.subject(), None, "undecided", f"{self.against} may be zero", (main, *others))
        return self.judged(None, ratio, main, *others, exact=True)


def _ratio(above: Evidence, below: Evidence) -> Evidence | None:
    """One figure over another, with the widest interval that theirs allow; None where the lower one may be 0."""
    assert above.value is not None and below.value is not None
    tops, bottoms = above.interval or (above.value,) * 2, below.interval or (below.value,) * 2
    if not below.value or bottoms[0] <= 0 <= bottoms[1]:
        return None
    ends = [top / bottom for top in tops for bottom in bottoms]
    known = above.interval is not None or below.interval is not None
    bounds = (min(ends), max(ends)) if known else None
    name = f"{above.figure.partition(', probe ')[0]} ÷ {below.figure}"
    return replace(above, figure=name, value=above.value / below.value, unit="ratio", interval=bounds)


def _evidence(probe: Probe) -> list[Evidence]:
    rows = f"{PROBES}: {probe.id}"
    return [
        Evidence(f"{item.figure}, probe {probe.id}", item.value, item.unit, item.interval, rows, "environment")
        for item in probe.figures
    ]
