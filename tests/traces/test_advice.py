"""The advice that a trace gives is held against what the change really saves, in made programs and in recordings of an H100."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.made_program import Machine, Program, recorded, unprofiled_ns

import events as made
from launchlens.traces.advice.advise import advise
from launchlens.traces.advice.candidate import Saving
from launchlens.traces.advice.document import verdict_of
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.joined import join
from launchlens.traces.source import open_trace
from launchlens.traces.steps.replay import replay_of
from launchlens.traces.steps.stepped import Stepped

GEMM, POINTWISE = "sm90_gemm", "void at::native::vectorized_elementwise_kernel<4, at::native::gelu>"


def layers(m: Machine, count: int = 12, us: float = 60) -> None:
    """Some layers: a matrix product and what goes with it, on the device for `us` each."""
    with m.range("forward"):
        for _ in range(count):
            m.kernel("aten::linear", GEMM, us)
            m.kernel("aten::gelu", POINTWISE, us / 10)


# -- programs, each before and after one change


def reads_each(m: Machine, _: int) -> None:
    layers(m, 30, 5)
    with m.range("log"):
        for _ in range(20):
            m.code(5)
            m.kernel("aten::linalg_vector_norm", "reduce_norm", 2)
            m.read()


def reads_none(m: Machine, _: int) -> None:
    layers(m, 30, 5)


def waits_between(m: Machine, step: int) -> None:
    for name in ("a", "b", "c", "d"):
        with m.range("phase"):
            for _ in range(10):
                m.kernel("aten::linear", GEMM, 15, host_us=8)
        with m.range("timing"):
            m.wait("cudaDeviceSynchronize")
            m.code(30)
        del name


def no_waits_between(m: Machine, step: int) -> None:
    for _ in range(4):
        with m.range("phase"):
            for _ in range(10):
                m.kernel("aten::linear", GEMM, 15, host_us=8)
        with m.range("timing"):
            m.code(30)


def average_looped(m: Machine, step: int) -> None:
    layers(m, 60, 4)
    with m.range("ema"):
        for _ in range(40):
            m.kernel("aten::mul_", POINTWISE + "mul", 2)
            m.kernel("aten::add_", POINTWISE + "add", 2)


def average_batched(m: Machine, step: int) -> None:
    layers(m, 60, 4)
    with m.range("ema"):
        for name in ("aten::_foreach_mul_", "aten::_foreach_add_"):
            m.kernel(name, "multi_tensor_apply_kernel", 10, host_us=30)


def decode_eager(m: Machine, step: int) -> None:
    for _ in range(4):
        with m.range("token"):
            for _ in range(40):
                with m.op("aten::linear"):
                    for view in ("aten::t", "aten::view", "aten::view"):
                        with m.op(view, 1):
                            pass
                    m.kernel("aten::addmm", GEMM, 2)
        m.code(10)


def decode_graph(m: Machine, step: int) -> None:
    for _ in range(4):
        with m.range("token"):
            m.graph([(GEMM, 2.0)] * 40)
        m.code(10)


def chain_eager(m: Machine, step: int) -> None:
    with m.range("mlp"):
        for _ in range(6):
            m.kernel("aten::linear", GEMM, 200)
            for op in ("mul", "sigmoid", "add", "tanh"):
                m.kernel(f"aten::{op}", POINTWISE + op, 100)


def chain_fused(m: Machine, step: int) -> None:
    with m.range("mlp"):
        for _ in range(6):
            m.kernel("aten::linear", GEMM, 200)
            m.kernel("compiled", "triton_poi_fused_add_mul_sigmoid_tanh_0", 130)


def upload_pageable(m: Machine, step: int) -> None:
    with m.range("input"):
        m.upload(6_000_000, pinned=False)
    layers(m, 20, 100)


def upload_pinned(m: Machine, step: int) -> None:
    with m.range("input"):
        m.upload(6_000_000, pinned=True)
    layers(m, 20, 100)


def upload_in_line(m: Machine, step: int) -> None:
    with m.range("input"):
        m.upload(40_000_000, pinned=True)
    layers(m, 20, 100)


def upload_beside(m: Machine, step: int) -> None:
    with m.range("input"):
        m.upload(40_000_000, pinned=True, stream=20)
    layers(m, 20, 100)


def reduce_after(m: Machine, step: int) -> None:
    layers(m, 20, 100)
    with m.range("reduce"):
        done = m.free[7]
        for _ in range(4):
            with m.op("nccl:all_reduce"):
                done = m.launch("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 300, 20, after=done)
        m.free[7] = done


def reduce_beside(m: Machine, step: int) -> None:
    layers(m, 20, 100)
    with m.range("reduce"):
        for _ in range(4):
            with m.op("nccl:all_reduce"):
                m.launch("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 300, 20)


def reduce_many(m: Machine, step: int) -> None:
    layers(m, 20, 60)
    with m.range("reduce"):
        done = m.free[7]
        for _ in range(60):
            with m.op("nccl:all_reduce", 12):
                done = m.launch("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 18, 20, after=done)
        m.free[7] = done


def reduce_few(m: Machine, step: int) -> None:
    layers(m, 20, 60)
    with m.range("reduce"):
        done = m.free[7]
        for _ in range(3):
            with m.op("nccl:all_reduce", 12):
                done = m.launch("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 60, 20, after=done)
        m.free[7] = done


def rank_waits(m: Machine, step: int) -> None:
    layers(m, 20, 100)
    done = m.free[7]
    for number in range(8):
        with m.op("nccl:all_reduce"):
            done = m.launch("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 1500 if number == 0 else 40, 20, after=done)
    m.free[7] = done


def rank_in_time(m: Machine, step: int) -> None:
    layers(m, 20, 100)
    done = m.free[7]
    for _ in range(8):
        with m.op("nccl:all_reduce"):
            done = m.launch("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 40, 20, after=done)
    m.free[7] = done


def loader_waits(m: Machine, step: int) -> None:
    with m.range("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"):
        m.sleep(2_500)
    layers(m, 20, 60)


def loader_ready(m: Machine, step: int) -> None:
    with m.range("enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__"):
        m.code(40)
    layers(m, 20, 60)


def reads_of_little(m: Machine, step: int) -> None:
    for _ in range(20):
        m.launch("tiny", 2)
        m.wait()
        m.code(2)
        m.wait()


def copies_alone(m: Machine, step: int) -> None:
    for _ in range(4):
        m.upload(50_000_000, pinned=True)
        m.kernel("aten::mul", POINTWISE, 100)


def reduce_most(m: Machine, step: int) -> None:
    layers(m, 4, 50)
    done = m.free[7]
    for _ in range(4):
        with m.op("nccl:all_reduce"):
            done = m.launch("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 300, 20, after=done)
    m.free[7] = done


def memory_each(m: Machine, step: int) -> None:
    layers(m, 10, 100)
    with m.range("scratch"):
        m.allocate("cudaMalloc", 150)
        m.allocate("cudaFree", 200)
    layers(m, 10, 100)


def memory_kept(m: Machine, step: int) -> None:
    layers(m, 10, 100)
    with m.range("scratch"):
        m.code(3)
    layers(m, 10, 100)


def masked_by_index(m: Machine, step: int) -> None:
    with m.range("mask"):
        for _ in range(6):
            for _ in range(5):
                m.kernel("aten::linear", GEMM, 20)
            with m.op("aten::nonzero", 8):
                m.launch("cub_reduce", 3)
                m.launch("Memcpy DtoH (Device -> Pinned)", 1.5, kind="memcpy", copy_kind="DtoH", bytes=4)
                m.wait()
                m.launch("cub_select", 3)


def masked_in_place(m: Machine, step: int) -> None:
    with m.range("mask"):
        for _ in range(6):
            for _ in range(5):
                m.kernel("aten::linear", GEMM, 20)
            with m.op("aten::where", 8):
                m.launch("where", 4)


def selected_by_mask(m: Machine, step: int) -> None:
    with m.range("select"):
        for _ in range(12):
            m.kernel("aten::gt", POINTWISE, 3)
            with m.op("aten::index", 30):
                with m.op("aten::nonzero", 40):
                    m.launch("cub_reduce", 2)
                    m.launch("Memcpy DtoH (Device -> Pinned)", 1.5, kind="memcpy", copy_kind="DtoH", bytes=4)
                    m.wait()
                    m.launch("cub_select", 2)
                m.launch("index_kernel", 3)
            m.kernel("aten::sum", "reduce_kernel", 3)


def selected_where(m: Machine, step: int) -> None:
    with m.range("select"):
        for _ in range(12):
            m.kernel("aten::gt", POINTWISE, 3)
            with m.op("aten::where", 8):
                m.launch("where", 3)
            m.kernel("aten::sum", "reduce_kernel", 3)


def tokens_brought_in(m: Machine, step: int) -> None:
    for _ in range(6):
        with m.range("token"):
            m.upload(8, pinned=False)
            for _ in range(8):
                m.kernel("aten::linear", GEMM, 6)


def tokens_there(m: Machine, step: int) -> None:
    for _ in range(6):
        with m.range("token"):
            for _ in range(8):
                m.kernel("aten::linear", GEMM, 6)


def clipped_looped(m: Machine, step: int) -> None:
    layers(m, 80, 6)
    with m.range("clip"):
        for op in ("linalg_vector_norm", "mul_"):
            for _ in range(40):
                m.kernel(f"aten::{op}", op, 2)


def clipped_batched(m: Machine, step: int) -> None:
    layers(m, 80, 6)
    with m.range("clip"):
        m.kernel("aten::_foreach_norm", "multi_tensor_apply_kernel", 20, host_us=40)
        m.kernel("aten::_foreach_mul_", "multi_tensor_apply_kernel", 20, host_us=40)


def collated_in_the_step(m: Machine, step: int) -> None:
    with m.range("data"):
        for _ in range(60):
            with m.op("aten::stack", 30):
                pass
    layers(m, 30, 60)
    m.wait("cudaDeviceSynchronize")


def collated_ahead(m: Machine, step: int) -> None:
    with m.range("data"):
        m.code(30)
    layers(m, 30, 60)
    m.wait("cudaDeviceSynchronize")


def saved_pageable(m: Machine, step: int) -> None:
    layers(m, 20, 60)
    with m.range("save"):
        m.upload(12_000_000, pinned=False)


def saved_pinned(m: Machine, step: int) -> None:
    layers(m, 20, 60)
    with m.range("save"):
        m.upload(12_000_000, pinned=True)


def waits_each_layer(m: Machine, step: int) -> None:
    with m.range("forward"):
        for _ in range(30):
            m.kernel("aten::linear", GEMM, 25)
            m.kernel("aten::gelu", POINTWISE, 8)
            m.wait("cudaDeviceSynchronize")


def waits_nowhere(m: Machine, step: int) -> None:
    with m.range("forward"):
        for _ in range(30):
            m.kernel("aten::linear", GEMM, 25)
            m.kernel("aten::gelu", POINTWISE, 8)


def kernels_for_each(m: Machine, step: int) -> None:
    layers(m, 12, 12)
    with m.range("refresh"):
        for _ in range(14):
            m.code(6)
            m.launch("copy_kernel", 1)


def kernels_for_all(m: Machine, step: int) -> None:
    layers(m, 12, 12)
    with m.range("refresh"):
        m.code(14)
        m.launch("copy_all", 2)


@dataclass(frozen=True)
class Pair:
    code: str
    place: str
    before: Program
    after: Program


PAIRS = [
    Pair("remove-sync", "`log`", reads_each, reads_none),
    Pair("remove-sync", "`timing`", waits_between, no_waits_between),
    Pair("batch-launches", "`ema`", average_looped, average_batched),
    Pair("capture-graph", "`token`", decode_eager, decode_graph),
    Pair("fuse-kernels", "`mlp`", chain_eager, chain_fused),
    Pair("pin-memory", "`input`", upload_pageable, upload_pinned),
    Pair("overlap-copy", "`input`", upload_in_line, upload_beside),
    Pair("overlap-communication", "ncclDevKernel", reduce_after, reduce_beside),
    Pair("bucket-communication", "`reduce`", reduce_many, reduce_few),
    Pair("balance-ranks", "ncclDevKernel", rank_waits, rank_in_time),
    Pair("prefetch-data", "enumerate(DataLoader)", loader_waits, loader_ready),
    Pair("avoid-allocation", "`scratch`", memory_each, memory_kept),
    Pair("remove-sync", "`mask`", masked_by_index, masked_in_place),
    Pair("remove-sync", "`select`", selected_by_mask, selected_where),
    Pair("remove-sync", "`token`", tokens_brought_in, tokens_there),
    Pair("remove-sync", "`forward`", waits_each_layer, waits_nowhere),
    Pair("batch-launches", "`clip`", clipped_looped, clipped_batched),
    Pair("batch-launches", "`refresh`", kernels_for_each, kernels_for_all),
    Pair("prefetch-data", "`data`", collated_in_the_step, collated_ahead),
    Pair("pin-memory", "`save`", saved_pageable, saved_pinned),
]


def _advice(found: list[Saving], code: str) -> Saving:
    by_code = {each.candidate.code: each for each in found}
    assert code in by_code, f"advised: {[(each.candidate.code, each.candidate.where, each.share) for each in found]}"
    return by_code[code]


def _is_true(advice: Saving, saved: float) -> None:
    low, high = advice.share
    assert 0 < low <= high <= 1
    assert high - low <= 0.30
    assert low - 0.05 <= saved <= high + 0.05


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.before.__name__)
def test_made_programs_are_advised_what_saves_and_how_much(pair: Pair) -> None:
    was, now = unprofiled_ns(pair.before), unprofiled_ns(pair.after)
    advice = _advice(advise(Stepped(recorded(pair.before))), pair.code)
    assert pair.place in advice.candidate.where
    _is_true(advice, 1 - now / was)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.after.__name__)
def test_what_was_changed_is_not_advised_again(pair: Pair) -> None:
    assert pair.code not in {each.candidate.code for each in advise(Stepped(recorded(pair.after)))}


# -- recordings of an H100: before and after one change, with what it saved unprofiled

REAL = Path(__file__).parents[1] / "data" / "pairs"
FACTS = json.loads((REAL / "facts.json").read_text())["pairs"]
WHOLE = Path(__file__).parents[3] / "shared" / "data"


def _stepped(path: Path) -> Stepped:
    return join(open_trace(path)).stepped()


@pytest.mark.parametrize("name", FACTS)
def test_a_recorded_step_is_advised_what_saved_its_time(name: str) -> None:
    facts = FACTS[name]
    advice = _advice(advise(_stepped(REAL / f"{name}.before.json.gz")), facts["expect"]["code"])
    place = re.match(r"range (`\w+`)", facts["expect"]["where"])
    assert place and place[1] in advice.candidate.where
    _is_true(advice, facts["saved_share_of_step"])
    after = advise(_stepped(REAL / f"{name}.after.json.gz"))
    assert facts["expect"]["code"] not in {each.candidate.code for each in after}


def test_the_docs_say_what_these_are_advised() -> None:
    page = (Path(__file__).parents[2] / "docs" / "advice.md").read_text()
    for name, facts in FACTS.items():
        advice = _advice(advise(_stepped(REAL / f"{name}.before.json.gz")), facts["expect"]["code"])
        low, high = (f"{100 * share:.0f}" for share in advice.share)
        row = f"| {name} | `{advice.candidate.code}`, {advice.candidate.where} | {low} – {high} % | {100 * facts['saved_share_of_step']:.0f} % |"
        assert row in page


def test_a_late_rank_is_told_from_one_trace_of_another() -> None:
    if not (WHOLE / "ranks").is_dir():
        pytest.skip("what others recorded is not here")
    found = advise(_stepped(WHOLE / "ranks" / "slow2" / "rank0.json.gz"))
    _is_true(_advice(found, "balance-ranks"), 0.31)  # a step takes 59.9 ms, and 41.6 where no rank is late
    late = advise(_stepped(WHOLE / "ranks" / "slow2" / "rank2.json.gz"))
    _is_true(_advice(late, "prefetch-data"), 0.31)
    assert advise(_stepped(WHOLE / "ranks" / "even" / "rank0.json.gz")) == []


def test_a_range_is_advised_what_the_whole_trace_is_advised_there() -> None:
    trace = open_trace(REAL / "log-each-step.before.json.gz")
    whole = _advice(analyze(trace).savings, "remove-sync")
    of_range = analyze(trace, range_name="log")
    alone = _advice(of_range.savings, "remove-sync")
    assert alone.candidate.where == whole.candidate.where and alone.share[1] <= 1
    assert alone.ns == pytest.approx(whole.ns, rel=0.05)  # of more of an instance than of a step, but the same time
    assert alone.share[0] > 1.5 * whole.share[0]
    (said,) = as_document(of_range).advice
    assert said.code == "remove-sync" and "% of an instance of the range (" in said.sentence
    forward = analyze(trace, range_name="forward").savings
    assert forward and "remove-sync" not in {each.candidate.code for each in forward}


# -- what holds of any program


def test_a_replay_of_what_was_recorded_takes_what_was_recorded() -> None:
    for program in (reads_each, upload_pageable, reduce_after, decode_graph, memory_each):
        stepped = recorded(program).stepped()
        replay = replay_of(stepped)
        assert replay is not None and stepped.steps is not None
        wall = stepped.steps.wall_ns[replay.first + 1 : replay.last + 1].mean()
        assert replay.play() == pytest.approx(wall, rel=0.01), program.__name__


@given(
    kernels=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60), st.booleans()), min_size=1, max_size=12),
    pause=st.integers(0, 400),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_advice_saves_more_than_the_step(kernels: list[tuple[int, int, bool]], pause: int) -> None:
    def program(m: Machine, _: int) -> None:
        with m.range("data"):
            m.sleep(pause)
        with m.range("work"):
            for host, gpu, reads in kernels:
                m.kernel("aten::mul_", POINTWISE, gpu, host_us=host)
                if reads:
                    m.read()

    stepped = recorded(program, steps=5).stepped()
    replay = replay_of(stepped)
    assert replay is not None
    for saved in advise(stepped):
        low, high = saved.ns
        assert 0 <= low <= high <= replay.play(stretch=1.0)
        assert 0 <= saved.share[0] <= saved.share[1] <= 1


def test_without_steps_or_gpu_work_there_is_no_advice() -> None:
    alone = Machine(recorded=True)
    alone.kernel("aten::mul", POINTWISE, 5)
    assert advise(made.joined(made.events(alone.rows)).stepped()) == []
    assert advise(made.joined(made.events([made.host("range", "ProfilerStep#1", 0, 1000)])).stepped()) == []


# -- the verdict


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (decode_eager, "host"),
        (loader_waits, "host"),
        (chain_eager, "gpu"),
        (reads_of_little, "sync"),
        (copies_alone, "copies"),
        (reduce_most, "communication"),
    ],
)
def test_the_verdict_names_what_takes_most(program: Program, expected: str) -> None:
    verdict = verdict_of(recorded(program).stepped())
    assert verdict.bound_by == expected
    assert verdict.shares is not None and sum(verdict.shares.values()) == pytest.approx(1)
    assert verdict.share == max(verdict.shares.values()) and f"{100 * verdict.share:.0f} %" in verdict.sentence


def test_the_verdict_names_the_part_of_the_host() -> None:
    assert verdict_of(recorded(loader_waits).stepped()).part == "data"
    assert verdict_of(recorded(decode_eager).stepped()).part == "host-dispatch"


def test_a_trace_without_gpu_work_has_no_verdict() -> None:
    verdict = verdict_of(made.joined(made.events([made.host("op", "aten::add", 0, 1000)])).stepped())
    assert (verdict.bound_by, verdict.share, verdict.shares) == ("unknown", None, None)
    assert "not recorded" in verdict.sentence
