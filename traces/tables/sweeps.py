"""Tables of a sweep: the best choice, the map, where variants overtake each other, ratios and times, the cost model, what it predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from launchlens.traces.tables.table import Column, Table, table

if TYPE_CHECKING:
    from launchlens.traces.sweeps.model import Choice, Prediction
    from launchlens.traces.sweeps.study import SweepStudy
    from launchlens.traces.sweeps.sweep import Setting

_REGIME = Column("regime", "code", "eager or graph")
_VARIANT = Column("variant", "name", "the variant")
_AGAINST = Column("against", "name", "the variant that it is compared with")
_POINT = Column("point", "count", "number of the point")
_SETTINGS = Column("settings", "name", "the value of each axis there", title="at")
_RATIO_ENDS = Column(
    "ratio_interval", "interval", "95 % interval of that ratio", of="ratio", title="95 % interval", beside=True
)
_TIME = Column("wall_ns", "time", "unprofiled time of one iteration", title="time", whole=False)
_TIME_ENDS = Column(
    "wall_interval_ns",
    "interval",
    "95 % interval of that time",
    of="time",
    title="95 % interval",
    whole=False,
    beside=True,
)


def settings_text(settings: Sequence[tuple[str, Setting]]) -> str:
    """Values of axes in a row, as `--set` takes them: `count=8, bytes=4K`."""
    return ", ".join(f"{name}={_plain(name, value)}" for name, value in settings)


def _plain(name: str, value: Setting) -> str:
    """A value as `--set` takes it: whole K, M and G of bytes as such."""
    if name.endswith("bytes") and isinstance(value, int):
        for suffix, factor in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
            if value >= factor and value % factor == 0:
                return f"{value // factor}{suffix}"
    return str(value)


def _at(study: SweepStudy, point: int) -> str:
    record = study.sweep.record
    return settings_text([(axis.name, record.points[point].settings[axis.name]) for axis in record.axes])


def choices(study: SweepStudy) -> Table:
    """The best choice as rules."""
    columns = (
        _REGIME,
        Column(
            "where",
            "name",
            "the values of the axes that the rule is for; all of those that were measured where empty",
            absent="everywhere",
        ),
        Column("choice", "name", "the variant to take"),
        Column(
            "mean_loss",
            "share",
            "how much longer it takes than the fastest of each point, on average",
            title="costs on average",
        ),
        Column("worst_loss", "share", "the same at the worst point", title="at worst"),
        Column("points", "count", "points of the first grid that the rule rests on"),
    )
    rows = []
    for rule in study.rules:
        where = ", ".join(said for each in rule.where if (said := _within(each.axis, each.low, each.high)))
        rows.append([rule.regime, where or None, rule.choice, rule.mean_loss, rule.worst_loss, rule.points])
    return table("choices", "Which to take", columns, rows)


def _within(axis: str, low: Setting | None, high: Setting | None) -> str:
    ends = ["" if end is None else _plain(axis, end) for end in (low, high)]
    if low is not None and high is not None:
        return f"{axis} = {ends[0]}" if low == high else f"{axis} {ends[0]} to {ends[1]}"
    if low is not None:
        return f"{axis} from {ends[0]}"
    return "" if high is None else f"{axis} up to {ends[1]}"


def winners(study: SweepStudy) -> Table:
    """The map: a row a point and regime."""
    columns = (
        _REGIME,
        _POINT,
        _SETTINGS,
        Column("leader", "name", "the variant that took least", title="fastest"),
        Column("decided", "flag", "whether it is shown to be faster than all others"),
        Column(
            "may_be_best",
            "name",
            "those that are not shown to be slower than another, in the order of their times",
            title="may be the fastest",
        ),
        _TIME,
        _TIME_ENDS,
        Column("runner_up", "name", "the next", title="next", absent="–"),
        Column("ratio", "ratio", "the next one's time over the fastest one's", title="next against fastest"),
        _RATIO_ENDS,
        Column("held_out", "flag", "whether the point is for judging predictions, and never fitted"),
    )
    rows = [
        [
            cell.regime, cell.point, _at(study, cell.point), cell.leader, cell.decided, ", ".join(cell.may_be_best),
            cell.time.value, cell.time.interval, cell.runner_up, None if cell.ratio is None else cell.ratio.value,
            None if cell.ratio is None else cell.ratio.interval, study.sweep.record.points[cell.point].held_out,
        ]
        for cell in study.cells
    ]  # fmt: skip
    return table("winners", "The fastest at each point", columns, rows)


def crossings(study: SweepStudy) -> Table:
    """A row a turn-over; a row a line without any, which says how it goes."""
    columns = (
        _REGIME, _VARIANT, _AGAINST,
        Column("axis", "name", "the axis along which they are compared", title="along"),
        Column("fixed", "name", "the values of the other axes", title="at", absent=""),
        Column(
            "course", "code",
            "turns-over; or faster or slower wherever anything is shown; or no-difference-shown",
        ),
        Column("faster_beyond", "name", "the variant that is faster beyond the turn-over", title="beyond it faster", absent=""),
        Column("at", "number", "where it turns over, read off between the points around it", absent=""),
        Column(
            "at_interval", "interval",
            "95 % interval of that place", of="number", title="95 % interval", absent="", beside=True,
        ),
        Column(
            "between", "interval",
            "the last point at which the one order is shown and the first at which the other is", of="number",
            title="between points", absent="", beside=True,
        ),
        Column("low_end", "number", "the least value of the axis on this line", title="from"),
        Column("high_end", "number", "the largest", title="to"),
    )  # fmt: skip
    rows: list[list[Any]] = []
    for line in study.all_lines:
        head = [line.regime, line.variant, line.against, line.axis.name, settings_text(line.fixed) or None, line.course]
        ends = [line.values[0], line.values[-1]]
        if not line.crossings:
            rows.append([*head, None, None, None, None, *ends])
        rows += [[*head, each.to, each.at, (each.low, each.high), each.between, *ends] for each in line.crossings]
    return table("crossings", "Where one overtakes another", columns, rows)


def ratios(study: SweepStudy) -> Table:
    """A row a pair and point: the ratio with its interval, in the order of lines."""
    columns = (
        _REGIME, _VARIANT, _AGAINST, _POINT, _SETTINGS,
        Column("ratio", "ratio", "time over that of the other"),
        _RATIO_ENDS,
    )  # fmt: skip
    rows = []
    for regime in study.regimes:
        for variant, against in study.pairs(regime):
            found = study.ratios(variant, against, regime)
            for row, point in enumerate(study.samples.points if found is not None else ()):
                if found is not None and np.isfinite(found.value[row]):
                    ratio = found.as_ratio(row)
                    rows.append(
                        [regime, variant, against, int(point), _at(study, int(point)), ratio.value, ratio.interval]
                    )
    return table("ratios", "Ratios at each point", columns, rows)


def times(study: SweepStudy) -> Table:
    """A row a side and point."""
    columns = (_REGIME, _VARIANT, _POINT, _SETTINGS, _TIME, _TIME_ENDS)
    rows = []
    for point in study.samples.points:
        for variant, regime in study.samples.sides:
            found = study.time(int(point), variant, regime)
            if found is not None:
                rows.append([regime, variant, int(point), _at(study, int(point)), found.value, found.interval])
    return table("times", "Times at each point", columns, rows)


def constants(study: SweepStudy) -> Table:
    """The constants of the cost model, beside physical limits."""
    columns = (
        _VARIANT,
        Column("launch_path", "code", "its way of launching", title="launches by", absent="not declared"),
        Column("regime", "code", "eager or graph; null of what is of both", absent="both"),
        Column("lane", "code", "host or device: which of them it takes"),
        Column(
            "part",
            "code",
            "what takes it: a call, launch, argument, replay, node, start, item, byte-near (in reach of the caches), byte-far, or byte-item "
            "(a byte, for each further item)",
        ),
        Column("ns", "number", "what one of it takes, ns", title="ns each"),
        Column("ns_interval", "interval", "95 % interval, ns", of="number", title="95 % interval", beside=True),
        Column(
            "limit_ns",
            "number",
            "what it takes at least, by the hardware or the plainest code, ns",
            title="limit, ns",
            absent="",
        ),
        Column("limit_is", "text", "what that limit is", title="which is", absent="", beside=True),
    )
    rows: list[list[Any]] = []
    seen = set()
    for side in study.model.sides:
        for constant in side.constants:
            key = side.variant, constant.regime, constant.lane, constant.part
            if key in seen:
                continue
            seen.add(key)
            limit = study.limits.get(constant.part) if (constant.lane, constant.part) != ("device", "launch") else None
            what = (side.variant, side.path or None, constant.regime or None, constant.lane, constant.part)
            of_limit = (None, None) if limit is None else (limit.ns, limit.says)
            rows.append([*what, constant.ns, constant.interval_ns, *of_limit])
    return table("constants", "What things cost", columns, rows)


def held_out(study: SweepStudy) -> Table:
    """A row a side and point that was held out: predicted and measured."""
    columns = (
        _REGIME, _VARIANT, _POINT, _SETTINGS,
        Column("measured_ns", "time", "unprofiled time of one iteration", title="measured", whole=False),
        Column("usual_ns", "time", "the same, less what it owes to the host's pace there", title="at the usual pace", whole=False),
        *_PREDICTED,
        Column("off", "share", "prediction less the time at the usual pace, as a share of that", title="off by", absent="–", signed=True),
        Column("covered", "flag", "whether the interval covers the time at the usual pace", absent=""),
    )  # fmt: skip
    rows: list[list[Any]] = [
        [
            each.prediction.regime, each.prediction.variant, each.point, _at(study, each.point), each.measured_ns, each.usual_ns,
            *_prediction(each.prediction), each.off, each.covered,
        ]
        for each in study.validation.checked
    ]  # fmt: skip
    return table("held_out", "Predictions of points held out", columns, rows)


_PREDICTED = (
    Column("predicted_ns", "time", "predicted time of one iteration", title="predicted", whole=False, absent="–"),
    Column(
        "interval_ns", "interval", "its interval", of="time", title="interval", whole=False, absent="–", beside=True
    ),
    Column("error", "share", "± e: how far the interval's further end is from it", title="± e", absent="–"),
    Column(
        "at_pace_ns",
        "interval",
        "the time where the host is as fast, and as slow, as at one point in twenty of the sweep each",
        of="time",
        title="fast to slow host",
        whole=False,
        absent="–",
    ),
    Column("pace", "code", "host or device: which of them needs longer", title="by", absent="–"),
    Column("why_not", "code", "why it is not predicted; null where it is", title="not predicted", absent=""),
)


def _prediction(each: Prediction) -> list[Any]:
    ends = None if each.low_ns is None or each.high_ns is None else (each.low_ns, each.high_ns)
    paces = None if each.fast_ns is None or each.slow_ns is None else (each.fast_ns, each.slow_ns)
    return [each.ns, ends, each.error, paces, each.by, each.why_not]


def predictions(found: Sequence[Prediction], choices: Mapping[str, Choice]) -> Table:
    """A row a side: what an iteration should take, the fastest of each regime first. `choices` by regime."""
    columns = (
        _REGIME,
        _VARIANT,
        Column(
            "mark",
            "code",
            "fastest of its regime; or may-be, where it isn't told from the fastest; or part, of the work only",
            title="",
            absent="",
            beside=True,
        ),
        *_PREDICTED,
    )
    rows: list[list[Any]] = []
    for regime in dict.fromkeys(each.regime for each in found):
        mine = sorted((each for each in found if each.regime == regime), key=lambda each: each.ns or float("inf"))
        told = choices[regime]
        for each in mine:
            open = "may-be" if each.variant in told.may_be_best else None
            mark = "part" if each.part else "fastest" if each.variant == told.best else open
            rows.append([regime, each.variant, mark, *_prediction(each)])
    return table("predictions", "What one iteration should take", columns, rows)


def not_measured(study: SweepStudy) -> Table:
    """What was not measured, and why."""
    columns = (
        _VARIANT, _REGIME,
        Column("status", "code", "skipped, wrong, failed or interrupted"),
        Column("why", "text", "why, in a sentence", absent="no reason recorded"),
        Column("points", "count", "at how many points"),
    )  # fmt: skip
    rows = [[*key[:3], key[3] or None, count] for key, count in study.not_measured.items()]
    return table("not_measured", "Not measured", columns, rows)
