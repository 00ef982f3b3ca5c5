"""Spec chapter 16: where rows go, what a committer does with a committable, and how a source's rows are ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tablestore.reference.cursor import reject

DELETE = 3
SPLIT_MEMBERS = ("bucket", "next", "rows", "state", "end")


def writer_of(bucket: int, buckets: int, writers: int) -> int:
    """The subtask of the writer that has the rows of a bucket (spec §16.7)."""
    return bucket * writers // buckets


def commit(last: int, checkpoint: int, restored: int, tried: bool, parts: int) -> str:
    """What becomes of a committable (spec §16.8). last: the sink's last commit id in the table, restored: the
    checkpoint that the job was restored from, -1 for none; tried: whether this committer has had it before."""
    if last >= checkpoint:
        if tried or checkpoint <= restored:
            return "known"
        reject("older-savepoint", f"commit {last} is in the table, checkpoint {checkpoint} is new", "16.8")
    return "publish" if parts else "empty"


def restore(last: int, restored: int, accept: bool) -> str:
    """Under which identity a sink that was restored goes on (spec §16.8)."""
    if last <= restored:
        return "same"
    if not accept:
        reject("older-savepoint", f"commit {last} is in the table, restored is {restored}", "16.8")
    return "new"


def order(parts: Sequence[Sequence[Sequence[int]]], moves: bool) -> list[int]:
    """The rows of some steps as they are handed on (spec §16.10). parts: of one partition each, rows `[step, kind,
    number]` by step and key; moves: whether the partition columns are no part of the primary key."""
    rows = [row for part in parts for row in part]
    return [row[2] for row in sorted(rows, key=lambda row: (row[0], moves and row[1] != DELETE))]


def split(member: Mapping[str, object]) -> tuple[int, int, int, bool, int | None]:
    """The members of a split as `add` has them (spec §16.10)."""
    for name in SPLIT_MEMBERS:
        value = member.get(name)
        expected = bool if name == "state" else int
        is_none = name == "end" and value is None and name in member
        if not is_none and (type(value) is not expected or int(value) < 0):
            reject("bad-message", f"{name} of a split is {value!r}", "16.10")
    bucket, following, rows, state, end = (member[name] for name in SPLIT_MEMBERS)
    return bucket, following, rows, state, end  # type: ignore[return-value]


def is_over(member: Mapping[str, object]) -> bool:
    """Whether the end of a split has come (spec §16.10)."""
    _, following, _, state, end = split(member)
    return end is not None and not state and following > end
