"""What `--sweep` says: lists and ranges become axes, and what makes none is refused in a line. And the grid of them."""

from itertools import pairwise

import pytest

from launchlens.kernels.registry import WorkloadSpec
from launchlens.profiling.sweeps.axes import axes_of, axis_of
from launchlens.profiling.sweeps.grid import ONE_IN, grid, held_out, levels_of


def make(*, device, seed, rows=4, share=0.5, kind="flat", fused=False, sizes=(1, 2)):
    """Nothing."""


WORKLOAD = WorkloadSpec(
    "made", "", "a", make, {"rows": 4, "share": 0.5, "kind": "flat", "fused": False, "sizes": (1, 2)}
)


@pytest.mark.parametrize(
    ("text", "values", "scale"),
    [
        ("rows=7", (7,), "linear"),
        ("rows=2,1,2,3", (1, 2, 3), "linear"),
        ("rows=1,2,8", (1, 2, 8), "log2"),
        ("rows=64..1024:log2", (64, 128, 256, 512, 1024), "log2"),
        ("rows=1..100:log10", (1, 10, 100), "log2"),
        ("rows=1..48:log4", (1, 4, 16, 48), "log2"),
        ("rows=1..4:log1.5", (1, 2, 3, 4), "log2"),
        ("rows=1..7:2", (1, 3, 5, 7), "linear"),
        ("rows=-4..4:3", (-4, -1, 2, 4), "linear"),
        ("rows=1..4:1,16..32:log2", (1, 2, 3, 4, 16, 32), "log2"),
        ("rows=1K,4K..64K:log4", (1024, 4096, 16384, 65536), "log2"),
        ("share=0.1..0.4:0.1", (0.1, 0.2, 0.3, 0.4), "linear"),
        ("share=0.25..1:log2", (0.25, 0.5, 1.0), "log2"),
        ("kind=flat,round", ("flat", "round"), "named"),
        ("fused=true,false", ("true", "false"), "named"),
        ("sizes=32,64", (32, 64), "linear"),
    ],
)
def test_lists_and_ranges_become_values(text, values, scale):
    axis = axis_of(WORKLOAD, text)
    assert (axis.values, axis.scale) == (values, scale)
    for value in axis.values:
        WORKLOAD.with_parameters({axis.name: str(value)})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rows", "is not NAME=V1,V2"),
        ("=3", "is not NAME=V1,V2"),
        ("columns=3", "no parameter 'columns'; it has rows, share"),
        ("rows=", "rows='' is not of type int"),
        ("rows=1,,2", "rows='' is not of type int"),
        ("rows=1.5", "is not of type int"),
        ("rows=64MB", "rows='64MB' is not of type int"),
        ("rows=1..8", "does not say its step"),
        ("rows=8..1:log2", "8 is not less than 1"),
        ("rows=0..8:log2", "0 has no multiples"),
        ("rows=1..8:log1", "leads nowhere"),
        ("rows=1..8:0", "neither log2, log4"),
        ("rows=1..8:nan", "neither log2, log4"),
        ("rows=1..8:quick", "neither log2, log4"),
        ("rows=1..1G:1", "more than 1000 values"),
        ("share=nan", "no finite number"),
        ("kind=a..b:1", "has no ranges"),
    ],
)
def test_what_is_no_axis_is_said_in_a_line(text, says):
    with pytest.raises(ValueError, match=says) as raised:
        axis_of(WORKLOAD, text)
    assert "\n" not in str(raised.value)


def test_axes_must_go_together():
    with pytest.raises(ValueError, match="rows is swept twice"):
        axes_of(WORKLOAD, ["rows=1,2", "rows=3"])
    with pytest.raises(ValueError, match="250,000 points are more than 10,000"):
        axes_of(WORKLOAD, ["rows=1..500:1", "share=1..500:1"])


def test_the_grid_begins_with_its_ends_and_then_halves_gaps():
    places = grid(axes_of(WORKLOAD, ["rows=1..64:log2", "share=1,2,3"]))
    assert len(places) == len(set(places)) == 21
    assert set(places[:4]) == {(1, 1.0), (1, 3.0), (64, 1.0), (64, 3.0)}
    assert set(places[4:9]) == {(1, 2.0), (64, 2.0), (8, 1.0), (8, 2.0), (8, 3.0)}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_any_beginning_of_the_order_lies_over_the_whole_row(count):
    levels = levels_of(count)
    assert levels[0] == levels[-1] == 0
    for level in range(max(levels) + 1):
        reached = [place for place, one in enumerate(levels) if one <= level]
        gaps = [after - before for before, after in pairwise(reached)]
        assert not gaps or max(gaps) <= 2 * min(gaps) + 1


def test_one_point_in_five_is_held_out_by_the_seed_and_no_corner():
    axes = axes_of(WORKLOAD, ["rows=1..64:log2", "share=1,2,3"])
    places = grid(axes)
    drawn = held_out(places, axes, 7, lambda settings: True)
    assert len(drawn) == 21 // ONE_IN
    assert drawn == held_out(places, axes, 7, lambda settings: True)
    assert any(drawn != held_out(places, axes, seed, lambda settings: True) for seed in range(8, 12))
    corners = {index for index, (rows, share) in enumerate(places) if rows in (1, 64) and share in (1, 3)}
    for seed in range(50):
        assert not corners & held_out(places, axes, seed, lambda settings: True)
    assert held_out(places, axes, 0, lambda settings: settings == (8, 2.0)) == {places.index((8, 2.0))}
    assert held_out(places[:4], axes, 0, lambda settings: True) == set()
