"""Claims on made-up studies, where every verdict is forced; the note's own claims; and files that must be refused."""

import json
import re
import tomllib
from dataclasses import replace

import pytest

from launchlens.traces.capture import read_capture
from launchlens.traces.claims.claim import Claim, decide
from launchlens.traces.claims.judge import document, judge
from launchlens.traces.claims.read import KINDS, NOTE, check_variants, note_claims, read_claims
from launchlens.traces.compare import within
from launchlens.traces.problems import InputError
from launchlens.traces.study import study
from made_capture import TIMED_ROUNDS, WALL, make_capture


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(read_capture(make_capture(tmp_path_factory.mktemp("claims") / "capture")))


def many_blocks(made):
    """The study with every recorded block four times over, so that there are enough of them for intervals."""
    sides = {
        key: replace(side, recording=replace(side.recording, cells=side.recording.cells.repeat(4, axis=0)))
        for key, side in made.sides.items()
    }
    return replace(made, sides=sides)


def with_manifest(made, **changes):
    return replace(made, capture=replace(made.capture, manifest=replace(made.capture.manifest, **changes)))


def claims_of(text, folder):
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return read_claims(path)


def row(*tests, **more):
    """A TOML file with one claim of the given tests, each as TOML keys on one line."""
    keys = {"id": "mine", "text": "what I say", "source": "me"} | more
    lines = ["[[claim]]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    for test in tests:
        lines += ["[[claim.test]]", *test.split("; ")]
    return "\n".join(lines)


def judged(study, folder, *tests, **more):
    (one,) = judge(study, claims_of(row(*tests, **more), folder))
    return one


RATIO = 'kind = "ratio"; variant = "{}"; against = "{}"; is = "{}"'


# -- each kind of test, each verdict. The numbers are made_capture's.


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        (RATIO.format("triton-batched", "copy_", "faster"), "supported"),
        (RATIO.format("triton-batched", "copy_", "slower"), "refuted"),
        (RATIO.format("copy_", "triton-per-tensor", "faster"), "depends"),
        (RATIO.format("copy_", "triton-per-tensor", "faster") + '; regimes = ["graph"]', "not-testable"),
        (RATIO.format("streams", "copy_", "faster"), "not-testable"),
        ('kind = "ratio"; variant = "foreach"; against = "copy_"; at_least = 0.25; at_most = 0.55', "supported"),
        ('kind = "ratio"; variant = "foreach"; against = "copy_"; at_least = 0.9', "refuted"),
        ('kind = "ratio"; variant = "foreach"; against = "copy_"; at_least = 0.4', "depends"),
        ('kind = "time"; variant = "foreach"; at_most = 15', "supported"),
        ('kind = "time"; variant = "foreach"; at_least = 15', "refuted"),
        ('kind = "time"; variant = "foreach"; at_least = 6', "depends"),
        ('kind = "time"; variant = "streams"; at_least = 6', "not-testable"),
        ('kind = "difference"; variant = "foreach"; against = "copy_"; at_most = -3', "supported"),
        ('kind = "difference"; variant = "foreach"; against = "copy_"; at_least = 0', "refuted"),
        ('kind = "difference"; variant = "foreach"; against = "copy_"; at_most = -10', "depends"),
        ('kind = "share"; variant = "foreach"; of = "copy_"; at_most = 0.55', "supported"),
        ('kind = "share"; variant = "foreach"; of = "copy_"; at_most = 0.1', "refuted"),
        ('kind = "share"; variant = "foreach"; of = "whole"; at_most = 0.1', "not-testable"),
        ('kind = "bound"; variant = "copy_"; is = "host-bound"; regimes = ["eager"]', "supported"),
        ('kind = "bound"; variant = "copy_"; is = "mixed"', "refuted"),
        ('kind = "bound"; variant = "copy_"; is = "host-bound"', "depends"),
        ('kind = "api"; variant = "copy_"; call = "cudaMemcpyAsync*"; regimes = ["eager"]', "supported"),
        ('kind = "api"; variant = "foreach"; call = "cudaMemcpyAsync*"', "refuted"),
        ('kind = "api"; variant = "copy_"; call = "cudaMemcpyAsync"', "depends"),
        ('kind = "launches"; variant = "copy_"; at_least = 7; at_most = 7; regimes = ["eager"]', "supported"),
        ('kind = "launches"; variant = "copy_"; at_most = 7; of = "kernels"', "supported"),
        ('kind = "launches"; variant = "copy_"; at_least = 8', "refuted"),
        ('kind = "launches"; variant = "copy_"; at_most = 1', "depends"),
        ('kind = "launch-cost"; variant = "copy_"; at_least = 2; at_most = 3', "supported"),
        ('kind = "launch-cost"; variant = "copy_"; at_least = 3', "refuted"),
        ('kind = "launch-cost"; variant = "foreach"; at_least = 3', "depends"),
        ('kind = "launch-cost"; variant = "foreach"; of = "iteration"; at_least = 3', "supported"),
        ('kind = "gpu-time"; variant = "triton-per-tensor"; against = "copy_"; at_least = 1.05', "supported"),
        ('kind = "gpu-time"; variant = "triton-per-tensor"; against = "copy_"; at_least = 1.1', "refuted"),
        ('kind = "gpu-part"; variant = "triton-batched"; against = "copy_"; at_most = 0.9', "supported"),
        ('kind = "gpu-part"; variant = "triton-per-tensor"; against = "copy_"; at_least = 0.5; regimes = ["eager"]', "refuted"),
        ('kind = "gpu-part"; variant = "triton-batched"; against = "copy_"; at_most = 0.5', "depends"),
        ('kind = "gpu-part"; variant = "triton-per-tensor"; against = "copy_"; at_least = 0.5; regimes = ["graph"]', "not-testable"),
    ],
)  # fmt: skip
def test_each_kind_gives_each_verdict(made, tmp_path, test, verdict):
    one = judged(made, tmp_path, test)
    assert one.verdict == verdict, one
    if verdict == "depends":
        assert "eager" in one.on and "graph" in one.on
    if verdict == "not-testable":
        assert one.why


def test_the_host_part_of_a_difference_needs_blocks_for_an_interval(made, tmp_path):
    test = (
        'kind = "host-part"; variant = "triton-per-tensor"; against = "copy_"; states = ["python"]; regimes = ["eager"]'
    )
    few = judged(made, tmp_path, test + "; at_least = 0.5")
    assert few.verdict == "not-testable" and "too few samples" in few.why
    enough = many_blocks(made)
    assert judged(enough, tmp_path, test + "; at_least = 0.5").verdict == "supported"
    assert judged(enough, tmp_path, test + "; at_most = 0.5").verdict == "refuted"
    test = test.replace("triton-per-tensor", "absent").replace('["python"]', '["python", "dispatch"]')
    assert judged(enough, tmp_path, test + "; at_most = 0.5").verdict == "not-testable"


def test_a_recorded_difference_that_may_be_nothing_has_no_shares(made, tmp_path):
    copy, triton = (made.sides[name, "eager"].recording for name in ("copy_", "triton-per-tensor"))
    other = replace(triton, cells=copy.cells.repeat(2, axis=0) * [[[0]] if block % 2 else [[2]] for block in range(8)])
    sides = dict(made.sides)
    sides["copy_", "eager"] = replace(
        sides["copy_", "eager"], recording=replace(copy, cells=copy.cells.repeat(2, axis=0))
    )
    sides["triton-per-tensor", "eager"] = replace(sides["triton-per-tensor", "eager"], recording=other)
    bent = replace(made, sides=sides)
    test = 'kind = "host-part"; variant = "triton-per-tensor"; against = "copy_"; states = ["python"]; regimes = ["eager"]; at_most = 9'  # fmt: skip
    one = judged(bent, tmp_path, test)
    assert one.verdict == "not-testable"
    assert "the recorded difference is zero" in one.why or "covers 0" in one.why
    enough = many_blocks(made)
    assert judged(enough, tmp_path, test + '; of = "unprofiled"').verdict == "supported"


def test_a_recorded_cost_above_a_bound_may_be_the_profilers(made, tmp_path):
    one = judged(made, tmp_path, 'kind = "launch-cost"; variant = "copy_"; at_most = 2; regimes = ["eager"]')
    assert one.verdict == "not-testable" and "carries the profiler's cost" in one.why


def test_no_difference_shown_is_an_outcome_of_its_own(made, tmp_path):
    one = judged(made, tmp_path, RATIO.format("copy_", "triton-per-tensor", "faster"))
    ((_, cases),) = one.cases
    assert [(case.regime, case.outcome) for case in cases] == [("eager", "holds"), ("graph", "no-difference-shown")]
    assert one.on.startswith("holds in eager; no difference shown in graph")


def test_a_difference_within_the_control_shows_the_control(made, tmp_path):
    blocks = made.controls["eager"].blocks.assign(wall_ns=lambda frame: frame["wall_ns"] * 3)
    shaken = replace(made, controls={"eager": replace(made.controls["eager"], blocks=blocks)})
    one = judged(shaken, tmp_path, RATIO.format("copy_", "triton-per-tensor", "faster") + '; regimes = ["eager"]')
    assert one.verdict == "not-testable" and "no further from 1" in one.why
    assert any("A/A control" in item.figure for item in one.evidence)


@pytest.mark.parametrize(
    ("value", "interval", "low", "high", "outcome"),
    [
        (1.0, (0.9, 1.1), 0.9, 1.1, "holds"),
        (1.0, (0.9, 1.1), 1.2, None, "fails"),
        (1.0, (0.9, 1.1), None, 0.8, "fails"),
        (1.0, (0.9, 1.1), 1.0, None, "undecided"),
        (1.0, (0.5, 2.0), 0.9, 1.1, "undecided"),
        (1.0, None, 0.9, None, "undecided"),
    ],
)
def test_an_interval_decides_only_as_a_whole(value, interval, low, high, outcome):
    assert decide(value, interval, low, high) == outcome


def test_a_count_needs_no_interval():
    assert decide(7.0, None, 7, 7, exact=True) == "holds" and decide(7.0, None, None, 1, exact=True) == "fails"


# -- how verdicts combine

HOLDS, FAILS = (f'kind = "launches"; variant = "copy_"; regimes = ["eager"]; {bound}' for bound in ("at_least = 7", "at_most = 1"))  # fmt: skip
ABSENT = 'kind = "launches"; variant = "streams"; regimes = ["eager"]; at_most = 1'


@pytest.mark.parametrize(
    ("tests", "each", "every", "some"),
    [
        ([HOLDS, HOLDS], "supported", "supported", "supported"),
        ([FAILS, FAILS], "refuted", "refuted", "refuted"),
        ([HOLDS, FAILS], "depends", "refuted", "supported"),
        ([HOLDS, ABSENT], "supported", "not-testable", "supported"),
        ([FAILS, ABSENT], "refuted", "refuted", "not-testable"),
        ([ABSENT, ABSENT], "not-testable", "not-testable", "not-testable"),
        ([HOLDS, FAILS + "; decides = false"], "supported", "supported", "supported"),
    ],
)
def test_verdicts_combine_as_the_claim_says(made, tmp_path, tests, each, every, some):
    found = [judged(made, tmp_path, *tests, combine=combine) for combine in ("each", "all", "any")]
    assert [one.verdict for one in found] == [each, every, some]
    if ABSENT in tests:
        assert all("streams was not measured" in one.why for one in found if one.verdict != "depends")


def test_what_is_not_measured_says_why_the_capture_lacks_it(made, tmp_path):
    records = [*made.capture.manifest.variants]
    records.append(replace(records[0], variant="streams", status="skipped", why="needs a GPU that is idle"))
    one = judged(with_manifest(made, variants=records), tmp_path, ABSENT)
    assert one.why == "not tested in eager (streams was not measured (skipped: needs a GPU that is idle))"


def test_a_claim_about_another_workload_or_device_is_not_tested(made, tmp_path):
    assert "workload nsa-metadata" in judged(made, tmp_path, HOLDS, workload="nsa-metadata").why
    assert "a capture of a CPU" in judged(made, tmp_path, HOLDS, device="cpu").why
    assert judged(made, tmp_path, HOLDS, workload="small-copies", device="cuda").verdict == "supported"


def test_a_test_can_ask_for_a_workload_of_some_size(made, tmp_path):
    small = judged(made, tmp_path, HOLDS + "; when = { sizes = { at_least = 1000000 } }")
    assert small.verdict == "not-testable" and "sizes at least 1,000,000 (here: 32 to 64)" in small.why
    assert judged(made, tmp_path, HOLDS + "; when = { sizes = { at_most = 64 } }").verdict == "supported"
    assert "not said" in judged(made, tmp_path, HOLDS + "; when = { nothing = { at_most = 64 } }").why


# -- probes


def with_probes(made, folder, probes):
    (folder / "probes.json").write_text(json.dumps({"format": "launchlens.probes/1", "probes": probes}))
    return replace(made, capture=replace(made.capture, path=folder))


@pytest.mark.parametrize(
    ("control", "found", "verdict"),
    [
        ("passed", "copy-engine", "supported"),
        ("passed", "sm", "refuted"),
        ("failed", "copy-engine", "not-testable"),
        ("absent", "copy-engine", "not-testable"),
        ("passed", None, "not-testable"),
    ],
)
def test_a_probe_counts_where_its_control_passed(made, tmp_path, control, found, verdict):
    figures = [{"figure": "copied meanwhile", "value": 3, "unit": "copies", "interval": None}]
    probe = {"id": "copy-engine", "verdict": found, "figures": figures, "control": control, "more": 1}
    one = judged(with_probes(made, tmp_path, [probe]), tmp_path, 'kind = "needs-probe"; probe = "copy-engine"; is = "copy-engine"')  # fmt: skip
    assert one.verdict == verdict
    assert [(item.value, item.unit, item.rows) for item in one.evidence] == [(3, "copies", "probes.json: copy-engine")]


def test_a_probes_figure_is_held_against_bounds(made, tmp_path):
    figures = [{"figure": "create", "value": 7000, "unit": "ns", "interval": [6000, 8000]}]
    ground = with_probes(made, tmp_path, [{"id": "streams", "figures": figures, "control": "passed"}])
    test = 'kind = "needs-probe"; probe = "streams"; figure = "{}"; at_most = {}'
    assert judged(ground, tmp_path, test.format("create", 9000)).verdict == "supported"
    assert judged(ground, tmp_path, test.format("create", 5000)).verdict == "refuted"
    assert "straddles" in judged(ground, tmp_path, test.format("create", 7000)).why
    assert "gives no figure 'destroy'" in judged(ground, tmp_path, test.format("destroy", 7000)).why


def test_a_probe_that_was_not_run_is_named(made, tmp_path):
    one = judged(made, tmp_path, 'kind = "needs-probe"; probe = "copy-engine"; is = "sm"')
    assert one.verdict == "not-testable" and "the probe copy-engine was not run" in one.why


@pytest.mark.parametrize("text", ["[", '{"format": "other/1"}', '{"format": "launchlens.probes/1", "probes": [{}]}'])
def test_a_broken_probes_file_is_one_line(made, tmp_path, text):
    ground = with_probes(made, tmp_path, [])
    (tmp_path / "probes.json").write_text(text)
    with pytest.raises(InputError, match=r"probes\.json"):
        judged(ground, tmp_path, HOLDS)


# -- evidence


def test_evidence_is_what_the_study_says(made, tmp_path):
    one = judged(made, tmp_path, RATIO.format("foreach", "copy_", "faster") + '; regimes = ["eager"]')
    (comparison, _) = within(made, "copy_", "foreach")
    ratio, ours, theirs = one.evidence
    assert (ratio.value, ratio.interval) == (comparison.ratio.value, (comparison.ratio.low, comparison.ratio.high))
    side = made.sides["foreach", "eager"]
    assert (ours.value, ours.interval) == (side.wall.value, (side.wall.low, side.wall.high))
    assert theirs.value == made.sides["copy_", "eager"].wall.value
    assert ours.rows == f"timings.parquet: variant=foreach, regime=eager, {TIMED_ROUNDS} rounds"
    assert ratio.section == "timing" and "paired" in ratio.rows


def test_recorded_evidence_is_the_ledgers(made, tmp_path):
    one = judged(made, tmp_path, 'kind = "launch-cost"; variant = "copy_"; at_least = 2; regimes = ["eager"]')
    (ledger,) = made.sides["copy_", "eager"].recording.ledger
    assert [item.value for item in one.evidence] == [ledger.api_ns]
    assert one.evidence[0].rows == "torch/eager.pt.trace.json.gz: variant:copy_ launches"
    parts = judged(many_blocks(made), tmp_path, 'kind = "host-part"; variant = "foreach"; against = "copy_"; states = ["dispatch"]; at_least = 0; regimes = ["eager"]')  # fmt: skip
    comparison = within(made, "copy_", "foreach")[0]
    share, dispatch, whole = parts.evidence
    assert dispatch.value == pytest.approx(comparison.host_parts()["dispatch"])
    assert whole.value == pytest.approx(comparison.difference_ns)
    assert share.value == pytest.approx(dispatch.value / whole.value)
    assert share.interval is not None and share.interval[0] <= share.value <= share.interval[1]


def test_as_json_it_is_strict_and_as_the_format_says(made):
    text = json.dumps(document(judge(made, note_claims())), allow_nan=False)
    for item in json.loads(text)["claims"]:
        assert set(item) >= {"id", "text", "source", "test", "verdict", "on", "evidence"}
        assert item["verdict"] in ("supported", "refuted", "depends", "not-testable")
        assert (item["on"] is not None) == (item["verdict"] == "depends")
        for each in item["evidence"]:
            assert set(each) >= {"figure", "value", "unit", "interval", "rows"}
            assert each["unit"] != "ns" or isinstance(each["value"], int)


# -- the note's claims


def test_the_note_has_every_claim_that_was_asked_for():
    ids = [claim.id for claim in note_claims()]
    assert ids == [
        "copy-wins", "margin", "batched-is-batched", "copy-is-memcpy", "launch-cost", "dma-copies", "no-dma-so-slower",
        "triton-compiles", "triton-dispatch", "seven-launches-add-up", "triton-memory-slower", "streams-no-help",
        "stream-creation", "stream-synchronisation", "flat-buffer-impractical", "cuda-no-better-than-triton",
        "cuda-no-better-than-memcpy", "batching-needs-20-copies", "large-copies-hide-launches", "copies-optimal",
        "precompute", "cached-transform", "copies-are-12-percent", "copies-not-worth-it",
    ]  # fmt: skip
    gave = {claim.id: claim.gave for claim in note_claims()}
    assert "28.70" in gave["copy-wins"] and "40.85" in gave["copy-wins"]


def test_every_kind_of_test_serves_or_is_tested(made):
    used = {test.kind for claim in note_claims() for test in claim.tests}
    assert used <= set(KINDS) and len(used) >= 9
    for claim in note_claims():
        assert len(claim.test) > 10 and "\n" not in claim.text


def test_the_notes_claims_on_the_made_up_capture(made):
    verdicts = {one.claim.id: one.verdict for one in judge(made, note_claims())}
    assert verdicts["copy-wins"] == "depends" and verdicts["margin"] == "refuted"
    assert verdicts["batched-is-batched"] == "refuted" and verdicts["copy-is-memcpy"] == "supported"
    # the GPU part refutes it by itself, whatever a probe would say
    assert verdicts["no-dma-so-slower"] == "refuted" and verdicts["dma-copies"] == "not-testable"
    assert verdicts["copies-optimal"] == "refuted" and verdicts["precompute"] == "not-testable"


def test_no_verdict_stands_in_the_notes_file():
    words = re.sub(r"#.*", "", NOTE.read_text("utf-8")).lower()
    assert not {"supported", "refuted", "verdict"} & set(re.findall(r"[a-z]+", words))
    assert set(tomllib.loads(NOTE.read_text("utf-8"))) == {"title", "workload", "device", "claim"}


def test_claims_need_no_wall_that_isnt_there(made):
    alone = {key: replace(side, recording=None) for key, side in made.sides.items()}
    unrecorded = {one.claim.id: one for one in judge(replace(made, sides=alone), note_claims())}
    assert unrecorded["copy-wins"].verdict == "depends" and set(WALL) == {"eager", "graph"}
    assert unrecorded["copy-is-memcpy"].verdict == "not-testable"
    assert "no launch of it was recorded" in unrecorded["copy-is-memcpy"].why


# -- files that can't be used


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[claim", "can't be read as TOML"),
        ("", "missing required field `claim`"),
        ("claim = []", "length >= 1"),
        ("what = 1\n" + row(HOLDS), "unknown field `what`"),
        (row(HOLDS, colour="red"), "claim 'mine': contains unknown field `colour`"),
        (row(HOLDS) + "\n" + row(HOLDS), "claim 'mine': there are two claims of this id"),
        (row(HOLDS, id="<b>"), "claim '<b>'"),
        (row(HOLDS, combine="most"), "Invalid enum value 'most'"),
        (row(HOLDS, text="two\nlines"), "claim 'mine'"),
        (row('kind = "magic"'), "claim 'mine', test 1: is of an unknown kind 'magic' (kinds: ratio, "),
        (row('variant = "copy_"'), "test 1: has no kind"),
        (row(HOLDS, RATIO.format("a", "b", "faster") + "; spin = 1"), "test 2 (ratio): contains unknown field `spin`"),
        (row(RATIO.format("a", "b", "better")), "Invalid enum value 'better'"),
        (row(RATIO.format("a", "b", "faster") + "; at_least = 1"), "has both `is` and bounds"),
        (row('kind = "ratio"; variant = "a"'), "missing required field `against`"),
        (row('kind = "ratio"; variant = "a"; against = "b"'), "needs at_least or at_most"),
        (row('kind = "time"; variant = "a"; at_least = 2; at_most = 1'), "at_least above at_most"),
        (row('kind = "time"; variant = "a"; at_least = "2"'), "Expected `float"),
        (row(HOLDS.replace("eager", "lazy")), "Invalid enum value 'lazy'"),
        (row('kind = "needs-probe"; probe = "p"'), "needs one of"),
        (row(HOLDS + "; decides = false"), "no test decides anything"),
        (row('kind = "host-part"; variant = "a"; against = "b"; states = []; at_least = 1'), "length >= 1"),
    ],
)
def test_a_file_that_cant_be_used_is_one_line(tmp_path, text, says):
    with pytest.raises(InputError) as error:
        claims_of(text, tmp_path)
    assert says in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "mine.toml"))


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_claims(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="can't be read as TOML"):
        read_claims(tmp_path / "bytes.toml")


def test_a_variant_that_nobody_knows_is_a_slip_of_the_pen(tmp_path):
    claims: list[Claim] = claims_of(row(RATIO.format("copy_", "tritn", "faster")), tmp_path)
    with pytest.raises(InputError, match=r"claim 'mine', test 1 \(ratio\): there is no variant 'tritn'"):
        check_variants(claims, tmp_path / "mine.toml", "small-copies", ["copy_"])
    check_variants(claims, tmp_path / "mine.toml", "small-copies", ["copy_", "tritn"])
    elsewhere = claims_of(row(RATIO.format("copy_", "tritn", "faster"), workload="other"), tmp_path)
    check_variants(elsewhere, tmp_path / "mine.toml", "small-copies", ["copy_"])
