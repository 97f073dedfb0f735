"""The thresholds: each with a unit and a reason, read where it decides, and shown by `doctor --json`."""

import json
import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.thresholds import THRESHOLDS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("one", list(THRESHOLDS), ids=lambda one: one.name)
def test_a_threshold_has_a_unit_a_reason_and_a_place_where_it_decides(one):
    assert (
        one.value > 0
        and one.unit in ("ns", "share", "×", "GB/s", "bytes", "calls", "days", "")
        and len(one.reason) > 20
    )
    assert one.unit != "share" or one.value < 1
    assert (one.unit == "ns") == one.name.endswith("_ns")
    code = [path.read_text() for folder in ("traces", "profiling") for path in (ROOT / folder).rglob("*.py")]
    assert any(re.search(rf"THRESHOLDS\.{one.name}\b", text) for text in code), "it decides nothing"


def test_thresholds_can_not_be_changed():
    with pytest.raises(FrozenInstanceError):
        THRESHOLDS.least_samples = 2


def test_doctor_shows_all_of_them():
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)["thresholds"]
    assert [(row["name"], row["value"], row["unit"], row["reason"]) for row in shown] == [
        (one.name, one.value, one.unit, one.reason) for one in THRESHOLDS
    ]
