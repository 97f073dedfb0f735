"""Made-up captures worked out once, for all tests of the reports."""

import json
import sys
from pathlib import Path

import pytest

import made_capture
from launchlens.reports.html import render
from launchlens.traces.capture import MANIFEST, read_capture
from launchlens.traces.study import study

sys.path.insert(0, str(Path(__file__).parent))  # helper modules beside the tests, as in tests/conftest.py
from hostile_names import LINK_NAME, LONG_NAME, SCRIPT_NAME


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The made-up capture: four variants in two regimes."""
    return study(read_capture(made_capture.make_capture(tmp_path_factory.mktemp("made"))))


@pytest.fixture(scope="session")
def page(made):
    return render(made)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """The same with names, sayings and an environment that attack the page."""
    with pytest.MonkeyPatch.context() as patch:
        names = {"triton-per-tensor": LONG_NAME, "triton-batched": LINK_NAME, "foreach": SCRIPT_NAME}
        patch.setattr(made_capture, "KERNEL_NAMES", names)
        folder = made_capture.make_capture(tmp_path_factory.mktemp("hostile"))
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["environment"] |= {
        "cpu": SCRIPT_NAME,
        "gpu": LINK_NAME,
        "note": LONG_NAME,
        "half": "\ud800",
        "clocks": {"x": 1},
    }
    manifest["workload"] |= {"name": SCRIPT_NAME, "says": LONG_NAME}
    manifest["variants"][0]["says"] = SCRIPT_NAME + '" onmouseover="x'
    manifest["variants"] += [
        {"variant": SCRIPT_NAME, "regime": "eager", "status": "failed", "says": "", "why": LINK_NAME + "\u202e\n\x00"}
    ]
    manifest["traces"][0]["problem"] = SCRIPT_NAME
    path.write_text(json.dumps(manifest))
    return study(read_capture(folder))
