"""The CUPTI collector without a GPU: records as simple objects, and a made-up package `cupti` in the recorded process."""

import importlib.util
import json
import os
import sys
import threading
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest
import quick_workload
from typer.testing import CliRunner

import child_in_here
import made_cupti_package
from fake_cupti import (
    ActivityKind,
    ActivityOverheadKind,
    FakeCupti,
    Marker,
    api,
    external,
    kernel,
    memcpy,
    memset,
    overhead,
)
from launchlens.cli import app
from launchlens.kernels.registry import variants, workloads
from launchlens.profiling import child
from launchlens.profiling.collectors.catalogue import chosen as chosen_collectors
from launchlens.profiling.collectors.collector import Job
from launchlens.profiling.collectors.cupti import collector as module
from launchlens.profiling.collectors.cupti import file
from launchlens.profiling.collectors.cupti.collector import Cupti
from launchlens.profiling.collectors.cupti.demangling import demangled
from launchlens.profiling.collectors.cupti.session import Session
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.doctor import examine
from launchlens.profiling.run import Plan, run
from launchlens.profiling.timing import Entry
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.source import open_trace
from launchlens.traces.studies.study import study

THREAD = threading.get_ident() & 0xFFFFFFFF


def recorded(*records, ranges=("variant:x",), careful=False, **more):
    """The rows of a recording, as one dict each, its header, and the module it was made with."""
    module = FakeCupti(records, **more)
    session = Session(careful=careful, cupti=module)
    with session:
        for name in ranges:
            with session.named(name):
                pass
    columns = session.rows()
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows, session.header(), module


def only(rows, kind):
    (found,) = (row for row in rows if row["kind"] == kind)
    return {name: value for name, value in found.items() if value is not None}


# -- records to rows


def test_a_call_and_its_copy():
    rows, _, _ = recorded(api(41, 10, 20, 5), external(5, 1), memcpy(30, 40, 5), ranges=())
    call = only(rows, "api")
    assert call == {
        "kind": "api", "name": "cudaMemcpyAsync_v3020", "start_ns": 10, "end_ns": 20, "process": os.getpid(), "thread": 7,
        "correlation": 5, "layer": "runtime", "external": 1,
    }  # fmt: skip
    copy = only(rows, "memcpy")
    assert copy == {
        "kind": "memcpy", "name": "[CUDA memcpy DtoD]", "start_ns": 30, "end_ns": 40, "process": os.getpid(), "device": 0,
        "context": 1, "stream": 7, "correlation": 5, "bytes": 128, "copy_kind": "DtoD", "copies": 1, "channel": "compute",
        "channel_id": 3,
    }  # fmt: skip


def test_a_kernel_keeps_when_it_was_queued_and_submitted_and_its_name_is_readable():
    made = kernel("_Z4copyPiS_", 30, 40, 6, queued=21, submitted=25)
    rows, _, _ = recorded(api(652, 10, 20, 6, ActivityKind.DRIVER), made, ranges=())
    row = only(rows, "kernel")
    assert row["name"] == "copy(int*, int*)"
    assert (row["queued_ns"], row["submitted_ns"], row["completed_ns"]) == (21, 25, 40)
    assert only(rows, "api")["layer"] == "driver" and "external" not in only(rows, "api")


def test_zero_stands_for_none_where_cupti_says_so():
    rows, _, _ = recorded(memset(1, 2, 0, channel_type=0), kernel("k", 3, 4, 7, graph_id=9, graph_node_id=1 << 33))
    assert not {"correlation", "channel", "graph", "graph_node"} & set(only(rows, "memset"))
    row = only(rows, "kernel")
    assert (row["graph"], row["graph_node"]) == (9, 1 << 33) and "queued_ns" not in row


def test_numbers_that_no_int64_holds_are_none():
    rows, _, _ = recorded(memcpy(1, 2, 3, graph_node_id=(1 << 64) - 1, stream_id=1 << 63))
    assert not {"graph_node", "stream"} & set(only(rows, "memcpy"))


@pytest.mark.parametrize(("number", "name"), [(1, "HtoD"), (2, "DtoH"), (8, "DtoD"), (10, "PtoP"), (77, "kind 77")])
def test_copy_kinds(number, name):
    assert only(recorded(memcpy(1, 2, 3, copy_kind=number))[0], "memcpy")["copy_kind"] == name


@pytest.mark.parametrize(("number", "name"), [(1, "compute"), (2, "async-memcpy"), (3, "decompression"), (9, None)])
def test_channels(number, name):
    assert only(recorded(memcpy(1, 2, 3, channel_type=number))[0], "memcpy").get("channel") == name


def test_a_call_that_this_cupti_has_no_name_for_keeps_none():
    assert "name" not in only(recorded(api(9999, 1, 2, 3), ranges=())[0], "api")


def test_overhead_is_named_in_words_and_put_on_the_thread_of_its_call():
    flush = overhead(int(ActivityOverheadKind.CUPTI_BUFFER_FLUSH), 1, 2)
    rows, _, _ = recorded(flush, ranges=())
    assert only(rows, "overhead")["name"] == "cupti buffer flush" and "thread" not in only(rows, "overhead")
    loading = overhead(int(ActivityOverheadKind.LAZY_FUNCTION_LOADING), 1, 2, correlation=4)
    rows, _, _ = recorded(api(41, 1, 9, 4, thread=12), loading, overhead(123, 5, 6), ranges=())
    named = {row["name"]: row["thread"] for row in rows if row["kind"] == "overhead"}
    assert named == {"lazy function loading": 12, "kind 123": None}


def test_ranges_carry_their_number_and_each_push_has_its_pop():
    rows, _, module = recorded(ranges=("variant:a", "variant:b"))
    assert [(row["name"], row["external"], row["thread"]) for row in rows] == [
        ("variant:a", 1, THREAD), ("variant:b", 2, THREAD),
    ]  # fmt: skip
    assert rows[0]["start_ns"] < rows[0]["end_ns"] < rows[1]["start_ns"]
    assert module.pushed == [1, 2]


def test_ids_of_others_are_not_taken_for_ours():
    rows, _, _ = recorded(api(41, 1, 2, 5), external(5, 99, kind=1), ranges=())
    assert "external" not in only(rows, "api")


def test_nvtx_ranges_are_joined_by_their_id_and_an_end_is_never_asked_for_its_name():
    markers = (
        Marker(1, 2, 100, "outer"),
        Marker(2, 2, 110, "inner"),
        Marker(2, 4, 120),
        Marker(1, 4, 130),
        Marker(9, 4, 5),
    )
    rows, _, _ = recorded(*markers, Marker(3, 1, 140, "instant"), Marker(4, 2, 150, "open"), ranges=())
    found = [(row["name"], row["start_ns"], row["end_ns"], row["thread"], row["external"]) for row in rows]
    assert found == [("outer", 100, 130, 7, None), ("inner", 110, 120, 7, None), ("open", 150, None, 7, None)]


def test_only_kinds_known_to_be_harmless_are_asked_for():
    _, header, module = recorded()
    assert {kind.name for kind in module.enabled} == {
        "RUNTIME", "DRIVER", "CONCURRENT_KERNEL", "MEMCPY", "MEMSET", "EXTERNAL_CORRELATION", "OVERHEAD", "MEMCPY2", "MARKER",
    }  # fmt: skip
    assert module.disabled == module.enabled and module.latency == 1 and header.markers
    _, header, module = recorded(careful=True)
    assert not {"MARKER", "MEMCPY2"} & {kind.name for kind in module.enabled} and not header.markers


def test_what_was_lost_or_came_too_early_is_written_down():
    other = api(41, 1, 2, 5)
    other.kind = int(ActivityKind.SYNCHRONIZATION)
    rows, header, _ = recorded(other, early=[memcpy(1, 2, 3)], dropped=12)
    assert (header.dropped_records, header.buffers_while_recording, header.unknown_records) == (12, 1, 1)
    assert only(rows, "memcpy")["start_ns"] == 1, "what came early is kept"


def test_a_kind_that_is_needed_must_be_had_and_others_need_not():
    with pytest.raises(
        CollectorError, match="does not record CONCURRENT_KERNEL here: CUPTI_ERROR_NOT_COMPATIBLE"
    ) as caught:
        recorded(refuses={"CONCURRENT_KERNEL"})
    assert caught.value.for_good
    _, header, _ = recorded(refuses={"MARKER"})
    assert header.markers is False


def test_a_record_that_cannot_be_read_fails_the_recording_and_not_in_silence():
    broken = memcpy(1, 2, 3)
    del broken.bytes
    with pytest.raises(CollectorError, match=r"records can't be read: AttributeError.*bytes"):
        recorded(broken)


def test_the_fault_of_a_block_is_not_hidden_by_the_end_of_the_recording():
    broken = memcpy(1, 2, 3)
    del broken.bytes
    with pytest.raises(ZeroDivisionError), Session(cupti=FakeCupti([broken])):
        raise ZeroDivisionError


@pytest.mark.parametrize("name", ["_copy_kernel", "f", "_Znonsense", ""])
def test_names_that_are_not_of_c_plus_plus_stay(name):
    assert demangled(name) == name


def test_the_file_names_no_machine_and_reads_back(tmp_path):
    session = Session(
        cupti=FakeCupti(
            [api(41, 1_001_100, 1_001_200, 5, thread=THREAD), external(5, 1), memcpy(2_000_000, 2_000_800, 5)]
        )
    )
    with session, session.named("variant:x"):
        pass
    file.write(tmp_path / "x.parquet", session.rows(), session.header())
    header = json.loads(pq.read_schema(tmp_path / "x.parquet").metadata[b"launchlens"])
    assert set(header) <= {
        "format", "cupti_python", "torch", "devices", "dropped_records", "buffers_while_recording", "unknown_records", "markers",
    }  # fmt: skip
    pq.write_table(pq.read_table(tmp_path / "x.parquet"), tmp_path / "unpacked", compression="none")
    plain = (tmp_path / "x.parquet").read_bytes() + (tmp_path / "unpacked").read_bytes()
    assert b"variant:x" in plain and os.uname().nodename.encode() not in plain
    trace = open_trace(tmp_path / "x.parquet")
    assert trace.recorded_by == "cupti" and not list(trace.problems)
    assert trace.events["kind"].value_counts().to_dict().items() >= {"range": 1, "api": 1, "memcpy": 1}.items()


def test_a_recording_without_any_record_can_still_be_written(tmp_path):
    session = Session(cupti=FakeCupti())
    with session:
        pass
    file.write(tmp_path / "x.parquet", session.rows(), session.header())
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 0


# -- the recorded process


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Puts the made-up package `cupti` where the recorded process finds it, in the given mode; it may record the CPU."""
    path = made_cupti_package.put(tmp_path)
    monkeypatch.setattr(Cupti, "check", lambda self, device: None)

    def put(mode="works", *, real_process=False):
        monkeypatch.setenv("LAUNCHLENS_TEST_CUPTI", mode)
        if real_process:
            # the real torch, which is asked only for names of GPUs, takes longer to load than all else there
            monkeypatch.setenv("PYTHONPATH", f"{path}{os.pathsep}{made_cupti_package.put_torch(tmp_path)}")
            return
        monkeypatch.syspath_prepend(path)
        child_in_here.use(monkeypatch)

    yield put
    for name in ("cupti", "cupti.cupti"):
        sys.modules.pop(name, None)


def small_copies():
    return next(spec for spec in workloads() if spec.name == "small-copies")


def record(folder, *names, workload=None):
    entries = [Entry(name, "eager", lambda: None) for name in names]
    return Cupti().record(Job(workload or small_copies(), entries, folder, "eager", 2, 2, "cpu"), lambda done: None)


class Steps:
    @contextmanager
    def step(self, text, total):
        yield lambda done: None


def plan(*collectors):
    chosen = [made for made in variants("small-copies") if made.name in ("copy_", "foreach")]
    settings = {"rounds": 6, "iterations": 3, "recorded_rounds": 2, "recorded_iterations": 1}
    return Plan(small_copies(), chosen, "cpu", collectors=chosen_collectors(collectors), **settings)


def test_a_recording_is_kept_in_the_capture(stand_in, tmp_path):
    stand_in()
    made = record(tmp_path / "capture", "copy_", "foreach")
    assert (made.collector, made.path, made.rounds, made.iterations) == ("cupti", "cupti/eager.parquet", 2, 2)
    assert [path.name for path in (tmp_path / "capture" / "cupti").iterdir()] == ["eager.parquet"]
    trace = open_trace(tmp_path / "capture" / made.path)
    ranges = trace.events[trace.events["kind"] == "range"]["name"].astype(str).value_counts().to_dict()
    assert ranges == {
        "launchlens:warm-up": 1, "variant:copy_": 2, "variant:foreach": 2, "iteration:copy_": 3, "iteration:foreach": 3,
    }  # fmt: skip
    assert not list(trace.problems)


def test_a_real_process_that_breaks_down_is_tried_again_with_care(stand_in, tmp_path):
    stand_in("crash-with-markers", real_process=True)
    made = record(tmp_path, "one", workload=quick_workload.put(tmp_path))
    assert made.reference_ns["one"] > 0
    header = json.loads(pq.read_schema(tmp_path / made.path).metadata[b"launchlens"])
    assert header["markers"] is False


@pytest.mark.parametrize(
    ("mode", "said", "for_good"),
    [
        (
            "no-library",
            "cupti-python can't be used here: Failed to dlopen libcupti.so.13 .*pip install 'launchlens",
            True,
        ),
        ("refuses", "CUPTI does not record CONCURRENT_KERNEL here", True),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_kept(stand_in, tmp_path, mode, said, for_good):
    stand_in(mode)
    with pytest.raises(CollectorError, match=said) as caught:
        record(tmp_path / "capture", "copy_")
    assert caught.value.for_good is for_good and "\n" not in str(caught.value)
    assert not (tmp_path / "capture").exists()


def test_a_process_that_breaks_down_twice_is_given_up(stand_in, tmp_path, monkeypatch):
    stand_in()
    asked = []

    def command(request, folder):
        asked.append(request.task.careful)
        return ["/bin/sh", "-c", "kill -KILL $$"]

    monkeypatch.setattr(child, "command", command)
    with pytest.raises(CollectorError, match="the recorded process was ended by SIGKILL and left no answer") as caught:
        record(tmp_path / "capture", "copy_")
    assert asked == [False, True] and not caught.value.for_good and not (tmp_path / "capture").exists()


def test_a_variant_that_fails_there_is_quoted(stand_in, tmp_path):
    stand_in()
    with pytest.raises(
        CollectorError, match="the recorded process failed: LookupError: a new process knows no variant"
    ):
        record(tmp_path, "nix")


def test_nvtx_is_told_of_the_library_that_torch_loaded(monkeypatch):
    monkeypatch.setattr(module, "library", lambda: "/somewhere/libcupti.so.13")
    monkeypatch.delenv("NVTX_INJECTION64_PATH", raising=False)
    assert module._environment(markers=True)["NVTX_INJECTION64_PATH"] == "/somewhere/libcupti.so.13"
    assert "NVTX_INJECTION64_PATH" not in module._environment(markers=False)


def test_what_the_process_took_unprofiled_is_told(stand_in, tmp_path):
    stand_in()
    made = record(tmp_path / "capture", "copy_", "foreach")
    assert set(made.reference_ns) == {"copy_", "foreach"} and min(made.reference_ns.values()) > 0


def test_what_is_missing_is_named_with_how_to_get_it(monkeypatch):
    with pytest.raises(CollectorError, match="records CUDA, and this was measured on the CPU"):
        Cupti().check("cpu")
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CollectorError, match=r"cupti-python is missing: pip install 'launchlens\[cupti\]'"):
        Cupti().check("cuda")


# -- in a run


def test_a_capture_holds_what_both_recorded(stand_in, tmp_path):
    stand_in()
    run(plan("torch", "cupti"), tmp_path, Steps())
    capture = read_capture(tmp_path)
    assert [(each.collector, each.problem) for each in capture.manifest.traces] == [("torch", None), ("cupti", None)]
    found = study(capture)
    assert found.recordings["cupti", "copy_", "eager"].per_block["activities"].tolist() == [2, 2]


def test_without_cupti_the_others_go_on_and_the_manifest_says_why(stand_in, tmp_path):
    stand_in("no-library")
    run(plan("torch", "cupti"), tmp_path, Steps())
    torch_trace, cupti_trace = read_capture(tmp_path).manifest.traces
    assert torch_trace.problem is None and cupti_trace.path == "" and "libcupti.so.13" in cupti_trace.problem


def test_profile_says_what_was_not_recorded(tmp_path):
    chosen = [
        "--device",
        "cpu",
        "--rounds",
        "5",
        "--iterations",
        "2",
        "--variant",
        "foreach",
        "--output",
        str(tmp_path / "c"),
    ]
    result = CliRunner().invoke(app, ["profile", *chosen, "--collector", "cupti"])
    assert result.exit_code == 0
    assert "CUPTI recorded nothing (eager): CUPTI records CUDA, and this was measured on the CPU" in result.stderr
    assert "Not recorded with CUPTI (eager)" in (tmp_path / "c" / "report.html").read_text()


# -- doctor


def row_of_cupti():
    return next(row for row in examine() if row.name == "cupti")


def test_doctor_says_how_to_get_it(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cupti" else real(name))
    row = row_of_cupti()
    assert not row.found and "launchlens[cupti]" in row.get


@pytest.mark.skipif(importlib.util.find_spec("cupti") is not None, reason="cupti-python is here")
def test_a_folder_of_recordings_is_not_the_package(monkeypatch, tmp_path):
    """Where somebody stands in a capture, Python would import its folder `cupti` as a package without a file."""
    (tmp_path / "cupti").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    row = row_of_cupti()
    assert not row.found and "is there, but" not in row.get
    with pytest.raises(CollectorError, match="the package cupti-python is missing"):
        Cupti().check("cuda")


@pytest.mark.parametrize(
    ("code", "found"), [("pass", True), ("raise RuntimeError('no libcupti in /home/me/lib/x.so')", False)]
)
def test_doctor_tries_it_in_a_process_of_its_own(monkeypatch, code, found):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: real("json") if name == "cupti" else real(name))
    monkeypatch.setattr(module, "_TRY", code)
    row = row_of_cupti()
    assert row.found is found
    if not found:
        assert "is there, but RuntimeError: no libcupti in x.so" in row.get and "/home" not in row.get
