"""A large file that is no trace is refused after little of it was read, and before anything heavy was imported: so at any size in little time."""

import gzip
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from launchlens.traces.problems import InputError
from launchlens.traces.readers.byte_source import ByteSource
from launchlens.traces.readers.kineto.json_blocks import BLOCK_BYTES, MAX_HEAD_BYTES
from launchlens.traces.source import as_one, source_of

ROW = json.dumps({"id": 12345, "name": "somebody", "nested": {"x": 1, "y": [1, 2, 3]}}).encode()
MANY = 18 << 20
ROWS = MANY // len(ROW)


def users() -> bytes:
    return b'{"users": [' + b",\n".join([ROW] * ROWS) + b"]}"


#: What a file may be, what is said of it, and the most of it that is read.
FILES = {
    "object.json": (users, "has no traceEvents in its first 8 MiB", MAX_HEAD_BYTES + 1),
    "object.json.gz": (lambda: gzip.compress(users(), 1), "has no traceEvents in its first 8 MiB", MAX_HEAD_BYTES + 1),
    "array.json": (
        lambda: b"[" + b",\n".join([ROW] * ROWS) + b"]",
        "none of its first 1,000 elements is a trace event",
        BLOCK_BYTES + 1,
    ),
    "numbers.json": (lambda: b"[" + b"1,2," * (MANY // 4) + b"3]", "not of trace events", BLOCK_BYTES + 1),
    "lines.jsonl": (lambda: b"\n".join([ROW] * ROWS), "is JSON Lines, and its first line is no event", BLOCK_BYTES),
    "text.txt": (lambda: b"a line of a log\n" * (MANY // 16), "is not JSON", BLOCK_BYTES),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("no-traces")
    for name, (make, _, _) in FILES.items():
        (folder / name).write_bytes(make())
    with sqlite3.connect(folder / "other.sqlite") as db:
        db.execute("CREATE TABLE users (name)")
    pd.DataFrame({"name": ["somebody"]}).to_parquet(folder / "other.parquet")
    return folder


@pytest.mark.parametrize("name", FILES)
def test_little_is_read_of_what_is_no_trace(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, said, most = FILES[name]
    read = [0]
    of_source = ByteSource.read

    def counted(self: ByteSource, size: int) -> bytes:
        data = of_source(self, size)
        read[0] += len(data)
        return data

    monkeypatch.setattr(ByteSource, "read", counted)
    with pytest.raises(InputError, match=said) as caught:
        as_one(source_of(folder / name)).check()
    assert read[0] <= most < MANY / 2
    # the reader, which is asked where nobody checked before, says the same
    with pytest.raises(InputError) as of_reader:
        as_one(source_of(folder / name)).read()
    assert (caught.value.what, caught.value.remedy) == (of_reader.value.what, of_reader.value.remedy)


def test_nothing_heavy_is_imported_to_refuse_a_file(folder: Path) -> None:
    names = [*FILES, "other.sqlite", "other.parquet"]  # parquet last: what it says of itself pyarrow reads
    code = (
        "import sys\n"
        "from launchlens.cli import main\n"
        "heavy = {'pandas', 'numpy', 'scipy', 'pyarrow', 'plotly', 'jinja2', 'launchlens.reports.blocks', 'launchlens.traces.trace'}\n"
        "for path in sys.argv[1:]:\n"
        "    sys.argv = ['launchlens', 'analyze', path]\n"
        "    try:\n"
        "        code = main()\n"
        "    except SystemExit as ended:\n"
        "        code = ended.code\n"
        "    brought = heavy & set(sys.modules) - ({'numpy', 'pyarrow'} if path.endswith('parquet') else set())\n"
        "    print(code, *sorted(brought))\n"
    )
    paths = [str(folder / name) for name in names]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n") == [*["2"] * len(names), ""], (done.stdout, done.stderr)


def test_a_trace_passes_and_what_breaks_off_is_left_to_its_reader(tmp_path: Path) -> None:
    event = b'{"ph": "X", "cat": "cpu_op", "name": "op", "ts": 1, "dur": 1, "pid": 1, "tid": 1}'
    whole = b'{"schemaVersion": 1, "traceEvents": [' + event + b"]}"
    cases = {
        "object.json": whole,
        "array.json": b"[" + event + b"]",
        "late.json": b'{"notes": "' + b"x" * (3 << 20) + b'", "traceEvents": [' + event + b"]}",
        "cut.json.gz": gzip.compress(whole)[:-12],
        "one.json": b'[{"ph": "M"}]',
    }
    for name, text in cases.items():
        (tmp_path / name).write_bytes(text)
        as_one(source_of(tmp_path / name)).check()
