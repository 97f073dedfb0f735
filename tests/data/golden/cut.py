"""Cut some steps out of a trace of torch.profiler, as if the recorder had run for these alone.

    python cut.py TRACE OUTPUT.json.gz --steps 6:8        # ProfilerStep#6 and #7
    python cut.py TRACE OUTPUT.json.gz --steps 6:9 --without cpu_op --bare

Kept are events of the host that start in those steps, on every thread; GPU work that was launched in them, or that runs
while they last (its launch may lie before: such rows are as real recordings have them); arrows of which both ends
are kept; and what says how the trace was made. No event is altered, but for --bare, which leaves of its `args` what joins
GPU work to launches and tells collectives. `"cut"` in the file says what was kept.
"""

import argparse
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

Event = dict[str, Any]
BARE = ("correlation", "device", "stream", "context")
ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset", "gpu_user_annotation")


def read(path: Path) -> dict[str, Any]:
    """The document of a trace, with times as they are written: a float would round them."""
    data = path.read_bytes()
    text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    document: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return document


def window(events: list[Event], names: list[str]) -> tuple[Decimal, Decimal]:
    """When the first of some steps begins and the last ends. Raises SystemExit where one is missing."""
    steps = {event["name"]: event for event in events if event.get("cat") == "user_annotation"}
    missing = [name for name in names if name not in steps]
    if missing or not names:
        raise SystemExit(f"no such steps: {', '.join(missing) or 'none is named'}")
    return min(steps[name]["ts"] for name in names), max(steps[name]["ts"] + steps[name]["dur"] for name in names)


def kept(events: list[Event], low: Decimal, high: Decimal) -> list[Event]:
    """The events that a recording from `low` to `high` would hold, arrows aside."""
    inside = [event for event in events if event["ph"] == "X" and low <= event["ts"] < high]
    calls = {event["args"]["correlation"] for event in inside if event["cat"] in ("cuda_runtime", "cuda_driver")}

    def keeps(event: Event) -> bool:
        if event["ph"] != "X" or event["cat"] == "Trace":
            return event["ph"] not in "sf"  # names of processes and threads, marks, the span of the recording
        if event["cat"] not in ON_DEVICE:
            return bool(low <= event["ts"] < high)
        runs_inside = event["ts"] < high and event["ts"] + event["dur"] > low
        return bool(runs_inside or event["args"].get("correlation") in calls)

    return [event for event in events if keeps(event)]


def with_arrows(events: list[Event], chosen: list[Event]) -> list[Event]:
    """The chosen events and the arrows of which both ends touch one, in the order of the trace."""
    touched = {(str(event["pid"]), str(event["tid"]), event["ts"]) for event in chosen}
    dangling = {
        (event["cat"], event["id"])
        for event in events
        if event["ph"] in "sf" and (str(event["pid"]), str(event["tid"]), event["ts"]) not in touched
    }
    stays = set(map(id, chosen))
    arrows = {id(event) for event in events if event["ph"] in "sf" and (event["cat"], event["id"]) not in dangling}
    return [event for event in events if id(event) in stays | arrows]


def barely(args: dict[str, Any]) -> dict[str, Any]:
    """Of what is told of an event, what joins GPU work to launches and tells collectives."""
    collective = "Collective name" in args
    return {name: value for name, value in args.items() if collective or name in BARE}


def cut(document: dict[str, Any], names: list[str], without: list[str], bare: bool) -> dict[str, Any]:
    """The document with the events of some steps only, and of these none of some categories."""
    events: list[Event] = document.pop("traceEvents")
    chosen = [event for event in kept(events, *window(events, names)) if event.get("cat") not in without]
    rows = with_arrows(events, chosen)
    said: dict[str, Any] = {"steps": names, "events": len(rows), "of": len(events)} | (
        {"without": without} if without else {}
    )
    if bare:
        rows = [event | {"args": barely(event["args"])} if event.get("ph") == "X" else event for event in rows]
        said["bare"] = True
    return document | {"cut": said, "traceEvents": rows}


def written(document: dict[str, Any]) -> bytes:
    """The document as gzip, an event a line. No time of writing is in it: the same cut gives the same bytes."""
    events = document.pop("traceEvents")
    head = json.dumps(document, separators=(",", ":"))[:-1]
    lines = ",\n".join(json.dumps(event, separators=(",", ":"), default=float) for event in events)
    text = f'{head},"traceEvents":[\n{lines}\n]}}\n'
    # a float prints the digits it was read from, as long as they are no more than sixteen
    assert json.loads(text, parse_float=Decimal)["traceEvents"] == events
    return gzip.compress(text.encode(), 9, mtime=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", required=True, metavar="FIRST:END", help="the end is not kept")
    parser.add_argument("--without", nargs="+", default=[], metavar="CATEGORY", help="leave out, as ops (cpu_op)")
    parser.add_argument("--bare", action="store_true", help="leave out most of what is told of each event")
    options = parser.parse_args()
    first, end = map(int, options.steps.split(":"))
    made = cut(
        read(options.trace), [f"ProfilerStep#{number}" for number in range(first, end)], options.without, options.bare
    )
    said = made["cut"]
    options.output.write_bytes(written(made))
    print(f"{options.output}: {said}, {options.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
