"""Blocks are interleaved fairly, all kept, and hold what was called."""

from collections import Counter

import pytest
from made_clock import Clock

from launchlens.profiling import rounds as of_rounds
from launchlens.profiling import timing
from launchlens.profiling.rounds import Rounds, one_block_each
from launchlens.profiling.timing import Entry, Failures, timings_frame
from launchlens.traces.captures.block_order import block_order


def test_every_round_holds_every_block_once_and_no_place_is_favoured():
    places = Counter()
    for number in range(16):
        order = block_order(4, number)
        assert sorted(order) == [0, 1, 2, 3]
        places.update(enumerate(order))
    assert set(places.values()) == {4}, "each block stood in each place equally often"
    assert block_order(4, 0) == [0, 1, 2, 3]
    assert block_order(4, 1) == [3, 2, 1, 0]


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(timing, "perf_counter_ns", made)
    monkeypatch.setattr(of_rounds, "perf_counter_ns", made)
    return made


def one_block_a_round(entries, iterations, rows):
    counts = {(entry.variant, entry.regime): iterations for entry in entries}
    return Rounds(entries, counts, "cpu", rows, Failures(), warm=0, blocks=one_block_each)


def test_a_block_is_as_long_as_its_iterations(clock):
    entries = [
        Entry("a", "eager", clock.work(10)),
        Entry("b", "eager", clock.work(25)),
        Entry("a", "eager", clock.work(10), True),
    ]
    rows, advanced = [], []
    one_block_a_round(entries, 4, rows).run(3, advanced.append)
    frame = timings_frame(rows)
    assert len(frame) == 9 and advanced == [1, 1, 1]
    assert set(frame[frame["variant"] == "a"]["wall_ns"]) == {40}
    assert set(frame[frame["variant"] == "b"]["wall_ns"]) == {100}
    assert frame["control"].sum() == 3
    assert list(frame["start_ns"]) == sorted(frame["start_ns"]), "in time order"
    assert frame["device_ns"].isna().all()
    assert set(frame["length"]) == {"only"}


def test_a_round_cut_short_is_left_out(clock):
    entries = [Entry("a", "eager", clock.work(10)), Entry("b", "eager", clock.work(25))]
    rows = []

    def interrupt(done):
        if len(rows) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one_block_a_round(entries, 1, rows).run(5, interrupt)
    assert set(timings_frame(rows[:3])["round"]) == {0}
    assert len(timings_frame([])) == 0
