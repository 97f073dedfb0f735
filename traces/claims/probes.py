"""`probes.json` of a capture: small experiments, each with a verdict, figures, and a control that must have passed.

    {"format": "launchlens.probes/1",
     "probes": [{"id": "...", "verdict": "...", "figures": [{"figure", "value", "unit", "interval"}],
                 "control": "passed | failed | absent"}]}

More keys may stand beside these.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from launchlens.traces.problems import InputError

FORMAT = "launchlens.probes/1"
PROBES = "probes.json"


class ProbeFigure(msgspec.Struct, frozen=True):
    """One figure of a probe, in `unit`; `interval` is its 95 % interval, None where it has none."""

    figure: str
    value: float | None
    unit: str = ""
    interval: tuple[float, float] | None = None


class Probe(msgspec.Struct, frozen=True):
    """What one probe found. A verdict counts only where the probe's own control passed."""

    id: str
    verdict: str | None = None
    figures: tuple[ProbeFigure, ...] = ()
    control: Literal["passed", "failed", "absent"] = "absent"

    def figure(self, name: str) -> ProbeFigure | None:
        return next((item for item in self.figures if item.figure == name), None)


class _Document(msgspec.Struct):
    format: str
    probes: list[Probe] = []


def read_probes(folder: Path) -> Mapping[str, Probe]:
    """The probes of a capture by id; none where it holds no probes.json. Raises InputError when it can't be used."""
    path = folder / PROBES
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(path, f"can't be read: {error.strerror}") from None
    try:
        document = msgspec.json.decode(raw, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not {FORMAT}: {error}", "record the probes again") from None
    if document.format != FORMAT:
        raise InputError(
            path, f"has format {document.format!r}, not {FORMAT!r}", "read it with the version that wrote it"
        )
    return {probe.id: probe for probe in document.probes}
