"""The account: where the time of an iteration goes, host state by device state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from launchlens.reports.blocks import Block, Chapter, Figure, Legend, Paragraph, Section, drawings
from launchlens.reports.figures.account import account_figure
from launchlens.reports.figures.drawing import DEVICE_COLOURS, HOST_COLOURS, Drawing
from launchlens.reports.words.codes import HOST_WORDS
from launchlens.reports.words.verdict import in_regime
from launchlens.traces.studies.study import Study
from launchlens.traces.tables import accounts


def account(study: Study) -> Section:
    """A stacked bar a variant, with the exact numbers, and the legends of the colours that are met."""
    chapters = [_chapter(study, index, regime) for index, regime in enumerate(study.regimes)]
    seen = drawings(chapters)
    host, device = colours_met(HOST_COLOURS, seen, "host"), colours_met(DEVICE_COLOURS, seen, "device")
    thick = "thick " if device else ""
    thin = "The thin bar beneath is the same time seen from the GPU. " if device else ""
    intro = Paragraph(
        f"Every nanosecond of the recorded run is in exactly one colour of the {thick}bar: what the host was doing. {thin}The mark"
        " ▾ is the time without the profiler: the further the bar ends from it, the more the profiler bends this variant."
    )
    blocks: list[Block] = [intro]
    blocks.append(
        Legend(tuple((colour, state, HOST_WORDS[state]) for state, colour in host.items()), "Colours of the host bar")
    )
    if device:
        rows = tuple((colour, f"GPU {state}", "") for state, colour in device.items())
        blocks.append(Legend(rows, "Colours of the GPU bar", thin=True))
    return Section("account", "Account", "Account: where the time of an iteration goes", (*blocks, *chapters))


def colours_met(colours: Mapping[str, str], figures: Iterable[Drawing], lane: str) -> dict[str, str]:
    """Those of `colours` that the figures use: the entries of a legend. `lane` is the `meta` of the traces meant."""
    met = {trace["name"] for figure in figures for trace in figure.data if trace.get("meta") == lane}
    return {name: colour for name, colour in colours.items() if name in met}


def timed_only(study: Study, regime: str) -> list[Block]:
    """A note about the variants of a regime that were timed but not recorded, if there are any."""
    without = [side.variant for side in study.in_regime(regime) if side.recording is None]
    return [Paragraph(f"Timed, but not recorded under a profiler: {', '.join(without)}.", "note")] if without else []


def _chapter(study: Study, index: int, regime: str) -> Chapter:
    blocks = timed_only(study, regime)
    sides = [side for side in study.in_regime(regime) if side.recording is not None]
    if sides:
        if any(side.recording is not None and side.recording.device is None for side in sides):
            blocks.append(Paragraph(_no_device(study), "note"))
        title = "Profiled time of one iteration, ns: host state by what the device did meanwhile"
        table = accounts.of_regime(accounts.account(study), regime, title)
        blocks.append(Figure((account_figure(f"account-{index}", sides),), (), table, "The exact nanoseconds"))
    return Chapter(in_regime(regime), tuple(blocks))


def _no_device(study: Study) -> str:
    if study.capture.manifest.device == "cpu":
        return "There is no GPU in this capture, so there is no device lane: only the host's time is split."
    return "The trace holds no GPU activity, so what the device did is unknown: only the host's time is split."
