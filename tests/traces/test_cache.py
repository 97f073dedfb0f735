"""The cache: what comes out of it is what went in, to the last digit; what is broken, foreign or stale is as if it were not there."""

import json
import os
import runpy
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from read_once import read_once
from traces.made_kinds import KINDS, make
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.reports.words.cache import cache_sentence
from launchlens.reports.writers.json import text
from launchlens.traces.analyses.catalogue import CATALOGUE
from launchlens.traces.cache import content, kept_trace, store
from launchlens.traces.cache.kept_analysis import Asked, analysis_of
from launchlens.traces.details import Details
from launchlens.traces.source import OneTrace, as_one, source_of
from launchlens.traces.tables.table import Table
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.trace import Progress, Trace

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
TRACES: list[Path] = list(runpy.run_path(str(GOLDEN / "facts.py"))["facts_by_trace"]())
SMALL = GOLDEN / "cases" / "k1022.json"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of its own, in which traces of every size are kept."""
    monkeypatch.setenv("LAUNCHLENS_CACHE", str(tmp_path / "cache"))
    small = replace(THRESHOLDS, cache_least_bytes=0, cache_least_packed_bytes=0)
    monkeypatch.setattr(content, "THRESHOLDS", small)
    place = tmp_path / "cache" / "entries"
    yield place
    assert not list(place.glob(".*")), "something was left beside the entries"


def declared(table: Table) -> dict[str, Any]:
    """What a table says beside its frame."""
    return {each.name: getattr(table, each.name) for each in fields(table) if each.name != "frame"}


def trace_of(path: Path) -> OneTrace:
    return as_one(source_of(path))


def entries(place: Path) -> list[Path]:
    return sorted(place.glob(f"*{store.SUFFIX}"))


def kinds(place: Path) -> list[str]:
    return sorted(each.name.partition("-")[0] for each in entries(place))


def same(one: Trace, other: Trace) -> None:
    """Raise AssertionError unless two traces are equal, to the order of categories."""
    frames = [(one.events, other.events)]
    assert (one.details is None) == (other.details is None)
    for each in fields(one.details):
        frames.append((getattr(one.details, each.name), getattr(other.details, each.name)))
    for left, right in frames:
        assert (left is None) == (right is None)
        if left is None:
            continue
        names = [name for name in left.columns if left[name].dtype == "category"]
        pd.testing.assert_frame_equal(left.drop(columns=names), right.drop(columns=names))
        assert list(left.columns) == list(right.columns)
        for name in names:  # by codes and categories: to look up each value in turn takes long
            assert right[name].dtype == "category", name
            one_column, other_column = left[name].cat, right[name].cat
            assert np.array_equal(one_column.codes, other_column.codes), name
            assert one_column.codes.dtype == other_column.codes.dtype and one_column.ordered == other_column.ordered
            assert one_column.categories.equals(other_column.categories)
            assert one_column.categories.dtype == other_column.categories.dtype
    assert {key: [part.tolist() for part in frames] for key, frames in one.python_frames.items()} == {
        key: [part.tolist() for part in frames] for key, frames in other.python_frames.items()
    }
    for name in {each.name for each in fields(one)} - {"events", "details", "python_frames", "python_processes"}:
        left, right = getattr(one, name), getattr(other, name)
        assert (list(left) if name == "problems" else left) == (list(right) if name == "problems" else right), name
    assert set(one.python_processes) == set(other.python_processes)


EVERYTHING = Asked(tuple(each.name for each in CATALOGUE))


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.name)
def test_with_and_without_the_cache_everything_is_equal(path: Path, cache: Path) -> None:
    trace = trace_of(path).read()
    (kept,) = entries(cache)
    parts = store.find(kept.name.removesuffix(store.SUFFIX))
    assert parts is not None
    same(kept_trace.unpacked(parts, path), trace)
    # worked out of the table that was kept, against what comes back of that: and test_golden.py holds it to facts without a cache
    found = analysis_of(trace_of(path), EVERYTHING)
    again = analysis_of(trace_of(path), EVERYTHING)
    assert text(again.document) == text(found.document)
    assert list(again.answered.tables) == list(found.answered.tables)
    for name, table in found.answered.tables.items():
        other = again.answered.tables[name]
        pd.testing.assert_frame_equal(other.frame, table.frame)
        assert declared(other) == declared(table) and other.rows() == table.rows()


@pytest.mark.parametrize("path", [SMALL, GOLDEN / "ranks" / "slow2" / "rank2.json.gz"], ids=lambda path: path.name)
def test_what_is_kept_is_used(path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.off():
        without = text(analysis_of(trace_of(path), EVERYTHING).document)
    assert not cache.exists()
    assert text(analysis_of(trace_of(path), EVERYTHING).document) == without
    assert kinds(cache) == ["analysis", "measures", "timelines", "trace"]
    monkeypatch.setattr(OneTrace, "read", None)
    assert text(analysis_of(trace_of(path), EVERYTHING).document) == without


def said(*words: object) -> str:
    done = CliRunner().invoke(app, [str(each) for each in words])
    assert done.exit_code in (0, 1, 3), done.output
    return done.stdout


PAIR = [
    Path(__file__).parents[1] / "data" / "pairs" / "h200" / f"loss-read.{side}.json.gz" for side in ("before", "after")
]
#: Commands on two traces, whose answers are of what is kept of each.
ON_PAIRS: list[list[object]] = [
    ["compare", *PAIR, "--json"],
    ["compare", PAIR[1], PAIR[0], "--full"],
    ["compare", *(f"{each}::forward" for each in PAIR), "--json"],
    ["compare", f"{PAIR[0]}::backward", f"{PAIR[1]}::forward", "--json"],
    ["check", PAIR[1], "--against", PAIR[0], "--metric", "*", "--json"],
    ["compare", SMALL, PAIR[1], "--json"],
]


def test_comparisons_and_pages_are_the_same_with_and_without_and_read_nothing_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(name: str, *options: str) -> str:
        said("analyze", PAIR[0], "--html", tmp_path / name, *options)
        return (tmp_path / name).read_text()

    with store.off(), read_once():
        without = [said(*words) for words in ON_PAIRS]
        pages = [page("a.html"), page("b.html", "--step", "2")]
    assert not cache.exists()
    assert [said(*words) for words in ON_PAIRS] == without
    assert [page("c.html"), page("d.html", "--step", "2")] == pages
    assert {"measures", "ranges", "stood", "timelines"} <= set(kinds(cache))
    monkeypatch.setattr(OneTrace, "read", None)
    assert [said(*words) for words in ON_PAIRS] == without
    assert [page("e.html"), page("f.html", "--step", "2")] == pages


def test_a_comparison_begins_with_what_analyze_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in PAIR:
        said("analyze", path)
    monkeypatch.setattr(OneTrace, "read", None)
    assert '"of":"traces"' in said("compare", PAIR[0], PAIR[0], "--json").replace(" ", "")
    assert said("check", PAIR[0], "--against", PAIR[0])


COMPARED = ["compare", PAIR[0], PAIR[1], "--json"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a comparison says, and the folder of what it keeps."""
    place = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNCHLENS_CACHE", str(place / "cache"))
        patch.setattr(content, "THRESHOLDS", replace(THRESHOLDS, cache_least_bytes=0, cache_least_packed_bytes=0))
        return said(*COMPARED), place / "cache"


@pytest.mark.parametrize("part", ["text.json", "windows.parquet", "numbers.parquet"])
@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_measures_that_are_not_whole_are_made_anew(
    part: str, damage: str, cache: Path, compared: tuple[str, Path]
) -> None:
    expected, kept = compared
    shutil.copytree(kept, cache.parent)
    assert [each for each in kinds(cache) if each == "measures"] == ["measures", "measures"]
    for entry in entries(cache):
        if not entry.name.startswith("measures"):
            continue
        key = entry.name.removesuffix(store.SUFFIX)
        parts = store.find(key)
        assert parts is not None
        match damage:
            case "gone":
                del parts[part]
            case "cut":
                parts[part] = parts[part][: len(parts[part]) // 2]
            case "other":
                other = {"text.json": b"[]", "windows.parquet": parts["numbers.parquet"]}
                parts[part] = other.get(part, parts["windows.parquet"])
        store.keep(key, parts)
    assert said(*COMPARED) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_trace_comes_back_as_it_was(kind: str, tmp_path: Path, cache: Path) -> None:
    path = make(kind, tmp_path)
    with store.off():
        trace = trace_of(path).read()
    parts = kept_trace.packed(trace)
    assert parts is not None
    same(kept_trace.unpacked(parts, path), trace)


def test_every_field_of_a_trace_has_a_form_in_the_cache() -> None:
    known = [*kept_trace._PLAIN, *kept_trace._BY_DEVICE, *kept_trace._OTHERS]
    assert sorted(known) == sorted(each.name for each in fields(Trace)), "one that is not kept would come back empty"
    assert set(kept_trace._DETAILS) == {each.name for each in fields(Details)}


def test_the_command_says_the_same_whatever_was_asked_before(cache: Path) -> None:
    def said(*options: str) -> str:
        done = CliRunner().invoke(app, ["analyze", str(SMALL), *options])
        assert done.exit_code == 0, done.output
        return done.stdout

    ways = [
        [],
        ["--json"],
        ["--full"],
        ["--show", "kernels"],
        ["--format", "csv", "--table", "steps"],
        ["--by-shape", "--json"],
    ]
    without = [said(*way, "--no-cache") for way in ways]
    assert not cache.exists()
    assert os.environ["LAUNCHLENS_CACHE"] != "off"
    assert [said(*way) for way in ways] == without
    # the table once, what others begin with, and an analysis for each way to put the questions
    assert kinds(cache) == ["analysis", "analysis", "measures", "timelines", "trace"]


def test_a_copy_by_another_name_is_the_same_content(cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(SMALL.read_bytes())
    trace_of(SMALL).read()
    before = entries(cache)
    assert trace_of(copy).read().path == copy
    assert analysis_of(trace_of(copy), Asked(())).document.source.path == str(copy)
    assert analysis_of(trace_of(SMALL), Asked(())).document.source.path == str(SMALL)
    assert set(before) <= set(entries(cache)) and len(entries(cache)) == 4


def test_other_content_other_options_and_other_code_are_other_entries(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(SMALL.read_bytes())
    trace_of(path).read()
    trace_of(path).read(partial=True)
    assert len(entries(cache)) == 2
    path.write_bytes(SMALL.read_bytes() + b"\n")
    trace_of(path).read()
    assert len(entries(cache)) == 3
    monkeypatch.setattr(content, "_code", lambda: "another version")
    trace_of(path).read()
    assert len(entries(cache)) == 4


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "empty", "text", "other key", "other rows", "group writes", "old"]
)
def test_what_is_broken_foreign_or_old_is_a_miss_and_goes(damage: str, cache: Path) -> None:
    expected = trace_of(SMALL).read()
    (entry,) = entries(cache)
    whole = entry.read_bytes()
    match damage:
        case "cut":
            entry.write_bytes(whole[: len(whole) // 2])
        case "flipped":
            at = whole.index(b"PAR1") + 40
            entry.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        case "empty":
            entry.write_bytes(b"")
        case "text":
            entry.write_bytes(b"no zip file")
        case "other key":
            entry.write_bytes(whole.replace(entry.name.removesuffix(store.SUFFIX).encode(), b"trace-" + b"0" * 40))
        case "other rows":
            with zipfile.ZipFile(entry) as held:
                parts = {name: held.read(name) for name in held.namelist()}
            said = json.loads(parts["text.json"])
            parts["text.json"] = json.dumps(said | {"rows": said["rows"] + 1}).encode()
            with zipfile.ZipFile(entry, "w") as written:
                for name, part in parts.items():
                    written.writestr(name, part)
        case "group writes":
            entry.chmod(0o620)
        case "old":
            then = time.time() - (THRESHOLDS.cache_days + 1) * 86_400
            os.utime(entry, (then, then))
    key = entry.name.removesuffix(store.SUFFIX)
    if damage != "other rows":  # of that only what unpacks it knows
        assert store.find(key) is None
        assert not entry.exists()
    same(trace_of(SMALL).read(), expected)
    assert store.find(key) is not None, "it was not kept anew"


def test_a_link_is_not_followed(cache: Path, tmp_path: Path) -> None:
    trace_of(SMALL).read()
    (entry,) = entries(cache)
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert store.find(entry.name.removesuffix(store.SUFFIX)) is None
    assert (tmp_path / "elsewhere").exists() and not entry.is_symlink()


@pytest.mark.parametrize(
    "about",
    [
        b"",
        b"[]",
        b'"x"',
        b"null",
        b"[" * 100_000,
        b'{"form": [], "key": {}}',
        b"no parts",
        b"no list",
        b"no name",
        b"form",
    ],
    ids=str,
)
@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_what_an_entry_says_of_itself_is_not_trusted(about: bytes, packing: int, cache: Path) -> None:
    store.keep("key", {"part": b"x"})
    (entry,) = entries(cache)
    odd: dict[bytes, Any] = {b"no parts": {}, b"no list": {"parts": 3}, b"no name": {"parts": ["../x", None]}}
    odd[b"form"] = {"form": store.FORM + 1, "parts": ["part"]}
    said = json.dumps({"form": store.FORM, "key": "key", **odd[about]}).encode() if about in odd else about
    with zipfile.ZipFile(entry, "w", packing) as written:
        written.writestr(store.ABOUT, said)
        written.writestr("part", b"x")
    assert store.find("key") is None and not entry.exists()


def test_an_entry_that_unpacks_to_more_or_is_packed_at_all_is_none(cache: Path) -> None:
    said = json.dumps({"form": store.FORM, "key": "key", "parts": ["part"]})
    for packing, flipped in ((zipfile.ZIP_DEFLATED, False), (zipfile.ZIP_DEFLATED, True), (zipfile.ZIP_LZMA, True)):
        store.keep("key", {"part": b"x"})
        (entry,) = entries(cache)
        with zipfile.ZipFile(entry, "w", packing) as written:
            written.writestr(store.ABOUT, said, zipfile.ZIP_STORED)
            written.writestr("part", b"x" if flipped else bytes(10 << 20))
        if flipped:
            whole = bytearray(entry.read_bytes())
            whole[whole.index(b"part") + 4] ^= 0xFF
            entry.write_bytes(whole)
        assert store.find("key") is None and not entry.exists()


def test_what_another_user_wrote_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep("key", {"part": b"x"})
    (entry,) = entries(cache)
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert store.find("key") is None and entry.exists(), "nothing of another's folder is used, or touched"
    store.keep("more", {"part": b"x"})
    store.forget("key")
    assert "another user's" in store.held().refused and entries(cache) == [entry]
    monkeypatch.setattr(store, "_refused", lambda place: "")  # an entry that came into one's own folder
    assert store.find("key") is None


@pytest.mark.parametrize("kind", ["link to an open folder", "link", "dangling link", "link to itself", "pipe", "file"])
def test_what_stands_in_the_place_of_the_folder(kind: str, cache: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    cache.parent.mkdir()
    match kind:
        case "link to an open folder" | "link":
            there.mkdir(mode=0o700)
            there.chmod(0o777 if kind != "link" else 0o700)
            cache.symlink_to(there)
        case "dangling link":
            cache.symlink_to(there)
        case "link to itself":
            cache.symlink_to(cache)
        case "pipe":
            os.mkfifo(cache, 0o700)
        case "file":
            cache.write_bytes(b"x")
    store.keep("key", {"part": b"x"})
    assert store.find("key") == ({"part": b"x"} if kind == "link" else None)
    assert bool(store.held().refused) == (kind not in ("link", "dangling link"))
    assert kind == "link" or not there.exists() or not list(there.iterdir())
    cache.unlink()


def test_a_folder_that_others_may_write_to_is_not_used(cache: Path) -> None:
    trace_of(SMALL).read()
    cache.chmod(0o777)
    (entry,) = entries(cache)
    assert store.find(entry.name.removesuffix(store.SUFFIX)) is None
    assert "0700" in store.held().refused
    assert "nothing is kept" in cache_sentence(store.held())
    trace_of(SMALL).read(partial=True)
    assert entries(cache) == [entry]


def test_the_folder_is_the_users_own(cache: Path) -> None:
    trace_of(SMALL).read()
    assert cache.stat().st_mode & 0o777 == 0o700
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in entries(cache))


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAUNCHLENS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert store.folder() == Path("/somewhere/launchlens/entries")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr("sys.platform", "linux")
    assert store.folder() == Path("/home/me/.cache/launchlens/entries")
    monkeypatch.setenv("LAUNCHLENS_CACHE", "off")
    assert store.folder() is None


def test_what_was_used_longest_ago_goes_first(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "THRESHOLDS", replace(THRESHOLDS, cache_bytes=10_000))
    for number in range(4):
        store.keep(f"k-{number}", {"part": bytes(2_000)})
        os.utime(cache / f"k-{number}{store.SUFFIX}", (time.time() - 100 + number,) * 2)
    assert store.find("k-0") is not None  # now it is the one that was used last
    store.keep("k-4", {"part": bytes(2_000)})
    store.keep("k-5", {"part": bytes(2_000)})
    kept = [each.name.removesuffix(store.SUFFIX) for each in entries(cache)]
    assert kept == ["k-0", "k-3", "k-4", "k-5"]
    assert store.held().entries == 4 and store.held().bytes <= 10_000
    store.keep("k-6", {"part": bytes(9_000)})  # more than a quarter of all
    assert store.find("k-6") is None and store.find("k-0") is not None


def test_what_was_not_used_for_long_goes(cache: Path) -> None:
    store.keep("k-old", {"part": b"1"})
    then = time.time() - (THRESHOLDS.cache_days + 1) * 86_400
    os.utime(cache / f"k-old{store.SUFFIX}", (then, then))
    left = cache / ".launchlens-left"
    left.mkdir()
    (left / "half").write_bytes(b"1")
    os.utime(left, (then, then))
    store.keep("k-new", {"part": b"1"})
    assert [each.name for each in entries(cache)] == [f"k-new{store.SUFFIX}"] and not left.exists()


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(SMALL.read_bytes())
    one = trace_of(path)
    read = one.reader.read

    def slow(path: Path, *, partial: bool, progress: Progress | None) -> Trace:
        found = read(path, partial=partial, progress=progress)
        path.write_bytes(SMALL.read_bytes() + b" ")
        return found

    replace(one, reader=replace(one.reader, read=slow)).read()
    assert not entries(cache)


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAUNCHLENS_CACHE", str(tmp_path / "file"))
    assert len(trace_of(SMALL).read().events)


def test_small_traces_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHLENS_CACHE", str(tmp_path / "cache"))
    analysis_of(trace_of(SMALL), Asked(()))
    assert not (tmp_path / "cache").exists()


def test_many_at_once_get_whole_entries(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "THRESHOLDS", replace(THRESHOLDS, cache_bytes=400_000))
    wrong: list[str] = []

    def work(seed: int) -> None:
        for number in range(40):
            which = (seed + number) % 7
            parts = store.find(f"k-{which}")
            if parts is not None and parts != {"part": bytes([which]) * 60_000}:
                wrong.append(f"{which}")
            store.keep(f"k-{which}", {"part": bytes([which]) * 60_000})

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_doctor_says_where_and_how_much(cache: Path) -> None:
    trace_of(SMALL).read()
    said = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["cache"]
    size = sum(each.stat().st_size for each in entries(cache))
    assert said == {"place": str(cache), "entries": 1, "bytes": size, "refused": None}
