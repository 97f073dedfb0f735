"""`import launchlens`: the objects, their frames, and what it costs to import."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import launchlens
from launchlens.cli import app
from launchlens.commands.library.frames import WORDS, frame_of, named
from launchlens.reports.pages import capture as capture_page
from launchlens.reports.pages import trace as trace_page
from launchlens.traces.analyses.catalogue import CATALOGUE
from launchlens.traces.captures.recorded import FOLDER
from launchlens.traces.tables.table import Column, table
from made_capture import make_capture
from python_pages import members, objects

DATA = Path(__file__).parent / "data"
BEFORE, AFTER = (DATA / "pairs" / f"log-each-step.{side}.json.gz" for side in ("before", "after"))


@pytest.fixture(scope="module")
def trace():
    return launchlens.open(BEFORE)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return launchlens.open(make_capture(tmp_path_factory.mktemp("library") / "made"))


@pytest.fixture(scope="module")
def comparison():
    return launchlens.compare(str(BEFORE), AFTER)


@pytest.fixture(scope="module")
def fleet():
    return launchlens.open([BEFORE, AFTER])


def test_importing_it_loads_nothing_and_says_what_there_is():
    code = (
        "import sys; before = set(sys.modules); import launchlens\n"
        "assert set(sys.modules) - before == {'launchlens'}, set(sys.modules) - before\n"
        "assert set(dir(launchlens)) == set(launchlens.__all__), dir(launchlens)\n"
        "from launchlens import InputError\n"
        "heavy = {'pandas', 'numpy', 'torch', 'plotly', 'pyarrow', 'msgspec'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_every_name_that_it_lists_is_there_and_no_other():
    assert {name for name in launchlens.__all__ if getattr(launchlens, name, None) is None} == set()
    assert set(launchlens._MODULES) == set(launchlens.__all__) - {"__version__"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = launchlens.nothing


def test_everything_for_others_is_documented():
    for name in objects():
        made = getattr(launchlens, name)
        assert made.__doc__
        for member in members(made):
            found = getattr(made, member)
            assert isinstance(found, property) or found.__doc__, f"{name}.{member}"
            assert not isinstance(found, property) or found.fget.__doc__, f"{name}.{member}"


def test_a_trace_answers_every_analysis_by_a_method_of_its_name(trace):
    for question in CATALOGUE:
        frame = getattr(trace, question.name)()
        assert frame.equals(trace.table(question.name)), question.name
        assert len(frame) or frame.attrs["absent"], question.name
        assert list(frame.attrs["meanings"]) == list(frame.columns)


def test_a_table_of_nothing_has_its_columns_and_says_why(trace):
    frame = trace.modules()
    assert not len(frame) and "host_ns" in frame.columns and "no modules" in frame.attrs["absent"]


def test_frames_say_their_units_and_hold_no_codes(trace, capture, comparison, fleet):
    for found in (trace, capture, comparison, fleet):
        for name in found.tables:
            frame = found.table(name)
            assert len(set(frame.columns)) == len(frame.columns)
            assert not {column for column in frame if isinstance(frame[column].dtype, pd.CategoricalDtype)}
            for column, unit in frame.attrs["units"].items():
                word = {"ns": "ns", "bytes": "bytes"}.get(unit)
                tokens = column.split("_")
                assert word in tokens if word else {"share", "ratio"} & set(tokens), f"{name}.{column}"


def test_a_column_gets_its_unit_where_its_name_lacks_it():
    columns = [
        Column("wall", "time", "m"), Column("ns_per_step", "time", "m"), Column("held", "size", "m"), Column("apart", "share", "m"),
        Column("times", "ratio", "m"), Column("saves", "interval", "m", of="time"), Column("count", "count", "m"),
    ]  # fmt: skip
    assert [named(column) for column in columns] == [
        "wall_ns", "ns_per_step", "held_bytes", "apart_share", "times_ratio", "saves_ns", "count",
    ]  # fmt: skip
    made = table("made", "Made", columns, [[1, 2, 3, 0.5, 1.5, (4, 5), 6]])
    frame = frame_of(made)
    assert list(frame.columns[5:7]) == ["saves_ns_low", "saves_ns_high"] and frame["saves_ns_high"].item() == 5
    assert frame.attrs["units"]["saves_ns_low"] == "ns" and set(WORDS) == {"time", "size", "share", "ratio"}
    frame.loc[0, "wall_ns"] = 9
    assert made.frame["wall"].item() == 1, "what a user changes is a copy"


def test_the_account_of_a_range_sums_to_it_and_the_trace_stays_whole(trace):
    whole = trace.account()["ns"].sum()
    forward = trace.account(range="forward")["ns"].sum()
    ranges = trace.ranges().set_index("name")
    assert forward == ranges.loc["forward", "host_ns"] < whole
    assert trace.account()["ns"].sum() == whole
    within = launchlens.Trace.open(BEFORE, range="forward")
    assert within.kernels().equals(trace.within("forward").kernels()) and len(within.kernels()) < len(trace.kernels())


def test_a_trace_says_what_analyze_says(trace):
    document = trace.document()
    assert trace.verdict() == document.verdict and trace.recorded_by == "kineto"
    assert len(trace.events) == document.totals.events
    assert trace.kernels()["count"].sum() == document.totals.kernels.count
    assert list(trace.advice()["code"]) == [each.code for each in document.advice]
    assert trace.problems().columns[0] == "severity" and len(trace.totals()) and len(trace.launch_costs())
    shown = {each.name for each in trace_page.tables(document, trace._answers())}
    assert set(trace.tables) == shown


def test_a_capture_answers_what_its_trace_holds(capture):
    trace = capture.recorded
    assert trace.recorded_by == "kineto" and len(capture.events) == len(trace.events)
    assert capture.kernels().equals(trace.kernels()) and capture.operators().equals(trace.operators())
    foreach = capture.kernels("foreach")
    assert list(foreach["name"]) == ["multi_tensor_apply_kernel<at::native::Copy<int, int>>"]
    # four rounds of blocks of five iterations: of foreach one launch each
    blocks = capture.steps("foreach")
    assert len(blocks) == 4 and blocks["launches"].tolist() == [5] * 4 and len(capture.steps()) == 16
    whole = trace.ranges().set_index("name").loc["variant:foreach", "host_ns"]
    assert capture.account(range="foreach")["ns"].sum() == whole == capture.account(range="variant:foreach")["ns"].sum()
    assert len(capture.idle("copy_")) < len(capture.idle()) and "saves_ns_low" in capture.advice().columns
    with pytest.raises(launchlens.InputError, match="no range 'none'"):
        capture.account(range="none")


def test_what_a_verdict_rests_on_is_a_frame(trace):
    bounds = trace.bounds()
    assert bounds["share"].sum() == pytest.approx(1) and bounds["limits"].sum() == 1
    assert bounds[bounds["limits"]]["bound_by"].item() == trace.verdict().bound_by


def test_fleets_and_comparisons_have_figures(fleet, comparison):
    import plotly.graph_objects as go

    steps = fleet.figure()
    assert isinstance(steps, go.Figure) and len({bar.y for bar in steps.data}) == len(fleet.ranks())
    account = fleet.figure("account")
    hosts = sum(bar.x[0] for bar in account.data if bar.y == account.data[0].y)
    assert hosts == pytest.approx(fleet.account()["ns"].sum() / 1e6)
    assert comparison.figures == ["ranges", "operators", "kernels", "idle_causes"]
    for name in comparison.figures:
        drawn = comparison.figure(name).data[0]
        frame = comparison.table(name)
        assert max(map(abs, drawn.x)) * 1e6 == pytest.approx(frame["difference_ns"].abs().max()) or max(
            map(abs, drawn.x)
        ) * 1e3 == pytest.approx(frame["difference_ns"].abs().max())
    for found, name in ((fleet, "none"), (comparison, "account")):
        with pytest.raises(launchlens.InputError, match="has no figure"):
            found.figure(name)


def test_figures_are_plotly_figures_with_something_on_them(trace, capture):
    import plotly.graph_objects as go

    for name in trace.figures:
        figure = trace.figure(name)
        assert isinstance(figure, go.Figure) and sum(len(bar.x) for bar in figure.data) > 1
    steps = trace.steps()
    assert trace.figure("timeline", step=steps["name"].iloc[0]) != trace.figure("timeline")
    for name in capture.figures:
        for regime in ("eager", "graph"):
            assert isinstance(capture.figure(name, regime=regime), go.Figure)
    assert capture.figure("timeline", variant="copy_") != capture.figure("timeline", variant="foreach")
    with pytest.raises(launchlens.InputError, match="no timeline of 'nobody'"):
        capture.figure("timeline", variant="nobody")


def test_a_capture_gives_its_times_and_traces(capture, tmp_path):
    assert len(capture.timings) and "wall_ns" in capture.timings
    times = capture.times()
    assert times[(times["regime"] == "eager") & ~times["control"]]["variant"].iloc[0] == "foreach"
    assert (capture.ratios()["verdict"] == "faster").any() and capture.findings()[0].startswith("Called eagerly")
    assert capture.trace("torch", "graph").graphs()["replays"].sum() > 0
    with pytest.raises(launchlens.InputError, match="holds: torch eager, torch graph"):
        capture.trace("nsys")
    assert set(capture.tables) == {each.name for each in capture_page.tables(capture._study)}
    assert capture.document().sentences == capture.findings() and not len(capture.problems())
    assert "<html" in capture.report(tmp_path / "report.html").read_text()[:200]


def test_a_comparison_sums_and_says_what_changed(comparison, capture):
    whole = comparison.difference_ns_per_step
    assert comparison.difference().set_index("name").loc["wall", "difference_ns"] == whole
    for rows in (comparison.ranges(), comparison.account(), comparison.operators()):
        assert rows["difference_ns"].sum() == whole
    parts = comparison.kernels()["difference_ns"].sum() + comparison.idle_causes()["difference_ns"].sum()
    assert parts + comparison.difference().set_index("name")["difference_ns"].get("unknown", 0) == whole
    assert comparison.sentences() and comparison.document().of == "traces"
    two = launchlens.compare(f"{capture.path}::copy_", f"{capture.path}::foreach")
    assert two.of == "captures" and set(two.ratios()["regime"]) == {"eager", "graph"} and len(two.sentences()) == 2
    with pytest.raises(launchlens.InputError, match="told of traces"):
        two.kernels()
    with pytest.raises(launchlens.InputError, match="told of captures"):
        comparison.ratios()


def test_several_traces_are_a_fleet(fleet):
    assert isinstance(fleet, launchlens.Fleet) and len(fleet.ranks()) == 2 and not len(fleet.skipped())
    assert fleet.account()["ns"].sum() == fleet.document().account.window_ns and fleet.verdict()
    assert isinstance(launchlens.open(str(DATA / "pairs" / "data-stall.*.json.gz")), launchlens.Fleet)


@pytest.mark.parametrize(
    ("path", "options", "says"),
    [
        ("nowhere.json", {}, "No such file"),
        (BEFORE, {"range": "nowhere"}, "no range"),
        (str(BEFORE), {"steps": "nowhere*"}, "no range that fits"),
        ([BEFORE, AFTER], {"range": "forward"}, "these are several"),
        ([], {}, "no path"),
    ],
)
def test_what_can_not_be_used_is_one_line(path, options, says):
    with pytest.raises(launchlens.InputError, match=says) as raised:
        launchlens.open(path, **options)
    assert "\n" not in str(raised.value)


def test_what_is_no_path_is_refused_in_words():
    for given in (5, None, [5], {"a": 1}):
        with pytest.raises(launchlens.InputError, match="takes a path, or several"):
            launchlens.open(given)


def test_objects_show_themselves(trace, capture, fleet, comparison):
    for found in (trace, capture, fleet, comparison):
        assert re.fullmatch(r"<\w+ [^\n]+>", repr(found)) and found._repr_html_().startswith("<div><b>")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Code of the caller's own: entered once, and entered again and again."""
    torch = pytest.importorskip("torch", reason="measuring needs torch")
    folder, x = tmp_path_factory.mktemp("recorded"), torch.ones(64, 64)
    with launchlens.record("one pass", folder / "once") as once:
        (x @ x).sum()
    often = launchlens.record("step", str(folder / "often"))
    for _ in range(9):
        with often:
            (x @ x).sum()
            x.relu()
    often.close()
    return once, often


def test_code_entered_once_is_one_recorded_pass(recorded, tmp_path):
    once, _ = recorded
    assert (once.recorded, once.timed) == (1, 0) and once.capture.manifest.complete
    assert list(once.trace.ranges()["name"]) == ["variant:one pass"] and once.trace.ranges()["instances"].item() == 1
    assert once.trace.operators().set_index("name").loc["aten::mm", "calls"] == 1
    with pytest.raises(launchlens.InputError, match="no time without a profiler"):
        once.capture.times()
    answer = CliRunner().invoke(app, ["report", str(once.path), "--output", str(tmp_path / "report.html")])
    assert answer.exit_code == 0 and "one recorded pass" in answer.stdout and "aten::mm" in answer.stdout
    assert "one recorded pass" in (tmp_path / "report.html").read_text()


def test_code_entered_again_is_timed_and_recorded_in_turn(recorded):
    _, often = recorded
    # 1 recorded for the case that it stays alone, 2 warms up, 3 5 7 9 timed, 4 6 8 recorded
    assert (often.recorded, often.timed) == (3, 4)
    capture = often.capture
    assert len(capture.timings) == 4 and (capture.timings["iterations"] == 1).all()
    assert not {"capture-disagrees", "counts-differ"} & set(capture.problems()["code"])
    times = capture.times()
    assert list(times["variant"]) == ["step"] and times["wall_ns"].item() > 0
    assert often.trace.ranges()["instances"].item() == 3
    assert often.trace.operators().set_index("name").loc["aten::relu", "calls"] == 3
    events = often.trace.events
    blocks = events[events["name"] == "variant:step"].sort_values("start_ns")
    assert (blocks["start_ns"].to_numpy()[1:] > (blocks["start_ns"] + blocks["dur_ns"]).to_numpy()[:-1]).all()


def test_passes_that_use_the_same_ids_are_told_apart(tmp_path):
    pytest.importorskip("torch", reason="measuring needs torch")
    from launchlens.profiling.passes import _together

    def session(start_us, kernel_us):
        one = {"pid": 1, "tid": 1, "ph": "X"}
        of = {"correlation": 7, "External id": 3}
        return gzip.compress(json.dumps({"baseTimeNanoseconds": 0, "traceEvents": [
            one | {"cat": "user_annotation", "name": "variant:step", "ts": start_us, "dur": 90, "args": {}},
            one | {"cat": "cuda_runtime", "name": "cudaLaunchKernel", "ts": start_us + 1, "dur": 5, "args": of},
            {"pid": 0, "tid": 7, "ph": "X"}
            | {"cat": "kernel", "name": "k", "ts": start_us + 9, "dur": kernel_us, "args": of | {"device": 0, "stream": 7}},
        ]}).encode())  # fmt: skip

    (tmp_path / "trace.json").write_text(
        json.dumps(_together([session(100, 10), session(1000, 30), session(2000, 50)]))
    )
    trace = launchlens.open(tmp_path / "trace.json")
    ranges = trace.ranges().set_index("name")
    assert ranges.loc["variant:step", ["instances", "launches", "gpu_ns"]].tolist() == [3, 3, 90_000]
    assert not len(trace.problems())
    assert trace.latency()["latency_ns"].tolist() == [8_000]


def test_a_pass_that_raises_is_not_kept_and_more_may_follow(tmp_path):
    pytest.importorskip("torch", reason="measuring needs torch")
    recording = launchlens.record("fails", tmp_path / "capture")
    with pytest.raises(ZeroDivisionError), recording:
        _ = 1 / 0
    assert (recording.recorded, recording.timed) == (0, 0)
    with recording, pytest.raises(launchlens.InputError, match="being recorded already"):
        recording.__enter__()
    assert recording.recorded == 1 and recording.capture.manifest.complete


def test_what_can_not_be_recorded_is_refused(tmp_path, monkeypatch):
    with pytest.raises(launchlens.InputError, match="is no name"):
        launchlens.record("two\nlines", tmp_path / "capture")
    monkeypatch.setattr("launchlens.profiling.environment.version", lambda name: None)
    with pytest.raises(launchlens.InputError, match="torch, which is not installed"):
        launchlens.record("step", tmp_path / "capture")
    assert not list(tmp_path.iterdir())


def test_profile_measures_what_the_command_does(tmp_path, monkeypatch):
    monkeypatch.setattr("launchlens.profiling.environment.has_cuda", lambda: False)
    assert launchlens.profile("small-copies").path.parent == FOLDER
    for arguments, says in (
        ({"workload": "nothing"}, "none of"),
        ({"variants": ["nothing"]}, "none of"),
        ({"regimes": ["nothing"]}, "none of eager, graph"),
        ({"device": "cuda"}, "no CUDA GPU"),
        ({"parameters": {"count": 3}}, "without such parameters"),
        ({"collectors": ["nothing"]}, "none of"),
    ):
        with pytest.raises(launchlens.InputError, match=says):
            launchlens.profile(**arguments)
    pytest.importorskip("torch", reason="measuring needs torch")
    options = {"variants": ["foreach"], "regimes": ["eager"], "rounds": 5, "iterations": 5, "parameters": {"count": 3}}
    capture = launchlens.profile(device="cpu", output=str(tmp_path / "capture"), **options)
    assert set(capture.times()["variant"]) == {"copy_", "foreach"} and capture.manifest.workload["copies"] == 3
    assert capture.path == tmp_path / "capture" and capture.trace("torch", "eager").operators()["calls"].sum() > 0


def test_the_notebook_runs_from_top_to_bottom(monkeypatch, capsys):
    page = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
    cells = ["".join(cell["source"]) for cell in json.loads(page.read_text())["cells"] if cell["cell_type"] == "code"]
    monkeypatch.chdir(page.parent)
    within: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, str(page), "exec"), within)  # noqa: S102  ours, as a reader runs them
    printed = capsys.readouterr().out
    assert len(cells) > 8 and "nowhere.json.gz: can't be read" in printed and "is fastest" in printed
