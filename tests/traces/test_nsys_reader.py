"""The Nsight Systems reader: a tiny export of each schema age with the table that must come out, and bad input."""

import hashlib
import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.made_nsys import MACHINE, PID, TID, call, export, global_pid, global_tid, on_gpu
from traces.nsys_facts import FACTS

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.intervals import union_length
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys import reader as nsys
from launchlens.traces.schema import BY_NAME
from launchlens.traces.source import open_trace
from launchlens.traces.trace import Trace
from traces import plain_analysis as plain
from traces import samples

KERNEL = on_gpu(300, 450, 11, demangledName="void k<int>(int*)", shortName="k")
LAUNCH = call("cudaLaunchKernel_v7000", 100, 200, 11)


def problems(trace: Trace) -> dict[str, int]:
    return {problem.code: problem.count for problem in trace.problems}


def rows(trace: Trace, *columns: str) -> list[tuple[object, ...]]:
    """The named columns of every event, nulls as None."""
    frame = trace.events[list(columns)].astype(object)
    return list(frame.where(frame.notna(), None).itertuples(index=False, name=None))


def tables_2021() -> dict[str, list[dict[str, object]]]:
    return {
        "runtime": [LAUNCH, call("cudaMemcpyAsync_v3020", 210, 230, 12), call("cuMemsetD8Async", 240, 250, 13)],
        "kernel": [KERNEL],
        "memcpy": [on_gpu(460, 500, 12, bytes=4096, copyKind=8)],
        "memset": [on_gpu(510, 512, 13, bytes=64)],
        "NVTX_EVENTS": [
            {"start": 50, "end": 260, "eventType": 59, "text": "step", "globalTid": global_tid()},
            {"start": 60, "end": None, "eventType": 34, "text": "a mark", "globalTid": global_tid()},
            {"start": 70, "end": 90, "eventType": 60, "textId": "registered", "globalTid": global_tid(TID + 1)},
            # where a column may not be NULL the text is empty instead
            {"start": 71, "end": 72, "eventType": 59, "text": "", "textId": "by id", "globalTid": global_tid()},
        ],
    }


EXPECTED = [
    # kind, name, start, dur, process, thread, device, stream, correlation, layer, bytes, copy kind
    ("api", "cudaLaunchKernel_v7000", 100, 100, "4711", "4712", None, None, 11, "runtime", None, None),
    ("api", "cudaMemcpyAsync_v3020", 210, 20, "4711", "4712", None, None, 12, "runtime", None, None),
    ("api", "cuMemsetD8Async", 240, 10, "4711", "4712", None, None, 13, "driver", None, None),
    ("kernel", "void k<int>(int*)", 300, 150, "4711", None, 0, 7, 11, None, None, None),
    ("memcpy", "[CUDA memcpy DtoD]", 460, 40, "4711", None, 0, 7, 12, None, 4096, "DtoD"),
    ("memset", "[CUDA memset]", 510, 2, "4711", None, 0, 7, 13, None, 64, None),
    ("range", "step", 50, 210, "4711", "4712", None, None, None, None, None, None),
    ("range", "registered", 70, 20, "4711", "4713", None, None, None, None, None, None),
    ("range", "by id", 71, 1, "4711", "4712", None, None, None, None, None, None),
]
SHOWN = (
    "kind",
    "name",
    "start_ns",
    "dur_ns",
    "process",
    "thread",
    "device",
    "stream",
    "correlation",
    "layer",
    "bytes",
    "copy_kind",
)


@pytest.mark.parametrize("age", ["2021", "2022", "2023", "2026"])
def test_every_age_gives_the_same_table(tmp_path: Path, age: str) -> None:
    trace = nsys.read(export(tmp_path / "e.sqlite", age, **tables_2021()))
    assert rows(trace, *SHOWN) == EXPECTED
    assert list(trace.events.columns) == list(BY_NAME)
    assert problems(trace) == {}
    assert (trace.recorded_by, trace.bytes) == ("nsys", (tmp_path / "e.sqlite").stat().st_size)


def test_2020_has_inline_names_and_no_process_on_gpu_rows(tmp_path: Path) -> None:
    gpu = {"deviceId": 0, "contextId": 1, "streamId": 7}
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            "2020",
            runtime=[
                {"start": 1, "end": 5, "globalTid": global_tid(), "correlationId": 3, "nameId": "cudaLaunch_v3020"}
            ],
            kernel=[gpu | {"start": 6, "end": 9, "correlationId": 3, "name": "k"}],
            memcpy=[gpu | {"start": 9, "end": 12, "correlationId": 4, "bytes": 8, "copyKind": 1}],
            NVTX_EVENTS=[{"start": 0, "end": 20, "eventType": 59, "text": "12", "globalTid": global_tid()}],
            TARGET_INFO_CUDA_GPU=[{"deviceId": 0, "name": "Tesla V100"}],
        )
    )
    assert rows(trace, "kind", "name", "process", "correlation") == [
        ("api", "cudaLaunch_v3020", "4711", 3),
        ("kernel", "k", "4711", 3),
        ("memcpy", "[CUDA memcpy HtoD]", "4711", 4),
        ("range", "12", "4711", None),  # a text that looks like an id is still a text
    ]
    assert trace.devices == {0: "Tesla V100"} and not trace.looked_for_gpu
    assert trace.recorded_by_version is None


def test_gpu_rows_without_process_stay_without_where_there_are_two(tmp_path: Path) -> None:
    path = export(
        tmp_path / "e.sqlite",
        "2020",
        runtime=[
            {"start": 1, "end": 5, "globalTid": global_tid(pid=pid), "correlationId": 3, "nameId": "cudaLaunch_v3020"}
            for pid in (7, 8)
        ],
        kernel=[{"start": 6, "end": 9, "correlationId": 3, "name": "k", "deviceId": 0}],
    )
    assert rows(nsys.read(path), "kind", "process") == [("api", "7"), ("api", "8"), ("kernel", None)]


@pytest.mark.parametrize(
    ("age", "table", "said", "version"),
    [
        ("2022", "EXPORT_META_DATA", {"EXPORT_SCHEMA_VERSION": "2.9.1"}, "(schema 2.9.1)"),
        ("2023", "META_DATA_EXPORT", {"EXPORT_PRODUCT_VERSION": "2023.3.1.92"}, "2023.3.1.92"),
        (
            "2026",
            "META_DATA_EXPORT",
            {"EXPORT_PRODUCT_VERSION": "2026.1.1", "EXPORT_SCHEMA_VERSION": "3.24.14", "EXPORT_USER": "me"},
            "2026.1.1 (schema 3.24.14)",
        ),
    ],
)
def test_version(tmp_path: Path, age: str, table: str, said: dict[str, str], version: str) -> None:
    meta = [{"name": name, "value": value} for name, value in said.items()]
    trace = nsys.read(export(tmp_path / "e.sqlite", age, runtime=[LAUNCH], **{table: meta}))
    assert trace.recorded_by_version == version


def test_copy_kinds_by_label_by_number_and_unknown(tmp_path: Path) -> None:
    copies = [
        on_gpu(10 * i, 10 * i + 5, i, bytes=1, copyKind=kind) for i, kind in enumerate([1, 10, 11, 8, 1, 77, 30], 1)
    ]
    for prefetch in copies[3:5]:  # of managed memory, written as a plain DtoD and HtoD
        prefetch["migrationCause"] = 3
    labels = [(1, "Host-to-Device"), (10, "Peer-to-Peer"), (11, "Unified Host-to-Device"), (30, "Moon-to-Earth")]
    enum = [{"id": number, "name": "", "label": label} for number, label in labels]
    with_labels = nsys.read(export(tmp_path / "new.sqlite", "2023", memcpy=copies, ENUM_CUDA_MEMCPY_OPER=enum))
    without = nsys.read(export(tmp_path / "old.sqlite", "2021", memcpy=copies))
    common = ["HtoD", "PtoP", "UVM HtoD", "UVM DtoD", "UVM HtoD", "kind 77"]
    assert [kind for (kind,) in rows(with_labels, "copy_kind")] == [*common, "Moon-to-Earth"]
    assert [kind for (kind,) in rows(without, "copy_kind")] == [*common, "kind 30"]


def test_correlation_zero_is_none(tmp_path: Path) -> None:
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            runtime=[LAUNCH],
            kernel=[KERNEL, on_gpu(500, 501, 0, demangledName="k")],
            memcpy=[on_gpu(1, 2, 0, bytes=65536, copyKind=11), on_gpu(3, 4, 0, bytes=65536, copyKind=12)],
        )
    )
    assert rows(trace, "kind", "correlation") == [
        ("api", 11),
        ("kernel", 11),
        ("kernel", None),
        ("memcpy", None),
        ("memcpy", None),
    ]
    # managed memory migrates without a call: nothing is missing there
    assert problems(trace) == {"missing-correlation": 1, "managed-memory-migration": 2}


def test_runtime_and_driver_row_of_one_launch_are_both_kept(tmp_path: Path) -> None:
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            runtime=[LAUNCH, call("cuLaunchKernel", 120, 190, 11)],
            driver=[call("cuLaunchKernelEx", 130, 180, 11), call("own", 1, 2, 9)],
            kernel=[KERNEL],
        )
    )
    assert rows(trace, "name", "layer", "correlation")[:4] == [
        ("cudaLaunchKernel_v7000", "runtime", 11),
        ("cuLaunchKernel", "driver", 11),
        ("cuLaunchKernelEx", "driver", 11),
        ("own", "driver", 9),
    ]


def test_same_ids_in_two_processes_stay_apart(tmp_path: Path) -> None:
    """Correlation 11 in two processes, and one process id on two machines."""
    machine = 2 << 48
    path = export(
        tmp_path / "e.sqlite",
        runtime=[
            LAUNCH,
            LAUNCH | {"globalTid": global_tid(pid=99)},
            LAUNCH | {"globalTid": global_tid(machine=machine)},
        ],
        kernel=[KERNEL, KERNEL | {"globalPid": global_pid(99)}, KERNEL | {"globalPid": global_pid(machine=machine)}],
    )
    processes = [process for (process,) in rows(nsys.read(path), "process")]
    assert processes == ["4711@0x1", "99", "4711@0x2"] * 2


def test_graph_nodes_and_graph_recorded_whole(tmp_path: Path) -> None:
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            runtime=[call("cudaGraphLaunch_v10000", 1, 2, 5), call("cudaGraphLaunch_v10000", 3, 4, 6)],
            kernel=[
                on_gpu(10, 12, 5, demangledName="k", graphId=3, graphNodeId=1 << 34),
                on_gpu(20, 22, 7, demangledName="k", graphNodeId=0),
            ],
            graph_trace=[on_gpu(30, 90, 6, graphId=3, graphExecId=8, deviceId=2**31 - 1)],
        )
    )
    assert rows(trace, "kind", "name", "graph", "graph_node", "device", "dur_ns")[2:] == [
        ("kernel", "k", 3, 1 << 34, 0, 2),
        ("kernel", "k", None, None, 0, 2),
        ("graph", "Graph Exec 8", 8, None, 0, 60),  # its first node runs on the host; there is one device only
    ]
    assert problems(trace) == {"graph-recorded-whole": 1}


def test_a_graph_without_a_device_stays_so_where_there_are_several(tmp_path: Path) -> None:
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            runtime=[LAUNCH],
            kernel=[on_gpu(1, 2, 3, deviceId=device) for device in (0, 1)],
            graph_trace=[on_gpu(30, 90, 6, graphExecId=8, deviceId=2**31 - 1)],
        )
    )
    assert rows(trace, "kind", "device")[1:] == [("kernel", 0), ("kernel", 1), ("graph", None)]


def test_a_graph_recorded_whole_is_busy_time_not_idle_time(tmp_path: Path) -> None:
    path = export(
        tmp_path / "e.sqlite",
        runtime=[call("cudaGraphLaunch_v10000", 100, 120, 5), call("cudaGraphLaunch_v10000", 120, 130, 6)],
        memcpy=[on_gpu(400, 430, None, bytes=8, copyKind=8)],
        graph_trace=[on_gpu(100, 400, 5, graphExecId=8), on_gpu(390, 500, 6, graphExecId=8)],
    )
    document = as_plain(as_document(analyze(open_trace(path))))
    assert document["account"]["device"] == "0" and document["account"]["window_ns"] == 400
    assert document["account"]["cells"] == [
        {"host": "launch", "device": "graph", "ns": 30},
        {"host": "not-recorded", "device": "memcpy", "ns": 30},
        {"host": "not-recorded", "device": "graph", "ns": 340},
    ]
    totals = document["totals"]
    assert totals["gpu_busy_ns"] == {"0": 400} and totals["graph"] == {"count": 2, "total_ns": 410}
    assert totals["launches"]["graph"] == {"calls": 2, "with_gpu_activity": 2, "without_gpu_activity": 0}
    assert totals["gpu_activities_without_launch"] == {"kernel": 0, "memcpy": 1, "memset": 0, "graph": 0}
    (cost,) = document["launch_cost"]
    assert (cost["activity"], cost["count"], cost["gpu_ns"]["max"]) == ("graph", 2, 300)
    (whole,) = [each for each in document["problems"] if each["code"] == "graph-recorded-whole"]
    assert (whole["count"], whole["severity"]) == (2, "warning") and "unknown" in whole["meaning"]


def test_profiler_overhead_is_kept_and_cuda_s_own_is_not_called_overhead(tmp_path: Path) -> None:
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            runtime=[LAUNCH],
            PROFILER_OVERHEAD=[{"start": 1, "end": 9, "globalTid": global_tid(), "nameId": "CUPTI Buffer flush"}],
            overhead=[
                {"start": 110, "end": 150, "globalTid": global_tid(), "nameId": "Lazy Function Loading"},
                {"start": 150, "end": 160, "globalTid": global_tid(), "nameId": "CUPTI Instrumentation"},
            ],
        )
    )
    assert rows(trace, "kind", "name", "thread")[1:] == [
        ("overhead", "CUPTI Buffer flush", "4712"),
        ("overhead", "CUPTI Instrumentation", "4712"),
    ]
    assert problems(trace) == {"cuda-overhead-left-out": 1}


def test_rows_that_can_not_be_used_are_counted(tmp_path: Path) -> None:
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            runtime=[
                LAUNCH,
                call("cudaFree_v3020", 50, 40, 1),  # ends before it starts
                call("cudaFree_v3020", None, 40, 2),
                call("cudaFree_v3020", 50, None, 3),
                call("cudaFree_v3020", "NaN", 40, 4),
                call("cudaFree_v3020", -(2**62), 2**62 + 1, 5),  # longer than int64 can say
                {"start": 1, "end": 2, "nameId": 12345, "correlationId": "what", "globalTid": global_tid()},
            ],
            kernel=[on_gpu(0, 0, 11, demangledName="k")],  # CUPTI could not take the times
            NVTX_EVENTS=[
                {"start": 90, "end": None, "eventType": 59, "text": "open", "globalTid": global_tid()},
                {"start": 900, "end": None, "eventType": 59, "text": "open, last", "globalTid": global_tid()},
                {"start": None, "end": 100, "eventType": 59, "text": "no start", "globalTid": global_tid()},
                {"start": 95, "end": 96, "eventType": 59, "globalTid": global_tid()},
            ],
        )
    )
    assert rows(trace, "name", "start_ns", "dur_ns", "correlation") == [
        ("cudaLaunchKernel_v7000", 100, 100, 11),
        ("(no name)", 1, 1, None),
        ("open", 90, 110, None),  # to the end of the last event
        ("open, last", 900, 0, None),
        ("(no name)", 95, 1, None),
    ]
    assert problems(trace) == {
        "event-not-understood": 5,
        "time-not-taken": 1,
        "negative-duration": 1,
        "name-missing": 2,
        "range-left-open": 2,
    }


def test_times_that_would_overflow_are_counted(tmp_path: Path) -> None:
    days = 2**53 - 1000
    kernels = [on_gpu(start, start + days, 11, demangledName="k") for start in range(600)]
    trace = nsys.read(
        export(
            tmp_path / "e.sqlite",
            runtime=[LAUNCH, call("cudaFree_v3020", 5, 5 + 2**53, 1), call("cudaFree_v3020", 2**62, 2**62, 2)],
            kernel=kernels,
            NVTX_EVENTS=[{"start": -(2**60), "end": None, "eventType": 59, "text": "open", "globalTid": global_tid()}],
        )
    )
    # 2**62 / 2**53 kernels fit, and the open range would be longer than any event may be
    assert problems(trace)["event-not-understood"] == 2 + (600 - 512) + 1
    totals = as_plain(as_document(analyze(trace)))["totals"]
    assert totals["kernels"]["total_ns"] == 512 * days


def test_a_batch_of_copies_in_one_record_is_said(tmp_path: Path) -> None:
    copies = [on_gpu(1, 2, 3, bytes=8, copyKind=8, copyCount=7), on_gpu(2, 3, 4, bytes=8, copyKind=8, copyCount=1)]
    assert problems(nsys.read(export(tmp_path / "e.sqlite", memcpy=copies))) == {
        "copies-in-one-record": 1,
        "missing-table": 1,  # no API table at all
    }


def test_nvtx_alone_is_readable(tmp_path: Path) -> None:
    path = export(tmp_path / "e.sqlite", NVTX_EVENTS=tables_2021()["NVTX_EVENTS"])
    assert rows(nsys.read(path), "kind", "name") == [("range", "step"), ("range", "registered"), ("range", "by id")]


def test_missing_columns_are_absent_values(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start, end)")
        db.execute("INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1, 3)")
        db.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_MEMSET (bytes)")
        db.execute("CREATE TABLE NVTX_EVENTS (start INTEGER, end INTEGER, text TEXT)")
        db.execute("INSERT INTO NVTX_EVENTS VALUES (0, 5, 'r')")
    db.close()
    trace = nsys.read(path)
    assert rows(trace, "kind", "name", "process", "thread", "device", "correlation") == [
        ("kernel", "(no name)", None, None, None, None),
        ("range", "r", None, None, None, None),
    ]
    # MEMSET without times, no API table, no StringIds
    assert problems(trace) == {"missing-correlation": 1, "name-missing": 1, "missing-table": 3}


@pytest.mark.parametrize(
    ("tables", "devices"),
    [
        (  # a laptop with Windows: the system's number 0 is not CUDA's
            {"TARGET_INFO_GPU": [{"id": 0, "name": "Intel"}, {"id": 1, "name": "RTX", "cuDevice": 0}]},
            {0: "RTX"},
        ),
        ({"TARGET_INFO_GPU": [{"id": 0, "name": "A"}, {"id": 1, "name": "B"}]}, {0: "A", 1: "B"}),
        ({"TARGET_INFO_GPU": [{"name": "A"}]}, {0: "A"}),
        ({"TARGET_INFO_GPU": [{"name": "A"}, {"name": "B"}]}, {}),
        (  # CUDA_VISIBLE_DEVICES: device 0 of process 5 is the second GPU
            {
                "TARGET_INFO_GPU": [{"id": 0, "name": "A", "cuDevice": 0}, {"id": 1, "name": "B", "cuDevice": 1}],
                "TARGET_INFO_CUDA_DEVICE": [{"gpuId": 1, "cudaId": 0, "pid": 5}],
            },
            {0: "B"},
        ),
        ({}, {}),
    ],
)
def test_devices(tmp_path: Path, tables: dict[str, list[dict[str, object]]], devices: dict[int, str]) -> None:
    assert nsys.read(export(tmp_path / "e.sqlite", runtime=[LAUNCH], **tables)).devices == devices


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = export(tmp_path / "e.sqlite", runtime=[LAUNCH], kernel=[KERNEL])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE StringIds SET value = CAST(X'6bff' AS TEXT) WHERE value LIKE 'void k%'")
    db.close()
    assert rows(nsys.read(path), "name")[1] == ("k\\xff",)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_nothing_changes_on_disk_whatever_the_name(tmp_path: Path) -> None:
    path = export(tmp_path / "50% of ?a#b 'ü'.sqlite", runtime=[LAUNCH])
    before = digest(path)
    assert len(open_trace(path).events) == 1
    assert digest(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_in_wal_mode_is_read_with_its_log(tmp_path: Path) -> None:
    path = export(tmp_path / "e.sqlite", runtime=[LAUNCH])
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME SELECT * FROM CUPTI_ACTIVITY_KIND_RUNTIME")
    writer.commit()
    before = {found.name: digest(found) for found in tmp_path.iterdir() if not found.name.endswith("-shm")}
    assert set(before) == {"e.sqlite", "e.sqlite-wal"}
    assert len(nsys.read(path).events) == 2
    assert {found.name: digest(found) for found in tmp_path.iterdir() if not found.name.endswith("-shm")} == before
    writer.close()  # merges the log and removes it; the file stays in WAL mode
    assert list(tmp_path.iterdir()) == [path]
    assert len(nsys.read(path).events) == 2
    assert list(tmp_path.iterdir()) == [path]


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        nsys.read(path)
    text = str(error.value)
    assert text.startswith(str(path)) and "\n" not in text
    return text


def test_refused_what_is_no_export(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)
    assert "can't be read" in refused(tmp_path / "none.sqlite")
    text = tmp_path / "text.sqlite"
    text.write_text("not a database at all")
    assert "not a SQLite database" in refused(text)
    for table, words in (("t", "not an Nsight Systems export"), ("StringTable", "nvprof")):
        other = tmp_path / f"{table}.sqlite"
        with sqlite3.connect(other) as db:
            db.execute(f"CREATE TABLE {table} (a)")
        db.close()
        assert words in refused(other)


@pytest.mark.parametrize(
    "tables", [{}, {"runtime": []}, {"PROFILER_OVERHEAD": [{"start": 1, "end": 2, "nameId": "x"}]}]
)
def test_refused_what_holds_no_events(tmp_path: Path, tables: dict[str, list[dict[str, object]]]) -> None:
    assert "holds no events" in refused(export(tmp_path / "e.sqlite", **tables))


def test_refused_what_is_damaged(tmp_path: Path) -> None:
    calls = [call("cudaFree_v3020", i, i + 1, i + 1) for i in range(3000)]
    whole = export(tmp_path / "e.sqlite", runtime=calls).read_bytes()
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(whole[: len(whole) // 2])
    assert "cut short" in refused(path)
    path.write_bytes(whole[:50])
    assert "ends within its header" in refused(path)
    holed = bytearray(whole)
    middle = len(whole) // 4096 // 2 * 4096
    holed[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(holed)
    text = refused(path)
    assert "table CUPTI_ACTIVITY_KIND_RUNTIME" in text and "nsys export" in text
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    assert "damaged" in refused(path)


def test_refused_while_it_is_being_written(tmp_path: Path) -> None:
    path = export(tmp_path / "e.sqlite", runtime=[LAUNCH])
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN EXCLUSIVE")
    writer.execute("CREATE TABLE filler AS SELECT hex(randomblob(200000)) AS x")  # spills: the journal becomes hot
    assert "still being written" in refused(path)
    writer.execute("ROLLBACK")
    writer.close()
    assert len(nsys.read(path).events) == 1


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = export(tmp_path / "e.sqlite", runtime=[LAUNCH])
    path.chmod(0)
    assert "can't be read" in refused(path)


def test_progress_runs_to_the_size(tmp_path: Path) -> None:
    path = export(tmp_path / "e.sqlite", runtime=[call("cudaFree_v3020", i, i + 1, i + 1) for i in range(4500)])
    seen: list[tuple[int, int | None]] = []
    nsys.read(path, progress=lambda done, total: seen.append((done, total)))
    size = path.stat().st_size
    done = [so_far for so_far, _ in seen]
    # three chunks of at most 2,000 rows, and the end
    assert len(done) == 4 and done == sorted(done) and 0 < done[0] < size / 2 and done[-1] == size
    assert {total for _, total in seen} == {size}


times = st.one_of(st.none(), st.integers(-5, 20), st.sampled_from([2**63 - 1, -(2**63) + 1, "NaN", 2.5, "x", b"\xff"]))
small = st.one_of(st.none(), st.integers(-1, 3), st.sampled_from(["y", 1e300, b"", 2**40]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(times, times, small, small, small), max_size=6))
def test_whatever_the_cells_hold(tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[object, ...]]) -> None:
    """No value in any cell ends in a traceback, and every row is either in the table or counted."""
    path = tmp_path_factory.mktemp("any") / "e.sqlite"
    made = [on_gpu(0, 0, 0) | dict(zip(("start", "end", "deviceId", "correlationId", "demangledName"), row, strict=True))
            for row in cells]  # fmt: skip
    trace = nsys.read(export(path, runtime=[LAUNCH], kernel=made))
    counted = sum(trace.problems[code] for code in ("event-not-understood", "negative-duration", "time-not-taken"))
    assert len(trace.events) - 1 + counted == len(cells)
    usable = [(a, b) for a, b, *_ in cells if type(a) is int and type(b) is int and 0 <= b - a < 2**53 and (a or b)]
    usable = [(a, b) for a, b in usable if -(2**61) <= a < 2**62]
    kernels = trace.events[trace.events["kind"] == "kernel"]
    whole = [(int(a), int(a) + int(d)) for a, d in zip(kernels["start_ns"], kernels["dur_ns"], strict=True)]
    assert Counter(usable) <= Counter(whole), "a REAL may be cut to the same whole numbers besides"


def test_ids_are_packed_as_nsight_packs_them() -> None:
    """The made exports' own arithmetic: 8 bits hardware, 8 bits VM, 24 bits process, 24 bits thread."""
    assert global_tid() == MACHINE + PID * 2**24 + TID
    assert MACHINE == 281474976710656  # TARGET_INFO_GPU.vmId in every export that we saw


def unchanged(path: Path) -> Trace:
    """What the reader makes of an export, which it leaves as it is, and alone."""
    before, beside = digest(path), sorted(path.parent.iterdir())
    trace = nsys.read(path)
    assert digest(path) == before and sorted(path.parent.iterdir()) == beside
    return trace


@pytest.mark.parametrize(
    "name", [*filter(samples.is_nsys, (*samples.OURS, *samples.MADE)), *samples.of_others(samples.NSYS_OF_OTHERS)]
)
def test_every_row_equals_what_plain_sql_says(name: str, tmp_path: Path) -> None:
    path = samples.sample(name, tmp_path)
    trace, expected = unchanged(path), plain.nsys(path)
    columns = ("kind", "start_ns", "dur_ns", "process", "thread", "correlation", "device", "copy_kind", "bytes")
    assert Counter(rows(trace, *columns)) == Counter(map(as_event, expected.rows))
    named = trace.events[trace.events["kind"].isin(["api", "kernel", "range"])]
    assert Counter(zip(named["kind"], named["name"], strict=True)) == Counter(
        (row.kind, row.name) for row in expected.of("api", "kernel", "range")
    )


def as_event(row: plain.Row) -> tuple[object, ...]:
    ids = (None if number is None else str(number) for number in row.lane)
    return row.kind, row.start, row.length, *ids, row.correlation, row.device, row.copy_kind, row.bytes


@pytest.fixture(params=samples.of_others(FACTS))
def real(request: pytest.FixtureRequest) -> tuple[Trace, dict[str, Any]]:
    return unchanged(samples.published(request.param)), FACTS[request.param]


def sums(frame: pd.DataFrame, by: str, *what: str) -> dict[str, tuple[int, ...]]:
    """Per value of `by`: how many rows, and the sums of `what`."""
    groups = frame.groupby(by, observed=True)
    return {str(name): (len(group), *(int(group[column].sum()) for column in what)) for name, group in groups}


def test_real_exports(real: tuple[Trace, dict[str, Any]]) -> None:
    trace, facts = real
    frame = trace.events
    of = {kind: frame[frame["kind"] == kind] for kind in frame["kind"].cat.categories}
    assert (trace.recorded_by_version, trace.bytes, dict(trace.devices)) == (
        facts["version"],
        facts["bytes"],
        facts["devices"],
    )
    assert sums(of["api"], "name", "dur_ns") == facts["api"]
    kernels = facts["kernels"]
    assert sums(of["kernel"], "kind", "dur_ns") == {"kernel": (kernels["count"], kernels["total_ns"])}
    assert {name: count for name, (count,) in sums(of["kernel"], "name").items()} == facts["kernel_names"]
    copies = {kind: (row["count"], row["bytes"], row["total_ns"]) for kind, row in facts["memcpy"].items()}
    assert sums(of["memcpy"], "copy_kind", "bytes", "dur_ns") == copies
    if facts["memset"] is None:
        assert "memset" not in of
    else:
        assert sums(of["memset"], "kind", "bytes", "dur_ns") == {"memset": tuple(facts["memset"].values())}
    overhead, unlisted = facts["profiler_overhead"], facts["cuda_own_overhead"][0]
    assert sums(of["overhead"], "kind", "dur_ns") == {"overhead": overhead} if overhead[0] else "overhead" not in of
    assert problems(trace) == ({"cuda-overhead-left-out": unlisted} if unlisted else {})
    work = frame[frame["kind"] != "overhead"]
    assert int(work["start_ns"].min()) == facts["first_api_or_gpu_ns"]
    assert int((work["start_ns"] + work["dur_ns"]).max()) == facts["last_api_or_gpu_ns"]


def test_real_exports_join(real: tuple[Trace, dict[str, Any]]) -> None:
    """Ids, processes and union lengths, against what plain SQL says of the same rows."""
    trace, facts = real
    frame = trace.events
    api = frame[frame["kind"] == "api"]
    gpu = frame[frame["kind"].isin(["kernel", "memcpy", "memset"])]
    assert set(frame["process"].cat.categories) == {facts["process"]} and not frame["process"].isna().any()
    assert set(api["thread"]) == {facts["thread"]} and gpu["thread"].isna().all()
    joined = gpu.merge(api, on=["process", "correlation"], suffixes=("", "_call"))
    assert len(joined) == len(gpu)
    assert int((joined["start_ns"] >= joined["start_ns_call"] + joined["dur_ns_call"]).sum()) == facts["queued"]
    end = gpu["start_ns"] + gpu["dur_ns"]
    assert {"0": union_length(gpu["start_ns"].to_numpy(), end.to_numpy())} == facts["gpu_busy_ns"]


def test_reading_takes_a_few_bytes_of_memory_for_each_of_the_file(tmp_path):
    import runpy
    import tracemalloc

    # 30,000 rows of 37 bytes; traced are also columns of zeros that nothing is written to, which take no memory
    path = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "growth.py"))["nsys"]()(tmp_path, 10_000)
    tracemalloc.start()
    try:
        events = nsys.read(path).events
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(events) == 30_000
    assert peak < 5.5 * path.stat().st_size
