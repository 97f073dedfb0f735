"""What every command prints as JSON is what its page says: decoded strictly into the typed structures, and the same again."""

from typing import Annotated, Any

import msgspec
import pytest

from command_lines import LINES, printed_lines
from format_pages import EXIT_CODES, Key, all_documents, format_of, hints_of, is_structure, keys_of, said_of
from launchlens.commands import exit_codes
from launchlens.reports.writers.json import text
from launchlens.traces.captures.capture import Manifest
from launchlens.traces.captures.probes import ProbesFile
from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.documents.tables import TablesFile
from launchlens.traces.readers.cupti.schema import Header

DOCUMENTS: Any = tuple(all_documents())


@pytest.mark.parametrize(("format", "line"), [(format, line) for format in LINES for line in LINES[format]])
def test_what_a_command_prints_is_its_document(format, line):
    if line.startswith("export"):
        pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")
    answer = printed_lines()[line].answer
    assert answer.exit_code in (0, 1, 3) and answer.stdout, answer.stderr
    document = msgspec.json.decode(answer.stdout, type=_any(DOCUMENTS))
    assert format_of(type(document)) == format
    assert text(document) + "\n" == answer.stdout


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


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, Manifest, Header, ProbesFile, TablesFile], ids=lambda each: each.__name__
)
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
