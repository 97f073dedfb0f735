"""`--tables DIR`: all tables of a result as CSV and parquet, together or not at all, over nothing that isn't such a folder."""

import csv
import io
import json
import os
import re
import runpy
from itertools import pairwise

import msgspec
import pandas as pd
import pyarrow.parquet as pq
import pytest
from read_once import read_once
from typer.main import get_command

import command_lines
from format_pages import READING_BACK
from launchlens.cli import app
from launchlens.reports.output import Result, Wanted
from launchlens.reports.writers import folder as writer
from launchlens.traces.documents.tables import TABLES, TablesFile
from launchlens.traces.problems import InputError
from launchlens.traces.tables.table import Column, TableError, table

#: A command line of each command that has the option, and of each kind of input that it takes.
LINES = [
    "analyze KINETO",
    "analyze RANKS",
    "report CAPTURE --output OUT",
    "report SWEEP --output OUT",
    "compare CAPTURE::copy_ CAPTURE::foreach",
    "compare KINETO HOST_ALONE",
    "claims CAPTURE",
    "check KINETO --against KINETO",
    "predict SWEEP --set count=3 --set bytes=4K",
]
#: Names as a trace may hold them: formulas, numbers, halves of pairs, what steers a terminal, and what ends a line or a cell.
NAMES = [
    "=1+1",
    "+1",
    "-5",
    "-5.0e3",
    "@SUM(A1)",
    "\tx",
    "\nx",
    "'",
    "'=1",
    "''",
    "a'b",
    'a"b,c',
    "a\nb",
    "007",
    "NA",
    "µs",
    "",
]


@pytest.fixture(scope="module", autouse=True)
def machine(tmp_path_factory):
    """Made-up things ship, and pages, which are other tests' and take longest, are not made."""
    with command_lines.made_machine(tmp_path_factory.mktemp("machine")), pytest.MonkeyPatch.context() as patch:
        for of in ("capture", "sweep"):
            patch.setattr(f"launchlens.reports.pages.{of}.page", lambda *_, **__: "a page")
        patch.setattr("launchlens.reports.writers.html.html", lambda page: page)
        with read_once():
            yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Where what commands read is made once: each writes elsewhere."""
    return tmp_path_factory.mktemp("inputs")


def made(names=NAMES):
    columns = (
        Column("name", "name", "a name"),
        Column("ns", "time", "a time", signed=True),
        Column("ratio", "ratio", "a ratio"),
        Column("passed", "flag", "whether"),
        Column("bounds_ns", "interval", "an interval", of="time"),
    )
    rows = [[name, at - 3, -at / 3, bool(at % 2), (-at, at)] for at, name in enumerate(names)]
    return table("named", "=A title", columns, [*rows, [None, None, None, None, None]])


def result(*tables):
    return Result(lambda: pytest.fail("no document"), list, lambda: tables)


def texts(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def refused(place, says, *, force=False, source=None):
    with pytest.raises(InputError, match=says):
        writer.free(place, force, source or place.parent / "source")


# -- commands


def test_every_command_that_compares_or_reports_has_the_option():
    having = {
        name for name, one in get_command(app).commands.items() if "--tables" in {o for p in one.params for o in p.opts}
    }
    assert having == {line.split()[0] for line in LINES}


@pytest.mark.parametrize("line", LINES)
def test_a_command_writes_all_its_tables_and_says_where(line, read_csv, inputs, tmp_path):
    place, given = tmp_path / "tables", []
    write = Wanted.write

    def seen(self, one):
        given.extend(each.name for each in one.tables())
        write(self, one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wanted, "write", seen)
        answer = command_lines.run(line, tmp_path, "--tables", str(place), inputs=inputs)
    assert answer.exit_code in (0, 3), answer.output
    assert f"\nTables: {place}\n" in answer.stdout and len(given) == len(set(given)) > 0
    file = msgspec.json.decode((place / TABLES).read_bytes(), type=TablesFile)
    assert [each.name for each in file.tables] == given
    assert set(texts(place)) == {TABLES, *(f"{name}.{kind}" for name in given for kind in ("csv", "parquet"))}
    for each in file.tables:
        found = pq.read_table(place / f"{each.name}.parquet")
        rows = list(csv.reader(io.StringIO((place / f"{each.name}.csv").read_text("utf-8"), newline="")))
        assert rows[0] == found.column_names == [column.name for column in each.columns]
        assert len(rows) - 1 == found.num_rows == each.rows
        for column in each.columns:
            said = found.schema.field(column.name).metadata
            assert said[b"meaning"].decode() == column.meaning and said.get(b"unit", b"").decode() == column.unit
        pd.testing.assert_frame_equal(read_csv(place, each.name), _of_parquet(place, each.name))


def test_all_tables_are_written_whichever_is_shown(tmp_path):
    more = [(), ("--format", "csv", "--table", "kernels"), ("--show", "kernels", "--json")]
    written = []
    for number, each in enumerate(more):
        place = tmp_path / str(number)
        place.mkdir()
        plain = command_lines.run("analyze KINETO", place, *each)
        answer = command_lines.run("analyze KINETO", place, *each, "--tables", str(place / "t"))
        assert answer.exit_code == 0 and answer.stdout.partition("\nTables: ")[0] == plain.stdout
        written.append(texts(place / "t"))
    assert all(one == other for one, other in pairwise(written)) and "kernels.csv" in written[0]


def test_a_table_that_is_none_is_refused_before_anything_is_written(tmp_path):
    answer = command_lines.run(
        "claims CAPTURE", tmp_path, "--format", "csv", "--table", "no", "--tables", str(tmp_path / "t")
    )
    assert answer.exit_code == 2 and "'no' is none of claims, evidence" in answer.stderr
    assert not (tmp_path / "t").exists()


def test_a_folder_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "mine.csv").write_text("mine")
    for line in LINES:
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        place.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Wanted, "write", lambda *_: pytest.fail("was read"))
            answer = command_lines.run(line, place, "--tables", str(tmp_path / "t"))
        assert answer.exit_code == 2 and "exists already" in answer.stderr, line
    assert texts(tmp_path / "t") == {"mine.csv": b"mine"}


# -- the folder


def test_a_folder_may_be_new_empty_or_of_tables_and_forced(tmp_path):
    place = tmp_path / "t"
    writer.free(place, False, tmp_path / "source")
    writer.write(place, [made(), table("old", "", (Column("a", "name", "it"),), [["x"]])])
    refused(place, "exists already")
    writer.free(place, True, tmp_path / "source")
    writer.write(place, [made()])
    assert set(texts(place)) == {TABLES, "named.csv", "named.parquet"}, "what is no longer a table went"
    (tmp_path / "empty").mkdir()
    writer.free(tmp_path / "empty", False, tmp_path / "source")
    writer.write(tmp_path / "empty", [made()])
    assert texts(tmp_path / "empty") == texts(place)


@pytest.mark.parametrize(
    "beside",
    ["mine.csv", "named.txt", "sub/named.csv"],
)
def test_what_was_not_written_so_is_never_overwritten(beside, tmp_path):
    place = tmp_path / "t"
    writer.write(place, [made()])
    (place / beside).parent.mkdir(exist_ok=True)
    (place / beside).write_text("mine")
    refused(place, "holds other files", force=True)


@pytest.mark.parametrize("text", ["", "{}", "[" * 9999, '{"format": "launchlens.tables/9", "tables": []}', None])
def test_a_folder_whose_list_says_nothing_is_not_taken_for_ours(text, tmp_path):
    place = tmp_path / "t"
    writer.write(place, [made()])
    if text is None:
        (place / TABLES).unlink()
        os.mkfifo(place / TABLES)
    else:
        (place / TABLES).write_text(text)
    refused(place, "holds other files", force=True)


def test_places_that_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "is a file")
    (tmp_path / "runs").mkdir()
    refused(tmp_path / "runs", "is the input itself", source=tmp_path / "runs")
    refused(tmp_path / "runs" / "t", "or in it", source=tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    for here in (".", "..", tmp_path / "runs", "/"):
        refused(tmp_path / here, "is the folder that this runs in")


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    writer.write(tmp_path / "link", [made()])
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / TABLES).exists()


def test_nothing_stands_there_where_a_table_can_not_be_written(tmp_path, monkeypatch):
    place = tmp_path / "t"
    writer.write(place, [made()])
    before = texts(place)
    monkeypatch.setattr(writer, "parquet", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    for at in (place, tmp_path / "new"):
        with pytest.raises(InputError, match="can't be written: No space left on device"):
            Wanted(folder=at).write(result(made()))
    assert texts(place) == before and [path.name for path in tmp_path.iterdir()] == ["t"]
    answer = command_lines.run("claims CAPTURE", tmp_path, "--tables", str(tmp_path / "no" / "where"))
    assert answer.exit_code == 2 and "can't be written" in answer.stderr


def test_no_name_of_a_table_leads_out_of_the_folder(tmp_path):
    for name in ("../x", "a/b", "A", "", ".", "x.csv", "con\0"):
        with pytest.raises(TableError, match="is not lower case"):
            table(name, "", (Column("a", "name", "it"),), [])
    with pytest.raises(TableError, match="two tables have one name"):
        writer.write(tmp_path / "t", [made(), made()])
    assert not (tmp_path / "t").exists()


# -- reading back, as the page says


@pytest.fixture(scope="module")
def read_csv(tmp_path_factory):
    """The function of the page, as people copy it."""
    (code,) = re.findall(r"```python\n(.*?)```", READING_BACK, re.DOTALL)
    file = tmp_path_factory.mktemp("page") / "reading.py"
    file.write_text(code)
    return runpy.run_path(str(file))["read_csv"]


def _of_parquet(folder, name):
    """The parquet file under pandas' nullable types; an absent text empty, as CSV has it."""
    frame = pd.read_parquet(folder / f"{name}.parquet", dtype_backend="numpy_nullable")
    return frame.assign(**{each: frame[each].fillna("") for each in frame if frame[each].dtype == "string"})


def test_csv_read_as_the_page_says_is_parquet_to_the_last_digit(read_csv, tmp_path):
    writer.write(tmp_path / "t", [made()])
    found, theirs = read_csv(tmp_path / "t", "named"), _of_parquet(tmp_path / "t", "named")
    assert found["ns"].tolist()[:4] == [-3, -2, -1, 0] and found["ratio"][2] == -2 / 3
    assert found["name"].tolist()[:-1] == NAMES == theirs["name"].tolist()[:-1]
    pd.testing.assert_frame_equal(found, theirs)


def test_no_text_of_csv_is_a_formula_and_no_number_has_an_apostrophe(tmp_path):
    writer.write(tmp_path / "t", [made()])
    _, *rows = csv.reader(io.StringIO((tmp_path / "t" / "named.csv").read_bytes().decode(), newline=""))
    assert not any(row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in rows)
    assert rows[0] == ["'=1+1", "-3", "0.0", "false", "0", "0"] and rows[2][:3] == ["'-5", "-1", repr(-2 / 3)]


def test_a_hostile_name_is_whole_in_parquet_and_steers_nothing_in_csv(tmp_path):
    writer.write(tmp_path / "t", [made(["\x1b[2Jk", "\u202ek", "\ud800"])])
    text = (tmp_path / "t" / "named.csv").read_text("utf-8")
    assert "?[2Jk" in text and "\x1b" not in text and "\u202e" not in text
    assert _of_parquet(tmp_path / "t", "named")["name"].tolist()[:3] == ["\x1b[2Jk", "\u202ek", "?"]
    assert json.loads((tmp_path / "t" / TABLES).read_text("utf-8"))["tables"][0]["title"] == "=A title"
