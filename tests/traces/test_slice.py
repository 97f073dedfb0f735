"""Slices: which windows of a trace are cut, and what is said of them, on traces made by hand."""

import pytest

from events import events, gpu, host, joined
from launchlens.traces.problems import InputError
from launchlens.traces.timeline import timeline
from launchlens.traces.windows import blocks, middle_iteration, of_range, range_of_caller, whole_trace


def call(at, number, **more):
    return host("api", "cudaLaunchKernel", at, at + 2, correlation=number, **more)


ROWS = [
    host("range", "variant:a", 0, 100),
    host("range", "iteration:a", 10, 30),
    host("range", "iteration:a", 30, 60),
    host("range", "iteration:a", 60, 70),
    call(12, 1),
    gpu("kernel", 20, 25, 1, name="first"),
    call(32, 2),
    gpu("memcpy", 34, 44, 2, copy_kind="DtoD", name="copy"),
    call(62, 3),
    gpu("kernel", 64, 69, 3, name="first"),
    host("range", "variant:a", 200, 300),
    call(210, 4),
    gpu("kernel", 290, 320, 4, name="first"),
    host("range", "variant:b", 400, 450),
    call(500, 5),  # in no block
    gpu("kernel", 510, 520, 5),
    call(15, 6, thread="2"),  # of no interest to the thread that is looked at
    gpu("kernel", 16, 17, 6, stream=9, name="other"),
]


@pytest.fixture
def made():
    return joined(events(ROWS))


def test_a_captures_blocks_are_a_slice_a_variant(made):
    found = blocks(made)
    assert list(found) == ["a", "b"]
    a, b = found["a"], found["b"]
    assert (list(a.start_ns), list(a.end_ns), a.thread_name, a.device) == ([0, 200], [100, 300], "1", 0)
    assert a.counts == {"launches": 4, "kernels": 3, "memcpys": 1, "memsets": 0}
    assert [(work.kind, work.name, work.count, work.total_ns) for work in a.work] == [
        ("kernel", "first", 3, 5 + 5 + 30),
        ("memcpy", "copy", 1, 10),
    ]
    assert [(kind.activity, len(kind.api_ns), kind.total_api_ns) for kind in a.ledger] == [
        ("kernel", 3, 6),
        ("memcpy DtoD", 1, 2),
    ]
    assert a.gpu_recorded_ns == 5 + 10 + 5 + 30
    assert list(a.account.window_ns) == [100, 100] and a.account.host()["launch"] == 8
    # what outlasts a block is cut off by its account, and is a problem of that variant
    assert a.problems["gpu-work-after-window"] == 1 and a.outlasted
    assert b.counts["launches"] == 0 and len(b.problems) == 0


def test_the_whole_trace_is_one_window_of_the_process_that_launches_most(made):
    whole = whole_trace(made)
    assert (list(whole.start_ns), list(whole.end_ns)) == ([0], [520])
    assert whole.counts["launches"] == 6 and whole.problems["gpu-work-after-window"] == 0
    assert (whole.process_name, whole.thread_name) == ("1", None)
    code = made.events["thread"].cat.categories.get_loc("2")
    alone = whole_trace(made, (whole.process, code))
    assert alone is not None and alone.counts["launches"] == 1 and alone.thread_name == "2"
    assert whole_trace(joined(events([host("op", "x", 0, 1)]))) is None


def test_instances_of_a_range_on_another_thread_are_left_out():
    rows = [
        host("range", "r", 0, 9),
        host("range", "r", 5, 9, thread="2"),
        call(6, 1, thread="2"),
        gpu("kernel", 7, 8, 1),
    ]
    chosen = range_of_caller(joined(events(rows)), "r")
    assert (chosen.thread_name, list(chosen.start_ns)) == ("2", [5])
    for refused in (of_range, range_of_caller):
        with pytest.raises(InputError, match="holds no range 'x'"):
            refused(joined(events(rows)), "x")


def test_instances_of_no_length_are_left_out_where_they_must_last():
    made = joined(events([host("range", "r", 5, 5), host("range", "r", 10, 12)]))
    assert list(of_range(made, "r").start_ns) == [5, 10] and list(range_of_caller(made, "r").start_ns) == [10]
    with pytest.raises(InputError):
        range_of_caller(joined(events([host("range", "r", 5, 5)])), "r")


def test_blocks_inside_each_other_count_once_and_those_of_another_thread_are_no_overlap():
    rows = [host("range", "variant:a", 0, 50), host("range", "variant:a", 10, 20), host("range", "variant:a", 60, 70)]
    rows += [host("range", "variant:a", 5, 9, thread="2"), call(1, 1), gpu("kernel", 2, 3, 1)]
    (a,) = blocks(joined(events(rows))).values()
    assert list(a.start_ns) == [0, 60] and a.problems["overlapping-blocks"] == 1


def test_the_iteration_to_look_at_is_the_one_of_middle_length(made):
    shown = middle_iteration(made, "a")
    assert (list(shown.start_ns), list(shown.end_ns)) == ([10], [30])
    assert middle_iteration(made, "b") is None
    events_shown = timeline(shown).events
    assert list(events_shown["name"]) == ["first", "iteration:a", "cudaLaunchKernel"]
    assert list(events_shown["start_ns"]) == [10, 0, 2]
