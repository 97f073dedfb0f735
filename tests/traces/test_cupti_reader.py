"""The reader of CUPTI recordings: tiny made files with the table that must come out, and files that must be refused."""

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.account import HOST_STATES
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.launches.hardware_queue import HardwareQueue, channel_names
from launchlens.traces.launches.join import find_launches
from launchlens.traces.parquet import FEW_ROWS, ROWS_A_BYTE
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.readers.cupti import file as cupti_file
from launchlens.traces.readers.cupti.schema import COLUMNS, METADATA_KEY, header
from launchlens.traces.schema import MAX_DUR_NS, validate
from launchlens.traces.scrub.scrub import scrub
from launchlens.traces.source import open_trace
from made_cupti import HEADER, TID, call, named, on_gpu, recording, row

#: A range with a copy and a kernel, as CUPTI gives them: the kernel alone says when it was queued and submitted.
ROWS = (
    named("variant:copy_", 1_000, 9_000, 1),
    call("cudaMemcpyAsync_v3020", 2_000, 3_000, 5, external=1),
    call("cuLaunchKernelEx", 4_000, 5_000, 6, external=1, layer="driver"),
    call("cudaDeviceSynchronize_v3020", 6_000, 8_000, 7, external=1),
    on_gpu("memcpy", 3_500, 4_250, 5),
    on_gpu("kernel", 5_600, 6_400, 6, name="copy_kernel", queued_ns=4_800, submitted_ns=5_100, completed_ns=6_400),
)


def read(tmp_path, rows=ROWS, **more):
    trace = open_trace(recording(tmp_path / "made.parquet", rows, **more))
    validate(trace.events)
    return trace


def problems_of(trace):
    return {problem.code: problem.count for problem in trace.problems}


def refused(path, words):
    with pytest.raises(InputError, match=words) as caught:
        open_trace(path)
    assert "\n" not in str(caught.value)


# -- what must come out


def test_every_kind_of_row(tmp_path):
    trace = read(tmp_path)
    assert (trace.recorded_by, trace.recorded_by_version, dict(trace.devices)) == (
        "cupti", "cupti-python 13.0.1", {0: "Made-up GPU"},
    )  # fmt: skip
    assert problems_of(trace) == {}
    columns = ["kind", "name", "start_ns", "dur_ns", "process", "thread", "correlation", "layer", "channel"]
    table = trace.events[columns].astype(object).where(trace.events[columns].notna(), None)
    assert [tuple(values) for values in table.itertuples(index=False)] == [
        ("range", "variant:copy_", 1_000, 8_000, "4711", str(TID), None, None, None),
        ("api", "cudaMemcpyAsync_v3020", 2_000, 1_000, "4711", str(TID), 5, "runtime", None),
        ("api", "cuLaunchKernelEx", 4_000, 1_000, "4711", str(TID), 6, "driver", None),
        ("api", "cudaDeviceSynchronize_v3020", 6_000, 2_000, "4711", str(TID), 7, "runtime", None),
        ("memcpy", "[CUDA memcpy DtoD]", 3_500, 750, "4711", None, 5, None, "compute"),
        ("kernel", "copy_kernel", 5_600, 800, "4711", None, 6, None, "compute"),
    ]
    copy, kernel = (trace.events.iloc[number] for number in (4, 5))
    assert (copy["bytes"], copy["copy_kind"], copy["device"], copy["stream"]) == (128, "DtoD", 0, 7)
    assert (kernel["queued_ns"], kernel["submitted_ns"]) == (4_800, 5_100) and copy["queued_ns"] is pd.NA


def test_its_analysis_by_hand(tmp_path):
    document = as_plain(as_document(analyze(read(tmp_path), range_name="variant:copy_")))
    assert document["source"]["recorded_by"] == "cupti" and document["problems"] == []
    (found,) = document["ranges"]
    assert found == {
        "name": "variant:copy_", "instances": 1, "host_ns": 8_000, "gpu_projection_ns": 2_900, "launches": 2,
        "kernels": 1, "memcpys": 1, "memsets": 0, "gpu_ns": 1_550, "names": 1, "launches_all_threads": 2,
        "kernels_all_threads": 1, "gpu_ns_all_threads": 1_550, "launches_linked": None, "kernels_linked": None,
        "gpu_ns_linked": None,
    }  # fmt: skip
    states = {cell["host"] for cell in document["account"]["cells"]}
    assert states == {"python", "launch", "sync"} <= set(HOST_STATES)
    assert sum(cell["ns"] for cell in document["account"]["cells"]) == 8_000


def test_queued_and_submitted_of_graph_nodes_are_of_another_launch_and_left_out(tmp_path):
    replayed = on_gpu("kernel", 5_600, 6_400, 6, graph=2, graph_node=1 << 33, queued_ns=100)
    kernel = read(tmp_path, [*ROWS[:3], replayed]).events.iloc[-1]
    assert kernel["graph_node"] == 1 << 33 and kernel["queued_ns"] is pd.NA and kernel["submitted_ns"] is pd.NA


def test_text_columns_need_no_dictionary(tmp_path):
    plain = {column.name: pa.large_string() for column in COLUMNS if column.type == "text"}
    first = read(tmp_path).events
    pd.testing.assert_frame_equal(read(tmp_path, types=plain).events, first)


def test_several_row_groups_make_one_table(tmp_path):
    path = recording(tmp_path / "one.parquet", ROWS)
    pq.write_table(pq.read_table(path), tmp_path / "many.parquet", row_group_size=2)
    pd.testing.assert_frame_equal(open_trace(tmp_path / "many.parquet").events, open_trace(path).events)


# -- what is odd is counted


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (row("kernel", "k", 20, 10, correlation=1), "negative-duration"),
        (row("kernel", "k", None, 10, correlation=1), "event-not-understood"),
        (row("kernel", "k", 10, None, correlation=1), "event-not-understood"),
        (row("kernel", "k", 0, 0, correlation=1), "time-not-taken"),
        (row("kernel", "k", 10, 10 + MAX_DUR_NS, correlation=1), "event-not-understood"),
        (row("kernel", "k", -(1 << 63) + 1, (1 << 63) - 1, correlation=1), "event-not-understood"),
        (row("gpu-range", "k", 10, 20), "unknown-category"),
        (row("surprise", "k", 10, 20), "unknown-category"),
        (row(None, "k", 10, 20), "unknown-category"),  # type: ignore[arg-type]
        (row("overhead", "lazy function loading", 10, 20), "cuda-overhead-left-out"),
    ],
)
def test_rows_that_are_left_out(tmp_path, odd, code):
    trace = read(tmp_path, [*ROWS, odd])
    assert problems_of(trace) == {code: 1} and len(trace.events) == len(ROWS)


@pytest.mark.parametrize(
    ("odd", "code", "column", "value"),
    [
        (call(None, 100, 200, 9), "name-missing", "name", "(no name)"),
        (call("", 100, 200, 9), "name-missing", "name", "(no name)"),
        (on_gpu("kernel", 100, 200, 0), "missing-correlation", "correlation", pd.NA),
        (on_gpu("kernel", 100, 200, None), "missing-correlation", "correlation", pd.NA),
        (on_gpu("memcpy", 100, 200, 9, copies=7), "copies-in-one-record", "bytes", 128),
        (named("open", 100, None), "range-left-open", "dur_ns", 9_000 - 100),
    ],
)
def test_rows_that_are_kept(tmp_path, odd, code, column, value):
    trace = read(tmp_path, [*ROWS, odd])
    assert problems_of(trace) == {code: 1} and len(trace.events) == len(ROWS) + 1
    found = trace.events.iloc[-1][column]
    assert found is pd.NA if value is pd.NA else found == value


def test_events_of_no_length_are_kept(tmp_path):
    trace = read(tmp_path, (call("cuLaunchKernelEx", 4_000, 4_000, 6), on_gpu("kernel", 5_000, 5_000, 6)))
    assert trace.events["dur_ns"].tolist() == [0, 0] and problems_of(trace) == {}


def test_numbers_that_mean_nothing_are_null(tmp_path):
    odd = on_gpu(
        "kernel", 100, 200, 9, device=1 << 40, context=-1, stream=-5, bytes=-1, graph=-1, queued_ns=0, submitted_ns=-9
    )
    last = read(tmp_path, [*ROWS, odd]).events.iloc[-1]
    assert all(
        last[name] is pd.NA for name in ("device", "context", "stream", "bytes", "graph", "queued_ns", "submitted_ns")
    )


def test_what_is_said_of_a_row_that_can_not_be_is_passed_over(tmp_path):
    odd = call("cudaFree", 100, 200, 9, channel="compute", copy_kind="DtoD", device=3, layer="middle")
    last = read(tmp_path, [*ROWS, odd]).events.iloc[-1]
    assert last[["channel", "copy_kind", "device", "layer"]].isna().all()


def test_dropped_records_and_full_buffers_are_named(tmp_path):
    trace = read(tmp_path, header={"dropped_records": 3, "buffers_while_recording": 1})
    assert problems_of(trace) == {"dropped-records": 3, "buffer-full-while-recording": 1}
    assert next(iter(trace.problems)).severity == "error"
    assert problems_of(read(tmp_path, header={"dropped_records": -1, "devices": None})) == {}


def test_ids_that_repeat_join_nothing_by_chance(tmp_path):
    again = call("cudaMemcpyAsync_v3020", 8_200, 8_300, 5, external=1)
    document = as_plain(as_document(analyze(read(tmp_path, [*ROWS, again]))))
    assert {problem["code"] for problem in document["problems"]} >= {"correlation-id-repeats"}
    assert document["totals"]["gpu_activities_without_launch"]["memcpy"] == 1


# -- ranges, by time and by id


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ([call("cudaFree", 8_100, 8_200, 8, external=1)], 0),
        ([call("cudaFree", 8_100, 8_200, 8)], 1),  # inside by time, and no id
        ([call("cudaFree", 8_100, 8_200, 8, external=2)], 1),  # another one's id
        ([call("cudaFree", 9_100, 9_200, 8, external=1)], 1),  # after the range, with its id
        ([call("cudaFree", 9_100, 9_200, 8)], 0),
        ([call("cudaFree", 500, 600, 8)], 0),
        ([call("cudaFree", 8_900, 9_100, 8)], 0),  # sticks out, so it is not inside
        ([call("cudaFree", 8_100, 8_200, 8, thread=1)], 0),  # a thread that no range was opened on
        ([named("variant:b", 9_500, 9_900, 2), call("cudaFree", 9_600, 9_700, 8, external=2)], 0),
        ([named("variant:b", 9_500, 9_900, 2), call("cudaFree", 9_600, 9_700, 8, external=1)], 1),
        ([named("mine", 2_000, 3_500)], 0),  # a range of NVTX's has no id, and its calls have their block's
    ],
)
def test_ranges_by_time_and_by_id_are_compared(tmp_path, more, count):
    assert problems_of(read(tmp_path, [*ROWS, *more])) == ({"range-ids-disagree": count} if count else {})


# -- what is refused


def test_a_parquet_file_of_others(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    refused(tmp_path / "other.parquet", "is a parquet file, but not a recording of CUPTI")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"format": "launchlens.cupti/9"}, "has format 'launchlens.cupti/9', not"),
        ({"format": None}, "has format 'None'"),
    ],
)
def test_another_version(tmp_path, header, words):
    refused(recording(tmp_path / "x.parquet", ROWS, header=header), words)


@pytest.mark.parametrize("said", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_header_that_is_none(tmp_path, said):
    refused(recording(tmp_path / "x.parquet", ROWS, metadata={METADATA_KEY: said}), "has format 'None'")


@pytest.mark.parametrize("name", [column.name for column in COLUMNS])
def test_a_missing_column_is_named(tmp_path, name):
    refused(recording(tmp_path / "x.parquet", ROWS, without=[name]), f"has no column '{name}'")


@pytest.mark.parametrize(
    ("name", "of_type", "wanted"),
    [
        ("start_ns", pa.float64(), "whole numbers"),
        ("correlation", pa.string(), "whole numbers"),
        ("name", pa.binary(), "text"),
        ("kind", pa.int64(), "text"),
        ("queued_ns", pa.timestamp("ns"), "whole numbers"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path, name, of_type, wanted):
    path = recording(tmp_path / "x.parquet", [])
    table = pq.read_table(path)
    place = table.column_names.index(name)
    values = pa.array([float("nan")] if pa.types.is_floating(of_type) else [None], of_type)
    one = pa.table([pa.nulls(1, column.type) for column in table.columns], names=table.column_names)
    one = one.set_column(place, name, values).replace_schema_metadata(table.schema.metadata)
    pq.write_table(one, path)
    refused(path, rf"column '{name}' holds .*, not {wanted}")


def test_an_unsigned_number_beyond_int64_is_refused(tmp_path):
    path = recording(tmp_path / "x.parquet", [{**ROWS[1], "bytes": 1 << 63}], types={"bytes": pa.uint64()})
    refused(path, "column bytes: is damaged")


def test_a_column_twice(tmp_path):
    table = pq.read_table(recording(tmp_path / "x.parquet", ROWS))
    pq.write_table(table.append_column("name", table.column("name")), tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "has several columns 'name'")


def test_no_events(tmp_path):
    refused(recording(tmp_path / "x.parquet", []), "holds no events")
    refused(recording(tmp_path / "x.parquet", [row("overhead", "cupti buffer flush", 1, 2)]), "holds no events")


def test_a_file_cut_off_anywhere(tmp_path):
    whole = recording(tmp_path / "x.parquet", ROWS).read_bytes()
    for length in (4, 12, len(whole) // 2, len(whole) - 5, len(whole) - 1):
        (tmp_path / "x.parquet").write_bytes(whole[:length])
        refused(tmp_path / "x.parquet", "is damaged or not whole")


def test_more_events_than_its_bytes_can_hold_are_not_read(tmp_path, monkeypatch):
    count = FEW_ROWS * 2
    path = recording(tmp_path / "x.parquet", ROWS)
    schema = pq.read_schema(path)
    bomb = pa.table([pa.nulls(count, field.type) for field in schema], schema=schema)
    pq.write_table(bomb, path, compression="zstd")
    assert path.stat().st_size * ROWS_A_BYTE < count
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *args, **more: pytest.fail("it was read"))
    refused(path, f"bytes can't hold the {count:,} rows that it says it has")


def test_texts_that_unpack_to_too_much_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(cupti_file, "MOST_TEXT", 10_000)
    path = recording(tmp_path / "x.parquet", [call("x" * 100_000, 1, 2, 3)])
    refused(path, "its texts take .* bytes unpacked, and no such file's take over 10,000")


def test_codes_beyond_their_texts_are_damage(tmp_path):
    for codes in ([0, 7], [-3, 0], [5]):
        column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(["kernel"]), safe=False)
        damaged = cupti_file.Recording(tmp_path / "x.parquet", 1, {}, pa.table({"kind": column}))
        with pytest.raises(InputError, match="it refers to texts that it does not hold"):
            damaged.texts("kind")
    column = pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int32()), pa.array(["kernel"]))
    whole = cupti_file.Recording(tmp_path / "x.parquet", 1, {}, pa.table({"kind": column}))
    assert whole.texts("kind")[0].tolist() == [0, -1]


def test_a_device_of_five_thousand_digits_is_none(tmp_path):
    header = {"devices": {"9" * 5000: "x", "1": "Made-up GPU"}}
    assert open_trace(recording(tmp_path / "x.parquet", ROWS, header=header)).devices == {1: "Made-up GPU"}


def test_damage_is_one_line_or_another_trace_and_never_a_surprise(tmp_path):
    whole = recording(tmp_path / "x.parquet", ROWS).read_bytes()
    dice = random.Random(5)
    refusals = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(4, len(data))] = dice.randrange(256)
        (tmp_path / "x.parquet").write_bytes(bytes(data))
        try:
            validate(open_trace(tmp_path / "x.parquet").events)
        except InputError as error:
            refusals += 1
            assert "\n" not in str(error)
    assert refusals > 20


# -- whatever the numbers

_NUMBERS = st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 1000))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["range", "api", "kernel", "memcpy", "memset", "overhead", "nonsense", None]),
                "name": st.one_of(st.none(), st.sampled_from(["cudaMemcpyAsync", "variant:a", "k", ""])),
                "thread": st.sampled_from([None, 1, 2]),
            }
            | {column.name: _NUMBERS for column in COLUMNS if column.type == "whole" and column.name != "thread"}
        ),
        max_size=12,
    )
)
def test_any_numbers_make_an_event_table_that_can_be_analyzed(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "x.parquet"
    safe = [call("cudaFree", 5, 9, 1)]
    trace = open_trace(recording(path, [*safe, *rows]))
    validate(trace.events)
    lost = sum(
        problems_of(trace).get(code, 0) for code in ("unknown-category", "event-not-understood", "negative-duration")
    )
    assert len(trace.events) + lost == len(rows) + 1
    document = as_plain(as_document(analyze(trace)))
    json.dumps(document, allow_nan=False)
    account = document["account"]
    assert account is None or sum(cell["ns"] for cell in account["cells"]) == account["window_ns"]


# -- scrubbed


def plain_bytes(path):
    """What a file holds, its footer as it is and its columns unpacked."""
    unpacked = path.with_name("unpacked")
    pq.write_table(pq.read_table(path), unpacked, compression="none")
    try:
        return path.read_bytes() + unpacked.read_bytes()
    finally:
        unpacked.unlink()


def test_a_scrubbed_recording_says_the_same_and_nothing_else(tmp_path):
    path = recording(
        tmp_path / "in.parquet",
        ROWS,
        header={"user": "ada", "torch": "2.11 of /home/ada/torch", "devices": {"0": "Made-up GPU", "/home/ada": "x"}},
        metadata={b"host": b"ada-laptop"},
    )
    table = pq.read_table(path)
    pq.write_table(table.append_column("secret", pa.array(["ada"] * len(ROWS))), path)
    done = scrub(path, tmp_path / "out.parquet")
    assert done.recorded_by == "cupti"
    assert done.removed == {"entries of metadata": 1, "facts of the header": 3, "column 'secret'": 1}
    assert b"ada" in plain_bytes(path) and b"ada" not in plain_bytes(tmp_path / "out.parquet")
    before, after = (as_plain(as_document(analyze(open_trace(each)))) for each in (path, tmp_path / "out.parquet"))
    for document in (before, after):
        del document["source"]["path"], document["source"]["bytes"]
    assert before == after
    assert json.loads(pq.read_schema(tmp_path / "out.parquet").metadata[METADATA_KEY])["devices"] == HEADER["devices"]


def test_texts_that_no_row_refers_to_are_not_copied(tmp_path):
    path = recording(tmp_path / "in.parquet", ROWS)
    table = pq.read_table(path)
    names = table.column("name").combine_chunks()
    wider = pa.DictionaryArray.from_arrays(
        names.indices, pa.concat_arrays([names.dictionary, pa.array(["of ada's own"])])
    )
    pq.write_table(table.set_column(table.column_names.index("name"), "name", wider), path)
    assert b"of ada's own" in plain_bytes(path)
    scrub(path, tmp_path / "out.parquet")
    assert b"of ada's own" not in plain_bytes(tmp_path / "out.parquet")


def test_copies_of_no_known_way_are_analysed(tmp_path):
    path = recording(tmp_path / "in.parquet", ROWS)
    table = pq.read_table(path)
    at = table.column_names.index("copy_kind")
    unknown = pa.nulls(len(table), table.schema.field(at).type)
    pq.write_table(table.set_column(at, table.schema.field(at), unknown), path)
    copies = analyze(open_trace(path)).answers(["copies"]).tables["copies"].frame
    assert len(copies) and copies["share_of_link"].isna().all()


def test_a_recording_that_can_not_be_read_is_not_scrubbed(tmp_path):
    path = recording(tmp_path / "in.parquet", ROWS, without=["name"])
    with pytest.raises(InputError, match="has no column 'name'"):
        scrub(path, tmp_path / "out.parquet")
    assert [each.name for each in tmp_path.iterdir()] == ["in.parquet"]


# -- the commands


def test_the_commands_take_it(tmp_path):
    path = recording(tmp_path / "made.parquet", ROWS)
    result = CliRunner().invoke(app, ["analyze", str(path)])
    assert result.exit_code == 0 and "cupti-python 13.0.1" in result.stdout
    result = CliRunner().invoke(app, ["open", str(path), "--no-browser", "--port", "0", "--wait", "0.05"])
    assert result.exit_code == 1 and "/made.pftrace\n" in result.stdout
    assert "made.parquet, a CUPTI recording, exported for Perfetto" in result.output
    result = CliRunner().invoke(app, ["export", str(path), "--perfetto", "-o", str(tmp_path / "x.pftrace")])
    assert result.exit_code == 0, result.output
    assert Path(tmp_path / "x.pftrace").stat().st_size > 100


def test_channels_are_counted_launch_by_launch(tmp_path):
    rows = []
    for number, channels in enumerate((("compute",), ("async-memcpy",) * 2, ("async-memcpy", "compute"), (None,)), 1):
        at = 10_000 * number
        rows.append(call("cudaMemcpyBatchAsync", at, at + 100, number))
        rows += [
            on_gpu("memcpy", at + 200 * place, at + 200 * place + 100, number, channel=channel)
            for place, channel in enumerate(channels, 1)
        ]
    trace = open_trace(recording(tmp_path / "x.parquet", rows))
    queue = HardwareQueue(find_launches(trace.events, Problems()), trace.events)
    assert queue.channels(np.arange(4)) == {"compute": 1, "async-memcpy": 1, "async-memcpy, compute": 1}
    assert queue.channels(np.array([3])) == {}
    assert channel_names(queue.channels(np.arange(4))) == "async-memcpy, compute"


def test_half_a_character_in_the_header_is_left_out():
    said = {"format": "launchlens.cupti/1", "devices": "\ud800", "torch": "2.9"}
    assert (header(said).devices, header(said).torch) == (UNSET, "2.9")
