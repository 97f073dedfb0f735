"""The literal folders keep their names without taking them from anybody (see pyproject.toml)."""

import doctest
import re
import runpy
import subprocess
import sys
import tomllib
from importlib.machinery import PathFinder
from pathlib import Path

import launchlens
import lower_bounds

ROOT = Path(__file__).parents[1]
FOLDERS = ("commands", "kernels", "profiling", "reports", "traces")


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_with_code_is_a_package():
    with_code = {path.parent.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    declared = {Path(*name.split(".")[1:]) for name in pyproject()["tool"]["setuptools"]["packages"] if "." in name}
    assert with_code <= declared
    assert all((ROOT / folder).is_dir() for folder in declared)


def test_no_folder_has_an_init_and_the_root_has_no_other_module():
    assert [str(path) for folder in FOLDERS for path in (ROOT / folder).rglob("__init__.py")] == []
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "cli.py"}


def test_running_cli_py_leaves_the_folder_names_to_others(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.setattr(sys, "argv", ["cli.py", "--version"])
    monkeypatch.setitem(sys.modules, "launchlens", launchlens)
    try:
        runpy.run_path(str(ROOT / "cli.py"), run_name="__main__")
    except SystemExit as end:
        assert not end.code
    for folder in FOLDERS:
        spec = PathFinder.find_spec(folder, sys.path)
        places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or [])]
        assert str(ROOT / folder) not in places, "the tests' own folders of that name don't count"


def test_traces_and_reports_need_no_torch_and_imports_run_one_way():
    allowed = {
        "traces": {"traces"},
        "reports": {"reports", "traces"},
        "kernels": {"kernels"},
        "profiling": {"profiling", "kernels", "traces"},
        "commands": set(FOLDERS),
    }
    for folder, others in allowed.items():
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            used = {word.split(".")[1] for word in text.split() if word.startswith("launchlens.") and "." in word}
            assert used & set(FOLDERS) <= others, f"{path} imports {used}"
            if folder in ("traces", "reports"):
                assert not re.search(r"^\s*(import|from) (torch|triton)\b", text, re.MULTILINE), path


def test_of_traces_profiling_uses_only_what_a_capture_holds():
    # a capture's files and a sweep's, their schema and how any file is written; the statistics that a probe's figures are made
    # with, and by pairs of rounds where a sweep goes next; what
    # the light recorder cuts its accounts with; and how programs are run, nsys above all, which exports a report for its reader
    # and for a collector alike
    allowed = (
        "captures.",
        "sweeps.sweep",
        "balanced",
        "schema",
        "readers.cupti.schema",
        "readers.light.schema",
        "intervals",
        "launches.apis",
        "files",
        "statistics",
        "control",
        "thresholds",
        "problems",
        "programs",
        "readers.nsys.nsys_cli",
        "readers.catalogue",
        "readers.nsys.declared",
    )
    modules = tuple(f"traces.{name}" for name in allowed)
    for path in (ROOT / "profiling").rglob("*.py"):
        for line in path.read_text().splitlines():
            if "launchlens.traces" in line and "import" in line:
                assert any(name in line.replace(" import ", ".") for name in modules), f"{path}: {line}"


def test_help_needs_no_heavy_import():
    code = (
        "import sys; from launchlens.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'torch', 'triton', 'plotly', 'pyarrow', 'msgspec', 'jinja2'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "profile" in answer.stdout


def test_every_dependency_has_a_lower_bound_that_can_be_installed():
    assert doctest.testmod(lower_bounds).failed == 0
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert len(lower_bounds.lowest(dependencies)) == len(dependencies)
