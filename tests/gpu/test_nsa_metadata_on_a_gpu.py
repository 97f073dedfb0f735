"""nsa-metadata on a GPU: every variant measured and right, eager and in a graph, and what each launches, counted.

Asserts counts that follow from the operators (a copy is a memcpy where both sides are contiguous and of one dtype), and
nobody's microseconds.
"""

import importlib.util

import pytest

pytestmark = pytest.mark.gpu


def has_cuda():
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


if not has_cuda():
    pytest.skip("no CUDA GPU here: the variants' logic is tested on the CPU", allow_module_level=True)

from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.kernels.registry import variants
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.claims.judge import judge_across
from launchlens.traces.claims.read import note_claims
from launchlens.traces.studies.study import study

BACKENDS = (4, 8)
PARTS = {made.name for made in variants("nsa-metadata") if made.part_of is not None}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    studies = {}
    for backends in BACKENDS:
        folder = tmp_path_factory.mktemp("nsa") / f"of-{backends}"
        arguments = ["--workload", "nsa-metadata", "--set", f"backends={backends}", "--rounds", "10"]
        result = CliRunner().invoke(app, ["profile", "--device", "cuda", *arguments, "--output", str(folder), "--json"])
        assert result.exit_code == 0, result.output
        studies[f"of-{backends}"] = study(read_capture(folder))
    return studies


@pytest.mark.parametrize("backends", BACKENDS)
def test_every_variant_is_right_in_both_regimes_and_no_part_wins(made, backends):
    found = made[f"of-{backends}"]
    names = {each.name for each in variants("nsa-metadata")}
    assert set(found.sides) == {(name, regime) for name in names for regime in ("eager", "graph")}
    for regime in found.regimes:
        assert not {side.variant for side in found.winners(regime)} & PARTS


@pytest.mark.parametrize("backends", BACKENDS)
def test_what_is_launched_eager(made, backends):
    counts = {name: side.recording.counts for (name, regime), side in made[f"of-{backends}"].sides.items() if regime == "eager"}  # fmt: skip
    for name, times in (("copies-only", backends), ("copies-one-backend", 1)):
        assert {kind: counts[name][kind] for kind in ("kernels", "memcpys")} == {
            "kernels": 3 * times,
            "memcpys": 7 * times,
        }
    # an index, a gather, a division and the copy of the table, a kernel each; the index less where it is kept
    assert counts["transform-only"]["launches"] == 4 * backends
    assert counts["transform-only-cached-index"]["launches"] == 3 * backends
    assert counts["recompute"]["launches"] - counts["recompute-cached-index"]["launches"] == backends
    # all transforms but one
    assert counts["recompute"]["launches"] - counts["recompute-cached-table"]["launches"] == 3 * (backends - 1)
    computed = counts["precompute-copy"]["launches"] - counts["copies-only"]["launches"]
    assert 0 < computed < counts["recompute"]["launches"] - counts["copies-only"]["launches"]


def test_the_claims_about_it_are_decided_or_say_why(made):
    about = [claim for claim in note_claims() if claim.workload == "nsa-metadata"]
    judged = judge_across(made, about)
    assert judged and all(one.verdict != "not-testable" or one.why for one in judged)
    precompute = next(one for one in judged if one.claim.id == "precompute")
    assert {each.capture for each in precompute.evidence} == set(made)
