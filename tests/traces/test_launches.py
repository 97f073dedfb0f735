"""Launches join their GPU work by correlation id: once, one to many, and never by chance."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

import made_cupti
from events import events, gpu, host
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.launches.apis import submits, waits
from launchlens.traces.launches.join import find_launches
from launchlens.traces.problems import Problems
from launchlens.traces.source import open_trace
from traces import made_nsys


def launches(rows):
    problems = Problems()
    return find_launches(events(rows), problems), problems


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("cudaLaunchKernel", "kernel"),
        ("cudaLaunchKernelExC_v11060", "kernel"),
        ("cuLaunchKernelEx", "kernel"),
        ("cuLaunchKernel_ptsz", "kernel"),
        ("cudaLaunchKernel_v7000", "kernel"),
        ("hipExtModuleLaunchKernel", "kernel"),
        ("hipLaunchKernel", "kernel"),
        ("hipMemcpyWithStream", "memcpy"),
        ("cudaMemcpyAsync_v3020", "memcpy"),
        ("cudaMemcpyBatchAsync", "memcpy"),
        ("cuMemcpyHtoDAsync_v2", "memcpy"),
        ("cudaMemsetAsync", "memset"),
        ("cuMemsetD8Async", "memset"),
        ("cudaGraphLaunch_v10000", "graph"),
        ("cuGraphLaunch", "graph"),
        ("cudaLaunchHostFunc", None),
        ("cudaDeviceSynchronize", None),
        ("cudaMemcpyToSymbol", "memcpy"),
        ("cudaGraphAddMemcpyNode", None),
        ("cudaOccupancyMaxActiveBlocksPerMultiprocessor", None),
        ("cuMemAlloc_v2", None),
        ("musaLaunchKernel", "kernel"),
        ("muLaunchKernel", "kernel"),
        ("musaMemcpyAsync", "memcpy"),
        ("musaMemsetAsync", "memset"),
        ("urEnqueueKernelLaunch", "kernel"),
        ("urEnqueueKernelLaunchWithArgsExp", "kernel"),
        ("urEnqueueCooperativeKernelLaunchExp", "kernel"),
        ("urEnqueueUSMMemcpy", "memcpy"),
        ("urEnqueueMemBufferCopy", "memcpy"),
        ("urEnqueueUSMFill", "memset"),
        ("piEnqueueKernelLaunch", "kernel"),
        ("zeCommandListAppendLaunchKernel", "kernel"),
        ("zeCommandListAppendMemoryCopy", "memcpy"),
        ("zeCommandListAppendMemoryFill", "memset"),
        ("urQueueFinish", None),
        ("urUSMDeviceAlloc", None),
    ],
)
def test_a_name_says_what_a_call_submits(name, what):
    assert submits(name) == what


def test_names_of_calls_that_wait():
    assert [waits(name) for name in ("cudaStreamSynchronize", "cuCtxSynchronize", "hipDeviceSynchronize_spt")] == [
        True
    ] * 3
    others = (
        "urQueueFinish",
        "urEventWait",
        "zeCommandQueueSynchronize",
        "zeEventHostSynchronize",
        "musaDeviceSynchronize",
    )
    assert all(map(waits, others))
    assert [waits(name) for name in ("cudaStreamWaitEvent", "cudaEventRecord", "cudaMemcpyAsync")] == [False] * 3


def test_one_call_may_cause_many_activities():
    found, problems = launches(
        [
            host("api", "cudaGraphLaunch", 0, 10, correlation=1),
            gpu("kernel", 20, 25, 1),
            gpu("memcpy", 26, 30, 1, copy_kind="DtoD"),
            gpu("kernel", 15, 17, 1),
        ]
    )
    row = found.table.iloc[0]
    assert (row["submits"], row["activity"], row["activities"], row["kernels"], row["memcpys"]) == (
        "graph",
        "graph",
        3,
        2,
        1,
    )
    assert (row["gpu_start_ns"], row["gpu_end_ns"], row["gpu_ns"]) == (15, 30, 5 + 4 + 2)
    assert len(problems) == 0


def test_runtime_and_driver_rows_of_one_launch_count_once():
    found, _ = launches(
        [
            host("api", "cudaLaunchKernel", 0, 10, correlation=1),
            host("api", "cuLaunchKernel", 2, 8, correlation=1, layer="driver"),
            gpu("kernel", 12, 20, 1),
        ]
    )
    assert list(found.table["api"]) == ["cudaLaunchKernel"]
    assert list(found.table["activities"]) == [1]


def test_a_call_with_an_unknown_name_is_a_launch_if_it_caused_work():
    found, _ = launches([host("api", "zeNewLaunch", 0, 5, correlation=3), gpu("memset", 6, 7, 3)])
    assert list(found.table["submits"]) == ["memset"]
    found, _ = launches([host("api", "cudaMalloc", 0, 5, correlation=3), gpu("kernel", 6, 7, 4)])
    assert len(found.table) == 0


def test_what_does_not_join_is_counted():
    found, problems = launches(
        [
            host("api", "cudaLaunchKernel", 0, 5, correlation=1),
            gpu("kernel", 10, 12, 9),
            gpu("kernel", 12, 14),
        ]
    )
    assert problems["launch-without-gpu-record"] == 1
    assert problems["gpu-record-without-launch"] == 1, "one without any correlation id is the reader's problem"
    assert list(found.joined_rows) == [] and list(found.orphan_rows) == [1, 2]


def test_a_trace_without_gpu_records_says_so_once():
    _, problems = launches([host("api", "cudaLaunchKernel", 0, 5, correlation=1)])
    assert {problem.code: problem.severity for problem in problems} == {"no-gpu-records": "error"}


def test_an_id_that_names_two_calls_gives_its_work_to_neither():
    found, problems = launches(
        [
            host("api", "cudaLaunchKernel", 0, 5, correlation=1),
            host("api", "cudaLaunchKernel", 50, 55, correlation=1, process="2"),
            gpu("kernel", 10, 12, 1),
        ]
    )
    assert list(found.joined_rows) == [] and list(found.orphan_rows) == [2]
    assert problems["correlation-id-repeats"] == 1


def test_a_call_that_waits_is_no_launch_where_its_id_is_a_launch_s_as_well():
    found, problems = launches(
        [
            host("api", "cudaLaunchKernel", 0, 5, correlation=1),
            host("api", "cudaLaunchKernel", 10, 15, correlation=1),
            host("api", "cudaStreamSynchronize", 50, 55, correlation=1),
            host("api", "cudaLaunchKernel", 56, 58, correlation=2),
            gpu("kernel", 60, 65, 1),
            gpu("kernel", 66, 68, 2),
        ]
    )
    assert list(found.table["api"]) == ["cudaLaunchKernel"] * 3 and list(found.table["activities"]) == [0, 0, 1]
    assert list(found.joined_rows) == [5] and problems["correlation-id-repeats"] == 1


def test_ids_are_told_apart_by_process_where_device_rows_name_one():
    found, problems = launches(
        [
            host("api", "cudaLaunchKernel", 0, 5, correlation=1),
            host("api", "cudaLaunchKernel", 1, 6, correlation=1, process="2"),
            gpu("kernel", 10, 12, 1, process="2"),
        ]
    )
    assert list(found.table["activities"]) == [0, 1]
    assert problems["correlation-id-repeats"] == 0


def test_queue_time_counts_only_work_that_starts_after_the_call():
    found, problems = launches(
        [
            host("api", "cudaLaunchKernel", 0, 10, correlation=1),
            gpu("kernel", 13, 20, 1),
            host("api", "cudaLaunchKernel", 20, 40, correlation=2),
            gpu("kernel", 30, 35, 2),
            host("api", "cudaLaunchKernel", 50, 60, correlation=3),
            gpu("kernel", 45, 48, 3),
        ]
    )
    assert list(found.queue_ns[found.queued]) == [3]
    assert problems["gpu-start-before-launch"] == 1


def test_a_graph_recorded_whole_joins_its_launch_and_counts_as_no_kernel():
    found, problems = launches(
        [
            host("api", "cudaGraphLaunch", 0, 10, correlation=1),
            host("api", "cudaGraphLaunch", 10, 20, correlation=2),
            gpu("graph", 30, 50, 1),
        ]
    )
    row = found.table.iloc[0]
    assert (row["submits"], row["activity"], row["activities"], row["gpu_ns"]) == ("graph", "graph", 1, 20)
    assert (row["kernels"], row["memcpys"], row["memsets"]) == (0, 0, 0)
    assert problems["launch-without-gpu-record"] == 1 and not problems["gpu-record-without-launch"]


@pytest.mark.parametrize("of", [{"process": "2", "thread": "9"}, {"thread": "9"}])
def test_a_call_of_another_thread_is_never_the_inner_row_of_a_launch(of):
    found, problems = launches(
        [
            host("api", "cudaLaunchKernel", 10, 30, correlation=5, process="1", thread="1"),
            host("api", "cudaLaunchKernel", 12, 17, correlation=5, **{"process": "1", **of}),
            gpu("kernel", 40, 50, 5, process=None),
            gpu("kernel", 50, 60, 5, process=None),
        ]
    )
    assert list(found.table["activities"]) == [0, 0]
    assert problems["correlation-id-repeats"] == 2 and len(found.joined_rows) == 0


@pytest.mark.parametrize(
    ("driver", "calls"),
    [
        ((11, 16), ["cudaLaunchKernel"]),
        ((10, 16), ["cudaLaunchKernel"]),  # cut so that the driver's row is the longer one
        ((9, 14), ["cudaLaunchKernel"]),
        ((11, 17), ["cudaLaunchKernel", "cuLaunchKernel"]),
        ((15, 16), ["cudaLaunchKernel", "cuLaunchKernel"]),
    ],
)
def test_whole_microseconds_let_the_driver_s_row_stick_out_of_the_runtime_s(driver, calls):
    low, high = driver
    found, problems = launches(
        [
            host("api", "cudaLaunchKernel", 10_000, 15_000, correlation=1),
            host("api", "cuLaunchKernel", low * 1000, high * 1000, correlation=1, layer="driver"),
            gpu("kernel", 20_000, 30_000, 1),
        ]
    )
    assert list(found.table["api"]) == calls
    assert list(found.table["activities"]) == ([1] if len(calls) == 1 else [0, 0])
    assert problems["correlation-id-repeats"] == len(calls) - 1


def test_work_that_starts_the_moment_its_call_ends_was_queued_for_no_time():
    found, _ = launches([host("api", "cudaLaunchKernel", 0, 10, correlation=1), gpu("kernel", 10, 20, 1)])
    assert list(found.queue_ns[found.queued]) == [0]


@pytest.mark.parametrize(("start", "early"), [(4, 1), (5, 0), (6, 0)])
def test_only_work_that_starts_before_its_call_is_a_problem(start, early):
    _, problems = launches([host("api", "cudaLaunchKernel", 5, 10, correlation=1), gpu("kernel", start, 20, 1)])
    assert problems["gpu-start-before-launch"] == early


def test_events_of_no_length_are_launches_and_work_all_the_same():
    found, problems = launches([host("api", "cudaLaunchKernel", 5, 5, correlation=1), gpu("kernel", 9, 9, 1)])
    assert list(found.table["activities"]) == [1] and len(problems) == 0
    assert (found.table["gpu_ns"].iloc[0], found.table["gpu_start_ns"].iloc[0]) == (0, 9)


# -- ids that repeat


def _of_kineto(folder: Path, calls, work) -> Path:
    events = [
        {
            "ph": "X",
            "cat": "cuda_runtime",
            "name": name,
            "pid": 1,
            "tid": 1,
            "ts": start,
            "dur": 5.0,
            "args": {"correlation": number},
        }
        for name, start, number in calls
    ] + [
        {
            "ph": "X",
            "cat": {"memcpy": "gpu_memcpy"}.get(kind, kind),
            "name": kind,
            "pid": 0,
            "tid": 7,
            "ts": start,
            "dur": 5.0,
        }
        | {"args": {"correlation": number, "device": 0, "stream": 7}}
        for kind, start, number in work
    ]
    (folder / "trace.json").write_text(json.dumps({"schemaVersion": 1, "traceEvents": events}))
    return folder / "trace.json"


def _of_nsys(folder: Path, calls, work) -> Path:
    rows: dict[str, list[dict[str, Any]]] = {
        kind: [made_nsys.on_gpu(start, start + 5, number) for each, start, number in work if each == kind]
        for kind in ("kernel", "memcpy")
    }
    runtime = [made_nsys.call(f"{name}_v7000", start, start + 5, number) for name, start, number in calls]
    return made_nsys.export(folder / "trace.sqlite", "2026", runtime=runtime, **{k: v for k, v in rows.items() if v})


def _of_tables(folder: Path, calls, work) -> Path:
    return made_nsys.as_parquet(_of_nsys(folder, calls, work), folder / "tables")


def _of_cupti(folder: Path, calls, work) -> Path:
    rows = [made_cupti.call(name, start, start + 5, number) for name, start, number in calls]
    rows += [made_cupti.on_gpu(kind, start, start + 5, number) for kind, start, number in work]
    return made_cupti.recording(folder / "trace.parquet", rows)


@pytest.mark.parametrize("recorded", [_of_kineto, _of_nsys, _of_tables, _of_cupti])
def test_launches_are_counted_alike_everywhere_whatever_ids_repeat(recorded, tmp_path) -> None:
    """Each of these has an id of several calls, or of a call that launches nothing: it is one launch, or none, in every table."""
    names = ("cudaLaunchKernel", "cudaStreamSynchronize", "cudaMemcpyAsync", "cudaGraphLaunch", "cudaEventQuery")
    random = Random(11)
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        calls = [(random.choice(names), 10 * at, random.choice((1, 1, 2, 3))) for at in range(6)]
        work = [(random.choice(("kernel", "memcpy")), 10 * at + 7, random.choice((1, 2, 4))) for at in range(4)]
        found = as_plain(as_document(analyze(open_trace(recorded(folder, calls, work)))))
        launches = found["totals"]["launches"].values()
        assert sum(row["count"] for row in found["launch_cost"]) == sum(each["calls"] for each in launches), (
            calls,
            work,
        )
