"""The made-up capture worked out: every figure here follows from the numbers in made_capture.py by hand."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import events, gpu, host, trace
from launchlens.reports.words.verdict import sentences
from launchlens.traces.account import apportion
from launchlens.traces.balanced import Pairs
from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.capture import read_capture, write_manifest, write_timings
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.problems import InputError
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies import compare
from launchlens.traces.studies.document import comparison_row
from launchlens.traces.studies.range_side import side_of_range
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.steadiness import Steadiness
from launchlens.traces.studies.study import study
from launchlens.traces.studies.verdict import verdict
from made_capture import (
    ITERATIONS,
    ROUNDS,
    TIMED_ROUNDS,
    WALL,
    TraceMaker,
    make_capture,
    make_timings,
    make_trace,
    one_after_the_other,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(read_capture(make_capture(tmp_path_factory.mktemp("made") / "capture")))


def account(side):
    return side.recording.per_iteration.host()


def test_the_account_of_an_iteration_by_hand(made):
    # per block: 2000 before the first iteration and 500 after the synchronize are Python, shared by 5 iterations
    outside = (2000 + 500) / ITERATIONS
    copy_ = account(made.sides["copy_", "eager"])
    assert copy_["launch"] == 7 * 2500
    assert copy_["dispatch"] == 7 * (4000 - 2500)
    assert copy_["python"] == pytest.approx(7 * 500 + outside)
    batched = account(made.sides["triton-batched", "eager"])
    assert (batched["launch"], batched["dispatch"]) == (3000, 0)
    assert batched["python"] == pytest.approx(6000 + outside)


def test_launches_per_iteration_are_counted_in_the_trace(made):
    counts = {
        variant: made.sides[variant, "eager"].recording.counts
        for variant in ("copy_", "triton-per-tensor", "triton-batched")
    }
    assert counts["copy_"] == {"launches": 7, "kernels": 0, "memcpys": 7, "memsets": 0}
    assert counts["triton-per-tensor"] == {"launches": 7, "kernels": 7, "memcpys": 0, "memsets": 0}
    assert counts["triton-batched"] == {"launches": 1, "kernels": 1, "memcpys": 0, "memsets": 0}
    graph = made.sides["copy_", "graph"].recording
    assert graph.counts == {"launches": 1, "kernels": 0, "memcpys": 7, "memsets": 0}
    assert [(row.api, row.activity, row.per_iteration) for row in graph.ledger] == [("cudaGraphLaunch", "graph", 1)]
    assert graph.gpu_busy_ns == 7 * 750


def test_the_work_is_named_as_the_recorder_named_it(made):
    eager = [(row.kind, row.name, row.per_iteration, row.gpu_ns) for row in made.sides["copy_", "eager"].recording.work]
    assert eager == [("memcpy", "Memcpy DtoD (Device -> Device)", 7, 750)]
    batched = made.sides["triton-batched", "graph"].recording.work
    assert [(row.kind, row.name, row.per_iteration, row.gpu_ns) for row in batched] == [
        ("kernel", "copy_seven", 1, 1200)
    ]


def test_accounts_sum_to_their_windows(made):
    for side in made.sides.values():
        account = side.recording.account
        assert account.cells.min() >= 0 and account.windows == ROUNDS
        assert account.total_ns / (ROUNDS * ITERATIONS) == pytest.approx(side.recording.profiled_ns)


def test_the_parts_of_every_difference_sum_to_it(made):
    for item in made.against_baseline:
        document = as_plain(comparison_row(item))
        assert sum(part["ns"] for part in document["as_recorded"]["parts"]) == document["as_recorded"]["difference_ns"]
        assert abs(document["as_recorded"]["difference_ns"] - item.difference_ns) <= 0.5
        assert sum(item.parts("host").values()) == pytest.approx(item.difference_ns)
        assert sum(item.parts("device").values()) == pytest.approx(item.difference_ns)


def test_verdicts_follow_the_timings(made):
    found = {(item.b.variant, item.b.regime): item.verdict for item in made.against_baseline}
    assert found == {
        ("foreach", "eager"): "faster",
        ("triton-batched", "eager"): "faster",
        ("triton-per-tensor", "eager"): "slower",
        ("foreach", "graph"): "faster",
        ("triton-batched", "graph"): "faster",
        ("triton-per-tensor", "graph"): "equivalent",
    }


def test_what_bounds_a_side_is_told_from_submission_and_gpu_time(made):
    assert {side.bound for (_, regime), side in made.sides.items() if regime == "eager"} == {"host-bound"}
    assert {side.bound for (_, regime), side in made.sides.items() if regime == "graph"} == {"device-bound"}


def side(wall: float, host: float, busy: float) -> Side:
    """A side by its wall time, ns, and the shares of it that submission takes and that the GPU is busy."""
    blocks = pd.DataFrame({"wall_ns": [wall] * 6, "host_ns": [host * wall] * 6, "device_ns": [math.nan] * 6})
    recorded: Any = SimpleNamespace(gpu_busy_ns=busy * wall, device="0")
    return Side(f"{wall}", "eager", "", blocks, recorded)


@pytest.mark.parametrize(
    ("host", "busy", "bound"),
    [
        (1.0, 0.0, "host-bound"),
        (0.9, 0.5, "host-bound"),
        (0.89, 0.1, "mixed"),
        (0.95, 0.51, "mixed"),
        (0.61, 0.1, "mixed"),
        (0.6, 0.1, "device-bound"),
        (1.0, 0.89, "mixed"),
        (1.0, 0.9, "device-bound"),
    ],
)
def test_the_shares_from_which_on_a_side_is_bound(host, busy, bound):
    assert side(1000, host, busy).bound == bound


def test_the_slower_side_says_which_lane_explains_a_difference():
    fast_waits_for_host, slow_waits_for_host = side(10, 1, 0.1), side(20, 1, 0.1)
    fast_waits_for_device, slow_waits_for_device = side(10, 0.3, 1), side(20, 0.3, 1)
    for fast in (fast_waits_for_host, fast_waits_for_device):
        for slow, lane in ((slow_waits_for_host, "host"), (slow_waits_for_device, "device")):
            for pair in ((fast, slow), (slow, fast)):
                assert compare.Comparison(*pair, Estimate(1, None, None, 1), "slower", ()).explained_by == lane


def test_why_gives_the_cost_of_a_launch_of_each_side_in_its_place(made):
    whys = [one.figures for one in verdict(made) if (one.code, one.regime) == ("why", "eager")]
    (why,) = [figures for figures in whys if figures.variant == "triton-batched"]
    assert tuple(why.launches) == (7, 1)
    assert tuple(why.cost_per_launch_ns) == (2500, 3000)


def test_against_the_baseline_each_p_is_corrected_for_all_and_another_pair_is_taken_alone(made):
    eager = [made.compared(name, "copy_", "eager") for name in ("foreach", "triton-batched", "triton-per-tensor")]
    assert sorted(item.p for item in eager) == [pytest.approx(2 / 2**10)] * 3, "ten pairs, all on one side"
    assert [item.p_adjusted for item in eager] == [pytest.approx(3 * 2 / 2**10)] * 3
    alone = made.compared("foreach", "triton-batched", "eager")
    assert alone.p_adjusted == alone.p


def test_the_verdict_names_the_winner_of_each_regime_and_that_it_changes(made):
    findings = {(item.code, item.regime): item.figures for item in verdict(made)}
    assert findings["fastest", "eager"].variant == "foreach"
    assert findings["fastest", "graph"].variant == "triton-batched"
    assert findings["winner-changes", None].winners == {"eager": ["foreach"], "graph": ["triton-batched"]}
    assert ("incomplete", None) not in findings


def test_a_difference_within_the_bias_of_the_control_is_not_shown(made):
    copy_, foreach = made.sides["copy_", "eager"], made.sides["foreach", "eager"]
    ends = compare.compare(copy_, foreach, paired=True).ratio.interval

    def judged(bias):
        off = Steadiness(Pairs(np.log(np.full(10, bias)), np.empty(0)), rounds=20, pairs=10)
        found = compare.compare(copy_, foreach, paired=True, steadiness=off)
        return found.verdict, found.reasons[0]

    assert judged(1 / ends[1]) == judged(ends[1]) == ("no-difference-shown", "within-control")
    assert judged(0.999 / ends[1]) == ("faster", "interval-excludes-1"), "the interval ends beyond the bias"
    assert judged(1.0) == ("faster", "interval-excludes-1")


def test_different_hardware_is_not_comparable(made):
    copy_, foreach = made.sides["copy_", "eager"], made.sides["foreach", "eager"]
    item = compare.compare(copy_, foreach, paired=False, notes=("different-hardware",))
    assert item.verdict == "not-comparable"
    assert item.reasons == ("not-interleaved", "different-hardware")


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_whole_parts_sum_to_the_whole_sum(values):
    whole = apportion(np.array(values))
    assert int(whole.sum()) == round(float(np.array(values).sum()))
    assert all(abs(part - value) <= 1 + 1e-6 for part, value in zip(whole, values, strict=True))


def test_ranges_of_any_trace_are_sides():
    rows = []
    for i in range(8):
        rows += [
            host("range", "a", 1000 * i, 1000 * i + 100 + i),
            host("range", "b", 1000 * i + 300, 1000 * i + 500 + i),
        ]
        rows += [host("range", "a", 1000 * i + 10, 1000 * i + 20)]
    made = trace(rows)
    a, b = side_of_range(made, "a"), side_of_range(made, "b")
    assert list(a.blocks["wall_ns"]) == [100.0 + i for i in range(8)], "ranges inside their own name count once"
    item = compare.compare(a, b, paired=False)
    assert item.verdict == "slower" and math.isclose(item.ratio.value, 203.5 / 103.5)
    recorded = comparison_row(item).as_recorded
    assert sum(part.ns for part in recorded.parts) == recorded.difference_ns == 100
    with pytest.raises(InputError, match=r"no range 'c' .*'a', 'b'"):
        side_of_range(made, "c")


def test_an_empty_trace_has_no_ranges():
    with pytest.raises(InputError, match="its ranges: none"):
        side_of_range(trace([host("op", "x", 0, 1)]), "a")
    assert len(events([])) == 0


def timed(tmp_path, keep):
    """The made-up capture with only the timings that `keep` says True of."""
    folder = make_capture(tmp_path / "capture")
    timings = make_timings()
    write_timings(folder, timings[keep(timings)])
    return study(read_capture(folder))


@pytest.mark.parametrize(("rounds", "samples"), [(TIMED_ROUNDS, TIMED_ROUNDS), (12, 12), (0, None)])
def test_the_control_counts_the_rounds_that_have_it(tmp_path, rounds, samples):
    found = timed(tmp_path, lambda rows: ~rows["control"] | (rows["round"] < rounds))
    control = found.control_ratio("eager")
    assert (control.samples if control else None) == samples
    assert len(found.against_baseline) == 6


def test_a_control_that_shares_no_round_is_none(tmp_path):
    found = timed(tmp_path, lambda rows: rows["control"] == (rows["round"] < 10))
    assert "eager" in found.controls and found.control_ratio("eager") is None


def test_the_control_is_the_baseline_whatever_else_was_timed_twice(tmp_path):
    folder = make_capture(tmp_path / "capture")
    timings = make_timings()
    other = timings[timings["variant"] == "foreach"].assign(control=True)
    other["position"] += 100  # at the end of its round, after all others
    both = pd.concat([timings, other]).sort_values(["round", "position"])
    write_timings(folder, one_after_the_other(both))
    assert {side.variant for side in study(read_capture(folder)).controls.values()} == {"copy_"}


def test_so_few_rounds_that_no_result_could_show_a_difference_are_told(tmp_path):
    def eager(rounds):
        found = timed(tmp_path / str(rounds), lambda rows: rows["round"] < rounds).against_baseline
        return {item.b.variant: item for item in found if item.b.regime == "eager"}

    few, more = eager(12), eager(TIMED_ROUNDS)
    clear = few["foreach"]  # all six pairs of rounds say that it is faster, and 2 ** -5 is the least p they can have
    assert clear.p == 2**-5 and clear.p_adjusted == pytest.approx(3 * 2**-5) and not clear.ratio.covers(1.0)
    assert (clear.verdict, clear.reasons[0]) == ("no-difference-shown", "too-few-rounds-for-holm")
    assert more["foreach"].verdict == "faster" and more["foreach"].reasons[0] == "interval-excludes-1"
    said = " ".join(sentence.text for sentence in sentences(verdict(study(read_capture(tmp_path / "12" / "capture")))))
    assert "so few rounds can’t show any among so many comparisons" in said


def test_sides_without_a_round_in_common_are_compared_unpaired(tmp_path):
    found = timed(tmp_path, lambda rows: (rows["variant"] == "copy_") == (rows["round"] < 10))
    item = next(item for item in found.against_baseline if item.b.variant == "foreach" and item.b.regime == "eager")
    assert "not-interleaved" in item.reasons and "paired-by-round" not in item.reasons
    assert item.ratio.samples == 10 and item.verdict == "faster"
    assert all(part.interval_ns is None for part in comparison_row(item).as_recorded.parts)


def test_blocks_inside_each_other_count_once_and_are_told(tmp_path):
    folder = make_capture(tmp_path / "capture")
    maker = TraceMaker()
    names = list(WALL["eager"])
    for number in range(ROUNDS):
        for variant in (names[index] for index in block_order(len(names), number)):
            begin = maker.now
            maker.block(f"variant:{variant}", variant, "eager", ITERATIONS)
            maker.add("user_annotation", f"variant:{variant}", begin - 10, maker.now - 9_000)
    document = {"schemaVersion": 1, "baseTimeNanoseconds": 0, "traceEvents": maker.events}
    (folder / "torch" / "eager.pt.trace.json").write_text(json.dumps(document))
    manifest = read_capture(folder).manifest
    write_manifest(
        folder,
        replace(manifest, traces=[replace(manifest.traces[0], path="torch/eager.pt.trace.json"), manifest.traces[1]]),
    )
    found = study(read_capture(folder))
    problems = found.problems["torch/eager.pt.trace.json"]
    assert problems["overlapping-blocks"] == ROUNDS * len(WALL["eager"])
    assert problems["capture-disagrees"] == 0
    assert found.sides["copy_", "eager"].recording.account.windows == ROUNDS


def test_a_trace_that_is_not_what_the_manifest_says_is_told(made, tmp_path):
    assert all(problems["capture-disagrees"] == 0 for problems in made.problems.values())
    folder = make_capture(tmp_path / "capture")
    manifest = read_capture(folder).manifest
    write_manifest(folder, replace(manifest, traces=[replace(manifest.traces[0], rounds=999), manifest.traces[1]]))
    make_trace(folder / "torch" / "graph.pt.trace.json.gz", "graph", ["copy_", "foreach", "triton-batched"])
    problems = study(read_capture(folder)).problems
    assert problems["torch/eager.pt.trace.json.gz"]["capture-disagrees"] == len(WALL["eager"])
    assert problems["torch/graph.pt.trace.json.gz"]["capture-disagrees"] == 1


def of_range(*, sync, work, after=0):
    """Six ranges of 1000 ns: a launch at 10, work of another thread's launch at 100 until `work`, a wait of `sync` ns."""
    rows = []
    for i in range(6):
        at = 10_000 * i
        rows += [
            host("range", "step", at, at + 1000),
            host("api", "cudaLaunchKernel", at + 10, at + 20, correlation=2 * i),
            gpu("kernel", at + 30, at + 40 + after, 2 * i),
            host("api", "cudaLaunchKernel", at + 1, at + 5, correlation=2 * i + 1, thread="2"),
            gpu("kernel", at + 100, at + work, 2 * i + 1, stream=8),
            host("api", "cudaDeviceSynchronize", at + 1000 - sync, at + 1000),
        ]
    return side_of_range(trace(rows), "step")


def test_a_range_that_waits_for_its_device_is_device_bound():
    side = of_range(sync=940, work=990)
    assert side.host_share == pytest.approx(0.06) and list(side.blocks["wall_ns"]) == [1000.0] * 6
    assert side.busy_share == pytest.approx(0.9), "10 of its own and 890 of another thread's"
    assert side.bound == "device-bound"


def test_a_range_that_never_waits_is_host_bound():
    side = of_range(sync=20, work=200)
    assert side.host_share == pytest.approx(0.98) and side.busy_share == pytest.approx(0.11)
    assert side.bound == "host-bound"


def test_a_range_that_its_work_outlasts_is_bound_by_nothing_known():
    assert of_range(sync=20, work=200, after=2000).bound == "unknown"
    assert (
        comparison_row(compare.compare(*[of_range(sync=20, work=200, after=2000)] * 2, paired=False)).a.bound
        == "unknown"
    )
