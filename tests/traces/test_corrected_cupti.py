"""Where the light recorder tells nothing of a side, its parts come from CUPTI's recording, less what that cost."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from launchlens.profiling import run
from launchlens.profiling.collectors.catalogue import FALLBACK, USUAL
from launchlens.profiling.collectors.error import CollectorError
from launchlens.traces.account import DEVICE_STATES, HOST_STATES, Account
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.recorded import FOLDER as SHIPPED
from launchlens.traces.slice import Calls
from launchlens.traces.studies.corrected_cupti import CuptiAccounts
from launchlens.traces.studies.explained import difference_of
from launchlens.traces.studies.study import study
from made_claims import judged

#: A call's cost between its two moments and outside, ns, and iterations of a recorded block.
INSIDE, OUTSIDE, ITERATIONS = 100, 300, 10
#: Per iteration: true time, calls made and held by state. `free` calls take no time themselves.
TRUE = {
    "copy": {"python": (9000, 0, 7), "launch": (5000, 2, 0), "api": (0, 5, 0)},
    "fused": {"python": (4000, 0, 3), "launch": (3000, 1, 0), "api": (0, 2, 0)},
    "loop": {"python": (6000, 0, 9), "launch": (7000, 3, 0), "api": (0, 6, 0)},
}


def _made(variant, *, slower=1.0, unseen=0):
    states = TRUE[variant]
    whole = sum(ns for ns, _, _ in states.values())
    cells = np.zeros((1, len(HOST_STATES), len(DEVICE_STATES)), np.int64)
    for state, (ns, made, held) in states.items():
        spent = ns * slower + made * INSIDE + held * OUTSIDE + (unseen if state == "python" else 0)
        cells[0, HOST_STATES.index(state), -1] = round(spent * ITERATIONS)
    account = Account(cells, device_known=True)
    recording = SimpleNamespace(
        iterations=ITERATIONS,
        account=account,
        per_iteration=account.mean(ITERATIONS),
        profiled_ns=account.mean(ITERATIONS).total_ns,
        reference_ns=whole * slower,
        adds_to_calls_alone=True,
        calls={state: Calls(made * ITERATIONS, held * ITERATIONS) for state, (_, made, held) in states.items()},
    )
    blocks = pd.DataFrame({"wall_ns": np.full(12, float(whole)), "fixed_ns": 7000.0})
    wall = SimpleNamespace(value=float(whole))
    return SimpleNamespace(variant=variant, regime="eager", bound="host-bound", wall=wall, blocks=blocks), recording


def _accounts(**changes):
    made = [_made(variant, **changes.get(variant, {})) for variant in TRUE]
    return {side.variant: side for side, _ in made}, CuptiAccounts(
        [side for side, _ in made], {("cupti", side.variant, "eager"): recording for side, recording in made}
    )


@pytest.mark.parametrize("slower", [1.0, 1.3])
def test_a_calls_cost_is_told_by_the_other_variants_and_taken_out(slower):
    sides, accounts = _accounts(**{name: {"slower": slower} for name in TRUE})
    for name, side in sides.items():
        found = accounts.explain(side)
        assert found.by == "cupti" and found.closure == pytest.approx(0, abs=1e-3)
        assert sum(part.ns for part in found.parts) + found.not_attributed.ns == pytest.approx(found.marginal_ns)
        truth = {state: ns for state, (ns, _, _) in TRUE[name].items()}
        for part in found.parts:
            of = {"outside-calls": "python"}.get(part.state, part.state)
            low, high = part.interval
            assert low - 1 <= part.ns <= high + 1
            # how much of a call's cost lies inside it is not known: the interval reaches over all of it
            assert low - 0.03 * found.marginal_ns <= truth[of] <= high + 0.03 * found.marginal_ns


def test_what_a_variants_own_calls_dont_explain_stays_unattributed():
    sides, accounts = _accounts(copy={"unseen": 2000})
    whole = sides["copy"].wall.value
    assert accounts.explain(sides["copy"]).not_attributed.ns == pytest.approx(-2000, rel=1e-6)
    assert accounts.explain(sides["copy"]).closure == pytest.approx(2000 / whole)


def test_one_other_variant_is_too_few_and_blocks_of_one_length_tell_nothing():
    sides, _ = _accounts()
    two = {name: _made(name) for name in ("copy", "fused")}
    few = CuptiAccounts([side for side, _ in two.values()], {("cupti", n, "eager"): r for n, (_, r) in two.items()})
    assert few.explain(sides["copy"]) is None
    _, accounts = _accounts()
    sides["copy"].blocks["fixed_ns"] = float("nan")
    assert accounts.explain(sides["copy"]) is None


@pytest.fixture(scope="module")
def without_light(tmp_path_factory):
    """The usual capture as a machine without a compiler would have made it."""
    folder = tmp_path_factory.mktemp("capture") / "without-light"
    shutil.copytree(SHIPPED / "small-copies-h100", folder)
    shutil.rmtree(folder / "light")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["timing"]["light"] = {"why_not": "there is no C compiler"}
    manifest["traces"] = [each for each in manifest["traces"] if each["collector"] != "light"]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    timings = pd.read_parquet(folder / "timings.parquet")
    timings[timings["recorder"] == "off"].reset_index(drop=True).to_parquet(folder / "timings.parquet")
    return study(read_capture(folder))


def test_a_recorded_capture_falls_back_and_agrees_with_the_light_recorder(without_light):
    light = study(read_capture(SHIPPED / "small-copies-h100"))
    for name in ("foreach", "triton-batched", "triton-per-tensor"):
        found, seen = (each.explained(each.sides[name, "eager"]) for each in (without_light, light))
        assert (found.by, seen.by) == ("cupti", "light")
        assert found.closes and seen.closure < found.closure
        assert found.part("launch").ns == pytest.approx(seen.part("launch").ns, rel=0.25)
        outside = sum(part.ns for part in seen.parts if part.state in ("python", "dispatch"))
        assert found.part("outside-calls").ns == pytest.approx(outside, rel=0.25)


def test_both_sides_of_a_difference_are_told_by_one_recorder(without_light):
    light = study(read_capture(SHIPPED / "small-copies-h100"))
    a, b = (light.sides[name, "eager"] for name in ("triton-per-tensor", "triton-batched"))
    assert difference_of(light.explained(a), without_light.explained(b)) is None
    compared = light.compared("triton-batched", "triton-per-tensor", "eager").explained
    assert {compared.a.by, compared.b.by} == {"light"}
    light._explained[b.variant, "eager"] = without_light.explained(
        b
    )  # as where it had not seen all launches of one side
    assert {each.by for each in light.explained_alike(a, b)} == {"cupti"}


class _Here:
    name = "cupti"

    def __init__(self, fault=None):
        self.fault = fault

    def check(self, device):
        if self.fault:
            raise CollectorError(self.fault)


@pytest.mark.parametrize(
    ("light", "fault", "given", "expected"),
    [
        ({"inside_ns": 20.0}, None, (USUAL,), ["torch"]),
        ({"why_not": "no compiler"}, None, (USUAL,), ["torch", "cupti"]),
        ({"why_not": "no compiler"}, "cupti-python is missing", (USUAL,), ["torch"]),
        ({"why_not": "no compiler"}, None, (USUAL, FALLBACK), ["torch", "cupti"]),
    ],
)
def test_profile_adds_cupti_where_the_light_recorder_cant_be_used(monkeypatch, light, fault, given, expected):
    monkeypatch.setattr(run, "FALLBACK", _Here(fault))
    plan, manifest = SimpleNamespace(collectors=given, device="cuda"), SimpleNamespace(timing={"light": light})
    assert [each.name for each in run._collectors(plan, manifest)] == expected


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ('["launch"]', "supported"),
        ('["python", "dispatch"]', "supported"),
        ('["python"]', "undecided"),
    ],
)
def test_a_claim_on_parts_counts_what_cupti_tells_apart_and_nothing_else(without_light, tmp_path, states, verdict):
    row = f'kind = "parts"; variant = "foreach"; states = {states}; at_least = 0.1; regimes = ["eager"]'
    assert judged(without_light, tmp_path, row).verdict == verdict
