"""What probes that time things share: turns in rounds, and figures, cells and A/A from samples."""

import gc

import pytest

from launchlens.profiling.probes.method.rounds import Entry, in_rounds
from launchlens.profiling.probes.method.samples import aa_control, cells, estimated, paired, ratio_in_words
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.statistics import Estimate, median


def test_every_entry_is_measured_once_a_round_in_changing_order():
    order, done = [], []

    def measuring(name):
        def measure():
            assert not gc.isenabled()
            order.append(name)
            return {"ns": len(order), "twice": 2 * len(order)}

        return measure

    found = in_rounds([Entry(name, measuring(name)) for name in "abc"], 4, done.append)
    assert order == list("abccbabcaacb")
    assert found["a"] == {"ns": [1, 6, 9, 10], "twice": [2, 12, 18, 20]}
    assert done == [1, 1, 1, 1] and gc.isenabled()


def test_two_entries_of_one_name_are_refused():
    with pytest.raises(ValueError, match="the same name"):
        in_rounds([Entry("a", dict), Entry("a", dict)], 1, lambda done: None)


def test_a_figure_is_a_median_with_its_interval_or_says_that_it_has_none():
    many = estimated(median([3, 1, 2, 5, 4, 3]), "host-time", of="triton", under="eager")
    assert (many.value, many.unit) == (3, "ns") and many.interval[0] <= 3 <= many.interval[1]
    assert (many.what, many.of, many.part, many.to, many.under) == ("host-time", "triton", "", "", "eager")
    few = median([1, 2, 3])
    assert estimated(few, "host-time").interval is None
    assert (cells(few), cells(None)) == ((2, None, None), (None, None, None))


def test_a_table_has_a_kind_for_every_column_and_a_cell_for_every_kind():
    made = of_rows("Times", {"path": "code", "host time": "time"}, [("triton", 9000.0), ("torch", None)])
    assert (made.columns, made.kinds, len(made.rows)) == (("path", "host time"), ("code", "time"), 2)
    with pytest.raises(ValueError, match="a row of another length"):
        of_rows("Times", {"path": "code"}, [("triton", 9000.0)])


def test_figures_are_paired_only_where_both_were_measured_in_every_round():
    assert paired([2, 4, 6], [1, 2, 3]).value == 2
    assert paired([], []) is None and paired([1, 2], [1]) is None


def test_aa_passes_for_itself_and_fails_for_a_twentieth_more():
    base = [100, 110, 120, 130, 140, 150]
    assert aa_control("x", base, base).passed
    more = aa_control("x", base, [1.05 * ns for ns in base])
    assert not more.passed and "1.050 ×" in more.found
    assert not aa_control("x", base, []).passed and not aa_control("x", [], []).passed
    assert not aa_control("x", base[:4], base[:4]).passed  # too few rounds to say so


def test_ratios_are_written_for_people():
    assert ratio_in_words(Estimate(1.0031, 0.998, 1.01, 9)) == "1.003 × (0.998 – 1.010)"
    assert "too few" in ratio_in_words(Estimate(1, None, None, 2))
