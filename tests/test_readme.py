"""Every command and example of the README runs."""

import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import MAGIC_NUMBER, cache_from_source, module_from_spec, spec_from_file_location
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

import shipped
from launchlens.cli import app
from launchlens.traces.captures.probe_codes.launch_floor import CPP_ONCE, PREPARED
from launchlens.traces.captures.probes import read_probes
from launchlens.traces.captures.recorded import FOLDER
from launchlens.traces.claims.judge import judge_across
from launchlens.traces.claims.read import note_claims

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def commands():
    """The commands of the README by block: how to set up, what then runs anywhere, what needs more than that."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [[line.split("#")[0].strip() for line in block.splitlines()] for block in blocks]
    return [[line for line in block if line] for block in lines]


SET_UP, ANYWHERE, WITH_MORE = commands()
#: What follows the magic number of a compiled module that is taken as it is, whatever became of its source's time (PEP 552).
UNCHECKED = 0b01


def copied(place):
    """A copy of the files that git knows, so that no command writes into the checkout. What Python has compiled of them comes along."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: there is nothing that says which files belong to it")
    for name in listed.stdout.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file() and not name.startswith(".typecheck"):
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            compiled = compiled_of(source)
            if compiled is not None:
                cached = Path(cache_from_source(target))
                cached.parent.mkdir(exist_ok=True)
                cached.write_bytes(compiled)
    return place


def compiled_of(source):
    """What Python has compiled of a module, as it kept it; None where it did not, or not of what is there now.

    To compile hundreds of modules anew takes longer than to import them.
    """
    if source.suffix != ".py":
        return None
    try:
        kept, stat = Path(cache_from_source(source)).read_bytes(), source.stat()
    except OSError:
        return None
    fresh = struct.pack("<4sLLL", MAGIC_NUMBER, 0, int(stat.st_mtime) & 0xFFFFFFFF, stat.st_size & 0xFFFFFFFF)
    return kept if kept.startswith(fresh) else None


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy in which commands run one after the other, as a reader of the README runs them."""
    return copied(tmp_path_factory.mktemp("readme") / "clone")


def test_the_readme_has_the_two_commands_first():
    assert SET_UP == ["make profile", "make test"]


def words_of(command):
    words = shlex.split(command)
    assert words[:2] == ["python", "cli.py"]
    return words[2:]


#: Runs the command lines of cli.py all in one process, for they import the same, and several look at the same capture; prints exit
#: code, stdout and stderr of each.
DRIVER = """
import gc, json, runpy, sys
gc.set_threshold(10_000, 20, 100)
from typer.testing import CliRunner
app = runpy.run_path("cli.py", run_name="cli")["app"]
sys.path.append("tests")
from read_once import read_once
with read_once():
    for words in json.load(sys.stdin):
        done = CliRunner().invoke(app, words)
        print(json.dumps([done.exit_code, done.stdout, done.stderr]), flush=True)
"""


@pytest.mark.parametrize("command", WITH_MORE)
def test_a_command_that_needs_more_than_make_profile_installs_runs(command, clone, monkeypatch):
    needed = "torch" if "--device cpu" in command else "perfetto"
    pytest.importorskip(needed, reason=f"needs {needed}")
    monkeypatch.chdir(clone)
    answer = CliRunner().invoke(app, words_of(command))
    assert answer.exit_code == 0, f"{command}: {answer.stderr}"
    assert answer.stdout.strip()


def test_the_figures_it_quotes_are_those_of_the_shipped_capture():
    quoted = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert quoted
    lines = " ".join(shipped.printed("report", FOLDER / "small-copies-h100").split())
    for sentence in re.split(r"\n\n|(?<=[.])\n(?=[A-Z])", quoted[1].strip()):
        assert " ".join(sentence.split()) in lines


def test_what_it_quotes_of_a_trace_is_what_analyze_says():
    quoted = re.findall(r"```text\n(.*?)```", README, re.DOTALL)[1]
    said = shipped.printed("analyze", ROOT / "tests" / "data" / "pairs" / "log-each-step.before.json.gz")
    assert " ".join(quoted.split()) in " ".join(said.split())


def found_here():
    """What this environment holds of what `make profile` installs without a GPU, and builds launchlens with: a distribution each; None where
    one is missing, or of another version than is asked for.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pinned = {canonicalize_name(each.name): each.specifier for each in map(Requirement, filter(None, lines))}
    todo = [Requirement(each) for each in (*project["project"]["dependencies"], *project["build-system"]["requires"])]
    found = {}
    while todo:
        one = todo.pop()
        name = canonicalize_name(one.name)
        if name in found or not (one.marker is None or one.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            return None
        if not (one.specifier & pinned.get(name, one.specifier)).contains(found[name].version, prereleases=True):
            return None
        todo += map(Requirement, found[name].requires or ())
    return found.values()


def packed(distributions, place):
    """A folder of wheels of them, of the files that they brought here, less tests of their own; with what is compiled of those loaded here."""
    place.mkdir()
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for one in distributions:
        tags = [line.split("-") for line in re.findall("^Tag: (.*)$", one.read_text("WHEEL"), re.MULTILINE)]
        tag = "-".join(".".join(dict.fromkeys(parts)) for parts in zip(*tags, strict=True))
        name = canonicalize_name(one.name).replace("-", "_")
        with ZipFile(place / f"{name}-{one.version}-{tag}.whl", "w") as wheel:
            for path in one.files:
                if ".." in path.parts or path.suffix == ".pyc" or path.name in ("INSTALLER", "REQUESTED"):
                    continue
                if "tests" in path.parts and path.name.startswith("test_"):
                    continue
                source = Path(path.locate())
                wheel.write(source, path)
                compiled = compiled_of(source) if str(source) in loaded else None
                if compiled is not None:  # what is installed has a time of its own: none is asked for
                    unchecked = struct.pack("<4sL8x", MAGIC_NUMBER, UNCHECKED)
                    wheel.writestr(cache_from_source(path), unchecked + compiled[len(unchecked) :])
    return place


def pip_settings(place):
    """What `make` is told of pip: `make test` has just fetched all that `make profile` installs, so it is not fetched again."""
    there = None if shutil.which("nvidia-smi") else found_here()
    return {} if there is None else {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packed(there, place))}


@pytest.mark.slow
def test_make_profile_works_in_a_fresh_clone_and_then_every_command(tmp_path):
    """Installs into a virtual environment of its own. `make test` is the command that runs this test."""
    clone = copied(tmp_path / "clone")
    answer = subprocess.run(
        ["make", "profile", f"PYTHON={sys.executable}"], cwd=clone, capture_output=True, text=True, check=False,
        env=os.environ | pip_settings(tmp_path / "wheels"),
    )  # fmt: skip
    shutil.rmtree(tmp_path / "wheels", ignore_errors=True)  # as large as what was installed of them, which stays
    assert answer.returncode == 0, answer.stderr
    reports = list((clone / "captures").glob("*/report.html"))
    assert len(reports) == 1 and "launchlens" in reports[0].read_text()
    said = answer.stdout
    assert said.index("Installing launchlens") < said.index("cli.py profile") and re.search("about .* [GM]B", said)
    first, *others = ANYWHERE
    assert first == "python cli.py profile" and said.partition("cli.py profile")[2].strip(), "make has just run it"
    given = json.dumps([words_of(command) for command in others])
    done = subprocess.run(
        [clone / ".venv" / "bin" / "python", "-c", DRIVER], cwd=clone, input=given, capture_output=True, text=True, check=False
    )  # fmt: skip
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(others), done.stderr
    for command, (code, out, errors) in zip(others, said, strict=True):
        assert code == 0 and out.strip(), f"{command}: {errors}"


def test_the_seventeen_ways_it_quotes_are_those_of_the_shipped_capture():
    """µs per iteration and × of copy_, eager, as the README rounds them."""
    found = shipped.worked_out("small-copies-all-h100")
    text = " ".join(README.split())
    of = {name: side.wall.value / 1000 for (name, regime), side in found.sides.items() if regime == "eager"}
    ratio = {item.b.variant: 1 / item.ratio.value for item in found.against_baseline if item.b.regime == "eager"}
    assert len(of) == 17
    for name, words in (
        ("cuda-graph-refire", "re-firing a prepared one-node graph takes {:.2f} µs, {:.0f} × as fast as `.copy_()`"),
        ("cuda-prepared", "a prepared CUDA launch {:.2f} µs ({:.0f} ×)"),
        ("foreach", "`torch._foreach_copy_` {:.1f} µs ({:.1f} ×)"),
    ):
        assert words.format(of[name], ratio[name]) in text
    assert f"`.copy_()` at {of['copy_']:.1f} µs" in text and f"seven streams {of['streams']:.0f} µs" in text


def test_the_probes_it_quotes_are_those_of_the_shipped_capture():
    probes = read_probes(ROOT / "traces/recorded/small-copies-all-h100")
    text = " ".join(README.split())
    ladder, backlog = probes["launch-ladder"], probes["backlog"]
    whole = {name: ladder.value("ladder-whole", of=name) for name in ("copy_", "triton")}
    share = {name: ladder.value("ladder-step", of=name, part="api-call") / whole[name] for name in whole}
    assert f"`.copy_()` takes the host {whole['copy_'] / 1000:.1f} µs, {share['copy_']:.0%}".replace("%", " %") in text
    assert f"one Triton launch {whole['triton'] / 1000:.1f} µs" in text
    assert f"API call is {share['triton']:.0%}".replace("%", " %") in text
    alike, batched = (
        backlog.figure("ratio", of=f"triton-{name}", to="copy_", under="backlog") for name in ("per-tensor", "batched")
    )
    assert f"({alike.value:.2f} ×)" in text and round(1 / batched.value) in (6, 7)
    bare = probes["launch-floor"].value("host-time", of=CPP_ONCE) / 1000
    assert f"takes the host {bare:.1f} µs, and the one launch" in text
    assert f"{probes['launch-floor'].value('ratio', of=PREPARED, to=CPP_ONCE):.2f} × of that" in text
    assert (probes["copy-engine"].verdict, probes["triton-compile"].verdict) == ("sm", "once")
    assert f"{probes['triton-compile'].value('launches', of='repeated-launch'):,.0f} repeated launches" in text


def test_the_verdicts_it_counts_are_those_of_the_command():
    studies = shipped.all_worked_out()
    counts = Counter(item.verdict for item in judge_across(studies, note_claims()))
    (said,) = re.findall(rf"Of the note's {counts.total()} claims: (.*) \(\[docs/claims.md\]", README)
    told = {verdict.replace(" here", "").replace(" ", "-"): int(count) for count, verdict in
            (each.split(" ", 1) for each in said.split(", "))}  # fmt: skip
    assert told == counts


def test_the_workload_it_shows_is_measured(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="measuring needs torch")
    example = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "@workload" in block)
    (tmp_path / "row_sums.py").write_text(example)
    arguments = [
        "profile",
        "--workload",
        str(tmp_path / "row_sums.py"),
        "--device",
        "cpu",
        "--rounds",
        "5",
        "--set",
        "rows=64",
    ]
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "out")])
    assert answer.exit_code == 0 and "matmul" in answer.stdout, answer.stderr


def test_the_example_variant_is_right(tmp_path):
    torch = pytest.importorskip("torch", reason="the example is torch code")
    example = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "@variant" in block)
    from launchlens.kernels import registry

    before = dict(registry._variants)
    try:
        (tmp_path / "example.py").write_text(example)
        module_spec = spec_from_file_location("readme_example", tmp_path / "example.py")
        module = module_from_spec(module_spec)
        module_spec.loader.exec_module(module)
        spec = next(spec for spec in registry.workloads() if spec.name == "small-copies")
        inputs = spec.make(device="cpu", seed=0)
        inputs.poison()
        module.cat(inputs)()
        assert inputs.wrong() is None and torch.is_tensor(inputs.sources[0])
    finally:
        registry._variants.clear()
        registry._variants.update(before)
