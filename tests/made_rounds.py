"""Rounds of blocks whose truth is known: time = host speed × what a side takes × what came before it × noise."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from launchlens.profiling.rounds import order
from launchlens.traces.captures.capture import Capture, Manifest, typed
from launchlens.traces.studies.study import Study, study

AGAIN = "again"


def made_timings(takes: Mapping[str, float], **how: Any) -> pd.DataFrame:
    """Timings of a regime in the order that `profile` times them, see `_blocks`."""
    return typed(_blocks(takes, **how))


def _blocks(
    takes: Mapping[str, float],
    *,
    rounds: int = 40,
    seed: int = 0,
    noise: float = 0.02,
    outliers: float = 0.0,
    speed: Callable[[float], float] = lambda at: 1.0,
    after: Callable[[str, str], float] = lambda before, mine: 1.0,
) -> pd.DataFrame:
    """The blocks one by one; the first of `takes` is the baseline, and timed twice.

    `speed` is of how far the run is, from 0 to 1; `after` of the side that was timed before, and the one that is;
    a share of `outliers` takes ten times as long.
    """
    generator = np.random.default_rng(seed)
    baseline = next(iter(takes))
    names = [*takes, AGAIN]
    rows, before, clock = [], baseline, 0
    for number, blocks in enumerate(order(len(names), rounds, light=False, seed=seed)):
        for position, (index, treatment) in enumerate(blocks):
            name = names[index]
            count = 20_000 if treatment.long else 10_000
            slow = 10 if generator.random() < outliers else 1
            each = takes.get(name, takes[baseline]) * speed((number + position / len(blocks)) / rounds)
            wall = each * count * slow * after(before, name) * np.exp(noise * generator.standard_normal())
            wall = round(wall)
            side = baseline if name == AGAIN else name
            rows.append((number, position, side, name == AGAIN, treatment.length, count, clock, wall))
            clock += wall
            before = name
    columns = ("round", "position", "variant", "control", "length", "iterations", "start_ns", "wall_ns")
    found = pd.DataFrame(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))
    return found.assign(regime="eager", recorder="off", host_ns=found["wall_ns"], device_ns=None, sm_clock_mhz=None)


def made_study(takes: Mapping[str, float], **how) -> Study:
    """Such timings worked out, as of a capture without traces."""
    return _worked_out(takes, made_timings(takes, **how))


def made_studies(takes: Mapping[str, float], seeds: Iterable[int], **how) -> Study:
    """Such timings of every seed, each a regime of its own, that were taken one after the other: worked out all at once."""
    runs: list[pd.DataFrame] = []
    rounds, clock = 0, 0
    for seed in seeds:
        run = _blocks(takes, seed=seed, **how)
        runs.append(run.assign(regime=str(seed), round=run["round"] + rounds, start_ns=run["start_ns"] + clock))
        rounds = int(runs[-1]["round"].max()) + 1
        rounds += rounds % 2  # two rounds make a pair, and the first of them is an even one
        clock = int((runs[-1]["start_ns"] + runs[-1]["wall_ns"]).max())
    return _worked_out(takes, typed(pd.concat(runs, ignore_index=True)))


def _worked_out(takes: Mapping[str, float], timings: pd.DataFrame) -> Study:
    manifest = Manifest(
        workload={"name": "made"}, variants=[], baseline=next(iter(takes)), device="cpu", command=[], recorded_at="",
        environment={}, timing={}, launchlens="", complete=True,
    )  # fmt: skip
    return study(Capture(Path("made"), manifest, timings))
