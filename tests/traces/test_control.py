"""The A/A rule, which studies and probes share."""

import pytest

from launchlens.traces.control import explains, takes_as_long
from launchlens.traces.statistics import Estimate


@pytest.mark.parametrize(
    ("value", "low", "high", "passes"),
    [
        (1.05, 0.99, 1.1, True),
        (1.05, 1.04, 1.06, True),
        (1.3, 1.2, 1.4, False),
        (0.8, 0.79, 0.81, False),
        (0.87, 0.86, 0.88, True),
    ],
)
def test_a_thing_takes_as_long_as_itself_by_the_interval_or_by_nearness(value, low, high, passes):
    assert takes_as_long(Estimate(value, low, high, 9), 0.15) is passes


@pytest.mark.parametrize("value", [1.0, 1.01, 2.0])
def test_with_too_few_rounds_a_control_does_not_pass(value):
    assert not takes_as_long(Estimate(value, None, None, 3), 0.15)
    assert not explains(Estimate(value, None, None, 3), 1.0)


@pytest.mark.parametrize(
    ("low", "high", "value", "explained"),
    [
        (0.98, 1.01, 1.02, True),  # as far below 1 as 1.02 is above
        (0.98, 1.01, 1.021, False),
        (0.99, 1.05, 1 / 1.05, True),
        (0.99, 1.05, 0.95, False),
        (1.02, 1.03, 0.975, True),  # a control that is not at 1 itself
    ],
)
def test_a_control_explains_what_is_no_further_from_1_than_its_interval(low, high, value, explained):
    assert explains(Estimate(1.0, low, high, 40), value) is explained
