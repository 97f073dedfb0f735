"""A capture made on this CPU: checked, timed, recorded, read back. And what goes wrong with variants."""

import gzip
import json
from contextlib import contextmanager

import pytest

from launchlens.kernels.registry import Variant, WorkloadSpec, variants, workloads
from launchlens.profiling.probes.catalogue import CATALOGUE
from launchlens.profiling.run import NothingToMeasureError, Plan, run
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.probes import read_probes
from launchlens.traces.studies.study import study
from made_probes import LAUNCH_COSTS

torch = pytest.importorskip("torch", reason="measuring needs torch")


class Steps:
    def __init__(self, interrupt_at=None):
        self.seen = []
        self.interrupt_at = interrupt_at

    @contextmanager
    def step(self, text, total):
        self.seen.append(text)
        if self.interrupt_at and text.startswith(self.interrupt_at):
            raise KeyboardInterrupt
        yield lambda done: None


def small_copies():
    return next(spec for spec in workloads() if spec.name == "small-copies")


def plan(chosen, **more):
    settings = {"rounds": 6, "iterations": 3, "recorded_rounds": 5, "recorded_iterations": 2} | more
    return Plan(small_copies(), chosen, "cpu", **settings)


def named(*names):
    return [made for made in variants("small-copies") if made.name in names]


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("capture")
    run(plan(named("copy_", "foreach", "triton-batched")), folder, Steps())
    return read_capture(folder)


def test_a_cpu_capture_is_complete_and_says_what_was_skipped(capture):
    manifest = capture.manifest
    assert manifest.complete and manifest.device == "cpu"
    status = {(record.variant, record.regime): record.status for record in manifest.variants}
    assert status == {
        ("copy_", "eager"): "measured",
        ("foreach", "eager"): "measured",
        ("triton-batched", "eager"): "skipped",
    }
    assert len(capture.timings) == 6 * 3 * 2, "two variants and the control, a short and a long block each"
    assert manifest.environment["torch"] == torch.__version__


def test_the_trace_counts_what_was_run(capture):
    found = study(capture)
    copy_, foreach = found.sides["copy_", "eager"].recording, found.sides["foreach", "eager"].recording
    assert copy_.account.windows == 5, "a window per recorded round"
    assert copy_.profiled_ns > 0 and foreach.profiled_ns > 0
    assert copy_.gpu_busy_ns is None and found.sides["copy_", "eager"].bound == "unknown"
    shown = copy_.timeline.events
    assert (shown["name"] == "aten::copy_").sum() == 7, "one iteration is seven copies"
    assert (foreach.timeline.events["name"] == "aten::_foreach_copy_").sum() == 1
    per_iteration = copy_.account.total_ns / (5 * 2)
    assert copy_.per_iteration.total_ns == pytest.approx(per_iteration)


def test_nothing_in_a_capture_names_the_machine_or_its_user(capture):
    import getpass
    import platform
    from pathlib import Path

    trace = gzip.decompress(capture.trace_path(capture.manifest.traces[0]).read_bytes()).decode()
    text = trace + (capture.path / "manifest.json").read_text()
    assert json.loads(trace)["host_name"] == ""
    private = [str(Path.home()), str(capture.path), f'"{platform.node()}"', f"/{getpass.getuser()}/"]
    assert [word for word in private if word in text] == []


def test_an_interruption_leaves_what_was_measured_and_says_so(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(plan(named("copy_", "foreach")), tmp_path, Steps(interrupt_at="recording"))
    capture = read_capture(tmp_path)
    assert not capture.manifest.complete
    assert len(capture.timings) == 6 * 3 * 2
    assert study(capture).sides["copy_", "eager"].recording is None


def test_a_wrong_variant_is_named_and_never_timed(tmp_path):
    def forgets_the_last(inputs):
        return lambda: [d.copy_(s) for d, s in zip(inputs.destinations[:-1], inputs.sources[:-1], strict=True)]

    def raises(inputs):
        raise RuntimeError("no such kernel\nand more")

    broken = [
        Variant("forgetful", "small-copies", forgets_the_last, ("torch",), ("eager",), ""),
        Variant("raising", "small-copies", raises, ("torch",), ("eager",), ""),
    ]
    manifest = run(plan([*named("copy_"), *broken]), tmp_path, Steps())
    found = {record.variant: (record.status, record.why) for record in manifest.variants}
    assert found["forgetful"] == ("wrong", "2048 of 2048 elements of copy 6 are not the source's")
    assert found["raising"] == ("failed", "RuntimeError: no such kernel")
    assert set(read_capture(tmp_path).timings["variant"]) == {"copy_"}


def test_nothing_to_measure_is_an_error_that_says_why(tmp_path):
    with pytest.raises(NothingToMeasureError, match="needs cuda"):
        run(plan(named("triton-batched")), tmp_path, Steps())


def test_a_variant_that_breaks_the_device_is_named(tmp_path, monkeypatch):
    """An illegal access stays with the process: every later synchronize raises."""
    broken = Variant("breaking", "small-copies", lambda inputs: lambda: breaks.append(1), ("torch",), ("eager",), "")
    breaks: list[int] = []

    def synchronize(device):
        if breaks:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    monkeypatch.setattr("launchlens.profiling.checking.synchronize", synchronize)
    monkeypatch.setattr("launchlens.profiling.run.synchronize", synchronize)
    with pytest.raises(NothingToMeasureError, match=r"breaking left the device unusable \(CUDA error: an illegal"):
        run(plan([*named("copy_"), broken, *named("foreach")]), tmp_path, Steps())


def test_inputs_of_one_variant_are_not_anothers(tmp_path):
    made = []

    def make(*, device, seed):
        made.append(small_copies().make(device=device, seed=seed))
        return made[-1]

    spec = WorkloadSpec("small-copies", "", "copy_", make)
    run(
        Plan(spec, named("copy_", "foreach"), "cpu", rounds=1, iterations=1, recorded_rounds=1, recorded_iterations=1),
        tmp_path,
        Steps(),
    )
    assert len(made) == 2
    assert made[0].destinations[0].data_ptr() != made[1].destinations[0].data_ptr()


def test_a_variant_that_stops_working_is_not_called_fast(tmp_path):
    """It is right when checked first, and copies nothing from its sixth call on."""

    def lazy(inputs):
        calls = []

        def iteration():
            calls.append(1)
            if len(calls) < 6:
                for destination, source in zip(inputs.destinations, inputs.sources, strict=True):
                    destination.copy_(source)

        return iteration

    broken = Variant("lazy", "small-copies", lazy, ("torch",), ("eager",), "")
    manifest = run(plan([*named("copy_"), broken]), tmp_path, Steps())
    found = {record.variant: (record.status, record.why) for record in manifest.variants}
    assert found["lazy"][0] == "wrong" and found["lazy"][1].startswith(
        "right at first, but not after it had been timed"
    )
    assert set(read_capture(tmp_path).timings["variant"]) == {"copy_"}
    assert "lazy" not in {variant for variant, _ in study(read_capture(tmp_path)).sides}


def test_costs_of_launches_are_timed_in_the_rounds_of_the_variants(tmp_path, monkeypatch):
    rounds, later = [], []

    class Costs:
        round = staticmethod(rounds.append)

        @staticmethod
        def probe():
            return LAUNCH_COSTS

    monkeypatch.setattr("launchlens.profiling.run.missing", lambda needs, device: [])
    monkeypatch.setattr("launchlens.profiling.run.launch_costs.in_rounds_of_variants", Costs)
    monkeypatch.setattr("launchlens.profiling.run.run_probes", lambda probes, *_, **__: later.extend(probes))
    asked = (CATALOGUE["launch-costs"], CATALOGUE["copy-engine"])
    steps = Steps()
    run(plan(named("copy_", "foreach"), probes=asked), tmp_path, steps)
    assert rounds == list(range(6)) and [each.id for each in later] == ["copy-engine"]
    capture = read_capture(tmp_path)
    assert read_probes(tmp_path) == {"launch-costs": LAUNCH_COSTS}
    declared = {
        (each.variant, launch.path, launch.per_iteration)
        for each in capture.manifest.variants
        for launch in each.structure
    }
    assert declared == {("copy_", "torch-copy_", 7), ("foreach", "torch-foreach-copy_", 1)}
    found = study(capture).what_if
    assert found is not None and {each.side.variant for each in found.sides} == {"copy_", "foreach"}


def test_without_what_it_needs_the_probe_of_costs_runs_last_and_says_so(tmp_path, monkeypatch):
    later = []
    monkeypatch.setattr("launchlens.profiling.run.missing", lambda needs, device: ["cuda-bindings"])
    monkeypatch.setattr("launchlens.profiling.run.run_probes", lambda probes, *_, **__: later.extend(probes))
    run(plan(named("copy_"), probes=(CATALOGUE["launch-costs"],)), tmp_path, Steps())
    assert [each.id for each in later] == ["launch-costs"] and not read_probes(tmp_path)
