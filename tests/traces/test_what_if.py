"""What the costs of launches predict: sums worked out by hand, held against the made capture's times, and what is not predicted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced

from launchlens.reports.documents import study_document
from launchlens.traces.captures.capture import LaunchRecord, read_capture
from launchlens.traces.captures.probes import Control, write_probes
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.studies.study import study
from launchlens.traces.studies.verdict import verdict
from launchlens.traces.studies.what_if import NotPredicted, Predicted, costs_of, what_if
from made_capture import LAUNCHES, make_capture
from made_probes import LAUNCH_COSTS, cost
from shown import printed_study, render

COSTS = costs_of(LAUNCH_COSTS)
RECORDED = Path(__file__).parents[1] / "data" / "what_if" / "small-copies-all-h100"


@pytest.fixture(scope="module")
def worked_out(tmp_path_factory):
    """The made capture with made costs."""
    folder = make_capture(tmp_path_factory.mktemp("what-if") / "capture")
    write_probes(folder, [LAUNCH_COSTS])
    return study(read_capture(folder))


def predicted(*launches, regime="eager", costs=COSTS):
    return costs.predict(launches, regime)


def test_the_host_needs_what_its_iteration_launches_and_arguments_cost():
    assert predicted(LAUNCHES["copy_"]).host_ns == 200 + 7 * 4000
    assert predicted(LAUNCHES["triton-per-tensor"]).host_ns == 300 + 7 * 8000 + 21 * 100
    assert predicted(LAUNCHES["triton-batched"]).host_ns == 300 + 8000 + 21 * 100
    assert predicted(LAUNCHES["foreach"]).host_ns == 6000 + 14 * 200, (
        "an iteration that is one launch has no cost of its own"
    )
    both = predicted(LAUNCHES["foreach"], LAUNCHES["copy_"])
    assert both.host_ns == 6000 + 14 * 200 + 200 + 7 * 4000


def test_of_a_replay_host_and_device_are_each_a_launch_and_nodes_and_the_larger_makes_the_pace():
    seven = predicted(LAUNCHES["copy_"], regime="graph")
    assert (seven.host_ns, seven.device_ns) == (2500 + 7 * 60, 1000 + 7 * 1000)
    assert (seven.ns, seven.by) == (8000, "device")
    one = predicted(LAUNCHES["foreach"], regime="graph")
    assert (one.host_ns, one.device_ns, one.ns, one.by) == (2550, 2100, 2550, "host")


def test_a_graph_that_is_launched_in_an_eager_iteration_takes_the_device_its_launch_as_well():
    found = predicted(LaunchRecord("cpp-graph-launch", 1, 0, 7, "kernel"))
    assert (found.host_ns, found.device_ns, found.by) == (1500, 1000 + 1100, "device")
    assert predicted(LAUNCHES["foreach"]).device_ns == 1100, "called, there is no graph to launch"


def test_the_interval_takes_every_cost_at_one_end_and_adds_what_points_lie_off_the_line():
    # every made cost has an interval of 2 % on each side; the points of Triton lie 1 % off
    copies, triton = predicted(LAUNCHES["copy_"]), predicted(LAUNCHES["triton-batched"])
    assert (copies.low_ns, copies.high_ns) == pytest.approx((0.98 * 28_200, 1.02 * 28_200))
    assert (triton.low_ns, triton.high_ns) == pytest.approx((0.97 * 10_400, 1.03 * 10_400))


def test_what_is_not_modelled_is_not_predicted_and_says_why():
    streams = LaunchRecord("torch-copy_-own-streams", 7, 2, 1, "memcpy")
    for regime in ("eager", "graph"):
        assert predicted(streams, regime=regime) == NotPredicted("path-not-modelled", "torch-copy_-own-streams")
    assert predicted(LaunchRecord("torch-cat", 1, 7, 7, "kernel")) == NotPredicted("no-cost", "torch-cat")
    figures = [item for item in LAUNCH_COSTS.figures if item.what != "misfit"]
    curved = replaced(LAUNCH_COSTS.figure("misfit", of="triton", under="host-cost"), value=0.4)
    other = costs_of(replaced(LAUNCH_COSTS, figures=(*figures, curved)))
    assert predicted(LAUNCHES["triton-batched"], costs=other) == NotPredicted("not-linear", "triton")
    assert isinstance(predicted(LAUNCHES["triton-batched"], regime="graph", costs=other), Predicted)


def test_no_costs_count_where_a_control_did_not_pass_or_there_are_none():
    assert costs_of(None) is None
    assert costs_of(replaced(LAUNCH_COSTS, controls=(Control("a", False),))) is None
    assert costs_of(replaced(LAUNCH_COSTS, figures=())) is None


def test_every_side_is_held_against_its_unprofiled_time(worked_out):
    found = {(each.side.variant, each.side.regime): each for each in worked_out.what_if.sides}
    assert found.keys() == worked_out.sides.keys()
    # by hand, from the costs of tests/made_probes.py
    by_hand = {
        ("copy_", "eager"): 28_200, ("triton-per-tensor", "eager"): 58_400, ("triton-batched", "eager"): 10_400,
        ("foreach", "eager"): 8800, ("copy_", "graph"): 8000, ("triton-per-tensor", "graph"): 8700,
        ("triton-batched", "graph"): 2550, ("foreach", "graph"): 2550,
    }  # fmt: skip
    for key, ns in by_hand.items():
        side = worked_out.sides[key]
        assert found[key].predicted.ns == ns
        assert found[key].off == pytest.approx(ns / side.wall.value - 1)
    errors = sorted(abs(each.off) for each in found.values())
    assert worked_out.what_if.median_error == pytest.approx((errors[3] + errors[4]) / 2)
    assert not any(each.covered for each in found.values()), (
        "the made times are a tenth dearer than made costs, and more"
    )


def test_a_measured_time_within_the_interval_is_covered(worked_out):
    vague = [cost(item.of, item.part, item.value, spread=0.5) if item.of == "triton" else item
             for item in LAUNCH_COSTS.figures if item.what != "misfit"]  # fmt: skip
    side = worked_out.sides["triton-batched", "eager"]
    (found,) = what_if(
        costs_of(replaced(LAUNCH_COSTS, figures=tuple(vague))),
        [side],
        {("triton-batched", "eager"): [LAUNCHES["triton-batched"]]},
    ).sides
    assert found.covered and found.predicted.low_ns < side.wall.value < found.predicted.high_ns


def test_several_launches_made_one_are_held_against_the_variants_that_make_one(worked_out):
    eager = [each for each in worked_out.what_if.were_one if each.regime == "eager"]
    assert {tuple(sorted(side.variant for side in each.of)) for each in eager} == {("copy_", "triton-per-tensor")}
    by_path = {each.path: each for each in eager}
    assert by_path.keys() == {"torch-copy_", "torch-foreach-copy_", "triton"}
    assert [each.side.variant for each in by_path["triton"].measured] == ["triton-batched"]
    assert [each.side.variant for each in by_path["torch-foreach-copy_"].measured] == ["foreach"]
    assert by_path["triton"].predicted.ns == 10_400 and by_path["triton"].per_iteration == 7
    flat = by_path["torch-copy_"]
    assert flat.of_flat_buffer and not flat.measured and flat.predicted.ns == 4200
    graph = {each.launch.node: each for each in worked_out.what_if.were_one if each.regime == "graph"}
    assert {each.side.variant for each in graph["kernel"].measured} == {"triton-batched", "foreach"}
    assert graph["memcpy"].predicted.ns == 2560 and not graph["memcpy"].measured


def test_a_side_of_which_other_launches_were_recorded_is_not_predicted(worked_out):
    sides = list(worked_out.sides.values())
    declared = {key: [LaunchRecord("triton", 6, 3, 1, "kernel")] for key in worked_out.sides}
    for each in what_if(COSTS, sides, declared).sides:
        assert each.predicted == NotPredicted("other-launches")
    nothing = what_if(COSTS, sides, {})
    assert {each.predicted for each in nothing.sides} == {NotPredicted("not-declared")}
    assert nothing.median_error is None and not nothing.were_one
    unseen = what_if(COSTS, [replace(each, recording=None) for each in sides], declared)
    assert all(isinstance(each.predicted, Predicted) for each in unseen.sides), (
        "nothing was recorded that says otherwise"
    )


def test_nothing_of_it_comes_from_what_was_recorded(worked_out):
    """A ledger of other times changes no prediction: only counts are held against it."""
    sides = [
        replace(
            side,
            recording=replace(
                side.recording, ledger=[replace(line, api_ns=7 * line.api_ns) for line in side.recording.ledger]
            ),
        )
        for side in worked_out.sides.values()
    ]
    declared = {(each.variant, each.regime): each.structure for each in worked_out.capture.manifest.variants}
    again = {(each.side.variant, each.side.regime): each.predicted for each in what_if(COSTS, sides, declared).sides}
    assert again == {(each.side.variant, each.side.regime): each.predicted for each in worked_out.what_if.sides}


def test_the_document_the_page_and_the_terminal_say_it(worked_out):
    document = as_plain(study_document(worked_out, verdict(worked_out), recorded=None))["what_if"]
    json.dumps(document, allow_nan=False)
    assert document["predicted"] == 8 and document["median_error"] == round(worked_out.what_if.median_error, 4)
    row = next(each for each in document["were_one"] if each["path"] == "triton")
    assert (row["launches"], row["arguments"], row["predicted"]["ns"]) == (7, 21, 10_400)
    assert row["measured"][0]["variant"] == "triton-batched"
    page, text = render(worked_out), " ".join(printed_study(worked_out).split())
    assert '<section id="what-if"' in page and "Held against 8 measured sides" in page
    assert "by Triton, an iteration would take 10.4 µs (10.1 – 10.7 µs); measured so: triton-batched 13.4 µs." in page
    assert "Were the seven launches of copy_ one, by torch copy_ of a flat buffer" in text
    assert "the predictions are off by" in text


def test_costs_that_were_timed_apart_are_said_to_be_so(worked_out, tmp_path):
    assert worked_out.what_if.with_variants and "in the rounds in which the variants were timed" in render(worked_out)
    folder = make_capture(tmp_path / "capture")
    others = tuple(item for item in LAUNCH_COSTS.figures if item.what != "rounds")
    alone = replaced(LAUNCH_COSTS.figure("rounds", under="with-variants"), under="apart")
    write_probes(folder, [replaced(LAUNCH_COSTS, figures=(*others, alone))])
    apart = study(read_capture(folder))
    assert not apart.what_if.with_variants and "timed apart from the variants" in render(apart)
    assert as_plain(study_document(apart, verdict(apart), recorded=None))["what_if"]["with_variants"] is False
    write_probes(folder, [replaced(LAUNCH_COSTS, figures=others)])
    unknown = study(read_capture(folder))
    assert unknown.what_if.with_variants is None and "was not written down" in render(unknown)


@pytest.fixture(scope="module")
def recorded():
    """All variants of small-copies on an H100, with costs timed in their rounds (tests/data/what_if)."""
    return study(read_capture(RECORDED))


def test_of_a_real_run_the_predictions_are_near_what_was_measured(recorded):
    found = recorded.what_if
    assert len(found.errors) == 26 and found.median_error <= 0.15
    assert sum(bool(each.covered) for each in found.sides) >= 0.8 * len(found.errors)
    left_out = {each.side.variant: each.predicted.code for each in found.sides if each.off is None}
    assert left_out == dict.fromkeys(("streams", "streams-created", "triton-table-rebuilt"), "path-not-modelled")
    ones = {each.path: each for each in found.were_one if each.regime == "eager"}
    assert {path: [like.side.variant for like in ones[path].measured] for path in ("triton", "torch-copy_")} == {
        "triton": ["triton-batched"], "torch-copy_": ["flat-buffer"],
    }  # fmt: skip
    assert abs(ones["triton"].predicted.ns / recorded.sides["triton-batched", "eager"].wall.value - 1) <= 0.15


def test_costs_of_another_state_of_the_host_would_be_seen(recorded):
    """The same costs, half as dear again: what a host does within minutes."""
    probe = recorded.probes["launch-costs"]
    dearer = [
        replaced(item, value=1.5 * item.value, interval=tuple(1.5 * end for end in item.interval))
        if item.interval
        else item
        for item in probe.figures
    ]
    declared = {(each.variant, each.regime): each.structure for each in recorded.capture.manifest.variants}
    found = what_if(costs_of(replaced(probe, figures=tuple(dearer))), list(recorded.sides.values()), declared)
    assert found.median_error > 0.3


def test_without_costs_nothing_is_said(tmp_path):
    made = study(read_capture(make_capture(tmp_path / "capture")))
    assert made.what_if is None
    assert "What if" not in render(made)
    assert as_plain(study_document(made, verdict(made), recorded=None))["what_if"] is None


def test_a_cost_below_nothing_makes_no_interval_below_nothing():
    odd = costs_of(
        replaced(LAUNCH_COSTS, figures=(*LAUNCH_COSTS.figures, cost("torch-cat", "launch", 1.0, spread=3.0)))
    )
    found = predicted(LaunchRecord("torch-cat", 1, 7, 7, "kernel"), costs=odd)
    assert found.low_ns >= 0
