"""Files of claims that must be refused, each in one line."""

import pytest

from launchlens.traces.claims.claim import Claim
from launchlens.traces.claims.read import check_variants, read_claims
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
