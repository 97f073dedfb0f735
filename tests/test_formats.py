"""What every command prints as JSON is what its page says: decoded strictly into the typed structures, and the same again."""

from dataclasses import replace
from typing import Annotated, Any

import msgspec
import pytest
from typer.testing import CliRunner

import made_cupti
from format_pages import EXIT_CODES, Key, all_documents, format_of, hints_of, is_structure, keys_of, said_of
from launchlens.cli import app
from launchlens.commands import exit_codes
from launchlens.reports.machine import text
from launchlens.traces.captures.capture import Manifest, VariantRecord, read_capture, write_manifest
from launchlens.traces.captures.probes import write_probes
from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.readers.cupti.schema import Header
from made_capture import make_capture, make_trace
from made_probes import ALL
from traces import made_nsys

DOCUMENTS: Any = tuple(all_documents())


def kineto(folder):
    make_trace(folder / "made.pt.trace.json.gz", "eager", ["copy_", "foreach"])
    return folder / "made.pt.trace.json.gz"


def whole_graphs(folder):
    """An Nsight Systems export of a replay that was recorded whole, and of a launch that nothing is known of."""
    calls = [
        made_nsys.call("cudaGraphLaunch_v10000", 100, 200, 1),
        made_nsys.call("cudaLaunchKernel_v7000", 250, 300, 2),
    ]
    graphs = [{"graphExecId": 3, **made_nsys.on_gpu(210, 240, 1)}]
    return made_nsys.export(folder / "made.sqlite", runtime=calls, graph_trace=graphs)


def channels(folder):
    """A CUPTI recording, which tells channels and when kernels were put into a buffer."""
    rows = [
        made_cupti.named("step", 0, 1000),
        made_cupti.call("cudaLaunchKernel_v7000", 100, 200, 1),
        made_cupti.on_gpu("kernel", 300, 400, 1, queued_ns=210, submitted_ns=220),
    ]
    return made_cupti.recording(folder / "made.parquet", rows)


def host_alone(folder):
    path = folder / "host.json"
    path.write_text(
        '{"traceEvents": [{"ph": "X", "cat": "user_annotation", "name": "r", "pid": 1, "tid": 1, "ts": 1, "dur": 2}]}'
    )
    return path


def no_gpu_records(folder):
    calls = [made_nsys.call("cudaLaunchKernel_v7000", 100, 200, 1)]
    return made_nsys.export(folder / "made.sqlite", runtime=calls)


def unlike_capture(folder):
    """A capture that was interrupted, of probes, of a variant that was skipped, and of another GPU."""
    make_capture(folder / "unlike", complete=False)
    manifest = read_capture(folder / "unlike").manifest
    skipped = VariantRecord("seven-streams", "eager", "skipped", why="it needs a GPU")
    environment = {**manifest.environment, "gpu": "Another GPU"}
    write_manifest(
        folder / "unlike", replace(manifest, variants=[*manifest.variants, skipped], environment=environment)
    )
    write_probes(folder / "unlike", ALL)
    return folder / "unlike"


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("made") / "capture")


@pytest.fixture
def no_gpu_here(monkeypatch, capture):
    """A machine without a GPU, for which `capture` is what ships with launchlens."""
    monkeypatch.setattr("launchlens.profiling.environment.has_cuda", lambda: False)
    monkeypatch.setattr("launchlens.traces.captures.recorded.recorded_captures", lambda *_, **__: [capture])


@pytest.fixture
def gpu_here(monkeypatch):
    """A GPU on which all probes find what test ones do."""
    monkeypatch.setattr("launchlens.commands.probe.device_or_recorded", lambda _: "cuda")
    monkeypatch.setattr("launchlens.profiling.probes.run.right_variants", lambda *_: [])
    monkeypatch.setattr("launchlens.profiling.probes.run.run_probes", lambda *_, **__: ALL)


#: Format -> command lines that print it, where CAPTURE is the made-up capture, OUT a file to write, and what is in capitals
#: else is made by the function of that name.
LINES = {
    "launchlens.analysis/1": [
        "analyze KINETO",
        "analyze KINETO --range variant:copy_",
        "analyze WHOLE_GRAPHS",
        "analyze CHANNELS",
        "analyze NO_GPU_RECORDS",
        "analyze HOST_ALONE",
    ],
    "launchlens.study/1": ["report CAPTURE", "report UNLIKE_CAPTURE --output OUT", "profile --output OUT"],
    "launchlens.comparison/1": [
        "compare CAPTURE CAPTURE",
        "compare CAPTURE UNLIKE_CAPTURE",
        "compare CAPTURE::copy_ CAPTURE::foreach",
        "compare KINETO::variant:copy_ KINETO::variant:foreach",
        "compare HOST_ALONE::r KINETO::variant:foreach",
    ],
    "launchlens.claims/1": ["claims CAPTURE", "claims CAPTURE UNLIKE_CAPTURE"],
    "launchlens.export/1": ["export CAPTURE --perfetto -o OUT", "export NO_GPU_RECORDS --perfetto -o OUT"],
    "launchlens.scrub/1": ["scrub KINETO -o OUT"],
    "launchlens.probes/2": ["probe"],
    "launchlens.probe-list/1": ["probe --list"],
    "launchlens.variants/1": ["variants"],
    "launchlens.doctor/1": ["doctor"],
}
MADE = {
    made.__name__.upper(): made for made in (kineto, whole_graphs, channels, host_alone, no_gpu_records, unlike_capture)
}


def run(line, capture, folder):
    """The exit code and what a command line prints with --json."""
    arguments = []
    for word in line.split():
        name, mark, rest = word.partition("::")
        if name == "OUT":
            name = str(folder / "out")
        elif name == "CAPTURE":
            name = str(capture)
        elif name in MADE:
            name = str(MADE[name](folder))
        arguments.append(name + mark + rest)
    answer = CliRunner().invoke(app, [*arguments, "--json"])
    return answer.exit_code, answer.stdout, answer.stderr


@pytest.mark.usefixtures("no_gpu_here", "gpu_here")
@pytest.mark.parametrize(("format", "line"), [(format, line) for format in LINES for line in LINES[format]])
def test_what_a_command_prints_is_its_document(format, line, capture, tmp_path):
    if line.startswith("export"):
        pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")
    code, printed, said = run(line, capture, tmp_path)
    assert code in (0, 1) and printed, said
    document = msgspec.json.decode(printed, type=_any(DOCUMENTS))
    assert format_of(type(document)) == format
    assert text(document) + "\n" == printed


def _any(types):
    made = types[0]
    for each in types[1:]:
        made = made | each
    return made


def test_every_document_is_printed_by_a_command_here():
    assert set(LINES) == {format_of(document) for document in DOCUMENTS}
    for document in DOCUMENTS:
        commands = {line.split()[0] for line in LINES[format_of(document)]}
        assert commands == {each.split()[0] for each in document.printed_by}, document
        assert document.history[0][0] == format_of(document), "the newest version stands first"


def test_every_exit_code_stands_on_the_index_page():
    assert set(EXIT_CODES) == {code for name, code in vars(exit_codes).items() if name.isupper()}


def _structures(found):
    """Some structures and all that they hold."""
    for structure in found:
        yield structure
        for hint in hints_of(structure).values():
            yield from _structures([each for each in _leaves(hint) if is_structure(each)])


def _leaves(hint):
    arguments = getattr(hint, "__args__", ())
    return [leaf for each in arguments for leaf in _leaves(each)] if arguments else [hint]


@pytest.mark.parametrize("document", [*DOCUMENTS, Manifest, Header], ids=lambda each: each.__name__)
def test_every_field_says_what_it_means_and_times_their_unit(document):
    for structure in set(_structures([document])):
        assert structure.__doc__, structure
        for name, hint in hints_of(structure).items():
            where, said = f"{structure.__name__}.{name}", said_of(hint)
            assert said is not None and said.meaning, f"{where} says nothing"
            assert said.unit in ("", "ns", "bytes"), where
            if name.endswith("_ns") or name == "ns":
                assert said.unit == "ns", f"{where} is a time"
            may_be_null, may_be_absent = (
                type(None) in _leaves_of_value(hint),
                msgspec.UnsetType in _leaves_of_value(hint),
            )
            assert bool(said.null) == may_be_null, f"{where}: when is it null?"
            assert bool(said.there) == may_be_absent, f"{where}: when is it there?"


def _leaves_of_value(hint):
    bare = getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
    return getattr(bare, "__args__", (bare,))


class Leaf(Structure, frozen=True, kw_only=True):
    """A leaf."""

    grams: Annotated[int | None, means("what it weighs", unit="g", null="it fell")]


class Tree(Structure, frozen=True, kw_only=True):
    """A tree."""

    leaves: Annotated[dict[str, list[Leaf]], means("its leaves", key="branch")]
    largest: Annotated[Leaf, means("one of them")]


def test_keys_are_listed_with_their_paths_and_known_objects_once():
    assert list(keys_of(Tree)) == [
        Key("leaves", "object of lists of objects", "", "", "its leaves; by branch"),
        Key("leaves.*[].grams", "integer", "g", "it fell", "what it weighs"),
        Key("largest", "object, as `leaves.*[]`", "", "", "one of them"),
    ]
