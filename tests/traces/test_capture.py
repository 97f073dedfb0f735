"""A capture is written whole, read back the same, and refused in one line when it is broken."""

import json
import os

import pandas as pd
import pyarrow as pa
import pytest

from launchlens.traces.captures.capture import read_capture, typed, write_timings
from launchlens.traces.problems import InputError
from made_capture import make_capture, make_timings


@pytest.fixture
def folder(tmp_path):
    return make_capture(tmp_path / "capture")


def test_what_is_written_is_read_back(folder):
    capture = read_capture(folder)
    assert capture.manifest.baseline == "copy_" and capture.manifest.complete
    assert [record.regime for record in capture.manifest.traces] == ["eager", "graph"]
    pd.testing.assert_frame_equal(capture.timings, make_timings())
    assert read_capture(folder / "manifest.json").path == folder


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "can't be read as JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "can't be read as JSON"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe{"), "can't be read as JSON"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": "launchlens.capture/9"}'),
            "launchlens.capture/9",
        ),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": "launchlens.capture/1"}'),
            "is not a manifest",
        ),
        (lambda folder: (folder / "timings.parquet").write_bytes(b"PAR1 no"), "can't be read"),
        (lambda folder: make_timings().drop(columns="wall_ns").to_parquet(folder / "timings.parquet"), "wall_ns"),
    ],
)
def test_a_broken_capture_is_one_line(folder, break_it, said):
    break_it(folder)
    with pytest.raises(InputError, match=said) as raised:
        read_capture(folder)
    assert "\n" not in str(raised.value)


def test_a_trace_outside_the_capture_is_refused(folder):
    raw = json.loads((folder / "manifest.json").read_text())
    raw["traces"][0]["path"] = "../../etc/passwd"
    (folder / "manifest.json").write_text(json.dumps(raw))
    capture = read_capture(folder)
    with pytest.raises(InputError, match="outside the capture"):
        capture.trace_path(capture.manifest.traces[0])


def test_a_missing_trace_is_named(folder):
    (folder / "torch" / "graph.pt.trace.json.gz").unlink()
    capture = read_capture(folder)
    with pytest.raises(InputError, match=r"graph\.pt\.trace\.json\.gz.*missing"):
        capture.trace_path(capture.manifest.traces[1])


@pytest.mark.parametrize("name", ["p" * 400, "half\ud800"])
def test_a_trace_whose_name_no_file_can_have_is_missing(folder, name):
    changed(folder, lambda raw: raw["traces"][0].update(path=name))
    capture = read_capture(folder)
    with pytest.raises(InputError, match="missing"):
        capture.trace_path(capture.manifest.traces[0])


def test_timings_are_checked_when_written(tmp_path):
    with pytest.raises(ValueError, match="host_ns"):
        write_timings(tmp_path, make_timings().drop(columns="host_ns"))
    with pytest.raises(ValueError, match="wall_ns holds nulls"):
        typed(make_timings().astype({"wall_ns": "Int64"}).assign(wall_ns=pd.NA))


def changed(folder, change):
    raw = json.loads((folder / "manifest.json").read_text())
    change(raw)
    (folder / "manifest.json").write_text(json.dumps(raw))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("workload", [], "`workload` must be an object"),
        ("environment", "x", "`environment` must be an object"),
        ("timing", None, "`timing` must be an object"),
        ("baseline", 3, "`baseline` must be text, not 3"),
        ("device", None, "`device` must be text"),
        ("recorded_at", {}, "`recorded_at` must be text"),
        ("launchlens", 1, "`launchlens` must be text"),
        ("complete", "yes", "`complete` must be true or false"),
        ("command", ["profile", 1], "`command` must be a list of texts"),
        ("variants", {}, "`variants` must be a list"),
        ("variants.0", "copy_", r"`variants\[0\]` must be an object"),
        ("variants.0.variant", "a\nb", r"`variants\[0\].variant` must be text of 1 to 200"),
        ("variants.1.regime", "g" * 201, r"`variants\[1\].regime`"),
        ("variants.0.status", "great", r"`variants\[0\].status` must be one of measured, "),
        ("variants.0.status", [], r"`variants\[0\].status`"),
        ("variants.0.why", 1, r"`variants\[0\].why`"),
        ("variants.0.structure", "seven", r"`variants\[0\].structure` must be null or a list, not \"seven\""),
        ("variants.0.structure.0", 7, r"`variants\[0\].structure\[0\]` must be an object, not 7"),
        ("variants.0.structure.0.path", "a\nb", r"`variants\[0\].structure\[0\].path` must be text of"),
        (
            "variants.0.structure.0.per_iteration",
            10**9,
            r"`variants\[0\].structure\[0\].per_iteration` must be a whole number from",
        ),
        (
            "variants.0.structure.0.arguments",
            True,
            r"`variants\[0\].structure\[0\].arguments` must be a whole number, not true",
        ),
        ("variants.0.structure.0.items", -1, r"`variants\[0\].structure\[0\].items` must be a whole number from"),
        ("variants.0.structure.0.node", "event", r"`variants\[0\].structure\[0\].node` must be one of kernel, memcpy"),
        ("variants.0.structure.0.more", 1, r"`variants\[0\].structure\[0\].more` is not known"),
        ("traces.1.rounds", "4", r"`traces\[1\].rounds` must be a whole number"),
        ("traces.1.rounds", 4.0, r"`traces\[1\].rounds` must be a whole number"),
        ("variants.0.structure", [None] * 101, r"`variants\[0\].structure\[0\]` must be an object, not null"),
        ("traces.1.rounds", True, r"`traces\[1\].rounds` must be a whole number, not true"),
        ("traces.1.iterations", 0, r"`traces\[1\].iterations` must be at least 1"),
        ("traces.1.iterations", 10**9, r"`traces\[1\].iterations`"),
        (
            "traces.0.reference_ns",
            {"copy_": 0},
            r"`traces\[0\].reference_ns` must be null or an object of names and times",
        ),
        ("traces.0.reference_ns", {"copy_": 10**400}, r"`traces\[0\].reference_ns`"),  # more than a float can hold
        ("traces.0.reference_ns", {"copy_": True}, r"`traces\[0\].reference_ns`"),
        ("traces.0.collector", 7, r"`traces\[0\].collector`"),
        ("traces.0.path", "a\0b", r"`traces\[0\].path`"),
        ("traces.0.path", "p" * 501, r"`traces\[0\].path`"),
        ("workload.name", ["a", 1], r"`workload\.name` must be text of 1 to 200 printable characters, not a list"),
        ("workload.name", None, r"`workload\.name` must be text of .* not null"),
        ("workload.says", 7, r"`workload\.says` must be text, not 7"),
        ("environment.gpu", ["a", None], r"`environment\.gpu` must be text, not a list"),
        ("environment.clocks", {"sm": [1]}, '`environment` must hold text, numbers and objects of these: its "clocks"'),
        ("environment.cpu_count", float("nan"), "NaN is no finite number"),
        ("environment.cpu_count", float("inf"), "Infinity is no finite number"),
    ],
)
def test_a_field_that_is_not_what_it_must_be_is_named(folder, place, value, said):
    def change(raw):
        *outer, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        for part in outer:
            raw = raw[part]
        raw[last] = value

    changed(folder, change)
    with pytest.raises(InputError, match=said) as raised:
        read_capture(folder)
    assert "manifest.json" in str(raised.value) and "record the capture again" in str(raised.value)


def test_a_number_too_large_for_a_float_is_refused(folder):
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"cpu_count": 16', '"cpu_count": 1e999'))
    with pytest.raises(InputError, match="1e999 is no finite number"):
        read_capture(folder)


def test_keys_that_were_added_later_are_ignored(folder):
    def change(raw):
        raw["later"] = raw["variants"][0]["later"] = raw["traces"][0]["later"] = [1]

    before = read_capture(folder).manifest
    changed(folder, change)
    assert read_capture(folder).manifest == before


def with_first(column, value):
    timings = make_timings()
    timings.loc[0, column] = value
    return timings


@pytest.mark.parametrize(
    ("timings", "said"),
    [
        (with_first("wall_ns", 0), "column wall_ns holds 0 in row 0; it must be at least 1"),
        (with_first("host_ns", -5), "column host_ns holds -5"),
        (with_first("iterations", 0), "column iterations holds 0"),
        (with_first("device_ns", -1), "column device_ns holds -1 in row 0; it must be at least 0"),
        (with_first("variant", "v" * 201), "column variant holds 'vvv"),
        (with_first("regime", "a\tb"), "column regime holds"),
        (
            pd.concat([make_timings(), make_timings().head(1)]),
            "round, variant, regime, control, length, recorder name the same block",
        ),
    ],
)
def test_timings_that_no_block_can_have_are_refused(folder, timings, said):
    timings.to_parquet(folder / "timings.parquet", index=False)
    with pytest.raises(InputError, match=said) as raised:
        read_capture(folder)
    assert "timings.parquet" in str(raised.value) and "\n" not in str(raised.value)


def test_too_many_rows_are_refused_before_they_are_read(folder, monkeypatch):
    monkeypatch.setattr("launchlens.traces.captures.capture.MOST_TIMINGS", 100)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile.iter_batches", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(InputError, match="rows, and no such file has over 100"):
        read_capture(folder)


@pytest.mark.parametrize("error", [pa.ArrowMemoryError, pa.ArrowNotImplementedError, pa.ArrowCapacityError])
def test_whatever_arrow_raises_is_one_line(folder, monkeypatch, error):
    def read(*_, **__):
        raise error("first\nsecond")

    monkeypatch.setattr("pyarrow.parquet.ParquetFile.iter_batches", read)
    with pytest.raises(InputError, match="can't be read: first"):
        read_capture(folder)


def test_columns_that_were_added_later_are_ignored(folder):
    make_timings().assign(later=1).to_parquet(folder / "timings.parquet", index=False)
    pd.testing.assert_frame_equal(read_capture(folder).timings, make_timings())


def test_timings_that_fail_to_be_written_leave_nothing(tmp_path, monkeypatch):
    used = []

    def fail(source, _):
        used.append(os.fspath(source))
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            write_timings(tmp_path, make_timings())
    assert len(set(used)) == 2 and not list(tmp_path.iterdir())
