"""What makes a regime's timing unsteady is said first, and no rank that it could reverse is shown."""

import numpy as np
import pytest

from launchlens.reports.words.verdict import sentences
from launchlens.traces.documents.findings import Unstable
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies.steadiness import within_margin
from launchlens.traces.studies.two_captures import between, ratio_of_runs
from launchlens.traces.studies.verdict import verdict
from made_rounds import made_studies, made_study

TWO = {"a": 1000.0, "b": 1050.0}


def causes(study):
    return [finding.figures.cause for finding in verdict(study) if isinstance(finding, Unstable)]


def first_words(study):
    return sentences(verdict(study))[0].text.split()[0]


def test_a_steady_run_has_nothing_said_of_it():
    steady = made_study(TWO, noise=0.005, seed=3)
    assert causes(steady) == [] and first_words(steady) != "UNSTABLE:"
    assert steady.against_baseline[0].verdict == "slower"
    assert [side.variant for side in steady.winners("eager")] == ["a"]


def test_noise_alone_is_seldom_called_drift_or_two_speeds():
    runs = made_studies(TWO, range(60), noise=0.05)
    found = [runs.steadiness(regime) for regime in runs.regimes]
    assert sum(still.modes is not None for still in found) <= 2
    assert sum(still.drift is not None for still in found) <= 2


@pytest.mark.parametrize(
    ("control", "named", "shown"), [(1.0, False, "slower"), (1.04, True, "slower"), (1.06, True, "no-difference-shown")]
)
def test_a_control_that_excludes_1_is_said_first_and_what_it_could_make_is_not_shown(control, named, shown):
    biased = made_study(TWO, noise=0.003, after=lambda before, mine: control if mine == "again" else 1.0)
    assert causes(biased) == (["control-excludes-1"] if named else [])
    assert verdict(biased)[0].code == ("unstable" if named else "fastest")
    assert (first_words(biased) == "UNSTABLE:") is named
    assert biased.against_baseline[0].verdict == shown
    assert len(biased.winners("eager")) == (1 if shown == "slower" else 2), "no winner is left that the bias could make"
    assert biased.steadiness("eager").control_ratio.value == pytest.approx(control, abs=0.01)


def test_a_control_within_the_margin_of_equivalence_is_no_alarm_and_is_still_exceeded():
    near = made_study(
        {"a": 1000.0, "b": 1002.0}, noise=1e-4, after=lambda before, mine: 1.004 if mine == "again" else 1.0
    )
    assert near.steadiness("eager").biased and causes(near) == []
    assert near.against_baseline[0].verdict == "equivalent"


@pytest.mark.parametrize(("late", "cause"), [(1.0, None), (2.0, "baseline-bimodal")])
def test_a_rank_that_two_speeds_reverse_is_not_shown(late, cause):
    """b follows only a part of what happens to the machine: it is 1.05 times a before, and less than a after."""
    runs = {"late": False}

    def speed(at):
        runs["late"] = at >= 0.9
        return late if runs["late"] else 1.0

    found = made_study(
        TWO,
        noise=0.003,
        speed=speed,
        after=lambda before, mine: 0.9 if runs["late"] and mine == "b" and late > 1 else 1.0,
    )
    item = found.against_baseline[0]
    assert (causes(found)[:1] or [None])[0] == cause
    if cause is None:
        assert item.verdict == "slower"
    else:
        assert item.verdict == "no-difference-shown" and item.reasons[0] == "reverses"
        assert len(found.winners("eager")) == 2
        assert first_words(found) == "UNSTABLE:"


@pytest.mark.parametrize(
    ("low", "high", "bias", "within"),
    [
        (0.991, 1.0099, 0.0, True),
        (0.991, 1.0101, 0.0, False),
        (0.989, 1.0, 0.0, False),
        (0.996, 1.004, 0.005, True),
        (0.996, 1.004, 0.007, False),
    ],
)
def test_the_margin_holds_the_whole_interval_and_the_bias_besides(low, high, bias, within):
    assert within_margin(Estimate(1.0, low, high, 40), bias) is within
    assert not within_margin(Estimate(1.0, None, None, 4))


def test_a_drift_is_told_and_a_rank_that_it_does_not_reverse_is_shown():
    found = made_study({"a": 1000.0, "b": 1300.0}, noise=0.003, speed=lambda at: 1 + 0.3 * at)
    assert causes(found) == ["baseline-drifts"] and found.against_baseline[0].verdict == "slower"
    assert found.steadiness("eager").drift == pytest.approx(1.25 / 1.05, rel=0.02)
    assert causes(made_study(TWO, noise=0.003, speed=lambda at: 1 + 0.1 * at)) == [], "by less than a tenth"


@pytest.mark.parametrize(("rounds", "few"), [(10, True), (11, True), (12, False)])
def test_too_few_rounds_are_told_and_show_nothing(rounds, few):
    found = made_study({"a": 1000.0, "b": 2000.0}, noise=0.003, rounds=rounds)
    assert causes(found) == (["too-few-rounds"] if few else [])
    assert found.against_baseline[0].verdict == ("no-difference-shown" if few else "slower")
    assert len(found.winners("eager")) == (2 if few else 1)
    if few:
        assert first_words(found) == "UNSURE:"


def test_runs_that_differ_by_more_than_their_rounds_show_nothing_until_there_are_three_a_side():
    one, other = ([made_study({"a": 1000.0 * slow}, seed=seed, noise=0.003) for seed, slow in enumerate(speeds)]
                  for speeds in ((1.0, 1.2, 0.9), (1.5, 1.8, 1.4)))  # fmt: skip
    for few in (1, 2):
        (item,) = between(one[:few], other[:few])
        assert item.verdict == "no-difference-shown" and item.reasons[0] == "too-few-runs"
    (item,) = between(one, other)
    assert item.verdict == "slower" and item.ratio.samples == 3
    (item,) = between(one, one)
    assert item.verdict == "no-difference-shown" and item.reasons[0] == "interval-covers-1"


def test_a_ratio_of_runs_by_hand():
    """Logarithms 0 and 0.1 and 0.2 on either side of 0.3: t of 4 degrees is 2.776, the error 0.1 x sqrt(2 / 3)."""
    found = ratio_of_runs(np.exp([0.3, 0.4, 0.5]), np.exp([0.0, 0.1, 0.2]))
    assert np.log([found.value, found.low, found.high]) == pytest.approx(
        0.3 + np.array([0, -1, 1]) * 2.776 * 0.1 * np.sqrt(2 / 3), abs=1e-3
    )
    assert ratio_of_runs([2.0, 2.0, 2.0], [1.0, 1.0, 1.0]).interval == (2.0, 2.0)
    assert ratio_of_runs([2.0, 2.0], [1.0, 1.0, 1.0]).interval is None
