"""What the light recorder makes of a block, of events made by hand: whose time it was, and what is not known."""

from types import SimpleNamespace

import numpy as np

from launchlens.profiling.collectors.light.blocks import LightBlocks
from launchlens.profiling.collectors.light.recorder import Events

NAMES = ["aten::copy_", "cudaMemcpyAsync", "cudaDeviceSynchronize", "cudaMalloc"]
ROW = {"round": 5, "variant": "copy_", "regime": "eager", "control": False, "length": "short", "iterations": 1}
MAIN = 7


def _blocks(events, dropped=0, not_wrapped=0):
    """One block, from tick 100 to 1100, in which these happened: (start, end, number of the name, thread)."""
    start, end, what, thread = (np.array(column) for column in zip(*events, strict=True))
    taken = Events(start.astype(np.uint64), end.astype(np.uint64), what, thread.astype(np.uint64), dropped)
    recorder = SimpleNamespace(
        off=lambda: None, take=lambda: taken, names=NAMES, main_thread=MAIN, not_wrapped=lambda: not_wrapped
    )
    blocks = LightBlocks(recorder)
    blocks.end(dict(ROW), (100, 1100), "copy_")
    return blocks


EVENTS = [  # an op that copies, an allocation, and a wait; on another thread an op as well
    (300, 500, 1, MAIN),
    (200, 600, 0, MAIN),
    (650, 700, 3, MAIN),
    (700, 900, 2, MAIN),
    (200, 1000, 0, 8),
]


def test_each_moment_is_of_the_innermost_event_and_all_sum_to_the_block():
    rows = {row["state"]: row for row in _blocks(EVENTS).rows}
    assert {state: row["ns"] for state, row in rows.items()} == {
        "dispatch": 200,
        "launch": 200,
        "api": 50,
        "sync": 200,
        "python": 350,
    }
    assert sum(row["ns"] for row in rows.values()) == 1000


def test_events_are_counted_in_their_state_and_charged_to_the_one_that_held_them():
    rows = {row["state"]: row for row in _blocks(EVENTS).rows}
    assert {state: row["events"] for state, row in rows.items()} == {
        "dispatch": 1,
        "launch": 1,
        "api": 1,
        "sync": 1,
        "python": 0,
    }
    assert rows["dispatch"]["holds"] == 1, "the copy began inside the op"
    assert rows["dispatch"]["calls_held"] == 1 and rows["python"]["calls_held"] < rows["python"]["holds"], (
        "the op is none"
    )
    assert rows["python"]["holds"] + rows["api"]["holds"] == 3


def test_events_of_the_iterations_before_the_window_are_left_out():
    before = _blocks([(10, 50, 0, MAIN), *EVENTS])
    assert before.rows == _blocks(EVENTS).rows


def test_a_block_of_which_something_was_not_seen_has_no_account():
    assert _blocks(EVENTS, dropped=1).rows == []
    assert _blocks(EVENTS, dropped=1).dropped == 1
    assert _blocks(EVENTS, not_wrapped=1).rows == []
