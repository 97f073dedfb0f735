"""What `compare` shows of captures: the unprofiled difference in its parts where they are known, else the recorded one."""

from dataclasses import replace

import pytest

from launchlens.reports.pages import comparisons as page
from launchlens.reports.writers.markdown import markdown
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.studies.document import as_document
from launchlens.traces.studies.explained import Explained, Part, difference_of
from launchlens.traces.studies.study import study
from made_capture import make_capture


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    return study(read_capture(make_capture(tmp_path_factory.mktemp("made")))).compared("foreach", "copy_", "eager")


def explained(whole, **parts):
    made = tuple(Part("host", state, float(ns)) for state, ns in parts.items())
    rest = Part("host", "not attributed", whole - sum(parts.values()))
    return Explained("light", float(whole), None, 1.03, made, rest)


def shown(item):
    return markdown(page.blocks([item]))


def test_the_recorded_difference_is_shown_where_nothing_tells_of_the_unprofiled_one(compared):
    assert "profiled difference per iteration" in shown(compared)
    assert "unprofiled difference" not in shown(compared)


def test_the_unprofiled_difference_is_shown_in_its_parts_and_the_recorded_one_folded(compared):
    both = difference_of(explained(30_000, launch=20_000, python=9_900), explained(10_000, launch=3_000, python=6_900))
    text = shown(replace(compared, explained=both))
    assert "unprofiled difference per iteration: −20.0 µs" in text
    assert "−17.0 µs" in text and "−3.00 µs" in text and "not attributed" in text
    assert "\nprofiled difference" not in text and "As recorded" not in text, "it is folded"
    assert "As recorded under the profiler" not in shown(compared)
    full = markdown(page.blocks([replace(compared, explained=both)]), full=True)
    assert "profiled difference per iteration" in full.replace("unprofiled", "")


def test_a_difference_of_which_too_much_is_not_attributed_is_not_explained(compared):
    both = difference_of(explained(30_000, launch=20_000), explained(10_000, launch=9_900))
    text = shown(replace(compared, explained=both))
    assert "not explained, of one side 33 %" in text
    assert "unprofiled difference per iteration" not in text


def test_the_table_of_parts_is_there_where_parts_are_known(compared):
    both = difference_of(explained(30_000, launch=20_000), explained(10_000, launch=9_900))
    assert [table.name for table in page.tables([compared])] == ["comparisons", "difference"]
    assert [table.name for table in page.tables([replace(compared, explained=both)])] == [
        "comparisons",
        "parts",
        "difference",
    ]


def test_parts_and_what_is_left_sum_to_the_difference_in_the_document(compared):
    both = difference_of(explained(30_000, launch=20_000, python=9_900), explained(10_000, launch=3_000, python=6_900))
    row = as_document([replace(compared, explained=both)], "captures").comparisons[0]
    assert row.parts is not None
    assert sum(part.ns for part in row.parts) + row.not_attributed_ns == row.difference_ns


def test_what_is_known_of_one_side_alone_explains_no_difference():
    assert difference_of(None, explained(10, launch=10)) is None
    assert difference_of(explained(10, launch=10), None) is None
