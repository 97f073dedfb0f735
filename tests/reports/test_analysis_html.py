"""The page of one trace: it says what the tables say, runs no script but its own, and cannot be broken by a name."""

import html
import re
from pathlib import Path

import pytest

from events import gpu, host, trace
from launchlens.reports.pages import trace as shown
from launchlens.reports.writers.html import html as written
from launchlens.reports.writers.html import page_file, policy
from launchlens.reports.writers.terminal import text
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.problems import InputError
from launchlens.traces.source import open_trace

PAIRS = Path(__file__).parents[1] / "data" / "pairs"
EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(2)>&{{ 7*7 }}"


def page(rows, **more):
    found = analyze(trace(rows), **more)
    answered = found.answers()
    return written(shown.page(as_document(found, answered), [*answered.tables.values()], found.timelines()))


def test_the_page_holds_the_account_to_the_nanosecond():
    text = page(
        [
            host("range", "step", 0, 1_000_000),
            host("api", "cudaLaunchKernel", 10, 5_010, correlation=1),
            gpu("kernel", 6_000, 906_000, 1),
        ],
        range_name="step",
    )
    assert "1,000,000" in text and "cudaLaunchKernel" in text
    widths = [float(width) for width in re.findall(r'style="width:([\d.]+)%', text)]
    assert abs(sum(widths) - 200) < 0.01, "the host's bar and the GPU's are each whole"
    assert "kernels running 0.90 ms" not in text
    assert "900 µs, 90 %" in text


def test_a_table_is_not_called_again_what_the_heading_calls_it():
    text = page(
        [
            host("range", "step", 0, 100),
            host("api", "cudaLaunchKernel", 10, 20, correlation=1),
            gpu("kernel", 30, 90, 1),
        ]
    )
    named = re.findall(r'<section id="(.*?)".*?<h2.*?>(.*?)</h2>(.*?)</section>', text, re.DOTALL)
    captions = {id: re.findall("<caption>(.*?)</caption>", inside) for id, _, inside in named}
    assert "table-kernels" in captions and any(captions.values())
    assert not [title for id, title, _ in named if title in captions[id]]


def test_a_hostile_name_stays_text_and_nothing_may_run():
    text = page(
        [
            host("range", EVIL, 0, 100),
            host("api", EVIL, 0, 10, correlation=1),
            gpu("memcpy", 20, 30, 1, copy_kind=EVIL),
            host("range", "x" * 1_000_000, 0, 90),
        ]
    )
    own = [page_file(name) for name in ("tables.js", "timeline.js")]
    assert (
        re.findall("<script.*?>(.*?)</script>", text, re.DOTALL) == own and "<img" not in text and "{{ 7*7 }}" in text
    )
    # these sort tables and find one's way; what a name could smuggle in has another hash
    assert policy(*own) in html.unescape(text) and policy("alert(1)") not in html.unescape(text)
    assert len(text) < 100_000
    links = re.findall(r"""(?:src|href)=["']([^"']*)""", text)
    assert all(link == "data:," or (f'id="{link[1:]}"' in text and link[0] == "#") for link in links), links


def test_a_trace_without_gpu_or_launches_says_so():
    assert "No time account: no thread launches anything" in page([host("op", "aten::add", 0, 10)])
    text = page([host("range", "r", 0, 10), host("api", "cudaLaunchKernel", 1, 2, correlation=9)], range_name="r")
    assert "no GPU activity recorded" in text and "not recorded" in text
    # what was not recorded is not idle: neither in bars nor in the timeline, and in the steps' column it is said
    assert "</i>GPU idle" not in text and "GPU idle:" not in text and "by cause" not in text
    heads = re.findall("<th.*?>(.*?)</th>", re.search(r'<section id="table-steps".*?</thead>', text, re.DOTALL)[0])
    ((_, cells),) = rows_of(text, "steps").items()
    assert cells[heads.index("GPU idle")][0] == "not recorded"


def test_the_same_analysis_gives_the_same_page():
    rows = [host("api", "cudaLaunchKernel", 0, 5, correlation=1), gpu("kernel", 6, 8, 1)]
    assert page(rows) == page(rows)


def test_every_analysis_is_a_section_whose_numbers_can_be_sorted_by_their_values():
    rows = [
        host("api", "cudaLaunchKernel", 0, 5, correlation=1),
        gpu("kernel", 6, 2_000_008, 1, name="void k<int>(int)"),
    ]
    text = page(rows)
    for id in ("table-kernels", "table-streams", "table-latency", "table-launch_queue"):
        assert f'<section id="{id}"' in text
    assert 'data-value="2000002">2.00 ms<' in text
    assert re.search(r'title="void k&lt;int&gt;\(int\)"><a href="#work-\d+">k</a></th>', text), (
        "the whole name is the short one's title, which leads to the timeline"
    )


def test_the_first_screen_has_a_few_rows_and_no_word_of_tables_that_are_absent():
    rows = [host("api", "cudaLaunchKernel", 10 * at, 10 * at + 5, correlation=at + 1) for at in range(12)]
    rows += [gpu("kernel", 20 * at, 20 * at + 1, at + 1, name=f"k{at:02d}") for at in range(12)]
    found = analyze(trace(rows))
    answered = found.answers(["kernels", "communication"])
    document, tables = as_document(found, answered), [*answered.tables.values()]
    screen, whole = (text(shown.blocks(document, tables, **more)) for more in ({"brief": 3}, {}))
    assert "Kernels (3 of 12, by GPU time)" in screen and "table-absent" not in screen and "deviation" not in screen
    assert "communication (no collectives)" in whole and "k11" in whole and "launch costs" in whole


# -- the timeline, and what leads where


STEPS = [1_000_000, 1_000_000, 2_000_000]


def three_steps():
    """Three steps, the last of them twice as long; in each a read that the host waits for, and a kernel after it."""
    rows, number, at = [], 0, 0
    for step, length in enumerate(STEPS):
        rows.append(host("range", f"ProfilerStep#{step + 4}", at, at + length - 1_000))
        rows.append(host("range", "body", at + 5_000, at + length - 5_000))
        rows.append(host("op", "aten::item", at + 8_000, at + 60_000))
        for start, kind, call, name in (
            (10_000, "memcpy", "cudaMemcpyAsync", "Memcpy DtoH"),
            (350_000, "kernel", "cudaLaunchKernel", "void k<int>(int)"),
        ):
            number += 1
            rows.append(host("api", call, at + start, at + start + 5_000, correlation=number))
            more = {"copy_kind": "DtoH", "bytes": 4} if kind == "memcpy" else {}
            rows.append(gpu(kind, at + start + 6_000, at + start + 40_000, number, name=name, **more))
        rows.append(host("api", "cudaStreamSynchronize", at + 20_000, at + 55_000, correlation=90 + number))
        at += length
    return rows


@pytest.fixture(scope="module")
def pictured():
    return page(three_steps())


def boxes(text, step):
    """The boxes of a step by the title of their lane: (style, what stands in it, what it leads to, its own name, what it says)."""
    figure = re.search(rf'<figure class="strips" id="step-{step}-lanes".*?</figure>', text, re.DOTALL)[0]
    lanes = {}
    for title, inner in re.findall(r'<p class="of">(.*?)</p>\n<div class="strip.*?">(.*?)</div>', figure, re.DOTALL):
        found = []
        for tag in re.findall(r"<[ai] class=.*?</[ai]>", inner):
            of = {name: value for name, value in re.findall(r'(class|href|id|title)="([^"]*)"', tag)}
            found.append(
                (of["class"], re.search("<span>(.*?)</span>", tag)[1], of.get("href"), of.get("id"), of["title"])
            )
        lanes[title] = found
    return lanes


def rows_of(text, table):
    """The rows of a table on the page by their names: (text, where it leads to) of each cell."""
    section = re.search(rf'<section id="table-{table}".*?</section>', text, re.DOTALL)[0]
    return {
        id: [
            (re.sub("<.*?>", "", cell), (re.findall(r'href="#(.*?)"', cell) or [None])[0])
            for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)
        ]
        for id, row in re.findall(r'<tr id="(.*?)">(.*?)</tr>', section, re.DOTALL)
    }


def test_the_median_step_is_shown_first_then_the_odd_first_and_last_ones(pictured):
    names = re.findall(r'<option value="\d">(.*?)</option>', pictured)
    assert [name.split(":")[0] for name in names] == [
        "ProfilerStep#5, 1.00 ms",
        "ProfilerStep#6, 2.00 ms",
        "ProfilerStep#4, 999 µs",
    ]
    assert names[0].endswith("the median one") and names[1].endswith("the last") and names[2].endswith("the first")
    sections = re.findall('<section id="(.*?)"', pictured)
    assert sections.index("verdict") == 0 and sections.index("timeline") < sections.index("account")


def test_lanes_are_ranges_threads_gaps_and_streams(pictured):
    lanes = boxes(pictured, 2)
    assert list(lanes) == ["ranges of the author", "thread 1", "GPU 0 idle, by cause", "GPU 0, stream 7"]
    assert [text for _, text, *_ in lanes["ranges of the author"]] == ["body"]
    # what a thread is in has a letter beside its colour, and so has what a gap is for
    assert {(style, text[0]) for style, text, *_ in lanes["thread 1"]} == {
        ("b-python", "P"),
        ("b-dispatch", "D"),
        ("b-launch", "L"),
        ("b-sync", "S"),
    }
    assert [(style, text) for style, text, *_ in lanes["GPU 0 idle, by cause"]] == [("b-python", "P Python")] * 3
    assert [text for _, text, *_ in lanes["GPU 0, stream 7"]] == ["Memcpy DtoH", "k"]
    legend = re.search(r'<ul class="legend" aria-label="Letters.*?</ul>', pictured, re.DOTALL)[0]
    for letter, words in (("P", "Python"), ("S", "synchronisation"), ("D", "framework op")):
        assert f">{letter}</i>{words}</li>" in legend


def test_every_gap_leads_to_its_row_and_the_row_back_to_the_gap(pictured):
    idle = rows_of(pictured, "idle")
    there = {}
    for step in (1, 2, 3):
        for _, _, href, id, says in boxes(pictured, step)["GPU 0 idle, by cause"]:
            row = idle[href.removeprefix("#")]
            if id:
                assert row[0][1] == id, "its row leads back to it"
                there[id] = says
            assert row[3][0] == "host in Python, between ops" and row[3][1] in rows_of(pictured, "idle_causes")
    assert len(there) == len(idle) == 7
    assert any(
        says.startswith("GPU idle: Python, 306 µs") and "between Memcpy DtoH and k" in says for says in there.values()
    )


def test_kernels_waits_and_steps_lead_to_their_place_and_back(pictured):
    lanes = boxes(pictured, 2)
    (_, _, href, id, _) = next(box for box in lanes["GPU 0, stream 7"] if box[1] == "k")
    assert rows_of(pictured, "kernels")[href.removeprefix("#")][0] == ("k", id)
    (copy,) = [box for box in lanes["GPU 0, stream 7"] if box[0] == "b-memcpy"]
    assert rows_of(pictured, "copies")[copy[2].removeprefix("#")][0][0] == "DtoH"
    (wait,) = [box for box in lanes["thread 1"] if box[0] == "b-sync"]
    assert rows_of(pictured, "syncs")[wait[2].removeprefix("#")][0][0] == "cudaStreamSynchronize"
    steps = rows_of(pictured, "steps")
    assert [row[0] for row in steps.values()] == [
        (f"ProfilerStep#{number + 3}", f"step-{number}") for number in (1, 2, 3)
    ]


def test_every_link_of_a_page_leads_somewhere_and_no_name_stands_twice(pictured):
    ids = re.findall(r'\bid="([^"]*)"', pictured)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', pictured)) <= set(ids)


@pytest.fixture(scope="module")
def real():
    found = analyze(open_trace(PAIRS / "log-each-step.before.json.gz"))
    answered = found.answers()
    document = as_document(found, answered)
    return document, written(shown.page(document, [*answered.tables.values()], found.timelines()))


def test_figures_of_verdict_and_advice_lead_to_the_rows_that_they_rest_on(real):
    document, text = real
    assert (document.verdict.bound_by, document.verdict.part) == ("host", "host-dispatch")
    share, part = (f"{100 * value:.0f} %" for value in (document.verdict.share, document.verdict.part_share))
    row = next(id for id, row in rows_of(text, "idle_causes").items() if row[0][0] == "host in framework ops")
    assert f'<a href="#table-idle_causes">{share}</a> of the time' in text
    assert f'<a href="#{row}">{part}</a> while it is in framework ops' in text
    rests_on = {id: code for id, code in re.findall(r'<tr id="(advice_rows-\d+)">\s*<th.*?>([a-z-]+)</span>', text)}
    for advice in document.advice:
        low, high = advice.share_of_step
        (anchor,) = re.findall(rf'would save <a href="#(.*?)">{100 * low:.0f} to {100 * high:.0f} %</a>', text)
        assert rests_on[anchor] == advice.code
    (median,) = re.findall(
        r'<select data-choose="timelines">.*?<div class="part"><h3 id="step-(\d+)"', re.sub(r"\n", "", text)
    )
    lanes = boxes(text, median)
    assert [title for title in lanes if title.startswith("advice")] == [
        f"advice {number}: {advice.code}" for number, advice in enumerate(document.advice, 1)
    ]


def test_what_is_not_drawn_by_itself_is_said_and_the_page_stays_small(real):
    _, text = real
    assert re.search(r"Dashed boxes stand for several: [\d,]+ pieces too short", text)
    assert len(text) < 2_000_000
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)


def test_a_step_is_asked_for_by_name_number_or_place():
    found = analyze(trace(three_steps()))
    for asked in ("ProfilerStep#6", "6", "3"):
        assert found.timelines(asked)[0].name == "ProfilerStep#6", asked
    assert found.timelines("6")[0].why == "asked for, odd in GPU idle: host-python +100 %, the last"
    for asked in ("7", "0", "ProfilerStep#7", "٣", "x" * 5000, "9" * 5000):
        with pytest.raises(InputError, match="from 'ProfilerStep#4' to 'ProfilerStep#6'"):
            found.timelines(asked)


def test_the_first_screen_says_the_steps_and_no_cause_without_gaps():
    found = analyze(trace(three_steps()))
    answered = found.answers(["kernels", "idle_causes", "steps"])
    document, tables = as_document(found, answered), [*answered.tables.values()]
    screen = text(shown.blocks(document, tables, brief=8))
    assert "The median of 3 steps (`ProfilerStep#*`) takes 1.00 ms, under the profiler." in screen
    assert screen.count("ProfilerStep") == 1, "the table of steps is not on it"
    waited = screen.split("What the GPU waited for")[1].split("time account")[0]
    assert "host in Python, between ops" in waited and "host in launch calls" not in waited
    assert "--html FILE" in screen and "--html FILE" not in text(shown.blocks(document, tables))
    causes = answered.tables["idle_causes"].frame
    assert set(causes["cause"]) > {"host-python"}, "the table has parts of others"


def test_the_first_screen_leaves_out_causes_that_weigh_nothing(real):
    document, _ = real
    found = analyze(open_trace(PAIRS / "log-each-step.before.json.gz"))
    answered = found.answers(["idle_causes"])
    causes = answered.tables["idle_causes"].frame
    heavy = int((causes["share"] >= 0.01).sum())
    assert 0 < heavy < int((causes["count"] > 0).sum())
    screen = text(shown.blocks(document, [*answered.tables.values()], brief=8))
    assert f"What the GPU waited for ({heavy} of {int((causes['count'] > 0).sum())}, by time)" in screen


def test_each_device_has_a_lane_of_gaps_which_lead_to_its_own_rows():
    rows = []
    for at in range(6):
        start, device = 100_000 * at, at % 2
        rows.append(host("api", "cudaLaunchKernel", start, start + 5_000, correlation=at + 1))
        rows.append(gpu("kernel", start + 6_000, start + 20_000, at + 1, device=device, name="k"))
    text = page(rows)
    (name,) = set(re.findall(r'id="step-(\d+)-lanes"', text))
    lanes, idle = boxes(text, name), rows_of(text, "idle")
    for device in ("0", "1"):
        gaps = lanes[f"GPU {device} idle, by cause"]
        assert len(gaps) >= 2
        for _, _, href, id, _ in gaps:
            cause = href.removeprefix("#")
            if cause in idle:  # a short gap is not listed: it leads to its cause
                row = idle[cause]
                assert row[0][1] == id and row[2][0] == device
                cause = row[3][1]
            assert rows_of(text, "idle_causes")[cause][-1][0] == device
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)


def test_the_instances_of_a_range_are_told_apart_by_their_numbers():
    text = page(three_steps(), range_name="body")
    names = [name.split(":")[0] for name in re.findall(r'<option value="\d">(.*?)</option>', text)]
    assert names == ["body, number 2, 990 µs", "body, number 3, 1.99 ms", "body, number 1, 990 µs"]
    assert "From where it begins to the end of its own last work." in text
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)
    for row in rows_of(text, "idle").values():
        assert row[0][1] is None or row[0][1].startswith("gap-"), "a name that all steps have leads to none of them"


def test_the_figures_of_several_devices_lead_to_what_limits_each():
    rows = []
    for number in range(3):
        at = 100_000 * number
        rows.append(host("range", f"ProfilerStep#{number}", at, at + 100_000))
        for device, took in ((0, 10_000), (0, 1_000), (1, 80_000)):
            at += 3_000
            rows.append(host("api", "cudaLaunchKernel", at, at + 1_000, correlation=len(rows)))
            rows.append(gpu("kernel", at + 2_000, at + 2_000 + took, len(rows) - 1, device=device))
    text = html.unescape(page(rows))
    assert "That is device 0, which does most. What limits its others: the GPU itself, " in text
    assert re.search(r'<a href="#table-kernels">\d+ %</a> of device 1', text)
