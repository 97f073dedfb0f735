"""Pages of docs/ that a command makes are what that command prints today."""

import sys
import tempfile
from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.recorded import FOLDER

DOCS = Path(__file__).parents[1] / "docs"
COMMANDS_HEAD = """# Commands

What each command's `--help` says; `make docs` writes this page.
"""

CLAIMS_HEAD = """# The note's claims, tested

What `launchlens claims --markdown` prints of the captures that ship (traces/recorded/README.md says how each was made);
`make docs` writes this page. To write down and test claims of your own: [own_claims.md](own_claims.md).

"""


def commands_page() -> str:
    """Every command's help, as `docs/commands.md` holds it."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    names = ["", *(name for name, command in commands.items() if not command.hidden)]
    parts = [COMMANDS_HEAD]
    for name in names:
        arguments = [*([name] if name else []), "--help"]
        text = CliRunner().invoke(app, arguments, prog_name="launchlens", terminal_width=100).stdout
        parts.append(f"## {name or 'launchlens'}\n\n```text\n{text.strip()}\n```\n")
    return "\n".join(parts)


def claims_page() -> str:
    """The note's claims against all shipped captures, as `docs/claims.md` holds them."""
    return CLAIMS_HEAD + CliRunner().invoke(app, ["claims", "--markdown"]).stdout


RECORDED_HEAD = """# Measured on an H200

The tables of `launchlens report` for every capture that ships (traces/recorded/README.md says how each was made); `make docs`
writes this page. Times are of different runs minutes apart, and the host drifts: compare within a table.
"""


def recorded_page() -> str:
    """The timing tables of every shipped capture, as `docs/measured.md` holds them."""
    parts = [RECORDED_HEAD]
    for manifest in sorted(FOLDER.glob("*/manifest.json")):
        with tempfile.TemporaryDirectory() as folder:
            arguments = ["report", str(manifest.parent), "--output", f"{folder}/report.html"]
            text = CliRunner().invoke(app, arguments).stdout
        tables = [block.rstrip() for block in text.split("\n\n") if "unprofiled, " in block.splitlines()[0]]
        lines = [line.rstrip() for table in tables for line in [*table.splitlines(), ""]]
        parts.append(f"## {manifest.parent.name}\n\n```text\n" + "\n".join(lines).strip() + "\n```\n")
    return "\n".join(parts)


def test_the_measured_page_is_what_report_says():
    assert (DOCS / "measured.md").read_text() == recorded_page(), "run `make docs`"


def test_the_commands_page_is_what_help_says():
    assert (DOCS / "commands.md").read_text() == commands_page(), "run `make docs`"


def test_the_claims_page_is_what_the_command_prints():
    assert (DOCS / "claims.md").read_text() == claims_page(), "run `make docs`"


if __name__ == "__main__":
    (DOCS / "commands.md").write_text(commands_page())
    (DOCS / "claims.md").write_text(claims_page())
    (DOCS / "measured.md").write_text(recorded_page())
    sys.stdout.write("docs/commands.md, docs/claims.md and docs/measured.md written\n")
