"""How often `check` errs: false alarms where the slowdown is exactly what is allowed, and what it finds where it is more.

    python benchmarks/check.py [--draws 2000] [--output results/check.json]

Captures are drawn: each has a pace of its own (a normal deviate of the logarithm: hosts differ from run to run), and the same true ratio
stands between the sides. What `launchlens.traces.checks.decide` says of each draw is counted; nothing of it is restated here.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from launchlens.traces.checks.decide import Measurement, decided

ALLOWANCE = 0.05
#: Captures a side, spread between captures (of the logarithm), and how many limits are held at once.
CASES = [(3, 0.005, 1), (3, 0.02, 1), (5, 0.02, 1), (10, 0.02, 1), (5, 0.05, 1), (10, 0.05, 1), (5, 0.02, 8)]
#: The true ratios: as fast, exactly what is allowed, and more.
RATIOS = (1.0, 1.05, 1.10, 1.20)


def draw(generator: np.random.Generator, captures: int, spread: float, ratio: float) -> Measurement:
    """One limit's captures: a number each."""
    base, new = (np.exp(generator.normal(np.log(at), spread, captures)) for at in (1e6, 1e6 * ratio))
    return Measurement(
        "step.wall", "ns", tuple(np.array([each]) for each in base), tuple(np.array([each]) for each in new)
    )


def outcomes(captures: int, spread: float, limits: int, ratio: float, draws: int, seed: int = 1) -> dict[str, float]:
    """The share of draws in which the worst outcome of all limits was each; all limits have the true ratio."""
    generator = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    for _ in range(draws):
        rows = decided([(draw(generator, captures, spread, ratio), ALLOWANCE) for _ in range(limits)])
        found = {row.outcome for row in rows}
        counts[next(each for each in ("slower", "undecided", "not-shown", "passed") if each in found)] += 1
    return {each: counts[each] / draws for each in ("slower", "undecided", "not-shown", "passed")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000, help="draws of each case (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="where to write what was found as JSON")
    options = parser.parse_args()
    rows = []
    print(
        "| captures a side | spread between captures | limits | true ratio | slower | undecided | not shown | passed |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for captures, spread, limits in CASES:
        for ratio in RATIOS:
            share = outcomes(captures, spread, limits, ratio, options.draws if limits == 1 else options.draws // 4)
            rows.append({"captures": captures, "spread": spread, "limits": limits, "ratio": ratio, **share})
            said = " | ".join(f"{100 * value:.1f} %" for value in share.values())
            print(f"| {captures} | {100 * spread:.1f} % | {limits} | {ratio:.2f} | {said} |", flush=True)
    if options.output is not None:
        options.output.write_text(
            json.dumps({"allowance": ALLOWANCE, "draws": options.draws, "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
