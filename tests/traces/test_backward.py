"""Whose work a backward pass is: links to forward ops, what ranges own by them, and who waits meanwhile, in traces made by hand."""

import json
import sqlite3
from pathlib import Path

import pytest

from events import events, gpu, host, joined, trace
from launchlens.traces.account import HOST_STATES
from launchlens.traces.analysis import Analysis, analyze, as_document
from launchlens.traces.backward import backward_ops
from launchlens.traces.documents.analysis import RangeRow
from launchlens.traces.problems import InputError
from launchlens.traces.ranges import fold
from launchlens.traces.source import open_trace

ENGINE = "autograd::engine::evaluate_function: MmBackward0"
CASES = Path(__file__).parents[1] / "data" / "golden" / "cases"


def launch(at, number, **more):
    return host("api", "cudaLaunchKernel", at, at + 2, correlation=number, **more)


#: Two forward ranges on thread 1, and the backward passes of both on thread 2.
STEP = [
    host("range", "step", 0, 200),
    host("range", "forward", 5, 30),
    host("op", "aten::mm", 10, 20, sequence=7),
    launch(12, 1),
    gpu("kernel", 15, 18, 1),
    host("range", "loss", 35, 50),
    host("op", "aten::sum", 36, 44, sequence=8),
    host("op", "SumBackward0", 80, 90, thread="2", sequence=8, forward_thread=1),
    launch(82, 2, thread="2"),
    gpu("kernel", 90, 97, 2),
    host("op", ENGINE, 95, 130, thread="2", sequence=7, forward_thread=1),
    host("op", "MmBackward0", 100, 120, thread="2", sequence=7, forward_thread=1),
    launch(105, 3, thread="2"),
    gpu("kernel", 110, 121, 3),
    launch(140, 4, thread="2"),  # in no backward op
    gpu("kernel", 145, 150, 4),
    host("op", "aten::add", 160, 170, sequence=9),
]


def rows_of(found: Analysis) -> dict[str, RangeRow]:
    return {row.name: row for row in as_document(found).ranges}


def test_a_forward_range_has_its_backward_pass_by_links_and_only_its_own():
    found = rows_of(analyze(trace(STEP)))
    linked = {name: (row.launches_linked, row.kernels_linked, row.gpu_ns_linked) for name, row in found.items()}
    assert linked == {"step": (2, 2, 18), "forward": (1, 1, 11), "loss": (1, 1, 7)}
    own = {name: (row.launches, row.gpu_ns) for name, row in found.items()}
    assert own == {"step": (1, 3), "forward": (1, 3), "loss": (0, 0)}
    everyone = {name: (row.launches_all_threads, row.gpu_ns_all_threads) for name, row in found.items()}
    assert everyone == {"step": (4, 26), "forward": (1, 3), "loss": (0, 0)}


def test_where_nothing_links_that_is_null_and_not_nought():
    rows = [{key: value for key, value in row.items() if key not in ("sequence", "forward_thread")} for row in STEP]
    assert {row.launches_linked for row in rows_of(analyze(trace(rows))).values()} == {None}


def test_texts_of_emit_nvtx_link_as_ops_do():
    def said(row):
        if row["kind"] != "op" or "sequence" not in row:
            return row
        name = f"{row['name']}, seq = {row['sequence']}, op_id = {row['sequence'] + 100}"
        return {key: value for key, value in row.items() if key not in ("sequence", "forward_thread")} | {
            "kind": "range",
            "name": row["name"] if row["name"] == ENGINE else name,
        }

    found = rows_of(analyze(trace([said(row) for row in STEP])))
    linked = {name: found[name].launches_linked for name in ("step", "forward", "loss", "aten::mm, seq = *, op_id = *")}
    assert linked == {"step": 2, "forward": 1, "loss": 1, "aten::mm, seq = *, op_id = *": 1}
    # of a node of a graph that was made elsewhere nobody says the forward op, nor of a number beyond all
    alone = [host("range", "MmBackward0, seq = 7", 0, 9), host("range", "AccumulateGrad, seq = " + "9" * 20, 10, 19)]
    assert len(backward_ops(events(alone))) == 0


def test_a_number_that_ops_of_two_threads_have_links_nothing_but_an_arrow_does():
    twice = [*STEP, host("op", "aten::mm", 11, 20, thread="3", sequence=7)]
    frame = events(twice)
    found = backward_ops(frame)
    assert set(frame["name"].iloc[found.rows]) == {"SumBackward0"}
    for row in twice:
        if row["name"] in ("aten::mm", "MmBackward0") and row.get("thread") != "3":
            row["flow"] = 5
    frame = events(twice)
    found = backward_ops(frame)
    pairs = {(frame["name"][row], frame["start_ns"][to]) for row, to in zip(found.rows, found.forward, strict=True)}
    assert pairs == {("SumBackward0", 36), ("MmBackward0", 10)}


def test_work_of_a_forward_pass_that_is_computed_anew_goes_home_all_the_way():
    rows = [
        host("range", "layer", 0, 20),
        host("op", "CheckpointFunction", 5, 15, sequence=1),
        host("op", "CheckpointFunctionBackward", 50, 90, thread="2", sequence=1, forward_thread=1),
        host("op", "aten::mm", 55, 60, thread="2", sequence=2),
        host("op", "MmBackward0", 70, 80, thread="2", sequence=2, forward_thread=2),
        launch(72, 1, thread="2"),
        gpu("kernel", 75, 79, 1),
    ]
    assert rows_of(analyze(trace(rows)))["layer"].launches_linked == 1


def test_the_caller_of_a_backward_pass_waits_while_another_thread_runs_it():
    made = joined(events(STEP))
    lane = made.evident_lane(0, made.events["thread"].cat.categories.get_loc("1"))
    low, high = lane.in_state("waiting")
    assert (list(low), list(high)) == ([80], [130])
    whole = analyze(trace(STEP)).slice
    assert whole is not None
    spent = {state: ns for state, ns in whole.account.host().items() if ns}
    # 80 to 130 is the backward pass' own ops and launches but for 90 to 95, in which only the caller is seen to wait
    assert spent["waiting"] == 5 and spent["launch"] == 4 * 2 and sum(spent.values()) == 200
    assert spent["python"] == 200 - 5 - 8 - (8 + 8) - (8 + 33) - 10


def test_ops_of_the_engine_without_a_link_are_of_the_only_other_thread_or_of_none():
    rows = [
        host("range", "step", 0, 100),
        launch(5, 1),
        host("op", ENGINE, 30, 40, thread="2"),
        host("op", ENGINE, 50, 60, thread="2"),
    ]
    waiting = HOST_STATES.index("waiting")
    made = joined(events(rows))
    assert [made.process_lane(0).at(at) == waiting for at in (29, 45, 60)] == [False, True, False]
    third = joined(events([*rows, host("op", "aten::mm", 0, 5, thread="3")]))
    assert waiting not in third.process_lane(0).state


def test_a_thread_that_does_something_meanwhile_does_not_wait():
    made = joined(events([*STEP, host("op", "aten::mul", 92, 94), host("api", "cudaEventQuery", 125, 126)]))
    low, high = made.evident_lane(0, 0).in_state("waiting")
    assert (list(low), list(high)) == ([80, 95], [90, 125])


def test_kinetos_arrows_and_numbers_are_read(tmp_path):
    def op(name, tid, ts, dur, **args):
        return {"ph": "X", "cat": "cpu_op", "name": name, "pid": 1, "tid": tid, "ts": ts, "dur": dur, "args": args}

    def arrow(phase, tid, ts, category="fwdbwd"):
        return {"ph": phase, "cat": category, "name": category, "id": 3, "pid": 1, "tid": tid, "ts": ts, "bp": "e"}

    rows = [
        op("aten::linear", 10, 1_700_000_000_000_100.001, 9),
        op("aten::mm", 10, 1_700_000_000_000_102.001, 5, **{"Sequence number": 4, "Fwd thread id": 0}),
        op("MmBackward0", 20, 1_700_000_000_000_200.5, 5, **{"Sequence number": 4, "Fwd thread id": 1}),
        arrow("s", 10, 1_700_000_000_000_102.001),
        arrow("f", 20, 1_700_000_000_000_200.5),
        arrow("s", 10, 1_700_000_000_000_100.001, "ac2g"),
    ]
    path = tmp_path / "made.json"
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": rows}))
    frame = open_trace(path).events.set_index("name")
    assert frame["flow"].dropna().to_dict() == {"aten::mm": 3, "MmBackward0": 3}
    assert frame["sequence"].dropna().to_dict() == {"aten::mm": 4, "MmBackward0": 4}
    assert frame["forward_thread"].dropna().to_dict() == {"MmBackward0": 1}


def test_python_frames_say_when_a_thread_is_in_python(tmp_path):
    def event(category, name, ts, dur, tid=10):
        return {"ph": "X", "cat": category, "name": name, "pid": 1, "tid": tid, "ts": ts, "dur": dur}

    rows = [
        event("python_function", "train.py(3): main", 100, 50),
        event("python_function", "train.py(9): step", 110, 20),
        event("cpu_op", "aten::mm", 120, 10),
        event("cpu_op", "aten::mm", 160, 10),
        event("python_function", "loader.py(1): fetch", 300, 10, tid=30),
        event("cuda_runtime", "cudaLaunchKernel", 180, 20),
    ]
    path = tmp_path / "made.json"
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": rows}))
    accounted = analyze(open_trace(path), thread="10").slice
    assert accounted is not None
    spent = {state: ns for state, ns in accounted.account.host().items() if ns}
    # from the first event, which is an op: frames are none
    assert spent == {"dispatch": 20_000, "python": 20_000, "launch": 20_000, "not-recorded": 20_000}


def test_an_nvtx_range_of_a_process_owns_what_the_process_launches_in_its_time(tmp_path):
    path = tmp_path / "trace.sqlite"
    path.write_bytes((CASES / "n_bwd.sqlite").read_bytes())
    with sqlite3.connect(path) as db:
        db.execute("UPDATE NVTX_EVENTS SET eventType = 60")
    db.close()
    (row,) = as_document(analyze(open_trace(path))).ranges
    assert (row.launches, row.launches_all_threads, row.launches_linked, row.kernels_linked) == (3, 5, 5, 5)
    (row,) = as_document(analyze(open_trace(CASES / "n_bwd.sqlite"))).ranges
    assert (row.launches, row.launches_all_threads, row.launches_linked) == (3, 5, None)


def test_names_that_tell_instances_apart_are_one_row_and_patterns_choose_ranges():
    names = ["ProfilerStep#1", "ProfilerStep#2", "layer 1", "layer 12", "head 3", "aten::mm, op_id = 5"]
    made = trace([host("range", name, 10 * at, 10 * at + 5) for at, name in enumerate(names)])
    found = {row.name: (row.names, row.instances, row.host_ns) for row in as_document(analyze(made)).ranges}
    assert found == {
        "ProfilerStep#*": (2, 2, 10),
        "layer *": (2, 2, 10),
        "head 3": (1, 1, 5),
        "aten::mm, op_id = *": (1, 1, 5),
    }
    for asked, starts in (
        ("ProfilerStep#2", [10]),
        ("ProfilerStep#*", [0, 10]),
        ("layer *", [20, 30]),
        ("*[12]", [0, 10, 20, 30]),
        ("aten::mm, op_id = *", [50]),
    ):
        chosen = analyze(made, range_name=asked).slice
        assert chosen is not None and list(chosen.start_ns) == starts, asked
    with pytest.raises(InputError, match="holds no range 'step"):
        analyze(made, range_name="step*")
    assert fold("f at 0x7f00aB, seq = 12, op_id = 4") == "f at *, seq = *, op_id = *"


def test_serving_threads_whose_ranges_overlap_are_said_to():
    apart = [host("range", "request", 0, 10), launch(2, 1), host("range", "request", 20, 30, thread="2")]
    assert not analyze(trace([*apart, launch(22, 2, thread="2")])).problems["ranges-overlap-across-threads"]
    rows = [host("range", "request 1", 0, 10), launch(2, 1), host("range", "request 2", 5, 30, thread="2")]
    rows += [launch(7, 2, thread="2"), launch(22, 3, thread="2"), gpu("kernel", 40, 50, 1)]
    found = analyze(trace(rows), range_name="request *")
    # the second has no launch of the first in its time
    assert found.problems["ranges-overlap-across-threads"] == 1
    assert found.slice is not None and list(found.slice.end_ns) == [30] and found.problems["gpu-work-after-window"] == 1
    (row,) = as_document(found).ranges
    assert (row.launches, row.launches_all_threads) == (3, 4)


def test_a_thread_that_lives_for_a_part_of_the_trace_is_python_at_no_time():
    path = CASES / "idle_thread.json"
    made = json.loads(path.read_text())["traceEvents"]
    times = [(row["ts"] * 1000, (row["ts"] + row["dur"]) * 1000) for row in made if row["tid"] == 200]
    open_for = len({at for low, high in times for at in range(low, high)})
    alone = analyze(open_trace(path), thread="200").slice
    assert alone is not None
    spent = {state: ns for state, ns in alone.account.host().items() if ns}
    assert set(spent) == {"dispatch", "launch", "not-recorded"}
    assert spent["dispatch"] + spent["launch"] == open_for and sum(spent.values()) == 1_000_000
    whole = analyze(open_trace(path)).slice
    assert whole is not None
    spent = {state: ns for state, ns in whole.account.host().items() if ns}
    first, last = min(low for low, _ in times), max(high for _, high in times)
    assert spent["waiting"] == last - first - open_for and "not-recorded" not in spent
    assert spent["python"] == 1_000_000 - (last - first) - 2 * 4_000
