"""Write the facts of the traces that lie in the repository, each beside its trace: python facts.py

They are worked out from the raw JSON and the raw tables by `tests/traces/plain_analysis.py`, which uses nothing of
launchlens; `tests/traces/test_golden.py` holds `analyze --json` to them, whole. A change to a file of facts is a change to what
launchlens says of a trace: write them anew only when a trace or the oracle changed, and look at the difference.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from traces import plain_analysis as plain
from traces import plain_tables

#: A capture that ships with launchlens, recorded by three collectors: its facts lie here, so that they don't ship with it.
SHIPPED = ROOT / "traces" / "recorded" / "small-copies-h100"


#: What lies beside the checkout: recordings of others, which can't lie in the repository, and ours that lie in it cut.
BESIDE = ROOT.parent / "shared" / "data"
#: Facts of these.
OF_BESIDE = HERE / "beside.json"


def facts_of_beside() -> dict[str, Any]:
    """How many rows of each kind a trace beside the checkout has, and its totals, by where it lies there."""
    found = {}
    for path in sorted(each for folder in ("traces", "pairs", "ranks") for each in (BESIDE / folder).rglob("*")):
        if path.name.endswith((".json", ".json.gz", ".sqlite")) and path.name != "facts.json":
            rows = plain.read(path)
            kinds = [row.kind for row in rows.rows]
            counts = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
            found[str(path.relative_to(BESIDE))] = {"rows": counts, "totals": plain.totals(rows)}
    return found


def facts_by_trace() -> dict[Path, Path]:
    """Where the facts of each trace lie."""
    cuts = sorted(HERE.rglob("*.json.gz"))
    found = {trace: trace.with_name(trace.name.removesuffix(".json.gz") + ".facts.json") for trace in cuts}
    found |= {trace: trace.with_name("facts.json") for trace in sorted(HERE.parent.glob("nsys/*/trace.sqlite"))}
    cases = [path for path in sorted(HERE.glob("cases/*")) if not path.name.endswith(".facts.json")]
    found |= {trace: trace.with_suffix(".facts.json") for trace in cases}
    shipped = [path for pattern in ("torch/*.gz", "nsys/*.sqlite", "cupti/*.parquet") for path in SHIPPED.glob(pattern)]
    folder = HERE / "shipped" / SHIPPED.name
    found |= {
        trace: folder / f"{trace.parent.name}-{trace.name.partition('.')[0]}.facts.json" for trace in sorted(shipped)
    }
    return found


def facts(trace: Path) -> dict[str, Any]:
    """What is true of a trace: how many rows of each kind, the whole of its analysis, its tables, and an account of each range."""
    rows = plain.read(trace)
    names = [row["name"] for row in plain.ranges(rows)]
    kinds = [row.kind for row in rows.rows]
    return {
        "rows": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "analysis": plain.document(rows),
        "tables": plain_tables.tables(rows),
        "accounts": {name: plain.account(rows, name) for name in names},
    }


def main() -> None:
    for trace, path in facts_by_trace().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(compact(facts(trace)) + "\n")
        print(path.relative_to(ROOT))
    if BESIDE.is_dir():
        OF_BESIDE.write_text(compact(facts_of_beside()) + "\n")
        print(OF_BESIDE.relative_to(ROOT))


def compact(value: Any, indent: str = "") -> str:
    """JSON with a line for each row that fits in one, so that a difference shows which rows changed."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= 220 or not isinstance(value, dict | list) or not value:
        return line
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return line  # a row of a table
    deeper = indent + " "
    if isinstance(value, list):
        return "[\n" + ",\n".join(deeper + compact(each, deeper) for each in value) + f"\n{indent}]"
    rows = [f"{deeper}{json.dumps(key, ensure_ascii=False)}: {compact(each, deeper)}" for key, each in value.items()]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


if __name__ == "__main__":
    main()
