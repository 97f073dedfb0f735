"""A user's own file: run as Python would run it, and every mistake in it a line with its place."""

import sys
import textwrap
from pathlib import Path

import pytest

from launchlens.kernels import registry
from launchlens.kernels.user_module import UserModuleError, load, place

ROOT = Path(__file__).parents[2]

GOOD = """
from launchlens.kernels.registry import variant, workload

@workload("mine", baseline="plain")
def make(device, seed, rows: int = 3):
    '''Rows of ones.

    And more.
    '''
    return rows

@variant("mine", "plain")
def plain(inputs):
    "What it does."
    return lambda: None

@variant("mine", "a-better-one", says="said", needs=(), regimes=("eager",))
def better(inputs):
    return lambda: None
"""


@pytest.fixture(autouse=True)
def paths_and_modules(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def written(folder, text, name="mine.py"):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def test_what_a_file_declares_is_taken_out_of_it(tmp_path):
    path = written(tmp_path, GOOD)
    spec, variants = load(path)
    assert (spec.name, spec.says, spec.baseline, spec.file) == ("mine", "Rows of ones", "plain", path)
    assert spec.check is not None and dict(spec.parameters) == {"rows": 3}
    assert [(made.name, made.says) for made in variants] == [("plain", "What it does"), ("a-better-one", "said")]
    assert spec.described() == {"name": "mine", "says": "Rows of ones", "file": "mine.py", "rows": 3}
    assert spec.with_parameters({"rows": "5"}).inputs(device="cpu", seed=0) == 5
    assert not list(tmp_path.glob("__pycache__")), "a script leaves none"


def test_the_built_in_workloads_are_as_they_were(tmp_path):
    before = registry.workloads(), registry.variants()
    # a name of ours is the user's to take: only their file is measured
    path = written(tmp_path, GOOD.replace('"mine"', '"small-copies"'))
    assert [load(path)[0].name, load(path)[0].name] == ["small-copies"] * 2
    assert (registry.workloads(), registry.variants()) == before


def test_it_has_its_own_folder_first_and_never_ours(tmp_path, monkeypatch):
    written(tmp_path, "ANSWER = 42", "neighbour_of_mine.py")
    path = written(tmp_path, "import sys, neighbour_of_mine\nSEEN = list(sys.path), __name__, __file__\n" + GOOD)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.chdir(ROOT)
    sys.path.insert(0, "")
    spec, _ = load(path)
    seen, name, file = spec.make.__globals__["SEEN"]
    assert seen[0] == str(tmp_path)
    assert ROOT not in [Path(entry or ".").resolve() for entry in seen]
    assert Path(file) == path and sys.modules[name].__dict__ is spec.make.__globals__
    assert name != "mine" and "mine" not in sys.modules


def test_a_file_in_our_root_does_not_put_it_on_the_path(monkeypatch):
    from launchlens.kernels.user_module import take_folder

    take_folder(ROOT / "somebodys.py")
    assert ROOT not in [Path(entry or ".").resolve() for entry in sys.path]


def test_dataclasses_and_late_imports_of_neighbours_work(tmp_path):
    written(tmp_path, "def late(): return 7", "late_neighbour.py")
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass In:\n    x: int\n"
        + GOOD.replace("return rows", "import late_neighbour; return In(late_neighbour.late())")
    )
    spec, _ = load(written(tmp_path, text))
    assert spec.inputs(device="cpu", seed=0).x == 7


BROKEN = [
    ("def f(:\n", ":1", "SyntaxError: "),
    ("x = 1\nimport no_such_module_at_all\n", ":2", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    ("\n\nraise RuntimeError('two\\nlines')\n", ":3", "RuntimeError: two lines"),
    ("import sys\nsys.exit(3)\n", ":2", "SystemExit: 3"),
    ("x = 1\n", "", "declares no workload"),
    (GOOD.partition("@variant")[0], ":4", "workload 'mine' has no variants"),
    (GOOD.replace('baseline="plain"', 'baseline="plane"'), ":4", "'plane', which is none of its variants (it has"),
    (GOOD.replace('"mine", "plain"', '"mien", "plain"'), ":12", "variant 'plain' is of workload 'mien'"),
    (GOOD + GOOD.replace('"mine"', '"other"'), ":23", "declares 2 workloads (mine, other)"),
    (
        GOOD + "\n@variant('mine', 'plain')\ndef again(inputs): ...\n",
        ":21",
        "two variants of 'mine' are called 'plain'",
    ),
    (GOOD.replace("rows: int = 3", "rows"), ":4", "parameter 'rows' has no default"),
    (GOOD.replace("device, seed, ", ""), ":4", "lacks device and seed"),
    (GOOD.replace('"a-better-one"', '"a/b"'), ":17", "variant name 'a/b'"),
    (GOOD.replace('("eager",)', '("warp",)'), ":17", "unknown regimes"),
    (GOOD.replace('baseline="plain"', 'baseline="plain", facts=lambda rows: 1 / 0'), ":4", "ZeroDivisionError"),
    ("x = '\x00'\n", None, "null bytes"),
    (b"x = '\xff\xfe'\n", None, "SyntaxError"),
]


@pytest.mark.parametrize(("text", "line", "says"), BROKEN, ids=[says for _, _, says in BROKEN])
def test_a_mistake_is_a_line_with_its_place(text, line, says, tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserModuleError) as caught:
        load(path)
    error = caught.value
    # where Python itself knows no line, or knows one in some versions only, the file must do
    assert error.where == f"{path}{line}" if line is not None else error.where.startswith(str(path))
    assert says in " ".join(f"{error.what} ({error.remedy})".split())
    assert registry._workloads and "mine" not in registry._workloads, "what was there before is there again"


def test_a_mistake_in_a_neighbour_is_placed(tmp_path):
    written(tmp_path, "def f(:", "broken_neighbour.py")
    with pytest.raises(UserModuleError, match=r"^broken_neighbour.py:1: SyntaxError"):
        load(written(tmp_path, "import broken_neighbour"))
    written(tmp_path, "\nraise KeyError('k')", "raising_neighbour.py")
    with pytest.raises(UserModuleError, match=r"mine.py:1: KeyError: 'k'"):
        load(written(tmp_path, "import raising_neighbour"))


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(UserModuleError, match=r"absent\.py: no such file"):
        load(tmp_path / "absent.py")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UserModuleError, match=r"folder\.py: is a folder"):
        load(tmp_path / "folder.py")


def test_ctrl_c_passes_through(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        load(written(tmp_path, "raise KeyboardInterrupt"))


def test_the_place_of_an_error_is_the_users_innermost_line(tmp_path):
    path = written(tmp_path, "def inner():\n    int('x')\n\ndef outer():\n    inner()\n" + GOOD)
    spec, _ = load(path)
    with pytest.raises(ValueError) as caught:
        spec.make.__globals__["outer"]()
    assert place(caught.value, path) == f"{path}:2"
    assert place(ValueError("never raised"), path) is None
