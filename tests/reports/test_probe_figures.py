"""The drawings of the probes launch-ladder and backlog: what they are given, and when there is none. Figures are made up."""

from itertools import pairwise

import pytest

import made_probes
from launchlens.reports.blocks import Figure, Legend, drawings, tables
from launchlens.reports.figures.backlog import DEVICE, EAGER, backlog_figure, pairs
from launchlens.reports.figures.drawing import GREY, log_axis
from launchlens.reports.figures.ladder import ladder_figure
from launchlens.reports.figures.ladder_steps import COLOURS, LADDERS, STEPS, ladders
from launchlens.reports.sections.probes import entry, probes_section
from launchlens.traces.captures.probes import Probe, ProbeFigure
from made_probes import BACKLOG, LADDER, with_figures


def ns(value, interval=None, unit="ns", **fields):
    return ProbeFigure(**fields, value=value, unit=unit, interval=interval)


def whole(of, value, **more):
    return ns(value, what="ladder-whole", of=of, **more)


def step(of, part, value, **more):
    return ns(value, what="ladder-step", of=of, part=part, **more)


def residual(of, value):
    return ns(value, what="residual", of=of)


def times(device, eager, of_device=None, of_eager=None):
    """The two times of one variant, with their intervals."""
    return [
        ns(device, of_device, what="device-time", of="v", under="backlog"),
        ns(eager, of_eager, what="wall-time", of="v", under="eager"),
    ]


def drawn(probe):
    """What is drawn of a probe on the page: its figure, or None."""
    found = [block for block in entry(probe).details if isinstance(block, Figure)]
    assert len(found) <= 1
    return found[0] if found else None


def legends(probe):
    """The texts and colours of each legend, by its label."""
    blocks = [block for block in entry(probe).details if isinstance(block, Legend)]
    return {block.label: {text: colour for colour, text, _ in block.entries} for block in blocks}


# -- the ladder


def test_a_ladder_is_its_whole_its_steps_and_the_residual():
    copy, triton = ladders(LADDER)
    assert [(step.name, step.ns) for step in copy.steps] == [
        *(("loop", 100.0), ("dispatch", 2000.0), ("API call", 2300.0), ("residual", 200.0)),
    ]
    assert (copy.name, copy.whole_ns, copy.gap_ns) == (".copy_()", 4600.0, 0.0)
    # a whole under another condition is in no sum
    assert [step.name for step in triton.steps] == ["loop", "binding", "look-up", "hooks", "API call", "residual"]
    assert triton.gap_ns == 0.0


def test_bars_stand_end_to_end_and_their_ends_leave_the_whole():
    found = ladders(LADDER)
    data = ladder_figure("x", found).plain()["data"]
    bars = [trace for trace in data if trace["type"] == "bar"]
    (wholes,) = [trace for trace in data if trace["type"] == "scatter"]
    for row, ladder in enumerate(found):
        mine = [(bar["base"][0], bar["x"][0]) for bar in bars if int(bar["y"][0]) == row]
        assert len(mine) == len(ladder.steps)
        up, down = [it for it in mine if it[1] >= 0], [it for it in mine if it[1] < 0]
        for part in (up, down):
            assert all(base + length == pytest.approx(after) for (base, length), (after, _) in pairwise(part))
            assert not part or part[0][0] == 0
        assert (
            sum(length for _, length in mine)
            == pytest.approx(wholes["x"][row])
            == pytest.approx(ladder.whole_ns / 1000)
        )
    assert wholes["error_x"]["array"] == pytest.approx([0.092, 0.26])
    assert "launch" in ladder_figure("x", found).says and "4.60 µs" in ladder_figure("x", found).says


def test_a_step_has_one_colour_in_all_ladders_and_no_two_of_a_ladder_share_one():
    found = ladders(LADDER)
    colours = {(step.name, step.colour) for ladder in found for step in ladder.steps}
    assert len({name for name, _ in colours}) == len(colours)
    assert ("residual", GREY) in colours
    names = {ladder: [f"{ladder} {at}" for at in range(len(COLOURS))] for ladder in "abc"}
    many = [it for of, parts in names.items() for it in (whole(of, 12.0), *(step(of, part, 1.0) for part in parts))]
    for ladder in ladders(with_figures(LADDER, many)):
        assert len({step.colour for step in ladder.steps}) == len(COLOURS)


def test_steps_that_do_not_add_up_are_said_to():
    short = [whole("a", 1000.0), step("a", "x", 600.0), residual("a", 100.0), whole("b", 10.0), step("b", "x", 10.0)]
    notes = drawn(with_figures(LADDER, short)).notes
    assert [note for note in notes if "add up" in note] == ["The steps of a don’t add up to it: +0.300 µs is missing."]
    assert not [note for note in drawn(LADDER).notes if "add up" in note]
    assert any("left of the line" in note for note in drawn(LADDER).notes)


def test_a_figure_belongs_to_the_ladder_that_it_names():
    figures = [whole("a", 5.0), whole("a: b", 7.0), step("a: b", "y", 7.0), step("a", "x", 5.0)]
    assert [(it.name, [step.name for step in it.steps]) for it in ladders(with_figures(LADDER, figures))] == [
        *(("a", ["x"]), ("a: b", ["y"])),
    ]


@pytest.mark.parametrize(
    "figures",
    [
        [],
        [whole("a", 5.0)],
        [step("a", "x", 5.0), residual("a", 1.0)],
        [whole("a", None), step("a", "x", 5.0)],
        [whole("a", 1e300), step("a", "x", 5.0)],
        [whole("a", 5.0, unit="ratio"), step("a", "x", 5.0, unit="ratio")],
        [whole("a", 5.0, under="no-hooks"), step("a", "x", 5.0)],
    ],
    ids=["nothing", "no steps", "no whole", "unknown whole", "no time", "other unit", "another condition"],
)
def test_without_whole_and_steps_there_is_no_ladder(figures):
    assert ladders(with_figures(LADDER, figures)) == [] and drawn(with_figures(LADDER, figures)) is None


def test_more_ladders_and_steps_than_can_be_drawn_are_counted():
    figures = [whole(f"l{at}", 90.0) for at in range(50)]
    figures += [step(f"l{at}", str(number), 1.0) for at in range(50) for number in range(90)]
    found = ladders(with_figures(LADDER, figures))
    assert len(found) == LADDERS and {len(it.steps) for it in found} == {STEPS} and found[0].left_out == 90 - STEPS
    notes = drawn(with_figures(LADDER, figures)).notes
    assert f"At most {STEPS} steps of a ladder are drawn: {LADDERS * (90 - STEPS):,} are not." in notes


def test_the_legend_says_each_step_with_its_time():
    found = legends(LADDER)
    assert list(found) == ["Steps of .copy_()", "Steps of Triton"]
    assert "hooks −0.300 µs" in found["Steps of Triton"]
    assert list(found["Steps of .copy_()"].values())[-1] == GREY


# -- the backlog


def test_two_dots_a_variant_with_whiskers_at_their_intervals():
    found = pairs(BACKLOG)
    assert [pair.variant for pair in found] == ["copy_", "foreach"]
    device, eager = backlog_figure("x", found).plain()["data"]
    assert (device["name"], device["x"], device["y"]) == (DEVICE, [6.7, 1.4], [0.56, 1.56])
    assert (eager["name"], eager["x"], eager["y"]) == (EAGER, [41.0, 8.0], [0.8, 1.8])
    assert device["error_x"]["array"] == pytest.approx([0.134, 0.028])
    assert eager["error_x"]["arrayminus"] == pytest.approx([0.82, 0.16])
    assert [list(texts) for texts in legends(BACKLOG).values()] == [[DEVICE, EAGER]]


def test_the_axis_is_logarithmic_only_where_the_range_needs_it():
    assert backlog_figure("x", pairs(BACKLOG)).plain()["layout"]["xaxis"]["type"] == "log"
    near = times(3000.0, 4000.0)
    axis = backlog_figure("x", pairs(with_figures(BACKLOG, near))).plain()["layout"]["xaxis"]
    assert axis.get("type", "linear") == "linear" and axis["range"][0] == 0


def test_a_whisker_past_zero_ends_with_a_logarithmic_axis():
    wide = times(1000.0, 40_000.0, of_device=(-50.0, 1500.0), of_eager=(39_000.0, 39_500.0))
    device, eager = backlog_figure("x", pairs(with_figures(BACKLOG, wide))).plain()["data"]
    assert device["error_x"]["arrayminus"] == pytest.approx([0.2]) and eager["error_x"]["array"] == [0.0]


@pytest.mark.parametrize("value", [None, 0.0, -5.0, 0.5, 1e300])
def test_what_is_no_time_is_not_drawn(value):
    assert pairs(with_figures(BACKLOG, times(value, 4000.0))) == []


def test_ticks_over_many_decades_are_powers_of_ten():
    assert log_axis(1.0, 20.0)["tickvals"] == [1, 2, 5, 10, 20]
    assert log_axis(0.02, 5000.0)["tickvals"] == pytest.approx([0.1, 1, 10, 100, 1000])


# -- both


@pytest.mark.parametrize("probe", [LADDER, BACKLOG], ids=lambda probe: probe.id)
def test_other_probes_and_answers_that_do_not_count_are_not_drawn(probe):
    figure = drawn(probe)
    assert figure is not None and figure.table is not None and len(figure.table) == len(probe.figures)
    other = Probe("other", verdict="yes", control="passed", figures=probe.figures)
    failed = Probe(probe.id, verdict="yes", control="failed", figures=probe.figures)
    for each in (other, failed):
        assert drawn(each) is None and len(tables(entry(each).details)[0]) == len(probe.figures)


def test_drawings_stand_on_the_page_under_the_ids_that_the_script_draws():
    section = probes_section({probe.id: probe for probe in made_probes.ALL})
    assert section is not None
    assert [drawing.id for drawing in drawings(section.blocks)] == [
        "ladder-probe-launch-ladder",
        "backlog-probe-backlog",
    ]
    assert all("µs" in drawing.says for drawing in drawings(section.blocks))
