"""`verify`: everything that is wrong with a table or one file, as findings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

from tablestore import verify as verifier
from tablestore.errors import FormatError
from tablestore.file import sst
from tablestore.inspect import document, status
from tablestore.inspect.console import Console
from tablestore.inspect.report import Fact, Report, section
from tablestore.inspect.salvage import FileBytes
from tablestore.inspect.target import Target
from tablestore.inspect.text import plural
from tablestore.reference.manifest import decode_manifest
from tablestore.results import Finding

_FINDINGS: Final = ("code", "file", "offset:number", "spec", "message")


def show_verification(target: Target, version: int | None, deep: bool, console: Console) -> Report:
    """Verify a table (deep: every chunk), or one file, which is always verified in full."""
    if target.kind in ("snapshot", "schema"):
        return _document(target)
    if target.is_sst:
        found = [
            replace(finding, file=target.given)
            for finding in verifier.verify_file(target.storage, target.path)
        ]
        if target.kind == "manifest" and not found:
            found = _entries(target)
        return _report([Fact("file", target.given), Fact("depth", "every chunk")], found)
    result = verifier.verify(target.storage, version, deep, console.progress)
    facts = [
        Fact("table", target.given),
        Fact("version", result.version),
        Fact("depth", "every chunk" if deep else "metadata and file ends; --deep reads every chunk"),
        Fact("snapshots", result.snapshots, "count"),
        Fact("manifests", result.manifests, "count"),
        Fact("files", result.files, "count"),
        Fact("rows", result.rows, "count"),
        Fact("bytes", result.bytes, "bytes"),
    ]
    report = _report(facts, list(result.findings))
    if result.orphans:
        orphans: list[tuple[Any, ...]] = [(path,) for path in result.orphans]
        report.sections.append(section("orphans (nothing refers to them; no fault)", ("path",), orphans))
    return report


def _entries(target: Target) -> list[Finding]:
    """The first entry of a manifest that breaks spec §9.2, by the plain reader: it needs no snapshot."""
    with target.storage.open(target.path) as file:
        try:
            decode_manifest(cast(bytes, FileBytes(file)))
        except FormatError as error:
            offset = sst.HEADER_SIZE if error.offset is None else error.offset
            return [Finding(error.code, target.given, offset, error.section, error.message)]
    return []


def _document(target: Target) -> Report:
    shown = document.show_file(target)
    found = [Finding(f.code, f.file, f.offset, f.section, f.message) for f in shown.faults]
    return _report([Fact("file", target.given), Fact("depth", "the document by itself")], found)


def _report(facts: list[Fact], found: list[Finding]) -> Report:
    rows: list[tuple[Any, ...]] = [(f.code, f.file, f.offset, f.section, f.message) for f in found]
    verdict = f"DAMAGED: {plural(len(found), 'finding')}" if found else "no damage found"
    report = Report(facts=[*facts, Fact("verdict", verdict)], main="findings")
    report.sections.append(section("findings", _FINDINGS, rows))
    report.status = status.of_codes([finding.code for finding in found])
    return report
