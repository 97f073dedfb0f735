"""The words for the probe `stream-synchronize`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, by_code, took
from launchlens.traces.captures.probe_codes import stream_synchronize as codes
from launchlens.traces.captures.probe_codes.verdicts import NO_DIFFERENCE
from launchlens.traces.captures.probes import FigureKey, Probe
from launchlens.traces.units import times

ASKS = "What does it cost to create seven streams, and to wait for each of them after seven small copies?"
VERDICTS = {
    codes.DEVICE_COSTS_LESS: "One synchronize of the device costs less",
    codes.STREAMS_COST_LESS: "Seven synchronizes cost less",
    NO_DIFFERENCE: "No difference shown",
}
#: What is done, and under which condition.
TIMED = {
    (codes.CREATE, codes.BY_TORCH): "creating seven streams",
    (codes.CREATE, codes.BY_CUDA): "creating seven streams, by CUDA itself",
    (codes.DESTROY, codes.BY_CUDA): "destroying seven streams, by CUDA itself",
    (codes.SUBMIT, ""): "submitting seven copies to seven streams",
    (codes.SYNCHRONIZE, codes.IN_FLIGHT): "synchronizing seven streams",
    (codes.SYNCHRONIZE, codes.ENDED): "synchronizing seven streams, their copies ended",
    (codes.SYNCHRONIZE, codes.IDLE): "synchronizing seven idle streams",
    (codes.SYNCHRONIZE_DEVICE, codes.IN_FLIGHT): "one synchronize of the device",
    (codes.SYNCHRONIZE_ONE, codes.IDLE): "synchronizing one idle stream",
    (codes.SYNCHRONIZE_ONE, codes.LARGE): "synchronizing one stream with a large copy in flight",
}
COUNTS = {
    codes.STILL_COPYING: "streams still copying when the synchronizes begin",
    codes.DISTINCT: "distinct streams that torch gave",
}


def _says(probe: Probe) -> str:
    def ns(of: str, under: str) -> str:
        return took(probe, codes.HOST_TIME, of=of, under=under)

    ratio = probe.value(codes.RATIO, of=codes.SYNCHRONIZE, to=codes.SYNCHRONIZE_DEVICE, under=codes.IN_FLIGHT)
    than = "against" if ratio is None else f"{times(ratio)} that of"
    distinct = probe.figure(codes.DISTINCT)
    pooled = distinct is not None and (distinct.value or 0) < (distinct.out_of or 0)
    return (
        f"Right after seven small copies on seven streams, waiting for each stream takes "
        f"{ns(codes.SYNCHRONIZE, codes.IN_FLIGHT)}, {than} one torch.cuda.synchronize() at "
        f"{ns(codes.SYNCHRONIZE_DEVICE, codes.IN_FLIGHT)}; with the copies ended {ns(codes.SYNCHRONIZE, codes.ENDED)}, and with "
        f"idle streams {ns(codes.SYNCHRONIZE, codes.IDLE)}. Seven torch.cuda.Stream() take {ns(codes.CREATE, codes.BY_TORCH)}"
        f"{', since torch hands out streams that it made before' if pooled else ''}; creating seven by CUDA itself takes "
        f"{ns(codes.CREATE, codes.BY_CUDA)}, and destroying them {ns(codes.DESTROY, codes.BY_CUDA)}."
    )


def _figure(key: FigureKey) -> str:
    if key.what == codes.HOST_TIME:
        return TIMED.get((key.of, key.under), "")
    if key.what == codes.RATIO:
        above, below = TIMED.get((key.of, key.under), key.of), TIMED.get((key.to, key.under), key.to)
        return f"{above} ÷ {below}"
    return COUNTS.get(key.what, "")


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, by_code(VERDICTS))
