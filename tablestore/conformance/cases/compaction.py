"""Vectors of spec chapter 13."""

from __future__ import annotations

from typing import Any

from tablestore.conformance.cases.book import Book
from tablestore.conformance.cases.claim import add_claims
from tablestore.conformance.cases.merge import DELETE, A, B, C, run
from tablestore.conformance.corpus import Case


def cases() -> list[Case]:
    book = Book("compaction")
    legal: dict[str, tuple[str, list[int], list[int], int, bool]] = {
        "all-to-3": ("All runs to the last level.", [0, 0, 1, 2, 3], [0, 1, 2, 3, 4], 3, True),
        "level-0-to-1": ("All of level 0 to level 1.", [0, 0, 0, 2], [0, 1, 2], 1, True),
        "gap": ("A run between two of the set is left out.", [0, 0, 0], [0, 2], 3, False),
        "older-level-0-left": ("An older run of level 0 is left.", [0, 0, 0], [0, 1], 1, False),
        "same-level-left": ("An older run of the output's level is left.", [0, 0, 1], [0, 1], 1, False),
        "older-level-above": ("The output would be below an older run.", [0, 0, 1], [0, 1], 2, False),
        "newer-left": ("Newer runs of level 0 stay.", [0, 0, 0, 1], [1, 2, 3], 2, True),
        "newer-at-output": ("A newer run is in the output's level.", [0, 1, 2], [2], 1, False),
        "level-0-to-0": ("Runs of level 0 merge within level 0.", [0, 0, 0, 1], [1, 2], 0, True),
        "level-0-to-0-gap": ("A run between two of the set is left out.", [0, 0, 0, 1], [0, 2], 0, False),
        "level-1-to-0": ("A run of level 1 never returns to level 0.", [0, 0, 1], [1, 2], 0, False),
        "to-level-4": ("There is no level 4.", [0, 0], [0, 1], 4, False),
        "one-run": ("A single run may be rewritten.", [0, 3], [1], 3, True),
        "nothing": ("No runs.", [0, 3], [], 3, False),
        "between-levels": ("A free level between others.", [0, 1, 3], [0, 1], 2, True),
    }  # fmt: skip
    for name, (about, levels, chosen, output, answer) in legal.items():
        given: dict[str, Any] = {"levels": levels, "chosen": chosen, "level": output}
        book.valid(f"legal-{name}", "13.3", about, "legal", **given, output=answer)
    _outputs(book)
    _picks(book)
    _past(book)
    add_claims(book)
    return book.cases


def _past(book: Book) -> None:
    day, now = 86_400_000, 1_700_006_400_000
    given: dict[str, tuple[str, str, int | None, bool]] = {
        "date-limit": ("A date that is exactly as old as it may be.", "date32", 19675, False),
        "date": ("A date that is a day too old.", "date32", 19674, True),
        "int64": ("Milliseconds.", "int64", now - day - 1, True),
        "int64-limit": ("Milliseconds, exactly as old as it may be.", "int64", now - day, False),
        "seconds": ("Seconds.", "timestamp(s)", (now - day) // 1000 - 1, True),
        "seconds-limit": (
            "Seconds, exactly as old as it may be.",
            "timestamp(s)",
            (now - day) // 1000,
            False,
        ),
        "microseconds": ("A microsecond too old.", "timestamp(us,UTC)", (now - day) * 1000 - 1, True),
        "before-1970": ("Long ago.", "timestamp(ms)", -1, True),
        "null": ("A row without a time stays for ever.", "timestamp(ms)", None, False),
    }
    for name, (about, kind, value, answer) in given.items():
        times = {"type": kind, "value": value, "now_millis": now, "ttl_millis": day}
        book.valid(f"past-{name}", "13.9", about, "is_past", **times, output=answer)
    early = {"type": "timestamp(ns)", "now_millis": day, "ttl_millis": day}
    book.valid("past-nanoseconds", "13.9", "A nanosecond too old.", "is_past", **early, value=-1, output=True)
    odd = {"type": "timestamp(s)", "now_millis": 86_400_500, "ttl_millis": 86_400_000}
    book.valid("past-half-second", "13.9", "Half a second too old.", "is_past", **odd, value=0, output=True)
    book.valid("past-not-yet", "13.9", "Half a second left.", "is_past", **odd, value=1, output=False)


def _outputs(book: Book) -> None:
    runs = [run(2, [A, 0, DELETE], [C, 0, 0]), run(1, [A, 0, 0], [B, 0, 0], [C, 0, 0])]
    about = "A delete stays if an older run exists."
    book.valid(
        "output-with-older",
        "13.3",
        about,
        "output",
        runs=runs,
        has_older=True,
        output=[[0, 0], [1, 1], [0, 1]],
    )
    about = "A delete may go if no older run exists."
    book.valid("output-oldest", "13.3", about, "output", runs=runs, has_older=False, output=[[1, 1], [0, 1]])
    gone = [run(2, [A, 0, DELETE]), run(1, [A, 0, 0])]
    book.valid("output-nothing", "13.3", "All rows vanish.", "output", runs=gone, has_older=False, output=[])
    deleted = [run(2, [A, 0, DELETE, [9]]), run(1, [A, 0, 0, [2]])]
    about = "With sequence fields a delete stays: a late row may still come."
    given: dict[str, Any] = {"sequence_types": ["int8"], "runs": deleted, "has_older": False}
    book.valid("output-delete-with-sequence-field", "13.3", about, "output", **given, output=[[0, 0]])
    late = [run(2, [A, 0, 0, [1]]), run(1, [A, 0, 0, [2]])]
    about = "The greatest version by sequence fields is kept."
    book.valid(
        "output-sequence-field",
        "13.3 12.3",
        about,
        "output",
        sequence_types=["int8"],
        runs=late,
        has_older=True,
        output=[[1, 0]],
    )


def _picks(book: Book) -> None:
    def add(name: str, about: str, runs: list[tuple[int, int]], output: object, **options: int) -> None:
        book.valid(
            f"pick-{name}",
            "13.4",
            about,
            "pick",
            runs=[list(item) for item in runs],
            output=output,
            **options,
        )

    add("few-runs", "Fewer runs than the trigger.", [(0, 10)] * 7, None)
    add(
        "amplification",
        "Newer runs hold more than half of the oldest.",
        [(0, 10)] * 7 + [(3, 100)],
        {"first": 0, "end": 8, "level": 3},
    )
    add(
        "equal-sizes",
        "Runs of one size are merged; the great one stays.",
        [(0, 10)] * 8 + [(3, 10_000)],
        {"first": 0, "end": 8, "level": 2},
    )
    add(
        "size-ratio",
        "1 % larger still joins.",
        [(0, 100), (0, 101), *[(0, 10)] * 6, (3, 10_000)],
        {"first": 0, "end": 8, "level": 2},
    )
    grown = [(0, 1), (0, 10), (0, 100), (0, 1_000), (1, 10_000), (2, 100_000), (3, 10_000_000)]
    about = "No two runs of like size: the two newest become one of level 0."
    add("by-count", about, grown, {"first": 0, "end": 2, "level": 0}, trigger=6)
    about = "The same above the size of a file: all older runs of level 0 and 1 join."
    add("by-count-large", about, grown, {"first": 0, "end": 5, "level": 1}, trigger=6, target_file_bytes=10)
    equal = [*[(0, 10)] * 8, (1, 1_000), (3, 1_000_000)]
    about = "Small runs before level 1 stay in level 0."
    add("before-level-1", about, equal, {"first": 0, "end": 8, "level": 0})
    about = "Large runs before level 1 take it along."
    add("joins-level-1", about, equal, {"first": 0, "end": 9, "level": 2}, target_file_bytes=79)
    before_2 = [*[(0, 10)] * 8, (2, 1_000), (3, 1_000_000)]
    add("before-level-2", "The output comes before level 2.", before_2, {"first": 0, "end": 8, "level": 1})
