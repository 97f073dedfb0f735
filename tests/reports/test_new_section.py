"""A section or a table that is new is one function: every writer shows it, and none had to hear of it."""

import csv
import io

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.commands import capture_report
from launchlens.reports.blocks import Chapter, Fold, Paragraph, Section, Shown
from launchlens.reports.pages import capture
from launchlens.reports.writers import html as page_writer
from launchlens.reports.writers.markdown import markdown
from launchlens.traces.tables.table import Column, table
from page_elements import Elements
from shown import printed, render


def spread(study):
    """The new table: how far the rounds of each variant lie apart."""
    columns = (
        *(Column("regime", "code", "eager or graph"), Column("variant", "name", "what was timed")),
        Column("spread_ns", "time", "slowest round less the fastest, per iteration", title="spread", whole=False),
        Column("of_median", "share", "that over the median", title="of the median"),
        Column("steady", "flag", "whether it is below a tenth"),
    )
    rows = []
    for side in study.sides.values():
        times = side.blocks["wall_ns"] / side.blocks["iterations"]
        apart = float(times.max() - times.min())
        share = apart / side.wall.value
        rows.append([side.regime, side.variant, apart, share, share < 0.1])
    return table("spread", "How far rounds lie apart", columns, rows)


def section(study):
    """The new section: a sentence, the table, and a fold."""
    found = spread(study)
    worst = max(found.rows(), key=lambda row: row[3])[1]
    blocks = (
        Paragraph(f"The rounds of {worst} lie furthest apart."),
        Chapter("Called eagerly", (Shown(found.only("How far rounds lie apart", regime="eager")),)),
        Fold("All of them", (Shown(found, style="bare"),)),
    )
    return Section("spread", "Spread", "Spread: how steady it was", blocks)


@pytest.fixture
def added(monkeypatch):
    """The rows that the two functions get in the lists of sections and of tables."""
    monkeypatch.setattr(capture, "SECTIONS", (*capture.SECTIONS, lambda asked: section(asked.study)))
    monkeypatch.setattr(capture, "TABLES", (*capture.TABLES, spread))


def cells(made):
    """What must be read of the table, whatever shows it."""
    eager = [row[1:] for row in spread(made).rows() if row[0] == "eager"]
    return [[variant, "yes" if steady else "no"] for variant, _, _, steady in eager]


@pytest.mark.usefixtures("added")
def test_it_stands_on_the_page_with_a_link_to_it(made):
    page = render(made)
    elements = Elements(page)
    assert '<a href="#spread">Spread</a>' in page and '<section id="spread"' in page
    assert "lie furthest apart." in elements.text and "Spread: how steady it was" in elements.text
    mine = page.split('<section id="spread"')[1]
    assert mine.count("<table>") == 2 and "<summary>All of them</summary>" in mine
    for variant, steady in cells(made):
        assert f'<th scope="row">{variant}</th>' in mine and f"<td>{steady}</td>" in mine
    assert '<th scope="col" class="number">spread</th>' in mine and "How far rounds lie apart</caption>" in mine


def test_a_terminal_and_markdown_show_it(made):
    blocks = section(made).blocks
    for written in (printed(blocks, full=True), markdown(blocks, full=True)):
        assert (
            "lie furthest apart." in written and "Called eagerly" in written and "How far rounds lie apart" in written
        )
        rows = [line.replace("|", " ").replace("\\", "").split() for line in written.splitlines()]
        for variant, steady in cells(made):
            found = [row for row in rows if variant in row and steady in row and "%" in row]
            assert len(found) >= 2, "in the chapter and in the fold"
    brief = printed(blocks)
    assert "All of them" not in brief and "graph" not in brief, "what a page folds is for full output"


@pytest.mark.usefixtures("added")
def test_scripts_get_it_by_its_name(made, tmp_path, monkeypatch):
    # what is on the page is tested above: here it is drawn for none of the four, and the capture is not worked out again
    monkeypatch.setattr(capture, "page", lambda study, **more: None)
    monkeypatch.setattr(page_writer, "html", lambda page: "")
    monkeypatch.setattr(capture_report, "study_of", lambda folder: made)
    line = ["report", str(made.capture.path), "--output", str(tmp_path / "page.html"), "--table", "spread", "--format"]
    written = CliRunner().invoke(app, [*line, "csv"]).stdout
    rows = list(csv.DictReader(io.StringIO(written)))
    assert [row["variant"] for row in rows] == [row[1] for row in spread(made).rows()]
    assert [float(row["spread_ns"]) for row in rows] == [row[2] for row in spread(made).rows()]
    found = pq.read_table(io.BytesIO(CliRunner().invoke(app, [*line, "parquet", "--force"]).stdout_bytes))
    assert found.column("steady").to_pylist() == [row[4] for row in spread(made).rows()]
    assert found.field("spread_ns").metadata == {
        b"meaning": b"slowest round less the fastest, per iteration",
        b"unit": b"ns",
    }
    one = CliRunner().invoke(app, [*line, "markdown", "--force"]).stdout
    assert one.splitlines()[2] == "| regime | variant | spread | of the median | steady |"
    other = CliRunner().invoke(app, [*line[:-2], "nothing", "--format", "csv", "--force"])
    assert other.exit_code == 2 and "spread" in other.stderr
