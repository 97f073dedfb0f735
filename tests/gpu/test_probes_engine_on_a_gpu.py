"""The holding kernel, and the probe copy-engine, on a GPU: what is held is held, and lets go."""

import importlib.util
from time import perf_counter, sleep

import pytest

pytestmark = pytest.mark.gpu


def has_cuda():
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("cuda") is None:
        return False
    import torch

    return torch.cuda.is_available()


if not has_cuda():
    pytest.skip("no CUDA GPU here: what follows from trials is tested without one", allow_module_level=True)

from launchlens.profiling.probes.apparatus.hold import Hold
from launchlens.profiling.probes.apparatus.raw_kernel import device
from launchlens.profiling.probes.copy_engine import probe as copy_engine
from launchlens.profiling.probes.method.bench import Bench


def test_a_hold_fills_every_sm_leaves_half_of_them_and_lets_go():
    facts = device()
    with Hold(facts.sms * facts.filling_blocks_per_sm, facts.filling_block) as hold:
        hold.start()
        assert hold.wait_until_held() and hold.ending == "holding"
        held = hold.holding()
        assert len(held) == facts.sms and set(held.values()) == {facts.filling_blocks_per_sm}
        assert hold.vacate(sorted(held)[facts.sms // 2])
        assert len(hold.holding()) == facts.sms // 2 and hold.held
        hold.finish()
        assert not hold.held and not hold.holding() and hold.ending == "released"
        hold.start()  # a second time
        assert hold.wait_until_held()


def test_a_hold_that_nobody_releases_ends_by_its_timer():
    with Hold() as hold:
        hold.start(limit_s=0.05)
        assert hold.wait_until_held()
        sleep(0.2)
        assert not hold.held and hold.ending == "timer"


def test_an_exception_lets_go():
    began = perf_counter()
    with pytest.raises(KeyError), Hold() as hold:
        hold.start(limit_s=3)
        assert hold.wait_until_held()
        raise KeyError
    assert perf_counter() - began < 2.5


def test_the_probe_comes_to_an_answer_and_its_controls_pass():
    probe = copy_engine.probe(Bench(None, (), quick=True))
    assert [f"{item.control}: {item.found}" for item in probe.controls if not item.passed] == []
    assert probe.verdict not in (None, "inconclusive") and probe.figures and all(table.rows for table in probe.tables)
