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
