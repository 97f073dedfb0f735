"""The CUDA paths with stand-ins for torch.cuda: the order of calls, not the behaviour of a GPU (tests/gpu has that)."""

from contextlib import contextmanager

import pytest

from launchlens.profiling import regimes, rounds
from launchlens.profiling.regimes import CannotCaptureError
from launchlens.profiling.rounds import Rounds, one_block_each
from launchlens.profiling.timing import Entry, Failures, timings_frame

torch = pytest.importorskip("torch", reason="the stand-ins replace parts of torch")


@pytest.fixture
def calls(monkeypatch):
    """torch.cuda with everything that is called written down."""
    said = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            said.append("record")

        def elapsed_time(self, other):
            return 0.5  # ms

    class Stream:
        def wait_stream(self, other):
            said.append("wait_stream")

    class Graph:
        def replay(self):
            said.append("replay")

    @contextmanager
    def capturing(captured):
        said.append("capture")
        yield

    @contextmanager
    def on(stream):
        yield

    stand_ins = {"Event": Event, "Stream": Stream, "CUDAGraph": Graph, "graph": capturing, "stream": on}
    stand_ins |= {"current_stream": Stream, "synchronize": lambda: said.append("synchronize")}
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(rounds, "sm_clock_reader", lambda: lambda: 1980)
    return said


def test_a_block_is_closed_by_a_synchronize_and_bracketed_by_events(calls):
    rows = []
    entry = Entry("a", "eager", lambda: calls.append("call"))
    Rounds([entry], {("a", "eager"): 3}, "cuda", rows, Failures(), warm=0, blocks=one_block_each).run(
        1, lambda done: None
    )
    # the first records create the events, outside any block
    assert calls == ["record", "record", "synchronize", "record", "call", "call", "call", "record", "synchronize"]
    row = timings_frame(rows).iloc[0]
    assert row["device_ns"] == 500_000 and row["sm_clock_mhz"] == 1980
    assert 0 < row["host_ns"] <= row["wall_ns"]


def test_a_graph_is_captured_once_after_a_warm_up_and_then_replayed(calls):
    replay = regimes.graph(lambda: calls.append("call"))
    assert calls.count("capture") == 1
    assert calls.index("capture") == calls.index("synchronize") + 1, "the warm-up is over before the capture begins"
    assert calls.count("call") == regimes.CAPTURE_WARM_UP + 1
    del calls[:]
    replay()
    assert calls == ["replay"]


def test_what_can_not_be_captured_says_why_in_one_line(calls, monkeypatch):
    @contextmanager
    def refuse(captured):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")
        yield

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    with pytest.raises(CannotCaptureError, match=r"^operation not permitted when stream is capturing$"):
        regimes.graph(lambda: None)
