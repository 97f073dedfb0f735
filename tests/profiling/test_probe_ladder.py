"""From timed bursts to the answer of the probe launch-ladder: made times, each control made to fail, no GPU."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launchlens.profiling.probes.launch_ladder import copy_ladder as of_copy
from launchlens.profiling.probes.launch_ladder import triton_ladder as of_triton
from launchlens.profiling.probes.launch_ladder.ladder import Ladder, Step, account
from launchlens.profiling.probes.launch_ladder.triton_parts import PARTS
from launchlens.profiling.probes.launch_ladder.verdict import Checks, Launched, conclude
from launchlens.reports.words.probes.answer import says
from launchlens.traces.captures.probe_codes.launch_ladder import RESIDUAL
from launchlens.traces.captures.probes import read_probes, write_probes
from launchlens.traces.claims.read import note_claims

ROUNDS = 40
COPY = {"loop": 15, "call": 60, "dispatch": 1400, "api-call": 2500, "residual": 700}
TRITON = {
    "loop": 15,
    "indexing": 90,
    "grid": 120,
    "call": 300,
    "device-and-stream": 500,
    "binding": 1500,
    "look-up": 900,
    "hooks": 800,
    "launcher": 1700,
    "api-call": 2600,
    "residual": 400,
}
CTYPES = 800
NAMES = tuple(part.name for part in PARTS)
CHECKS = Checks(
    [Launched("copy_ of no elements", 0, 0), Launched("copy_", 1, 1), Launched("triton", 1, 1)],
    {"copy_": True, "triton": True},
    same=True,
)


def copy_rungs(costs):
    up_to_call = costs["loop"] + costs["call"]
    whole = up_to_call + costs["dispatch"] + costs["api-call"] + costs["residual"]
    return {
        of_copy.LOOP: costs["loop"],
        of_copy.METHOD: up_to_call,
        of_copy.EMPTY: up_to_call + costs["dispatch"],
        of_copy.API: CTYPES + costs["api-call"],
        of_copy.NO_API: CTYPES,
        **dict.fromkeys((of_copy.WHOLE, of_copy.AGAIN, of_copy.HALF), whole),
    }


def triton_rungs(costs):
    loop = costs["loop"]
    made = {of_triton.INDEX: loop + costs["indexing"], of_triton.GRID: loop + costs["grid"]}
    so_far = loop
    for name in NAMES:
        so_far += costs[name] + (costs["api-call"] if name == "launcher" else 0)
        made[f"triton: up to {name}"] = so_far
    whole = so_far + costs["indexing"] + costs["grid"] + costs["residual"]
    made |= {of_triton.API: CTYPES + costs["api-call"], of_triton.NO_API: CTYPES}
    made |= dict.fromkeys((of_triton.WHOLE, of_triton.AGAIN, of_triton.HALF), whole)
    return made | {of_triton.BOUND: whole - 210, of_triton.NO_HOOKS: whole - 700, of_triton.IDLE_HOOKS: whole + 200}


def timed(rungs, noise=0.005, **changed):
    """Every rung in every round: the rounds drift by half, as hosts do, and each rung has a noise of its own."""
    random = np.random.default_rng(3)
    drift = random.uniform(1, 1.5, ROUNDS)
    found = {}
    for name, ns in rungs.items():
        found[name] = ns * drift * random.normal(1, noise, ROUNDS) * changed.get(name, 1)
    return found


LADDERS = [of_copy.ladder(True), of_triton.ladder(NAMES, True)]
RUNGS = copy_rungs(COPY) | triton_rungs(TRITON)
TIMES = timed(RUNGS)


def scaled(name, factor):
    return {**TIMES, name: TIMES[name] * factor}


def judged(times=TIMES, ladders=LADDERS, checks=CHECKS):
    return conclude(ladders, times, checks)


def cost(probe, ladder, step):
    """The figure of a step, or of the residual."""
    return (
        probe.figure("residual", of=ladder) if step == RESIDUAL else probe.figure("ladder-step", of=ladder, part=step)
    )


def test_the_answer_names_the_largest_step_of_each_ladder():
    probe = judged()
    assert [item.control for item in probe.controls if not item.passed] == []
    assert (probe.id, probe.control) == ("launch-ladder", "passed")
    assert probe.verdict == "copy_: api-call; triton: api-call"
    assert "One call of copy_ takes the host" in says(probe) and "API call" in says(probe).partition("triton")[2]


@pytest.mark.parametrize(("name", "costs"), [("copy_", COPY), ("triton", TRITON)])
def test_every_step_is_found_and_the_steps_sum_to_the_whole(name, costs):
    probe = judged()
    drift = 1.25  # the middle of what the rounds drift over
    for step, ns in costs.items():
        found = cost(probe, name, step)
        low, high = found.interval
        assert low <= found.value <= high and found.unit == "ns"
        assert found.value == pytest.approx(ns * drift, abs=0.03 * sum(costs.values())), step
    whole = probe.figure("ladder-whole", of=name)
    assert sum(cost(probe, name, step).value for step in costs) == pytest.approx(whole.value)
    assert whole.value == pytest.approx(sum(costs.values()) * drift, rel=0.03)


@settings(max_examples=20)
@given(
    costs=st.dictionaries(st.sampled_from(sorted(TRITON)), st.floats(0, 5000), max_size=8),
    noise=st.floats(0, 0.2),
)
def test_steps_and_residual_sum_to_the_whole_whatever_was_timed(costs, noise):
    made = account(LADDERS[1], timed(triton_rungs(TRITON | costs) | {of_copy.LOOP: 15}, noise))
    assert sum(step.value for step in made.steps.values()) == pytest.approx(made.whole.value)
    assert list(made.steps)[-1] == RESIDUAL and set(made.largest) <= set(made.steps)


def test_steps_of_one_size_are_named_together_and_a_dear_residual_is_an_answer():
    even = timed(copy_rungs(COPY | {"dispatch": 2500}) | triton_rungs(TRITON | {"residual": 4000}))
    verdict = judged(even).verdict
    copies, _, triton = verdict.partition("; ")
    assert copies in ("copy_: dispatch or api-call", "copy_: api-call or dispatch")
    assert triton == "triton: residual"


def test_without_rounds_enough_for_an_interval_no_step_is_shown_to_be_the_largest():
    few = {name: times[:4] for name, times in TIMES.items()}
    found = account(LADDERS[0], few)
    assert set(found.largest) == set(COPY) and found.steps[RESIDUAL].low is None


def test_what_stands_beside_the_steps_is_in_no_sum():
    probe = judged()
    whole = probe.value("ladder-whole", of="triton")
    assert (
        probe.value("ladder-whole", of="triton", under="no-hooks")
        < whole
        < probe.value("ladder-whole", of="triton", under="idle-hooks")
    )
    ratio = probe.figure("ratio", of="triton", to="copy_")
    assert ratio.value == pytest.approx(sum(TRITON.values()) / sum(COPY.values()), rel=0.02) and ratio.unit == "ratio"
    unhooked = {name: times for name, times in TIMES.items() if name not in (of_triton.NO_HOOKS, of_triton.IDLE_HOOKS)}
    assert judged(unhooked).figure("ladder-whole", of="triton", under="no-hooks") is None


def test_the_tables_show_every_step_and_how_it_comes_about(tmp_path):
    probe = judged()
    copies, triton, rungs = probe.tables
    assert [row[0] for row in copies.rows] == [*COPY, "whole"] and [row[0] for row in triton.rows] == [
        *steps_of(TRITON),
        "whole",
    ]
    by_name = {row[0]: dict(zip(triton.columns, row, strict=True)) for row in triton.rows}
    assert by_name["launcher"]["how it comes about"] == (
        "triton: up to launcher − triton: up to hooks − triton: API + triton: no API"
    )
    assert sum(row[4] for row in triton.rows[:-1]) == pytest.approx(1)
    assert {row[0] for row in rungs.rows} == set(TIMES)
    write_probes(tmp_path, [probe])
    assert read_probes(tmp_path) == {"launch-ladder": probe}


def steps_of(costs):
    """In the order of the ladder: the API call follows the launcher."""
    return [*(name for name in costs if name != "residual"), "residual"]


def test_a_triton_without_some_parts_leaves_their_cost_to_the_residual():
    shorter = of_triton.ladder(NAMES[:3], True)
    found = account(shorter, TIMES)
    assert list(found.steps) == ["loop", "indexing", "grid", *NAMES[:3], "api-call", "residual"]
    left = sum(TRITON[name] for name in (*NAMES[3:], "residual"))
    assert found.steps[RESIDUAL].value == pytest.approx(left * 1.25, abs=300)


def test_what_the_notes_claims_read_is_given():
    tests = [test for claim in note_claims() for test in claim.tests if getattr(test, "probe", None) == "launch-ladder"]
    keys = [key for test in tests for key in test.keys]
    found = {figure.key for figure in judged().figures}
    assert keys and set(keys) <= found


def test_without_triton_only_copies_are_answered():
    probe = judged(timed(copy_rungs(COPY)), LADDERS[:1], Checks(CHECKS.launched[:2], {"copy_": True}))
    assert (probe.verdict, probe.control) == ("copy_: api-call", "passed")


FAILING = {
    "A/A": ({"times": scaled(of_copy.AGAIN, 1.08)}, "the whole, timed twice"),
    "A/A of the other": ({"times": scaled(of_triton.AGAIN, 0.93)}, "the whole, timed twice"),
    "a full queue": ({"times": scaled(of_triton.HALF, 0.8)}, "in bursts half as long"),
    "order": ({"times": scaled(of_copy.METHOD, 40)}, "a rung is not dearer"),
    "order of triton's": ({"times": scaled("triton: up to binding", 2)}, "a rung is not dearer"),
    "no API call": ({"ladders": [of_copy.ladder(False), LADDERS[1]]}, "the API call was measured by itself"),
    "an empty copy that launches": (
        {"checks": replace(CHECKS, launched=[Launched("copy_ of no elements", 0, 1)])},
        "a copy of no elements",
    ),
    "two launches": ({"checks": replace(CHECKS, launched=[Launched("triton", 1, 2)])}, "a copy of no elements"),
    "nothing counted": ({"checks": replace(CHECKS, launched=[])}, "a copy of no elements"),
    "wrong bytes": ({"checks": replace(CHECKS, right={"copy_": True, "triton": False})}, "the calls that copy"),
    "nothing looked at": ({"checks": replace(CHECKS, right={})}, "the calls that copy"),
    "other arguments": ({"checks": replace(CHECKS, same=False)}, "Triton's parts"),
    "no ladder": ({"ladders": []}, "the whole, timed twice"),
}


@pytest.mark.parametrize("why", FAILING)
def test_without_any_one_control_nothing_is_said(why):
    changed, control = FAILING[why]
    probe = judged(**changed)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
    assert any(item.control.startswith(control) and not item.passed for item in probe.controls)
    assert control in says(probe)


def test_a_rung_that_is_dearer_by_less_than_its_noise_is_not_out_of_order():
    near = timed(RUNGS | {"triton: up to hooks": RUNGS["triton: up to look-up"] * 0.99})
    assert judged(near).control == "passed"


def test_a_step_may_count_a_rung_more_than_once():
    ladder = Ladder(
        "one", "whole", "again", "half", (), (Step("two", "twice", {"a": 2, "b": -1}),), {"whole": "all of it"}
    )
    times = {
        name: np.full(6, ns, float) for name, ns in {"whole": 30, "again": 30, "half": 30, "a": 10, "b": 5}.items()
    }
    found = account(ladder, times)
    assert (found.steps["two"].value, found.steps[RESIDUAL].value) == (15, 15)
    assert conclude([ladder], times, CHECKS).tables[0].rows[0][-1] == "2 × a − b"
