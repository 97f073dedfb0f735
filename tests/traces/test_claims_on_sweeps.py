"""Claims on a sweep of a made-up machine: where on the map something begins to be so, against what is known of it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import shipped
from launchlens.cli import app
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.claims.judge import judge, judge_across
from launchlens.traces.claims.read import note_claims
from launchlens.traces.studies.study import study
from launchlens.traces.sweeps.study import sweep_study
from launchlens.traces.sweeps.sweep import read_sweep
from made_capture import make_capture
from made_claims import RATIO, claims_of, judged, row
from made_sweep import BYTES, COUNTS, make_sweep, true_ns

PAYS = 'kind = "crossing"; variant = "batched"; against = "loop"; axis = "count"; regimes = ["eager"]'
SMALL = "; where = { bytes = { at_most = 8192 } }"
SHARE = 'kind = "share-along"; variant = "loop"; axis = "bytes"; share = 0.1'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("sweeps") / "sweep")


@pytest.fixture(scope="module")
def swept(folder):
    return sweep_study(read_sweep(folder))


def truly_from(size):
    """The count from which on one launch for all is faster on the machine, of small copies 3."""
    return next(n for n in range(1, 129) if true_ns("batched", "eager", n, size) < true_ns("loop", "eager", n, size))


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ("at_least = 20", "refuted"),
        ("at_most = 50", "supported"),
        ("at_most = 3", "undecided"),
        ("at_most = 1", "refuted"),
    ],
)
def test_from_where_on_a_variant_is_faster_is_held_against_bounds(swept, tmp_path, bounds, verdict):
    assert {truly_from(size) for size in BYTES if size <= 8192} == {3}
    for at in ("any", "every"):
        found = judged(swept, tmp_path, f'{PAYS}{SMALL}; at = "{at}"; {bounds}')
        assert found.verdict == verdict
        (evidence,) = found.evidence
        low, high = evidence.interval
        assert low < 3 <= high and low <= evidence.value <= high


def test_the_share_of_launches_is_followed_over_sizes(swept, tmp_path):
    """Of one size on each line it is the truth; where memory is slow the loop is as fast called as replayed."""
    shares = {
        (count, size): 1 - true_ns("loop", "graph", count, size) / true_ns("loop", "eager", count, size)
        for count in COUNTS
        for size in BYTES
    }
    turns = [min(size for size in BYTES if shares[count, size] <= 0.1) for count in COUNTS]
    found = judged(swept, tmp_path, f"{SHARE}; at_most = 1")
    (evidence,) = found.evidence
    assert found.verdict == "refuted" and evidence.unit == "bytes"
    assert evidence.interval[1] == max(turns) and evidence.interval[0] < evidence.value <= evidence.interval[1]
    assert max(size for (_, size), share in shares.items() if share > 0.1) == evidence.interval[0]
    assert judged(swept, tmp_path, f"{SHARE}; at_most = {max(turns)}").verdict == "supported"
    between = round(np.sqrt(evidence.interval[0] * evidence.interval[1]))
    assert judged(swept, tmp_path, f"{SHARE}; at_most = {between}").verdict == "undecided"


def test_what_is_never_so_is_told_by_the_last_point_that_shows_it(swept, tmp_path):
    never = 'kind = "crossing"; variant = "loop"; against = "batched"; axis = "count"; regimes = ["eager"]'
    found = judged(swept, tmp_path, f"{never}{SMALL}; at_most = 100")
    assert found.verdict == "refuted"
    (evidence,) = found.evidence
    assert evidence.unit == "ratio" and evidence.interval[0] > 1 and "count 128" in evidence.figure
    assert judged(swept, tmp_path, f"{never}{SMALL}; at_most = 1000").verdict == "undecided"


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (PAYS.replace('"count"', '"rows"') + "; at_most = 3", "it needs a sweep of rows, by numbers"),
        (PAYS.replace('"batched"', '"streams"') + "; at_most = 3", "streams was not measured"),
        (SHARE.replace('"loop"', '"streams"') + "; at_most = 3", "streams was not measured"),
        (PAYS + "; at_most = 3; where = { bytes = { at_most = 1 } }", "no line along count was measured with both"),
        (RATIO.format("batched", "loop", "faster"), "it needs a capture"),
    ],
)
def test_what_a_sweep_lacks_is_not_tested(swept, tmp_path, test, why):
    found = judged(swept, tmp_path, test)
    assert found.verdict == "not-testable" and why in (found.why or ""), found.why


def test_a_share_has_no_regimes(tmp_path):
    from launchlens.traces.problems import InputError

    with pytest.raises(InputError, match="holds the two against each other"):
        claims_of(row(f'{SHARE}; at_most = 3; regimes = ["eager"]'), tmp_path)


def test_a_sweep_stands_beside_captures(folder, tmp_path):
    made = make_capture(tmp_path / "capture")
    (tmp_path / "mine.toml").write_text(
        row(f"{PAYS}{SMALL}; at_least = 20") + "\n" + row(RATIO.format("foreach", "copy_", "faster"), id="other")
    )
    arguments = ["claims", str(made), str(folder), "--claims", str(tmp_path / "mine.toml"), "--json"]
    said = CliRunner().invoke(app, [*arguments, str(folder / "sweep.json")])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    assert [each["name"] for each in document["captures"]] == ["capture", "sweep"], (
        "a sweep that is given twice counts once"
    )
    assert {each["id"]: each["verdict"] for each in document["claims"]} == {"mine": "refuted", "other": "supported"}
    assert {each["capture"] for each in document["claims"][0]["evidence"]} == {"sweep"}
    mine = tmp_path / "mine.toml"
    mine.write_text(mine.read_text().replace('"batched"', '"botched"'))
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 2 and "there is no variant 'botched'" in said.stderr


def test_the_notes_claims_on_the_map_need_one(tmp_path):
    about = [claim for claim in note_claims() if claim.id in ("batching-needs-20-copies", "large-copies-hide-launches")]
    alone = judge(study(read_capture(make_capture(tmp_path / "capture"))), about)
    assert [(each.verdict, each.why) for each in alone] == [("not-testable", "it needs a sweep")] * 2
    both = judge_across(shipped.all_worked_out(), about)
    assert all(each.verdict != "not-testable" and len(each.machines) == 2 for each in both)
    assert {each.capture for item in both for each in item.evidence} == {
        "sweep-small-copies-h100",
        "sweep-small-copies-h200",
    }
