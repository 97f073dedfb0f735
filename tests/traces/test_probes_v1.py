"""Files of launchlens.probes/1, whose figures were phrases, as what launchlens.probes/2 holds; the kept one is cut from an H100's."""

import json
import shutil
from pathlib import Path

import pytest

from launchlens.reports.words.probes.answer import says, verdict_words
from launchlens.reports.words.probes.catalogue import asks, figure_name
from launchlens.traces.captures.probe_codes.catalogue import FIGURES
from launchlens.traces.captures.probes import FORMAT, Probe, read_probes, write_probes
from launchlens.traces.captures.recorded import FOLDER

KEPT = Path(__file__).parents[1] / "data/probes-1.json"
OLD = {probe["id"]: probe for probe in json.loads(KEPT.read_text())["probes"]}
#: Names of figures that are words for their fields no longer: others say the same, and two were given twice.
RENAMED = {"stream-synchronize": 6, "launch-floor": 2}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("v1")
    shutil.copy(KEPT, folder / "probes.json")
    return read_probes(folder)


def test_every_figure_keeps_its_value_its_interval_and_its_name(read):
    for id, old in OLD.items():
        kept = {(item.value, item.counted, item.interval) for item in read[id].figures}
        for item in old.get("figures", ()):
            interval = None if item["interval"] is None else tuple(item["interval"])
            assert any((value, bounds) == (item["value"], interval) for value, _, bounds in kept), item
        names = {figure_name(id, item) for item in read[id].figures}
        assert sum(item["figure"] not in names for item in old.get("figures", ())) == RENAMED.get(id, 0)


def test_figures_have_fields_of_the_closed_sets_and_each_key_is_there_once(read):
    for id, probe in read.items():
        assert {item.what for item in probe.figures} <= FIGURES.get(id, {item.what for item in probe.figures})
        assert len({item.key for item in probe.figures}) == len(probe.figures)


@pytest.mark.parametrize(
    ("id", "fields", "value"),
    [
        ("launch-floor", {"what": "host-time", "of": "cudaLaunchKernel-cpp-loop"}, 3520.68),
        ("launch-floor", {"what": "call-to-answer", "of": "torch-fill_"}, 9357.0),
        ("launch-ladder", {"what": "ladder-step", "of": "triton", "part": "api-call"}, 3652.9750000000004),
        ("launch-ladder", {"what": "ladder-whole", "of": "triton", "under": "no-hooks"}, 11532.335),
        ("launch-ladder", {"what": "ratio", "of": "triton", "to": "copy_"}, 2.007936416899033),
        ("backlog", {"what": "ratio", "of": "nvrtc", "to": "copy_", "under": "eager"}, 1.4372886817380075),
        ("backlog", {"what": "device-time", "of": "copy_", "under": "backlog"}, 14953.000005334616),
        ("stream-synchronize", {"what": "host-time", "of": "synchronize-streams", "under": "in-flight"}, 20706.0),
        ("triton-compile", {"what": "host-time", "of": "first-launch", "under": "full-cache"}, 2135371.0),
        # told by sentences and tables alone
        ("backlog", {"what": "pairs-not-decided"}, 2),
        ("copy-engine", {"what": "largest-size-without-an-sm", "of": "memset"}, 4096),
        ("triton-compile", {"what": "compilations", "of": "new-specialisation", "under": "another-dtype"}, 1),
    ],
)
def test_a_figure_is_found_by_its_fields(read, id, fields, value):
    assert read[id].value(**fields) == value


def test_verdicts_are_codes_and_say_the_same(read):
    codes = {id: probe.verdict for id, probe in read.items()}
    assert codes == {
        "launch-floor": "torch-graph-replay",
        "launch-ladder": "copy_: api-call; triton: api-call",
        "backlog": "ranking-flips",
        "stream-synchronize": "one-synchronize-costs-less",
        "triton-compile": "once",
        "copy-engine": "sm",
        "held-sms": "carve-out",
        "triton-compile-elsewhere": "inconclusive",
    }
    for id in ("launch-floor", "launch-ladder", "backlog", "stream-synchronize", "triton-compile"):
        assert verdict_words(read[id]).casefold() == OLD[id]["verdict"].casefold()


def test_a_probe_that_is_no_longer_made_keeps_its_words_and_others_are_told_anew(read):
    held = read["held-sms"]
    assert (asks(held), says(held)) == (OLD["held-sms"]["asks"], OLD["held-sms"]["says"])
    assert [figure_name("held-sms", item) for item in held.figures] == [
        item["figure"] for item in OLD["held-sms"]["figures"]
    ]
    for id in FIGURES.keys() & OLD:  # those that version 1 did not know are not told of in it
        assert (read[id].asks, read[id].says) == ("", "") and asks(read[id]) == OLD[id]["asks"] and says(read[id])


def test_one_that_could_not_be_run_says_why(read):
    probe = read["triton-compile-elsewhere"]
    assert probe.why == "it needs triton (pip install triton)"
    assert says(probe) == "It could not be run: it needs triton (pip install triton)."


def test_what_was_read_is_written_as_version_2(read, tmp_path):
    write_probes(tmp_path, list(read.values()))
    assert json.loads((tmp_path / "probes.json").read_text())["format"] == FORMAT == "launchlens.probes/2"
    assert read_probes(tmp_path) == read


def test_what_ships_is_of_version_2():
    for path in FOLDER.glob("*/probes.json"):
        assert json.loads(path.read_text())["format"] == FORMAT


def test_an_old_file_that_says_little_or_nonsense_is_read(tmp_path):
    odd = {"figure": ": ÷ of 3", "value": 1, "unit": "of 3 things"}
    table = {"title": "Trials", "columns": ["operation"], "rows": [["DtoD", 3], []]}
    probes = [{"id": id, "figures": [odd], "tables": [table], "verdict": "; : or "} for id in (*FIGURES, "other")]
    (tmp_path / "probes.json").write_text(json.dumps({"format": "launchlens.probes/1", "probes": probes}))
    for probe in read_probes(tmp_path).values():
        assert isinstance(probe, Probe) and probe.figures[0].counted == "of 3 things"
