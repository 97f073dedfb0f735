"""Bursts of calls with a made clock, and CUDA's calls through ctypes with C functions that every machine has."""

import ctypes
from contextlib import contextmanager

import pytest

from launchlens.profiling.probes.apparatus import ctypes_calls as calls
from launchlens.profiling.probes.method.bursts import WARM_UP, Burst, time_bursts


class Clock:
    """Time that passes only where it is told to, and what happened in order."""

    def __init__(self):
        self.now, self.happened = 0, []

    def __call__(self):
        return self.now

    def calling(self, name, ns):
        def run(times):
            self.happened.append(name)
            self.now += times * ns

        return run

    def wait(self):
        self.happened.append("wait")
        self.now += 1_000_000


def test_a_call_costs_what_its_burst_took_without_the_wait():
    clock = Clock()
    bursts = [Burst("a", clock.calling("a", 30), 100), Burst("b", clock.calling("b", 700), 10)]
    found = time_bursts(bursts, 4, clock.wait, clock=clock)
    assert {name: list(times) for name, times in found.items()} == {"a": [30] * 4, "b": [700] * 4}


def test_bursts_are_warmed_up_waited_for_and_taken_in_turn():
    clock, advanced = Clock(), []
    bursts = [Burst(name, clock.calling(name, 1), 1) for name in "abc"]
    time_bursts(bursts, 3, clock.wait, clock=clock, advance=advanced.append)
    order = [name for name in clock.happened if name != "wait"]
    assert order[: WARM_UP * 3] == ["a"] * WARM_UP + ["b"] * WARM_UP + ["c"] * WARM_UP
    assert order[WARM_UP * 3 :] == [*"abc", *"cba", *"bca"]
    assert all(
        one == "wait" or before == "wait" for before, one in zip(clock.happened, clock.happened[1:], strict=False)
    )
    assert clock.happened[-1] == "wait" and advanced == [1, 1, 1]


def test_what_is_around_a_burst_is_not_in_its_time_and_ends_when_it_fails():
    clock, entered = Clock(), []

    @contextmanager
    def around():
        clock.now += 5_000
        entered.append("in")
        try:
            yield
        finally:
            entered.append("out")
            clock.now += 5_000

    found = time_bursts([Burst("a", clock.calling("a", 20), 2, around)], 2, clock.wait, clock=clock)
    assert list(found["a"]) == [20, 20] and entered == ["in", "out"] * (WARM_UP + 2)

    def broken(times):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        time_bursts([Burst("a", broken, 1, around)], 1, clock.wait, clock=clock)
    assert entered[-1] == "out"


def test_two_bursts_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        time_bursts([Burst("a", print, 1), Burst("a", print, 1)], 1, lambda: None)


# -- CUDA's calls through ctypes

COPY = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


def test_a_loaded_library_is_found_by_the_beginning_of_its_file_and_another_is_named():
    assert calls.loaded_library("libc.so").labs(-3) == 3
    with pytest.raises(LookupError, match="has loaded no libnothing_of_the_kind"):
        calls.loaded_library("libnothing_of_the_kind")


def test_a_call_is_made_with_its_arguments_and_the_other_one_does_nothing():
    to, source = ctypes.create_string_buffer(8), ctypes.create_string_buffer(b"1234567")
    arguments = (ctypes.addressof(to), ctypes.addressof(source), 8)
    raw = calls._raw("memcpy", ctypes.CDLL(None), COPY, arguments)
    raw.repeat_nothing(3)
    assert to.raw == bytes(8)
    raw.repeat(3)
    assert to.value == b"1234567"


def test_a_call_that_answers_an_error_is_told():
    absolute = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_long)
    calls._raw("labs", ctypes.CDLL(None), absolute, (0,)).once()
    with pytest.raises(RuntimeError, match="labs answers 700"):
        calls._raw("labs", ctypes.CDLL(None), absolute, (-700,)).once()
    with pytest.raises(LookupError, match="cudaNothing"):
        calls._raw("cudaNothing", ctypes.CDLL(None), absolute, (0,))


def test_a_launch_passes_its_shape_and_every_argument_with_zeros_behind(monkeypatch):
    monkeypatch.setattr(calls, "loaded_library", lambda begins: LIBRARY)
    seen = []

    def launch(config, function, pointers, extra):
        at = calls._Launch.from_address(config)
        values = (ctypes.c_void_p * (2 + calls.SPARE_ARGUMENTS)).from_address(pointers)
        words = [ctypes.c_uint64.from_address(value).value for value in values]
        seen.append(
            (list(at.grid), list(at.block), at.shared_bytes, at.stream, at.attribute_count, function, words, extra)
        )
        return 0

    class Library:
        """A library whose function is a Python one."""

    LIBRARY = Library()
    made = calls._raw

    def raw(name, library, prototype, arguments, keeps=()):
        assert (name, library) == ("cuLaunchKernelEx", LIBRARY)
        whole = made("labs", ctypes.CDLL(None), prototype, arguments, keeps)
        return calls.RawCall(name, prototype(launch), whole.nothing, arguments, keeps)

    monkeypatch.setattr(calls, "_raw", raw)
    calls.launch_kernel(99, 5, 128, 64, 7, [ctypes.c_uint64(11), ctypes.c_uint64(22)]).once()
    assert seen == [([5, 1, 1], [128, 1, 1], 64, 7, 0, 99, [11, 22] + [0] * calls.SPARE_ARGUMENTS, None)]
    # the header of CUDA 13 says so of CUlaunchConfig
    assert (ctypes.sizeof(calls._Launch), calls._Launch.stream.offset, calls._Launch.attribute_count.offset) == (
        56,
        32,
        48,
    )
