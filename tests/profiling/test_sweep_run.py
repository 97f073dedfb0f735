"""A sweep of a made machine whose turn-overs are known, by a clock that moves only when somebody works; and how a sweep ends early."""

import gc
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import pytest
from made_clock import Clock

from launchlens.kernels.registry import NotForTheseInputsError, Variant, WorkloadSpec
from launchlens.profiling import checking, regimes, rounds, timing
from launchlens.profiling.probes.apparatus import captured_nodes
from launchlens.profiling.run import NothingToMeasureError
from launchlens.profiling.sweeps import costs, counted, memory, reference
from launchlens.profiling.sweeps import point as at_a_point
from launchlens.profiling.sweeps import run as under_test
from launchlens.profiling.sweeps.axes import axes_of
from launchlens.profiling.sweeps.point import HowTimed, orders
from launchlens.profiling.sweeps.resume import plan_to_resume
from launchlens.profiling.sweeps.run import SweepPlan, sweep
from launchlens.traces.problems import InputError
from launchlens.traces.sweeps.sweep import read_sweep
from made_probes import LAUNCH_COSTS

torch = pytest.importorskip("torch", reason="measuring needs torch")

HOW = HowTimed(rounds=12, most_rounds=24, iterations=2)
#: b overtakes a at 22,500, on a machine that only gets slower with size.
COSTS = {"a": lambda size: 2_000 + 9 * size // 10, "b": lambda size: 20_000 + size // 10}
CROSSING = 22_500
REFERENCE_NS = 300_000
GRID = "size=64..1M:log4"


class Steps:
    def __init__(self, interrupt_at=None):
        self.shown = []
        self._interrupt_at = interrupt_at

    @contextmanager
    def points(self, text):
        def show(done, known, left_s, now):
            self.shown.append((done, known, left_s, now))
            if done == self._interrupt_at:
                raise KeyboardInterrupt

        yield show


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    for module in (rounds, timing, under_test, reference):
        monkeypatch.setattr(module, "perf_counter_ns", made)
    monkeypatch.setattr(reference, "_interpreter", made.work(REFERENCE_NS))
    monkeypatch.setattr(reference, "_launches", lambda: made.work(REFERENCE_NS))
    return made


def make(*, device, seed, size=64, parts=1):
    if size > 600_000 and parts == 2:
        raise MemoryError("no more")
    return size


def facts(size, parts):
    if size % 16:
        raise ValueError(f"size: {size} is not a multiple of 16")
    return {"bytes": 4 * size}


def variants(clock, **builds):
    def of(cost):
        return lambda size: clock.work(cost(size))

    found = {name: of(cost) for name, cost in COSTS.items()} | builds
    return [Variant(name, "made", build, (), ("eager",), f"{name} it") for name, build in found.items()]


def plan(clock, *texts, chosen=None, **more):
    spec = WorkloadSpec("made", "made work", "a", make, {"size": 64, "parts": 1}, facts, check=None)
    settings = {"how": HOW, "regimes": ("eager",)} | more
    return SweepPlan(spec, chosen or variants(clock), axes_of(spec, texts or (GRID,)), "cpu", **settings)


def sizes(record, **where):
    return [
        point.settings["size"]
        for point in record.points
        if point.variants and all(getattr(point, name) == value for name, value in where.items())
    ]


def test_the_turn_over_of_a_made_machine_is_found(clock, tmp_path):
    steps = Steps()
    record = sweep(plan(clock), tmp_path, steps)
    assert record == read_sweep(tmp_path).record and record.complete
    assert sorted(sizes(record, stage="coarse")) == [4**power for power in range(3, 11)]
    (held,) = sizes(record, held_out=True)
    assert held not in (64, 1 << 20)
    known = sizes(record, held_out=False)
    below, above = max(size for size in known if size < CROSSING), min(size for size in known if size > CROSSING)
    assert above / below <= 1.15**2
    near = sizes(record, stage="refinement")
    assert near and held not in near and all(size % 16 == 0 for size in near)
    assert [(done, now) for done, _, _, now in steps.shown][0::8][:2] == [(0, "the grid"), (8, "near turn-overs")]
    assert record.points[0].variants[0].bytes == 4 * record.points[0].settings["size"]
    assert record.points[0].variants[0].launches is None, "on the CPU nothing counts them"


def test_timings_say_what_the_machine_costs(clock, tmp_path):
    record = sweep(plan(clock, "size=64,1024"), tmp_path, Steps())
    timings = read_sweep(tmp_path).timings
    assert list(timings["start_ns"]) == sorted(timings["start_ns"])
    for point in record.points:
        assert point.reference_ns == (REFERENCE_NS,) * 12, "once a round, the same work"
        frame = timings[timings["point"] == point.index]
        assert len(frame) == 12 * 3 * 2, (
            "two variants and the control, a short and a long block each, told apart at once"
        )
        (order,) = orders(frame, ["a", "b"]).values()
        size = point.settings["size"]
        assert [round(2.718281828459045**ns) for ns in order.log_ns] == [COSTS[name](size) for name in "ab"]


def test_two_axes_and_what_a_variant_can_not_do(clock, tmp_path):
    def narrow(size):
        if size > 1024:
            raise NotForTheseInputsError(f"takes 1024, not {size}")
        return clock.work(5)

    calls = []

    def breaks(size):
        return lambda: calls.append(1) if len(calls) < 40 else 1 / 0

    chosen = variants(clock, narrow=narrow, breaks=breaks)
    record = sweep(plan(clock, "size=64,4096,1M", "parts=1,2", chosen=chosen), tmp_path, Steps())
    found = {
        (*point.settings.values(), each.variant): (each.status, each.why)
        for point in record.points
        for each in point.variants
    }
    assert found[64, 1, "narrow"] == ("measured", None)
    assert found[4096, 2, "narrow"] == ("skipped", "takes 1024, not 4096")
    assert found[1 << 20, 2, "a"] == ("skipped", "out of memory")
    failed = [why for (_, _, name), (status, why) in found.items() if name == "breaks" and status == "failed"]
    assert failed and all("ZeroDivisionError" in why for why in failed)
    timings = read_sweep(tmp_path).timings
    for point in record.points:
        measured = {each.variant for each in point.variants if each.status == "measured"}
        assert measured == set(timings.loc[timings["point"] == point.index, "variant"])


def test_a_point_that_can_not_lie_in_memory_is_not_tried(clock, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 10**6)
    record = sweep(plan(clock, "size=64,1M"), tmp_path, Steps())
    small, large = (next(p for p in record.points if p.settings["size"] == size) for size in (64, 1 << 20))
    assert {each.status for each in small.variants} == {"measured"}
    assert {each.why for each in large.variants} == {
        "out of memory: 2 variants read and write 0.0 GB each, and 0.0 GB are free"
    }


def test_a_wrong_variant_is_named_at_every_point(clock, tmp_path):
    class Inputs(int):
        def wrong(self):
            return "it is wrong" if getattr(self, "asked", None) else None

    def wrong(inputs):
        inputs.asked = True
        return clock.work(7)

    made = plan(clock, "size=64,128", chosen=variants(clock, wrong=wrong))
    made = replace(made, workload=replace(made.workload, make=lambda *, device, seed, size, parts: Inputs(size)))
    record = sweep(made, tmp_path, Steps())
    assert {(each.variant, each.status) for point in record.points for each in point.variants} == {
        ("a", "measured"), ("b", "measured"), ("wrong", "wrong"),
    }  # fmt: skip


def test_what_was_measured_stays_and_the_sweep_goes_on(clock, tmp_path):
    whole = plan(clock)
    with pytest.raises(KeyboardInterrupt):
        sweep(whole, tmp_path, Steps(interrupt_at=5))
    cut = read_sweep(tmp_path)
    assert not cut.record.complete
    assert [bool(point.variants) for point in cut.record.points] == [True] * 5 + [False] * 3
    assert set(cut.timings["point"]) == set(range(5))
    again = plan_to_resume(cut, whole.workload, whole.variants, 1.0, ())
    assert (again.axes, again.seed, again.regimes, again.how) == (whole.axes, 0, ("eager",), whole.how)
    steps = Steps()
    record = sweep(again, tmp_path, steps, cut)
    assert steps.shown[0][0] == 5, "what had been measured is not measured again"
    assert record.complete and record.points[:5] == cut.record.points[:5]
    assert [point.held_out for point in record.points[:8]] == [point.held_out for point in cut.record.points]
    straight = sweep(whole, tmp_path / "straight", Steps()) if not (tmp_path / "straight").mkdir() else None
    assert straight is not None and sizes(record) == sizes(straight), "an interruption changes nothing of what is asked"
    found = read_sweep(tmp_path)
    assert list(found.timings["start_ns"]) == sorted(found.timings["start_ns"])
    assert set(found.timings["point"]) == {point.index for point in record.points}


def test_an_interruption_near_a_turn_over_leaves_no_empty_point(clock, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        sweep(plan(clock), tmp_path, Steps(interrupt_at=9))
    record = read_sweep(tmp_path).record
    assert len(record.points) == 9 and all(point.variants for point in record.points)


def test_time_that_is_up_ends_a_sweep_whole(clock, tmp_path, monkeypatch):
    now = iter(range(10_000))
    monkeypatch.setattr(under_test, "monotonic", lambda: 3.0 * next(now))
    record = sweep(plan(clock, minutes=0.5), tmp_path, Steps())
    assert record.complete and 0 < len(sizes(record)) < 8
    assert 64 in sizes(record) and 1 << 20 in sizes(record), "the ends come first"


def test_nothing_to_measure_says_why(clock, tmp_path):
    with pytest.raises(NothingToMeasureError, match="size: 65 is not a multiple of 16"):
        sweep(plan(clock, "size=65,67"), tmp_path, Steps())
    with pytest.raises(NothingToMeasureError, match="no variant runs here in any of graph"):
        sweep(plan(clock, "size=64", regimes=("graph",)), tmp_path, Steps())

    with pytest.raises(NothingToMeasureError, match="time was up"):
        sweep(plan(clock, "size=64", minutes=0), tmp_path, Steps())

    def fails(size):
        raise RuntimeError("not today")

    chosen = [replace(each, build=fails) for each in variants(clock)]
    with pytest.raises(NothingToMeasureError, match="not today"):
        sweep(plan(clock, "size=64,128", chosen=chosen), tmp_path, Steps())


#: What every iteration becomes in a graph that isn't there.
NODES = (captured_nodes.Node("memcpy"), *[captured_nodes.Node("kernel", 1, 32, arguments=5)] * 2)


class Stream:
    cuda_stream = 7


class Costs:
    """Bursts that count their rounds."""

    def __init__(self):
        self.rounds = []

    def round(self, number):
        self.rounds.append(number)

    def probe(self):
        return LAUNCH_COSTS


@pytest.fixture
def gpu(clock, monkeypatch):
    """A GPU that isn't there: its graphs are the calls themselves, of three nodes each. The bursts between points, and what was freed."""
    freed, bursts = [], Costs()
    for name, stand_in in {
        "synchronize": lambda: None,
        "empty_cache": lambda: freed.append(1),
        "mem_get_info": lambda: (10**9, 10**9),
        "Stream": Stream,
        "stream": lambda stream: nullcontext(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setitem(regimes.ENTER, "graph", lambda call: call)
    monkeypatch.setattr(captured_nodes, "nodes", lambda call, stream: [call(), *NODES][1:])
    monkeypatch.setattr(timing, "_on_cuda", lambda: timing._on_the_host)
    monkeypatch.setattr(rounds, "sm_clock_reader", lambda: lambda: 1980)
    monkeypatch.setattr(under_test, "describe", lambda device: {"device": device, "gpu": "made"})
    monkeypatch.setattr(costs.launch_costs, "between_points_of_a_sweep", lambda: bursts)
    monkeypatch.setattr(counted, "_light", lambda device: None)
    for module in (checking, at_a_point, counted, costs):
        monkeypatch.setattr(module, "missing", lambda needs, device: [])
    return bursts, freed


def test_on_a_gpu_both_regimes_are_timed_and_launches_counted(clock, gpu, tmp_path):
    bursts, freed = gpu

    def fills(size):
        if size > 2000:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return clock.work(50)

    def graphs_alone(size):
        return clock.work(60)

    chosen = [replace(each, regimes=("eager", "graph")) for each in variants(clock, fills=fills)]
    chosen.append(Variant("refused", "made", graphs_alone, (), ("eager",), ""))
    made = replace(plan(clock, chosen=chosen, regimes=("eager", "graph")), device="cuda")
    record = sweep(made, tmp_path, Steps())
    for each in record.points[0].variants:
        expected = (None, None, None) if each.variant == "refused" else (3, 3, 10)
        assert (each.status, each.launches, each.nodes, each.arguments) == ("measured", *expected), (
            "what can't be captured is not counted"
        )
    last = next(point for point in record.points if point.settings["size"] == 1 << 20)
    assert {(each.regime, each.status, each.why) for each in last.variants if each.variant == "fills"} == {
        ("eager", "skipped", "out of memory"), ("graph", "skipped", "out of memory"),
    }  # fmt: skip
    assert set(read_sweep(tmp_path).timings["regime"]) == {"eager", "graph"}
    assert bursts.rounds == list(range(len(bursts.rounds))) and len(bursts.rounds) >= costs.FEWEST_ROUNDS
    assert record.costs == LAUNCH_COSTS
    assert len(freed) >= len(record.points), "memory is given back after every point"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda spec, record: (replace(spec, name="other"), record), "is of workload made, not other"),
        (lambda spec, record: (spec, with_environment(record, gpu="NVIDIA H100")), "measured with gpu NVIDIA H100, and here it is none"),
        (lambda spec, record: (spec, with_environment(record, torch="1.0")), "measured with torch 1.0"),
        (lambda spec, record: (replace(spec, parameters={"parts": 1}), record), "sweeps size, which made has no more"),
        (lambda spec, record: (replace(spec, baseline="c"), record), "has a variant a that made has no more"),
    ],
)  # fmt: skip
def test_what_is_not_the_same_does_not_go_on(clock, tmp_path, change, says):
    made = plan(clock, "size=64")
    sweep(made, tmp_path, Steps())
    earlier = read_sweep(tmp_path)
    spec, record = change(made.workload, earlier.record)
    with pytest.raises(InputError, match=says):
        plan_to_resume(replace(earlier, record=record), spec, made.variants, 1.0, ())


def with_environment(record, **changed):
    from msgspec.structs import replace as with_fields

    return with_fields(record, environment={**record.environment, **changed})


def test_what_was_left_out_of_collections_before_a_sweep_is_left_out_after_it():
    for before in (True, False):
        (gc.freeze if before else gc.unfreeze)()
        with memory.kept_apart():
            assert gc.get_freeze_count()
        assert bool(gc.get_freeze_count()) is before
    gc.freeze()  # as it is for all tests
