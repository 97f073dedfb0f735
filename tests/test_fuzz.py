"""A little of the fuzzer at every run, always the same cases; `python tests/fuzz/run.py` runs as many as one likes."""

import json
import os
import signal
from pathlib import Path
from time import monotonic

import pytest
from fuzz import every_place, kills, run
from fuzz.seeds import KINDS
from typer.main import get_command

from launchlens.cli import app
from launchlens.profiling.new_capture import new_folder, unless_empty

#: Cases of kinds of which most are opened, and then take long; of the others most are refused at once. `run.py` tries many more.
FEW = {"kineto": 12, "nsys": 12, "nsys_tables": 12, "capture": 4}


@pytest.mark.parametrize("kind", list(KINDS))
def test_changed_inputs_break_nothing(kind):
    result = run.Result()
    for number in range(FEW.get(kind, 25)):
        run.case(kind, number, result)
    assert result.findings == []
    assert result.opened >= result.cases // 4, "mutations that nothing survives try nothing"


def test_a_finding_is_told_from_an_input_that_is_refused(tmp_path, monkeypatch):
    broken = run.Result()
    monkeypatch.setattr(run, "trace_opened", lambda path, result: run.run(result, "analyze", path, codes=(0,)))
    monkeypatch.setattr("fuzz.mutate.mutate", lambda path, rng: Path(path).write_text("no trace"))
    run.case("kineto", 0, broken, tmp_path)
    assert len(broken.findings) == 1 and broken.findings[0].startswith("kineto:0: analyze ended with 2")
    assert (tmp_path / "kineto-0" / "why.txt").is_file() and len(list((tmp_path / "kineto-0").iterdir())) == 2


def raises(*given, **more):
    raise KeyError("planted")


def never_ends(*given, **more):
    while True:
        pass


@pytest.mark.parametrize(
    ("where", "fault", "said"),
    [
        ("launchlens.reports.writers.html.html", raises, "analyze ended with 70"),
        ("launchlens.reports.writers.terminal.write", raises, "KeyError: 'planted'"),
        ("launchlens.traces.comparisons.compare.compare_measured", raises, "compare ended with 70"),
        ("launchlens.traces.analysis.answers", never_ends, "takes longer than 0.5 s"),
    ],
)
def test_a_planted_fault_is_found(monkeypatch, where, fault, said):
    """What a command does wrong with an input that it reads is found, whichever of its parts does it."""
    result = run.Result()
    monkeypatch.setattr(where, fault)
    monkeypatch.setattr(run, "LONGEST_S", 0.5 if fault is never_ends else run.LONGEST_S)
    run.case("kineto", 1, result)
    assert len(result.findings) == 1 and said in result.findings[0]


def test_a_process_that_dies_is_a_finding_and_the_others_go_on(monkeypatch):
    def dies(kind, number, result, keep=None):
        result.cases += 1
        if number == 3:
            os._exit(11)

    monkeypatch.setattr(run, "case", dies)
    total = run.all_of(run.cases(0, 60), workers=2, until=monotonic() + 60, keep=None)
    assert [finding.partition(":")[2] for finding in total.findings] == ["3: its process died with 11"]
    assert total.cases == 60 - run.AT_ONCE


def test_cases_are_the_same_wherever_they_run():
    assert run.cases(0, 300)[200:] == run.cases(200, 100)
    assert {kind for kind, _ in run.cases(0, 300)} == set(KINDS)


def test_every_place_is_changed_to_every_value(tmp_path):
    chosen = every_place.changes(["manifest.json"])
    assert len({*chosen}) == len(chosen)
    of_name = [each for each in chosen if each.place == ("workload", "name")]
    assert {each.value for each in of_name} == {None, *range(len(every_place.VALUES))}
    for number, each in enumerate(of_name):
        said = json.loads((every_place.changed(each, tmp_path / str(number)) / "manifest.json").read_text())
        assert ("name" in said["workload"]) == (each.value is not None)


def test_what_a_place_breaks_is_found(monkeypatch):
    change = every_place.Change("manifest.json", ("workload", "copies"), 3)
    well = every_place.tried(change)
    assert (well.opened, well.findings) == (1, [])
    refused = every_place.tried(every_place.Change("sweep.json", ("axes",), None))
    assert (refused.opened, refused.findings) == (0, [])
    monkeypatch.setattr("launchlens.reports.writers.html.html", raises)
    (found,) = every_place.tried(change).findings
    assert found.startswith("manifest.json, workload.copies, value 3: report ended with 70")


def test_commands_that_are_killed_leave_nothing_half_written(tmp_path):
    writing = [each for each in kills.writings(tmp_path) if each.name == "scrub of Kineto"]
    assert [each.fault for each in kills.tries(writing, 3)] == [None] * 3


def test_every_command_that_writes_is_killed(tmp_path):
    outputs = {"--output", "--html", "--tables", "--junit"}
    writes = {
        (name, option)
        for name, command in get_command(app).commands.items()
        for option in outputs & {each for parameter in command.params for each in parameter.opts}
    }
    short = {"-o": "--output"}
    killed = {
        (each.arguments[0], short.get(word, word)) for each in kills.writings(tmp_path) for word in each.arguments
    }
    assert writes - killed == set()


def test_what_is_left_half_written_is_told():
    whole = {"a.html": "1"}
    assert kills.wrong(signal.SIGKILL, -9, "", {}, whole) is None
    assert kills.wrong(signal.SIGKILL, -9, "", {".a.html.x": "2"}, whole) is None
    assert "left behind" in kills.wrong(signal.SIGTERM, 143, "", {".a.html.x": "2"}, whole)
    assert "not what" in kills.wrong(signal.SIGKILL, -9, "", {"a.html": "2"}, whole)
    assert "missing" in kills.wrong(signal.SIGINT, 0, "", {}, whole)
    assert "ended with 70" in kills.wrong(signal.SIGINT, 70, "cli.py", {}, whole)


def test_a_new_folder_goes_where_nothing_came_to_stand_in_it(tmp_path):
    for name, holds in (("empty", False), ("used", True)):
        with pytest.raises(KeyboardInterrupt), unless_empty(new_folder(tmp_path / name, "")):
            if holds:
                (tmp_path / name / "manifest.json").write_text("{}")
            raise KeyboardInterrupt
    assert [each.name for each in tmp_path.iterdir()] == ["used"]
