"""Consumer documents (spec §15.2, §15.5): how far somebody who follows a table has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tablestore.file import layout, partition
from tablestore.file.boundary import BAD, SECTION
from tablestore.file.document import open_document, table_document
from tablestore.file.layout import ID_MAX
from tablestore.file.snapshot import TIMESTAMP_MAX
from tablestore.file.tag import check_name, read_name

FORMAT: Final = "tablestore/consumer"
DROPPED: Final = 0


@dataclass(frozen=True, slots=True)
class Consumer:
    """next: the snapshot whose changes come next, or with `state` whose rows are being handed on; position: rows of
    it that were handed on. until: where the step ends that is being handed on, 0 = at `next`. number: of this document
    in the chain of its name. expires_millis: DROPPED, 0, if it was dropped.
    """

    table: str
    name: str
    number: int
    next: int
    position: int
    state: bool
    timestamp_millis: int
    expires_millis: int
    until: int = 0

    @property
    def is_dropped(self) -> bool:
        """Whether an expirer has dropped it: it keeps nothing (spec §15.5)."""
        return self.expires_millis == DROPPED

    @property
    def keeps(self) -> int:
        """The least snapshot that is kept (spec §15.5)."""
        return self.next if self.state else max(1, self.next - 1)


def path(name: str, number: int) -> str:
    """Path of a document. Raises SchemaError for a name that cannot be."""
    return layout.consumer_path(partition.escape(check_name(name, "consumer")), number)


def encode(consumer: Consumer) -> bytes:
    """The document."""
    return table_document(
        FORMAT,
        consumer.table,
        {
            "name": consumer.name,
            "number": consumer.number,
            "next": consumer.next,
            "position": consumer.position,
            "until": consumer.until,
            "state": consumer.state,
            "timestamp_millis": consumer.timestamp_millis,
            "expires_millis": consumer.expires_millis,
        },
    )


def decode(
    data: bytes, file: str, escaped: str, expected_number: int, expected_table: str | None = None
) -> Consumer:
    """Check and decode a document (spec §15.3). escaped, expected_number: of the file's name."""
    members = open_document(data, file, FORMAT, expected_table, SECTION, BAD)
    number = members.integer("number", 1, ID_MAX)
    if number != expected_number:
        raise members.fail(f"number {number} does not fit the name")
    following, until = members.integer("next", 1, ID_MAX), members.integer("until")
    state = members.boolean("state")
    if until and (state or until < following):
        raise members.fail(f"a step from snapshot {following} cannot end at {until}")
    return Consumer(
        table=members.text("table"),
        name=read_name(members, escaped),
        number=number,
        next=following,
        position=members.integer("position"),
        state=state,
        timestamp_millis=members.integer("timestamp_millis", 0, TIMESTAMP_MAX),
        expires_millis=members.integer("expires_millis", 0, TIMESTAMP_MAX),
        until=until,
    )
