"""The words for probes: made from figures alone, so that other words change no claim, no drawing and nothing that scripts read."""

import json
from dataclasses import replace

import pytest

from launchlens.profiling.probes.catalogue import CATALOGUE
from launchlens.reports.documents import probe_row
from launchlens.reports.figures.backlog import backlog_figure, pairs
from launchlens.reports.figures.ladder import ladder_figure
from launchlens.reports.figures.ladder_steps import ladders
from launchlens.reports.words.claims import name
from launchlens.reports.words.probes import answer, catalogue
from launchlens.reports.words.probes.answer import says, verdict_words
from launchlens.reports.words.probes.catalogue import WORDS, asks, figure_name
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.probe_codes.catalogue import FIGURES
from launchlens.traces.captures.probes import FigureKey, Probe, ProbeFigure, read_probes
from launchlens.traces.captures.recorded import FOLDER
from launchlens.traces.claims.judge import judge
from launchlens.traces.claims.read import note_claims
from launchlens.traces.studies.study import study
from made_probes import LAUNCH_COSTS

ALL = FOLDER / "small-copies-all-h100"


@pytest.fixture(scope="module")
def recorded():
    """What was recorded of every probe; one that no capture that ships holds yet is made."""
    return {LAUNCH_COSTS.id: LAUNCH_COSTS} | dict(read_probes(ALL))


@pytest.fixture(scope="module")
def of_all():
    return study(read_capture(ALL))


@pytest.fixture
def reworded(monkeypatch):
    """Other words for everything that a probe is told in."""
    other = {
        id: replace(
            words,
            asks=f"{id}, asked otherwise?",
            says=lambda probe: "Said otherwise.",
            figure=lambda key: f"a figure {hash(key)}",
            verdict=lambda code: "Another verdict",
        )
        for id, words in WORDS.items()
    }

    def reword():
        for module in (answer, catalogue):
            monkeypatch.setattr(module, "WORDS", other)

    return reword


def drawn(probes):
    """What is drawn of the probes that have a drawing, as the page gets it."""
    steps, times = ladders(probes["launch-ladder"]), pairs(probes["backlog"])
    return [ladder_figure("ladder", steps).plain(), backlog_figure("backlog", times).plain()]


def judged(found):
    return [
        (item.claim.id, item.claim.test, item.verdict, item.on, item.why, tuple(item.evidence))
        for item in judge(found, note_claims())
    ]


def test_other_words_change_no_verdict_no_figure_and_no_drawing(recorded, of_all, reworded):
    rows = {id: json.dumps(figures_of(probe)) for id, probe in recorded.items()}
    before, drawings, told = judged(of_all), drawn(recorded), {id: says(probe) for id, probe in recorded.items()}
    reworded()
    assert judged(of_all) == before and drawn(recorded) == drawings
    assert {id: json.dumps(figures_of(probe)) for id, probe in recorded.items()} == rows
    for id in WORDS:
        assert says(recorded[id]) == "Said otherwise." != told[id]
        assert asks(recorded[id]).endswith("otherwise?") and verdict_words(recorded[id]) == "Another verdict"
    assert says(recorded["held-sms"]) == told["held-sms"]
    shown = [name(each) for item in judge(of_all, note_claims()) for each in item.evidence if each.of_probe is not None]
    assert shown and all(each.startswith("a figure ") for each in shown)


def figures_of(probe):
    """What scripts read of the figures, less the words for them."""
    return [
        [item.what, item.of, item.part, item.to, item.under, item.value, item.unit, item.out_of, item.interval]
        for item in probe_row(probe).figures
    ] + [probe_row(probe).verdict]


def test_there_are_words_for_every_figure_that_was_recorded(recorded):
    for id in WORDS:
        assert {item.what for item in recorded[id].figures} <= FIGURES[id]
        for item in recorded[id].figures:
            assert figure_name(id, item) != str(item.key), item
        names = [figure_name(id, item) for item in recorded[id].figures]
        assert len(set(names)) == len(names)


def test_a_figure_without_words_is_called_by_its_fields():
    key = FigureKey(what="speed", of="copy_", part="loop", to="triton", under="eager")
    assert figure_name("backlog", key) == figure_name("other", key) == "speed loop of copy_ to triton, eager"


@pytest.mark.parametrize("id", CATALOGUE)
def test_a_probe_without_figures_is_told_without_them(id):
    text = says(Probe(id, verdict="x", control="passed"))
    assert "None" not in text and "{" not in text


@pytest.mark.parametrize("id", CATALOGUE)
def test_what_is_told_does_not_stand_in_brackets_in_brackets(recorded, id):
    depth, deepest = 0, 0
    for character in says(recorded[id]):
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    assert deepest <= 1 or "()" in says(recorded[id])


def test_a_step_below_zero_has_the_sign_that_people_write():
    figures = (
        ProbeFigure(what="ladder-whole", of="triton", value=1000.0, unit="ns"),
        ProbeFigure(what="ladder-step", of="triton", part="hooks", value=-300.0, unit="ns"),
    )
    probe = Probe("launch-ladder", verdict="triton: hooks", control="passed", figures=figures)
    assert says(probe) == "One call of triton takes the host 1.00 µs: hooks −0.300 µs (−30.0 %)."
