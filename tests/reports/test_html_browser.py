"""The page in a real browser: drawn without a word in the console, offline, at both widths, light and dark."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import made_claims
import made_probes
from events import gpu, host, trace
from launchlens.reports.pages import trace as trace_page
from launchlens.reports.writers.html import html as written
from launchlens.traces.analysis import analyze, as_document
from shown import render
from started import until

if TYPE_CHECKING:
    from selenium.webdriver import Chrome as WebDriver

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
#: Seconds for a page to be drawn on a machine that is busy with other work.
PATIENCE = 90


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not CHROMIUM or not DRIVER:
        pytest.skip("no Chromium with its chromedriver on this machine: the report was not opened in a browser")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        driver.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        driver.set_script_timeout(PATIENCE)
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def files(made, hostile, names, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "made.html").write_text(render(made), encoding="utf-8")
    (folder / "hostile.html").write_text(render(hostile), encoding="utf-8")
    probed = made_probes.with_probes(made, folder, made_probes.ALL)
    claims = made_claims.claims_of(made_claims.row('kind = "needs-probe"; probe = "backlog"; is = "foreach"'), folder)
    (folder / "probes.html").write_text(render(probed, claims=claims), encoding="utf-8")
    attack = names.script + names.link + '" onmouseover="window.pwned = 1'
    attacked = made_probes.with_probes(made, folder, made_probes.hostile_probes(attack, names.long))
    (folder / "hostile_probes.html").write_text(render(attacked), encoding="utf-8")
    return folder


@dataclass
class Browser:
    """A browser, and the page that it shows: tests that ask for the same one, one after another, look at what is there.

    So a test leaves the page as it found it, or says that it doesn't.
    """

    driver: WebDriver
    shown: tuple[Path, int, bool] | None = None

    def look(self, path, *, width=1280, dark=False, script=True, draws=True, resized=False):
        """Show a page that has been drawn, if it draws; the console must have stayed empty.

        What is shown at another width is loaded again, unless it may be `resized`.
        """
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        if resized and self.shown and self.shown[::2] == (path, script):
            self.resize(width)
        if self.shown != (path, width, script):
            self.load(path, width, script)
        if script and draws:
            assert self.driver.execute_async_script(DRAWN) == "all", self.said()
        assert self.said() == []

    def load(self, path, width=1280, script=True):
        self.said()
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        self.shown = (path, width, script)
        self.resize(width)
        self.driver.get(path.as_uri())

    def resize(self, width):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        path, _, script = self.shown
        self.shown = (path, width, script)

    def left_changed(self):
        """The page is not what it was when it was loaded: whoever looks at it next loads it again."""
        self.driver.get("about:blank")  # from the page itself its address with another end would only lead on
        self.shown = None

    def run(self, script, *arguments):
        """What a script gives that is run on the page."""
        return self.driver.execute_script(script, *arguments)

    def said(self):
        """What has been said in the console since it was asked last."""
        return self.driver.get_log("browser")

    def strings(self):
        """All texts of the page, with or without scripts."""
        return self.driver.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": []})["strings"]

    def asks(self):
        """Whether the page has opened a window of its own, which waits for an answer."""
        from selenium.common.exceptions import NoAlertPresentException

        try:
            return self.driver.switch_to.alert is not None
        except NoAlertPresentException:
            return False


#: Waits in the page until its figures have been drawn.
DRAWN = """const done = arguments[0];
           (function look() {
             const drawn = document.documentElement.dataset.drawn;
             if (drawn) done(drawn); else setTimeout(look, 10);
           })();"""


def choose_everything(browser):
    """Pick every entry of every selector, so that each figure has been shown once, and then what was picked before."""
    browser.run(
        """for (const select of document.querySelectorAll("select")) {
             const before = select.value;
             for (const value of [...[...select.options].map((option) => option.value), before]) {
               select.value = value; select.dispatchEvent(new Event("change")); } }"""
    )


def folds(browser, section, are_open):
    """Open or close all that can be folded in a section."""
    browser.run(
        "document.querySelectorAll(arguments[0]).forEach((it) => { it.open = arguments[1]; })",
        f"#{section} details",
        are_open,
    )


def wide_as(browser, width):
    """Whether nothing of the page reaches beyond the window, which is as wide as it was made."""
    wide, inner = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    return wide <= inner == width


#: Pages are loaded at two widths, one of them in the dark and one in the light, and then looked at in the other.
VIEWS = pytest.mark.parametrize(
    ("width", "dark"),
    [(390, True), (390, False), (1280, False), (1280, True)],
    ids=["390-dark", "390-light", "1280-light", "1280-dark"],
)


@VIEWS
def test_every_figure_is_drawn_and_nothing_overflows(browser, files, width, dark):
    browser.look(files / "made.html", width=width, dark=dark)
    choose_everything(browser)
    plots, drawn = browser.run(
        """const plots = [...document.querySelectorAll(".plot")];
           return [plots.length, plots.filter((plot) => plot.querySelector(".main-svg")).length];"""
    )
    assert plots == drawn >= 18
    assert wide_as(browser, width)
    outside = browser.run(
        """return [...document.querySelectorAll(".plot .main-svg")].filter((svg) => svg.checkVisibility()
             && svg.getBoundingClientRect().right > innerWidth + 1).length"""
    )
    assert outside == 0
    assert browser.said() == []


def test_scale_and_selector_change_what_is_shown(browser, files):
    browser.look(files / "made.html")
    ranges = "return [...document.querySelectorAll('#timeline-0 .plot')].map((it) => it.layout.xaxis.range[1])"
    shared = browser.run(ranges)
    assert len(set(shared)) == 1
    scale = "document.querySelector('input[data-scale=\"timeline-0\"]').click()"
    browser.run(scale)
    assert len(set(browser.run(ranges))) == 4
    browser.run(scale)
    assert browser.run(ranges) == shared
    titles = "return [...document.querySelectorAll('#difference-0 h4')].filter((it) => it.checkVisibility()).length"
    assert browser.run(titles) == 1


def test_dark_mode_changes_paper_ink_and_figures(browser, files):
    seen = []
    for dark in (False, True):
        browser.look(files / "made.html", dark=dark)
        seen.append(
            browser.run(
                """const of = (it, name) => getComputedStyle(it)[name];
                   return [of(document.body, "backgroundColor"), of(document.body, "color"),
                           of(document.querySelector(".plot .annotation-text"), "fill")];"""
            )
        )
    assert all(light != dark for light, dark in zip(*seen, strict=True))


def test_page_is_readable_without_script(browser, files):
    browser.look(files / "made.html", script=False)
    text = browser.strings()
    assert any("foreach is fastest" in each for each in text)
    assert any("This figure is drawn by a script" in each for each in text)


def test_an_inline_script_that_an_escape_missed_would_not_run(browser, files, tmp_path):
    text = re.sub('(id="plotly">)[^<]*', r"\1", (files / "made.html").read_text("utf-8"))  # no figure needs to be drawn
    path = tmp_path / "broken.html"
    path.write_text(
        text.replace("</h1>", "</h1><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>")
    )
    browser.load(path)
    said = []

    def refused():
        said.extend(entry["message"] for entry in browser.said() if "Content Security Policy" in entry["message"])
        return all(any(kind in message for message in said) for kind in ("inline script", "inline event handler"))

    until(refused, "refusal of the script and of the handler")
    assert browser.run("return window.pwned === undefined")


SCALES = "document.querySelectorAll('input[data-scale]').forEach((it) => it.click())"


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_names_do_nothing(browser, files, width, names):
    browser.look(files / "hostile.html", width=width, resized=True)
    choose_everything(browser)
    assert not browser.asks()
    assert browser.run("return document.querySelectorAll('img, .plot svg a').length") == 0
    assert names.script in browser.run("return document.body.innerText")
    wide, inner = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner
    assert browser.said() == []


def test_a_name_that_looks_like_markup_is_shown_as_it_stands(browser, files):
    browser.look(files / "hostile.html")
    browser.run(SCALES)
    shown = browser.run(
        "return [...document.querySelectorAll('#timeline .bartext')].map((it) => it.dataset.unformatted || '')"
    )
    assert any("&lt;b&gt;bold&lt;/b&gt;" in text for text in shown), "Plotly is given entities, which it shows as text"
    texts = browser.run("return [...document.querySelectorAll('.bartext')].map((it) => it.textContent)")
    assert any(text.startswith("<b>bold</b>") for text in texts)
    browser.run(SCALES)


@VIEWS
def test_probes_are_drawn_and_folded_and_nothing_overflows(browser, files, width, dark):
    browser.look(files / "probes.html", width=width, dark=dark)
    drawn = "return [...document.querySelectorAll('#probes .plot')].map((it) => it.querySelectorAll('.main-svg').length > 0)"
    assert browser.run(drawn) == [True, True]
    closed = "return [...document.querySelectorAll('#probes details')].map((it) => it.open)"
    assert set(browser.run(closed)) == {False}
    folds(browser, "probes", True)
    assert wide_as(browser, width)
    outside = browser.run(
        """return [...document.querySelectorAll("#probes .plot .main-svg")]
             .filter((svg) => svg.getBoundingClientRect().right > innerWidth + 1).length"""
    )
    assert outside == 0
    folds(browser, "probes", False)
    assert browser.said() == []


def test_marks_of_a_ladder_have_the_colour_of_ink(browser, files):
    for dark in (False, True):
        browser.look(files / "probes.html", dark=dark)
        ink, mark = browser.run(
            """return [getComputedStyle(document.body).color,
                       getComputedStyle(document.querySelector("[id^=ladder-] .scatterlayer .point")).fill];"""
        )
        assert ink == mark


def test_a_link_from_evidence_leads_to_the_probe(browser, files):
    browser.look(files / "probes.html")
    folds(browser, "claims", True)
    browser.run("document.querySelector('#claims a.see').click()")
    hash, top = browser.run("return [location.hash, document.querySelector(':target').getBoundingClientRect().top]")
    assert hash == "#probe-backlog" and -50 < top < 100
    browser.left_changed()


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_probes_do_nothing(browser, files, width, names):
    browser.look(files / "hostile_probes.html", width=width, resized=True)
    folds(browser, "probes", True)
    assert not browser.asks()
    assert browser.run("return window.pwned === undefined && !document.querySelector('img, .plot svg a')")
    assert names.script in browser.run("return document.getElementById('probes').innerText")
    wide, inner = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner
    assert browser.said() == []
    folds(browser, "probes", False)


def test_the_tables_of_a_trace_are_sorted_by_their_values_and_searched(browser, tmp_path):
    rows = [host("api", "cudaLaunchKernel", 10 * at, 10 * at + 5, correlation=at + 1) for at in range(12)]
    # in ms and in ns: their texts stand in another order than they do
    lengths = [900, 2_000_000, 30_000, *range(1, 10)]
    rows += [gpu("kernel", 10**7 * at, 10**7 * at + ns, at + 1, name=f"k{at:02d}") for at, ns in enumerate(lengths)]
    found = analyze(trace(rows))
    page = trace_page.page(as_document(found), [*found.answers().tables.values()])
    (tmp_path / "trace.html").write_text(written(page), encoding="utf-8")
    browser.look(tmp_path / "trace.html", draws=False)
    names = """return [...document.querySelectorAll("#table-kernels tbody tr")].filter((row) => row.checkVisibility())
                 .map((row) => row.cells[0].textContent.trim())"""
    heads = """const heads = [...document.querySelectorAll("#table-kernels thead th")];
               const head = heads.find((each) => each.textContent.trim() === arguments[0]); head.click(); return head.ariaSort"""
    by_time = ["k01", "k02", "k00", *(f"k{at:02d}" for at in range(11, 2, -1))]
    assert browser.run(names) == by_time
    assert browser.run(heads, "kernel") == "ascending"
    assert browser.run(names) == sorted(by_time)
    assert browser.run(heads, "in all") == "descending" and browser.run(names) == by_time
    assert browser.run(heads, "in all") == "ascending" and browser.run(names) == by_time[::-1]
    browser.run(
        """const field = document.querySelector("#table-kernels input"); field.value = "K1";
           field.dispatchEvent(new Event("input"))"""
    )
    assert browser.run(names) == ["k10", "k11"]
    assert browser.said() == []


# -- the timeline of a trace


@pytest.fixture(scope="module")
def trace_file(tmp_path_factory, names):
    """Three steps, names that attack the page in two of them, and a gap much longer than the others in the last."""
    rows, number = [], 0
    for step, (at, length) in enumerate(((0, 10**6), (10**6, 10**6), (2 * 10**6, 3 * 10**6))):
        rows.append(host("range", f"ProfilerStep#{step}", at, at + length - 1000))
        rows.append(host("range", names.script if step else names.link, at + 2000, at + length - 3000))
        for piece in range(30):
            number += 1
            start = at + 5_000 + 20_000 * piece
            rows.append(host("api", "cudaLaunchKernel", start, start + 4_000, correlation=number))
            name = names.script if piece == 4 else f"void k{piece}<int>(int)"
            rows.append(gpu("kernel", start + 5_000, start + 5_000 + 100 * (piece + 1), number, name=name))
    found = analyze(trace(rows))
    answered = found.answers()
    page = trace_page.page(as_document(found, answered), [*answered.tables.values()], found.timelines())
    path = tmp_path_factory.mktemp("trace") / "trace.html"
    path.write_text(written(page), encoding="utf-8")
    return path


#: What stands for a box, by the script that looks for it: whether it is seen, how wide it is, and what stands in its lane.
SEEN = """const it = document.querySelector(arguments[0]), box = it.getBoundingClientRect(), view = it.closest(".view");
          const edge = view.getBoundingClientRect();
          return [it.checkVisibility() && box.left >= edge.left - 1 && box.right <= edge.right + 1 && box.top > 0
                    && box.bottom < innerHeight, box.width, it.classList.contains("met")];"""


def test_names_in_a_timeline_are_text(browser, trace_file, names):
    browser.look(trace_file, width=500, draws=False)
    assert browser.run("return document.querySelectorAll('img, .strips script').length") == 0
    titles = browser.run("return [...document.querySelectorAll('.strip [title]')].map((it) => it.title)")
    assert any(names.script in title for title in titles) and any(names.link in title for title in titles)
    assert browser.said() == []


def test_the_timeline_is_magnified_and_its_axis_follows(browser, trace_file):
    browser.look(trace_file, width=500, draws=False)
    axis = "return [...document.querySelectorAll('.part:not([hidden]) .axis span')].map((it) => it.textContent)"
    whole = browser.run(axis)
    assert whole[0] == "0" and len(whole) < 8
    browser.run("for (let at = 0; at < 3; at++) document.querySelector('[data-zoom=\"4\"]').click()")
    width, view = browser.run(
        "const it = document.querySelector('.long'); return [it.clientWidth, it.parentElement.clientWidth]"
    )
    assert width == pytest.approx(64 * view, abs=2)
    near = browser.run(axis)
    assert near != whole and len(near) < 40
    browser.run("document.querySelector('[data-zoom=\"0\"]').click()")
    assert browser.run(axis) == whole
    assert browser.said() == []


@pytest.mark.parametrize("width", [500, 1280])
def test_a_row_leads_to_its_gap_and_the_gap_back_to_its_row(browser, trace_file, width):
    browser.look(trace_file, width=width, draws=False)
    assert wide_as(browser, width)
    shown = "return [...document.querySelectorAll('#timelines > .part')].map((part) => !part.hidden)"
    assert browser.run(shown) == [True, False, False], "one step at a time"
    # a gap of 15 µs of a step that is not shown: a tenth of a pixel, and a row that nothing has led to
    gap = browser.run(
        """const part = [...document.querySelectorAll("#timelines > .part")].find((each) => each.hidden);
           const id = [...part.querySelectorAll(".strip [id^=gap-]")].at(12).id;
           document.querySelector('#table-idle a[href="#' + id + '"]').click(); return "#" + id;"""
    )
    is_seen, pixels, is_met = browser.run(SEEN, gap)
    assert is_seen and is_met and pixels >= 20
    assert browser.run(shown).count(True) == 1
    letter = browser.run("return document.querySelector(arguments[0]).textContent.trim()[0]", gap)
    assert letter == "P", "lettered, not coloured alone"
    assert "shown: " in browser.run("return document.querySelector(arguments[0]).closest('.strips').innerText", gap)
    browser.run("document.querySelector(arguments[0]).click()", gap)
    row, leads = browser.run(
        "const row = document.querySelector('tr.met'); return [row.id, row.querySelector('a').hash]"
    )
    assert row.startswith("idle-") and leads == gap
    wide, inner = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner
    assert browser.said() == []
    browser.left_changed()


def test_a_row_that_is_searched_away_is_shown_when_a_link_leads_to_it(browser, trace_file):
    browser.look(trace_file, draws=False)
    found = browser.run(
        """const field = document.querySelector("#table-kernels input"); field.value = "k7";
           field.dispatchEvent(new Event("input"));
           const box = [...document.querySelectorAll(".strip a")].find((it) => it.textContent.trim() === "k9");
           const row = document.querySelector(box.getAttribute("href")), was = row.hidden; box.click();
           return [was, row.hidden, row.cells[0].textContent, row.classList.contains("met")]"""
    )
    assert found[0] is True and found[2] == "k9"
    met = "return [...document.querySelectorAll('tr.met')].map((it) => it.cells[0].textContent)"
    assert until(lambda: browser.run(met), "row that a link led to") == ["k9"]
    browser.left_changed()


def test_without_script_every_step_stands_there(browser, trace_file):
    browser.look(trace_file, script=False)
    text = browser.strings()
    assert len({each for each in text if each.startswith("ProfilerStep#") and "s: " in each}) == 3
