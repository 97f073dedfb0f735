"""What a variant of somebody's own may do wrong, and what the manifest then says."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from launchlens.kernels.correctness import CompareOutputs
from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import NotForTheseInputsError, Variant, WorkloadSpec
from launchlens.profiling.checking import NOT_CHECKED, Checks
from launchlens.profiling.regimes import ENTER, CannotCaptureError
from launchlens.traces.captures.capture import LaunchRecord
from launchlens.traces.programs import without_folders

torch = pytest.importorskip("torch", reason="checking needs torch")


def spec(make=lambda device, seed: torch.arange(8.0), check=CompareOutputs(), **more):  # noqa: B008
    return WorkloadSpec("w", "", "base", make, check=check, **more)


def a_variant(name, build, regimes=("eager",), needs=("torch",)):
    return Variant(name, "w", build, needs, regimes, "says")


BASE = a_variant("base", lambda x: lambda: x * 2)


def checked(build, workload=None, base=BASE, **more):
    made = a_variant("other", build, **more)
    checks = Checks(workload or spec(), [base, made], "cpu", 0)
    ((record, call),) = checks.check(made, ["eager", "graph"])
    assert (call is not None) == (record.status == "measured")
    return record.status, record.why


def raises(error):
    raise error


def stops_writing(x):
    """Right the first time, then returns what it returned before."""
    out = x * 2
    return lambda: out


def counts(x):
    state = [0.0]

    def iteration():
        state[0] += 1
        return x * state[0]

    return iteration


@pytest.mark.parametrize(
    ("build", "status", "why"),
    [
        (lambda x: lambda: x + x, "measured", None),
        (lambda x: lambda: x * 3, "wrong", "output: Mismatched elements: 7 / 8 (87.5%)"),
        (lambda x: lambda: (x * 2)[:4], "wrong", "'shape' do not match"),
        (lambda x: lambda: None, "wrong", "returns nothing where the baseline returns output"),
        (stops_writing, "wrong", "Mismatched elements: 8 / 8 (100.0%)"),
        (lambda x: lambda: 1.5, "failed", "can't be compared; return tensors"),
        (lambda x: raises(RuntimeError("no\nmore")), "failed", "RuntimeError: no"),
        (lambda x: lambda: raises(KeyError("k")), "failed", "KeyError: 'k'"),
        (lambda x: raises(OSError("/home/me/data/x.bin: gone")), "failed", "OSError: x.bin: gone"),
        (lambda x: raises(NotForTheseInputsError("at most 3")), "skipped", "at most 3"),
        (lambda x: 5, "failed", "TypeError: 'int' object is not callable"),
    ],
)
def test_what_becomes_of_a_variant(build, status, why):
    found = checked(build)
    assert found[0] == status
    assert found[1] is None if why is None else why in found[1] and "\n" not in found[1]


def test_a_need_that_is_not_met_is_named():
    assert checked(lambda x: raises(AssertionError()), needs=("torch", "unobtainium")) == (
        "skipped",
        "needs unobtainium",
    )


@pytest.mark.parametrize(
    ("base", "why"),
    [
        (a_variant("base", lambda x: raises(RuntimeError("no"))), "the baseline base failed: RuntimeError: no"),
        (a_variant("base", lambda x: lambda: None), "the baseline base returns no tensor to compare with"),
        (a_variant("base", lambda x: lambda: None, needs=("cuda",)), "the baseline base can't run here"),
        (a_variant("another", lambda x: lambda: x), "the baseline base was not asked for"),
    ],
)
def test_without_the_baselines_outputs_nothing_is_measured_unchecked(base, why):
    assert checked(lambda x: lambda: x * 2, base=base) == ("skipped", f"not checked: {why}")


def test_a_baseline_that_changes_from_call_to_call_is_wrong():
    base = a_variant("base", counts)
    checks = Checks(spec(), [base], "cpu", 0)
    ((record, _),) = checks.check(base, ["eager"])
    assert record.status == "wrong"


def test_how_it_was_checked_is_said():
    def said(workload):
        checks = Checks(workload, [BASE], "cpu", 0)
        assert checks.described() == "nothing could be run, so nothing was checked"
        checks.check(BASE, ["eager"])
        return checks.described()

    assert said(spec()) == "outputs compared with those of base (torch.testing's tolerances)"
    tight = spec(check=CompareOutputs(rtol=0, atol=1e-6))
    assert said(tight) == "outputs compared with those of base (relative 0, absolute 1e-06)"
    assert said(spec(check=None)) == NOT_CHECKED
    own = SimpleNamespace(poison=lambda: None, wrong=lambda: None)
    assert said(spec(make=lambda device, seed: own)) == "the workload's own check"


def test_a_workload_without_a_check_is_measured_and_says_so():
    assert checked(lambda x: lambda: x * 3, workload=spec(check=None)) == ("measured", None)


def test_the_inputs_own_check_comes_first_and_a_poison_alone_is_called():
    class Own:
        def __init__(self):
            self.out = torch.zeros(2)

        def poison(self):
            self.out.fill_(-1)

        def wrong(self):
            return None if self.out.eq(7).all() else "not seven"

    workload = spec(make=lambda device, seed: Own())
    assert checked(lambda own: lambda: own.out.fill_(7), workload=workload) == ("measured", None)
    assert checked(lambda own: lambda: own.out.fill_(6), workload=workload) == ("wrong", "not seven")

    class Destinations:
        """Destinations among the inputs are not poisoned by the comparison, so the workload does it."""

        def __init__(self):
            self.out = torch.zeros(2)

        def poison(self):
            self.out.fill_(-1)

    def writes_once(own):
        own.out.fill_(7)
        return lambda: own.out

    workload = spec(make=lambda device, seed: Destinations())
    base = a_variant("base", lambda own: lambda: own.out.fill_(7))
    assert checked(lambda own: lambda: own.out.fill_(7), workload=workload, base=base) == ("measured", None)
    status, why = checked(writes_once, workload=workload, base=base)
    assert status == "wrong" and "2 / 2" in why


def test_inputs_that_can_not_be_made_are_named_as_such():
    workload = spec(make=lambda device, seed: raises(MemoryError("too large")))
    assert checked(lambda x: None, workload=workload) == (
        "failed",
        "its inputs can't be made: MemoryError: too large",
    )


def test_a_check_that_raises_is_a_failure():
    own = SimpleNamespace(poison=lambda: None, wrong=lambda: raises(IndexError("here")))
    workload = spec(make=lambda device, seed: own)
    assert checked(lambda x: lambda: None, workload=workload) == ("failed", "IndexError: here")


def test_ctrl_c_passes_through():
    with pytest.raises(KeyboardInterrupt):
        checked(lambda x: raises(KeyboardInterrupt()))


class Graph:
    """A CUDA graph's stand-in on the CPU: captured once, replayed into the captured outputs, returning nothing."""

    def __init__(self, replays):
        self.replays = replays

    def __call__(self, iteration):
        out = iteration()

        def replay():
            if self.replays:
                out.copy_(torch.arange(8.0) * 2)

        return replay


@pytest.mark.parametrize("replays", [True, False])
def test_a_graph_is_checked_by_what_its_replay_writes(replays, monkeypatch):
    monkeypatch.setitem(ENTER, "graph", Graph(replays))
    checks = Checks(spec(), [BASE], "cpu", 0)
    iteration = BASE.build(torch.arange(8.0))
    record, call = checks._check_in("graph", BASE, torch.arange(8.0), iteration)
    assert record.status == ("measured" if replays else "wrong"), record.why
    assert call is not iteration


def test_a_variant_that_blocks_capture_is_a_failure_of_that_regime(monkeypatch):
    def refuse(iteration):
        raise CannotCaptureError("operation not permitted when stream is capturing")

    monkeypatch.setitem(ENTER, "graph", refuse)
    checks = Checks(spec(), [BASE], "cpu", 0)
    record, call = checks._check_in("graph", BASE, torch.arange(8.0), lambda: None)
    assert (record.status, call) == ("failed", None)
    assert record.why == "can't be captured: operation not permitted when stream is capturing"


def test_what_is_timed_is_the_iteration_itself():
    iteration = BASE.build(torch.arange(8.0))
    _, call = Checks(spec(), [BASE], "cpu", 0)._check_in("eager", BASE, torch.arange(8.0), iteration)
    assert call is iteration, "remembering outputs would cost each timed iteration a call"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no such file: '/home/me/a b/x.bin'", "no such file: 'x.bin'"),
        ("open('/home/me/x.bin')", "open('x.bin')"),
        ("ValueError: 3/4 is no number (/tmp/w/mine.py:3)", "ValueError: 3/4 is no number (mine.py:3)"),
        ("see https://example.org/a/b and a/b/c", "see https://example.org/a/b and a/b/c"),
    ],
)
def test_folders_are_cut_from_what_a_manifest_holds(text, kept):
    assert without_folders(text) == kept


def test_a_declared_structure_goes_into_the_record_and_one_that_cannot_be_fails_the_variant():
    def made(structure):
        return replace(BASE, structure=structure)

    ((record, call),) = Checks(spec(), [BASE], "cpu", 0).check(
        made(lambda inputs: [Launches("triton", 2, 4)]), ("eager",)
    )
    assert call is not None and record.structure == [LaunchRecord("triton", 2, 4, 1, "kernel")]
    ((record, call),) = Checks(spec(), [BASE], "cpu", 0).check(
        made(lambda inputs: [Launches("triton", -1)]), ("eager",)
    )
    assert call is None and record.status == "failed" and "per_iteration must be a whole number" in record.why


@pytest.mark.parametrize(
    "wrong", [{"path": ""}, {"path": "a\nb"}, {"arguments": 1.5}, {"items": 10**9}, {"node": "event"}]
)
def test_launches_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="launch"):
        Launches(**{"path": "triton", **wrong})
