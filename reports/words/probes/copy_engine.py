"""The words for the probe `copy-engine`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, by_code
from launchlens.traces.captures.probe_codes import copy_engine as codes
from launchlens.traces.captures.probes import FigureKey, Probe, ProbeFigure
from launchlens.traces.units import binary_size

ASKS = "Does a copy need an SM, or does a copy engine make it?"
VERDICTS = {
    codes.ON_SMS: "Copies within the GPU need an SM",
    codes.ON_AN_ENGINE: "Copies within the GPU need no SM",
    codes.BY_SIZE: "Whether copies within the GPU need an SM depends on their size",
}
#: Operations whose code is not what people call them.
OPERATIONS = {
    codes.BATCH: "DtoD batch copy",
    codes.BATCH_OVERLAP: "DtoD batch copy preferring overlap",
    codes.BARE: "bare kernel",
    codes.TORCH_COPY: "torch copy_",
    codes.TORCH_ADD: "torch add_",
    codes.TRITON: "Triton copy",
}
SIZES = {
    codes.WITHOUT_SM: "sizes that needed no SM",
    codes.UNCLEAR: "sizes of which it is unclear",
    codes.LARGEST_WITHOUT: "largest size that needed no SM",
    codes.SMALLEST_WITH: "smallest size that needed an SM",
}


def _says(probe: Probe) -> str:
    sms = probe.value(codes.SMS)
    held = "all SMs" if sms is None else f"all {sms:,.0f} SMs"
    alike: dict[str, list[str]] = {}
    for figure in probe.figures:
        if figure.what == codes.WITHOUT_SM and figure.value is not None:
            alike.setdefault(_needs(probe, figure), []).append(OPERATIONS.get(figure.of, figure.of))
    answers = "; ".join(f"{', '.join(names)}: {answer}" for answer, names in alike.items())
    return (
        f"What finished while every thread of {held} was held needs no SM; what did not, and did with half of the SMs free, "
        f"runs on SMs. {answers}."
    )


def _needs(probe: Probe, without: ProbeFigure) -> str:
    """What an operation needs, in words that are the same for all that need the same."""
    if probe.value(codes.UNCLEAR, of=without.of):
        return f"unclear at {probe.value(codes.UNCLEAR, of=without.of):,.0f} of {without.out_of} sizes"
    if without.value in (0, without.out_of):
        return f"{'an' if not without.value else 'no'} SM at every size tried"
    largest = probe.value(codes.LARGEST_WITHOUT, of=without.of)
    smallest = probe.value(codes.SMALLEST_WITH, of=without.of)
    if largest is None or smallest is None:
        return f"no SM at {without.value:,.0f} {without.counted}"
    return f"no SM up to {binary_size(largest)}, an SM from {binary_size(smallest)} on"


def _figure(key: FigureKey) -> str:
    if key.what == codes.SMS:
        return "SMs of the GPU"
    return f"{OPERATIONS.get(key.of, key.of)}: {SIZES[key.what]}" if key.what in SIZES else ""


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, by_code(VERDICTS))
