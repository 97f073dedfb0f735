"""A sweep is written whole, read back the same, and refused in one line where it is broken or where a trace is wanted."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.marks import SWEEP
from launchlens.traces.problems import InputError
from launchlens.traces.source import SweepFolder, as_one, source_of
from launchlens.traces.sweeps.constants import Constants, Seen
from launchlens.traces.sweeps.counts import function_of
from launchlens.traces.sweeps.sweep import no_timings, read_sweep, write_sweep
from made_sweep import make_sweep, points, record, timings

MADE = points([(1, 128), (4, 128), (4, 4096)], held_out=[1])


@pytest.fixture
def folder(tmp_path):
    return make_sweep(tmp_path / "sweep", counts=(1, 4), sizes=(128, 4096), rounds=2)


def test_what_is_written_is_read_back(tmp_path):
    written, timed = record(MADE), timings(MADE, rounds=2)
    write_sweep(tmp_path, written, timed)
    sweep = read_sweep(tmp_path)
    assert sweep.record == written and sweep.path == tmp_path
    pd.testing.assert_frame_equal(sweep.timings, timed)
    assert read_sweep(tmp_path / SWEEP).record == written


def test_a_sweep_that_was_interrupted_at_once_has_no_timings(tmp_path):
    write_sweep(tmp_path, record(MADE, complete=False), no_timings())
    (tmp_path / "timings.parquet").unlink()
    assert len(read_sweep(tmp_path).timings) == 0


def broken(folder, change):
    raw = json.loads((folder / SWEEP).read_text())
    change(raw)
    (folder / SWEEP).write_text(json.dumps(raw))


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: (folder / SWEEP).unlink(), "no sweep.json"),
        (lambda folder: (folder / SWEEP).write_text("{"), "is not launchlens.sweep/1"),
        (lambda folder: (folder / SWEEP).write_text("[" * 100_000), "is not launchlens.sweep/1"),
        (lambda folder: (folder / SWEEP).write_bytes(b"\xff\xfe{"), "is not launchlens.sweep/1"),
        (lambda folder: (folder / SWEEP).write_text('{"format": "launchlens.sweep/9"}'), "launchlens.sweep/9"),
        (lambda folder: broken(folder, lambda raw: raw.pop("axes")), "axes"),
        (lambda folder: broken(folder, lambda raw: raw.update(axes=[])), "it has 0 axes"),
        (lambda folder: broken(folder, lambda raw: raw["points"][1].update(index=5)), "number 5"),
        (lambda folder: broken(folder, lambda raw: raw["points"][1]["settings"].pop("count")), "one value of each"),
        (
            lambda folder: broken(folder, lambda raw: raw["points"][0]["settings"].update(count=-3)),
            "count can't be '-3'",
        ),
        (
            lambda folder: broken(folder, lambda raw: raw["points"][0]["settings"].update(count=10**400)),
            "launchlens.sweep/1",
        ),
        (
            lambda folder: broken(
                folder, lambda raw: raw["points"][0]["variants"].append(raw["points"][0]["variants"][0])
            ),
            "twice",
        ),
        (lambda folder: broken(folder, lambda raw: raw["points"].pop()), "of point 3"),
        (lambda folder: broken(folder, lambda raw: raw["workload"].update(name=["a"])), "`workload.name` must be text"),
        (
            lambda folder: broken(folder, lambda raw: raw["environment"].update(gpu={})),
            "`environment.gpu` must be text",
        ),
        (lambda folder: (folder / "timings.parquet").write_bytes(b"PAR1 no"), "can't be read"),
        (lambda folder: no_timings().drop(columns="point").to_parquet(folder / "timings.parquet"), "point"),
    ],
)
def test_a_broken_sweep_is_one_line(folder, break_it, said):
    break_it(folder)
    with pytest.raises(InputError, match=said) as raised:
        read_sweep(folder)
    assert "\n" not in str(raised.value)


def test_what_no_reader_would_take_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="two axes"):
        write_sweep(tmp_path, record(MADE, axes=record(MADE).axes * 2), no_timings())
    assert not list(tmp_path.iterdir())


def test_a_path_is_known_for_a_sweep(folder):
    assert source_of(folder) == source_of(folder / SWEEP) == SweepFolder(folder)
    with pytest.raises(InputError, match="is a sweep, not a trace"):
        as_one(source_of(folder))
    with pytest.raises(InputError, match="is a sweep, not a capture"):
        read_capture(folder)


@pytest.mark.parametrize(
    "line",
    [
        "analyze SWEEP",
        "compare SWEEP SWEEP",
        "compare SWEEP::a SWEEP::b",
        "export SWEEP --perfetto -o OUT",
        "open SWEEP --no-browser",
        "scrub SWEEP -o OUT",
    ],
)
def test_what_takes_a_trace_refuses_a_sweep_in_a_line(folder, tmp_path, line):
    places = {"SWEEP": str(folder), "OUT": str(tmp_path / "out")}
    arguments = [places.get(word, word.replace("SWEEP", str(folder))) for word in line.split()]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 2 and "is a sweep" in said.stderr and "`report`" in said.stderr, said.output
    assert said.stderr.strip().count("\n") == 0


def test_launches_are_priced_where_a_recorder_saw_no_gpu():
    count = np.array([1.0, 2, 4, 8])
    parameters = {"count": count}
    launches = function_of(count, parameters)
    assert launches is not None
    seen = Seen("eager", np.arange(4), np.log(500 + 4000 * count), parameters, {"launches": launches}, np.zeros(4))
    fitted = Constants([seen], 1 << 20, ()).fit()
    assert set(fitted.keys) == {("host", "call", "eager"), ("host", "launch", "eager")}
    assert fitted.values[fitted.keys.index(("host", "launch", "eager"))] == pytest.approx(4000, rel=0.05)
