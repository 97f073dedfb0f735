"""Files of claims that must be refused, each in one line."""

import pytest

from launchlens.kernels.registry import variants
from launchlens.traces.claims.claim import Claim
from launchlens.traces.claims.read import NOTE, check_outcomes, check_variants, note_claims, read_claims
from launchlens.traces.problems import InputError
from made_claims import HOLDS, RATIO, claims_of, row

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
        (row('kind = "needs-probe"; probe = "p"; is = "a"; what = "b"'), "needs one of"),
        (row('kind = "needs-probe"; probe = "p"; is = "a"; of = "b"'), "without `what`"),
        (
            row('kind = "needs-probe"; probe = "backlog"; what = "speed"; at_most = 1'),
            "has not, 'speed'; it has device-time,",
        ),
        (
            row('kind = "needs-probe"; probe = "backlog"; figure = "foreach ÷ copy_ eager"; at_most = 1'),
            'by phrases (foreach ÷ copy_ eager); write what = "ratio", of = "foreach", to = "copy_", under = "eager"',
        ),
        (
            row(
                'kind = "needs-probe"; probe = "launch-ladder"; figure = "a: whole"; against = "b: whole"; at_most = 1'
            ),
            'write what = "ladder-whole", of = "a", against = { what = "ladder-whole", of = "b" }',
        ),
        (
            row('kind = "needs-probe"; probe = "launch-floor"; is = "torch CUDAGraph.replay"'),
            'names a verdict by a phrase; write is = "torch-graph-replay"',
        ),
        (row(HOLDS + "; decides = false"), "no test decides anything"),
        (row(), "no test decides anything"),
        (row(HOLDS, untested="nobody knows"), "a test decides, though `untested` says that none can"),
        (row(HOLDS, measures="the moon"), "Invalid enum value 'the moon'"),
        (
            row(
                'kind = "host-part"; variant = "a"; against = "b"; states = ["python"]; of = "unprofiled"; at_least = 0.5'
            ),
            "asks for a share of the unprofiled difference, which is another run's",
        ),
        # tests that can come out one way only
        (row(RATIO.format("a", "a", "faster")), "holds a against itself, which can come out one way only"),
        (row('kind = "share"; variant = "a"; of = "a"; at_most = 0.5'), "holds a against itself"),
        (
            row('kind = "parts"; variant = "a"; against = "a"; states = ["launch"]; at_most = 0.5'),
            "holds a against itself",
        ),
        (
            row('kind = "needs-probe"; probe = "p"; what = "x"; against = { what = "x" }; at_most = 1'),
            "holds a figure against itself",
        ),
        (row('kind = "share"; variant = "a"; of = "b"; at_most = 1'), "has bounds that can't fail"),
        (row('kind = "share"; variant = "a"; of = "b"; at_least = 1.5'), "has bounds that can't hold"),
        (row('kind = "ratio"; variant = "a"; against = "b"; at_least = 0'), "has bounds that can't fail"),
        (
            row('kind = "launches"; variant = "a"; at_least = 0'),
            "can't fail: whatever is measured, its figure is 0 or more",
        ),
        (row('kind = "api"; variant = "a"; call = "x"; at_least = 0'), "its figure is 0 to 1"),
        (row('kind = "launch-share"; variant = "a"; at_most = 0.1; regimes = ["eager"]'), "has `regimes`"),
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


def test_a_test_whose_outcome_a_variant_declares_itself_is_refused(tmp_path):
    """Counting the launches of a variant that was written to make seven shows that it was."""
    path, declared = tmp_path / "mine.toml", {"small-copies": {"mine": "1 per tensor"}}
    counts = 'kind = "launches"; variant = "mine"; regimes = ["eager"]; at_most = 1'
    with pytest.raises(InputError) as error:
        check_outcomes(claims_of(row(counts), tmp_path), path, declared)
    assert "claim 'mine', test 1 (launches): can't come out otherwise: mine declares itself how many" in str(
        error.value
    )
    # what was not declared is open, as is what else it does; what decides nothing may be shown
    check_outcomes(claims_of(row(counts), tmp_path), path, {"small-copies": {"other": "1"}})
    check_outcomes(claims_of(row(counts + '; of = "kernels"'), tmp_path), path, declared)
    check_outcomes(claims_of(row(HOLDS, counts + "; decides = false"), tmp_path), path, declared)
    check_outcomes(claims_of(row(counts, workload="other"), tmp_path), path, declared)
    with pytest.raises(InputError, match="a replay of a graph is one launch"):
        check_outcomes(claims_of(row(counts.replace("eager", "graph")), tmp_path), path, declared)


def test_no_test_of_the_note_can_come_out_one_way_only():
    declared: dict[str, dict[str, str]] = {}
    for each in variants():
        if each.launches is not None:
            declared.setdefault(each.workload, {})[each.name] = each.launches
    assert declared["small-copies"]["triton-per-tensor"] == "1 per tensor"
    assert "copy_" not in declared["small-copies"], "what torch makes of it is a finding"
    check_outcomes(note_claims(), NOTE, declared)


def test_every_bound_of_the_note_says_why_it_is_this_one():
    bounded = [
        (claim.id, test)
        for claim in note_claims()
        for test in claim.tests
        if test.decides and (getattr(test, "at_least", None) is not None or getattr(test, "at_most", None) is not None)
    ]
    assert len(bounded) > 20
    assert [(id, test.describe()) for id, test in bounded if test.reason is None and test.says_bounds] == []
    for claim in note_claims():
        assert all(test.reason in claim.test for id, test in bounded if id == claim.id and test.reason)


def test_a_bound_without_a_reason_is_told_as_such(tmp_path):
    test = 'kind = "time"; variant = "a"; at_most = 3'
    assert claims_of(row(test), tmp_path)[0].test == "time of a at most 3 µs on this machine, no reason given"
    (one,) = claims_of(row(test + '; because = "a user waits no longer"'), tmp_path)
    assert one.test == "time of a at most 3 µs on this machine, because a user waits no longer"


def test_a_claim_may_say_why_nothing_tests_it(tmp_path):
    (bare,) = claims_of(row(untested="nobody knows"), tmp_path)
    assert bare.test == "no test of ours could come out either way" and list(bare.tests) == []
    (one,) = claims_of(row(HOLDS + "; decides = false", untested="nobody knows"), tmp_path)
    assert one.test.startswith("no test of ours could come out either way. Beside it: launches of copy_")


def test_a_variant_that_nobody_knows_is_a_slip_of_the_pen(tmp_path):
    claims: list[Claim] = claims_of(row(RATIO.format("copy_", "tritn", "faster")), tmp_path)
    with pytest.raises(InputError, match=r"claim 'mine', test 1 \(ratio\): there is no variant 'tritn'"):
        check_variants(claims, tmp_path / "mine.toml", {"small-copies": ["copy_"]})
    check_variants(claims, tmp_path / "mine.toml", {"small-copies": ["copy_", "tritn"]})
    # of two workloads, a claim about any may name the variants of either, and one about one only its own
    both = {"small-copies": ["copy_"], "other": ["tritn"]}
    check_variants(claims, tmp_path / "mine.toml", both)
    mine = claims_of(row(RATIO.format("copy_", "tritn", "faster"), workload="small-copies"), tmp_path)
    with pytest.raises(InputError, match=r"variants of small-copies: copy_(?!.*other)"):
        check_variants(mine, tmp_path / "mine.toml", both)
    elsewhere = claims_of(row(RATIO.format("copy_", "tritn", "faster"), workload="other"), tmp_path)
    check_variants(elsewhere, tmp_path / "mine.toml", {"small-copies": ["copy_"]})
