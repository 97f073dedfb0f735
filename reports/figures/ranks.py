"""Several ranks as bars: a step of each by what it is made of, and where the time of all went."""

from __future__ import annotations

from collections import Counter

from launchlens.reports.blocks import Bar
from launchlens.reports.figures.drawing import DEVICE_COLOURS, GREEN, GREY, HOST_COLOURS, ORANGE, SKY
from launchlens.reports.words.codes import DEVICE_WORDS, HOST_WORDS
from launchlens.traces.documents.fleet import FleetDocument
from launchlens.traces.units import duration

#: What a step of a rank is made of, in order: the column of `ranks`, its colour, its words.
_PARTS = (
    ("gpu_ns", GREEN, "its GPU works"),
    ("transfer_exposed_ns", ORANGE, "transfers"),
    ("waiting_exposed_ns", SKY, "waits for ranks"),
    ("idle_ns", GREY, "idle"),
    ("unknown_ns", "#E7B8D0", "not known"),
)


def step_bars(document: FleetDocument) -> tuple[list[Bar], int]:
    """A bar a rank, over the time of the longest step, ns; parts that were not recorded are left out."""
    longest = max((each.step_ns for each in document.ranks), default=0)
    bars = []
    for each in document.ranks:
        told = [(colour, words, getattr(each, name)) for name, colour, words in _PARTS]
        parts = tuple((colour, words, ns / longest, duration(ns)) for colour, words, ns in told if ns)
        if parts:
            bars.append(Bar(f"rank {each.rank}, {duration(each.step_ns)}", parts))
    return bars, longest


def account_bars(document: FleetDocument) -> tuple[list[Bar], int]:
    """The hosts' and the GPUs' states of all ranks together, over all their time, ns."""
    host, device = Counter[str](), Counter[str]()
    for cell in document.account.cells:
        host[cell.host] += cell.ns
        if cell.device is not None:
            device[cell.device] += cell.ns
    whole = sum(host.values())
    bars = []
    for title, sums, colours, words in (
        ("Hosts", host, HOST_COLOURS, HOST_WORDS),
        ("GPUs", device, DEVICE_COLOURS, DEVICE_WORDS),
    ):
        parts = tuple(
            (colour, words[state], sums[state] / whole, duration(sums[state]))
            for state, colour in colours.items()
            if sums[state]
        )
        if parts:
            bars.append(Bar(title, parts))
    return bars, whole
