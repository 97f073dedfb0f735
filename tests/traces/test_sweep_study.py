"""Of a made-up machine whose costs are known: where variants overtake each other, the map, the model, and what it predicts."""

import json
import subprocess
import sys
from itertools import product
from math import exp, inf, log

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.reports.words.sweep import all_pair_sentences, sentences
from launchlens.traces.balanced import Pairs
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.captures.probes import Probe, ProbeFigure
from launchlens.traces.sweeps.counts import function_of
from launchlens.traces.sweeps.crossings import lines_of
from launchlens.traces.sweeps.fitting import fit
from launchlens.traces.sweeps.model import MODEL, Choice, choice, predict, read_model
from launchlens.traces.sweeps.paces import in_common
from launchlens.traces.sweeps.predicting import model_of
from launchlens.traces.sweeps.samples import Samples, samples_of
from launchlens.traces.sweeps.signed_rank import estimates
from launchlens.traces.sweeps.stored import digest_of, write_model
from launchlens.traces.sweeps.study import sweep_study
from launchlens.traces.sweeps.sweep import Axis, Point, read_sweep, write_sweep
from launchlens.traces.sweeps.winners import may_be_best
from launchlens.traces.tables.sweeps import predictions
from launchlens.traces.tables.table import table
from made_sweep import BYTES, COUNTS, REGIMES, SEED, VARIANTS, make_sweep, points, record, timings, true_ns


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("sweeps") / "sweep")


@pytest.fixture(scope="module")
def study(folder):
    return sweep_study(read_sweep(folder))


# -- estimates


def test_many_estimates_at_once_are_those_of_one_capture():
    generator = np.random.default_rng(1)
    samples = generator.normal(0.1, 1, (40, 12))
    samples[::3, 7:] = np.nan
    samples[1::3, 3:] = np.nan
    found = estimates(samples)
    for row, mine in enumerate(samples):
        there = mine[np.isfinite(mine)]
        alone = Pairs(there, there)
        assert found.value[row] == pytest.approx(alone.value)
        if alone.interval is None:
            assert np.isnan(found.low[row]) and np.isnan(found.p[row])
        else:
            assert (found.low[row], found.high[row]) == pytest.approx(alone.interval)
            assert found.p[row] == pytest.approx(alone.p)


def test_the_fastest_is_seldom_left_out_and_slower_ones_are():
    generator = np.random.default_rng(2)
    truth = np.array([0.0, 0.0, 0.05])
    kept = np.array([may_be_best(truth + generator.normal(0, 0.01, (6, 3))) for _ in range(400)])
    assert kept[:, :2].mean() > 0.95 and kept[:, 2].mean() < 0.2


# -- crossings


def crossing_of(regime, size):
    """The count from which on `batched` is faster, solved by bisection; None where it never is or always is."""
    quicker = [
        true_ns("batched", regime, count, size) < true_ns("loop", regime, count, size) for count in range(1, 129)
    ]
    turns = [count for count in range(2, 129) if quicker[count - 1] != quicker[count - 2]]
    return turns[0] if turns and quicker[-1] else None


@pytest.mark.parametrize("size", BYTES[:6])
def test_a_known_crossing_lies_in_its_interval(study, size):
    lines = [line for line in study.lines("batched", "loop", "eager") if line.axis.name == "count"]
    (line,) = [line for line in lines if dict(line.fixed)["bytes"] == size]
    (crossing,) = line.crossings
    first = crossing_of("eager", size)
    assert crossing.to == "batched" and crossing.between[0] < first <= crossing.between[1]
    known = (9000 + 0) / (4000 - 500)  # where both take as long, were there halves of a copy
    assert first - 1 < known < first and crossing.low <= known <= crossing.high
    assert crossing.between[0] <= crossing.low <= crossing.at <= crossing.high <= crossing.between[1]
    assert crossing.high / crossing.low < 1.5, "points are twice as far apart"


def test_a_known_crossing_lies_within_its_interval_as_often_as_it_says():
    """300 made machines: a call that costs much once against one that costs a little for each piece, beside a device that costs the same."""
    generator, found = np.random.default_rng(SEED), []
    counts = np.array([2.0**power for power in range(9)])
    axis = Axis(name="count", values=tuple(int(count) for count in counts), scale="log2")
    made = tuple(Point(index=index, settings={"count": count}) for index, count in enumerate(axis.values))
    for _ in range(300):
        known = exp(generator.uniform(log(2), log(128)))
        each, of_batched, device = 1000.0, generator.uniform(0, 300), generator.uniform(0, 600)
        once = known * (each - of_batched)

        def ns(count, each=each, once=once, of_batched=of_batched, device=device):
            return np.array(
                [np.maximum(each * count, device * count), np.maximum(once + of_batched * count, device * count)]
            )

        noise = generator.choice([0.003, 0.01, 0.03])
        logs = np.log(ns(counts)).T[:, None, :] + generator.normal(0, noise, (len(counts), 6, 2))
        samples = Samples(np.arange(len(counts)), (("loop", "eager"), ("batched", "eager")), logs)
        (line,) = lines_of(samples, made, [axis], "eager", "batched", "loop")
        found += [(crossing.low <= known <= crossing.high, crossing) for crossing in line.crossings]
    assert len(found) >= 290
    assert sum(inside for inside, _ in found) / len(found) >= 0.95
    widths = [crossing.high / crossing.low for _, crossing in found]
    assert np.median(widths) < 1.5, "the points around it are four times as far apart, or twice"


def test_along_bytes_the_loop_takes_over_again_where_memory_rules(study):
    lines = [line for line in study.lines("batched", "loop", "graph") if line.axis.name == "bytes"]
    (line,) = [line for line in lines if dict(line.fixed)["count"] == 16]
    (crossing,) = line.crossings
    sizes = np.geomspace(*crossing.between, 200)
    quicker = [true_ns("batched", "graph", 16, size) < true_ns("loop", "graph", 16, size) for size in sizes]
    assert crossing.to == "loop" and quicker[0] and not quicker[-1]
    known = sizes[quicker.index(False)]
    assert crossing.at == pytest.approx(known, rel=0.35)


def test_nothing_crosses_where_both_are_one_and_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "made_sweep.true_ns", lambda variant, regime, count, size, slower: true_ns("loop", regime, count, size)
    )
    made = sweep_study(read_sweep(make_sweep(tmp_path / "same", counts=COUNTS, sizes=BYTES[:3])))
    turned = [line for line in made.all_lines if line.course != "no-difference-shown"]
    assert len(turned) <= 2 and not [line for line in turned if line.crossings]
    undecided = [cell for cell in made.cells if not cell.decided]
    assert len(undecided) >= 0.85 * len(made.cells)


# -- the map


def test_the_map_says_who_is_fastest_and_leaves_ties_open(study):
    for cell in study.cells:
        settings = study.sweep.record.points[cell.point].settings
        truth = {name: true_ns(name, cell.regime, settings["count"], settings["bytes"]) for name in VARIANTS}
        best = min(truth, key=truth.get)
        apart = max(truth.values()) / min(truth.values()) - 1
        if cell.decided and apart > 0.005:
            assert cell.leader == best, settings
        if apart > 0.05:
            assert cell.decided, settings
    alike = [
        cell
        for cell in study.cells
        if cell.regime == "graph" and study.sweep.record.points[cell.point].settings["count"] == 1
    ]
    assert any(not cell.decided for cell in alike)


def test_rules_cost_nothing_where_two_variants_share_the_map(study):
    assert {rule.regime for rule in study.rules} == set(REGIMES)
    assert all(rule.mean_loss < 0.01 and rule.choice in VARIANTS for rule in study.rules)
    assert sum(rule.points for rule in study.rules if rule.regime == "eager") == len(COUNTS) * len(BYTES)


def test_sentences_say_from_where_on(study):
    said = [each.text for each in sentences(study)]
    assert said[0].startswith("Called eagerly, batched beats loop from count 3 on (2 – 4), up to bytes "), said[0]
    assert len(said) <= 2 * len(REGIMES) + 1 and {each.text for each in all_pair_sentences(study)} >= set(said[:1])


# -- counts


def test_counts_are_functions_of_the_parameters_or_nothing():
    grid = list(product(COUNTS, BYTES))
    parameters = {
        "count": np.array([float(count) for count, _ in grid]),
        "bytes": np.array([float(size) for _, size in grid]),
    }
    count, size = parameters["count"], parameters["bytes"]
    for values in (
        np.full(len(grid), 3.0),
        count,
        2 * count + 1,
        count * size,
        np.ceil(count / 24),
        15 + 2 * count + np.ceil(6 * count / 64),
        4 + 2 * count * size,
    ):
        found = function_of(values, parameters)
        assert found is not None
        np.testing.assert_allclose(found.of(parameters), values)
    assert function_of(np.round(np.sqrt(count * size)), parameters) is None


def test_calls_that_take_so_many_pieces_at_a_time_are_counted_by_whichever_are_most():
    grid = list(product((1, 3, 8, 32, 100, 128), (64, 4096, 1 << 18, 1 << 20, 7 << 20, 64 << 20)))
    count, size = (np.array([float(point[axis]) for point in grid]) for axis in range(2))
    calls = np.maximum(np.ceil(count / 64), np.ceil(count * size / (80 << 20)))
    found = function_of(calls, {"count": count, "bytes": size})
    assert found is not None and found.largest and found.worst == 0
    there = {"count": np.array([60.0, 70.0, 110.0]), "bytes": np.array([128.0, 1024.0, 32 << 20])}
    np.testing.assert_allclose(found.of(there), [1, 2, 44])
    nearly = calls + (np.arange(len(calls)) == 30)
    assert function_of(nearly, {"count": count, "bytes": size}).worst == pytest.approx(1 / nearly[30])
    odd = calls + 3 * (np.arange(len(calls)) == 30)
    assert function_of(odd, {"count": count, "bytes": size}) is None


# -- the host's pace


@pytest.fixture(scope="module")
def paced(tmp_path_factory):
    return sweep_study(read_sweep(make_sweep(tmp_path_factory.mktemp("paced") / "sweep", paces=True)))


def test_the_host_s_pace_is_no_property_of_a_point(paced, study):
    """As exact as on a host whose pace never changes, by the reference; what is known without it is a fifth off."""
    found = paced.validation
    assert found.predicted >= 60 and found.median_error < 0.03 and found.worst_error < 0.2
    assert found.coverage >= 0.85, "64 times at 16 points, of which one may lie off for all"
    assert max(found.errors_as_measured) > 0.15
    assert paced.model.pace.usual_ns == pytest.approx(300_000, rel=0.3)
    constants = {
        (side.variant, each.part): each.ns
        for side in paced.model.sides
        if side.regime == "eager"
        for each in side.constants
    }
    usual = paced.model.pace.usual_ns / 300_000
    assert constants["loop", "launch"] == pytest.approx(4000 * usual, rel=0.03)
    assert all(side.follows == pytest.approx(1, abs=0.15) for side in paced.model.sides)


def test_a_prediction_says_what_a_fast_and_a_slow_host_make_of_it(paced):
    found = {(each.variant, each.regime): each for each in predict(paced.model, {"count": 100, "bytes": 128})}
    of_host, of_device = found["loop", "eager"], found["loop", "graph"]
    assert of_host.fast_ns / of_host.ns == pytest.approx(exp(paced.model.pace.low), rel=0.05)
    assert of_host.slow_ns / of_host.ns == pytest.approx(exp(paced.model.pace.high), rel=0.05)
    assert of_device.by == "device" and of_device.slow_ns / of_device.fast_ns < 1.05


def test_what_variants_are_off_in_common_is_told_without_the_one_that_is_judged():
    off = {(name, "eager"): np.array([0.2, 0.1, np.nan]) for name in "abcd"}
    off["a", "eager"] = np.array([5.0, 5.0, 5.0])
    ruled = {key: np.array([1.0, 1.0, 1.0]) for key in off}
    assert in_common(off, ruled, without="a").tolist() == [0.2, 0.1, 0.0]
    device = ruled | {("b", "eager"): np.zeros(3)}
    assert in_common(off, device, without="a").tolist() == [0.0, 0.0, 0.0], "two are too few"


def test_a_choice_is_open_where_variants_are_not_told_apart(study):
    model = study.model
    assert choice(model, predict(model, {"count": 32, "bytes": 256}), "eager") == Choice("batched", ("batched",))
    strict = msgspec.structs.replace(model, tells={"eager": 1e9})
    near = choice(strict, predict(model, {"count": 32, "bytes": 256}), "eager")
    assert near.best is None and near.may_be_best == ("batched", "loop")
    blind = msgspec.structs.replace(model, tells={})
    assert choice(blind, predict(model, {"count": 32, "bytes": 256}), "eager").best is None


# -- the model


def test_constants_are_those_of_the_machine(study):
    known = {
        (side.variant, constant.regime, constant.lane, constant.part): constant
        for side in study.model.sides
        for constant in side.constants
    }
    for key, truth, near in [
        (("loop", "eager", "host", "launch"), 4000, 0.02),
        (("batched", "eager", "host", "call"), 9000, 0.03),
        (("batched", "eager", "host", "argument"), 250, 0.03),
        (("loop", "graph", "host", "replay"), 5000, 0.05),
        (("loop", "graph", "device", "node"), 750, 0.03),
        (("loop", "", "device", "byte-far"), 2 / 2000, 0.05),
    ]:
        assert known[key].ns == pytest.approx(truth, rel=near), key
        low, high = known[key].interval_ns
        assert low <= known[key].ns <= high and high / low < 1.5


def test_predictions_of_points_held_out_meet_the_bars(study):
    found = study.validation
    assert found.predicted >= 60 and len({each.point for each in found.checked}) == 16, (
        "next to turn-overs nothing is said"
    )
    assert found.median_error <= 0.10 and found.worst_error <= 0.30 and found.coverage >= 0.90
    assert found.winner_right >= 0.95


def test_points_held_out_have_no_part_in_the_fit(folder, study, tmp_path):
    sweep = read_sweep(folder)
    held = {point.index for point in sweep.record.points if point.held_out}
    assert held and not held & set(study.model.indices)
    assert all(not held & set(side.points) for side in study.model.sides)
    spoilt = sweep.timings.copy()
    spoilt.loc[spoilt["point"].isin(held), ["host_ns", "wall_ns"]] *= 7
    write_sweep(tmp_path, sweep.record, spoilt)
    other = read_sweep(tmp_path)
    assert fit(other, samples_of(other)).sides == study.model.sides


def test_between_points_the_truth_lies_within_the_interval(study):
    found = [
        (each, true_ns(each.variant, each.regime, count, size))
        for count, size in [(3, 700), (12, 4096), (24, 300_000), (100, 1 << 20), (50, 5 << 20)]
        for each in predict(study.model, {"count": count, "bytes": size})
    ]
    covered = [each.low_ns <= truth <= each.high_ns for each, truth in found]
    assert len(found) == 20 and sum(covered) >= 18
    assert max(abs(each.ns / truth - 1) for each, truth in found) < 0.3


def test_what_lies_beyond_is_not_predicted(study):
    assert {each.why_not for each in predict(study.model, {"count": 200, "bytes": 4096})} == {"out-of-range"}
    assert {each.why_not for each in predict(study.model, {"count": 4, "bytes": 1 << 40})} == {"out-of-range"}


def test_a_machine_of_chance_is_not_predicted(tmp_path, monkeypatch):
    drawn = np.random.default_rng(SEED)
    known = {}
    monkeypatch.setattr("made_sweep.true_ns", lambda *key: known.setdefault(key, float(drawn.uniform(1e4, 1e6))))
    made = sweep_study(read_sweep(make_sweep(tmp_path / "chance", counts=COUNTS, sizes=BYTES[:5])))
    held = [each for each in made.validation.checked]
    assert held and {each.prediction.why_not for each in held} == {"too-uncertain"}


def test_a_side_whose_counts_don_t_fit_is_not_predicted(tmp_path):
    grid = points(list(product(COUNTS, BYTES[:4])))
    odd = [
        msgspec.structs.replace(
            point,
            variants=tuple(
                msgspec.structs.replace(each, nodes=point.index**2 % 7, structure=None, arguments=None)
                if each.variant == "batched"
                else each
                for each in point.variants
            ),
        )
        for point in grid
    ]
    write_sweep(tmp_path, record(odd), timings(odd))
    sweep = read_sweep(tmp_path)
    found = {(side.variant, side.regime): side.why_not for side in fit(sweep, samples_of(sweep)).sides}
    assert found["batched", "graph"] == "counts-not-fitted" and found["loop", "graph"] is None


def test_bursts_are_part_of_the_fit(folder):
    sweep = read_sweep(folder)
    figure = ProbeFigure(what=codes.HOST_COST, of="torch-copy_", part=codes.LAUNCH, value=6000.0, unit="ns")
    costs = Probe(codes.ID, verdict="linear", figures=(figure,), control="passed")
    changed = msgspec.structs.replace(sweep.record, costs=costs)
    without = fit(sweep, samples_of(sweep))
    other = type(sweep)(sweep.path, changed, sweep.timings)
    found = fit(other, samples_of(other))

    def launch(model):
        (side,) = [side for side in model.sides if (side.variant, side.regime) == ("loop", "eager")]
        return next(each.ns for each in side.constants if each.part == "launch")

    assert launch(without) < launch(found) < 6000


# -- commands


def test_a_stored_model_predicts_and_one_of_other_files_does_not(folder, study, tmp_path):
    write_model(study.sweep, study.model)
    assert model_of(folder) == study.model
    (folder / MODEL).write_text('{"format": "launchlens.sweep-model/1"}')
    assert model_of(folder).sides == study.model.sides
    (folder / MODEL).unlink()


def test_predict_says_which_is_best(folder):
    said = CliRunner().invoke(app, ["predict", str(folder), "--set", "count=12", "--set", "bytes=4K", "--json"])
    document = json.loads(said.stdout)
    assert document["best"] == {"eager": "batched", "graph": "batched"}
    rows = {(row["variant"], row["regime"]): row for row in document["predictions"]}
    assert rows["batched", "eager"]["predicted_ns"] == pytest.approx(15_000, rel=0.1)
    assert 0 < rows["batched", "eager"]["error"] < 0.3


def test_predict_brings_in_nothing_heavy():
    """By the sweep that ships and the model beside it: no pandas and no scipy, for scripts and for people."""
    from launchlens.traces.captures.recorded import recorded_sweep

    folder = recorded_sweep("small-copies")
    assert read_model(folder, digest_of(folder)) is not None, "it is stored, and of the files beside it"
    script = (
        "import sys; from launchlens.cli import app; given = ['predict', '--set', 'count=12', '--set', 'bytes=4096']; "
        "app(given, standalone_mode=False); app([*given, '--json'], standalone_mode=False); "
        "print([name for name in ('pandas', 'scipy', 'pyarrow', 'torch') if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.stderr.strip() == "[]", ran.stderr[-2000:]
    said, _, document = ran.stdout.partition("{")
    assert "What one iteration should take" in said and json.loads("{" + document)["workload"] == "small-copies"


def test_a_table_of_plain_rows_is_the_same_as_a_frame(study):
    found = predict(study.model, {"count": 12, "bytes": 4096})
    made = predictions(found, {regime: choice(study.model, found, regime) for regime in REGIMES})
    assert "frame" not in made.__dict__ and len(made) == 4
    assert made.rows() == table(made.name, made.title, made.columns, made.rows()).rows()
    assert list(made.frame["variant"]) == [row[1] for row in made.rows()] and len(made.pick("few", "variant")) == 4


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "count, bytes is not said"),
        (["--set", "count=3"], "bytes is not said"),
        (["--set", "count=x", "--set", "bytes=1"], "is no number"),
        (["--set", "count=inf", "--set", "bytes=1"], "is no finite number"),
        (["--set", "rows=3"], "is no NAME=VALUE of count, bytes"),
        (["--workload", "other", "--set", "count=3", "--set", "bytes=64"], "is of workload made-copies"),
    ],
)
def test_what_can_t_be_predicted_is_one_line(folder, more, said):
    found = CliRunner().invoke(app, ["predict", str(folder), *more])
    assert found.exit_code == 2 and said in found.stderr and found.stderr.strip().count("\n") == 0, found.output


def test_a_report_is_written_with_a_model_beside_it(folder):
    said = CliRunner().invoke(app, ["report", str(folder)])
    assert said.exit_code == 0 and "Which to take" in said.stdout and "A loop; B batched" in said.stdout, said.output
    page = (folder / "report.html").read_text()
    assert "not told apart" in page and "map-eager-0" in page and (folder / MODEL).exists()
    table = CliRunner().invoke(app, ["report", str(folder), "--format", "csv", "--table", "winners"]).stdout
    assert table.splitlines()[0].startswith("regime,point,settings,leader,decided")
    assert len(table.splitlines()) == 1 + 2 * len(COUNTS) * len(BYTES)


def test_thousands_of_comparisons_take_no_time():
    from time import perf_counter

    samples = np.random.default_rng(3).normal(0, 1, (20_000, 6))
    begin = perf_counter()
    found = estimates(samples)
    assert perf_counter() - begin < 5 and np.isfinite(found.p).all() and found.high.max() < inf
