"""From made samples to the verdict of the probe launch-floor, and the timing of calls by a clock that the test moves."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from launchlens.profiling.probes.apparatus.captured_nodes import Node
from launchlens.profiling.probes.launch_floor import timed_calls
from launchlens.profiling.probes.launch_floor.path import LaunchPath, from_python
from launchlens.profiling.probes.launch_floor.verdict import Path, Timed, conclude
from launchlens.reports.words.probes.answer import says
from launchlens.traces.captures.probe_codes.launch_floor import (
    COPY,
    CPP_GRAPH,
    CPP_LAUNCH,
    CPP_MEMCPY,
    CPP_ONCE,
    FILL,
    PREPARED,
    PYTHON_DRIVER,
    TORCH_GRAPH,
    TRITON,
)
from launchlens.traces.captures.probes import read_probes, write_probes

ROUNDS = 12
#: Rounds drift by up to a tenth, all paths alike; beside that each sample has a little noise of its own.
DRIFT = [1 + 0.1 * (number % 3) for number in range(ROUNDS)]
NOISE = [1 + 0.002 * ((number * 7) % 5 - 2) for number in range(ROUNDS)]
KERNEL, MEMCPY = (Node("kernel", 1, 32),), (Node("memcpy"),)
#: name -> loop, work, host ns per call, ns to the answer, nodes
WORLD = {
    CPP_LAUNCH: ("C++", "empty kernel", 1700, 5000, KERNEL),
    CPP_GRAPH: ("C++", "graph of an empty kernel", 1600, 6000, ()),
    CPP_MEMCPY: ("C++", "memcpy", 2400, None, MEMCPY),
    CPP_ONCE: ("Python", "empty kernel", 1900, 5400, KERNEL),
    PYTHON_DRIVER: ("Python", "empty kernel", 2900, 6400, KERNEL),
    FILL: ("Python", "torch's own kernel", 3500, 7000, (Node("kernel", 1, 128),)),
    COPY: ("Python", "memcpy", 4600, None, MEMCPY),
    TRITON: ("Python", "empty kernel", 9000, 14000, KERNEL),
    TORCH_GRAPH: ("Python", "graph of an empty kernel", 2300, 6800, ()),
}


def samples(ns, noise=NOISE):
    return [ns * drift * own for drift, own in zip(DRIFT, noise, strict=True)]


def world(**changed):
    """The paths of a made machine; `changed` gives other ns per call by name."""
    made = []
    for place, (name, (loop, work, ns, answer, nodes)) in enumerate(WORLD.items()):
        ns = changed.get(name, ns)
        noise = NOISE[place:] + NOISE[:place]
        answers = samples(answer) if answer else ()
        made.append(Timed(Path(name, loop, work), samples(ns, noise), samples(1.02 * ns, noise), answers, nodes))
    return made


def other(timed, name, **more):
    return [replace(item, **more) if item.path.name == name else item for item in timed]


def judged(timed, again=None, unasked=False):
    return conclude(timed, timed[0].call if again is None else again, 100, unasked, ["a note"])


def test_the_verdict_is_the_cheapest_launch_of_a_kernel_that_python_can_call():
    probe = judged(world())
    assert (probe.id, probe.verdict, probe.control) == ("launch-floor", CPP_ONCE, "passed")
    assert [item.control for item in probe.controls if not item.passed] == []
    # neither a loop in C++ nor a copy, though both cost less
    assert judged(world(**{COPY: 500, CPP_LAUNCH: 300})).verdict == CPP_ONCE
    assert judged(world(**{TORCH_GRAPH: 1500})).verdict == TORCH_GRAPH


def test_paths_that_cannot_be_told_apart_share_the_verdict():
    probe = judged(world(**{PYTHON_DRIVER: 1900.5}))
    assert set(probe.verdict.split(" or ")) == {CPP_ONCE, PYTHON_DRIVER}
    assert "No difference is shown to cudaLaunchKernel (C++ function)." in says(probe)
    assert "Beside it: torch CUDAGraph.replay" in says(probe)


@pytest.mark.parametrize("name", [CPP_ONCE, PYTHON_DRIVER, FILL, TRITON, TORCH_GRAPH])
def test_whichever_is_cheapest_is_found(name):
    assert judged(world(**{name: 1200})).verdict == name


def test_the_figures_that_the_claims_read_are_of_the_loops_in_cpp():
    probe = judged(world())
    launch, memcpy = probe.figure("host-time", of=CPP_LAUNCH), probe.figure("host-time", of=CPP_MEMCPY)
    assert launch.unit == memcpy.unit == "ns"
    assert launch.value == pytest.approx(1700 * 1.1, rel=0.01) and launch.interval[0] < launch.value
    assert memcpy.value == pytest.approx(2400 * 1.1, rel=0.01)
    assert probe.value("host-time", of=TRITON) == pytest.approx(9000 * 1.1, rel=0.01)
    assert probe.figure("call-to-answer", of=TRITON).interval is not None
    assert probe.figure("call-to-answer", of=COPY) is None


def test_seven_prepared_copies_are_held_against_a_bare_launch_and_are_no_floor():
    seven = (Node("kernel", 7, 256),)

    def with_prepared(ns, nodes=seven):
        return [*world(), Timed(Path(PREPARED, "Python", "seven copies"), samples(ns), samples(ns), (), nodes)]

    probe = judged(with_prepared(1500))
    assert (probe.verdict, probe.control) == (CPP_ONCE, "passed"), "it is cheaper here, and launches no empty kernel"
    ratio = probe.figure("ratio", of=PREPARED, to=CPP_ONCE)
    assert ratio.unit == "ratio" and ratio.value == pytest.approx(1500 / 1900, rel=0.01) and ratio.interval
    assert "makes seven prepared copies takes the host 0.7" in says(probe)
    assert judged(with_prepared(1500, ())).control == "failed", "it must launch one kernel"
    assert judged(world()).figure("ratio", of=PREPARED, to=CPP_ONCE) is None


def test_without_a_compiler_the_figures_of_cpp_are_absent_and_the_verdict_stands():
    timed = [item for item in world() if "cpp" not in item.path.name]
    probe = judged(timed)
    assert (probe.verdict, probe.control) == (TORCH_GRAPH, "passed")
    assert probe.figure("host-time", of=CPP_LAUNCH) is None


def test_every_path_is_in_the_table_and_it_can_be_written(tmp_path):
    probe = judged(world())
    (table,) = probe.tables
    assert "bursts of 100 calls" in table.title
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(rows) == list(WORLD)
    assert rows[CPP_LAUNCH]["launches"] == "1 kernel (1 × 32 threads)" and rows[COPY]["launches"] == "1 memcpy"
    assert rows[CPP_GRAPH]["launches"] == "graph of an empty kernel"
    assert rows[CPP_LAUNCH]["of the call in full bursts"] == pytest.approx(1.02)
    assert rows[COPY]["call to answer"] is None and rows[FILL]["rounds"] == ROUNDS
    write_probes(tmp_path, [probe])
    assert read_probes(tmp_path) == {"launch-floor": probe}


def test_the_answer_in_words_names_costs():
    said = says(judged(world()))
    assert "cudaLaunchKernel (C++ function) costs the host least" in said and "2.09 µs" in said
    assert "torch fill_ 3.85 µs, Triton 9.89 µs." in said
    assert "From a loop in C++: cudaLaunchKernel 1.87 µs, cudaGraphLaunch 1.76 µs, cudaMemcpyAsync 2.64 µs." in said
    assert "5.51 µs after the call, by cudaLaunchKernel (C++ loop)." in said


RIGHT = world()
FULL_QUEUE = other(RIGHT, FILL, half=samples(0.7 * 3500))
FAILING = {
    "the queue filled in full bursts": (FULL_QUEUE, {}, "the launch queue did not fill"),
    "half bursts cost more": (other(RIGHT, FILL, half=samples(1.2 * 3500)), {}, "the launch queue did not fill"),
    "two kernels": (other(RIGHT, TRITON, nodes=KERNEL * 2), {}, "each path launches what it says"),
    "a memset": (other(RIGHT, FILL, nodes=(Node("memset"),)), {}, "each path launches what it says"),
    "a kernel that copies": (other(RIGHT, CPP_MEMCPY, nodes=KERNEL), {}, "each path launches what it says"),
    "not captured": (other(RIGHT, CPP_LAUNCH, nodes=()), {}, "each path launches what it says"),
    "a larger block": (
        other(RIGHT, TRITON, nodes=(Node("kernel", 1, 128),)),
        {},
        "each path launches what it says",
    ),
    "A/A differs": (RIGHT, {"again": samples(1.05 * 1700)}, "A/A"),
    "A/A was not measured": (RIGHT, {"again": []}, "A/A"),
    "an answer to nothing": (RIGHT, {"unasked": True}, "the host sees no answer"),
    "no path from Python": ([item for item in RIGHT if item.path.loop == "C++"], {}, "a kernel can be launched from"),
}


@pytest.mark.parametrize("why", FAILING)
def test_without_any_one_control_nothing_is_said(why):
    timed, more, control = FAILING[why]
    probe = judged(timed, **more)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
    assert [item.control.startswith(control) for item in probe.controls if not item.passed] == [True]
    assert control in says(probe)


def test_too_few_rounds_for_an_interval_pass_no_control_that_compares_times():
    few = judged([replace(item, call=item.call[:4], half=item.half[:4]) for item in RIGHT])
    assert few.verdict == "inconclusive"
    failed = [item.control for item in few.controls if not item.passed]
    assert [name.partition(" ")[0] for name in failed] == ["the", "A/A:", "a"]
    assert failed[0].startswith("the launch queue did not fill") and failed[2].startswith("a kernel can be launched")


def test_without_any_path_nothing_is_said():
    probe = conclude([], [], 100, False)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")


# -- calls, timed


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until something moves it."""
    made = SimpleNamespace(ns=1000)
    monkeypatch.setattr(timed_calls, "perf_counter_ns", lambda: made.ns)
    return made


def test_a_burst_times_its_calls_and_not_those_that_lead_in(clock):
    made = []

    def call():
        made.append(clock.ns)
        clock.ns += 1_000_000 if len(made) <= timed_calls.LEAD else 300

    assert timed_calls.burst(call, 10) == 3000
    assert len(made) == timed_calls.LEAD + 10


class Watched:
    """A word that is written after so many looks; each look takes 40 ns."""

    def __init__(self, clock, after):
        self.clock, self.after, self._value = clock, after, 7

    @property
    def value(self):
        self.clock.ns += 40
        self.after -= 1
        self._value = self._value or int(self.after < 0)
        return self._value

    @value.setter
    def value(self, new):
        self._value = new


def test_an_answer_is_timed_from_before_the_call_until_it_is_seen(clock):
    def call():
        clock.ns += 2000

    assert timed_calls.answer(call, Watched(clock, after=3)) == 2000 + 4 * 40
    assert timed_calls.answer(call, Watched(clock, after=10**9), looks=50) is None
    assert timed_calls.look_ns(Watched(clock, after=10**9)) == 40


def test_a_round_of_a_path_waits_around_each_measurement():
    happened = []

    def burst(calls):
        happened.append(calls)
        return calls * {100: 10, 50: 12}[calls] + len(happened)

    answers = iter([900.0, 700.0, 800.0])
    path = LaunchPath(Path("p", "C++", "empty kernel"), burst, lambda: None, lambda: next(answers))
    found = path.sample(100, 2, 3, lambda: happened.append("wait"))
    assert happened == ["wait", 100, "wait", 50, "wait", 100, "wait", 50, "wait", "wait", "wait", "wait"]
    assert found["answer"] == 800 and 10 < found["call"] < 10.1 and 12 < found["half"] < 12.2


def test_a_path_without_answers_has_none_and_one_that_is_silent_raises():
    path = from_python("p", "memcpy", lambda: None, SimpleNamespace(value=0))
    assert set(path.sample(4, 1, 5, lambda: None)) == {"call", "half"}
    silent = replace(path, answer=lambda: None)
    with pytest.raises(RuntimeError, match="p: the host saw no answer"):
        silent.sample(4, 1, 1, lambda: None)


def test_a_path_from_python_counts_one_call_and_stamps_with_another():
    calls, word = [], SimpleNamespace(value=0)

    def stamp():
        calls.append("stamp")
        word.value = 1

    path = from_python("p", "empty kernel", lambda: calls.append("empty"), word, stamp=stamp)
    path.once()
    assert path.answer() >= 0 and calls == ["empty", "stamp"]
