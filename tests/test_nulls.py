"""The command that measures how often verdicts err: it goes the way of a capture, and what it counts is right."""

import json
import runpy
import sys
from pathlib import Path

import pytest

import statistics_page
from launchlens.traces.captures.recorded import FOLDER

COMMAND = Path(__file__).parents[1] / "benchmarks" / "nulls.py"


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        """Run it as Python runs a script, in this process, where what it imports is."""
        monkeypatch.setattr(sys, "argv", [str(COMMAND), *map(str, arguments)])
        runpy.run_path(str(COMMAND), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_nulls_are_timed_and_judged_on_this_machine(run, tmp_path):
    place = tmp_path / "nulls.json"
    said = run("--device", "cpu", "--count", "2", "--rounds", "12", "--iterations", "8", "--output", place)
    (row,) = json.loads(place.read_text())["nulls"]
    assert row["rates"]["alone"]["of"] + 2 * row["refused"] == 4 and row["rounds"] == 12
    assert "eager together" in said


def test_power_grows_with_rounds_and_shrinks_with_comparisons(run, tmp_path):
    place = tmp_path / "power.json"
    run("--power", FOLDER / "small-copies-h200", "--output", place)
    eager, graph = json.loads(place.read_text())["power"]
    assert graph["spread"] < eager["spread"]
    assert graph["at_40_rounds"]["alone"] >= eager["at_40_rounds"]["alone"] >= eager["at_40_rounds"]["together"]
    assert eager["rounds_for_80_per_cent"]["alone"] <= eager["rounds_for_80_per_cent"]["together"]


def test_what_was_measured_and_kept_does_not_err_more_than_is_said():
    """Of a thousand runs or more the upper end of the rate says so; of fewer, at least nothing says otherwise."""
    for row in statistics_page.kept("nulls"):
        for what in ("alone", "together"):
            found = row["rates"][what]
            assert found["high"] <= 0.065 if found["of"] >= 1000 else found["low"] <= 0.05, row
