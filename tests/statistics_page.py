"""The page on statistics: the method in words, its thresholds, and what `benchmarks/nulls.py` measured of it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from launchlens.traces.thresholds import THRESHOLDS

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"

METHOD = """# Statistics

How a verdict comes about, step by step, and how often it errs. `make docs` writes this page; its last two parts are results of
[benchmarks/nulls.py](../benchmarks/nulls.py).

## What is timed

- A **block** is three iterations that are not timed (the warm-in, without a synchronize between), then N iterations and a synchronize.
- Every variant has a **short** block of N and a **long** one of 2 N iterations in each round; N is chosen so that the short one lasts about 4 ms.
  The time of an iteration is **marginal**: (T(2N) − T(N)) ÷ N, in which what a block costs by itself cancels. It assumes that this cost does not
  depend on N.
- A **round** holds these blocks of every variant in every regime, and of the baseline a second time (the control). The order of the variants is a row of a
  Williams square (E. J. Williams 1949): over all rows each comes directly before each other one equally often. Which variant stands for which column
  is drawn from the seed, anew for each square. The order of a variant's own blocks follows such rows as well.
- Rounds 2j and 2j + 1 are a **pair**: the second is the first backwards.

## What is estimated

- The sample of a pair is the mean over its two rounds of log(variant ÷ baseline). A drift that is steady over the pair cancels; what a block does to
  the one behind it falls on all alike, over a square, unless it does that to others and not to itself: that does not cancel. Rounds whose partner is
  missing are left out.
- The **ratio** is the exponential of the Hodges-Lehmann estimate: the median of the means of any two samples, and of each with itself.
- The **interval** is that of Wilcoxon's signed-rank test turned round, and **p** is that test's of "the ratio is 1" (scipy.stats.wilcoxon). Both are exact
  where pairs are independent and symmetric about the truth. Where both sides run the same code they are symmetric by design; pairs that depend
  on each other would make intervals too narrow.

## What is said of it

In this order; the first that holds is the verdict. b is the bias: how far the control is from 1 where its interval excludes 1.

| verdict | when |
| --- | --- |
| not-comparable | the sides are of different hardware or regimes |
| no-difference-shown | there are fewer than {least_pairs} pairs; or the sides are of captures, with fewer than {least_runs} runs of either |
| equivalent | the whole interval, and b besides, lie within the margin of {margin} |
| no-difference-shown | the interval covers 1; or p after Holm's correction is above {alpha}; or the interval comes within b of 1; or the baseline has two speeds or drifts, and the ratio lies on the other side of 1 in one of the speeds, or in one half of the run |
| faster, slower | otherwise |

- **Margin.** {margin}: {margin_reason}.
- **Holm** (1979): the family is all comparisons of a regime with its baseline. p-values are ordered, and the i-th smallest of m is taken m − i + 1 times. Where
  nothing differs, something is shown in at most 5 % of runs, however the comparisons depend on each other. A comparison of two variants neither of which is the
  baseline is taken as the only one.
  Of n rounds no p is below 2^(1 − n ÷ 2): where that alone is too much after the correction, the reason is `too-few-rounds-for-holm`, else `not-after-holm`.
- **The fastest** is a set (multiple comparisons with the best; J. C. Hsu 1984): a side is out where it is slower than some other one by more than
  the largest of its statistics exceeds in 5 % of resamples. Pairs of rounds are resampled jointly over all sides ({resamples:,} times). The statistic is a
  20 % trimmed mean over its standard error (bootstrap-t; R. R. Wilcox 2012). The truly fastest is in the set in 95 % of runs. What is not shown to be slower than
  the one that leads is in it as well.
- **Between captures** the sample is a run: the difference of the means of log(median time), with Welch's interval (scipy.stats.ttest_ind).
- **`check`** takes a recording, a capture or a trace, for a sample: the logarithm of the median of its rounds or steps. With three recordings a side or more the
  interval is Welch's t of the difference of their means, brought back to a ratio, so that what differs from run to run is in it; it assumes that such logarithms
  are about normal and recordings independent. With several limits a row counts as slower only after Holm's correction over all. Simulated at the allowance
  itself (5 %, captures whose pace differs by a normal deviate), 1.5 to 2.1 % of checks with one limit end with `slower`, where 2.5 % are what such an interval may, and 0.8 % of those
  with eight; of five captures a side that spread by 2 %, 88 % of slowdowns of 10 % are found ([ci.md](ci.md#what-the-interval-rests-on), `python benchmarks/check.py`).

## What stands first

The control tells bias and noise apart: its ratio is the bias of the timing, the spread of its pairs the noise. Findings `unstable`, which stand before all others:

| cause | word | when |
| --- | --- | --- |
| control-excludes-1 | UNSTABLE | the control's interval excludes 1, and is not within the margin |
| baseline-bimodal | UNSTABLE | one cut of the baseline's times explains {modes} of their variance, the medians on its sides are over {apart} apart, and either has {fewest} of the rounds |
| baseline-drifts | UNSTABLE | the last third of the rounds takes over {drift} more or less than the first, and a rank test gives that a chance of at most {chance} |
| too-few-rounds | UNSURE | there are fewer than {least_pairs} pairs of rounds |

What the data gate refuses (a timer with large steps, copied or shuffled rounds, a clock that moved, and more) stands before these
([problems](formats/problems.md)). A control excludes 1 by chance in 5 % of runs, as any interval of 95 % does.
"""


SWEEPS = """
## What a sweep says

- **At a point** ratios and intervals are as above, of 12 rounds or more. A cell of the map holds every variant that is not slower than another one for sure: 20 % trimmed means over pairs
  of rounds, Student's quantile shared among all others (K. K. Yuen 1974; C. E. Bonferroni), 95 % for a cell by itself.
- **A turn-over** lies between the last point at which one order is shown (the whole interval beyond the margin of {margin}) and the first at which the other is; where, is read off a line through the
  logarithms. Its interval is of a bootstrap: pairs of rounds of these points are drawn anew 1,000 times (spread by n ÷ (n − 1) for so few), and the way between two points is bent
  each time by a power between a half and two, as nobody measured it. Of 300 made machines whose turn-over is known at least 95 % of intervals hold it (tests/traces/test_sweep_study.py).
- **Rules** are a tree: of all cuts between measured values that one is made first which saves most of what a single choice would lose.

## What a sweep predicts

- **Costs.** The time of an iteration is the larger, rounded off, of what host and device need: a call, launches and arguments (replays and nodes) there, a start, nodes, items, bytes within and beyond
  the caches, and bytes by items here. They are fitted to logarithms of times, robustly (soft L1 at 10 %) and bounded below by 0, to both regimes of a variant together. Counts must be functions
  of the parameters (sums, products, steps, or the largest of several) that give the measured ones, or within one call or 3 %, exact at four in five.
- **The host's pace.** A point's variants are timed in the same rounds, so the pace of these seconds meets all alike. It is the reference's time over its median; where none was timed, the median of what
  the sides that wait for the host are off in common. How far each side follows it is fitted. Predictions are for the usual pace.
- **What is left** is interpolated between points (a Gaussian process, Matérn 3/2, whose lengths and noise are the likeliest), and little is carried over from where the host rules to where the device does.
- **± e.** The points are left out in five parts in turn, constants and all. Intervals are stretched until they cover {covers} of those of the grid, of the side and of its regime (conformal: one more is allowed for).
- **Not predicted** is what may be off by more than {most}, and what lies beside a point that was off by more than {beside} when it was left out. Both are decided by the fitted points alone.
- **A fastest variant is named** where it is so many standard deviations from all others that of the points left out {right} of such choices were right, or within the margin (mean by Jeffreys' prior).
- **Points held out**, one in five of the grid, are in none of this. Each prediction is held against the time less what that owes to the pace: by the reference, else by what the other variants are off.
  The figures without it stand beside. What came of it on the machines that were swept: [sweeps.md](sweeps.md#how-right-the-cost-model-is).
"""


def statistics_page() -> str:
    """The method and the results, as `docs/statistics.md` holds them."""
    of = THRESHOLDS

    def share(value: float) -> str:
        return f"{100 * value:g} %"

    text = METHOD.format(
        least_pairs=of.least_pairs,
        least_runs=of.least_runs,
        margin=share(of.equivalence_margin),
        margin_reason=next(each.reason for each in of if each.name == "equivalence_margin"),
        alpha=f"{1 - of.interval_level:.2f}",
        resamples=of.resamples,
        modes=share(of.two_modes_explain),
        apart=share(of.two_modes_apart),
        fewest=share(of.two_modes_fewest),
        drift=share(of.drift),
        chance=share(of.drift_chance),
    )
    text += SWEEPS.format(
        margin=share(of.equivalence_margin),
        covers=share(of.sweep_covers),
        most=share(of.sweep_most_error),
        beside=share(of.sweep_most_error_beside),
        right=share(of.sweep_choices_right),
    )
    measured = kept("nulls")
    return text + (nulls(measured) if measured else "") + power(kept("power"))


def kept(what: str) -> list[dict[str, Any]]:
    """The rows of all results of a kind, file by file."""
    return [row for path in sorted(RESULTS.glob(f"{what}*.json")) for row in json.loads(path.read_text())[what]]


#: What a null comparison may show, and how it is called.
ALARMS = {
    "alone": "one comparison is called faster or slower",
    "together": "after Holm, any of three is",
    "excludes_1": "one interval excludes 1",
    "control": "the control excludes 1",
    "fastest_lost": "one side is not in the set of the fastest",
}


def nulls(rows: list[dict[str, Any]]) -> str:
    """What is shown where there is nothing, a row a regime and kind of alarm."""
    lines = [
        f"| {row['machine']} | {row['regime']} | {words} | {found['alarms']:,} of {found['of']:,} | {found['rate']:.1%}"
        f" ({found['low']:.1%} – {found['high']:.1%}) |".replace("%", " %")
        for row in rows
        for what, words in ALARMS.items()
        if (found := row["rates"][what])
    ]
    head = f"""
## How often a difference is shown where there is none

A baseline, three variants and the control that are one and the same call, of {_span(row["rounds"] for row in rows)} rounds each time, timed and judged as a capture is.
Each run counts once, so that what is counted is independent; intervals are of 95 % (Clopper and Pearson). `python benchmarks/nulls.py --device cpu` (or
`cuda`) measures it anew.

| machine | regime | false alarm | runs | rate |
| --- | --- | --- | --- | --- |
"""
    return head + "".join(f"{line}\n" for line in lines)


def power(rows: list[dict[str, Any]]) -> str:
    """How often a true difference is shown, a row a regime of a capture."""
    lines = [
        f"| {row['capture']} | {row['regime']} | {row['spread']:.1%} | {row['comparisons']} | {row['at_40_rounds']['alone']:.0%}"
        f" | {row['at_40_rounds']['together']:.0%} | {_rounds(row['rounds_for_80_per_cent']['alone'])}"
        f" | {_rounds(row['rounds_for_80_per_cent']['together'])} |".replace("%", " %")
        for row in rows
    ]
    head = f"""
## How often a true difference of {_span(f"{100 * row['difference']:g} %" for row in rows)} is shown

The noise is that of each capture's control: its pairs of rounds, resampled with either sign. “After Holm” is the worst case, in which no other variant differs.
Rounds are those of {_span(ROUNDS)} at which the power is first 80 %. `python benchmarks/nulls.py --power CAPTURE` works it out for any capture.

| capture | regime | spread of a pair | comparisons | at 40 rounds | after Holm | rounds for 80 % | after Holm |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
    return head + "".join(f"{line}\n" for line in lines)


#: The numbers of rounds that `benchmarks/nulls.py` tries.
ROUNDS = (12, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640)


def _span(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))


def _rounds(count: int | None) -> str:
    return f"over {ROUNDS[-1]}" if count is None else str(count)
