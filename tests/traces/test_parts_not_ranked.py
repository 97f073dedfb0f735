"""A variant that does only a part of the work is timed and shown, and never called faster than the whole."""

import json
from dataclasses import replace

import pytest

from launchlens.reports.words.verdict import sentences
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.problems import InputError
from launchlens.traces.studies.study import study
from launchlens.traces.studies.verdict import verdict
from made_capture import make_capture
from shown import printed_study, render

FASTEST = {"eager": "foreach", "graph": "triton-batched"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The made-up capture, its fastest variants of either regime said to be parts of another."""
    folder = make_capture(tmp_path_factory.mktemp("parts") / "capture")
    manifest = json.loads((folder / "manifest.json").read_text())
    for record in manifest["variants"]:
        if record["variant"] in FASTEST.values():
            record["part_of"] = "copy_"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def parts(folder):
    return study(read_capture(folder))


def test_no_part_wins_or_is_compared_with_the_baseline(parts):
    for regime, part in FASTEST.items():
        assert parts.in_regime(regime)[0].variant == part
        assert not {side.variant for side in parts.winners(regime)} & set(FASTEST.values())
    assert {item.b.variant for item in parts.against_baseline} == {"triton-per-tensor"}
    assert parts.within("copy_", "foreach"), "compared when somebody asks for it"
    said = " ".join(sentence.text for sentence in sentences(verdict(parts)) if sentence.weight == "headline")
    assert "copy_ is fastest" in said and "foreach" not in said and "triton-batched" not in said


def test_a_part_is_shown_as_one(parts):
    lines = [line for line in printed_study(parts, width=160).splitlines() if line.startswith("foreach")]
    assert lines and all("part of copy_" in line for line in lines)
    assert render(parts).count("part of</span> <small>copy_</small>") == 4


def test_parts_alone_are_ranked_among_themselves(parts):
    alone = {key: side for key, side in parts.sides.items() if side.part_of is not None}
    assert replace(parts, sides=alone).winners("eager")[0].variant == "foreach"
    assert verdict(replace(parts, sides=alone))


def test_a_part_of_no_text_is_refused(folder, tmp_path):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["variants"][0]["part_of"] = 7
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="part_of"):
        read_capture(tmp_path)
