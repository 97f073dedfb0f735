"""The pages of docs/ on the Python interface, from its docstrings: an index, and a page an object."""

import inspect
from types import FunctionType

import launchlens
from launchlens.traces.analyses.catalogue import CATALOGUE

HEAD = """# Python

`import launchlens` gives what the commands give, as objects: their tables are pandas frames, their figures plotly figures, which a
notebook shows inline, and their documents typed structures. Importing it loads nothing; each name is imported when it is first used.

```python
import launchlens

trace = launchlens.open("trace.json.gz")
trace.verdict().sentence
trace.kernels().head()
trace.account(range="forward")
trace.figure("timeline")
launchlens.compare("before.json.gz", "after.json.gz").kernels()

with launchlens.record("step") as recording:  # a pass of your own code, on a GPU or a CPU
    step(batch)
recording.trace.kernels()

recording = launchlens.record("step")
for batch in data:  # two passes warm up, then one is timed without a profiler and the next one recorded
    with recording:
        step(batch)
recording.capture.times()
```

In frames

- times are ns, in columns with `ns` in their names, as `total_ns` or `ns_per_step`; sizes bytes (`bytes`); shares parts of 1 (`share`);
  ratios count 1 as equal (`ratio`); whatever else has a unit has it in its name (`bus_gb_s`). An interval is two columns, `NAME_low` and
  `NAME_high`, of 95 % where its meaning says nothing else.
- states, causes, verdicts and kinds are words, which [definitions.md](definitions.md) explains; nothing is a number that stands for something.
- what was not recorded is null (`pandas.NA`), never 0. A table of which there is nothing has its columns and no rows, and
  `frame.attrs["absent"]` says why.
- `frame.attrs["meanings"]` says what each column means, `frame.attrs["units"]` its unit.

What can't be used raises `launchlens.InputError`, whose text is one line: the file, what is wrong, and what to do. [notebook.ipynb](notebook.ipynb) is a notebook to begin with. `make docs` writes this page and those of the objects from their docstrings.

"""


def objects() -> list[str]:
    """The classes that have a page."""
    return sorted(
        name for name in launchlens.__all__ if isinstance(getattr(launchlens, name), type) and name != "InputError"
    )


def functions() -> list[str]:
    """The functions."""
    return sorted(name for name in launchlens.__all__ if isinstance(getattr(launchlens, name), FunctionType))


def python_pages() -> dict[str, str]:
    """Every page by its path below docs/."""
    rows = [f"| [{name}](python/{name.lower()}.md) | {_first(getattr(launchlens, name))} |" for name in objects()]
    parts = [HEAD + "\n".join(["| object | what it is |", "| --- | --- |", *rows]) + "\n"]
    for name in functions():
        made = getattr(launchlens, name)
        parts.append(f"## launchlens.{name}\n\n```python\n{_signature(name, made)}\n```\n\n{inspect.getdoc(made)}\n")
    pages = {"python.md": "\n".join(parts)}
    return pages | {f"python/{name.lower()}.md": page_of(name) for name in objects()}


def page_of(name: str) -> str:
    """The page of one object."""
    made = getattr(launchlens, name)
    analyses = {each.name for each in CATALOGUE} if name == "Trace" else set()
    parts = [f"# launchlens.{name}\n\n{inspect.getdoc(made)}\n"]
    for member in members(made):
        found = inspect.getattr_static(made, member)
        if isinstance(found, classmethod | FunctionType):
            function = getattr(made, member).__func__ if isinstance(found, classmethod) else getattr(made, member)
            owner = name if isinstance(found, classmethod) else name.lower()
            columns = f"\nIts columns: [analyses.md](../analyses.md#{member}).\n" if member in analyses else ""
            head = f"## {member}\n\n```python\n{_signature(f'{owner}.{member}', function)}\n```\n\n"
            parts.append(f"{head}{_doc(found)}\n{columns}")
        else:
            parts.append(f"## {member}\n\n`{name.lower()}.{member}`: {_doc(found)}\n")
    return "\n".join(parts)


def members(made: type) -> list[str]:
    """What an object has that is for others, in the order in which it is written: its own first, then what all objects have."""
    own = [name for name in vars(made) if not name.startswith("_")]
    shared = [name for base in made.__mro__[1:-1] for name in vars(base) if not name.startswith("_")]
    return list(dict.fromkeys([*own, *shared]))


def _doc(found: object) -> str:
    if isinstance(found, classmethod):
        found = found.__func__
    return inspect.getdoc(found) or ""


def _first(made: object) -> str:
    return (inspect.getdoc(made) or "").split("\n\n")[0].replace("\n", " ")


def _signature(name: str, function: FunctionType) -> str:
    whole = inspect.signature(function)
    kept = [each for each in whole.parameters.values() if each.name not in ("self", "cls")]
    parts: list[str] = []
    for each in kept:
        if each.kind is each.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        default = "" if each.default is each.empty else f" = {each.default!r}"
        parts.append(f"{each.name}: {each.annotation}{default}")
    return f"{name}({', '.join(parts)}) -> {whole.return_annotation}"
