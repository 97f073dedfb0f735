"""What people see, as text: the page of a study, and what a terminal prints of blocks."""

import io

from rich.console import Console

from launchlens.reports.pages import capture, claims
from launchlens.reports.sections.probes import brief_entry
from launchlens.reports.sections.probes import entry as probe_entry
from launchlens.reports.writers import terminal
from launchlens.reports.writers.html import html


def render(study, **more):
    """The report of a study as HTML."""
    return html(capture.page(study, **more))


def printed(blocks, *, full=False, width=140, most=15, **console):
    """What a console of this width gets of blocks."""
    out = io.StringIO()
    terminal.write(Console(file=out, width=width, **console), blocks, full=full, most=most)
    return out.getvalue()


def printed_study(study, recorded=None, **more):
    """What `report` prints of a study."""
    return printed(capture.brief(study, recorded=recorded), **more)


def printed_claims(judged, sources=(), recorded=None, **more):
    """What `claims` prints of judged claims."""
    return printed(claims.blocks(judged, sources, recorded), full=True, **more)


def printed_probe(probe, *, full, **more):
    """What `probe` prints of one."""
    return printed([probe_entry(probe) if full else brief_entry(probe)], full=full, **more)
