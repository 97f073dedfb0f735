"""Blocks as Markdown: for a pull request, a wiki, or a page of the docs. Nothing in it is markup but ours."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.blocks import (
    Bar,
    Block,
    Chapter,
    Choice,
    Command,
    Entry,
    Facts,
    Figure,
    Fold,
    Legend,
    Link,
    Paragraph,
    Shown,
    Strips,
    Together,
    Words,
)
from launchlens.reports.words.markdown import cell
from launchlens.reports.writers.as_read import as_read, title
from launchlens.traces.tables.table import Table


def markdown(blocks: Sequence[Block], *, full: bool = False, most: int = 200) -> str:
    """Blocks as Markdown text that ends with a line feed. `full` also what a page folds away."""
    parts = [text for block in blocks if (text := _text(block, full, most))]
    return "\n\n".join(parts) + "\n" if parts else ""


def _text(block: Block, full: bool, most: int) -> str:
    match block:
        case Words():
            mark = "**" if block.weight in ("first", "headline") else ""
            return "\n".join(f"- {mark}{cell(sentence.text)}{mark}" for sentence in block.sentences)
        case Paragraph():
            return cell(block.text)
        case Command():
            return f"```sh\n{block.text}\n```" if block.text.isprintable() and "```" not in block.text else ""
        case Shown():
            notes = [cell(note) for note in block.table.notes]
            return "\n\n".join([table(block.table, block.most or most, bare=block.style == "bare"), *notes])
        case Figure():
            return table(block.table, most) if full and block.table is not None else ""
        case Fold():
            return markdown(block.blocks, full=full, most=most).rstrip() if full else ""
        case Chapter():
            inner = markdown(block.blocks, full=full, most=most).rstrip()
            return "\n\n".join(part for part in (f"{'#' * block.level} {cell(block.title)}", inner) if part)
        case Choice():
            return markdown(block.chapters, full=full, most=most).rstrip()
        case Together():
            return markdown(block.blocks, full=full, most=most).rstrip()
        case Entry():
            badge = f"**{cell(block.badge)}**: " if block.badge else ""
            lead = f" {cell(block.lead)}" if block.lead else ""
            inner = markdown(block.details, full=full, most=most).rstrip()
            return "\n\n".join(part for part in (f"{badge}{cell(block.title)}{lead}", inner) if part)
        case Facts():
            pairs = "\n".join(f"- {cell(name)}: {cell(value)}" for name, value in block.pairs)
            return f"{cell(block.title)}\n\n{pairs}" if full else ""
        case Link():
            return f"- {cell(block.path)}: {cell(block.says)}"
        case Legend() | Bar() | Strips():
            return ""
    raise AssertionError(block)


def table(it: Table, most: int = 200, *, bare: bool = False) -> str:
    """One table, its title above it; numbers aligned on the right."""
    read = as_read(it, most)
    head = title(it, len(read.rows), read.there, bare=bare)
    lines = [
        f"| {' | '.join(cell(column.heading) for column in read.columns)} |",
        f"| {' | '.join('---:' if column.is_number else '---' for column in read.columns)} |",
        *(f"| {' | '.join(cell(text) for text in row)} |" for row in read.rows),
    ]
    return "\n".join([*([cell(head), ""] if head else []), *lines])
