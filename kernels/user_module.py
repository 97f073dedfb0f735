"""A user's own file: loaded as Python would run it, and what it declares taken out of it.

It gets its own folder first on sys.path, as a script would, and never the checkout's root: there, `kernels/` and
`profiling/` would be importable under names that belong to others (pyproject.toml says more).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType
from typing import Any

from launchlens.kernels.registry import Variant, WorkloadSpec, apart, baseline_first

_ROOT = Path(__file__).resolve().parents[1]


class UserModuleError(Exception):
    """A user's file can't be used: `where` it is (file, and line where known), `what` is wrong, and the `remedy`."""

    def __init__(self, where: str, what: str, remedy: str = "") -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what, self.remedy = where, what, remedy


def load(path: Path) -> tuple[WorkloadSpec, list[Variant]]:
    """Run a user's file and return the one workload that it declares, and its variants, the baseline first.

    Raises UserModuleError for a file that can't be read or run, and for declarations that don't fit together.
    KeyboardInterrupt passes through.
    """
    if not path.is_file():
        raise UserModuleError(str(path), "is a folder, not a Python file" if path.is_dir() else "no such file")
    take_folder(path)
    with apart() as (specs, variants):
        _execute(path)
    return _declared(path, specs, variants)


def take_folder(path: Path) -> None:
    """Put the folder of `path` first on sys.path, and take the checkout's root off it."""
    folder = path.resolve().parent
    others = [entry for entry in sys.path if Path(entry or ".").resolve() not in (_ROOT, folder)]
    sys.path[:] = others if folder == _ROOT else [str(folder), *others]


class _Source(SourceFileLoader):
    """Compiles the file each time: a script leaves no `__pycache__` beside it, nor is it read from one."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def _execute(path: Path) -> None:
    """Run the file as a module of its own, whose name no import statement can mean by chance."""
    full = path.resolve()
    stem = re.sub(r"\W", "_", full.stem)
    name = f"_launchlens_workload_{stem}_{hashlib.sha256(os.fsencode(full)).hexdigest()[:8]}"
    spec = spec_from_loader(name, _Source(name, str(full)))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    # dataclasses, pickle and Triton look a function's module up there
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        where = path if error.filename in (None, str(full)) else Path(str(error.filename)).name
        line = f":{error.lineno}" if error.lineno else ""
        raise UserModuleError(f"{where}{line}", f"{type(error).__name__}: {error.msg}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  anybody's code: what it raises is what is wrong with it
        where = place(error, path) or str(path)
        raise UserModuleError(where, f"{type(error).__name__}: {error}") from None


def place(error: BaseException, path: Path) -> str | None:
    """`FILE:LINE` of the innermost line of the user's file that an exception passed through, or None."""
    full = str(path.resolve())
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == full]
    return f"{path}:{lines[-1]}" if lines else None


def _declared(
    path: Path, specs: Mapping[str, WorkloadSpec], variants: Mapping[tuple[str, str], Variant]
) -> tuple[WorkloadSpec, list[Variant]]:
    if not specs:
        raise UserModuleError(str(path), "declares no workload", "decorate the function that makes its inputs")
    if len(specs) > 1:
        second = list(specs.values())[1]
        named = ", ".join(specs)
        raise UserModuleError(_line(path, second.make), f"declares {len(specs)} workloads ({named})", "one a file")
    spec = next(iter(specs.values()))
    where = _line(path, spec.make)
    for made in variants.values():
        if made.workload != spec.name:
            what = f"variant {made.name!r} is of workload {made.workload!r}, which is not declared here"
            raise UserModuleError(_line(path, made.build), what, f"the file's workload is {spec.name!r}")
    if not variants:
        raise UserModuleError(where, f"workload {spec.name!r} has no variants", f'@variant("{spec.name}", ...)')
    if (spec.name, spec.baseline) not in variants:
        what = f"the baseline of {spec.name!r} is {spec.baseline!r}, which is none of its variants"
        raise UserModuleError(where, what, _names(variants.values()))
    try:
        spec.described()
    except Exception as error:  # noqa: BLE001  the user's code
        raise UserModuleError(where, f"its facts can't be had: {type(error).__name__}: {error}") from None
    return replace(spec, file=path), baseline_first(list(variants.values()), [spec])


def _line(path: Path, function: Any) -> str:
    """`FILE:LINE` where a function of the user's file begins; the file alone for anything else."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_filename != str(path.resolve()):
        return str(path)
    return f"{path}:{code.co_firstlineno}"


def _names(variants: Iterable[Variant]) -> str:
    return "it has " + ", ".join(made.name for made in variants)
