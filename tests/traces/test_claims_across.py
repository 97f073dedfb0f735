"""Claims on several captures: what one lacks another has, what disagrees depends, and GPUs are never mixed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launchlens.traces.captures.capture import VariantRecord, read_capture
from launchlens.traces.claims.captures_by_name import named
from launchlens.traces.claims.case_words import listed
from launchlens.traces.claims.document import as_document
from launchlens.traces.claims.judge import judge, judge_across
from launchlens.traces.claims.read import note_claims
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.studies.study import study
from made_capture import make_capture
from made_claims import (
    FAILS,
    HOLDS,
    RATIO,
    claims_of,
    few_rounds,
    judged,
    judged_across,
    of_workload,
    on_gpu,
    slowed,
    with_manifest,
    with_probes,
    without,
)

FASTER = RATIO.format("foreach", "copy_", "faster") + '; regimes = ["eager"]'
PROBE = 'kind = "needs-probe"; probe = "copy-engine"; is = "copy-engine"'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(read_capture(make_capture(tmp_path_factory.mktemp("claims") / "capture")))


def probed(made, folder, **probe):
    folder.mkdir()
    return with_probes(made, folder, [{"id": "copy-engine", "control": "passed", "verdict": "copy-engine"} | probe])


# -- what counts


def test_what_one_capture_lacks_another_makes_up_for(made, tmp_path):
    both = {"a": without(made, "foreach"), "b": made}
    one = judged_across(both, tmp_path, FASTER)
    assert (one.verdict, one.on, one.why) == ("supported", None, None)
    assert {each.capture for each in one.evidence} == {"b"}
    assert all(each.origin == f"b: {each.rows}" for each in one.evidence)


def test_what_no_capture_has_is_said_once(made, tmp_path):
    both = {"a": without(made, "foreach"), "b": without(made, "foreach")}
    one = judged_across(both, tmp_path, FASTER)
    assert (one.verdict, one.why) == ("not-testable", "not tested in eager (foreach was not measured)")


def test_captures_of_the_same_that_disagree_depend_and_are_named(made, tmp_path):
    both = {"a": made, "b": slowed(made, "foreach", 10), "c": made}
    one = judged_across(both, tmp_path, FASTER)
    assert one.verdict == "depends"
    assert one.on == "holds in eager of a and c; does not hold in eager of b"


def test_captures_that_agree_are_not_named(made, tmp_path):
    one = judged_across({"a": made, "b": made}, tmp_path, RATIO.format("copy_", "triton-per-tensor", "faster"))
    assert one.verdict == "depends" and one.on.startswith("holds in eager; no difference shown in graph")


def test_what_one_leaves_undecided_another_of_the_same_decides(made, tmp_path):
    test = 'kind = "time"; variant = "foreach"; at_most = 15; regimes = ["eager"]'
    few = few_rounds(made)
    assert judged(few, tmp_path, test).verdict == "undecided"
    one = judged_across({"few": few, "many": made}, tmp_path, test)
    assert one.verdict == "supported" and "undecided in eager of few (too few samples" in one.why
    # of another thing, it isn't the same question, and its answer is open
    other = of_workload(few, copies=50)
    assert judged_across({"few": other, "many": made}, tmp_path, test).verdict == "undecided"


def test_a_control_that_failed_once_doesnt_outweigh_one_that_passed(made, tmp_path):
    failed = probed(of_workload(made, copies=50), tmp_path / "failed", control="failed")
    passed = probed(made, tmp_path / "passed")
    assert judged(failed, tmp_path, PROBE).verdict == "undecided"
    one = judged_across({"failed": failed, "passed": passed, "none": made}, tmp_path, PROBE)
    assert one.verdict == "supported" and "the control of the probe copy-engine did not pass" in one.why
    assert "was not run" not in one.why
    against = probed(made, tmp_path / "against", verdict="sm")
    both = judged_across({"passed": passed, "against": against}, tmp_path, PROBE)
    assert both.verdict == "depends" and "of passed" in both.on and "of against" in both.on


@pytest.mark.parametrize(
    ("combine", "second", "verdict"),
    [
        ("all", HOLDS, "supported"),
        ("all", FAILS, "refuted"),
        ("any", FAILS, "supported"),
        ("each", FAILS, "depends"),
    ],
)
def test_tests_combine_though_each_is_made_by_another_capture(made, tmp_path, combine, second, verdict):
    few = HOLDS + "; when = { copies = { at_most = 7 } }"
    many = second + "; when = { copies = { at_least = 50 } }"
    both = {"few": made, "many": of_workload(made, copies=50)}
    one = judged_across(both, tmp_path, few, many, combine=combine)
    assert one.verdict == verdict
    assert not one.why or "not tested" not in one.why
    if combine == "all":
        alone = judged_across({"few": made, "again": made}, tmp_path, few, many, combine="all")
        if second == HOLDS:
            assert (
                alone.verdict == "not-testable" and alone.why.count("it needs a capture with copies at least 50") == 1
            )


@pytest.mark.parametrize(
    ("has", "here"),
    [([3, "x"], "[3, 'x']"), ([None, 3], "[None, 3]"), ([5, 7], "5 to 7"), ([], "[]"), (None, "not said")],
)
def test_what_a_workload_has_instead_is_said_whatever_it_is(made, tmp_path, has, here):
    """A workload holds what its author wrote down: no number of it need be one."""
    one = judged(of_workload(made, copies=has), tmp_path, HOLDS + "; when = { copies = { at_least = 50 } }")
    assert (one.verdict, one.why) == (
        "not-testable",
        f"not tested: it needs a capture with copies at least 50 (here: {here})",
    )


def test_only_captures_of_its_workload_device_and_numbers_are_asked(made, tmp_path):
    other = with_manifest(made, workload=dict(made.capture.manifest.workload) | {"name": "other"})
    wrong = slowed(other, "foreach", 10)
    one = judged_across({"mine": made, "other": wrong}, tmp_path, FASTER, workload="small-copies")
    assert one.verdict == "supported" and {each.capture for each in one.evidence} == {"mine"}
    on_cpu = with_manifest(wrong, device="cpu", workload=made.capture.manifest.workload)
    assert judged_across({"mine": made, "cpu": on_cpu}, tmp_path, FASTER, device="cuda").verdict == "supported"
    none = judged_across({"a": other, "b": wrong}, tmp_path, FASTER, workload="small-copies")
    assert (none.verdict, none.why) == ("not-testable", "it needs a capture of the workload small-copies")


def test_a_claims_when_takes_the_place_of_the_files_and_a_tests_is_asked_for_besides(made, tmp_path):
    def text(file, claim, test=""):
        keys = ["[[claim]]", 'id = "mine"', 'text = "t"', 'source = "s"', claim, "[[claim.test]]"]
        return "\n".join([file, *keys, *HOLDS.split("; "), test])

    fifty, seven = "when = { copies = { at_least = 50 } }", "when = { copies = { at_most = 7 } }"

    def verdict(*parts):
        (one,) = judge(made, claims_of(text(*parts), tmp_path))
        return one.verdict

    assert verdict(seven, "") == "supported" and verdict(fifty, "") == "not-testable"
    assert verdict(fifty, "when = {}") == "supported" and verdict(seven, fifty) == "not-testable"
    assert verdict(seven, "", fifty) == "not-testable" and verdict(fifty, seven, seven) == "supported"
    assert verdict(fifty, 'workload = "small-copies"') == "supported", "the file's numbers are of its own workload"
    (one,) = claims_of(text(seven, ""), tmp_path)
    assert one.test.endswith("; on captures with copies at most 7")


# -- machines


def test_gpus_that_agree_are_both_named(made, tmp_path):
    one = judged_across({"a": on_gpu(made, "X"), "b": on_gpu(made, "Y")}, tmp_path, FASTER)
    assert (one.verdict, one.on) == ("supported", "on X and Y: supported")


def test_gpus_that_disagree_make_it_depend_on_the_gpu(made, tmp_path):
    both = {"a": on_gpu(made, "X"), "b": on_gpu(slowed(made, "foreach", 10), "Y")}
    one = judged_across(both, tmp_path, FASTER)
    assert (one.verdict, one.on) == ("depends", "on X: supported; on Y: refuted")
    more = both | {"c": on_gpu(made, "Y")}
    one = judged_across(more, tmp_path, FASTER)
    assert one.on == ("on X: supported; on Y: depends (holds in eager of c; does not hold in eager of b)")


def test_tests_of_different_gpus_are_not_put_together(made, tmp_path):
    few, many = (HOLDS + f"; when = {{ copies = {{ {bound} }} }}" for bound in ("at_most = 7", "at_least = 50"))
    both = {"a": on_gpu(made, "X"), "b": on_gpu(of_workload(made, copies=50), "Y")}
    assert judged_across(both, tmp_path, few, many, combine="all").verdict == "not-testable"
    one = judged_across(both, tmp_path, few, many, combine="any")
    assert (one.verdict, one.on) == ("supported", "on X and Y: supported")


def test_one_gpu_that_has_nothing_to_say_is_named_and_changes_nothing(made, tmp_path):
    both = {"a": on_gpu(made, "X"), "b": on_gpu(without(made, "foreach"), "Y")}
    one = judged_across(both, tmp_path, FASTER)
    assert (one.verdict, one.on) == ("supported", "on X: supported; on Y: not testable")
    assert [(each.machine, each.verdict) for each in one.machines] == [("X", "supported"), ("Y", "not-testable")]
    assert one.machines[1].on == "not tested in eager (foreach was not measured)"


def test_one_gpu_that_can_not_decide_leaves_the_claim_open_and_stands_in_the_headline(made, tmp_path):
    test = 'kind = "time"; variant = "foreach"; at_most = 15; regimes = ["eager"]'
    both = {"a": on_gpu(made, "X"), "b": on_gpu(few_rounds(made), "Y")}
    one = judged_across(both, tmp_path, test)
    assert one.verdict == "undecided"
    assert one.on == "on X: supported; on Y: undecided in eager (too few samples for an interval)"
    # where two decide and differ, a third that can't makes nothing of that undone
    three = both | {"c": on_gpu(slowed(made, "foreach", 10), "Z")}
    assert judged_across(three, tmp_path, test).verdict == "depends"


def test_a_capture_that_leaves_open_what_another_decides_is_told(made, tmp_path):
    test = 'kind = "time"; variant = "foreach"; at_most = 15; regimes = ["eager"]'
    both = {"a": on_gpu(made, "X"), "few": on_gpu(few_rounds(made), "X"), "c": on_gpu(made, "Y")}
    one = judged_across(both, tmp_path, test)
    assert one.verdict == "supported"
    assert one.on == ("on X: supported (undecided in eager of few (too few samples for an interval)); on Y: supported")


@pytest.mark.parametrize("measures", ["another-machine", "reconstruction"])
def test_what_is_not_measured_here_is_not_refuted_here(made, tmp_path, measures):
    slow = slowed(made, "foreach", 10)
    assert judged(slow, tmp_path, FASTER).verdict == "refuted"
    one = judged(slow, tmp_path, FASTER, measures=measures)
    assert (one.verdict, one.why) == ("not-reproduced", None)
    assert judged(made, tmp_path, FASTER, measures=measures).verdict == "supported", "it may be reproduced"
    both = judged_across({"a": on_gpu(made, "X"), "b": on_gpu(slow, "Y")}, tmp_path, FASTER, measures=measures)
    assert (both.verdict, both.on) == ("depends", "on X: supported; on Y: not reproduced")


# -- which captures


def test_a_capture_given_twice_or_copied_is_one(tmp_path, monkeypatch):
    folder = make_capture(tmp_path / "one" / "capture")
    shutil.copytree(folder, tmp_path / "two" / "capture")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    for again in (folder, folder / "manifest.json", tmp_path / "two" / "capture", tmp_path / "link"):
        assert named([folder, again]) == {"capture": folder}
    (tmp_path / "two" / "capture" / "probes.json").write_text("{}")
    assert list(named([folder, tmp_path / "two" / "capture"])) == ["one/capture", "two/capture"]


def test_what_is_no_capture_is_kept_for_its_reader_to_refuse(tmp_path):
    (tmp_path / "a").mkdir()
    assert list(named([tmp_path / "a", tmp_path / "b"])) == ["a", "b"]
    assert named([]) == {}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), unique=True, max_size=8))
def test_names_tell_captures_apart(paths):
    found = named([Path("/nowhere") / path for path in paths])
    assert len(found) == len(paths) and all(found.values())
    assert all(str(path).endswith(name.removeprefix("nowhere/")) for name, path in found.items())


def test_twenty_captures(made, tmp_path):
    many = {f"capture-{number}": made if number % 2 else slowed(made, "foreach", 10) for number in range(20)}
    one = judged_across(many, tmp_path, FASTER)
    assert one.on == (
        "holds in eager of capture-1, capture-3, capture-5 and 7 more; "
        "does not hold in eager of capture-0, capture-2, capture-4 and 7 more"
    )
    skipped = VariantRecord("foreach", "eager", "skipped", "")
    lacking = {
        name: with_manifest(
            without(each, "foreach"),
            variants=[*without(each, "foreach").capture.manifest.variants, replace(skipped, why=f"reason {name}")],
        )
        for name, each in many.items()
    }
    why = judged_across(lacking, tmp_path, FASTER).why
    assert why.count("foreach was not measured") == 3, "a few reasons, not twenty"


def test_no_capture_tests_nothing():
    assert {one.verdict for one in judge_across({}, note_claims())} == {"not-testable"}


# -- properties


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["plain", "slow", "few", "fifty", "lacking", "elsewhere"]), min_size=1, max_size=5),
    st.data(),
)
def test_order_and_repetition_change_no_verdict(made, kinds, data):
    """A capture again under another name adds no verdict, and neither does another order."""
    variants = {
        "plain": made,
        "slow": slowed(made, "foreach", 10),
        "few": few_rounds(made),
        "fifty": of_workload(made, copies=50),
        "lacking": without(made, "foreach"),
        "elsewhere": on_gpu(made, "Y"),
    }
    claims = [claim for claim in note_claims() if claim.workload == "small-copies"]
    given_once = {f"{number}": variants[kind] for number, kind in enumerate(dict.fromkeys(kinds))}
    every = {f"{number}": variants[kind] for number, kind in enumerate(data.draw(st.permutations(kinds)))}
    if len(given_once) == len(every) == 1:
        return
    plain = [one.verdict for one in judge_across(given_once, claims)]
    assert [one.verdict for one in judge_across(every, claims)] == plain


def test_a_single_capture_reads_as_it_does_alone(made):
    alone = as_document(judge(made, note_claims()), {"only": made})
    assert as_document(judge_across({"only": made}, note_claims()), {"only": made}) == alone
    assert "capture" not in as_plain(alone)["claims"][0]["evidence"][0]


def test_as_json_rows_name_the_capture(made):
    both = {"a": made, "b": of_workload(made, copies=6)}
    document = as_document(judge_across(both, note_claims()), both, shipped={"b"})
    text = json.dumps(as_plain(document), allow_nan=False)
    written = json.loads(text)
    assert [(row["name"], row["measured_here"], row["machine"]) for row in written["captures"]] == [
        ("a", True, "Made-up GPU"),
        ("b", False, "Made-up GPU"),
    ]
    evidence = [each for claim in written["claims"] for each in claim["evidence"]]
    assert evidence and all(each["rows"].startswith(f"{each['capture']}: ") for each in evidence)
    assert {each["capture"] for each in evidence} == {"a", "b"}


def test_few_names_are_all_told_and_of_many_the_first():
    assert [listed(names) for names in (["a"], ["a", "b"], "abcd", "abcde")] == [
        "a", "a and b", "a, b, c and d", "a, b, c and 2 more",
    ]  # fmt: skip
