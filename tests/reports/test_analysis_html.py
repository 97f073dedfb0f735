"""The page of one trace: it says what the tables say, runs no script but its own, and cannot be broken by a name."""

import html
import re

from events import gpu, host, trace
from launchlens.reports.pages import trace as shown
from launchlens.reports.writers.html import html as written
from launchlens.reports.writers.html import page_file, policy
from launchlens.reports.writers.terminal import text
from launchlens.traces.analysis import analyze, as_document

EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(2)>&{{ 7*7 }}"


def page(rows, **more):
    found = analyze(trace(rows), **more)
    return written(shown.page(as_document(found), [*found.answers().tables.values()]))


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
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", text)]
    assert abs(sum(widths) - 200) < 0.01, "the host's bar and the GPU's are each whole"
    assert "kernels running 0.90 ms" not in text
    assert "900 µs, 90 %" in text


def test_a_hostile_name_stays_text_and_nothing_may_run():
    text = page(
        [
            host("range", EVIL, 0, 100),
            host("api", EVIL, 0, 10, correlation=1),
            gpu("memcpy", 20, 30, 1, copy_kind=EVIL),
            host("range", "x" * 1_000_000, 0, 90),
        ]
    )
    own = f"<script>{page_file('tables.js')}</script>"
    assert text.count("<script") == text.count(own) == 1 and "<img" not in text and "{{ 7*7 }}" in text
    # it sorts tables; what a name could smuggle in has another hash
    assert policy(page_file("tables.js")) in html.unescape(text) and policy("alert(1)") not in html.unescape(text)
    assert len(text) < 100_000
    links = re.findall(r"""(?:src|href)=["']([^"']*)""", text)
    assert all(link == "data:," or (f'id="{link[1:]}"' in text and link[0] == "#") for link in links), links


def test_a_trace_without_gpu_or_launches_says_so():
    assert "No time account: no thread launches anything" in page([host("op", "aten::add", 0, 10)])
    text = page([host("range", "r", 0, 10), host("api", "cudaLaunchKernel", 1, 2, correlation=9)], range_name="r")
    assert "no GPU activity recorded" in text and "not recorded" in text
    assert "GPU idle" not in text, "what was not recorded is not idle"


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
    assert 'title="void k&lt;int&gt;(int)">k</th>' in text, "the whole name is the short one's title"


def test_the_first_screen_has_a_few_rows_and_no_word_of_tables_that_are_absent():
    rows = [host("api", "cudaLaunchKernel", 10 * at, 10 * at + 5, correlation=at + 1) for at in range(12)]
    rows += [gpu("kernel", 20 * at, 20 * at + 1, at + 1, name=f"k{at:02d}") for at in range(12)]
    found = analyze(trace(rows))
    answered = found.answers(["kernels", "communication"])
    document, tables = as_document(found, answered), [*answered.tables.values()]
    screen, whole = (text(shown.blocks(document, tables, **more)) for more in ({"brief": 3}, {}))
    assert "Kernels (3 of 12, by GPU time)" in screen and "table-absent" not in screen and "deviation" not in screen
    assert "communication (no collectives)" in whole and "k11" in whole and "launch costs" in whole
