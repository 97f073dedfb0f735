"""Probes as a run makes them, without a GPU: made-up probes, each in the process that a real one would have."""

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import child_in_here
from launchlens.cli import app
from launchlens.kernels.registry import variants, workloads
from launchlens.profiling import worker
from launchlens.profiling.probes import catalogue
from launchlens.profiling.probes import run as running
from launchlens.profiling.probes.catalogue import CATALOGUE, Listed, chosen
from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.run import check_goes_into, right_variants, run_probes
from launchlens.profiling.request import asked
from launchlens.reports.words.probes.catalogue import WORDS
from launchlens.traces.captures.capture import read_capture, write_manifest
from launchlens.traces.captures.probe_codes.catalogue import FIGURES
from launchlens.traces.captures.probes import Control, ProbeFigure, read_probes, write_probes
from launchlens.traces.problems import InputError
from made_capture import make_capture

SHOWN: list[str] = []


class Steps:
    @contextmanager
    def step(self, text, total):
        SHOWN.append(text)
        yield lambda done: None


def answering(id, verdict="yes", needs=(), of_variants=False):
    def probe(bench):
        names = sorted(name for name, _ in bench.calls)
        given = f"{bench.workload.name} {names} seed {bench.seed} quick {bench.quick}"
        return concluded(id, verdict=verdict, controls=[Control("known", True, "yes")], notes=[given])

    return Listed(id, needs, probe, of_variants)


def small_copies():
    return next(spec for spec in workloads() if spec.name == "small-copies")


@pytest.fixture
def in_this_process(monkeypatch):
    """The child's part runs here, so that it finds made-up probes."""
    child_in_here.use(monkeypatch)

    def use(*probes):
        monkeypatch.setattr(catalogue, "CATALOGUE", {each.id: each for each in probes})
        # there is no GPU here: the variants are built on the CPU
        monkeypatch.setattr(running, "asked", lambda *args, **more: asked(*args, **(more | {"device": "cpu"})))

    return use


def test_what_probes_find_is_written_after_each(in_this_process, tmp_path):
    one, two = answering("one"), answering("two", of_variants=True)
    in_this_process(one, two)
    found = run_probes([one, two], small_copies(), ["copy_", "foreach"], tmp_path, Steps(), seed=3, quick=True)
    assert [each.notes[0] for each in found] == [
        "small-copies [] seed 3 quick True",
        "small-copies ['copy_', 'foreach'] seed 3 quick True",
    ]
    assert read_probes(tmp_path) == {each.id: each for each in found}
    assert SHOWN[-2:] == ["probe one", "probe two"]


def test_a_probe_replaces_what_it_found_before_and_leaves_the_others(in_this_process, tmp_path):
    in_this_process(answering("one", "no"), answering("two", "no"))
    write_probes(
        tmp_path, run_probes([answering("one", "no"), answering("two")], small_copies(), [], tmp_path, Steps())
    )
    in_this_process(answering("two", "now"))
    run_probes([answering("two", "now")], small_copies(), [], tmp_path, Steps())
    assert {each.id: each.verdict for each in read_probes(tmp_path).values()} == {"one": "no", "two": "now"}


def test_a_probe_that_raises_is_inconclusive_and_the_next_one_runs(in_this_process, tmp_path):
    def broken(bench):
        raise RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS at /home/me/x")

    broken = Listed("broken", (), broken)
    in_this_process(broken, answering("two"))
    first, second = run_probes([broken, answering("two")], small_copies(), [], tmp_path, Steps())
    assert (first.verdict, first.control) == ("inconclusive", "absent")
    assert first.why == "its process failed: RuntimeError: CUDA_ERROR_ILLEGAL_ADDRESS at x"
    assert second.verdict == "yes"


def test_what_a_probe_needs_is_named(tmp_path):
    (found,) = run_probes([answering("one", needs=("cuda",))], small_copies(), [], tmp_path, Steps())
    assert found.verdict == "inconclusive" and "it needs cuda (a machine with an NVIDIA GPU" in found.why
    (found,) = run_probes([answering("one", of_variants=True)], small_copies(), [], tmp_path, Steps())
    assert "no variant of the workload could be run" in found.why


def test_a_real_process_says_why_a_probe_of_a_gpu_fails_here(monkeypatch, tmp_path):
    monkeypatch.setattr(running, "missing", lambda needs, device: [])
    (found,) = run_probes([CATALOGUE["copy-engine"]], small_copies(), [], tmp_path, Steps())
    assert found.verdict == "inconclusive" and found.why.startswith("its process failed: ")
    assert read_probes(tmp_path)["copy-engine"] == found


def test_the_catalogue_names_each_probe_once_and_there_are_words_and_codes_for_it():
    assert list(CATALOGUE) == [each.id for each in CATALOGUE.values()] == list(WORDS)
    assert set(FIGURES) == set(CATALOGUE)
    for each in CATALOGUE.values():
        assert WORDS[each.id].asks.endswith("?") and "cuda" in each.needs
    assert chosen(["all"]) == list(CATALOGUE.values()) and chosen([]) == []
    with pytest.raises(KeyError, match="nix"):
        chosen(["copy-engine", "nix"])


def test_only_right_variants_are_probed():
    made = [each for each in variants("small-copies") if each.name in ("copy_", "triton-batched")]
    assert right_variants(small_copies(), made, 0, "cpu") == ["copy_"], "there is no GPU for Triton here"


def test_probes_go_only_into_captures_of_the_same_gpu(monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    make_capture(tmp_path)
    manifest = read_capture(tmp_path).manifest
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: manifest.environment["gpu"])
    check_goes_into(tmp_path, [answering("one")], small_copies())
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "another GPU")
    with pytest.raises(InputError, match="here is another GPU"):
        check_goes_into(tmp_path, [answering("one")], small_copies())


def test_probes_of_variants_go_only_into_captures_of_the_same_work(monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    make_capture(tmp_path)
    manifest = read_capture(tmp_path).manifest
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: manifest.environment["gpu"])
    spec, of_variants = small_copies(), [answering("backlog", of_variants=True)]
    write_manifest(tmp_path, replace(manifest, workload=spec.described() | {"correctness": "said otherwise"}))
    check_goes_into(tmp_path, of_variants, spec)
    more = spec.with_parameters({"count": "50"})
    with pytest.raises(InputError, match="and backlog would run"):
        check_goes_into(tmp_path, of_variants, more)
    check_goes_into(tmp_path, [answering("of the machine alone")], more)
    other = next(each for each in workloads() if each.name == "nsa-metadata")
    with pytest.raises(InputError, match="is of name 'small-copies', and backlog would run 'nsa-metadata'"):
        check_goes_into(tmp_path, of_variants, other)


def test_what_cant_be_read_costs_that_probe_alone(in_this_process, monkeypatch, tmp_path):
    one, two = answering("one"), answering("two")
    in_this_process(one, two)
    real = worker.write_probes

    def cut_off(folder, probes):
        real(folder, probes)
        if probes[0].id == "one":
            (folder / "probes.json").write_text("{")

    monkeypatch.setattr(worker, "write_probes", cut_off)
    first, second = run_probes([one, two], small_copies(), [], tmp_path, Steps())
    assert first.verdict == "inconclusive" and "can't be read" in first.why and second.verdict == "yes"


@pytest.mark.parametrize(
    ("figures", "match"),
    [([{"what": "device-time"}], "has no figure 'device-time'"), ([{"what": "ratio"}] * 2, "have the same fields")],
)
def test_a_figure_is_one_of_the_probes_own_and_given_once(figures, match):
    made = [ProbeFigure(**each, value=1.0) for each in figures]
    with pytest.raises(ValueError, match=match):
        concluded("launch-floor", verdict="triton", controls=[], figures=made)


@pytest.mark.parametrize("interval", [(2.0, 1.0), (float("nan"), 1.0)])
def test_a_figure_whose_interval_is_none_is_refused_at_once(interval):
    with pytest.raises(ValueError, match="from low to high"):
        ProbeFigure(what="time", value=1.5, unit="ns", interval=interval)


def test_the_command_lists_probes_anywhere():
    answer = CliRunner().invoke(app, ["probe", "--list", "--json"])
    document = json.loads(answer.stdout)
    assert answer.exit_code == 0 and document["format"] == "launchlens.probe-list/1"
    assert [row["name"] for row in document["probes"]] == list(CATALOGUE)
    assert "copy-engine" in CliRunner().invoke(app, ["probe", "--list"]).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["probe", "copy-engine"], "there is no CUDA GPU to measure on"),
        (["probe", "--quick", "--into", "capture"], "goes into no capture"),
        (["probe", "nix"], "'nix' is none of launch-floor"),
        (["profile", "--device", "cpu", "--probe", "copy-engine"], "probes are of a GPU"),
        (["profile", "--probe", "nix"], "'nix' is none of launch-floor"),
    ],
)
def test_without_a_gpu_a_probe_is_refused_in_one_line(arguments, said):
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2 and said in answer.output and "Traceback" not in answer.output
