"""The lanes of a step: nothing is left out of them, however much is joined, and their times are the account's and the gaps'."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.traces.analysis import analyze
from launchlens.traces.lanes import cut
from launchlens.traces.source import open_trace
from launchlens.traces.steps.gaps import CAUSES
from launchlens.traces.steps.pieces import pieces

PAIRS = Path(__file__).parents[1] / "data" / "pairs"
SPANS = st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 3_000), st.sampled_from("abc")), max_size=120)


@given(SPANS, st.integers(6, 40))
def test_every_interval_is_in_one_piece_which_spans_it(spans, most):
    start, length, what = (list(each) for each in zip(*spans, strict=True)) if spans else ([], [], [])
    start, length = np.array(start, np.int64), np.array(length, np.int64)
    made = pieces(start, start + length, what, np.arange(len(spans)), most)
    assert len(made) <= most and sum(piece.count for piece in made) == len(spans)
    total = sum(piece.busy_ns if piece.count > 1 else piece.length_ns for piece in made)
    assert total == length.sum()
    if spans:
        assert min(piece.start_ns for piece in made) == start.min()
        assert max(piece.end_ns for piece in made) == (start + length).max()
    if len(spans) <= most:
        assert sorted((piece.start_ns, piece.length_ns, piece.what) for piece in made) == sorted(spans)
    for piece in made:
        assert what[piece.row] in "abc" and (piece.count > 1 or piece.what == what[piece.row])


def test_what_is_short_and_close_is_joined_and_named_for_what_it_mostly_is():
    start = np.array([0, 500, 520, 540, 555, 900, 1000])
    length = np.array([400, 10, 15, 10, 8, 90, 300])
    made = pieces(start, start + length, ["a", "b", "c", "b", "b", "d", "e"], np.arange(7), 6)
    assert [(piece.start_ns, piece.count) for piece in made] == [(0, 1), (500, 1), (520, 3), (900, 1), (1000, 1)]
    # `b` lasts longer than `c` in all, and `c` is the longest of them
    assert (made[2].what, made[2].row, made[2].busy_ns, made[2].end_ns) == ("b", 2, 33, 563)


@pytest.fixture(scope="module")
def analysis():
    return analyze(open_trace(PAIRS / "log-each-step.before.json.gz"))


def test_lanes_hold_the_times_of_the_account_and_of_the_gaps(analysis):
    stepped = analysis.stepped
    steps, gaps = stepped.steps, stepped.gaps
    thread_lanes = {
        stepped.joined.events["thread"].cat.categories[thread]: stepped.joined.evident_lane(stepped.process, thread)
        for thread in stepped.joined.host_events.threads_of(stepped.process)
    }
    for timeline in analysis.timelines():
        at = timeline.number - 1
        window = steps.start_ns[at : at + 1], steps.done_ns[at : at + 1]
        assert timeline.length_ns == steps.wall_ns[at]
        by_cause = dict(zip(CAUSES, gaps.within(*window)[0].tolist(), strict=True))
        for lane in timeline.lanes:
            assert all(0 <= piece.start_ns <= piece.end_ns <= timeline.length_ns for piece in lane.pieces)
            spent = sum(piece.busy_ns if piece.count > 1 else piece.length_ns for piece in lane.pieces)
            if lane.kind == "gaps":
                assert spent == sum(by_cause.values())
            if lane.kind == "thread":
                of = thread_lanes[lane.title.removeprefix("thread ")]
                states = cut(of, stepped.joined.device_lane(0), *window)[0].sum(axis=1)
                assert spent == timeline.length_ns - states[of.names.index("not-recorded")]
        kinds = [lane.kind for lane in timeline.lanes]
        assert kinds.count("thread") == 2 and kinds.count("gaps") == 1 and kinds[-1] == "stream"


def test_the_median_step_comes_first_and_the_odd_ones_before_the_first(analysis):
    chosen = analysis.timelines()
    steps = analysis.answers(["steps"]).tables["steps"].frame
    assert chosen[0].name == steps["name"][steps["is_median"]].item() and chosen[0].why.startswith("the median one")
    assert {timeline.number for timeline in chosen} >= {1, len(steps)}
    odd = {f"odd in {each}" for each in steps["odd_in"].dropna()}
    assert {why for timeline in chosen for why in timeline.why.split(", ") if why.startswith("odd")} <= odd
