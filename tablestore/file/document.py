"""JSON documents: the strict reader and the canonical writer (spec §1.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import msgspec
import numpy as np

from tablestore._native.checksum import crc32c
from tablestore.errors import ChecksumError, FormatError, LimitExceededError, UnsupportedVersionError
from tablestore.storage.interface import DOCUMENT_BYTES_MAX

NESTING_MAX: Final = 32  # spec §0.5
INTEGER_MIN: Final = -(1 << 63)
INTEGER_MAX: Final = (1 << 64) - 1
COUNTER_MAX: Final = (1 << 63) - 1

_SECTION: Final = "1.5"
_END: Final = re.compile(rb'"checksum": "([0-9a-f]{8})"\n}\n')
_END_SIZE: Final = 25
_DIGITS_TO_END: Final = 12
# A string without end reaches to the end of the data: the search stays linear.
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
HEXADECIMAL: Final = re.compile("(?:[0-9a-f]{2})*")  # bytes in lower-case digits
_UNFINISHED_NUMBER: Final = re.compile(r"[0-9][.eE]")


# ---- reading


def read_document(data: bytes, file: str) -> dict[str, Any]:
    """Members of a document, without `checksum`; `file` is named in errors. Raises FormatError as spec §1.5
    says.
    """
    check_envelope(data, file)
    members = parse_strict_json(data, file)
    members.pop("checksum", None)
    return members


def check_envelope(data: bytes, file: str) -> None:
    """Size, end and checksum of a document (spec §1.5)."""
    if len(data) > DOCUMENT_BYTES_MAX:
        raise _limit(f"a document of {len(data)} bytes", file)
    match = _END.fullmatch(data, max(0, len(data) - _END_SIZE))
    if match is None:
        raise _fault("truncated", "the document does not end in its checksum", file)
    stored, computed = int(match[1], 16), crc32c(memoryview(data)[:-_DIGITS_TO_END])
    if stored != computed:
        raise ChecksumError(
            f"checksum {stored:08x}, computed {computed:08x}",
            code="checksum-mismatch",
            file=file,
            offset=len(data) - _DIGITS_TO_END,
            section=_SECTION,
        )
    if not data.startswith(b"{"):
        raise _fault("json-syntax", "the document does not begin with {", file)


def parse_strict_json(data: bytes, file: str) -> dict[str, Any]:
    """One JSON object on the strict rules: integers only, no repeated names, limited depth.

    Values are fresh.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _fault("invalid-utf8", "the document is not UTF-8", file, error.start) from None
    if _nesting(data) > NESTING_MAX:
        raise _limit(f"nested deeper than {NESTING_MAX}", file)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_fraction,
            parse_constant=_no_word,
        )
    except json.JSONDecodeError as error:
        # The parser ends an integer before a fraction that it does not understand.
        unfinished = error.pos and _UNFINISHED_NUMBER.match(text, error.pos - 1)
        code = "json-type" if unfinished else "json-syntax"
        raise _fault(code, error.msg, file, len(text[: error.pos].encode())) from None
    except _RefusedError as error:
        raise error.located_in(file) from None
    except RecursionError:
        raise _limit("nested too deeply", file) from None
    if not isinstance(value, dict):
        raise _fault("json-syntax", "the document is not an object", file)
    if _SURROGATE.search(data) and _has_lone_surrogate(value):
        raise _fault("invalid-utf8", "a text holds a lone surrogate", file)
    return value


class _RefusedError(Exception):
    """A fault found while parsing, where the file is not known."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def located_in(self, file: str) -> FormatError:
        if self.code == "limit-exceeded":
            return _limit(self.message, file)
        return _fault(self.code, self.message, file)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for position, name in enumerate(names) if names.index(name) != position)
        raise _RefusedError("json-duplicate-key", f"member {repeated[:100]!r} is repeated")
    return members


def _integer(digits: str) -> int:
    # At most twenty characters are converted: longer ones are beyond 64 bits anyway, and slow.
    if len(digits) <= 20 and INTEGER_MIN <= (value := int(digits)) <= INTEGER_MAX:
        return value
    raise _RefusedError("limit-exceeded", "a number beyond 64 bits")


def _no_fraction(digits: str) -> NoReturn:
    raise _RefusedError("json-type", f"{digits[:40]} is no integer")


def _no_word(word: str) -> NoReturn:
    raise _RefusedError("json-type", f"{word} is no integer")


def _nesting(data: bytes) -> int:
    """Greatest number of brackets that are open at one place, for well-formed text at least."""
    brackets = np.frombuffer(_STRING.sub(b"", data).translate(None, _NOT_BRACKET), np.uint8)
    if len(brackets) == 0:
        return 0
    # Bit 1 is set in "[" and "{", and not in "]" and "}".
    steps = (brackets & 2).astype(np.int32) - 1
    return int(np.cumsum(steps).max())


def _has_lone_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(_has_lone_surrogate(part) for item in value.items() for part in item)
    return isinstance(value, list) and any(_has_lone_surrogate(item) for item in value)


# ---- writing


def write_document(members: dict[str, Any]) -> bytes:
    """The canonical document with these members and the checksum as the last."""
    text = msgspec.json.format(msgspec.json.encode({**members, "checksum": "00000000"}), indent=2)
    covered = text[: -(_DIGITS_TO_END - 1)]
    return covered + b'%08x"\n}\n' % crc32c(covered)


def table_document(form: str, table: str, members: dict[str, Any]) -> bytes:
    """A document of version 1 of the table: format, version and table id, then `members`."""
    return write_document({"format": form, "major": 1, "minor": 0, "table": table, **members})


def compact_json(members: dict[str, Any] | list[dict[str, Any]]) -> bytes:
    """The members without spaces and envelope (spec §7.5)."""
    return msgspec.json.encode(members)


def raw_json(encoded: bytes) -> msgspec.Raw:
    """A member for `compact_json` that is JSON already."""
    return msgspec.Raw(encoded)


# ---- members with types


class Members:
    """Typed access to the members of one object of a document; faults carry the file and section."""

    def __init__(self, members: dict[str, Any], file: str, section: str, bad: str) -> None:
        """bad: the code for a value of the right type that does not fit, such as bad-schema."""
        self._members = members
        self._bad = bad
        self.file = file
        self.section = section

    def fail(self, message: str, code: str | None = None) -> FormatError:
        return FormatError(message, code=code or self._bad, file=self.file, section=self.section)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def value(self, name: str, *kinds: type) -> Any:
        """The member, of one of the types; bool is no int."""
        if name not in self._members:
            raise self.fail(f"member {name!r} is missing", "json-missing")
        value = self._members[name]
        if type(value) not in kinds:
            raise self.fail(f"member {name!r} is {_shown(value)}", "json-type")
        return value

    def text(self, name: str) -> str:
        value: str = self.value(name, str)
        return value

    def integer(self, name: str, least: int = 0, most: int = COUNTER_MAX) -> int:
        value: int = self.value(name, int)
        if not least <= value <= most:
            raise self.fail(f"member {name!r} is {value}, not in {least} … {most}")
        return value

    def boolean(self, name: str) -> bool:
        value: bool = self.value(name, bool)
        return value

    def array(self, name: str, kind: type) -> list[Any]:
        """An array whose items all have one type."""
        items: list[Any] = self.value(name, list)
        for item in items:
            if type(item) is not kind:
                raise self.fail(f"an item of {name!r} is {_shown(item)}", "json-type")
        return items

    def objects(self, name: str) -> Iterable[Members]:
        """The objects in an array."""
        return [Members(item, self.file, self.section, self._bad) for item in self.array(name, dict)]

    def object(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = self.value(name, dict)
        return value

    def hexadecimal(self, name: str, size: int | None = None, most: int | None = None) -> str:
        """Lower-case hexadecimal digits of `size` bytes, or of at most `most`."""
        text = self.text(name)
        fits = HEXADECIMAL.fullmatch(text) and (size is None or len(text) == 2 * size)
        if not fits or (most is not None and len(text) > 2 * most):
            raise self.fail(f"member {name!r} is {_shown(text)}, not such hexadecimal digits")
        return text

    def check_format(self, form: str) -> None:
        """The members that every document begins with, and its features (spec §0.4)."""
        if self.text("format") != form:
            raise self.fail(f"format {_shown(self.text('format'))} is not {form}")
        major = self.integer("major", INTEGER_MIN, INTEGER_MAX)
        self.integer("minor", 0, INTEGER_MAX)
        if major != 1:
            raise UnsupportedVersionError(
                f"major version {major} is not implemented",
                code="unsupported-version",
                file=self.file,
                section="0.4",
            )

    def features(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Reader and writer features. Raises UnsupportedVersionError for a reader feature; there are none
        yet.
        """
        readers = tuple(self.array("reader_features", str))
        writers = tuple(self.array("writer_features", str))
        if readers:
            raise UnsupportedVersionError(
                f"reading needs the feature {_shown(readers[0])}",
                code="unknown-feature",
                file=self.file,
                section="0.4",
            )
        return readers, writers


def open_document(
    data: bytes, file: str, form: str, expected_table: str | None, section: str, bad: str
) -> Members:
    """The members of a document; its format, version and table are checked. section, bad: as for Members."""
    members = Members(read_document(data, file), file, section, bad)
    members.check_format(form)
    table = members.hexadecimal("table", 16)
    if expected_table not in (None, table):
        raise members.fail(f"the document belongs to table {table}, not {expected_table}", "wrong-table")
    return members


def _shown(value: object) -> str:
    """A value for a message, never long."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    return repr(value[:60]) if isinstance(value, str) else str(value)


def _fault(code: str, message: str, file: str, offset: int | None = None) -> FormatError:
    return FormatError(message, code=code, file=file, offset=offset, section=_SECTION)


def _limit(message: str, file: str) -> LimitExceededError:
    return LimitExceededError(message, code="limit-exceeded", file=file, section="0.5")
