"""Probes as people read them: the section of the report, and what links to it. The probes are made up."""

import re
from itertools import pairwise

import pytest

import made_probes
from launchlens.reports.blocks import Entry, Fold, Shown
from launchlens.reports.sections.probes import CELLS, FIGURES, MOST_PROBES, ROWS, anchors, probes_section
from launchlens.reports.words.probes.answer import controls_words, doubt, says, sentences, tally, verdict_words
from launchlens.reports.words.probes.catalogue import asks, figure_name
from launchlens.reports.words.probes.cells import cell_text
from launchlens.traces.captures.probes import Probe, ProbeFigure, ProbeTable
from launchlens.traces.claims.read import read_claims
from page_elements import Elements
from shown import render


def section_of(page):
    return page[page.index('<section id="probes"') : page.index('<section id="claims"')]


@pytest.fixture(scope="module")
def with_all(made, tmp_path_factory):
    return made_probes.with_probes(made, tmp_path_factory.mktemp("probes"), made_probes.ALL)


@pytest.fixture(scope="module")
def shown(with_all):
    return render(with_all)


@pytest.fixture(scope="module")
def section(shown):
    return section_of(shown)


@pytest.fixture(scope="module")
def attacked(made, names, tmp_path_factory):
    """The page of probes that attack it."""
    probes = made_probes.hostile_probes(names.script + names.link + '" onmouseover="x', names.long)
    return render(made_probes.with_probes(made, tmp_path_factory.mktemp("hostile"), probes))


def entries(section):
    return [block for block in section.blocks if isinstance(block, Entry)]


def article(section, probe):
    (found,) = re.findall(rf'<article class="entry" id="probe-{probe.id}">.*?</article>', section, re.DOTALL)
    return found


# -- what the section says


def test_a_capture_without_probes_has_no_section(page, made, tmp_path):
    assert 'id="probes"' not in page and 'href="#probes"' not in page
    assert 'id="probes"' not in render(made_probes.with_probes(made, tmp_path, []))


def test_every_probe_says_question_answer_controls_figures_and_notes(section):
    text = Elements(section).text
    assert "9 probes: 4 answered, 1 failed, 3 inconclusive, 1 no verdict." in text
    for probe in made_probes.ALL:
        mine = Elements(article(section, probe)).text
        assert asks(probe) in mine and controls_words(probe) in mine
        for control in probe.controls:
            assert control.control in mine and control.found in mine
        for figure in probe.figures:
            assert figure_name(probe.id, figure) in mine
        assert all(note in mine for note in probe.notes)
        assert all(sentence in mine for sentence in sentences(says(probe)))


def test_the_answer_stands_first_and_what_it_rests_on_is_folded(section):
    mine = article(section, made_probes.COPY_ENGINE)
    order = [
        "Does a copy need",
        "Copies within the GPU need an SM.",
        "memset: sizes that needed",
        "Controls: 2 of 2 passed",
    ]
    places = [mine.index(text) for text in order]
    assert places == sorted(places)
    folded = "".join(re.findall("<details>.*?</details>", mine, re.DOTALL))
    assert "Trials: finished while the SMs were held (3 rows)" in folded and "600,755" in folded
    assert "3 trials each of 6 sizes" in folded and "0 trials left wrong bytes" in folded
    assert "memset: sizes that needed no SM" not in folded
    assert not [attrs for tag, attrs in Elements(section).tags if tag == "details" and "open" in attrs]


def test_a_very_long_answer_is_folded_after_its_first_sentence(made, tmp_path):
    says = " ".join(f"Sentence {at} says {'very ' * 12}little." for at in range(20))
    probe = Probe("p", verdict="v", says=says, control="passed")
    mine = article(section_of(render(made_probes.with_probes(made, tmp_path, [probe]))), probe)
    open_, folded = mine.split("<details><summary>The answer in full</summary>")
    assert "Sentence 0 says" in open_ and "Sentence 1 says" not in open_
    assert "Sentence 12 says" in folded and "Sentence 13 says" not in folded
    assert "7 more sentences are in probes.json." in folded


def test_figures_carry_units_and_intervals_only_where_there_are_any(section):
    assert "95 % interval" not in article(section, made_probes.COPY_ENGINE)
    ladder = article(section, made_probes.LADDER)
    assert '<td class="number">4.60 µs</td><td class="number">4.51 – 4.69 µs</td>' in ladder
    assert '<td class="number">2.83 ×</td>' in ladder


@pytest.mark.parametrize(
    ("probe", "badge", "because"),
    [
        (made_probes.INCONCLUSIVE, "inconclusive: a control did not pass", "finish with all SMs held: 2 of 18 did"),
        (made_probes.OVERCONFIDENT, "inconclusive: a control did not pass", "finish with all SMs held: 2 of 18 did"),
        (made_probes.NO_CONTROL, "inconclusive: it made no control", "Nothing can be said"),
        (made_probes.FAILED, "failed", "It could not be run: RuntimeError: no."),
        (made_probes.NO_VERDICT, "no verdict", "Nothing can be said"),
    ],
    ids=lambda value: value.id if isinstance(value, Probe) else "",
)
def test_a_probe_whose_answer_does_not_count_carries_a_badge_and_why(section, probe, badge, because):
    mine = article(section, probe)
    assert f'<span class="badge doubt">{badge}</span>' in mine
    assert because in Elements(mine).text and "trust me" not in mine and "There was." not in mine
    assert doubt(probe) == badge


def test_probes_that_answer_carry_no_badge(section):
    for probe in (made_probes.COPY_ENGINE, made_probes.LADDER, made_probes.BACKLOG):
        assert "badge" not in article(section, probe) and not doubt(probe)


def test_controls_that_did_not_pass_stand_first(section):
    mine = article(section, made_probes.INCONCLUSIVE)
    rows = re.findall(r"<tr>\s*<th scope=\"row\">(.*?)</th><td>(.*?)</td>", mine)
    marks = [
        mark for text, mark in rows if text in (made_probes.FAILED_CONTROL.control, made_probes.PASSED_CONTROL.control)
    ]
    assert marks == ['<span class="code not-passed">not passed</span>', '<span class="code passed">passed</span>']


def test_cells_of_a_table_are_aligned_by_what_they_hold(section):
    mine = article(section, made_probes.COPY_ENGINE)
    assert '<th scope="col" class="number">bytes</th>' in mine and '<th scope="col">needs</th>' in mine
    assert '<td class="number">65,536</td>' in mine and "<td>no</td>" in mine and '<td class="number">–</td>' in mine


def test_cells_of_a_table_have_the_units_of_its_kinds_where_they_are_such(made, tmp_path):
    kinds = ("code", "time", "ratio", "share", "time", "count")
    columns = ("path", "host time", "of the first", "share", "not a time", "rounds")
    table = ProbeTable(
        "Typed", columns, (("triton", 10_474.5, 1.25, 0.5, "soon", 40), ("x", None, None, None, 7, 40)), kinds
    )
    probe = Probe("p", verdict="v", control="passed", tables=(table,))
    mine = article(section_of(render(made_probes.with_probes(made, tmp_path, [probe]))), probe)
    for cell in ("10.5 µs", "1.25 ×", "50 %", "40"):
        assert f'<td class="number">{cell}</td>' in mine
    assert "<td>soon</td>" in mine and "<td>7</td>" in mine


def test_a_table_without_rows_is_said_to_hold_none(made, tmp_path):
    table = ProbeTable("Variants left out", ("variant", "why"))
    probe = Probe("p", verdict="v", control="passed", tables=(table,))
    mine = article(section_of(render(made_probes.with_probes(made, tmp_path, [probe]))), probe)
    assert "Variants left out: none." in mine and "<details>" not in mine


def test_the_page_keeps_its_order_its_ids_and_its_bytes(shown, with_all):
    tags = Elements(shown).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert '<a href="#probes">Probes</a>' in shown
    assert render(with_all) == shown


def test_the_policy_is_the_one_of_a_page_without_probes(page, shown):
    policies = [re.findall(r'Content-Security-Policy" content="([^"]*)"', each) for each in (page, shown)]
    assert policies[0] == policies[1] != []


# -- links from claims


def test_evidence_of_a_probe_links_to_its_place_on_the_page(with_all, tmp_path):
    claim = [
        '[[claim]]\nid = "c{0}"\ntext = "t"\nsource = "s"\n[[claim.test]]\nkind = "needs-probe"\nprobe = "{1}"\nis = "sm"\n'
    ]
    ids = [probe.id for probe in (made_probes.COPY_ENGINE, made_probes.BACKLOG)]
    (tmp_path / "mine.toml").write_text("".join(claim[0].format(at, id) for at, id in enumerate(ids)))
    page = render(with_all, claims=read_claims(tmp_path / "mine.toml"))
    claims = page[page.index('<section id="claims"') :]
    for id in ids:
        assert f'probes.json: {id} <a href="#probe-{id}" class="see">probe-{id}' in claims
        assert f'<article class="entry" id="probe-{id}">' in page


def test_ids_that_can_not_be_anchors_are_numbered():
    probes = {id: Probe(id) for id in ("copy-engine", "", "A b", '"><script>', "1", "x" * 65, "a--b")}
    assert list(anchors(probes).values()) == [
        *("probe-copy-engine", "probe-_1", "probe-_2", "probe-_3", "probe-1", "probe-_5", "probe-_6"),
    ]
    assert len(anchors({str(at): Probe(str(at)) for at in range(500)})) == MOST_PROBES


# -- files that attack the page


def test_hostile_probes_stay_text(attacked, names):
    elements = Elements(section_of(attacked))
    assert not {"img", "script", "iframe"} & {tag for tag, _ in elements.tags}
    assert [attrs for _, attrs in elements.tags if any(name.startswith("on") for name in attrs)] == []
    assert not [attrs for tag, attrs in elements.tags if tag == "a"]
    assert names.script in elements.text
    ids = [attrs["id"] for _, attrs in elements.tags if "id" in attrs]
    assert all(re.fullmatch("[a-z0-9_-]+", id) for id in ids) and len(ids) == len(set(ids))


def test_the_figures_of_hostile_probes_hold_no_markup_but_our_own(attacked):
    (figures,) = re.findall(r'id="figures">(.*?)</script>', attacked, re.DOTALL)
    assert (
        not set("<>&") & set(figures) and "ladder-probe-launch-ladder" in figures and "backlog-probe-backlog" in figures
    )
    assert set(re.findall(r"\\u003c(/?\w+)", figures)) == {"b", "/b", "br"}
    assert "k" * 500 not in figures


def test_a_page_of_hostile_probes_is_bounded(attacked, page):
    assert "k" * 1300 not in attacked
    assert len(attacked) < len(page) + 4_000_000
    section = section_of(attacked)
    assert section.count("<td") < CELLS + 2000
    assert f"{ROWS} of 10,000 rows are shown; probes.json holds them all." in section
    assert f"{FIGURES} of 500 figures are shown" in section and "of 300 controls are shown" in section
    assert "of 43 tables are shown" in section and "of 100 notes are shown" in section
    assert f"{MOST_PROBES} of 54 probes are shown" in section
    assert "24 of 500 columns" in section


def test_what_the_page_has_no_room_for_is_counted():
    table = ProbeTable("t", tuple("abcdefghij"), (tuple(range(10)),) * ROWS)
    probes = {f"p-{at}": Probe(f"p-{at}", tables=(table,) * 8) for at in range(20)}
    section = probes_section(probes)
    assert section is not None
    folds = [fold for probe in entries(section) for fold in probe.details if isinstance(fold, Fold)]
    shown = [block for fold in folds for block in fold.blocks if isinstance(block, Shown)]
    assert len(folds) == 160 and sum(min(it.most, len(it.table)) * len(it.table.columns) for it in shown) == CELLS
    (rest,) = folds[-1].blocks
    assert rest.text == f"0 of {ROWS} rows are shown; probes.json holds them all."


# -- words


def test_an_answer_that_is_long_is_said_a_sentence_at_a_time():
    assert sentences("Short. It is.") == ["Short. It is."] and sentences("") == []
    parts = ["It takes 1.5 µs, i.e. more than that" + "." * 1 for _ in range(12)]
    assert sentences(" ".join(parts)) == parts


@pytest.mark.parametrize(
    ("id", "verdict", "words"),
    [
        ("copy-engine", "depends-on-size", "Whether copies within the GPU need an SM depends on their size"),
        ("held-sms", "not explained", "Not explained"),
        ("backlog", "ranking-flips", "Ranking flips"),
        ("launch-ladder", "copy_: api-call; triton: hooks or api-call", "copy_: API call; triton: hooks or API call"),
        ("backlog", "triton-batched", "triton-batched"),
        ("launch-floor", "triton or cuLaunchKernel-cuda-bindings", "Triton or cuLaunchKernel (cuda.bindings)"),
        ("other", "torch copy_", "torch copy_"),
    ],
)
def test_codes_that_are_known_become_words_and_names_stay(id, verdict, words):
    assert verdict_words(Probe(id, verdict=verdict)) == words


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        *((None, "–"), (True, "yes"), (False, "no"), (1_234_567, "1,234,567"), ("as it is", "as it is")),
        *((0.0, "0"), (3.0, "3"), (0.98765, "0.9877"), (12_345.678, "12,345.7"), (1e300, "1.000e+300")),
        *((1e-9, "1.000e-09"), (10**4000, "about 10^4000"), (-5, "-5")),
    ],
)
def test_cells_as_text(cell, text):
    assert cell_text(cell) == text


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        (Probe("p", verdict="yes", says="Yes.", control="failed"), "because a control did not pass."),
        (Probe("p", verdict="inconclusive", control="passed"), "because it found no answer."),
        (Probe("p", verdict="failed"), "because it could not be made."),
    ],
    ids=["control failed, none named", "inconclusive", "failed"],
)
def test_a_probe_without_an_answer_says_why(probe, text):
    assert says(probe) == f"Nothing can be said, {text}" and doubt(probe)


def test_controls_in_words():
    assert controls_words(made_probes.COPY_ENGINE) == "2 of 2 passed"
    words = "1 of 2 passed; not “a bare kernel does not finish with all SMs held” (found: 2 of 18 did)"
    assert controls_words(made_probes.INCONCLUSIVE) == words
    assert controls_words(made_probes.NO_CONTROL) == "none was made"


def test_one_probe_is_told_as_one():
    assert tally([made_probes.COPY_ENGINE]) == "1 probe: 1 answered"


def test_a_number_of_any_size_can_be_a_figure(made, tmp_path):
    figures = [ProbeFigure(what=f"f {value} {unit}", value=value, unit=unit) for value in (1e308, -1e308, 5e-324, 0.0) for unit in ("ns", "ratio", "share", "x")]  # fmt: skip
    assert render(made_probes.with_probes(made, tmp_path, [Probe("p", figures=tuple(figures))]))
