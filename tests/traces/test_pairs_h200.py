"""Programs of many kinds on an H200, before and after one change: what their advice and comparison say, against what the change saved unprofiled.

python tests/traces/test_pairs_h200.py      # prints the tables of docs/advice.md and docs/compare.md
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from launchlens.traces.advice.advise import advise
from launchlens.traces.advice.candidate import Saving
from launchlens.traces.comparisons.compare import TraceComparison, compare_traces
from launchlens.traces.joined import join
from launchlens.traces.source import open_trace

H200 = Path(__file__).parents[1] / "data" / "pairs" / "h200"
DOCS = Path(__file__).parents[2] / "docs"
ABOUT: dict[str, Any] = json.loads((H200 / "facts.json").read_text())
FACTS: dict[str, Any] = ABOUT["pairs"]
CHANGED = [name for name, facts in FACTS.items() if facts["expect"]["code"]]
ALIKE = [name for name in FACTS if name not in CHANGED]
#: Of these what is saved lies more than 5 points outside the interval: by 0.02 points, of steps that are cut out; whole it is inside.
OUTSIDE = {"average-looped"}
#: Of these the range of the change is not the largest row, or less than 75 % of the difference, at one pace of the host: why stands in docs/compare.md.
NOT_THE_LARGEST = {"cache-emptied", "loss-read", "metrics-read"}


@cache
def advice_of(name: str, side: str) -> tuple[Saving, ...]:
    return tuple(advise(join(open_trace(H200 / f"{name}.{side}.json.gz")).stepped()))


@cache
def comparison_of(name: str) -> TraceComparison:
    return compare_traces([H200 / f"{name}.before.json.gz"], [H200 / f"{name}.after.json.gz"])


def place_of(name: str) -> str:
    """The range of the change."""
    return str(FACTS[name]["expect"]["where"].split("`")[1])


def fitting(name: str) -> Saving | None:
    return next(
        (each for each in advice_of(name, "before") if each.candidate.code == FACTS[name]["expect"]["code"]), None
    )


def largest(name: str) -> tuple[str, float]:
    """The range that differs most at one pace of the host (as recorded, where no pace is known), and its share of the difference."""
    found = comparison_of(name)
    whole = found.wall.at_equal_pace_ns
    difference = {
        row.name: row.difference_ns if whole is None else row.at_equal_pace_ns or 0 for row in found.tables["ranges"]
    }
    most = max(difference, key=lambda each: abs(difference[each]))
    return most, difference[most] / (found.wall.difference_ns if whole is None else whole)


@pytest.mark.parametrize("name", CHANGED)
def test_a_real_program_is_advised_what_saves_where_and_how_much(name: str) -> None:
    facts, advice = FACTS[name], fitting(name)
    assert advice is not None, advice_of(name, "before")
    assert f"`{place_of(name)}`" in advice.candidate.where
    low, high = advice.share
    assert 0 < low <= high <= 1 and high - low <= 0.30
    assert (low - 0.05 <= facts["saved_share_of_step"] <= high + 0.05) == (name not in OUTSIDE)
    assert facts["expect"]["code"] not in {each.candidate.code for each in advice_of(name, "after")}


@pytest.mark.parametrize("name", ALIKE)
def test_of_a_program_that_only_the_gpu_limits_nothing_is_advised(name: str) -> None:
    assert advice_of(name, "before") == ()


@pytest.mark.parametrize("name", CHANGED)
def test_at_one_pace_the_known_change_is_the_largest_row(name: str) -> None:
    most, share = largest(name)
    holds = most == place_of(name) and 0.75 <= share <= 1.5
    assert holds == (name not in NOT_THE_LARGEST), (most, share)


def test_every_change_that_was_timed_saved_something() -> None:
    for name in CHANGED:
        before, after = FACTS[name]["running_step_ms"]
        assert FACTS[name]["saved_share_of_step"] == pytest.approx(1 - after / before, abs=1e-3)
        # the quartiles of the two sides lie apart: what is held to is no chance
        assert FACTS[name]["running_step_quartiles_ms"][0][0] > after
    assert not ABOUT["failed"] and set(ABOUT["held_out"]) < set(CHANGED)


@pytest.mark.parametrize("page", ["advice.md", "compare.md"])
def test_the_docs_have_what_is_said_of_these(page: str) -> None:
    text = (DOCS / page).read_text()
    assert [row for row in tables()[page] if row not in text] == []


def tables() -> dict[str, list[str]]:
    """The rows of both pages."""
    advice, compare = [], []
    for name in CHANGED:
        facts, found = FACTS[name], fitting(name)
        held = ", held out" if name in ABOUT["held_out"] else ""
        said = "none" if found is None else f"{100 * found.share[0]:.0f} – {100 * found.share[1]:.0f} %"
        saved = f"{100 * facts['saved_share_of_step']:.0f} %"
        advice.append(f"| {name}{held} | `{facts['expect']['code']}`, range `{place_of(name)}` | {said} | {saved} |")
        of, (most, share) = comparison_of(name), largest(name)
        row = next(each for each in of.tables["ranges"] if each.name == place_of(name))
        pace = of.host_pace
        paces = "not known" if pace is None else f"{pace.main.ratio:.2f} ×"
        if pace is not None and pace.others is not pace.main:
            paces += f", {pace.others.ratio:.2f} ×"
        equal = of.wall.at_equal_pace_ns
        compare.append(
            f"| {name}{held} | `{place_of(name)}` | {_ms(of.wall.difference_ns)} | {_percent(row.difference_ns / of.wall.difference_ns)} | "
            f"{paces} | {'' if equal is None else _ms(equal)} | `{most}`, {_percent(share)} |"
        )
    return {"advice.md": advice, "compare.md": compare}


def _percent(share: float) -> str:
    return f"{'−' if share < 0 else ''}{abs(100 * share):.0f} %"


def _ms(ns: int) -> str:
    return f"{'−' if ns < 0 else '+'}{abs(ns) / 1e6:.2f} ms"


if __name__ == "__main__":
    for rows in tables().values():
        print("\n".join(rows))
