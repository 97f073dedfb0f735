"""Several comparisons at once: Holm's steps by hand, and how often the truly fastest is left out."""

import numpy as np
import pytest
from scipy.stats import binomtest

from launchlens.traces.families import holm, may_be_best, resampled_trimmed, trimmed
from launchlens.traces.statistics import Resamples


def test_holms_steps_by_hand():
    # 4 x .005, 3 x .01, 2 x .03, 1 x .04 but no less than the step before
    assert holm([0.01, 0.04, 0.03, None, 0.005]) == pytest.approx([0.03, 0.06, 0.06, None, 0.02], abs=1e-12)
    assert holm([0.4, 0.9]) == [0.8, 0.9]
    assert holm([]) == [] and holm([0.6, 0.7]) == [1.0, 1.0]


def rounds(pairs, sides, seed, noise="normal"):
    generator = np.random.default_rng(seed)
    shared = generator.normal(0, 0.2, (pairs, 1))
    own = generator.standard_t(3, (pairs, sides)) if noise == "t" else generator.normal(0, 1, (pairs, sides))
    return shared + 0.02 * own


@pytest.mark.parametrize(("pairs", "noise"), [(10, "normal"), (20, "normal"), (20, "t")])
def test_the_fastest_is_seldom_left_out(pairs, noise):
    """All are alike, so each is as fast as the fastest: the first one may be left out in one of twenty."""
    out = sum(not may_be_best(rounds(pairs, 3, seed, noise))[0] for seed in range(150))
    assert binomtest(out, 150, 0.05, alternative="greater").pvalue > 0.01


def test_what_is_slower_in_every_pair_is_left_out_and_what_the_rounds_share_is_no_noise():
    times = rounds(20, 3, seed=1) + np.array([0.0, 0.05, 0.2])
    assert may_be_best(times) == [True, False, False]
    assert may_be_best(times, tolerance=0.1) == [True, True, False]
    assert may_be_best(np.tile([1.0, 1.0, 1.1], (20, 1))) == [True, True, False]


def test_an_outlier_hides_no_loser_and_makes_none():
    times = rounds(20, 2, seed=2) + np.array([0.0, 0.05])
    times[3, 1] -= 5
    assert may_be_best(times) == [True, False]
    alike = rounds(20, 2, seed=3)
    alike[3, 1] += 5
    assert may_be_best(alike) == [True, True]


def test_with_too_few_pairs_each_may_be_the_fastest():
    times = rounds(6, 2, seed=1) + np.array([0.0, 9.0])
    assert may_be_best(times[:5]) == [True, True]
    assert may_be_best(times) == [True, False]
    assert may_be_best(times[:, :1]) == [True]


@pytest.mark.parametrize("pairs", [6, 9, 20, 64])
def test_trimmed_means_of_resamples_are_those_of_what_is_drawn(pairs):
    generator = np.random.default_rng(pairs)
    values = generator.normal(0, 1, (3, pairs))
    values[1] = np.round(values[1])
    values[2] = 0.3
    draws = generator.integers(0, pairs, size=(500, pairs))
    means, errors = resampled_trimmed(values, Resamples.of(draws))
    expected_means, expected_errors = trimmed(values[:, draws])
    np.testing.assert_allclose(means, expected_means, rtol=0, atol=1e-13)
    np.testing.assert_allclose(errors, expected_errors, rtol=0, atol=1e-7)
    assert ((errors == 0) == (expected_errors == 0)).all() and not errors[2].any()


def test_what_two_sides_share_in_every_pair_says_nothing_of_a_third():
    times = rounds(20, 3, seed=4)
    times[:, 1] = times[:, 0] + 0.05
    times[:, 2] += 0.3
    assert may_be_best(times) == [True, False, False]
