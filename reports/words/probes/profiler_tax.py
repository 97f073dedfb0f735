"""The words for the probe `profiler-tax`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, by_code, ratio, took
from launchlens.traces.captures.probe_codes import profiler_tax as codes
from launchlens.traces.captures.probe_codes.verdicts import NO_DIFFERENCE
from launchlens.traces.captures.probes import FigureKey, Probe

ASKS = "Do CUDA calls stay dearer after a session of torch.profiler has ended?"
VERDICTS = {
    codes.STAYS: "Yes, unless CUPTI is torn down (TEARDOWN_CUPTI=1)",
    codes.STAYS_DESPITE_TEARDOWN: "Yes, and TEARDOWN_CUPTI=1 does not take it back",
    NO_DIFFERENCE: "No difference shown",
}
KINDS = {
    codes.SESSION: "a session of torch.profiler",
    codes.TORN_DOWN: "a session with TEARDOWN_CUPTI=1",
    codes.NOTHING: "no session",
}


def _says(probe: Probe) -> str:
    parts = []
    for kind, what in (
        (codes.SESSION, "after a session of torch.profiler"),
        (codes.TORN_DOWN, "with TEARDOWN_CUPTI=1"),
    ):
        found = probe.figure(codes.RATIO, of=kind)
        if found is not None:
            before, after = (took(probe, codes.HOST_TIME, of=kind, under=at) for at in (codes.BEFORE, codes.AFTER))
            parts.append(f"{what} {after} against {before} before it, {ratio(found)}")
    alone = probe.figure(codes.RATIO, of=codes.NOTHING)
    if alone is not None:
        parts.append(f"without a session {ratio(alone)}")
    return f"Seven .copy_(), with nothing recording: {'; '.join(parts)}." if parts else ""


def _figure(key: FigureKey) -> str:
    kind = KINDS.get(key.of, key.of)
    if key.what == codes.RATIO:
        return f"seven .copy_() after ÷ before {kind}"
    return f"seven .copy_() {key.under} {kind}" if key.what == codes.HOST_TIME else ""


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, by_code(VERDICTS))
