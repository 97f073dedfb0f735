"""From samples to the answer of the probe backlog: made samples, each control made to fail, no GPU."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.profiling.probes.apparatus.blocker import Behind
from launchlens.profiling.probes.backlog.iterations import (
    ENOUGH_NS,
    MOST_TWICE,
    NotQueuedError,
    choose_iterations,
    limit_s,
)
from launchlens.profiling.probes.backlog.kept import AGAIN, BACKLOG, EAGER, TWICE, Sample
from launchlens.profiling.probes.backlog.verdict import conclude
from launchlens.reports.words.probes.answer import says
from launchlens.traces.captures.probes import read_probes, write_probes
from launchlens.traces.claims.read import note_claims

ROUNDS, ITERATIONS, EAGERLY = 20, 16, 50
#: (eager µs, device µs behind a backlog) per iteration: what launches less wins eagerly, and one loses behind a backlog.
WORLD = {"copy_": (45, 6.7), "triton": (96, 6.2), "foreach": (9, 1.4)}


def world(times=WORLD, baseline="copy_", noise=0.01):
    """Samples of every variant and round; the host drifts by half, the device hardly."""
    random = np.random.default_rng(5)
    made = []
    for number in range(ROUNDS):
        host = random.uniform(1, 1.5)
        for name, (eager, behind) in times.items():
            hows = [(BACKLOG, 1), (TWICE, 2)] + ([(AGAIN, 1)] if name == baseline else [])
            for how, factor in hows:
                count = factor * ITERATIONS
                ns = behind * 1e3 * count * random.normal(1, noise)
                made.append(Sample(number, name, how, count, ns, eager * 1e3 * count))
            wall = eager * 1e3 * EAGERLY * host * random.normal(1, noise)
            made.append(Sample(number, name, EAGER, EAGERLY, wall, wall * 0.98))
    return made


RIGHT = world()


def changed(samples, variant, how, only=None, **more):
    factor = more.pop("by", None)
    return [
        replace(item, **(more if factor is None else {"ns": item.ns * factor}))
        if (item.variant, item.how) == (variant, how) and (only is None or item.round in only)
        else item
        for item in samples
    ]


def judged(samples=RIGHT, **more):
    return conclude(samples, "copy_", **more)


def test_a_ranking_that_turns_round_behind_a_backlog_is_found():
    probe = judged()
    assert [item.control for item in probe.controls if not item.passed] == []
    assert (probe.id, probe.verdict, probe.control) == ("backlog", "ranking-flips", "passed")
    flips = probe.figure("pairs-that-flip")
    assert (flips.value, flips.out_of, flips.counted) == (1, 3, "of 3 pairs")
    assert "1 of 3 pairs of variants change their order and 2 keep it." in says(probe)
    assert "Against copy_ it flips for triton (2.13 × eagerly, 0.923 × behind the backlog)." in says(probe)


def test_times_are_per_iteration_and_ratios_are_paired_by_round():
    probe = judged()
    behind = probe.figure("device-time", of="triton", under="backlog")
    assert behind.value == pytest.approx(6200, rel=0.02) and behind.interval[0] < 6200 < behind.interval[1]
    assert probe.figure("wall-time", of="triton", under="eager").value == pytest.approx(96_000 * 1.25, rel=0.1)
    assert probe.figure("ratio", of="triton", to="copy_", under="backlog").value == pytest.approx(6.2 / 6.7, rel=0.02)
    eager = probe.figure("ratio", of="triton", to="copy_", under="eager")
    assert (
        eager.value == pytest.approx(96 / 45, rel=0.02) and eager.interval[1] - eager.interval[0] < 0.05
    )  # not the drift
    assert probe.figure("ratio", of="copy_", to="copy_", under="eager") is None


def test_a_ranking_that_stays_holds_and_one_that_is_lost_in_noise_does_not():
    stays = world({"copy_": (45, 6.7), "triton": (96, 7.9), "foreach": (9, 1.4)})
    assert judged(stays).verdict == "ranking-holds"
    alike = world({"copy_": (45, 6.7), "triton": (96, 6.7)}, noise=0.03)
    probe = judged(alike)
    assert (probe.verdict, probe.control) == ("no-flip-shown", "passed")
    assert "0 of 1 pairs of variants keep their order and of 1 it is not shown." in says(probe)
    assert "3 of 3 pairs of variants keep their order." in says(judged(stays))


def test_the_tables_show_every_variant_and_every_pair(tmp_path):
    probe = judged(left_out={"item": "it waits for the device"})
    times, orders, out = probe.tables
    row = dict(zip(times.columns, times.rows[1], strict=True))
    assert (row["variant"], row["iterations per sample"], row["rounds"]) == ("triton", ITERATIONS, ROUNDS)
    assert row["twice as many iterations take"] == pytest.approx(2, rel=0.02)
    assert row["÷ copy_ behind a backlog"] == pytest.approx(6.2 / 6.7, rel=0.02)
    assert [row[-1] for row in orders.rows] == ["flips", "same order", "same order"]
    assert out.rows == (("item", "it waits for the device"),)
    assert "1 of 4 variants could not be put behind a backlog; the table of them says why." in says(probe)
    write_probes(tmp_path, [probe])
    assert read_probes(tmp_path) == {"backlog": probe}


def test_what_the_notes_claims_read_is_given():
    tests = [test for claim in note_claims() for test in claim.tests if getattr(test, "probe", None) == "backlog"]
    probe = judged(world({"copy_": (45, 6.7), "triton-per-tensor": (96, 6.2), "triton-batched": (22, 1.3)}))
    assert tests and all(probe.figure(test.what, of=test.of, to=test.to, under=test.under) for test in tests)


def test_parts_are_timed_and_not_ranked():
    probe = judged(parts={"triton"})
    assert probe.verdict == "ranking-holds" and len(probe.tables[1].rows) == 1
    assert probe.figure("ratio", of="triton", to="copy_", under="backlog") is not None


def test_time_that_does_not_grow_with_the_iterations_is_no_time_of_the_variant():
    probe = judged(changed(RIGHT, "foreach", TWICE, by=0.5))
    assert (probe.verdict, probe.control) == ("ranking-flips", "passed")
    assert probe.figure("wall-time", of="foreach", under="eager") is None
    ((name, why),) = probe.tables[2].rows
    assert name == "foreach" and why.startswith("twice as many iterations take 1.0")


def test_a_variant_that_often_outlasts_the_blocker_is_left_out_and_a_rare_sample_costs_its_round():
    often = judged(changed(RIGHT, "foreach", BACKLOG, only={1, 2, 3}, held=False))
    ((name, why),) = often.tables[2].rows
    assert often.control == "passed" and name == "foreach" and why.startswith("in 3 of 20 rounds it waited")
    rare = judged(changed(RIGHT, "foreach", BACKLOG, only={1}, held=False, ns=1e12))
    assert rare.control == "passed"
    assert "19 of 20 rounds are counted" in rare.controls[0].found
    assert {row[2] for row in rare.tables[0].rows} == {19}


FAILING = {
    "the baseline outlasts the blocker": (
        changed(RIGHT, "copy_", BACKLOG, only=range(3), held=False),
        {},
        "the blocker held until",
    ),
    "too few rounds": ([item for item in RIGHT if item.round < 4], {}, "the blocker held until"),
    "A/A": (changed(RIGHT, "copy_", AGAIN, by=1.1), {}, "the baseline, timed twice"),
    "a constant": (changed(RIGHT, "copy_", TWICE, by=0.7), {}, "twice as many iterations"),
    "no baseline": (
        [item for item in RIGHT if item.variant != "copy_"],
        {"copy_": "it waits for the device"},
        "the baseline, timed twice",
    ),
    "one variant": ([item for item in RIGHT if item.variant == "copy_"], {}, "there are two variants"),
    "nothing": ([], {}, "the blocker held until"),
}


@pytest.mark.parametrize("why", FAILING)
def test_without_any_one_control_nothing_is_said(why):
    samples, left_out, control = FAILING[why]
    probe = judged(samples, left_out=left_out)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
    assert any(item.control.startswith(control) and not item.passed for item in probe.controls)
    assert control in says(probe)
    if left_out:
        assert "it waits for the device" in says(probe)


# -- how many iterations make a sample


def queue(device_us, takes, launches=1, host_us=40, tried=None):
    """What runs behind the blocker: a queue that takes so many launches, and then waits until the blocker lets go."""

    def run(count):
        if tried is not None:
            tried.append(count)
        held = count * launches <= takes
        return Behind(count, held, int(count * host_us * 1e3 + (0 if held else 250e6)), count * device_us * 1e3)

    return run


def test_iterations_are_doubled_until_twice_as_many_take_long_enough():
    tried = []
    assert choose_iterations(queue(6.7, 1000, 7, tried=tried), 40e3) == 32
    assert tried == [1, 2, 4, 8, 16, 32, 64] and 64 * 6.7e3 >= ENOUGH_NS
    assert choose_iterations(queue(5000, 1000), 40e3) == 1
    assert choose_iterations(queue(0.01, 1000), 40e3) == MOST_TWICE // 2


def test_a_queue_that_fills_up_gets_far_less_than_filled_it():
    assert choose_iterations(queue(1, 1000, 30), 40e3) == 8  # 32 fit, 64 did not
    assert choose_iterations(queue(1, 100, 30), 40e3) == 1


@given(device=st.floats(0.5, 1e5), launches=st.integers(1, 2000))
def test_whatever_a_launch_takes_the_queue_never_fills_in_a_sample(device, launches):
    try:
        count = choose_iterations(queue(device * launches, 1024, launches), 40e3)
    except NotQueuedError:
        assert 2 * launches > 1024
    else:
        assert 2 * count * launches <= 1024 and count <= MOST_TWICE // 2


def test_what_waits_for_the_device_is_told_from_what_is_merely_long():
    with pytest.raises(NotQueuedError, match="waits for the device"):
        choose_iterations(queue(5, 0), 40e3)
    with pytest.raises(NotQueuedError, match="two iterations"):
        choose_iterations(queue(5, 1000, 800), 40e3)
    with pytest.raises(NotQueuedError, match="takes 70 ms"):
        choose_iterations(queue(5, 1000), 70e6)


def test_submitting_that_slows_down_counts_as_waiting():
    def run(count):
        slow = 1 if count < 16 else 2000
        return Behind(count, True, int(count * 40e3 * slow), count * 1e3)

    assert choose_iterations(run, 40e3) == 2


def test_the_timer_leaves_room_for_slow_hosts_and_comes_before_the_devices_own_limit():
    assert limit_s(1, 40e3) == 0.25
    assert limit_s(64, 1e6) == pytest.approx(1.28)
    assert limit_s(64, 50e6) == 2.0
