"""The page as text: what it says, what it leaves out, and that it is complete in itself."""

import base64
import dataclasses
import gzip
import hashlib
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise

import pandas as pd
import pytest

from launchlens.reports.words.verdict import sentences
from launchlens.traces.account import Account
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.verdict import verdict
from page_elements import Elements
from shown import render


def with_manifest(study: Study, **changes) -> Study:
    capture = replace(study.capture, manifest=replace(study.capture.manifest, **changes))
    return replace(study, capture=capture)


def with_sides(study: Study, keep, **changes) -> Study:
    """The study with only those sides for which `keep(side)`, each with `changes` made to it."""
    sides = {key: replace(side, **changes) for key, side in study.sides.items() if keep(side)}
    controls = {regime: side for regime, side in study.controls.items() if regime in {key[1] for key in sides}}
    return replace(study, sides=sides, controls=controls)


def test_page_holds_every_sentence_of_the_verdict(made, page):
    text = Elements(page).text
    said = sentences(verdict(made))
    assert len(said) > 5
    for sentence in said:
        assert sentence.text in text


def test_every_sentence_links_to_a_section_that_is_there(page):
    elements = Elements(page)
    ids = {attrs["id"] for _, attrs in elements.tags if "id" in attrs}
    links = [attrs["href"] for tag, attrs in elements.tags if tag == "a" and attrs["href"].startswith("#")]
    assert len(links) > 10 and all(link[1:] in ids for link in links)


def test_ids_are_unique_and_headings_in_order(page):
    tags = Elements(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_figure_says_what_it_shows_and_has_a_table(page):
    plots = [attrs for _, attrs in Elements(page).tags if attrs.get("class") == "plot"]
    assert len(plots) >= 18 and all(plot["role"] == "img" and "µs" in plot["aria-label"] for plot in plots)
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert figures and all("<table" in figure for figure in figures)


def test_same_study_gives_the_same_bytes(made, page):
    assert render(made) == page


def test_nothing_is_loaded_from_anywhere(page):
    for tag, attrs in Elements(page).tags:
        if tag != "a":
            for name in ("src", "href", "srcset", "action", "data", "poster"):
                assert attrs.get(name, "data:").startswith("data:"), (tag, attrs)
        assert not any(name.startswith("on") for name in attrs)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert "url(" not in style and "@import" not in style


def test_policy_admits_the_two_scripts_and_no_other(page):
    content = next(attrs["content"] for tag, attrs in Elements(page).tags if attrs.get("http-equiv"))
    own = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(own) == 1
    (packed,) = re.findall(r'id="plotly">(.*?)</script>', page, re.DOTALL)
    library = gzip.decompress(base64.b64decode(packed)).decode()
    allowed = re.findall(r"'(sha256-[^']+)'", content)
    expected = [
        "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (own[0], library)
    ]
    assert allowed == expected
    assert content.startswith("default-src 'none'") and "unsafe-eval" not in content


def test_the_licence_of_what_a_page_holds_can_be_read_in_it(page):
    (comment,) = re.findall(r"<!--(.*?)-->", page, re.DOTALL)
    for words in ("plotly.js v", "Plotly, Inc.", "Permission is hereby granted", "above copyright notice"):
        assert words in comment


def test_hostile_names_are_text_and_bounded(hostile, page, names):
    nasty = render(hostile)
    elements = Elements(nasty)
    assert not [attrs for tag, attrs in elements.tags if tag == "img"]
    assert not [attrs for tag, attrs in elements.tags if "evil.example" in attrs.get("href", "")]
    assert names.script in elements.text
    assert "k" * 2000 not in nasty
    assert len(nasty) < len(page) + 60_000
    assert nasty.encode("utf-8")


def test_figures_hold_no_markup_but_our_own(hostile):
    nasty = render(hostile)
    (figures,) = re.findall(r'id="figures">(.*?)</script>', nasty, re.DOTALL)
    assert not set("<>&") & set(figures)
    tags = set(re.findall(r"\\u003c(/?\w+)", figures))
    assert tags == {"b", "/b", "br"}


def test_recorded_numbers_carry_a_banner(made, page):
    text = "Recorded, not measured on this machine: <H200>"
    banner = render(made, recorded=text)
    assert 'class="banner recorded"' in banner and text in Elements(banner).text
    assert 'class="banner' not in page


def test_incomplete_capture_carries_a_banner(made):
    assert 'class="banner incomplete"' in render(with_manifest(made, complete=False))


def test_raw_traces_are_linked_relative_to_the_base(made):
    links = [attrs["href"] for tag, attrs in Elements(render(made, links_base="../cap/")).tags if tag == "a"]
    assert "../cap/torch/eager.pt.trace.json.gz" in links
    records = [replace(made.capture.manifest.traces[0], path="javascript:alert(1)")]
    links = [attrs["href"] for tag, attrs in Elements(render(with_manifest(made, traces=records))).tags if tag == "a"]
    assert "javascript%3Aalert(1)" in links or "javascript%3Aalert%281%29" in links


def rows_of(page, section):
    """The rows of every table of a section, each with its cells as text; True where it is a sum."""
    part = page[page.index(f'<section id="{section}"') :].split("</section>")[0]
    for table in re.findall("<tbody>(.*?)</tbody>", part, re.DOTALL):
        rows = re.findall(r"<tr( class=\"sum\")?>(.*?)</tr>", table, re.DOTALL)
        cell = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
        yield [
            (bool(sums), [unescape(re.sub("<[^>]*>", "", text)) for text in cell.findall(row)]) for sums, row in rows
        ]


def whole(text):
    return int(text.replace(",", "") or 0)


def test_cells_of_the_difference_table_add_up(page):
    found = 0
    for table in rows_of(page, "difference"):
        *cells, (sums, last) = table
        assert sums and last[0] == "sum" and not any(each for each, _ in cells)
        assert sum(whole(row[2]) for _, row in cells) == whole(last[2])
        assert not last[1] and not last[3], "there is no such state, and no interval of a sum"
        found += 1
    assert found == 6


def test_account_table_adds_up(page):
    found = 0
    for table in rows_of(page, "account"):
        of_variant = []
        for sums, (_, _, *cells, total, _) in table:
            numbers = [whole(text) for text in cells]
            assert sum(numbers) == whole(total)
            if sums:
                assert numbers == [sum(column) for column in zip(*of_variant, strict=True)]
            of_variant = [] if sums else [*of_variant, numbers]
            found += 1
        assert of_variant == [], "the last row of each variant is its sum"
    assert found > 20


def cpu_only(made: Study) -> Study:
    """As a machine without a GPU records it: one regime, no device lane, no launches."""

    def on_cpu(side):
        cells = side.recording.account.cells.copy()
        cells[:, :, -1] = cells.sum(axis=2)
        cells[:, :, :-1] = 0
        timeline = side.recording.timeline
        host = (
            timeline.events[timeline.events["lane"] == "host"]
            .assign(launch=pd.array([pd.NA] * int((timeline.events["lane"] == "host").sum()), dtype="Int64"))
            .reset_index(drop=True)
        )
        recording = replace(
            side.recording, account=Account(cells, device_known=False), gpu_busy_ns=None, device=None, ledger=(), counts=dict.fromkeys(side.recording.counts, 0.0),
            timeline=replace(timeline, events=host),
        )  # fmt: skip
        return replace(side, recording=recording, blocks=side.blocks.assign(device_ns=pd.NA))

    eager = with_sides(made, lambda side: side.regime == "eager")
    environment = dict(made.capture.manifest.environment) | {"gpu": None, "driver": None, "device": "cpu"}
    sides = {key: on_cpu(side) for key, side in eager.sides.items()}
    return with_manifest(replace(eager, sides=sides), device="cpu", environment=environment)


def test_capture_without_a_gpu_says_so(made):
    page = render(cpu_only(made))
    text = unescape(Elements(page).text)
    assert "Measured on Made-up CPU, without a GPU, with torch" in text
    assert "no GPU in this capture" in text
    assert "GPU busy" not in text.split("Timing: what")[0].split("The answer")[1].split("No GPU")[0]
    assert "100 %" not in text and "GPU idle" not in text
    account = page[page.index('id="account"') : page.index('id="difference"')]
    assert ">0</td>" not in account, "what the device did is unknown, not zero"


@pytest.mark.parametrize(
    "keep",
    [
        lambda side: side.variant == "copy_",
        lambda side: side.regime == "graph",
        lambda side: side.variant != "copy_",
        lambda side: side.variant == "foreach" and side.regime == "graph",
    ],
    ids=["baseline alone", "graph only", "no baseline", "one other alone"],
)
def test_smaller_studies_render(made, keep):
    small = with_sides(made, keep)
    if not any(side.variant == "copy_" for side in small.sides.values()):
        small = replace(small, controls={})
    page = render(small)
    assert len(Elements(page).text) > 1000


def test_study_without_recordings_renders(made):
    page = render(replace(with_sides(made, lambda side: True, recording=None), problems={}))
    assert "not recorded under a profiler" in page and "one side has no recorded trace" in page


def test_one_variant_is_not_asked_which_is_fastest(made):
    assert "Where the time of small-copies goes" in render(with_sides(made, lambda side: side.variant == "copy_"))


def test_variants_left_out_are_named_with_the_reason(made):
    record = replace(made.capture.manifest.variants[0], variant="cuda", status="skipped", why="needs nvcc")
    page = render(with_manifest(made, variants=[*made.capture.manifest.variants, record]))
    assert "cuda (eager), skipped: needs nvcc" in page


def test_problems_of_a_trace_are_counted_with_their_meaning(made):
    problems = next(iter(made.problems.values())).copy()
    problems.add("launch-without-gpu-record", 1234)
    text = Elements(render(replace(made, problems={"torch/<eager>": problems}))).text
    assert "launch-without-gpu-record" in text and "1,234" in text and "torch/<eager>" in text


def test_few_rounds_give_no_interval(made):
    def cut(study):
        return {key: dataclasses.replace(side, blocks=side.blocks.head(2)) for key, side in study.items()}

    few = replace(made, sides=cut(made.sides), controls=cut(made.controls))
    assert "no interval" in render(few)


def test_long_texts_are_cut(made, names):
    page = render(with_manifest(made, workload={"name": names.long, "says": names.long}))
    assert "k" * 1300 not in page
