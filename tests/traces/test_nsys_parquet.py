"""Folders of parquet tables (`nsys export --type parquetdir`): the same table as from sqlite, and what is refused."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.made_nsys import TID, as_parquet, call, export, global_pid, global_tid, on_gpu
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys import parquet as nsys_parquet
from launchlens.traces.readers.nsys import reader as nsys
from launchlens.traces.source import open_trace
from launchlens.traces.trace import Trace

TABLES: dict[str, Any] = {
    "runtime": [
        call("cudaLaunchKernel_v7000", 100, 200, 11),
        call("cudaMemcpyAsync_v3020", 210, 230, 12),
        call("cuMemsetD8Async", 240, 250, 13),
        call("cudaGraphLaunch_v10000", 260, 270, 14),
        call("cudaGraphLaunch_v10000", 280, 290, 15),
        call("cudaStreamSynchronize_v3020", 300, 900, 16),
    ],
    "kernel": [
        on_gpu(300, 450, 11, demangledName="void k<int>(int*)", shortName="k"),
        on_gpu(600, 610, 14, demangledName="void k<int>(int*)", shortName="k", graphNodeId=2**34, graphId=5),
        on_gpu(620, 630, None, shortName="only short"),
    ],
    "memcpy": [
        on_gpu(460, 500, 12, bytes=4096, copyKind=8),
        on_gpu(505, 506, 0, bytes=8, copyKind=1, migrationCause=2),
    ],
    "memset": [on_gpu(510, 512, 13, bytes=64)],
    "graph_trace": [on_gpu(640, 700, 15, graphExecId=8, deviceId=2**31 - 1)],
    "NVTX_EVENTS": [
        {"start": 50, "end": 260, "eventType": 59, "text": "step", "globalTid": global_tid()},
        {"start": 60, "end": None, "eventType": 34, "text": "a mark", "globalTid": global_tid()},
        {"start": 70, "end": 90, "eventType": 60, "textId": "registered", "globalTid": global_tid(TID + 1)},
        {"start": 71, "end": 72, "eventType": 59, "text": "", "textId": "by id", "globalTid": global_tid()},
        {"start": 75, "end": None, "eventType": 59, "text": "left open", "globalTid": global_tid()},
        {"start": 76, "end": 77, "eventType": 59, "globalTid": global_tid()},
    ],
    "PROFILER_OVERHEAD": [{"start": 1, "end": 9, "globalTid": global_tid(), "nameId": "CUPTI Buffer flush"}],
    "ENUM_CUDA_MEMCPY_OPER": [{"id": 8, "name": "", "label": "Device-to-Device"}],
    "META_DATA_EXPORT": [
        {"name": "EXPORT_PRODUCT_VERSION", "value": "2026.1.1"},
        {"name": "EXPORT_SCHEMA_VERSION", "value": "3.24.14"},
    ],
    "TARGET_INFO_GPU": [{"id": 3, "name": "NVIDIA H200", "cuDevice": 0}],
    "TARGET_INFO_CUDA_DEVICE": [{"gpuId": 3, "cudaId": 0, "pid": 5}],
}


def both(tmp_path: Path, age: str = "2026", /, **tables: Any) -> tuple[Path, Path]:
    path = export(tmp_path / "e.sqlite", age, **tables)
    return path, as_parquet(path, tmp_path / "tables")


def problems(trace: Trace) -> dict[str, int]:
    return {problem.code: problem.count for problem in trace.problems}


def agree(sqlite: Path, folder: Path) -> pd.DataFrame:
    """The event table of both, which must be one; so must be all else that is known of them."""
    one, other = nsys.read(sqlite), nsys.read(folder)
    pd.testing.assert_frame_equal(one.events, other.events)
    assert problems(one) == problems(other)
    assert (one.recorded_by_version, one.devices) == (other.recorded_by_version, other.devices)
    return other.events


def test_both_give_the_same_table(tmp_path: Path) -> None:
    sqlite, folder = both(tmp_path, **TABLES)
    assert len(agree(sqlite, folder)) == 19
    found, expected = (as_plain(as_document(analyze(open_trace(path)))) for path in (folder, sqlite))
    assert found["source"]["devices"] == {"0": "NVIDIA H200"}
    assert found["source"]["bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    for document in (found, expected):
        del document["source"]["path"], document["source"]["bytes"]
    assert found == expected


def test_older_schemas_and_names_inline(tmp_path: Path) -> None:
    sqlite, folder = both(
        tmp_path,
        "2020",
        runtime=[{"start": 1, "end": 5, "globalTid": global_tid(), "correlationId": 3, "nameId": "cudaLaunch_v3020"}],
        kernel=[{"start": 6, "end": 9, "correlationId": 3, "name": "k", "deviceId": 0}],
        NVTX_EVENTS=[{"start": 0, "end": 20, "eventType": 59, "text": "12", "globalTid": global_tid()}],
        TARGET_INFO_CUDA_GPU=[{"deviceId": 0, "name": "Tesla V100"}],
    )
    assert list(agree(sqlite, folder)["name"]) == ["cudaLaunch_v3020", "k", "12"]


@pytest.mark.parametrize(
    "types",
    [
        {"start": "uint64", "end": "uint64", "deviceId": "int32", "correlationId": "int64"},
        {"start": "double", "end": "float", "correlationId": "string", "deviceId": "double"},
        {"globalTid": "int64", "globalPid": "int64", "eventType": "uint8", "nameId": "int32"},
    ],
)
def test_other_types_of_numbers(tmp_path: Path, types: dict[str, str]) -> None:
    sqlite = export(tmp_path / "e.sqlite", **TABLES)
    rows = {"correlationId": str} if types.get("correlationId") == "string" else {}
    folder = as_parquet(sqlite, tmp_path / "tables", {k: v for k, v in types.items() if k not in rows})
    for name in rows:
        for file in folder.glob("CUPTI*"):
            table = pq.read_table(file)
            at = table.schema.get_field_index(name)
            pq.write_table(table.set_column(at, name, table.column(name).cast(pa.string())), file)
    agree(sqlite, folder)


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())])
def test_other_types_of_text(tmp_path: Path, kind: Any) -> None:
    sqlite, folder = both(tmp_path, **TABLES)
    for name, column in (("NVTX_EVENTS", "text"), ("StringIds", "value")):
        file = folder / f"{name}.parquet"
        table = pq.read_table(file)
        column_at = table.schema.get_field_index(column)
        values = table.column(column)
        made = values.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else values.cast(kind)
        pq.write_table(table.set_column(column_at, column, made), file, row_group_size=2)
    agree(sqlite, folder)


def test_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nsys_parquet, "CHUNK", 2)
    agree(*both(tmp_path, **TABLES))


def test_numbers_beyond_int64_are_as_sqlite_holds_them(tmp_path: Path) -> None:
    """Nsight's sqlite wraps them: a node id of a graph, say, whose highest bit is set."""
    wrapped = on_gpu(300, 310, 11, demangledName="k", graphNodeId=-5, graphId=5)
    sqlite = export(tmp_path / "e.sqlite", runtime=TABLES["runtime"], kernel=[wrapped])
    folder = as_parquet(sqlite, tmp_path / "tables", {"graphNodeId": "int64"})
    file = folder / "CUPTI_ACTIVITY_KIND_KERNEL.parquet"
    table = pq.read_table(file)
    at = table.schema.get_field_index("graphNodeId")
    pq.write_table(table.set_column(at, "graphNodeId", pa.array([2**64 - 5], pa.uint64())), file)
    assert agree(sqlite, folder)["graph_node"].dropna().tolist() == [-5]


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    folder = both(tmp_path, **TABLES)[1]
    file = folder / "NVTX_EVENTS.parquet"
    table = pq.read_table(file)
    at = table.schema.get_field_index("text")
    raw = [None if text is None else text.encode() for text in table.column("text").to_pylist()]
    raw[0] = b"k\xff"
    pq.write_table(table.set_column(at, "text", pa.array(raw, pa.binary())), file)
    assert "k\\xff" in set(nsys.read(folder).events["name"])


def test_columns_of_no_use_are_absent(tmp_path: Path) -> None:
    """Lists and nothing but nulls hold no number; a table without times is counted, as one without these columns is."""
    _, folder = both(tmp_path, **TABLES)
    file = folder / "CUPTI_ACTIVITY_KIND_MEMSET.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(0, "start", pa.array([[1]])), file)
    file = folder / "CUPTI_ACTIVITY_KIND_MEMCPY.parquet"
    table = pq.read_table(file)
    at = table.schema.get_field_index("correlationId")
    pq.write_table(table.set_column(at, "correlationId", pa.nulls(2)), file)
    trace = nsys.read(folder)
    assert "memset" not in set(trace.events["kind"]) and trace.problems["missing-table"] == 1
    assert trace.events.loc[trace.events["kind"] == "memcpy", "correlation"].isna().all()


cells = st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1), st.integers(-2, 5))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, cells, cells, cells), min_size=1, max_size=5))
def test_whatever_the_cells_hold(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]) -> None:
    names = ("start", "end", "correlationId", "graphNodeId")
    made = [on_gpu(0, 0, 0) | dict(zip(names, row, strict=True)) for row in rows]
    tmp_path = tmp_path_factory.mktemp("any")
    sqlite = export(tmp_path / "e.sqlite", runtime=TABLES["runtime"], kernel=made)
    folder = as_parquet(sqlite, tmp_path / "tables", {"correlationId": "int64", "graphNodeId": "int64"})
    agree(sqlite, folder)


# -- what is refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return both(tmp_path, **TABLES)[1]


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        open_trace(path)
    text = str(error.value)
    assert text.startswith(str(path)) and "\n" not in text
    return text


def test_a_folder_that_is_no_export(tmp_path: Path, folder: Path) -> None:
    assert "holds 2 traces, and one is wanted here (name one file: e.sqlite, tables)" in refused(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    assert "is a folder, not a trace: it holds no table" in refused(other)
    pq.write_table(pa.table({"a": [1]}), other / "mine.parquet")
    assert "holds no table" in refused(other)
    (other / "NVTX_EVENTS.arrow").write_bytes(b"ARROW1")
    assert "--type parquetdir" in refused(other)
    (folder / "manifest.json").write_text("{}")
    assert "is a folder, not a trace (give a trace file, or use `report` for a capture)" in refused(folder)


def test_one_table_alone(folder: Path, tmp_path: Path) -> None:
    for name in ("NVTX_EVENTS", "StringIds", "CUPTI_ACTIVITY_KIND_KERNEL"):
        text = refused(folder / f"{name}.parquet")
        assert "is one table of an Nsight Systems export" in text and str(folder) in text.split("(")[1]
    renamed = (folder / "NVTX_EVENTS.parquet").rename(tmp_path / "mine.parquet")
    assert "is one table" in refused(renamed)


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, -4])
def test_a_table_that_is_not_whole(folder: Path, keep: float) -> None:
    file = folder / "CUPTI_ACTIVITY_KIND_KERNEL.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    text = refused(folder)
    assert "table CUPTI_ACTIVITY_KIND_KERNEL" in text and "damaged or not whole" in text and "nsys export" in text


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A table of an export, and what it holds: tests write another one in its place, beside few others, which are read each time."""
    beside = {name: TABLES[name] for name in ("runtime", "kernel", "META_DATA_EXPORT")}
    file = both(tmp_path_factory.mktemp("any"), **beside)[1] / "CUPTI_ACTIVITY_KIND_RUNTIME.parquet"
    return file, file.read_bytes()


@settings(max_examples=80, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(runtime: tuple[Path, bytes], at: float, byte: int) -> None:
    file, whole = runtime
    folder = file.parent
    data = bytearray(whole)
    data[int(at * len(data))] = byte
    file.unlink()
    file.write_bytes(data)
    try:
        analyze(open_trace(folder))
    except InputError as error:
        assert "\n" not in str(error)


def test_a_file_that_is_no_parquet(folder: Path) -> None:
    (folder / "TARGET_INFO_GPU.parquet").write_text("id,name\n0,H200\n")
    assert "table TARGET_INFO_GPU: is damaged" in refused(folder)


def test_tables_that_nobody_reads_are_never_opened(folder: Path) -> None:
    (folder / "SCHED_EVENTS.parquet").write_text("no parquet")
    (folder / "SCHED_EVENTS.parquet.part").write_text("no parquet")
    (folder / "notes.txt").write_text("mine")
    assert len(open_trace(folder).events) == 19


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    file = folder / "NVTX_EVENTS.parquet"
    moved = file.rename(tmp_path / "elsewhere.parquet")
    for target in (moved, Path("..") / "elsewhere.parquet"):
        file.symlink_to(target)
        assert "NVTX_EVENTS.parquet is a link that leads out of the folder" in refused(folder)
        file.unlink()
    file.symlink_to(file.name)
    assert "can't be read" in refused(folder)
    file.unlink()
    file.symlink_to("absent")
    assert "can't be read" in refused(folder)
    file.unlink()
    moved.rename(folder / "kept.table")
    file.symlink_to("kept.table")
    assert len(open_trace(folder).events) == 19
    file.unlink()
    os.mkfifo(file)
    assert "is not a regular file" in refused(folder)
    alias = tmp_path / "alias"
    file.unlink()
    alias.symlink_to(folder, target_is_directory=True)
    assert len(open_trace(alias).events) == 19 - 5


def test_more_rows_than_the_bytes_can_hold(folder: Path) -> None:
    """Ten million equal rows take a few bytes, and would fill the memory."""
    file = folder / "CUPTI_ACTIVITY_KIND_MEMSET.parquet"
    nothing = pa.array([0] * 10_000_000, pa.int64())
    pq.write_table(pa.table({"start": nothing, "end": nothing}), file, compression="zstd")
    text = refused(folder)
    assert "table CUPTI_ACTIVITY_KIND_MEMSET" in text and "can't hold the 10,000,000 rows" in text


def test_more_text_than_anybody_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nsys_parquet, "MOST_TEXT", 100)
    assert "its texts take" in refused(folder)


def test_one_long_text_in_many_rows_stays_one(folder: Path) -> None:
    rows, long = 90_000, "x" * 1_000_000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([long], pa.large_string()))
    number = pa.array(range(rows), pa.int64())
    pq.write_table(pa.table({"start": number, "end": number, "text": text}), folder / "NVTX_EVENTS.parquet")
    events = open_trace(folder).events
    assert (events["name"] == long).sum() == rows


def test_the_folder_is_left_as_it_is(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    open_trace(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


# -- every command that takes a trace


def test_commands_take_a_folder(folder: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "step" in run("analyze", folder)
    assert '"format": "launchlens.comparison/2"' in run("compare", f"{folder}::step", f"{folder}::by id", "--json")
    pytest.importorskip("perfetto")
    assert "slices" in run("export", folder, "--perfetto", "-o", tmp_path / "out.pftrace")


def test_a_process_is_told_by_its_global_id(tmp_path: Path) -> None:
    machine = 0x90 << 56  # beyond int64: sqlite holds it as a negative number
    signed = machine - 2**64
    sqlite = export(
        tmp_path / "e.sqlite",
        runtime=[call("cudaLaunchKernel_v7000", 1, 2, 3) | {"globalTid": global_tid(machine=signed)}],
        kernel=[on_gpu(3, 4, 3, demangledName="k") | {"globalPid": global_pid(machine=signed)}],
    )
    folder = as_parquet(sqlite, tmp_path / "tables", {"globalTid": "int64", "globalPid": "int64"})
    for name, column in (("RUNTIME", "globalTid"), ("KERNEL", "globalPid")):
        file = folder / f"CUPTI_ACTIVITY_KIND_{name}.parquet"
        table = pq.read_table(file)
        wrapped = pa.array([value % 2**64 for value in table.column(column).to_pylist()], pa.uint64())
        pq.write_table(table.set_column(table.schema.get_field_index(column), column, wrapped), file)
    assert set(agree(sqlite, folder)["process"]) == {"4711"}


# -- a real one

REAL = Path(__file__).parents[1] / "data" / "nsys" / "copies-graph-parquet"


def holds(found: Any, expected: Any) -> bool:
    """Whether `found` says all that `expected` does; of objects it may say more, as a later version would."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(holds, found, expected))
    return bool(found == expected)


def test_a_real_export_is_analyzed_as_the_sqlite_export_of_the_same_report() -> None:
    """What nsys 2025.3 wrote of one report: the truth is the analysis of its sqlite export (tests/data/nsys/README.md)."""
    expected = json.loads((REAL / "analysis-of-sqlite.json").read_text())
    found = as_plain(as_document(analyze(open_trace(REAL / "tables"))))
    assert holds(found, expected)
    assert found["totals"]["launches"]["graph"] == {
        "calls": 752,
        "with_gpu_activity": 752,
        "without_gpu_activity": 0,
    }
    assert found["problems"] == [] and found["source"]["devices"] == {"0": "NVIDIA H100 80GB HBM3"}
    expected["totals"]["gpu_busy_ns"]["0"] += 1
    assert not holds(found, expected), "one nanosecond is seen"


def test_nothing_in_it_names_a_machine_or_a_user() -> None:
    texts: set[str] = set()
    for file in sorted((REAL / "tables").iterdir()):
        table = pq.read_table(file)
        assert not table.schema.metadata
        if not file.stem.startswith(("ENUM_", "META_DATA_EXPORT")):
            texts |= {
                value for name in table.column_names for value in table[name].to_pylist() if isinstance(value, str)
            }
    texts -= {"GH100", "NVIDIA H100 80GB HBM3"}
    known = (
        "cuda",
        "cuProfiler",
        "variant:",
        "iteration:",
        "launchlens:",
        "void at::native::",
        "_ZN2at6native",
        "copy_",
    )
    others = {text for text in texts if not text.startswith(known)}
    assert others == {
        *("CUDA profiling data flush on cudaProfilerStop", "CUPTI Buffer flush", "NVTX profiling initialization"),
        *("Unknown", "multi_tensor_apply_kernel"),
    }
    meta = pq.read_table(REAL / "tables" / "META_DATA_EXPORT.parquet").to_pylist()
    assert all(row["name"].startswith("EXPORT_") for row in meta) and {row["value"] for row in meta} >= {
        "x64",
        "2025.3",
    }
    assert not any(re.search(r"HOST|USER|PATH|_FILE|ARGS", row["name"]) for row in meta)
    assert sum(file.stat().st_size for file in REAL.rglob("*") if file.is_file()) < 250_000
