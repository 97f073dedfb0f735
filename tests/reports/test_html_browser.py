"""The page in a real browser: drawn without a word in the console, offline, at both widths, light and dark."""

import shutil
import time

import pytest

import made_claims
import made_probes
from events import gpu, host, trace
from launchlens.reports.pages import trace as trace_page
from launchlens.reports.writers.html import html as written
from launchlens.traces.analysis import analyze, as_document
from shown import render

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
        yield driver
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


def look(browser, path, *, width=1280, dark=False, script=True):
    """Open a page and wait until it has been drawn; the console must have stayed empty."""
    browser.get_log("browser")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    browser.get(path.as_uri())
    until = time.monotonic() + PATIENCE
    while script and browser.execute_script("return document.documentElement.dataset.drawn") != "all":
        assert time.monotonic() < until, browser.get_log("browser")
        time.sleep(0.1)
    assert browser.get_log("browser") == []


def choose_everything(browser):
    """Pick every entry of every selector, so that each figure has been shown once."""
    browser.execute_script(
        """for (const select of document.querySelectorAll("select")) for (const option of select.options) {
             select.value = option.value; select.dispatchEvent(new Event("change")); }"""
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_figure_is_drawn_and_nothing_overflows(browser, files, width, dark):
    look(browser, files / "made.html", width=width, dark=dark)
    choose_everything(browser)
    plots, drawn = browser.execute_script(
        """const plots = [...document.querySelectorAll(".plot")];
           return [plots.length, plots.filter((plot) => plot.querySelector(".main-svg")).length];"""
    )
    assert plots == drawn >= 18
    wide, inner = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner == width
    outside = browser.execute_script(
        """return [...document.querySelectorAll(".plot .main-svg")].filter((svg) => svg.checkVisibility()
             && svg.getBoundingClientRect().right > innerWidth + 1).length"""
    )
    assert outside == 0
    assert browser.get_log("browser") == []


def test_dark_mode_changes_paper_ink_and_figures(browser, files):
    seen = []
    for dark in (False, True):
        look(browser, files / "made.html", dark=dark)
        seen.append(
            browser.execute_script(
                """const of = (it, name) => getComputedStyle(it)[name];
                   return [of(document.body, "backgroundColor"), of(document.body, "color"),
                           of(document.querySelector(".plot .annotation-text"), "fill")];"""
            )
        )
    assert all(light != dark for light, dark in zip(*seen, strict=True))


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_names_do_nothing(browser, files, width, names):
    from selenium.common.exceptions import NoAlertPresentException

    look(browser, files / "hostile.html", width=width)
    choose_everything(browser)
    with pytest.raises(NoAlertPresentException):
        _ = browser.switch_to.alert.text
    assert browser.execute_script("return document.querySelectorAll('img, .plot svg a').length") == 0
    assert names.script in browser.execute_script("return document.body.innerText")
    wide, inner = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner
    assert browser.get_log("browser") == []


def test_a_name_that_looks_like_markup_is_shown_as_it_stands(browser, files):
    look(browser, files / "hostile.html")
    browser.execute_script("document.querySelectorAll('input[data-scale]').forEach((it) => it.click())")
    shown = browser.execute_script(
        "return [...document.querySelectorAll('#timeline .bartext')].map((it) => it.dataset.unformatted || '')"
    )
    assert any("&lt;b&gt;bold&lt;/b&gt;" in text for text in shown), "Plotly is given entities, which it shows as text"
    texts = browser.execute_script("return [...document.querySelectorAll('.bartext')].map((it) => it.textContent)")
    assert any(text.startswith("<b>bold</b>") for text in texts)


def test_an_inline_script_that_an_escape_missed_would_not_run(browser, files, tmp_path):
    text = (files / "made.html").read_text("utf-8")
    path = tmp_path / "broken.html"
    path.write_text(
        text.replace("</h1>", "</h1><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>")
    )
    browser.get(path.as_uri())
    time.sleep(0.5)
    assert browser.execute_script("return window.pwned === undefined")
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))


def test_scale_and_selector_change_what_is_shown(browser, files):
    look(browser, files / "made.html")
    ranges = "return [...document.querySelectorAll('#timeline-0 .plot')].map((it) => it.layout.xaxis.range[1])"
    assert len(set(browser.execute_script(ranges))) == 1
    browser.execute_script("document.querySelector('input[data-scale=\"timeline-0\"]').click()")
    assert len(set(browser.execute_script(ranges))) == 4
    titles = "return [...document.querySelectorAll('#difference-0 h4')].filter((it) => it.checkVisibility()).length"
    assert browser.execute_script(titles) == 1


def test_page_is_readable_without_script(browser, files):
    look(browser, files / "made.html", script=False)
    text = browser.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": []})["strings"]
    assert any("foreach is fastest" in each for each in text)
    assert any("This figure is drawn by a script" in each for each in text)


OPEN_ALL = "document.querySelectorAll('#probes details').forEach((it) => { it.open = true; })"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_probes_are_drawn_and_folded_and_nothing_overflows(browser, files, width, dark):
    look(browser, files / "probes.html", width=width, dark=dark)
    drawn = "return [...document.querySelectorAll('#probes .plot')].map((it) => it.querySelectorAll('.main-svg').length > 0)"
    assert browser.execute_script(drawn) == [True, True]
    closed = "return [...document.querySelectorAll('#probes details')].map((it) => it.open)"
    assert set(browser.execute_script(closed)) == {False}
    browser.execute_script(OPEN_ALL)
    wide, inner = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner == width
    outside = browser.execute_script(
        """return [...document.querySelectorAll("#probes .plot .main-svg")]
             .filter((svg) => svg.getBoundingClientRect().right > innerWidth + 1).length"""
    )
    assert outside == 0
    assert browser.get_log("browser") == []


def test_marks_of_a_ladder_have_the_colour_of_ink(browser, files):
    for dark in (False, True):
        look(browser, files / "probes.html", dark=dark)
        ink, mark = browser.execute_script(
            """return [getComputedStyle(document.body).color,
                       getComputedStyle(document.querySelector("[id^=ladder-] .scatterlayer .point")).fill];"""
        )
        assert ink == mark


def test_a_link_from_evidence_leads_to_the_probe(browser, files):
    look(browser, files / "probes.html")
    browser.execute_script("document.querySelectorAll('#claims details').forEach((it) => { it.open = true; })")
    browser.execute_script("document.querySelector('#claims a.see').click()")
    place = "return [location.hash, document.querySelector(':target').getBoundingClientRect().top]"
    hash, top = browser.execute_script(place)
    assert hash == "#probe-backlog" and -50 < top < 100


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_probes_do_nothing(browser, files, width, names):
    from selenium.common.exceptions import NoAlertPresentException

    look(browser, files / "hostile_probes.html", width=width)
    browser.execute_script(OPEN_ALL)
    with pytest.raises(NoAlertPresentException):
        _ = browser.switch_to.alert.text
    assert browser.execute_script("return window.pwned === undefined && !document.querySelector('img, .plot svg a')")
    assert names.script in browser.execute_script("return document.getElementById('probes').innerText")
    wide, inner = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner
    assert browser.get_log("browser") == []


def test_the_tables_of_a_trace_are_sorted_by_their_values_and_searched(browser, tmp_path):
    rows = [host("api", "cudaLaunchKernel", 10 * at, 10 * at + 5, correlation=at + 1) for at in range(12)]
    # in ms and in ns: their texts stand in another order than they do
    lengths = [900, 2_000_000, 30_000, *range(1, 10)]
    rows += [gpu("kernel", 10**7 * at, 10**7 * at + ns, at + 1, name=f"k{at:02d}") for at, ns in enumerate(lengths)]
    found = analyze(trace(rows))
    page = trace_page.page(as_document(found), [*found.answers().tables.values()])
    (tmp_path / "trace.html").write_text(written(page), encoding="utf-8")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.get((tmp_path / "trace.html").as_uri())
    names = """return [...document.querySelectorAll("#table-kernels tbody tr")].filter((row) => row.checkVisibility())
                 .map((row) => row.cells[0].textContent.trim())"""
    heads = """const heads = [...document.querySelectorAll("#table-kernels thead th")];
               const head = heads.find((each) => each.textContent.trim() === arguments[0]); head.click(); return head.ariaSort"""
    by_time = ["k01", "k02", "k00", *(f"k{at:02d}" for at in range(11, 2, -1))]
    assert browser.execute_script(names) == by_time
    assert browser.execute_script(heads, "kernel") == "ascending"
    assert browser.execute_script(names) == sorted(by_time)
    assert browser.execute_script(heads, "in all") == "descending" and browser.execute_script(names) == by_time
    assert browser.execute_script(heads, "in all") == "ascending" and browser.execute_script(names) == by_time[::-1]
    browser.execute_script(
        """const field = document.querySelector("#table-kernels input"); field.value = "K1";
           field.dispatchEvent(new Event("input"))"""
    )
    assert browser.execute_script(names) == ["k10", "k11"]
    assert browser.get_log("browser") == []


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


def opened(browser, path, width):
    browser.get_log("browser")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.get("about:blank")
    browser.get(path.as_uri())


#: What stands for a box, by the script that looks for it: whether it is seen, how wide it is, and what stands in its lane.
SEEN = """const it = document.querySelector(arguments[0]), box = it.getBoundingClientRect(), view = it.closest(".view");
          const edge = view.getBoundingClientRect();
          return [it.checkVisibility() && box.left >= edge.left - 1 && box.right <= edge.right + 1 && box.top > 0
                    && box.bottom < innerHeight, box.width, it.classList.contains("met")];"""


@pytest.mark.parametrize("width", [1280, 500])
def test_a_row_leads_to_its_gap_and_the_gap_back_to_its_row(browser, trace_file, width):
    opened(browser, trace_file, width)
    wide, inner = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner == width
    shown = "return [...document.querySelectorAll('#timelines > .part')].map((part) => !part.hidden)"
    assert browser.execute_script(shown) == [True, False, False], "one step at a time"
    # a gap of 15 µs of a step that is not shown: a tenth of a pixel, and a row that nothing has led to
    gap = browser.execute_script(
        """const part = [...document.querySelectorAll("#timelines > .part")].find((each) => each.hidden);
           const id = [...part.querySelectorAll(".strip [id^=gap-]")].at(12).id;
           document.querySelector('#table-idle a[href="#' + id + '"]').click(); return "#" + id;"""
    )
    is_seen, pixels, is_met = browser.execute_script(SEEN, gap)
    assert is_seen and is_met and pixels >= 20
    assert browser.execute_script(shown).count(True) == 1
    letter = browser.execute_script("return document.querySelector(arguments[0]).textContent.trim()[0]", gap)
    assert letter == "P", "lettered, not coloured alone"
    assert "shown: " in browser.execute_script(
        "return document.querySelector(arguments[0]).closest('.strips').innerText", gap
    )
    browser.execute_script("document.querySelector(arguments[0]).click()", gap)
    row, leads = browser.execute_script(
        "const row = document.querySelector('tr.met'); return [row.id, row.querySelector('a').hash]"
    )
    assert row.startswith("idle-") and leads == gap
    wide, inner = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner
    assert browser.get_log("browser") == []


def test_a_row_that_is_searched_away_is_shown_when_a_link_leads_to_it(browser, trace_file):
    opened(browser, trace_file, 1280)
    found = browser.execute_script(
        """const field = document.querySelector("#table-kernels input"); field.value = "k7";
           field.dispatchEvent(new Event("input"));
           const box = [...document.querySelectorAll(".strip a")].find((it) => it.textContent.trim() === "k9");
           const row = document.querySelector(box.getAttribute("href")), was = row.hidden; box.click();
           return [was, row.hidden, row.cells[0].textContent, row.classList.contains("met")]"""
    )
    time.sleep(0.1)
    assert found[0] is True and found[2] == "k9"
    assert browser.execute_script(
        "return [...document.querySelectorAll('tr.met')].map((it) => it.cells[0].textContent)"
    ) == ["k9"]


def test_the_timeline_is_magnified_and_its_axis_follows(browser, trace_file):
    opened(browser, trace_file, 500)
    axis = "return [...document.querySelectorAll('.part:not([hidden]) .axis span')].map((it) => it.textContent)"
    whole = browser.execute_script(axis)
    assert whole[0] == "0" and len(whole) < 8
    browser.execute_script("for (let at = 0; at < 3; at++) document.querySelector('[data-zoom=\"4\"]').click()")
    width, view = browser.execute_script(
        "const it = document.querySelector('.long'); return [it.clientWidth, it.parentElement.clientWidth]"
    )
    assert width == pytest.approx(64 * view, abs=2)
    near = browser.execute_script(axis)
    assert near != whole and len(near) < 40
    browser.execute_script("document.querySelector('[data-zoom=\"0\"]').click()")
    assert browser.execute_script(axis) == whole
    assert browser.get_log("browser") == []


def test_names_in_a_timeline_are_text(browser, trace_file, names):
    opened(browser, trace_file, 500)
    assert browser.execute_script("return document.querySelectorAll('img, .strips script').length") == 0
    titles = browser.execute_script("return [...document.querySelectorAll('.strip [title]')].map((it) => it.title)")
    assert any(names.script in title for title in titles) and any(names.link in title for title in titles)
    assert browser.get_log("browser") == []


def test_without_script_every_step_stands_there(browser, trace_file):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(trace_file.as_uri())
    text = browser.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": []})["strings"]
    assert len({each for each in text if each.startswith("ProfilerStep#") and "s: " in each}) == 3
