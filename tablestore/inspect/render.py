"""Reports in the four output formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tablestore.inspect import status
from tablestore.inspect.console import Console
from tablestore.inspect.records import human_value, machine_value, record, show_rows
from tablestore.inspect.report import Column, Fact, Report, Section
from tablestore.inspect.text import json_text, printable

_GAP = "  "


def show(report: Report, console: Console) -> None:
    """Write a report in the console's format."""
    console.status = report.status
    if console.format == "table":
        _show_for_people(report, console)
        return
    if console.format == "json":
        console.line(json_text(document(report), ascii_only=not console.unicode))
    else:
        records = report.records
        if records is None:
            records = Section("facts", tuple(Column(fact.name, fact.kind) for fact in report.facts))
            records.rows.append(tuple(fact.value for fact in report.facts))
        show_rows(records.columns, [records.rows], console)
    for fault in report.faults:
        console.note(_fault_text(fault.code, fault.file, fault.offset, fault.section, fault.message))


def document(report: Report) -> Any:
    """The report as JSON values. A report of one section and nothing else is the array of its records."""
    lists = {part.name: [record(part.columns, row) for row in part.rows] for part in report.sections}
    if not report.facts and not report.faults and len(lists) == 1:
        return next(iter(lists.values()))
    members = {fact.name: machine_value(fact.value, fact.kind) for fact in report.facts}
    if report.faults:
        members["faults"] = [asdict(fault) for fault in report.faults]
    return {**members, **lists}


# ---- for people


def _show_for_people(report: Report, console: Console) -> None:
    blank = False
    if report.title:
        console.line(console.paint(printable(report.title), "bold"))
        blank = True
    if report.facts:
        if blank:
            console.line()
        _show_facts(report.facts, console)
        blank = True
    for line in report.picture:
        if blank:
            console.line()
            blank = False
        console.line(line)
    blank = blank or bool(report.picture)
    for part in report.sections:
        if not part.rows and report.facts:
            continue
        if blank:
            console.line()
        if len(report.sections) > 1 or report.facts:
            console.line(console.paint(part.name, "bold"))
        show_rows(part.columns, [part.rows], console)
        for note in part.notes:
            console.line(note)
        blank = True
    for fault in report.faults:
        if blank:
            console.line()
            blank = False
        text = _fault_text(fault.code, fault.file, fault.offset, fault.section, fault.message)
        console.line(console.paint(text, "red"))


def _fault_text(code: str, file: str, offset: int | None, section: str | None, message: str) -> str:
    place = printable(file) + (f" at offset {offset}" if offset is not None else "")
    citation = f", spec §{section}" if section else ""
    kind = "NOT SUPPORTED" if status.of_codes([code]) == status.UNSUITABLE else "DAMAGE"
    return f"{kind}  {place}: {printable(message)} ({code}{citation})"


def _show_facts(facts: Sequence[Fact], console: Console) -> None:
    width = max(len(fact.name) for fact in facts)
    for fact in facts:
        if fact.value is None or fact.value in ("", []):
            continue
        label = console.paint(fact.name.replace("_", " ").ljust(width), "dim")
        console.line(f"{label}{_GAP}{human_value(fact.value, fact.kind, console)}")
