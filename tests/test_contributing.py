"""Each row of CONTRIBUTING.md, done: the files under tests/contributing/ are put into a copy of the product, with the rows in
lists that the page names, and the commands show what was added."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from traces.made_kinds import make

from made_capture import make_capture
from traces import made_recorder

ROOT = Path(__file__).parents[1]
ADDED = Path(__file__).parent / "contributing"
PAGE = ROOT / "CONTRIBUTING.md"
PAGES = (PAGE, ROOT / "docs" / "architecture.md")


@dataclass(frozen=True)
class Row:
    """A line of `file` with what is put before it."""

    file: str
    line: str
    before: str


@dataclass(frozen=True)
class Addition:
    """What a contributor does: new files, by where they go, and rows in lists. `what` is the first cell of the page's row."""

    what: str
    files: dict[str, Path]
    rows: tuple[Row, ...] = ()


def own(*names: str) -> dict[str, Path]:
    return {name: ADDED / name for name in names}


def listed(file: str, *rows: tuple[str, str]) -> tuple[Row, ...]:
    """Rows of one file: a line, and what is put before it."""
    return tuple(Row(file, line, before) for line, before in rows)


ADDITIONS = (
    Addition("a variant", own("kernels/small_copies/item_by_item.py")),
    Addition(
        "a kind of test for claims",
        own("traces/claims/kinds_of_test/rounds.py"),
        listed(
            "traces/claims/read.py",
            ("from launchlens.traces.problems", "from launchlens.traces.claims.kinds_of_test.rounds import Rounds\n"),
            ("        NeedsProbe,\n", "        Rounds,\n"),
        ),
    ),
    Addition(
        "an analysis of a trace",
        own("traces/analyses/longest.py"),
        listed(
            "traces/analyses/catalogue.py",
            (
                "from launchlens.traces.analyses.operators",
                "from launchlens.traces.analyses.longest import LONGEST\n",
            ),
            ("    KERNELS,\n", "    LONGEST,\n"),
        ),
    ),
    Addition(
        "a section of the report",
        own("reports/sections/rounds.py"),
        listed(
            "reports/pages/capture.py",
            ("from launchlens.traces.claims", "from launchlens.reports.sections.rounds import rounds\n"),
            ("    lambda asked: timing(asked.study),\n", "    lambda asked: rounds(asked.study),\n"),
        ),
    ),
    Addition(
        "a recorder",
        {"traces/readers/made_up.py": Path(made_recorder.__file__)},
        listed(
            "traces/readers/catalogue.py",
            ("from launchlens.traces.readers.reader", "from launchlens.traces.readers.made_up import READER\n"),
            ("    TABLES,\n", "    READER,\n"),
        ),
    ),
    Addition(
        "a check of the data gate",
        own("traces/gate/few_rounds.py"),
        (
            *listed(
                "traces/gate/catalogue.py",
                (
                    "from launchlens.traces.gate.check import Check",
                    "from launchlens.traces.gate.few_rounds import few_rounds\n",
                ),
                (
                    '    Check("rounds-incomplete", "nothing", rounds.incomplete),\n',
                    '    Check("rounds-few", "nothing", few_rounds),\n',
                ),
            ),
            *listed(
                "traces/problems.py",
                (
                    '    "rounds-incomplete": (\n',
                    '    "rounds-few": ("warning", "There are fewer rounds than I go by."),\n',
                ),
            ),
        ),
    ),
    Addition(
        "a collector",
        own("profiling/collectors/stopwatch.py"),
        listed(
            "profiling/collectors/catalogue.py",
            (
                "from launchlens.profiling.collectors.torch_profiler",
                "from launchlens.profiling.collectors.stopwatch import Stopwatch\n",
            ),
            ("FALLBACK)}", "Stopwatch(), "),
        ),
    ),
    Addition(
        "a probe",
        own(
            "profiling/probes/empty_loop/probe.py",
            "traces/captures/probe_codes/empty_loop.py",
            "reports/words/probes/empty_loop.py",
        ),
        (
            *listed(
                "profiling/probes/catalogue.py",
                (
                    "from launchlens.profiling.probes.method",
                    "from launchlens.profiling.probes.empty_loop import probe as empty_loop\n",
                ),
                ("        _listed(launch_floor),\n", "        _listed(empty_loop),\n"),
            ),
            *listed(
                "traces/captures/probe_codes/catalogue.py",
                ("    launch_floor,\n", "    empty_loop,\n"),
                ("        launch_floor,\n", "        empty_loop,\n"),
            ),
            *listed(
                "reports/words/probes/catalogue.py",
                ("    launch_floor,\n", "    empty_loop,\n"),
                ("        launch_floor,\n", "        empty_loop,\n"),
            ),
        ),
    ),
    Addition("a command", own("commands/kinds.py"), listed("cli.py", ('    "doctor",\n', '    "kinds",\n'))),
)

CLAIMS = """
[[claim]]
id = "often-enough"
text = "copy_ was timed in five rounds or more"
source = "a test"

[[claim.test]]
kind = "rounds"
variant = "copy_"
at_least = 5
because = "fewer give no interval"
"""

#: Runs the probe, which the command would do on a GPU only, into the capture that is named first; then command lines, all in
#: one process, for they import the same. Prints exit code, stdout and stderr of each.
DRIVER = """
import gc, json, sys
gc.set_threshold(10_000, 20, 100)
from pathlib import Path
from typer.testing import CliRunner
from launchlens.cli import app
from launchlens.profiling.probes.catalogue import CATALOGUE
from launchlens.profiling.probes.method.bench import Bench
from launchlens.traces.captures.probes import write_probes
write_probes(Path(sys.argv[1]), [CATALOGUE["empty-loop"].probe(Bench(None, ()))])
done = [CliRunner().invoke(app, line) for line in json.load(sys.stdin)]
print(json.dumps([[each.exit_code, each.stdout, each.stderr] for each in done]))
"""


def copied(tree: Path) -> Path:
    """The product, less the captures that ship; importable as launchlens. What Python has compiled of it comes along."""
    left_out = shutil.ignore_patterns("recorded")
    for folder in ("commands", "kernels", "profiling", "reports", "traces"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=left_out)
    for name in ("__init__.py", "cli.py"):
        shutil.copy2(ROOT / name, tree / name)
    (tree / ".typecheck").mkdir()
    (tree / ".typecheck" / "launchlens").symlink_to("..")
    return tree


def add(tree: Path, addition: Addition) -> None:
    for name, source in addition.files.items():
        assert not (tree / name).exists()
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, tree / name)
    for row in addition.rows:
        path = tree / row.file
        text = path.read_text()
        assert text.count(row.line) >= 1, f"{row.file} has no line {row.line!r} any more"
        path.write_text(text.replace(row.line, row.before + row.line, 1))


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the commands of a launchlens with everything added say, by the words of the command line."""
    folder = tmp_path_factory.mktemp("house")
    tree = copied(folder / "launchlens")
    for addition in ADDITIONS:
        add(tree, addition)
    capture = make_capture(folder / "capture")
    trace = make("two-streams.json", folder)
    recorded = made_recorder.write(folder / "mine.made-up")
    (folder / "claims.toml").write_text(CLAIMS)
    lines = {
        "variants": ["variants", "--json"],
        "claims": ["claims", capture, "--claims", folder / "claims.toml", "--json"],
        "analyze": ["analyze", trace, "--full", "--html", folder / "trace.html"],
        "document": ["analyze", trace, "--json"],
        "questions": ["analyze", "--list"],
        "csv": ["analyze", trace, "--format", "csv", "--table", "longest"],
        "report": ["report", capture, "--output", folder / "report.html"],
        "recorder": ["analyze", recorded, "--json"],
        "doctor": ["doctor", "--json"],
        "profile": [*("profile", "--device", "cpu", "--collector", "stopwatch", "--rounds", "5", "--iterations", "5"),
                    *("--variant", "foreach", "--output", folder / "measured")],
        "probe": ["probe", "--list", "--json"],
        "kinds": ["kinds"],
        "help": ["--help"],
    }  # fmt: skip
    asked = json.dumps([[str(word) for word in line] for line in lines.values()])
    environment = os.environ | {"PYTHONPATH": str(tree / ".typecheck"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", DRIVER, str(capture)]
    done = subprocess.run(
        command, input=asked, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = dict(zip(lines, json.loads(done.stdout.splitlines()[-1]), strict=True))
    pages = {name: (folder / f"{name}.html").read_text() for name in ("trace", "report")}
    return found, pages, folder


def stdout(said, name: str) -> str:
    code, out, err = said[0][name]
    assert code == 0, out + err
    text: str = out
    return text


def test_a_variant(said):
    rows = {row["name"]: row for row in json.loads(stdout(said, "variants"))["variants"]}
    assert rows["item-by-item"]["says"] == "each element of each tensor, one after the other"


def test_a_kind_of_test_for_claims(said):
    (claim,) = json.loads(stdout(said, "claims"))["claims"]
    assert (
        claim["verdict"] == "supported"
        and claim["test"] == "rounds of copy_ at least 5, because fewer give no interval"
    )


def test_an_analysis_of_a_trace(said):
    assert stdout(said, "csv").splitlines() == ["name,host_ns", "## forward ##,900000"]
    assert "Longest range" in stdout(said, "analyze") and "Longest range" in said[1]["trace"]
    found = json.loads(stdout(said, "document"))["tables"]["longest"]
    assert found["rows"] == [{"name": "## forward ##", "host_ns": 900000}]
    assert found["columns"][1] == {"name": "host_ns", "unit": "ns", "meaning": "how long it was open"}
    assert "Which range was open longest?" in stdout(said, "questions")


def test_a_section_of_the_report(said):
    stdout(said, "report")
    assert "How often each was timed" in said[1]["report"]


def test_a_recorder(said):
    # that every command takes it, tests/traces/test_source.py tries
    assert json.loads(stdout(said, "recorder"))["source"]["recorded_by"] == "made-up"


def test_a_check_of_the_data_gate(said):
    for text in (stdout(said, "report"), said[1]["report"]):
        assert "There are fewer rounds than I go by" in text and "of 1000" in text


def test_a_collector(said):
    assert "stopwatch" in [row["name"] for row in json.loads(stdout(said, "doctor"))["checks"]]
    pytest.importorskip("torch", reason="measuring needs torch")
    stdout(said, "profile")
    (trace,) = json.loads((said[2] / "measured" / "manifest.json").read_text())["traces"]
    assert trace["collector"] == "stopwatch" and (said[2] / "measured" / trace["path"]).exists()


def test_a_probe(said):
    rows = {row["name"]: row["asks"] for row in json.loads(stdout(said, "probe"))["probes"]}
    assert rows["empty-loop"] == "What does an empty loop cost?"
    assert "A turn that does nothing takes" in stdout(said, "report") and "one turn" in said[1]["report"]


def test_a_command(said):
    assert "ratio" in stdout(said, "kinds").splitlines()
    assert "List every kind of test that a claim may have." in stdout(said, "help")


# -- the pages


def table() -> dict[str, list[str]]:
    """The cells of each row of the page's table, by the first."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return {row[0]: row[1:] for row in rows[1:] if not set(row[0]) <= set("- ")}


def paths(text: str) -> list[str]:
    """What stands in code and looks like a path in the repository; NAME stands for what a contributor calls it."""
    spans = re.findall(r"`([^`\s]+)`", text)
    return [
        span for span in spans if re.fullmatch(r"[\w./-]+", span) and ("/" in span or span.endswith((".py", ".md")))
    ]


def test_the_page_has_a_row_for_each_addition_and_names_its_files():
    rows = table()
    assert [addition.what for addition in ADDITIONS] == list(rows)
    for addition in ADDITIONS:
        written, listed = (paths(cell) for cell in rows[addition.what][:2])
        patterns = [re.compile(re.escape(path).replace("NAME", r"\w+").replace("WORKLOAD", r"\w+")) for path in written]
        for name in addition.files:
            assert any(pattern.fullmatch(name) for pattern in patterns), f"{name} is none of {written}"
        assert {row.file for row in addition.rows} == set(listed)


def exists(path: str, folder: Path = ROOT) -> bool:
    """Whether it is there; of a pattern, whether the folder is that holds what it stands for."""
    fixed = re.split(r"[^/]*(?:NAME|WORKLOAD)", path)[0]
    return (folder / fixed).exists() and (fixed != path or not path.endswith("/") or (folder / path).is_dir())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_on_the_page_exists(page):
    count = 0
    for line in page.read_text().splitlines():
        # a row about a folder names what is in it as seen from there
        about = re.match(r"\| `([\w./]+/)` \|", line)
        folders = [ROOT, *([ROOT / about[1]] if about else [])]
        for path in paths(line):
            assert any(exists(path, folder) for folder in folders), path
            count += 1
    assert count > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_on_the_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
