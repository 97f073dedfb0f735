"""Our figures of four Nsight Systems recordings against NVIDIA's own, which `nsys stats` made of the same exports: 0 ns apart.

How each was recorded says tests/data/nsys/README.md. Compared are whole numbers (sums, counts, single rows), never NVIDIA's
averages, which are rounded.
"""

import csv
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.source import open_trace

DATA = Path(__file__).parents[1] / "data" / "nsys"
FOLDERS = sorted(path.parent for path in DATA.glob("*/trace.sqlite"))
RECORDED = ("copies-eager", "copies-graph", "copies-graph-whole", "step")
by_recording = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
#: How NVIDIA writes the copy kinds that we shorten.
PLACES = {"H": "Host", "D": "Device", "A": "Array", "P": "Peer"}


def report(folder, name):
    """The rows of one of NVIDIA's reports; none for a report that had nothing to say."""
    path = folder / f"stats_{name}.csv"
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def whole(text):
    """A number that NVIDIA wrote; empty for none."""
    return int(text) if text else None


@cache
def analysis(folder):
    return analyze(open_trace(folder / "trace.sqlite"))


def unversioned(name):
    """NVIDIA's reports leave a version of four digits off an API call's name (`cudaMemcpyAsync_v3020`), and no other."""
    return re.sub(r"_v....$", "", str(name))


def unprefixed(name):
    """A range's name without its domain, which reports write before a colon; ours have none."""
    return name.partition(":")[2] if ":" in name else name


@pytest.mark.skipif(not FOLDERS, reason="no recordings in this checkout")
def test_all_recordings_are_there():
    assert [folder.name for folder in FOLDERS] == sorted(RECORDED)
    assert all(folder.joinpath("trace.sqlite").stat().st_size < 700_000 for folder in FOLDERS)


@by_recording
def test_api_calls(folder):
    """cuda_api_sum: calls and their total time, by name."""
    theirs = {
        row["Name"]: (whole(row["Num Calls"]), whole(row["Total Time (ns)"])) for row in report(folder, "cuda_api_sum")
    }
    events = analysis(folder).joined.trace.events
    calls = events[events["kind"] == "api"]
    ours = defaultdict(lambda: [0, 0])
    for name, length in zip(calls["name"].astype(str), calls["dur_ns"], strict=True):
        ours[unversioned(name)][0] += 1
        ours[unversioned(name)][1] += int(length)
    assert {name: tuple(sums) for name, sums in ours.items()} == theirs != {}


@by_recording
def test_gpu_work(folder):
    """cuda_gpu_sum: kernels, copies and memsets by name, count and time."""
    theirs = {
        (row["Category"], row["Operation"]): (whole(row["Instances"]), whole(row["Total Time (ns)"]))
        for row in report(folder, "cuda_gpu_sum")
    }
    events = analysis(folder).joined.trace.events
    ours = defaultdict(lambda: [0, 0])
    for kind, name, copy, length in events[["kind", "name", "copy_kind", "dur_ns"]].itertuples(index=False):
        if kind in ("kernel", "memcpy", "memset"):
            key = ("CUDA_KERNEL", name) if kind == "kernel" else ("MEMORY_OPER", operation(kind, copy))
            ours[key][0] += 1
            ours[key][1] += int(length)
    assert {key: tuple(sums) for key, sums in ours.items()} == theirs


def operation(kind, copy):
    if kind == "memset":
        return "[CUDA memset]"
    first, last = copy.removeprefix("UVM ").split("to")
    return f"[CUDA memcpy {PLACES[first]}-to-{PLACES[last]}]"


@by_recording
def test_copies_and_memsets(folder):
    """cuda_gpu_mem_time_sum: count and time by direction, out of the totals that `analyze` prints."""
    theirs = {
        row["Operation"]: (whole(row["Count"]), whole(row["Total Time (ns)"]))
        for row in report(folder, "cuda_gpu_mem_time_sum")
    }
    totals = as_plain(as_document(analysis(folder)))["totals"]
    groups = {operation("memcpy", kind): row for kind, row in totals["memcpy"].items()} | {
        "[CUDA memset]": totals["memset"]
    }
    ours = {name: (row["count"], row["total_ns"]) for name, row in groups.items() if row["count"]}
    assert ours == theirs


@by_recording
def test_ranges(folder):
    """nvtx_pushpop_sum: instances and host time by name. Start/end ranges are no push/pop ranges, and not in it."""
    theirs = {}
    for row in report(folder, "nvtx_pushpop_sum"):
        # names that differ by a number at their end alone are one row of ours
        name = re.sub(r"^layer \d+$", "layer *", unprefixed(row["Range"]))
        instances, total = theirs.get(name, (0, 0))
        theirs[name] = (instances + whole(row["Instances"]), total + whole(row["Total Time (ns)"]))
    ours = {
        row["name"]: (row["instances"], row["host_ns"]) for row in as_plain(as_document(analysis(folder)))["ranges"]
    }
    assert {name: sums for name, sums in ours.items() if name != "epoch"} == theirs != {}


@by_recording
def test_projections(folder):
    """nvtx_gpu_proj_sum: the ranges that launched work, their time on the GPU and on the host, and the launches.

    NVIDIA's "GPU Ops" are launches: a graph counts once.
    """
    theirs = {
        unprefixed(row["Range"]): (
            whole(row["Range Instances"]),
            whole(row["Total Proj Time (ns)"]),
            whole(row["Total Range Time (ns)"]),
            whole(row["Total GPU Ops"]),
        )
        for row in report(folder, "nvtx_gpu_proj_sum")
    }
    found = analysis(folder).joined
    instances = found.instances[found.instances["activities"] > 0]
    sums = defaultdict(lambda: [0, 0, 0, 0])
    for row in instances.itertuples(index=False):
        table = found.launches.table
        inside = (table["thread"] == row.thread) & (table["process"] == row.process) & (table["activities"] > 0)
        inside &= (table["start_ns"] >= row.start_ns) & (table["start_ns"] < row.end_ns)
        for at, value in enumerate((1, row.gpu_projection_ns, row.host_ns, int(inside.sum()))):
            sums[str(row.name)][at] += int(value)
    if folder.name == "copies-graph-whole":
        assert theirs == {} != sums, "NVIDIA's report projects no graph that was recorded whole; ours does"
        return
    assert {name: tuple(row) for name, row in sums.items()} == theirs != {}


@by_recording
def test_kernel_executions(folder):
    """cuda_kern_exec_trace: for every kernel its call (A), its time queued (Q, where it starts after the call) and its time (K)."""
    theirs = Counter(
        (
            row["API Function"],
            whole(row["API Start (ns)"]),
            whole(row["API Dur (ns)"]),
            whole(row["Queue Dur (ns)"]),
            whole(row["Kernel Start (ns)"]),
            whole(row["Kernel Dur (ns)"]),
        )
        for row in report(folder, "cuda_kern_exec_trace")
    )
    found = analysis(folder).joined
    events, launches = found.trace.events, found.launches
    ours = Counter()
    for row, launch in zip(launches.joined_rows, launches.owner, strict=True):
        if events["kind"].iloc[row] == "kernel":
            call = launches.table.iloc[launch]
            start, length = int(events["start_ns"].iloc[row]), int(events["dur_ns"].iloc[row])
            queued = start - int(call["end_ns"])
            api = int(call["start_ns"]), int(call["end_ns"] - call["start_ns"])
            ours[(unversioned(call["api"]), *api, queued if queued >= 0 else None, start, length)] += 1
    assert ours == theirs


@by_recording
def test_kernel_execution_sums(folder):
    """cuda_kern_exec_sum: kernels, and those that queued, by call and kernel."""
    theirs = Counter()
    for row in report(folder, "cuda_kern_exec_sum"):
        theirs[row["API Name"], row["Kernel Name"]] += np.array([whole(row["Count"]), whole(row["QCount"])])
    found = analysis(folder).joined
    events, launches = found.trace.events, found.launches
    ours = defaultdict(lambda: [0, 0])
    for row, launch in zip(launches.joined_rows, launches.owner, strict=True):
        if events["kind"].iloc[row] == "kernel":
            call = launches.table.iloc[launch]
            sums = ours[unversioned(call["api"]), str(events["name"].iloc[row])]
            sums[0] += 1
            sums[1] += int(events["start_ns"].iloc[row] >= call["end_ns"])
    assert {key: tuple(sums) for key, sums in ours.items()} == {
        key: tuple(sums.tolist()) for key, sums in theirs.items()
    }
