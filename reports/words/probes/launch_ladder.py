"""The words for the probe `launch-ladder`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords
from launchlens.traces.captures.probe_codes import launch_ladder as codes
from launchlens.traces.captures.probes import FigureKey, Probe
from launchlens.traces.units import duration, percent

ASKS = "Where does the host's time go in one .copy_() and in one Triton launch?"
#: Steps whose code is not what people call them.
STEPS = {codes.API_CALL: "API call", codes.DEVICE: "device and stream"}
WHOLES = {
    "": "whole",
    codes.GRID_BOUND: "whole with the grid bound before",
    codes.NO_HOOKS: "whole without hooks",
    codes.IDLE_HOOKS: "whole with hooks that do nothing",
}


def step_name(key: FigureKey) -> str:
    """What a step of a ladder is called; the residual is one here."""
    return codes.RESIDUAL if key.what == codes.RESIDUAL else STEPS.get(key.part, key.part)


def _says(probe: Probe) -> str:
    parts = []
    for whole in probe.figures:
        if whole.what == codes.WHOLE and not whole.under and whole.value:
            costs = {
                step_name(item): item.value or 0 for item in probe.figures if item.of == whole.of and _is_step(item)
            }
            shares = sorted(costs.items(), key=lambda item: -item[1])
            said = ", ".join(
                f"{name} {_signed(duration(ns))} ({_signed(percent(ns / whole.value))})" for name, ns in shares
            )
            parts.append(f"One call of {whole.of} takes the host {duration(whole.value)}: {said}.")
    return " ".join(parts)


def _is_step(key: FigureKey) -> bool:
    return key.what in (codes.STEP, codes.RESIDUAL)


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _figure(key: FigureKey) -> str:
    if key.what == codes.WHOLE:
        return f"{key.of}: {WHOLES.get(key.under, f'whole, {key.under}')}"
    if key.what == codes.RATIO:
        return f"{key.of}: whole ÷ {key.to}: whole"
    return f"{key.of}: {step_name(key)}" if _is_step(key) else ""


def _verdict(code: str) -> str:
    largest = codes.largest(code)
    return codes.verdict({name: [STEPS.get(it, it) for it in steps] for name, steps in largest.items()})


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, _verdict)
