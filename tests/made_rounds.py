"""Rounds of blocks whose truth is known: time = host speed × what a side takes × what came before it × noise."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.profiling.rounds import order
from launchlens.traces.captures.capture import Capture, Manifest, typed
from launchlens.traces.studies.study import Study, study

AGAIN = "again"
#: Columns of blocks by name.
Blocks = dict[str, npt.NDArray[Any]]


def made_timings(takes: Mapping[str, float], **how: Any) -> pd.DataFrame:
    """Timings of a regime in the order that `profile` times them, see `_blocks`."""
    return _table(_blocks(takes, **how), "eager")


def _blocks(
    takes: Mapping[str, float],
    *,
    rounds: int = 40,
    seed: int = 0,
    noise: float = 0.02,
    outliers: float = 0.0,
    speed: Callable[[float], float] = lambda at: 1.0,
    after: Callable[[str, str], float] = lambda before, mine: 1.0,
) -> Blocks:
    """The blocks in order; the first of `takes` is the baseline, and timed twice.

    `speed` is of how far the run is, from 0 to 1; `after` of the side that was timed before, and the one that is;
    a share of `outliers` takes ten times as long.
    """
    generator = np.random.default_rng(seed)
    names = np.array([*takes, AGAIN], dtype=object)
    of_rounds = [list(blocks) for blocks in order(len(names), rounds, light=False, seed=seed)]
    flat = [
        (number, position, index, treatment.long)
        for number, blocks in enumerate(of_rounds)
        for position, (index, treatment) in enumerate(blocks)
    ]
    number, position, index, long = np.array(flat).T
    drawn = np.array([(generator.random(), generator.standard_normal()) for _ in flat])
    count = np.where(long, 20_000, 10_000)
    slow = np.where(drawn[:, 0] < outliers, 10, 1)
    at = (number + position / len(of_rounds[0])) / rounds
    each = np.array([*takes.values(), next(iter(takes.values()))])[index]
    before = [names[0], *names[index[:-1]]]
    # of each block in turn, for they may remember
    pace = [
        (speed(moment), after(last, mine)) for moment, last, mine in zip(at.tolist(), before, names[index], strict=True)
    ]
    speeds, follows = np.array(pace, float).T
    wall = np.rint(each * speeds * count * slow * follows * np.exp(noise * drawn[:, 1])).astype(np.int64)
    control = names[index] == AGAIN
    return {
        "round": number,
        "position": position,
        "variant": np.where(control, names[0], names[index]),
        "control": control,
        "length": np.where(long, "long", "short"),
        "iterations": count,
        "start_ns": np.cumsum(wall) - wall,
        "wall_ns": wall,
    }


def _table(blocks: Blocks, regimes: str | npt.NDArray[Any]) -> pd.DataFrame:
    found = pd.DataFrame(blocks)
    host = found["wall_ns"]
    return typed(found.assign(regime=regimes, recorder="off", host_ns=host, device_ns=None, sm_clock_mhz=None))


def made_study(takes: Mapping[str, float], **how) -> Study:
    """Such timings worked out, as of a capture without traces."""
    return _worked_out(takes, made_timings(takes, **how))


def made_studies(takes: Mapping[str, float], seeds: Iterable[int], **how) -> Study:
    """Such timings of every seed, each a regime of its own, that were taken one after the other: worked out all at once."""
    runs: list[Blocks] = []
    regimes: list[str] = []
    rounds, clock = 0, 0
    for seed in seeds:
        run = _blocks(takes, seed=seed, **how)
        run |= {"round": run["round"] + rounds, "start_ns": run["start_ns"] + clock}
        runs.append(run)
        regimes += [str(seed)] * len(run["round"])
        rounds = int(run["round"].max()) + 1
        rounds += rounds % 2  # two rounds make a pair, and the first of them is an even one
        clock = int((run["start_ns"] + run["wall_ns"]).max())
    whole = {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
    return _worked_out(takes, _table(whole, np.array(regimes, dtype=object)))


def _worked_out(takes: Mapping[str, float], timings: pd.DataFrame) -> Study:
    manifest = Manifest(
        workload={"name": "made"}, variants=[], baseline=next(iter(takes)), device="cpu", command=[], recorded_at="",
        environment={}, timing={}, launchlens="", complete=True,
    )  # fmt: skip
    return study(Capture(Path("made"), manifest, timings))
