"""How the probe backlog goes about its samples: a made-up device, variants that wait, fail or work elsewhere, no GPU."""

import importlib.util
from dataclasses import dataclass, field

import pytest

if importlib.util.find_spec("torch") is None:
    pytest.skip("needs torch, whose synchronize is replaced", allow_module_level=True)

import torch

from launchlens.kernels.registry import Variant, WorkloadSpec
from launchlens.profiling.probes.apparatus.blocker import Behind
from launchlens.profiling.probes.backlog import probe as backlog
from launchlens.profiling.probes.method.bench import Bench


@dataclass
class Call:
    """An iteration of a made-up variant: times in ns, and what goes wrong with it."""

    host: float = 20_000
    device: float = 5_000
    waits: bool = False
    fails_at: int | None = None
    done: int = 0

    def __call__(self):
        self.done += 1
        if self.fails_at is not None and self.done >= self.fails_at:
            raise ValueError("no more")


@dataclass
class MadeUpBlocker:
    """A device that takes what each call says; `elsewhere` names inputs' variants whose work isn't held, or None: unknown."""

    elsewhere: dict[str, bool | None] = field(default_factory=dict)
    closed: bool = False

    def behind(self, call, iterations, limit_s):
        for _ in range(iterations):
            call()
        return Behind(iterations, not call.waits, int(call.host * iterations), call.device * iterations)

    def ends_meanwhile(self, inputs, call):
        return self.elsewhere[call]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed = True


class SelfChecking:
    def poison(self):
        pass

    def wrong(self):
        return None


@pytest.fixture
def probed(monkeypatch):
    """Run the probe on made-up calls, by name; `graph` names those that were right in a graph too."""
    blocker = MadeUpBlocker()
    monkeypatch.setattr(backlog, "Blocker", lambda: blocker)
    monkeypatch.setattr(backlog, "device", lambda: None)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)

    def eagerly(call, iterations):
        for _ in range(iterations):
            call()
        return int(call.host * iterations), int(max(call.host, call.device) * iterations)

    monkeypatch.setattr(backlog, "eagerly", eagerly)

    def run(calls, graph=None, inputs=SelfChecking, **more):
        graph = set(calls) if graph is None else graph
        variants = [
            Variant(name, "made", lambda inputs, name=name: name, (), ("eager", "graph"), "", more.get(name))
            for name in calls
        ]
        spec = WorkloadSpec("made", "", "base", lambda device, seed: inputs())
        both = {(name, "eager"): call for name, call in calls.items()} | {(name, "graph"): None for name in graph}
        advanced = []
        probe = backlog.probe(Bench(spec, variants, both, quick=True, advance=advanced.append))
        assert blocker.closed and len(advanced) >= len(calls)
        return probe

    run.blocker = blocker
    return run


def left_out(probe):
    return dict(probe.tables[2].rows)


def test_every_variant_is_sampled_behind_a_backlog_and_eagerly(probed):
    probe = probed({"base": Call(), "other": Call(host=9_000, device=6_000)})
    assert (probe.verdict, probe.control) == ("ranking-flips", "passed")
    assert probe.value("device-time", of="base", under="backlog") == 5_000
    assert probe.value("wall-time", of="other", under="eager") == 9_000
    row = dict(zip(probe.tables[0].columns, probe.tables[0].rows[0], strict=True))
    assert (row["variant"], row["iterations per sample"], row["rounds"]) == ("base", 32, backlog.QUICK_ROUNDS)
    assert left_out(probe) == {} and len(probe.notes) == 2


def test_what_waits_or_fails_is_left_out_and_the_others_go_on(probed):
    calls = {
        "base": Call(),
        "other": Call(device=6_000),
        "waits": Call(waits=True),
        "fails": Call(fails_at=1),
        "fails-late": Call(fails_at=400),
    }
    probe = probed(calls)
    assert probe.control == "passed" and len(probe.tables[0].rows) == 2
    out = left_out(probe)
    assert (
        out["waits"].startswith("it waits for the device")
        and out["fails"] == out["fails-late"] == "ValueError: no more"
    )


def test_work_that_ends_though_the_stream_is_blocked_is_not_held(probed):
    probed.blocker.elsewhere = {"elsewhere": True, "unknown": None, "base": False, "other": False}
    calls = {"base": Call(), "other": Call(), "elsewhere": Call(), "unknown": Call()}
    probe = probed(calls, graph=())
    assert "on a stream that doesn't wait" in left_out(probe)["elsewhere"] and len(left_out(probe)) == 1
    assert "the work of unknown waited for the blocker follows only from its time" in probe.notes[-1]


def test_what_was_right_in_a_graph_need_not_be_looked_at_and_what_checks_nothing_can_not_be(probed):
    assert len(probed({"base": Call(), "other": Call()}, inputs=object).notes) == 2
    probe = probed({"base": Call(), "other": Call()}, graph=(), inputs=object)
    assert "base, other" in probe.notes[-1]


def test_parts_are_not_ranked(probed):
    probe = probed({"base": Call(), "other": Call(), "part": Call(device=1_000)}, part="base")
    assert len(probe.tables[0].rows) == 3 and len(probe.tables[1].rows) == 1


def test_rounds_are_fewer_where_they_take_long_but_enough_for_an_interval(probed, monkeypatch):
    monkeypatch.setattr(backlog, "BUDGET_S", 0.0)
    probe = probed({"base": Call(), "other": Call()})
    assert {row[2] for row in probe.tables[0].rows} == {5} and probe.control == "passed"


def test_a_device_that_a_variant_broke_ends_the_probe(probed, monkeypatch):
    def broken():
        raise RuntimeError("an illegal memory access")

    monkeypatch.setattr(torch.cuda, "synchronize", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        probed({"base": Call(), "fails": Call(fails_at=1)})
    assert probed.blocker.closed
