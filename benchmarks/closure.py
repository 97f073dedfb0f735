"""How far the parts of unprofiled times close, and how far the named parts of differences explain them, over some captures.

python benchmarks/closure.py traces/recorded/*h100
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

#: A closure beyond this is looked at more closely: whether its interval stays beyond it.
CLOSE, SHOWN, NEAR = 0.04, 0.05, 0.1


def main():
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.documents.findings import Why
    from launchlens.traces.studies.study import study
    from launchlens.traces.studies.verdict import verdict

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captures", type=Path, nargs="+")
    closures, beyond, inflations, whys, opposite, large, near = [], [], {}, 0, 0, 0, 0
    for path in parser.parse_args().captures:
        found = study(read_capture(path))
        for side in found.sides.values():
            explained = found.explained(side)
            if explained is None:
                print(f"{path.name}: {side.variant} ({side.regime}) is not explained")
                continue
            closures.append(explained.closure)
            if explained.inflation is not None:
                inflations.setdefault(path.name, []).append(explained.inflation)
            interval = explained.not_attributed.interval
            nearest = 0 if interval is None or interval[0] < 0 < interval[1] else min(map(abs, interval))
            if explained.closure > CLOSE and (interval is None or nearest > CLOSE * explained.marginal_ns):
                beyond.append(f"{path.name}: {side.variant} ({side.regime})")
        for finding in verdict(found):
            if not isinstance(finding, Why) or finding.figures.unprofiled is None:
                continue
            of = finding.figures
            named = sum(part.ns for part in of.unprofiled.named)
            slower = max(found.sides[name, finding.regime].wall.value for name in (of.variant, of.baseline))
            whys += 1
            opposite += named * of.unprofiled_difference_ns < 0
            if abs(of.unprofiled_difference_ns) > SHOWN * slower:
                large += 1
                near += abs(named - of.unprofiled_difference_ns) <= NEAR * abs(of.unprofiled_difference_ns)
    print(f"{len(closures)} sides: closure {median(closures):.1%} in the median, {max(closures):.1%} at worst")
    print(f"beyond {CLOSE:.0%} with its whole interval: {', '.join(beyond) or 'none'}")
    for name, mine in inflations.items():
        print(
            f"{name}: the light recorder stretched an iteration to {median(mine):.3f} × in the median, {max(mine):.3f} × at worst"
        )
    print(
        f"{whys} explained differences: {opposite} of opposite sign; of {large} above {SHOWN:.0%}, {near} within {NEAR:.0%}"
    )


if __name__ == "__main__":
    main()
