"""Claims on parts of the unprofiled run, on parts made by hand: shares of what is more, and when they say nothing."""

from dataclasses import replace

import numpy as np
import pytest

from launchlens.traces.captures.capture import read_capture
from launchlens.traces.claims.shares import interval_of, share_of_more
from launchlens.traces.studies.explained import Explained, Part
from launchlens.traces.studies.study import study
from made_capture import make_capture
from made_claims import judged

PAIR = 'kind = "parts"; variant = "triton-per-tensor"; against = "copy_"; regimes = ["eager"]'
#: Parts in µs of one iteration; they sum to the times of made_capture.
COPY = {"python": 3, "dispatch": 9, "launch": 17.5, "not attributed": 0.5}
TRITON = {"python": 40, "launch": 19, "not attributed": 1}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(read_capture(make_capture(tmp_path_factory.mktemp("claims") / "capture")))


def explained(parts, *, by="light", spread=0.01, draws=400):
    """Parts with draws around them, each of which varies by itself."""
    generator = np.random.default_rng(3)

    def part(state, us):
        values = us * 1000 * (1 + spread * generator.standard_normal(draws)) if draws else None
        return Part("host", state, us * 1000.0, values)

    *seen, rest = (part(state, us) for state, us in parts.items())
    return Explained(by, sum(parts.values()) * 1000.0, None, 1.03, tuple(seen), rest)


def told(made, copy, triton):
    """The study of a capture whose light recorder told these parts."""
    seen = replace(made)
    seen._explained.update({("copy_", "eager"): copy, ("triton-per-tensor", "eager"): triton})
    return seen


@pytest.mark.parametrize(
    ("states", "share"),
    [
        # triton has 37 µs more of Python and 9 less dispatch, 1.5 more launch, and 0.5 more that nothing is known of
        ('["python"]', 37 / 39),
        ('["python", "dispatch"]', 28 / 30),
        ('["launch"]', 1.5 / 39),
        ('["dispatch"]', 0.0),
        ('["sync"]', 0.0),
    ],
)
def test_a_part_of_a_difference_is_its_share_of_all_that_is_more(made, tmp_path, states, share):
    seen = told(made, explained(COPY), explained(TRITON))
    one = judged(seen, tmp_path, f"{PAIR}; states = {states}; at_most = 0.99")
    main, whole, *parts = one.evidence
    assert main.value == pytest.approx(share) and main.unit == "share"
    assert main.interval[0] <= main.value <= main.interval[1] and 0 <= main.interval[0] <= main.interval[1] <= 1
    assert whole.value == 30_000 and whole.interval[0] < 30_000 < whole.interval[1]
    assert sum(part.value for part in parts) == pytest.approx(whole.value)
    assert one.verdict == "supported"


def test_the_other_way_round_it_is_the_share_of_what_is_less(made, tmp_path):
    seen = told(made, explained(COPY), explained(TRITON))
    test = 'kind = "parts"; variant = "copy_"; against = "triton-per-tensor"; regimes = ["eager"]'
    one = judged(seen, tmp_path, f'{test}; states = ["python"]; at_least = 0.9')
    assert one.verdict == "supported" and one.evidence[0].value == pytest.approx(37 / 39)


@pytest.mark.parametrize(
    ("bound", "verdict"),
    [("at_least = 0.5", "refuted"), ("at_most = 0.5", "supported"), ("at_most = 0.3", "undecided")],
)
def test_a_part_of_one_side_is_its_share_of_the_time(made, tmp_path, bound, verdict):
    seen = told(made, explained(COPY, spread=0.02), explained(TRITON))
    test = 'kind = "parts"; variant = "copy_"; states = ["dispatch"]; regimes = ["eager"]'
    one = judged(seen, tmp_path, f"{test}; {bound}")
    assert one.verdict == verdict and one.evidence[0].value == pytest.approx(9 / 30)


def test_a_launch_costs_its_part_of_the_unprofiled_time(made, tmp_path):
    """17.5 µs in seven calls, whatever a profiler recorded."""
    seen = told(made, explained(COPY), explained(TRITON))
    test = 'kind = "launch-cost"; variant = "copy_"; regimes = ["eager"]; '
    one = judged(seen, tmp_path, test + "at_least = 2.4; at_most = 2.6")
    assert one.verdict == "supported" and one.evidence[0].value == pytest.approx(2500)
    assert judged(seen, tmp_path, test + "at_most = 2").verdict == "refuted"
    leaky = told(made, explained(COPY | {"python": 0, "not attributed": 3.5}), explained(TRITON))
    assert judged(leaky, tmp_path, test + "at_most = 2").verdict == "undecided"


def test_a_side_that_does_not_close_decides_nothing(made, tmp_path):
    leaky = explained(TRITON | {"python": 30, "not attributed": 11})
    one = judged(told(made, explained(COPY), leaky), tmp_path, f'{PAIR}; states = ["python"]; at_least = 0.5')
    assert one.verdict == "undecided"
    assert "of triton-per-tensor, over 10 % of the time is not attributed to any part" in one.why


def test_a_change_of_pace_is_not_netted(made, tmp_path):
    seen = told(made, explained(COPY), explained(TRITON, by="device"))
    one = judged(seen, tmp_path, f'{PAIR}; states = ["python"]; at_least = 0.5')
    assert one.verdict == "undecided" and "their parts differ in kind" in one.why


def test_parts_without_an_interval_decide_nothing(made, tmp_path):
    seen = told(made, explained(COPY), explained(TRITON, draws=0))
    one = judged(seen, tmp_path, f'{PAIR}; states = ["python"]; at_least = 0.5')
    assert one.verdict == "undecided" and one.evidence[0].value == pytest.approx(37 / 39)


def test_a_capture_without_parts_says_so(made, tmp_path):
    one = judged(made, tmp_path, f'{PAIR}; states = ["python"]; at_least = 0.5')
    assert one.verdict == "not-testable" and "no parts of its unprofiled time are known" in one.why
    graph = PAIR.replace("eager", "graph")
    seen = replace(made)
    seen._explained.update({(name, "graph"): explained(COPY) for name in ("copy_", "triton-per-tensor")})
    one = judged(seen, tmp_path, f'{graph}; states = ["python"]; at_least = 0.5')
    assert one.verdict == "undecided" and "there is no difference to split" in one.why


def test_shares_of_what_is_more_are_shares():
    generator = np.random.default_rng(1)
    chosen, others = generator.normal(size=1000), generator.normal(size=(1000, 3))
    found = share_of_more(chosen, others)
    known = ~np.isnan(found)
    assert known.any() and not known.all()
    assert ((found[known] >= 0) & (found[known] <= 1)).all()
    assert not (known & (chosen <= 0) & (others <= 0).all(axis=1)).any(), "of nothing there is no share"
    assert interval_of(found) is None and interval_of(found[known]) is not None
