"""A figure as people read it: a number in a unit that is a word (`ns`, `ratio`, `share`, or what is counted), and its interval."""

from __future__ import annotations

from typing import Protocol

from launchlens.traces import units


class Valued(Protocol):
    """A figure with a unit, whoever found it: evidence of a claim, or a figure of a probe."""

    @property
    def value(self) -> float | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...


def value(figure: Valued) -> str:
    """A figure with its unit; `unknown` where there is none."""
    return "unknown" if figure.value is None else in_unit(figure.value, figure.unit)


def between(figure: Valued) -> str:
    """Its 95 % interval with the unit; empty where it has none."""
    return "" if figure.interval is None else ends_in_unit(figure.interval, figure.unit, figure.value)


def in_unit(number: float, unit: str) -> str:
    """A number with such a unit."""
    if unit == "ns":
        return units.duration(number)
    if unit == "share":
        return f"{units.significant(100 * number)} %"
    if unit == "ratio":
        return units.times(number)
    # whole numbers keep their digits, and a count is not rounded to a whole one
    text = f"{number:,.0f}" if number == int(number) else units.significant(number)
    return f"{text} {unit}".strip()


def ends_in_unit(ends: tuple[float, float], unit: str, value: float | None = None) -> str:
    """An interval with such a unit; of a time in that of the `value` between its ends."""
    low, high = ends
    if unit == "ns":
        factor, name = units.unit_of((low + high) / 2 if value is None else value)
        return f"{units.ends(low, high, factor)} {name}"
    if unit == "share":
        return f"{units.ends(low, high, 0.01)} %"
    return f"{units.ends(low, high)} {'×' if unit == 'ratio' else unit}".strip()
