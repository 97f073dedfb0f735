"""What the light recorder saw, read as a trace: events of the host, and nothing claimed of a device."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from launchlens.traces.problems import InputError
from launchlens.traces.readers.light.schema import FORMAT, SCHEMA
from launchlens.traces.scrub.scrub import scrub
from launchlens.traces.source import open_trace

ROWS = [  # start, length, kind, name, thread
    (0, 10_000, "range", "variant:copy_", 7),
    (1_000, 4_000, "op", "aten::copy_", 7),
    (2_000, 1_500, "call", "cudaMemcpyAsync", 7),
    (6_000, 1_000, "call", "cuStreamSynchronize", 7),
    (6_500, 100, "op", "aten::add", 8),
]


def write_events(path, rows=ROWS, said=FORMAT, dropped="0"):
    columns = (
        dict(zip(SCHEMA.names, zip(*rows, strict=True), strict=True)) if rows else {name: [] for name in SCHEMA.names}
    )
    schema = SCHEMA.with_metadata({"format": said, "clock": "tsc", "dropped": dropped})
    pq.write_table(pa.Table.from_pydict({name: list(values) for name, values in columns.items()}, schema=schema), path)
    return path


def test_its_events_are_ops_calls_and_ranges(tmp_path):
    trace = open_trace(write_events(tmp_path / "eager.parquet"))
    events = trace.events
    assert list(events["kind"]) == ["range", "op", "api", "api", "op"]
    assert list(events["start_ns"]) == [0, 1_000, 2_000, 6_000, 6_500]
    assert list(events["layer"].astype(object).where(events["layer"].notna(), None)) == [
        None,
        None,
        "runtime",
        "driver",
        None,
    ]


def test_nothing_is_claimed_of_a_device(tmp_path):
    events = open_trace(write_events(tmp_path / "eager.parquet")).events
    assert events["device"].isna().all()
    assert set(events["kind"].astype(str)).isdisjoint({"kernel", "memcpy", "memset"})


def test_events_that_had_no_room_are_a_problem(tmp_path):
    trace = open_trace(write_events(tmp_path / "eager.parquet", dropped="12"))
    assert {problem.code: problem.count for problem in trace.problems}["dropped-records"] == 12


def test_an_event_of_a_kind_unknown_or_of_no_possible_time_is_left_out_and_counted(tmp_path):
    odd = [*ROWS, (1, 1, "thought", "?", 7), (1, -1, "op", "aten::x", 7)]
    trace = open_trace(write_events(tmp_path / "eager.parquet", odd))
    assert len(trace.events) == len(ROWS)
    assert {problem.code: problem.count for problem in trace.problems}["event-not-understood"] == 2


@pytest.mark.parametrize(
    ("rows", "said", "what"), [(ROWS, "launchlens.light/9", "has format"), ([], FORMAT, "holds no events")]
)
def test_what_can_not_be_used_is_one_line(tmp_path, rows, said, what):
    with pytest.raises(InputError, match=what) as raised:
        open_trace(write_events(tmp_path / "eager.parquet", rows, said))
    assert "\n" not in str(raised.value)


def test_a_recording_is_scrubbed(tmp_path):
    """Names of ops may be anybody's text (`record_function`); of the rest only what is declared is copied."""
    rows = [*ROWS, (7_000, 100, "op", "load /home/ada/secret/x.bin", 7)]
    path, output = write_events(tmp_path / "eager.parquet", rows, dropped="3"), tmp_path / "copy.parquet"
    table = pq.read_table(path)
    said = {**table.schema.metadata, b"host": b"ada-laptop"}
    pq.write_table(table.append_column("who", pa.array(["ada"] * len(rows))).replace_schema_metadata(said), path)
    done = scrub(path, output)
    assert (done.recorded_by, done.removed) == (
        "light",
        {"entries of metadata": 1, "column 'who'": 1, "paths in the names of ops": 1},
    )
    assert b"ada" not in output.read_bytes()
    copied = pq.read_table(output)
    assert copied.column("name").to_pylist() == [*(row[3] for row in ROWS), "load <path>"]
    assert copied.schema.metadata == {b"format": FORMAT.encode(), b"clock": b"tsc", b"dropped": b"3"}
    assert open_trace(output).events["start_ns"].tolist() == open_trace(path).events["start_ns"].tolist()
