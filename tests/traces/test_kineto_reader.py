"""Kineto traces into the event table: what each event becomes, exact times, and the ways a file may be written."""

import gc
import gzip
import json
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.problems import InputError
from launchlens.traces.readers.kineto import json_blocks
from launchlens.traces.readers.kineto import reader as kineto
from launchlens.traces.readers.kineto.categories import copy_kind
from launchlens.traces.readers.kineto.json_repair import repair
from launchlens.traces.readers.kineto.times import text_to_ns
from launchlens.traces.schema import COLUMNS, MAX_BYTES, MAX_DUR_NS, MAX_TOTAL_BYTES, validate
from launchlens.traces.source import open_trace
from launchlens.traces.trace import Trace

OP = '{"ph": "X", "cat": "cpu_op", "name": "aten::copy_", "pid": 1, "tid": 2, "ts": 10, "dur": 5}'


def read(tmp_path: Path, text: str | bytes, *, partial: bool = False) -> Trace:
    path = tmp_path / "trace.json"
    path.unlink(missing_ok=True)  # of a file that is written over, some file systems wait for the disk
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return kineto.read(path, partial=partial, progress=None)


def read_events(tmp_path: Path, *events: str) -> Trace:
    return read(tmp_path, '{"schemaVersion": 1, "traceEvents": [' + ",".join(events) + "]}")


def rows(trace: Trace) -> list[dict[str, Any]]:
    """The table's rows without their nulls."""
    validate(trace.events)
    columns = {column.name: trace.events[column.name].array for column in COLUMNS}
    columns = {name: values for name, values in columns.items() if not (values.isna().all() and len(values))}
    told = {name: values.astype(object).tolist() for name, values in columns.items()}
    return [
        {name: values[row] for name, values in told.items() if not pd.isna(values[row])}
        for row in range(len(trace.events))
    ]


def problems(trace: Trace) -> dict[str, int]:
    return {problem.code: problem.count for problem in trace.problems}


def test_each_kind_of_event_fills_its_columns(tmp_path):
    trace = read_events(
        tmp_path,
        '{"ph":"X","cat":"user_annotation","name":"variant:a","pid":1,"tid":2,"ts":1.5,"dur":100,"args":{"External id":1}}',
        OP,
        '{"ph":"X","cat":"cuda_runtime","name":"cudaMemcpyAsync","pid":1,"tid":2,"ts":11,"dur":2.001,'
        '"args":{"cbid":41,"correlation":7}}',
        '{"ph":"s","id":7,"pid":1,"tid":2,"ts":11,"cat":"ac2g","name":"ac2g"}',
        '{"ph":"X","cat":"cuda_driver","name":"cuLaunchKernel","pid":1,"tid":2,"ts":14,"dur":0.5,"args":{"correlation":8}}',
        '{"ph":"X","cat":"gpu_memcpy","name":"Memcpy DtoD (Device -> Device)","pid":0,"tid":7,"ts":20,"dur":0.736,'
        '"args":{"device":0,"context":1,"stream":7,"correlation":7,"bytes":128,"graph id":3,"graph node id":8589934593}}',
        '{"ph":"X","cat":"kernel","name":"copy","pid":0,"tid":7,"ts":21,"dur":1,'
        '"args":{"device":0,"context":1,"stream":7,"correlation":8,"bytes":9}}',
        '{"ph":"X","cat":"gpu_memset","name":"Memset (Device)","pid":1,"tid":9,"ts":22,"dur":1,'
        '"args":{"device":1,"context":2,"stream":9,"correlation":9,"bytes":64}}',
        '{"ph":"X","cat":"gpu_user_annotation","name":"variant:a","pid":0,"tid":7,"ts":20,"dur":2,"args":{"External id":1}}',
        '{"ph":"X","cat":"overhead","name":"Activity Buffer Request","pid":-1,"tid":0,"ts":30,"dur":1}',
        '{"ph":"X","cat":"overhead","name":"Lazy Function Loading","pid":1,"tid":2,"ts":30,"dur":1}',  # CUDA's own
        '{"ph":"X","cat":"overhead","name":"Instrumentation","pid":1,"tid":2,"ts":31,"dur":1}',
    )
    host = {"process": "1", "thread": "2"}
    assert rows(trace) == [
        {"kind": "range", "name": "variant:a", "start_ns": 1500, "dur_ns": 100_000} | host,
        {"kind": "op", "name": "aten::copy_", "start_ns": 10_000, "dur_ns": 5_000} | host,
        {"kind": "api", "name": "cudaMemcpyAsync", "start_ns": 11_000, "dur_ns": 2_001}
        | host
        | {"correlation": 7, "layer": "runtime"},
        {"kind": "api", "name": "cuLaunchKernel", "start_ns": 14_000, "dur_ns": 500}
        | host
        | {"correlation": 8, "layer": "driver"},
        {"kind": "memcpy", "name": "Memcpy DtoD (Device -> Device)", "start_ns": 20_000, "dur_ns": 736}
        | {"device": 0, "context": 1, "stream": 7, "correlation": 7, "bytes": 128, "copy_kind": "DtoD"}
        | {"graph": 3, "graph_node": 8589934593},
        {"kind": "kernel", "name": "copy", "start_ns": 21_000, "dur_ns": 1_000}
        | {"device": 0, "context": 1, "stream": 7, "correlation": 8},
        {"kind": "memset", "name": "Memset (Device)", "start_ns": 22_000, "dur_ns": 1_000}
        | {"device": 1, "context": 2, "stream": 9, "correlation": 9, "bytes": 64},
        {"kind": "gpu-range", "name": "variant:a", "start_ns": 20_000, "dur_ns": 2_000, "device": 0, "stream": 7},
        {"kind": "overhead", "name": "Activity Buffer Request", "start_ns": 30_000, "dur_ns": 1_000},
        {"kind": "overhead", "name": "Instrumentation", "start_ns": 31_000, "dur_ns": 1_000} | host,
    ]
    assert problems(trace) == {"cuda-overhead-left-out": 1}
    assert trace.recorded_by == "kineto" and trace.recorded_by_version == "schemaVersion 1"


@pytest.mark.parametrize(
    ("category", "kind", "layer"),
    [
        ("Operator", "op", None),
        ("CPU_OP", "op", None),
        ("Runtime", "api", "runtime"),
        ("hip_runtime", "api", "runtime"),
        ("xpu_runtime", "api", "runtime"),
        ("privateuse1_runtime", "api", "runtime"),
        ("privateuse1_driver", "api", "driver"),
        ("Kernel", "kernel", None),
        ("Memcpy", "memcpy", None),
        ("Memset", "memset", None),
    ],
)
def test_old_and_foreign_categories(tmp_path, category, kind, layer):
    event = json.dumps({"ph": "X", "cat": category, "name": "n", "pid": 0, "tid": "stream 7", "ts": 1, "dur": 1})
    (row,) = rows(read_events(tmp_path, event))
    assert (row["kind"], row.get("layer")) == (kind, layer)
    if kind in ("kernel", "memcpy", "memset"):
        assert (row["device"], row["stream"]) == (0, 7)  # from the process and "stream 7", as torch 1.9 has it
        assert "process" not in row and "thread" not in row


def test_what_is_left_out_is_counted(tmp_path):
    def event(**fields: Any) -> str:
        usual = {"ph": "X", "cat": "cpu_op", "name": "n", "pid": 1, "tid": 1, "ts": 1, "dur": 1}
        return json.dumps({key: value for key, value in (usual | fields).items() if value != "absent"})

    trace = read_events(
        tmp_path,
        OP,
        event(cat="python_function"),
        event(cat="python_function", ts="absent"),
        event(cat="cuda_sync"),
        event(cat="Trace", pid="Spans", tid=""),
        event(cat="absent"),
        event(cat=None),
        event(dur=-1),
        event(ts="absent"),
        event(ts=None),
        event(ts="soon"),
        event(dur="absent"),
        event(name="absent"),
        event(name=5),
        event(ts=10**17),
        event(ts=True),
        event(ph="B"),
        event(ph="absent"),
        event(ph="unheard of"),
        "12",
        '{"ph":"X","cat":"cpu_op","name":"n","ts":1e999,"dur":1}',
    )
    assert len(trace.events) == 1
    assert problems(trace) == {
        "python-stack-left-out": 2,
        "unknown-category": 1,
        "event-without-category": 2,
        "negative-duration": 1,
        "event-not-understood": 11,
        "half-an-event": 1,
    }


def half(phase: str, ts: str, name: str = "n", pid: int = 1, tid: int = 1, **args: Any) -> str:
    about = f',"cat":"cpu_op","name":"{name}","args":{json.dumps(args)}' if phase == "B" else ""
    return f'{{"ph":"{phase}"{about},"pid":{pid},"tid":{tid},"ts":{ts}}}'


@pytest.mark.parametrize("block", [1 << 20, 60])
def test_events_in_two_halves_are_put_together(tmp_path, monkeypatch, block):
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
    trace = read_events(
        tmp_path,
        half("B", "1712345678901234.567", "outer"),
        half("B", "1712345678901235.001", "inner"),
        half("B", "7", "of another thread", tid=2),
        half("E", "1712345678901236.002"),
        OP,
        half("E", '"1712345678901240.567"'),
        half("E", "9", tid=2),
    )
    found = {row["name"]: (row["start_ns"], row["dur_ns"], row["thread"]) for row in rows(trace)}
    assert found["outer"] == (1712345678901234567, 6_000, "1") and found["inner"][:2] == (1712345678901235001, 1_001)
    assert found["of another thread"] == (7_000, 2_000, "2") and len(found) == 4
    assert problems(trace) == {}


def test_half_an_event_is_counted(tmp_path):
    trace = read_events(tmp_path, OP, half("E", "1"), half("B", "2"), half("B", "3", tid=2), half("E", "4", tid=2))
    assert len(trace.events) == 2 and problems(trace) == {"half-an-event": 2}
    backwards = read_events(tmp_path, OP, half("B", "3"), half("E", "2"), half("B", '"soon"'), half("E", "4"))
    assert len(backwards.events) == 1 and problems(backwards) == {"negative-duration": 1, "event-not-understood": 1}


def test_gpu_rows_without_correlation_are_counted_and_null(tmp_path):
    kernel = '{"ph":"X","cat":"kernel","name":"k","pid":0,"tid":7,"ts":1,"dur":1,"args":{%s}}'
    trace = read_events(
        tmp_path, kernel % '"correlation":0', kernel % "", kernel % '"correlation":-1', kernel % '"correlation":5'
    )
    assert [row.get("correlation") for row in rows(trace)] == [None, None, None, 5]
    assert problems(trace) == {"missing-correlation": 3}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Memcpy HtoD (Pageable -> Device)", "HtoD"),
        ("Memcpy dtoh (Device -> Pinned)", "DtoH"),
        ("Memcpy PtoP (Device -> Device)", "PtoP"),
        ("CopyHostToDevice", "HtoD"),
        ("Memcpy M2D", "M2D"),
        ("blit", "blit"),
    ],
)
def test_copy_kinds(name, kind):
    assert copy_kind(name) == kind


def test_rocm_copies_take_their_kind_and_bytes_from_where_rocm_writes_them(tmp_path):
    call = '{"ph":"X","cat":"cuda_runtime","name":"hipMemcpyWithStream","pid":1,"tid":1,"ts":1,"dur":1,"args":{%s}}'
    copy = '{"ph":"X","cat":"gpu_memcpy","name":"CopyHostToDevice","pid":2,"tid":0,"ts":2,"dur":1,"args":{%s}}'
    trace = read_events(
        tmp_path,
        call % '"stream":"0x0","correlation":117,"size":"2560","kind":"1"',
        call % '"correlation":118,"size":"10"',
        call % '"correlation":118,"size":"20"',
        copy % '"device":2,"stream":0,"correlation":117,"kind":"DtoH"',
        copy % '"device":2,"stream":0,"correlation":118,"kind":"1"',
        copy % '"device":2,"stream":0,"correlation":119,"bytes":3',
    )
    copies = [row for row in rows(trace) if row["kind"] == "memcpy"]
    # two sizes on one id say nothing of either
    assert [(row["copy_kind"], row.get("bytes")) for row in copies] == [("DtoH", 2560), ("HtoD", None), ("HtoD", 3)]


@pytest.mark.parametrize(
    ("ts", "ns"),
    [
        ("4398046511104.001", 4398046511104001),  # rint(ts * 1000) is off by one from here on
        ("4503599627370.497", 4503599627370497),
        ("8796093022207.999", 8796093022207999),
        ("1712345678901234.567", 1712345678901234567),  # no float holds these nanoseconds
        ("1712345678901234", 1712345678901234000),
        ('"1712345678901234.567"', 1712345678901234567),
        ('" 12.5 "', 12500),
        ("0.001", 1),
        ("-0.001", -1),
        ("1.5e3", 1500000),
        ("9007199254740993", None),  # beyond 146 years: no clock says that
        ("4611686018427387", 4611686018427387000),
    ],
)
@pytest.mark.parametrize("neighbour", ["1", "0.5", '"2"'])
def test_times_are_exact(tmp_path, ts, ns, neighbour):
    event = '{"ph":"X","cat":"cpu_op","name":"n","pid":1,"tid":1,"ts":%s,"dur":%s}'
    trace = read_events(tmp_path, event % (ts, "0.001"), event % (neighbour, neighbour))
    assert trace.events["start_ns"].tolist()[0] == ns if ns is not None else len(trace.events) == 1
    if ns is not None:
        assert trace.events["dur_ns"].tolist()[0] == 1


def test_text_to_ns_refuses_what_is_no_finite_number():
    assert [text_to_ns(text) for text in ("nan", "-Infinity", "", "null", "1e999999999", "9" * 5000, "1e-999999")] == [
        *[None] * 6,
        0,
    ]


def test_times_whose_sums_would_overflow_are_counted(tmp_path):
    def kernel(ts: float, dur: float) -> str:
        event = {"ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "ts": ts, "dur": dur}
        return json.dumps(event | {"args": {"device": 0, "stream": 7, "correlation": 1}})

    immense = [kernel(0, 4.5e15), kernel(-(2**52), 1), kernel(1, 2**53 / 1000 + 1)]
    trace = read_events(tmp_path, *immense, kernel(10, 5), kernel(12, 9_007_199_254_740))
    assert problems(trace) == {"event-not-understood": 3}
    assert trace.events["dur_ns"].tolist() == [5_000, 9_007_199_254_740_000]

    many = [kernel(10, 9_007_199_254_740) for _ in range(2_000)]
    call = json.dumps({"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "ts": 1,
                       "dur": 2, "args": {"correlation": 1}})  # fmt: skip
    trace = read_events(tmp_path, call, *many)
    assert len(trace.events) == 1 + 512 and problems(trace) == {"event-not-understood": 2_000 - 512}
    found = as_plain(as_document(analyze(trace)))
    assert found["totals"]["kernels"]["total_ns"] == 512 * 9_007_199_254_740_000
    assert found["totals"]["launches"]["kernel"]["with_gpu_activity"] == 1
    assert sum(cell["ns"] for cell in found["account"]["cells"]) == found["account"]["window_ns"]


def test_sizes_that_nothing_has_are_unknown_and_counted(tmp_path):
    def copy(size: int) -> str:
        args = {"device": 0, "stream": 7, "correlation": 1, "bytes": size}
        event = {"ph": "X", "cat": "gpu_memcpy", "name": "Memcpy HtoD", "pid": 0, "tid": 7, "ts": 10, "dur": 5}
        return json.dumps(event | {"args": args})

    sizes = [MAX_BYTES - 1, MAX_BYTES, 2**63 - 1, 1940, 0]
    trace = read_events(tmp_path, OP, *map(copy, sizes))
    assert problems(trace) == {"size-not-understood": 2}
    assert trace.events["bytes"].astype(object).where(trace.events["bytes"].notna(), None).tolist() == [
        None, MAX_BYTES - 1, None, None, 1940, 0,
    ]  # fmt: skip
    document = as_plain(as_document(analyze(trace)))
    assert document["totals"]["memcpy"]["HtoD"]["bytes"] == MAX_BYTES - 1 + 1940

    trace = read_events(tmp_path, OP, *[copy(MAX_BYTES - 1) for _ in range(100)])
    kept = MAX_TOTAL_BYTES // MAX_BYTES  # so many fit, and what they move in all is less than they could
    assert trace.events["bytes"].notna().sum() == kept and problems(trace) == {"size-not-understood": 100 - kept}


@pytest.mark.parametrize("pretty", [None, 2])
def test_keys_stand_before_or_after_the_events(tmp_path, pretty):
    events = [json.loads(OP)]
    about = {
        "schemaVersion": 1,
        "deviceProperties": [{"id": 0, "name": "NVIDIA H200"}, {"id": 1, "name": "NVIDIA H200"}],
        "cuda_runtime_version": 13000,
        "baseTimeNanoseconds": 1727743122000000000,
        "traceName": 'a[}]\\ "traceEvents": [',
        "other": [{"ph": "X"}, {"ph": "X"}],
    }
    for document in (about | {"traceEvents": events}, {"traceEvents": events} | about):
        trace = read(tmp_path, json.dumps(document, indent=pretty))
        assert rows(trace) == rows(read_events(tmp_path, OP))
        assert dict(trace.devices) == {0: "NVIDIA H200", 1: "NVIDIA H200"}
        assert trace.looked_for_gpu is False  # of that machine's GPUs nothing was recorded, not even a wait for them
        assert trace.recorded_by_version == "schemaVersion 1"
        assert trace.meta["base_ns"] == 1727743122000000000 and trace.meta["cuda_runtime_version"] == 13000
        assert trace.meta["traceName"] == about["traceName"]


def test_a_bare_array_and_a_byte_order_mark(tmp_path):
    for text in (f"[{OP}]", f" \n[\n{OP}\n]\n", b"\xef\xbb\xbf[" + OP.encode() + b"]"):
        trace = read(tmp_path, text)
        assert rows(trace) == rows(read_events(tmp_path, OP))
        assert trace.recorded_by_version is None and dict(trace.devices) == {} and trace.looked_for_gpu is None


def test_process_and_thread_names_are_kept_apart(tmp_path):
    name = '{"name":"thread_name","ph":"M","ts":1,"pid":1,"tid":2,"args":{"name":"main <thread>"}}'
    trace = read_events(tmp_path, name, OP, '{"name":"process_labels","ph":"M","pid":1,"args":{"labels":"CPU"}}')
    assert trace.meta["thread_names"] == {("1", "2"): "main <thread>"}
    assert "process_names" not in trace.meta


def test_ids_of_several_types_in_one_file_are_one_text(tmp_path):
    event = '{"ph":"X","cat":"cpu_op","name":"n","pid":%s,"tid":%s,"ts":1,"dur":1}'
    trace = read_events(
        tmp_path, event % ("7", '"7"'), event % ('"7"', "7"), event % ("4294967297", "-5"), event % ('""', "null")
    )
    assert [(row.get("process"), row.get("thread")) for row in rows(trace)] == [
        ("7", "7"),
        ("7", "7"),
        ("4294967297", "-5"),
        (None, None),
    ]


def test_gzip_and_plain_read_the_same_with_and_without_isal(tmp_path, monkeypatch):
    from launchlens.traces.readers import byte_source

    plain = json.dumps({"traceEvents": [json.loads(OP) | {"ts": number} for number in range(20_000)]}).encode()
    path = tmp_path / "trace.json"  # told by its first bytes, not by its name
    seen: list[tuple[int, int | None]] = []
    expected = read(tmp_path, plain).events
    for isal in (True, False):
        if not isal:
            monkeypatch.setattr(byte_source, "igzip_threaded", None)
        path.write_bytes(gzip.compress(plain[:1000]) + gzip.compress(plain[1000:]))  # several members, as bgzip writes
        trace = kineto.read(path, partial=False, progress=lambda done, total: seen.append((done, total)))
        assert trace.events.equals(expected)
        assert trace.bytes == path.stat().st_size == seen[-1][0] == seen[-1][1]


def test_open_trace_finds_this_reader(tmp_path):
    path = tmp_path / "no suffix"
    path.write_text(f"[{OP}]")
    assert open_trace(path).recorded_by == "kineto"


def test_the_cycle_collector_is_as_it_was(tmp_path):
    assert gc.isenabled()
    read_events(tmp_path, OP)
    assert gc.isenabled()
    with pytest.raises(InputError):
        read(tmp_path, "[")
    assert gc.isenabled()
    gc.disable()
    try:
        read_events(tmp_path, OP)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_memory_does_not_grow_with_what_is_left_out(tmp_path):
    import tracemalloc

    left_out = json.dumps({"ph": "X", "cat": "python_function", "name": "x" * 2000, "ts": 1, "dur": 1})
    path = tmp_path / "trace.json"
    with open(path, "w") as file:
        file.write("[" + OP)
        file.writelines("," + left_out.replace("xxx", str(number), 1) for number in range(20_000))
        file.write("]")
    assert path.stat().st_size > 40e6
    tracemalloc.start()
    try:
        trace = kineto.read(path, partial=False, progress=None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert problems(trace) == {"python-stack-left-out": 20_000}
    assert peak < 12e6


# any events, at any block size

NASTY = ["},{", '"}],[{', "\\", "\x00\n", "}] , {"]
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(NASTY)
junk = st.recursive(
    st.none() | st.integers() | names,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(names, some, max_size=3),
)


class AnyEvent:
    """An event made of one number that was drawn: to draw each of its parts takes longer than to read it."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)

    def name(self) -> str:
        if self.chance.randrange(4) == 0:
            return self.chance.choice(NASTY)
        return "".join(map(self.letter, range(self.chance.randrange(13))))

    def letter(self, _: int) -> str:
        # of one byte, of two, of three less the halves of pairs, of four
        low, high = self.chance.choice([(0, 0x80), (0x20, 0x80), (0x80, 0x800), (0x800, 0xD800), (0xE000, 0x110000)])
        return chr(self.chance.randrange(low, high))

    def micros(self) -> int | Decimal:
        if self.chance.randrange(2):
            return self.chance.getrandbits(self.chance.randrange(44))
        return Decimal(self.chance.randrange((1 << self.chance.randrange(53)) * 1000)) / 1000

    def junk(self, deep: int = 0) -> Any:
        kind = self.chance.randrange(5 if deep < 3 else 3)
        if kind < 3:
            return [None, self.chance.getrandbits(70) - 2**69 if kind == 1 else None, self.name()][kind]
        inner = [self.junk(deep + 1) for _ in range(self.chance.randrange(4))]
        return inner if kind == 3 else {self.name(): each for each in inner}

    def event(self) -> dict[str, Any]:
        chance = self.chance
        made: dict[str, Any] = {
            "ph": chance.choice("XXXfMi"),
            "ts": self.micros(),
            "dur": self.micros(),
            "name": self.name(),
        }
        if chance.randrange(4):
            made["cat"] = chance.choice(["cpu_op", "kernel", "user_annotation", "python_function", "ac2g"])
        if chance.randrange(2):
            more = {self.name(): self.junk() for _ in range(chance.randrange(4))}
            made["args"] = {"Input Dims": [{"a": 1}, {"b": 2}]} | more
        if chance.randrange(2):
            made["junk"] = self.junk()
        return made


any_event = st.integers(0, 2**32 - 1).map(lambda seed: AnyEvent(seed).event())


def as_json(events: list[dict[str, Any]], *, indent: int | None) -> str:
    # json can't write a Decimal, so its digits are put in afterwards
    digits: list[str] = []

    def mark(value: Any) -> str:
        digits.append(f"{value:f}")
        return f"@@{len(digits) - 1}@@"

    text = json.dumps({"traceEvents": events, "after": [{"ph": "X"}, {"ph": "X"}]}, default=mark, indent=indent)
    for number, each in enumerate(digits):
        text = text.replace(f'"@@{number}@@"', each)
    return text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(any_event, max_size=12),
    indent=st.sampled_from([None, 1]),
    block=st.sampled_from([1, 7, 64, 300, 1 << 20]),
    compress=st.booleans(),
)
@example(events=[], indent=None, block=1, compress=False)
def test_any_events_equal_what_json_and_decimal_say(tmp_path, events, indent, block, compress):
    # longer ones are refused on purpose, and counted (test_times_whose_sums_would_overflow_are_counted)
    assume(all(each.get("dur", 0) * 1000 < MAX_DUR_NS for each in events))
    events = [*events, json.loads(OP)]
    text = as_json(events, indent=indent)
    expected = [
        (each["name"], int(each["ts"] * 1000), int(each["dur"] * 1000))
        for each in json.loads(text, parse_float=Decimal)["traceEvents"]
        if each["ph"] == "X" and each.get("cat") in ("cpu_op", "kernel", "user_annotation")
    ]
    path = tmp_path / "trace"
    path.unlink(missing_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 1) if compress else text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_blocks, "BLOCK_BYTES", block)
        trace = kineto.read(path, partial=False, progress=None)
    table = trace.events
    assert list(zip(table["name"], table["start_ns"], table["dur_ns"], strict=True)) == expected
    assert set(problems(trace)) <= {
        "event-without-category",
        "unknown-category",
        "python-stack-left-out",
        "missing-correlation",
    }


def test_no_block_size_changes_what_is_read(tmp_path, monkeypatch):
    event = (
        '{"ph":"X","cat":"cpu_op","name":"},\\n{ %s","pid":1,"tid":2,"ts":%s,"dur":1,"args":{"a":[{"b":1}, {"c":"]"}]}}'
    )
    text = (
        '{"k": ["traceEvents", {}],\n "traceEvents" : [\n '
        + " ,\n ".join(event % (n, n) for n in range(3))
        + ' ]\n, "z": [{}, {}]}'
    )
    expected = [
        {"kind": "op", "name": "},\n{ " + str(n), "start_ns": n * 1000, "dur_ns": 1000, "process": "1", "thread": "2"}
        for n in range(3)
    ]
    for block in range(1, len(text) + 2):
        monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
        trace = read(tmp_path, text)
        assert rows(trace) == expected and problems(trace) == {}, block


@given(junk)
def test_repair_changes_nothing_that_is_valid(value):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert repair(text.encode()) == (text.encode(), 0)


@pytest.mark.parametrize(
    ("name", "is_the_profilers"),
    [
        ("Buffer Flush", True),
        ("Activity Buffer Request", True),
        ("Instrumentation", True),
        ("Resource", True),
        ("UVM Activity Init", True),
        ("CUPTI Resource Management", True),
        ("Lazy Function Loading", False),
        ("Runtime Triggered Module Loading", False),
        ("Driver Compiler", False),
        ("Command Buffer Full", False),
        ("Unknown", False),
    ],
)
def test_only_the_profiler_s_own_work_is_overhead(tmp_path, name, is_the_profilers):
    overhead = f'{{"ph":"X","cat":"overhead","name":"{name}","pid":1,"tid":2,"ts":30,"dur":1}}'
    trace = read_events(tmp_path, OP, overhead)
    assert [row["name"] for row in rows(trace) if row["kind"] == "overhead"] == ([name] if is_the_profilers else [])
    assert problems(trace) == ({} if is_the_profilers else {"cuda-overhead-left-out": 1})
