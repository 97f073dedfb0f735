"""Pages of docs/ that a command makes are what that command prints today."""

import re
import sys
from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

import shipped
from format_pages import format_pages
from launchlens.cli import app
from launchlens.reports.words.markdown import cell
from launchlens.reports.words.probes.cells import cell_text
from launchlens.reports.words.probes.page import markdown
from launchlens.traces.analyses.catalogue import CATALOGUE
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.marks import MANIFEST
from launchlens.traces.captures.probes import read_probes, write_probes
from launchlens.traces.captures.recorded import FOLDER, describe_recorded
from made_capture import make_capture
from made_probes import ALL
from python_pages import python_pages
from statistics_page import statistics_page

DOCS = Path(__file__).parents[1] / "docs"
COMMANDS_HEAD = """# Commands

What each command's `--help` says; `make docs` writes this page.
"""

CLAIMS_HEAD = """# The note's claims, tested

What `launchlens claims --markdown` prints of the captures that ship (traces/recorded/README.md says how each was made);
`make docs` writes this page. To write down and test claims of your own: [own_claims.md](own_claims.md).

"""


#: The line of the README that counts verdicts.
CLAIMS_SENTENCE = re.compile(r"^Of the note's \d+ claims: .*$", re.MULTILINE)


def commands_page() -> str:
    """Every command's help, as `docs/commands.md` holds it."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    names = ["", *(name for name, command in commands.items() if not command.hidden)]
    parts = [COMMANDS_HEAD]
    for name in names:
        arguments = [*([name] if name else []), "--help"]
        text = CliRunner().invoke(app, arguments, prog_name="launchlens", terminal_width=100).stdout
        parts.append(f"## {name or 'launchlens'}\n\n```text\n{text.strip()}\n```\n")
    return "\n".join(parts)


def claims_page() -> str:
    """The note's claims against all shipped captures, as `docs/claims.md` holds them."""
    return CLAIMS_HEAD + shipped.claims_printed()["markdown"]


def claims_sentence() -> str:
    """How many claims of the note got which verdict, as the README says it."""
    count, told = re.findall(r"^(\d+) claims: (.*)\.$", claims_page(), re.MULTILINE)[-1]
    return f"Of the note's {count} claims: {told} ([docs/claims.md](docs/claims.md))."


RECORDED_HEAD = """# Measured on an H100 and an H200

The tables of `launchlens report` for every capture that ships (traces/recorded/README.md says how each was made); `make docs`
writes this page. Times are of different runs minutes apart, and the host drifts: compare within a table.
"""


def recorded_page() -> str:
    """The timing tables of every shipped capture, as `docs/measured.md` holds them."""
    parts = [RECORDED_HEAD]
    for manifest in sorted(FOLDER.glob("*/manifest.json")):
        text = shipped.printed("report", manifest.parent)
        tables = [block.rstrip() for block in text.split("\n\n") if "unprofiled, " in block.splitlines()[0]]
        lines = [line.rstrip() for table in tables for line in [*table.splitlines(), ""]]
        parts.append(f"## {manifest.parent.name}\n\n```text\n" + "\n".join(lines).strip() + "\n```\n")
    return "\n".join(parts)


PROBES_HEAD = """# What the probes found

The probes.json of every capture that ships with one (traces/recorded/README.md says how each was made); `make docs` writes this
page. What a probe is, and what each of them does: [definitions.md](definitions.md#probes). The result of held-sms, which is no longer
made, has a page of its own: [held_sms.md](held_sms.md).
"""


def probes_page(folder: Path = FOLDER) -> str | None:
    """What the probes of the shipped captures found, as `docs/probes.md` holds it; None where none of them holds any."""
    parts = []
    for capture in sorted(manifest.parent for manifest in folder.glob(f"*/{MANIFEST}")):
        probes = [probe for probe in read_probes(capture).values() if probe.id != HELD_SMS]
        if probes:
            source = describe_recorded(read_capture(capture).manifest)
            parts.append(f"## {capture.name}\n\n{markdown(probes, source)}")
    return "\n".join([PROBES_HEAD, *parts]) if parts else None


HELD_SMS = "held-sms"
HELD_SMS_HEAD = """# Kernels beside a held block

An experiment of an earlier version, which was recorded once and is no longer made: it answered no question that a user of launchlens
has. Its result stays in `traces/recorded/small-copies-all-h100/probes.json`, reports show it, and `make docs` writes this page from it.

## The question

While the probe `copy-engine` was made, one block of 1,024 threads sat on every SM, and half of the threads of each SM were free. Some
kernels started beside such blocks and some did not, though by threads, registers and shared memory all of them would have fit. What decides?

## The method

A kernel with one block on each SM waits for a word in pinned host memory. Meanwhile another kernel is launched on a stream of its own: it
starts, or it waits until the block is let go. Both kernels were changed in one thing at a time: preferred carve-out of shared memory,
threads per block, shared memory, local memory, registers, code that never ran before, stream, number of blocks. A change flips it where the
kernel starts at one level and waits at another. Only pairs that fit an SM by its totals are compared.

## What was found
"""


def held_sms_page() -> str:
    """The finding of the probe held-sms, as `docs/held_sms.md` holds it."""
    capture = FOLDER / "small-copies-all-h100"
    probe = read_probes(capture)[HELD_SMS]
    varied = probe.tables[0]
    lines = [f"## {varied.title}", "", f"| {' | '.join(varied.columns)} |", f"|{' --- |' * len(varied.columns)}"]
    lines += [f"| {' | '.join(cell(cell_text(it)) for it in row)} |" for row in varied.rows]
    found = markdown([probe], describe_recorded(read_capture(capture).manifest))
    return f"{HELD_SMS_HEAD}\n{found}\n" + "\n".join(lines) + "\n"


AGREEMENT_HEAD = """# Three recorders, one workload

What `python cli.py profile --collector all` found on an NVIDIA H100 (driver 580.159.04, CUDA 13.0, torch 2.11.0, Nsight Systems
2025.3, cupti-python 13.0.1): the usual variants of `small-copies`, recorded by torch.profiler, by Nsight Systems and by CUPTI, each in a
run of its own. The capture ships as `traces/recorded/small-copies-h100`, its Nsight exports scrubbed; `python cli.py report
traces/recorded/small-copies-h100 --format markdown --table agreement` prints the table again, and `make docs` writes it here.

"""
AGREEMENT_TAIL = """
Counts must agree exactly, and GPU times within 3 %, or one step of the GPU's clock; a figure that must agree and does not is `amiss`.
API and queue time are not meant to agree, nor is inflation: what a recorder costs is its own. The host of this virtual machine drifts
between runs by more than recorders differ, so API times of different columns carry that as well; inflation doesn't, being held
against times taken just before in a process of the same kind. CUPTI's is the lowest of the three in every eager row, and in none of a
graph. A host drifts within a recording as well. How each figure is defined: [definitions.md](definitions.md).

## Kernel tables of Holistic Trace Analysis

`python benchmarks/kernels_of_hta.py --python HTA_PYTHON TRACE...` holds the GPU time of each kernel's name against what HTA 0.5.0 makes of
the same files. HTA cuts every start up and every end down to a whole microsecond, drops GPU work whose launch is not in the trace, and
leaves out the last step unless one asks for it (it was asked for). With our rows cut alike 620 of 621 names have the same time:

| traces | names, over all | equal | kernels without a launch, which HTA drops | GPU time of kernels, ours | HTA's |
| --- | ---: | ---: | ---: | ---: | ---: |
| eight training and decoding traces of an H100 (whole ones, of which `tests/data/pairs` are cuts) | 241 | 241 | 1,359 | 113.5 ms | 83.4 ms |
| eight ranks of two jobs on H100s (whole ones, of which `tests/data/golden/ranks` are cuts) | 336 | 336 | 1,271 | 2,641 ms | 2,299 ms |
| five published ones: T4, A100 (two), MI250, and one of torch 1.9 | 44 | 43 | 0 | 31.6 ms | 31.7 ms |

The one that differs is a Triton kernel of 1.76 µs, to which HTA adds the op of the same name: 95 µs. What HTA lacks in time are the
microseconds that it cuts off, one a kernel or so, and the work that it drops. TraceLens can't be installed by its name, which another project
has, and is not compared here; everything else that tables are held to are oracles of our own
([tests/traces/plain_tables.py](../tests/traces/plain_tables.py), [tests/traces/plain_steps.py](../tests/traces/plain_steps.py),
[tests/traces/plain_replay.py](../tests/traces/plain_replay.py)).
"""


def agreement_page() -> str:
    """How far the recorders of the shipped capture agree, as `docs/agreement.md` holds it."""
    table = shipped.printed("report", FOLDER / "small-copies-h100", "--format", "markdown", "--table", "agreement")
    return f"{AGREEMENT_HEAD}{table}{AGREEMENT_TAIL}"


ANALYSES_HEAD = """# Analyses of a trace

The questions that `launchlens analyze` puts to a trace: each has a table. `analyze TRACE` shows the first rows of a few of them,
`--show NAME` one, `--full` all; `--json` holds all under `tables`, and `--format csv --table NAME` writes one. With `--range` they are of
the range alone: host events that begin in it, on whatever thread, and the GPU work that was launched in it; its instances are the steps, unless `--steps` names others. A table that a trace holds
nothing of is absent, and the problem `table-absent` says why. From Python: `launchlens.traces.analysis.analyze(trace).answers(["kernels"]).tables`.

On the page of `--html` all of them can be sorted and searched, and stand below a timeline: of the median step, and to choose of the odd ones, the
first and the last (`--step N`: of any other). Its lanes are the ranges of the author, what each piece of advice rests on, what the threads
are in (`L` launch call, `D` framework op, `S` synchronisation, …), the gaps of the GPU with the colour and the letter of their cause, and what runs
on each stream. Short pieces are joined, dashed, and say how many they are. The figures of the verdict and of advice lead to the rows that they rest on,
boxes of the timeline to the row of their gap, kernel, call or op, and rows to their place in it. `open` and `export --perfetto` mark the same
gaps, advice and steps in a trace whole.

`make docs` writes this page from `traces/analyses/`. What the words mean: [definitions.md](definitions.md).
"""


def analyses_page() -> str:
    """Every analysis with its question and its columns, as `docs/analyses.md` holds them."""
    parts = [ANALYSES_HEAD]
    for each in CATALOGUE:
        needs = ", ".join(need.says.removeprefix("no ") for need in each.needs)
        rows = [f"| `{column.name}` | {column.unit} | {cell(column.meaning)} |" for column in each.columns]
        head = f"## {each.name}\n\n{each.asks} Needs {needs}." + (f" Rows stand {each.order}." if each.order else "")
        parts.append(f"{head}\n\n| column | unit | meaning |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def test_the_analyses_page_is_what_the_catalogue_says():
    assert (DOCS / "analyses.md").read_text() == analyses_page(), "run `make docs`"


def test_the_agreement_page_is_what_report_says():
    assert (DOCS / "agreement.md").read_text() == agreement_page(), "run `make docs`"


def test_the_measured_page_is_what_report_says():
    assert (DOCS / "measured.md").read_text() == recorded_page(), "run `make docs`"


def test_the_page_on_statistics_is_what_the_thresholds_say():
    assert (DOCS / "statistics.md").read_text() == statistics_page(), "run `make docs`"


def test_the_commands_page_is_what_help_says():
    assert (DOCS / "commands.md").read_text() == commands_page(), "run `make docs`"


def test_the_claims_page_is_what_the_command_prints():
    assert (DOCS / "claims.md").read_text() == claims_page(), "run `make docs`"


def test_the_readme_counts_the_verdicts_that_the_claims_page_shows():
    assert CLAIMS_SENTENCE.findall((DOCS.parent / "README.md").read_text()) == [claims_sentence()], "run `make docs`"


def test_the_probes_page_is_what_the_captures_hold():
    page = DOCS / "probes.md"
    assert (page.read_text() if page.exists() else None) == probes_page(), "run `make docs`"


def test_the_page_of_held_sms_is_what_was_recorded():
    assert (DOCS / "held_sms.md").read_text() == held_sms_page(), "run `make docs`"


def test_the_pages_of_formats_are_what_the_structures_say():
    pages = format_pages()
    kept = {path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("formats/*"), DOCS / "formats.md"]}
    assert kept == set(pages), "run `make docs`"
    for name, page in pages.items():
        assert (DOCS / name).read_text() == page, "run `make docs`"


def test_the_pages_on_python_are_what_the_docstrings_say():
    pages = python_pages()
    kept = {path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("python/*"), DOCS / "python.md"]}
    assert kept == set(pages), "run `make docs`"
    for name, page in pages.items():
        assert (DOCS / name).read_text() == page, "run `make docs`"


def test_the_probes_page_has_a_part_for_each_capture_that_holds_probes(tmp_path):
    assert probes_page(tmp_path) is None
    for name in ("first", "second"):
        make_capture(tmp_path / name)
    assert probes_page(tmp_path) is None
    write_probes(tmp_path / "second", ALL)
    text = probes_page(tmp_path)
    assert text is not None and text.startswith(PROBES_HEAD)
    assert re.findall("^## (.*)", text, re.MULTILINE) == ["second"]
    assert len(re.findall("^### ", text, re.MULTILINE)) == len(ALL)


if __name__ == "__main__":
    (DOCS / "agreement.md").write_text(agreement_page())
    (DOCS / "analyses.md").write_text(analyses_page())
    (DOCS / "commands.md").write_text(commands_page())
    (DOCS / "claims.md").write_text(claims_page())
    readme = DOCS.parent / "README.md"
    readme.write_text(CLAIMS_SENTENCE.sub(claims_sentence(), readme.read_text()))
    (DOCS / "measured.md").write_text(recorded_page())
    (DOCS / "held_sms.md").write_text(held_sms_page())
    (DOCS / "statistics.md").write_text(statistics_page())
    pages = format_pages() | python_pages()
    for path in [*DOCS.glob("formats/*.md"), *DOCS.glob("python/*.md")]:
        if path.relative_to(DOCS).as_posix() not in pages:
            path.unlink()
    for name, page in pages.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(page)
    written = [*pages, "analyses.md", "commands.md", "claims.md", "measured.md", "held_sms.md", "statistics.md"]
    found = probes_page()
    if found is not None:
        (DOCS / "probes.md").write_text(found)
        written.append("probes.md")
    else:
        (DOCS / "probes.md").unlink(missing_ok=True)
    sys.stdout.write(f"{', '.join(f'docs/{name}' for name in written)} written\n")
