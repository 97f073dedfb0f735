"""Every command and example of the README runs."""

import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def commands():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.split("#")[0].strip()]


@pytest.fixture
def clone(tmp_path):
    """A copy of the files that git knows, so that no command writes into the checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: there is nothing that says which files belong to it")
    for name in listed.stdout.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file() and not name.startswith(".typecheck"):
            target = tmp_path / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return tmp_path / "clone"


def test_the_readme_has_the_two_commands_first():
    assert commands()[:2] == ["make profile", "make test"]


@pytest.mark.parametrize("command", [command for command in commands() if not command.startswith("make")])
def test_a_command_of_the_readme_runs(command, clone):
    if "--device cpu" in command:
        pytest.importorskip("torch", reason="measuring needs torch")
    words = shlex.split(command)
    assert words[:2] == ["python", "cli.py"]
    answer = subprocess.run([sys.executable, *words[1:]], cwd=clone, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()


def test_the_figures_it_quotes_are_those_of_the_shipped_capture(tmp_path):
    quoted = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert quoted
    report = [
        sys.executable,
        str(ROOT / "cli.py"),
        "report",
        "traces/recorded/small-copies-h200",
        "--output",
        str(tmp_path / "x"),
    ]
    said = subprocess.run(report, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = " ".join(said.split())
    for sentence in re.split(r"(?<=[.])\n(?=[A-Z])", quoted[1].strip()):
        assert " ".join(sentence.split()) in lines


@pytest.mark.slow
def test_make_profile_works_in_a_fresh_clone(clone):
    """Installs into a virtual environment of its own. `make test` is the command that runs this test."""
    answer = subprocess.run(
        ["make", "profile", f"PYTHON={sys.executable}"], cwd=clone, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    reports = list((clone / "captures").glob("*/report.html"))
    assert len(reports) == 1 and "launchlens" in reports[0].read_text()


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
