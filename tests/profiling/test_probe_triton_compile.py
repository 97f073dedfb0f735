"""The probe triton-compile: made counts to verdicts, and the counting itself, by the real Triton compiler on a made driver."""

import importlib.util
import os
from dataclasses import replace

import pytest

from launchlens.profiling.probes.triton_compile.compilations import Compilations, cache_folder, in_memory
from launchlens.profiling.probes.triton_compile.probe import observe
from launchlens.profiling.probes.triton_compile.verdict import Case, Seen, conclude
from launchlens.reports.words.probes.answer import says
from launchlens.traces.captures.probe_codes.triton_compile import (
    AGAIN,
    DEPENDS,
    EMPTY_CACHE,
    EVERY,
    FIRST,
    FULL_CACHE,
    NEW,
    ONCE,
    REPEATED,
)
from launchlens.traces.captures.probes import read_probes, write_probes
from made_triton import launching_on_the_host

needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")

MS, US = 1e6, 1e3


COLD, FROM_DISK = (FIRST, EMPTY_CACHE), (FIRST, FULL_CACHE)


def case(kind, launches=1, compiled=0, loaded=0, **more):
    asked = compiled + loaded
    given = {"asked": asked, "grown": asked, "right": launches, "launch_ns": [5 * US] * 6} | more
    return Case(*kind, launches, compiled, loaded, **given)


SEEN = Seen(
    cold=case(COLD, 7, compiled=7, launch_ns=[300 * MS + place for place in range(7)]),
    from_disk=case(FROM_DISK, 7, loaded=7, launch_ns=[4 * MS + place for place in range(7)]),
    repeated=case((REPEATED, ""), 1040, launch_ns=[10 * US + place for place in range(10)]),
    specialised=[case((NEW, what), compiled=1) for what in ("length-of-one", "another-dtype")],
    specialised_again=[case((AGAIN, what)) for what in ("length-of-one", "another-dtype")],
    compiler_ns=[150 * MS] * 7,
)


def with_repeated(**more):
    return replace(SEEN, repeated=replace(SEEN.repeated, **more))


@pytest.mark.parametrize(
    ("compiled", "loaded", "verdict", "per_launch"),
    [(0, 0, ONCE, 0), (1040, 0, EVERY, 1), (7, 0, DEPENDS, 7 / 1040), (0, 1040, DEPENDS, 0)],
)
def test_the_verdict_is_what_repeated_launches_compile(compiled, loaded, verdict, per_launch):
    asked = compiled + loaded
    probe = conclude(with_repeated(compiled=compiled, loaded=loaded, asked=asked, grown=asked), ["a note"])
    assert [item.control for item in probe.controls if not item.passed] == []
    assert (probe.id, probe.verdict, probe.control) == ("triton-compile", verdict, "passed")
    figure = probe.figure("compilations-per-launch", of="repeated-launch")
    assert figure.value == pytest.approx(per_launch) and figure.interval is None


def test_the_figures_are_times_with_intervals_and_counts_without():
    probe = conclude(SEEN)
    assert probe.value("compilations-per-launch", of="new-specialisation") == 1
    assert probe.value("launches", of="repeated-launch") == 1040
    for (of, under), ns in ((COLD, 300 * MS), (FROM_DISK, 4 * MS), ((REPEATED, ""), 10 * US)):
        figure = probe.figure("host-time", of=of, under=under)
        assert figure.value == pytest.approx(ns, rel=0.01) and figure.unit == "ns" and figure.interval is not None
    assert probe.value("host-time", of=FIRST, part="compiler", under=EMPTY_CACHE) == 150 * MS


def test_the_answer_in_words():
    assert says(conclude(SEEN)) == (
        "1,040 launches of a Triton kernel that had been launched before compiled nothing. Host time: the first launch, which "
        "compiles, takes 300 ms, one that finds its code on disk 4.00 ms, a repeated one 10.0 µs. What compiles again, once "
        "each: a length of 1, which becomes a constant; another dtype, int64."
    )
    often = says(conclude(with_repeated(compiled=1040, asked=1040, grown=1040)))
    assert often.startswith("1,040 launches of a Triton kernel that had been launched before compiled 1,040 times.")


def test_all_cases_are_in_the_table(tmp_path):
    probe = conclude(SEEN)
    (table,) = probe.tables
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(rows) == [item.name for item in SEEN.all]
    cold, disk, repeated = (rows[name] for name in ("first-launch, empty-cache", "first-launch, full-cache", REPEATED))
    assert (cold["compiled"], disk["loaded from disk"], repeated["how many"]) == (7, 7, 1040)
    assert cold["slowest"] == 300 * MS + 6
    write_probes(tmp_path, [probe])
    assert read_probes(tmp_path) == {"triton-compile": probe}


FAILING = {
    "the first launch was not seen to compile": (
        replace(SEEN, cold=case(COLD, 7, compiled=6)),
        "the counter sees the first launch compile",
    ),
    "it was on disk": (replace(SEEN, cold=case(COLD, 7, loaded=7)), "the counter sees the first launch compile"),
    "no first launch": (replace(SEEN, cold=case(COLD, 0)), "the counter sees the first launch compile"),
    "the disk is not used": (replace(SEEN, from_disk=case(FROM_DISK, 7, compiled=7)), "with the folder full"),
    "a specialisation was not seen": (
        replace(SEEN, specialised=[*SEEN.specialised, case((NEW, "x"))]),
        "the counter sees each new specialisation",
    ),
    "a specialisation compiled twice": (
        replace(SEEN, specialised=[case((NEW, "x"), compiled=2)]),
        "the counter sees each new specialisation",
    ),
    "none was tried": (replace(SEEN, specialised=[]), "the counter sees each new specialisation"),
    "the counts differ": (with_repeated(asked=3), "the compiler's count"),
    "the table grew unseen": (with_repeated(grown=1), "the compiler's count"),
    "a launch did nothing": (with_repeated(right=1039), "every launch ran"),
    "nothing was repeated": (replace(SEEN, repeated=case((REPEATED, ""), 0)), "every launch ran"),
}


@pytest.mark.parametrize("why", FAILING)
def test_without_any_one_control_nothing_is_said(why):
    seen, control = FAILING[why]
    probe = conclude(seen)
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")
    assert [item.control.startswith(control) for item in probe.controls if not item.passed] == [True]
    assert control in says(probe)


# -- counted for real: Triton compiles, and a function on the host runs in the kernel's place


@pytest.fixture(scope="module")
def observed():
    before = os.environ.get("TRITON_CACHE_DIR")
    with launching_on_the_host() as launcher:
        seen = observe("cpu", quick=True)
    assert os.environ.get("TRITON_CACHE_DIR") == before
    return seen, launcher.launches


@needs_triton
def test_triton_compiles_the_first_launch_and_none_of_its_repeats(observed):
    seen, launches = observed
    probe = conclude(seen)
    assert [f"{item.control}: {item.found}" for item in probe.controls if not item.passed] == []
    assert probe.verdict == ONCE and probe.value("compilations-per-launch", of=REPEATED) == 0
    assert seen.cold.compiled == seen.from_disk.loaded == 2
    assert launches == sum(item.launches for item in seen.all) + 2  # and the two that only made ready
    assert len(seen.compiler_ns) == 2 and all(0 < inside < whole for inside, whole in zip(seen.compiler_ns, seen.cold.launch_ns, strict=True))  # fmt: skip
    assert max(seen.repeated.launch_ns) < min(seen.cold.launch_ns)


@needs_triton
def test_each_specialisation_compiles_once_and_not_again(observed):
    seen, _ = observed
    assert [item.compiled for item in seen.specialised] == [1] * 5
    assert [item.compiled + item.loaded for item in seen.specialised_again] == [0] * 5


@needs_triton
def test_launches_that_do_nothing_are_seen():
    with launching_on_the_host(fails=True):
        probe = conclude(observe("cpu", quick=True))
    assert [item.control for item in probe.controls if not item.passed] == ["every launch ran and wrote what it should"]


@needs_triton
def test_what_was_hooked_in_before_is_called_and_put_back(tmp_path):
    import torch
    from triton import knobs

    from launchlens.profiling.probes.triton_compile.probe import _Launches

    heard = []

    def listener(**told):
        heard.append("compiled" if not told["cache_hit"] else "loaded")

    def hook(**told):
        heard.append("asked")

    kernel, source = _Launches.fresh(), torch.arange(32, dtype=torch.int32)
    with launching_on_the_host(), cache_folder(tmp_path), knobs.compilation.scope(), knobs.runtime.scope():
        knobs.compilation.listener, knobs.runtime.jit_post_compile_hook = listener, hook
        with Compilations() as counter:
            kernel[(1,)](torch.empty_like(source), source, 32, BLOCK=32)
        assert (counter.compiled, counter.loaded, counter.asked, in_memory(kernel)) == (1, 0, 1, 1)
        assert heard == ["compiled", "asked"]
        assert (knobs.compilation.listener, knobs.runtime.jit_post_compile_hook) == (listener, hook)
    assert list(tmp_path.iterdir())
