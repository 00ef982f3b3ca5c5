"""Decisions of spec chapter 11 as vectors."""

from __future__ import annotations

from typing import Any

from tablestore.conformance.cases.book import Book
from tablestore.conformance.corpus import Case


def cases() -> list[Case]:
    book = Book("commit")

    def outcome(
        name: str, about: str, put: str, found: str | None, expected: str, synchronised: bool = True
    ) -> None:
        given: dict[str, Any] = {"put": put, "commit": "a", "found": found, "synchronised": synchronised}
        answer = {"outcome": expected, "may_delete_files": expected == "conflict"}
        book.valid(f"outcome-{name}", "11.4", about, "outcome", **given, output=answer)

    outcome("created", "The store created the snapshot.", "created", None, "committed")
    outcome("exists-other", "The snapshot is another's.", "exists", "b", "conflict")
    outcome(
        "exists-own", "The answer to an earlier attempt was lost: it is our own.", "exists", "a", "committed"
    )
    outcome("exists-unreadable", "The snapshot exists and cannot be read.", "exists", None, "unknown")
    outcome("error-own", "An error, yet the snapshot is our own.", "error", "a", "committed")
    outcome("error-absent", "An error, and no snapshot is there (yet).", "error", None, "unknown")
    outcome(
        "error-other",
        "An error, and the snapshot is another's: not what the store said.",
        "error",
        "b",
        "unknown",
    )
    outcome("not-synchronised", "The directory could not be synchronised.", "created", None, "unknown", False)
    outcome(
        "own-not-synchronised",
        "Our own is there, and may not survive a crash.",
        "error",
        "a",
        "unknown",
        False,
    )
    committers = {"job-7": 17, "job-8": 0}
    for name, writer, commit_id, answer in (
        ("same", "job-7", 17, True), ("older", "job-7", 3, True), ("newer", "job-7", 18, False),
        ("zero", "job-8", 0, True), ("unknown-writer", "job-9", 0, False), ("case", "JOB-7", 1, False),
    ):  # fmt: skip
        given: dict[str, Any] = {"committers": committers, "writer": writer, "commit_id": commit_id}
        about = "Whether a commit is already in."
        book.valid(f"identity-{name}", "11.5", about, "is_already_committed", **given, output=answer)
    live = {"f1": 0, "f2": 0, "f3": 1}
    inputs: dict[str, tuple[list[list[Any]], bool]] = {
        "all-live": ([["f1", 0], ["f3", 1]], True),
        "one-gone": ([["f1", 0], ["f9", 0]], False),
        "moved": ([["f3", 0]], False),
    }
    for name, (files, answer) in inputs.items():
        about = "A compaction survives a conflict if its inputs are live at their levels."
        book.valid(
            f"rebase-{name}", "11.6", about, "compaction_survives", inputs=files, live=live, output=answer
        )
    return book.cases
