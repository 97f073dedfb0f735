"""A scrubbed copy holds nothing planted, byte for byte, and has the same analysis; the input and failures leave no mark."""

import doctest
import gzip
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from traces.made_nsys import as_parquet, call, export, global_pid, global_tid, on_gpu

from events import events, gpu, host
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.captures.capture import TIMING_COLUMNS
from launchlens.traces.documents.analysis import AnalysisDocument
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.problems import InputError
from launchlens.traces.readers.light.schema import FORMAT as LIGHT_FORMAT
from launchlens.traces.readers.light.schema import SCHEMA as LIGHT
from launchlens.traces.scrub import kineto as scrub_kineto
from launchlens.traces.scrub import light
from launchlens.traces.scrub import scrub as scrub_module
from launchlens.traces.scrub import text as scrub_text
from launchlens.traces.scrub.kineto_keys import ARGUMENTS, DEVICE, HEAD, JOB
from launchlens.traces.scrub.scrub import Scrubbed, scrub
from launchlens.traces.scrub.text import Removed
from launchlens.traces.source import OneTrace, open_trace
from launchlens.traces.trace import Trace
from traces import samples

#: What is planted, wherever a recorder might write it. None of it may be in a copy.
USER, HOST, KEY = "adalovelace", "analytical-engine.example.net", "WANDB_API_KEY=c0ffee1815"
HOME = f"/home/{USER}/difference engine/notes"
UUID, MAC, IP, BUS = "5ca1ab1e-dead-beef-cafe-0123456789ab", "aa:bb:cc:dd:ee:ff", "10.18.15.10", "0000:3b:00.0"
PLANTED = [USER, HOST, "c0ffee1815", "difference engine", UUID, MAC, IP, BUS, "babbage"]


def content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def planted_in(path: Path) -> list[str]:
    data = content(path)
    spelled = [(secret, each) for secret in PLANTED for each in (secret, secret.upper(), secret.encode("utf-16-le"))]
    return [s for s, each in spelled if (each if isinstance(each, bytes) else each.encode()) in data]


def analysis(path: Path) -> dict[str, Any]:
    return _as_compared(as_document(analyze(open_trace(path))))


def _as_compared(found: AnalysisDocument) -> dict[str, Any]:
    document = as_plain(found)
    del document["source"]["path"], document["source"]["bytes"]
    return document


@pytest.fixture
def analysis_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, Any]]:
    """`analysis`, for which the same bytes are read and worked out once, by scrub as well: its proof is of the same two files."""
    read = OneTrace.read
    traces: dict[tuple[str, bytes], Trace] = {}
    known: dict[tuple[Callable[..., Any], int], tuple[Any, Any]] = {}

    def read_once(one: OneTrace, **more: Any) -> Trace:
        key = one.reader.label, one.path.read_bytes()
        if key not in traces:
            traces[key] = read(one, **more)
        return traces[key]

    def once(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def worked_out(of: Any) -> Any:
            if (work, id(of)) not in known:
                known[work, id(of)] = of, work(of)  # kept as long as its id is a key
            return known[work, id(of)][1]

        return worked_out

    analyzed, as_one_document = once(analyze), once(as_document)
    monkeypatch.setattr(OneTrace, "read", read_once)
    monkeypatch.setattr(scrub_module, "analyze", analyzed)
    monkeypatch.setattr(scrub_module, "as_document", as_one_document)
    return lambda path: _as_compared(as_one_document(analyzed(open_trace(path))))


def scrubbed(path: Path, output: Path) -> Scrubbed:
    """Scrub, and check what holds for every file."""
    before = path.read_bytes()
    done = scrub(path, output)
    assert path.read_bytes() == before, "the input is as it was"
    assert sorted(each.name for each in path.parent.iterdir()) == sorted({path.name, output.name})
    assert done.bytes == output.stat().st_size and planted_in(output) == []
    return done


# -- real traces


@pytest.mark.parametrize("name", [*samples.OURS, *samples.MADE])
def test_what_names_no_machine_keeps_its_analysis(name, tmp_path, analysis_once) -> None:
    path = copied(samples.sample(name, tmp_path), tmp_path / "in")
    output = path.with_name(f"out-{path.name}")
    scrubbed(path, output)
    assert analysis_once(output) == analysis_once(path)
    assert scrub(output, tmp_path / "again").removed == {}, "a second time, there is nothing left to remove"


def copied(path: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copyfile(path, folder / path.name)
    return folder / path.name


@pytest.mark.parametrize("name", samples.of_others())
def test_real_traces_keep_their_analysis_and_lose_their_names(name, tmp_path, analysis_once) -> None:
    path = copied(samples.published(name), tmp_path / "in")
    output = path.with_name(f"out-{name}")
    done = scrubbed(path, output)
    assert analysis_once(output) == analysis_once(path) and done.removed
    data = content(output)
    # who recorded them, found by eye in META_DATA_EXPORT, TARGET_INFO_SYSTEM_ENV, traceName, kernel_file, INFO, ...
    for secret in ("bard", "hangyudu", "train06", "bcoutinho", "0x822a5b873", "Yoga-Slim", "queue0", "bfeed93fe629"):
        assert secret.encode() not in data
    for secret in (
        "/home/",
        "/Users/",
        "quadd_session",
        "LD_LIBRARY_PATH",
        "HOSTNAME",
        "SHELL=",
        "f958e289",
        "16ebc1af",
    ):
        assert secret.encode() not in data
    assert scrub(output, tmp_path / "again").removed == {}, "a second time, there is nothing left to remove"


# -- Kineto


def planted_kineto() -> dict[str, Any]:
    thread = {"pid": 1, "tid": 2, "ts": 10.125, "dur": 5}
    api = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "args": {"correlation": 7}} | thread
    kernel = {"ph": "X", "cat": "kernel", "name": "void k<int>(int*)", "pid": 0, "tid": 7, "ts": 20.5, "dur": 1.25}
    op = {"ph": "X", "cat": "cpu_op", "name": "aten::copy_"} | thread
    frame = {"ph": "X", "cat": "python_function"} | thread
    return {
        "schemaVersion": 1,
        "deviceProperties": [{"id": 0, "name": "NVIDIA H200", "uuid": UUID, "pciBusId": BUS, "numSms": 132}],
        "distributedInfo": {"rank": 1, "backend": "nccl", "hostname": HOST, "pg_config": [{"desc": HOST}]},
        "host_name": HOST,
        "environment": {"PATH": HOME, "USER": USER, "KEY": KEY},
        "INFO": [f"INFO: {HOST} {USER}"],
        "node_uuid": 815,
        f"{HOME}/x": 1,
        "traceEvents": [
            api,
            kernel | {"args": {"device": 0, "stream": 7, "correlation": 7, "context": 1}},
            {"ph": "X", "cat": "user_annotation", "name": "step a/b 100%"} | thread | {"dur": 11},
            op | {"args": {"Call stack": f"{HOME}/loop.py(3): step;x", "Input type": ["float", f"see {HOME}"]}},
            op | {"args": {"kernel_file": f"/tmp/torchinductor_{USER}/x.py", "env": {"deep": [KEY, {"x": KEY}]}}},
            op | {"args": {"hostName": HOST, "ip": IP, "macAddress": MAC, "userName": USER, "cmd": ["x", USER], HOME: {HOME: 1}}},
            op | {"name": f"load {HOME}/x.bin, then C:\\Users\\{USER}\\my data", "args": f"~{USER}/x"},
            op | {"name": "profiler_step", "args": {"note": f"A=1\0{KEY}\0", "url": f"http://{HOST}/x", "u": f"ssh://{HOST}"}},
            frame | {"name": f"{HOME}/loop.py(12): step", "args": {"Python id": 1}},
            frame | {"name": f"C:\\Users\\{USER}\\loop.py(12): step"},
            frame | {"name": "<built-in method item of Tensor object at 0x7f>"},
            {"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": f"babbage {USER}"}},
            {"ph": "M", "name": "process_labels", "pid": 1, "tid": 0, "args": {"labels": f"CPU {HOST}"}},
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": 2, "args": {"name": f"thread 2 ({USER})"}},
            {"ph": "M", "name": "thread_name", "pid": 0, "tid": 7, "args": {"name": "stream 7 "}},
            {"ph": "i", "name": f"Iteration Start: {HOME}", "pid": "Traces", "tid": "x", "ts": 1, "s": "g"},
            {"ph": "s", "id": 7, "pid": 1, "tid": 2, "ts": 11, "cat": "ac2g", "name": "ac2g"},
        ],
        "traceName": f"{HOME}/trace.json",
        "user_metadata": {"owner": USER},
        "displayTimeUnit": "ms",
        "baseTimeNanoseconds": 1727743122000000000,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_a_kineto_trace_loses_what_was_planted_and_nothing_else(tmp_path, suffix) -> None:
    path, output = tmp_path / "trace.json", tmp_path / f"out{suffix}"
    text = json.dumps(planted_kineto())
    # the same paths, as other writers spell them
    path.write_text(text.replace(f"see {HOME}", f"see \\/home\\/{USER} \\u002fhome\\u002f{USER}"))
    done = scrubbed(path, output)
    assert output.read_bytes().startswith(b"\x1f\x8b" if suffix == ".json.gz" else b"{")
    assert analysis(output) == analysis(path)
    document = json.loads(content(output))
    found, given = document["traceEvents"], planted_kineto()["traceEvents"]
    del given[15]  # a moment that nobody needs
    unchanged = [0, 1, 2, 10, 14, 15]
    assert [found[place] for place in unchanged] == [given[place] for place in unchanged]
    assert found[3]["args"] == {"Input type": ["float", ""]}
    assert found[6]["name"] == "load <path>" and "args" not in found[6] and found[7]["args"] == {}
    assert [found[place]["name"] for place in (8, 9)] == ["loop.py(12): step"] * 2
    assert [found[place]["args"] for place in (11, 12, 13)] == [{"name": ""}, {"labels": ""}, {"name": "thread 2"}]
    assert {key: value for key, value in document.items() if key != "traceEvents"} == {
        "schemaVersion": 1,
        "deviceProperties": [{"id": 0, "name": "NVIDIA H200", "numSms": 132}],
        "distributedInfo": {"rank": 1, "backend": "nccl"},
        "displayTimeUnit": "ms",
        "baseTimeNanoseconds": 1727743122000000000,
    }
    assert done.removed["in frames of Python's stack"] == 2 and done.kept["frames of Python's stack"] == 3
    assert done.removed["names of processes and threads"] == 3
    assert done.removed["'host_name' of the recording"] == 1


def test_times_keep_every_digit_and_odd_json_is_json_in_the_copy(tmp_path) -> None:
    path, output = tmp_path / "odd.json", tmp_path / "out.json"
    op = '"ph": "X", "cat": "cpu_op", "pid": 1, "tid": 2'
    path.write_bytes(
        (
            f'[{{{op}, "name": "a", "ts": 6744669505456123.4567, "dur": 0.0010, "args": {{"x": NaN}}}},\n'
            f'{{{op}, "name": "b \x01", "ts": "1.25", "dur": 2, "args": {{"x": "{HOME}"}}}},'
            f'{{{op}, "name": "caf'
        ).encode()
        + b'\xe9", "ts": 3, "dur": 1}, {"ph": "X", "cat": "python_function", "ts": 1, "dur": 1, "name": "C:\\Users\\'
        + f'{USER}\\x.py(1): f"}}, ]'.encode()
    )
    scrubbed(path, output)
    data = output.read_bytes()
    assert b"6744669505456123.4567" in data and b"0.0010" in data and b'"1.25"' in data
    assert len(json.loads(data)["traceEvents"]) == 4
    old, new = (open_trace(each) for each in (path, output))
    pd.testing.assert_frame_equal(old.events, new.events)
    assert old.problems["replaced-bad-json"] > new.problems["replaced-bad-json"] == 0


def test_a_range_s_name_is_its_author_s_own_text_but_a_path_in_it_is_said(tmp_path) -> None:
    name = "load /data/projects/x"
    event = {"ph": "X", "cat": "user_annotation", "name": name, "pid": 1, "tid": 2, "ts": 1, "dur": 2}
    path = tmp_path / "trace.json"
    path.write_text(json.dumps([event, event]))
    done = scrubbed(path, tmp_path / "out.json")
    assert done.paths_in_names == 1 and [row["name"] for row in analysis(tmp_path / "out.json")["ranges"]] == [name]


# -- secrets in every place that a recorder or a user could put one


class Planted:
    """Makes secrets, each another one, and remembers where each was put."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        token = f"s3cr3t{len(self.places):04d}z"
        self.places[token] = place
        forms = ("{}", "HF_TOKEN={}", "/mnt/my data/{} x/y", "10.18.15.10 {}", "node[1-4],{}", "{}@example.net")
        return forms[len(self.places) % len(forms)].format(token)

    def left_in(self, data: bytes) -> set[str]:
        return {self.places[each] for each in re.findall(r"s3cr3t\d{4}z", data.decode("utf-8", "replace"))}


#: What analyses tell events by: its author's own text, or the recorder's.
OWN_TEXT = {
    f"name of {cat}"
    for cat in ("user_annotation", "gpu_user_annotation", "kernel", "gpu_memcpy", "gpu_memset", "cuda_runtime")
}


ADDRESS_IN_A_LIST = "10.18.15.11"


def deep(plant: Planted, place: str) -> dict[str, Any]:
    """An object with secrets as keys and values, at keys that would be kept elsewhere as well."""
    inner = {key: plant(f"{key} deep in {place}") for key in ("name", "stream", "rank", "labels")}
    return {plant(f"key of {place}"): plant(f"value of {place}"), "args": {"args": inner, "device": [inner]}}


def kineto_with_secrets(plant: Planted) -> dict[str, Any]:
    base = {"pid": 1, "tid": 2, "ts": 10.125, "dur": 5}
    categories = (
        *(
            "user_annotation",
            "gpu_user_annotation",
            "kernel",
            "gpu_memcpy",
            "gpu_memset",
            "cuda_runtime",
            "cuda_driver",
        ),
        *("python_function", "overhead", "cuda_sync", "cuda_event", "Trace", "cpu_instant_event", "collective_comm"),
    )
    made: list[dict[str, Any]] = [
        {"ph": "X", "cat": cat, "name": plant(f"name of {cat}"), **base} for cat in categories if cat != "cuda_driver"
    ]
    made += [{"ph": "X", "cat": plant("category"), "name": plant("name of an unknown category"), **base}]
    made += [
        {"ph": "X", "cat": cat, "name": "cudaFree", **base, key: plant(f"{key} of {cat}")}
        for cat in ("cpu_op", "kernel", "cuda_driver")
        for key in ("id", "bp", "s", "note", "cname", "ts", "dur")
    ]
    made += [
        {"ph": "X", "cat": "cpu_op", "name": f"{words}{plant(f'place in an op: {words}')}/x", **base}
        for words in (
            "open /mnt/my data/",
            "C:\\Users\\me\\",
            "~/",
            "https://host/",
            "/home/ada lovelace/",
        )
    ]
    made += [{"ph": "X", "cat": "cpu_op", "name": "aten::add", **base, key: plant(key)} for key in ("pid", "tid")]
    for phase in "iICbneNODPSTpFsftvVRrac(),=":
        for cat in ("cpu_instant_event", "ac2g", "fwdbwd"):
            place = f"{phase} {cat}"
            made.append(
                {
                    "ph": phase,
                    "cat": cat,
                    "name": plant(f"name of {place}"),
                    **base,
                    "id": plant(f"id of {place}"),
                    "args": {plant(f"key of {place}"): plant(f"value of {place}"), "Bytes": plant(f"Bytes of {place}")},
                }
            )
    for name in (
        "process_name",
        "process_labels",
        "process_sort_index",
        "thread_name",
        "thread_sort_index",
        plant("name of M"),
    ):
        args = {key: plant(f"{key} of {name}") for key in ("name", "labels", "sort_index", "HF_TOKEN")}
        made.append({"ph": "M", "name": name, "cat": plant(f"cat of {name}"), **base, "args": args})
    keys = [
        *ARGUMENTS,
        "HF_TOKEN",
        "SLURM_NODELIST",
        "Call stack",
        "kernel_file",
        "kernel_hash",
        "hlo_module",
        "MASTER_ADDR",
        "note",
        "unit",
    ]
    for cat in ("cpu_op", "kernel"):
        for key in keys:
            values = (
                plant(f"{key} of {cat}"),
                [plant(f"{key} list of {cat}")],
                {plant(f"{key} key of {cat}"): plant(f"{key} deep in {cat}")},
            )
            made += [{"ph": "X", "cat": cat, "name": "k", **base, "args": {key: value}} for value in values]
    made.append({"ph": "X", "cat": "cpu_op", "name": "k", **base, "args": plant("args")})
    for name in ("process_name", "thread_name", "process_labels", "trace_name"):
        nested = {key: deep(plant, f"{key} of {name}") for key in ("name", "labels", "sort_index", "args")}
        made.append({"ph": "M", "name": name, **base, "args": nested})
    for key in ("args", "stream", "correlation", "Input Dims", "Input type", "grid", "dtype", "Collective name"):
        made.append({"ph": "X", "cat": "cpu_op", "name": "k", **base, "args": {key: deep(plant, f"args {key}")}})
        made.append({"ph": "X", "cat": "kernel", "name": "k", **base, "args": {key: [1, deep(plant, f"list {key}")]}})
    # numbers and points in brackets are no list of numbers where they are an address
    addresses = {key: f"[10, {ADDRESS_IN_A_LIST}]" for key in ("Process Group Ranks", "Input Dims", "grid", "rank")}
    made.append({"ph": "X", "cat": "cpu_op", "name": "k", **base, "args": addresses})
    made += [
        {"ph": "B", "cat": "cpu_op", "name": "half", "pid": 3, "tid": 3, "ts": 1, "x": plant("B")},
        {
            "ph": "E",
            "name": plant("name of E"),
            "cat": plant("cat of E"),
            "pid": 3,
            "tid": 3,
            "ts": 9,
            "args": {"x": plant("args of E")},
        },
    ]
    head = [
        *HEAD,
        "traceName",
        "trace_id",
        "user_metadata",
        "HF_TOKEN",
        "host_name",
        "INFO",
        "metadata",
        "systemTraceEvents",
    ]
    job: dict[str, Any] = {key: plant(f"job {key}") for key in (*JOB, "hostname", "pg_config")}
    job |= {f"{key}s": deep(plant, f"jobs {key}") for key in JOB}
    return {
        **{key: plant(f"head {key}") for key in head},
        **{f"{key}s": {plant(f"head key {key}"): [plant(f"head deep {key}")]} for key in ("environment", "config")},
        plant("head key"): 1,
        "deviceProperties": [
            {"id": 0} | {key: plant(f"device {key}") for key in (*DEVICE, "uuid", "HF_TOKEN") if key != "id"},
            *({key: deep(plant, f"device {key}")} for key in (*DEVICE, "name", "nested")),
            plant("a device that is a text"), [plant("a device that is a list")],
        ],
        "computeProperties": deep(plant, "devices that are an object"),
        "distributedInfo": job,
        "trace_name": plant("trace_name"),
        **{key: deep(plant, key) for key in ("args", "otherData", "stackFrames")},
        "traceEvents": made,
    }  # fmt: skip


def test_no_secret_stays_in_a_kineto_trace_wherever_it_is_planted(tmp_path) -> None:
    plant, path, output = Planted(), tmp_path / "trace.json", tmp_path / "out.json"
    path.write_text(json.dumps(kineto_with_secrets(plant)))
    assert len(plant.places) > 400 and plant.left_in(path.read_bytes()) == set(plant.places.values())
    done = scrub(path, output)
    assert plant.left_in(output.read_bytes()) == OWN_TEXT and ADDRESS_IN_A_LIST not in output.read_text()
    assert (
        done.kept["names of ranges"] == 2
        and done.kept["names of kernels"]
        and "ids of processes and threads" in done.kept
    )
    assert scrub(output, tmp_path / "again").removed == {}


#: Of an export the texts that analyses tell events by, and what NVIDIA's own program says of itself and of devices.
OF_EXPORTS = {
    "NVTX_EVENTS.text",
    "StringIds.value",
    "TARGET_INFO_GPU.name",
    "ENUM_CUDA_MEMCPY_OPER.name",
    "ENUM_CUDA_MEMCPY_OPER.label",
}


def test_no_secret_stays_in_an_export_wherever_it_is_planted(tmp_path) -> None:
    path, plant = planted_nsys(tmp_path / "report.sqlite"), Planted()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO TARGET_INFO_GPU (id, name) VALUES (1, 'x')")
        for table in [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]:
            for more in ("HF_TOKEN TEXT", "SLURM_NODELIST", "remark BLOB", "nameless INTEGER"):
                db.execute(f"ALTER TABLE {table} ADD COLUMN {more}")
            for _, column, declared, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
                if declared != "INTEGER" or column == "nameless":
                    token = plant(f"{table}.{column}")
                    db.execute(f"UPDATE {table} SET {column} = CAST(? || coalesce({column}, '') AS TEXT)", (token,))
            db.execute(f"CREATE TABLE more_{table} (text TEXT)")
            db.execute(f"INSERT INTO more_{table} VALUES (?)", (plant(f"more_{table}"),))
    db.close()
    assert len(plant.places) > 100
    done = scrub(path, tmp_path / "out.sqlite")
    assert plant.left_in((tmp_path / "out.sqlite").read_bytes()) <= OF_EXPORTS
    assert set(done.kept) <= OF_EXPORTS | {"PROCESSES.name"} and done.kept["NVTX_EVENTS.text"] == 1


def test_ids_that_name_somebody_become_others_and_tell_the_same_apart(tmp_path) -> None:
    path, output = tmp_path / "trace.json", tmp_path / "out.json"
    op = {"ph": "X", "cat": "cpu_op", "name": "aten::add", "ts": 1, "dur": 2}
    calls = [
        {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "ts": 1, "dur": 1, "args": {"correlation": 1}}
    ]
    where = [{"pid": f"{USER} 7", "tid": f"{HOST}:{number}"} for number in (1, 2)]
    path.write_text(json.dumps([each | at for at in where for each in (op, *calls[: at is where[0]])]))
    scrubbed(path, output)
    ids = [(each["pid"], each["tid"]) for each in json.loads(output.read_text())["traceEvents"]]
    assert ids == [("id-a 7", "id-b1"), ("id-a 7", "id-b1"), ("id-a 7", "id-b2")]


def test_an_odd_event_is_taken_for_what_the_reader_takes_it_for(tmp_path) -> None:
    thread = '"pid":1,"tid":2,"ts":3,"dur":1'
    odd = [
        f'{{"ph":"X","cat":"cpu_op","name":5,{thread}}}',
        f'{{"ph":"X","cat":7,"name":"x",{thread}}}',
        f'{{"ph":"X","cat":"cpu_op","name":"x",{thread},"args":[1]}}',
        f'{{"ph":"X","cat":"cuda_runtime","name":"cudaFree",{thread},"args":{{"correlation":[1],"device":"x"}}}}',
        '{"ph":"X","cat":"cpu_op","name":"x","pid":true,"tid":[],"ts":{},"dur":null}',
        '{"ph":"B","cat":"cpu_op","name":5,"pid":9,"tid":9,"ts":1}',
        '{"ph":"E","pid":9,"tid":9,"ts":[4]}',
        *(
            '{"name":"x"}',
            '{"ph":5}',
            "{}",
            "3",
            '"text"',
            "null",
            "[1]",
            '{"ph":"?"}',
            '{"ph":"M","name":"thread_name","args":3}',
        ),
        f'{{"ph":"X","cat":"cpu_op","name":"x",{thread}}}',
    ]
    for number in range(len(odd)):
        path = tmp_path / f"{number}.json"
        path.write_text(f"[{','.join([*odd[number:], *odd[:number]])}]")
        scrub(path, tmp_path / f"out{number}.json")


def test_an_event_that_is_no_json_is_left_out_and_halves_keep_their_names(tmp_path) -> None:
    events = [
        '{"ph":"B","cat":"user_annotation","name":"step a/b","pid":1,"tid":2,"ts":1}',
        f'{{"ph":"X","cat":"cpu_op","name":"5" {USER}","pid":1,"tid":2,"ts":2,"dur":1,"args":{{"x":"{HOME}"}}}}',
        '{"ph":"X","cat":"cpu_op","name":"aten::add","pid":1,"tid":2,"ts":3,"dur":1}',
        '{"ph":"E","pid":1,"tid":2,"ts":9}',
    ]
    path, output = tmp_path / "odd.json", tmp_path / "out.json"
    path.write_text(f'{{"traceEvents": [{", ".join(events)}], "host_name": "{HOST}"}}')
    done = scrubbed(path, output)
    assert done.removed["events that are not JSON"] == 1
    found = analysis(output)
    assert [row["name"] for row in found["ranges"]] == ["step a/b"] and found["problems"] == []
    assert found["totals"] == analysis(path)["totals"]


# -- Nsight Systems


#: What Nsight Systems says in so many words, and an analysis tells.
LOST = "Not all CUDA events might have been collected."


def planted_nsys(path: Path) -> Path:
    export(
        path,
        runtime=[call("cudaLaunchKernel_v7000", 100, 200, 11), call("cudaGraphLaunch_v10000", 210, 220, 12)],
        kernel=[on_gpu(300, 450, 11, demangledName="void k<int>(int*)", shortName="k")],
        graph_trace=[on_gpu(460, 500, 12, graphExecId=8)],
        NVTX_EVENTS=[{"start": 90, "end": 230, "eventType": 59, "text": "step a/b", "globalTid": global_tid()}],
        PROFILER_OVERHEAD=[{"start": 1, "end": 9, "globalTid": global_tid(), "nameId": f"dlopen({HOME}/libcupti.so)"}],
        ENUM_CUDA_MEMCPY_OPER=[{"id": 1, "name": "CUDA_MEMCPY_KIND_HTOD", "label": "Host-to-Device"}],
        META_DATA_EXPORT=[
            {"name": name, "value": value}
            for name, value in {
                "EXPORT_PRODUCT_VERSION": "2026.1.1.204",
                "EXPORT_SCHEMA_VERSION": "3.24.14",
                "EXPORT_HOST": HOST,
                "EXPORT_USER": USER,
                "EXPORT_PARAM_INPUT_PATH_ABS": f"{HOME}/report.nsys-rep",
                "EXPORT_PRODUCT_NAME": f"C:\\Users\\{USER}",
            }.items()
        ],
    )
    planted: list[tuple[str, str, list[tuple[Any, ...]]]] = [
        ("TARGET_INFO_SYSTEM_ENV", "name TEXT, value TEXT", [("Hostname", HOST), ("MAC", MAC), ("IP", IP)]),
        ("META_DATA_CAPTURE", "name TEXT, value TEXT", [("PROCESS_0:ENVIRONMENT_VARIABLE", KEY), ("COMMAND", HOME)]),
        ("DIAGNOSTIC_EVENT", "timestamp INTEGER, severity INTEGER, text TEXT",
         [(1, 1, f"Process launched by {USER} on {HOST}"), (2, 2, LOST), (3, 2, f"{LOST} {HOST}")]),
        ("PROCESSES", "globalPid INTEGER, pid INTEGER, name TEXT", [(global_pid(5000), 5000, f"{HOME}/babbage"), (global_pid(), 4711, f"{HOME}/env/bin/python3.11")]),
        ("ProcessStreams", "globalPid INTEGER, filenameId INTEGER, contentId INTEGER", [(global_pid(), 901, 902)]),
        ("ThreadNames", "nameId INTEGER, priority INTEGER, globalTid INTEGER", [(903, 1, global_tid())]),
        ("ANALYSIS_FILE", "id INTEGER, filename TEXT", [(0, f"{HOME}/stdout.log")]),
        ("OSRT_FILE_ACCESS_DESCRIPTORS", "fileAccessId INTEGER, filePath TEXT", [(1, HOME)]),
        ("TARGET_INFO_GPU", "id INTEGER, name TEXT, busLocation TEXT, uuid TEXT, luid INTEGER, cuDevice INTEGER, ctrlDevPath TEXT",
         [(0, "NVIDIA H200", BUS, UUID, 5550123, 0, "/dev/nvidia0")]),
        ("TARGET_INFO_NIC_INFO", "name TEXT, mac TEXT, ip TEXT", [("eth0", MAC, IP)]),
        ("CUPTI_ACTIVITY_KIND_MODULE", "start INTEGER, userName TEXT, notes BLOB", [(1, USER, HOST.encode())]),
        ("SCHED_EVENTS", "start INTEGER, note TEXT", [(1, USER)]),
    ]  # fmt: skip
    with sqlite3.connect(path) as db:
        for table, columns, rows in planted:
            db.execute(f"CREATE TABLE {table} ({columns}) -- {USER}")
            db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        strings = [
            (900, f"HOME={HOME}\0{KEY}\0"),
            (901, f"{HOME}/out.log"),
            (902, f"hello from {HOST}"),
            (903, "babbage"),
        ]
        db.executemany("INSERT INTO StringIds VALUES (?, ?)", strings)
        db.execute("INSERT INTO TARGET_INFO_SYSTEM_ENV VALUES ('CPU', CAST(X'e9e8' AS TEXT))")  # not UTF-8
        db.execute(f"CREATE VIEW mine AS SELECT '{USER}' AS who")
        db.execute("CREATE INDEX by_name ON PROCESSES (name)")
        # what was deleted stays in the file's free pages
        db.execute("CREATE TABLE gone (text TEXT)")
        db.executemany("INSERT INTO gone VALUES (?)", [(f"{USER} {KEY} " * 400,)] * 20)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE gone")
    db.close()
    return path


def test_an_nsight_export_loses_what_was_planted_and_nothing_else(tmp_path) -> None:
    path, output = planted_nsys(tmp_path / "report.sqlite"), tmp_path / "out.sqlite"
    assert planted_in(path), "planted, and found by the way of looking"
    done = scrubbed(path, output)
    found = analysis(output)
    assert found == analysis(path)
    assert found["source"]["recorded_by_version"] == "2026.1.1.204 (schema 3.24.14)"
    assert found["source"]["devices"] == {"0": "NVIDIA H200"}
    db = sqlite3.connect(output)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    assert tables == {
        *("CUPTI_ACTIVITY_KIND_RUNTIME", "CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_GRAPH_TRACE"),
        *("NVTX_EVENTS", "PROFILER_OVERHEAD", "ENUM_CUDA_MEMCPY_OPER", "META_DATA_EXPORT", "StringIds"),
        *("TARGET_INFO_GPU", "CUPTI_ACTIVITY_KIND_MODULE", "DIAGNOSTIC_EVENT", "PROCESSES"),
    }
    assert db.execute("SELECT * FROM DIAGNOSTIC_EVENT").fetchall() == [(2, 2, LOST)]
    assert db.execute("SELECT * FROM PROCESSES").fetchall() == [(global_pid(), 4711, "python3.11")]
    assert {cell["host"] for cell in found["account"]["cells"]} == {"launch", "python", "profiler", "not-recorded"}
    assert {text for (text,) in db.execute("SELECT value FROM StringIds")} == {
        *("cudaLaunchKernel_v7000", "cudaGraphLaunch_v10000", "void k<int>(int*)", "k", "dlopen(<path>"),
    }
    assert db.execute("SELECT * FROM TARGET_INFO_GPU").fetchall() == [(0, "NVIDIA H200", None, None, None, 0, None)]
    assert db.execute("SELECT * FROM CUPTI_ACTIVITY_KIND_MODULE").fetchall() == [(1, None, None)]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert done.removed["rows of META_DATA_EXPORT"] == 4 and done.removed["rows of PROCESSES"] == 1
    assert done.removed["strings that nothing kept refers to"] == 4


def test_an_export_with_a_write_ahead_log_is_copied_with_it(tmp_path) -> None:
    source = planted_nsys(tmp_path / "live.sqlite")
    db = sqlite3.connect(source)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET end = 451")
    db.commit()
    place = tmp_path / "place"
    place.mkdir()
    for name in ("live.sqlite", "live.sqlite-wal"):
        shutil.copyfile(tmp_path / name, place / name)
    db.close()
    scrub(place / "live.sqlite", place / "out.sqlite")
    assert sorted(each.name for each in place.iterdir()) == ["live.sqlite", "live.sqlite-wal", "out.sqlite"]
    assert analysis(place / "out.sqlite")["totals"]["kernels"]["total_ns"] == 151
    assert planted_in(place / "out.sqlite") == []


# -- the same as a folder of parquet tables


def held_by(folder: Path) -> bytes:
    """What the files of a folder hold, packed and unpacked, in every spelling that `planted_in` looks for."""
    made = b""
    for file in sorted(folder.glob("*.parquet")):
        unpacked = folder.with_name("unpacked")
        pq.write_table(pq.read_table(file), unpacked, compression="none")
        made += file.name.encode() + file.read_bytes() + unpacked.read_bytes()
        unpacked.unlink()
    return made


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """The planted export as tables, with what only a folder of tables can hold."""
    folder = as_parquet(planted_nsys(tmp_path / "report.sqlite"), tmp_path / "in" / "tables")
    kernels = folder / "CUPTI_ACTIVITY_KIND_KERNEL.parquet"
    table = pq.read_table(kernels)
    column = pa.array([{"of": USER}])
    field = pa.field("more", column.type, metadata={"by": USER})
    pq.write_table(table.append_column(field, column).replace_schema_metadata({b"made by": USER.encode()}), kernels)
    file = folder / "NVTX_EVENTS.parquet"
    table = pq.read_table(file)
    at = table.schema.get_field_index("text")
    texts = pa.array(["step a/b", f"nobody refers to {USER}"])
    pq.write_table(table.set_column(at, "text", pa.DictionaryArray.from_arrays(pa.array([0]), texts)), file)
    (folder / "notes.txt").write_text(f"{USER}'s own")
    (folder / f"{USER}.parquet").write_text("no parquet")
    return folder


def test_a_folder_of_tables_loses_what_was_planted_and_nothing_else(tmp_path: Path, tables: Path) -> None:
    before = {file.name: file.read_bytes() for file in tables.iterdir()}
    assert USER.encode() in b"".join(before.values())
    done = scrub(tables, tmp_path / "out")
    assert {file.name: file.read_bytes() for file in tables.iterdir()} == before, "the input is as it was"
    held = held_by(tmp_path / "out")
    assert [s for s in PLANTED if s.encode() in held or s.encode("utf-16-le") in held] == []
    assert analysis(tmp_path / "out") == analysis(tables) == analysis(tmp_path / "report.sqlite")
    assert {file.stem for file in (tmp_path / "out").iterdir()} == {
        *("CUPTI_ACTIVITY_KIND_RUNTIME", "CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_GRAPH_TRACE"),
        *("NVTX_EVENTS", "PROFILER_OVERHEAD", "ENUM_CUDA_MEMCPY_OPER", "META_DATA_EXPORT", "StringIds"),
        *("TARGET_INFO_GPU", "CUPTI_ACTIVITY_KIND_MODULE", "DIAGNOSTIC_EVENT", "PROCESSES"),
    }
    assert pq.read_table(tmp_path / "out" / "DIAGNOSTIC_EVENT.parquet")["text"].to_pylist() == [LOST]
    assert pq.read_table(tmp_path / "out" / "PROCESSES.parquet")["name"].to_pylist() == ["python3.11"]
    assert set(pq.read_table(tmp_path / "out" / "StringIds.parquet")["value"].to_pylist()) == {
        *("cudaLaunchKernel_v7000", "cudaGraphLaunch_v10000", "void k<int>(int*)", "k", "dlopen(<path>"),
    }
    (gpu_row,) = pq.read_table(tmp_path / "out" / "TARGET_INFO_GPU.parquet").to_pylist()
    assert {name: value for name, value in gpu_row.items() if value is not None} == {
        "id": 0,
        "name": "NVIDIA H200",
        "cuDevice": 0,
    }
    assert done.removed["other files"] == 1 and done.removed["rows of PROCESSES"] == 1
    assert done.removed["rows of META_DATA_EXPORT"] == 4 and done.removed["TARGET_INFO_GPU.uuid"] == 1
    assert done.removed["strings that nothing kept refers to"] == 4
    assert done.bytes == sum(file.stat().st_size for file in (tmp_path / "out").iterdir())


def test_both_kinds_of_copies_hold_the_same(tmp_path: Path) -> None:
    """What is copied of a database and of the same export's tables is the same, row by row."""
    path = planted_nsys(tmp_path / "report.sqlite")
    scrub(path, tmp_path / "out.sqlite")
    scrub(as_parquet(path, tmp_path / "tables"), tmp_path / "out")
    again = as_parquet(tmp_path / "out.sqlite", tmp_path / "again")
    for file in again.iterdir():
        expected, found = (pq.read_table(folder / file.name).to_pylist() for folder in (again, tmp_path / "out"))
        assert found == expected, file.stem


def test_bytes_that_are_not_utf8_stay_as_they_are(tmp_path: Path) -> None:
    folder = as_parquet(planted_nsys(tmp_path / "report.sqlite"), tmp_path / "tables")
    for name, column in (("NVTX_EVENTS", "text"), ("StringIds", "value")):
        table = pq.read_table(folder / f"{name}.parquet")
        raw = [None if text is None else text.encode() + b"\xe9" for text in table[column].to_pylist()]
        at = table.schema.get_field_index(column)
        changed = table.set_column(at, column, pa.array(raw, pa.binary()).view(pa.string()))
        pq.write_table(changed, folder / f"{name}.parquet")
    scrub(folder, tmp_path / "out")
    assert b"step a/b\xe9" in held_by(tmp_path / "out") and b"void k<int>(int*)\xe9" in held_by(tmp_path / "out")


def test_a_folder_is_copied_to_a_place_of_its_own(tmp_path: Path) -> None:
    folder = as_parquet(planted_nsys(tmp_path / "report.sqlite"), tmp_path / "tables")
    inside = folder / "out"
    for output, words in (
        (folder, "is the input itself"),
        (inside, "or in it"),
        (tmp_path, "is the input itself, which is never altered, or in it"),
        (tmp_path / "report.sqlite", "is a file"),
        (tmp_path / "absent" / "out", "can't be written: No such file"),
    ):
        with pytest.raises(InputError, match=words):
            scrub(folder, output, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.sqlite", "tables"] and not inside.exists()
    with pytest.raises(InputError, match="one table of an Nsight Systems export"):
        scrub(folder / "NVTX_EVENTS.parquet", tmp_path / "out.parquet")


def test_an_older_copy_gives_way_only_when_forced_and_to_a_copy_only(tmp_path: Path) -> None:
    folder, output = as_parquet(planted_nsys(tmp_path / "report.sqlite"), tmp_path / "tables"), tmp_path / "out"
    output.mkdir()
    scrub(folder, output)  # an empty folder is a place
    (output / "mine.parquet").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        scrub(folder, output)
    scrub(folder, output, force=True)
    assert not (output / "mine.parquet").exists() and analysis(output) == analysis(folder)
    (output / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files than tables"):
        scrub(folder, output, force=True)
    assert (output / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "report.sqlite", "tables"]


def test_a_damaged_table_leaves_no_copy(tmp_path: Path) -> None:
    folder = as_parquet(planted_nsys(tmp_path / "report.sqlite"), tmp_path / "tables")
    # none that the reader looks into: only the copy meets it
    file = folder / "CUPTI_ACTIVITY_KIND_MODULE.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InputError, match="table CUPTI_ACTIVITY_KIND_MODULE: is damaged"):
        scrub(folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.sqlite", "tables"]


@pytest.mark.parametrize("known", [True, False])
def test_strings_may_be_numbers(tmp_path: Path, known: bool) -> None:
    folder = as_parquet(planted_nsys(tmp_path / "report.sqlite"), tmp_path / "tables")
    strings = pq.read_table(folder / "StringIds.parquet")
    numbers = pa.array([each if known else None for each in range(len(strings))], pa.uint64())
    at = strings.column_names.index("value")
    pq.write_table(strings.set_column(at, "value", numbers), folder / "StringIds.parquet")
    done = scrub(folder, tmp_path / "out")  # which refuses where the copy's analysis is another
    assert (done.kept.get("StringIds.value", 0) > 0) == known


@pytest.mark.parametrize("form", ["tables", "database"])
def test_numbers_of_events_may_be_texts(tmp_path: Path, form: str) -> None:
    """The reader takes them, and a copy without them would be another trace: of a text that is none, nothing stays."""
    path, output = planted_nsys(tmp_path / "report.sqlite"), tmp_path / "out"
    call, kernel = "CUPTI_ACTIVITY_KIND_RUNTIME", "CUPTI_ACTIVITY_KIND_KERNEL"
    texts = {call: ("end", "correlationId", "globalTid"), kernel: ("start", "correlationId", "streamId", "deviceId")}
    if form == "tables":
        path = as_parquet(path, tmp_path / "tables")
        for table, columns in texts.items():
            held = pq.read_table(path / f"{table}.parquet")
            for name in columns:
                said = held.column(name).cast(pa.string()) if name != "deviceId" else pa.array([HOST] * len(held))
                held = held.set_column(held.column_names.index(name), name, said)
            pq.write_table(held, path / f"{table}.parquet")
    else:
        with sqlite3.connect(path) as db:
            for table, columns in texts.items():
                for name in columns:
                    db.execute(f"ALTER TABLE {table} RENAME COLUMN {name} TO was_{name}")
                    db.execute(f"ALTER TABLE {table} ADD COLUMN {name}")
                    db.execute(f"UPDATE {table} SET {name} = CAST(was_{name} AS TEXT)")
            db.execute(f"UPDATE {kernel} SET deviceId = ?", (HOST,))
        db.close()
    done = scrub(path, output)  # which refuses where the copy's analysis is another
    assert HOST.encode() not in (held_by(output) if output.is_dir() else output.read_bytes())
    assert done.removed[f"{kernel}.deviceId"]


# -- parquet


def test_parquet_files_keep_their_declared_columns_only(tmp_path) -> None:
    frame = events([host("api", "cudaLaunchKernel", 0, 10, correlation=1), gpu("kernel", 12, 20, 1)])
    timings = pd.DataFrame({column.name: [1, 2] for column in TIMING_COLUMNS})
    for name, made in (("events", frame), ("timings", timings)):
        path, output = tmp_path / name / "in.parquet", tmp_path / name / "out.parquet"
        path.parent.mkdir()
        made.assign(host=HOST, index=[USER, KEY]).set_index("index").to_parquet(path)
        done = scrubbed(path, output)
        pd.testing.assert_frame_equal(pd.read_parquet(output), pd.read_parquet(path)[list(made)].reset_index(drop=True))
        assert done.removed["column 'host'"] == 1
    other = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(other)
    with pytest.raises(InputError, match="neither an event table nor timings"):
        scrub(other, tmp_path / "out")


def test_timings_of_before_blocks_had_lengths_are_still_copied(tmp_path) -> None:
    timings = pd.DataFrame({column.name: [1, 2] for column in TIMING_COLUMNS}).drop(columns=["length", "recorder"])
    timings.to_parquet(tmp_path / "in.parquet")
    scrub(tmp_path / "in.parquet", tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), timings)


def test_event_tables_of_before_cupti_are_still_copied(tmp_path) -> None:
    frame = events([gpu("kernel", 12, 20, 1)]).drop(columns=["queued_ns", "submitted_ns", "channel"])
    frame.to_parquet(tmp_path / "in.parquet")
    scrub(tmp_path / "in.parquet", tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), pd.read_parquet(tmp_path / "in.parquet"))


# -- what is refused leaves nothing behind


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(planted_kineto()))
    return path


def refused(path: Path, output: Path, words: str) -> None:
    folder = path.parent
    before = {each: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    with pytest.raises(InputError, match=words):
        scrub(path, output)
    assert {each: each.read_bytes() for each in folder.iterdir() if each.is_file()} == before


def test_the_input_is_never_the_output(trace) -> None:
    link, hard = trace.with_name("link.json"), trace.with_name("hard.json")
    link.symlink_to(trace)
    os.link(trace, hard)
    for output in (trace, link, hard, trace.parent / "x" / ".." / trace.name):
        (trace.parent / "x").mkdir(exist_ok=True)
        refused(trace, output, "is the input itself")


def test_an_existing_output_needs_force(trace) -> None:
    output = trace.with_name("out.json")
    output.write_text("mine")
    refused(trace, output, "exists already .pass --force")
    scrub(trace, output, force=True)
    assert analysis(output) == analysis(trace)


def test_places_that_can_not_be_written_are_said(trace) -> None:
    refused(trace, trace.parent / "absent" / "out.json", "can't be written: No such file")
    refused(trace, trace.parent, "is a folder")
    refused(trace.with_name("absent.json"), trace.with_name("out.json"), "can't be read")


@pytest.mark.parametrize(
    "data", [b"", b'{"traceEvents": [{"ph": "X"', b"\x1f\x8b junk", b"SQLite format 3\0junk", b"PAR1junk"]
)
def test_files_that_can_not_be_read_leave_no_output(tmp_path, data) -> None:
    path = tmp_path / "bad"
    path.write_bytes(data)
    refused(path, tmp_path / "out", "bad")


def test_a_copy_with_another_analysis_is_thrown_away(trace, monkeypatch) -> None:
    def lossy(path, output, removed, progress=None):
        document = planted_kineto()
        del document["traceEvents"][1]
        output.write_text(json.dumps(document))

    monkeypatch.setattr(scrub_kineto, "copy", lossy)
    refused(trace, trace.with_name("out.json"), "without a change to its analysis: .*totals")


@pytest.mark.parametrize("around", ['"schemaVersion": "1"', '"a": truu', '"schemaVersion": [{}]', '"traceName": NaN'])
def test_odd_keys_around_the_events_go_and_change_nothing(trace, around) -> None:
    events = json.dumps(planted_kineto()["traceEvents"])
    trace.write_text(f'{{"traceEvents": {events}, {around}}}')
    scrub(trace, trace.with_name("out.json"))
    assert around.split(": ")[1] not in trace.with_name("out.json").read_text()


def test_the_examples_hold() -> None:
    assert doctest.testmod(scrub_text).failed == 0


def test_of_a_light_recording_kinds_that_no_reader_knows_are_left_out_and_nulls_stay(tmp_path):
    rows = {"start_ns": [0, 10, 20], "dur_ns": [100, 5, 5], "thread": [7, 7, 7]}
    rows |= {"kind": ["range", None, "secret"], "name": ["r", "x", "y"]}
    schema = pa.schema([field.with_nullable(True) for field in LIGHT]).with_metadata({"format": LIGHT_FORMAT})
    pq.write_table(pa.Table.from_pydict(rows, schema=schema), tmp_path / "a.parquet")
    light.copy(tmp_path / "a.parquet", tmp_path / "b.parquet", Removed())
    assert pq.read_table(tmp_path / "b.parquet").column("kind").to_pylist() == ["range", None, None]
