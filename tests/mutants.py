"""Does a test notice? Faults with a name, each put into a copy of the tree, against the few test files that must fail then.

    python tests/mutants.py            # all of them, some minutes on one core
    python tests/mutants.py interval   # those whose name holds the word

Exit code 1 when one survives, when the tests fail without any, or when the line it changes is not there (any more): it has
moved, and its row here must follow. `tests/test_mutants.py` holds that every line is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
#: Where the lines are looked for: the product, not its tests.
PRODUCT = ("traces", "reports", "profiling", "kernels", "commands")


@dataclass(frozen=True)
class Mutant:
    """A fault: `line` is replaced by `by` where it stands, which is one place of the product. `tests` must then fail."""

    name: str
    line: str
    by: str
    tests: tuple[str, ...]


GOLDEN, LAUNCHES, ACCOUNT = (
    "tests/traces/test_golden.py",
    "tests/traces/test_launches.py",
    "tests/traces/test_account.py",
)
ANALYSIS, STATISTICS, STUDY = (
    "tests/traces/test_analysis.py",
    "tests/traces/test_statistics.py",
    "tests/traces/test_study.py",
)
WHAT_IF = "tests/traces/test_what_if.py"
GATE, SIMULATED = "tests/traces/test_gate.py", "tests/traces/test_simulated.py"
WORDS = "tests/reports/test_words.py"
STEPS, ADVICE = "tests/traces/test_steps.py", "tests/traces/test_advice.py"
PAIRS_H200 = "tests/traces/test_pairs_h200.py"

CLAIMS, ACROSS = "tests/traces/test_claims.py", "tests/traces/test_claims_across.py"

BALANCED, FAMILIES, STEADINESS = (
    "tests/traces/test_balanced.py",
    "tests/traces/test_families.py",
    "tests/traces/test_steadiness.py",
)

COMPARISONS = "tests/traces/test_comparisons.py"
FLEET, FLEET_WORKERS = "tests/traces/test_fleet.py", "tests/traces/test_fleet_workers.py"
SWEEPS = "tests/traces/test_sweep_study.py"

MUTANTS = (
    Mutant(
        "of sweeps: how fast the host was is told by the variant that is judged as well",
        "keys = [key for key in off if key[0] != without]",
        "keys = list(off)",
        (SWEEPS,),
    ),
    Mutant(
        "of sweeps: predictions are judged as if the host were never faster or slower than usual",
        "return self.measured_ns / self.prediction.at_pace(self.pace)",
        "return self.measured_ns",
        (SWEEPS,),
    ),
    Mutant(
        "of sweeps: counts that are the largest of several are their sum",
        "np.max(values, axis=0) if self.largest else np.sum(values, axis=0)",
        "np.sum(values, axis=0)",
        (SWEEPS,),
    ),
    Mutant(
        "of sweeps: between two points a turn-over is taken to lie on a straight line",
        "way = np.clip(way, 0.0, 1.0) ** np.exp(generator.uniform(-log(_BENT), log(_BENT), _DRAWS))",
        "way = np.clip(way, 0.0, 1.0)",
        (SWEEPS,),
    ),
    Mutant(
        "of compared traces: steps of all phases are one typical step",
        "mine = left & close[inverse] & (kind == named)",
        "mine = left",
        (COMPARISONS,),
    ),
    Mutant(
        "of compared traces: more calls are priced at what they cost before",
        "by_calls = round((after - before) * (was / before + now / after) / 2)",
        "by_calls = round((after - before) * was / before)",
        (COMPARISONS,),
    ),
    Mutant(
        "of compared traces: ranks of one run count as runs",
        "spans = [(*each.span_ns, at) for at, each in enumerate(told) if each.span_ns is not None]",
        "spans = []",
        (COMPARISONS,),
    ),
    Mutant(
        "of compared traces: a recorder without ops has a program without ops",
        "if not ops_are_known(a[1], b[1]):",
        "if False:",
        (COMPARISONS,),
    ),
    Mutant(
        "of compared traces: a side's draws depend on which side it is",
        "generator = np.random.default_rng(SEED + zlib.crc32(np.ascontiguousarray(windows).tobytes()))",
        "generator = np.random.default_rng()",
        (COMPARISONS,),
    ),
    Mutant(
        "of compared traces: whoever stands where another stood is that one",
        'told["name"] = float(_stem(was) == _stem(now))',
        "pass",
        (COMPARISONS,),
    ),
    Mutant(
        "of compared traces: all threads of the host have one pace",
        "return None if known is None else HostPace(found[0] or known, found[1] or known)",
        "return None if known is None else HostPace(known, known)",
        (COMPARISONS,),
    ),
    Mutant(
        "of compared traces: a call that waited on one side tells the pace of the host",
        "return _pace(costs[:, 1] / costs[:, 0], calls * costs.min(axis=1))",
        "return _pace(costs[:, 1] / costs[:, 0], calls * costs.max(axis=1))",
        (PAIRS_H200,),
    ),
    Mutant(
        "a long call of the driver's is stretched as a whole",
        "more = self.wait_more - np.minimum(self.wait_more, THRESHOLDS.stretched_piece_ns) * (1 - 1 / stretch)",
        "more = self.wait_more / stretch",
        (PAIRS_H200,),
    ),
    Mutant(
        "of an op that waits for the size of its result the wait alone goes",
        "gone=((start, end, 0.0), *kept_size.gone_at_least),",
        "gone=((start, end, 0.0),),",
        (ADVICE,),
    ),
    Mutant(
        "a step begins where its range does, not where the one before was done",
        "start = np.append(host_start[:1], np.maximum(done[:-1], host_start[1:] if apart else host_start[:1]))",
        "start = host_start",
        (STEPS,),
    ),
    Mutant(
        "a gap is owed to the wait though its work had been launched before",
        "owed = np.where(known & (back <= left), 0, owed)",
        "owed = owed + 0",
        (STEPS,),
    ),
    Mutant(
        "a wait is owed the whole gap, however short it had waited",
        "at_wait = np.clip(left + owed, left, right)",
        "at_wait = np.where(owed > 0, right, left)",
        (STEPS,),
    ),
    Mutant(
        "a sleep is stretched by the recorder like code",
        "np.minimum(self.length, at_most) * (1 - 1 / stretch)",
        "self.length * (1 - 1 / stretch)",
        (ADVICE,),
    ),
    Mutant(
        "a replay forgets what its streams still hold",
        "begin = max(moment_ + late + latency_list[i], streams[stream] + after_list[i])",
        "begin = moment_ + late + latency_list[i]",
        (ADVICE,),
    ),
    Mutant(
        "the ops that only make what is read stay",
        "low, made = _feeding(region, waits[reads], outer[reads], place[reads])",
        "low, made = start[reads], np.empty(0, np.int64)",
        (ADVICE,),
    ),
    Mutant(
        "comparisons are not corrected for how many there are",
        "so_far = max(so_far, min(1.0, (len(known) - rank) * value))",
        "so_far = value",
        (FAMILIES,),
    ),
    Mutant(
        "a round whose partner is missing makes a pair by itself",
        "return grouped.mean()[grouped.size() == 2]",
        "return grouped.mean()",
        (BALANCED,),
    ),
    Mutant(
        "a ratio need not exceed the bias of the control",
        "if nearest <= steadiness.bias:",
        "if nearest < 0:",
        (STEADINESS,),
    ),
    Mutant(
        "what one part of an unsteady run reverses is shown",
        "return bool(np.nanmin(middles) < 0 < np.nanmax(middles))",
        "return False",
        (STEADINESS,),
    ),
    Mutant(
        "the control's bias takes nothing from the margin of equivalence",
        "return furthest + bias <= log1p(THRESHOLDS.equivalence_margin)",
        "return furthest <= log1p(THRESHOLDS.equivalence_margin)",
        (STEADINESS,),
    ),
    Mutant(
        "two captures show a difference",
        "if min(len(a), len(b)) < THRESHOLDS.least_runs:",
        "if min(len(a), len(b)) < 1:",
        (STEADINESS,),
    ),
    Mutant(
        "a prediction is the sum of what host and device need",
        "return max(self.host_ns, self.device_ns)",
        "return self.host_ns + self.device_ns",
        (WHAT_IF,),
    ),
    Mutant(
        "costs count though a control of the probe did not pass",
        'if probe is None or probe.checked != "passed":',
        "if probe is None:",
        (WHAT_IF,),
    ),
    Mutant(
        "a prediction has the intervals of the costs alone, whatever its points lie off their line",
        "off += abs(of_path) * misfit",
        "off += 0 * misfit",
        (WHAT_IF,),
    ),
    Mutant(
        "a side is predicted though other launches were recorded than are declared",
        "return recorded is None or recorded == declared",
        "return True",
        (WHAT_IF,),
    ),
    Mutant(
        "the device's costs are fitted to replays of which the host makes the pace",
        "if each.host_share <= THRESHOLDS.launch_cost_waited]",
        "]",
        ("tests/profiling/test_probe_launch_costs.py",),
    ),
    Mutant(
        "a machine that can't decide is dropped",
        'measured = set(verdicts) - {"not-testable"}',
        'measured = set(verdicts) - {"not-testable", "undecided"}',
        (ACROSS,),
    ),
    Mutant(
        "what another machine states is refuted here",
        'if verdict == "refuted" and claim.measures is not None:',
        'if verdict == "refuted" and claim.measures is None:',
        (ACROSS,),
    ),
    Mutant(
        "a figure without an interval decides",
        "if interval is None and not counted:",
        "if interval is None and counted is None:",
        (CLAIMS,),
    ),
    Mutant(
        "a part of a difference is a share of it, though others are less",
        "more = np.maximum(chosen, 0.0)",
        "more = np.abs(chosen)",
        ("tests/traces/test_claims_parts.py",),
    ),
    Mutant(
        "queue time needs work after the end of the call, not at it",
        "self.caused_work & (self.queue_ns >= 0)",
        "self.caused_work & (self.queue_ns > 0)",
        (LAUNCHES, ANALYSIS),
    ),
    Mutant("events of no length are dropped (Kineto)", "usable &= dur >= 0", "usable &= dur > 0", (ANALYSIS,)),
    Mutant(
        "events of no length are dropped (Nsight Systems)",
        "backwards = timed & ~is_open & (end < start)",
        "backwards = timed & ~is_open & (end <= start)",
        ("tests/traces/test_nsys_reader.py",),
    ),
    Mutant(
        "events of no length are dropped (CUPTI)",
        "backwards = timed & (end < start)",
        "backwards = timed & (end <= start)",
        ("tests/traces/test_cupti_reader.py",),
    ),
    Mutant(
        "work that starts with its launch counts as before it",
        "found.caused_work & (found.gpu_start_ns < found.start_ns)",
        "found.caused_work & (found.gpu_start_ns <= found.start_ns)",
        (LAUNCHES, ANALYSIS),
    ),
    Mutant(
        "a driver call inside a waiting call does not wait",
        'np.isin(state, [HOST_STATES.index("launch"), HOST_STATES.index("sync")])',
        'np.isin(state, [HOST_STATES.index("launch")])',
        (ACCOUNT, ANALYSIS),
    ),
    Mutant(
        "the busiest device is that of a thread id, of whichever process",
        "mine = (launches.process == process) & (launches.thread == thread)",
        "mine = launches.thread == thread",
        (ACCOUNT, ANALYSIS),
    ),
    Mutant(
        "an unpaired ratio is one of means",
        "np.median(above) / np.median(below)",
        "np.mean(above) / np.mean(below)",
        (STATISTICS,),
    ),
    Mutant(
        "an unpaired ratio has as many samples as its larger side",
        "fewest = min(len(above), len(below))",
        "fewest = max(len(above), len(below))",
        (STATISTICS,),
    ),
    Mutant("an interval of 95 % is one of 90 %", "level = THRESHOLDS.interval_level", "level = 0.9", (STATISTICS,)),
    Mutant(
        "the faster side's bound says which lane explains a difference",
        "slower = max(self.a, self.b",
        "slower = min(self.a, self.b",
        (STUDY,),
    ),
    Mutant(
        "the two costs of a launch change places",
        "cost_per_launch_ns=(_cost(a.ledger), _cost(b.ledger))",
        "cost_per_launch_ns=(_cost(b.ledger), _cost(a.ledger))",
        (STUDY, WORDS),
    ),
    Mutant("every side is host-bound", 'return "device-bound"', 'return "host-bound"', (STUDY,)),
    Mutant(
        "every side is shown as limited by the host",
        "side.part_of, side.bound,",
        'side.part_of, "host-bound",',
        ("tests/reports/test_bound_shown.py",),
    ),
    Mutant(
        "a side is host-bound from four fifths on",
        "host_share >= THRESHOLDS.host_bound_submitting",
        "host_share >= 0.8",
        (STUDY,),
    ),
    Mutant(
        "rounds that were shuffled pass the data gate",
        "back = int((np.diff(timed.start_ns[~timed.apart]) < 0).sum())",
        "back = 0",
        (GATE,),
    ),
    Mutant(
        "a recording that the data gate withholds is used",
        "return replace(side, recording=None, refused=refused, withheld=withheld)",
        "return replace(side, refused=refused, withheld=withheld)",
        (GATE,),
    ),
    Mutant(
        "an account that lacks launches is used",
        'seen = None if self.light is None or self.gate.takes("light", key) else self.light.explain(side)',
        "seen = None if self.light is None else self.light.explain(side)",
        (SIMULATED,),
    ),
    Mutant(
        "what an event costs outside is the mean of ops and calls",
        "calls = holds * (1 - share) if np.isnan(self.calls_held).any() else middle(self.calls_held)",
        "calls = holds * (1 - share)",
        (SIMULATED,),
    ),
    Mutant(
        "a drift of a rank's clock is not taken out",
        "shift = self.offset_ns[member] + self.drift[member] * since",
        "shift = self.offset_ns[member]",
        (FLEET,),
    ),
    Mutant(
        "a wait is counted beyond the end of its collective",
        "wait = np.minimum(latest - start, length)",
        "wait = latest - start",
        (FLEET,),
    ),
    Mutant(
        "one lateness costs its time in each collective that waits for it",
        "costs: Ints = np.maximum(waited - counted, 0).astype(np.int64)",
        "costs: Ints = waited.astype(np.int64)",
        (FLEET,),
    ),
    Mutant(
        "a wait in two collectives at once is two",
        "since = np.minimum(np.maximum(came - own, self._until[late, of]), came)",
        "since = came - own",
        (FLEET,),
    ),
    Mutant(
        "a wait is never passed on to who began it",
        "    passed = np.maximum(delayed[late, theirs] - delayed[np.ix_(of, theirs)], 0)\n    total",
        "    passed = 0 * delayed[np.ix_(of, theirs)]\n    total",
        (FLEET,),
    ),
    Mutant(
        "collectives are the same whatever they carry",
        "    found: npt.NDArray[np.bool_] = (one & sizes)[key]",
        "    found: npt.NDArray[np.bool_] = one[key]",
        (FLEET,),
    ),
    Mutant("a file whose process died is lost", "if tries < TRIES_AGAIN:", "if tries < 0:", (FLEET_WORKERS,)),
)


def places(mutant: Mutant, root: Path = ROOT) -> list[Path]:
    """The files of the product in which the line stands, one entry for each time."""
    files = [path for folder in PRODUCT for path in sorted((root / folder).rglob("*.py"))]
    return [path for path in files for _ in range(path.read_text(encoding="utf-8").count(mutant.line))]


def copied(folder: Path) -> Path:
    """A copy of what git tracks, as it is in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def passes(tree: Path, tests: tuple[str, ...]) -> bool:
    """Whether the tests of a tree pass, the first failure ends them."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(tree / ".typecheck"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, check=False, cwd=tree, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.returncode == 0


def outcome(mutant: Mutant, tree: Path) -> str:
    """`killed`, `SURVIVED`, or that its line is not there once."""
    found = places(mutant, tree)
    if len(found) != 1:
        return f"NOT PUT IN: its line is there {len(found)} times"
    (path,) = found
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(mutant.line, mutant.by), encoding="utf-8")
    try:
        return "SURVIVED" if passes(tree, mutant.tests) else "killed"
    finally:
        path.write_text(whole, encoding="utf-8")


def main(words: list[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.name for word in words)]
    with TemporaryDirectory(prefix="launchlens-mutants-") as folder:
        tree = copied(Path(folder) / "launchlens")
        if not passes(tree, tuple(dict.fromkeys(test for mutant in chosen for test in mutant.tests))):
            print("the tests fail without any fault put in")
            return 1
        bad = 0
        for mutant in chosen:
            began = time.monotonic()
            said = outcome(mutant, tree)
            bad += said != "killed"
            print(f"{said:9} {time.monotonic() - began:5.1f} s  {mutant.name}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} killed")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
