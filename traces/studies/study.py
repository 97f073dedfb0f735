"""A capture worked out: for every variant in every regime its timing, its account, its ledger and one iteration.

A study holds everything that reports, claims and documents say of a capture. What is worked out of its sides (comparisons,
winners, controls, the recorders' agreement) and read beside them (probes) is worked out and read once, when it is first asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from launchlens.traces.balanced import paired, ratios, shared_rounds
from launchlens.traces.captures.capture import TIMINGS, Capture, TraceRecord, recorded_pass
from launchlens.traces.captures.light import ACCOUNTS, launches_seen, read_accounts
from launchlens.traces.captures.probe_codes.launch_costs import ID as LAUNCH_COSTS
from launchlens.traces.captures.probes import Probe, read_probes
from launchlens.traces.families import holm, may_be_best
from launchlens.traces.gate.catalogue import RECORDED, SIDES, TIMED
from launchlens.traces.gate.gate import DataRefusedError, Gate
from launchlens.traces.gate.recorded import Recorded
from launchlens.traces.gate.sides import Sides
from launchlens.traces.gate.timed import Timed
from launchlens.traces.grouping import by_keys, numbered
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.source import as_one, source_of
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies.agreement import Agreement, agreement
from launchlens.traces.studies.busier_than_recorded import busier_than_recorded
from launchlens.traces.studies.compare import Comparison, compare
from launchlens.traces.studies.corrected_cupti import CuptiAccounts
from launchlens.traces.studies.explained import (
    Explained,
    LightAccounts,
    difference_of,
    explained_by_device,
)
from launchlens.traces.studies.per_iteration import TIMES, per_iteration
from launchlens.traces.studies.recording import Recording, preferred_first, recordings
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.steadiness import Steadiness, steadiness
from launchlens.traces.studies.what_if import WhatIf, costs_of, what_if
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.trace import Progress


@dataclass(frozen=True)
class Study:
    """A capture worked out. `sides` is keyed by (variant, regime); `controls` holds the baseline's second blocks.

    `recordings` holds what every collector recorded of a side, keyed by (collector, variant, regime); `Side.recording` is
    one of these. `gate` says in what the capture contradicts itself, and what sides lose by that. `accounts` are what the light
    recorder left, as `read_accounts` gives it.
    """

    capture: Capture
    sides: Mapping[tuple[str, str], Side]
    controls: Mapping[str, Side]
    problems: Mapping[str, Problems]
    recordings: Mapping[tuple[str, str, str], Recording] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)
    accounts: tuple[pd.DataFrame, pd.DataFrame] | None = None
    # not copied by `replace`: another study's sides have other ratios
    _timed: dict[tuple[str, str, str], Comparison] = field(default_factory=dict, init=False, repr=False)
    _compared: dict[tuple[str, str, str], Comparison] = field(default_factory=dict, init=False, repr=False)
    _steadiness: dict[str, Steadiness | None] = field(default_factory=dict, init=False, repr=False)
    _adjusted: dict[str, Mapping[str, float | None]] = field(default_factory=dict, init=False, repr=False)
    _explained: dict[tuple[str, str], Explained | None] = field(default_factory=dict, init=False, repr=False)
    _winners: dict[str, Sequence[Side]] = field(default_factory=dict, init=False, repr=False)

    @property
    def regimes(self) -> list[str]:
        return list(dict.fromkeys(regime for _, regime in self.sides))

    def in_regime(self, regime: str) -> list[Side]:
        """The sides of one regime, fastest first."""
        return sorted((side for side in self.sides.values() if side.regime == regime), key=lambda side: side.wall_ns)

    def ranked(self, regime: str) -> list[Side]:
        """The sides of one regime that do the whole work, fastest first: those that may be called faster than others.

        Those whose times the data gate refuses are not among them; none is left where it refuses all.
        """
        return [side for side in self._whole(regime) if not side.refused]

    def _whole(self, regime: str) -> list[Side]:
        sides = self.in_regime(regime)
        return [side for side in sides if side.part_of is None] or sides

    def baseline(self, regime: str) -> Side | None:
        """The side that all others of a regime are compared with; None where it was not timed there."""
        return self.sides.get((self.capture.manifest.baseline, regime))

    def steadiness(self, regime: str) -> Steadiness | None:
        """How still the baseline of a regime holds; None where it was not timed there."""
        if regime not in self._steadiness:
            baseline, again = self.baseline(regime), self.controls.get(regime)
            found = None if baseline is None else steadiness(baseline, again)
            self._steadiness[regime] = found
        return self._steadiness[regime]

    def control_ratio(self, regime: str) -> Estimate | None:
        """The A/A control: the baseline's second blocks over its first; None where no round has both."""
        found = self.steadiness(regime)
        return None if found is None else found.control_ratio

    def compared(self, variant: str, against: str, regime: str) -> Comparison:
        """`variant` against `against`, as `compared_times` has it, with the parts of the difference."""
        key = variant, against, regime
        if key not in self._compared:
            found = self.compared_times(*key)
            self._compared[key] = replace(found, explained=difference_of(*self.explained_alike(found.a, found.b)))
        return self._compared[key]

    def compared_times(self, variant: str, against: str, regime: str) -> Comparison:
        """`variant` against `against`, paired by round, without parts, which take longest; both must have been timed in `regime`.

        Against the baseline it is one of several comparisons, and Holm's correction is made; any other is taken as the only one.
        """
        key = variant, against, regime
        if key not in self._timed:
            a, b = self.sides[against, regime], self.sides[variant, regime]
            adjusted = self._in_family(regime).get(variant) if against == self.capture.manifest.baseline else None
            self._timed[key] = compare(a, b, paired=True, steadiness=self.steadiness(regime), p_adjusted=adjusted)
        return self._timed[key]

    def _in_family(self, regime: str) -> Mapping[str, float | None]:
        """Of all comparisons of a regime with the baseline, by variant: p after Holm's correction."""
        if regime not in self._adjusted:
            baseline = self.baseline(regime)
            others = [] if baseline is None else [side for side in self.ranked(regime) if side is not baseline]
            found = [_p(side, baseline) for side in others]
            self._adjusted[regime] = dict(zip((side.variant for side in others), holm(found), strict=True))
        return self._adjusted[regime]

    @cached_property
    def against_baseline(self) -> Sequence[Comparison]:
        """Every other variant against the baseline, regime by regime, fastest first.

        Those that do only a part of the work are left out: a ratio to the whole is not one of faster or slower.
        """
        return [
            self.compared(side.variant, baseline.variant, regime)
            for regime in self.regimes
            if (baseline := self.baseline(regime)) is not None
            for side in self._whole(regime)
            if side is not baseline
        ]

    def within(self, a: str, b: str) -> list[Comparison]:
        """Variant `b` against variant `a`, in each regime that has both."""
        both = [regime for regime in self.regimes if (a, regime) in self.sides and (b, regime) in self.sides]
        return [self.compared(b, a, regime) for regime in both]

    def winners(self, regime: str) -> Sequence[Side]:
        """The sides of a regime that may be its fastest, the one that leads first: the true one is among them at 95 %.

        Pairs of rounds are resampled for all sides together (`traces/families.py`). Beside those that may be stands whatever is
        not shown to be slower than the one that leads. None where no side may be ranked.
        """
        if regime not in self._winners:
            sides, still = self.ranked(regime), self.steadiness(regime)
            if not sides:
                return []
            best = _may_be_best(sides, 0.0 if still is None else still.bias)
            lead = next(side for side in sides if side.variant in best)
            self._winners[regime] = [
                lead,
                *(
                    side
                    for side in sides
                    if side is not lead
                    and (
                        side.variant in best
                        or self.compared_times(side.variant, lead.variant, regime).verdict != "slower"
                    )
                ),
            ]
        return self._winners[regime]

    @cached_property
    def light(self) -> LightAccounts | None:
        """The light recorder's accounts; None where it recorded nothing."""
        inside = self.capture.manifest.timing.get("light", {})
        if self.accounts is None or not isinstance(inside, Mapping):
            return None
        told = inside.get("inside_ns")
        return (
            LightAccounts(self.capture.timings, *self.accounts, float(told)) if isinstance(told, int | float) else None
        )

    def explained(self, side: Side) -> Explained | None:
        """What the unprofiled time of a side is made of; None where nothing tells.

        The device's parts where the device makes the pace, else the host's: by the light recorder, and where that did not see the
        side, or not all of it, by CUPTI's recording less what that cost. Nothing tells of a side from which the data gate takes
        its times or its recording.
        """
        key = side.variant, side.regime
        if side.refused or side.withheld:
            return None
        if key not in self._explained:
            if side.bound == "device-bound":
                found = explained_by_device(side)
            else:
                seen = None if self.light is None or self.gate.takes("light", key) else self.light.explain(side)
                found = seen or self._by_cupti(side)
            self._explained[key] = found
        return self._explained[key]

    def explained_alike(self, a: Side, b: Side) -> tuple[Explained | None, Explained | None]:
        """Both sides by one recorder: where only one of them falls back to CUPTI's recording, the other one does too."""
        found = self.explained(a), self.explained(b)
        left, right = (None if each is None else each.by for each in found)
        if (left, right) == ("light", "cupti"):
            return self._by_cupti(a), found[1]
        return (found[0], self._by_cupti(b)) if (left, right) == ("cupti", "light") else found

    def _by_cupti(self, side: Side) -> Explained | None:
        record = self._cupti.recording_of(side)
        if record is None or self.gate.takes("recording", (side.variant, side.regime), record.trace):
            return None
        return self._cupti.explain(side)

    @cached_property
    def _cupti(self) -> CuptiAccounts:
        return CuptiAccounts(self.sides.values(), self.recordings)

    @cached_property
    def agreement(self) -> Sequence[Agreement]:
        """How far the recorders of the capture are from each other; empty where there was one."""
        return agreement(self.sides.values(), self.recordings)

    @cached_property
    def what_if(self) -> WhatIf | None:
        """What the costs of launches predict; None where the capture holds no such costs. Raises InputError as `probes` does."""
        costs = costs_of(self.probes.get(LAUNCH_COSTS))
        if costs is None:
            return None
        launches = {(each.variant, each.regime): each.structure for each in self.capture.manifest.variants}
        return what_if(costs, [side for regime in self.regimes for side in self.in_regime(regime)], launches)

    @cached_property
    def probes(self) -> Mapping[str, Probe]:
        """The probes of the capture by id. Raises InputError for a probes.json that can't be read."""
        return read_probes(self.capture.path)


def _p(side: Side, baseline: Side | None) -> float | None:
    """What the signed-rank test gives "no difference"; None where the two share no round, or too few."""
    if baseline is None or not len(shared_rounds(side.blocks.index, baseline.blocks.index)):
        return None
    return ratios(side.blocks["wall_ns"], baseline.blocks["wall_ns"]).p


def _may_be_best(sides: Sequence[Side], tolerance: float) -> set[str]:
    """The variants that may be the fastest of a regime; all where no pair of rounds holds every one of them."""
    walls = pd.concat([side.blocks["wall_ns"].astype(float) for side in sides], axis=1, join="inner")
    times = paired(np.log(walls)).to_numpy(float)
    return {side.variant for side, kept in zip(sides, may_be_best(times, tolerance), strict=True) if kept}


def study(capture: Capture, progress: Progress | None = None) -> Study:
    """Read a capture's traces and work out every side that was timed.

    Raises InputError when a trace can't be used, the capture holds no timings, or the data gate refuses all of them.
    """
    timings = capture.timings
    if recorded_pass(capture) is not None:
        what = (
            "holds recorded passes and no time without a profiler, so nothing says how long its code takes unprofiled"
        )
        raise InputError(
            capture.path, what, "enter the recording several times for that; `report` shows what was recorded"
        )
    if not len(timings):
        why = "it was interrupted before anything had been timed" if not capture.manifest.complete else "it holds none"
        raise InputError(capture.path, f"has no timings: {why}", "record it again")
    gate = Gate()
    gate.look(TIMINGS, TIMED, Timed(capture.manifest, timings))
    recorded: dict[tuple[str, str, str], Recording] = {}
    problems: dict[str, Problems] = {}
    for record in capture.manifest.traces:
        if not record.path or record.to_look_at:
            continue  # the collector could not record, as the manifest says; or it is a trace to look at, with accounts beside it
        source = as_one(source_of(capture.trace_path(record)))
        trace = source.read(progress=progress)
        found, noted = recordings(
            trace,
            record,
            knows_operators=source.reader.knows_operators,
            adds_to_calls_alone=source.reader.adds_to_calls_alone,
        )
        recorded |= {(record.collector, variant, record.regime): recording for variant, recording in found.items()}
        noted.add("capture-disagrees", _disagreeing(capture, record, found))
        problems[record.path] = noted
        facts = {variant: recording.facts for variant, recording in found.items() if recording.facts is not None}
        gate.look(record.path, RECORDED, Recorded(capture.manifest, record, facts))
    known = {record.variant: record for record in capture.manifest.variants}
    timed = per_iteration(timings)
    if not len(timed):
        raise InputError(
            capture.path, "has no timings: no long block took longer than its short one", "record it again"
        )
    for record in capture.manifest.traces:
        if record.path and not record.to_look_at:
            _hold_against_events(recorded, record, timed, problems[record.path])
    sides, controls = {}, {}
    for (variant, regime, control), blocks in _by_side(timed):
        recording = None if control else _preferred(recorded, variant, regime)
        says, part_of = (known[variant].says, known[variant].part_of) if variant in known else ("", None)
        side = Side(variant, regime, says, blocks, recording, part_of)
        if control and side.variant == capture.manifest.baseline:
            controls[side.regime] = side
        elif not control:
            sides[(side.variant, side.regime)] = side
    accounts = read_accounts(capture.path)
    gate.look(ACCOUNTS, SIDES, Sides(sides, {} if accounts is None else launches_seen(accounts[0])))
    _insist_on_a_side(gate, capture, sides)
    met = {where: gate.problems(where) for where in gate.places}
    problems = met | {path: met.get(path, Problems()) + noted for path, noted in problems.items()}
    sides = {key: _let_through(gate, side) for key, side in sides.items()}
    controls = {regime: _let_through(gate, side) for regime, side in controls.items()}
    return Study(capture, sides, controls, problems, recorded, gate, accounts)


def _insist_on_a_side(gate: Gate, capture: Capture, sides: Mapping[tuple[str, str], Side]) -> None:
    """Raise DataRefusedError where the data gate refuses the times of all sides, with all that it met by which it does."""
    if all(gate.takes("verdict", of) for of in sides):
        met = [each.problem for each in gate.stopped if each.takes == "verdict"]
        said = " ".join(f"{each.count} × {each.code}: {each.meaning}" for each in met)
        raise DataRefusedError(
            capture.path, f"contradicts itself, so no verdict is made of it. {said}", "record it again"
        )


def _let_through(gate: Gate, side: Side) -> Side:
    """A side without what the data gate takes from it."""
    of = side.variant, side.regime
    refused = gate.takes("verdict", of)
    withheld = () if side.recording is None else gate.takes("recording", of, side.recording.trace)
    return replace(side, recording=None, refused=refused, withheld=withheld) if refused or withheld else side


def _disagreeing(capture: Capture, record: TraceRecord, found: Mapping[str, Recording]) -> int:
    """How many variants don't have as many blocks in a trace as the manifest says, one a round."""
    measured = {
        each.variant for each in capture.manifest.variants if (each.status, each.regime) == ("measured", record.regime)
    }
    blocks = {variant: recording.account.windows for variant, recording in found.items()}
    return sum(blocks.get(variant, 0) != record.rounds for variant in measured | set(blocks))


def _by_side(timed: pd.DataFrame) -> Iterator[tuple[tuple[str, str, bool], pd.DataFrame]]:
    """Times per iteration by variant, regime and whether they are the control's, in the order in which these begin, each by round."""
    names = [timed[name].array for name in ("variant", "regime", "control")]
    of = numbered(*(timed[name] for name in ("variant", "regime", "control")))
    rows = np.argsort(timed["round"].to_numpy(), kind="stable")
    indexed = timed.set_index("round")
    for mine in sorted(by_keys(rows, of[rows]).values(), key=lambda rows: int(rows.min())):
        variant, regime, control = (each[mine[0]] for each in names)
        yield (str(variant), str(regime), bool(control)), indexed.take(mine)


def _hold_against_events(
    recorded: dict[tuple[str, str, str], Recording], record: TraceRecord, timed: pd.DataFrame, problems: Problems
) -> None:
    """Name the recordings of a trace in which the device did less than events said of it, unprofiled.

    They then don't say how busy the GPU was. `timed` are all blocks with times per iteration, ns.
    """
    mine = np.flatnonzero(timed["regime"].eq(record.regime).to_numpy(bool))
    rows_of = {
        str(timed["variant"].array[rows[0]]): rows for rows in by_keys(mine, numbered(timed["variant"])[mine]).values()
    }
    host, wall, device = (timed[name].to_numpy(np.float64, na_value=np.nan) for name in TIMES)
    for key, recording in recorded.items():
        collector, variant, regime = key
        if (collector, regime) != (record.collector, record.regime) or variant not in rows_of:
            continue
        rows = rows_of[variant]
        known = device[rows][~np.isnan(device[rows])]
        if not len(known):
            continue
        waited = bool(np.median(host[rows] / wall[rows]) <= THRESHOLDS.device_bound_submitted)
        between = float(np.median(known))
        if busier_than_recorded(between, waited=waited, recording=recording):
            said = f"{variant} {between:,.0f} ns per iteration, {recording.gpu_recorded_ns:,.0f} ns recorded"
            problems.add("device-busier-than-recorded", detail=said)
            recorded[key] = replace(recording, gpu_busy_ns=None)


def _preferred(recorded: Mapping[tuple[str, str, str], Recording], variant: str, regime: str) -> Recording | None:
    """A side's recording by the first collector that has one, those before all others that know operators."""
    of_side = {name: made for (name, *side), made in recorded.items() if side == [variant, regime]}
    return next(iter(preferred_first(of_side).values()), None)
