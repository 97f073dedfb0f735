"""The data gate: what ships raises nothing, each doctored capture is refused or warned of with its own code, and sides lose by it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import doctored
import pandas as pd
import pytest
from doctored import BASELINE, OTHER, Doctored
from same_bytes import worked_out_once
from typer.testing import CliRunner

import shipped
from launchlens.cli import app
from launchlens.reports.words.verdict import sentences
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.recorded import all_recorded
from launchlens.traces.documents.findings import Finding, Why
from launchlens.traces.gate.catalogue import RECORDED, SIDES, TIMED
from launchlens.traces.gate.rounds import copied
from launchlens.traces.gate.timed import Timed
from launchlens.traces.problems import MEANINGS, InputError
from launchlens.traces.studies.study import Study, study
from launchlens.traces.studies.verdict import verdict

CHECKS = (*TIMED, *RECORDED, *SIDES)
TIMINGS, EAGER, GRAPH = "timings.parquet", *doctored.TRACES.values()


@dataclass(frozen=True)
class Case:
    """One kind of doctored capture: what must be met where, and which sides lose what (`verdict`, `recording`) by it."""

    make: Callable[[Doctored], None]
    code: str
    where: str = TIMINGS
    takes: str = "nothing"
    sides: tuple[tuple[str, str], ...] = ()


@pytest.fixture(scope="module", autouse=True)
def most_traces_are_as_they_were():
    """Most doctored captures keep a trace as it was."""
    with worked_out_once():
        yield


def both(variant: str) -> tuple[tuple[str, str], ...]:
    return (variant, "eager"), (variant, "graph")


#: Captures of which nothing may be said at all: exit code 2.
REFUSED = (
    (doctored.rounds_shuffled, "blocks-out-of-order"),
    (doctored.times_shuffled, "blocks-overlap"),
    (doctored.rows_doubled, "the same block twice"),
    (doctored.rounds_under_new_numbers, "rounds-copied"),
    (doctored.rows_of_another_machine, "blocks-overlap"),
    (doctored.rounds_of_another_machine, "iterations-disagree"),
    (doctored.rounds_of_another_machine, "rows-of-two-runs"),
    (doctored.manifest_of_another_gpu, "other-gpu"),
    (doctored.timer_of_a_millisecond, "timer-coarse"),
)
SEEN = (
    Case(doctored.kernels_dropped, "gpu-records-missing", EAGER, "recording", ((OTHER, "eager"),)),
    Case(doctored.iterations_gone, "iterations-missing", EAGER, "recording", ((BASELINE, "eager"),)),
    Case(doctored.clock_fell, "clock-moved"),
    Case(doctored.ten_minutes_later, "timed-apart", takes="verdict", sides=((OTHER, "eager"),)),
    Case(doctored.one_block_long, "blocks-far-off"),
    Case(doctored.a_third_long, "blocks-unsteady"),
    Case(doctored.records_doubled, "gpu-records-doubled", EAGER, "recording", ((OTHER, "eager"),)),
    Case(doctored.throttled, "pace-changed"),
    Case(doctored.device_five_times, "device-beyond-wall", takes="verdict", sides=((OTHER, "graph"),)),
    Case(doctored.host_twice, "host-beyond-wall", takes="verdict", sides=((BASELINE, "graph"),)),
    Case(doctored.iterations_said_otherwise, "iterations-disagree", takes="verdict", sides=both(OTHER)),
    Case(doctored.gpu_clock_late, "gpu-clock-off", EAGER, "recording", both(BASELINE)),
    Case(doctored.gpu_clock_early, "gpu-clock-off", EAGER, "recording", ((BASELINE, "eager"),)),
    Case(doctored.no_durations, "gpu-time-zero", EAGER, "recording", both(OTHER)),
    Case(doctored.durations_doubled, "gpu-work-overlaps", GRAPH, "recording", ((BASELINE, "graph"),)),
    Case(doctored.eager_durations_doubled, "regimes-apart", EAGER, "recording", ((OTHER, "eager"),)),
    Case(doctored.half_the_rounds, "rounds-incomplete"),
    Case(doctored.names_swapped, "names-out-of-order", EAGER, "recording", (*both(BASELINE), *both(OTHER))),
    Case(doctored.names_swapped, "recorded-faster", EAGER, "recording", ((BASELINE, "eager"),)),
    Case(doctored.like_names_swapped, "names-out-of-order", EAGER, "recording", both("triton-per-tensor")),
    Case(doctored.paused, "timing-interrupted"),
    Case(doctored.rounds_lost, "rounds-disagree"),
    Case(doctored.one_block_has_more, "counts-differ", EAGER, "recording", ((BASELINE, "eager"),)),
    Case(doctored.quick_beyond_the_device, "busy-beyond-wall", GRAPH, "recording", ((BASELINE, "graph"),)),
    Case(doctored.slow_beyond_the_recorder, "recorded-faster", EAGER, "recording", ((BASELINE, "eager"),)),
)


def made(case: Callable[[Doctored], None], folder: Path) -> Path:
    parts = Doctored()
    case(parts)
    return parts.write(folder)


@pytest.mark.parametrize("path", all_recorded(), ids=lambda path: path.name)
def test_what_ships_contradicts_itself_in_nothing(path):
    worst = {each.problem.severity for each in shipped.worked_out(path.name).gate.stopped}
    assert worst <= {"info"}


def test_the_capture_that_is_doctored_is_sound_before(tmp_path):
    found = study(read_capture(made(lambda parts: None, tmp_path / "capture")))
    assert found.gate.stopped == []
    assert {(side.refused, side.withheld) for side in found.sides.values()} == {((), ())}


@pytest.mark.parametrize(("case", "said"), REFUSED, ids=lambda each: getattr(each, "__name__", each))
def test_of_what_can_not_be_of_one_run_no_verdict_is_made(case, said, tmp_path):
    folder = made(case, tmp_path / "capture")
    result = CliRunner().invoke(app, ["report", str(folder), "--json"])
    assert result.exit_code == 2 and result.stdout == ""
    assert said in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize("case", SEEN, ids=lambda case: f"{case.make.__name__}-{case.code}")
def test_a_doctored_capture_is_seen_through(case, tmp_path):
    found = study(read_capture(made(case.make, tmp_path / "capture")))
    (problem,) = [each for each in found.problems[case.where] if each.code == case.code]
    assert problem.count >= 1 and problem.meaning.startswith(MEANINGS[case.code][1].removesuffix("."))
    findings = verdict(found)
    said = [each for each in findings if each.code == "unsound-data"]
    if problem.severity == "info":
        assert case.code not in {each.figures.problem for each in said}
        return
    assert findings[: len(said)] == said, "before all others"
    assert {(each.figures.problem, each.figures.takes) for each in said} >= {(case.code, case.takes)}
    first = next(sentence for sentence in sentences(findings) if case.code in sentence.text)
    assert first.weight == "first" and MEANINGS[case.code][1][:40] in first.text
    assert ("Unsound data" in first.text) == (problem.severity == "error")
    for of in case.sides:
        _has_lost(found, findings, of, case)


def _has_lost(found: Study, findings: Sequence[Finding], of: tuple[str, str], case: Case) -> None:
    side = found.sides[of]
    assert case.code in (side.refused if case.takes == "verdict" else side.withheld)
    assert side.recording is None and side.bound == "unknown" and side.busy_share is None and side.inflation is None
    assert found.explained(side) is None
    compared = [item for item in found.against_baseline if of in ((item.a.variant, of[1]), (item.b.variant, of[1]))]
    mine = [item for item in compared if of[1] == item.b.regime]
    assert mine
    assert all(item.difference is None for item in mine)
    why = [each.figures for each in findings if isinstance(each, Why) and each.regime == of[1]]
    assert of[0] not in {name for figures in why for name in (figures.variant, figures.baseline)}
    if case.takes == "verdict":
        assert {item.verdict for item in mine} == {"not-comparable"} and all(
            "data-refused" in item.reasons for item in mine
        )
        assert of[0] not in {side.variant for side in found.winners(of[1])}
    else:
        assert all("data-withheld" in item.reasons for item in mine)
        assert {item.verdict for item in mine} <= {"faster", "slower", "equivalent", "no-difference-shown"}, (
            "times are compared all the same"
        )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_each_check_has_a_code_a_sentence_a_severity_that_fits_and_a_case(check):
    severity, sentence = MEANINGS[check.code]
    assert (severity == "error") == (check.takes != "nothing") and sentence.endswith(".")
    elsewhere = {"light-launches-differ"}  # `test_simulated.py`
    assert check.code in {case.code for case in SEEN} | {code for _, code in REFUSED} | elsewhere


def test_what_was_met_is_shown_first_everywhere(tmp_path):
    folder = made(doctored.names_swapped, tmp_path / "capture")
    shown = CliRunner().invoke(app, ["report", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("Unsound data in torch/eager.pt.trace.json.gz")
    page = (folder / "report.html").read_text()
    body = page[page.index("<main") :]
    assert body.index("names-out-of-order") < body.index("is fastest")
    document = json.loads(CliRunner().invoke(app, ["report", str(folder), "--json", "--force"]).stdout)
    assert document["verdict"][0]["code"] == "unsound-data"
    (row,) = [row for row in document["problems"][EAGER] if row["code"] == "names-out-of-order"]
    assert row["severity"] == "error" and row["count"] >= 1 and "swapped" in row["meaning"]


def test_a_capture_of_which_no_time_may_be_compared_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="contradicts itself, so no verdict is made of it"):
        study(read_capture(made(doctored.manifest_of_another_gpu, tmp_path / "capture")))


def test_two_blocks_of_few_alike_are_no_copies_and_three_are():
    """Five rounds on a CPU, as they came: two blocks had the times of another one to the ns."""
    wall = {
        ("copy_", True, "short"): [11766, 5898, 6034, 18676, 6728],
        ("copy_", True, "long"): [20406, 11633, 22514, 11537, 25724],
        ("copy_", False, "short"): [5972, 5941, 5986, 15302, 5941],
        ("copy_", False, "long"): [11699, 29588, 12792, 11671, 23113],
        ("foreach", False, "short"): [9315, 4834, 4867, 5692, 8050],
        ("foreach", False, "long"): [9403, 10333, 9327, 9374, 9374],
    }

    def met(times):
        rows = [
            {"round": number, "position": place, "variant": variant, "regime": "eager", "control": control,
             "length": length, "recorder": "off", "host_ns": each, "wall_ns": each, "device_ns": None}
            for place, ((variant, control, length), of_round) in enumerate(times.items())
            for number, each in enumerate(of_round)
        ]  # fmt: skip
        return copied(Timed(read_capture(all_recorded()[0]).manifest, pd.DataFrame(rows)))

    assert met(wall) == []
    wall["copy_", True, "short"][1] = 6728
    (found,) = met(wall)
    assert found.count == 3
