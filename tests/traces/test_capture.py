"""A capture is written whole, read back the same, and refused in one line when it is broken."""

import json

import pandas as pd
import pytest

from launchlens.traces.capture import read_capture, typed, write_timings, write_whole
from launchlens.traces.problems import InputError
from made_capture import make_capture, make_timings


@pytest.fixture
def folder(tmp_path):
    return make_capture(tmp_path / "capture")


def test_what_is_written_is_read_back(folder):
    capture = read_capture(folder)
    assert capture.manifest.baseline == "copy_" and capture.manifest.complete
    assert [record.regime for record in capture.manifest.traces] == ["eager", "graph"]
    pd.testing.assert_frame_equal(capture.timings, make_timings())
    assert read_capture(folder / "manifest.json").path == folder


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "can't be read as JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "can't be read as JSON"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe{"), "can't be read as JSON"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": "launchlens.capture/9"}'),
            "launchlens.capture/9",
        ),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": "launchlens.capture/1"}'),
            "is not a manifest",
        ),
        (lambda folder: (folder / "timings.parquet").write_bytes(b"PAR1 no"), "can't be read"),
        (lambda folder: make_timings().drop(columns="wall_ns").to_parquet(folder / "timings.parquet"), "wall_ns"),
    ],
)
def test_a_broken_capture_is_one_line(folder, break_it, said):
    break_it(folder)
    with pytest.raises(InputError, match=said) as raised:
        read_capture(folder)
    assert "\n" not in str(raised.value)


def test_a_trace_outside_the_capture_is_refused(folder):
    raw = json.loads((folder / "manifest.json").read_text())
    raw["traces"][0]["path"] = "../../etc/passwd"
    (folder / "manifest.json").write_text(json.dumps(raw))
    capture = read_capture(folder)
    with pytest.raises(InputError, match="outside the capture"):
        capture.trace_path(capture.manifest.traces[0])


def test_a_missing_trace_is_named(folder):
    (folder / "torch" / "graph.pt.trace.json.gz").unlink()
    capture = read_capture(folder)
    with pytest.raises(InputError, match=r"graph\.pt\.trace\.json\.gz.*missing"):
        capture.trace_path(capture.manifest.traces[1])


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    write_whole(target, "old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_whole(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_timings_are_checked_when_written(tmp_path):
    with pytest.raises(ValueError, match="host_ns"):
        write_timings(tmp_path, make_timings().drop(columns="host_ns"))
    with pytest.raises(ValueError, match="wall_ns holds nulls"):
        typed(make_timings().astype({"wall_ns": "Int64"}).assign(wall_ns=pd.NA))
