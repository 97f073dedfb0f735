"""What limits a program, and what changing it would save, as `analyze --json` says it."""

from __future__ import annotations

from typing import Annotated, Literal

from launchlens.traces.documents.structure import Structure, means

BoundBy = Literal["host", "sync", "communication", "copies", "gpu", "unknown"]
Code = Literal[
    "remove-sync",
    "batch-launches",
    "capture-graph",
    "fuse-kernels",
    "pin-memory",
    "overlap-copy",
    "overlap-communication",
    "bucket-communication",
    "prefetch-data",
    "avoid-allocation",
    "balance-ranks",
]
NO_WORK = "no GPU work was recorded"


class DeviceVerdict(Structure, frozen=True, kw_only=True):
    """What limits one of several devices of the process, in the same steps."""

    device: Annotated[str, means("its number")]
    bound_by: Annotated[BoundBy, means("as in the verdict")]
    share: Annotated[float, means("the share of the time that this rests on")]
    part: Annotated[str | None, means("as in the verdict", null="the host is not what limits it")]
    part_share: Annotated[float | None, means("the share of the time of that part", null="`part` is null")]
    shares: Annotated[
        dict[str, float],
        means("all of the time by what it is put down to; they sum to 1", key="as `bound_by`"),
    ]  # fmt: skip
    sentence: Annotated[str, means("the same for people")]


class Verdict(Structure, frozen=True, kw_only=True):
    """What limits the program in its steps (without steps: from the first launch to the last work)."""

    bound_by: Annotated[BoundBy, means("`host`, `sync`, `communication`, `copies`, `gpu` or `unknown`")]
    share: Annotated[float | None, means("the share of the time that this rests on", null=NO_WORK)]
    part: Annotated[
        str | None,
        means(
            "which part of the host: the cause of most idle time that is the host's",
            null="the host is not what limits it",
        ),
    ]
    part_share: Annotated[float | None, means("the share of the time of that part", null="`part` is null")]
    shares: Annotated[
        dict[str, float] | None,
        means("all of the time by what it is put down to; they sum to 1", null=NO_WORK, key="as `bound_by`"),
    ]  # fmt: skip
    steps: Annotated[int | None, means("how many steps it is about", null="no steps were found")]
    steps_found_by: Annotated[str | None, means("how the steps were found", null="no steps were found")]
    sentence: Annotated[str, means("the same for people")]
    devices: Annotated[
        list[DeviceVerdict],
        means(
            "what limits each device, where the process uses several: the verdict itself is of the one that does most"
        ),
    ]
    devices_sentence: Annotated[
        str | None, means("what these have in common, or differ in", null="the process does not use several devices")
    ]


class AdviceRow(Structure, frozen=True, kw_only=True):
    """Events that a piece of advice rests on, of one name."""

    name: Annotated[str, means("their name")]
    per_step: Annotated[float, means("how many a step")]
    ns_per_step: Annotated[float, means("their time a step, as recorded", unit="ns")]
    first_ns: Annotated[int, means("when the first of them began, on the recorder's clock", unit="ns")]


class Advice(Structure, frozen=True, kw_only=True):
    """One change that would save time. How the bounds are worked out: docs/advice.md."""

    code: Annotated[Code, means("which change")]
    saves_ns_per_step: Annotated[
        tuple[int, int], means("what it would save of a step, unprofiled: at least, at most", unit="ns")
    ]
    share_of_step: Annotated[tuple[float, float], means("the same as shares of the unprofiled step")]
    where: Annotated[str, means("the range, op or call that it is about")]
    rows: Annotated[list[AdviceRow], means("the events that it rests on")]
    how: Annotated[str, means("how the change is made")]
    sentence: Annotated[str, means("the same for people")]
