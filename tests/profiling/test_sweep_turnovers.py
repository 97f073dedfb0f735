"""Where a sweep goes next: turn-overs of a made machine are found where they are, with few points, held out ones left alone."""

import math

import numpy as np
import pytest

from launchlens.profiling.sweeps.turnovers import NEAR, Gap, between, gaps, order_of
from launchlens.traces.sweeps.sweep import Axis

#: ns of an iteration by the size: a launches little and copies slowly, b the other way round, c is a with 0.3 % more.
COSTS = {"a": lambda x: 2_000 + 0.9 * x, "b": lambda x: 20_000 + 0.1 * x, "c": lambda x: 2_006 + 0.9027 * x}
CROSSING = 18_000 / 0.8
AXIS = Axis(name="size", values=(64, 1 << 10, 1 << 14, 1 << 18, 1 << 20), scale="log2")


def seen_at(size, noise=0.004, pairs=6, names="abc"):
    generator = np.random.default_rng(int(size))
    samples = [np.log(COSTS[name](size)) + generator.normal(0, noise, pairs) for name in names]
    return {"eager": order_of(list(names), np.array(samples))}


def explored(seen, at, kept_out=(), most=60):
    """Follow the gaps until there is none; the points that were asked for."""
    asked = []
    while len(asked) < most:
        found = (between(gap, seen, kept_out, lambda settings: True) for gap in gaps(seen, (AXIS,), "a"))
        settings = next((one for one in found if one is not None), None)
        if settings is None:
            break
        asked.append(settings)
        seen[settings] = at(settings[0])
    return asked


def test_a_turn_over_is_found_to_fifteen_per_cent():
    seen = {(size,): seen_at(size) for size in AXIS.values}
    asked = explored(seen, seen_at)
    below = max(size for (size,) in seen if size < CROSSING)
    above = min(size for (size,) in seen if size > CROSSING)
    assert above / below <= (1 + NEAR) ** 2
    assert 2 <= len(asked) <= 10
    assert all(1 << 10 <= size <= 1 << 18 for (size,) in asked), "time is spent where it decides"


def test_what_is_held_out_is_neither_measured_nor_known():
    held = (1 << 14,)
    seen = {(size,): seen_at(size) for size in AXIS.values if (size,) != held}
    asked = explored(seen, seen_at, kept_out={held})
    assert asked and held not in asked


def test_equals_turn_over_nowhere():
    seen = {(size,): seen_at(size, names="ac") for size in AXIS.values}
    assert gaps(seen, (AXIS,), "a") == []


def test_where_nothing_is_shown_the_edges_are_looked_for():
    def at(size):
        found = seen_at(size, names="ab")
        if 9_000 < size < 60_000:
            noise = np.array([[0, 1, -1, 1, -1, 0.5], [1, 0, 1, -1, 0.5, -1]]) / 10
            return {"eager": order_of(["a", "b"], noise)}
        return found

    seen = {(size,): at(size) for size in AXIS.values}
    explored(seen, at)
    sizes = sorted(size for (size,) in seen)
    for edge in (9_000, 60_000):
        below, above = max(size for size in sizes if size <= edge), min(size for size in sizes if size > edge)
        assert above / below <= (1 + NEAR) ** 2


def test_what_decides_who_is_fastest_comes_first():
    """b overtakes a, the fastest, beyond 16384; of the slow two, d overtakes c below 1024."""
    costs = COSTS | {"c": lambda x: 90_000 + x * 0, "d": lambda x: 95_000 - 20 * x if x < 700 else 80_000 + 0 * x}

    def at(size):
        exact = np.log([[costs[name](size)] * 6 for name in "abcd"])
        return {"eager": order_of(list("abcd"), exact)}

    seen = {(size,): at(size) for size in AXIS.values}
    first, *others = [(gap.low, gap.high) for gap in gaps(seen, (AXIS,), "a")]
    assert first == ((1 << 14,), (1 << 18,))
    assert set(others) == {((64,), (1 << 10,)), ((1 << 18,), (1 << 20,))}, "d and c; b and both of them"


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (64, 128, 96),
        (1, 2, None),
        (2, 4, 3),
        (4, 8, 6),
        (128, 256, 192),
        (0.25, 0.5, 0.354),
        (-4, 4, 0),
        (4096, 16384, 8192),
    ],
)
def test_a_point_between_two_is_a_round_number_near_the_middle(low, high, found):
    gap = gaps_of(low, high)
    settings = between(gap, {(low,), (high,)}, (), lambda settings: True)
    assert settings == (None if found is None else (found,))


def test_what_the_workload_refuses_is_passed_over():
    gap = gaps_of(128, 256)
    assert between(gap, (), (), lambda settings: settings[0] % 64 == 0) == (192,)
    assert between(gap, {(192,)}, (), lambda settings: settings[0] % 64 == 0) is None


def gaps_of(low, high):
    return Gap(0, (low,), (high,), 1.0)


def test_pairs_that_are_not_there_show_nothing():
    samples = np.log([[1.0] * 6, [2.0] * 6, [math.nan] * 6])
    order = order_of(["a", "b", "c"], samples)
    assert (order.of("a", "b"), order.of("b", "a"), order.of("a", "c"), order.of("a", "gone")) == (-1, 1, 0, 0)
    assert order.fastest == "a"
    assert order_of(["a", "b"], samples[:2, :5]).of("a", "b") == 0, "five pairs are too few"
