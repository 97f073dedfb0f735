"""The kind of test that reads an experiment of its own: `needs-probe`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import ClassVar

import msgspec

from launchlens.traces.captures import probes_v1
from launchlens.traces.captures.probe_codes.catalogue import FIGURES
from launchlens.traces.captures.probe_codes.verdicts import OR, UNDECIDED
from launchlens.traces.captures.probes import PROBES, FigureKey, Probe, ProbeFigure
from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.claim import Case, Evidence, OfProbe, Outcome
from launchlens.traces.claims.kinds_of_test.base import Bounded, Name
from launchlens.traces.claims.under_test import Tested

#: Units of what is measured; a figure in any other is a count of all that the probe made.
MEASURED = frozenset({"ns", "ratio", "share"})


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of a probe by its fields, as `FigureKey` has them."""

    what: Name
    of: Name | None = None
    part: Name | None = None
    to: Name | None = None
    under: Name | None = None

    @property
    def key(self) -> FigureKey:
        return FigureKey(
            what=self.what, of=self.of or "", part=self.part or "", to=self.to or "", under=self.under or ""
        )


class NeedsProbe(Bounded, frozen=True, kw_only=True):
    """What a probe of the capture says: its verdict `is` this, or one figure of it lies within bounds.

    A figure is named by its fields: `what`, and where the probe gives several of that, `of`, `part`, `to`, `under`. Bounds
    are in the unit that the probe gives it; of its ratio to another figure, where it is held `against` that. Where the
    probe's control did not pass, it says nothing.
    """

    kind: ClassVar[str] = "needs-probe"
    probe: Name
    expect: Name | None = msgspec.field(name="is", default=None)
    what: Name | None = None
    of: Name | None = None
    part: Name | None = None
    to: Name | None = None
    under: Name | None = None
    against: Figure | Name | None = None
    figure: Name | None = None  # how a figure was named by a phrase, which is refused with the fields to write

    def __post_init__(self) -> None:
        phrases = {key: it for key, it in (("figure", self.figure), ("against", self.against)) if isinstance(it, str)}
        if phrases:
            fields = [self._written(phrase, key) for key, phrase in phrases.items()]
            raise ValueError(f"names figures by phrases ({' and '.join(phrases.values())}); write {', '.join(fields)}")
        code = None if self.expect is None else probes_v1.verdict(self.probe, self.expect)
        if code != self.expect:
            raise ValueError(f'names a verdict by a phrase; write is = "{code}"')
        if (self.expect is None) == (self.what is None):
            raise ValueError("needs one of `is` (the probe's verdict) and `what` (one of its figures)")
        for key in self.keys:
            if key.what not in FIGURES.get(self.probe, {key.what}):
                known = ", ".join(sorted(FIGURES[self.probe]))
                raise ValueError(f"names a figure that the probe {self.probe} has not, {key.what!r}; it has {known}")
        if len(self.keys) == 2 and self.keys[0] == self.keys[1]:
            raise ValueError("holds a figure against itself, which can come out one way only")
        if self.what is not None:
            super().__post_init__()
        elif self.at_least is not None or self.at_most is not None:
            raise ValueError("has bounds for a verdict; bounds are for a figure")
        elif any(field is not None for field in (self.of, self.part, self.to, self.under, self.against)):
            raise ValueError("has fields of a figure without `what`")
        if self.regimes is not None:
            raise ValueError("has `regimes`, and a probe has none")

    def _written(self, phrase: str, key: str) -> str:
        """The fields of the figure that had this name, as TOML."""
        names = ("what", "of", "part", "to", "under")
        found = {name: getattr(probes_v1.figure_key(self.probe, phrase), name) for name in names}
        fields = ", ".join(f'{name} = "{value}"' for name, value in found.items() if value)
        return f"against = {{ {fields} }}" if key == "against" else fields

    @property
    def keys(self) -> list[FigureKey]:
        """The figure, and the one that it is held against, where it is."""
        named = [] if self.what is None else [Figure(self.what, self.of, self.part, self.to, self.under)]
        return [figure.key for figure in (*named, *([self.against] if isinstance(self.against, Figure) else []))]

    def subject(self) -> str:
        return f"probe {self.probe}"

    def asks(self, tested: Tested) -> Hashable:
        # of the machine, whatever the workload was that the probe ran beside
        return tested.machine

    def says(self) -> str:
        if self.expect is not None:
            return f"the probe {self.probe} finds: {self.expect}"
        return f"{OfProbe(self.probe, *self.keys)}{self.bounds()}"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        probe, subject = tested.study.probes.get(self.probe), self.subject()
        if probe is None:
            yield Case(subject, None, "absent", f"the probe {self.probe} was not run")
            return
        found = [_evidence(probe, item) for item in probe.figures]
        if probe.checked != "passed":
            absent = f"the probe {self.probe} " + (f"could not be run: {probe.why}" if probe.why else "made no control")
            reason = f"the control of the probe {self.probe} did not pass" if probe.checked == "failed" else absent
            not_run = probe.checked == "absent" and bool(probe.why)
            yield Case(subject, None, "absent" if not_run else "undecided", reason, found)
        elif self.expect is not None:
            reason = f"the probe {self.probe} finds: {probe.verdict or 'nothing'}"
            yield Case(subject, None, self._outcome(probe.verdict), reason, found)
        else:
            yield self._of_figure(probe)

    def _outcome(self, verdict: str | None) -> Outcome:
        """What a verdict says; one that names this answer among several that it can't tell apart does not decide it."""
        if verdict == self.expect:
            return "holds"
        if not verdict or verdict in UNDECIDED or self.expect in verdict.split(OR):
            return "undecided"
        return "fails"

    def _of_figure(self, probe: Probe) -> Case:
        known = {item.key: item for item in probe.figures if item.value is not None}
        lacking = [key for key in self.keys if key not in known]
        if lacking:
            reason = f"the probe {self.probe} gives no figure {str(lacking[0])!r}"
            return Case(self.subject(), None, "absent", reason)
        main, *others = (_evidence(probe, known[key]) for key in self.keys)
        if not others:
            return self.judged(None, main, counted=main.unit not in MEASURED)
        of_both = OfProbe(self.probe, *self.keys)
        ratio = _ratio(main, others[0], of_both)
        if ratio is None:
            return Case(self.subject(), None, "undecided", f"{self.keys[1]} may be zero", (main, *others))
        return self.judged(None, ratio, main, *others)


def _ratio(above: Evidence, below: Evidence, of: OfProbe) -> Evidence | None:
    """One figure over another, with the widest interval that theirs allow; None where the lower one may be 0."""
    assert above.value is not None and below.value is not None
    tops, bottoms = above.interval or (above.value,) * 2, below.interval or (below.value,) * 2
    if not below.value or bottoms[0] <= 0 <= bottoms[1]:
        return None
    ends = [top / bottom for top in tops for bottom in bottoms]
    known = above.interval is not None or below.interval is not None
    bounds = (min(ends), max(ends)) if known else None
    value = above.value / below.value
    return replace(above, figure=str(of), value=value, unit="ratio", interval=bounds, of_probe=of)


def _evidence(probe: Probe, figure: ProbeFigure) -> Evidence:
    of = OfProbe(probe.id, figure.key)
    rows = f"{PROBES}: {probe.id}"
    return Evidence(str(of), figure.value, figure.counted, figure.interval, rows, "environment", of_probe=of)
