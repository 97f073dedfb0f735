"""Sentences say what the findings hold, with the figures; numbers are written as people read them."""

import re

import pytest

from launchlens.reports.words.verdict import sentences
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.documents.findings import (
    BoundBy,
    BoundFigures,
    NotMeasured,
    NotMeasuredFigures,
    WinnerChanges,
    WinnerFigures,
)
from launchlens.traces.studies.study import study
from launchlens.traces.studies.verdict import verdict
from launchlens.traces.units import (
    count,
    duration,
    interval,
    percent,
    signed_duration,
    significant,
    size,
    times,
)
from made_capture import make_capture


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    made = study(read_capture(make_capture(tmp_path_factory.mktemp("made") / "capture")))
    return sentences(verdict(made))


def test_the_headlines_name_the_winners_with_their_figures(said):
    headlines = [sentence.text for sentence in said if sentence.weight == "headline"]
    assert re.match(
        r"Called eagerly, foreach is fastest: 10\.1 µs per iteration \(95 % interval .* µs\), 3\.33 × as fast as copy_ at 33\.5 µs",
        headlines[0],
    )
    assert headlines[1].startswith("Replayed as a CUDA graph, triton-batched is fastest: 3.02 µs")
    assert headlines[2] == "The winner changes with the regime (eager: foreach; graph: triton-batched)."


def test_why_names_the_parts_and_the_launches(said):
    why = {(sentence.code, sentence.regime): sentence.text for sentence in said}
    per_tensor = next(s.text for s in said if s.code == "why" and "triton-per-tensor" in s.text and s.regime == "eager")
    assert (
        "triton-per-tensor spends 21.2 µs more per iteration than copy_ (33.5 µs more without the profiler): "
        in per_tensor
    )
    assert "+31.5 µs Python and launcher code" in per_tensor and "−10.5 µs framework dispatch" in per_tensor
    assert "It makes 7 launches of 2.50 µs each, copy_ 7 launches of 2.50 µs each" in per_tensor
    assert ("control", "eager") in why and ("inflation", "graph") in why


def test_a_tie_is_not_called_a_win(said):
    text = next(
        s.text for s in said if s.code == "against-baseline" and "triton-per-tensor" in s.text and s.regime == "graph"
    )
    assert "triton-per-tensor and copy_ are equivalent" in text


def test_every_sentence_of_figures_says_where_they_stand(said):
    assert {sentence.anchor for sentence in said} <= {"timing", "account", "difference", "environment"}
    assert [sentence.weight for sentence in said] == sorted(
        (sentence.weight for sentence in said), key=["headline", "plain", "caveat"].index
    )


def test_what_was_not_measured_is_said_once_a_reason():
    rows = [
        NotMeasured(regime=r, figures=NotMeasuredFigures(variant=v, status="skipped", why="needs cuda"))
        for v in "ab"
        for r in ("eager", "graph")
    ]
    assert [s.text for s in sentences(rows)] == [
        "Not measured: a (eager), a (graph), b (eager) and b (graph), skipped: needs cuda."
    ]


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (-0.4, "0 ns"),
        (87.4, "87 ns"),
        (750, "0.750 µs"),
        (99_960, "100 µs"),
        (9_996, "10.0 µs"),
        (28_700, "28.7 µs"),
        (40_850, "40.9 µs"),
        (235_000, "235 µs"),
        (1_240_000, "1.24 ms"),
        (3.1e9, "3.10 s"),
        (-1500, "-1.50 µs"),
    ],
)
def test_durations_have_three_digits_and_a_unit(ns, text):
    assert duration(ns) == text


def test_other_numbers():
    assert (signed_duration(12_150), signed_duration(-12_150)) == ("+12.2 µs", "−12.2 µs")
    assert (times(2.2449), percent(0.0123), percent(0.873), count(7.0), count(1.5)) == (
        "2.24 ×",
        "1.2 %",
        "87 %",
        "7",
        "1.50",
    )
    assert (size(999), size(84_182), size(1_200_000)) == ("999 bytes", "84.2 kB", "1.20 MB")
    assert (significant(0), significant(1234.5)) == ("0", "1234")
    assert float(significant(1.795e308)) == 1.795e308  # at three digits it is more than a float holds
    assert interval(None) == "no interval"
    assert interval((1.0001, 1.0004)) == "1.0001 – 1.0004", "more digits where the ends would look the same"


def test_of_many_variants_a_sentence_counts_and_the_table_names():
    figures = {"host_share": 0.98, "gpu_busy_share": 0.2, "wall_ns": 10_000.0, "gpu_busy_ns": 2_000.0}
    bounds = [("host-bound", 3), ("device-bound", 2), ("mixed", 1)]
    found = [
        BoundBy(regime="graph", figures=BoundFigures(variant=f"{bound}-{number}", bound=bound, **figures))
        for bound, count in bounds
        for number in range(count)
    ]
    (sentence,) = sentences(found)
    assert sentence.text == (
        "Replayed as a CUDA graph, 3 of 6 variants are host-bound (the GPU waits for the host), 2 device-bound (the host waits for the GPU)"
        " and 1 mixed (neither side waits for the other throughout): submitting takes 98 % of the time, and GPU work fills 20 % of it."
    )
    (sentence,) = sentences([finding for finding in found if finding.figures.bound == "host-bound"] * 2)
    assert sentence.text.startswith(
        "Replayed as a CUDA graph, all 6 variants are host-bound (the GPU waits for the host): "
    )
    assert len(sentences(found[2:])) == 3, "of few variants each kind of bound is a sentence that names them"


def test_of_many_winners_the_first_is_named():
    names = [f"variant-{number}" for number in range(6)]
    winners = {"eager": ["foreach"], "graph": names}
    finding = WinnerChanges(regime=None, figures=WinnerFigures(winners=winners, common=[], flips=[]))
    assert (
        sentences([finding])[0].text
        == "The winner changes with the regime (eager: foreach; graph: variant-0 and 5 more)."
    )
