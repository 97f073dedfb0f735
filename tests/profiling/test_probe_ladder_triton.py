"""A launch put together from the parts of the Triton that is installed: its kernel is compiled, and launched by a made-up driver."""

import importlib.util

import pytest

if importlib.util.find_spec("triton") is None or importlib.util.find_spec("torch") is None:
    pytest.skip("needs triton and torch: it is their launch that is taken apart", allow_module_level=True)

import torch
import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from launchlens.kernels.small_copies.triton_per_tensor import BLOCK, copy_one
from launchlens.profiling.probes.launch_ladder import triton_ladder as of_triton
from launchlens.profiling.probes.launch_ladder import triton_parts
from launchlens.profiling.probes.launch_ladder.copy_ladder import LOOP, Pair
from launchlens.profiling.probes.launch_ladder.hooks import hook_added, hooks
from launchlens.profiling.probes.launch_ladder.triton_parts import PARTS, Parts

NAMES = [part.name for part in PARTS]
ELEMENTS = 256


class MadeUpDriver:
    """What Triton asks of a driver in order to launch: nothing is loaded, and what would be launched is written down."""

    def __init__(self):
        self.launched = []
        outer = self

        class Utils:
            def load_binary(self, name, binary, shared, device):
                return 1, 4242, 16, 0, 1024

            def get_device_properties(self, device):
                return {"max_shared_mem": 232448}

        class Launcher:
            def __init__(self, src, metadata):
                pass

            def __call__(self, *given):
                outer.launched.append(given)

        self.utils, self.launcher_cls = Utils(), Launcher

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 7

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(driver, "_active", MadeUpDriver())
    return driver.active


@pytest.fixture
def pair():
    source = torch.arange(ELEMENTS, dtype=torch.int32)
    return Pair(torch.zeros_like(source), source)


@pytest.fixture
def launches(made_up, pair):
    # a kernel of the test's own: the module's keeps what was compiled for the made-up device
    return of_triton.Launches(triton.jit(copy_one.fn), pair, BLOCK)


def test_the_parts_reach_the_launcher_with_what_triton_itself_gives_it(made_up, launches):
    parts = launches.parts
    assert (list(parts.launches), parts.left_out) == (NAMES, {})
    assert parts.same is True
    before = len(made_up.launched)
    launches.part(NAMES[-1])
    launches.whole()
    rebuilt, own = made_up.launched[before:]
    assert rebuilt[:5] == own[:5] == (1, 1, 1, 7, 4242)
    assert [type(one) for one in rebuilt] == [type(one) for one in own]


def test_only_the_last_part_launches(made_up, launches):
    before = len(made_up.launched)
    for name in NAMES[:-1]:
        launches.part(name)
    assert len(made_up.launched) == before
    launches.part(NAMES[-1])
    assert len(made_up.launched) == before + 1


def test_arguments_that_differ_are_noticed(launches):
    parts = launches.parts
    last = parts.launches[NAMES[-1]]
    parts.launches[NAMES[-1]] = lambda to, source, elements, **options: last(source, to, elements, **options)
    assert parts.same is False
    parts.launches[NAMES[-1]] = lambda *given, **options: (last(*given, **options), last(*given, **options))
    assert parts.same is False


def test_every_rung_and_the_whole_can_be_called_over_and_over(made_up, launches):
    bursts = {burst.name: burst for burst in launches.bursts(None, 10)}
    made_of = {
        of_triton.WHOLE,
        of_triton.AGAIN,
        of_triton.HALF,
        of_triton.BOUND,
        of_triton.NO_HOOKS,
        of_triton.IDLE_HOOKS,
    }
    assert made_of < bursts.keys() <= of_triton.RUNGS.keys() - {LOOP}
    for name, burst in bursts.items():
        before = len(made_up.launched)
        with burst.around():
            burst.run(3)
        launching = name in made_of or name == f"triton: up to {NAMES[-1]}"
        assert len(made_up.launched) - before == (3 if launching else 0), name
    assert bursts[of_triton.HALF].times == 5


def test_the_ladder_has_a_rung_for_everything_that_is_timed(launches):
    names = {burst.name for burst in launches.bursts(None, 10)} | {LOOP, of_triton.API, of_triton.NO_API}
    ladder = of_triton.ladder(NAMES, apart=True)
    used = {rung for step in (*ladder.steps, *ladder.beside) for rung in step.terms}
    assert used | {of_triton.WHOLE, of_triton.AGAIN, of_triton.HALF} == names


def test_another_triton_leaves_out_what_it_launches_otherwise(made_up, launches):
    kernel = triton.jit(copy_one.fn)
    arguments, options = (launches.pair.destination, launches.pair.source, ELEMENTS), {"BLOCK": BLOCK}
    kernel[(1,)](*arguments, **options)

    class Renamed:
        """The same kernel whose caches stand elsewhere."""

        def __getitem__(self, grid):
            return kernel[grid]

    parts = Parts(Renamed(), (1,), arguments, options)
    assert parts.launches == {} and parts.same is None
    assert set(parts.left_out) == set(NAMES) and "AttributeError" in parts.left_out["binding"]


def test_a_missing_function_costs_the_parts_from_there_on(launches, monkeypatch):
    known = launches.parts._names
    without = {name: value for name, value in known.items() if name not in ("cache_key", "added")}
    monkeypatch.setattr(triton_parts, "_names", lambda kernel: dict(without))
    parts = Parts(launches.kernel, (1,), (launches.pair.destination, launches.pair.source, ELEMENTS), {"BLOCK": BLOCK})
    assert list(parts.launches) == NAMES[:3] and parts.same is None
    assert list(parts.left_out) == NAMES[3:] and "cache_key" in parts.left_out["look-up"]


def test_hooks_are_as_they_were_found(launches):
    runtime = knobs.runtime
    found = dict(vars(runtime)), runtime.launch_enter_hook, list(runtime.launch_enter_hook.calls)

    def now():
        return dict(vars(runtime)), runtime.launch_enter_hook, list(runtime.launch_enter_hook.calls)

    heard = []
    with hooks(runtime, None, None):
        assert (runtime.launch_enter_hook, runtime.launch_exit_hook) == (None, None)
    assert now() == found
    with hook_added(runtime, heard.append):
        runtime.launch_enter_hook({"name": "copy_one"})
    assert now() == found and heard == [{"name": "copy_one"}]
    with pytest.raises(KeyError), hooks(runtime, heard.append, None):
        raise KeyError
    assert now() == found
    with hooks(runtime, None, None), hook_added(runtime, heard.append):  # no chain to add to
        runtime.launch_exit_hook("left")
    assert now() == found and heard[-1] == "left"


def test_the_api_call_is_of_the_compiled_kernel(launches, monkeypatch):
    passed = []
    monkeypatch.setattr(of_triton, "launch_kernel", lambda *given: passed.append(given))
    launches.raw(7)
    (function, grid, threads, shared, stream, arguments) = passed[0]
    assert (function, grid, threads, shared, stream) == (4242, 1, 128, launches.parts.compiled.metadata.shared, 7)
    pair = launches.pair
    assert [one.value for one in arguments] == [pair.destination.data_ptr(), pair.source.data_ptr(), ELEMENTS]
