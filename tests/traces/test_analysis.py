"""What `analyze` says: of small tables by hand, and of recorded and made traces against facts found without launchlens."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traces.nsys_facts import FACTS

from events import events, gpu, host, trace
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.launches.ledger import ledger
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.source import open_trace
from launchlens.traces.trace import Trace
from traces import plain_analysis as plain
from traces import samples

#: By hand, from a look at each file with jq: kernels, their launching thread, and the device that is accounted for.
LANES = {
    samples.KINETO_OF_OTHERS[0]: (30, "24572", "0"),
    samples.KINETO_OF_OTHERS[1]: (79, "2869224", "0"),
    samples.KINETO_OF_OTHERS[2]: (1, "1670242", "0"),  # its ProfilerStep is from another process
    samples.KINETO_OF_OTHERS[3]: (14, "597913", "2"),
    samples.KINETO_OF_OTHERS[4]: (6, "2566", "0"),
}


def document(made: Trace, **more: Any) -> dict[str, Any]:
    """The analysis as a script reads it: through strict JSON, which knows no NaN."""
    found: dict[str, Any] = json.loads(json.dumps(as_plain(as_document(analyze(made, **more))), allow_nan=False))
    return found


# -- recordings and made traces


@pytest.fixture(params=[*samples.OURS, *samples.MADE, *samples.of_others()], scope="module")
def real(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], plain.Plain]:
    path = samples.sample(request.param, tmp_path_factory.mktemp("made"))
    return document(open_trace(path)), plain.read(path)


def test_totals_of_real_traces(real) -> None:
    found, rows = real
    assert found["totals"] == plain.totals(rows)


def test_problems_of_real_traces(real) -> None:
    found, rows = real
    problems = {row["code"]: (row["count"], row["severity"]) for row in found["problems"]}
    assert problems == plain.problems(rows)


def test_ranges_of_real_traces(real) -> None:
    found, rows = real
    assert found["ranges"] == plain.ranges(rows)


def test_launch_costs_of_real_traces(real) -> None:
    found, rows = real
    assert found["launch_cost"] == plain.launch_cost(rows)


def test_accounts_of_real_traces(real) -> None:
    found, rows = real
    account, totals = found["account"], found["totals"]
    assert account == plain.account(rows)
    assert account["window_ns"] == totals["last_ns"] - totals["first_ns"] == sum(row["ns"] for row in account["cells"])
    on_device = sum(cell["ns"] for cell in account["cells"] if cell["device"] != "idle")
    assert on_device == totals["gpu_busy_ns"][account["device"]]


def test_sources_of_real_traces(real) -> None:
    found, rows = real
    source = dict(found["source"])
    del source["path"]
    assert source == rows.source


@pytest.mark.parametrize("name", samples.of_others(LANES))
def test_which_lanes_are_accounted_for(name) -> None:
    found = document(open_trace(samples.published(name)))
    account = found["account"]
    assert (found["totals"]["kernels"]["count"], account["process"], account["device"]) == LANES[name]
    assert account["thread"] is None and [each["device"] for each in found["accounts"]] == [account["device"]]


@pytest.mark.parametrize("name", samples.of_others(FACTS))
def test_nsight_exports_against_facts_taken_by_hand(name) -> None:
    path = samples.published(name)
    facts = FACTS[name]
    found = document(open_trace(path))
    totals = found["totals"]
    for key in ("kernels", "gpu_busy_ns", "memcpy", "launches", "gpu_activities_without_launch"):
        assert totals[key] == facts[key]
    assert totals["memset"] == (facts["memset"] or {"count": 0, "bytes": 0, "total_ns": 0})
    assert sum(row["queue_ns"]["count"] for row in found["launch_cost"]) == facts["queued"]
    calls = {name: (count, spent) for name, (count, spent) in facts["api"].items()}
    by_api: dict[str, tuple[int, int]] = {}
    for row in found["launch_cost"]:
        count, spent = by_api.get(row["api"], (0, 0))
        by_api[row["api"]] = (count + row["count"], spent + row["api_total_ns"])
    assert by_api == {api: calls[api] for api in by_api}
    assert found["account"]["thread"] is None and found["account"]["device"] == "0"
    alone = document(open_trace(path), thread=facts["thread"])
    assert alone["account"]["thread"] == facts["thread"] and alone["accounts"] == [alone["account"]]
    assert found["source"] == {
        "path": str(path),
        "recorded_by": "nsys",
        "recorded_by_version": facts["version"],
        "bytes": facts["bytes"],
        "devices": {str(number): device for number, device in facts["devices"].items()},
    }


# -- small tables


LAUNCH = host("api", "cudaLaunchKernel", 10, 20, correlation=1)


def test_without_gpu_records_everything_of_the_gpu_is_null() -> None:
    found = document(trace([host("range", "step", 0, 50), LAUNCH, host("api", "cudaMemcpyAsync", 30, 31)]))
    totals = found["totals"]
    for key in ("kernels", "gpu_busy_ns", "memcpy", "memset", "gpu_activities_without_launch"):
        assert totals[key] is None
    assert totals["launches"]["kernel"] == {"calls": 1, "with_gpu_activity": None, "without_gpu_activity": None}
    assert [problem["code"] for problem in found["problems"]] == ["no-gpu-records"]
    (row,) = found["ranges"]
    for key in ("gpu_projection_ns", "kernels", "memcpys", "memsets", "gpu_ns"):
        assert row[key] is None
    assert (row["host_ns"], row["instances"], row["launches"]) == (50, 1, 2)
    for cost in found["launch_cost"]:
        assert cost["activity"] is None and cost["gpu_ns"] is None
        assert cost["queue_ns"] == {"count": 0, "median": None, "mean": None, "min": None, "max": None}
    assert found["account"]["device"] is None
    assert {cell["device"] for cell in found["account"]["cells"]} == {None}


HOST_ONLY = [host("op", "aten::add", 0, 50)]


@pytest.mark.parametrize("devices", [{}, {0: "NVIDIA H200"}])
def test_a_trace_of_the_host_alone_knows_nothing_of_a_gpu(devices) -> None:
    found = document(replace(trace(HOST_ONLY), devices=devices))  # nsys lists the machine's GPUs in any case
    for key in ("kernels", "gpu_busy_ns", "memcpy", "memset", "gpu_activities_without_launch"):
        assert found["totals"][key] is None
    assert found["problems"] == []


@pytest.mark.parametrize(
    "made",
    [replace(trace(HOST_ONLY), looked_for_gpu=True), trace([*HOST_ONLY, host("api", "cudaMalloc", 10, 20)])],
    ids=["its reader says so", "CUDA recorded"],
)
def test_without_launches_and_gpu_work_nothing_is_missing(made) -> None:
    found = document(made)
    assert found["totals"]["kernels"] == {"count": 0, "total_ns": 0, "busy_ns": {}}
    assert found["totals"]["memcpy"] == {} and found["totals"]["gpu_busy_ns"] == {}
    assert (found["problems"], found["ranges"], found["launch_cost"], found["account"]) == ([], [], [], None)


def test_an_empty_table_has_no_span() -> None:
    found = document(Trace(Path("empty.json"), "kineto", None, 0, events([]), Problems()))
    assert (found["totals"]["first_ns"], found["totals"]["last_ns"], found["totals"]["events"]) == (None, None, 0)
    assert found["account"] is None


def test_devices_are_strings_and_kernels_that_overlap_count_once_in_busy_time() -> None:
    found = document(
        trace([LAUNCH, gpu("kernel", 20, 30, 1), gpu("kernel", 25, 40, 1), gpu("kernel", 25, 26, 1, device=3)])
    )
    assert found["totals"]["kernels"] == {"count": 3, "total_ns": 26, "busy_ns": {"0": 20, "3": 1}}
    assert found["account"]["device"] == "0"


def test_costs_are_whole_ns_and_queue_time_counts_only_what_waited() -> None:
    rows = [
        host("api", "cudaLaunchKernel", 0, 10, correlation=1),
        host("api", "cudaLaunchKernel", 20, 31, correlation=2),
        host("api", "cudaLaunchKernel", 40, 44, correlation=3),
        host("api", "cudaLaunchKernel", 50, 60, correlation=4),  # nothing recorded
        gpu("kernel", 12, 15, 1),
        gpu("kernel", 30, 40, 2),  # began while the call still ran
        gpu("kernel", 47, 48, 3),
        gpu("memcpy", 70, 71, 9, copy_kind="DtoD"),
        gpu("memcpy", 71, 73, 9, bytes=8),
    ]
    found = document(trace(rows))
    kernel, nothing = found["launch_cost"]
    assert kernel == {
        "api": "cudaLaunchKernel",
        "activity": "kernel",
        "count": 3,
        "api_total_ns": 25,
        "api_ns": {"median": 10, "mean": 8, "min": 4, "max": 11},
        "queue_ns": {"count": 2, "median": 2, "mean": 2, "min": 2, "max": 3},  # 2.5 to the even neighbour
        "gpu_ns": {"median": 3, "mean": 5, "min": 1, "max": 10},
    }
    assert (nothing["activity"], nothing["count"], nothing["gpu_ns"]) == (None, 1, None)
    assert found["totals"]["gpu_activities_without_launch"] == {"kernel": 0, "memcpy": 2, "memset": 0}
    assert found["totals"]["launches"]["kernel"] == {"calls": 4, "with_gpu_activity": 3, "without_gpu_activity": 1}
    assert found["totals"]["memcpy"] == {
        "DtoD": {"count": 1, "bytes": None, "total_ns": 1},  # bytes not recorded
        "unknown": {"count": 1, "bytes": 8, "total_ns": 2},
    }


def test_nested_ranges_both_own_the_work_and_another_thread_s_does_not() -> None:
    rows = [
        host("range", "outer", 0, 100),
        host("range", "inner", 5, 30),
        LAUNCH,
        host("api", "cudaMemsetAsync", 40, 41, correlation=2),
        host("api", "cudaLaunchKernel", 12, 13, correlation=3, thread="2"),
        gpu("kernel", 25, 35, 1),
        gpu("memset", 90, 95, 2, bytes=4),
        gpu("kernel", 25, 99, 3),
    ]
    outer, inner = document(trace(rows))["ranges"]
    assert outer == {
        "name": "outer",
        "names": 1,
        "instances": 1,
        "host_ns": 100,
        "gpu_projection_ns": 70,
        "launches": 2,
        "kernels": 1,
        "memcpys": 0,
        "memsets": 1,
        "gpu_ns": 15,
        "launches_all_threads": 3,
        "kernels_all_threads": 2,
        "gpu_ns_all_threads": 89,
        "launches_linked": None,
        "kernels_linked": None,
        "gpu_ns_linked": None,
    }
    assert (inner["launches"], inner["gpu_projection_ns"], inner["gpu_ns"]) == (1, 10, 10)


def test_an_account_of_a_range_covers_its_instances_and_an_unknown_range_is_refused() -> None:
    made = trace([host("range", "a", 0, 30), host("range", "a", 40, 60), LAUNCH, gpu("kernel", 25, 45, 1)])
    account = document(made, range_name="a")["account"]
    assert (account["windows"], account["window_ns"]) == (2, 50)
    assert sum(cell["ns"] for cell in account["cells"] if cell["device"] == "kernel") == 5 + 5
    with pytest.raises(InputError, match=r"holds no range 'b' \(its ranges: 'a'\)"):
        analyze(made, range_name="b")


def test_projections_that_int64_can_not_sum_are_summed_all_the_same() -> None:
    far = 2**61
    rows = []
    for at in range(8):
        rows += [
            host("range", "step", 10 * at, 10 * at + 9),
            host("api", "cudaLaunchKernel", 10 * at + 1, 10 * at + 2, correlation=at + 1),
            gpu("kernel", 10 * at + 3, 10 * at + 4, at + 1),
            gpu("kernel", far, far + 1, at + 1),
        ]
    (row,) = document(trace(rows))["ranges"]
    assert row["gpu_projection_ns"] == sum(far + 1 - (10 * at + 3) for at in range(8)) > 2**63


def test_many_distinct_names_take_no_quadratic_time() -> None:
    count = 20_000
    rows = []
    for at in range(count):
        rows.append(host("api", f"zeSubmit{at}", 10 * at, 10 * at + 2, correlation=at + 1))
        rows.append(gpu("memcpy", 10 * at + 3, 10 * at + 5, at + 1, copy_kind=f"kind {at}", device=at, bytes=1))
    made = trace(rows)
    began = time.process_time()
    analysis = analyze(made)
    found = as_plain(as_document(analysis))
    kinds = ledger(analysis.joined.launches, np.arange(count), analysis.joined.hardware_queue)
    assert time.process_time() - began < 10, "it took three times that when every name was looked for in every row"
    assert len(found["totals"]["memcpy"]) == len(found["launch_cost"]) == len(kinds) == count
    assert set(found["totals"]["gpu_busy_ns"].values()) == {2}
    assert list(kinds[0].queue_ns) == [found["launch_cost"][0]["queue_ns"]["median"]] == [1]
