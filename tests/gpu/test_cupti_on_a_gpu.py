"""The CUPTI collector on a GPU: what CUPTI must see of work that is known. It asserts counts and order, nobody's microseconds.

Run on a machine with a GPU and cupti-python: `python -m pytest -m gpu tests/gpu/test_cupti_on_a_gpu.py`.
"""

import importlib.util
import json

import pytest

pytestmark = pytest.mark.gpu


def has_cuda():
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("cupti") is None:
        return False
    import torch

    return torch.cuda.is_available()


if not has_cuda():
    pytest.skip("no CUDA GPU or no cupti-python here", allow_module_level=True)

from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.kernels.registry import variants, workloads
from launchlens.profiling.collectors.collector import Job
from launchlens.profiling.collectors.cupti.collector import Cupti
from launchlens.profiling.doctor import examine
from launchlens.profiling.timing import Entry
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.readers.cupti.schema import COLUMNS
from launchlens.traces.source import open_trace
from launchlens.traces.studies.study import study

NAMES = ("copy_", "foreach", "triton-batched")
ROUNDS, ITERATIONS = 3, 4
#: GPU activities per iteration, in any regime.
WORK = {"copy_": 7, "foreach": 1, "triton-batched": 1}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """One recording per regime, made by a process of its own, by regime: its trace and what pyarrow reads of the file."""
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("cupti")
    spec = next(each for each in workloads() if each.name == "small-copies")
    assert set(NAMES) <= {each.name for each in variants("small-copies")}
    found = {}
    for regime in ("eager", "graph"):
        entries = [Entry(name, regime, lambda: None) for name in NAMES]
        made = Cupti().record(Job(spec, entries, folder, regime, ROUNDS, ITERATIONS, "cuda"), lambda done: None)
        found[regime] = open_trace(folder / made.path), pq.read_table(folder / made.path)
        document = as_plain(as_document(analyze(found[regime][0])))
        print(regime, json.dumps({name: document[name] for name in ("source", "problems", "totals", "launch_cost")}))
        print(regime, found[regime][1].schema.metadata[b"launchlens"].decode())
    return found


@pytest.mark.parametrize("regime", ["eager", "graph"])
def test_nothing_is_lost_and_all_work_is_joined_to_its_call(recorded, regime):
    trace, table = recorded[regime]
    assert table.column_names == [column.name for column in COLUMNS]
    header = json.loads(table.schema.metadata[b"launchlens"])
    assert header["dropped_records"] == 0 and header["buffers_while_recording"] == 0
    analysis = analyze(trace)
    for code in (
        "dropped-records", "buffer-full-while-recording", "range-ids-disagree", "gpu-start-before-launch",
        "missing-correlation", "correlation-id-repeats", "event-not-understood", "negative-duration",
    ):  # fmt: skip
        assert analysis.problems[code] == 0, code
    totals = as_plain(as_document(analysis))["totals"]
    assert sum(totals["gpu_activities_without_launch"].values()) == 0
    assert header["devices"]["0"] and trace.devices[0] == header["devices"]["0"]


@pytest.mark.parametrize("regime", ["eager", "graph"])
@pytest.mark.parametrize("name", NAMES)
def test_each_range_owns_the_work_of_its_iterations(recorded, regime, name):
    ranges = {row["name"]: row for row in as_plain(as_document(analyze(recorded[regime][0])))["ranges"]}
    row = ranges[f"variant:{name}"]
    assert row["instances"] == ROUNDS
    assert row["kernels"] + row["memcpys"] == ROUNDS * ITERATIONS * WORK[name]
    assert row["launches"] == ROUNDS * ITERATIONS * (1 if regime == "graph" else WORK[name])


def test_queued_submitted_and_start_of_a_kernel_come_in_that_order(recorded):
    events = recorded["eager"][0].events
    kernels = events[events["kind"] == "kernel"].dropna(subset=["queued_ns", "submitted_ns"])
    assert len(kernels)
    assert (kernels["queued_ns"] <= kernels["submitted_ns"]).all()
    assert (kernels["submitted_ns"] <= kernels["start_ns"]).all()


def test_copies_name_their_channel_and_graphs_their_nodes(recorded):
    eager, graph = (recorded[regime][0].events for regime in ("eager", "graph"))
    copies = eager[(eager["kind"] == "memcpy") & (eager["copy_kind"] == "DtoD")]
    assert len(copies) and copies["channel"].notna().all()
    work = graph[graph["kind"].isin(["kernel", "memcpy"]) & graph["correlation"].notna()]
    assert work["graph_node"].notna().any()


def test_doctor_finds_it():
    row = next(row for row in examine() if row.name == "cupti")
    assert row.found and row.version, row


def test_all_collectors_count_the_same(tmp_path):
    chosen = ["--variant", "foreach", "--rounds", "10", "--collector", "torch", "--collector", "cupti"]
    result = CliRunner().invoke(
        app, ["profile", "--device", "cuda", *chosen, "--output", str(tmp_path / "c"), "--json"]
    )
    assert result.exit_code == 0, result.output
    found = study(read_capture(tmp_path / "c"))
    assert {name for name, *_ in found.recordings} == {"torch", "cupti"}
    rows = [row for row in found.agreement if row.metric.rule == "exact"]
    assert rows and not [(row.variant, row.regime, row.metric.code, row.values) for row in rows if row.amiss]
