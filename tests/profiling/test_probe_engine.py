"""From trials to the verdict of the probe copy-engine: made trials, each control made to fail, no GPU."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.profiling.probes.copy_engine.verdict import (
    ALL,
    HALF,
    NOTHING,
    ONE_EACH,
    STATES,
    Seen,
    Shares,
    conclude,
    needs,
)
from launchlens.reports.words.probes.answer import says
from launchlens.traces.captures.probe_codes.copy_engine import BARE, BATCH, DTOD, DTOH, HTOD, MEMSET, TORCH_ADD, TRITON
from launchlens.traces.captures.probes import read_probes, write_probes

SIZES = (128, 65536, 64 << 20)
#: What finishes with all SMs held in a world where device-to-device copies are made by SMs.
NO_SM = {HTOD, DTOH}
OPERATIONS = (DTOD, HTOD, DTOH, BATCH, MEMSET, BARE, TORCH_ADD, TRITON)
SHARES = (
    Shares(HALF, 264, 1024, 66, 2, 132),
    Shares(ONE_EACH, 132, 1024, 132, 1, 132),
    Shares(ALL, 264, 1024, 132, 2, 132),
)


def world(no_sm=None, without=()):
    """Trials of every operation, size and state; `no_sm` holds the (operation, bytes) that finish with all SMs held."""
    keys = {(name, n) for name in NO_SM for n in SIZES} if no_sm is None else no_sm
    made = []
    for name in OPERATIONS:
        for n in SIZES:
            for state in STATES:
                ends = state in (NOTHING, HALF) or (name, n) in keys or (state == ONE_EACH and name != TRITON)
                made.append(Seen(name, n, state, 3, 3, 3 if ends else 0, 3, took_ns=9000 if ends else None))
    return [item for item in made if (item.operation, item.state) not in without]


def dtod(*sizes):
    return {(name, n) for name in NO_SM for n in SIZES} | {(DTOD, n) for n in sizes}


def changed(seen, operation, state, at=None, **more):
    return [
        replace(item, **more)
        if item.operation == operation and item.state == state and (at is None or item.bytes == at)
        else item
        for item in seen
    ]


def judged(seen):
    return conclude(seen, SHARES, len(OPERATIONS) * len(SIZES))


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [((), "sm"), (SIZES, "copy-engine"), ((64 << 20,), "depends-on-size"), (SIZES[:2], "depends-on-size")],
)
def test_the_verdict_is_what_device_to_device_copies_need(sizes, verdict):
    probe = judged(world(dtod(*sizes)))
    assert (probe.id, probe.verdict, probe.control) == ("copy-engine", verdict, "passed")
    assert [control.control for control in probe.controls if not control.passed] == []
    assert probe.figure("sizes-without-an-sm", of="DtoD").value == len(sizes)
    assert probe.figure("sizes-without-an-sm", of="HtoD").value == 3
    assert probe.figure("sizes-without-an-sm", of="memset").value == 0


@given(st.sets(st.sampled_from(SIZES)))
def test_any_set_of_sizes_gives_the_verdict_of_that_set(sizes):
    found = judged(world(dtod(*sizes))).verdict
    assert found == ("sm" if not sizes else "copy-engine" if sizes == set(SIZES) else "depends-on-size")


def test_the_answer_names_what_needs_an_sm_and_what_does_not():
    said = says(judged(world(dtod(128))))
    assert "all 132 SMs" in said
    assert "DtoD: no SM up to 128 B, an SM from 64 KiB on" in said
    assert "HtoD, DtoH: no SM at every size tried" in said
    assert "DtoD batch copy, memset, bare kernel, torch add_, Triton copy: an SM at every size tried" in said
    assert "DtoD: no SM at 1 of 3 sizes" in says(judged(world(dtod(64 << 20))))


def test_sizes_of_which_it_is_unclear_are_counted_apart():
    probe = judged(changed(world(), MEMSET, ALL, at=128, finished=1))
    assert probe.control == "passed" and probe.figure("sizes-unclear", of=MEMSET).counted == "of 3 sizes"
    assert "memset: unclear at 1 of 3 sizes" in says(probe)


def test_every_trial_is_in_the_table_with_what_held_the_sms_beside_it(tmp_path):
    probe = judged(world())
    trials, held = probe.tables
    assert len(trials.rows) == len(OPERATIONS) * len(SIZES)
    row = dict(zip(trials.columns, trials.rows[0], strict=True))
    assert (row["operation"], row["bytes"], row["needs"]) == (DTOD, 128, "an SM")
    assert (row["held half: finished"], row["held half: median"]) == ("3 of 3", 9000)
    assert (row["held all: finished"], row["held all: median"]) == ("0 of 3", None)
    assert held.rows[-1] == (ALL, 264, 1024, 132, 2, 132)
    write_probes(tmp_path, [probe])
    assert read_probes(tmp_path) == {"copy-engine": probe}


FAILING = {
    "a small HtoD copy does not finish": (
        changed(world(), HTOD, ALL, at=128, finished=0),
        SHARES,
        24,
        "copies from pinned host memory finish",
    ),
    "the largest HtoD copy does not finish": (
        changed(world(), HTOD, ALL, at=64 << 20, finished=2),
        SHARES,
        24,
        "copies from pinned host memory finish",
    ),
    "no HtoD copy was tried": (world(without={(HTOD, ALL)}), SHARES, 24, "copies from pinned host memory finish"),
    "an operation waits with half of the SMs free": (
        changed(world(), TORCH_ADD, HALF, finished=0),
        SHARES,
        24,
        "every operation finishes with half",
    ),
    "half was not tried": (world(without={(MEMSET, HALF)}), SHARES, 24, "every operation finishes with half"),
    "an SM was not held": (world(), (*SHARES[:2], replace(SHARES[2], sms_held=131)), 24, "the blocks that held"),
    "an SM had room for a block": (world(), (*SHARES[:2], replace(SHARES[2], blocks=263)), 24, "the blocks that held"),
    "more than half was held": (world(), (replace(SHARES[0], sms_held=67), *SHARES[1:]), 24, "the blocks that held"),
    "nobody looked what was held": (world(), (), 24, "the blocks that held"),
    "the hold ended early": (changed(world(), BATCH, ALL, held=2), SHARES, 24, "the SMs stayed held"),
    "a bare kernel finished": (changed(world(), BARE, ALL, at=128, finished=1), SHARES, 24, "a bare kernel does not"),
    "no bare kernel was tried": (world(without={(BARE, ALL)}), SHARES, 24, "a bare kernel does not"),
    "an operation was new when it was tried": (world(), SHARES, 23, "every operation ran rightly"),
    "a byte was wrong": (changed(world(), DTOD, NOTHING, right=2), SHARES, 24, "every byte is right"),
    "one size is unclear": (changed(world(), DTOD, ALL, at=128, finished=1), SHARES, 24, "every size of DtoD"),
    "nothing was tried": ([], (), 0, "every size of DtoD"),
}


@pytest.mark.parametrize("why", FAILING)
def test_without_any_one_control_nothing_is_said(why):
    seen, shares, warmed, control = FAILING[why]
    probe = conclude(seen, shares, warmed)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
    assert any(item.control.startswith(control) and not item.passed for item in probe.controls)
    assert control in says(probe)


def states(**finished):
    held = {NOTHING: 3, HALF: 3, ALL: 0} | finished
    return {state: Seen(DTOD, 128, state, 3, 3, count, 3) for state, count in held.items()}


def test_an_operation_needs_an_sm_only_if_it_waits_for_one_and_for_nothing_else():
    assert needs(states()) == "an SM"
    assert needs(states(all=3)) == "no SM"
    assert needs(states(all=1)) == "unclear"  # sometimes
    assert needs(states(half=2)) == "unclear"  # waits for more than an SM
    assert needs(states(nothing=0, half=0)) == "unclear"  # never ends
    assert needs({state: item for state, item in states().items() if state != ALL}) == "unclear"
    assert needs(states() | {ALL: Seen(DTOD, 128, ALL, 3, 2, 0, 3)}) == "unclear"  # the SMs were let go once
    assert needs(states() | {ALL: Seen(DTOD, 128, ALL, 0, 0, 0, 0)}) == "unclear"
