"""No text of anybody's reaches stdout or stderr with what steers a terminal: an attack in every string of every document.

A document is attacked in as many places at once as it bears and still means the same; where it is refused, or loses what it
holds, that one place is attacked alone.
"""

import ast
import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
import unicodedata
from functools import partial, reduce
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import forked
import msgspec
import pyarrow.parquet as pq
import pytest
from read_once import read_once
from typer.testing import CliRunner

import launchlens
import made_cupti
from launchlens.cli import COMMANDS, app
from launchlens.profiling import doctor
from launchlens.reports import console, progress
from launchlens.reports.streams import clean, clean_json
from launchlens.traces.cache import store
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.probes import read_probes, write_probes
from launchlens.traces.claims.read import NOTE, read_claims
from launchlens.traces.problems import InputError
from launchlens.traces.source import open_trace
from launchlens.traces.sweeps.sweep import read_sweep
from made_capture import make_capture, make_trace
from made_probes import ALL, LAUNCH_COSTS
from made_sweep import make_sweep
from traces import made_ranks

ROOT = Path(__file__).parents[1]
#: A title and a clear screen by escapes of both kinds, a colour, a new start of the line, a turned direction, line ends that are none.
ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m\x1b[8m\r\x08\x0b\x7f\x85\u2028\u2029\u202e\u2066\u200f\u061c!"
#: The same with what only escapes of JSON can spell.
FORMS = ("table", "markdown", "csv", "json")
JSON_ATTACK = f"{ATTACK}\x00\ud800\udc9b"


def steers(character):
    """Whether a terminal takes a character for more than something to show; told by Unicode's own classes."""
    turns = unicodedata.bidirectional(character) in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    marks = character in "\u061c\u200e\u200f"
    return (unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} and character not in "\n\t") or turns or marks


def first_that_steers(text):
    """Where the first character is that steers; None without one."""
    return min((text.index(character) for character in set(text) if steers(character)), default=None)


@pytest.fixture(autouse=True, scope="module")
def shared():
    """The same input is read and worked out once, which takes longest."""
    with read_once():
        yield


def run(*arguments, code=None):
    """Run a command; nothing that it prints may steer a terminal, and nothing that is read may be a fault of ours."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    for text in (result.stdout_bytes.decode("utf-8"), result.stderr_bytes.decode("utf-8")):
        found = first_that_steers(text)
        assert found is None, f"{arguments}: {text[max(0, found - 60) : found + 60]!r}"
    assert result.exit_code in ((0, 1, 2) if code is None else (code,)), f"{arguments}: {result.output}"
    return result.stdout


# -- documents: the places of their strings, and an attack on one


def kind_of(item):
    """Items of a list are attacked by kind: of a trace's events, those that are ranges, kernels, calls ..."""
    return tuple(str(item.get(key)) for key in ("ph", "cat", "kind")) if isinstance(item, dict) else ()


def places(node, place=()):
    """Where strings are, and objects, which may hold keys of anybody's. Items of a list that are alike are one place."""
    if isinstance(node, str):
        yield place
    elif isinstance(node, dict):
        yield (*place, {})
        for key, value in node.items():
            yield from places(value, (*place, key))
    elif isinstance(node, list):
        for item in node:
            yield from places(item, (*place, [kind_of(item)]))


def attacked(node, place, attack):
    """The document with the attack at the end of every string of a place, or as a key and a value of its objects."""
    if not place:
        return node + attack if isinstance(node, str) else node
    first, *rest = place
    if isinstance(first, list):
        return [attacked(item, rest, attack) if [kind_of(item)] == first else item for item in node]
    if isinstance(first, dict):
        return node | {attack: attack}
    return node | {first: attacked(node[first], rest, attack)} if isinstance(node, dict) and first in node else node


def everywhere(document, bears, attack=JSON_ATTACK):
    """The document attacked in all places that it bears, and for each other place the document attacked there alone."""
    distinct = list({repr(place): place for place in places(document)}.values())
    most, alone = borne(document, distinct, lambda node, place: attacked(node, place, attack), bears)
    assert len(alone) < len(distinct)
    return most, [attacked(document, place, attack) for place in alone]


def borne(node, changes, change, bears):
    """The node with as many of the changes as it bears, and the changes that it does not; most bear all: many are tried at once."""
    more = reduce(change, changes, node)
    if not changes or bears(more):
        return more, []
    if len(changes) == 1:
        return node, changes
    half = len(changes) // 2
    node, refused = borne(node, changes[:half], change, bears)
    node, others = borne(node, changes[half:], change, bears)
    return node, [*refused, *others]


# -- traces


def holds(path):
    """What a trace holds, whatever it is called; None for none."""
    try:
        trace = open_trace(path)
    except InputError:
        return None
    return trace.events["kind"].value_counts().to_dict(), int(trace.events["correlation"].notna().sum())


def use(trace, folder):
    """Give a trace to every command that takes one."""
    names = [row["name"] for row in json.loads(run("analyze", trace, "--json", code=0))["ranges"]]
    run("analyze", trace, code=0)
    run("analyze", trace, "--format", "markdown", code=0)
    run("analyze", trace, "--format", "csv", code=0)
    run("analyze", trace, "--html", folder / "out.html", "--force", code=0)
    run("scrub", trace, "-o", folder / f"scrubbed{trace.suffix}", "--force")
    run("export", trace, "--perfetto", "-o", folder / "out.pftrace", "--force")
    run("open", trace, "--no-browser", "--port", 0, "--wait", 0.01)
    if names:
        run("analyze", trace, "--range", names[0])
        run("compare", f"{trace}::{names[0]}", f"{trace}::{names[-1]}")


def kineto_document(folder):
    """A trace with each kind of event that Kineto writes, and what it says of the process and the machine."""
    make_trace(folder / "made.json.gz", "eager", ["copy_", "foreach"])
    document = json.loads(gzip.decompress((folder / "made.json.gz").read_bytes()))
    ends = [at for at, event in enumerate(document["traceEvents"]) if event["cat"] == "user_annotation"]
    document["traceEvents"] = document["traceEvents"][: ends[1] + 1]
    at = {"pid": 4321, "tid": 4321, "ts": 1000.0}
    on_gpu = {"ph": "X", "pid": 0, "tid": 7, "dur": 1}
    document["traceEvents"] += [
        {"ph": "M", "name": "process_name", **at, "args": {"name": "python"}},
        {"ph": "M", "name": "thread_name", **at, "args": {"name": "main"}},
        {"ph": "M", "name": "process_labels", **at, "args": {"labels": "CPU"}},
        {"ph": "i", "cat": "cuda_profiler_range", "name": "instant", "s": "t", **at},
        {"ph": "C", "cat": "counter", "name": "counter", **at, "args": {"unit": "bytes"}},
        {"ph": "X", "cat": "python_function", "name": "f.py(1): f", **at, "dur": 2, "args": {"Python module": "f"}},
        {"ph": "X", "cat": "overhead", "name": "Activity Buffer Request", **at, "dur": 1, "args": {}},
        on_gpu | {"cat": "kernel", "name": "k", "ts": 2.0, "args": {"device": 0, "stream": 7, "correlation": 9999}},
        on_gpu | {"cat": "gpu_memset", "name": "Memset (Device)", "ts": 4.0, "args": {"device": 0, "stream": 7}},
        on_gpu | {"cat": "gpu_memcpy", "name": "Memcpy XtoY (A -> B)", "ts": 6.0, "args": {"device": 0, "stream": 7}},
    ]
    return document | {"traceName": "t.json", "distributedInfo": {"backend": "nccl", "rank": 0}, "host": "h"}


def test_in_a_trace_of_torch_profiler(tmp_path):
    path, document = tmp_path / "trace.json", kineto_document(tmp_path)
    path.write_text(json.dumps(document))
    whole = holds(path)

    def bears(changed):
        path.write_text(json.dumps(changed))
        return holds(path) == whole

    most, alone = everywhere(document, bears)
    path.write_text(json.dumps(most))
    use(path, tmp_path)
    for changed in alone:
        path.write_text(json.dumps(changed))
        run("analyze", path)


def test_in_an_export_of_nsight_systems(tmp_path):
    path = tmp_path / "trace.sqlite"
    source = (ROOT / "tests" / "data" / "nsys" / "copies-eager" / "trace.sqlite").read_bytes()
    path.write_bytes(source)
    whole = holds(path)
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = [
            (table, name)
            for table in tables
            for _, name, declared, *_ in db.execute(f"PRAGMA table_info({table})").fetchall()
            if declared == "TEXT"
        ]
    assert {"StringIds", "TARGET_INFO_GPU"} <= {table for table, _ in columns}

    def change(table, column):
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE {table} SET {column} = {column} || ? WHERE {column} IS NOT NULL", (ATTACK,))
        db.close()

    def changed(before, of):
        path.write_bytes(before)
        change(*of)
        return path.read_bytes()

    def bears(content):
        path.write_bytes(content)
        return holds(path) == whole

    most, refused = borne(source, columns, changed, bears)
    path.write_bytes(most)
    assert len(refused) < len(columns)
    # of the names, those of calls say what the calls are; all others may be anything
    with sqlite3.connect(path) as db:
        db.execute("UPDATE StringIds SET value = value || ? WHERE value NOT LIKE 'cu%'", (ATTACK,))
        db.execute(f'CREATE TABLE "{ATTACK}" ("{ATTACK}" TEXT)')
        db.execute(f'INSERT INTO "{ATTACK}" VALUES (?)', (ATTACK,))
    db.close()
    assert holds(path) == whole
    use(path, tmp_path)
    for table, column in refused:
        path.write_bytes(source)
        change(table, column)
        run("analyze", path)


def test_in_a_recording_of_cupti(tmp_path):
    rows = [
        made_cupti.named("step", 0, 1000),
        made_cupti.call("cudaLaunchKernel_v7000", 100, 200, 1),
        made_cupti.on_gpu("kernel", 300, 400, 1),
        made_cupti.call("cudaMemcpyAsync_v3020", 410, 500, 2),
        made_cupti.on_gpu("memcpy", 520, 600, 2),
    ]
    texts = ("name", "copy_kind", "channel", "layer", "kind")
    path = made_cupti.recording(tmp_path / "trace.parquet", rows)
    whole = holds(path)

    def write(rows, header=made_cupti.HEADER):
        made_cupti.recording(path, rows, header=header, metadata={ATTACK.encode(): ATTACK.encode()})

    def bears(changed):
        write(changed)
        return holds(path) == whole

    def change(rows, of):
        at, text = of
        return [row | {text: f"{row[text]}{ATTACK}"} if n == at else row for n, row in enumerate(rows)]

    changes = [(at, text) for text in texts for at, row in enumerate(rows) if text in row]
    most, not_borne = borne(rows, changes, change, bears)
    refused = [change(most, of) for of in not_borne]
    header, headers = everywhere(made_cupti.HEADER, lambda header: (write(most, header), holds(path) == whole)[1])
    write(most, header)
    use(path, tmp_path)
    for rows, header in [*((rows, header) for rows in refused), *((most, header) for header in headers)]:
        write(rows, header)
        run("analyze", path)


# -- captures


def use_capture(folder, out):
    """Give a capture to every command that takes one."""
    run("report", folder, "--output", out / "report.html", "--force", code=0)
    run("report", folder, "--json", code=0)
    run("report", folder, "--format", "markdown", code=0)
    run("claims", folder, code=0)
    run("claims", folder, "--json", code=0)
    run("compare", f"{folder}::copy_", f"{folder}::foreach", code=0)
    run("open", folder, "--no-browser", "--port", 0, "--wait", 0.01)


def test_in_what_a_capture_says_of_itself_and_of_probes(tmp_path):
    folder = make_capture(tmp_path / "capture", named=False)
    write_probes(folder, ALL)
    manifest, probes = (json.loads((folder / name).read_text()) for name in ("manifest.json", "probes.json"))
    manifest["variants"].append(manifest["variants"][0] | {"variant": "slow", "status": "skipped", "why": "no GPU"})
    manifest["traces"][1]["problem"] = "a problem"

    def reads(name, read):
        def bears(changed):
            (folder / name).write_text(json.dumps(changed))
            try:
                return bool(read(folder))
            except InputError:
                return False

        return bears

    most, alone = everywhere(manifest, reads("manifest.json", read_capture))
    # which trace, variant and regime is meant is no text for people: such a capture is another, or none
    for key in ("traces", "variants", "baseline"):
        most[key] = (
            [
                told
                | {name: item[name] for name in ("path", "variant", "regime", "collector", "status") if name in item}
                for told, item in zip(most[key], manifest[key], strict=True)
            ]
            if key != "baseline"
            else manifest[key]
        )
    (folder / "manifest.json").write_text(json.dumps(most))
    most, of_probes = everywhere(probes, reads("probes.json", read_probes))
    (folder / "probes.json").write_text(json.dumps(most))
    use_capture(folder, tmp_path)
    for name, documents in (("probes.json", of_probes), ("manifest.json", alone)):
        for changed in documents:
            (folder / name).write_text(json.dumps(changed))
            run("report", folder)
        (folder / "probes.json").unlink(missing_ok=True)


def as_toml(value):
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {as_toml(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    return json.dumps(value)


def test_in_claims(tmp_path):
    folder, path = make_capture(tmp_path / "capture"), tmp_path / "claims.toml"
    document = tomllib.loads(NOTE.read_text())
    document["claim"] = [claim | {"gave": "1 µs", "combine": "each"} for claim in document["claim"][:4]]

    def write(changed):
        path.write_text("\n".join(f"{json.dumps(key)} = {as_toml(value)}" for key, value in changed.items()))

    def bears(changed):
        write(changed)
        try:
            return bool(read_claims(path))
        except InputError:
            return False

    most, alone = everywhere(document, bears, ATTACK)
    write(most)
    run("claims", folder, "--claims", path)
    run("claims", folder, "--claims", path, "--markdown")
    run("report", folder, "--claims", path, "--output", tmp_path / "out.html")
    for changed in alone[:3]:
        write(changed)
        run("claims", folder, "--claims", path, code=2)


# -- sweeps, fleets and checks, and all that is written beside what is printed


def nothing_steers(*texts):
    for text in texts:
        found = first_that_steers(text)
        assert found is None, f"{text[max(0, found - 200) : found + 60]!r}"


def written(folder):
    """The texts under a folder, which are UTF-8 and for people or programs."""
    return [path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.suffix in TEXTS and path.is_file()]


TEXTS = {".html", ".csv", ".json", ".md", ".xml", ".txt"}


def use_found(found, page):
    """Show a result of the library as a notebook and an interpreter do."""
    nothing_steers(repr(found), found._repr_html_(), found.to_html(page).read_text("utf-8"))


def test_in_what_a_sweep_says_of_itself(tmp_path):
    folder, out = make_sweep(tmp_path / "sweep", counts=(1, 4, 16), sizes=(64, 4096), rounds=4), tmp_path / "out"
    out.mkdir()
    place, asked = folder / "sweep.json", ("--set", "count=3", "--set", "bytes=100")
    document = json.loads(place.read_text())
    document["points"][0]["variants"][1] |= {"status": "failed", "why": "no room", "launches": None}
    document["costs"] = json.loads(msgspec.json.encode(LAUNCH_COSTS))

    def bears(changed):
        place.write_text(json.dumps(changed))
        try:
            return len(read_sweep(folder).record.points) == len(document["points"])
        except InputError:
            return False

    most, alone = everywhere(document, bears)
    for changed in alone:
        place.write_text(json.dumps(changed))
        run("predict", folder, *asked)
    place.write_text(json.dumps(most))
    run("report", folder, "--output", out / "report.html", "--tables", out / "tables", code=0)
    for form in ("json", "markdown", "csv", "table"):
        run("predict", folder, *asked, "--format", form, code=0)
        run("report", folder, "--format", form, code=0)
    run("claims", folder)
    use_found(launchlens.open(folder), out / "library.html")
    model = json.loads((folder / "model.json").read_text())
    for changed in [
        attacked(model, place, JSON_ATTACK) for place in {repr(each): each for each in places(model)}.values()
    ]:
        (folder / "model.json").write_text(json.dumps(changed))
        run("predict", folder, *asked)
    nothing_steers(*written(out))


def test_in_what_ranks_and_checks_say(tmp_path, monkeypatch):
    ranks, out = tmp_path / f"ranks{ATTACK}", tmp_path / "out"
    out.mkdir()
    made_ranks.write(made_ranks.run(made_ranks.training(1, "data", 3000, ranks=2), 2, 3), ranks)
    for path in ranks.iterdir():
        document = json.loads(path.read_text())
        for event in document["traceEvents"]:
            if event["cat"] != "cuda_runtime" and not event["name"].startswith("nccl"):
                event["name"] += ATTACK
            event["args"] |= {key: f"{value}{ATTACK}" for key, value in event["args"].items() if isinstance(value, str)}
        document["distributedInfo"] |= {"backend": ATTACK, "host": ATTACK, ATTACK: ATTACK}
        path.write_text(json.dumps(document))
    (ranks / f"rank9{ATTACK}.json").write_text(f'{{"traceEvents": [{ATTACK}')
    run("analyze", ranks, "--html", out / "fleet.html", "--tables", out / "tables", code=0)
    for form in ("json", "markdown", "csv", "table"):
        run("analyze", ranks, "--format", form, code=0)
    use_found(launchlens.open(ranks), out / "library.html")
    one, other = ranks / "rank0.json", ranks / "rank1.json"
    run("compare", one, other, "--html", out / "compare.html", "--tables", out / "compared", code=0)
    use_found(launchlens.open(one), out / "trace.html")
    limits = tmp_path / "limits.toml"
    limits.write_text(
        "\n".join(f"[[limit]]\n{key} = {as_toml(f'*{ATTACK}')}" for key in ("kernel", "range"))
        + "\n[[limit]]\nkernel = '*'\n[[limit]]\nrange = '*'\n"
    )
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(out / "summary.md"))
    for form in ("json", "markdown", "table"):
        asked = ("--limits", limits, "--junit", out / f"{form}.xml", "--format", form)
        answer = CliRunner().invoke(app, [str(each) for each in ("check", one, "--against", other, *asked)])
        assert answer.exit_code in (0, 1, 3), answer.output
        nothing_steers(answer.stdout, answer.stderr)
    for wrong in (
        f"[[limit]]\nmax_slowdown = {as_toml(ATTACK)}",
        f"[[limit]]\n{json.dumps(ATTACK)} = 1",
        f"x = {ATTACK}",
        f"[[limit]]\nmetric = {as_toml(f'operator.{ATTACK}')}",
    ):
        limits.write_text(wrong)
        run("check", one, "--against", other, "--limits", limits, code=2)
    nothing_steers(*written(out))
    for path in out.glob("*.xml"):
        ElementTree.parse(path)


def test_names_are_no_markup_to_bars_of_progress(monkeypatch):
    names = ("[red]x[/red]", "[link=https://evil]x", "[/nothing]", ATTACK)
    shown = StringIO()
    made = partial(console._CleanConsole, file=shown, force_terminal=True, width=200)
    monkeypatch.setattr(progress, "stderr", made)
    for name in names:
        with progress.reading(name) as done:
            done(1, 2)
        with progress.Steps().step(name, 2) as advance:
            advance(1)
        with progress.Steps().points(name) as show:
            show(1, 2, 3.0, name)
    text = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\r", "", shown.getvalue())
    nothing_steers(text)
    assert all(name in text for name in names[:3])


# -- names of files, and words of the command line


def test_in_names_of_files_and_folders(tmp_path):
    name = f"{ATTACK}{os.fsdecode(b'caf' + bytes([0xE9]))}"  # which is no UTF-8 either
    folder = make_capture(tmp_path / name / name)
    trace = (folder / "torch" / "eager.pt.trace.json.gz").rename(tmp_path / name / f"{name}.json.gz")
    run("report", folder, code=2)
    run("analyze", tmp_path / name / "absent.json", code=2)
    run("analyze", tmp_path / name)
    use(trace, tmp_path / name)
    make_capture(folder)
    use_capture(folder, tmp_path / name)
    shown = json.loads(run("analyze", trace, "--json", code=0))["source"]["path"]
    assert os.fsencode(shown) == os.fsencode(trace), "scripts find the file by what they are told"


@pytest.mark.parametrize("command", [name for name in COMMANDS if not name.startswith("_")])
def test_in_words_of_the_command_line(command, tmp_path):
    for words in ([ATTACK, ATTACK], [f"--{ATTACK}"], ["--json", ATTACK, "--output", tmp_path / ATTACK]):
        run(command, *words, code=2)
    run(ATTACK, command, code=2)


def test_in_options(tmp_path):
    make_trace(tmp_path / "made.json.gz", "eager", ["copy_"])
    run("analyze", tmp_path / "made.json.gz", "--range", ATTACK, code=2)
    run("analyze", tmp_path / "made.json.gz", "--format", ATTACK, code=2)
    run("analyze", tmp_path / "made.json.gz", "--format", "csv", "--table", ATTACK, code=2)
    for option in ("--variant", "--regime", "--device", "--workload", "--collector", "--probe", "--set", "--sizes"):
        run("profile", option, ATTACK, code=2)
    run("profile", "--set", f"count={ATTACK}", code=2)
    run("open", tmp_path / "made.json.gz", "--in", ATTACK, code=2)


def test_in_code_of_the_users(tmp_path):
    own = tmp_path / f"own{ATTACK}.py"
    lines = (
        "from launchlens.kernels.registry import variant, workload",
        f"print({ATTACK!r})",
        f"@workload('own', baseline='one', facts=lambda: {{'says': {ATTACK!r}}})",
        f'def make(device, seed):\n    """Says {ascii(ATTACK)[1:-1]}"""\n    return None',
        f"@variant('own', 'one', says={ATTACK!r})\ndef one(inputs):\n    return lambda: None",
    )
    own.write_text("\n".join(ascii_source(line) for line in lines))
    for form in FORMS:
        run("variants", "--workload", own, "--format", form, code=0)
    for wrong in (
        f"@variant('own', {ATTACK!r}, says='')\ndef other(inputs):\n    return lambda: None",
        f"@variant('own', 'two', says='', needs=({ATTACK!r},))\ndef other(inputs):\n    return lambda: None",
        f"@variant({ATTACK!r}, 'two', says='')\ndef other(inputs):\n    return lambda: None",
        f"@workload({ATTACK!r}, baseline='one')\ndef other(device, seed):\n    return None",
        f"@workload('two', baseline='one', parameters=[{ATTACK!r}])\ndef other(device, seed):\n    return None",
    ):
        own.write_text("\n".join(ascii_source(line) for line in (*lines, wrong)))
        for form in FORMS:
            run("variants", "--workload", own, "--format", form)
    own.write_text(f"raise ValueError({ATTACK!a})")
    run("variants", "--workload", own, code=2)


def test_in_what_doctor_says_of_the_machine(tmp_path, monkeypatch):
    for name in (ATTACK, f"{ATTACK}{os.fsdecode(b'caf' + bytes([0xE9]))}"):
        monkeypatch.setenv("LAUNCHLENS_CACHE", str(tmp_path / name))
        monkeypatch.setattr(doctor, "has_cuda", lambda: True)
        monkeypatch.setattr(doctor, "version", lambda package, name=name: name)
        monkeypatch.setattr(doctor, "missing", lambda needs, device: [])
        torch = SimpleNamespace(
            cuda=SimpleNamespace(get_device_name=lambda name=name: name), version=SimpleNamespace(cuda=name)
        )
        monkeypatch.setitem(sys.modules, "torch", torch)
        for form in FORMS:
            said = run("doctor", "--format", form, code=0)
            assert "owned" in said
        store.keep("key", {"part": b"x"})
        store.folder().chmod(0o777)
        run("doctor", code=0)
        run("doctor", "--json", code=0)


def test_in_the_list_of_probes():
    for form in FORMS:
        run("probe", "--list", "--format", form, code=0)
    run("probe", "--list", ATTACK, code=2)


def ascii_source(text):
    return text.encode("ascii", "backslashreplace").decode()


# -- the choke point itself


def test_what_is_cleaned_is_what_steers():
    every = " ".join(map(chr, range(0x110000)))  # apart: a pair of halves is one character
    steering = list(filter(steers, map(chr, range(0x110000))))
    assert [a for a, b in zip(every, clean(every), strict=True) if a != b] == steering
    text = json.dumps({"a": every}, ensure_ascii=False)
    assert json.loads(clean_json(text)) == json.loads(text) and not set(clean_json(text)) & set(steering)


def test_nothing_is_printed_past_it():
    """Consoles are made in one place, and nobody prints to a stream of the system's."""
    for folder in ("commands", "reports", "profiling", "traces", "kernels"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if not any(name in text for name in ("__stdout__", "__stderr__", "Console")):
                continue  # parsing all of them takes longest
            for node in ast.walk(ast.parse(text)):
                name = getattr(node, "attr", getattr(node, "id", ""))
                assert name not in {"__stdout__", "__stderr__"}, path
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Console":
                    raise AssertionError(f"{path}:{node.lineno} makes a console")


def test_a_stream_that_lacks_characters_gets_them_escaped(tmp_path):
    trace = tmp_path / "µ 漢 😀.json"
    trace.write_text(json.dumps(kineto_document(tmp_path)))
    command = [sys.executable, ROOT / "cli.py", "analyze", trace]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    answer = subprocess.run(command, capture_output=True, env=ascii_only, check=False)
    out = answer.stdout.decode("ascii")

    def said(*arguments):
        """The same of a stream like it of this process."""
        answer = CliRunner(charset="ascii").invoke(app, list(map(str, arguments)))
        return answer.exit_code, answer.stdout_bytes.decode("ascii"), answer.stderr_bytes.decode("ascii")

    assert out == said("analyze", trace)[1]
    assert answer.returncode == 0 and "1.00 \\u00b5s" in out and "\\u00b5 \\u6f22 \\ud83d\\ude00.json" in out
    code, out, _ = said("analyze", trace, "--json")
    assert code == 0 and json.loads(out)["source"]["path"] == str(trace)
    code, out, errors = said("analyze", tmp_path / "µ")
    assert (code, out) == (2, "") and "\\u00b5: " in errors


def test_a_terminal_gets_codes_of_ours_alone(tmp_path):
    pty = pytest.importorskip("pty")
    path, document = tmp_path / "trace.json", kineto_document(tmp_path)
    for event in document["traceEvents"]:
        event["name"] += ATTACK if event.get("cat") == "user_annotation" else ""
    path.write_text(json.dumps(document))
    main, other = pty.openpty()
    process = forked.start(["analyze", path, "--full"], stdout=other, stderr=other, environment={"COLUMNS": "200"})
    os.close(other)
    said = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # Linux's way of saying that the other side has gone
            break
        if not part:
            break
        said += part
    assert process.wait() == 0, said
    os.close(main)
    text = said.decode("utf-8").replace("\r\n", "\n")
    assert "\x1b[1m" in text, "it is a terminal, and headlines are bold"
    # what rich writes: styles, the cursor up and down, lines erased, the cursor hidden and shown
    plain = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\r", "", text)
    assert [character for character in plain if steers(character)] == []
    assert "\x1b[8m" not in text and "?]0;owned??[2J?31m?[8m" in plain


def test_tables_as_parquet_are_bytes_and_no_text(tmp_path):
    answer = CliRunner().invoke(app, ["variants", "--format", "parquet"])
    (tmp_path / "variants.parquet").write_bytes(answer.stdout_bytes)
    assert "copy_" in pq.read_table(tmp_path / "variants.parquet").column("variant").to_pylist()
