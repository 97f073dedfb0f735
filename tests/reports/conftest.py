"""Made-up captures worked out once, for all tests of the reports."""

import json
from dataclasses import dataclass

import pytest

import made_capture
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.marks import MANIFEST
from launchlens.traces.studies.study import study
from shown import render


@dataclass(frozen=True)
class Names:
    """Names as a trace may hold them: each breaks another careless way of writing a page."""

    script: str = "</script><img src=x onerror=alert(1)>"
    link: str = '<b>bold</b><a href="https://evil.example/">link</a>&lt;i&gt;%{x}'
    long: str = "k" * 1_000_000


@pytest.fixture(scope="session")
def names():
    return Names()


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The made-up capture: four variants in two regimes."""
    return study(read_capture(made_capture.make_capture(tmp_path_factory.mktemp("made"))))


@pytest.fixture(scope="session")
def page(made):
    return render(made)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory, names):
    """The same with names, sayings and an environment that attack the page."""
    with pytest.MonkeyPatch.context() as patch:
        kernels = {"triton-per-tensor": names.link, "triton-batched": names.long, "foreach": names.script}
        patch.setattr(made_capture, "KERNEL_NAMES", kernels)
        folder = made_capture.make_capture(tmp_path_factory.mktemp("hostile"), gpu=names.link)
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["environment"] |= {
        "cpu": names.script,
        "note": names.long,
        "half": "\ud800",
        "clocks": {"x": 1},
    }
    manifest["workload"] |= {"name": names.script, "says": names.long}
    manifest["variants"][0]["says"] = names.script + '" onmouseover="x'
    manifest["variants"] += [
        {"variant": names.script, "regime": "eager", "status": "failed", "says": "", "why": names.link + "\u202e\n\x00"}
    ]
    manifest["traces"][0]["problem"] = names.script
    path.write_text(json.dumps(manifest))
    return study(read_capture(folder))
