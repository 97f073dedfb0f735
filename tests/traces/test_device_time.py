"""Captures whose recorders left work of graph replays out: events say so, and no verdict is built on what is missing."""

import gzip
import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import shipped
from launchlens.cli import app
from launchlens.traces.captures.capture import TIMINGS, read_capture, write_timings
from launchlens.traces.captures.recorded import all_recorded
from launchlens.traces.source import open_trace
from launchlens.traces.studies import recording
from launchlens.traces.studies.busier_than_recorded import busier_than_recorded
from launchlens.traces.studies.range_side import side_of_range
from launchlens.traces.studies.study import study
from launchlens.traces.thresholds import THRESHOLDS
from made_capture import make_capture, make_timings, one_after_the_other
from shown import render

GRAPH = "torch/graph.pt.trace.json.gz"


@pytest.fixture
def capture(tmp_path):
    return make_capture(tmp_path / "capture")


def codes(made, path=GRAPH):
    return {problem.code: problem for problem in made.problems[path]}


def drop(capture, keep):
    """Take GPU work out of the graph trace: of each variant the work of those replays that `keep(number)` does not keep."""
    path = capture / GRAPH
    document = json.loads(gzip.decompress(path.read_bytes()))
    rows = document["traceEvents"]
    blocks = [row for row in rows if row["name"] == "variant:copy_"]
    launches = [
        row["args"]["correlation"]
        for row in rows
        if row["name"] == "cudaGraphLaunch"
        and any(block["ts"] <= row["ts"] < block["ts"] + block["dur"] for block in blocks)
    ]
    gone = {correlation for number, correlation in enumerate(launches) if not keep(number)}
    document["traceEvents"] = [
        row for row in rows if row["cat"] not in ("kernel", "gpu_memcpy") or row["args"]["correlation"] not in gone
    ]
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    return len(gone)


def with_device_time(capture, variant, ns, host_share=0.3):
    """Time a variant's graph replays anew: `ns` between events per iteration, submitted in a share of it."""
    timings = make_timings()
    mine = (timings["variant"] == variant) & (timings["regime"] == "graph")
    wall = (timings["iterations"] * ns).astype("int64")
    timings.loc[mine, "device_ns"] = wall[mine]
    timings.loc[mine, "wall_ns"] = wall[mine] + 2000 + timings.loc[mine, "round"]
    timings.loc[mine, "host_ns"] = (wall[mine] * host_share).astype("int64")
    write_timings(capture, one_after_the_other(timings))


@pytest.mark.parametrize("path", all_recorded(), ids=lambda path: path.name)
def test_the_captures_that_ship_are_recorded_whole(path):
    made = shipped.worked_out(path.name)
    of_traces = [met for where, met in made.problems.items() if where != TIMINGS]
    # Nsight Systems says of most recordings that it may have lost something; every launch has its work all the same
    assert {problem.code for met in of_traces for problem in met} <= {"recorder-lost-events"}
    assert all(side.recording is None or side.busy_share is not None for side in made.sides.values())


def test_a_device_that_was_busy_much_longer_than_recorded_is_named(capture):
    with_device_time(capture, "copy_", 60_000)
    made = study(read_capture(capture))
    problem = codes(made)["device-busier-than-recorded"]
    assert (problem.count, problem.details) == (1, ("copy_ 60,000 ns per iteration, 5,250 ns recorded",))
    side = made.sides["copy_", "graph"]
    assert side.recording.gpu_recorded_ns == 5250 and side.recording.gpu_busy_ns is None
    assert side.busy_share is None and side.bound == "unknown"
    assert made.sides["foreach", "graph"].busy_share is not None
    assert "device-busier-than-recorded" not in codes(made, "torch/eager.pt.trace.json.gz")


def test_the_pace_of_the_host_says_nothing_of_the_device(capture):
    with_device_time(capture, "copy_", 60_000, host_share=0.95)
    assert "device-busier-than-recorded" not in codes(study(read_capture(capture)))


def test_replays_without_records_and_a_busy_device_are_two_sides_of_one_thing(capture):
    gone = drop(capture, lambda number: False)
    made = study(read_capture(capture))
    found = codes(made)
    assert found["graph-replay-unrecorded"].count == found["launch-without-gpu-record"].count == gone == 20
    assert found["device-busier-than-recorded"].details[0].startswith("copy_ ")
    side = made.sides["copy_", "graph"]
    assert side.recording.device == "0" and side.bound == "unknown"
    states = side.recording.account.on_device()
    assert states["unknown"] > 0.8 * side.recording.account.total_ns and states["memcpy"] == 0
    whole = study(read_capture(make_capture(capture.with_name("whole")))).sides["copy_", "graph"].recording
    assert states["idle"] <= whole.account.on_device()["idle"]


def test_a_verdict_may_stand_on_a_recording_that_lacks_little(capture, monkeypatch):
    drop(capture, lambda number: number != 7)
    made = study(read_capture(capture))
    assert codes(made)["graph-replay-unrecorded"].count == 1
    share = made.sides["copy_", "graph"].recording.account.share("device", "unknown")
    assert 0 < share < 0.1
    for least, known in ((share * 1.01, True), (share * 0.99, False)):
        monkeypatch.setattr(recording, "THRESHOLDS", replace(THRESHOLDS, unknown_device=least))
        side = study(read_capture(capture)).sides["copy_", "graph"]
        assert (side.busy_share is not None) == (side.bound != "unknown") == known


def test_the_report_shows_it(capture):
    drop(capture, lambda number: False)
    made = study(read_capture(capture))
    page = render(made)
    assert "graph-replay-unrecorded" in page and "unknown, not idle" in page
    result = CliRunner().invoke(app, ["report", str(capture), "--json"])
    assert result.exit_code == 0, result.output
    (problem,) = [
        each for each in json.loads(result.stdout)["problems"][GRAPH] if each["code"] == "graph-replay-unrecorded"
    ]
    assert problem["ns"] > 0 and problem["severity"] == "warning"
    shown = CliRunner().invoke(app, ["report", str(capture), "--force"])
    assert "graph-replay-unrecorded" in shown.output


def test_a_range_whose_device_is_unknown_has_no_busy_share(capture):
    drop(capture, lambda number: False)
    side = side_of_range(open_trace(capture / GRAPH), "variant:copy_")
    assert side.busy_share is None and side.bound == "unknown"
    assert side_of_range(open_trace(capture / GRAPH), "variant:foreach").busy_share is not None


def test_without_a_recording_or_device_times_there_is_nothing_to_hold_against(capture):
    graph = study(read_capture(capture)).sides["copy_", "graph"].recording
    assert busier_than_recorded(10**9, waited=True, recording=graph)
    assert not busier_than_recorded(None, waited=True, recording=graph)
    assert not busier_than_recorded(10**9, waited=True, recording=None)
    eager = study(read_capture(capture)).sides["copy_", "eager"].recording
    assert not busier_than_recorded(10**9, waited=True, recording=eager), "eager time has the host's gaps in it"
