"""`overlap-communication`, `bucket-communication` and `balance-ranks`: collectives that the device has nothing beside.

A collective takes as long as its slowest rank is late, and then as long as its bytes take. Of one rank's trace the first shows where
collectives take several times what their like take; the second where many of them are short.
"""

from __future__ import annotations

import numpy as np

from launchlens.traces.advice.candidate import Candidate
from launchlens.traces.advice.copies import exposed
from launchlens.traces.advice.region import Region
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.replay import Change, collectives_in
from launchlens.traces.thresholds import THRESHOLDS


def _collectives(region: Region) -> Ints:
    """The work of the steps that is collectives, as rows in order of start."""
    found: Ints = region.replay.rows[collectives_in(region.replay)]
    return found


def _where(region: Region, work: Ints) -> str:
    """The collectives by name, and the range in which they are launched."""
    name = region.named(int(work[0])).removeprefix("void ").split("(")[0].split("<")[0]
    place = region.where(region.places[np.isin(region.work_of, work)], "")
    return f"`{name}`" + (f", launched in {place}" if place else "")


def _waited(region: Region, rows: Ints) -> tuple[Ints, Ints]:
    """How long each collective waited for another rank, at least and at most: what it took beyond what its like take."""
    took = (region.stepped.end - region.stepped.start)[rows].astype(np.float64)
    code = region.code[rows]
    usual, least = np.zeros(len(rows)), np.zeros(len(rows))
    for each in np.unique(code):
        mine = code == each
        usual[mine] = np.median(took[mine])
        least[mine] = np.quantile(took[mine], THRESHOLDS.quick_collective)
    long = took > THRESHOLDS.collective_wait * usual
    return (
        np.rint(np.where(long, took - THRESHOLDS.collective_wait * usual, 0)).astype(np.int64),
        np.rint(np.where(long, took - least, 0)).astype(np.int64),
    )


def balance(region: Region) -> list[Candidate]:
    """One candidate: collectives that take several times what others of their name take wait for a rank that comes late."""
    rows = _collectives(region)
    if len(rows) < THRESHOLDS.fewest_alike:
        return []
    least, most = _waited(region, rows)
    late = rows[most > 0]
    if not len(late) or not region.in_most_steps(late):
        return []
    took = (region.stepped.end - region.stepped.start)[rows].astype(np.float64)
    return [
        Candidate(
            "balance-ranks",
            _where(region, late),
            Change(duration=(rows, took - least)),
            Change(duration=(rows, took - most)),
            region.evidence(late),
        )
    ]


def overlap(region: Region) -> list[Candidate]:
    """One candidate: the time in which collectives run alone, as far as other work could run beside."""
    rows = _collectives(region)
    if not len(rows) or not region.in_most_steps(rows):
        return []
    took = (region.stepped.end - region.stepped.start)[rows].astype(np.float64)
    _, waited = _waited(region, rows)
    if (waited > 0).any() and region.in_most_steps(rows[waited > 0]):
        return []  # what waits for another rank would wait beside other work as well
    alone = exposed(region, rows)
    if not alone.sum():
        return []
    others = float(region.replay.took.sum() - took.sum())
    hidden = min(1.0, others / float(alone.sum()))
    return [
        Candidate(
            "overlap-communication",
            _where(region, rows),
            Change(duration=(rows, took - alone * hidden * THRESHOLDS.overlapped_least)),
            Change(duration=(rows, took - alone * hidden)),
            region.evidence(rows),
        )
    ]


def bucket(region: Region) -> list[Candidate]:
    """One candidate: many short collectives a step. Gathered in a few, each but those costs its launch and its latency less."""
    rows = _collectives(region)
    took = (region.stepped.end - region.stepped.start)[rows].astype(np.float64)
    short = took < THRESHOLDS.collective_floor_ns
    small, took = rows[short], took[short]
    if len(small) < THRESHOLDS.fewest_alike * region.steps:
        return []
    launched = np.isin(region.work_of, small)
    outer = region.around[1][launched]
    unit = np.unique(np.where(outer >= 0, outer, region.launch_rows[launched]))
    start, end = region.stepped.start[unit], region.stepped.end[unit]
    stays = THRESHOLDS.fewest_alike * region.steps / len(small) / 2
    # what the quickest of them takes is latency, the rest traffic that stays
    latency = float(np.quantile(took, THRESHOLDS.collective_latency))
    return [
        Candidate(
            "bucket-communication",
            _where(region, small),
            Change(gone=((start, end, max(stays, 0.5)),), duration=(small, took - latency * 0.5 * (1 - stays))),
            Change(gone=((start, end, stays / 2),), duration=(small, took - latency * (1 - stays / 2))),
            region.evidence(small),
        )
    ]
