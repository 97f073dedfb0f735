"""What all tests share."""

import gc
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

# before numpy, torch and pyarrow are loaded, as `predict` does it: what is this small is done at once, and threads for each core only wait
# for each other, on cores that other tests run on
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
# what others bring for hypothesis serves no test: each process would load trio
os.environ.setdefault("HYPOTHESIS_NO_PLUGINS", "1")

import pytest
from hypothesis import settings
from typer import testing
from typer.main import get_command

# helper modules beside the tests (importlib mode puts nothing on sys.path by itself)
sys.path.insert(0, str(Path(__file__).parent))

import kept

import skips

# a shared machine may be slow for a moment: an example is judged by its answer, not by its time
settings.register_profile("launchlens", deadline=None)
# `pytest --hypothesis-profile=thorough`: ten times as many examples where a test says no number of its own
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("launchlens")

# a runner would make the whole program anew for each command that it runs: here each is made once
vars(testing)["_get_command"] = cache(get_command)


def pytest_configure(config):
    config.pluginmanager.register(LeftOut())
    if not hasattr(config, "workerinput"):  # the process that started the others hears of all tests
        config.pluginmanager.register(skips.Counted(config))
    elif not sys.dont_write_bytecode:
        rewrite_a_share(config.pluginmanager.rewrite_hook, config.workerinput)


def rewrite_a_share(hook, worker):
    """Let a worker rewrite the assertions of its share of the test modules, and then find what the others kept of theirs.

    Each would rewrite those of all modules at the same time as the others do, which takes longer than to import them.
    """
    if not hasattr(hook, "exec_module"):  # with --assert=plain nothing is rewritten
        return
    modules = sorted(Path(__file__).parent.rglob("test_*.py"), key=lambda path: (-path.stat().st_size, path))
    for path in modules[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
        module = ModuleType(f"rewritten_{path.stem}")
        module.__spec__ = ModuleSpec(module.__name__, hook, origin=str(path))
        vars(module)["__builtins__"] = {}  # without `import` it ends where it begins
        with suppress(ImportError):
            hook.exec_module(module)


@pytest.fixture(autouse=True, scope="session")
def kept_for_each_other(request, tmp_path_factory):
    """What one process of the session worked out is read by the others."""
    if hasattr(request.config, "workerinput"):
        kept.PLACE = tmp_path_factory.getbasetemp().parent


#: What a test module imports where it asks for something that is worked out once in a process, and takes long.
WORKED_OUT_ONCE = ("shipped", "printed_lines")


def pytest_collection_modifyitems(items):
    """What takes longest begins first, and what asks for the same long work stands together: few processes do it."""

    def late(item):
        shares = any(hasattr(item.module, name) for name in WORKED_OUT_ONCE)
        return item.get_closest_marker("slow") is None, not shares

    items.sort(key=late)


#: As many modules more than when what was there was left out of collections last are worth another look.
MANY_MODULES = 100


class LeftOut:
    """Leaves what modules and all tests hold out of collections: what is measured begins with one, over half a million objects else."""

    def __init__(self):
        self._modules = -MANY_MODULES

    def pytest_collection_finish(self):
        self._leave_out()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self):
        self._leave_out()

    def _leave_out(self):
        if len(sys.modules) - self._modules >= MANY_MODULES:
            gc.collect()
            gc.freeze()
            self._modules = len(sys.modules)


# what tests make is gone by itself, almost all of it: at Python's own pace every tenth second went into looking whether it was
gc.set_threshold(10_000, 20, 100)

# the light recorder builds two libraries where it is used: tests of it say so, all others are as on a machine without a compiler
os.environ.setdefault("LAUNCHLENS_WITHOUT_LIGHT", "1")
# nothing of a test is kept in the cache folder of whoever runs them: tests of it have one of their own
os.environ["LAUNCHLENS_CACHE"] = "off"
