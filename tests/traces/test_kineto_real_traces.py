"""Kineto traces, ours, made and published, against facts taken from them with plain json: here, and by hand in FACTS."""

import gzip
import json
from collections import Counter
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from launchlens.traces.readers.kineto import json_blocks
from launchlens.traces.readers.kineto import reader as kineto
from launchlens.traces.schema import validate
from launchlens.traces.trace import Trace
from traces import samples

SAMPLES = [name for name in (*samples.OURS, *samples.MADE) if not samples.is_nsys(name)]

#: file -> rows by kind, sum of kernel ns, memcpys (count, bytes) by kind, ns by kind of copy
FACTS: dict[str, dict[str, Any]] = {
    "dev-kineto-1.9-capital-cats.json": {
        "kinds": {"op": 179, "api": 42, "kernel": 30, "memcpy": 2},
        "kernel_ns": 48_000,
        "memcpy": {"HtoD": (2, 768)},
        "devices": {number: "Tesla V100-DGXS-32GB" for number in range(4)},
        "problems": {},
        "base_ns": None,
    },
    "dev-kineto-a100-2streams.json.gz": {
        "kinds": {"api": 361, "op": 359, "kernel": 79, "memcpy": 16, "range": 8, "memset": 3},
        "kernel_ns": 10_692_000,
        "memcpy": {"HtoD": (16, 244_403_360)},
        "devices": {number: "NVIDIA A100-PG509-200" for number in range(8)},
        "problems": {"unknown-category": 41},  # cuda_sync
        "base_ns": None,
    },
    "dev-kineto-a100-triton.json.gz": {
        "kinds": {"op": 3, "range": 1, "kernel": 1, "api": 2},
        "kernel_ns": 1_760,
        "memcpy": {},
        "devices": {number: "NVIDIA A100-PG509-200" for number in range(8)},
        "problems": {},
        "base_ns": 1727743122000000000,
    },
    "dev-kineto-mi250-rocm6.2.json.gz": {
        "kinds": {"op": 70, "api": 21, "kernel": 14, "range": 3, "memcpy": 2, "gpu-range": 2},
        "kernel_ns": 110_881,
        "memcpy": {"HtoD": (2, 5_120)},  # 2,560 each, by the `size` of their hipMemcpyWithStream
        "devices": {number: "AMD Radeon Graphics" for number in range(4)},
        "problems": {},
        "base_ns": 1735632360000000000,
    },
    "dev-kineto-t4-cuda12.8-stack.json": {
        "kinds": {"op": 33, "api": 13, "kernel": 6, "range": 3, "memcpy": 3, "gpu-range": 3},
        "kernel_ns": 20_794_107,
        "memcpy": {"HtoD": (3, 12_000_000)},
        "devices": {0: "Tesla T4"},
        "problems": {"python-stack-left-out": 379},
        "base_ns": 1767189312000000000,
    },
}
KIND_OF = {
    "cpu_op": "op",
    "operator": "op",
    "user_annotation": "range",
    "cuda_runtime": "api",
    "cuda_driver": "api",
    "runtime": "api",
    "kernel": "kernel",
    "gpu_memcpy": "memcpy",
    "memcpy": "memcpy",
    "gpu_memset": "memset",
    "gpu_user_annotation": "gpu-range",
}


@pytest.fixture(params=[*SAMPLES, *samples.of_others(samples.KINETO_OF_OTHERS)])
def path(request, tmp_path) -> Path:
    return samples.sample(request.param, tmp_path)


def plain(path: Path) -> list[dict[str, Any]]:
    return plain_events(path.read_bytes())


@lru_cache(maxsize=2)  # the tests of one file follow each other
def plain_events(data: bytes) -> list[dict[str, Any]]:
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    events: list[dict[str, Any]] = json.loads(data, parse_float=Decimal)["traceEvents"]
    return [each for each in events if each["ph"] == "X" and each["cat"].lower() in KIND_OF]


def read(path: Path) -> Trace:
    return kineto.read(path, partial=False, progress=None)


@pytest.mark.parametrize("name", samples.of_others(FACTS))
def test_the_facts(name):
    path = samples.published(name)
    trace, facts = read(path), FACTS[name]
    events = trace.events
    validate(events)
    assert events["kind"].value_counts()[lambda counts: counts > 0].to_dict() == facts["kinds"]
    assert int(events.loc[events["kind"] == "kernel", "dur_ns"].sum()) == facts["kernel_ns"]
    copies = events[events["kind"] == "memcpy"].groupby("copy_kind", observed=True)["bytes"].agg(["size", "sum"])
    assert {kind: tuple(row) for kind, row in copies.iterrows()} == facts["memcpy"]
    assert dict(trace.devices) == facts["devices"]
    assert {problem.code: problem.count for problem in trace.problems} == facts["problems"]
    assert trace.meta.get("base_ns") == facts["base_ns"]
    assert trace.recorded_by_version == "schemaVersion 1"
    assert trace.bytes == path.stat().st_size


@pytest.mark.parametrize("block", [1 << 20, 10_000, 500])
def test_every_row_equals_what_plain_json_says(path, monkeypatch, block):
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
    events = read(path).events
    expected = plain(path)
    args = [each.get("args", {}) for each in expected]
    assert events["name"].tolist() == [each["name"] for each in expected]
    assert events["kind"].tolist() == [KIND_OF[each["cat"].lower()] for each in expected]
    assert events["start_ns"].tolist() == [int(each["ts"] * 1000) for each in expected]
    assert events["dur_ns"].tolist() == [int(each["dur"] * 1000) for each in expected]
    on_device = [KIND_OF[each["cat"].lower()] in ("kernel", "memcpy", "memset", "gpu-range") for each in expected]
    host = [not there for there in on_device]
    assert events["thread"].astype(object)[host].tolist() == [
        str(each["tid"]) for each, there in zip(expected, on_device, strict=True) if not there
    ]
    assert events["process"].astype(object)[host].tolist() == [
        str(each["pid"]) for each, there in zip(expected, on_device, strict=True) if not there
    ]
    assert events[["thread", "process"]][on_device].isna().all(axis=None)
    for column, key in (
        ("device", "device"),
        ("stream", "stream"),
        ("context", "context"),
        ("correlation", "correlation"),
    ):
        said = [
            (row, each[key])
            for row, each in enumerate(args)
            if key in each and (on_device[row] or column == "correlation")
        ]
        held = events[column].tolist()
        assert [(row, held[row]) for row, _ in said] == said
        assert column == "context" or said
    assert not events.loc[host, ["device", "stream", "context", "bytes", "graph", "graph_node"]].notna().any(axis=None)


def test_calls_and_the_span(path):
    events, expected = read(path).events, plain(path)
    apis = Counter(each["name"] for each in expected if KIND_OF[each["cat"].lower()] == "api")
    counted = events.loc[events["kind"] == "api", "name"].value_counts()
    assert counted[counted > 0].to_dict() == dict(apis)
    layers = Counter(
        "driver" if "driver" in each["cat"] else "runtime"
        for each in expected
        if "untime" in each["cat"] or "driver" in each["cat"]
    )
    assert Counter(events["layer"].dropna()) == layers
    assert events["start_ns"].min() == min(int(each["ts"] * 1000) for each in expected)
    ends = events["start_ns"] + events["dur_ns"]
    assert ends.max() == max(int((each["ts"] + each["dur"]) * 1000) for each in expected)
