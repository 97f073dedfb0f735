"""What was not recorded is null and said, never 0: the GPU of a CPU-only profile, of an accelerator nobody describes, ..."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from traces.made_nsys import call, export
from traces.test_light_reader import write_events

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.source import open_trace


def analysis(path: Path) -> dict[str, Any]:
    return as_plain(as_document(analyze(open_trace(path))))


def problems(found: dict[str, Any]) -> dict[str, tuple[int, str]]:
    return {row["code"]: (row["count"], row["severity"]) for row in found["problems"]}


def kineto(folder: Path, *events: dict[str, Any], gpu: str | None = "GPU") -> Path:
    path = folder / "trace.json"
    devices = [] if gpu is None else [{"id": 0, "name": gpu}]
    path.write_text(json.dumps({"schemaVersion": 1, "deviceProperties": devices, "traceEvents": events}))
    return path


def event(category: str, name: str, ts: float, dur: float, **args: Any) -> dict[str, Any]:
    return {"ph": "X", "cat": category, "name": name, "pid": 100, "tid": 100, "ts": ts, "dur": dur, "args": args}


OF_THE_GPU = ("kernels", "gpu_busy_ns", "memcpy", "memset", "gpu_activities_without_launch")
OP = event("cpu_op", "aten::mm", 1000, 40)


def assert_gpu_is_null(found: dict[str, Any]) -> None:
    assert [found["totals"][key] for key in OF_THE_GPU] == [None] * len(OF_THE_GPU)
    for counted in found["totals"]["launches"].values():
        assert (counted["with_gpu_activity"], counted["without_gpu_activity"]) == (None, None)
    for row in found["ranges"]:
        assert (row["kernels"], row["gpu_ns"], row["gpu_projection_ns"]) == (None, None, None)


def test_a_profile_of_the_cpu_alone_on_a_machine_with_a_gpu(tmp_path) -> None:
    found = analysis(kineto(tmp_path, OP, event("user_annotation", "ProfilerStep#3", 990, 300)))
    assert_gpu_is_null(found)
    assert problems(found) == {"gpu-not-recorded": (1, "info")}


def test_a_machine_without_a_gpu_lacks_nothing(tmp_path) -> None:
    found = analysis(kineto(tmp_path, OP, gpu=None))
    assert_gpu_is_null(found)
    assert problems(found) == {}


def test_a_recorder_that_looked_and_saw_no_launch_counts_none(tmp_path) -> None:
    found = analysis(kineto(tmp_path, OP, event("cuda_runtime", "cudaDeviceSynchronize", 1100, 5)))
    assert found["totals"]["kernels"]["count"] == 0 and problems(found) == {}


def test_calls_of_an_accelerator_that_nobody_describes(tmp_path) -> None:
    found = analysis(kineto(tmp_path, OP, event("mtia_runtime", "runKernelGroup", 1010, 5, correlation=1)))
    assert_gpu_is_null(found)
    assert problems(found) == {"gpu-not-recorded": (1, "info")}


@pytest.mark.parametrize(
    ("category", "launch", "copy", "wait"),
    [
        ("xpu_runtime", "urEnqueueKernelLaunchWithArgsExp", "urEnqueueUSMMemcpy", "urQueueFinish"),
        ("musa_runtime", "musaLaunchKernel", "musaMemcpyAsync", "musaDeviceSynchronize"),
    ],
)
def test_launches_of_other_makers_without_gpu_rows(tmp_path, category, launch, copy, wait) -> None:
    calls = [event(category, launch, 1000 + 50 * each, 4, correlation=each) for each in range(1, 5)]
    calls += [event(category, copy, 1300, 6, correlation=77), event(category, wait, 1330, 100, correlation=78)]
    found = analysis(kineto(tmp_path, *calls))
    assert_gpu_is_null(found)
    assert found["totals"]["launches"]["kernel"]["calls"] == 4 and found["totals"]["launches"]["memcpy"]["calls"] == 1
    assert problems(found) == {"no-gpu-records": (5, "error")}
    states = {cell["host"]: cell["ns"] for cell in found["account"]["cells"]}
    assert states["sync"] == 100_000 and {cell["device"] for cell in found["account"]["cells"]} == {None}


def diagnosed(folder: Path, *said: tuple[int, str]) -> Path:
    rows = [{"timestamp": 1, "severity": severity, "text": text} for severity, text in said]
    path = export(folder / "report.sqlite", runtime=[call("cuCtxCreate_v4", 100, 200, 1)])
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE DIAGNOSTIC_EVENT (timestamp INTEGER, severity INTEGER, text TEXT)")
    db.executemany("INSERT INTO DIAGNOSTIC_EVENT VALUES (:timestamp, :severity, :text)", rows)
    db.commit()
    db.close()
    return path


LOST = "Not all CUDA events might have been collected."


def test_nsight_says_itself_that_cuda_events_may_be_missing(tmp_path) -> None:
    found = analysis(diagnosed(tmp_path, (2, LOST), (1, "CUDA injection initialized successfully.")))
    assert_gpu_is_null(found)
    assert problems(found) == {"recorder-lost-events": (1, "warning"), "gpu-not-recorded": (1, "info")}
    assert found["problems"][0]["meaning"].endswith("of those it has: Not all CUDA events might have been collected.")


@pytest.mark.parametrize("said", [(2, "Not all NVTX events might have been collected."), (1, LOST)])
def test_what_nsight_says_of_ranges_or_in_passing_takes_nothing_from_the_gpu(tmp_path, said) -> None:
    found = analysis(diagnosed(tmp_path, said))
    assert found["totals"]["kernels"]["count"] == 0 and problems(found) == {}


def test_the_light_recorder_never_sees_a_gpu(tmp_path) -> None:
    found = analysis(write_events(tmp_path / "eager.parquet"))
    assert_gpu_is_null(found)
    assert problems(found) == {"gpu-not-recorded": (1, "info")}
    assert found["totals"]["launches"]["memcpy"]["calls"] == 1
