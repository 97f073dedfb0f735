"""Files that are not quite JSON are read all the same, and counted; files that can't be used are refused in one line."""

import gzip
import json
import os
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from launchlens.traces.problems import InputError
from launchlens.traces.readers import byte_source
from launchlens.traces.readers.kineto import json_blocks
from launchlens.traces.readers.kineto import reader as kineto
from launchlens.traces.source import open_trace
from launchlens.traces.trace import Trace

OP = b'{"ph": "X", "cat": "cpu_op", "name": "aten::copy_", "pid": 1, "tid": 2, "ts": 10, "dur": 5}'


def read(tmp_path: Path, data: bytes, *, partial: bool = False) -> Trace:
    path = tmp_path / "trace.json"
    path.unlink(missing_ok=True)  # of a file that is written over, some file systems wait for the disk
    path.write_bytes(data)
    return kineto.read(path, partial=partial, progress=None)


def refusal(tmp_path: Path, data: bytes, *, partial: bool = False) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, data, partial=partial)
    text = str(caught.value)
    assert text.startswith(str(tmp_path / "trace.json")) and "\n" not in text
    return text.removeprefix(str(tmp_path / "trace.json"))


def problems(trace: Trace) -> dict[str, int]:
    return {problem.code: problem.count for problem in trace.problems}


def op(name: bytes = b"n", extra: bytes = b"") -> bytes:
    return b'{"ph":"X","cat":"cpu_op","name":"%s","pid":1,"tid":1,"ts":1712345678901234.567,"dur":1.5%s}' % (
        name,
        extra,
    )


def document(*events: bytes, tail: bytes = b"") -> bytes:
    return b'{"schemaVersion":1,"traceEvents":[' + b",\n".join(events) + b"]" + tail + b"}"


@pytest.mark.parametrize(
    ("event", "name", "count"),
    [
        *[
            (op(extra=b',"args":{"bandwidth":%s}' % word), "n", 1)
            for word in (b"NaN", b"nan", b"-nan", b"inf", b"-Infinity")
        ],
        *[(op(extra=b',"args":{"bandwidth":%s}' % word), "n", 1) for word in (b"-nan(ind)", b"1.#INF", b"+inf")],
        (op(b"two\nlines\tand \x01"), "two\nlines\tand \x01", 1),
        (op(b"caf\xe9"), "caf�", 1),
        (op(b"C:\\Users\\me\\x.py(3): f"), "C:\\Users\\me\\x.py(3): f", 1),
        (op(b"half \\ud83d of a pair, and a whole one \\ud83d\\ude00"), "half � of a pair, and a whole one 😀", 1),
        (op(b"raw surrogate \xed\xa0\x80"), "raw surrogate ���", 1),
        (op(extra=b',"args":{"grid":[1,2,],}'), "n", 2),
        (op(b"NaN, inf, {}],", b',"args":{"x":NaN,"y":"nan"}'), "NaN, inf, {}],", 1),
    ],
)
@pytest.mark.parametrize("block", [1 << 20, 60])
def test_odd_json_is_read_leniently_and_counted(tmp_path, monkeypatch, event, name, count, block):
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
    trace = read(tmp_path, document(OP, event, OP, event, OP))
    assert trace.events["name"].tolist() == ["aten::copy_", name, "aten::copy_", name, "aten::copy_"]
    # the digits survive the repair
    assert trace.events["start_ns"].tolist()[1] == 1712345678901234567
    assert problems(trace) == {"replaced-bad-json": 2 * count}


def test_odd_json_around_the_events(tmp_path):
    trace = read(tmp_path, document(OP, tail=b', "traceName": "C:\\Users\\me\\log.json", "trace_id": 7, "x": NaN'))
    assert trace.meta["traceName"] == "C:\\Users\\me\\log.json" and trace.meta["trace_id"] == 7
    assert problems(trace) == {"replaced-bad-json": 2}


def test_a_comma_after_the_last_event(tmp_path):
    assert len(read(tmp_path, b"[" + OP + b",\n]").events) == 1
    assert len(read(tmp_path, document(OP, OP, b"")).events) == 2


def test_an_event_that_is_no_json_at_all_is_left_out(tmp_path):
    trace = read(tmp_path, document(OP, op(b'say "hello" to'), OP))
    assert trace.events["name"].tolist() == ["aten::copy_", "aten::copy_"]
    assert trace.problems["unreadable-json"] == 1


ODD = [b'5" disk', b'f("x)', b'a" [3]', b'"', b'{"', b'}, {"']


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("block", [1 << 20, 150])
@pytest.mark.parametrize("tail", [b"", b', "traceName": "x", "n": [{"a": 1}]'])
def test_a_quote_too_many_costs_one_event_wherever_it_stands(tmp_path, monkeypatch, name, block, tail):
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
    whole = [op(b"%d" % number, b',"args":{"a":[{"b":1},{"c":2}]}') for number in range(6)]
    for place in range(len(whole)):
        events = [*whole[:place], op(name, b',"args":{"x":[1]}'), *whole[place + 1 :]]
        made = [document(*events, tail=tail)]
        if not tail:
            made += [b"[" + b",".join(events) + b"]", json.dumps([1])[:1].encode() + b"\n,\n".join(events) + b"\n]\n"]
        for data in made:
            trace = read(tmp_path, data)
            assert trace.events["name"].tolist() == [str(number) for number in range(6) if number != place]
            assert problems(trace) == {"unreadable-json": 1}


def test_quotes_too_many_in_several_events_are_counted_apart(tmp_path):
    bad = op(b'5" disk')
    trace = read(tmp_path, document(OP, bad, bad, OP, bad, OP, tail=b', "traceName": "x"'))
    assert len(trace.events) == 3 and problems(trace) == {"unreadable-json": 3}


def test_what_is_lost_to_a_quote_does_not_grow_with_the_file(tmp_path):
    events = [op(b"%d" % number, b',"args":{"device":0,"list":[1,2]}') for number in range(30_000)]
    events[100] = op(b'f("x)')
    trace = read(tmp_path, document(*events))
    assert len(trace.events) == 29_999 and problems(trace) == {"unreadable-json": 1}


ROW = b'{"a": "b", "c": [1, 2.5, null]}'


@pytest.mark.parametrize(
    ("before", "part", "times", "after"),
    [
        (b'{"rows": [', ROW, 1_200_000, b"]}"),
        (b"[", ROW, 1_200_000, b"]"),
        (b"[", b"[1, 2.5, null]", 2_400_000, b"]"),
        (b"[", b"1234567", 4_000_000, b"]"),
        (b'{"text": "', b"traceEvents, or not", 1_800_000, b', "}'),
        (b'{"rows": [', ROW, 1_200_000, b""),
        (b'{"traceEvents": [', ROW, 1_200_000, b"]}"),
    ],
    ids=["object", "objects", "arrays", "numbers", "text", "broken", "no events"],
)
def test_a_refusal_is_quick_whatever_the_size(tmp_path, before, part, times, after):
    data = before + (part + b", ") * (times - 1) + part + after
    assert len(data) > 30 << 20
    (tmp_path / "trace.json").write_bytes(data)
    began = time.process_time()
    with pytest.raises(InputError) as caught:
        kineto.read(tmp_path / "trace.json", partial=False, progress=None)
    assert time.process_time() - began < 1, "a second of CPU"
    assert "trace" in caught.value.what or "JSON" in caught.value.what


def test_arguments_of_the_wrong_shape_are_as_good_as_none(tmp_path):
    kernel = b'{"ph":"X","cat":"kernel","name":"k","pid":3,"tid":7,"ts":1,"dur":2,"args":%s}'
    shapes = [b"[]", b'"text"', b"null", b'{"device":[1],"stream":{"a":1},"correlation":true}', b'{"device":1e300}']
    trace = read(tmp_path, document(*[kernel % shape for shape in shapes]))
    assert trace.events["device"].tolist() == [3] * len(shapes) and trace.events["stream"].tolist() == [7] * len(shapes)
    assert problems(trace) == {"missing-correlation": len(shapes)}


def test_a_name_of_a_million_characters(tmp_path):
    name = b"k" * 1_000_000
    trace = read(tmp_path, document(OP, op(name), op(b"\\u00e9" * 300_000), OP))
    assert [len(each) for each in trace.events["name"]] == [11, 1_000_000, 300_000, 11]
    assert problems(trace) == {}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"   \n", "is empty"),
        (b"\x00" * 5_000_000, "is not JSON: it holds nothing but null bytes"),
        (gzip.compress(b"\x00" * 5_000_000, mtime=0), "is not JSON: it holds nothing but null bytes"),
        (b"\x7fELF\x02\x01\x01" + bytes(range(256)), "is not JSON"),
        (bytes(range(256)) * 99, "is not JSON"),
        (b"hello", "is not JSON"),
        (b"hello" * 1_000_000, "is not JSON"),
        (b'{"a": 1}{"b": 2}', "is not JSON"),
        (b'{"ph": "X", "ts": 1, "dur": 1}\n{"ph": "X", "ts": 1, "dur": 1}', "is JSON Lines, an event a line"),
        (
            b'{"Type": 80, "GlobalId": 0, "StringId": "1", "Value": "k"}\n{"Type": 79, "CudaEvent": {"startNs": "1000"}}',
            "is JSON Lines that Nsight Systems exported (export it again: nsys export --type sqlite",
        ),
        (b'{"a": 1}\n{"a": 2}\n', "is JSON Lines, and its first line is no event of a trace"),
        (b"12", "is JSON, but not a trace"),
        (b'"traceEvents"', "is JSON, but not a trace"),
        (b'{"a": {"traceEvents": []}, "b": "traceEvents"}', "is JSON, but not a trace: it has no traceEvents"),
        (b'{"traceEvents": {"a": 1}}', "traceEvents is not an array"),
        (b'{"traceEvents": null}', "traceEvents is not an array"),
        (b'{"traceEvents": []}', "holds no events"),
        (b"[]", "holds no events"),
        (b"[1, 2, 3]", "no usable range, op, API call or GPU activity"),
        (b"[{}]", "no usable range, op, API call or GPU activity"),
        (b'[{"ph":"X","cat":"renderer","name":"n","ts":1,"dur":1}]', "holds 1 events, but no usable"),
        (b"[{oops}]", "is not JSON"),
        (b'{"schemaVersion": 1, "deviceProp', "before any event"),
        (b'{"traceEvents"', "before any event"),
        ("\ufeff[1]".encode("utf-16-le"), "is text in UTF-16"),
        ("\ufeff[1]".encode("utf-16-be"), "is text in UTF-16"),
        ("[1]".encode("utf-16-le"), "is not JSON in UTF-8, but text in UTF-16"),
        ('{"a": 1}'.encode("utf-16-be"), "is not JSON in UTF-8, but text in UTF-16"),
        (gzip.compress(gzip.compress(b"[1]", mtime=0), mtime=0), "is gzip within gzip"),
        (gzip.compress(b"SQLite format 3\x00" + bytes(100), mtime=0), "holds a SQLite database in gzip"),
        (gzip.compress(b"PAR1" + bytes(100), mtime=0), "holds a parquet file in gzip"),
        (b"trace.json" + bytes(247) + b"ustar  " + bytes(300), "is a tar archive"),
        (gzip.compress(b"trace.json" + bytes(247) + b"ustar\x0000" + bytes(300), mtime=0), "is a tar archive"),
        ("\ufeff[1]".encode("utf-32-be"), "is text in UTF-32"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"\x28\xb5\x2f\xfdrest", "zstd -d"),
        (b"[" + OP + b"] and more", "something more after the end"),
        (document(OP) + document(OP), "something more after the end"),
        (b'{"traceEvents": [' + OP + b"}}", "closes what was not opened"),
        (b"[" * 100_000, "nests its JSON too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nests its JSON too deeply"),
        (b'{"a":' * 100_000, "nests its JSON too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nests its JSON too deeply"),
        (document(op(extra=b',"args":' + b"[" * 90_000 + b"]" * 90_000)), "nests its JSON too deeply"),
        (document(OP, tail=b', "deep": ' + b"[" * 90_000 + b"]" * 90_000), "nests its JSON too deeply"),
        (
            document(op(extra=b',"args":{"x":NaN,"y":' + b"[" * 90_000 + b"]" * 90_000 + b"}")),
            "nests its JSON too deeply",
        ),
    ],
)
def test_unusable_input_is_refused_in_one_line(tmp_path, data, says):
    assert says in refusal(tmp_path, data)
    assert says in refusal(tmp_path, data, partial=True)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="can't be read: No such file"):
        kineto.read(tmp_path / "none.json", partial=False, progress=None)


@pytest.mark.parametrize("block", [1 << 20, 50])
def test_a_truncated_file_is_refused_and_its_whole_events_kept_with_partial(tmp_path, monkeypatch, block):
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
    events = [op(b"%d },{ \\\\" % number, b',"args":{"a":[{"b":1},{"c":2}]}') for number in range(3)]
    whole = document(*events, tail=b', "traceName": "x"')
    ends = [whole.index(event) + len(event) for event in events]
    for length in range(ends[0] - 3, len(whole)):
        expected = sum(length >= end for end in ends)
        text = refusal(tmp_path, whole[:length])
        assert "breaks off" in text and "--partial" in text and f"byte {length}" in text
        if not expected:
            assert "holds no" in refusal(tmp_path, whole[:length], partial=True)
            continue
        trace = read(tmp_path, whole[:length], partial=True)
        assert len(trace.events) == expected
        assert problems(trace) == {"truncated": 1}
    trace = read(tmp_path, whole, partial=True)
    assert len(trace.events) == 3 and problems(trace) == {}


def zipped(count: int) -> bytes:
    events = [op(b"%d" % number, b',"args":{"x":"%d"}' % (number * 2654435761 % 2**32)) for number in range(count)]
    return gzip.compress(document(*events))


@pytest.mark.parametrize("isal", [True, False])
def test_damaged_gzip(tmp_path, monkeypatch, isal):
    if not isal:
        monkeypatch.setattr(byte_source, "igzip_threaded", None)
    data = zipped(20_000)
    text = refusal(tmp_path, data[: len(data) // 2])
    assert "gzip data breaks off" in text and "--partial" in text
    assert "gzip data breaks off" in refusal(tmp_path, data[:-8])  # every event is there, but not the checksum
    assert "gzip data breaks off" in refusal(tmp_path, data[:12])
    flipped = bytearray(data)
    flipped[-6] ^= 1
    for partial in (False, True):
        assert "gzip data is damaged" in refusal(tmp_path, bytes(flipped), partial=partial)
        assert "gzip data is damaged" in refusal(tmp_path, data[:2] + b"\x07" + data[3:], partial=partial)
        assert "gzip data is damaged" in refusal(tmp_path, data[:10] + b"\xff" * 50 + data[60:], partial=partial)


@pytest.mark.parametrize("isal", [True, False])
def test_what_follows_gzip_data(tmp_path, monkeypatch, isal):
    if not isal:
        monkeypatch.setattr(byte_source, "igzip_threaded", None)
    data = document(OP)
    # what gunzip takes for a whole: nulls that fill up a block of a tape, and several members
    for packed in (
        gzip.compress(data, mtime=0) + bytes(512),
        gzip.compress(data[:30], mtime=0) + gzip.compress(data[30:], mtime=0),
        gzip.compress(b"\xef\xbb\xbf" + data, mtime=0),
    ):
        assert len(read(tmp_path, packed).events) == 1
    text = refusal(tmp_path, gzip.compress(data, mtime=0) + b"and more")
    assert "something that is not gzip follows its gzip data (unpack it with gunzip" in text


@pytest.mark.parametrize("part", [0.3, 0.5, 0.999])
def test_half_a_gzip_file_keeps_every_whole_event_with_partial(tmp_path, part):
    data = zipped(20_000)
    data = data[: int(len(data) * part)]
    trace = read(tmp_path, data, partial=True)
    there = zlib.decompressobj(31).decompress(data)
    assert len(trace.events) == there.count(b'"}}') > 1000
    assert problems(trace) == {"truncated": 1}


def test_gzip_without_its_checksum_is_kept_with_partial(tmp_path):
    trace = read(tmp_path, zipped(50)[:-8], partial=True)
    assert len(trace.events) == 50 and problems(trace) == {"truncated": 1}


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(byte_source, "BOMB_BYTES", 4 << 20)
    bomb = gzip.compress(b"[" + b",".join([OP] * 90_000) + b"]", 9)
    text = refusal(tmp_path, bomb)
    assert f"expands more than {byte_source.BOMB_RATIO} times, past 4 MiB" in text and "gunzip" in text
    monkeypatch.setattr(byte_source, "BOMB_BYTES", 256 << 20)
    assert len(read(tmp_path, bomb).events) == 90_000


def test_the_bomb_limits_are_far_from_real_traces():
    assert byte_source.BOMB_RATIO == 250 and byte_source.BOMB_BYTES == 256 << 20


def test_one_event_larger_than_the_limit_is_refused(tmp_path, monkeypatch):
    assert json_blocks.MAX_EVENT_BYTES == 64 << 20
    monkeypatch.setattr(json_blocks, "MAX_EVENT_BYTES", 4 << 20)
    text = refusal(tmp_path, document(OP, op(b"k" * (5 << 20)), OP))
    assert "one event is larger than 4 MiB" in text
    assert len(read(tmp_path, document(OP, op(b"k" * (3 << 20)), OP)).events) == 3


def test_a_document_whose_events_begin_far_behind_is_refused(tmp_path, monkeypatch):
    assert json_blocks.MAX_HEAD_BYTES == 8 << 20
    assert len(read(tmp_path, b'{"a": "' + b"k" * (7 << 20) + b'", "traceEvents": [' + OP + b"]}").events) == 1
    monkeypatch.setattr(json_blocks, "MAX_HEAD_BYTES", 1 << 20)
    assert "no traceEvents in its first 1 MiB" in refusal(
        tmp_path, b'{"a": "' + b"k" * (3 << 20) + b'", "traceEvents": []}'
    )


def test_open_trace_passes_partial_on(tmp_path):
    path = tmp_path / "cut.json"
    path.write_bytes(b"[" + OP + b"," + OP[:30])
    with pytest.raises(InputError, match="breaks off in the middle of an event"):
        open_trace(path)
    assert len(open_trace(path, partial=True).events) == 1


def test_any_byte_changed_gives_a_trace_or_one_line(tmp_path):
    small = b'{"ph":"X","cat":"cpu_op","name":"n","pid":1,"tid":2,"ts":1.5,"dur":5%s}'
    events = small % b"", small % b',"args":{"device":1,"a":[{"b":"c"}]}'
    whole = bytearray(document(*events, tail=b', "traceName": "x"'))
    outcomes: set[Any] = set()
    for place in range(len(whole)):
        for byte in b'"\\{]\xff':
            changed = bytearray(whole)
            changed[place] = byte
            try:
                outcomes.add(len(read(tmp_path, bytes(changed), partial=bool(place % 2)).events))
            except InputError as error:
                outcomes.add("\n" in str(error))
    assert outcomes == {2, 1, False}


def test_the_expected_text_of_this_file_is_json():
    assert len(json.loads(document(OP, op(), tail=b', "traceName": "x"'))["traceEvents"]) == 2


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/dev/zero", "is not a regular file (save it to a file first)"),
        ("link", "is not a regular file (save it to a file first)"),
        ("pipe", "is not a regular file (save it to a file first)"),
        ("x" * 300, "can't be read: File name too long"),
        ("trace.json/below", "can't be read: Not a directory"),
        ("nul\0", "null character"),
    ],
)
def test_open_trace_opens_regular_files_only(tmp_path, path, says):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "trace.json").write_bytes(b"[" + OP + b"]")
    with pytest.raises(InputError) as caught:
        open_trace(tmp_path / path)
    assert says in str(caught.value)


def test_open_trace_in_a_folder_without_permission(tmp_path, monkeypatch):
    def denied(self: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", denied)
    with pytest.raises(InputError, match="can't be read: Permission denied"):
        open_trace(tmp_path / "trace.json")


def test_open_trace_follows_links_to_files(tmp_path):
    (tmp_path / "trace.json").write_bytes(b"[" + OP + b"]")
    (tmp_path / "link").symlink_to("trace.json")
    assert len(open_trace(tmp_path / "link").events) == 1
