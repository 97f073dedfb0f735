"""Each writer writes each kind of column, whatever the table: for people with units, for scripts as numbers."""

import csv as standard
import io
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.reports.blocks import (
    MOST_ROWS,
    Bar,
    Chapter,
    Choice,
    Command,
    Entry,
    Facts,
    Figure,
    Fold,
    Legend,
    Link,
    Page,
    Paragraph,
    Section,
    Shown,
    Together,
    Words,
    tables,
)
from launchlens.reports.words.markdown import cell as markdown_cell
from launchlens.reports.words.sentence import Sentence
from launchlens.reports.writers.csv import csv
from launchlens.reports.writers.html import MOST_CELLS, html
from launchlens.reports.writers.markdown import markdown
from launchlens.reports.writers.parquet import parquet
from launchlens.reports.writers.terminal import text
from launchlens.traces.tables.table import Column, Pivot, table
from page_elements import Elements
from shown import printed

ATTACK = '=<b>"x"</b>|`y` [z](javascript:1)\n# head\x1b[2J\u202e'


def column(kind="name", name="it", **more):
    return Column(name, kind, "what it is", **more)


def interval(of, **more):
    return column("interval", of=of, **more)


UNIT = column("code", "unit", hint="unit")


def page_of(*blocks):
    return html(Page("brand", "Title", "", "", (Section("one", "One", "First", blocks),)))


def rows_of(page):
    """The cells of every row of a page's tables, as text."""
    cells = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
    rows = re.findall(r"<tr.*?>(.*?)</tr>", page, re.DOTALL)
    return [[Elements(cell).text for cell in cells.findall(row)] for row in rows]


# -- what people read in a cell, by kind of column


PEOPLE = [
    (column("name"), "copy_7", "copy_7"),
    (column("text"), "some words", "some words"),
    (column("code", "verdict"), "no-difference-shown", "no difference shown"),
    (column("code", "device"), "kernel+memcpy", "kernel+memcpy"),
    (column("code", "host"), "python", "Python and launcher code"),
    (column("time"), 28_700, "28.7 µs"),
    (column("time", whole=False), 87.4, "87 ns"),
    (column("time", signed=True), 12_150, "+12.2 µs"),
    (column("time", signed=True), -12_150, "−12.2 µs"),
    (column("time", shown_in="µs", whole=False), 1_234_567.8, "1,234.57"),
    (column("time", shown_in="ns"), 1_234_567, "1,234,567"),
    (column("time", shown_in="ns", signed=True), 1234, "+1,234"),
    (column("share"), 0.0123, "1.2 %"),
    (column("ratio"), 2.2449, "2.24 ×"),
    (column("count"), 12_345, "12,345"),
    (column("count", whole=False), 6.65, "6.65"),
    (column("size"), 1_200_000, "1.20 MB"),
    (column("flag"), True, "yes"),
    (column("flag"), False, "no"),
    (column("number"), 600_755, "600,755"),
    (column("number"), 0.98765, "0.9877"),
    (interval("time"), (28_000, 29_000), "28.0 – 29.0 µs"),
    (interval("time", signed=True), (-100, 2000), "−0.100 µs – +2.00 µs"),
    (interval("time", shown_in="µs", whole=False), (28_000.0, 29_000.0), "28.0 – 29.0"),
    (interval("time", shown_in="ns", signed=True), (-1567, 339), "-1,567 to +339"),
    (interval("ratio"), (0.198, 0.209), "0.198 – 0.209"),
    (interval("share"), (0.0103, 0.0109), "1.03 – 1.09 %"),
    (interval("count", whole=False), (6.5, 7.5), "6.50 – 7.50"),
]
FIGURES = [
    ("ns", 28_700.0, (28_000.0, 29_000.0), "28.7 µs", "28.0 – 29.0 µs"),
    ("share", 0.0104, (0.0103, 0.0109), "1.04 %", "1.03 – 1.09 %"),
    ("ratio", 1.42, (1.4, 1.5), "1.42 ×", "1.40 – 1.50 ×"),
    ("of 6 sizes", 2.0, None, "2 of 6 sizes", "–"),
    (None, 3.5, (3.0, 4.0), "3.50", "3.00 – 4.00"),
    ("ns", None, None, "unknown", "–"),
]


def in_every_medium(one):
    """The cells of a table as a terminal, a page and Markdown have them, each as lists of texts; headings first."""
    shown = Shown(one)
    lines = [re.split("  +", line.strip()) for line in printed([shown], width=400).splitlines()]
    marked = [line.strip("| ").split(" | ") for line in markdown([shown]).splitlines() if line.startswith("| ")]
    return {"terminal": lines, "page": rows_of(page_of(shown)), "markdown": [marked[0], *marked[2:]]}


@pytest.mark.parametrize(("it", "value", "says"), PEOPLE, ids=[f"{it.kind} {says}" for it, _, says in PEOPLE])
def test_every_medium_says_a_cell_alike(it, value, says):
    one = table("t", "", (column("name", "row"), it), [["first", value]])
    for medium, rows in in_every_medium(one).items():
        expected = markdown_cell(says) if medium == "markdown" else says
        assert rows == [["row", it.heading], ["first", expected]], medium


@pytest.mark.parametrize("it", [it for it, _, _ in PEOPLE], ids=lambda it: it.kind)
def test_what_is_absent_is_said_in_the_columns_words(it):
    said = Column(it.name, it.kind, it.meaning, absent="not recorded", of=it.of, whole=it.whole)
    one = table("t", "", (column("name", "row"), said), [["first", None]])
    for rows in in_every_medium(one).values():
        assert rows[1] == ["first", "not recorded"]
    assert csv(one).splitlines()[1] == "first" + "," * len(it.parts)


@pytest.mark.parametrize(("unit", "value", "ends", "says", "between"), FIGURES)
def test_a_figure_is_read_in_the_unit_that_its_row_names(unit, value, ends, says, between):
    columns = (
        *(column("name", "row"), UNIT, column("figure", "value", unit_in="unit", absent="unknown", whole=False)),
        Column("bounds", "interval", "its interval", of="figure", unit_in="unit", absent="–", whole=False),
    )
    one = table("t", "", columns, [["first", unit, value, ends]])
    for rows in in_every_medium(one).values():
        assert rows == [["row", "value", "bounds"], ["first", says, between]], "the unit is no column of its own"
    assert csv(one).splitlines()[0] == "row,unit,value,bounds_low,bounds_high"


def test_a_column_that_no_row_fills_is_left_out_for_people_and_kept_for_scripts():
    one = table("t", "", (column("name", "row"), column("count", "lost"), column("count", "there")), [["a", None, 3]])
    for rows in in_every_medium(one).values():
        assert rows == [["row", "there"], ["a", "3"]]
    assert csv(one) == "row,lost,there\na,,3\n"


# -- sums, crosswise, and how many of how many


ACCOUNT = table(
    "account",
    "Account",
    (column("name", "variant"), column("code", "host"), Column("device", "code", "d", absent="not recorded"), column("time", "ns")),
    [["a", "python", "kernel", 1000], ["a", "launch", "idle", 300], ["a", "python", "idle", 700], ["b", "python", None, 50]],
)  # fmt: skip


def test_crosswise_tables_have_sums_of_rows_and_columns_in_every_medium():
    one = ACCOUNT.only("", variant="a").exact("ns")
    crosswise = table("account", "", one.columns, one.rows(), pivot=Pivot("host", "device", "ns"))
    for medium, rows in in_every_medium(crosswise).items():
        numbers = [[cell for cell in row if cell] for row in rows]
        assert numbers == [
            ["host", "kernel", "idle", "sum", "share"],
            ["Python and launcher code", "1,000", "700", "1,700", "85 %"],
            ["launch API calls", "300", "300", "15 %"],
            ["sum", "1,000", "1,000", "2,000"],
        ], medium
    assert csv(crosswise).splitlines()[1:] == ["python,kernel,1000", "launch,idle,300", "python,idle,700"]


def test_groups_of_a_crosswise_table_are_summed_each():
    pivot = Pivot("host", "device", "ns", group="variant")
    crosswise = table("account", "", ACCOUNT.columns, ACCOUNT.rows(), pivot=pivot)
    page = page_of(Shown(crosswise))
    rows = rows_of(page)
    assert rows[0] == ["variant", "host", "kernel", "idle", "not recorded", "sum", "share"]
    assert rows[3] == ["a", "sum", "1.00 µs", "1.00 µs", "", "2.00 µs", ""]
    assert rows[5] == ["b", "sum", "", "", "50 ns", "50 ns", ""]
    assert page.count('<tr class="sum">') == 2
    lines = printed([Shown(crosswise)], force_terminal=True, color_system="standard").splitlines()
    assert [at for at, line in enumerate(lines) if "\x1b[1m" in line] == [4, 6], "after two lines of headings"


def test_a_sum_is_the_last_row_and_says_nothing_of_what_it_is_not_of():
    one = table("t", "", (column("name", "row"), Column("what", "code", "w", absent="none"), column("time", "ns")), [])
    summed = table("t", "", one.columns, [["a", "x", 1000], ["b", None, 500]]).summed("ns")
    for rows in in_every_medium(summed).values():
        assert rows[2][1] == "none" and [cell for cell in rows[-1] if cell] == ["sum", "1.50 µs"]
    assert '<tr class="sum">' in page_of(Shown(summed))


MANY = table("many", "All of them", (column("name", "row"), column("count", "n")), [[f"r{at}", at] for at in range(1000)],
             order="by name")  # fmt: skip


def test_the_rows_asked_for_and_how_many_there_are():
    for written in (printed([Shown(MANY, most=3)]), markdown([Shown(MANY, most=3)]), page_of(Shown(MANY, most=3))):
        assert "All of them (3 of 1,000, by name)" in written and "r2" in written and "r3" not in written
    assert len(csv(MANY).splitlines()) == 1001, "scripts are given all"


def test_without_a_number_each_medium_shows_as_many_as_it_can():
    assert "All of them (15 of 1,000, by name)" in printed([Shown(MANY)])
    assert "All of them (7 of 1,000, by name)" in printed([Shown(MANY)], most=7)
    assert f"All of them ({MOST_ROWS} of 1,000, by name)" in page_of(Shown(MANY))
    assert "(200 of 1,000, by name)" in markdown([Shown(MANY)])
    few = MANY.first_of_each("row", 1).pick("All of them", "n")
    assert "of 1,000" in printed([Shown(few)]) and " of " not in printed([Shown(table("t", "T", MANY.columns, []))])


def test_a_page_holds_no_more_than_it_can_bear():
    wide = tuple(column("count", f"c{at}") for at in range(500))
    page = page_of(Shown(table("wide", "Wide", wide, [list(range(500))] * 900), most=900))
    assert page.count("<td") + page.count('<th scope="row"') == MOST_CELLS and "Wide (20 of 900)" in page


def test_a_table_whose_title_stands_above_it_says_only_what_is_left_out():
    bare = Shown(MANY, most=3, style="bare")
    for written in (printed([bare]), markdown([bare])):
        assert written.startswith("3 of 1,000, by name") and "All of them" not in written
    page = page_of(bare)
    assert 'aria-label="All of them"' in page and "<caption>3 of 1,000, by name</caption>" in page


# -- text that attacks


HOSTILE = table("t", ATTACK, (column("name", "row"), column("text", "words", title=ATTACK)), [[ATTACK, ATTACK]])


def test_markdown_is_text_in_cells_of_one_line():
    written = markdown([Shown(HOSTILE), Paragraph(ATTACK), Fold(ATTACK, ()), Chapter(ATTACK, ()), Link(ATTACK, ATTACK)])
    assert not set(written) & {"\x1b", "\u202e"}
    assert "<b>" not in written.replace(r"\<b\>", "") and "](" not in written.replace(r"\](", "")
    assert "`" not in written.replace(r"\`", "") and "\n# head" not in written
    lines = [line for line in written.splitlines() if line.startswith("| ")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [3, 3, 3]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        *(("a|b", r"a\|b"), ("<i>", r"\<i\>"), ("two\nlines", "two lines"), ("a\r\n\t b", "a b"), ("a*_b", r"a\*\_b")),
        *(("[x](y)", r"\[x\](y)"), ("\\", "\\\\"), ("a & b", "a &amp; b"), ("", "")),
    ],
)
def test_markup_is_escaped_in_markdown(given, made):
    assert markdown_cell(given) == made


def test_a_page_and_a_terminal_show_an_attack_as_text():
    elements = Elements(page_of(Shown(HOSTILE), Paragraph(ATTACK), Fold(ATTACK, ()), Entry(ATTACK, ATTACK, ATTACK)))
    assert not {"b", "script", "img"} & {tag for tag, _ in elements.tags}
    assert '=<b>"x"</b>|`y`' in elements.text and "\x1b" not in elements.text
    written = printed([Shown(HOSTILE), Paragraph(ATTACK), Chapter(ATTACK, ())], force_terminal=True, color_system=None)
    assert "\x1b[2J" not in written and "\u202e" not in written and '=<b>"x"</b>' in written
    assert "[bold]" in printed([Shown(table("t", "[bold]t", (column(),), [["[bold]x[/]"]]))]), "no markup of rich's"


def test_long_names_are_cut_for_people_and_whole_for_scripts():
    one = table("t", "", (column("name", "row"), column("text", "words")), [["k" * 100_000, "w" * 100_000]])
    assert len(printed([Shown(one)])) < 5000 and len(page_of(Shown(one))) < len(page_of()) + 5000
    assert "k" * 100_000 in csv(one)


# -- CSV


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "=cmd|' /C calc'!A0", "-5", "'=1"]
)
def test_no_cell_of_csv_is_a_formula(text):
    (_, (cell,)) = standard.reader(io.StringIO(csv(table("t", "", (column(),), [[text]])), newline=""))
    assert cell == f"'{text}"


def test_numbers_of_csv_stay_numbers_and_flags_are_words():
    columns = (column("time", "ns"), column("flag", "passed"), column("ratio", "ratio"), column("text", "says"))
    written = csv(
        table("t", "", columns, [[-5, True, 0.1, "a,b"], [None, False, None, 'say "x"'], [7, None, 1e-9, None]])
    )
    assert written.splitlines() == ["ns,passed,ratio,says", '-5,true,0.1,"a,b"', ',false,,"say ""x"""', "7,,1e-09,"]


@pytest.mark.parametrize("write", [csv, parquet, lambda one: markdown([Shown(one)]), lambda one: page_of(Shown(one))])
def test_half_a_pair_of_a_files_name_can_be_written(write):
    written = write(table("t", "a\ud800b", (column(),), [["a\ud800b"], [None]]))
    assert written.encode("utf-8") if isinstance(written, str) else written


# -- parquet


def test_the_fields_of_parquet_say_unit_and_meaning():
    columns = (
        *(Column("variant", "name", "what was timed"), Column("ns", "time", "time of one")),
        Column("ratio_interval", "interval", "95 % interval of that ratio", of="ratio"),
    )
    found = pq.read_table(
        io.BytesIO(parquet(table("timing", "Times", columns, [["a", 5, None], [None, None, (1.0, 2.0)]])))
    )
    said = {
        field.name: {key.decode(): value.decode() for key, value in field.metadata.items()} for field in found.schema
    }
    assert {name: {key: value for key, value in said[name].items() if key in ("unit", "meaning")} for name in said} == {
        "variant": {"meaning": "what was timed"},
        "ns": {"meaning": "time of one", "unit": "ns"},
        "ratio_interval_low": {"meaning": "95 % interval of that ratio", "unit": "of 1"},
        "ratio_interval_high": {"meaning": "95 % interval of that ratio", "unit": "of 1"},
    }
    assert found.schema.metadata[b"table"] == b"timing"
    assert [str(field.type) for field in found.schema] == ["string", "int64", "double", "double"]
    assert found.to_pylist() == [
        {"variant": "a", "ns": 5, "ratio_interval_low": None, "ratio_interval_high": None},
        {"variant": None, "ns": None, "ratio_interval_low": 1.0, "ratio_interval_high": 2.0},
    ]


# -- round trips


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028\u2029\x85"))
CELLS = {
    "name": TEXTS,
    "time": st.integers(-(2**63), 2**63 - 1),
    "count": st.integers(0, 2**53),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "flag": st.booleans(),
    "interval": st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300)),
}


@st.composite
def any_table(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=5))
    columns = [
        Column(f"c{at}", kind, "it", of="ratio" if kind == "interval" else None) for at, kind in enumerate(kinds)
    ]
    rows = draw(st.lists(st.tuples(*(st.none() | CELLS[kind] for kind in kinds)), max_size=6))
    return table("t", "Any", columns, rows)


@given(any_table())
def test_parquet_gives_back_the_table(one):
    found = pq.read_table(io.BytesIO(parquet(one)))
    columns = [found.column(name).to_pylist() for name in found.column_names]
    assert found.column_names == list(one.frame)
    assert columns == [[None if cell is pd.NA else cell for cell in one.frame[name].tolist()] for name in one.frame]


@given(st.lists(st.text(min_size=1), min_size=1))
def test_texts_of_any_characters_come_back_from_csv(texts):
    one = table("t", "", (column(), column("count", "n")), [[text, 1] for text in texts])
    found = list(standard.reader(io.StringIO(csv(one), newline="")))[1:]
    assert [cell.removeprefix("'") for cell, _ in found] == texts


@given(any_table())
def test_pandas_reads_the_table_from_csv(one):
    dtypes = {name: "boolean" if str(dtype) == "boolean" else "string" if dtype == object else dtype for name, dtype in one.frame.dtypes.items()}  # fmt: skip
    found = pd.read_csv(io.StringIO(csv(one)), dtype=dtypes, keep_default_na=False, na_values={name: [""] for name in dtypes if dtypes[name] != "string"},
                        skip_blank_lines=False)  # fmt: skip
    assert len(found) == len(one) and list(found) == list(one.frame)
    for name in one.frame:
        mine = [None if cell is pd.NA else cell for cell in found[name].tolist()]
        theirs = [None if cell is pd.NA else cell for cell in one.frame[name].tolist()]
        if one.frame[name].dtype == object:
            # a text that is absent and one that is empty are both empty
            theirs = [
                "" if cell is None else f"'{cell}" if cell.startswith(tuple("=+-@'")) else cell for cell in theirs
            ]
        assert mine == theirs


# -- every block in every medium


SENTENCE = Sentence("A sentence.", "code", None, "one", "plain")
INNER = table("inner", "Inner", (column("name", "row"),), [["inside"]])
BLOCKS = [
    (Words((SENTENCE,), "headline"), "A sentence."),
    (Paragraph("A paragraph.", "warning"), "A paragraph."),
    (Command("python cli.py report x"), "python cli.py report x"),
    (Shown(INNER), "inside"),
    (Figure((), ("A note.",), INNER), "inside"),
    (Fold("Folded", (Paragraph("In the fold."),)), "In the fold."),
    (Chapter("A chapter", (Paragraph("In the chapter."),)), "A chapter"),
    (Choice("id", "Compare", ("x",), (Chapter("x", (Paragraph("In the choice."),)),)), "In the choice."),
    (Together("id", "scale", (Paragraph("Together."),)), "Together."),
    (Entry("An entry", "supported", "supported", "Its lead.", (Paragraph("Its detail."),)), "Its lead."),
    (Facts("Facts", (("gpu", "H100"),)), "H100"),
    (Link("torch/eager.json", "recorded"), "torch/eager.json"),
    (Legend((("#fff", "python", "words"),), "Colours"), ""),
    (Bar("Host", (("#fff", "python", 0.5, "half"),)), ""),
]


@pytest.mark.parametrize(("block", "says"), BLOCKS, ids=[type(block).__name__ for block, _ in BLOCKS])
def test_every_block_is_said_in_every_medium(block, says):
    assert says in printed([block], full=True) and says in markdown([block], full=True)
    assert says in Elements(page_of(block)).text
    brief = printed([block]), markdown([block])
    folded = isinstance(block, Fold | Figure | Facts)
    assert all((not folded and bool(says)) == bool(each.strip()) for each in brief), (
        "what a page folds is left out in brief"
    )


def test_tables_among_blocks_are_found_wherever_they_stand():
    inside = Entry("e", "", "", details=(Chapter("c", (Fold("f", (Shown(INNER), Figure((), (), INNER))),)),))
    assert len(tables([inside, Choice("i", "l", (), (Chapter("c", (Shown(INNER),)),)), Paragraph("p")])) == 3


# -- colour


def test_colour_is_for_terminals_and_says_the_outcome():
    outcomes = table("t", "", (column("code", "outcome"),), [["passed"], ["not-passed"]])
    blocks = [Entry("it", "refuted", "refuted"), Paragraph("amiss", "error"), Shown(outcomes)]
    coloured = printed(blocks, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mrefuted" in coloured and "\x1b[1;31mamiss" in coloured
    assert "\x1b[32mpassed" in coloured and "\x1b[1;31mnot passed" in coloured
    assert "\x1b" not in printed(blocks) and "\x1b" not in text(blocks)
    page = page_of(*blocks)
    assert '<span class="badge refuted">' in page and '<span class="code not-passed">not passed</span>' in page
