"""Runs one command and turns its outcome into an exit code."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from tablestore.errors import TableStoreError
from tablestore.inspect import document, listing, pins, status
from tablestore.inspect.arguments import parse
from tablestore.inspect.block import show_block
from tablestore.inspect.changes import show_changes, show_following
from tablestore.inspect.console import Console
from tablestore.inspect.difference import show_difference
from tablestore.inspect.explanation import show_explanation
from tablestore.inspect.lookup import look_up
from tablestore.inspect.metrics import show_metrics
from tablestore.inspect.page import write_page
from tablestore.inspect.render import show
from tablestore.inspect.report import Report
from tablestore.inspect.rows import cat_file, cat_table
from tablestore.inspect.sst import show_file
from tablestore.inspect.status import UnsuitableError, UsageError
from tablestore.inspect.summary import show_summary
from tablestore.inspect.target import find, find_as, open_version
from tablestore.inspect.timeline import show_timeline
from tablestore.inspect.tree import show_tree
from tablestore.inspect.verification import show_verification

_SST_KINDS: Final = ("data", "manifest", "sst")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        asked = parse(sys.argv[1:] if arguments is None else arguments)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else status.USAGE
    console = Console(asked.format, exact_bytes=asked.bytes, colour=asked.color, ascii_only=asked.ascii)
    try:
        _run(asked, console)
        console.out.flush()
        return console.status
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return console.status
    except KeyboardInterrupt:
        console.note("interrupted")
        return status.INTERRUPTED
    except (UsageError, UnsuitableError, TableStoreError, OSError) as error:
        console.note(f"tablestore: {error}")
        return status.status_of(error)
    except Exception:
        traceback.print_exc(file=console.err)
        console.note("tablestore: this is a fault of the program; please report it with the lines above")
        return status.INTERNAL


def _run(asked: argparse.Namespace, console: Console) -> None:
    """Commands that stream their rows write them as they come; the others end in a report."""
    if asked.command == "cat":
        _cat(asked, console)
    elif asked.command == "files":
        listing.files(open_version(asked.path, asked.version), asked.bucket, asked.level, console)
    elif asked.command == "lookup":
        look_up(open_version(asked.path, asked.version), asked.keys, asked.trace, console)
    elif asked.command == "metrics":
        show_metrics(asked.path, console)
    elif asked.command in ("changes", "follow"):
        _changes(asked, console)
    elif asked.command == "tree" and asked.html is not None:
        write_page(open_version(asked.path, asked.version), asked.bucket, asked.html, console)
    elif asked.command in ("levels", "tree", "explain", "timeline"):
        show(_version_report(asked, console), console)
    else:
        show(_path_report(asked, console), console)


def _version_report(asked: argparse.Namespace, console: Console) -> Report:
    """Commands about a table at one version."""
    opened = open_version(asked.path, asked.version)
    if asked.command == "levels":
        return listing.levels(opened)
    if asked.command == "tree":
        return show_tree(opened, asked.bucket, console)
    if asked.command == "timeline":
        return show_timeline(opened, asked.limit, console)
    return show_explanation(opened, asked.columns, asked.where, console)


def _path_report(asked: argparse.Namespace, console: Console) -> Report:
    """Commands about what lies at a path, which may be a file or damaged."""
    path = asked.path
    match asked.command:
        case "snapshots":
            return listing.snapshots(path, asked.id)
        case "schema":
            return _schema(path, asked.version)
        case "manifest":
            return listing.manifest(find_as(path, "manifest"), console)
        case "sst":
            return show_file(find_as(path, *_SST_KINDS), console, hexadecimal=asked.hex)
        case "block":
            target = find_as(path, *_SST_KINDS)
            return show_block(target, asked.number, asked.column, asked.hex, console)
        case "verify":
            return show_verification(find(path), asked.version, asked.deep, console)
        case "diff":
            return show_difference(path, asked.first, asked.second, asked.rows)
        case "tags":
            return pins.show_tags(path)
        case "consumers":
            return pins.show_consumers(path)
        case "leases":
            return pins.show_leases(path)
    return show_summary(find(path), asked.version, asked.count, console)


def _schema(path: str, version: int | None) -> Report:
    target = find_as(path, "table", "schema")
    if target.kind == "schema":
        return document.show_file(target)
    return document.schema_report(open_version(path, version).core.schema, f"schema of {path}")


def _cat(asked: argparse.Namespace, console: Console) -> None:
    target = find_as(asked.path, "table", *_SST_KINDS)
    if target.kind == "table":
        opened = open_version(asked.path, asked.version)
        cat_table(opened, asked.columns, asked.where, asked.limit, console)
    else:
        cat_file(target, asked.columns, asked.where, asked.limit, console)


def _changes(asked: argparse.Namespace, console: Console) -> None:
    if asked.command == "changes":
        moments = asked.since, asked.until
        show_changes(asked.path, moments, asked.step, asked.columns, asked.where, asked.limit, console)
    else:
        limits = asked.until, asked.timeout, asked.net
        show_following(asked.path, asked.since, asked.consumer, asked.columns, asked.where, limits, console)


if __name__ == "__main__":
    sys.exit(main())
