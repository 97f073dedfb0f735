"""Two traces against each other: the known change is the largest row, every table sums, and nothing is called slower that may be drift."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
from traces.made_program import Machine, Program, recorded

import events as made
from launchlens.reports.pages import trace_comparison as shown
from launchlens.reports.writers import terminal
from launchlens.reports.writers.html import html
from launchlens.reports.writers.json import text
from launchlens.traces.comparisons.compare import TraceComparison, compare_measured, compare_traces
from launchlens.traces.comparisons.document import as_document
from launchlens.traces.comparisons.measured import TABLES, Measured, measure
from launchlens.traces.comparisons.rows import Row
from launchlens.traces.comparisons.windows import windows_of
from launchlens.traces.comparisons.words import sentences
from launchlens.traces.problems import InputError

PAIRS = Path(__file__).parents[1] / "data" / "pairs"
WHOLE_PAIRS = Path(__file__).parents[2].parent / "shared" / "data" / "pairs"
US = 1_000
#: The tables whose differences are told at one pace of the host as well.
AT_EQUAL_PACE = ("operators", "ranges", "idle_causes")


def training(
    machine: Machine,
    number: int,
    *,
    load_us: float = 50,
    gemm: str = "gemm_v1",
    gemm_us: float = 80,
    layers: int = 6,
    adds: int = 4,
    reads: int = 0,
    pinned: bool = True,
) -> None:
    """A made step: data, a copy, layers, an optimizer, and a wait at its end."""
    with machine.range("data"):
        machine.sleep(load_us)
    machine.upload(200_000, pinned=pinned)
    with machine.range("forward"):
        for _ in range(layers):
            machine.kernel("aten::mm", gemm, gemm_us)
            machine.kernel("aten::relu", "relu", 5)
    for _ in range(reads):
        with machine.range("log"):
            machine.read()
    with machine.range("optimizer"):
        for _ in range(adds):
            machine.kernel("aten::add_", "add", 3)
    machine.wait()


def measured(program: Program, steps: int = 8) -> Measured:
    joined = recorded(program, steps)
    return measure(joined, windows_of(joined))


def compared(a: Program, b: Program, steps: int = 8) -> TraceComparison:
    return compare_measured(((), [measured(a, steps)], ()), ((), [measured(b, steps)], ()))


@cache
def measured_with(steps: int = 8, **change: object) -> Measured:
    """Made steps with a change, measured once for all tests of it: none may change them."""
    return measured(with_change(**change), steps)


def with_change(**change: object) -> Program:
    return lambda machine, number: training(machine, number, **change)  # type: ignore[arg-type]


def row(found: TraceComparison, table: str, name: str) -> Row:
    return next(each for each in found.tables[table] if each.name == name)


def check_sums(found: TraceComparison) -> None:
    for table, figure in TABLES.items():
        if table not in found.tables:
            continue
        rows, whole = found.tables[table], found.figures[figure]
        assert sum(each.was_ns for each in rows) == whole.was_ns
        assert sum(each.now_ns for each in rows) == whole.now_ns
        assert all(each.by_calls_ns + each.by_cost_ns == each.difference_ns for each in rows)
        equal = [each.at_equal_pace_ns for each in rows]
        if table in AT_EQUAL_PACE and whole.at_equal_pace_ns is not None:
            assert sum(each or 0 for each in equal) == whole.at_equal_pace_ns and None not in equal
        else:
            assert set(equal) <= {None}
    if "busy" in found.figures:
        for side in ("was_ns", "now_ns"):
            parts = [getattr(found.figures[name], side) for name in ("busy", "idle", "unknown")]
            assert sum(parts) == getattr(found.wall, side)


def check_swapped(found: TraceComparison, other: TraceComparison) -> None:
    for table, rows in found.tables.items():
        back = {each.pairing.was if each.pairing else each.name: each for each in other.tables[table]}
        assert len(back) == len(rows)
        for each in rows:
            its = back[each.name]
            assert (each.was_ns, each.now_ns) == (its.now_ns, its.was_ns)
            assert (each.by_calls_ns, each.by_cost_ns) == (-its.by_calls_ns, -its.by_cost_ns)
            assert (each.at_equal_pace_ns or 0) == -(its.at_equal_pace_ns or 0)
            assert (each.interval_ns is None) == (its.interval_ns is None)
            if each.interval_ns is not None and its.interval_ns is not None:
                assert each.interval_ns == (-its.interval_ns[1], -its.interval_ns[0])


#: A change, the table and the row that must tell it, what of the difference it explains, and the row's status.
KNOWN: dict[str, tuple[dict[str, object], dict[str, object], str, str, str]] = {
    "a kernel dearer": ({}, {"gemm_us": 140}, "kernels", "gemm_v1", "same"),
    "more launches": ({}, {"adds": 40}, "ranges", "optimizer", "same"),
    "a value read": ({"gemm_us": 8}, {"gemm_us": 8, "reads": 3}, "ranges", "log", "added"),
    "data slower": ({}, {"load_us": 900}, "idle_causes", "data", "same"),
    "the same, in its range": ({}, {"load_us": 900}, "ranges", "data", "same"),
}


@pytest.fixture(scope="module")
def base() -> Measured:
    return measured_with()


@pytest.mark.parametrize("change", KNOWN)
def test_the_known_change_is_the_largest_row(base: Measured, change: str) -> None:
    before, after, table, name, status = KNOWN[change]
    base, other = measured_with(**before) if before else base, measured_with(**after)
    found = compare_measured(((), [base], ()), ((), [other], ()))
    first = next(each for each in found.tables[table] if each.name not in ("(in no range)",))
    assert (first.name, first.status) == (name, status), [
        (each.name, each.difference_ns) for each in found.tables[table][:4]
    ]
    assert found.wall.difference_ns > 0
    assert 0.75 <= first.difference_ns / found.wall.difference_ns <= 1.5
    check_sums(found)
    check_swapped(found, compare_measured(((), [other], ()), ((), [base], ())))


def test_more_calls_and_dearer_calls_are_told_apart(base: Measured) -> None:
    more = compare_measured(((), [base], ()), ((), [measured_with(adds=40)], ()))
    added = row(more, "kernels", "add")
    assert (added.calls_was, added.calls_now) == (4, 40)
    assert added.by_calls_ns == pytest.approx(36 * 3 * US, rel=0.01) and abs(added.by_cost_ns) < US
    dearer = row(compare_measured(((), [base], ()), ((), [measured_with(gemm_us=140)], ())), "kernels", "gemm_v1")
    assert dearer.by_calls_ns == 0 and dearer.by_cost_ns == pytest.approx(6 * 60 * US, rel=0.01)


def test_a_copy_that_became_pageable_is_one_copy_renamed_and_dearer(base: Measured) -> None:
    found = compare_measured(((), [base], ()), ((), [measured_with(pinned=False)], ()))
    copy = row(found, "kernels", "Memcpy HtoD (Pageable -> Device)")
    assert copy.status == "renamed" and copy.pairing is not None
    assert copy.pairing.was == "Memcpy HtoD (Pinned -> Device)"
    assert copy.pairing.confidence == 1 and copy.pairing.by == ("op", "position")
    assert copy.by_calls_ns == 0 and copy.by_cost_ns == pytest.approx(200_000 / 6 - 200_000 / 50, rel=0.02)


def test_a_renamed_kernel_is_paired_by_its_op_and_place_and_not_by_chance(base: Measured) -> None:
    other = measured_with(gemm="gemm_v2_splitk")
    found = compare_measured(((), [base], ()), ((), [other], ()))
    renamed = row(found, "kernels", "gemm_v2_splitk")
    assert renamed.pairing is not None and renamed.pairing.was == "gemm_v1" and renamed.pairing.confidence == 1
    assert renamed.difference_ns == 0 and found.wall.difference_ns == 0
    check_swapped(found, compare_measured(((), [other], ()), ((), [base], ())))

    def elsewhere(machine: Machine, number: int) -> None:
        training(machine, number, layers=0)
        machine.kernel("aten::fft", "fft", 10)

    apart = compare_measured(((), [base], ()), ((), [measured(elsewhere)], ()))
    assert row(apart, "kernels", "fft").status == "added" and row(apart, "kernels", "gemm_v1").status == "gone"


def test_only_like_phases_are_compared() -> None:
    def mixed(every: int, **change: object) -> Program:
        def program(machine: Machine, number: int) -> None:
            if number % every == every - 1:
                with machine.range("evaluate"):
                    for _ in range(30):
                        machine.kernel("aten::softmax", "softmax", 60)
                machine.wait()
            else:
                training(machine, number, **change)  # type: ignore[arg-type]

        return program

    # b evaluates every second step, a every fourth: a mean over all of them would say that steps became slower
    found = compared(mixed(4), mixed(2, gemm_us=70), steps=16)
    assert found.wall.difference_ns == pytest.approx(-6 * 10 * US, rel=0.25)
    shares = {(each.steps_was, each.steps_now): each.compared for each in found.phases}
    assert shares == {(11, 7): True, (4, 8): False}
    assert "softmax" not in [each.name for each in found.tables["kernels"]]
    assert "launchlens" not in sentences(found)[0] and "gemm_v1" in sentences(found)[0] + sentences(found)[1]


def test_a_trace_against_itself_is_zero_everywhere(base: Measured) -> None:
    found = compare_measured(((), [base], ()), ((), [base], ()))
    for rows in found.tables.values():
        for each in rows:
            assert (each.difference_ns, each.by_calls_ns, each.by_cost_ns, each.status) == (0, 0, 0, "same")
            assert each.interval_ns == (0, 0)
    assert sentences(found)[0].startswith("Nothing differs") and not found.conditions
    assert found.rests_on == "steps" and not found.is_shown


def test_several_recordings_a_side_carry_the_interval_and_one_does_not() -> None:
    def run(day: float, gemm_us: float) -> Measured:
        return measured_with(5, gemm_us=gemm_us, load_us=50 + day)

    a = [run(day, 80) for day in (0, 4, 9)]
    b = [run(day, 140) for day in (1, 6, 8)]
    found = compare_measured(((), a, ()), ((), b, ()))
    assert found.rests_on == "recordings" and found.is_shown
    low, high = found.wall.interval_ns or (0, 0)
    assert low < found.wall.difference_ns < high
    check_sums(found)
    drift = compare_measured(((), a, ()), ((), [run(day, 80) for day in (2, 3, 12)], ()))
    assert drift.rests_on == "recordings" and not drift.is_shown
    assert not compare_measured(((), a[:1], ()), ((), b[:1], ())).is_shown, "one recording a side can't rule out drift"
    assert len(found.a.metrics["step.wall"].samples) == 3 and len(found.a.metrics["step.wall"].by_recording) == 3


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "whole"])
@pytest.mark.parametrize(
    ("pair", "name", "least"),
    [("data-stall", "data", 0.9), ("optimizer-loop", "optimizer", 0.6), ("decode-eager-vs-graph", "token", 0.9)],
)
def test_of_real_pairs_the_known_change_is_the_largest_row(pair: str, name: str, least: float, cut: bool) -> None:
    found = of_pair(pair, cut=cut)
    check_sums(found)
    first = found.tables["ranges"][0]
    assert first.name == name and first.difference_ns < 0
    assert least <= first.difference_ns / found.wall.difference_ns <= 1.5
    assert f"`{name}`" in sentences(found)[0]


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "whole"])
@pytest.mark.parametrize(
    ("pair", "name", "recorded_share"),
    [("data-stall", "data", 1.0), ("optimizer-loop", "optimizer", 0.64), ("log-each-step", "log", -0.92)],
)
def test_at_one_pace_of_the_host_the_known_change_is_the_difference(
    pair: str, name: str, recorded_share: float, cut: bool
) -> None:
    found = of_pair(pair, cut=cut)
    check_sums(found)
    whole, rows = found.wall.at_equal_pace_ns, found.tables["ranges"]
    assert whole is not None and whole < 0
    first = max(rows, key=lambda each: abs(each.at_equal_pace_ns or 0))
    assert first.name == name and first.at_equal_pace_ns is not None
    assert 0.75 <= first.at_equal_pace_ns / whole <= 1.5
    # as recorded it is less, or of the other sign, where the host drifted from one side's recording to the other's
    assert first.difference_ns / found.wall.difference_ns == pytest.approx(recorded_share, abs=0.3)
    drifted = found.host_pace is not None and found.host_pace.differs
    assert drifted == (pair != "data-stall")
    assert any("at one pace" in each and f"`{name}`" in each for each in sentences(found)) == drifted
    assert any("pace of the host" in each.what for each in found.conditions) == drifted


def test_the_pace_of_the_host_is_that_of_what_both_sides_call() -> None:
    def program(host_us: float, logs: bool) -> Program:
        def step(machine: Machine, number: int) -> None:
            for at, name in enumerate(("mm", "add", "mul", "relu", "sum", "exp")):
                with machine.op(f"aten::{name}", (at + 10) * host_us):
                    pass
                machine.kernel(f"aten::{name}_", name, 2, host_us=host_us)
            if logs:
                with machine.range("log"):
                    machine.kernel("aten::norm", "norm", 2, host_us=host_us * 30)

        return step

    # one side does more on a host that is quicker: as recorded it takes less
    found = compared(program(6, False), program(4, True))
    check_sums(found)
    pace, whole = found.host_pace, found.wall.at_equal_pace_ns
    assert pace is not None and whole is not None and pace.main.ratio == pytest.approx(4 / 6, rel=0.02)
    assert pace.others is pace.main
    assert found.wall.difference_ns < 0 < whole
    log = row(found, "ranges", "log").at_equal_pace_ns
    assert log is not None and log == pytest.approx(whole, rel=0.1)
    check_swapped(found, compared(program(4, True), program(6, False)))
    few = compared(
        lambda machine, _: machine.kernel("aten::mm", "mm", 9), lambda machine, _: machine.kernel("aten::mm", "mm", 5)
    )
    assert few.host_pace is None and few.wall.at_equal_pace_ns is None


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "whole"])
def test_a_host_that_drifted_makes_no_side_slower(cut: bool) -> None:
    found = of_pair("log-each-step", cut=cut)
    log = row(found, "ranges", "log")
    assert log.status == "gone" and -3_000_000 < log.difference_ns < -1_500_000
    document = text(as_document(found))
    assert "slower" not in document and "faster" not in document
    assert "one recording a side can't rule out drift" in document and "`log`" in sentences(found)[0]
    assert not found.is_shown


@cache
def of_pair(pair: str, *, cut: bool) -> TraceComparison:
    """The sides of a pair compared, once for all tests of it: none may change what was found."""
    folder = PAIRS if cut else WHOLE_PAIRS
    sides = [folder / f"{pair}.{side}.json.gz" for side in ("before", "after")]
    if not cut and not sides[0].exists():
        pytest.skip(f"pairs are not here whole: they are looked for in {WHOLE_PAIRS}")
    return compare_traces([sides[0]], [sides[1]])


def test_ranges_of_a_trace_are_sides_as_well() -> None:
    sides = [f"{PAIRS / 'decode-eager-vs-graph'}.{side}.json.gz::tok*" for side in ("before", "after")]
    found = compare_traces(sides[:1], sides[1:])
    check_sums(found)
    with pytest.raises(InputError, match="names a range"):
        compare_traces(sides[:1], [PAIRS / "decode-eager-vs-graph.after.json.gz"])
    assert found.a.steps == 24 and found.wall.difference_ns == pytest.approx(-4.2e6, rel=0.1)


def test_what_differs_besides_the_program_is_said(base: Measured) -> None:
    slower_gpu: Callable[[float], Program] = lambda factor: lambda machine, number: _six_kernels(machine, factor)
    found = compared(slower_gpu(1), slower_gpu(1.3))
    assert ["pace of the GPU" in each.what for each in found.conditions] == [True]
    assert "1.30 ×" in found.conditions[0].now
    assert not compared(slower_gpu(1), slower_gpu(1)).conditions


def _six_kernels(machine: Machine, factor: float) -> None:
    for number in range(6):
        machine.kernel("aten::mm", f"kernel_{number}", factor * (20 + 10 * number))
    machine.wait()


def test_two_recorders_of_one_program_are_compared_by_what_both_record() -> None:
    capture = Path(__file__).parents[2] / "traces" / "recorded" / "small-copies-h100"
    sides = [f"{capture / name}::variant:foreach" for name in ("torch/eager.pt.trace.json.gz", "nsys/eager.sqlite")]
    found = compare_traces(sides[:1], sides[1:])
    check_sums(found)
    assert {"recorder", "framework ops recorded"} <= {each.what for each in found.conditions}
    assert "operators" not in found.tables, "Nsight Systems records none: that is no difference of the program"
    (kernel,) = found.tables["kernels"]
    assert (
        kernel.pairing is not None
        and kernel.pairing.by == ("position", "name")
        and kernel.calls_was == kernel.calls_now == 20
    )
    assert abs(kernel.difference_ns) < 0.03 * kernel.was_ns
    assert "not-recorded" not in [each.name for each in found.tables["idle_causes"]]
    # the same recorder, of which one side calls no ops for it replays a graph: that is a difference of the program
    assert "operators" in of_pair("decode-eager-vs-graph", cut=True).tables


def test_a_capture_stands_for_its_trace_and_a_variant_for_its_blocks() -> None:
    capture = Path(__file__).parents[2] / "traces" / "recorded" / "small-copies-h100"
    found = compare_traces([f"{capture}::foreach"], [f"{capture / 'torch' / 'eager.pt.trace.json.gz'}::variant:copy_"])
    check_sums(found)
    assert found.wall.difference_ns > 0 and not found.conditions


def test_a_trace_of_the_host_alone_is_compared_by_the_host(tmp_path: Path) -> None:
    def host_only(work_us: float) -> Program:
        def program(machine: Machine, number: int) -> None:
            with machine.range("forward"), machine.op("aten::mm", work_us):
                pass

        return program

    found = compared(host_only(10), host_only(30))
    check_sums(found)
    assert set(found.tables) == {"operators", "ranges", "account"} and set(found.figures) == {"wall"}
    assert row(found, "operators", "aten::mm").difference_ns == 20 * US == found.wall.difference_ns
    document = as_document(found)
    assert document.kernels is None and document.idle_causes is None
    assert document.account and {each.device for each in document.account} == {None}


def test_ranks_of_one_run_are_no_recordings_of_three(base: Measured) -> None:
    def at(day: int, gemm_us: float) -> Measured:
        one = measured_with(5, gemm_us=gemm_us)
        return replace(one, told=replace(one.told, base_ns=day * 86_400 * 10**9))

    ranks = compare_measured(((), [at(1, 80 + n) for n in range(4)], ()), ((), [at(2, 90 + n) for n in range(4)], ()))
    assert (ranks.a.runs, ranks.b.runs, ranks.rests_on, ranks.is_shown) == (1, 1, "steps", False)
    days = compare_measured(
        ((), [at(n, 80 + n) for n in range(4)], ()), ((), [at(9 + n, 99 + n) for n in range(4)], ())
    )
    assert (days.a.runs, days.b.runs, days.rests_on, days.is_shown) == (4, 4, "recordings", True)
    check_sums(days)


def test_intervals_turn_round_with_the_sides() -> None:
    def uneven(more: float) -> Program:
        return lambda machine, number: training(machine, number, load_us=50 + more + (number * 37) % 90)

    a, b = measured(uneven(0)), measured(uneven(30))
    found = compare_measured(((), [a], ()), ((), [b], ()))
    low, high = found.wall.interval_ns or (0, 0)
    assert low < 30 * US < high and row(found, "ranges", "data").interval_ns is not None
    check_swapped(found, compare_measured(((), [b], ()), ((), [a], ())))


def random_measured(seed: int) -> Measured:
    """Steps of ops, ranges, calls and GPU work that overlap, nest and get lost at random."""
    generator = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for number in range(7):
        begin = number * 10_000
        rows.append(made.host("range", f"ProfilerStep#{number}", begin, begin + 9_000))
        for _ in range(int(generator.integers(3, 9))):
            start = begin + int(generator.integers(0, 6_000))
            name = str(generator.choice(["a", "b", "forward", "log"]))
            kind = "range" if name in ("forward", "log") else "op"
            rows.append(
                made.host(
                    kind, name, start, start + int(generator.integers(10, 2_000)), thread=str(generator.integers(1, 3))
                )
            )
        for _ in range(int(generator.integers(2, 9))):
            correlation = len(rows)
            start = begin + int(generator.integers(0, 8_000))
            rows.append(
                made.host(
                    "api", "cudaLaunchKernel", start, start + int(generator.integers(5, 60)), correlation=correlation
                )
            )
            if generator.random() < 0.8:  # the others were lost
                work = start + int(generator.integers(10, 3_000))
                end = work + int(generator.integers(1, 2_500))
                stream = int(generator.integers(7, 9))
                rows.append(
                    made.gpu("kernel", work, end, correlation, stream=stream)
                    | {"name": f"k{generator.integers(0, 4)}_{seed % 2}"}
                )
        start = begin + int(generator.integers(0, 8_000))
        rows.append(made.host("api", "cudaDeviceSynchronize", start, start + int(generator.integers(10, 900))))
    joined = made.joined(made.events(rows))
    return measure(joined, windows_of(joined))


@pytest.mark.parametrize("seed", range(6))
def test_tables_sum_and_turn_round_whatever_was_recorded(seed: int) -> None:
    a, b = random_measured(seed), random_measured(seed + 101)
    for one in (a, b):
        for table, figure in TABLES.items():
            assert (one.tables[table].ns.sum(axis=1) == one.figures[figure]).all()
            assert (one.tables[table].ns >= 0).all()
        assert (one.figures["wall"] == sum(one.figures[name] for name in ("busy", "idle", "unknown"))).all()
    found = compare_measured(((), [a], ()), ((), [b], ()))
    check_sums(found)
    check_swapped(found, compare_measured(((), [b], ()), ((), [a], ())))


def test_a_bad_file_of_a_side_is_named_and_the_others_compared(tmp_path: Path) -> None:
    folder = tmp_path / "side"
    folder.mkdir()
    copyfile(PAIRS / "decode-eager-vs-graph.after.json.gz", folder / "good.json.gz")
    (folder / "bad.json").write_text('{"traceEvents": [', encoding="utf-8")
    document = as_document(compare_traces([folder], [str(folder / "g*.gz")]))
    assert document.sides and [len(side.recordings) for side in document.sides] == [1, 1]
    assert [len(side.skipped) for side in document.sides] == [1, 0] and "bad.json" in document.sides[0].skipped[0]
    assert document.difference_ns_per_step == 0
    with pytest.raises(InputError, match="breaks off"):
        compare_traces([folder / "bad.json"], [folder / "good.json.gz"])


def test_every_medium_shows_the_same_tables() -> None:
    document = as_document(of_pair("log-each-step", cut=True))
    assert [each.name for each in shown.tables(document)][:6] == [
        "difference", "ranges", "idle_causes", "operators", "kernels", "account",
    ]  # fmt: skip
    screen = terminal.text(shown.blocks(document, brief=shown.ON_A_SCREEN))
    assert screen.index("can't rule out drift") < screen.index("A typical step") and len(screen.splitlines()) < 60
    page = html(shown.page(document))
    assert "A typical step</h2>" in page and "A typical step</caption>" not in page, "said once"
    for text_of in (screen, page):
        assert "linalg_vector_norm" in text_of and "can't rule out drift" in text_of.replace("&#39;", "'")


def test_steps_with_nothing_in_common_are_said_before_any_number() -> None:
    def other(machine: Machine, number: int) -> None:
        machine.kernel("aten::fft", "fft", 10)
        machine.wait()

    assert "not known that it is the same" in compared(training, other).conditions[0].what


def made_on_two_gpus(path: Path, second_us: float) -> Path:
    """Eight steps of one process that launches on two GPUs: 400 us of a kernel on GPU 0, `second_us` on GPU 1."""
    events: list[dict[str, object]] = []
    for number in range(8):
        at = 1000.0 * (number + 1)
        one = {"ph": "X", "pid": 1, "tid": 1}
        events.append(one | {"cat": "user_annotation", "name": f"ProfilerStep#{number}", "ts": at, "dur": 1000.0})
        for device, lasts in ((0, 400.0), (1, second_us)):
            of = {"correlation": 2 * number + device + 1}
            events.append(
                one
                | {
                    "cat": "cuda_runtime",
                    "name": "cudaLaunchKernel",
                    "ts": at + 10 + 20 * device,
                    "dur": 5.0,
                    "args": of,
                }
            )
            work = {"ph": "X", "pid": device, "tid": 7, "cat": "kernel", "name": f"gemm{device}"}
            events.append(work | {"ts": at + 50, "dur": lasts, "args": of | {"device": device, "stream": 7}})
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": events}))
    return path


def test_every_gpu_of_both_sides_is_compared_by_its_number(tmp_path: Path) -> None:
    a, b = made_on_two_gpus(tmp_path / "a.json", 300), made_on_two_gpus(tmp_path / "b.json", 350)
    found = compare_traces([a], [b])
    check_sums(found)
    assert [each.device for each in found.devices] == [0, 1]
    busy = {each.device: each.figures["busy"].difference_ns for each in found.devices}
    assert busy == {0: 0, 1: 50 * US} and found.figures["busy"].difference_ns == 0, "the tables are of the busiest"
    for each in found.devices:
        for name, rows in each.tables.items():
            figure = each.figures[TABLES[name]]
            assert sum(of.was_ns for of in rows) == figure.was_ns and sum(of.now_ns for of in rows) == figure.now_ns
        assert [(of.name, of.difference_ns) for of in each.tables["kernels"]] == [
            (f"gemm{each.device}", busy[each.device])
        ]
    document = as_document(found)
    assert document.devices and [each.device for each in document.devices] == [0, 1]
    tables = {table.name: table for table in shown.tables(document)}
    assert len(tables["devices"]) == 8 and list(tables["devices_kernels"].frame["device"]) == ["0", "1"]
    swapped = compare_traces([b], [a])
    check_swapped(found, swapped)
    for each, other in zip(found.devices, swapped.devices, strict=True):
        assert each.figures["idle"].difference_ns == -other.figures["idle"].difference_ns
    assert all(
        of.difference_ns == 0
        for each in compare_traces([a], [a]).devices
        for rows in each.tables.values()
        for of in rows
    )


def test_a_gpu_that_one_side_alone_uses_is_said_before_any_number(tmp_path: Path) -> None:
    both, one = made_on_two_gpus(tmp_path / "both.json", 300), made_on_two_gpus(tmp_path / "one.json", 300)
    told = json.loads(one.read_text())
    told["traceEvents"] = [each for each in told["traceEvents"] if each.get("args", {}).get("correlation", 1) % 2]
    one.write_text(json.dumps(told))
    found = compare_traces([both], [one])
    assert [each.device for each in found.devices] == [0]
    assert ("GPUs in use, by number", "0, 1", "0") in [(each.what, each.was, each.now) for each in found.conditions]


def test_ranks_are_compared_rank_by_rank(tmp_path: Path) -> None:
    def rank(path: Path, device: int, lasts: float) -> Path:
        told = json.loads(made_on_two_gpus(path, lasts).read_text())
        told["traceEvents"] = [
            each
            for each in told["traceEvents"]
            if (each.get("args", {}).get("correlation", device + 1) - 1) % 2 == device
        ]
        path.write_text(json.dumps(told).replace(f"gemm{device}", "gemm"))
        return path

    for side, lasts in (("a", 300.0), ("b", 360.0)):
        (tmp_path / side).mkdir()
        for device in (0, 1):
            rank(tmp_path / side / f"rank{device}.json", device, lasts)
    found = compare_traces([tmp_path / "a"], [tmp_path / "b"])
    assert {each.device: each.figures["busy"].difference_ns for each in found.devices} == {0: 0, 1: 60 * US}
    assert [each.steps for each in found.devices] == [(7, 7), (7, 7)]
    check_sums(found)
