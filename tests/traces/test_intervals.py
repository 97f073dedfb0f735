"""Unions and innermost owners, against the plainest code that could be right."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from launchlens.traces.intervals import covered, innermost, union, union_length

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=25)


def arrays(pairs):
    start = np.array([start for start, _ in pairs], np.int64)
    return start, start + np.array([length for _, length in pairs], np.int64)


@given(spans)
def test_union_is_the_set_of_covered_moments(pairs):
    start, end = arrays(pairs)
    moments = {moment for low, high in zip(start, end, strict=True) for moment in range(low, high)}
    left, right = union(start, end)
    assert {moment for low, high in zip(left, right, strict=True) for moment in range(low, high)} == moments
    assert union_length(start, end) == len(moments)
    assert all(right[:-1] < left[1:]), "joined and disjoint"


@given(spans)
def test_innermost_is_the_one_opened_last(pairs):
    start, end = arrays(pairs)
    edges, owner = innermost(start, end)
    for segment, low in enumerate(edges[:-1]):
        covering = [i for i in range(len(start)) if start[i] <= low < end[i]]
        # opened last; of several opened at once the shortest; of equals the later one
        expected = max(covering, key=lambda i: (start[i], -end[i], i), default=-1)
        assert owner[segment] == expected


def test_innermost_of_nested_calls_is_the_top_of_the_stack():
    #  range   |--------------|   op  |------|   api  |--|
    start, end = np.array([0, 2, 4]), np.array([14, 10, 7])
    edges, owner = innermost(start, end)
    assert list(edges) == [0, 2, 4, 7, 10, 14]
    assert list(owner) == [0, 1, 2, 1, 0]


def test_innermost_of_equal_intervals_follows_the_rank():
    start, end = np.array([0, 0]), np.array([5, 5])
    assert list(innermost(start, end, rank=np.array([2, 1]))[1]) == [0]
    assert list(innermost(start, end, rank=np.array([1, 2]))[1]) == [1]


def test_nothing_gives_nothing():
    empty = np.empty(0, np.int64)
    assert union_length(empty, empty) == 0
    assert [len(part) for part in innermost(empty, empty)] == [0, 0]
    assert list(covered(np.array([0, 5, 9]), empty, empty)) == [False, False]


def test_an_interval_of_no_length_covers_nothing():
    start, end = np.array([3, 0]), np.array([3, 6])
    edges, owner = innermost(start, end)
    assert list(edges) == [0, 3, 6]
    assert list(owner) == [1, 1]
