"""`metrics`: figures of a table for monitoring, as Prometheus reads them."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from tablestore import metrics
from tablestore.inspect.console import Console
from tablestore.inspect.render import show
from tablestore.inspect.report import Fact, Report, section
from tablestore.inspect.target import open_version

_KINDS: Final = {"bytes": "bytes", "backlog_bytes": "bytes"}


def show_metrics(given: str, console: Console) -> None:
    """The text of a scrape; the machine formats have the same figures by name."""
    opened = open_version(given)
    found = metrics.of_table(opened.core)
    if console.format == "table":
        for line in metrics.text_of_tables([(given, found)]).splitlines():
            console.line(line)
        return
    names = [field.name for field in fields(found) if field.name != "consumers"]
    facts = [Fact(name, getattr(found, name), _KINDS.get(name, "number")) for name in names]
    listed = section("consumers", ("name", "snapshots:number", "millis:number"), [])
    listed.rows += [(consumer.name, consumer.snapshots, consumer.millis) for consumer in found.consumers]
    show(Report(facts=facts, sections=[listed]), console)
