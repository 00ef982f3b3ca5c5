"""Table options (spec §8.4): they tune writers and never change what stored rows mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from tablestore.errors import SchemaError

_DURATION: Final = re.compile("([1-9][0-9]{0,8}) ?(ms|s|min|h|d)")
_UNIT_MILLIS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class _Rule:
    """How an option is written: its name, and its words, the range of its integer, or the form of its text."""

    name: str
    words: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    form: Literal["number", "duration", "column"] = "number"

    def read(self, value: object) -> str | int:
        """The typed value. Raises ValueError with what would be valid."""
        if self.words:
            if isinstance(value, str) and value in self.words:
                return value
            raise ValueError(f"must be one of {', '.join(self.words)}")
        if self.form == "column":
            if isinstance(value, str) and value:
                return value
            raise ValueError("must be the name of a column")
        if self.form == "duration":
            if isinstance(value, str) and _DURATION.fullmatch(value):
                return value
            raise ValueError("must be a duration such as '7 d': a number of ms, s, min, h or d")
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if (
            isinstance(text, str)
            and text.isascii()
            and text.isdigit()
            and len(text) <= 19
            and self.least <= int(text) <= self.most
        ):
            return int(text)
        raise ValueError(f"must be an integer from {self.least} to {self.most}")


def _words(default: str, name: str, *words: str) -> Any:
    return field(default=default, metadata={"rule": _Rule(name, words)})


def _number(default: int, name: str, least: int, most: int) -> Any:
    return field(default=default, metadata={"rule": _Rule(name, (), least, most)})


def _text(default: str, name: str, form: str) -> Any:
    return field(default=default, metadata={"rule": _Rule(name, form=form)})  # type: ignore[arg-type]


def duration_millis(text: str) -> int:
    """Milliseconds of a duration as options hold it, such as "7 d"; 0 for an empty text."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNIT_MILLIS[found[2]] if found else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """The options of a table, typed. Sizes are in bytes.

    foreign: options that this version does not know, kept as they are. refused: known options whose stored
    value cannot be used, with the reason; a reader ignores them, a writer calls `check_writable`.
    """

    compaction: Literal["auto", "manual"] = _words("auto", "compaction", "auto", "manual")
    compaction_trigger: int = _number(8, "compaction.trigger", 2, 1_000)
    compaction_stop: int = _number(16, "compaction.stop", 2, 10_000)
    size_ratio_percent: int = _number(1, "compaction.size-ratio-percent", 0, 1_000)
    max_space_amplification_percent: int = _number(
        50, "compaction.max-space-amplification-percent", 0, 1_000_000
    )
    target_file_bytes: int = _number(67_108_864, "target-file-bytes", 4_096, 1 << 40)
    block_rows: int = _number(8_192, "block-rows", 1, 65_536)
    block_bytes: int = _number(1_048_576, "block-bytes", 1_024, 33_554_432)
    compression: Literal["zstd", "none"] = _words("zstd", "compression", "zstd", "none")
    compression_level: int = _number(1, "compression-level", 1, 19)
    filter_bits_per_key: int = _number(12, "filter-bits-per-key", 0, 32)
    filter_bits_per_key_last_level: int = _number(6, "filter-bits-per-key.last-level", 0, 32)
    durability: Literal["full", "none"] = _words("full", "durability", "full", "none")
    stall_timeout: str = _text("60 s", "stall-timeout", "duration")
    ttl_column: str = _text("", "ttl-column", "column")
    ttl: str = _text("", "ttl", "duration")
    foreign: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str, str], ...] = ()

    @property
    def level(self) -> int:
        """The zstd level to encode with; 0 is no compression."""
        return self.compression_level if self.compression == "zstd" else 0

    @property
    def durable(self) -> bool:
        return self.durability == "full"

    @property
    def ttl_millis(self) -> int:
        """How long rows live (spec §13.9); 0 = for ever."""
        return duration_millis(self.ttl) if self.ttl_column else 0

    def filter_bits(self, level: int) -> int:
        """Bloom filter bits per key for a file that is written to `level` (0 … 3)."""
        return self.filter_bits_per_key_last_level if level == 3 else self.filter_bits_per_key

    @classmethod
    def parse(cls, options: Mapping[str, str | int]) -> tuple[TableOptions, dict[str, str | int]]:
        """Options given by a caller, and those of CALLER_OPTIONS, which are not stored, apart.

        Raises SchemaError for an option that is not known or has a value out of range.
        """
        values: dict[str, Any] = {}
        rest: dict[str, str | int] = {}
        for name, value in options.items():
            if name in CALLER_OPTIONS:
                rest[name] = value
                continue
            if name not in _ATTRIBUTES:
                valid = ", ".join(sorted([*_ATTRIBUTES, *CALLER_OPTIONS]))
                raise SchemaError(f"unknown option {name!r}; valid options are {valid}")
            attribute, rule = _ATTRIBUTES[name]
            try:
                values[attribute] = rule.read(value)
            except ValueError as error:
                raise SchemaError(f"option {name!r} = {value!r}: {error}") from None
        parsed = cls(**values)
        if parsed.compaction_stop < parsed.compaction_trigger:
            raise SchemaError(
                f"option 'compaction.stop' = {parsed.compaction_stop}: must not be below "
                f"'compaction.trigger' = {parsed.compaction_trigger}"
            )
        if bool(parsed.ttl) != bool(parsed.ttl_column):
            raise SchemaError("options 'ttl' and 'ttl-column' must be given together")
        return parsed, rest

    @classmethod
    def stored(cls, options: Mapping[str, str]) -> TableOptions:
        """Options of a schema document: what cannot be used is remembered and not raised (spec §8.4)."""
        values: dict[str, Any] = {}
        foreign: list[tuple[str, str]] = []
        refused: list[tuple[str, str, str]] = []
        for name, value in options.items():
            if name not in _ATTRIBUTES:
                foreign.append((name, value))
                continue
            attribute, rule = _ATTRIBUTES[name]
            try:
                values[attribute] = rule.read(value)
            except ValueError as error:
                refused.append((name, value, str(error)))
        return cls(**values, foreign=tuple(foreign), refused=tuple(refused))

    def check_writable(self) -> None:
        """Raises SchemaError if the table has an option that a writer would have to obey and cannot."""
        for name, value, reason in self.refused:
            raise SchemaError(f"the table's option {name!r} = {value[:100]!r} cannot be used: {reason}")

    def to_json(self) -> dict[str, str]:
        """What is stored: options that differ from the default, as texts, in the order of spec §8.4."""
        stored = {
            rule.name: str(getattr(self, attribute))
            for attribute, rule in _RULES.items()
            if getattr(self, attribute) != _DEFAULTS[attribute]
        }
        stored.update((name, value) for name, value, _ in self.refused)
        stored.update(self.foreign)
        return stored


# Given with the options, and used by create_table and by writers and scans themselves.
CALLER_OPTIONS: Final = ("sequence.field", "merge-engine", "writer-memory", "scan-memory", "lookup-memory")

_RULES: Final[dict[str, _Rule]] = {
    f.name: f.metadata["rule"] for f in fields(TableOptions) if "rule" in f.metadata
}
_DEFAULTS: Final[dict[str, Any]] = {f.name: f.default for f in fields(TableOptions)}
_ATTRIBUTES: Final[dict[str, tuple[str, _Rule]]] = {rule.name: (name, rule) for name, rule in _RULES.items()}
