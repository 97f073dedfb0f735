"""The traces that several tests read: cut recordings of ours, small ones made by code, and those that others published.

What others recorded can't lie in the repository (some of it names its machine or user): where it does not lie beside the
checkout, tests of it are skipped and say so. Each kind of it is made by code in `made_kinds` as well.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest
from traces.made_kinds import KINDS, make

DATA = Path(__file__).parents[1] / "data"
#: Recordings in the repository, a few of each kind: a training step, graph replays, copies, one rank of four.
OURS = (
    "golden/pairs/log-each-step.before.json.gz",
    "golden/pairs/decode-eager-vs-graph.after.json.gz",
    "golden/ranks/slow2/rank2.json.gz",
    "nsys/step/trace.sqlite",
    "nsys/copies-graph/trace.sqlite",
    "nsys/copies-graph-whole/trace.sqlite",
)
MADE = tuple(KINDS)

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "data" / "traces"
KINETO_OF_OTHERS = (
    "dev-kineto-1.9-capital-cats.json",
    "dev-kineto-a100-2streams.json.gz",
    "dev-kineto-a100-triton.json.gz",
    "dev-kineto-mi250-rocm6.2.json.gz",
    "dev-kineto-t4-cuda12.8-stack.json",
)
NSYS_OF_OTHERS = (
    "dev-nsys-2023.3-openmp.sqlite",
    "dev-nsys-2024.6.sqlite",
    "dev-nsys-2026.1-4streams.sqlite",
    "dev-nsys-nometa-2021.sqlite",
)


#: Stands for all of them where none is here, so that one test says so, not one a trace.
NONE_OF_THEM = "what others recorded"


def of_others(names: Iterable[str] = (*KINETO_OF_OTHERS, *NSYS_OF_OTHERS)) -> list[str]:
    """Which of some published traces are here; else a name of which `sample` skips the test."""
    return [name for name in names if (PUBLISHED / name).exists()] or [NONE_OF_THEM]


def is_nsys(name: str) -> bool:
    return name.endswith(".sqlite")


def sample(name: str, folder: Path) -> Path:
    """The trace of that name, written into `folder` where it is made; skips the test where it is not here."""
    if name in OURS:
        return DATA / name
    return make(name, folder) if name in MADE else published(name)


def published(name: str) -> Path:
    """A trace that others published."""
    path = PUBLISHED / name
    if not path.exists():
        pytest.skip(f"{name} is not here: it can't lie in the repository, and is looked for in {PUBLISHED}")
    return path
