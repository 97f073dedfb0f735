"""The A/A rule of probes."""

import pytest

from launchlens.traces.control import takes_as_long
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
