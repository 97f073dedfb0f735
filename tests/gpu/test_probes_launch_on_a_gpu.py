"""The probes launch-floor, stream-synchronize and triton-compile on a GPU: each comes to a verdict with its controls passed.

Asserts what was launched, compiled and copied, by count, and nobody's microseconds.
"""

import importlib.util

import pytest

pytestmark = pytest.mark.gpu


def has_cuda():
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("cuda") is None:
        return False
    import torch

    return torch.cuda.is_available()


if not has_cuda():
    pytest.skip("no CUDA GPU here: what follows from samples is tested without one", allow_module_level=True)

from launchlens.kernels.registry import variants, workloads
from launchlens.profiling.environment import missing
from launchlens.profiling.probes.apparatus.answer_word import AnswerWord
from launchlens.profiling.probes.apparatus.launch_calls import NEEDS as CPP_NEEDS
from launchlens.profiling.probes.catalogue import CATALOGUE
from launchlens.profiling.probes.launch_costs import probe as launch_costs
from launchlens.profiling.probes.launch_floor import probe as launch_floor
from launchlens.profiling.probes.launch_floor.timed_calls import answer
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.probes.stream_synchronize import probe as stream_synchronize
from launchlens.profiling.probes.triton_compile import probe as triton_compile
from launchlens.profiling.run import Plan, run
from launchlens.reports.progress import Steps
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.probe_codes import launch_costs as costs
from launchlens.traces.captures.probe_codes.launch_floor import (
    CPP_GRAPH,
    CPP_LAUNCH,
    CPP_MEMCPY,
    PREPARED,
    TORCH_GRAPH,
)
from launchlens.traces.studies.study import study


def quick():
    return Bench(None, (), quick=True)


def rows(probe, number=0):
    table = probe.tables[number]
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


def passed(probe):
    assert [f"{item.control}: {item.found}" for item in probe.controls if not item.passed] == []
    assert probe.control == "passed" and probe.verdict not in (None, "inconclusive")
    assert probe.figures and all(table.rows for table in probe.tables)
    return probe


def test_a_tensor_on_the_word_is_the_word():
    import torch

    with AnswerWord() as word:
        tensor = word.tensor()
        assert tensor.is_cuda and tensor.dtype == torch.int32
        assert answer(lambda: tensor.fill_(1), word.seen) > 0
        torch.cuda.synchronize()
        assert answer(lambda: None, word.seen) is None


def test_every_way_of_launching_is_timed_and_launches_one_thing():
    probe = passed(launch_floor.probe(quick()))
    assert not [note for note in probe.notes if note.startswith(("Left out", "No call to answer"))] or missing(
        (*CPP_NEEDS, "triton"), "cuda"
    )
    found = rows(probe)
    for name, row in found.items():
        if "graph" in row["launches"]:
            assert name in (CPP_GRAPH, TORCH_GRAPH)
        else:
            shape = "1 kernel (" if name == PREPARED else "1 kernel (1 × "
            assert row["launches"] == "1 memcpy" or row["launches"].startswith(shape)
        # a copy on the device leaves nothing that the host could see
        assert (row["call to answer"] is None) == (row["launches"] == "1 memcpy" or name == PREPARED)
    if not missing(CPP_NEEDS, "cuda"):
        for path in (CPP_LAUNCH, CPP_MEMCPY):
            figure = probe.figure("host-time", of=path)
            assert figure.unit == "ns" and figure.interval is not None
            assert figure.value == found[path]["host time per call"]
    assert any(name in found for name in probe.verdict.split(" or "))


def test_streams_are_created_waited_for_and_pooled():
    probe = passed(stream_synchronize.probe(quick()))
    for of, under in (("synchronize-streams", "in-flight"), ("create-streams", "torch")):
        figure = probe.figure("host-time", of=of, under=under)
        assert figure.value > 0 and figure.interval is not None
    assert probe.value("distinct-streams") < 64
    assert 0 <= probe.value("streams-still-copying") <= 7
    assert len(rows(probe)) == 10


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_triton_compiles_once():
    probe = passed(triton_compile.probe(quick()))
    assert probe.verdict == "once"
    assert probe.value("compilations-per-launch", of="repeated-launch") == 0
    assert probe.value("compilations-per-launch", of="new-specialisation") == 1
    assert probe.value("launches", of="repeated-launch") >= 200
    found = rows(probe)
    assert found["first-launch, empty-cache"]["compiled"] == found["first-launch, full-cache"]["loaded from disk"]


def test_what_launches_arguments_and_nodes_cost_is_found_of_every_path():
    probe = passed(launch_costs.probe(quick()))
    assert not [note for note in probe.notes if note.startswith("Left out")] or missing((*CPP_NEEDS, "triton"), "cuda")
    launches = {item.of: item.value for item in probe.figures if (item.what, item.part) == ("host-cost", "launch")}
    assert launches.keys() <= costs.PATHS.keys() and {costs.COPY, costs.FOREACH, costs.GRAPH} <= launches.keys()
    assert all(value > 0 for value in launches.values()), "no launch is for nothing"
    node = probe.value("device-cost", of=costs.GRAPH, part=costs.NODES["memcpy"])
    assert node is not None and node > 0
    if costs.MEMCPY_BATCH in launches:
        assert probe.value("host-cost", of=costs.MEMCPY_BATCH, part=costs.ARGUMENT) > 0


def test_costs_timed_in_the_rounds_of_variants_predict_them(tmp_path):
    chosen = [each for each in variants("small-copies") if each.name in ("copy_", "foreach", "flat-buffer")]
    (spec,) = [each for each in workloads() if each.name == "small-copies"]
    plan = Plan(spec, chosen, "cuda", rounds=8, recorded_rounds=3, collectors=(), probes=(CATALOGUE["launch-costs"],))
    run(plan, tmp_path, Steps())
    found = study(read_capture(tmp_path)).what_if
    assert found is not None and found.median_error is not None
    assert {each.side.variant for each in found.sides if each.off is not None} == {"copy_", "foreach", "flat-buffer"}
    assert {each.path for each in found.were_one if each.regime == "eager"} >= {costs.COPY, costs.FOREACH}
    assert found.with_variants
