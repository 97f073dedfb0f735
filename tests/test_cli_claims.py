"""The command `claims` end to end, and claims in `report`."""

import json
import re
from pathlib import Path

import pytest
from read_once import read_once
from same_bytes import worked_out_once
from typer.testing import CliRunner

import shipped
from launchlens.cli import app
from launchlens.traces.captures.recorded import all_recorded, recorded_sweeps
from launchlens.traces.claims.read import note_claims
from made_capture import GPU, make_capture

ROOT = Path(__file__).parents[1]
CLAIMS = len(note_claims())


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True, scope="module")
def shared():
    """The same input is read and worked out once, which takes longest."""
    with read_once(), worked_out_once():
        yield


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("made") / "capture")


@pytest.fixture
def mine(tmp_path):
    """The example of the docs, in a file."""
    example = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "own_claims.md").read_text(), re.DOTALL)
    (tmp_path / "mine.toml").write_text(example.group(1))
    return tmp_path / "mine.toml"


def strict(text):
    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def test_without_an_argument_it_is_all_recorded_captures_and_says_so():
    printed = shipped.claims_printed()
    document = strict(printed["json"])
    assert document["format"] == "launchlens.claims/2"
    assert document["recorded"].startswith("Recorded, not measured on this machine") and not document["measured_here"]
    assert len(document["claims"]) == CLAIMS
    assert {row["name"] for row in document["captures"]} == {
        path.name for path in [*all_recorded(), *recorded_sweeps()]
    }
    assert not any(row["measured_here"] for row in document["captures"])
    keys = {"id", "text", "source", "test", "verdict", "on", "evidence"}
    assert all(keys <= set(claim) for claim in document["claims"])
    assert "Recorded, not measured on this machine" in printed["table"]


def test_a_capture_is_tested_and_nothing_else_goes_to_stdout(capture):
    result = run("claims", capture, "--json")
    document = strict(result.stdout)
    claims = {claim["id"]: claim for claim in document["claims"]}
    assert document["measured_here"] and document["recorded"] is None
    assert claims["copy-wins"]["verdict"] == "depends" and "eager" in claims["copy-wins"]["on"]
    plain = run("claims", capture)
    assert plain.exit_code == 0 and plain.stdout.count("refuted  ") >= 2 and "\x1b" not in plain.stdout


def test_claims_of_ones_own(capture, mine):
    document = strict(run("claims", capture, "--claims", mine, "--json").stdout)
    assert [(claim["id"], claim["verdict"]) for claim in document["claims"]] == [("foreach-wins", "supported")]


def test_a_report_with_claims_of_ones_own(capture, mine, tmp_path):
    result = run("report", capture, "--claims", mine, "--output", tmp_path / "page.html")
    assert result.exit_code == 0, result.stderr
    page = (tmp_path / "page.html").read_text()
    assert 'id="claim-foreach-wins"' in page and 'id="claim-margin"' not in page


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"foreach"', '"fourach"', "claim 'foreach-wins', test 1 (ratio): there is no variant 'fourach'"),
        ('"ratio"', '"ration"', "claim 'foreach-wins', test 1: is of an unknown kind 'ration'"),
        ("at_most", "atmost", "unknown field `atmost`"),
    ],
)
def test_a_slip_in_a_file_is_one_line_and_exit_2(capture, mine, old, new, says):
    mine.write_text(mine.read_text().replace(old, new))
    for command in ("claims", "report"):
        result = run(command, capture, "--claims", mine)
        assert result.exit_code == 2 and result.stdout == ""
        assert says in result.stderr and str(mine) in result.stderr and result.stderr.count("\n") == 1


def test_a_variant_that_could_be_measured_and_was_not_is_no_slip(mine, tmp_path):
    """Known to the workload and skipped in this capture: not tested, and the capture's own reason."""
    folder = make_capture(tmp_path / "capture")
    manifest = json.loads((folder / "manifest.json").read_text())
    record = manifest["variants"][0] | {"variant": "sleepy", "status": "skipped", "why": "needs sleep"}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"variants": [*manifest["variants"], record]}))
    mine.write_text(mine.read_text().replace('"foreach"', '"sleepy"'))
    document = strict(run("claims", folder, "--claims", mine, "--json").stdout)
    assert document["claims"][0]["verdict"] == "not-testable"
    assert "sleepy was not measured (skipped: needs sleep)" in document["claims"][0]["why"]


def test_markdown_is_a_table_for_the_docs(capture):
    table = run("claims", capture, "--markdown").stdout
    assert table.startswith("Measured on Made-up GPU")
    assert len([line for line in table.splitlines() if line.startswith("| ")]) == CLAIMS + 2
    assert run("claims", capture, "--markdown", "--json").exit_code == 2
    assert run("claims", capture, "--markdown", "--format", "csv").exit_code == 2
    assert run("claims", capture, "--format", "markdown").stdout == table, "one output, asked for in two ways"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("at_most = 0.5", "at_most = 0.5"), 0),
        (("at_most = 0.5", "at_most = 0.01"), 1),
        # what is open, and what is about another machine, is not refuted
        (('kind = "ratio"', 'kind = "gpu-time"'), 0),
        (('gave = "9', 'measures = "another-machine"\ngave = "9'), 0),
    ],
)
def test_strict_exits_1_where_a_claim_of_ones_own_is_refuted(capture, mine, change, code):
    mine.write_text(mine.read_text().replace(*change))
    if "measures" in change[1]:
        mine.write_text(mine.read_text().replace("at_most = 0.5", "at_most = 0.01"))
    plain, strictly = (run("claims", capture, "--claims", mine, "--json", *more) for more in ([], ["--strict"]))
    assert (plain.exit_code, strictly.exit_code) == (0, code), strictly.stderr
    assert strictly.stdout == plain.stdout, "what was found is printed all the same"


def test_strict_is_for_claims_of_ones_own(capture):
    result = run("claims", capture, "--strict")
    assert result.exit_code == 2 and "--claims" in result.stderr and result.stdout == ""


def test_a_test_that_can_come_out_one_way_only_is_one_line_and_exit_2(capture, mine):
    text = mine.read_text().replace('"ratio"', '"launches"').replace('against = "copy_"', "")
    mine.write_text(text.replace('variant = "foreach"', 'variant = "triton-per-tensor"'))
    result = run("claims", capture, "--claims", mine)
    assert result.exit_code == 2 and "can't come out otherwise" in result.stderr and result.stderr.count("\n") == 1


def test_what_is_no_capture_is_one_line(capture, tmp_path):
    for arguments in ([tmp_path], [capture, tmp_path], [capture, tmp_path / "nothing", tmp_path]):
        result = run("claims", *arguments)
        assert result.exit_code == 2 and "is not a capture" in result.stderr and result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """The made-up capture again, of fifty copies on another GPU; a third one of another workload."""

    def make(name, **changes):
        folder = make_capture(tmp_path_factory.mktemp("more") / name, gpu=changes.pop("gpu", GPU))
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["workload"] |= changes.pop("workload", {})
        manifest["environment"] |= changes
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    return {
        "fifty": make("fifty", workload={"copies": 50}, gpu="GPU <b>|Y"),
        "other": make("other", workload={"name": "row-sums", "says": "sums"}),
    }


def test_several_captures_are_named_with_what_they_measured(capture, another):
    result = run("claims", capture, *another.values())
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and "Measured on Made-up GPU" in lines[0]
    for name in ("capture: made up", "fifty: made up", "other: sums"):
        assert any(line.strip().startswith(name) for line in lines[:8]), lines[:8]
    assert any(" capture: timings.parquet: variant=" in line for line in lines)
    table = run("claims", capture, *another.values(), "--markdown").stdout
    assert len([line for line in table.splitlines() if line.startswith("| ")]) == CLAIMS + 2
    assert [line[:10] for line in table.splitlines() if line.startswith("- ")] == [
        "- capture:",
        "- other: s",
        "- fifty: m",
    ]
    assert "<b>" not in table.replace(r"\<b\>", "") and "95 % interval" not in table.splitlines()[0]


def test_several_captures_as_json(capture, another):
    document = strict(run("claims", capture, another["fifty"], "--json").stdout)
    assert [row["name"] for row in document["captures"]] == ["capture", "fifty"]
    claims = {claim["id"]: claim for claim in document["claims"]}
    assert claims["copy-wins"]["on"].startswith("on Made-up GPU: depends (holds for copy_ against triton-per-tensor")
    batching = claims["batching-needs-20-copies"]
    assert (batching["verdict"], batching["why"]) == ("not-testable", "it needs a sweep"), "captures have no map"
    assert all(row["rows"].startswith("capture: ") for row in claims["copy-wins"]["evidence"])


def test_a_capture_given_twice_is_tested_once(capture):
    once, twice = (run("claims", *[capture] * times, "--json").stdout for times in (1, 2))
    assert once == twice and len(strict(once)["captures"]) == 1


def test_captures_of_other_workloads_only(another):
    for arguments in ([another["other"]], [another["other"], another["other"] / "manifest.json"]):
        document = strict(run("claims", *arguments, "--json").stdout)
        assert {claim["verdict"] for claim in document["claims"]} == {"not-testable"}
        assert "workload small-copies; this one is of row-sums" in document["claims"][0]["why"]


def test_claims_of_ones_own_on_several_captures(capture, another, mine):
    document = strict(run("claims", capture, another["fifty"], "--claims", mine, "--json").stdout)
    assert [(claim["verdict"], claim["on"]) for claim in document["claims"]] == [
        ("supported", "on Made-up GPU and GPU <b>|Y: supported")
    ]
    mine.write_text(mine.read_text().replace('"foreach"', '"fourach"'))
    result = run("claims", capture, another["other"], "--claims", mine)
    assert result.exit_code == 2 and "there is no variant 'fourach'" in result.stderr
