"""The model: a plain dict that says what a table must hold after every commit (spec §12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Row = tuple[Any, ...]
Key = tuple[Any, ...]

INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE = range(4)


def order_of(values: Iterable[Any]) -> tuple[Any, ...]:
    """Sequence fields as something that compares as spec §12.3 wants it: null lowest, text by its bytes."""
    return tuple(
        (0,) if value is None else (1, value.encode() if isinstance(value, str) else value)
        for value in values
    )


@dataclass(frozen=True)
class Version:
    """The greatest version of a key: row is None for a delete."""

    order: tuple[Any, ...]
    row: Row | None
    partition: tuple[Any, ...]


@dataclass
class Oracle:
    """versions: per key its greatest version. key_of, order_of_row, partition_of take a row apart."""

    key_of: Callable[[Row], Key]
    order_of_row: Callable[[Row], tuple[Any, ...]]
    partition_of: Callable[[Row], tuple[Any, ...]]
    versions: dict[Key, Version] = field(default_factory=dict)
    kept: dict[int, dict[Key, Row]] = field(default_factory=dict)
    committed: dict[str, int] = field(default_factory=dict)

    def change(self, row: Row, kind: int) -> None:
        """One row with its kind. A smaller tuple of sequence fields than the present one is late and loses."""
        key, order = self.key_of(row), self.order_of_row(row)
        present = self.versions.get(key)
        if present is None or order >= present.order:
            self.versions[key] = Version(order, None if kind & 1 else row, self.partition_of(row))

    def delete(self, key: Key) -> None:
        """A delete without a row takes the sequence fields of the version that it deletes."""
        present = self.versions.get(key)
        if present is not None and present.row is not None:
            self.versions[key] = Version(present.order, None, present.partition)

    def overwrite(self, rows: Iterable[Row], partition: tuple[Any, ...] | None) -> None:
        """Replace everything, or what is in one partition."""
        gone = [
            key
            for key, version in self.versions.items()
            if partition is None or version.partition == partition
        ]
        for key in gone:
            del self.versions[key]
        for row in rows:
            self.change(row, INSERT)

    def visible(self) -> dict[Key, Row]:
        """Rows that a scan must return."""
        return {key: version.row for key, version in self.versions.items() if version.row is not None}

    def keep(self, first: int, last: int) -> None:
        """Remember what versions `first` to `last` of the table hold."""
        rows = self.visible()
        for number in range(first, last + 1):
            self.kept[number] = rows
