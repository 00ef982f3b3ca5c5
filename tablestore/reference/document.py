"""Spec §1.5: strict JSON, its canonical form and the envelope of schemas and snapshots.

Written out because the json module accepts repeated names, NaN, lone surrogates and any depth.
"""

from __future__ import annotations

import re
from typing import NoReturn, TypeVar

from tablestore.reference.cursor import reject
from tablestore.reference.primitive import DEPTH_MAX, INT64_MIN, JSON_BYTES_MAX, UINT64_MAX, crc32c

Json = dict[str, object]
Wanted = TypeVar("Wanted")
COUNTER_MAX = 2**63 - 1

_END = re.compile(rb'"checksum": "([0-9a-f]{8})"\n}\n')
_END_BYTES = 25
_CRC_BYTES = 12
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_SPACE = re.compile(r"[ \t\n\r]*")
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}
_NOT_NUMBERS = ("NaN", "Infinity", "-Infinity")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def parse_envelope(data: bytes) -> Json:
    """The members of a document with a checksum, without `checksum`."""
    if len(data) > JSON_BYTES_MAX:
        reject("limit-exceeded", f"a document of {len(data)} bytes", "0.5", 0)
    end = _END.fullmatch(data, max(0, len(data) - _END_BYTES))
    if end is None:
        reject(
            "truncated", "the document does not end in its checksum", "1.5", max(0, len(data) - _END_BYTES)
        )
    computed = crc32c(data[:-_CRC_BYTES])
    if int(end[1], 16) != computed:
        message = f"checksum {end[1].decode()}, computed {computed:08x}"
        reject("checksum-mismatch", message, "1.5", len(data) - _CRC_BYTES)
    if not data.startswith(b"{"):
        reject("json-syntax", "the document does not begin with {", "1.5", 0)
    members = parse_object(data)
    members.pop("checksum")
    return members


def write_envelope(members: Json) -> bytes:
    """The canonical document: `checksum` is added as the last member."""
    text = write_json({**members, "checksum": "00000000"}).encode() + b"\n"
    covered = text[:-_CRC_BYTES]
    return covered + b'%08x"\n}\n' % crc32c(covered)


def parse_object(data: bytes) -> Json:
    """One JSON object in UTF-8."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        reject("invalid-utf8", "the document is not UTF-8", "1.5", error.start)
    parser = _Parser(text)
    value = parser.value(1)
    parser.space()
    if parser.position != len(text) or not isinstance(value, dict):
        reject("json-syntax", "the document is not one object", "1.5", parser.offset(parser.position))
    return value


def write_json(value: object, indent: int | None = 2, level: int = 0) -> str:
    """Canonical text (spec §1.5); compact, as in spec §7.5, with indent None."""
    if isinstance(value, dict):
        items = [
            f'"{_escape(name)}":{"" if indent is None else " "}{write_json(item, indent, level + 1)}'
            for name, item in value.items()
        ]
        return _write_items(items, "{}", indent, level)
    if isinstance(value, list):
        return _write_items([write_json(item, indent, level + 1) for item in value], "[]", indent, level)
    if isinstance(value, str):
        return f'"{_escape(value)}"'
    for word, constant in _WORDS.items():
        if value is constant:
            return word
    assert isinstance(value, int)
    return str(value)


def _write_items(items: list[str], brackets: str, indent: int | None, level: int) -> str:
    if not items or indent is None:
        return brackets[0] + ",".join(items) + brackets[1]
    line = "\n" + " " * indent * (level + 1)
    return brackets[0] + line + f",{line}".join(items) + "\n" + " " * indent * level + brackets[1]


def _escape(text: str) -> str:
    return "".join(_ESCAPED.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text)


def member(members: Json, name: str, wanted: type[Wanted], section: str) -> Wanted:
    """A required member of a type: `json-missing`, `json-type`. bool is no int."""
    if name not in members:
        reject("json-missing", f"member {name!r} is missing", section)
    value = members[name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        reject("json-type", f"member {name!r} is {value!r}", section)
    return value


def counter(members: Json, name: str, section: str, code: str, most: int = COUNTER_MAX) -> int:
    """A required integer of 0 … `most`, else `code`."""
    value = member(members, name, int, section)
    if not 0 <= value <= most:
        reject(code, f"member {name!r} is {value}", section)
    return value


def members_of(members: Json, name: str, wanted: type[Wanted], section: str) -> list[Wanted]:
    """A required array whose items all have a type."""
    items = member(members, name, list, section)
    for item in items:
        if not isinstance(item, wanted) or (isinstance(item, bool) and wanted is not bool):
            reject("json-type", f"an item of {name!r} is {item!r}", section)
    return items


class _Parser:
    """Recursive descent over the text; errors carry the byte offset of what they refuse."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def offset(self, position: int) -> int:
        """Byte offset of a position in the text."""
        return len(self.text[:position].encode())

    def fail(self, code: str, message: str, position: int | None = None) -> NoReturn:
        reject(code, message, "1.5", self.offset(self.position if position is None else position))

    def space(self) -> None:
        match = _SPACE.match(self.text, self.position)
        assert match is not None
        self.position = match.end()

    def next_is(self, token: str) -> bool:
        """Skip white space and the token if it is next."""
        self.space()
        found = self.text.startswith(token, self.position)
        self.position += len(token) if found else 0
        return found

    def expect(self, token: str) -> None:
        if not self.next_is(token):
            self.fail("json-syntax", f"{token!r} expected")

    def value(self, depth: int) -> object:
        self.space()
        start = self.text[self.position : self.position + 1]
        if start in ("{", "["):
            if depth > DEPTH_MAX:
                self.fail("limit-exceeded", f"nested deeper than {DEPTH_MAX}")
            self.position += 1
            return self.members(depth) if start == "{" else self.items(depth)
        if start == '"':
            self.position += 1
            return self.string()
        for word in _NOT_NUMBERS:
            if self.text.startswith(word, self.position):
                self.fail("json-type", f"{word} is no value")
        for word, constant in _WORDS.items():
            if self.text.startswith(word, self.position):
                self.position += len(word)
                return constant
        return self.number()

    def members(self, depth: int) -> Json:
        found: Json = {}
        if self.next_is("}"):
            return found
        while True:
            self.expect('"')
            start = self.position - 1
            name = self.string()
            if name in found:
                self.fail("json-duplicate-key", f"member {name!r} is repeated", start)
            self.expect(":")
            found[name] = self.value(depth + 1)
            if self.next_is("}"):
                return found
            self.expect(",")

    def items(self, depth: int) -> list[object]:
        items: list[object] = []
        if self.next_is("]"):
            return items
        while True:
            items.append(self.value(depth + 1))
            if self.next_is("]"):
                return items
            self.expect(",")

    def number(self) -> int:
        start = self.position
        match = _NUMBER.match(self.text, start)
        if match is None:
            self.fail("json-syntax", "a value expected")
        self.position = match.end()
        after = self.text[self.position : self.position + 1]
        if after in (".", "e", "E") and after:
            self.fail("json-type", "a number with a fraction or exponent", start)
        if len(match[0]) > 20 or not INT64_MIN <= int(match[0]) <= UINT64_MAX:
            self.fail("limit-exceeded", "a number beyond 64 bits", start)
        return int(match[0])

    def string(self) -> str:
        """The rest of a string after its opening quote."""
        start = self.position
        parts: list[str] = []
        while True:
            match = _PLAIN.match(self.text, self.position)
            assert match is not None
            parts.append(match[0])
            self.position = match.end()
            if self.next_character() == '"':
                break
            parts.append(self.escape())
        text = "".join(parts).encode("utf-16-le", "surrogatepass")
        try:
            return text.decode("utf-16-le")
        except UnicodeDecodeError:
            self.fail("invalid-utf8", "a lone surrogate", start)

    def next_character(self) -> str:
        character = self.text[self.position : self.position + 1]
        if character not in ('"', "\\") or not character:
            self.fail("json-syntax", "a string ends early or holds a control character")
        self.position += 1
        return character

    def escape(self) -> str:
        """The rest of an escape after its backslash."""
        kind = self.text[self.position : self.position + 1]
        self.position += 1
        if kind == "u":
            digits = self.text[self.position : self.position + 4]
            if re.fullmatch("[0-9a-fA-F]{4}", digits):
                self.position += 4
                return chr(int(digits, 16))
        elif kind in _ESCAPES:
            return _ESCAPES[kind]
        self.fail("json-syntax", "an unknown escape", self.position - 2)
