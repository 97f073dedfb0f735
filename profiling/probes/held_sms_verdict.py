"""From trials to the answer of the probe `held-sms`: which change makes a kernel start, or not start, beside a held block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from launchlens.profiling.probes.held_sms_experiments import CARVEOUT, CONTROL, HYPOTHESES, MEMCPY, OBSERVATION
from launchlens.profiling.probes.raw_kernel import Device
from launchlens.traces.captures.probes import Cell, Control, Probe, ProbeFigure, ProbeTable, concluded

ID = "held-sms"
ASKS = "Which kernels start on SMs that hold one large block already, and what decides it?"
NOTHING_WAITS, NOT_EXPLAINED = "nothing waits", "not explained"
#: Registers are given to a warp in units of 256: 8 per thread.
REGISTER_UNIT = 8


@dataclass(frozen=True)
class Block:
    """What one block takes of an SM: threads, registers per thread, and bytes of shared memory."""

    threads: int
    registers: int
    shared: int


def fits(device: Device, held: Block, beside: Block) -> bool:
    """Whether both blocks fit on an SM at once by its totals, whatever its memory is divided into.

    Raises nothing: the arithmetic knows threads, registers and shared memory, with what CUDA reserves for each block.
    """
    both = (held, beside)
    registers = sum(-(-item.registers // REGISTER_UNIT) * REGISTER_UNIT * _warps(item.threads) for item in both)
    shared = sum(item.shared + device.reserved_shared_per_block for item in both)
    return (
        sum(_warps(item.threads) for item in both) <= device.threads_per_sm
        and registers <= device.registers_per_sm
        and shared <= device.shared_per_sm
    )


def _warps(threads: int) -> int:
    """Threads of the block's whole warps."""
    return -(-threads // 32) * 32


@dataclass(frozen=True)
class Tried:
    """The trials of one experiment: `factor` at `level`, all else as in the others of the same `factor` and `of`.

    `kernel` names what was to start. `fits` is None where the driver doesn't tell what it takes, `held` counts the trials
    in which one block stayed on each SM until the kernel was judged, `started` those in which it ended meanwhile.
    `wish_bytes`, where the driver was left to choose for both kernels: the shared memory that an SM would need to hold as
    many blocks of the kernel as it can, with what CUDA reserves for each.
    """

    hypothesis: str
    factor: str
    of: str
    level: str
    kernel: str
    fits: bool | None
    trials: int
    held: int
    started: int
    right: int
    call_waited: int = 0
    wish_bytes: int | None = None


@dataclass(frozen=True)
class Checked:
    """The kernels that a control was made with: `started` of `trials`, with some share of the SMs held."""

    kernel: str
    trials: int
    held: int
    started: int


Answer = Literal["starts", "waits", "unclear"]


def answer(row: Tried) -> Answer:
    """What one experiment says; `unclear` where the SMs were not held or the trials differ."""
    if not row.trials or row.held < row.trials or 0 < row.started < row.trials:
        return "unclear"
    return "starts" if row.started else "waits"


@dataclass(frozen=True)
class Group:
    """Experiments that differ in one factor alone, and fit by the SM's totals: levels by what they say."""

    hypothesis: str
    factor: str
    of: str
    starts: tuple[str, ...]
    waits: tuple[str, ...]
    kernel: str = ""

    @property
    def flips(self) -> bool:
        return bool(self.starts and self.waits)

    @property
    def compares(self) -> bool:
        return len(self.starts) + len(self.waits) > 1


def groups(rows: Iterable[Tried]) -> list[Group]:
    """Those that compare anything, by factor and what stays fixed."""
    found: dict[tuple[str, str, str], list[Tried]] = {}
    for row in rows:
        if row.hypothesis in HYPOTHESES and row.fits is not False:
            found.setdefault((row.hypothesis, row.factor, row.of), []).append(row)
    made = [
        Group(
            *key,
            starts=tuple(row.level for row in members if answer(row) == "starts"),
            waits=tuple(row.level for row in members if answer(row) == "waits"),
            kernel=members[0].kernel,
        )
        for key, members in found.items()
    ]
    return [group for group in made if group.compares]


def conclude(
    rows: Sequence[Tried],
    half: Sequence[Checked],
    full: Sequence[Checked],
    tables: Sequence[ProbeTable] = (),
    notes: Sequence[str] = (),
) -> Probe:
    """The probe's answer. `half` and `full` are the controls with half of the SMs wholly free, and with no thread free."""
    compared = groups(rows)
    observed = [row for row in rows if row.hypothesis == OBSERVATION]
    waiting = [row.kernel for row in observed if answer(row) == "waits"]
    flips = [name for name in HYPOTHESES if any(group.flips for group in compared if group.hypothesis == name)]
    freed = {group.kernel for group in compared if group.hypothesis == CARVEOUT and group.flips}
    asked = {group.kernel for group in compared if group.hypothesis == CARVEOUT}
    waiting_asked = [name for name in waiting if name in asked]
    if not waiting and not flips:
        verdict = NOTHING_WAITS
    elif not flips:
        verdict = NOT_EXPLAINED
    elif waiting_asked and freed.issuperset(waiting_asked):
        verdict = CARVEOUT
    else:
        verdict = ", ".join(flips)
    return concluded(
        ID,
        asks=ASKS,
        verdict=verdict,
        says=_says(observed, compared, flips, _rule(rows)),
        controls=controls(rows, half, full),
        figures=[
            ProbeFigure("kernels that wait beside one block per SM", len(waiting), f"of {len(observed)} kernels"),
            *_share_that_start(rows),
            *_wishes(rows),
            *(
                ProbeFigure(
                    f"{name}: comparisons that it flips",
                    sum(group.flips for group in compared if group.hypothesis == name),
                    f"of {sum(group.hypothesis == name for group in compared)} comparisons",
                )
                for name in HYPOTHESES
                if any(group.hypothesis == name for group in compared)
            ),
        ],
        tables=[_hypotheses(compared), _trials(rows), *tables],
        notes=notes,
    )


def controls(rows: Sequence[Tried], half: Sequence[Checked], full: Sequence[Checked]) -> list[Control]:
    """What must have been found before the answer counts."""
    stuck = [item.kernel for item in half if item.started < item.trials]
    sm_kernels = [item for item in full if item.kernel != MEMCPY]
    ran = [item.kernel for item in sm_kernels if item.started or item.held < item.trials]
    too_much = [row for row in rows if row.fits is False and row.held]
    ended = [row for row in too_much if row.started]
    behind = [row for row in rows if row.hypothesis == CONTROL]
    main = [row for row in rows if row.hypothesis in (OBSERVATION, CARVEOUT)]
    tried, held = sum(row.trials for row in main), sum(row.held for row in main)
    unclear = [row.kernel for row in rows if row.hypothesis == OBSERVATION and answer(row) == "unclear"]
    others = sum(answer(row) == "unclear" for row in rows if row not in main)
    wrong = sum(row.trials - row.right for row in rows)
    return [
        Control(
            "every kernel starts with half of the SMs wholly free",
            bool(half) and not stuck,
            f"{', '.join(stuck)} did not" if stuck else f"{len(half)} of {len(half)}",
        ),
        Control(
            "no kernel starts with no thread of any SM free",
            bool(sm_kernels) and not ran,
            f"{', '.join(ran)} did, or the SMs were not held" if ran else f"0 of {len(sm_kernels)}",
        ),
        Control(
            "a kernel for which an SM lacks registers or shared memory does not start",
            bool(too_much) and not ended,
            f"{len(ended)} of {len(too_much)} did",
        ),
        Control(
            "a kernel that is ordered behind the holding kernel does not start",
            bool(behind) and all(answer(row) == "waits" for row in behind),
            ", ".join(f"{row.kernel}: {row.started} of {row.held} did" for row in behind) or "not tried",
        ),
        Control(
            "one block stayed on each SM until the kernel was judged, and the trials of each kernel alone were alike",
            bool(main) and held == tried and not unclear,
            f"{held} of {tried} trials of kernels alone and of carve-outs"
            + (f"; unclear: {', '.join(unclear)}" if unclear else "")
            + (f"; {others} other experiments were unclear and count for nothing" if others else ""),
        ),
        Control("what the kernels wrote is right", bool(rows) and not wrong, f"{wrong} trials left wrong values"),
    ]


def _share_that_start(rows: Iterable[Tried]) -> list[ProbeFigure]:
    """How many start where the holding kernel and the bare kernel prefer the same carve-out, and where they don't."""
    counts: dict[bool, list[bool]] = {True: [], False: []}
    for row in rows:
        held = row.of.rpartition("a hold that prefers ")[2]
        if (
            row.factor == "of the kernel"
            and row.hypothesis == CARVEOUT
            and held.endswith("%")
            and row.level.endswith("%")
            and answer(row) != "unclear"
        ):
            counts[held == row.level].append(answer(row) == "starts")
    return [
        ProbeFigure(f"bare kernels that start beside a hold of {word} carve-out", sum(found), f"of {len(found)} pairs")
        for word, found in (("the same", counts[True]), ("another", counts[False]))
        if found
    ]


def wishes(rows: Iterable[Tried]) -> tuple[list[int], list[int]]:
    """The distinct `wish_bytes` of kernels that start, and of those that wait, in ascending order."""
    found: dict[str, set[int]] = {"starts": set(), "waits": set(), "unclear": set()}
    for row in rows:
        if row.wish_bytes is not None and row.fits is not False:
            found[answer(row)].add(row.wish_bytes)
    return sorted(found["starts"]), sorted(found["waits"])


def _wishes(rows: Iterable[Tried]) -> list[ProbeFigure]:
    starts, waits = wishes(rows)
    of = "bytes of shared memory for as many of its blocks as fit an SM"
    most = [ProbeFigure(f"the most that a kernel wants and starts: {of}", starts[-1], "bytes")] if starts else []
    return most + ([ProbeFigure(f"the least that a kernel wants and waits: {of}", waits[0], "bytes")] if waits else [])


def _rule(rows: Sequence[Tried]) -> list[str]:
    """The sentence that names what decides where the driver chooses, if one number tells all that start from all that wait."""
    starts, waits = wishes(rows)
    if not starts or not waits or starts[-1] >= waits[0]:
        return []
    kernels = sum(row.wish_bytes is not None and row.fits is not False and answer(row) != "unclear" for row in rows)
    told = (
        f"Where the driver chooses, one number tells all that started from all that waited, in {kernels} experiments: the shared "
        "memory that an SM would need for as many of the kernel's blocks as it can hold, with what CUDA reserves for each. Up to "
        f"{starts[-1]:,} bytes it started, from {waits[0]:,} bytes on it waited. That follows if the driver divides an SM's memory "
        "by that number and can divide it anew only once the SM is empty: threads per block, registers and shared memory then "
        "matter by what they make of it."
    )
    return [told]


def _says(observed: Sequence[Tried], compared: Sequence[Group], flips: Sequence[str], rule: Sequence[str]) -> str:
    waits = [row.kernel for row in observed if answer(row) == "waits"]
    starts = [row.kernel for row in observed if answer(row) == "starts"]
    tested = [name for name in HYPOTHESES if any(group.hypothesis == name for group in compared)]
    parts = [
        f"With one block on every SM, these did not start: {'; '.join(waits) or 'none'}. These did: {'; '.join(starts) or 'none'}.",
        *rule,
    ]
    counted = []
    for name in flips:
        mine = [group for group in compared if group.hypothesis == name]
        counted.append(f"{name} (in {sum(group.flips for group in mine)} of {len(mine)} comparisons)")
    if counted:
        parts.append(f"What flips it, changed alone: {_and(counted)}.")
    others = [name for name in tested if name not in flips]
    if others:
        parts.append(f"What does not: {_and(others)}.")
    return " ".join(parts)


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _hypotheses(compared: Sequence[Group]) -> ProbeTable:
    columns = ("what might decide", "varied", "kernel, and what stays fixed", "flips it", "starts at", "waits at")
    rows: list[tuple[Cell, ...]] = [
        (group.hypothesis, group.factor, group.of, group.flips, ", ".join(group.starts), ", ".join(group.waits))
        for group in compared
    ]
    return ProbeTable("One thing varied at a time, among what fits an SM's totals", columns, tuple(rows))


def _trials(rows: Sequence[Tried]) -> ProbeTable:
    columns = (
        *("what might decide", "varied", "kernel, and what stays fixed", "level", "fits by the SM's totals"),
        *("started while held", "calls that waited for the release", "right values"),
    )
    cells: list[tuple[Cell, ...]] = [
        (
            *(row.hypothesis, row.factor, row.of, row.level, row.fits),
            *(f"{row.started} of {row.held}", row.call_waited, f"{row.right} of {row.trials}"),
        )
        for row in rows
    ]
    return ProbeTable("Trials beside one block on every SM", columns, tuple(cells))
