"""The words for the probe `empty-loop`, which is added."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, by_code, took
from launchlens.traces.captures.probe_codes import empty_loop as codes
from launchlens.traces.captures.probes import FigureKey, Probe


def _says(probe: Probe) -> str:
    return f"A turn that does nothing takes {took(probe, codes.HOST_TIME)}."


def _figure(key: FigureKey) -> str:
    return "one turn" if key.what == codes.HOST_TIME else ""


ASKS = "What does an empty loop cost?"
WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, by_code({codes.SHORT: "Little"}))
