"""From trials to the answer of the probe held-sms: made trials of made worlds, each control made to fail, no GPU."""

import shutil
import subprocess
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchlens.profiling.probes import bare_kernel, hold
from launchlens.profiling.probes.held_sms_experiments import (
    ADD,
    BARE,
    CARVEOUT,
    CONTROL,
    HYPOTHESES,
    MEMCPY,
    OBSERVATION,
    REGISTERS,
    STACK,
    TRITON,
    Experiment,
    Holding,
    Work,
    experiments,
)
from launchlens.profiling.probes.held_sms_verdict import Block, Checked, Tried, answer, conclude, fits, groups
from launchlens.profiling.probes.raw_kernel import Device

H200 = Device(0, "sm_90", 132, 2048, 1024, 32, 65536, 233472, 232448, 1024)


def tried(hypothesis, factor, of, level, starts, kernel=TRITON, **more):
    return Tried(hypothesis, factor, of, level, kernel, *(more.pop("fits", True), 2, 2, 2 if starts else 0, 2), **more)


def world(rule):
    """The trials of all experiments in a world where `rule(experiment)` says what starts."""
    rows = []
    for item in experiments():
        too_much = item.hypothesis == REGISTERS and item.holding.registers == 52
        starts = not too_much and item.hypothesis != CONTROL and rule(item)
        kernel = replace(item.work, carveout=None).name
        row = tried(item.hypothesis, item.factor, item.of, item.level, starts, kernel, fits=not too_much)
        rows.append(row)
    return rows


HALF = [Checked(name, 2, 2, 2) for name in (BARE, TRITON, ADD, MEMCPY)]
FULL = [Checked(name, 2, 2, 0) for name in (BARE, TRITON, ADD)] + [Checked(MEMCPY, 2, 2, 2)]


def wish(experiment):
    """What a kernel asks for, in a world where small blocks want more of the SM's memory for shared memory."""
    own = experiment.work.carveout if experiment.work.kind != BARE else experiment.work.demands.carveout
    small = experiment.work.kind != BARE or experiment.work.demands.threads < 512
    return (25 if small else 0) if own is None else own


def prefers_the_same(experiment):
    held = experiment.holding.carveout
    return experiment.work.kind == MEMCPY or wish(experiment) == (0 if held is None else held)


def test_a_world_of_carve_outs_is_found_to_be_one():
    probe = conclude(world(prefers_the_same), HALF, FULL)
    assert [item.control for item in probe.controls if not item.passed] == []
    assert (probe.id, probe.verdict, probe.control) == ("held-sms", "carve-out", "passed")
    assert probe.figure("bare kernels that start beside a hold of the same carve-out").value == 4
    assert probe.figure("bare kernels that start beside a hold of another carve-out").value == 0
    assert probe.figure("registers: comparisons that it flips").value == 0
    assert "changed alone: carve-out" in probe.says and "registers" in probe.says.partition("What does not: ")[2]
    assert "These did: bare kernel, 1,024 threads; torch copy_, same dtype." in probe.says


def wanting(rows, of):
    """Rows whose kernel wants `of(row)` bytes, where nobody set a carve-out."""
    return [replace(row, wish_bytes=of(row)) if row.hypothesis == OBSERVATION else row for row in rows]


def test_one_number_that_tells_what_starts_from_what_waits_is_named():
    def of(row):
        return None if row.kernel == MEMCPY else 2048 if row.kernel == "bare kernel, 1,024 threads" else 16384

    probe = conclude(wanting(world(prefers_the_same), of), HALF, FULL)
    assert "Up to 2,048 bytes it started, from 16,384 bytes on it waited" in probe.says
    assert "in 6 experiments" in probe.says
    most, least = (item for item in probe.figures if item.unit == "bytes")
    assert (most.value, least.value) == (2048, 16384)


def test_a_number_that_tells_nothing_apart_is_not_named():
    probe = conclude(wanting(world(prefers_the_same), lambda row: 4096), HALF, FULL)
    assert "one number" not in probe.says
    assert "one number" not in conclude(world(prefers_the_same), HALF, FULL).says


def test_a_world_where_everything_starts_has_nothing_to_explain():
    probe = conclude(world(lambda item: True), HALF, FULL)
    assert (probe.verdict, probe.control) == ("nothing waits", "passed")
    assert "these did not start: none" in probe.says and "What flips it" not in probe.says


def test_a_world_where_nothing_makes_triton_start_is_not_explained():
    probe = conclude(world(lambda item: item.work.kind != TRITON), HALF, FULL)
    assert (probe.verdict, probe.control) == ("not explained", "passed")
    assert "these did not start: Triton copy." in probe.says


def test_a_world_of_stacks_is_not_taken_for_one_of_carve_outs():
    probe = conclude(world(lambda item: item.holding.local_bytes == 0 and not item.work.fresh), HALF, FULL)
    assert probe.verdict == "local memory, loading"
    assert "local memory (in " in probe.says and "carve-out" in probe.says.partition("What does not: ")[2]


def test_what_can_not_fit_or_was_not_held_counts_for_no_hypothesis():
    rows = [
        tried(REGISTERS, "of the kernel", TRITON, "few", True),
        tried(REGISTERS, "of the kernel", TRITON, "many", False, fits=False),
        replace(tried(REGISTERS, "of the kernel", TRITON, "some", False), held=1),
        tried(STACK, "of the kernel", TRITON, "none", True),
        replace(tried(STACK, "of the kernel", TRITON, "small", True), started=1),
        tried(STACK, "of the kernel", TRITON, "large", False, fits=None),
    ]
    assert [answer(row) for row in rows] == ["starts", "waits", "unclear", "starts", "unclear", "waits"]
    (one,) = groups(rows)
    assert (one.hypothesis, one.flips, one.starts, one.waits) == (STACK, True, ("none",), ("large",))


RIGHT = world(prefers_the_same)


def with_rows(hypothesis, **more):
    return [replace(row, **more) if row.hypothesis == hypothesis else row for row in RIGHT]


FAILING = {
    "half": (RIGHT, [replace(HALF[1], started=1)], FULL, "every kernel starts with half"),
    "half, not tried": (RIGHT, [], FULL, "every kernel starts with half"),
    "full": (RIGHT, HALF, [replace(FULL[1], started=1)], "no kernel starts with no thread"),
    "full, not held": (RIGHT, HALF, [replace(FULL[1], held=1)], "no kernel starts with no thread"),
    "full, not tried": (RIGHT, HALF, [FULL[-1]], "no kernel starts with no thread"),
    "what can't fit": (
        [replace(row, started=2) if row.fits is False else row for row in RIGHT],
        HALF,
        FULL,
        "a kernel for which an SM lacks",
    ),
    "all fits": ([replace(row, fits=None) for row in RIGHT], HALF, FULL, "a kernel for which an SM lacks"),
    "order": (with_rows(CONTROL, started=2), HALF, FULL, "a kernel that is ordered behind"),
    "no order": ([row for row in RIGHT if row.hypothesis != CONTROL], HALF, FULL, "a kernel that is ordered behind"),
    "held": (with_rows(CARVEOUT, held=1), HALF, FULL, "one block stayed on each SM"),
    "unlike": (with_rows(OBSERVATION, started=1), HALF, FULL, "one block stayed on each SM"),
    "wrong": (with_rows(STACK, right=0), HALF, FULL, "what the kernels wrote"),
}


@pytest.mark.parametrize("why", FAILING)
def test_without_any_one_control_nothing_is_said(why):
    rows, half, full, control = FAILING[why]
    probe = conclude(rows, half, full)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
    assert next(item.control for item in probe.controls if not item.passed).startswith(control)


def test_a_comparison_changes_one_thing_alone():
    found = {}
    for item in experiments():
        if item.hypothesis in HYPOTHESES:
            found.setdefault((item.hypothesis, item.factor, item.of), []).append(item)
    assert len(found) > 30
    for key, members in found.items():
        assert len({item.level for item in members}) == len(members) > 1, key
        changed = {(part, name) for part, name, values in parts(members) if len(values) > 1}
        assert len(changed) == 1, (key, changed)


def parts(members):
    """Every field of what is held and of the work beside it, with the values that it takes among the experiments."""
    for part, of in (
        ("holding", [item.holding for item in members]),
        ("work", [item.work for item in members]),
        ("demands", [item.work.demands for item in members]),
    ):
        for field in fields(of[0]):
            if field.name != "demands":
                yield part, field.name, {getattr(item, field.name) for item in of}


def test_what_never_ran_is_tried_last():
    fresh = [item.work.fresh for item in experiments()]
    assert any(fresh) and not any(fresh[: -2 * 3])


def test_blocks_fit_by_the_totals_of_an_sm():
    # beside 1,024 threads of 16 registers: 1,024 threads, 48 registers each, and all but 1 KiB each of the shared memory
    held = Block(1024, 16, 0)
    assert fits(H200, held, Block(1024, 48, 0)) and not fits(H200, held, Block(1024, 49, 0))
    assert not fits(H200, held, Block(1056, 16, 0))
    assert fits(H200, held, Block(32, 16, 233472 - 2048)) and not fits(H200, held, Block(32, 16, 233472 - 2047))
    assert not fits(H200, Block(1024, 64, 0), Block(1, 1, 0))


@given(st.integers(1, 1024), st.integers(1, 255), st.integers(0, 232448), st.integers(0, 64))
def test_what_fits_still_fits_when_it_asks_for_less(threads, registers, shared, less):
    held = Block(1024, 16, 0)
    smaller = Block(max(threads - less, 1), max(registers - less, 1), max(shared - less, 0))
    assert fits(H200, held, smaller) or not fits(H200, held, Block(threads, registers, shared))


def test_a_filling_block_leaves_no_thread_of_an_sm_free():
    ampere = replace(H200, threads_per_sm=1536)
    assert (H200.filling_block, H200.filling_blocks_per_sm) == (1024, 2)
    assert (ampere.filling_block, ampere.filling_blocks_per_sm) == (768, 2)


SOURCES = {
    "hold": (hold.SOURCE, {"THREADS": 1024, "BLOCKS_PER_SM": 2, "KEPT": 0, "LOCAL": 0}),
    "hold with more": (hold.SOURCE, {"THREADS": 1024, "BLOCKS_PER_SM": 1, "KEPT": 52, "LOCAL": 2048}),
    "bare": (bare_kernel.SOURCE, {"THREADS": 128, "KEPT": 0, "LOCAL": 0, "STATIC": 0, "TAG": 0}),
    "bare with more": (bare_kernel.SOURCE, {"THREADS": 128, "KEPT": 64, "LOCAL": 2048, "STATIC": 49152, "TAG": 3}),
}


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc here")
@pytest.mark.parametrize("name", SOURCES)
def test_the_kernels_compile(tmp_path, name):
    source, defines = SOURCES[name]
    (tmp_path / "probe.cu").write_text(source)
    options = [f"-D{key}={value}" for key, value in defines.items()]
    command = [
        "nvcc",
        "-std=c++17",
        "-arch=sm_90",
        "-cubin",
        "-Werror",
        "all-warnings",
        *options,
        "-o",
        "out",
        "probe.cu",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{'hold' if 'hold' in name else 'bare_copy'}".encode() in (tmp_path / "out").read_bytes()


def test_a_kernel_is_named_by_what_tells_it_from_the_others():
    assert Work().name == "bare kernel, 128 threads" and Work(TRITON, warps=8).name == "Triton copy, 8 warps"
    assert Experiment(STACK, "a", "b", "c").holding == Holding()
