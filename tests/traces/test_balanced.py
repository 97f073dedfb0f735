"""Estimates from balanced pairs of rounds: exact where that can be worked out, and right where the truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, wilcoxon

from launchlens.traces.balanced import Pairs, differences, paired, ratios
from launchlens.traces.thresholds import THRESHOLDS
from made_rounds import made_studies, made_study


def of(samples):
    return Pairs(np.asarray(samples, float), np.empty(0))


def test_the_value_is_the_median_of_the_means_of_any_two():
    assert of([1, 2, 6]).value == pytest.approx(2.75)  # 1 1.5 2 | 3.5 4 6
    assert of([1, 2, 6, 1000]).value < 10, "an outlier counts as one sample"


def test_of_six_pairs_the_interval_is_all_that_was_seen():
    """Both ends of T have a chance of 1 in 64, and the next ones 2 in 64: more than 2.5 %."""
    samples = [0.3, -0.1, 0.2, 0.5, 0.25, 0.4]
    assert of(samples).interval == (-0.1, 0.5)
    assert of(samples[:5]).interval is None and of(samples[:5]).p is None
    assert of([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).p == pytest.approx(2 / 64)


@pytest.mark.parametrize("count", [6, 7, 12, 20, 40, 120])
def test_the_interval_is_the_signed_rank_test_turned_round(count):
    samples = np.random.default_rng(count).normal(0.3, 1, count)
    low, high = of(samples).interval
    inside, outside = 1e-9, -1e-9
    for end, inwards in ((low, 1), (high, -1)):
        assert wilcoxon(samples - end - inwards * inside, method="exact").pvalue > 0.05
        if count <= 100:
            assert wilcoxon(samples - end - inwards * outside, method="exact").pvalue <= 0.05
    assert of(samples).p == pytest.approx(wilcoxon(samples, method="exact" if count <= 100 else "asymptotic").pvalue)


@pytest.mark.parametrize("count", [6, 11, 40, 100, 101, 250])
@pytest.mark.parametrize("step", [0.01, 0.5, 2])
@pytest.mark.parametrize("zeros", [False, True])
def test_p_is_scipys_where_sizes_tie_and_differences_are_nothing(count, step, zeros):
    random = np.random.default_rng(count)
    samples = np.round(random.normal(0.2, 1, count) / step) * step
    samples = samples if zeros else np.where(samples == 0, step, samples)
    samples[:2] = [0 if zeros else -step, step]
    method = "exact" if samples.all() and count <= 100 else "asymptotic"
    found = wilcoxon(samples, zero_method="zsplit", method=method).pvalue
    assert of(samples).p == pytest.approx(found, rel=1e-9)


def test_a_difference_of_nothing_counts_for_neither_side():
    assert of([0.0] * 20).p == 1.0 and of([0.0] * 20).interval == (0.0, 0.0)
    assert of([0.0] * 14 + [1.0] * 6).p > 0.01, "dropping fourteen ties would leave six of six"


def test_a_pair_of_which_a_round_is_missing_is_left_out():
    walls = pd.Series([1.0, 2, 3, 4, 5, 6, 7], index=[0, 1, 2, 4, 5, 7, 8])
    assert list(paired(walls.to_frame("wall"))["wall"]) == [1.5, 4.5]
    assert ratios(walls, walls.drop(5)).as_ratio().samples == 2
    assert differences(walls, walls - 1).as_difference().samples == 4
    alone = ratios(pd.Series([4.0], index=[0]), pd.Series([2.0], index=[0])).as_ratio()
    assert (alone.value, alone.interval, alone.samples) == (pytest.approx(2.0), None, 1)
    with pytest.raises(ValueError, match="no samples"):
        ratios(walls, pd.Series([1.0], index=[99]))


def test_a_steady_drift_within_a_pair_cancels():
    """In the second round of a pair, what stood first stands last."""
    found = made_study({"a": 1000.0, "b": 1000.0}, noise=1e-5, speed=lambda at: 1 + at)
    item = found.compared("b", "a", "eager")
    each = found.sides["b", "eager"].blocks["wall_ns"] / found.sides["a", "eager"].blocks["wall_ns"]
    assert each.sub(1).abs().max() > 0.002, "round by round it is there"
    assert item.ratio.value == pytest.approx(1, abs=1e-4)


def false_alarms(runs=120, **how):
    """Of 120 runs at most 12 may err: a rate of 5 % stays below that in 99 % of cases, one of 15 % does in 8 %."""
    found = made_studies({"a": 1000.0, "b": 1000.0}, range(runs), **how)
    shown = [found.compared("b", "a", regime) for regime in found.regimes]
    assert len(shown) == runs
    return [item.is_difference for item in shown], [not item.ratio.covers(1) for item in shown]


def test_a_run_among_others_is_worked_out_as_it_is_alone():
    takes, how = {"a": 1000.0, "b": 1010.0}, {"noise": 0.02, "outliers": 0.02}
    together = made_studies(takes, range(3), **how)
    for seed in range(3):
        alone, among = made_study(takes, seed=seed, **how), together.compared("b", "a", str(seed))
        item = alone.compared("b", "a", "eager")
        assert (among.ratio, among.p, among.verdict, among.reasons) == (item.ratio, item.p, item.verdict, item.reasons)
        assert together.control_ratio(str(seed)) == alone.control_ratio("eager")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"noise": 0.02}, id="plain"),
        pytest.param({"noise": 0.02, "outliers": 0.02}, id="outliers"),
        pytest.param({"noise": 0.01, "speed": lambda at: 1 + 0.5 * at}, id="drift"),
        pytest.param({"noise": 0.01, "speed": lambda at: 2.0 if 0.4 < at < 0.7 else 1.0}, id="two-speeds"),
        # whatever comes after c is slower; a and b come after it equally often
        pytest.param({"noise": 0.002, "after": lambda before, mine: 1.03 if before == "c" != mine else 1.0}, id="predecessor"),
    ],
)  # fmt: skip
def test_no_difference_is_seldom_called_one(how):
    shown, excluded = false_alarms(**how)
    assert binomtest(sum(excluded), len(excluded), 0.05, alternative="greater").pvalue > 0.01
    assert binomtest(sum(shown), len(shown), 0.05, alternative="greater").pvalue > 0.01


def test_a_true_three_per_cent_is_found():
    runs = made_studies({"a": 1000.0, "b": 1030.0}, range(40), noise=0.01)
    found = [runs.compared("b", "a", regime) for regime in runs.regimes]
    assert sum(item.verdict == "slower" for item in found) >= 36
    covered = sum(item.ratio.covers(1.03) for item in found)
    assert covered >= 34


def test_what_is_surely_within_the_margin_is_equivalent():
    margin = THRESHOLDS.equivalence_margin
    near, far = (
        made_study({"a": 1000.0, "b": 1000 * (1 + share * margin)}, noise=1e-4).compared("b", "a", "eager")
        for share in (0.5, 1.5)
    )
    assert (near.verdict, near.reasons[0]) == ("equivalent", "within-margin")
    assert far.verdict == "slower"
    assert (
        made_study({"a": 1000.0, "b": 1000.0}, noise=0.05).compared("b", "a", "eager").reasons[0] == "interval-covers-1"
    )


@pytest.mark.parametrize("rounds", [range(12), [0, 1, 3, 4, 5, 8, 9], [3], [1, 2], [5, 4, 1, 0], [-2, -1, 7]])
@pytest.mark.parametrize("missing", [False, True])
def test_samples_are_the_means_of_whole_pairs(rounds, missing):
    """Of rounds in order, which take the short way, as of others: to the last digit what a table of them gives."""
    values = pd.Series(np.random.default_rng(len(rounds)).normal(size=len(rounds)) * 1e5, list(rounds))
    if missing:
        values.iloc[-1] = np.nan
    wanted = paired(values.to_frame("of"))["of"].to_numpy(float)
    np.testing.assert_array_equal(differences(values, values * 0).samples, wanted)
