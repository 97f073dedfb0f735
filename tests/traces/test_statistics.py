"""Intervals: seeded, never narrower than nothing, and as wide as they should be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, ttest_ind

from launchlens.traces.statistics import (
    Resamples,
    Welch,
    mean,
    median,
    medians,
    paired_ratio,
    percentiles,
    rank_sum_p,
    unpaired_ratio,
)
from launchlens.traces.thresholds import THRESHOLDS

samples = st.lists(st.floats(0.1, 1e6), min_size=5, max_size=40)


@given(samples)
def test_an_interval_holds_its_value_and_lies_within_the_samples(values):
    for estimate in (median(values), mean(values)):
        assert estimate.low is not None and estimate.high is not None
        slack = 1e-9 * max(values)
        assert min(values) - slack <= estimate.low <= estimate.value + slack
        assert estimate.value - slack <= estimate.high <= max(values) + slack


def test_few_samples_give_a_value_and_no_interval():
    estimate = median([1.0, 2.0, 4.0])
    assert (estimate.value, estimate.low, estimate.high, estimate.samples) == (2.0, None, None, 3)
    assert estimate.covers(99), "without an interval nothing is excluded"
    with pytest.raises(ValueError, match="no samples"):
        median([])


def test_pairing_takes_out_what_the_rounds_share():
    generator = np.random.default_rng(1)
    drift = generator.uniform(1, 3, 60)
    a = drift * generator.normal(10, 0.05, 60)
    b = drift * generator.normal(11, 0.05, 60)
    paired, unpaired = paired_ratio(b, a), unpaired_ratio(b, a)
    assert not paired.covers(1.0)
    assert abs(paired.value - 1.1) < 0.01
    assert unpaired.covers(1.0), "the drift hides it where rounds are not paired"


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    generator = np.random.default_rng(3)
    held = sum(median(generator.normal(50, 4, 40)).covers(50.0) for _ in range(300))
    assert 0.90 <= held / 300 <= 0.99


def test_an_interval_is_as_wide_as_ninety_five_of_a_hundred_need():
    values = np.random.default_rng(5).normal(100, 10, 400)
    estimate = mean(values)
    # what the normal distribution says of a mean: 1.96 standard errors to either side, 1.64 for 90 of a hundred
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.05)


def test_an_unpaired_ratio_is_one_of_medians_and_has_the_samples_of_its_smaller_side():
    above, below = [4.0, 4.0, 4.0, 4.0, 400.0], [2.0] * 8 + [200.0]
    assert unpaired_ratio(above, below).value == 2.0
    assert unpaired_ratio(above, below).samples == unpaired_ratio(below, above).samples == 5
    assert unpaired_ratio(above[:4], below).interval is None, "four samples are too few, whatever the other side has"


def test_a_sample_of_one_value_is_its_own_interval():
    assert median([7.0] * 5).interval == (7.0, 7.0)
    assert mean([0.1] * 6).interval == (mean([0.1] * 6).value,) * 2


def test_the_same_samples_give_the_same_interval():
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]
    assert median(values) == median(values)
    with pytest.raises(ValueError, match="paired"):
        paired_ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize("count", [1, 2, 7, 8, 40])
def test_medians_are_numpys_to_the_last_digit(count):
    values = np.random.default_rng(count).normal(0, 1e9, (50, count, 3))
    values[0, 0] = np.nan
    values[1, -1] = np.inf
    values[2] = np.round(values[2], -9)
    for axis in range(3):
        np.testing.assert_array_equal(medians(values, axis), np.median(values, axis))


@pytest.mark.parametrize("count", [1, 2, 5, 6, 31, 128, 200, 300])
def test_medians_of_resamples_are_those_of_what_is_drawn(count):
    generator = np.random.default_rng(count)
    draws = generator.integers(0, count, size=(500, count))
    values = generator.normal(0, 1e9, count)
    tied, infinite, absent = np.round(values, -9), values.copy(), values.copy()
    infinite[generator.integers(count, size=2)] = [-np.inf, np.inf]
    absent[0] = np.nan
    for each in (values, tied, infinite, absent):
        with np.errstate(invalid="ignore"):
            found, expected = Resamples.of(draws).medians(each), np.median(each[draws], axis=1)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (3, 7), (5, 4), (40, 3)])
@pytest.mark.parametrize("spread", [1e-9, 0.01, 3.0])
@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy's, of a sample of one value
def test_welchs_t_is_scipys_to_the_last_digit(counts, spread):
    generator = np.random.default_rng(counts)
    for _ in range(20):
        above, below = (generator.normal(10, spread, count) for count in counts)
        found, expected = Welch.of(above, below), ttest_ind(above, below, equal_var=False)
        assert found.interval(0.95) == tuple(expected.confidence_interval(0.95))
        assert found.p_above == ttest_ind(above, below, equal_var=False, alternative="greater").pvalue
    same = np.full(counts[0], 10.0)
    found, expected = Welch.of(same, below), ttest_ind(same, below, equal_var=False)
    assert found.interval(0.9) == tuple(expected.confidence_interval(0.9))


@pytest.mark.parametrize("count", [1, 2, 3, 40, 4000])
def test_percentiles_are_numpys_to_the_last_digit(count):
    values = np.random.default_rng(count).normal(0, 1e9, count)
    level = THRESHOLDS.interval_level
    for each in (values, np.round(values, -9)):
        assert percentiles(each) == tuple(np.percentile(each, [100 * (1 - level) / 2, 100 * (1 + level) / 2]))
    values[0] = np.nan
    assert np.isnan(percentiles(values)).all()


@pytest.mark.parametrize(("one", "other"), [(2, 2), (4, 4), (8, 8), (8, 30), (9, 9), (13, 21), (60, 60)])
@pytest.mark.parametrize("tied", [False, True])
def test_the_rank_sum_test_is_that_of_scipy(one, other, tied):
    generator = np.random.default_rng(one * 100 + other)
    for shift in (0.0, 0.4, 3.0):
        first, second = generator.normal(size=one), generator.normal(shift, size=other)
        if tied:
            first, second = np.round(first), np.round(second)
        if len({*first, *second}) == 1:
            continue
        for left, right in ((first, second), (second, first)):
            assert rank_sum_p(left, right) == pytest.approx(mannwhitneyu(left, right).pvalue, rel=1e-9, abs=1e-15)


def test_of_samples_that_are_all_alike_the_rank_sum_test_shows_nothing():
    assert rank_sum_p(np.ones(10), np.ones(10)) == 1.0
