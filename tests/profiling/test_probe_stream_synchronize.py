"""From made samples to the verdict of the probe stream-synchronize, each control made to fail, no GPU."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from launchlens.profiling.probes.stream_synchronize.verdict import (
    CALLS,
    CREATED,
    CREATED_RAW,
    DESTROYED_RAW,
    ENDED,
    IDLE,
    IN_FLIGHT,
    ONE_IDLE,
    ONE_LARGE,
    SUBMITTED,
    WHOLE_DEVICE,
    Checked,
    conclude,
)
from launchlens.reports.words.probes.answer import says
from launchlens.traces.captures.probe_codes.stream_synchronize import DEVICE_COSTS_LESS, STREAMS_COST_LESS
from launchlens.traces.captures.probe_codes.verdicts import NO_DIFFERENCE
from launchlens.traces.captures.probes import read_probes, write_probes
from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.read import note_claims

ROUNDS = 10
NS = {
    CREATED: 6000,
    CREATED_RAW: 90_000,
    DESTROYED_RAW: 60_000,
    SUBMITTED: 70_000,
    IN_FLIGHT: 12_000,
    ENDED: 8000,
    IDLE: 7000,
    WHOLE_DEVICE: 9000,
    ONE_IDLE: 1000,
    ONE_LARGE: 45_000,
}
CHECKED = Checked(copied=ROUNDS, right=ROUNDS, working=[1.0] * ROUNDS, given=64, distinct=32)


def samples(ns, shift=0):
    return [ns * (1 + 0.1 * (number % 3)) * (1 + 0.002 * ((number + shift) % 5 - 2)) for number in range(ROUNDS)]


def world(changed=None):
    return {name: samples((changed or {}).get(name, ns), place) for place, (name, ns) in enumerate(NS.items())}


def judged(found=None, again=None, checked=CHECKED):
    found = world() if found is None else found
    return conclude(found, found.get(IDLE, []) if again is None else again, checked, ["a note"])


@pytest.mark.parametrize(
    ("seven", "verdict"), [(12_000, DEVICE_COSTS_LESS), (5000, STREAMS_COST_LESS), (9000.1, NO_DIFFERENCE)]
)
def test_the_verdict_is_which_way_of_waiting_costs_less(seven, verdict):
    probe = judged(world({IN_FLIGHT: seven}))
    assert (probe.id, probe.verdict, probe.control) == ("stream-synchronize", verdict, "passed")
    assert [item.control for item in probe.controls if not item.passed] == []


def test_the_figures_that_the_claims_read():
    probe = judged()
    seven = probe.figure("host-time", of="synchronize-streams", under="in-flight")
    assert seven.value == pytest.approx(1.1 * 12_000, rel=0.01) and seven.unit == "ns" and seven.interval is not None
    assert probe.value("host-time", of="create-streams", under="torch") == pytest.approx(1.1 * 6000, rel=0.01)
    distinct = probe.figure("distinct-streams")
    assert (distinct.value, distinct.out_of) == (32, 64)
    ratio = probe.figure("ratio", of="synchronize-streams", to="synchronize-device", under="in-flight")
    assert ratio.value == pytest.approx(4 / 3, rel=0.01)


def test_the_notes_claims_are_decided_by_it():
    claims = {claim.id: claim for claim in note_claims()}
    probe = judged(world({IN_FLIGHT: 12_000, CREATED: 6000}))

    def outcomes(claim):
        tests = [test for test in claims[claim].tests if getattr(test, "probe", None) == "stream-synchronize"]
        tested = CaptureUnderTest(SimpleNamespace(probes={probe.id: probe}))
        return [case.outcome for test in tests for case in test.cases(tested)]

    assert outcomes("stream-synchronisation") == ["fails"]  # 12 to 14 µs
    # created by CUDA itself in 90 to 108 µs, given by torch in 6 to 7
    assert outcomes("stream-creation") == ["fails", "holds"]


def test_all_that_was_timed_is_in_the_table_with_what_it_is(tmp_path):
    probe = judged()
    (table,) = probe.tables
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(rows) == [", ".join(filter(None, timed)) for timed in CALLS] and set(CALLS) == set(NS)
    row = rows["synchronize-streams, in-flight"]
    assert row["low"] < row["host time"] < row["high"]
    assert row["rounds"] == ROUNDS and "right after" in row["what was timed"]
    write_probes(tmp_path, [probe])
    assert read_probes(tmp_path) == {"stream-synchronize": probe}


def test_the_answer_says_what_each_costs_and_whether_the_streams_are_pooled():
    said = says(judged())
    assert "waiting for each stream takes 13.2 µs, 1.34 × that of one torch.cuda.synchronize() at 9.90 µs" in said
    assert "Seven torch.cuda.Stream() take 6.59 µs, since torch hands out streams that it made before" in said
    assert "since" not in says(judged(checked=replace(CHECKED, distinct=64)))


FAILING = {
    "a copy was missing": ({"checked": replace(CHECKED, right=ROUNDS - 1)}, "the seven copies are there"),
    "no copy was checked": ({"checked": replace(CHECKED, copied=0, right=0)}, "the seven copies are there"),
    "it does not wait": ({"found": world({ONE_LARGE: 1000})}, "synchronizing an idle stream takes less"),
    "waiting was not tried": (
        {"found": {name: found for name, found in world().items() if name not in (ONE_LARGE, ONE_IDLE)}},
        "synchronizing an idle stream takes less",
    ),
    "A/A differs": ({"again": samples(1.1 * 7000)}, "A/A"),
    "A/A was not measured": ({"again": []}, "A/A"),
    "one was not measured": (
        {"found": {name: found for name, found in world().items() if name != CREATED_RAW}},
        "everything was measured",
    ),
    "few rounds": (
        {"found": {name: found[:4] for name, found in world().items()}, "again": world()[IDLE][:4]},
        "everything was measured",
    ),
}


@pytest.mark.parametrize("why", FAILING)
def test_without_any_one_control_nothing_is_said(why):
    given, control = FAILING[why]
    probe = judged(**given)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
    assert any(item.control.startswith(control) and not item.passed for item in probe.controls)
    assert control in says(probe)


def test_without_any_sample_nothing_is_said():
    probe = conclude({}, [], Checked(0, 0, [], 0, 0))
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
