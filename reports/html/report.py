"""The report: one HTML file that holds everything it shows, opens offline, and lets nothing but its own script run.

The page is data in, text out: no clock, no random number, nothing fetched. Text from a trace is escaped where it is
printed, bounded in length, and could run nothing even if an escape were missed: the Content-Security-Policy admits
two scripts by their hashes, the page's own and Plotly.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import plotly
from markupsafe import Markup

from launchlens.reports.figures.drawing import DEVICE_COLOURS, HOST_COLOURS, Drawing, short, to_script
from launchlens.reports.figures.timeline import STYLES
from launchlens.reports.html.answer import answer, header
from launchlens.reports.html.claims import claims_section
from launchlens.reports.html.difference import difference_chapters
from launchlens.reports.html.environment import environment, ledger_chapters
from launchlens.reports.html.parts import Chapter
from launchlens.reports.html.probes import probes_section
from launchlens.reports.html.sections import account_chapters, timeline_chapters, timing_chapters
from launchlens.reports.words import units
from launchlens.reports.words.verdict import HOST_WORDS, in_regime
from launchlens.traces.claims.claim import Claim
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.verdict import verdict

TEMPLATES = Path(__file__).parents[1] / "templates"
#: No text printed into the page is longer: a name of a million characters costs this many.
TEXT = 1200


def render(
    study: Study, *, recorded: str | None = None, links_base: str = "", claims: Sequence[Claim] | None = None
) -> str:
    """The report of `study` as one self-contained HTML page.

    `recorded` is a banner for numbers that were not measured here and now; `links_base` goes before the relative paths
    of the raw traces, so that the links work from where the page is put. `claims` are tested in a section of their own;
    by default the note's, where the workload is the note's. The same study gives the same text. Raises InputError for a
    probes.json that can't be read.
    """
    findings, comparisons, probes = verdict(study), study.against_baseline, study.probes
    shown_probes = probes_section(probes)
    chapters = {
        "timing": timing_chapters(study),
        "account": account_chapters(study),
        "difference": difference_chapters(study, comparisons),
        "timeline": timeline_chapters(study),
        "ledger": ledger_chapters(study),
    }
    seen = [drawing.plain() for drawing in drawings(chapters.values())]
    seen += [drawing.plain() for drawing in (shown_probes.drawings if shown_probes else ())]
    own, library, packed = page_file("script.js"), *_plotly()
    return (
        page_templates()
        .get_template("report.html")
        .render(
            header=header(study),
            recorded=recorded,
            answer=answer(study, findings, comparisons),
            chapters=chapters,
            probes=shown_probes,
            claims=claims_section(study, claims, probes),
            environment=environment(study, links_base),
            host_colours=_met(HOST_COLOURS, seen, "host"),
            device_colours=_met(DEVICE_COLOURS, seen, "device"),
            timeline_colours=_met({style: colour for style, (colour, _) in STYLES.items()}, seen, "timeline"),
            figures=Markup(to_script(seen)),
            policy=policy(own, library),
            style=Markup(page_file("style.css")),
            script=Markup(own),
            plotly=packed,
        )
        + "\n"
    )


def drawings(chapters: Iterable[list[Chapter]]) -> list[Drawing]:
    """All figures of the chapters, in the order in which they stand on the page."""
    return [drawing for each in chapters for chapter in each for part in chapter.parts for drawing in part.drawings]


def _met(colours: Mapping[str, str], figures: Iterable[Mapping[str, Any]], lane: str) -> dict[str, str]:
    """Those of `colours` that the figures use: the entries of a legend. `lane` is the `meta` of the traces meant."""
    met = {trace.get("name") for figure in figures for trace in figure["data"] if trace.get("meta") == lane}
    return {name: colour for name, colour in colours.items() if name in met}


def policy(*scripts: str) -> str:
    """A Content-Security-Policy under which `scripts` run and nothing else does, and nothing is fetched."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )


@cache
def _plotly() -> tuple[str, str]:
    """Plotly's source, and the same gzipped in base64: 2 MB on the page where the source takes 5."""
    text = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text("utf-8")
    return text, base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@cache
def page_file(name: str) -> str:
    """A file of `templates/`, as text."""
    return (TEMPLATES / name).read_text("utf-8")


@cache
def page_templates() -> jinja2.Environment:
    """The templates: everything printed is escaped and bounded in length."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_bounded,
    )
    templates.filters |= {
        "duration": units.duration,
        "signed": units.signed_duration,
        "times": units.times,
        "percent": units.percent,
        "short": short,
        "ns": lambda ns: f"{ns:,}",
        "regime": in_regime,
        "state": lambda state: HOST_WORDS.get(state, state),
    }
    return templates


def _bounded(value: Any) -> Any:
    """What a template prints, bounded: only markup of our own (and the page's data in it) may be longer."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return value if len(value) <= TEXT and value.isprintable() else short(value, TEXT)
    return value
