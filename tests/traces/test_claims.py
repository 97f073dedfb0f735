"""Each kind of test on a made-up study where its verdict is forced, and how verdicts combine."""

from dataclasses import replace

import numpy as np
import pytest

from launchlens.traces.captures.capture import read_capture
from launchlens.traces.claims.claim import decide
from launchlens.traces.studies.study import study
from made_capture import make_capture
from made_claims import ABSENT, FAILS, HOLDS, OPEN, RATIO, judged, many_blocks, repeated, told_channels, with_manifest


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(read_capture(make_capture(tmp_path_factory.mktemp("claims") / "capture")))


# -- each kind of test, each verdict. The numbers are made_capture's.


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        (RATIO.format("triton-batched", "copy_", "faster"), "supported"),
        (RATIO.format("triton-batched", "copy_", "slower"), "refuted"),
        (RATIO.format("copy_", "triton-per-tensor", "faster"), "depends"),
        (RATIO.format("copy_", "triton-per-tensor", "faster") + '; regimes = ["graph"]', "undecided"),
        (RATIO.format("streams", "copy_", "faster"), "not-testable"),
        ('kind = "ratio"; variant = "foreach"; against = "copy_"; at_least = 0.25; at_most = 0.55', "supported"),
        ('kind = "ratio"; variant = "foreach"; against = "copy_"; at_least = 0.9', "refuted"),
        ('kind = "ratio"; variant = "foreach"; against = "copy_"; at_least = 0.4', "depends"),
        ('kind = "time"; variant = "foreach"; at_most = 15', "supported"),
        ('kind = "time"; variant = "foreach"; at_least = 15', "refuted"),
        ('kind = "time"; variant = "foreach"; at_least = 6', "depends"),
        ('kind = "time"; variant = "streams"; at_least = 6', "not-testable"),
        ('kind = "difference"; variant = "foreach"; against = "copy_"; at_most = -3', "supported"),
        ('kind = "difference"; variant = "foreach"; against = "copy_"; at_least = 0', "refuted"),
        ('kind = "difference"; variant = "foreach"; against = "copy_"; at_most = -10', "depends"),
        ('kind = "share"; variant = "foreach"; of = "copy_"; at_most = 0.55', "supported"),
        ('kind = "share"; variant = "foreach"; of = "copy_"; at_most = 0.1', "refuted"),
        ('kind = "share"; variant = "foreach"; of = "whole"; at_most = 0.1', "not-testable"),
        ('kind = "bound"; variant = "copy_"; is = "host-bound"; regimes = ["eager"]', "supported"),
        ('kind = "bound"; variant = "copy_"; is = "mixed"', "refuted"),
        ('kind = "bound"; variant = "copy_"; is = "host-bound"', "depends"),
        ('kind = "api"; variant = "copy_"; call = "cudaMemcpyAsync*"; regimes = ["eager"]', "supported"),
        ('kind = "api"; variant = "foreach"; call = "cudaMemcpyAsync*"', "refuted"),
        ('kind = "api"; variant = "copy_"; call = "cudaMemcpyAsync"', "depends"),
        ('kind = "launches"; variant = "copy_"; at_least = 7; at_most = 7; regimes = ["eager"]', "supported"),
        ('kind = "launches"; variant = "copy_"; at_most = 7; of = "kernels"', "supported"),
        ('kind = "launches"; variant = "copy_"; at_least = 8', "refuted"),
        ('kind = "launches"; variant = "copy_"; at_most = 1', "depends"),
        # what a profiler recorded of a time decides nothing, wherever the bounds are
        ('kind = "launch-cost"; variant = "copy_"; at_least = 2; at_most = 3', "undecided"),
        ('kind = "launch-cost"; variant = "copy_"; at_least = 3', "undecided"),
        ('kind = "launch-cost"; variant = "copy_"; at_most = 2; regimes = ["eager"]', "undecided"),
        ('kind = "launch-cost"; variant = "foreach"; of = "iteration"; at_least = 3', "supported"),
        ('kind = "gpu-time"; variant = "triton-per-tensor"; against = "copy_"; at_least = 1.05', "undecided"),
        ('kind = "gpu-time"; variant = "triton-per-tensor"; against = "copy_"; at_least = 1.1', "undecided"),
        ('kind = "gpu-busy"; variant = "triton-batched"; against = "copy_"; at_most = 0.9', "undecided"),
        ('kind = "gpu-part"; variant = "triton-batched"; against = "copy_"; at_most = 0.9', "undecided"),
        ('kind = "gpu-part"; variant = "triton-per-tensor"; against = "copy_"; at_least = 0.5; regimes = ["eager"]', "undecided"),
        # 9 of 30 and 3.9 of 8 µs are left of the eager time in a graph
        ('kind = "launch-share"; variant = "copy_"; at_least = 0.7; at_most = 0.76', "supported"),
        ('kind = "launch-share"; variant = "copy_"; at_most = 0.1', "refuted"),
        ('kind = "launch-share"; variant = "copy_"; at_most = 0.7333', "undecided"),
        ('kind = "launch-share"; variant = "streams"; at_most = 0.7333', "not-testable"),
        ('kind = "parts"; variant = "copy_"; states = ["launch"]; at_most = 0.5', "not-testable"),
    ],
)  # fmt: skip
def test_each_kind_gives_each_verdict(made, tmp_path, test, verdict):
    one = judged(made, tmp_path, test)
    assert one.verdict == verdict, one
    if verdict == "depends":
        assert "eager" in one.on and "graph" in one.on
    if verdict in ("undecided", "not-testable"):
        assert one.why


@pytest.mark.parametrize(
    ("channels", "test", "verdict"),
    [
        (("compute",), 'is = "compute"', "supported"),
        (("compute",), 'is = "async-memcpy"', "refuted"),
        (("compute", "async-memcpy"), 'is = "compute"', "refuted"),
        (("compute", "async-memcpy"), 'is = "compute"; at_least = 0.5', "supported"),
        ((None,), 'is = "compute"', "not-testable"),
    ],
)
def test_a_channel_is_told_by_whoever_recorded_it(made, tmp_path, channels, test, verdict):
    seen = told_channels(made, "copy_", "eager", *channels)
    one = judged(seen, tmp_path, f'kind = "channel"; variant = "copy_"; {test}; regimes = ["eager"]')
    assert one.verdict == verdict, one
    if verdict != "not-testable":
        ((_, (case,)),) = one.cases
        assert case.evidence[0].rows == "cupti/eager.parquet: variant:copy_ launches"


def test_launches_of_one_kind_may_go_to_several_channels(made, tmp_path):
    seen = told_channels(made, "copy_", "eager", "compute")
    recording = seen.recordings["cupti", "copy_", "eager"]
    (row,) = recording.ledger
    taken = {"compute": 0.25, "async-memcpy": 6.5, "async-memcpy, compute": 0.25}
    mixed = replace(recording, ledger=(replace(row, channels=taken),))
    seen = replace(seen, recordings=dict(seen.recordings) | {("cupti", "copy_", "eager"): mixed})
    test = 'kind = "channel"; variant = "copy_"; is = "async-memcpy"; at_least = {}; regimes = ["eager"]'
    one = judged(seen, tmp_path, test.format(0.9))
    assert one.verdict == "supported" and one.evidence[0].value == pytest.approx(6.5 / 7)
    assert judged(seen, tmp_path, test.format(0.95)).verdict == "refuted"
    assert mixed.ledger[0].channel == "async-memcpy, compute"


def test_a_channel_that_no_recorder_told_is_not_tested(made, tmp_path):
    one = judged(made, tmp_path, 'kind = "channel"; variant = "copy_"; is = "compute"')
    assert one.verdict == "not-testable" and "no recorder told the channel" in str(one)


def test_a_recorded_part_of_a_difference_is_a_share_of_what_is_more_and_decides_nothing(made, tmp_path):
    """7 × 5,000 − 7 × 500 ns more of Python in an iteration, and 7 × 1,500 less dispatch, which is no part of what is more."""
    test = (
        'kind = "host-part"; variant = "triton-per-tensor"; against = "copy_"; states = ["python"]; regimes = ["eager"]'
    )
    few = judged(made, tmp_path, test + "; at_least = 0.5")
    assert few.verdict == "undecided" and "the recorder's cost" in few.why
    assert few.evidence[0].interval is None, "four blocks are too few"
    one = judged(many_blocks(made), tmp_path, test + "; at_least = 0.5")
    share, python, whole = one.evidence
    assert one.verdict == "undecided" and python.value == 7 * 5000 - 7 * 500
    found = made.within("copy_", "triton-per-tensor")[0].parts("host")
    more = sum(ns for ns in found.values() if ns > 0)
    assert found["dispatch"] == -7 * 1500 and python.value > whole.value
    assert share.value == pytest.approx(python.value / more)
    assert share.interval is not None and share.interval[1] <= 1
    test = test.replace("triton-per-tensor", "absent").replace('["python"]', '["python", "dispatch"]')
    assert judged(made, tmp_path, test + "; at_most = 0.5").verdict == "not-testable"


def test_a_recorded_difference_that_may_be_nothing_has_no_shares(made, tmp_path):
    copy, triton = (made.sides[name, "eager"].recording for name in ("copy_", "triton-per-tensor"))
    twice = repeated(copy.account, 2)
    by_turns = replace(twice, cells=twice.cells * [[[0]] if block % 2 else [[2]] for block in range(8)])
    other = replace(triton, account=by_turns)
    sides = dict(made.sides)
    sides["copy_", "eager"] = replace(sides["copy_", "eager"], recording=replace(copy, account=twice))
    sides["triton-per-tensor", "eager"] = replace(sides["triton-per-tensor", "eager"], recording=other)
    bent = replace(made, sides=sides)
    test = 'kind = "host-part"; variant = "triton-per-tensor"; against = "copy_"; states = ["python"]; regimes = ["eager"]; at_most = 0.9'  # fmt: skip
    one = judged(bent, tmp_path, test)
    assert one.verdict == "undecided" and "the recorded difference is zero" in one.why


@pytest.mark.parametrize("kind", ['kind = "gpu-part"', 'kind = "host-part"; states = ["python"]'])
def test_where_no_difference_is_shown_there_is_none_to_split(made, tmp_path, kind):
    test = kind + '; variant = "triton-per-tensor"; against = "copy_"; regimes = ["graph"]; at_least = 0.5'
    ((_, (case,)),) = judged(made, tmp_path, test).cases
    assert case.outcome == "no-difference-shown" and case.reason == "there is no difference to split"


def test_no_difference_shown_is_an_outcome_of_its_own(made, tmp_path):
    one = judged(made, tmp_path, RATIO.format("copy_", "triton-per-tensor", "faster"))
    ((_, cases),) = one.cases
    assert [(case.regime, case.outcome) for case in cases] == [("eager", "holds"), ("graph", "no-difference-shown")]
    assert one.on.startswith("holds in eager; no difference shown in graph")


def test_a_difference_within_the_control_shows_the_control(made, tmp_path):
    blocks = made.controls["eager"].blocks.assign(wall_ns=lambda frame: frame["wall_ns"] * 3)
    shaken = replace(made, controls={"eager": replace(made.controls["eager"], blocks=blocks)})
    one = judged(shaken, tmp_path, RATIO.format("copy_", "triton-per-tensor", "faster") + '; regimes = ["eager"]')
    assert one.verdict == "undecided" and "no further from 1" in one.why
    assert any("A/A control" in item.figure for item in one.evidence)


@pytest.mark.parametrize(
    ("value", "interval", "low", "high", "outcome"),
    [
        (1.0, (0.9, 1.1), 0.9, 1.1, "holds"),
        (1.0, (0.9, 1.1), 1.2, None, "fails"),
        (1.0, (0.9, 1.1), None, 0.8, "fails"),
        (1.0, (0.9, 1.1), 1.0, None, "undecided"),
        (1.0, (0.5, 2.0), 0.9, 1.1, "undecided"),
        (1.0, None, 0.9, None, "undecided"),
    ],
)
def test_an_interval_decides_only_as_a_whole(value, interval, low, high, outcome):
    assert decide(value, interval, low, high) == outcome


def test_a_count_needs_no_interval():
    assert decide(7.0, None, 7, 7, counted=True) == "holds" and decide(7.0, None, None, 1, counted=True) == "fails"


def test_what_takes_longer_than_the_whole_is_no_share_of_it(made, tmp_path):
    """Triton takes 60 µs and copy_ 30: twice as long is a ratio, and not a share of 200 %."""
    one = judged(made, tmp_path, 'kind = "share"; variant = "triton-per-tensor"; of = "copy_"; at_most = 0.5; regimes = ["eager"]')  # fmt: skip
    assert one.verdict == "undecided" and "takes longer than copy_" in one.why
    assert one.evidence[0].unit == "ratio" and one.evidence[0].value > 1


def test_a_share_of_launches_is_the_time_that_a_replay_does_without_over_balanced_pairs_of_rounds(made, tmp_path):
    one = judged(made, tmp_path, 'kind = "launch-share"; variant = "copy_"; at_least = 0.5')
    eager, graph = (made.sides["copy_", regime].blocks["wall_ns"] for regime in ("eager", "graph"))
    share = one.evidence[0]
    logs = np.log(graph / eager)
    pairs = [(logs[number] + logs[number + 1]) / 2 for number in range(0, len(logs), 2)]
    means = [(one + other) / 2 for at, one in enumerate(pairs) for other in pairs[at:]]
    assert share.value == pytest.approx(1 - np.exp(np.median(means)))
    assert share.interval[0] < share.value < share.interval[1] and share.rows.endswith("20 rounds, paired")
    slow = replace(made, sides=dict(made.sides))
    slow.sides["copy_", "graph"] = replace(
        made.sides["copy_", "graph"], blocks=made.sides["copy_", "graph"].blocks.assign(wall_ns=eager * 1.1)
    )
    none = judged(slow, tmp_path, 'kind = "launch-share"; variant = "copy_"; at_most = 0.5')
    assert none.verdict == "supported" and (none.evidence[0].value, none.evidence[0].interval) == (0.0, (0.0, 0.0))


def test_what_a_side_waits_for_is_decided_with_all_of_its_intervals(made, tmp_path):
    test = 'kind = "bound"; variant = "copy_"; is = "host-bound"; regimes = ["eager"]'
    (host, busy) = judged(made, tmp_path, test).evidence
    assert host.interval is not None and busy.interval[0] < busy.value < busy.interval[1]
    side = made.sides["copy_", "eager"]
    at_the_edge = replace(side, recording=replace(side.recording, gpu_busy_ns=side.wall.value * 0.5))
    edge = replace(made, sides=dict(made.sides) | {("copy_", "eager"): at_the_edge})
    one = judged(edge, tmp_path, test)
    assert one.verdict == "undecided" and "straddles a cut-off" in one.why


def test_a_claim_that_nothing_tests_shows_what_stands_beside_it(made, tmp_path):
    one = judged(made, tmp_path, HOLDS + "; decides = false", untested="it is about a kernel that nobody has")
    assert (one.verdict, one.why) == ("not-testable", "it is about a kernel that nobody has")
    assert [each.value for each in one.evidence] == [7.0] and not one.measured


@pytest.mark.parametrize(
    "test", [RATIO.format("foreach", "copy_", "faster"), 'kind = "time"; variant = "foreach"; at_most = 15']
)
def test_times_in_which_a_capture_contradicts_itself_decide_nothing(made, tmp_path, test):
    refused = replace(made.sides["foreach", "eager"], refused=("rounds-copied",))
    seen = replace(made, sides=dict(made.sides) | {("foreach", "eager"): refused})
    assert judged(made, tmp_path, test + '; regimes = ["eager"]').verdict == "supported"
    one = judged(seen, tmp_path, test + '; regimes = ["eager"]')
    assert one.verdict == "undecided" and not one.evidence
    assert one.why == "undecided in eager (the capture contradicts itself in the times of foreach: rounds-copied)"


def test_a_recording_that_contradicts_itself_decides_nothing(made, tmp_path):
    withheld = replace(made.sides["copy_", "eager"], recording=None, withheld=("records-doubled",))
    seen = replace(made, sides=dict(made.sides) | {("copy_", "eager"): withheld})
    for test in (HOLDS, 'kind = "parts"; variant = "copy_"; states = ["launch"]; at_most = 0.5; regimes = ["eager"]'):
        one = judged(seen, tmp_path, test)
        assert one.verdict == "undecided" and "in what was recorded of copy_: records-doubled" in one.why


# -- how verdicts combine


@pytest.mark.parametrize(
    ("tests", "each", "every", "some"),
    [
        ([HOLDS, HOLDS], "supported", "supported", "supported"),
        ([FAILS, FAILS], "refuted", "refuted", "refuted"),
        ([HOLDS, FAILS], "depends", "refuted", "supported"),
        ([HOLDS, ABSENT], "supported", "not-testable", "supported"),
        ([FAILS, ABSENT], "refuted", "refuted", "not-testable"),
        ([ABSENT, ABSENT], "not-testable", "not-testable", "not-testable"),
        ([HOLDS, FAILS + "; decides = false"], "supported", "supported", "supported"),
        ([HOLDS, OPEN], "undecided", "undecided", "supported"),
        ([FAILS, OPEN], "undecided", "refuted", "undecided"),
        ([HOLDS, FAILS, OPEN], "depends", "refuted", "supported"),
        ([OPEN, ABSENT], "undecided", "undecided", "undecided"),
    ],
)
def test_verdicts_combine_as_the_claim_says(made, tmp_path, tests, each, every, some):
    found = [judged(made, tmp_path, *tests, combine=combine) for combine in ("each", "all", "any")]
    assert [one.verdict for one in found] == [each, every, some]
    if ABSENT in tests:
        assert all("streams was not measured" in one.why for one in found if one.verdict != "depends")


def test_what_is_not_measured_says_why_the_capture_lacks_it(made, tmp_path):
    records = [*made.capture.manifest.variants]
    records.append(replace(records[0], variant="streams", status="skipped", why="needs a GPU that is idle"))
    one = judged(with_manifest(made, variants=records), tmp_path, ABSENT)
    assert one.why == "not tested in eager (streams was not measured (skipped: needs a GPU that is idle))"


def test_a_claim_about_another_workload_or_device_is_not_tested(made, tmp_path):
    assert "workload nsa-metadata" in judged(made, tmp_path, HOLDS, workload="nsa-metadata").why
    assert "a capture of a CPU" in judged(made, tmp_path, HOLDS, device="cpu").why
    assert judged(made, tmp_path, HOLDS, workload="small-copies", device="cuda").verdict == "supported"


def test_a_test_can_ask_for_a_workload_of_some_size(made, tmp_path):
    small = judged(made, tmp_path, HOLDS + "; when = { sizes = { at_least = 1000000 } }")
    assert small.verdict == "not-testable" and "sizes at least 1,000,000 (here: 32 to 64)" in small.why
    assert judged(made, tmp_path, HOLDS + "; when = { sizes = { at_most = 64 } }").verdict == "supported"
    assert "not said" in judged(made, tmp_path, HOLDS + "; when = { nothing = { at_most = 64 } }").why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gpu_busy_ns": None}, "replays of graphs were recorded in part"),
        ({"gpu_busy_ns": None, "gpu_recorded_ns": None, "device": None}, "no GPU activity was recorded"),
    ],
)
def test_what_a_recorder_left_out_is_not_counted_as_none(made, tmp_path, changes, why):
    side = made.sides["copy_", "graph"]
    counts = dict(side.recording.counts) | {"kernels": 0.0}
    partly = replace(side, recording=replace(side.recording, counts=counts, **changes))
    seen = replace(made, sides=dict(made.sides) | {("copy_", "graph"): partly})
    for test in (
        'kind = "launches"; variant = "copy_"; of = "kernels"; at_most = 0; regimes = ["graph"]',
        'kind = "gpu-busy"; variant = "copy_"; against = "foreach"; at_most = 1; regimes = ["graph"]',
    ):
        one = judged(seen, tmp_path, test)
        assert one.verdict == "not-testable" and why in one.why, one
    launches = 'kind = "launches"; variant = "copy_"; at_least = 1; regimes = ["graph"]'
    assert judged(seen, tmp_path, launches).verdict == "supported"
