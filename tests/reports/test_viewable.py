"""What `open` gives Perfetto's page: an export with launchlens' tracks, or a Kineto trace untouched where that is asked for."""

import json
import sys
from pathlib import Path

import pytest
from traces.made_nsys import as_parquet, call, export, on_gpu
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.reports.open.viewable import viewable
from launchlens.traces.problems import InputError
from made_capture import make_capture
from made_cupti import call as api_call
from made_cupti import on_gpu as activity
from made_cupti import recording as recording_of_cupti

pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")
from pftrace import read


@pytest.fixture
def capture(tmp_path):
    return make_capture(tmp_path / "made")


@pytest.fixture
def recording(tmp_path):
    runtime = [call("cudaLaunchKernel_v7000", 100, 200, 11)]
    return export(tmp_path / "mine.sqlite", runtime=runtime, kernel=[on_gpu(300, 450, 11, demangledName="k")])


def groups(path: Path) -> list[str]:
    """The names of the outermost tracks of an exported trace."""
    return [track.name for track in read(path.read_bytes()).tracks.values() if not track.parent_uuid]


def without_perfetto(monkeypatch):
    monkeypatch.setitem(sys.modules, "perfetto", None)
    for name in [name for name in sys.modules if name.startswith("perfetto.") or name.endswith("perfetto.writer")]:
        monkeypatch.delitem(sys.modules, name)


def test_a_kineto_trace_is_exported_with_its_marks_or_shown_as_it_is(capture, recording, monkeypatch):
    trace = capture / "torch" / "eager.pt.trace.json.gz"
    with viewable(trace, None) as shown:
        assert groups(shown.path) == ["1. eager.pt.trace.json.gz"]
        assert any(one.category == "launchlens" for one in read(shown.path.read_bytes()).slices)
    with viewable(trace, None, as_recorded=True) as shown:
        assert (shown.path, shown.says) == (trace, None)
    for other in (recording, capture):
        with pytest.raises(InputError, match="leave out --as-recorded"):
            viewable(other, None, as_recorded=True).__enter__()
    without_perfetto(monkeypatch)
    with viewable(trace, None) as shown:
        assert shown.path == trace and "as recorded" in str(shown.says)


def test_a_capture_is_exported_whole_or_one_regime_of_it(capture):
    with viewable(capture, None) as shown:
        assert groups(shown.path) == ["1. eager (torch)", "2. graph (torch)"]
        assert shown.says == "made: eager (torch), graph (torch), exported for Perfetto"
    assert not shown.path.exists(), "the export is gone with the block"
    with viewable(capture / "manifest.json", "graph") as shown:
        assert groups(shown.path) == ["1. graph (torch)"]
    with pytest.raises(InputError, match=r"no trace of regime 'warp' \(it holds eager, graph\)"):
        viewable(capture, "warp").__enter__()


def test_a_recording_of_nsight_systems_is_exported(recording, tmp_path):
    for source in (recording, as_parquet(recording, tmp_path / "tables")):
        with viewable(source, None) as shown:
            assert groups(shown.path) == [f"1. {source.name}"]
            assert "an Nsight Systems recording, exported for Perfetto" in str(shown.says)
    with pytest.raises(InputError, match="leave out --regime"):
        viewable(recording, "eager").__enter__()


def test_without_the_package_a_capture_shows_its_first_trace(capture, recording, monkeypatch):
    without_perfetto(monkeypatch)
    with viewable(capture, "graph") as shown:
        assert shown.path == capture / "torch" / "graph.pt.trace.json.gz"
        assert "needs pip install 'launchlens[export]'" in str(shown.says)
    with pytest.raises(InputError, match=r"not installed \(pip install 'launchlens\[export\]'\)"):
        viewable(recording, None).__enter__()
    manifest = json.loads((capture / "manifest.json").read_text())
    for trace in manifest["traces"]:
        trace |= {"collector": "cupti", "path": f"{trace['regime']}.parquet"}
        recording_of_cupti(
            capture / trace["path"], [api_call("cudaLaunchKernel", 0, 10, 1), activity("kernel", 20, 30, 1)]
        )
    (capture / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="holds nothing that Perfetto opens unexported"):
        viewable(capture, None).__enter__()


def test_the_command_says_what_it_shows(capture, recording):
    for source, words in ((capture, "made: eager (torch), graph (torch)"), (recording, "mine.sqlite, an Nsight")):
        result = CliRunner().invoke(app, ["open", str(source), "--no-browser", "--port", "0", "--wait", "0.05"])
        assert result.exit_code == 1 and words in result.stderr
        assert result.stdout.startswith("https://ui.perfetto.dev/#!/?url=http://127.0.0.1:")
        assert result.stdout.endswith(".pftrace\n")
