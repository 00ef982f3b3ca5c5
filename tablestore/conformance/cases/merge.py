"""Vectors of spec chapter 12."""

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


def cases() -> list[Case]:
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
