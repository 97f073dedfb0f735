"""A check as JUnit XML, which CI systems show beside tests: a case a limit; slower is a failure, undecided an error."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from launchlens.reports.streams import clean
from launchlens.reports.words.check import because, name, sentence
from launchlens.traces.checks.check import Check

#: What XML 1.0 has no place for, in a name that a trace gave.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(check: Check) -> str:
    """The check as a document with one suite."""
    outcomes = [row.outcome for row in check.rows]
    counts = {"tests": len(outcomes), "failures": outcomes.count("slower"), "errors": outcomes.count("undecided")}
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites, "testsuite", {"name": "launchlens check"} | {key: str(n) for key, n in counts.items()}
    )
    for row in check.rows:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": f"launchlens.{check.of}", "name": _said(name(row))}
        )
        if row.outcome in ("slower", "undecided"):
            kind = "failure" if row.outcome == "slower" else "error"
            said = ElementTree.SubElement(case, kind, {"type": row.outcome, "message": _said(because(row))})
            said.text = _said(sentence(row))
        else:
            ElementTree.SubElement(case, "system-out").text = _said(sentence(row))
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _said(text: str) -> str:
    # it is read in logs as well, where what XML bears may steer a terminal
    return clean(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))
