"""What an unprofiled time is made of, on accounts made by hand: the recorder's cost is taken out, and what is left is told."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from launchlens.traces.captures.capture import typed
from launchlens.traces.captures.light import ACCOUNT_COLUMNS, BURSTS, STATES, read_accounts, write_accounts
from launchlens.traces.studies.explained import LightAccounts, difference_of
from launchlens.traces.studies.per_iteration import per_iteration

ROUNDS, SHORT, FIXED = 12, 50, 7000
#: What an event costs between its two moments, and besides, ns.
INSIDE, OUTSIDE = 20, 60
#: Per iteration: true time, events and held events by state.
TRUE = {
    "copy": {"python": (2000, 0, 4), "dispatch": (3000, 4, 2), "launch": (5000, 2, 0)},
    "fused": {"python": (1500, 0, 2), "dispatch": (1000, 1, 1), "launch": (2500, 2, 0), "sync": (400, 0, 0)},
}


def _blocks(unseen=0, seed=1):
    """Timings, accounts and bursts of TRUE; the recorder also costs `unseen` ns an iteration that no event tells of."""
    generator = np.random.default_rng(seed)
    timings, accounts, bursts = [], [], []

    def block(rows, number, variant, regime, per_iteration_ns, states):
        for length, count in (("short", SHORT), ("long", 2 * SHORT)):
            for recorder in ("off", "light"):
                events = sum(events for _, events, _ in states.values())
                cost = events * (INSIDE + OUTSIDE) + (unseen if regime != BURSTS else 0)
                wall = count * (per_iteration_ns + (cost if recorder == "light" else 0)) + FIXED
                rows.append(
                    {"round": number, "position": 0, "variant": variant, "regime": regime, "control": False}
                    | {"length": length, "recorder": recorder, "iterations": count, "start_ns": 0}
                    | {"host_ns": wall - 100, "wall_ns": wall, "device_ns": None, "sm_clock_mhz": None}
                )
            for state in STATES:
                ns, events, holds = states.get(state, (0, 0, 0))
                seen = count * (ns + events * INSIDE + holds * OUTSIDE) + (FIXED if state == "python" else 0)
                accounts.append(
                    {"round": number, "variant": variant, "regime": regime, "control": False, "length": length}
                    | {
                        "iterations": count,
                        "state": state,
                        "ns": seen,
                        "events": count * events,
                        "holds": count * holds,
                        "calls_held": None,
                    }
                )

    for number in range(ROUNDS):
        drift = generator.integers(0, 3)
        for variant, states in TRUE.items():
            whole = sum(ns for ns, _, _ in states.values()) + int(drift)
            grown = {
                state: (ns + (int(drift) if state == "python" else 0), *rest) for state, (ns, *rest) in states.items()
            }
            block(timings, number, variant, "eager", whole, grown)
        for kind, state in (("ops", "dispatch"), ("calls", "api")):
            for count in (8, 32):
                block(bursts, number, f"{kind}:{count}", BURSTS, 100 * count, {state: (100 * count, count, 0)})
    return typed(pd.DataFrame(timings)), typed(pd.DataFrame(accounts), ACCOUNT_COLUMNS), typed(pd.DataFrame(bursts))


def _explained(blocks, variant):
    timings, accounts, bursts = blocks
    lights = LightAccounts(timings, accounts, bursts, float(INSIDE))
    mine = per_iteration(timings[timings["variant"] == variant])
    side = SimpleNamespace(variant=variant, regime="eager", wall=SimpleNamespace(value=float(mine["wall_ns"].median())))
    return lights, lights.explain(side)


def test_a_marginal_time_is_free_of_what_a_block_costs():
    timings, _, _ = _blocks()
    mine = per_iteration(timings[timings["variant"] == "copy"])
    assert mine["wall_ns"].between(10_000, 10_002).all()
    assert set(mine["fixed_ns"]) == {FIXED}


def test_blocks_of_one_length_give_their_time_by_their_iterations():
    timings, _, _ = _blocks()
    only = timings[(timings["length"] == "short") & (timings["recorder"] == "off")].assign(length="only")
    mine = per_iteration(only)
    assert mine["wall_ns"].iloc[0] == only["wall_ns"].iloc[0] / SHORT
    assert mine["fixed_ns"].isna().all()


def test_a_round_whose_long_block_took_no_longer_tells_nothing_of_that_variant():
    timings, _, _ = _blocks()
    jammed = (timings["variant"] == "copy") & (timings["round"] == 3) & (timings["length"] == "short")
    timings.loc[jammed & (timings["recorder"] == "off"), "wall_ns"] = 10_000_000
    mine = per_iteration(timings)
    assert 3 not in set(mine.loc[mine["variant"] == "copy", "round"])
    assert 3 in set(mine.loc[mine["variant"] == "fused", "round"])
    assert (mine["wall_ns"] > 0).all()


def test_a_jammed_round_does_not_keep_a_side_from_being_explained():
    timings, accounts, bursts = _blocks()
    jammed = (timings["variant"] == "copy") & (timings["round"] == 3) & (timings["length"] == "short")
    timings.loc[jammed & (timings["recorder"] == "off"), "wall_ns"] = 10_000_000
    _, found = _explained((timings, accounts, bursts), "copy")
    assert found is not None and found.closure < 0.01


def test_the_cost_of_events_comes_from_the_bursts():
    lights, _ = _explained(_blocks(), "copy")
    assert lights.costs["ops"] == pytest.approx(INSIDE + OUTSIDE)
    assert lights.costs["calls"] == pytest.approx(INSIDE + OUTSIDE)


@pytest.mark.parametrize("variant", TRUE)
def test_parts_are_the_true_times_and_sum_to_the_unprofiled_one(variant):
    _, found = _explained(_blocks(), variant)
    assert found is not None
    whole = sum(ns for ns, _, _ in TRUE[variant].values())
    assert found.marginal_ns == pytest.approx(whole, abs=2)
    for state, (ns, _, _) in TRUE[variant].items():
        part = found.part(state)
        assert part is not None and part.ns == pytest.approx(ns, abs=5), state
        low, high = part.interval
        assert low <= part.ns <= high
    assert sum(part.ns for part in found.parts) + found.not_attributed.ns == pytest.approx(found.marginal_ns)
    assert found.closure < 0.001 and found.closes
    events = sum(events for _, events, _ in TRUE[variant].values())
    assert found.inflation == pytest.approx(1 + events * (INSIDE + OUTSIDE) / whole, rel=0.001)


def test_a_cost_that_no_event_tells_of_is_not_attributed():
    _, found = _explained(_blocks(unseen=800), "copy")
    # what stretches an iteration is longer by that than what its events cost; it is spread over the states by their time
    assert found.not_attributed.ns == pytest.approx(-800, abs=10)
    assert found.closure == pytest.approx(0.08, abs=0.001)


def test_a_side_that_does_not_close_does_not_explain():
    blocks = _blocks(unseen=1500)
    (_, a), (_, b) = _explained(blocks, "copy"), _explained(blocks, "fused")
    assert not a.closes
    assert not difference_of(a, b).closes


def test_the_parts_of_a_difference_sum_to_it_and_point_its_way():
    blocks = _blocks()
    (_, a), (_, b) = _explained(blocks, "copy"), _explained(blocks, "fused")
    found = difference_of(a, b)
    assert found.ns == pytest.approx(-4600, abs=2)
    assert sum(part.ns for part in found.parts) + found.not_attributed.ns == pytest.approx(found.ns)
    parts = {part.state: part.ns for part in found.parts}
    assert parts["launch"] == pytest.approx(-2500, abs=5)
    assert parts["sync"] == pytest.approx(400, abs=5), "only b has it"
    assert [part.state for part in found.named][:2] == ["launch", "dispatch"]
    other = difference_of(b, a)
    assert {part.state: -part.ns for part in other.parts} == pytest.approx(parts)
    assert all(part.interval is not None for part in (*found.parts, *other.parts)), (
        "also where one side has nothing of a state"
    )
    assert not found.changes_pace and found.closes


def test_a_side_of_which_a_round_is_missing_is_not_explained():
    timings, accounts, bursts = _blocks()
    lacking = timings[~((timings["variant"] == "copy") & (timings["round"] == 3))]
    _, found = _explained((lacking, accounts, bursts), "copy")
    assert found is None


def test_accounts_are_read_as_they_were_written(tmp_path):
    _, accounts, bursts = _blocks()
    assert read_accounts(tmp_path) is None
    write_accounts(tmp_path, accounts, bursts)
    for read, made in zip(read_accounts(tmp_path), (accounts, bursts), strict=True):
        pd.testing.assert_frame_equal(read, made)
