"""Vectors of spec chapters 11 to 13: decisions of commits, merges and compactions."""

from __future__ import annotations

from typing import Any

from tablestore.conformance.cases.book import Book
from tablestore.conformance.corpus import Case

INSERT, BEFORE, AFTER, DELETE = range(4)
A, B, C, D = "61", "62", "63", "64"
Run = dict[str, Any]


def run(sequence: int, *rows: list[Any], level: int = 0, ordinal: int = 0) -> Run:
    """A run of rows [key, explicit sequence, kind] or, with sequence fields, [key, sequence, kind, fields]."""
    return {"level": level, "sequence": sequence, "ordinal": ordinal, "rows": list(rows)}


def merge_cases() -> list[Case]:
    book = Book("merge")
    _deduplicate(book)
    _sequence_fields(book)
    _moves(book)
    about = "Keys that do not ascend in a run."
    runs = [run(1, [B, 0, 0], [A, 0, 0])]
    book.invalid("keys-descend", "7.7", about, "deduplicate", "key-order", runs=runs)
    runs = [run(1, [A, 0, 0], [A, 0, 0])]
    book.invalid("keys-equal", "7.7", about, "deduplicate", "key-order", runs=runs)
    return book.cases


def _deduplicate(book: Book) -> None:
    def add(name: str, about: str, output: list[list[int]], *runs: Run) -> None:
        book.valid(name, "12.2 12.4", about, "deduplicate", runs=list(runs), output=output)

    add("empty", "No runs.", [])
    add(
        "one-run",
        "A run without deletes is returned as it is.",
        [[0, 0], [0, 1]],
        run(1, [A, 0, 0], [B, 0, 2]),
    )
    add(
        "newer-wins",
        "The greater commit sequence wins.",
        [[1, 0], [0, 1]],
        run(1, [A, 0, 0], [B, 0, 0]),
        run(2, [A, 0, 2]),
    )
    add(
        "newer-listed-first",
        "The order of the list does not matter.",
        [[0, 0]],
        run(2, [A, 0, 0]),
        run(1, [A, 0, 0]),
    )
    add(
        "ordinal",
        "In one commit the greater ordinal wins.",
        [[1, 0]],
        run(2, [A, 0, 0]),
        run(2, [A, 0, 0], ordinal=1),
    )
    add(
        "sequence-before-ordinal",
        "Sequences come before ordinals.",
        [[1, 0]],
        run(2, [A, 0, 0], ordinal=9),
        run(3, [A, 0, 0]),
    )
    add(
        "delete",
        "A delete hides older versions.",
        [[0, 1]],
        run(1, [A, 0, 0], [B, 0, 0]),
        run(2, [A, 0, DELETE]),
    )
    add("update-before", "-U is a delete, too.", [], run(1, [A, 0, 0]), run(2, [A, 0, BEFORE]))
    add(
        "insert-after-delete",
        "A later insert makes the key visible.",
        [[2, 0]],
        run(1, [A, 0, 0]),
        run(2, [A, 0, DELETE]),
        run(3, [A, 0, INSERT]),
    )
    add("delete-alone", "A delete of nothing.", [], run(1, [A, 0, DELETE]))
    add(
        "delete-is-older",
        "A delete that is older than the value hides nothing.",
        [[1, 0]],
        run(1, [A, 0, DELETE]),
        run(2, [A, 0, AFTER]),
    )
    explicit = run(9, [A, 3, 0], [B, 4, DELETE], level=3)
    about = "A run of level 0 is newer than one of level 3, whatever range that one's file states."
    add("explicit-sequence", about, [[1, 0], [1, 1]], explicit, run(5, [A, 0, 0], [B, 0, 0]))
    add(
        "disjoint",
        "Runs that do not overlap.",
        [[1, 0], [1, 1], [0, 0], [0, 1]],
        run(1, [C, 0, 0], [D, 0, 0]),
        run(2, [A, 0, 0], [B, 0, 0]),
    )
    keys = ["", "00", "0000", "01", "6100", "61", "ff"]
    ordered = sorted(keys, key=bytes.fromhex)
    rows = [[key, 0, 0] for key in ordered]
    older, newer = run(1, *rows), run(2, *rows[1::2])
    expected = [[1, i // 2] if i % 2 else [0, i] for i in range(7)]
    add("key-prefixes", "Empty keys, zero bytes and keys that begin with others.", expected, older, newer)
    nine = [run(number, [A, 0, 0], [f"62{number:02x}", 0, 0]) for number in range(1, 10)]
    add("nine-runs", "A key in nine runs.", [[8, 0], *([i, 1] for i in range(9))], *nine)
    merged = run(6, [A, 5, 0], [B, 6, 0], ordinal=0)
    about = "A file merged in level 0 is newer than one with a greater ordinal of its first commit."
    add("level-0-merge", about, [[1, 0], [1, 1]], run(5, [A, 0, 0], [B, 0, 0], ordinal=3), merged)
    levels = [run(7, [A, 0, 0]), run(6, [A, 0, DELETE], level=1), run(5, [A, 2, 0], [B, 1, 0], level=3)]
    add("levels", "A value above a delete above a value.", [[0, 0], [2, 1]], *levels)


def _sequence_fields(book: Book) -> None:
    def add(name: str, about: str, types: list[str], output: list[list[int]], *runs: Run) -> None:
        book.valid(
            f"sequence-field-{name}",
            "12.3",
            about,
            "deduplicate",
            sequence_types=types,
            runs=list(runs),
            output=output,
        )

    integer = ["int32"]
    add(
        "wins",
        "A greater field wins against a later commit.",
        integer,
        [[0, 0]],
        run(1, [A, 0, 0, [5]]),
        run(2, [A, 0, 0, [4]]),
    )
    add(
        "ties",
        "With equal fields the later commit wins.",
        integer,
        [[1, 0]],
        run(1, [A, 0, 0, [5]]),
        run(2, [A, 0, 0, [5]]),
    )
    add(
        "null", "Null is lowest.", integer, [[0, 0]], run(1, [A, 0, 0, [-(2**31)]]), run(2, [A, 0, 0, [None]])
    )
    add(
        "negative",
        "Fields are compared by value.",
        integer,
        [[1, 0]],
        run(2, [A, 0, 0, [-2]]),
        run(1, [A, 0, 0, [-1]]),
    )
    add(
        "late-delete",
        "A late delete loses.",
        integer,
        [[0, 0]],
        run(1, [A, 0, 0, [5]]),
        run(2, [A, 0, DELETE, [4]]),
    )
    add(
        "delete-wins",
        "A delete with a greater field hides a later commit.",
        integer,
        [],
        run(1, [A, 0, DELETE, [9]]),
        run(2, [A, 0, 0, [4]]),
    )
    two = ["string", "int8"]
    add(
        "two-fields",
        "The first field decides before the second.",
        two,
        [[0, 0]],
        run(1, [A, 0, 0, ["b", 0]]),
        run(2, [A, 0, 0, ["a", 9]]),
    )
    add(
        "second-field",
        "The second field decides between equal first ones.",
        two,
        [[0, 0]],
        run(1, [A, 0, 0, ["a", 9]]),
        run(2, [A, 0, 0, ["a", 8]]),
    )
    add(
        "string-prefix",
        "A string is less than one that begins with it.",
        two,
        [[0, 0]],
        run(1, [A, 0, 0, ["ab", 0]]),
        run(2, [A, 0, 0, ["a", 9]]),
    )


def _moves(book: Book) -> None:
    def add(name: str, about: str, output: str, v: list[Any], u: list[Any], types: list[str]) -> None:
        runs = [run(9, v), run(5, u)]
        book.valid(f"move-{name}", "12.5", about, "move", sequence_types=types, runs=runs, output=output)

    value, delete = [A, 0, 0], [A, 0, DELETE]
    add("value", "A value moves: the old row is deleted.", "delete-elsewhere", value, value, [])
    add("nothing-there", "Nothing but a delete elsewhere.", "nothing", value, delete, [])
    add("delete", "A delete by key deletes elsewhere.", "delete-elsewhere", delete, value, [])
    add("delete-of-delete", "Both are deletes.", "nothing", delete, delete, [])
    integer = ["int32"]
    add("late", "A late value must not become visible.", "delete-here", [*value, [4]], [*value, [5]], integer)
    add(
        "late-after-delete",
        "A value later deleted elsewhere by a greater field is late.",
        "delete-here",
        [*value, [4]],
        [*delete, [5]],
        integer,
    )
    add("late-delete", "A late delete changes nothing.", "nothing", [*delete, [4]], [*value, [5]], integer)
    add(
        "greater",
        "A value with a greater field moves.",
        "delete-elsewhere",
        [*value, [6]],
        [*value, [5]],
        integer,
    )
    add(
        "equal",
        "With equal fields the commit decides.",
        "delete-elsewhere",
        [*value, [5]],
        [*value, [5]],
        integer,
    )


def compaction_cases() -> list[Case]:
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
    return book.cases


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


def commit_cases() -> list[Case]:
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
