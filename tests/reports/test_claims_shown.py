"""Claims as people read them: the section of the report, the terminal's lines, and the table for the docs."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from launchlens.reports.words.claims import Source, because, markdown, name, tally
from launchlens.reports.words.figure import between, value
from launchlens.traces.claims.claim import Evidence
from launchlens.traces.claims.judge import judge
from launchlens.traces.claims.read import note_claims, read_claims
from shown import printed_claims, render


class Section(HTMLParser):
    """The tags and the text of the claims section of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words = [], []
        if 'id="claims"' in page:
            self.feed(page[page.index('<section id="claims"') : page.index('<section id="environment"')])

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def judged(made):
    return judge(made, note_claims())


@pytest.fixture
def hostile_claims(names, tmp_path):
    """Claims whose every free text attacks the page, about variants that were measured."""
    attack = names.script + names.link + '" onmouseover="x'
    text = "\n".join(
        [
            *("[[claim]]", 'id = "mine"', f"text = {json.dumps(attack)}", f"source = {json.dumps(attack)}"),
            *(f"gave = {json.dumps(attack)}", "[[claim.test]]", 'kind = "ratio"', 'variant = "foreach"'),
            *('against = "copy_"', 'is = "faster"', "[[claim.test]]", 'kind = "api"', 'variant = "copy_"'),
            *(f"call = {json.dumps(attack)}", "at_least = 0.5", f"because = {json.dumps(attack)}"),
            *("[[claim]]", 'id = "other"', f"text = {json.dumps(attack)}", f"source = {json.dumps(attack)}"),
            f"untested = {json.dumps(attack)}",
        ]
    )
    (tmp_path / "mine.toml").write_text(text)
    return read_claims(tmp_path / "mine.toml")


def test_the_section_holds_every_claim_and_what_came_of_it(page, judged):
    section = Section(page)
    ids = {attrs["id"] for _, attrs in section.tags if "id" in attrs}
    assert {f"claim-{item.claim.id}" for item in judged} <= ids
    assert tally(judged) in section.text and '<a href="#claims">' in page
    for item in judged:
        assert item.claim.text in section.text
        for each in item.evidence:
            assert name(each) in section.text and value(each) in section.text and each.rows in section.text


def test_evidence_links_to_the_section_that_shows_its_rows(page):
    links = [attrs["href"] for tag, attrs in Section(page).tags if tag == "a"]
    assert len(links) > 20 and set(links) <= {"#timing", "#account", "#difference", "#ledger", "#environment"}
    assert all(f'<section id="{link[1:]}"' in page for link in links)


def test_claims_that_the_capture_bears_on_stand_first_and_evidence_is_folded(page):
    text = Section(page).text
    assert text.index("Seven .copy_() calls take less time") < text.index("Not testable with this capture")
    assert text.index("Not testable with this capture") < text.index("CUDA streams don't help")
    assert not [attrs for tag, attrs in Section(page).tags if tag == "details" and "open" in attrs]


def test_another_workload_has_no_section_unless_claims_are_given(made):
    workload = dict(made.capture.manifest.workload) | {"name": "row-sums"}
    manifest = dataclasses.replace(made.capture.manifest, workload=workload)
    other = dataclasses.replace(made, capture=dataclasses.replace(made.capture, manifest=manifest))
    page = render(other)
    assert 'id="claims"' not in page and 'href="#claims"' not in page
    mine = [dataclasses.replace(claim, workload=None) for claim in note_claims()[:2]]
    text = Section(render(other, claims=mine)).text
    assert mine[0].text in text and "The note that launchlens began with" not in text


def test_hostile_claims_stay_text_on_the_page(made, hostile_claims, names):
    page = render(made, claims=hostile_claims)
    section = Section(page)
    assert not {"img", "script", "i", "iframe"} & {tag for tag, _ in section.tags}
    assert [attrs for _, attrs in section.tags if any(name.startswith("on") for name in attrs)] == []
    assert all(attrs["href"].startswith("#") for tag, attrs in section.tags if tag == "a")
    assert names.script[:30] in section.text


def test_hostile_claims_stay_one_line_each_and_text_elsewhere(made, hostile_claims):
    spoiled = dataclasses.replace(hostile_claims[0], text="[red]\x1b[2J|`<b>\u202e", gave="\x07[link=x]y[/link]")
    found = judge(made, [spoiled])
    output = printed_claims(found, recorded="[bold]recorded[/]", width=100)
    assert "\x1b" not in output and "[red]?[2J" in output and "[link=x]" in output and "[bold]recorded[/]" in output
    table = markdown(found, [Source("one", "it", "Measured | here.")])
    assert "\x1b" not in table and "<b>" not in table.replace(r"\<b\>", "")
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()[2:-2]] == [6, 6, 6]


def test_the_terminal_says_verdict_text_and_figures(judged):
    output = printed_claims(judged)
    lines = output.splitlines()
    for item in judged:
        (line,) = [line for line in lines if item.claim.text in line]
        word = {"not-testable": "not testable here", "not-reproduced": "not reproduced"}.get(item.verdict, item.verdict)
        assert line.startswith(word)
    assert lines[-1] == f"{len(judged)} claims: {tally(judged)}."
    assert any("timings.parquet: variant=copy_, regime=eager, 20 rounds" in line for line in lines)
    said = " ".join(printed_claims(judged, width=600).split())
    for item in judged:
        assert item.claim.test in said and item.claim.source in said and because(item) in said
        for each in item.evidence:
            assert each.figure in said and value(each) in said and between(each) in said
    assert "\x1b" not in output


def test_colour_is_for_terminals(judged):
    output = printed_claims(judged, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mrefuted" in output and "\x1b[2mnot testable here" in output


@pytest.mark.parametrize(
    ("number", "unit", "bounds", "says", "interval"),
    [
        (28_700.0, "ns", (28_000.0, 29_000.0), "28.7 µs", "28.0 – 29.0 µs"),
        (0.0104, "share", (0.0103, 0.0109), "1.04 %", "1.03 – 1.09 %"),
        (1.0, "share", None, "100 %", ""),
        (1.42, "ratio", (1.4, 1.5), "1.42 ×", "1.40 – 1.50 ×"),
        (7.0, "per iteration", None, "7 per iteration", ""),
        (3.5, "", (3.0, 4.0), "3.50", "3.00 – 4.00"),
        (None, "ns", None, "unknown", ""),
    ],
)
def test_figures_carry_their_units(number, unit, bounds, says, interval):
    evidence = Evidence("it", number, unit, bounds, "", "timing")
    assert (value(evidence), between(evidence)) == (says, interval)
