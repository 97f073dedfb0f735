"""What a side waits for is said as it is: the host where it is host-bound, the GPU where it is device-bound."""

import pytest

from launchlens.reports.words.codes import code_words
from launchlens.traces.tables.timing import timing
from shown import printed_study, render


def test_the_timing_table_says_what_each_side_waits_for(made):
    frame = timing(made).frame
    found = frame[~frame["control"].fillna(value=False)].groupby("regime")["bound_by"].unique()
    assert {regime: list(bounds) for regime, bounds in found.items()} == {
        "eager": ["host-bound"],
        "graph": ["device-bound"],
    }


@pytest.mark.parametrize(
    ("bound", "words"),
    [("host-bound", "the host"), ("device-bound", "the GPU"), ("mixed", "both in turn"), ("unknown", "unknown")],
)
def test_each_bound_has_its_own_words(bound, words):
    assert code_words("bound_by", bound) == words


@pytest.mark.parametrize("show", [printed_study, render])
def test_people_read_both_words_of_a_study_that_has_both(made, show):
    assert "the host" in show(made) and "the GPU" in show(made)
