"""Checks of recorded blocks: whole, all alike, every piece of work once, on the clock of the host, under its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.capture import Manifest, TraceRecord
from launchlens.traces.gate.check import Met, of_sides
from launchlens.traces.gate.facts import RecordFacts
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Recorded:
    """One trace of a capture, by the facts of its blocks, variant by variant."""

    manifest: Manifest
    record: TraceRecord
    facts: Mapping[str, RecordFacts]

    def where(self, count: Callable[[RecordFacts], int]) -> list[Met]:
        """The sides of which something was counted."""
        counted = {variant: found for variant, facts in self.facts.items() if (found := count(facts))}
        sides = tuple((variant, self.record.regime) for variant in counted)
        return [Met(sum(counted.values()), sides, of_sides(sides))] if sides else []


def iterations_missing(recorded: Recorded) -> list[Met]:
    """Blocks that hold no whole number of iterations by their launches, or fewer than their iterations make.

    What an iteration makes says one that was recorded by itself; of traces without such ones, the launches must be a multiple.
    """

    def lacking(facts: RecordFacts) -> int:
        count = recorded.record.iterations
        if facts.iteration is not None:
            return int((facts.launches < count * facts.iteration).sum())
        return int((facts.launches % count != 0).sum())

    return recorded.where(lacking)


def counts_differ(recorded: Recorded) -> list[Met]:
    """Blocks with another number of launches or of GPU activities than most of their side."""

    def others(facts: RecordFacts) -> int:
        both = np.stack([facts.launches, facts.caused], axis=1)
        kinds, counts = np.unique(both, axis=0, return_counts=True)
        return len(both) - int(counts.max()) if len(kinds) > 1 else 0

    return recorded.where(others)


def silent_launches(recorded: Recorded) -> list[Met]:
    """Launches whose work was not recorded, though that of others of the same call was, of sides with more than a few."""
    return recorded.where(
        lambda facts: facts.silent if facts.silent > THRESHOLDS.unknown_device * facts.launches.sum() else 0
    )


def records_doubled(recorded: Recorded) -> list[Met]:
    """GPU activities that are recorded twice."""
    return recorded.where(lambda facts: facts.doubled)


def no_time(recorded: Recorded) -> list[Met]:
    """Activities of sides of which most take no time at all."""
    return recorded.where(lambda facts: facts.work if facts.lasting_ns == 0 else 0)


def overlapping_work(recorded: Recorded) -> list[Met]:
    """Activities of sides of which much runs on a stream before earlier work there has ended: their times are too long."""

    def beyond(facts: RecordFacts) -> bool:
        return facts.overlapping_ns > THRESHOLDS.gate_overlap * facts.work_ns

    found = recorded.where(lambda facts: facts.work if beyond(facts) else 0)
    spent = sum(facts.overlapping_ns for facts in recorded.facts.values() if beyond(facts))
    return [Met(met.count, met.sides, met.detail, spent) for met in found]


def gpu_clock_off(recorded: Recorded) -> Iterator[Met]:
    """Sides whose work ends after the wait for it, or begins before its launch: the GPU's clock is off by at least that."""
    for variant, facts in recorded.facts.items():
        if facts.late_ns is not None and facts.late_ns > 0:
            off, count = facts.late_ns, len(facts.starts_ns)
        elif facts.early > THRESHOLDS.gate_blocks * facts.launches.sum():
            off, count = facts.early_ns, facts.early
        else:
            continue
        side = variant, recorded.record.regime
        yield Met(count, (side,), f"{of_sides([side])} by {off:,.0f} ns or more")


def other_gpu(recorded: Recorded) -> list[Met]:
    """Sides that ran on a GPU of another name than the manifest has."""
    said = recorded.manifest.environment.get("gpu")
    found = {facts.gpu for facts in recorded.facts.values() if facts.gpu is not None}
    if not said or not found or found == {said}:
        return []
    sides = tuple((variant, recorded.record.regime) for variant in recorded.facts)
    return [Met(len(sides), sides, f"{', '.join(sorted(found))}, and {said}")]


def names_out_of_order(recorded: Recorded) -> list[Met]:
    """Blocks under a name that another variant's block should have there: names were swapped. Of incomplete traces, none."""
    record, facts = recorded.record, recorded.facts
    names = [
        each.variant
        for each in recorded.manifest.variants
        if each.regime == record.regime and each.status == "measured"
    ]
    if set(names) != set(facts) or any(len(each.starts_ns) != record.rounds for each in facts.values()):
        return []
    which = np.repeat(np.arange(len(names)), record.rounds)
    found = which[np.argsort(np.concatenate([facts[name].starts_ns for name in names]), kind="stable")]
    expected = np.concatenate([block_order(len(names), number) for number in range(record.rounds)])
    wrong = found != expected
    sides = tuple((names[at], record.regime) for at in np.unique(np.concatenate([found[wrong], expected[wrong]])))
    return [Met(int(wrong.sum()), sides, of_sides(sides))] if sides else []
