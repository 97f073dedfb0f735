"""What a prediction is made from: the stored model of a sweep, or one fitted now, and settings as a command line gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from launchlens.traces.captures.marks import SWEEP
from launchlens.traces.problems import InputError
from launchlens.traces.sweeps.model import SweepModel, read_model
from launchlens.traces.sweeps.stored import digest_of
from launchlens.traces.sweeps.sweep import SweepRecord, read_sweep

_BINARY = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_WITH_SUFFIX = re.compile(r"(\d+)([KMG])")


def model_of(path: Path) -> SweepModel:
    """The model of a sweep. Raises InputError where the sweep can't be used."""
    folder = path.parent if path.name == SWEEP else path
    stored = read_model(folder, digest_of(folder))
    if stored is not None:
        return stored
    # takes long, and where a model is stored nobody needs it
    from launchlens.traces.sweeps.fitting import fit
    from launchlens.traces.sweeps.samples import samples_of

    sweep = read_sweep(folder)
    return fit(sweep, samples_of(sweep))


def settings_of(path: Path, record: SweepRecord, texts: Sequence[str]) -> dict[str, float]:
    """A value of each axis, from NAME=VALUE. Raises InputError for an axis that has none or is none, and for what is no number."""
    names = [axis.name for axis in record.axes]
    found: dict[str, float] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or name not in names:
            raise InputError("--set", f"{text!r} is no NAME=VALUE of {', '.join(names)}", f"{path.name} sweeps these")
        found[name] = _number(text, value.strip())
    missing = [name for name in names if name not in found]
    if missing:
        given = " ".join(f"--set {name}=VALUE" for name in missing)
        raise InputError(path, f"sweeps {', '.join(names)}, and {', '.join(missing)} is not said", f"add {given}")
    return found


def _number(text: str, value: str) -> float:
    suffixed = _WITH_SUFFIX.fullmatch(value)
    try:
        number = float(int(suffixed[1]) * _BINARY[suffixed[2]]) if suffixed is not None else float(value)
    except (ValueError, OverflowError):
        raise InputError("--set", f"{text!r} is no number", "give a number; K, M and G are 1024 each") from None
    if not isfinite(number):
        raise InputError("--set", f"{text!r} is no finite number", "give a number; K, M and G are 1024 each")
    return int(number) if number.is_integer() else number
