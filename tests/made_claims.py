"""Claims made up for tests, written as a user writes them, and the made-up study changed so that a verdict is forced."""

import json
from dataclasses import replace

from launchlens.traces.claims.judge import judge
from launchlens.traces.claims.read import read_claims

RATIO = 'kind = "ratio"; variant = "{}"; against = "{}"; is = "{}"'
HOLDS, FAILS = (f'kind = "launches"; variant = "copy_"; regimes = ["eager"]; {bound}' for bound in ("at_least = 7", "at_most = 1"))  # fmt: skip
ABSENT = 'kind = "launches"; variant = "streams"; regimes = ["eager"]; at_most = 1'


def many_blocks(made):
    """The study with every recorded block four times over, so that there are enough of them for intervals."""
    sides = {
        key: replace(side, recording=replace(side.recording, cells=side.recording.cells.repeat(4, axis=0)))
        for key, side in made.sides.items()
    }
    return replace(made, sides=sides)


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
    (folder / "probes.json").write_text(json.dumps({"format": "launchlens.probes/1", "probes": probes}))
    return replace(made, capture=replace(made.capture, path=folder))
