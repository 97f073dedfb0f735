"""The report of a capture: its page, and what a terminal shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from launchlens.reports.blocks import Block, Page, Paragraph, Section, Shown, Words
from launchlens.reports.sections.account import account
from launchlens.reports.sections.answer import Said, answer, of_regime
from launchlens.reports.sections.claims import claims as claims_section
from launchlens.reports.sections.difference import difference
from launchlens.reports.sections.environment import environment, recorders
from launchlens.reports.sections.explained import explained
from launchlens.reports.sections.ledger import ledger
from launchlens.reports.sections.probes import brief_entry, probes_section
from launchlens.reports.sections.timeline import timeline
from launchlens.reports.sections.timing import timing
from launchlens.reports.sections.what_if import of_baseline, what_if
from launchlens.reports.words.probes.catalogue import figure_name
from launchlens.reports.words.what_if import validated
from launchlens.traces.claims.claim import Claim
from launchlens.traces.studies.study import Study
from launchlens.traces.tables import accounts, agreements, differences, evidence, ledgers, problems
from launchlens.traces.tables import explained as explained_tables
from launchlens.traces.tables import what_if as what_if_tables
from launchlens.traces.tables.table import Table
from launchlens.traces.tables.timing import timing as timing_table

Banner = tuple[Literal["recorded", "incomplete"], str, str]


@dataclass(frozen=True)
class Asked:
    """What a report is asked for.

    `links_base` goes before the relative paths of the raw traces, so that the links work from where the page is put. `claims`
    are tested in a section of their own; by default the note's, where the workload is the note's.
    """

    study: Study
    links_base: str = ""
    claims: Sequence[Claim] | None = None


#: The sections of the report, in order; what makes none leaves it out. A new one is a module in `launchlens.reports.sections`
#: and a row here.
SECTIONS: tuple[Callable[[Asked], Section | None], ...] = (
    lambda asked: answer(asked.study),
    lambda asked: timing(asked.study),
    lambda asked: explained(asked.study),
    lambda asked: account(asked.study),
    lambda asked: difference(asked.study),
    lambda asked: timeline(asked.study),
    lambda asked: ledger(asked.study),
    lambda asked: what_if(asked.study),
    lambda asked: probes_section(asked.study.probes),
    lambda asked: claims_section(asked.study, asked.claims, asked.study.probes),
    lambda asked: environment(asked.study, asked.links_base),
)
#: The tables of the report as scripts ask for them, the one that answers first. A new one is a function of the study
#: (`launchlens.traces.tables`) and a row here.
TABLES: tuple[Callable[[Study], Table], ...] = (
    timing_table,
    explained_tables.explained,
    lambda study: explained_tables.parts(study.against_baseline),
    accounts.account,
    lambda study: differences.difference(study.against_baseline),
    ledgers.ledger,
    ledgers.gpu_work,
    what_if_tables.were_one,
    what_if_tables.predicted,
    agreements.agreement,
    lambda study: evidence.all_figures(study.probes.values(), figure_name),
    lambda study: problems.problems(study.problems),
)


def page(
    study: Study, *, recorded: str | None = None, links_base: str = "", claims: Sequence[Claim] | None = None
) -> Page:
    """The report of `study` as a page.

    `recorded` is a banner for numbers that were not measured here and now; the others are those of `Asked`. Raises InputError
    for a probes.json that can't be read.
    """
    asked = Asked(study, links_base, claims)
    sections = [made for make in SECTIONS if (made := make(asked)) is not None]
    manifest = study.capture.manifest
    banners: list[Banner] = [("recorded", recorded, "")] if recorded else []
    if not manifest.complete:
        more = "The run was interrupted; everything below rests on what had been measured by then."
        banners.append(("incomplete", "Incomplete capture.", more))
    return Page(
        brand="launchlens report",
        title=_title(study),
        says=workload_says(study),
        measured=measured(study),
        sections=tuple(sections),
        banners=tuple(banners),
        foot=f"Made by launchlens {manifest.launchlens}. This page is complete in itself: it loads nothing.",
    )


def brief(study: Study, *, recorded: str | None = None) -> list[Block]:
    """What a terminal shows: the sentences that matter most, a table a regime, recorders compared, and each probe's answer.

    Raises InputError for a probes.json that can't be read.
    """
    said = Said.of(study)
    blocks: list[Block] = [Paragraph(recorded, "warning")] if recorded else []
    by_weight = ((said.first, "first"), (said.headlines, "headline"), (said.reasons, "plain"), (said.caveats, "caveat"))
    for sentences, weight in by_weight:
        if sentences:
            blocks.append(Words(sentences, weight))  # type: ignore[arg-type]
    blocks += [
        Paragraph(f"{each.severity} in {path}: {each.count} × {each.code}: {each.meaning}", "warning")
        for path, met in study.problems.items()
        for each in met
        if each.severity != "info" and each.code not in {stopped.code for stopped in study.gate.stopped}
    ]
    for regime in study.regimes:
        rounds = max(len(side.blocks) for side in study.in_regime(regime))
        table = of_regime(study, regime, f"{regime}: unprofiled, {rounds} interleaved rounds")
        table = table.without(["mark", "gpu_busy"])
        blocks.append(Shown(table, most=len(table)))
    if study.what_if is not None:
        blocks += [Paragraph(said) for regime in study.regimes for said in of_baseline(study, regime)[:1]]
        blocks.append(Paragraph(validated(study.what_if), "note"))
    blocks += recorders(study)
    blocks += [brief_entry(probe) for probe in study.probes.values()]
    return blocks


def tables(study: Study) -> list[Table]:
    """Every table of a capture, the one that answers first; those without rows are left out."""
    found = [make(study) for make in TABLES]
    return [found[0], *(table for table in found[1:] if len(table))]


def workload_says(study: Study) -> str:
    """What the workload of a capture does, in a line."""
    return str(study.capture.manifest.workload.get("says", ""))


def measured(study: Study) -> str:
    """Where, with what and when a capture was measured, in a sentence."""
    return measured_on(study.capture.manifest.environment, study.capture.manifest.recorded_at)


def measured_on(environment: Mapping[str, Any], recorded_at: str) -> str:
    """The same of any record."""
    where = str(environment.get("gpu") or f"{environment.get('cpu') or 'an unknown processor'}, without a GPU")
    named = (("driver", "driver"), ("cuda", "CUDA"), ("torch", "torch"), ("triton", "triton"))
    known = named if environment.get("gpu") else named[2:]
    versions = [f"{word} {environment[key]}" for key, word in known if environment.get(key)]
    text = f"Measured on {where}" + (f", with {', '.join(versions)}" if versions else "")
    return f"{text}, {_date(recorded_at)}."


def _title(study: Study) -> str:
    name = str(study.capture.manifest.workload.get("name", "this workload"))
    several = len({variant for variant, _ in study.sides}) > 1
    return f"Which way of doing {name} is fastest, and why" if several else f"Where the time of {name} goes"


def _date(text: str) -> str:
    """An ISO date as a person writes it, in UTC; as it stands where it isn't one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text or "at an unknown time"
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{moment.day} {moment:%B %Y, %H:%M}" + (" UTC" if moment.tzinfo else "")
