"""From made samples to the costs of the probe launch-costs, and what variants declare that they launch."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from launchlens.kernels.registry import REGIMES, variants
from launchlens.profiling.probes.launch_costs import point
from launchlens.profiling.probes.launch_costs.bench import LaunchCosts
from launchlens.profiling.probes.launch_costs.point import Point
from launchlens.profiling.probes.launch_costs.verdict import Timed, conclude, line
from launchlens.reports.words.probes.answer import says
from launchlens.reports.words.probes.catalogue import figure_name
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.captures.probes import read_probes, write_probes

ROUNDS = 12
#: Rounds drift by up to a tenth, all points alike; beside that each sample has a little noise of its own.
DRIFT = [1 + 0.1 * (number % 3) for number in range(ROUNDS)]
NOISE = [1 + 0.002 * ((number * 7) % 5 - 2) for number in range(ROUNDS)]
#: The middle of the drift, by which every cost is larger than it was made.
MIDDLE = 1.1


def samples(ns, turn=0):
    noise = NOISE[turn % ROUNDS :] + NOISE[: turn % ROUNDS]
    return [ns * drift * own for drift, own in zip(DRIFT, noise, strict=True)]


def copies(launches, iteration=200, launch=4000):
    host = samples(iteration + launches * launch, launches)
    return Timed(
        codes.COPY, {"iteration": 1, "launch": launches}, host, [1.01 * ns for ns in host],
        {"memcpy": launches}, {"memcpy": launches},
    )  # fmt: skip


def triton(launches, arguments):
    host = samples(300 + 8000 * launches + 100 * launches * arguments, arguments)
    nodes = {"kernel": launches}
    parts = {"iteration": 1, "launch": launches, "argument": launches * arguments}
    return Timed(codes.TRITON, parts, host, host, nodes, nodes)


def replays(kind, nodes):
    """A replay of which the host is done soon, and the device with one node before the host."""
    host, device = 2500 + 50 * nodes, 1000 + 1100 * nodes
    return Timed(
        codes.GRAPH, {"launch": 1, f"{kind}-node": nodes}, samples(host, nodes), samples(max(host, device), nodes)
    )


def world():
    return [
        *(copies(launches) for launches in (1, 2, 4, 12)),
        *(triton(launches, 3) for launches in (1, 4, 12)),
        *(triton(1, arguments) for arguments in (6, 12, 36, 72)),
        *(replays(kind, nodes) for kind in ("kernel", "memcpy") for nodes in (1, 3, 5, 10, 20)),
    ]


def judged(timed, again=None):
    return conclude(timed, timed[0].host if again is None else again, ["a note"])


def test_the_costs_come_back_with_intervals():
    probe = judged(world())
    assert (probe.id, probe.verdict, probe.control) == ("launch-costs", "linear", "passed")
    for of, part, ns in (
        *((codes.COPY, "iteration", 200), (codes.COPY, "launch", 4000)),
        *((codes.TRITON, "iteration", 300), (codes.TRITON, "launch", 8000), (codes.TRITON, "argument", 100)),
        *((codes.GRAPH, "launch", 2500), (codes.GRAPH, "kernel-node", 50), (codes.GRAPH, "memcpy-node", 50)),
    ):
        figure = probe.figure("host-cost", of=of, part=part)
        assert figure.unit == "ns" and figure.value == pytest.approx(MIDDLE * ns, rel=0.02, abs=40), (of, part)
        assert figure.interval[0] <= figure.value <= figure.interval[1]
    assert probe.value("misfit", of=codes.TRITON, under="host-cost") < 0.01


def test_the_device_is_timed_by_the_replays_of_which_it_makes_the_pace():
    probe = judged(world())
    assert probe.value("device-cost", of=codes.GRAPH, part="kernel-node") == pytest.approx(MIDDLE * 1100, rel=0.02)
    assert probe.value("device-cost", of=codes.GRAPH, part="launch") == pytest.approx(MIDDLE * 1000, rel=0.05)
    fast_device = [
        replace(each, wall=each.host) if each.path == codes.GRAPH and sum(each.parts.values()) < 21 else each
        for each in world()
    ]
    found = judged(fast_device)
    assert found.figure("device-cost", of=codes.GRAPH, part="launch") is None, "too few points are left for a line"
    assert found.figure("host-cost", of=codes.GRAPH, part="launch") is not None


def test_a_path_whose_points_lie_on_no_line_is_said_to_be_so():
    timed = [replace(each, host=[2 * ns for ns in each.host]) if each.parts == {"iteration": 1, "launch": 12} else each
             for each in world()]  # fmt: skip
    probe = judged(timed)
    assert (probe.verdict, probe.control) == ("not-linear", "passed")
    assert probe.value("misfit", of=codes.COPY, under="host-cost") > 0.15
    assert "off their line" in says(probe)


def test_too_few_points_make_no_line():
    assert line("x", [({"launch": 1, "argument": 2}, samples(100))]) is None
    assert line("x", [({"launch": 1}, [0.0] * ROUNDS)]) is None, "a time of nothing has no relative distance"
    assert line("x", []) is None


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        (lambda each: replace(each, counted={"memcpy": 1, "kernel": 1}), "each point launches what it says"),
        (lambda each: replace(each, wall=[2 * ns for ns in each.host]), "the host makes the pace"),
        (lambda each: replace(each, host=each.host[:4], wall=each.wall[:4]), "there is a path with points enough"),
    ],
)
def test_each_control_fails_by_itself(change, failing):
    timed = world()
    if "enough" in failing:
        timed = [change(each) for each in timed]
    else:
        timed[1] = change(timed[1])
    probe = judged(timed)
    assert probe.verdict == "inconclusive"
    assert [item.control for item in probe.controls if not item.passed and item.control.startswith(failing)]


def test_the_first_point_must_agree_with_itself():
    timed = world()
    probe = judged(timed, [1.2 * ns for ns in timed[0].host])
    assert next(item.control for item in probe.controls if not item.passed).startswith("A/A")


def test_nothing_timed_is_inconclusive():
    probe = conclude([], [])
    assert (probe.verdict, probe.figures) == ("inconclusive", ())


def test_figures_survive_the_file_and_have_words_of_their_own(tmp_path):
    probe = judged(world())
    write_probes(tmp_path, [probe])
    assert read_probes(tmp_path)["launch-costs"] == probe
    names = [figure_name(probe.id, item) for item in probe.figures]
    assert len(set(names)) == len(names) and "Triton: host time of each argument" in names
    text = says(probe)
    assert "A launch costs the host" in text and "4.40 µs by torch copy_" in text and "kernel node 1.2" in text


def test_a_sample_is_marginal_and_its_lead_is_not_timed():
    calls = []

    def block(call, count):
        assert len(calls) % (point.LEAD + count) == point.LEAD or calls.count("x") >= point.LEAD
        for _ in range(count):
            call()
        return 70_000 + 500 * count, 90_000 + 600 * count, None

    found = point.sampled(lambda: calls.append("x"), 10, block)
    assert found == {"host": 500, "wall": 600}
    assert len(calls) == 2 * point.LEAD + 30


def test_blocks_last_about_as_long_for_every_point():
    for wall in (1_000, 100_000, 10_000_000):
        count = point.iterations_of(lambda: None, lambda call, many, wall=wall: (0, wall * many, None))
        assert count == min(max(point.SHORT_NS // wall, point.FEWEST), point.MOST)


def test_every_variant_of_small_copies_declares_its_launches_by_paths_that_are_known():
    inputs = SimpleNamespace(sources=list(range(7)), destinations=list(range(7)))
    for made in variants("small-copies"):
        assert made.structure is not None, made.name
        launches = made.structure(inputs)
        assert launches and all(each.path in codes.PATHS or each.path in codes.UNPRICED for each in launches), made.name
        assert all(each.per_iteration * each.items in (7, 1) for each in launches), made.name
        assert set(made.regimes) <= set(REGIMES)
        for each in launches:
            if codes.PATHS.get(each.path, codes.LaunchPath()).takes_all and made.name != "triton-table":
                assert each.arguments == codes.PATHS[each.path].of_a_copy * each.items, made.name


def made_points(waited, **raising):
    """Points that cost 200 an iteration and 4000 a launch, by a block that knows it; `raising`: from which call on one raises."""

    def point_of(path, launches):
        calls = iter(range(10**6))

        def call():
            if next(calls) >= raising.get(f"{path}{launches}", 10**6):
                raise RuntimeError("no more\nof it")

        call.ns = 200 + 4000 * launches
        return Point(path, {"iteration": 1, "launch": launches}, call, {"memcpy": launches})

    def block(call, count):
        for _ in range(count):
            call()
        return 300 + count * call.ns, 600 + count * call.ns, None

    points = [point_of(path, launches) for path in ("a", "b") for launches in (1, 2, 4)]
    return LaunchCosts(points, block, lambda: waited.append(1), {each.name: each.nodes for each in points})


def test_points_are_timed_a_round_at_a_time_and_give_the_probe():
    costs = made_points([])
    for number in range(6):
        costs.round(number)
    probe = costs.probe()
    assert (probe.verdict, probe.control) == ("linear", "passed")
    assert probe.value("host-cost", of="a", part="launch") == pytest.approx(4000)
    assert probe.value("host-cost", of="b", part="iteration") == pytest.approx(200)
    assert probe.tables[0].rows[0][-1] == 6
    assert probe.value("rounds", under="apart") == 6
    costs.with_variants = True
    assert costs.probe().value("rounds", under="with-variants") == 6


def test_a_path_that_raises_is_left_out_and_said():
    waited = []
    costs = made_points(waited, b2=700)
    for number in range(6):
        costs.round(number)
    probe = costs.probe()
    assert waited and probe.control == "passed"
    assert {figure.of for figure in probe.figures} == {"a", ""}
    assert "Left out: b: no more" in probe.notes


def test_without_points_or_rounds_nothing_is_found():
    empty = LaunchCosts([], lambda call, count: (1, 1, None), lambda: None)
    empty.round(0)
    assert empty.probe().verdict == "inconclusive"
    assert made_points([]).probe().verdict == "inconclusive"
