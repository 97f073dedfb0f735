"""Rounds of blocks: who comes before whom is balanced, a long block is twice a short one, and failures lose only their own."""

from collections import Counter
from itertools import pairwise

import pytest
from made_clock import Clock

from launchlens.profiling import rounds as under_test
from launchlens.profiling import timing
from launchlens.profiling.rounds import (
    FEWEST_ITERATIONS,
    MOST_ITERATIONS,
    SHORT_NS,
    Rounds,
    iterations_of,
    order,
    williams,
)
from launchlens.profiling.timing import Entry, timings_frame


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(under_test, "perf_counter_ns", made)
    monkeypatch.setattr(timing, "perf_counter_ns", made)
    return made


def _runs(light, rounds=8, entries=5, seed=3):
    return list(order(entries, rounds, light=light, seed=seed))


@pytest.mark.parametrize(("light", "kinds"), [(False, 2), (True, 4)])
def test_every_round_holds_every_block_of_every_entry_once(light, kinds):
    for blocks in _runs(light):
        assert set(Counter(blocks).values()) == {1}
        assert len(blocks) == 5 * kinds


@pytest.mark.parametrize("light", [False, True])
def test_a_round_and_the_next_one_are_mirror_images(light):
    runs = _runs(light)
    for first, second in zip(runs[::2], runs[1::2], strict=True):
        assert second == first[::-1]


def test_each_kind_of_block_follows_each_other_one_equally_often_within_an_entry():
    """Over the four rows of the square, and over each pair of rounds."""
    follows = Counter()
    for blocks in _runs(light=True, rounds=8, entries=1):
        kinds = [treatment for _, treatment in blocks]
        follows.update(pairwise(kinds))
    assert len(follows) == 12, "four kinds, each before three others"
    assert set(follows.values()) == {2}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 17, 34])
def test_in_a_williams_square_each_follows_each_other_one_equally_often(count):
    rows = williams(count)
    assert all(sorted(row) == list(range(count)) for row in rows)
    follows = Counter(pair for row in rows for pair in pairwise(row))
    assert len(follows) == count * (count - 1)
    assert len(set(follows.values())) <= 1


@pytest.mark.parametrize(("entries", "rounds"), [(2, 2), (5, 10), (6, 6), (9, 18), (10, 10)])
def test_each_entry_comes_directly_before_each_other_one_equally_often(entries, rounds):
    """Over as many rounds as the square has rows; and over as many again."""
    for times in (1, 2):
        runs = _runs(light=False, rounds=times * rounds, entries=entries)
        orders = [list(dict.fromkeys(entry for entry, _ in blocks)) for blocks in runs]
        follows = Counter(pair for row in orders for pair in pairwise(row))
        assert len(follows) == entries * (entries - 1)
        assert set(follows.values()) == {times * rounds * (entries - 1) // (entries * (entries - 1))}


def test_who_comes_before_whom_changes_from_pair_to_pair_and_by_seed():
    firsts = {tuple(entry for entry, _ in blocks) for blocks in _runs(True, rounds=8)[::2]}
    assert len(firsts) > 1
    assert _runs(True, seed=3) == _runs(True, seed=3)
    assert _runs(True, seed=3) != _runs(True, seed=4)


def test_iterations_of_a_variant_fill_a_short_block_of_its_own(clock):
    waited = []
    entries = [
        Entry("quick", "eager", clock.work(10)),
        Entry("some", "eager", clock.work(SHORT_NS // 50)),
        Entry("slow", "eager", clock.work(10 * SHORT_NS)),
    ]
    found = iterations_of(entries, lambda: waited.append(1), {})
    assert found == {
        ("quick", "eager"): MOST_ITERATIONS,
        ("some", "eager"): 50,
        ("slow", "eager"): FEWEST_ITERATIONS,
    }
    assert waited
    assert set(iterations_of(entries, lambda: None, {}, given=7).values()) == {7}


def test_a_long_block_has_twice_the_iterations(clock):
    rows, advanced = [], []
    entries = [Entry("a", "eager", clock.work(10)), Entry("a", "eager", clock.work(10), True)]
    Rounds(entries, {("a", "eager"): 5}, "cpu", rows, {}).run(3, advanced.append)
    frame = timings_frame(rows)
    assert advanced == [1, 1, 1]
    assert len(frame) == 3 * 2 * 2
    assert set(frame.loc[frame["length"] == "short", "wall_ns"]) == {50}
    assert set(frame.loc[frame["length"] == "long", "wall_ns"]) == {100}
    assert set(frame["recorder"]) == {"off"}
    assert list(frame["start_ns"]) == sorted(frame["start_ns"])


def test_an_entry_that_raises_loses_its_rows_and_no_others(clock):
    calls = iter(range(1000))

    def fails_later():
        if next(calls) > 30:
            raise ZeroDivisionError("soon")

    rows, failures = [], {}
    entries = [Entry("good", "eager", clock.work(10)), Entry("bad", "eager", fails_later)]
    Rounds(entries, {("good", "eager"): 5, ("bad", "eager"): 5}, "cpu", rows, failures).run(4, lambda done: None)
    assert list(failures) == [("bad", "eager")]
    assert {row["variant"] for row in rows} == {"good"}
    assert len(rows) == 4 * 2


def test_what_is_measured_beside_is_measured_once_a_round_after_its_blocks(clock):
    rows, seen = [], []
    entries = [Entry("a", "eager", clock.work(10))]
    beside = lambda number: seen.append((number, len(rows)))
    Rounds(entries, {("a", "eager"): 5}, "cpu", rows, {}, beside=beside).run(3, lambda done: None)
    assert seen == [(0, 2), (1, 4), (2, 6)]
