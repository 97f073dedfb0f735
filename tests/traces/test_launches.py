"""Launches join their GPU work by correlation id: once, one to many, and never by chance."""

import pytest

from events import events, gpu, host
from launchlens.traces.launches.apis import submits, waits
from launchlens.traces.launches.join import find_launches
from launchlens.traces.problems import Problems


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
