"""Tables of figures, aligned for a terminal or piped for Markdown; its sections; the machine they were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

Rows = list[list[str]]


def number(value: float | None, digits: int = 2) -> str:
    """A figure with `digits` decimals, small ones with more; a missing one is a dash."""
    if value is None:
        return "-"
    if not digits or value >= 0.1:
        return f"{value:.{digits}f}"
    return f"{value:.3f}" if value >= 0.001 or value == 0 else f"{value:.1g}"


def aligned(table: Rows) -> str:
    """Columns padded with spaces; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = (
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )
    return "\n".join(lines)


def piped(table: Rows) -> str:
    """A Markdown table; the first row is its head."""
    rule = ["---", *("---:" for _ in table[0][1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [table[0], rule, *table[1:]])


def with_section(document: str, title: str, text: str) -> str:
    """A Markdown document with this text as its last section, in place of the one with that title."""
    before = section_of(document, title)
    rest = document.replace(before, "") if before else document
    return f"{rest.rstrip()}\n\n## {title}\n\n{text.strip()}\n"


def section_of(document: str, title: str) -> str:
    """A section of a Markdown document from its title to the next one; empty if there is none."""
    start = document.find(f"\n## {title}\n")
    if start < 0:
        return ""
    end = document.find("\n## ", start + 1)
    return document[start : end if end >= 0 else len(document)]


def load() -> str:
    """How much else was running: above 2.5 on two cores the seconds are rough."""
    average = os.getloadavg()[2]
    verdict = "**others were using the machine: figures are rough**" if average > 2.5 else "quiet"
    return f"load average over the last quarter of an hour: {average:.1f}: {verdict}"


def machine() -> str:
    """Processor, memory, operating system, interpreter."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}"
    )
