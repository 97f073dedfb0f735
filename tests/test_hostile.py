"""Hostile and unlucky inputs end in a result or in one line, at once, and within bounds."""

import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest
from traces.made_nsys import export as made_export
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.cache import store
from launchlens.traces.captures.capture import TIMING_COLUMNS
from launchlens.traces.checks.limits import read_limits
from launchlens.traces.claims.read import read_claims
from launchlens.traces.parquet import FAULTS, Limits, opened
from launchlens.traces.parquet_pages import unpacked_bytes
from launchlens.traces.problems import InputError
from launchlens.traces.readers.cupti.schema import COLUMNS as CUPTI_COLUMNS
from launchlens.traces.readers.cupti.schema import METADATA_KEY
from launchlens.traces.schema import COLUMNS
from made_capture import make_capture
from made_cupti import HEADER
from made_sweep import make_sweep

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data" / "hostile"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments):
    """The one line that a command ends with; it names its input, and none is a fault of launchlens."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.output
    assert len(result.stderr) < 1000 and result.stderr.isascii() and "fault of launchlens" not in result.stderr
    return result.stderr


@contextmanager
def at_most(seconds: float):
    """Fail what takes longer, even where it waits in the system."""

    def give_up(number, frame):
        raise AssertionError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("made") / "capture")


@pytest.fixture
def capture(made, tmp_path):
    return shutil.copytree(made, tmp_path / "capture")


# -- special files in a capture from a stranger


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def elsewhere(path: Path) -> None:
    outside = path.parent.parent / "outside"
    outside.write_text("{}")
    path.symlink_to(outside)


def huge(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize("name", ["manifest.json", "probes.json", "timings.parquet"])
@pytest.mark.parametrize("make", [pipe, endless, folder, elsewhere, huge])
def test_special_files_of_a_capture_are_refused_at_once(capture, name, make):
    (capture / name).unlink(missing_ok=True)
    make(capture / name)
    with at_most(20):
        assert f"{name}: " in refused("report", capture)


@pytest.mark.parametrize("make", [pipe, endless, folder, huge])
def test_special_files_in_the_place_of_toml_are_refused_at_once(tmp_path, make):
    (tmp_path / "x").mkdir()
    path = tmp_path / "x" / "x.toml"
    make(path)
    for read in (read_claims, lambda path: read_limits(path, 0.05)):
        with (
            at_most(5),
            pytest.raises(InputError, match=r"x\.toml: (is not a regular file|has 1,099,511,627,776 bytes)"),
        ):
            read(path)


@pytest.mark.parametrize(
    "text", [b"x = " + b"1" * 5000, b"x = " + b"[" * 100_000, b"\xff", b"[[claim]]\nid = 1\n[[limit]]\nrange = 1"]
)
def test_toml_that_is_none_is_said_in_a_line(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_bytes(text)
    for read in (read_claims, lambda path: read_limits(path, 0.05)):
        with pytest.raises(InputError) as raised:
            read(path)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["sweep.json", "timings.parquet", "model.json"])
def test_special_files_of_a_sweep_are_refused_at_once(tmp_path, swept, name):
    for make in (pipe, endless, folder, elsewhere, huge):
        at = tmp_path / make.__name__
        shutil.copytree(swept, at)
        (at / name).unlink(missing_ok=True)
        make(at / name)
        with at_most(20):
            assert f"{name}: " in refused("predict", at, "--set", "count=3", "--set", "bytes=100")
            if name != "model.json":  # which `report` makes anew
                assert f"{name}: " in refused("report", at)
        assert name == "sweep.json" or not (tmp_path / "outside").exists() or (tmp_path / "outside").read_text() == "{}"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("swept") / "sweep", counts=(1, 4), sizes=(64, 4096), rounds=2)


@pytest.mark.parametrize(
    "head", [b"", b"PAR1", b"{", b'{"traceEvents": [', b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"SQLite format 3\0"]
)
def test_a_file_of_a_hole_is_refused_at_once(tmp_path, head):
    path = tmp_path / "x"
    path.write_bytes(head)
    os.truncate(path, 1 << 40)
    for command in (["analyze", path], ["scrub", path, "-o", tmp_path / "out"], ["compare", path, path]):
        with at_most(20):
            refused(*command)


def test_special_files_in_the_cache_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("LAUNCHLENS_CACHE", str(tmp_path))
    for make in (pipe, endless, folder, elsewhere, huge):
        store.keep("key", {"part": b"x"})
        place = store.folder() / f"key{store.SUFFIX}"
        assert store.find("key") == {"part": b"x"}
        place.unlink()
        make(place)
        place.is_symlink() or place.chmod(0o700)
        with at_most(5):
            assert store.find("key") is None
        place.is_dir() and place.rmdir()


def test_a_pipe_beside_an_export_is_no_journal(tmp_path):
    path = tmp_path / "x.sqlite"
    path.write_bytes((ROOT / "tests" / "data" / "nsys" / "step" / "trace.sqlite").read_bytes())
    for name in ("x.sqlite-journal", "x.sqlite-wal"):
        os.mkfifo(tmp_path / name)
    with at_most(20):
        assert json.loads(run("analyze", path, "--json").stdout)["totals"]["events"]


# -- parquet files that are small and hold much


def folded(count: int, text: str = "x" * 250_000) -> pa.Array:
    """The same long text `count` times, as the file holds it: once, and `count` small numbers."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))


def written(path: Path, columns: dict[str, pa.Array], metadata: dict[bytes, bytes] | None = None) -> Path:
    table = pa.table(list(columns.values()), names=list(columns))
    # without Arrow's own schema, in which the texts would be dictionaries for every reader
    with pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(metadata or {})
    assert path.stat().st_size < 4 << 20
    return path


def bombs(folder: Path) -> list[list[str]]:
    """Commands on files of less than 4 MiB, each of which holds texts of more than 4 GiB where every row has its own."""
    rows = 20_000
    rising = pa.array(np.arange(rows) * 1000)
    capture = make_capture(folder / "capture")
    timings = {column.name: rising for column in TIMING_COLUMNS}
    timings |= {"variant": folded(rows), "regime": folded(rows, "eager"), "control": pa.array(np.zeros(rows, bool))}
    written(capture / "timings.parquet", timings)
    numbers = pa.array(np.arange(rows))
    ones = pa.array(np.ones(rows, np.int64))
    recorded = {column.name: folded(rows, "api") if column.type == "text" else ones for column in CUPTI_COLUMNS}
    recorded |= {
        "start_ns": rising,
        "end_ns": pa.compute.add(rising, 500),
        "name": folded(rows),
        "correlation": numbers,
    }
    recording = written(folder / "x.parquet", recorded, {METADATA_KEY: json.dumps(HEADER).encode()})
    kinds = {column.name: folded(rows, "x") if column.dtype == "category" else ones for column in COLUMNS}
    events = written(folder / "events.parquet", kinds | {"name": folded(rows)})
    export = folder / "export"
    export.mkdir()
    times = {"start": rising, "end": pa.compute.add(rising, 500)}
    written(export / "NVTX_EVENTS.parquet", times | {"textId": numbers, "eventType": folded(rows, "59")})
    written(export / "StringIds.parquet", {"id": numbers, "value": folded(rows)})
    return [
        ["report", str(capture)],
        ["scrub", str(capture / "timings.parquet"), "-o", str(folder / "out1")],
        ["analyze", str(recording), "--json"],
        ["scrub", str(recording), "-o", str(folder / "out2")],
        ["scrub", str(events), "-o", str(folder / "out3")],
        ["analyze", str(export), "--json"],
        ["scrub", str(export), "-o", str(folder / "out4")],
    ]


def test_small_parquet_files_that_hold_much_are_read_within_bounds_or_refused(tmp_path):
    code = (
        "import json, resource, sys; from typer.testing import CliRunner; from launchlens.cli import app\n"
        "import launchlens.traces.scrub.scrub, launchlens.traces.studies.study\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "for arguments in json.load(sys.stdin):\n"
        "    done = CliRunner().invoke(app, arguments); print(json.dumps([done.exit_code, done.stderr]), flush=True)"
    )
    given = json.dumps(bombs(tmp_path))
    answer = subprocess.run(
        [sys.executable, "-c", code], input=given, capture_output=True, text=True, timeout=300, check=False
    )
    done = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [code for code, _ in done] == [2, 2, 0, 0, 2, 0, 2], (done, answer.stderr)
    for code, said in done:
        assert code == 0 or (("bytes of text" in said or "bytes unpacked" in said) and said.count("\n") == 1), said


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.binary(1 << 20), pa.struct({"a": pa.int64()})], ids=str)
def test_columns_of_which_a_row_takes_any_number_of_bytes_are_not_decoded(tmp_path, kind):
    made = make_capture(tmp_path / "capture")
    table = pq.read_table(made / "timings.parquet")
    at, rows = table.schema.get_field_index("wall_ns"), len(table)
    value = {"list": [0] * 1000, "fixed_size_binary": b"x" * (1 << 20), "struct": {"a": 1}}[
        str(kind).split("[")[0].split("<")[0]
    ]
    table = table.set_column(at, "wall_ns", pa.array([value] * rows, kind))
    pq.write_table(table, made / "timings.parquet", compression="zstd")
    assert "timings.parquet: can't be read: column wall_ns holds " in refused("report", made)
    export = tmp_path / "export"
    export.mkdir()
    numbers = pa.array(np.arange(rows))
    columns = {"start": numbers, "end": numbers, "eventType": pa.array(np.full(rows, 59)), "x": table.column("wall_ns")}
    pq.write_table(pa.table(columns), export / "NVTX_EVENTS.parquet", compression="zstd")
    said = json.loads(run("scrub", export, "-o", tmp_path / "out", "--json").stdout)
    assert str(rows) in json.dumps(said)
    assert pq.read_table(tmp_path / "out" / "NVTX_EVENTS.parquet").column("x").null_count == rows


def lying(path: Path) -> Path:
    """A file of two long texts whose footer says that they take 100 bytes, in as many bytes as it says what they take."""
    table = pa.table({"a": pa.array(["x" * (4 << 20)] * 2)})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False, store_schema=False)
    group = pq.read_metadata(path).row_group(0)
    data = path.read_bytes()
    for size in {group.total_byte_size, group.column(0).total_uncompressed_size}:
        said = bytes((size << 1 >> 7 * at) & 127 | (128 if size << 1 >> 7 * (at + 1) else 0) for at in range(4))
        assert data.count(said)
        data = data.replace(said, bytes([100 << 1 & 127 | 128, 100 << 1 >> 7 | 128, 128, 0]))
    path.write_bytes(data)
    return path


def test_what_pages_say_counts_where_a_footer_says_less(tmp_path):
    path = lying(tmp_path / "x.parquet")
    assert pq.read_metadata(path).row_group(0).total_byte_size == 100
    with (
        pytest.raises(ValueError, match=r"its texts take 8,\d{3},\d{3} bytes unpacked"),
        opened(path, Limits(10, 1 << 20)),
    ):
        pass
    for cut in (path.read_bytes()[:-1], path.read_bytes()[:-60] + b"PAR1", b"PAR1" + b"\xff" * 40 + b"PAR1"):
        path.write_bytes(cut)
        with pytest.raises(FAULTS), opened(path, Limits(10, 1 << 20)):
            pass
        with pytest.raises(ValueError, match=r"pages|footer|damaged"):
            unpacked_bytes(path)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_are_added_up_as_arrow_adds_them(tmp_path, version):
    rows = np.arange(20_000)
    table = pa.table(
        {"a": rows, "b": [f"a text {row % 99}" for row in rows], "c": pa.array([None, "y" * 5000] * 10_000)}
    )
    for size in (1024, 1 << 20):
        options = {"data_page_size": size, "data_page_version": version, "row_group_size": 7000, "compression": "zstd"}
        pq.write_table(table, tmp_path / "x.parquet", **options)
        metadata = pq.read_metadata(tmp_path / "x.parquet")
        headers = sum(metadata.row_group(at).total_byte_size for at in range(3)) - unpacked_bytes(
            tmp_path / "x.parquet"
        )
        assert 0 < headers < (300_000 if size == 1024 else 110_000)  # statistics of texts stand in them
    pq.write_table(table[:0], tmp_path / "x.parquet")
    assert unpacked_bytes(tmp_path / "x.parquet") < 100


def test_texts_spelled_by_the_one_before_are_refused(tmp_path):
    """In such an encoding each row adds a byte to a text that is as long as all before it."""
    made = make_capture(tmp_path / "capture")
    table = pq.read_table(made / "timings.parquet")
    encoding = {"variant": "DELTA_BYTE_ARRAY"}
    pq.write_table(table, made / "timings.parquet", use_dictionary=False, column_encoding=encoding)
    assert "timings.parquet: can't be read" in refused("report", made)


# -- databases that keep SQLite busy, or speak in no text


RANGE = {"start": 1, "end": 2, "eventType": 59, "text": "step", "globalTid": 1}
#: Rows without end.
COUNTING = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS start, x AS end, 59 AS eventType FROM c"


@pytest.fixture
def export(tmp_path):
    return made_export(tmp_path / "x.sqlite", NVTX_EVENTS=[RANGE])


def changed(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
    return path


def own_child(path: Path) -> Path:
    """A database of which the pages of NVTX_EVENTS lead to one another: each of 100 leaves is reached 100 * 100 * 100 times."""
    changed(path, "PRAGMA page_size = 4096", "VACUUM")
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'NVTX_EVENTS'").fetchone()
    data = bytearray(path.read_bytes())
    first = len(data) // 4096 + 1
    leaf = data[(root - 1) * 4096 : root * 4096]

    def inner(child: int) -> bytes:
        cells = b"".join(struct.pack(">IB", child, number) for number in range(1, 101))
        at = 4096 - len(cells)
        pointers = b"".join(struct.pack(">H", at + 5 * number) for number in range(100))
        head = struct.pack(">BHHHBI", 5, 0, 100, at, 0, child)
        return (head + pointers).ljust(at, b"\0") + cells

    data[(root - 1) * 4096 : root * 4096] = inner(first)
    for level in range(1, 4):
        data += inner(first + level)
    data += leaf
    data[28:32] = struct.pack(">I", len(data) // 4096)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["virtual table", "view"])
def test_what_runs_what_the_file_says_is_left_alone(export, tmp_path, kind):
    table = "CREATE VIRTUAL TABLE NVTX_EVENTS USING fts5(start, end, eventType, content = spinning)"
    made = {"virtual table": [table], "view": [f"CREATE VIEW NVTX_EVENTS AS {COUNTING}"]}[kind]
    changed(export, "DROP TABLE NVTX_EVENTS", f"CREATE VIEW spinning AS {COUNTING}", *made)
    with at_most(20):
        assert "holds no events" in refused("analyze", export) and "holds no events" in refused(
            "scrub", export, "-o", tmp_path / "o"
        )


def test_pages_that_lead_to_one_another_are_given_up(export, tmp_path, monkeypatch):
    monkeypatch.setattr("launchlens.traces.readers.nsys.connection.STEPS", 1_000_000)
    own_child(export)
    with at_most(60):
        assert "steps to read, and no export of its size does" in refused("analyze", export)
        assert "steps to read" in refused("scrub", export, "-o", tmp_path / "out")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_statement(export, number, code):
    own_child(export)
    script = (
        "import sys; from launchlens.cli import app; from launchlens.traces.readers.nsys import connection, reader, sqlite\n"
        "connection.STEPS = 10**12; real = sqlite.SqliteExport.rows_of\n"
        "def told(self, table):\n"
        "    count = real(self, table); print('reading', flush=True)\n"
        "    return self._db.execute('SELECT sum(eventType) FROM NVTX_EVENTS').fetchone()[0]\n"
        "sqlite.SqliteExport.rows_of = told; app(['analyze', sys.argv[1]])"
    )
    command = [sys.executable, "-c", script, str(export)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "reading\n"
        time.sleep(0.1)  # it is in SQLite by then, and keeps a core busy
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == code and said.count("\n") == 1, said


def test_a_message_that_is_no_text(tmp_path):
    path = DATA / "schema-error-not-utf8.sqlite"
    for arguments in (["analyze", path], ["scrub", path, "-o", tmp_path / "out"]):
        assert "is a damaged SQLite database" in refused(*arguments)


def test_comments_that_are_no_text_are_no_matter(export, tmp_path):
    changed(export, "PRAGMA writable_schema = ON", "UPDATE sqlite_master SET sql = sql || CAST(x'2F2AE92A2F' AS TEXT)")
    for arguments in (["analyze", export, "--json"], ["scrub", export, "-o", tmp_path / "out", "--json"]):
        result = run(*arguments)
        assert result.exit_code == 0 and json.loads(result.stdout), result.output


def test_more_tables_than_an_export_has(export, monkeypatch):
    monkeypatch.setattr("launchlens.traces.readers.nsys.connection.MOST_TABLES", 10)
    changed(export, *(f"CREATE TABLE t{number} (a)" for number in range(10)))
    assert "has over 10 tables" in refused("analyze", export)


def test_a_text_longer_than_any_name(export):
    changed(export, f"UPDATE NVTX_EVENTS SET text = CAST(zeroblob({80 << 20}) AS TEXT)")
    assert "string or blob too big" in refused("analyze", export)


# -- numbers and nesting


def test_numbers_of_400_digits_are_no_times():
    document = json.loads(run("analyze", DATA / "ts-400-digits.json", "--json").stdout)
    assert {"event-not-understood": 1}.items() <= {each["code"]: each["count"] for each in document["problems"]}.items()


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("place", ["ts", "dur", "pid", "tid", "correlation", "schemaVersion", "id"])
def test_a_number_without_end_anywhere_is_a_result_or_one_line(tmp_path, digits, place):
    big = "7" * digits
    event = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "ts": 1, "dur": 2}
    event |= {"args": {"correlation": 3}}
    document = {"schemaVersion": 1, "deviceProperties": [{"id": 0, "name": "x"}], "traceEvents": [event, dict(event)]}
    text = json.dumps(document).replace(f'"{place}": {json.dumps(_found(document, place))}', f'"{place}": {big}', 1)
    assert big in text
    (tmp_path / "x.json").write_text(text)
    result = run("analyze", tmp_path / "x.json", "--json")
    if result.exit_code:
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    else:
        json.loads(result.stdout, parse_int=str)
    assert "fault of launchlens" not in result.stderr


def _found(document, place):
    (event, _), (device,) = document["traceEvents"], document["deviceProperties"]
    return (document | device | event["args"] | event)[place]


@pytest.mark.parametrize("name", ["manifest.json", "probes.json"])
@pytest.mark.parametrize("nested", ["[" * 100_000, '{"a":' * 100_000], ids=["arrays", "objects"])
def test_keys_nested_without_end_are_one_line(capture, name, nested):
    known = '"format": "launchlens.probes/1", "probes": []'
    (capture / name).write_text(
        f'{{{known}, "more": {nested}' + ("]" * 100_000 if nested[0] == "[" else "1" + "}" * 100_000) + "}"
    )
    said = refused("report", capture)
    assert f"{name}: " in said and "nested too deeply" in said


@pytest.mark.parametrize("name", ["manifest.json", "probes.json"])
@pytest.mark.parametrize("half", ["\\uD800", "a\\udfffb"])
def test_half_a_character_is_one_line(capture, name, half):
    text = '{"format": "launchlens.probes/1", "probes": []}' if name == "probes.json" else (capture / name).read_text()
    variants = "probes" if name == "probes.json" else "variants"
    for changed in (
        text.replace('"format": ', f'"{half}": 1, "format": ', 1),
        text.replace(f'"{variants}": [', f'"{variants}": "{half}", "more": [', 1),
    ):
        (capture / name).write_text(changed)
        assert changed != text
        assert name in refused("claims", capture)
    whole = text.replace('"format": ', '"\\ud83d\\ude00": "\\ud83d\\ude00", "format": ', 1)
    (capture / name).write_text(whole)
    result = run("claims", capture, "--json")
    assert result.exit_code in (0, 1) and json.loads(result.stdout), result.output


@pytest.mark.parametrize("number", ["7" * 400, "7" * 5000, "1e400", "NaN"])
@pytest.mark.parametrize("name", ["manifest.json", "probes.json"])
def test_numbers_beyond_a_float_in_a_capture(capture, name, number):
    figure = f'{{"id": "x", "figures": [{{"figure": "f", "value": {number}}}]}}'
    if name == "probes.json":
        text = f'{{"format": "launchlens.probes/1", "probes": [{figure}]}}'
    else:
        text = (capture / name).read_text().replace('"rounds": 20', f'"rounds": {number}', 1)
    assert number in text
    (capture / name).write_text(text)
    result = run("report", capture, "--json")
    assert "fault of launchlens" not in result.stderr and result.exit_code in (0, 2), result.output


def test_a_range_whose_name_ends_in_null_is_compared(tmp_path):
    of = {"pid": 1, "tid": 1, "ph": "X"}
    step = of | {"cat": "user_annotation", "name": "step\0", "ts": 0, "dur": 100}
    call = of | {"cat": "cuda_runtime", "name": "cudaLaunchKernel", "ts": 10, "dur": 5, "args": {"correlation": 1}}
    kernel = of | {"cat": "kernel", "name": "k", "ts": 20, "dur": 30, "args": {"correlation": 1, "device": 0}}
    (tmp_path / "x.json").write_text(json.dumps({"traceEvents": [step, call, kernel]}))
    with at_most(30):
        result = run("compare", f"{tmp_path / 'x.json'}::step\0", f"{tmp_path / 'x.json'}::step\0", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["difference_ns_per_step"] == 0, result.output
