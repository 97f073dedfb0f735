"""The head of the report and its answer: what was asked, the verdict in sentences, and one table that says it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from launchlens.reports.words.units import count, duration, interval, percent, times
from launchlens.reports.words.verdict import Sentence, sentences
from launchlens.traces.documents.findings import AnyFinding
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study

VERDICTS = {
    "faster": "faster",
    "slower": "slower",
    "no-difference-shown": "no difference shown",
    "not-comparable": "not comparable",
}
BOUNDS = {
    "host-bound": "the host",
    "device-bound": "the GPU",
    "mixed": "both in turn",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class Header:
    """The top of the page: title, what the workload is, and where and when it was measured."""

    title: str
    says: str
    measured: str
    incomplete: bool
    gpu: bool


@dataclass(frozen=True)
class AnswerRow:
    """A variant in the answer table; texts are ready to print, `width` is its time as a share of the slowest."""

    variant: str
    says: str
    wall: str
    wall_interval: str
    width: float
    ratio: str
    ratio_interval: str
    verdict: str
    bound: str
    busy: str
    launches: str
    mark: str


@dataclass(frozen=True)
class Answer:
    """The verdict: headlines, the reasons that matter most, all other sentences, caveats, and a table per regime."""

    headlines: list[Sentence]
    reasons: list[Sentence]
    more: list[Sentence]
    caveats: list[Sentence]
    baseline: str
    tables: dict[str, list[AnswerRow]]


def header(study: Study) -> Header:
    """What stands above the answer."""
    manifest = study.capture.manifest
    name = str(manifest.workload.get("name", "this workload"))
    several = len({variant for variant, _ in study.sides}) > 1
    title = f"Which way of doing {name} is fastest, and why" if several else f"Where the time of {name} goes"
    environment = manifest.environment
    where = str(environment.get("gpu") or f"{environment.get('cpu') or 'an unknown processor'}, without a GPU")
    named = (("driver", "driver"), ("cuda", "CUDA"), ("torch", "torch"), ("triton", "triton"))
    versions = [
        f"{word} {environment[key]}"
        for key, word in (named if environment.get("gpu") else named[2:])
        if environment.get(key)
    ]
    measured = f"Measured on {where}" + (f", with {', '.join(versions)}" if versions else "")
    return Header(
        title=title,
        says=str(manifest.workload.get("says", "")),
        measured=f"{measured}, {_date(manifest.recorded_at)}.",
        incomplete=not manifest.complete,
        gpu=manifest.device != "cpu",
    )


def _date(text: str) -> str:
    """An ISO date as a person writes it, in UTC; as it stands where it isn't one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text or "at an unknown time"
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{moment.day} {moment:%B %Y, %H:%M}" + (" UTC" if moment.tzinfo else "")


def answer(study: Study, findings: Sequence[AnyFinding], comparisons: Sequence[Comparison]) -> Answer:
    """The verdict's sentences, sorted by how much they matter here, and the answer table of each regime."""
    said = sentences(findings)
    plain = [sentence for sentence in said if sentence.weight == "plain"]
    # the first "why" of a regime is about its fastest variant: the one that a reader came for
    firsts = {sentence.regime: sentence for sentence in reversed(plain) if sentence.code == "why"}.values()
    reasons = [sentence for sentence in plain if sentence in firsts or sentence.code == "bound"]
    return Answer(
        headlines=[sentence for sentence in said if sentence.weight == "headline"],
        reasons=reasons,
        more=[sentence for sentence in plain if sentence not in reasons],
        caveats=[sentence for sentence in said if sentence.weight == "caveat"],
        baseline=study.capture.manifest.baseline,
        tables={regime: _table(study, regime, comparisons) for regime in study.regimes},
    )


def _table(study: Study, regime: str, comparisons: Sequence[Comparison]) -> list[AnswerRow]:
    sides, ranked = study.in_regime(regime), study.ranked(regime)
    best = {side.variant for side in study.winners(regime)} if len(ranked) > 1 else set()
    slowest = sides[-1].wall.value or 1.0
    against = {comparison.b.variant: comparison for comparison in comparisons if comparison.b.regime == regime}
    baseline = study.capture.manifest.baseline
    rows = []
    for side in sides:
        mark = ("fastest" if side is ranked[0] else "as fast, as far as shown") if side.variant in best else ""
        rows.append(_row(side, side.wall.value / slowest, mark, against.get(side.variant), side.variant == baseline))
    return rows


def _row(side: Side, width: float, mark: str, comparison: Comparison | None, is_baseline: bool) -> AnswerRow:
    recording = side.recording
    return AnswerRow(
        variant=side.variant,
        says=side.says,
        wall=duration(side.wall.value),
        wall_interval=_interval(side.wall, 1000),
        width=round(100 * width, 2),
        ratio="baseline" if is_baseline else "–" if comparison is None else times(comparison.ratio.value),
        ratio_interval="" if comparison is None else _interval(comparison.ratio),
        verdict=VERDICTS[comparison.verdict] if comparison else "only a part" if side.part_of is not None else "",
        bound=BOUNDS[side.bound],
        busy="–" if side.busy_share is None else percent(side.busy_share),
        launches="–" if recording is None else count(recording.counts["launches"]),
        mark=mark,
    )


def _interval(estimate: Estimate, scale: float = 1.0) -> str:
    return interval(estimate.interval, scale)
