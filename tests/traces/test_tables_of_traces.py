"""The tables of the analyses: of recorded and made traces against the slow oracle, of small ones by hand, and what always holds."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from costly import costly
from hypothesis import given
from hypothesis import strategies as st

from events import gpu, host, trace
from launchlens.traces.analyses.catalogue import CATALOGUE
from launchlens.traces.analyses.kernel_names import short_name, told_apart
from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.analysis import Analysis, analyze
from launchlens.traces.launches.collectives import bus_factor, operation, payload
from launchlens.traces.problems import InputError
from launchlens.traces.source import open_trace
from launchlens.traces.trace import Trace
from traces import plain_analysis as plain
from traces import plain_tables, samples


def rows(made: Trace | Analysis, name: str, *, by_shape: bool = False, **more: Any) -> list[dict[str, Any]]:
    """A table's rows by the names of their columns; none where the table is absent."""
    found = analyze(made, **more) if isinstance(made, Trace) else made
    table = found.answers([name], by_shape=by_shape).tables.get(name)
    if table is None:
        return []
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows()]


def rounded(values: Any) -> list[Any]:
    return [round(value, 9) if isinstance(value, float) else value for value in values]


@pytest.mark.parametrize("name", [*samples.MADE, *samples.of_others()])
def test_the_tables_of_real_traces_are_what_the_oracle_finds(name, tmp_path) -> None:
    path = samples.sample(name, tmp_path)
    facts = plain_tables.tables(plain.read(path))
    found = analyze(open_trace(path)).answers()
    assert {each for each in found.tables if each in plain_tables.TABLES} == set(facts)
    for each, (columns, *expected) in facts.items():
        table = found.tables[each]
        assert [column.name for column in table.columns] == columns
        assert sorted(map(rounded, table.rows()), key=str) == sorted(map(rounded, expected), key=str), each


LAUNCHES = [
    host("op", "aten::outer", 0, 100),
    host("op", "aten::inner", 10, 40),
    host("api", "cudaLaunchKernel", 12, 20, correlation=1),
    host("api", "cudaLaunchKernel", 50, 60, correlation=2),
    host("api", "cudaLaunchKernel", 120, 130, correlation=3),
    gpu("kernel", 30, 35, 1, name="void a<int>(float*)"),
    gpu("kernel", 80, 180, 2, name="void a<int>(float*)", stream=9),
    gpu("kernel", 190, 191, 3, name="b"),
]


def test_a_launch_and_a_moment_belong_to_the_innermost_op() -> None:
    outer, inner = rows(trace(LAUNCHES), "operators")
    assert (outer["name"], outer["calls"], outer["host_ns"], outer["host_self_ns"]) == ("aten::outer", 1, 100, 70)
    assert (outer["launches"], outer["gpu_ns"], outer["share"]) == (1, 100, 100 / 106)
    assert (inner["host_ns"], inner["host_self_ns"], inner["launches"], inner["gpu_ns"]) == (30, 30, 1, 5)


def test_kernels_by_name_with_what_their_launch_cost() -> None:
    first, second = rows(trace(LAUNCHES), "kernels")
    assert (first["name"], first["short_name"], first["count"], first["streams"]) == ("void a<int>(float*)", "a", 2, 2)
    assert (first["total_ns"], first["median_ns"], first["min_ns"], first["max_ns"]) == (105, 52, 5, 100)
    assert (first["deviation_ns"], first["launches"], first["launch_ns"], first["queue_ns"]) == (67, 2, 9, 15)
    assert (first["short"], first["in_graphs"]) == (1, 0) and first["share"] + second["share"] == 1
    assert (second["deviation_ns"], second["short"]) == (None, 1)


def test_what_torch_compile_made_is_named() -> None:
    made = trace(
        [
            host("op", "Torch-Compiled Region: 0/0", 0, 100),
            host("op", "aten::mm", 40, 60),
            host("api", "cuLaunchKernelEx", 10, 20, correlation=1),
            gpu("kernel", 30, 35, 1, name="triton_poi_fused_add_0"),
            gpu("kernel", 40, 44, 2, name="my_triton_kernel"),
        ]
    )
    assert [(row["name"], row["made_by"], row["gpu_ns"]) for row in rows(made, "operators")] == [
        ("Torch-Compiled Region: 0/0", "torch.compile", 5),
        ("aten::mm", None, 0),
    ]
    assert [row["made_by"] for row in rows(made, "kernels")] == ["torch.compile", None]


def test_a_range_counts_what_begins_and_is_launched_in_it() -> None:
    made = trace([host("range", "step", 0, 45), *LAUNCHES])
    (kernel,) = rows(made, "kernels", range_name="step")
    assert (kernel["count"], kernel["total_ns"], kernel["share"]) == (1, 5, 1.0)
    assert [row["calls"] for row in rows(made, "operators", range_name="step")] == [1, 1]


def test_what_a_trace_does_not_hold_is_no_table_and_said() -> None:
    answered = analyze(trace([host("range", "r", 0, 10)])).answers()
    assert list(answered.tables) == ["range_paths"]
    assert set(answered.lacking) == {question.name for question in CATALOGUE} - {"range_paths"}
    (problem,) = answered.problems
    assert problem.code == "table-absent" and problem.count == len(CATALOGUE) - 1
    assert "kernels (no kernels)" in problem.meaning
    (path,) = rows(trace([host("range", "r", 0, 10)]), "range_paths")
    assert path["gpu_ns"] is None, "GPU work was not recorded, which is not 0"


def test_an_analysis_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="'nothing' is no analysis"):
        analyze(trace(LAUNCHES)).answers(["nothing"])


def test_ranges_within_ranges_have_paths() -> None:
    made = trace(
        [
            host("range", "a", 0, 100),
            host("range", "b", 10, 20),
            host("range", "b", 30, 40),
            host("range", "b", 200, 210),
        ]
    )
    found = {row["name"]: (row["calls"], row["depth"], row["host_self_ns"]) for row in rows(made, "range_paths")}
    assert found == {"a": (1, 0, 80), "a > b": (2, 1, 20), "b": (1, 0, 10)}


def test_a_kernel_beside_a_collective_hides_it_for_as_long_as_it_runs() -> None:
    nccl = "ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgsStorage<4096ul>)"
    made = trace(
        [
            gpu("kernel", 0, 100, 1, name=nccl, stream=20),
            gpu("kernel", 10, 30, 2, name="a"),
            gpu("kernel", 20, 40, 3, name="b", stream=8),
            gpu("kernel", 90, 120, 4, name="a"),
            gpu("kernel", 50, 60, 5, name="a", device=1),
            gpu("memcpy", 60, 70, 6, copy_kind="DtoD"),
        ]
    )
    (found,) = rows(made, "communication")
    assert (found["name"], found["exposed_ns"], found["overlapped_ns"], found["bytes"]) == ("all_gather", 60, 40, None)


def test_how_much_a_collective_carries_and_puts_on_the_link() -> None:
    # nccl-tests, PERFORMANCE.md
    assert (bus_factor("all_reduce", 4), bus_factor("all_gather", 4), bus_factor("broadcast", 4)) == (1.5, 0.75, 1.0)
    assert bus_factor("all_reduce", -1) is None and bus_factor(None, 4) is None
    assert (
        payload("all_gather", 10, 40) == payload("reduce_scatter", 40, 10) == 40 and payload("all_reduce", 10, 10) == 10
    )
    names = (
        "ncclDevKernel_ReduceScatter_Sum_bf16_RING_LL",
        "ncclKernel_SendRecv_RING_SIMPLE_Sum_int8_t",
        "nccl:all_to_all",
    )
    assert [operation(name) for name in names] == ["reduce_scatter", "send_recv", "all_to_all"]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("void at::native::reduce_kernel<512, 1, ReduceOp<float, Norm<float> > >(at::ReduceOp<float>)", "at::native::reduce_kernel"),
        ("matmul_k(float*, int)", "matmul_k"),
        ("triton_poi_fused_add_0", "triton_poi_fused_add_0"),
        ("std::enable_if<!(true), void>::type internal::gemv<int, (cublas)0>(Params)", "internal::gemv"),
        ("void (anonymous namespace)::k<void (*)(int), {lambda(int)#1}>(int)", "k"),
        ("<", "<"),
        ("(" * 50_000, "(" * 50_000),
    ],
)  # fmt: skip
def test_names_of_kernels_without_what_is_in_brackets(name, short) -> None:
    assert short_name(name) == short


def test_kernels_of_one_short_name_are_told_apart_by_what_they_differ_in():
    sums = "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, at::native::{}<float>, 4> >(int)"
    names = [
        sums.format("sum_functor"),
        sums.format("MeanOps"),
        "void at::native::fill<int>(int)",
        "void c::same<7>()",
        "same<7>",
    ]
    assert told_apart(names) == [
        "reduce_kernel [sum_functor]",
        "reduce_kernel [MeanOps]",
        "at::native::fill",
        "c::same",
        "same",
    ]
    assert told_apart(["k<1>()", "k<1>"]) == ["k", "k (2)"], "words don't tell these apart"
    assert told_apart([]) == []


@given(st.lists(st.text(alphabet="ab:<>() ,1", max_size=12), unique=True, max_size=12))
def test_no_two_kernels_are_called_the_same(names):
    labels = told_apart(names)
    assert len(set(labels)) == len(names)


def test_copies_of_pageable_memory_are_named() -> None:
    made = trace(
        [
            gpu("memcpy", 0, 1000, 1, name="Memcpy HtoD (Pageable -> Device)", copy_kind="HtoD", bytes=2 << 20),
            gpu("memcpy", 2000, 2100, 2, name="Memcpy HtoD (Pageable -> Device)", copy_kind="HtoD", bytes=100),
            gpu("memcpy", 3000, 3300, 3, name="Memcpy DtoH (Device -> Pinned)", copy_kind="DtoH"),
        ]
    )
    large, unsized, small = rows(made, "copies")
    assert (large["size_class"], large["pageable"], large["bandwidth_gb_s"]) == ("1 to 16 MiB", True, 2097.152)
    assert (small["size_class"], small["bandwidth_gb_s"], small["seen_gb_s"]) == ("under 64 KiB", 1.0, 2097.152)
    assert (unsized["size_class"], unsized["pageable"], unsized["bytes"], unsized["bandwidth_gb_s"]) == (
        None,
        False,
        None,
        None,
    )


def test_streams_that_work_at_once() -> None:
    made = trace(
        [gpu("kernel", 0, 10, 1), gpu("kernel", 5, 20, 2, stream=8), gpu("kernel", 5, 7, 3), gpu("kernel", 30, 40, 4)]
    )
    assert [(row["streams"], row["total_ns"]) for row in rows(made, "concurrency")] == [(0, 10), (1, 25), (2, 5)]
    assert [(row["stream"], row["busy_ns"], row["alone_ns"]) for row in rows(made, "streams")] == [
        ("7", 20, 15),
        ("8", 15, 10),
    ]


def test_a_call_behind_a_full_queue_is_blocked() -> None:
    made = [host("api", "cudaLaunchKernel", 10 * at, 10 * at + 5, correlation=at + 1) for at in range(1500)]
    made[1400] |= {"start_ns": 14_000, "end": 14_009}
    made.append(host("api", "cudaLaunchKernel", 15_000, 15_500, correlation=1501))
    work = [gpu("kernel", 20_000 + at, 20_001 + at, at + 1) for at in range(1501)]
    found = {row["in_flight"]: row for row in rows(trace([*made, *work]), "launch_queue")}
    assert list(found) == ["0", "1", "2 to 9", "10 to 99", "100 to 999", "1000 and more"]
    assert (found["1000 and more"]["launches"], found["1000 and more"]["held_up"]) == (501, 1)
    assert found["1000 and more"]["blocked_ns"] == 495 and found["0"]["launches"] == 1


def kineto(path: Path, events: list[dict[str, Any]]) -> Trace:
    path.write_bytes(gzip.compress(json.dumps({"schemaVersion": 1, "traceEvents": events}).encode()))
    return open_trace(path)


def sample(ts: float, size: int, allocated: int, device: int = 0, **more: Any) -> dict[str, Any]:
    args = {"Bytes": size, "Device Type": 1, "Device Id": device, "Total Allocated": allocated, "Total Reserved": 4096}
    return {
        "ph": "i",
        "cat": "cpu_instant_event",
        "s": "t",
        "name": "[memory]",
        "pid": 1,
        "tid": 1,
        "ts": ts,
        "args": args | more,
    }


OP = {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 1, "tid": 1, "ts": 1, "dur": 50}


def test_the_peak_of_an_allocator_and_when_it_was(tmp_path) -> None:
    events = [
        OP,
        sample(10, 512, 512),
        sample(30.5, 1024, 1536),
        sample(20, -512, 0),  # the file is in no order
        sample(40, -1024, 512),
        sample(41, 64, 64, 1, **{"Device Type": 0, "Total Reserved": 0}),
        {"ph": "i", "name": "[memory]", "ts": 42, "args": "none"},
        {"ph": "i", "name": "another", "ts": "x", "args": {"Bytes": 1}},
    ]
    made = kineto(tmp_path / "memory.json.gz", events)
    device, cpu = rows(made, "memory")
    assert device == {
        "device": "0",
        "allocations": 2,
        "releases": 2,
        "allocated_bytes": 1536,
        "peak_bytes": 1536,
        "peak_ns": 29_500,
        "peak_reserved_bytes": 4096,
        "last_bytes": 512,
    }
    assert (cpu["device"], cpu["peak_reserved_bytes"], cpu["last_bytes"]) == ("cpu", None, 64)
    assert len(made.problems) == 0


def test_ops_are_told_apart_by_shape_where_that_is_asked_for(tmp_path) -> None:
    shapes = ([[2, 3], [3, 4]], [[2, 3], [3, 4]], [[9, 9], [9, 9]])
    events = [OP | {"ts": 100 * at, "args": {"Input Dims": each}} for at, each in enumerate(shapes)]
    made = kineto(tmp_path / "shapes.json.gz", [*events, OP | {"ts": 900}])
    assert [(row["shapes"], row["calls"]) for row in rows(made, "operators")] == [(None, 4)]
    found = {row["shapes"]: row["calls"] for row in rows(made, "operators", by_shape=True)}
    assert found == {"[[2, 3], [3, 4]]": 2, "[[9, 9], [9, 9]]": 1, None: 1}
    assert not analyze(made).answers(["operators"], by_shape=True).tables["operators"].notes
    bare = kineto(tmp_path / "bare.json.gz", [OP | {"ts": 100}])
    (note,) = analyze(bare).answers(["operators"], by_shape=True).tables["operators"].notes
    assert "no shapes of inputs were recorded" in note


def test_modules_are_read_off_the_stack(tmp_path) -> None:
    def frame(name: str, ts: int, dur: int) -> dict[str, Any]:
        return {"ph": "X", "cat": "python_function", "name": name, "pid": 1, "tid": 1, "ts": ts, "dur": dur}

    events = [
        OP | {"ts": 20, "dur": 20},
        {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "ts": 25, "dur": 5}
        | {"args": {"correlation": 7}},
        {"ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "ts": 40, "dur": 4}
        | {"args": {"correlation": 7, "device": 0, "stream": 7}},
        frame("model.py(3): forward", 5, 80),
        frame("nn.Module: Model_0", 10, 70),
        frame("nn.Module: Linear_0", 20, 30),
        frame("nn.Module: Linear_0", 60, 10),
    ]
    made = kineto(tmp_path / "modules.json.gz", events)
    linear, model = rows(made, "modules")
    assert linear == {
        "name": "Linear_0",
        "calls": 2,
        "host_ns": 40_000,
        "host_self_ns": 40_000,
        "launches": 1,
        "gpu_ns": 4000,
        "share": 1.0,
    }
    assert (model["name"], model["host_ns"], model["host_self_ns"], model["launches"]) == ("Model_0", 70_000, 30_000, 0)
    assert made.problems["python-stack-left-out"] == 4, "they are no part of the time account"


def test_a_wait_is_told_by_the_line_of_python_that_makes_it(tmp_path) -> None:
    def call(category: str, name: str, ts: int, dur: int, tid: int = 1, **args: int) -> dict[str, Any]:
        return {"ph": "X", "cat": category, "name": name, "pid": 1, "tid": tid, "ts": ts, "dur": dur, "args": args}

    events = [
        call("python_function", "/home/ada/code/train.py(30): main", 0, 100),
        call("python_function", "/home/ada/code/train.py(33): log", 10, 20),
        call("python_function", "<built-in method item of Tensor object at 0x7f00>", 11, 18),
        call("cuda_runtime", "cudaLaunchKernel", 1, 2, correlation=9),
        call("kernel", "k", 5, 55, correlation=9, device=0, stream=7),
        call("cuda_runtime", "cudaStreamSynchronize", 12, 10, correlation=1),
        call("cuda_runtime", "cudaStreamSynchronize", 40, 10, correlation=2),
        call("cuda_runtime", "cudaStreamSynchronize", 40, 5, 2, correlation=3),
    ]
    made = kineto(tmp_path / "stack.json.gz", events)
    found = {row["frame"]: row["total_ns"] for row in rows(made, "syncs")}
    assert found == {"train.py(33): log": 10_000, "train.py(30): main": 10_000, None: 5000}
    without = kineto(tmp_path / "none.json.gz", events[3:])
    assert {row["frame"] for row in rows(without, "syncs")} == {None}


# -- what always holds

MOMENTS = st.integers(0, 40)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["op", "range", "api", "kernel", "nccl", "memcpy"]),
        MOMENTS,
        st.integers(0, 12),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=25,
)


def made_of(drawn: list[tuple[str, int, int, int]]) -> list[dict[str, Any]]:
    found = []
    for kind, start, length, which in drawn:
        end = start + length
        if kind in ("op", "range"):
            found.append(host(kind, f"{kind}{which}", start, end, thread=str(which % 2)))
        elif kind == "api":
            found.append(host("api", "cudaLaunchKernel", start, end, correlation=which, thread=str(which % 2)))
        else:
            name = "ncclDevKernel_Generic(x)" if kind == "nccl" else f"k{which}"
            found.append(gpu("memcpy" if kind == "memcpy" else "kernel", start, end, which, name=name, stream=which))
    return found


@costly
@given(EVENTS)
def test_parts_sum_to_the_whole(drawn) -> None:
    given_rows = made_of(drawn)
    made = analyze(trace(given_rows))
    work = [row for row in given_rows if row["kind"] in ("kernel", "memcpy")]
    kernels = [row for row in work if row["kind"] == "kernel"]
    length = sum(row["end"] - row["start_ns"] for row in kernels)
    found = rows(made, "kernels")
    assert sum(row["total_ns"] for row in found) == length and sum(row["count"] for row in found) == len(kernels)
    if length:
        assert sum(row["share"] for row in found) == pytest.approx(1)
    for row in rows(made, "communication"):
        assert row["exposed_ns"] + row["overlapped_ns"] == row["total_ns"]
        assert row["exposed_ns"] >= 0 and row["overlapped_ns"] >= 0
    ops = [row for row in given_rows if row["kind"] == "op"]
    opened = {(thread, at) for row in ops for thread in [row["thread"]] for at in range(row["start_ns"], row["end"])}
    operators = rows(made, "operators")
    assert sum(row["host_self_ns"] for row in operators) == len(opened)
    everything = sum(row["end"] - row["start_ns"] for row in work)
    assert sum(row["gpu_ns"] or 0 for row in operators) <= everything
    concurrent = rows(made, "concurrency")
    if concurrent:
        lasting = [row for row in work if row["end"] > row["start_ns"]]
        span = max(row["end"] for row in lasting) - min(row["start_ns"] for row in lasting)
        assert sum(row["total_ns"] for row in concurrent) == span
        assert sum(row["streams"] * row["total_ns"] for row in concurrent) == sum(
            row["busy_ns"] for row in rows(made, "streams")
        )
    for row in rows(made, "launch_queue"):
        assert row["total_ns"] >= 0 and row["launches"] >= 0


@given(st.lists(st.tuples(st.integers(0, 2), MOMENTS, st.integers(0, 20)), min_size=1, max_size=20))
def test_the_innermost_of_any_events_is_what_a_look_at_each_says(drawn) -> None:
    made = trace(
        [
            host("op", f"op{at}", start, start + length, thread=str(lane))
            for at, (lane, start, length) in enumerate(drawn)
        ]
    )
    rows_of = np.arange(len(drawn))
    opened = Opened(made.events, rows_of)
    thread = made.events["thread"].cat.codes.to_numpy().astype(np.int64)
    process = made.events["process"].cat.codes.to_numpy().astype(np.int64)
    spent: Counter[int] = Counter()
    for lane in set(thread.tolist()):
        for moment in range(62):
            here = [
                (start, -length, at)
                for at, (_, start, length) in enumerate(drawn)
                if thread[at] == lane and start <= moment < start + length
            ]
            expected = max(here)[2] if here else -1
            at = opened.at(process[:1], np.array([lane]), np.array([moment]))
            assert int(at[0]) == expected
            spent[expected] += 1
    assert [spent[at] for at in range(len(drawn))] == opened.self_ns.tolist()
