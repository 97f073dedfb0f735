"""Claims made up for tests, written as a user writes them, and the made-up study changed so that a verdict is forced."""

import json
from dataclasses import replace

from launchlens.traces.claims.judge import judge, judge_across
from launchlens.traces.claims.read import read_claims

RATIO = 'kind = "ratio"; variant = "{}"; against = "{}"; is = "{}"'
HOLDS, FAILS = (f'kind = "launches"; variant = "copy_"; regimes = ["eager"]; {bound}' for bound in ("at_least = 7", "at_most = 1"))  # fmt: skip
OPEN = 'kind = "launch-cost"; variant = "copy_"; at_most = 99; regimes = ["eager"]'
ABSENT = 'kind = "launches"; variant = "streams"; regimes = ["eager"]; at_most = 1'


def many_blocks(made):
    """The study with every recorded block four times over, so that there are enough of them for intervals."""
    sides = {
        key: replace(side, recording=replace(side.recording, account=repeated(side.recording.account, 4)))
        for key, side in made.sides.items()
    }
    return replace(made, sides=sides)


def repeated(account, times):
    """An account with every window so many times over."""
    return replace(account, cells=account.cells.repeat(times, axis=0))


def with_manifest(made, **changes):
    return replace(made, capture=replace(made.capture, manifest=replace(made.capture.manifest, **changes)))


def claims_of(text, folder):
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return read_claims(path)


def row(*tests, **more):
    """A TOML file with one claim of the given tests, each as TOML keys on one line."""
    keys = {"id": "mine", "text": "what I say", "source": "me"} | more
    lines = ["[[claim]]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    for test in tests:
        lines += ["[[claim.test]]", *test.split("; ")]
    return "\n".join(lines)


def judged(study, folder, *tests, **more):
    (one,) = judge(study, claims_of(row(*tests, **more), folder))
    return one


def with_probes(made, folder, probes):
    (folder / "probes.json").write_text(json.dumps({"format": "launchlens.probes/2", "probes": probes}))
    return replace(made, capture=replace(made.capture, path=folder))


def judged_across(studies, folder, *tests, **more):
    (one,) = judge_across(studies, claims_of(row(*tests, **more), folder))
    return one


def on_gpu(made, name):
    return with_manifest(made, environment=dict(made.capture.manifest.environment) | {"gpu": name})


def of_workload(made, **numbers):
    return with_manifest(made, workload=dict(made.capture.manifest.workload) | numbers)


def slowed(made, variant, factor, regimes=("eager", "graph")):
    """The study with one variant's unprofiled times multiplied."""
    sides = dict(made.sides)
    for regime in regimes:
        side = sides[variant, regime]
        sides[variant, regime] = replace(side, blocks=side.blocks.assign(wall_ns=side.blocks["wall_ns"] * factor))
    return replace(made, sides=sides)


def without(made, variant):
    """The study of a capture that doesn't know a variant."""
    records = [record for record in made.capture.manifest.variants if record.variant != variant]
    sides = {key: side for key, side in made.sides.items() if key[0] != variant}
    return with_manifest(replace(made, sides=sides), variants=records)


def few_rounds(made, rounds=3):
    """The study of a capture with too few rounds for an interval."""
    sides = {key: replace(side, blocks=side.blocks.iloc[:rounds]) for key, side in made.sides.items()}
    return replace(made, sides=sides)


def told_channels(made, variant, regime, *channels):
    """The study of a capture that CUPTI recorded as well, which saw the launches of a side go to these channels."""
    side = made.sides[variant, regime].recording
    (row, *_) = side.ledger
    share = row.per_iteration / len(channels)
    ledger = tuple(
        replace(row, per_iteration=share, channels={channel: share} if channel else {}) for channel in channels
    )
    recording = replace(side, ledger=ledger, trace=f"cupti/{regime}.parquet")
    return replace(made, recordings=dict(made.recordings) | {("cupti", variant, regime): recording})
