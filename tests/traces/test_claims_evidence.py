"""What claims rest on: probes, evidence that is what the study says, and the note's own claims."""

import json
import re
import tomllib
from dataclasses import replace

import pytest

from launchlens.traces.captures.capture import read_capture
from launchlens.traces.claims.document import as_document
from launchlens.traces.claims.judge import judge
from launchlens.traces.claims.read import KINDS, NOTE, note_claims
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.problems import InputError
from launchlens.traces.studies.study import study
from made_capture import TIMED_ROUNDS, make_capture
from made_claims import HOLDS, RATIO, judged, many_blocks, with_probes


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(read_capture(make_capture(tmp_path_factory.mktemp("claims") / "capture")))


# -- probes


@pytest.mark.parametrize(
    ("control", "found", "verdict"),
    [
        ("passed", "copy-engine", "supported"),
        ("passed", "sm", "refuted"),
        ("failed", "copy-engine", "undecided"),
        ("absent", "copy-engine", "undecided"),
        ("passed", None, "undecided"),
        ("passed", "inconclusive", "undecided"),
        ("passed", "no-difference-shown", "undecided"),
        ("passed", "no-flip-shown", "undecided"),
        ("passed", "sm or copy-engine", "undecided"),  # one of several that it can't tell apart
        ("passed", "sm or something", "refuted"),
    ],
)
def test_a_probe_counts_where_its_control_passed(made, tmp_path, control, found, verdict):
    figures = [{"what": "copied-meanwhile", "value": 3, "unit": "copies", "interval": None}]
    probe = {"id": "copy-engine", "verdict": found, "figures": figures, "control": control, "more": 1}
    one = judged(with_probes(made, tmp_path, [probe]), tmp_path, 'kind = "needs-probe"; probe = "copy-engine"; is = "copy-engine"')  # fmt: skip
    assert one.verdict == verdict
    assert [(item.value, item.unit, item.rows) for item in one.evidence] == [(3, "copies", "probes.json: copy-engine")]


def test_a_probe_with_a_control_that_did_not_pass_says_nothing_whatever_it_says_of_its_controls(made, tmp_path):
    controls = [{"control": "known", "passed": True}, {"control": "other", "passed": False}]
    probe = {"id": "copy-engine", "verdict": "sm", "control": "passed", "controls": controls}
    test = 'kind = "needs-probe"; probe = "copy-engine"; is = "sm"'
    one = judged(with_probes(made, tmp_path, [probe]), tmp_path, test)
    assert one.verdict == "undecided" and "did not pass" in one.why


def test_a_probes_figure_is_held_against_bounds(made, tmp_path):
    figures = [{"what": "host-time", "of": "create", "value": 7000, "unit": "ns", "interval": [6000, 8000]}]
    ground = with_probes(made, tmp_path, [{"id": "streams", "figures": figures, "control": "passed"}])
    test = 'kind = "needs-probe"; probe = "streams"; what = "host-time"; of = "{}"; at_most = {}'
    assert judged(ground, tmp_path, test.format("create", 9000)).verdict == "supported"
    assert judged(ground, tmp_path, test.format("create", 5000)).verdict == "refuted"
    assert "straddles" in judged(ground, tmp_path, test.format("create", 7000)).why
    assert "gives no figure 'host-time of destroy'" in judged(ground, tmp_path, test.format("destroy", 7000)).why


def test_figures_of_the_same_code_are_told_apart_by_their_fields(made, tmp_path):
    named = {"what": "host-time", "of": "triton", "unit": "ns"}
    figures = [
        named | {"value": 7000, "interval": [6900, 7100]},
        named | {"value": 90, "under": "eager", "interval": [89, 91]},
        named | {"value": 5, "part": "loop", "interval": [4, 6]},
    ]
    ground = with_probes(made, tmp_path, [{"id": "p", "figures": figures, "control": "passed"}])
    test = 'kind = "needs-probe"; probe = "p"; what = "host-time"; of = "triton"; {}at_most = 100'
    assert judged(ground, tmp_path, test.format("")).verdict == "refuted"
    assert judged(ground, tmp_path, test.format('under = "eager"; ')).verdict == "supported"
    assert judged(ground, tmp_path, test.format('part = "loop"; ')).verdict == "supported"
    against = 'against = { what = "host-time", of = "triton", under = "eager" }; '
    (one,) = judged(ground, tmp_path, test.format(against)).deciding
    assert one.value == pytest.approx(7000 / 90) and one.unit == "ratio"
    assert one.figure == "host-time of triton ÷ host-time of triton, eager, probe p"
    assert one.interval == (6900 / 91, 7100 / 89)


@pytest.mark.parametrize(("unit", "verdict"), [("ns", "undecided"), ("share", "undecided"), ("launches", "supported")])
def test_a_figure_of_a_probe_without_an_interval_decides_only_where_it_is_a_count(made, tmp_path, unit, verdict):
    figures = [{"what": "host-time", "value": 7, "unit": unit}]
    ground = with_probes(made, tmp_path, [{"id": "p", "figures": figures, "control": "passed"}])
    assert (
        judged(ground, tmp_path, 'kind = "needs-probe"; probe = "p"; what = "host-time"; at_most = 9').verdict
        == verdict
    )


def test_a_probe_that_could_not_be_run_says_why(made, tmp_path):
    ground = with_probes(made, tmp_path, [{"id": "copy-engine", "verdict": "inconclusive", "why": "it needs cuda"}])
    one = judged(ground, tmp_path, 'kind = "needs-probe"; probe = "copy-engine"; is = "sm"')
    assert one.verdict == "not-testable" and "the probe copy-engine could not be run: it needs cuda" in one.why


def test_a_probe_that_was_not_run_is_named(made, tmp_path):
    one = judged(made, tmp_path, 'kind = "needs-probe"; probe = "copy-engine"; is = "sm"')
    assert one.verdict == "not-testable" and "the probe copy-engine was not run" in one.why


@pytest.mark.parametrize(
    "text",
    [
        "[",
        '{"format": "other/1"}',
        '{"format": "launchlens.probes/1", "probes": [{}]}',
        '{"format": "launchlens.probes/2", "probes": [{}]}',
    ],
)
def test_a_broken_probes_file_is_one_line(made, tmp_path, text):
    ground = with_probes(made, tmp_path, [])
    (tmp_path / "probes.json").write_text(text)
    with pytest.raises(InputError, match=r"probes\.json"):
        judged(ground, tmp_path, HOLDS)


# -- evidence


def test_evidence_is_what_the_study_says(made, tmp_path):
    one = judged(made, tmp_path, RATIO.format("foreach", "copy_", "faster") + '; regimes = ["eager"]')
    (comparison, _) = made.within("copy_", "foreach")
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
    parts = judged(many_blocks(made), tmp_path, 'kind = "host-part"; variant = "foreach"; against = "copy_"; states = ["dispatch"]; at_most = 0.9; regimes = ["eager"]')  # fmt: skip
    comparison = made.within("copy_", "foreach")[0]
    share, dispatch, whole = parts.evidence
    assert dispatch.value == pytest.approx(comparison.parts("host")["dispatch"])
    assert whole.value == pytest.approx(comparison.difference_ns)
    # foreach takes less in all, so it is the share of what is less
    less = sum(ns for ns in comparison.parts("host").values() if ns < 0)
    assert share.value == pytest.approx(dispatch.value / less) and less <= whole.value < 0
    assert share.interval is not None and share.interval[0] <= share.value <= share.interval[1]


def test_as_json_it_is_strict_and_as_the_format_says(made):
    text = json.dumps(as_plain(as_document(judge(made, note_claims()), {"made": made})), allow_nan=False)
    for item in json.loads(text)["claims"]:
        assert set(item) >= {"id", "text", "source", "test", "verdict", "on", "evidence"}
        verdicts = ("supported", "refuted", "depends", "not-reproduced", "undecided", "not-testable")
        assert item["verdict"] in verdicts
        assert (item["on"] is not None) == (item["verdict"] == "depends")
        assert [(each["machine"], each["verdict"]) for each in item["machines"]] == [("Made-up GPU", item["verdict"])]
        for each in item["evidence"]:
            assert set(each) >= {"figure", "value", "unit", "interval", "rows"}
            assert each["unit"] != "ns" or isinstance(each["value"], int)


# -- the note's claims


def test_the_note_has_every_claim_that_was_asked_for():
    ids = [claim.id for claim in note_claims()]
    assert ids == [
        "copy-wins", "margin", "expected-times", "expected-speed-up", "batched-is-batched", "copy-is-memcpy",
        "launch-cost", "dma-copies", "no-dma-so-slower", "triton-compiles", "triton-dispatch",
        "seven-launches-add-up", "triton-memory-slower", "streams-no-help", "limited-parallelism", "stream-creation",
        "stream-synchronisation", "flat-buffer-impractical", "cuda-no-better-than-triton",
        "cuda-no-better-than-memcpy", "batching-needs-20-copies", "large-copies-hide-launches", "copies-optimal",
        "precompute", "cached-transform", "copies-are-12-percent", "copies-not-worth-it", "copies-do-not-dominate",
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
    assert verdicts["copy-wins"] == "depends" and verdicts["margin"] == "not-reproduced"
    assert verdicts["batched-is-batched"] == "not-testable" and verdicts["copy-is-memcpy"] == "supported"
    assert verdicts["no-dma-so-slower"] == verdicts["dma-copies"] == "not-testable", "there is no probe"
    assert verdicts["copies-optimal"] == "refuted" and verdicts["precompute"] == "not-testable"


def test_no_verdict_stands_in_the_notes_file():
    words = re.sub(r"#.*", "", NOTE.read_text("utf-8")).lower()
    assert not {"supported", "verdict", "depends", "undecided"} & set(re.findall(r"[a-z]+", words))
    assert set(tomllib.loads(NOTE.read_text("utf-8"))) == {"title", "workload", "device", "when", "claim"}


def test_claims_about_launches_need_a_recording(made):
    alone = {key: replace(side, recording=None) for key, side in made.sides.items()}
    unrecorded = {one.claim.id: one for one in judge(replace(made, sides=alone), note_claims())}
    assert unrecorded["copy-wins"].verdict == "depends"
    assert unrecorded["copy-is-memcpy"].verdict == "not-testable"
    assert "no launch of it was recorded" in unrecorded["copy-is-memcpy"].why
