"""Probes on a terminal and in the JSON of a study. The probes are made up."""

import json
import re

import pytest

import made_probes
from launchlens.reports.documents import study_document
from launchlens.reports.sections.probes import FIGURES, ROWS
from launchlens.reports.words.probes.page import markdown
from launchlens.reports.writers.json import text
from launchlens.traces.captures.probes import Control, Probe, ProbeFigure, ProbeTable
from launchlens.traces.problems import InputError
from launchlens.traces.studies.verdict import verdict
from shown import printed_probe, printed_study


def test_a_probe_in_brief_is_question_answer_and_controls():
    lines = printed_probe(made_probes.COPY_ENGINE, full=False).splitlines()
    assert lines[0] == "Does a copy need an SM, or does a copy engine make it?"
    assert lines[1].startswith("    Copies within the GPU need an SM. What finished while every thread")
    assert lines[-2:] == ["    Probe copy-engine, verdict sm.", "    Controls: 2 of 2 passed."] and len(lines) < 8
    assert "Trials" not in "".join(lines)


@pytest.mark.parametrize("full", [True, False])
def test_what_did_not_pass_is_said_and_the_answer_is_not(full):
    said = " ".join(printed_probe(made_probes.OVERCONFIDENT, full=full).split())
    why = "a control did not pass (a bare kernel does not finish with all SMs held: 2 of 18 did)"
    assert "inconclusive: a control did not pass" in said
    assert f"Nothing can be said, because {why}." in said and "trust me" not in said
    words = "Controls: 0 of 1 passed; not “a bare kernel does not finish with all SMs held” (found: 2 of 18 did)"
    assert words in said


def test_why_there_is_no_answer_is_said():
    said = {probe.id: " ".join(printed_probe(probe, full=False).split()) for probe in made_probes.ALL}
    assert said["no-control"].startswith(
        "inconclusive: it made no control Was there a control? Nothing can be said, because it made no control."
    )
    assert said["no-verdict"].startswith("no verdict no-verdict Nothing can be said, because it gave no verdict.")
    assert said["triton-compile"].startswith(
        "failed Does every launch of a Triton kernel pay for compilation? It could not be run: RuntimeError: no."
    )
    assert "Those that prefer the same carve-out." in said["gone"]


def test_a_probe_in_full_also_prints_controls_figures_tables_and_notes():
    output = printed_probe(made_probes.COPY_ENGINE, full=True)
    for control in made_probes.COPY_ENGINE.controls:
        assert [control.control, "passed", control.found] in [
            re.split("  +", line.rstrip()) for line in output.splitlines()
        ]
    assert re.search("memset: sizes that needed no SM +2 of 6 sizes", output) and "95 %" not in output
    assert "Trials: finished while the SMs were held" in output and "600,755" in output
    assert "3 trials each of 6 sizes, 128 B to 64 MiB." in output
    assert "a bare kernel does not finish with all SMs held  not passed" in printed_probe(
        made_probes.INCONCLUSIVE, full=True
    )
    assert "4.51 – 4.69 µs" in printed_probe(made_probes.LADDER, full=True)


@pytest.mark.parametrize("width", [60, 140])
def test_no_line_is_wider_than_the_console(width):
    for probe in made_probes.ALL:
        question, *lines = printed_probe(probe, full=True, width=width).splitlines()
        assert max(map(len, lines)) <= width and probe.asks in question


def test_a_hostile_probe_fills_no_screen_and_drives_no_terminal():
    attack = "[red]\x1b[2J[link=x]\u202e"
    row = (attack, "k" * 1_000_000, *range(100))
    table = ProbeTable(attack, tuple(f"{attack} {at}" for at in range(102)), (row,) * 10_000)
    probe = Probe(
        attack,
        asks=attack + "k" * 1_000_000,
        verdict=attack,
        says=attack + "k" * 1_000_000,
        control="passed",
        controls=(Control(attack, True, attack),) * 2,
        figures=(ProbeFigure(what=attack, value=1e308, unit=attack, interval=(-1e308, 1e308)),) * 5000,
        tables=(table,),
        notes=(attack,),
    )
    for full in (True, False):
        output = printed_probe(probe, full=full)
        assert "\x1b" not in output and "[red]?[2J[link=x]?" in output
        assert len(output) < (200_000 if full else 5000)
    said = " ".join(printed_probe(probe, full=True).split())
    assert "(10,000 rows, 24 of 102 columns)" in said and f"{FIGURES} of 5,000 figures are shown" in said
    assert f"{ROWS} of 10,000 rows are shown; probes.json holds them all." in said


def test_colour_is_for_terminals():
    colours = {"force_terminal": True, "color_system": "standard"}
    assert "\x1b[33m" in printed_probe(made_probes.INCONCLUSIVE, full=False, **colours)
    assert "\x1b[" not in printed_probe(made_probes.INCONCLUSIVE, full=False)


def test_a_study_says_its_probes_after_its_tables(made, tmp_path):
    said = printed_study(made_probes.with_probes(made, tmp_path, made_probes.ALL))
    places = [re.search(rf"Probe {probe.id}[.,]", said).start() for probe in made_probes.ALL]
    assert said.rindex("interleaved rounds") < places[0] and places == sorted(places)
    assert said.count("Controls: ") == len(made_probes.ALL)
    assert "Probe " not in printed_study(made)


def test_the_json_of_a_study_holds_its_probes_without_their_tables(made, tmp_path):
    study = made_probes.with_probes(made, tmp_path, made_probes.ALL)
    rows = json.loads(text(study_document(study, verdict(study), recorded=None)))["probes"]
    assert [row["id"] for row in rows] == [probe.id for probe in made_probes.ALL]
    keys = {"id", "asks", "verdict", "says", "control", "controls", "figures"}
    assert all(row.keys() == keys for row in rows)
    assert rows[0]["figures"][0] == {
        "figure": "DtoD: sizes that needed no SM",
        "what": "sizes-without-an-sm",
        "of": "DtoD",
        "part": "",
        "to": "",
        "under": "",
        "value": 0,
        "unit": "of 6 sizes",
        "out_of": 6,
        "interval": None,
    }
    assert (
        rows[0]["asks"] == "Does a copy need an SM, or does a copy engine make it?" and "all 132 SMs" in rows[0]["says"]
    )
    assert rows[1]["figures"][0]["interval"] == [4508.0, 4692.0]
    assert rows[3]["controls"][1] == {
        "control": "a bare kernel does not finish with all SMs held",
        "passed": False,
        "found": "2 of 18 did",
    }
    assert study_document(made, verdict(made), recorded=None).probes == []


def test_a_broken_probes_file_is_an_input_error_everywhere(made, tmp_path):
    study = made_probes.with_probes(made, tmp_path, [])
    (tmp_path / "probes.json").write_text("{")
    with pytest.raises(InputError, match=r"probes\.json"):
        printed_study(study)
    with pytest.raises(InputError, match=r"probes\.json"):
        study_document(study, [], recorded=None)


# -- the page of the docs


def test_markdown_says_question_answer_controls_and_figures():
    page = markdown([made_probes.COPY_ENGINE, made_probes.INCONCLUSIVE], "Recorded on a made-up GPU.")
    assert page.startswith("Recorded on a made-up GPU.\n\n### copy-engine: Does a copy need an SM")
    assert "**Copies within the GPU need an SM.** What finished" in page
    assert "- every byte is right after the release: 0 trials left wrong bytes\n" in page
    assert "| memset: sizes that needed no SM | 2 of 6 sizes | – |" in page
    assert "Row by row in probes.json: “Trials: finished while the SMs were held” (3 rows)." in page
    assert "**Inconclusive.** Nothing can be said" in page and "2 of 18 did (**not passed**)" in page
    assert page.endswith("\n") and "\n\n\n" not in page


def test_markdown_of_a_hostile_probe_is_text():
    attack = "| <b>x</b> `y` [z](javascript:1)\n# head"
    probe = Probe(
        attack, asks=attack, verdict=attack, says=attack, control="passed", controls=(Control(attack, True, attack),)
    )
    page = markdown([probe], attack)
    assert "<b>" not in page.replace(r"\<b\>", "") and "](" not in page.replace(r"\](", "") and "\n# head" not in page
