"""The pages of docs/formats, made of the structures and columns that are printed and written."""

import importlib
import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import msgspec

from command_lines import printed_lines
from launchlens.commands import exit_codes
from launchlens.traces import documents
from launchlens.traces.captures import capture, marks, probes
from launchlens.traces.documents.structure import Document
from launchlens.traces.documents.tables import FORMAT, TABLES, TYPES, TablesFile
from launchlens.traces.problems import MEANINGS
from launchlens.traces.readers.cupti import schema as cupti
from launchlens.traces.schema import COLUMNS, Column
from launchlens.traces.sweeps import model, sweep
from launchlens.traces.tables.table import Column as TableColumn
from launchlens.traces.tables.table import Table

FOLDER = "formats"


def all_documents() -> list[type[Document]]:
    """Every document there is, by the name of its format."""
    for path in sorted(Path(documents.__path__[0]).glob("*.py")):
        importlib.import_module(f"{documents.__name__}.{path.stem}")
    return sorted(Document.__subclasses__(), key=format_of)


def format_of(document: type[Document]) -> str:
    """Name and version of a document's format."""
    return str(document.__struct_config__.tag)


@dataclass(frozen=True)
class Key:
    """A key of a document: where it stands (`[]` for each of a list, `*` for each key of an object), and what it is."""

    path: str
    type: str
    unit: str
    absent: str
    meaning: str


@dataclass(frozen=True)
class Said:
    """What a field's annotation says of it."""

    meaning: str
    unit: str
    null: str
    there: str
    key: str


def said_of(hint: Any) -> Said | None:
    """What the annotation of a field says; None where it says nothing."""
    metas = [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, msgspec.Meta)]
    return Said(metas[0].description or "", **(metas[0].extra or {})) if metas else None


def hints_of(structure: type) -> dict[str, Any]:
    """The annotation of each field of a structure or a dataclass, in their order."""
    names = [one.name for one in (fields(structure) if is_dataclass(structure) else msgspec.structs.fields(structure))]
    hints = typing.get_type_hints(structure, include_extras=True)
    return {name: hints[name] for name in names}


def bare(hint: Any) -> Any:
    """A hint without what is said of it."""
    return hint.__origin__ if hasattr(hint, "__metadata__") else hint


def choices(hint: Any) -> list[Any]:
    """The types that a value may be of, without null and without the absence of the key."""
    hint = bare(hint)
    found = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return [each for each in found if each not in (type(None), msgspec.UnsetType)]


def may_be(hint: Any, what: type) -> bool:
    """Whether a union holds a type."""
    return what in typing.get_args(bare(hint))


def is_structure(hint: Any) -> bool:
    """Whether a value of this type is an object of known keys."""
    return isinstance(hint, type) and (issubclass(hint, msgspec.Struct) or is_dataclass(hint))


def inner(hint: Any) -> tuple[str, list[Any]]:
    """What a path goes on with below a list or an object of any keys, and the types of what it holds."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list or (origin is tuple and arguments[-1] is Ellipsis):
        return "[]", choices(arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return ".*", choices(arguments[1])
    return "", []


def type_in_words(hint: Any, *, plural: bool = False) -> str:
    """How a page calls a type."""
    s = "s" if plural else ""
    simple = {str: f"text{s}", bool: f"boolean{s}", int: f"integer{s}", float: f"number{s}", Any: "anything"}
    if hint in simple:
        return simple[hint]
    if is_structure(hint):
        return f"object{s}"
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(hint))
    below, held = inner(hint)
    if typing.get_origin(hint) is tuple and not below:
        each = typing.get_args(hint)
        return f"list{s} of {len(each)} {types_in_words(choices(each[0]), plural=True)}"
    what = types_in_words(held, plural=True)
    return f"list{s} of {what}" if below == "[]" else f"object{s} of {what}"


def types_in_words(hints: Iterable[Any], *, plural: bool = False) -> str:
    """How a page calls the types of a value that may be of several."""
    found = list(hints)
    if {int, float} <= set(found):  # JSON has one kind of number
        found.remove(int)
    return " or ".join(dict.fromkeys(type_in_words(each, plural=plural) for each in found))


def keys_of(structure: type, path: str = "", seen: dict[type, str] | None = None) -> Iterator[Key]:
    """Every key below a structure; one that was met before is named by its path and not taken apart again."""
    seen = {} if seen is None else seen
    left_out = _left_out(structure)
    for name, hint in hints_of(structure).items():
        said, full = said_of(hint), f"{path}.{name}" if path else name
        if said is None:
            raise TypeError(f"{structure.__name__}.{name} does not say what it means")
        found, place = choices(hint), full
        below, held = inner(found[0])
        while below:
            found, place = held, place + below
            below, held = inner(found[0])
        structures = [each for each in found if is_structure(each)]
        known = [seen[each] for each in structures if each in seen]
        tagged = len(structures) > 1
        words = types_in_words(choices(hint)) + (f", as `{known[0]}`" if known and not tagged else "")
        meaning = f"{said.meaning}; by {said.key}" if said.key else said.meaning
        absent = "; ".join(filter(None, (f"no such key unless {said.there}" if said.there else "", said.null)))
        if name in left_out:
            absent = f"no such key where {said.null or f'it is `{left_out[name]}`'}"
        yield Key(full, words, said.unit, absent, meaning)
        if tagged:
            yield from _by_tag(structures, place, seen)
            continue
        for each in structures:
            if each not in seen:
                seen[each] = place
                yield from keys_of(each, place, seen)


def _left_out(structure: type) -> dict[str, str]:
    """The fields of a structure that are left out where they hold their default, with that default as JSON."""
    if not (issubclass(structure, msgspec.Struct) and structure.__struct_config__.omit_defaults):
        return {}
    defaults = {each.name: each.default for each in msgspec.structs.fields(structure)}
    return {
        name: msgspec.json.encode(value).decode() for name, value in defaults.items() if value is not msgspec.NODEFAULT
    }


def _by_tag(structures: list[Any], place: str, seen: dict[type, str]) -> Iterator[Key]:
    """The keys of structures that are told apart by a key of theirs: its value stands in the brackets."""
    tags = {str(each.__struct_config__.tag): each for each in structures}
    (name,) = {each.__struct_config__.tag_field for each in structures}
    yield Key(f"{place}.{name}", " or ".join(f"`{tag}`" for tag in tags), "", "", "which of the following it is")
    for tag, each in tags.items():
        of = f"{place.removesuffix('[]')}[{tag}]"
        yield Key(of, "object", "", "", inspect.getdoc(each) or "")
        yield from keys_of(each, of, seen)


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    names = list(columns)
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def key_table(structure: type) -> str:
    """Every key of a document, a row each."""
    rows = ((f"`{key.path}`", key.type, key.unit, key.absent, key.meaning) for key in keys_of(structure))
    return table(("key", "type", "unit", "null when", "meaning"), rows)


def column_table(columns: Iterable[Column]) -> str:
    """Every column of a table, a row each."""
    rows = ((f"`{one.name}`", one.dtype, one.unit, "yes" if one.nullable else "", one.meaning) for one in columns)
    return table(("column", "type", "unit", "may be null", "meaning"), rows)


MADE = "`make docs` writes this page"


def document_page(document: type[Document]) -> str:
    """The page of one document."""
    name = format_of(document)
    printed = ", ".join(f"`launchlens {each}`" for each in document.printed_by)
    rows = ((f"`{version}`", what) for version, what in document.history)
    return (
        f"# {name}\n\n{inspect.getdoc(document)}\n\n"
        f"Printed by {printed}. What all formats have in common: [formats.md](../formats.md). {MADE}.\n\n"
        f"{table(('version', 'what is new'), rows)}\n## Keys\n\n"
        f'`format` is the first key, and always `"{name}"`. `[]` stands for each of a list, `*` for each key of an object.\n\n'
        f"{key_table(document)}"
    )


def problems_page() -> str:
    """The page of the codes of problems."""
    rows = ((f"`{code}`", severity, meaning) for code, (severity, meaning) in MEANINGS.items())
    return (
        "# Problems\n\nWhat launchlens could not use of a trace or capture, or what a reader of its numbers should know, is counted by these "
        f"codes; a problem's `meaning` may go on with what exactly was met. {MADE}.\n\n"
        f"{table(('code', 'severity', 'meaning'), rows)}"
    )


def capture_page() -> str:
    """The page of a capture: its manifest and its timings."""
    return (
        f"# {capture.FORMAT}\n\nA capture is the folder that `launchlens profile` writes: `manifest.json`, `timings.parquet`, `probes.json` where"
        " probes were run ([probes](probes.md)), and the raw traces, a folder per collector, openable as they are:"
        " `torch/*.pt.trace.json.gz`, `nsys/*.sqlite` and `*.nsys-rep`, `cupti/*.parquet` ([cupti](cupti.md)). "
        f"{MADE}.\n\n"
        f"{table(('version', 'what is new'), [(f'`{capture.FORMAT}`', 'the first')])}\n"
        f"## {marks.MANIFEST}\n\n{key_table(capture.Manifest)}\n"
        f"## {capture.TIMINGS}\n\nA row per unprofiled block, in time order. Times are of one block of `iterations` iterations, never of one "
        f"iteration.\n\n{column_table(capture.TIMING_COLUMNS)}"
    )


def sweep_page() -> str:
    """The page of a sweep: its record and its timings."""
    return (
        f"# {sweep.FORMAT}\n\nA sweep is the folder that `launchlens profile --sweep` writes: `{marks.SWEEP}` and `timings.parquet`. {MADE}.\n\n"
        f"{table(('version', 'what is new'), [(f'`{sweep.FORMAT}`', 'the first')])}\n"
        f"## {marks.SWEEP}\n\n{key_table(sweep.SweepRecord)}\n"
        f"## {capture.TIMINGS}\n\nA row per unprofiled block, in time order. Rounds count from 0 at each point.\n\n"
        f"{column_table(sweep.SWEEP_TIMING_COLUMNS)}"
    )


def probes_file_part() -> str:
    """The part of the probes' page that is of the file in a capture."""
    return (
        f"\n## {probes.PROBES}\n\nThe file in a capture holds more of each probe, and no words that can be made of the figures.\n\n"
        f"{key_table(probes.ProbesFile)}"
    )


def sweep_model_page() -> str:
    """The page of a sweep's cost model."""
    return (
        f"# {model.FORMAT}\n\nThe cost model of a sweep, as `report` stores it beside the sweep (`{model.MODEL}`) and `predict` reads it: all that "
        f"predictions need, and nothing that they don't ([statistics](../statistics.md#what-a-sweep-predicts)). {MADE}.\n\n"
        "One that was fitted to other files than those beside it (`of`), or is of another version, is fitted again and not read.\n\n"
        f"{table(('version', 'what is new'), ((f'`{name}`', what) for name, what in model.HISTORY))}\n"
        f"## {model.MODEL}\n\n{key_table(model.SweepModel)}"
    )


def cupti_page() -> str:
    """The page of a CUPTI recording."""
    columns = ((f"`{one.name}`", one.type, one.meaning) for one in cupti.COLUMNS)
    return (
        f"# {cupti.FORMAT}\n\nA recording of CUPTI is a parquet file, one row an event; `launchlens profile --collector cupti` writes it. "
        f"All columns but `kind`, `start_ns` and `end_ns` may be null. {MADE}.\n\n"
        f"{table(('version', 'what is new'), [(f'`{cupti.FORMAT}`', 'the first')])}\n"
        f"{table(('column', 'type', 'meaning'), columns)}\n"
        f"## Metadata\n\nThe schema's metadata holds a JSON object under `{cupti.METADATA_KEY.decode()}`.\n\n{key_table(cupti.Header)}"
    )


def events_page() -> str:
    """The page of the event table."""
    return (
        "# The event table\n\nEvery reader fills this table, and nothing after the readers knows which recorder a trace is of. Times are whole "
        f"nanoseconds on the recorder's own clock; what is not there is null. {MADE}.\n\n{column_table(COLUMNS)}"
    )


def all_tables() -> dict[str, dict[str, Table]]:
    """Every table that a command has, by the command and its own name, on inputs made up for tests."""
    found: dict[str, dict[str, Table]] = {}
    for line, printed in printed_lines().items():
        command = f"{line.split()[0]}{' --list' if '--list' in line else ''}"
        for one in printed.tables:
            found.setdefault(command, {}).setdefault(one.name, one)
    return found


TABLES_HEAD = f"""# Tables

What `--format csv` and `--format parquet` write, and `--format markdown` with `--table`: one table, the first of a command or the one
that `--table` names; and what `--tables DIR` writes: all of them, with [{TABLES}](#{TABLES.replace(".", "")}). A table without rows may be left out. An interval is two columns. Any cell may be null; in CSV it is then empty.
More columns and tables may be added; none is renamed, taken away or given another meaning without a new version of launchlens.
"""


def tables_page() -> str:
    """The page of the tables that `--format csv` and `parquet` write; a table that several commands have stands there once."""
    parts = [f"{TABLES_HEAD}{MADE}.\n"]
    seen: dict[tuple[TableColumn, ...], str] = {}
    for command, tables in all_tables().items():
        parts.append(f"## {command}\n")
        known = [name for name, one in tables.items() if one.columns in seen]
        for place in dict.fromkeys(seen[tables[name].columns] for name in known):
            of_place = ", ".join(f"`{name}`" for name in known if seen[tables[name].columns] == place)
            parts.append(f"{of_place}: as of `{place}`.\n")
        for name, one in tables.items():
            if one.columns not in seen:
                seen[one.columns] = command
                parts.append(f"### {name}\n\n{_columns(one)}")
    return "\n".join([*parts, tables_file_part()])


READING_BACK = """In CSV, lines end with a line feed, a text that is absent and one that is empty are both empty, and what could steer a terminal reads `?`;
parquet holds all texts as they were recorded. Numbers are the same in both, to the last digit. A text of CSV that begins with `=`, `+`, `-`, `@`,
a tab, a line break or an apostrophe has an apostrophe before it, so that a spreadsheet takes it for no formula; numbers, negative ones as well, have none.
Whoever wants the text as it was takes one apostrophe off wherever a text begins with one:

```python
import json
from pathlib import Path

import pandas as pd

DTYPES = {"text": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}


def read_csv(folder, name):
    tables = {table["name"]: table for table in json.loads((Path(folder) / "tables.json").read_text("utf-8"))["tables"]}
    types = {column["name"]: column["type"] for column in tables[name]["columns"]}
    absent = {column: [""] for column in types if types[column] != "text"}
    frame = pd.read_csv(
        Path(folder) / f"{name}.csv",
        dtype={column: DTYPES[type] for column, type in types.items()},
        keep_default_na=False,
        na_values=absent,
        skip_blank_lines=False,
    )
    for column in types:
        if types[column] == "text":
            frame[column] = frame[column].str.removeprefix("'")
    return frame
```

Of parquet, `pd.read_parquet("DIR/kernels.parquet")` is all; `pyarrow.parquet.read_schema` gives each field's `unit` and `meaning`, and the table's `title`.
"""


def tables_file_part() -> str:
    """The part of the tables' page that is of the folder that `--tables` writes."""
    return (
        f"## {TABLES}\n\n`--tables DIR` writes every table of the command's result to DIR, as NAME.csv and as NAME.parquet, and this file, which says what "
        "they are. DIR appears when all of it is whole. It may be new or empty; with `--force` it may hold tables that were written so before, and nothing "
        f"else: then these give way to the new ones.\n\n{table(('version', 'what is new'), [(f'`{FORMAT}`', 'the first')])}\n"
        f"### Keys\n\n{key_table(TablesFile)}\n### Reading back\n\n{READING_BACK}"
    )


def _columns(of: Table) -> str:
    rows = (
        (", ".join(f"`{part}`" for part in column.parts), TYPES[column.dtype], column.unit, column.meaning)
        for column in of.columns
    )
    return table(("column", "type", "unit", "meaning"), rows)


#: What scripts may rely on, of each exit code that a command may end with.
EXIT_CODES = {
    exit_codes.DONE: "done",
    exit_codes.ANSWER_IS_NO: "done, and the answer is no: a variant is wrong, a probe is inconclusive, a check found a slowdown, nothing fetched what was served",
    exit_codes.BAD_INPUT: "the input or the command line can't be used; one line on stderr says why",
    exit_codes.UNDECIDED: "done, and the data can't decide: a check whose intervals are too wide, or whose captures are too few",
    exit_codes.FAULT: "a fault of launchlens itself; a line on stderr asks to report it",
    exit_codes.INTERRUPTED: "interrupted",
    exit_codes.TERMINATED: "ended by SIGTERM",
}

HEAD = """# Formats

What scripts and CI can rely on: the JSON that commands print with `--json`, the files that launchlens writes, and exit codes.
`make docs` writes this page and those below it from the structures that are printed.

- `--json` prints one JSON object to stdout and nothing else there. It is strict JSON: no NaN, no infinity.
- The first key, `format`, says name and version. More keys may be added; none is renamed, taken away or given another meaning
  without a new version. A reader should pass over keys that it doesn't know.
- Keys stand in the order of their page.
- Times are whole nanoseconds where a key's name ends in `_ns`, unless its page says that they are numbers.
- What is not there is null, or an absent key of an object, never 0: each page says when. An empty list says that there is none.
- Shares and ratios count 1 as all and as equal. Intervals are of 95 %.
- What the words mean: [definitions.md](definitions.md).

"""


def index_page(pages: Iterable[tuple[str, str, str]]) -> str:
    """The page that leads to the others: rows of a format, its page's name and what prints or writes it."""
    rows = ((f"[{name}]({FOLDER}/{page})", what) for name, page, what in pages)
    codes = ((str(code), meaning) for code, meaning in EXIT_CODES.items())
    return f"{HEAD}{table(('format', 'of'), rows)}\n## Exit codes\n\n{table(('code', 'meaning'), codes)}"


def format_pages() -> dict[str, str]:
    """Every page about formats, by its path in docs/."""
    pages, index = {}, []
    for document in all_documents():
        stem = format_of(document).removeprefix("launchlens.").partition("/")[0]
        more = probes_file_part() if format_of(document) == probes.FORMAT else ""
        pages[f"{FOLDER}/{stem}.md"] = document_page(document) + more
        index.append((format_of(document), f"{stem}.md", ", ".join(f"`{each}`" for each in document.printed_by)))
    for name, stem, text, what in (
        (capture.FORMAT, "capture", capture_page(), "the folder that `profile` writes"),
        (sweep.FORMAT, "sweep", sweep_page(), "the folder that `profile --sweep` writes"),
        (model.FORMAT, "sweep-model", sweep_model_page(), "`model.json` beside a sweep, by which `predict` predicts"),
        (cupti.FORMAT, "cupti", cupti_page(), "a recording of CUPTI, as `profile --collector cupti` writes it"),
        (FORMAT, "tables", tables_page(), "what `--tables DIR` and `--format csv`, `parquet` and `markdown` write"),
        ("the event table", "events", events_page(), "what every trace is read into"),
        ("problems", "problems", problems_page(), "the codes of problems in all of these"),
    ):
        pages[f"{FOLDER}/{stem}.md"] = text
        index.append((name, f"{stem}.md", what))
    return {f"{FOLDER}.md": index_page(index)} | pages
