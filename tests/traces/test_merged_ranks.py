"""Ranks that somebody merged into one file are told apart, or the file is refused: no launch is joined to another's work."""

import json
from pathlib import Path
from typing import Any

import pytest

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.problems import InputError
from launchlens.traces.scrub.scrub import scrub
from launchlens.traces.source import open_trace

REMEDY = "give the trace of each rank by itself, or a folder of them"


def rank(
    host: Any, gpu_pid: Any, *, base: float = 1000, device: int = 0, name: str = "k", calls: int = 4
) -> list[dict[str, Any]]:
    """What one rank writes: `calls` launches with ids from 1 on, and a kernel of 10 us for each."""
    rows: list[dict[str, Any]] = []
    for number in range(calls):
        at = base + 50 * number
        call = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": host, "tid": 7, "ts": at, "dur": 4}
        work = {"ph": "X", "cat": "kernel", "name": name, "pid": gpu_pid, "tid": 3, "ts": at + 9, "dur": 10}
        args = {"device": device, "context": 1, "stream": 3, "correlation": number + 1}
        rows += [call | {"args": {"correlation": number + 1}}, work | {"args": args}]
    return rows


def named(pid: Any, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}}


def write(folder: Path, *parts: list[dict[str, Any]]) -> Path:
    path = folder / "merged.json"
    about = {"schemaVersion": 1, "deviceProperties": [{"id": 0, "name": "NVIDIA H100"}]}
    path.write_text(json.dumps(about | {"traceEvents": [row for part in parts for row in part]}))
    return path


def analysis(path: Path) -> dict[str, Any]:
    return as_plain(as_document(analyze(open_trace(path))))


MERGED = {
    "prefixes": (rank("[TP0] 100", "[TP0] 0"), rank("[TP1] 100", "[TP1] 0", base=1001, name="other")),
    "offsets": (rank(100, 0), rank(1_000_100, 1_000_000, base=1001, name="other")),
    "names": (
        [named(100, "Rank 0: python"), named(5, "Rank 0: GPU 0"), *rank(100, 5)],
        [named(200, "rank=1 python"), named(6, "rank=1 GPU"), *rank(200, 6, base=1001, name="other")],
    ),
    "time": (rank(100, 5), rank(200, 6, base=90_000, name="other")),
}


@pytest.mark.parametrize("how", MERGED)
@pytest.mark.parametrize("turned", [False, True])
def test_ranks_of_one_file_are_told_apart(tmp_path, how, turned) -> None:
    parts = MERGED[how][::-1] if turned else MERGED[how]
    path = write(tmp_path, *parts)
    found = analysis(path)
    assert {row["code"]: row["count"] for row in found["problems"]} == {"ranks-in-one-file": 2}
    assert found["totals"]["launches"]["kernel"] == {"calls": 8, "with_gpu_activity": 8, "without_gpu_activity": 0}
    assert sorted(found["totals"]["gpu_busy_ns"].values()) == [40_000, 40_000], "two GPUs, not the union of both"
    assert sorted(found["source"]["devices"]) == ["0", "1"]
    assert len({name for name in found["source"]["devices"].values()}) == 2
    events = open_trace(path).events
    calls = events[events["kind"] == "api"].set_index(["process", "correlation"])["start_ns"]
    for row in events[events["kind"] == "kernel"].itertuples():
        assert row.start_ns == calls[row.process, row.correlation] + 9_000, "joined to its own rank's call"


@pytest.mark.parametrize("how", MERGED)
def test_a_scrubbed_copy_is_told_apart_as_well(tmp_path, how) -> None:
    path = write(tmp_path, *MERGED[how])
    scrub(path, tmp_path / "copy.json")
    assert analysis(tmp_path / "copy.json")["totals"] == analysis(path)["totals"]


def test_each_rank_of_a_merged_file_is_as_it_is_alone(tmp_path) -> None:
    merged = open_trace(write(tmp_path, *MERGED["offsets"])).events
    for part, process in zip(MERGED["offsets"], ("100", "1000100"), strict=True):
        alone = open_trace(write(tmp_path, part)).events
        mine = merged[merged["process"] == process]
        assert (
            mine[["name", "start_ns", "dur_ns"]].values.tolist()
            == alone[["name", "start_ns", "dur_ns"]].values.tolist()
        )


@pytest.mark.parametrize(
    "parts",
    [
        (rank(100, 5), rank(200, 6, base=1001)),
        (rank(100, 5, device=0), rank(200, 6, base=1001, device=1)),
        (rank(100, 0), rank(200, 0, base=1001)),
    ],
    ids=["nothing tells", "nor do numbers of devices", "one place for all"],
)
def test_where_nothing_tells_whose_gpu_rows_are_the_file_is_refused(tmp_path, parts) -> None:
    with pytest.raises(
        InputError, match="holds several processes \\(100, 200\\) whose correlation ids repeat"
    ) as caught:
        open_trace(write(tmp_path, *parts))
    assert caught.value.remedy == REMEDY


def test_ranks_under_one_process_number_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="holds several processes under one number") as caught:
        open_trace(write(tmp_path, rank(1, 0), rank(1, 0, base=1001, device=1)))
    assert caught.value.remedy == REMEDY


def test_several_processes_whose_ids_do_not_repeat_are_left_as_they_are(tmp_path) -> None:
    other = rank(200, 1, base=5000, device=1)
    for row in other:
        row["args"]["correlation"] += 100
    found = analysis(write(tmp_path, rank(100, 0), other))
    assert found["problems"] == [] and found["totals"]["launches"]["kernel"]["with_gpu_activity"] == 8
    assert open_trace(write(tmp_path, rank(100, 0), other)).events["process"].isna().sum() == 8


def test_a_rank_with_several_gpus_keeps_them_apart(tmp_path) -> None:
    first = [*rank("[0] 9", "[0] 0"), *rank("[0] 9", "[0] 1", device=1, base=3000)]
    for row in first[8:]:
        row["args"]["correlation"] += 50
    found = analysis(write(tmp_path, first, rank("[1] 9", "[1] 0", base=1001)))
    assert found["totals"]["gpu_busy_ns"] == {"0": 40_000, "1": 40_000, "2": 40_000}
    assert found["totals"]["launches"]["kernel"]["with_gpu_activity"] == 12
