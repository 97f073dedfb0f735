"""`launchlens.probes/1`, whose figures and verdicts were English phrases: read into what version 2 holds. Nothing else knows them.

Sentences are left out where version 2 makes them from figures; what they told that was no figure is taken from the tables.
Of a probe that is no longer made, all is kept: a phrase is then the figure's `what`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from launchlens.traces.captures.probe_codes import (
    backlog,
    copy_engine,
    launch_floor,
    launch_ladder,
    stream_synchronize,
    triton_compile,
)
from launchlens.traces.captures.probe_codes.catalogue import FIGURES
from launchlens.traces.captures.probe_codes.verdicts import NO_DIFFERENCE, NO_FLIP, OR
from launchlens.traces.captures.probes import Cell, Control, FigureKey, Probe, ProbeFigure, ProbeTable

FORMAT = "launchlens.probes/1"

_OUT_OF = re.compile(r"of (\d+) (.+)")
_NOT_RUN = re.compile(r"It could not be run: (.*)\.", re.DOTALL)

#: Ways of launching, by the names that they had.
_PATHS: Mapping[str, str] = {
    "cudaLaunchKernel (C++ loop)": launch_floor.CPP_LAUNCH,
    "cudaLaunchKernel (C++ function)": launch_floor.CPP_ONCE,
    "cuLaunchKernel (C++ loop)": launch_floor.CPP_DRIVER,
    "cuLaunchKernel (cuda.bindings)": launch_floor.PYTHON_DRIVER,
    "cudaGraphLaunch (C++ loop)": launch_floor.CPP_GRAPH,
    "torch CUDAGraph.replay": launch_floor.TORCH_GRAPH,
    "cudaMemcpyAsync (C++ loop)": launch_floor.CPP_MEMCPY,
    "cudaMemcpyAsync (cuda.bindings)": launch_floor.PYTHON_MEMCPY,
    "torch fill_": launch_floor.FILL,
    "torch copy_": launch_floor.COPY,
    "torch.cuda._compile_kernel": launch_floor.NVRTC,
    "Triton": launch_floor.TRITON,
    "seven prepared copies (C++ function)": launch_floor.PREPARED,
}
_OPERATIONS: Mapping[str, str] = {
    "DtoD batch copy": copy_engine.BATCH,
    "DtoD batch copy preferring overlap": copy_engine.BATCH_OVERLAP,
    "bare kernel": copy_engine.BARE,
    "torch copy_": copy_engine.TORCH_COPY,
    "torch add_": copy_engine.TORCH_ADD,
    "Triton copy": copy_engine.TRITON,
}
_STEPS: Mapping[str, str] = {"API call": launch_ladder.API_CALL, "device and stream": launch_ladder.DEVICE}
_WHOLES: Mapping[str, str] = {
    "whole": "",
    "whole with the grid bound before": launch_ladder.GRID_BOUND,
    "whole without hooks": launch_ladder.NO_HOOKS,
    "whole with hooks that do nothing": launch_ladder.IDLE_HOOKS,
}
_SPECIALISATIONS: Mapping[str, str] = {
    "a length of 1, which becomes a constant": triton_compile.LENGTH_ONE,
    "a length that 16 does not divide": triton_compile.ODD_LENGTH,
    "another dtype, int64": triton_compile.DTYPE,
    "addresses that 16 does not divide": triton_compile.ODD_ADDRESS,
    "another block, a constexpr": triton_compile.BLOCK,
}
_VERDICTS: Mapping[str, str] = {
    "no difference shown": NO_DIFFERENCE,
    "no flip shown": NO_FLIP,
    "ranking flips": backlog.FLIPS,
    "ranking holds": backlog.HOLDS,
    "one synchronize of the device costs less": stream_synchronize.DEVICE_COSTS_LESS,
    "seven synchronizes cost less": stream_synchronize.STREAMS_COST_LESS,
    "every launch": triton_compile.EVERY,
    "nothing measured": launch_floor.NOTHING,
}


class _Figure(msgspec.Struct):
    figure: str
    value: float | None
    unit: str = ""
    interval: tuple[float, float] | None = None


class _Probe(msgspec.Struct):
    id: str
    verdict: str | None = None
    figures: list[_Figure] = []
    control: Literal["passed", "failed", "absent"] = "absent"
    asks: str = ""
    says: str = ""
    controls: tuple[Control, ...] = ()
    tables: tuple[ProbeTable, ...] = ()
    notes: tuple[str, ...] = ()


class _Document(msgspec.Struct):
    probes: list[_Probe] = []


def read(raw: bytes) -> list[Probe]:
    """The probes of a file of version 1. Raises msgspec.DecodeError for one that is none."""
    return [_converted(probe) for probe in msgspec.json.decode(raw, type=_Document).probes]


def _converted(old: _Probe) -> Probe:
    figures = [_figure(old.id, item) for item in old.figures]
    figures += _IN_TABLES.get(old.id, _none)(old.tables)
    once = {item.key: item for item in reversed(figures)}  # some were given twice, under two names
    not_run = _NOT_RUN.fullmatch(old.says)
    known = old.id in FIGURES
    return Probe(
        id=old.id,
        verdict=verdict(old.id, old.verdict) if old.verdict is not None else None,
        figures=tuple(reversed(once.values())),
        control=old.control,
        controls=old.controls,
        tables=old.tables,
        notes=old.notes,
        why=not_run[1] if not_run else "",
        asks="" if known else old.asks,
        says="" if known else old.says,
    )


def _figure(probe: str, old: _Figure) -> ProbeFigure:
    out_of = _OUT_OF.fullmatch(old.unit)
    key = figure_key(probe, old.figure)
    return ProbeFigure(
        what=key.what,
        of=key.of,
        part=key.part,
        to=key.to,
        under=key.under,
        value=old.value,
        unit=("streams" if key.what == stream_synchronize.DISTINCT else out_of[2]) if out_of else old.unit,
        out_of=int(out_of[1]) if out_of else None,
        interval=old.interval,
    )


def figure_key(probe: str, phrase: str) -> FigureKey:
    """The fields of a figure that a probe gave under this name; the name itself as `what` where it gave none such."""
    found = _KEYS.get(probe, _unknown)(phrase)
    return FigureKey(what=phrase) if found is None else found


def verdict(probe: str, words: str) -> str:
    """The code of a verdict that a probe gave in these words; the words where they are the code."""
    if probe == launch_floor.ID:
        return OR.join(_PATHS.get(name, _VERDICTS.get(name, name)) for name in words.split(OR))
    if probe == launch_ladder.ID and ": " in words:
        largest = launch_ladder.largest(words)
        return launch_ladder.verdict({name: [_STEPS.get(it, it) for it in steps] for name, steps in largest.items()})
    return _VERDICTS.get(words, words)


def _unknown(phrase: str) -> FigureKey | None:
    return None


def _of_backlog(phrase: str) -> FigureKey | None:
    times = {
        "device time behind a backlog": (backlog.DEVICE_TIME, backlog.BEHIND),
        "eager time": (backlog.WALL_TIME, backlog.EAGER),
    }
    variant, _, time = phrase.rpartition(": ")
    if time in times:
        what, under = times[time]
        return FigureKey(what=what, of=variant, under=under)
    ratio = re.fullmatch("(.+) ÷ (.+) (behind a backlog|eager)", phrase)
    if ratio:
        under = backlog.EAGER if ratio[3] == "eager" else backlog.BEHIND
        return FigureKey(what=backlog.RATIO, of=ratio[1], to=ratio[2], under=under)
    return FigureKey(what=backlog.PAIRS_THAT_FLIP) if phrase == "pairs that flip" else None


def _of_launch_floor(phrase: str) -> FigureKey | None:
    times = {"host time per call": launch_floor.HOST_TIME, "call to answer": launch_floor.CALL_TO_ANSWER}
    named = {
        "cudaLaunchKernel per call": launch_floor.CPP_LAUNCH,
        "cudaMemcpyAsync per call": launch_floor.CPP_MEMCPY,
    }
    if phrase in named:
        return FigureKey(what=launch_floor.HOST_TIME, of=named[phrase])
    path, _, time = phrase.rpartition(": ")
    if path in _PATHS and time in times:
        return FigureKey(what=times[time], of=_PATHS[path])
    first, _, second = phrase.partition(" ÷ ")
    if first in _PATHS and second in _PATHS:
        return FigureKey(what=launch_floor.RATIO, of=_PATHS[first], to=_PATHS[second])
    return None


def _of_launch_ladder(phrase: str) -> FigureKey | None:
    ratio = re.fullmatch("(.+): whole ÷ (.+): whole", phrase)
    if ratio:
        return FigureKey(what=launch_ladder.RATIO, of=ratio[1], to=ratio[2])
    ladder, _, step = phrase.partition(": ")
    if not step:
        return None
    if step in _WHOLES:
        return FigureKey(what=launch_ladder.WHOLE, of=ladder, under=_WHOLES[step])
    if step == "residual":
        return FigureKey(what=launch_ladder.RESIDUAL, of=ladder)
    return FigureKey(what=launch_ladder.STEP, of=ladder, part=_STEPS.get(step, step))


def _of_stream_synchronize(phrase: str) -> FigureKey | None:
    is_ = stream_synchronize
    times = {
        "creating seven streams": (is_.CREATE, is_.BY_TORCH),
        "creating seven streams, by CUDA itself": (is_.CREATE, is_.BY_CUDA),
        "destroying seven streams, by CUDA itself": (is_.DESTROY, is_.BY_CUDA),
        "submitting seven copies to seven streams": (is_.SUBMIT, ""),
        "seven streams": (is_.SYNCHRONIZE, is_.IN_FLIGHT),
        "seven streams, their copies ended": (is_.SYNCHRONIZE, is_.ENDED),
        "seven idle streams": (is_.SYNCHRONIZE, is_.IDLE),
        "one synchronize of the device": (is_.SYNCHRONIZE_DEVICE, is_.IN_FLIGHT),
        "one idle stream": (is_.SYNCHRONIZE_ONE, is_.IDLE),
        "one stream with a large copy in flight": (is_.SYNCHRONIZE_ONE, is_.LARGE),
    }
    counts = {
        "streams still copying when the synchronizes begin": is_.STILL_COPYING,
        "distinct streams that torch gave": is_.DISTINCT,
    }
    if phrase in times:
        of, under = times[phrase]
        return FigureKey(what=is_.HOST_TIME, of=of, under=under)
    if phrase == "seven streams ÷ one synchronize of the device":
        return FigureKey(what=is_.RATIO, of=is_.SYNCHRONIZE, to=is_.SYNCHRONIZE_DEVICE, under=is_.IN_FLIGHT)
    return FigureKey(what=counts[phrase]) if phrase in counts else None


def _of_triton_compile(phrase: str) -> FigureKey | None:
    is_ = triton_compile
    return {
        "compilations per launch": FigureKey(what=is_.COMPILATIONS_PER_LAUNCH, of=is_.REPEATED),
        "compilations for a new specialisation": FigureKey(what=is_.COMPILATIONS_PER_LAUNCH, of=is_.NEW),
        "launches that were repeated": FigureKey(what=is_.LAUNCHES, of=is_.REPEATED),
        "first launch, compiled": FigureKey(what=is_.HOST_TIME, of=is_.FIRST, under=is_.EMPTY_CACHE),
        "first launch, from the disk cache": FigureKey(what=is_.HOST_TIME, of=is_.FIRST, under=is_.FULL_CACHE),
        "repeated launch": FigureKey(what=is_.HOST_TIME, of=is_.REPEATED),
        "first launch, compiled: inside the compiler": FigureKey(
            what=is_.HOST_TIME, of=is_.FIRST, part=is_.COMPILER, under=is_.EMPTY_CACHE
        ),
    }.get(phrase)


def _of_copy_engine(phrase: str) -> FigureKey | None:
    operation, found, rest = phrase.partition(": sizes that needed no SM")
    return (
        FigureKey(what=copy_engine.WITHOUT_SM, of=_OPERATIONS.get(operation, operation)) if found and not rest else None
    )


_KEYS: Final[Mapping[str, Callable[[str], FigureKey | None]]] = {
    backlog.ID: _of_backlog,
    copy_engine.ID: _of_copy_engine,
    launch_floor.ID: _of_launch_floor,
    launch_ladder.ID: _of_launch_ladder,
    stream_synchronize.ID: _of_stream_synchronize,
    triton_compile.ID: _of_triton_compile,
}


# -- what only sentences and tables told

Tables = tuple[ProbeTable, ...]
Row = Mapping[str, Cell]


def _rows(tables: Tables, title: str) -> list[Row]:
    """The rows of the tables whose title begins so, cells by column."""
    named = [table for table in tables if table.title.startswith(title)]
    return [dict(zip(table.columns, row, strict=False)) for table in named for row in table.rows]


def _none(tables: Tables) -> list[ProbeFigure]:
    return []


def _backlog_counts(tables: Tables) -> list[ProbeFigure]:
    orders = [row.get("order") for row in _rows(tables, "Every pair of variants")]
    out = len(_rows(tables, "Variants that were not put behind a backlog"))
    counts = {backlog.PAIRS_IN_ORDER: "same order", backlog.PAIRS_UNDECIDED: "not decided"}
    variants = out + len(_rows(tables, "Time per iteration"))
    if not variants:
        return []
    return [
        *(
            ProbeFigure(what=what, value=orders.count(order), unit="pairs", out_of=len(orders))
            for what, order in counts.items()
        ),
        ProbeFigure(what=backlog.LEFT_OUT, value=out, unit="variants", out_of=variants),
    ]


def _copy_engine_sizes(tables: Tables) -> list[ProbeFigure]:
    needed: dict[tuple[str, int], copy_engine.Needs] = {}
    for row in _rows(tables, "Trials"):
        operation, size = str(row.get("operation")), row.get("bytes")
        if isinstance(size, int):
            needed[_OPERATIONS.get(operation, operation), size] = _needs(row.get("needs"))
    sms = [row.get("SMs of the GPU") for row in _rows(tables, "What held the SMs")]
    return copy_engine.counted(needed) + [copy_engine.sms(count) for count in sms[:1] if isinstance(count, int)]


def _needs(cell: Cell) -> copy_engine.Needs:
    return "an SM" if cell == "an SM" else "no SM" if cell == "no SM" else "unclear"


def _triton_compilations(tables: Tables) -> list[ProbeFigure]:
    is_ = triton_compile
    found: list[ProbeFigure] = []
    again = 0
    for row in _rows(tables, "Launches"):
        kind, _, new = str(row.get("launches")).partition(": ")
        compiled, loaded = row.get("compiled"), row.get("loaded from disk")
        if not isinstance(compiled, int) or not isinstance(loaded, int):
            continue
        if kind == "repeated launch":
            found.append(ProbeFigure(what=is_.COMPILATIONS, of=is_.REPEATED, value=compiled))
            found.append(ProbeFigure(what=is_.LOADS, of=is_.REPEATED, value=loaded))
        elif kind == "new specialisation":
            under = _SPECIALISATIONS.get(new, new)
            found.append(ProbeFigure(what=is_.COMPILATIONS, of=is_.NEW, under=under, value=compiled))
        elif kind == "the same again":
            again += compiled
    if found:
        found.append(ProbeFigure(what=is_.COMPILATIONS, of=is_.AGAIN, value=again))
    return found


_IN_TABLES: Final[Mapping[str, Callable[[Tables], list[ProbeFigure]]]] = {
    backlog.ID: _backlog_counts,
    copy_engine.ID: _copy_engine_sizes,
    triton_compile.ID: _triton_compilations,
}
