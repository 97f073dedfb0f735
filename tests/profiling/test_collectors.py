"""Collectors are alike to a run: one that is added here is asked, written down and shown as those that ship are."""

from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.kernels.registry import variants, workloads
from launchlens.profiling.collectors.catalogue import CATALOGUE, USUAL, chosen
from launchlens.profiling.collectors.collector import Collector
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.environment import Examined
from launchlens.profiling.run import Plan, run
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.studies.study import study
from made_capture import make_trace


class MadeUp(Collector):
    """Writes a trace that was made by hand, as Kineto writes them, and notes what it was asked."""

    name = "made-up"
    label = "A Made-up Recorder"

    def __init__(self, fault=None):
        self.fault = fault
        self.jobs = []

    def check(self, device):
        if self.fault is not None:
            raise self.fault

    def record(self, job, advance):
        self.jobs.append(job)
        place = job.folder / self.name / f"{job.regime}.json.gz"
        place.parent.mkdir(exist_ok=True)
        make_trace(place, job.regime, job.variants)
        advance(job.rounds + 1)
        return self.kept(job, place.name, {name: 1000.0 for name in job.variants})

    def examined(self):
        return Examined(self.name, True, "7.0", "profile --collector made-up", None)

    def before_sharing(self, capture, traces):
        return f"{traces[0].path} tells what was made up" if traces else None


@pytest.fixture
def made_up(monkeypatch):
    """Adds the collector: its class, and its row in the catalogue."""
    collector = MadeUp()
    monkeypatch.setitem(CATALOGUE, collector.name, collector)
    return collector


class Steps:
    def __init__(self):
        self.seen = []

    @contextmanager
    def step(self, text, total):
        self.seen.append(text)
        yield lambda done: None


def small_copies():
    return next(spec for spec in workloads() if spec.name == "small-copies")


def plan(*collectors):
    made = [each for each in variants("small-copies") if each.name in ("copy_", "foreach")]
    settings = {"rounds": 6, "iterations": 3, "recorded_rounds": 4, "recorded_iterations": 5, "seed": 3}
    return Plan(small_copies(), made, "cpu", collectors=collectors, **settings)


def measured(tmp_path, *arguments):
    quick = ["--rounds", "5", "--iterations", "20", "--variant", "foreach", "--output", str(tmp_path / "capture")]
    return CliRunner().invoke(app, ["profile", "--device", "cpu", *quick, *arguments])


def test_one_that_is_added_records_and_is_written_down(made_up, tmp_path):
    pytest.importorskip("torch", reason="measuring needs torch")
    steps = Steps()
    run(plan(made_up), tmp_path, steps)
    (job,) = made_up.jobs
    assert (job.variants, job.regime, job.device, job.seed) == (["copy_", "foreach"], "eager", "cpu", 3)
    assert (job.rounds, job.iterations, job.folder) == (4, 5, tmp_path)
    assert "recording under A Made-up Recorder (eager)" in steps.seen
    capture = read_capture(tmp_path)
    (record,) = capture.manifest.traces
    assert (record.collector, record.label, record.path) == ("made-up", made_up.label, "made-up/eager.json.gz")
    assert (record.rounds, record.iterations, record.problem) == (4, 5, None)
    found = study(capture)
    assert set(found.recordings) == {("made-up", "copy_", "eager"), ("made-up", "foreach", "eager")}
    # what a made recorder says may contradict the real times, and the data gate then withholds it from the side
    assert found.recordings["made-up", "copy_", "eager"].per_block["activities"].tolist() == [35] * 4


def test_the_command_line_knows_it_and_the_report_shows_it(made_up, tmp_path):
    pytest.importorskip("torch", reason="measuring needs torch")
    result = measured(tmp_path, "--collector", "made-up", "--collector", "torch")
    assert result.exit_code == 0, result.output
    assert "launchlens: made-up/eager.json.gz tells what was made up" in result.stderr
    assert [each.collector for each in read_capture(tmp_path / "capture").manifest.traces] == ["torch", "made-up"]
    assert "recorders compared" in result.stdout.lower() and "made-up" in result.stdout
    page = (tmp_path / "capture" / "report.html").read_text()
    assert "made-up/eager.json.gz" in page


def test_what_it_could_not_record_is_said_by_its_label(made_up, tmp_path):
    pytest.importorskip("torch", reason="measuring needs torch")
    made_up.fault = CollectorError("its pencil is blunt", for_good=True)
    result = measured(tmp_path, "--collector", "made-up")
    assert result.exit_code == 0 and made_up.jobs == []
    assert "A Made-up Recorder recorded nothing (eager): its pencil is blunt" in result.stderr
    page = (tmp_path / "capture" / "report.html").read_text()
    assert "Not recorded with A Made-up Recorder (eager): its pencil is blunt" in page
    traces = read_capture(tmp_path / "capture").manifest.traces
    assert [(each.collector, bool(each.problem)) for each in traces] == [("made-up", True), (USUAL.name, False)]


def test_doctor_and_the_choices_name_it(made_up):
    assert "made-up" in CliRunner().invoke(app, ["doctor"]).stdout
    refused = CliRunner().invoke(app, ["profile", "--collector", "perf"])
    assert refused.exit_code == 2 and "none of torch, nsys, cupti, made-up, all" in " ".join(refused.stderr.split())
    assert chosen(["all"])[-1] is made_up


def test_the_catalogue_names_each_once_and_the_usual_one_first():
    assert list(CATALOGUE) == [each.name for each in CATALOGUE.values()]
    assert next(iter(CATALOGUE.values())) is USUAL
    assert len({each.label for each in CATALOGUE.values()}) == len(CATALOGUE)
    assert chosen(["cupti", "torch", "torch"]) == [USUAL, CATALOGUE["cupti"]] and chosen([]) == []
    with pytest.raises(KeyError, match="nix"):
        chosen(["torch", "nix"])
