"""The first screen of `analyze`: all of it is seen at once on a terminal of 100 columns and 50 lines."""

import io
from itertools import pairwise
from pathlib import Path

import pytest

from launchlens.commands.trace_report import rows_on_a_screen
from launchlens.reports.console import plain
from launchlens.reports.pages import trace as shown
from launchlens.reports.writers import terminal
from launchlens.traces.analyses import catalogue
from launchlens.traces.analyses.operators import NO_SHAPES
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.source import open_trace

PAIRS = Path(__file__).parents[1] / "data" / "pairs"
#: Of the recordings of training those with the longest screens: with three pieces of advice, with something met, with many idle causes.
LONG = (
    "log-each-step",
    "optimizer-loop",
    "data-stall",
    "h200/nan-checked",
    "h200/metrics-read",
    "h200/loader-sleeps",
    "h200/loss-read",
)


def screen(name: str, *, by_shape: bool = False, width: int = 100) -> str:
    found = analyze(open_trace(PAIRS / f"{name}.before.json.gz"))
    answered = found.answers([*catalogue.BRIEF, *catalogue.SAID], by_shape=by_shape)
    document, out = as_document(found, answered), io.StringIO()
    console = plain(out)
    console.width = width
    terminal.write(
        console, shown.blocks(document, [*answered.tables.values()], brief=rows_on_a_screen(document)), most=15
    )
    return out.getvalue()


@pytest.fixture(scope="module")
def screens() -> dict[str, str]:
    return {name: screen(name) for name in LONG}


@pytest.mark.parametrize("name", LONG)
def test_all_of_it_is_seen_at_once(screens: dict[str, str], name: str) -> None:
    lines = screens[name].splitlines()
    assert len(lines) <= 50 and max(map(len, lines)) <= 100
    assert not any(not line and not after for line, after in pairwise(lines))
    for said in ("of the time", "1. ", "Kernels (", "Operators (", "What the GPU waited for", "time account", "More: "):
        assert said in screens[name]
    assert "more: --show kernels" in screens[name] and "that would save" in screens[name]


def test_names_are_cut_and_numbers_are_not(screens: dict[str, str]) -> None:
    rows = screens["h200/loader-sleeps"].split("Kernels (")[1].splitlines()[3:6]
    assert all(row.startswith("sm90_xmma_gemm_f32f32_tf32f32_f32_") and "…" in row for row in rows)
    assert [row.split()[1:4] for row in rows] == [
        ["40", "5.43", "ms"],
        ["35", "3.68", "ms"],
        ["40", "3.66", "ms"],
    ]


def test_where_no_shapes_were_recorded_it_says_so_in_a_line(screens: dict[str, str]) -> None:
    assert "no shapes" not in screens["log-each-step"]
    assert NO_SHAPES in screen("log-each-step", by_shape=True, width=140)
