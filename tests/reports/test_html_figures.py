"""What the figures are given: sums that hold, bounds that are kept, labels that can't be markup."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import made_probes
from launchlens.reports.blocks import Bar, drawings
from launchlens.reports.figures.account import account_figure
from launchlens.reports.figures.difference import difference_figure, steps
from launchlens.reports.figures.differences import differences_figure
from launchlens.reports.figures.drawing import LABEL, label, log_ticks, short, to_script
from launchlens.reports.figures.map import lines_figure, map_figure
from launchlens.reports.figures.strips import bars_figure
from launchlens.reports.figures.timeline import EVENTS, drawn_events, summary, timeline_figure
from launchlens.reports.figures.timing import timing_figure
from launchlens.reports.sections.probes import entry
from launchlens.traces.captures.recorded import FOLDER
from launchlens.traces.sweeps.study import sweep_study
from launchlens.traces.sweeps.sweep import read_sweep
from launchlens.traces.timeline import Timeline

REGIMES = ("eager", "graph")


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("lane", ["host", "device"])
def test_waterfall_adds_up_to_the_difference(made, regime, lane):
    compared = [comparison for comparison in made.against_baseline if comparison.b.regime == regime]
    assert len(compared) == 3
    for comparison in compared:
        assert comparison.difference_ns is not None and comparison.a.recording is not None
        bars, wholes = difference_figure("x", comparison, lane).plain()["data"]
        moves, (first, last) = bars["x"], wholes["x"]
        assert sum(moves) == pytest.approx(comparison.difference_ns / 1000, abs=0.01)
        assert first == pytest.approx(comparison.a.recording.profiled_ns / 1000, abs=0.01)
        assert first + sum(moves) == pytest.approx(last)
        # every step starts where the one before ended
        ends = [first, *(base + x for base, x in zip(bars["base"], moves, strict=True))]
        assert bars["base"] == pytest.approx(ends[:-1])


def test_digits_shown_of_a_waterfall_add_up(made):
    for comparison in made.against_baseline:
        assert comparison.difference_ns is not None
        shown = [float(step.text.removesuffix(" µs").replace("−", "-")) for step in steps(comparison)]
        assert round(sum(shown), 2) == round(comparison.difference_ns / 1000, 2)


def test_waterfall_intervals_cover_their_steps(made):
    for comparison in made.against_baseline:
        for step in steps(comparison):
            assert step.interval is None or step.interval[0] - 10 <= step.ns <= step.interval[1] + 10


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("lane", ["host", "device"])
def test_stacked_bars_add_up_to_the_profiled_time(made, regime, lane):
    sides = made.in_regime(regime)
    bars = [trace for trace in account_figure("x", sides).plain()["data"] if trace.get("meta") == lane]
    assert bars
    for row, side in enumerate(sides):
        assert sum(trace["x"][row] for trace in bars) == pytest.approx(side.recording.profiled_ns / 1000, abs=1e-3)
        stacked = [(trace["base"][row], trace["x"][row]) for trace in bars if trace["x"][row]]
        at = 0.0
        for base, length in stacked:
            assert base == pytest.approx(at, abs=1e-3)
            at = base + length


def test_account_marks_the_unprofiled_time(made):
    sides = made.in_regime("eager")
    marks = next(trace for trace in account_figure("x", sides).plain()["data"] if trace.get("meta") == "mark")
    assert marks["x"] == pytest.approx([side.wall.value / 1000 for side in sides], abs=1e-3)


def test_timing_shows_every_round_and_the_interval(made):
    sides = made.in_regime("eager")
    data = timing_figure("x", sides, made.controls["eager"], ["foreach"]).plain()["data"]
    assert len(data) == 2 * (len(sides) + 1)
    assert sorted(data[0]["x"]) == pytest.approx(sorted(sides[0].blocks["wall_ns"] / 1000), abs=1e-3)
    dot, wall = data[1], sides[0].wall
    assert dot["x"][0] + dot["error_x"]["array"][0] == pytest.approx(wall.high / 1000, abs=1e-3)
    assert dot["x"][0] - dot["error_x"]["arrayminus"][0] == pytest.approx(wall.low / 1000, abs=1e-3)


def test_axis_is_logarithmic_only_where_the_spread_asks_for_it(made):
    eager = timing_figure("x", made.in_regime("eager"), None, []).plain()["layout"]["xaxis"]
    graph = timing_figure("x", made.in_regime("graph"), None, []).plain()["layout"]["xaxis"]
    assert (eager["type"], graph["type"]) == ("log", "linear")
    low, high = eager["range"]
    assert all(low <= math.log10(tick) <= high for tick in eager["tickvals"])


def test_timeline_ties_every_launch_to_its_work(made):
    side = made.sides["copy_", "eager"]
    plain = timeline_figure("x", "copy_", side.recording.timeline, 60_000.0).plain()
    lines = next(trace for trace in plain["data"] if trace["name"] == "caused")
    assert lines["x"].count(None) == 7
    assert plain["shared"] > plain["own"]
    launches = next(trace for trace in plain["data"] if trace["name"] == "launch")
    assert len(launches["x"]) == 7 and launches["x"] == [2.5] * 7


def test_timeline_of_too_many_events_keeps_the_longest():
    count = 5 * EVENTS
    frame = pd.DataFrame(
        {"lane": "host", "kind": "op", "name": [f"op {i % 3}" for i in range(count)], "start_ns": np.arange(count) * 10}
    )
    frame = frame.assign(end_ns=frame["start_ns"] + 1 + np.arange(count) % 7, depth=0, stream=None, launch=-1)
    timeline = Timeline(count * 10, frame)
    drawn = drawn_events(timeline)
    assert len(drawn) == EVENTS and (drawn["end_ns"] - drawn["start_ns"]).min() == 7 - (EVENTS > count // 7)
    assert sum(row.count for row in summary(timeline)) == count
    assert drawn["start_ns"].is_monotonic_increasing


def test_streams_have_a_row_each_in_the_order_of_their_numbers():
    frame = pd.DataFrame({"lane": "gpu", "kind": "kernel", "name": "k", "start_ns": range(4), "depth": 0, "launch": -1})
    frame = frame.assign(end_ns=frame["start_ns"] + 1, stream=pd.Series([13, 7, None, 7], dtype=object))
    assert drawn_events(Timeline(10, frame))["row"].tolist() == [1, 0, 2, 0]


def test_empty_timeline_is_drawn():
    columns = ["lane", "kind", "name", "start_ns", "end_ns", "depth", "stream", "launch"]
    timeline = Timeline(1000, pd.DataFrame({column: [] for column in columns}))
    assert timeline_figure("x", "nothing", timeline, 1000.0).plain()["data"] == []


def test_labels_are_never_markup(names):
    assert "<" not in label(names.link, 200) and "&lt;b&gt;" in label(names.link, 200)
    assert "&amp;lt;" in label(names.link, 200), "an entity in a name is shown as it stands"
    assert len(short(names.long)) == LABEL
    assert short("a\nb\u202ec\ud800") == "a\ufffdb\ufffdc?"


def test_figure_data_can_end_no_script():
    text = to_script({"name": "</script><!-- & \u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": "</script><!-- & \u2028"}


def test_no_number_that_json_lacks_is_written():
    with pytest.raises(ValueError):
        to_script({"x": math.nan})


def test_plotly_takes_every_figure_as_it_stands_on_a_page(made):
    """Pages are drawn of plain data; plotly's Python, which refuses what it doesn't know, makes the same of it."""
    sides, comparison = made.in_regime("eager"), made.against_baseline[0]
    swept = sweep_study(read_sweep(FOLDER / "sweep-rms-norm-h100"))
    lines = swept.lines(*swept.pairs("eager")[0], "eager")
    row = SimpleNamespace(name="k", difference_ns=300, status="in both")
    bar = Bar("rank 0", (("#111", "kernel", 0.4, "4 µs"), ("#222", "idle", 0.6, "6 µs")))
    every = (
        timing_figure("times", sides, None, []),
        account_figure("account", sides),
        *(difference_figure("difference", comparison, lane) for lane in ("host", "device")),
        timeline_figure("timeline", "copy_", made.sides["copy_", "eager"].recording.timeline, 60_000.0),
        *drawings([entry(made_probes.LADDER), entry(made_probes.BACKLOG)]),
        map_figure("map", swept, "eager", {}),
        lines_figure("lines", [line for line in lines if line.axis is lines[0].axis], lines[0].axis),
        differences_figure("differences", [row]),
        bars_figure("bars", [bar], 10_000),
    )
    assert len(every) == 11
    for drawing in every:
        of_plotly, on_page = json.loads(drawing.figure.to_json()), json.loads(to_script(drawing.plain()))
        assert {key: on_page[key] for key in of_plotly} == of_plotly


def test_log_ticks():
    assert log_ticks(3, 120) == [5, 10, 20, 50, 100]
    assert log_ticks(0.4, 2) == [0.5, 1, 2]
