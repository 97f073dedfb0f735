"""The probes launch-ladder and backlog on a GPU: an answer is reached, its controls pass, and counts are what they must be."""

import importlib.util
from time import perf_counter

import pytest

pytestmark = pytest.mark.gpu


def has_cuda():
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("cuda") is None:
        return False
    import torch

    return torch.cuda.is_available()


if not has_cuda():
    pytest.skip("no CUDA GPU here: what follows from times is tested without one", allow_module_level=True)

import torch

from launchlens.kernels.registry import REGIMES, Variant, WorkloadSpec, variants, workloads
from launchlens.kernels.small_copies import workload as small_copies
from launchlens.profiling.checking import Checks
from launchlens.profiling.probes.apparatus.blocker import Blocker
from launchlens.profiling.probes.backlog import probe as backlog
from launchlens.profiling.probes.launch_ladder import probe as launch_ladder
from launchlens.profiling.probes.launch_ladder.triton_parts import PARTS
from launchlens.profiling.probes.method.bench import Bench
from launchlens.traces.captures.probe_codes.launch_ladder import API_CALL

HAS_TRITON = importlib.util.find_spec("triton") is not None
CHOSEN = ("copy_", "foreach", "streams", *(("triton-batched",) if HAS_TRITON else ()))


def failed(probe):
    return [f"{item.control}: {item.found}" for item in probe.controls if not item.passed]


# -- launch-ladder


@pytest.fixture(scope="module")
def ladder():
    return launch_ladder.probe(Bench(None, (), quick=True))


def test_the_ladders_come_to_an_answer_and_their_controls_pass(ladder):
    assert failed(ladder) == []
    assert ladder.verdict not in (None, "inconclusive") and ladder.verdict.startswith("copy_: ")
    assert ("; triton: " in ladder.verdict) == HAS_TRITON


@pytest.mark.parametrize("name", ["copy_", "triton"] if HAS_TRITON else ["copy_"])
def test_the_steps_are_all_there_cost_something_and_sum_to_the_whole(ladder, name):
    steps = ["loop", "call", "dispatch", API_CALL] if name == "copy_" else ["loop", "indexing", "grid", API_CALL]
    if name == "triton":
        steps += [part.name for part in PARTS]
        assert not any(note.startswith("No rung of triton") for note in ladder.notes)
    values = {step: ladder.value("ladder-step", of=name, part=step) for step in steps}
    whole, residual = ladder.value("ladder-whole", of=name), ladder.value("residual", of=name)
    assert sum(values.values()) + residual == pytest.approx(whole)
    assert all(values[step] > 0 for step in steps)
    assert values[API_CALL] > 0.05 * whole and abs(residual) < 0.5 * whole


def test_the_ladders_leave_tritons_hooks_and_torchs_stream_as_they_were():
    if not HAS_TRITON:
        pytest.skip("needs triton")
    from triton import knobs

    found = dict(vars(knobs.runtime)), torch.cuda.current_stream()
    launch_ladder.probe(Bench(None, (), quick=True))
    assert (dict(vars(knobs.runtime)), torch.cuda.current_stream()) == found


# -- backlog


def bench_of(spec, chosen):
    """The bench that a run would give a probe: what was checked and found right."""
    checks, calls = Checks(spec, chosen, "cuda", 0), {}
    for variant in chosen:
        for record, call in checks.check(variant, REGIMES):
            if call is not None:
                calls[variant.name, record.regime] = call
    return Bench(spec, chosen, calls, quick=True), checks


@pytest.fixture(scope="module")
def copies():
    spec = next(made for made in workloads() if made.name == "small-copies")
    return bench_of(spec, [made for made in variants("small-copies") if made.name in CHOSEN])


def test_small_copies_come_to_an_answer_behind_a_backlog(copies):
    bench, checks = copies
    began = perf_counter()
    probe = backlog.probe(bench)
    assert perf_counter() - began < 30
    assert failed(probe) == []
    assert probe.verdict in ("ranking-flips", "ranking-holds", "no-flip-shown")
    ranked, left_out = ({row[0] for row in probe.tables[index].rows} for index in (0, 2))
    # seven streams of their own: whether more iterations take as much longer is the hardware queues' affair
    assert ranked | left_out == set(CHOSEN) and left_out <= {"streams"}
    pairs = len(ranked) * (len(ranked) - 1) // 2
    assert len(probe.tables[1].rows) == pairs and probe.figure("pairs-that-flip").out_of == pairs
    for name in ranked:
        behind = probe.figure("device-time", of=name, under="backlog")
        eager = probe.figure("wall-time", of=name, under="eager")
        # the host takes most of an eager iteration of these, and is not in the other
        assert 0 < behind.value < eager.value and behind.interval is not None
    # seven copies one after the other take longer than one launch that makes them all
    assert probe.value("ratio", of="foreach", to="copy_", under="backlog") < 1
    assert all(checks.again(name, "eager") is None for name in CHOSEN)


def made(name, build):
    return Variant(name, "made", build, ("torch", "cuda"), ("eager",), "")


def plain(inputs):
    pairs = list(zip(inputs.destinations, inputs.sources, strict=True))

    def iteration():
        for destination, source in pairs:
            destination.copy_(source)

    return iteration


def waiting(inputs):
    call = plain(inputs)
    return lambda: (call(), torch.cuda.synchronize())


def elsewhere(inputs):
    call, stream = plain(inputs), torch.cuda.Stream()

    def iteration():
        with torch.cuda.stream(stream):
            call()

    return iteration


def test_what_waits_for_the_device_or_is_not_held_is_told_and_nothing_hangs():
    spec = WorkloadSpec("made", "", "plain", small_copies.make)
    chosen = [made("plain", plain), made("other", plain), made("waiting", waiting), made("elsewhere", elsewhere)]
    bench, checks = bench_of(spec, chosen)
    began = perf_counter()
    probe = backlog.probe(bench)
    assert perf_counter() - began < 30
    out = dict(probe.tables[2].rows)
    assert out.keys() == {"waiting", "elsewhere"} and "waits for the device" in out["waiting"]
    assert "not held" in out["elsewhere"] or "not be on the held stream" in out["elsewhere"]
    assert failed(probe) == [] and len(probe.tables[1].rows) == 1
    torch.cuda.synchronize()
    assert all(checks.again(variant.name, "eager") is None for variant in chosen)


def test_the_device_does_nothing_of_an_iteration_until_the_blocker_lets_go():
    inputs = small_copies.make(device="cuda", seed=0)
    with Blocker() as blocker:
        assert blocker.ends_meanwhile(inputs, plain(inputs)) is False
        assert blocker.ends_meanwhile(inputs, elsewhere(inputs)) is True
        found = blocker.behind(plain(inputs), 8, 0.5)
        assert found.held and found.device_ns > 0 and inputs.wrong() is None
        assert not blocker.behind(waiting(inputs), 1, 0.1).held
