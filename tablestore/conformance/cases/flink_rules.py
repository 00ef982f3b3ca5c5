"""Vectors of spec §16.7, §16.8 and §16.10: routing, commits, and the order of a source's rows."""

from __future__ import annotations

from tablestore.conformance.cases.book import Book

INSERT, BEFORE, AFTER, DELETE = range(4)


def add(book: Book) -> None:
    """The cases."""
    _routes(book)
    _commits(book)
    _restores(book)
    _orders(book)
    _splits(book)


def _routes(book: Book) -> None:
    for name, about, bucket, buckets, writers, expected in (
        ("first", "The first bucket.", 0, 4, 2, 0),
        ("neighbours", "Neighbouring buckets share a writer.", 1, 4, 2, 0),
        ("half", "The first bucket of the second half.", 2, 4, 2, 1),
        ("last", "The last bucket goes to the last writer.", 3, 4, 2, 1),
        ("one-writer", "One writer has all buckets.", 65535, 65536, 1, 0),
        ("as-many", "As many writers as buckets.", 5, 7, 7, 5),
        ("uneven", "Three writers of four buckets: the first has two.", 1, 4, 3, 0),
        ("uneven-last", "The last one of them.", 3, 4, 3, 2),
        ("more-writers", "More writers than buckets: some have nothing.", 1, 2, 5, 2),
        ("large", "A product beyond 32 bits.", 65535, 65536, 32768, 32767),
        ("largest", "The greatest numbers.", 65534, 65535, 65536, 65534),
    ):
        book.valid(
            f"route-{name}",
            "16.7",
            about,
            "route",
            output=expected,
            bucket=bucket,
            buckets=buckets,
            writers=writers,
        )


def _commits(book: Book) -> None:
    def commit(last: int, checkpoint: int, restored: int, tried: bool, parts: int) -> dict[str, object]:
        return {"last": last, "checkpoint": checkpoint, "restored": restored, "tried": tried, "parts": parts}

    for name, about, given, expected in (
        ("first", "The first commit of a sink.", commit(-1, 1, -1, False, 2), "publish"),
        ("next", "The one after the last.", commit(4, 5, -1, False, 1), "publish"),
        (
            "gap",
            "Checkpoints without rows, or that failed, lie between.",
            commit(4, 9, -1, False, 1),
            "publish",
        ),
        ("empty", "No writer had rows.", commit(4, 5, -1, False, 0), "empty"),
        (
            "tried-not-in",
            "Tried before, and not in the table: the attempt failed.",
            commit(4, 5, -1, True, 1),
            "publish",
        ),
        (
            "tried-in",
            "Tried before, and in the table: the answer was lost.",
            commit(5, 5, -1, True, 1),
            "known",
        ),
        (
            "restored-not-in",
            "Restored with the checkpoint, before it was committed.",
            commit(4, 5, 5, False, 1),
            "publish",
        ),
        (
            "restored-in",
            "Restored with the checkpoint, after it was committed.",
            commit(5, 5, 5, False, 1),
            "known",
        ),
        (
            "restored-older",
            "An earlier checkpoint than the one that was restored.",
            commit(5, 4, 5, False, 1),
            "known",
        ),
        ("restored-then-new", "The first commit after a restore.", commit(5, 6, 5, False, 1), "publish"),
        (
            "replay-behind",
            "A replay, though later commits are in the table, too.",
            commit(9, 5, 5, False, 1),
            "known",
        ),
        ("replay-empty", "A replay without parts.", commit(4, 5, 5, False, 0), "empty"),
        ("checkpoint-0", "The least number.", commit(-1, 0, -1, False, 1), "publish"),
        ("large", "The greatest numbers.", commit(2**53 - 2, 2**53 - 1, 2**53 - 2, False, 1), "publish"),
    ):
        book.valid(f"commit-{name}", "16.8", about, "commit", output=expected, **given)
    for name, about, given in (
        (
            "set-back",
            "The job was restored from an older checkpoint, and counts on from there.",
            commit(9, 6, 5, False, 1),
        ),
        (
            "set-back-same",
            "The number of the last commit comes again for other rows.",
            commit(6, 6, 5, False, 1),
        ),
        (
            "set-back-empty",
            "Without rows, too: the job is not where the table is.",
            commit(9, 6, 5, False, 0),
        ),
        ("anew", "A job without state under the id of another.", commit(3, 1, -1, False, 1)),
    ):
        book.invalid(f"commit-{name}", "16.8", about, "commit", "older-savepoint", **given)


def _restores(book: Book) -> None:
    for name, about, last, restored, accept, expected in (
        ("same", "The last commit is that of the checkpoint.", 5, 5, False, "same"),
        ("not-committed", "The commit of the checkpoint has not come to be.", 4, 5, False, "same"),
        ("nothing", "The sink has committed nothing yet.", -1, 5, False, "same"),
        ("accepted-without-need", "Newer commits would be no error, and there are none.", 5, 5, True, "same"),
        (
            "accepted",
            "Newer commits are no error: the job goes on under another identity.",
            6,
            5,
            True,
            "new",
        ),
    ):
        book.valid(
            f"restore-{name}",
            "16.8",
            about,
            "restore",
            output=expected,
            last=last,
            restored=restored,
            accept=accept,
        )
    book.invalid(
        "restore-older", "16.8", "A newer commit is in the table.", "restore", "older-savepoint",
        last=6, restored=5, accept=False,
    )  # fmt: skip


def _orders(book: Book) -> None:
    def order(name: str, about: str, parts: list[list[list[int]]], moves: bool, expected: list[int]) -> None:
        book.valid(f"order-{name}", "16.10", about, "order", output=expected, parts=parts, moves=moves)

    moved = [[[0, INSERT, 1], [0, DELETE, 2]], [[0, DELETE, 3], [0, BEFORE, 4], [0, AFTER, 5]]]
    order("keys-hold-partitions", "By partition and key, deletes included.", moved, False, [1, 2, 3, 4, 5])
    order("moves", "A row may move: deletes of all partitions first.", moved, True, [2, 3, 1, 4, 5])
    order("moves-one-partition", "In one partition, too.", [[[0, INSERT, 1], [0, DELETE, 2]]], True, [2, 1])
    steps = [[[0, INSERT, 1], [1, DELETE, 2]], [[0, DELETE, 3], [1, INSERT, 4]]]
    order("steps", "One step after the other.", steps, False, [1, 3, 2, 4])
    order("steps-moves", "Deletes go before the rows of their own step.", steps, True, [3, 1, 2, 4])
    pairs = [[[0, BEFORE, 1], [0, AFTER, 2], [0, BEFORE, 3], [0, AFTER, 4]], [[0, DELETE, 5]]]
    order("updates-stay-together", "Both rows of an update follow each other.", pairs, True, [5, 1, 2, 3, 4])


def _splits(book: Book) -> None:
    def split(**change: object) -> dict[str, object]:
        return {"bucket": 0, "next": 5, "rows": 0, "state": False, "end": None, **change}

    for name, about, given, expected in (
        ("endless", "Without an end.", split(), False),
        ("before", "The last snapshot is still to come.", split(end=5), False),
        ("behind", "The last snapshot was handed on.", split(end=4), True),
        ("state", "The rows of the last snapshot itself are still to come.", split(state=True, end=4), False),
        ("within", "In the middle of the last snapshot.", split(rows=7, end=5), False),
        ("more", "Members that nobody knows are ignored.", split(color="red", end=4), True),
    ):
        book.valid(f"split-{name}", "16.10", about, "is_over", output=expected, split=given)
    for name, about, given in (
        ("bucket-negative", "A bucket below 0.", split(bucket=-1)),
        ("next-text", "A number as text.", split(next="5")),
        ("rows-true", "true is no number.", split(rows=True)),
        ("rows-negative", "Less than no rows.", split(rows=-1)),
        ("state-number", "A number is not true.", split(state=1)),
        ("state-missing", "A member is missing.", {k: v for k, v in split().items() if k != "state"}),
        ("end-text", "An end as text.", split(end="4")),
        ("end-negative", "An end below 0.", split(end=-1)),
        (
            "end-missing",
            "An end that is not there is not null.",
            {k: v for k, v in split().items() if k != "end"},
        ),
    ):
        book.invalid(f"split-{name}", "16.10", about, "is_over", "bad-message", split=given)
