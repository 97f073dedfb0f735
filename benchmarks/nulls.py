"""How often a difference is shown where there is none, and how often a true one is; by the very pipeline that users get.

    python benchmarks/nulls.py --device cuda --count 1000 --output benchmarks/results/nulls-cuda.json
    python benchmarks/nulls.py --power traces/recorded/small-copies-h100 --output benchmarks/results/power.json

Null comparisons: the baseline, three variants and the control are one and the same call, so whatever is shown is a false alarm. A
run of them is timed by `profiling/rounds.py`, with short blocks, and judged by `traces/studies`, as a capture is. Each run has an
order, and rounds, of its own. Power: the control's pairs of rounds in a capture are resampled, and a true difference is added.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

NAMES = ("same-0", "same-1", "same-2", "same-3")
#: Comparisons of a run that share no side: what one shows says nothing of the other.
APART = ((NAMES[0], NAMES[1]), (NAMES[2], NAMES[3]))
ELEMENTS = 2048
DIFFERENCE, POWER, DRAWS = 0.03, 0.8, 2000
ROUNDS_TRIED = (12, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640)


def timed(device, regime, runs, rounds, iterations, minutes):
    """Timings of up to `runs` runs, a frame each, as many as `minutes` allow; and what the machine is."""
    import torch

    from launchlens.profiling.checking import synchronize
    from launchlens.profiling.regimes import ENTER
    from launchlens.profiling.rounds import Rounds, iterations_of
    from launchlens.profiling.timing import Entry, timings_frame

    source = torch.arange(ELEMENTS, device=device, dtype=torch.int32)
    target = torch.zeros_like(source)

    def copy():
        target.copy_(source)

    copy()
    synchronize(device)
    call = ENTER[regime](copy)
    entries = [Entry(name, regime, call) for name in NAMES]
    entries.append(replace(entries[0], control=True))
    counts = iterations_of(entries, lambda: synchronize(device), {}, given=iterations)
    found, until = [], time.monotonic() + 60 * minutes
    while len(found) < runs and time.monotonic() < until:
        rows, failures = [], {}
        Rounds(entries, counts, device, rows, failures, seed=len(found)).run(rounds, lambda done: None)
        if failures:
            raise next(iter(failures.values()))
        found.append(timings_frame(rows))
        if len(found) % 50 == 0:
            print(f"{regime}: {len(found)} of {runs} runs timed", file=sys.stderr)
    machine = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()}, {os.cpu_count()} cores"
    return found, counts, machine


def judged(timings, regime, counts, device):
    """What a run of nulls shows: codes of the first comparison alone, of all, and the variants that may be the fastest."""
    from launchlens.traces.captures.capture import Capture, Manifest
    from launchlens.traces.studies.compare import compare
    from launchlens.traces.studies.study import study

    manifest = Manifest(
        workload={"name": "nulls"}, variants=[], baseline=NAMES[0], device=device, command=[], recorded_at="", environment={},
        timing={"iterations": {f"{name} ({regime})": count for (name, regime), count in counts.items()}}, complete=True,
    )  # fmt: skip
    made = study(Capture(Path("nulls"), manifest, timings))
    still = made.steadiness(regime)
    alone = [
        compare(made.sides[a, regime], made.sides[b, regime], paired=True, steadiness=still) for a, b in APART
    ]  # fmt: skip
    return {
        "excludes_1": [not item.ratio.covers(1.0) for item in alone],
        "alone": [item.is_difference for item in alone],
        "together": any(item.is_difference for item in made.against_baseline),
        "equivalent": [item.verdict == "equivalent" for item in alone],
        "fastest_lost": NAMES[0] not in {side.variant for side in made.winners(regime)},
        "control": not still.control_ratio.covers(1.0),
    }


def keep(folder, regime, frames, counts, machine):
    """Write the timings of all runs, so that they can be judged elsewhere, or again."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    pd.concat([frame.assign(run=number) for number, frame in enumerate(frames)]).to_parquet(
        folder / f"{regime}.parquet"
    )
    said = {"counts": {"|".join(key): count for key, count in counts.items()}, "machine": machine}
    (folder / f"{regime}.json").write_text(json.dumps(said) + "\n")


def kept(folder, regime):
    """What `keep` has written."""
    import pandas as pd

    said = json.loads((folder / f"{regime}.json").read_text())
    rows = pd.read_parquet(folder / f"{regime}.parquet")
    frames = [frame.drop(columns="run").reset_index(drop=True) for _, frame in rows.groupby("run")]
    return frames, {tuple(key.split("|")): count for key, count in said["counts"].items()}, said["machine"]


def rate(alarms, count):
    """A count of alarms with the 95 % interval of their rate (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    ends = binomtest(alarms, count).proportion_ci(0.95, method="exact")
    return {"alarms": alarms, "of": count, "rate": alarms / count, "low": ends.low, "high": ends.high}


def nulls(asked):
    """False alarms in each regime, as a row each."""
    from launchlens.traces.problems import InputError

    rows = []
    for regime in ("eager", "graph") if asked.device == "cuda" else ("eager",):
        if asked.judge:
            frames, counts, machine = kept(asked.judge, regime)
        else:
            frames, counts, machine = timed(
                asked.device, regime, asked.count, asked.rounds, asked.iterations, asked.minutes
            )
        if asked.keep:
            keep(asked.keep, regime, frames, counts, machine)
        seen, refused = [], 0
        for frame in frames:
            try:
                seen.append(judged(frame, regime, counts, asked.device))
            except (InputError, KeyError) as error:
                refused += 1
                print(f"refused: {error}", file=sys.stderr)
        if not seen:
            continue
        rates = {}
        for what in seen[0]:
            each = np.concatenate([np.atleast_1d(run[what]) for run in seen])
            rates[what] = rate(int(each.sum()), len(each))
        rows.append({"device": asked.device, "machine": machine, "regime": regime, "rounds": asked.rounds,
                     "iterations": asked.iterations, "refused": refused, "rates": rates})  # fmt: skip
        for what, found in rates.items():
            print(f"{regime} {what}: {found['alarms']} of {found['of']}, {found['rate']:.1%}"
                  f" (95 % interval {found['low']:.1%} to {found['high']:.1%})")  # fmt: skip
    return rows


def power(asked):
    """How often a true difference is shown, with the noise of each regime's control, as a row each."""
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.studies.study import study

    rows = []
    for path in asked.power:
        capture = read_capture(path)
        made = study(replace(capture, manifest=replace(capture.manifest, traces=[])))
        for regime in made.regimes:
            still = made.steadiness(regime)
            if still is None or still.control is None or still.control.interval is None:
                continue
            noise = still.control.samples - still.control.value
            family = len([item for item in made.against_baseline if item.b.regime == regime])
            found = {count: shown(noise, count // 2, family) for count in ROUNDS_TRIED}
            needed = {
                name: next((count for count in ROUNDS_TRIED if found[count][name] >= POWER), None) for name in found[12]
            }
            rows.append({"capture": path.name, "regime": regime, "comparisons": family, "difference": DIFFERENCE,
                         "spread": still.noise, "at_40_rounds": found[40], "rounds_for_80_per_cent": needed})  # fmt: skip
            print(json.dumps(rows[-1]))
    return rows


def shown(noise, pairs, family):
    """The share of draws of so many pairs in which the difference is shown: alone, and where none of the others differs (Holm)."""
    from scipy.stats import wilcoxon

    generator = np.random.default_rng(20251204)
    # which of the two blocks is called the second is arbitrary: the noise is as likely with either sign
    drawn = generator.choice(noise, size=(DRAWS, pairs)) * generator.choice([-1, 1], size=(DRAWS, pairs))
    p = wilcoxon(drawn + np.log1p(DIFFERENCE), axis=1, method="exact" if pairs <= 50 else "asymptotic").pvalue
    return {"alone": float((p <= 0.05).mean()), "together": float((p <= 0.05 / family).mean())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--count", type=int, default=1000, help="Runs a regime; each gives two independent comparisons."
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--iterations", type=int, default=16, help="Of a short block.")
    parser.add_argument("--minutes", type=float, default=8, help="No new run begins in a regime after so long.")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="Write the timings there.")
    parser.add_argument("--judge", type=Path, metavar="FOLDER", help="Judge timings that --keep wrote; time nothing.")
    parser.add_argument("--power", type=Path, nargs="+", metavar="CAPTURE")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    rows = power(asked) if asked.power else nulls(asked)
    if asked.output:
        asked.output.write_text(json.dumps({"power" if asked.power else "nulls": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
