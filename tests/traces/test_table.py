"""A table is what its columns say, or it is refused; what is absent is None, whatever the column holds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.traces.tables import table as tables
from launchlens.traces.tables.rows import Rows, one_below_another
from launchlens.traces.tables.table import UNITS, Column, Pivot, Table, TableError, of_frame, of_rows, table

NAME = Column("name", "name", "what it is called")
NS = Column("ns", "time", "how long it took")
BOUNDS = Column("bounds_ns", "interval", "its 95 % interval", of="time")
MEAN = Column("mean_ns", "time", "how long one took", whole=False)


def made(*rows):
    return table("times", "Times", (NAME, NS, BOUNDS), rows)


# -- columns


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "Wall ns"}, "column name 'Wall ns' is not lower case with underscores"),
        ({"name": ""}, "column name '' is not lower case with underscores"),
        ({"meaning": ""}, "column ns does not say what it means"),
        ({"kind": "interval"}, "column ns: an interval, and nothing else, is of a kind"),
        ({"of": "time"}, "column ns: an interval, and nothing else, is of a kind"),
        ({"kind": "figure"}, "column ns: figures need the column that holds their unit"),
        ({"kind": "interval", "of": "figure"}, "column ns: figures need the column that holds their unit"),
    ],
)
def test_a_column_that_does_not_say_what_it_is_is_refused(arguments, says):
    with pytest.raises(TableError) as refused:
        Column(**{"name": "ns", "kind": "time", "meaning": "how long"} | arguments)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("kind", "whole", "dtype", "unit"),
    [
        *(("name", True, "object", ""), ("text", True, "object", ""), ("code", True, "object", "")),
        *(("time", True, "Int64", "ns"), ("time", False, "Float64", "ns"), ("size", True, "Int64", "bytes")),
        *(("share", True, "Float64", "of 1"), ("ratio", True, "Float64", "of 1"), ("count", True, "Int64", "")),
        *(("count", False, "Float64", ""), ("flag", True, "boolean", ""), ("number", True, "Float64", "")),
    ],
)
def test_a_kind_has_its_dtype_and_its_unit(kind, whole, dtype, unit):
    column = Column("it", kind, "it", whole=whole)
    assert (column.dtype, column.unit, column.parts) == (dtype, unit, ("it",))


def test_an_interval_has_the_unit_of_its_ends_and_two_parts():
    assert (BOUNDS.dtype, BOUNDS.unit) == ("Int64", UNITS["time"])
    assert BOUNDS.parts == ("bounds_ns_low", "bounds_ns_high")


def test_a_heading_is_the_title_or_the_name_in_words():
    assert Column("gpu_busy", "share", "s").heading == "gpu busy"
    assert Column("gpu_busy", "share", "s", title="GPU busy").heading == "GPU busy"


# -- tables


def test_cells_come_back_as_plain_python_and_what_is_absent_as_none():
    rows = made(["a", 5, (4, 6)], [None, None, None], ["c", np.int64(7), None]).rows()
    assert rows == [("a", 5, (4, 6)), (None, None, None), ("c", 7, None)]
    assert [type(cell) for cell in rows[0]] == [str, int, tuple] and type(rows[0][2][0]) is int
    assert made(["a", 5, (4, 6)], ["b", 6, None]).rows(1) == rows[:1]


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA], ids=str)
def test_whatever_stands_for_nothing_is_none(absent):
    columns = (NAME, MEAN, Column("passed", "flag", "whether"), Column("share", "share", "of it"))
    assert table("t", "", columns, [[absent] * 4]).rows() == [(None,) * 4]


def test_an_interval_that_lacks_an_end_is_none():
    frame = pd.DataFrame({"name": ["a"], "ns": [5], "bounds_ns_low": [4], "bounds_ns_high": [None]})
    assert of_frame("times", "", (NAME, NS, BOUNDS), frame).rows() == [("a", 5, None)]


def test_a_table_without_rows_keeps_its_columns():
    empty = made()
    assert len(empty) == 0 and empty.rows() == [] and list(empty.frame) == ["name", "ns", *BOUNDS.parts]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["a", 5]], "table times: a row of 2 cells under 3 columns"),
        ([["a", "long", None]], "table times: column ns: "),
        ([["a", 5.5, None]], "table times: column ns: "),
        ([["a", 5, ("low", "high")]], "table times: column bounds_ns: "),
    ],
    ids=["too few cells", "text for a time", "half a ns", "texts for ends"],
)
def test_a_row_that_the_columns_can_not_hold_is_refused(rows, says):
    with pytest.raises(TableError) as refused:
        made(*rows)
    assert str(refused.value).startswith(says)


def with_frame(**changes):
    good = made(["a", 5, (4, 6)])
    return good.frame.assign(**changes)[[*good.frame.columns, *(name for name in changes if name not in good.frame)]]


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (with_frame().drop(columns="ns"), r"table times has columns \['name', 'bounds_ns_low', 'bounds_ns_high'\], not "),
        (with_frame().drop(columns="bounds_ns_high"), r"table times has columns .*, not .*'bounds_ns_high'"),
        (with_frame(more=1), r"table times has columns .*'more'\], not "),
        (with_frame()[["ns", "name", "bounds_ns_low", "bounds_ns_high"]], r"table times has columns \['ns', 'name'"),
        (with_frame(ns=5.0), "table times: ns is float64, not Int64"),
        (with_frame(ns=5), "table times: ns is int64, not Int64"),
        (with_frame(bounds_ns_low=4), "table times: bounds_ns_low is int64, not Int64"),
    ],
    ids=["lost column", "lost end", "column too many", "other order", "float", "no nulls", "an end's dtype"],
)  # fmt: skip
def test_a_frame_that_is_not_what_the_columns_say_is_refused(frame, says):
    with pytest.raises(TableError, match=says):
        Table("times", "", (NAME, NS, BOUNDS), frame)


def test_a_figure_needs_its_unit_in_the_table():
    value = Column("value", "figure", "the figure", unit_in="unit")
    with pytest.raises(TableError, match=r"table t lacks the column of units \['unit'\]"):
        table("t", "", (value,), [[1.0]])
    assert table("t", "", (Column("unit", "code", "its unit"), value), [["ns", 1.0]]).rows() == [("ns", 1.0)]


def test_a_name_for_scripts_is_plain():
    with pytest.raises(TableError, match="table name 'GPU work' is not lower case"):
        table("GPU work", "", (NAME,), [])


def test_a_frame_of_many_rows_is_brought_to_the_dtypes_and_columns():
    frame = pd.DataFrame({"other": [1, 2], "ns": [5.0, np.nan], "name": pd.Categorical(["a", "b"])})
    assert of_frame("times", "", (NAME, NS), frame).rows() == [("a", 5), ("b", None)]
    with pytest.raises(TableError, match="column ns"):
        of_frame("times", "", (NAME, NS), frame.assign(ns=[5.5, 6.0]))


def test_few_and_many_rows_are_one_table(monkeypatch):
    found = Rows(
        {
            "name": ["a", None, "c"],
            "ns": pd.arrays.IntegerArray(np.array([5, 0, 7]), np.array([False, True, False])),
            "bounds_ns_low": np.array([4.0, np.nan, 6.0]),
            "bounds_ns_high": np.array([6, 7, 8]),
            "other": [1, 2, 3],
        }
    )
    few = of_rows("times", "", (NAME, NS, BOUNDS), found, order="by name")
    monkeypatch.setattr(tables, "FEW", 2)
    many = of_rows("times", "", (NAME, NS, BOUNDS), found, order="by name")
    assert few.rows() == many.rows() == [("a", 5, (4, 6)), (None, None, None), ("c", 7, (6, 8))]
    assert many.frame.equals(few.frame) and few.order == many.order == "by name"


def test_rows_are_sorted_by_several_columns_and_what_is_absent_comes_last():
    found = Rows(
        {
            "ns": np.array([1, 3, 3, 3, 1]),
            "name": ["b", "c", None, "a", "a"],
            "size": pd.arrays.IntegerArray(np.array([9, 0, 5, 7, 8]), np.array([False, True, False, False, False])),
        }
    )
    assert found.ordered("-ns", "name")["name"] == ["a", "c", None, "a", "b"]
    assert found.ordered("-size")["size"].tolist() == [9, 8, 7, 5, pd.NA]
    assert found.ordered("size")["size"].tolist() == [5, 7, 8, 9, pd.NA]
    assert found.ordered("ns")["name"] == ["b", "a", "c", None, "a"]  # equals stay in their order
    assert found.ordered("name", name=["e", "d", "c", "b", "a"])["name"] == ["a", "a", None, "c", "b"]
    assert found.taken(found["ns"] == 1)["name"] == ["b", "a"]
    twice = one_below_another([Rows({"ns": np.array([ns]), "name": [name]}) for ns, name in ((1, "a"), (2, "z"))])
    assert twice["ns"].tolist() == [1, 2] and twice["name"] == ["a", "z"]
    with pytest.raises(ValueError, match="not of one length"):
        Rows({"ns": np.array([1]), "name": []})


# -- parts of tables


def test_columns_can_be_picked_and_left_out():
    whole = made(["a", 5, (4, 6)])
    assert whole.pick("Some", "bounds_ns", "name").rows() == [((4, 6), "a")]
    assert whole.pick("Some", "name").title == "Some" and whole.title == "Times"
    assert whole.without(["bounds_ns"]).rows() == [("a", 5)] and whole.without([]).rows() == whole.rows()
    with pytest.raises(KeyError):
        whole.pick("", "nothing")


def test_a_column_of_units_can_not_be_left_out_of_its_figures():
    columns = (Column("unit", "code", "its unit"), Column("value", "figure", "the figure", unit_in="unit"))
    with pytest.raises(TableError, match="lacks the column of units"):
        table("t", "", columns, [["ns", 1.0]]).without(["unit"])


def test_only_the_rows_that_hold_a_value_without_the_column():
    columns = (Column("regime", "code", "r"), Column("control", "flag", "c"), NS)
    rows = [["eager", False, 1], ["eager", True, 2], ["graph", False, 3], [None, None, 4]]
    whole = table("t", "", columns, rows)
    assert whole.only("Eager", regime="eager").rows() == [(False, 1), (True, 2)]
    assert whole.only("Eager", regime="eager", control=False).rows() == [(1,)]
    assert whole.only("Nothing", regime="warp").rows() == [] and whole.only("", regime="graph").title == ""


def test_the_first_rows_of_each_value():
    whole = table("t", "", (NAME, NS), [["a", 1], ["b", 2], ["a", 3], [None, 4], ["a", 5], [None, 6]])
    assert whole.first_of_each("name", 1).rows() == [("a", 1), ("b", 2), (None, 4)]
    assert len(whole.first_of_each("name", 2)) == 5 and len(whole) == 6


def test_a_sum_is_a_last_row_of_its_own():
    summed = made(["a", 5, (4, 6)], ["b", -7, None], ["c", None, None]).summed("ns")
    assert summed.rows()[-1] == ("sum", -2, None) and summed.total and len(summed) == 4
    assert made().summed("ns").rows() == [("sum", 0, None)]


def test_times_can_be_read_to_the_nanosecond():
    exact = made(["a", 5, (4, 6)]).exact("ns", "bounds_ns")
    assert [column.shown_in for column in exact.columns] == ["", "ns", "ns"]
    assert [column.heading for column in exact.columns] == ["name", "ns, ns", "bounds ns, ns"]


# -- any table


CELLS = {
    "name": st.text(),
    "code": st.sampled_from(["idle", "kernel", "kernel+memcpy"]),
    "time": st.integers(-(2**63), 2**63 - 1),
    "flag": st.booleans(),
    "ratio": st.floats(allow_nan=False),
    "interval": st.tuples(st.integers(-(2**53), 2**53), st.integers(-(2**53), 2**53)),
}


@st.composite
def any_rows(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=6))
    columns = [Column(f"c{at}", kind, "it", of="time" if kind == "interval" else None) for at, kind in enumerate(kinds)]
    row = st.tuples(*(st.none() | CELLS[kind] for kind in kinds))
    return columns, draw(st.lists(row, max_size=8))


@given(any_rows())
def test_what_goes_in_comes_out(made):
    columns, rows = made
    assert table("t", "", columns, rows).rows() == rows


@given(any_rows())
def test_a_table_of_a_tables_frame_is_the_table(made):
    columns, rows = made
    whole = table("t", "", columns, rows)
    assert of_frame("t", "", columns, whole.frame).rows() == rows


def test_crosswise_is_declared_and_changes_no_cell():
    columns = (NAME, Column("device", "code", "where"), NS)
    crosswise = table("t", "", columns, [["a", "gpu", 1]], pivot=Pivot("name", "device", "ns"))
    assert crosswise.rows() == [("a", "gpu", 1)] and list(crosswise.frame) == ["name", "device", "ns"]
