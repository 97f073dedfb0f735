"""Traces that others write in Kineto's format or words: XLA's, Proton's, XPU's and MUSA's are read, what they lack is said."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.problems import InputError
from launchlens.traces.scrub.scrub import scrub
from launchlens.traces.source import open_trace


def analysis(path: Path) -> dict[str, Any]:
    return as_plain(as_document(analyze(open_trace(path))))


def problems(found: dict[str, Any]) -> dict[str, int]:
    return {row["code"]: row["count"] for row in found["problems"] if row["code"] != "table-absent"}


def named(pid: Any, name: str, tid: Any = None) -> dict[str, Any]:
    what = "process_name" if tid is None else "thread_name"
    return {"ph": "M", "pid": pid, "name": what, "args": {"name": name}} | ({} if tid is None else {"tid": tid})


def span(pid: Any, tid: Any, name: str, ts: float, dur: float, **args: Any) -> dict[str, Any]:
    return {"ph": "X", "pid": pid, "tid": tid, "ts": ts, "dur": dur, "name": name, "args": args}


def xla() -> list[dict[str, Any]]:
    """Two launches and a copy by a step of JAX, as XLA's profiler writes them."""
    return [
        named(1, "/device:GPU:0"),
        named(1, "Stream #13(Compute)", 13),
        named(1, "Stream #14(MemcpyH2D)", 14),
        named(1, "XLA Ops", 20),
        named(1, "XLA Modules", 21),
        named(701, "/host:CPU"),
        named(701, "python", 9),
        span(701, 9, "$train.py:12 step", 900, 300),
        span(701, 9, "PjitFunction(f)", 980, 100),
        span(701, 9, "cuLaunchKernel", 990, 3, correlation_id="40"),
        span(701, 9, "cuLaunchKernel", 1010, 3, correlation_id="41"),
        span(701, 9, "cuMemcpyHtoDAsync_v2", 1020, 3, correlation_id="42"),
        span(1, 13, "fusion_0", 1000.5, 5.25, correlation_id="40", hlo_module="jit_f", kernel_details="regs:32"),
        span(1, 13, "fusion_1", 1020.5, 5.25, correlation_id="41", hlo_module="jit_f"),
        span(1, 14, "MemcpyH2D", 1030, 2, correlation_id="42", memcpy_details="kind_src:host size:64"),
        span(1, 13, "Memset", 1040, 1),
        span(1, 20, "fusion.0", 1000.5, 5.25, hlo_module="jit_f"),
        span(1, 21, "jit_f(1)", 1000.5, 40),
        {},
    ]


@pytest.mark.parametrize("name", ["host.trace.json.gz", "perfetto_trace.json.gz"])
def test_a_trace_of_jax_is_read_as_xlas(tmp_path, name) -> None:
    path = tmp_path / name
    about = {"displayTimeUnit": "ns", "metadata": {"highres-ticks": True}}
    path.write_bytes(gzip.compress(json.dumps(about | {"traceEvents": xla()}).encode()))
    found = analysis(path)
    assert found["source"]["recorded_by"] == "xla"
    totals = found["totals"]
    assert totals["kernels"] == {"count": 2, "total_ns": 10_500, "busy_ns": {"0": 10_500}}
    assert totals["memcpy"]["HtoD"]["count"] == 1 and totals["memset"]["count"] == 1
    for kind, calls in (("kernel", 2), ("memcpy", 1)):
        counted = totals["launches"][kind]
        assert (counted["calls"], counted["with_gpu_activity"]) == (calls, calls)
    assert problems(found) == {"python-stack-left-out": 1, "work-said-again": 2, "missing-correlation": 1}
    (said,) = (row["meaning"] for row in found["problems"] if row["code"] == "work-said-again")
    assert "/device:GPU:0 XLA Ops; /device:GPU:0 XLA Modules" in said
    events = open_trace(path).events
    assert set(events.loc[events["kind"] == "kernel", "stream"]) == {13}
    assert list(events.loc[events["kind"] == "op", "name"]) == ["PjitFunction(f)"]
    scrub(path, tmp_path / "copy.json")
    assert analysis(tmp_path / "copy.json")["totals"] == totals


def kernel(name: str, ts: float, dur: float, tid: int, **more: Any) -> dict[str, Any]:
    event = {"args": {"call_stack": ["ROOT", "layer", name]}, "cat": "kernel", "dur": dur, "name": name}
    return event | {"ph": "X", "tid": tid, "ts": ts} | more


def test_a_trace_of_proton_is_a_document_a_stream(tmp_path) -> None:
    streams = [[kernel("matmul", 0.0, 3.5, 0), kernel("softmax", 5.0, 1.25, 0)], [kernel("copy", 4.0, 2.0, 7)]]
    documents = [{"displayTimeUnit": "us", "traceEvents": each} for each in streams]
    path = tmp_path / "proton.chrome_trace"
    path.write_text("".join(json.dumps(each, separators=(",", ":")) + "\n" for each in documents))
    found = analysis(path)
    assert found["source"]["recorded_by"] == "proton"
    assert found["totals"]["kernels"] == {"count": 3, "total_ns": 6_750, "busy_ns": {}}
    assert problems(found) == {"missing-correlation": 3, "device-not-named": 3}
    assert found["verdict"]["sentence"] == "What limits this is not known: the GPU work names no device."
    events = open_trace(path).events
    assert events["stream"].tolist() == [0, 0, 7] and events["device"].isna().all()
    scrub(path, tmp_path / "copy.json")
    assert analysis(tmp_path / "copy.json")["totals"] == found["totals"]


def test_scopes_of_proton_are_ranges(tmp_path) -> None:
    events = [
        *(
            named(0, "Trace"),
            named(0, "CPU Thread 5", 11),
            named(0, "Graph: Stream 7", 22),
            named(0, "GPU Stream 7", 33),
        ),
        {"args": {}, "cat": "scope", "dur": 9.0, "name": "layer", "ph": "X", "pid": 0, "tid": 11, "ts": 1.0},
        {"args": {}, "cat": "metric", "dur": 0.0, "name": "flops", "ph": "X", "pid": 0, "tid": 11, "ts": 1.0},
        {"cat": "scope", "dur": 2.0, "name": "captured", "ph": "X", "pid": 0, "tid": 22, "ts": 2.0},
        kernel("matmul", 2.5, 1.5, 33, pid=0),
    ]
    path = tmp_path / "proton.chrome_trace"
    path.write_text(json.dumps({"displayTimeUnit": "us", "traceEvents": events}))
    made = open_trace(path).events
    assert made["kind"].tolist() == ["range", "gpu-range", "kernel"]
    assert made["stream"].tolist()[1:] == [7, 7] and made["device"].isna().all()
    found = analysis(path)
    assert problems(found) == {"unknown-category": 1, "missing-correlation": 1, "device-not-named": 1}
    assert [(row["name"], row["host_ns"]) for row in found["ranges"]] == [("layer", 9_000)]


@pytest.mark.parametrize(
    ("runtime", "launch", "copy"),
    [
        ("xpu_runtime", "urEnqueueKernelLaunch", "urEnqueueUSMMemcpy"),
        ("musa_runtime", "musaLaunchKernel", "musaMemcpyAsync"),
        ("privateuse1_runtime", "musaLaunchKernel", "musaMemcpyAsync"),
    ],
)
def test_xpu_and_musa_in_kinetos_words(tmp_path, runtime, launch, copy) -> None:
    on_gpu = {"device": 0, "stream": 3}
    events = [
        span(1, 1, launch, 10, 4, correlation=1) | {"cat": runtime},
        span(1, 1, copy, 20, 4, correlation=2) | {"cat": runtime},
        span(0, 3, "gemm_kernel", 16, 5, correlation=1, **on_gpu) | {"cat": "kernel"},
        span(0, 3, "Memcpy M2D", 26, 2, correlation=2, **on_gpu) | {"cat": "gpu_memcpy"},
    ]
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": events}))
    found = analysis(path)
    assert found["totals"]["launches"]["kernel"] == {"calls": 1, "with_gpu_activity": 1, "without_gpu_activity": 0}
    assert found["totals"]["launches"]["memcpy"]["with_gpu_activity"] == 1
    assert found["totals"]["kernels"]["busy_ns"] == {"0": 5_000} and problems(found) == {}


def test_a_trace_of_something_else_is_refused_by_what_it_holds(tmp_path) -> None:
    path = tmp_path / "intra.chrome_trace"
    inside = [
        {
            "ph": "X",
            "cat": "add_kernel",
            "name": "load",
            "pid": "add_kernel Core0 CTA0",
            "tid": "warp 0",
            "ts": 1,
            "dur": 1,
        }
    ]
    path.write_text(json.dumps({"displayTimeUnit": "ns", "traceEvents": inside}))
    with pytest.raises(InputError, match=r"among them: they are of other categories \(add_kernel\)"):
        open_trace(path)
