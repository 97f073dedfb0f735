"""The kind of test that reads an experiment of its own: `needs-probe`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from launchlens.traces.claims.claim import Case, Evidence, Outcome
from launchlens.traces.claims.ground import Ground
from launchlens.traces.claims.kind import Bounded, Name
from launchlens.traces.probes import PROBES, Probe


class NeedsProbe(Bounded, frozen=True, kw_only=True):
    """What a probe of the capture says: its verdict `is` this, or one `figure` of it lies within bounds.

    Bounds are in the unit that the probe gives its figure. Where the probe's control did not pass, it says nothing.
    """

    kind: ClassVar[str] = "needs-probe"
    probe: Name
    expect: Name | None = msgspec.field(name="is", default=None)
    figure: Name | None = None

    def __post_init__(self) -> None:
        if (self.expect is None) == (self.figure is None):
            raise ValueError("needs one of `is` (the probe's verdict) and `figure`")
        if self.figure is not None:
            super().__post_init__()
        elif self.at_least is not None or self.at_most is not None:
            raise ValueError("has bounds for a verdict; bounds are for a `figure`")
        if self.regimes is not None:
            raise ValueError("has `regimes`, and a probe has none")

    def subject(self) -> str:
        return f"probe {self.probe}"

    def says(self) -> str:
        if self.expect is not None:
            return f"the probe {self.probe} finds: {self.expect}"
        return f"{self.figure} of the probe {self.probe}{self.bounds()}"

    def cases(self, ground: Ground) -> Iterator[Case]:
        probe, subject = ground.probes.get(self.probe), self.subject()
        if probe is None:
            yield Case(subject, None, "absent", f"the probe {self.probe} was not run")
            return
        found = _evidence(probe)
        if probe.control != "passed":
            what = "did not pass" if probe.control == "failed" else "was not made"
            yield Case(subject, None, "undecided", f"the control of the probe {self.probe} {what}", found)
        elif self.expect is not None:
            reason = f"the probe {self.probe} finds: {probe.verdict or 'nothing'}"
            outcome: Outcome = (
                "undecided" if probe.verdict is None else "holds" if probe.verdict == self.expect else "fails"
            )
            yield Case(subject, None, outcome, reason, found)
        else:
            yield self._of_figure(found)

    def _of_figure(self, found: list[Evidence]) -> Case:
        main = next((item for item in found if item.figure == f"{self.figure}, probe {self.probe}"), None)
        if main is None or main.value is None:
            return Case(self.subject(), None, "absent", f"the probe {self.probe} gives no figure {self.figure!r}")
        # a figure that the probe gives no interval is a count or a mean over all that it made
        return self.judged(None, main, exact=True)


def _evidence(probe: Probe) -> list[Evidence]:
    rows = f"{PROBES}: {probe.id}"
    return [
        Evidence(f"{item.figure}, probe {probe.id}", item.value, item.unit, item.interval, rows, "environment")
        for item in probe.figures
    ]
