"""Gathers blocks of Kineto events into columns, and the columns into the event table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.details import Details
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import union
from launchlens.traces.problems import Problems
from launchlens.traces.readers.dictionary_coding import Codes, Numbering
from launchlens.traces.readers.kineto.categories import (
    HARMLESS,
    PROFILERS_OWN,
    PYTHON_STACK,
    copy_kind,
    kind_and_layer,
)
from launchlens.traces.readers.kineto.dialects import Dialect, Xla
from launchlens.traces.readers.kineto.events import (
    NO_ARGS,
    Args,
    Arrow,
    Complete,
    EventBlock,
    MemoryArgs,
    Scalar,
    raw_text,
)
from launchlens.traces.readers.kineto.times import Bools, Ints, text_to_ns, to_ns
from launchlens.traces.schema import KINDS, MAX_DUR_NS, event_table, within_limits, within_total

_KIND = {kind: number for number, kind in enumerate(KINDS)}
#: As categories of Python's own texts.
_KINDS = pd.CategoricalDtype(pd.Index(KINDS, dtype=object))
_LAYERS = pd.CategoricalDtype(pd.Index(("runtime", "driver"), dtype=object))
_ON_DEVICE = np.array([kind in ("kernel", "memcpy", "memset", "gpu-range") for kind in KINDS])
_WORK = np.array([kind in ("kernel", "memcpy", "memset") for kind in KINDS])
_NUMBERS = ("sent", "received", "ranks", "number")
_OF_COLLECTIVES = np.array([kind in ("kernel", "op") for kind in KINDS])
#: How the stack's frames of modules begin.
_MODULE = "nn.Module: "
#: What the place of memory of the host is called.
_CPU = "cpu"
#: Frames of code that lies in a file, with the file's folders apart: these are nobody's business.
_LINE = re.compile(r"(?:.*[\\/])?([^\\/]+\(\d+\): .*)", re.DOTALL)
_MOVES_BYTES = np.array([kind in ("memcpy", "memset") for kind in KINDS])
#: In transit an id that is absent is -1 (none of the ids is ever negative); the event table has nulls.
_ABSENT = -1
_ID_TEXT = re.compile(r"(?:^|\s)(0x[0-9a-fA-F]{1,16}|[0-9]{1,19})$")
_LEFT_OUT, _NO_CATEGORY, _PYTHON, _HARMLESS = -1, -2, -3, -4


class KinetoColumns:
    """The columns so far, a list of arrays each; what is left out is counted in `problems` and forgotten."""

    #: of the event table's rows the process ids that the file gives to those of a device, null for others; `table` finds them
    places: pd.Categorical

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.rows = 0
        self.threads: dict[tuple[str, str], str] = {}
        self.processes: dict[str, str] = {}
        #: whose words the file is in, where they are not Kineto's
        self.dialect: Dialect | None = None
        self._categories, self._names, self._ids, self._copy_kinds = (Numbering() for _ in range(4))
        self._collectives, self._dtypes, self._shapes, self._places = (Numbering() for _ in range(4))
        #: what Python's stack tells of, with how a frame's name tells it
        self._of_stack = {"module": (Numbering(), _module), "frame": (Numbering(), _line_of_code)}
        self._groups = Numbering()
        self._kind_of_category = np.empty(0, np.int8)
        self._layer_of_category = np.empty(0, np.int8)
        self._parts: defaultdict[str, list[npt.NDArray[Any]]] = defaultdict(list)
        self._frames: defaultdict[tuple[int, int], list[tuple[Ints, Ints]]] = defaultdict(list)

    def add(self, block: EventBlock) -> None:
        """Take in the events of one block that the event table holds."""
        for event in block.metadata:
            name = None if event.args is None else event.args.name
            if name is not None and event.name == "process_name":
                self.processes[str(event.pid)] = str(name)
            elif name is not None and event.name == "thread_name":
                self.threads[str(event.pid), str(event.tid)] = str(name)
        if self.dialect is None and self.processes and Xla.speaks(self.processes.values()):
            self.dialect = Xla()
        if self.dialect is not None and block.complete:
            complete = self.dialect.translated(block.complete, self.processes, self.threads)
            block = replace(block, complete=complete, body=None)
        self._keep_memory(block.memory)
        if block.arrows:
            self._keep_arrows(block.arrows)
        category = self._categories.of([event.cat for event in block.complete])
        self._learn_categories()
        kind, layer = self._kind_of_category[category], self._layer_of_category[category]
        known, events = kind >= 0, block.complete
        if not known.all():
            for code, left_out in (
                ("unknown-category", _LEFT_OUT),
                ("event-without-category", _NO_CATEGORY),
                ("python-stack-left-out", _PYTHON),
            ):
                self.problems.add(code, int((kind == left_out).sum()))
            if (kind == _PYTHON).any():
                self._keep_frames(block, kind == _PYTHON)
            events, kind, layer = list(compress(events, known)), kind[known], layer[known]
        start, start_usable = to_ns([event.ts for event in events], lambda: compress(block.times_as_text("ts"), known))
        dur, dur_usable = to_ns([event.dur for event in events], lambda: compress(block.times_as_text("dur"), known))
        usable = start_usable & dur_usable & within_limits(start, dur)
        names = [event.name for event in events]
        if None in names:
            usable &= np.array([name is not None for name in names], bool)
        self.problems.add("event-not-understood", int((~usable).sum()))
        self.problems.add("negative-duration", int((usable & (dur < 0)).sum()))
        usable &= dur >= 0
        cudas_own = usable & (kind == _KIND["overhead"])
        for row in np.flatnonzero(cudas_own):
            cudas_own[row] = not PROFILERS_OWN.search(events[row].name or "")
        self.problems.add("cuda-overhead-left-out", int(cudas_own.sum()))
        usable &= ~cudas_own
        if usable.any():
            self._keep(list(compress(events, usable)), kind[usable], layer[usable], start[usable], dur[usable])

    def _keep_frames(self, block: EventBlock, chosen: Bools) -> None:
        """Python's stack: what it tells of torch's modules and of lines of code, and when anything of it is open."""
        frames = list(compress(block.complete, chosen))
        start, start_usable = to_ns([each.ts for each in frames], lambda: compress(block.times_as_text("ts"), chosen))
        dur, dur_usable = to_ns([each.dur for each in frames], lambda: compress(block.times_as_text("dur"), chosen))
        usable = start_usable & dur_usable & within_limits(start, dur) & (dur >= 0)
        process, thread = (self._ids.of([getattr(each, name) for each in frames]) for name in ("pid", "tid"))
        lanes = by_keys(np.flatnonzero(usable), process[usable].astype(np.int64), thread[usable].astype(np.int64))
        for lane, mine in lanes.items():
            self._frames[lane].append(union(start[mine], start[mine] + dur[mine]))
        names = [each.name or "" for each in frames]
        for what, (numbers, told) in self._of_stack.items():
            # each name once, and none is kept that tells nothing: of a long stack names are most of the file
            text_of = {name: told(name) for name in set(names)}
            kept = usable & np.fromiter((text_of[name] is not None for name in names), bool, len(names))
            part: dict[str, npt.NDArray[Any]] = {
                "name": numbers.of([text_of[name] for name in compress(names, kept)]),
                "process": process[kept],
                "thread": thread[kept],
                "start_ns": start[kept],
                "dur_ns": dur[kept],
            }
            for name, values in part.items():
                self._parts[f"{what}_{name}"].append(values)

    def python_frames(self) -> dict[tuple[str, str], tuple[Ints, Ints]]:
        """When Python frames were open, by the ids of process and thread."""
        ids = list(self._ids)
        return {
            (str(_id_text(ids[process])), str(_id_text(ids[thread]))): union(
                np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])
            )
            for (process, thread), parts in self._frames.items()
        }

    @property
    def categories(self) -> list[str]:
        """The categories met so far, in the file's words."""
        return [str(each) for each in self._categories if each]

    def _learn_categories(self) -> None:
        for category in list(self._categories)[len(self._kind_of_category) :]:
            kind, layer = kind_and_layer(category or "")
            if kind is not None:
                number = _KIND[kind]
            elif not category:
                number = _NO_CATEGORY
            elif category.lower() in PYTHON_STACK:
                number = _PYTHON
            else:
                number = _HARMLESS if category.lower() in HARMLESS else _LEFT_OUT
            self._kind_of_category = np.append(self._kind_of_category, np.int8(number))
            self._layer_of_category = np.append(
                self._layer_of_category, np.int8(_LAYERS.categories.get_loc(layer) if layer is not None else -1)
            )

    def _keep(
        self, kept: list[Complete], kind: npt.NDArray[np.int8], layer: npt.NDArray[np.int8], start: Ints, dur: Ints
    ) -> None:
        part: dict[str, npt.NDArray[Any]] = {"kind": kind, "layer": layer, "start_ns": start, "dur_ns": dur}
        part["name"] = self._names.of([event.name for event in kept])
        on_device = _ON_DEVICE[kind]
        pid = self._ids.of([event.pid for event in kept])
        part["process"] = np.where(on_device, -1, pid)
        part["thread"] = np.where(on_device, -1, self._ids.of([event.tid for event in kept]))
        args = [event.args or NO_ARGS for event in kept]
        part["correlation"] = _ids([each.correlation for each in args])
        part["correlation"][part["correlation"] == 0] = _ABSENT  # CUPTI's way of saying none
        self.problems.add("missing-correlation", int((_WORK[kind] & (part["correlation"] < 0)).sum()))
        for name, values in part.items():
            self._parts[name].append(values)
        self._keep_details(args, kind)
        if on_device.any():
            self._keep_device(
                list(compress(kept, on_device)),
                list(compress(args, on_device)),
                np.flatnonzero(on_device),
                pid[on_device],
            )
        ops = kind == _KIND["op"]
        if ops.any():
            of_ops = list(compress(args, ops))
            sequence = [each.sequence for each in of_ops]
            self._parts["op_row"].append(np.flatnonzero(ops) + self.rows)
            if sequence.count(_ABSENT) == len(sequence):  # recorded without autograd, as most inference is
                self._parts["sequence"].append(np.full(len(of_ops), _ABSENT, np.int64))
                self._parts["forward_thread"].append(np.full(len(of_ops), _ABSENT, np.int64))
            else:
                self._parts["sequence"].append(_ids(sequence))
                self._parts["forward_thread"].append(_ids([each.forward_thread for each in of_ops]))
        api = kind == _KIND["api"]
        size = _ids([each.size for each in compress(args, api)])
        if (size >= 0).any():
            self._parts["api_size"].append(size[size >= 0])
            self._parts["api_correlation"].append(part["correlation"][api][size >= 0])
        self.rows += len(kept)

    def _keep_details(self, args: list[Args], kind: npt.NDArray[np.int8]) -> None:
        """What events say of collectives and of the shapes of inputs."""
        told = np.flatnonzero([each.collective is not None for each in args])
        told = told[_OF_COLLECTIVES[kind[told]]]
        if len(told):
            chosen = [args[at] for at in told]
            part: dict[str, npt.NDArray[Any]] = {
                "row": told + self.rows,
                "name": self._collectives.of([str(each.collective) for each in chosen]),
                "dtype": self._dtypes.of([None if each.dtype is None else str(each.dtype) for each in chosen]),
                **{name: _ids([getattr(each, name) for each in chosen]) for name in _NUMBERS},
                "group": self._groups.of([_group_of(each) for each in chosen]),
            }
            for name, values in part.items():
                self._parts[f"collective_{name}"].append(values)
        of_ops = np.flatnonzero(kind == _KIND["op"])
        shapes = [bytes(args[at].shapes) if args[at].shapes else b"" for at in of_ops]
        shaped = np.fromiter(map(len, shapes), np.int64, len(shapes)) > 2  # an op without inputs has []
        if shaped.any():
            self._parts["shape_row"].append(of_ops[shaped] + self.rows)
            self._parts["shape_text"].append(self._shapes.of(list(compress(shapes, shaped))))

    def _keep_memory(self, samples: Sequence[tuple[str, MemoryArgs]]) -> None:
        """What an allocator reported; moments that are no times, and sizes that no memory has, are left out."""
        known = []
        for text, each in samples:
            at = text_to_ns(text)
            if at is not None and max(abs(each.bytes), abs(each.allocated), abs(each.reserved)) < MAX_DUR_NS:
                known.append((at, each))
        if known:
            places = [_CPU if each.device_type == 0 else str(each.device) for _, each in known]
            self._parts["memory_start_ns"].append(np.array([at for at, _ in known], np.int64))
            self._parts["memory_device"].append(self._places.of(places))
            for name in ("bytes", "allocated", "reserved"):
                sizes = np.array([getattr(each, name) for _, each in known], np.int64)
                self._parts[f"memory_{name}"].append(sizes)

    def details(self, kept: Bools | None) -> Details:
        """What was told beside the events; `kept` says which rows of the table were, None for all. The columns are used up."""
        row = np.arange(self.rows) if kept is None else np.cumsum(kept) - 1
        collectives = shapes = memory = None
        if self._parts["collective_row"]:
            collectives = pd.DataFrame(
                {
                    "row": self._take("collective_row"),
                    "name": self._collectives.categorical(self._take("collective_name", np.int32), str),
                    "dtype": self._dtypes.categorical(self._take("collective_dtype", np.int32), lambda value: value),
                    **{name: _nullable(self._take(f"collective_{name}")) for name in ("sent", "received", "ranks")},
                    "group": self._groups.categorical(self._take("collective_group", np.int32), lambda value: value),
                    "number": _nullable(self._take("collective_number")),
                }
            )
            none = len(collectives)  # torch tells elements
            collectives["bytes"] = pd.arrays.IntegerArray(np.zeros(none, np.int64), np.ones(none, bool))
        if self._parts["shape_row"]:
            text = self._shapes.categorical(
                self._take("shape_text", np.int32), lambda value: value.decode("utf-8", "replace")
            )
            shapes = pd.DataFrame({"row": self._take("shape_row"), "shapes": text})
        if self._parts["memory_start_ns"]:
            memory = pd.DataFrame(
                {
                    "start_ns": self._take("memory_start_ns"),
                    "device": self._places.categorical(self._take("memory_device", np.int32), str),
                    "bytes": self._take("memory_bytes"),
                    **{name: _nullable(self._take(f"memory_{name}")) for name in ("allocated", "reserved")},
                }
            )
        for frame in (collectives, shapes):
            if frame is not None and kept is not None:
                frame.drop(index=frame.index[~kept[frame["row"].to_numpy()]], inplace=True)
                frame["row"] = row[frame["row"].to_numpy()]
        return Details(collectives, shapes, memory, self._stack("module"), self._stack("frame"))

    def _stack(self, what: str) -> pd.DataFrame | None:
        """The calls of modules, or of functions in files, that Python's stack tells of; None where it tells of none."""
        numbers, _ = self._of_stack[what]
        if not len(numbers):
            return None
        process, thread = (self._take(f"{what}_{each}", np.int32) for each in ("process", "thread"))
        return pd.DataFrame(
            {
                "name": numbers.categorical(self._take(f"{what}_name", np.int32), str),
                "process": self._ids.categorical(process, _process_text),
                "thread": self._ids.categorical(thread, _id_text),
                "start_ns": self._take(f"{what}_start_ns"),
                "dur_ns": self._take(f"{what}_dur_ns"),
            }
        )

    def _keep_arrows(self, arrows: Sequence[Arrow]) -> None:
        texts = [raw_text(arrow.ts) for arrow in arrows]
        at, usable = to_ns([_number(text) for text in texts], lambda: texts)
        number = _ids([arrow.id for arrow in arrows])
        usable &= number >= 0
        for name, values in (
            ("arrow_at", at),
            ("arrow_id", number),
            ("arrow_process", self._ids.of([arrow.pid for arrow in arrows])),
            ("arrow_thread", self._ids.of([arrow.tid for arrow in arrows])),
        ):
            self._parts[name].append(values[usable])

    def _keep_device(self, events: list[Complete], args: list[Args], rows: npt.NDArray[np.intp], pid: Codes) -> None:
        device = _ids([each.device for each in args])
        stream = _ids([each.stream for each in args])
        # gpu_user_annotation rows say where they are by process and thread alone, as the oldest traces do: "stream 7"
        for ids, places in ((device, [each.pid for each in events]), (stream, [each.tid for each in events])):
            for row in np.flatnonzero(ids < 0):
                ids[row] = _id(places[row], last_word=True)
        device[device > np.iinfo(np.int32).max] = _ABSENT
        kinds = [each.kind if isinstance(each.kind, str) and each.kind[:1].isalpha() else None for each in args]
        part: dict[str, npt.NDArray[Any]] = {
            "row": rows + self.rows,
            "place": pid,
            "device": device,
            "stream": stream,
            "context": _ids([each.context for each in args]),
            "bytes": _ids([each.bytes for each in args]),
            "graph": _ids([each.graph for each in args]),
            "graph_node": _ids([each.graph_node for each in args]),
            "copy_kind": self._copy_kinds.of(kinds),
        }
        for name, values in part.items():
            self._parts[name].append(values)

    def table(self) -> tuple[pd.DataFrame, Details]:
        """The event table, in the order of the file, and what was told beside it, and `places`; the columns are used up."""
        kind, rows = self._take("kind", np.int8), self._take("row", np.intp)
        on_device = kind[rows]
        name = self._take("name", np.int32)
        correlation = self._take("correlation")
        moved = np.where(_MOVES_BYTES[on_device], self._take("bytes"), _ABSENT)
        copies = on_device == _KIND["memcpy"]
        moved = self._bytes_from_calls(moved, np.where(copies, correlation[rows], _ABSENT))
        process, thread = self._take("process", np.int32), self._take("thread", np.int32)
        # newer Kineto reports its overhead on process -1: on none, then, and on no thread that exists
        nowhere = np.array([str(value) == "-1" for value in self._ids] + [False])
        thread[nowhere[process]] = -1
        columns: dict[str, Any] = {
            "kind": pd.Categorical.from_codes(kind, dtype=_KINDS),
            "start_ns": self._take("start_ns"),
            "dur_ns": self._take("dur_ns"),
            "process": self._ids.categorical(process, _process_text),
            "thread": self._ids.categorical(thread, _id_text),
            "correlation": _nullable(correlation),
            "layer": pd.Categorical.from_codes(self._take("layer", np.int8), dtype=_LAYERS),
            "copy_kind": self._copy_kind(name, self._take("copy_kind", np.int32), rows, copies),
            "bytes": self._spread(moved, rows),
            "name": self._names.categorical(name, str),
        }
        ops, forward = self._take("op_row", np.intp), self._take("forward_thread")
        columns["sequence"] = self._spread(self._take("sequence"), ops)
        columns["forward_thread"] = self._spread(np.where(forward > 0, forward, _ABSENT), ops)
        arrows = self._arrows(ops, process, thread, columns["start_ns"], columns["dur_ns"])
        columns["flow"] = self._spread(arrows, ops)
        for each in ("device", "context", "stream", "graph", "graph_node"):
            columns[each] = self._spread(self._take(each), rows, np.int32 if each == "device" else np.int64)
        table = event_table(columns, self.rows, self.problems)
        place = np.full(self.rows, -1, np.int32)
        place[rows] = self._take("place", np.int32)
        self.places = self._ids.categorical(place, _id_text)
        summable = within_total(columns["dur_ns"])
        if summable.all():
            return table, self.details(None)
        self.problems.add("event-not-understood", int((~summable).sum()))
        self.places = self.places[summable]
        return table[summable].reset_index(drop=True), self.details(summable)

    def _take(self, name: str, dtype: Any = np.int64) -> npt.NDArray[Any]:
        parts = self._parts.pop(name, [])
        return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)

    def _spread(self, values: Ints, rows: npt.NDArray[np.intp], dtype: Any = np.int64) -> Any:
        """A nullable column from the values of some events alone; None, which stands for nothing but nulls, where none has one."""
        if not len(values) or values.max() < 0:
            return None
        full = np.full(self.rows, _ABSENT, dtype)
        full[rows] = values
        return _nullable(full)

    def _arrows(self, ops: npt.NDArray[np.intp], process: Codes, thread: Codes, start: Ints, dur: Ints) -> Ints:
        """The arrow that leaves or reaches each op: an arrow's op is the one that began last before its moment and is still open."""
        at, number = self._take("arrow_at"), self._take("arrow_id")
        of_process, of_thread = (
            self._take("arrow_process").astype(np.int64),
            self._take("arrow_thread").astype(np.int64),
        )
        found = np.full(len(ops), _ABSENT, np.int64)
        if not len(at):
            return found
        of_ops = by_keys(np.arange(len(ops)), process[ops].astype(np.int64), thread[ops].astype(np.int64))
        for lane, mine in by_keys(np.arange(len(at)), of_process, of_thread).items():
            here = of_ops.get(lane, np.empty(0, np.int64))
            here = here[np.lexsort((-dur[ops[here]], start[ops[here]]))]
            low = start[ops[here]]
            which = np.searchsorted(low, at[mine], side="right") - 1
            met = np.flatnonzero(which >= 0)
            met = met[at[mine][met] <= low[which[met]] + dur[ops[here[which[met]]]]]
            found[here[which[met]]] = number[mine][met]
        return found

    def _bytes_from_calls(self, moved: Ints, correlation: Ints) -> Ints:
        """`moved` with the bytes of copies that carry none (ROCm's) taken from the calls of the same correlation id."""
        calls, sizes = self._take("api_correlation"), self._take("api_size")
        lacking = np.flatnonzero((moved < 0) & (correlation >= 0))
        calls, sizes = calls[calls >= 0], sizes[calls >= 0]
        if not len(lacking) or not len(calls):
            return moved
        size_of = pd.Series(sizes).groupby(calls).agg(["min", "max"])
        size_of = size_of["min"][size_of["min"] == size_of["max"]]  # ids that name two sizes name none
        moved[lacking] = size_of.reindex(correlation[lacking], fill_value=_ABSENT).to_numpy()
        return moved

    def _copy_kind(self, name: Codes, given: Codes, rows: npt.NDArray[np.intp], copies: Bools) -> pd.Categorical:
        """The kinds of the memcpys among device events: what the recorder calls it, else what its name says."""
        texts, codes = Numbering(), np.full(self.rows, -1, np.int32)
        if copies.any():
            names, kinds = list(self._names), list(self._copy_kinds)
            # as one number each, of which a sort takes a tenth of the time
            pairs = name[rows][copies].astype(np.int64) * len(kinds) + given[copies]
            known, pair_of = np.unique(pairs, return_inverse=True)
            of_pair = [copy_kind(kinds[pair % len(kinds)] or names[pair // len(kinds)]) for pair in known.tolist()]
            codes[rows[copies]] = texts.of(of_pair)[pair_of]
        return texts.categorical(codes, str)


def _nullable(values: npt.NDArray[Any]) -> Any:
    absent = values < 0
    return pd.arrays.IntegerArray(np.where(absent, values.dtype.type(0), values), absent)


def _ids(values: Sequence[Scalar]) -> Ints:
    """Ids or counts as int64, -1 where there is none or what is there is not one."""
    if set(map(type, values)) <= {int}:
        try:
            ids = np.fromiter(values, np.int64, len(values))
        except OverflowError:
            pass
        else:
            return np.maximum(ids, _ABSENT)
    return np.fromiter(map(_id, values), np.int64, len(values))


def _id(value: Scalar, *, last_word: bool = False) -> int:
    """An id from a number or its text, decimal or 0x...; with `last_word`, from the 7 of `stream 7`."""
    if isinstance(value, str):
        match = _ID_TEXT.search(value)
        if match is None or (match.start() and not last_word):
            return _ABSENT
        value = int(match[1], 16 if match[1].startswith("0x") else 10)
    if value is None or not 0 <= value < 1 << 63 or value != int(value):
        return _ABSENT
    return int(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _process_text(value: Scalar) -> str | None:
    return None if str(value) == "-1" else _id_text(value)


def _id_text(value: Scalar) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if value is not None and value != "" else None


def _module(frame: str) -> str | None:
    """Class and number of the module that a frame of Python's stack is of; None of any other."""
    return frame.removeprefix(_MODULE) if frame.startswith(_MODULE) else None


def _line_of_code(frame: str) -> str | None:
    """The file, without its folder, with line and function of a frame of Python's stack; None of what is built in.

    >>> _line_of_code("/home/ada/train.py(12): step"), _line_of_code("<built-in method item of Tensor object at 0x7f>")
    ('train.py(12): step', None)
    """
    found = None if frame.startswith((_MODULE, "<")) else _LINE.fullmatch(frame)
    return None if found is None else found[1]


def _group_of(args: Args) -> str | None:
    """What tells a process group from others: names are unique, as far as one caller made the groups of all ranks."""
    if args.group is None:
        return None
    ranks = args.group_ranks
    return f"{args.group} {ranks}" if isinstance(ranks, str | list) and ranks else str(args.group)
