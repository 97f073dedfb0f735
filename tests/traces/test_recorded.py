"""The capture that ships, made on an H200: counted by plain json, and held against what the tool says of it."""

import gzip
import json
from collections import Counter
from decimal import Decimal

import pytest

from launchlens.traces.capture import read_capture
from launchlens.traces.compare import against_baseline, to_json
from launchlens.traces.recorded import describe_recorded, recorded_captures
from launchlens.traces.study import study

EXPECTED = {
    ("copy_", "eager"): {"gpu_memcpy": 7},
    ("triton-per-tensor", "eager"): {"kernel": 7},
    ("triton-batched", "eager"): {"kernel": 1},
    ("foreach", "eager"): {"kernel": 1},
    # a device-to-device memcpy node of a graph runs as a kernel of the driver's, and CUPTI records it as one
    ("copy_", "graph"): {"kernel": 7},
    ("triton-per-tensor", "graph"): {"kernel": 7},
    ("triton-batched", "graph"): {"kernel": 1},
    ("foreach", "graph"): {"kernel": 1},
}


@pytest.fixture(scope="module")
def capture():
    return read_capture(recorded_captures("small-copies")[0])


@pytest.fixture(scope="module")
def made(capture):
    return study(capture)


def plain_blocks(capture, record):
    """Per variant: its blocks' host ns, and the GPU work launched inside them, by category and by name; plain json."""
    events = json.loads(gzip.decompress(capture.trace_path(record).read_bytes()), parse_float=Decimal)["traceEvents"]
    complete = [event for event in events if event["ph"] == "X"]
    calls = {
        event["args"]["correlation"]: event
        for event in complete
        if event["cat"] in ("cuda_runtime", "cuda_driver") and "correlation" in event["args"]
    }
    work = [event for event in complete if event["cat"] in ("kernel", "gpu_memcpy", "gpu_memset")]
    found = {}
    for block in complete:
        if block["cat"] != "user_annotation" or not block["name"].startswith("variant:"):
            continue
        low, high = block["ts"], block["ts"] + block["dur"]
        variant = found.setdefault(
            block["name"].removeprefix("variant:"), {"ns": 0, "cat": Counter(), "name": Counter()}
        )
        variant["ns"] += int(high * 1000) - int(low * 1000)
        for event in work:
            if low <= calls[event["args"]["correlation"]]["ts"] < high:
                variant["cat"][event["cat"]] += 1
                variant["name"][event["name"]] += 1
    return found


def test_it_was_made_on_a_gpu_and_says_so(capture):
    assert capture.manifest.complete and capture.manifest.device == "cuda"
    assert {record.status for record in capture.manifest.variants} == {"measured"}
    text = describe_recorded(capture.manifest)
    assert text.startswith("Recorded, not measured on this machine: NVIDIA H200, 2026-")
    assert sum(path.stat().st_size for path in capture.path.rglob("*") if path.is_file()) < 2_000_000


def test_work_per_iteration_counted_by_hand(capture, made):
    for record in capture.manifest.traces:
        iterations = record.rounds * record.iterations
        for variant, block in plain_blocks(capture, record).items():
            per_iteration = {category: count / iterations for category, count in block["cat"].items()}
            assert per_iteration == EXPECTED[variant, record.regime]
            recording = made.sides[variant, record.regime].recording
            assert recording.cells.sum() == block["ns"], "the account sums to the blocks, to the nanosecond"
            assert {row.name: row.per_iteration for row in recording.work} == {
                name: count / iterations for name, count in block["name"].items()
            }


def test_in_a_graph_a_memcpy_between_device_buffers_is_a_kernel(made):
    eager, graph = made.sides["copy_", "eager"].recording, made.sides["copy_", "graph"].recording
    assert [(row.kind, row.name) for row in eager.work] == [("memcpy", "Memcpy DtoD (Device -> Device)")]
    assert [(row.kind, row.name) for row in graph.work] == [("kernel", "memcpy32_post")]


def test_the_verdicts_it_ships_with(made):
    found = {(item.b.variant, item.b.regime): item.verdict for item in against_baseline(made)}
    assert found == {
        ("foreach", "eager"): "faster",
        ("triton-batched", "eager"): "faster",
        ("triton-per-tensor", "eager"): "slower",
        ("foreach", "graph"): "faster",
        ("triton-batched", "graph"): "faster",
        ("triton-per-tensor", "graph"): "slower",
    }
    for item in against_baseline(made):
        document = to_json(item)
        assert sum(part["ns"] for part in document["parts"]) == document["difference_ns"]


def test_nothing_in_it_names_a_machine_or_a_user(capture):
    text = (capture.path / "manifest.json").read_text()
    for record in capture.manifest.traces:
        text += gzip.decompress(capture.trace_path(record).read_bytes()).decode()
    for word in ("/root", "/home", "/tmp", "/work", "hostname", "HOME="):
        assert word not in text
    assert '"host_name": ""' in text or "host_name" not in text
