"""Vectors of spec chapter 14."""

from __future__ import annotations

from typing import Any

from tablestore.conformance.cases.book import Book
from tablestore.conformance.corpus import Case

INSERT, BEFORE, AFTER, DELETE = range(4)
A, B, C = "61", "62", "63"
EAST, WEST = "aa", "bb"
NAN = "7ff8000000000000"
Place = dict[str, Any]
Row = list[Any]


def row(
    key: str, values: list[Any], kind: int = INSERT, sequence: int = 0, order: tuple[Any, ...] = ()
) -> Row:
    """A row of a run: [key, explicit sequence, row kind, sequence fields, values]."""
    return [key, sequence, kind, list(order), values]


def run(sequence: int, *rows: Row, level: int = 0, ordinal: int = 0) -> dict[str, Any]:
    return {"level": level, "sequence": sequence, "ordinal": ordinal, "rows": list(rows)}


def place(*runs: dict[str, Any], partition: str = "", bucket: int = 0) -> Place:
    return {"partition": partition, "bucket": bucket, "runs": list(runs)}


def cases() -> list[Case]:
    book = Book("changes")
    _kinds(book)
    _places(book)
    _sequence_fields(book)
    _values(book)
    _views(book)
    _candidates(book)
    return book.cases


def _difference(book: Book, section: str = "14.3") -> Any:
    def add(
        name: str, about: str, output: list[Any], since: list[Place], until: list[Place], **given: Any
    ) -> None:
        given.setdefault("types", ["int32"])
        book.valid(name, section, about, "difference", since=since, until=until, output=output, **given)

    return add


def _kinds(book: Book) -> None:
    add = _difference(book)
    one = run(1, row(A, [1]), row(B, [2]))
    add("nothing", "Two empty snapshots.", [], [], [])
    add("same-files", "The same files show the same rows.", [], [place(one)], [place(one)])
    add("insert", "A new key.", [["+I", "", 0, C, [3]]], [place(one)], [place(one, run(2, row(C, [3])))])
    about = "A stored update of a key that was not there is an insert."
    add("insert-stored-as-update", about, [["+I", "", 0, C, [3]]], [place(one)],
        [place(one, run(2, row(C, [3], AFTER)))])  # fmt: skip
    about = "A key with another value: the old row directly before the new one, whatever kind was stored."
    add("update", about, [["-U", "", 0, A, [1]], ["+U", "", 0, A, [5]]], [place(one)],
        [place(one, run(2, row(A, [5])))])  # fmt: skip
    about = "The old row comes from the older snapshot, not from the delete."
    add("delete", about, [["-D", "", 0, A, [1]]], [place(one)], [place(one, run(2, row(A, [9], DELETE)))])
    about = "A delete of a key that is not there changes nothing."
    add("delete-absent-key", about, [], [place(one)], [place(one, run(2, row(C, [0], DELETE)))])
    about = "A row that is written again as it is changes nothing."
    add("rewrite-equal-row", about, [], [place(one)], [place(one, run(2, row(A, [1], AFTER)))])
    about = "Written and deleted in between: the net difference is empty."
    add("insert-then-delete", about, [], [place(one)],
        [place(one, run(2, row(C, [3])), run(3, row(C, [3], DELETE)))])  # fmt: skip
    about = "Deleted and inserted again with other values in between: an update."
    add("delete-then-insert", about, [["-U", "", 0, A, [1]], ["+U", "", 0, A, [7]]], [place(one)],
        [place(one, run(2, row(A, [1], DELETE)), run(3, row(A, [7])))])  # fmt: skip
    about = "A compaction shows the same rows from other files."
    two = [one, run(2, row(A, [5]), row(B, [2], DELETE))]
    add("compaction", about, [], [place(*two)], [place(run(2, row(A, [5]), level=3))])
    about = "An update and a compaction: only the update is a change."
    add("compaction-and-update", about, [["-U", "", 0, B, [2]], ["+U", "", 0, B, [8]]], [place(one)],
        [place(run(2, row(A, [1]), row(B, [8]), level=3))])  # fmt: skip


def _places(book: Book) -> None:
    add = _difference(book, "14.3 14.4")
    east, west = place(run(1, row(A, [1])), partition=EAST), place(run(2, row(A, [1])), partition=WEST)
    gone = place(run(1, row(A, [1])), run(2, row(A, [1], DELETE)), partition=EAST)
    about = (
        "A key that moves is deleted in one partition and inserted in the other, though its values are equal."
    )
    late = place(run(2, row(A, [1]), row(C, [0], DELETE)), partition=WEST)
    add(
        "move-between-partitions",
        about,
        [["-D", EAST, 0, A, [1]], ["+I", WEST, 0, A, [1]]],
        [east],
        [gone, late],
    )
    about = "A move against the order of the partitions: the insert comes first."
    add(
        "move-to-an-earlier-partition",
        about,
        [["+I", EAST, 0, A, [1]], ["-D", WEST, 0, A, [1]]],
        [west],
        [east],
    )
    about = "An overwrite of one partition: what stays in it with equal values is no change."
    old = place(run(1, row(A, [1]), row(B, [2]), level=3), partition=EAST)
    new = place(run(5, row(B, [2]), row(C, [3])), partition=EAST)
    add(
        "overwrite-partition",
        about,
        [["-D", EAST, 0, A, [1]], ["+I", EAST, 0, C, [3]]],
        [old, west],
        [new, west],
    )
    about = "A partition that vanishes."
    add("overwrite-with-nothing", about, [["-D", EAST, 0, A, [1]], ["-D", EAST, 0, B, [2]]], [old], [])
    about = "A rollback: the changes in between the other way round."
    newer = place(
        run(1, row(A, [1]), row(B, [2]), level=3), run(2, row(A, [1], DELETE), row(C, [3])), partition=EAST
    )
    add("rollback", about, [["+I", EAST, 0, A, [1]], ["-D", EAST, 0, C, [3]]], [newer], [old])
    about = "A purge: rows that were dropped by their age are deletes."
    add(
        "purge",
        about,
        [["-D", EAST, 0, A, [1]]],
        [old],
        [place(run(1, row(B, [2]), level=3), partition=EAST)],
    )
    about = "By partition, then bucket, then key; keys by their bytes."
    until = [
        place(run(2, row("ff", [1]), row("ff00", [2])), partition=WEST, bucket=1),
        place(run(2, row("", [3])), partition=WEST, bucket=10),
        place(run(2, row("00", [4])), partition=WEST, bucket=2),
        place(run(2, row(A, [5])), partition=EAST, bucket=7),
        place(run(2, row(A, [6])), partition="", bucket=9),
        place(run(2, row(A, [7])), partition="aa00", bucket=0),
    ]
    ordered = [
        ["+I", "", 9, A, [6]], ["+I", EAST, 7, A, [5]], ["+I", "aa00", 0, A, [7]], ["+I", WEST, 1, "ff", [1]],
        ["+I", WEST, 1, "ff00", [2]], ["+I", WEST, 2, "00", [4]], ["+I", WEST, 10, "", [3]],
    ]  # fmt: skip
    add("order", about, ordered, [], until)


def _sequence_fields(book: Book) -> None:
    add = _difference(book)
    given = {"types": ["int32", "int32"], "sequence_types": ["int32"]}
    first = run(1, row(A, [1, 5], order=(5,)))
    about = "A late row loses by its sequence field and changes nothing."
    add("late-row", about, [], [place(first)], [place(first, run(2, row(A, [9, 4], order=(4,))))], **given)
    about = "A late delete changes nothing."
    late = run(2, row(A, [9, 4], DELETE, order=(4,)))
    add("late-delete", about, [], [place(first)], [place(first, late)], **given)
    about = "The sequence field is a column like others: a greater one alone is an update."
    later = [["-U", "", 0, A, [1, 5]], ["+U", "", 0, A, [1, 6]]]
    add(
        "later-row", about, later, [place(first)], [place(first, run(2, row(A, [1, 6], order=(6,))))], **given
    )


def _values(book: Book) -> None:
    add = _difference(book)

    def pair(name: str, about: str, kind: Any, old: Any, new: Any, changed: bool) -> None:
        output = [["-U", "", 0, A, [old]], ["+U", "", 0, A, [new]]] if changed else []
        since, until = place(run(1, row(A, [old]))), place(run(1, row(A, [old])), run(2, row(A, [new])))
        add(name, about, output, [since], [until], types=[kind])

    pair("nan-equal-bits", "A NaN equals a NaN of the same bits.", "float64", NAN, NAN, False)
    pair(
        "nan-other-bits",
        "NaNs of other bits differ.",
        "float64",
        "7ff8000000000000",
        "7ff8000000000001",
        True,
    )
    pair("zero-of-other-sign", "-0.0 is not 0.0.", "float64", "0000000000000000", "8000000000000000", True)
    pair("null-to-empty", "Null is not the empty string.", "string", None, "", True)
    pair("null-stays", "Null equals null.", "string", None, None, False)
    pair("text-with-zero-byte", "A zero byte at the end counts.", "string", "a", "a\0", True)
    lists: Any = {"list": {"name": "element", "type": "string", "nullable": True}}
    pair("list-null-element", "A null element is not an empty one.", lists, ["a", None], ["a", ""], True)
    pair("list-moved-bounds", "The same bytes in other elements.", lists, ["ab", "c"], ["a", "bc"], True)
    pair("list-equal", "Equal lists.", lists, ["a", None, ""], ["a", None, ""], False)
    pair("list-null-to-empty", "A null list is not an empty one.", lists, None, [], True)


def _views(book: Book) -> None:
    add = _difference(book)
    given: dict[str, Any] = {"types": ["int32", "string"]}
    first = run(1, row(A, [1, "x"]), row(B, [2, "y"]))
    second = run(2, row(A, [1, "z"]), row(B, [3, "y"]), row(C, [4, "y"]))
    since, until = [place(first)], [place(first, second)]
    about = "Columns that were not asked for make no change."
    output = [["-U", "", 0, B, [2]], ["+U", "", 0, B, [3]], ["+I", "", 0, C, [4]]]
    add("projection", about, output, since, until, columns=[0], **given)
    about = "Without columns only keys come and go."
    add("projection-of-nothing", about, [["+I", "", 0, C, []]], since, until, columns=[], **given)
    about = "Columns in the order in which they were asked for."
    output = [["-U", "", 0, A, ["x", 1]], ["+U", "", 0, A, ["z", 1]], ["-U", "", 0, B, ["y", 2]],
              ["+U", "", 0, B, ["y", 3]], ["+I", "", 0, C, ["y", 4]]]  # fmt: skip
    add("projection-order", about, output, since, until, columns=[1, 0], **given)
    about = "A row that ceases to fulfil the filter is a delete, one that begins to an insert."
    add("filter", about, [["-D", "", 0, A, [1, "x"]]], since, until, where=[1, "x"], **given)
    output = [["+I", "", 0, A, [1]]]
    add("filter-and-projection", "The filter may use other columns.", output, since, until, where=[1, "z"],
        columns=[0], **given)  # fmt: skip
    about = "The filter applies to what is visible: an older version that fulfils it is not shown."
    add("filter-hidden-version", about, [["-D", "", 0, B, [2, "y"]]], since, until, where=[0, 2], **given)


def _candidates(book: Book) -> None:
    files: dict[str, Any] = {
        "f1": {"partition": EAST, "bucket": 0, "keys": [A, B]},
        "f2": {"partition": EAST, "bucket": 0, "keys": [B, C]},
        "f3": {"partition": EAST, "bucket": 0, "keys": [A, B, C]},
        "f4": {"partition": WEST, "bucket": 3, "keys": [A]},
        "f5": {"partition": EAST, "bucket": 0, "keys": ["64"]},
    }

    def add(name: str, about: str, output: list[Any], *steps: tuple[str, list[str]] | None) -> None:
        snapshots = [None if step is None else {"kind": step[0], "live": step[1]} for step in steps]
        book.valid(
            f"candidates-{name}", "14.6", about, "candidates", files=files, snapshots=snapshots, output=output
        )

    one, two, merged = ("append", ["f1"]), ("append", ["f1", "f2"]), ("compact", ["f3"])
    east = [[EAST, 0, A], [EAST, 0, B], [EAST, 0, C]]
    add("append", "The keys of the files that were added.", east[1:], one, two)
    add("compaction", "A compaction brings none.", [], two, merged)
    add("clean", "A snapshot that only moves the fence brings none.", [], two, ("clean", ["f1", "f2"]))
    about = "An append that a compaction has replaced since."
    add("append-then-compaction", about, east[1:], one, two, merged)
    about = "An append, a compaction, and an overwrite of one partition."
    steps = (one, ("append", ["f1", "f4"]), ("compact", ["f3", "f4"]), ("overwrite", ["f3", "f5"]))
    add("steps", about, [[EAST, 0, "64"], [WEST, 3, A]], *steps)
    add("rollback", "What a rollback takes away and brings back.", east, one, merged, ("rollback", ["f1"]))
    add("purge", "A compaction that dropped rows.", east, merged, ("purge", ["f2"]))
    about = "A snapshot in between cannot be read: the files that are live at one end only."
    add("missing-snapshot", about, [*east, [EAST, 0, "64"]], two, None, ("append", ["f3", "f5"]))
    add("same-snapshot", "One snapshot alone.", [], two)
