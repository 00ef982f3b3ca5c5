"""Spec chapter 4: decoding of nodes. Values: 0/1 for BITS, unsigned integers for FIXED(w), bytes for VAR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tablestore.reference.alp import alp_value, read_exceptions
from tablestore.reference.bitpack import read_bitpack
from tablestore.reference.cursor import Cursor, reject
from tablestore.reference.fsst import read_bundle, read_symbols
from tablestore.reference.primitive import CHUNK_RAW_MAX, VALUE_BYTES_MAX
from tablestore.reference.stream import read_stream

CONSTANT, PLAIN, BITPACK, DELTA, DICTIONARY, VAR, PREFIX, RLE, ALP, WIDEN, FSST = range(11)
NAMES = (
    "CONSTANT", "PLAIN", "BITPACK", "DELTA", "DICTIONARY", "VAR", "PREFIX", "RLE", "ALP", "WIDEN", "FSST",
)  # fmt: skip
WITH_STREAM = frozenset({PLAIN, VAR, PREFIX})
INTEGER_WIDTHS = (1, 2, 4, 8)

# Encodings that a node may have in its place; `defined_for` cuts them to those of its class.
ANY = frozenset(range(11))
COUNTS = frozenset({CONSTANT, BITPACK})
CODES = frozenset({CONSTANT, BITPACK, RLE})
RUN_VALUES = frozenset({CONSTANT, PLAIN, BITPACK})
WIDENED = frozenset({CONSTANT, PLAIN, BITPACK, DELTA})


@dataclass(frozen=True)
class Class:
    """Class of a node's values (spec §4.1): BITS, FIXED or VAR; width is that of FIXED, else 0."""

    name: str
    width: int = 0

    def defined_for(self) -> frozenset[int]:
        """Encodings that are defined for the class (§4.4 – §4.14)."""
        if self.name == "BITS":
            return frozenset({CONSTANT, PLAIN})
        if self.name == "VAR":
            return frozenset({CONSTANT, DICTIONARY, VAR, PREFIX, FSST})
        defined = {CONSTANT, PLAIN, DICTIONARY, RLE}
        defined |= {BITPACK, DELTA} if self.width in INTEGER_WIDTHS else set()
        defined |= {ALP} if self.width == 8 else set()
        defined |= {WIDEN} if self.width == 16 else set()
        return frozenset(defined)


BITS = Class("BITS")
VARIABLE = Class("VAR")


def fixed(width: int) -> Class:
    return Class("FIXED", width)


Values = list[int] | list[bytes]


@dataclass(frozen=True)
class Node:
    """Head of a node (spec §4.2), a cursor over its body, and what the context says of its values."""

    class_: Class
    count: int
    codec: int
    parameter: int
    parameter_offset: int
    body: Cursor


def decode_node(
    cursor: Cursor, class_: Class, count: int, name: str = "node", allowed: frozenset[int] = ANY
) -> Values:
    """The next node of the cursor: `count` values of a class, in one of the `allowed` encodings."""
    start = cursor.offset
    path = cursor.path
    cursor.path = f"{path}{name}."
    encoding = cursor.unsigned(1, "encoding", "4.2")
    codec = cursor.unsigned(1, "codec", "4.2")
    parameter = cursor.unsigned(2, "parameter", "4.2")
    size = cursor.unsigned(4, "size", "4.2")
    if size > cursor.remaining:
        reject("truncated", f"a body of {size} bytes, {cursor.remaining} left", "4.2", start + 4)
    if encoding not in class_.defined_for() & allowed:
        place = f"{name} of {class_.name}({class_.width})"
        reject("bad-encoding", f"encoding {encoding} in {place}", "4.2", start)
    if codec > 1 or (codec and encoding not in WITH_STREAM):
        reject("bad-codec", f"codec {codec} with {NAMES[encoding]}", "4.2", start + 1)
    if not _parameter_is_valid(encoding, parameter):
        reject("bad-parameter", f"parameter {parameter} of {NAMES[encoding]}", "4.2", start + 2)
    cursor.path = path
    body = cursor.within(size, f"{name}.{NAMES[encoding]}", "4.2")
    values = _DECODERS[encoding](Node(class_, count, codec, parameter, start + 2, body))
    body.finish("4.2")
    return values


def fixed_values(
    cursor: Cursor, width: int, count: int, name: str, allowed: frozenset[int] = ANY
) -> list[int]:
    """A FIXED node, as integers."""
    return [int(value) for value in decode_node(cursor, fixed(width), count, name, allowed)]


def value_size(class_: Class, value: int | bytes) -> int:
    return len(value) if isinstance(value, bytes) else class_.width


def _parameter_is_valid(encoding: int, parameter: int) -> bool:
    if encoding == BITPACK:
        return parameter <= 1
    if encoding == DICTIONARY:
        return parameter in (1, 2, 4)
    if encoding in (PREFIX, FSST):
        return (2 if encoding == PREFIX else 1) <= parameter <= 256 and parameter.bit_count() == 1
    if encoding == ALP:
        return parameter >> 8 <= parameter & 0xFF <= 18
    return parameter == 0


def _check_total(total: int, section: str, offset: int) -> None:
    """The values of a VAR node together are a raw size, which is limited (spec §0.5)."""
    if total > CHUNK_RAW_MAX:
        reject("limit-exceeded", f"{total} bytes of values in a node", section, offset)


def _check_value(size: int, section: str, offset: int) -> None:
    if size > VALUE_BYTES_MAX:
        reject("limit-exceeded", f"a value of {size} bytes", section, offset)


def _constant(node: Node) -> Values:
    start = node.body.offset
    if node.class_.name == "VAR":
        size = node.body.remaining
        _check_value(size, "4.4", start)
        _check_total(size * node.count, "4.4", start)
        return [node.body.take(size, "value", "4.4")] * node.count
    value = node.body.unsigned(node.class_.width or 1, "value", "4.4")
    if node.class_.name == "BITS" and value > 1:
        reject("bad-value", f"a bit with value {value}", "4.4", start)
    return [value] * node.count


def _plain(node: Node) -> Values:
    start = node.body.offset
    if node.class_.name == "BITS":
        raw = read_stream(node.body, node.codec, -(-node.count // 8), "4.5")
        bits = int.from_bytes(raw, "little")
        if bits >> node.count:
            reject("bad-value", "unused bits of the last byte are set", "4.5", start + len(raw) - 1)
        return [(bits >> index) & 1 for index in range(node.count)]
    width = node.class_.width
    raw = read_stream(node.body, node.codec, node.count * width, "4.5")
    return [int.from_bytes(raw[at : at + width], "little") for at in range(0, len(raw), width)]


def _bitpack(node: Node) -> Values:
    return read_bitpack(node.body, node.class_.width, node.count)


def _delta(node: Node) -> Values:
    width = node.class_.width
    value = node.body.unsigned(width, "start", "4.7")
    values = []
    for delta in fixed_values(node.body, width, node.count, "delta", COUNTS):
        value = (value + delta) % (1 << 8 * width)
        values.append(value)
    return values


def _dictionary(node: Node) -> Values:
    start = node.body.offset
    entries = node.body.unsigned(4, "entries", "4.8")
    if not 1 <= entries <= min(65_536, node.count):
        reject("bad-dictionary", f"{entries} entries for {node.count} values", "4.8", start)
    codes_at = node.body.offset
    codes = fixed_values(node.body, node.parameter, node.count, "code", CODES)
    values = frozenset({CONSTANT, VAR} if node.class_.name == "VAR" else {CONSTANT, PLAIN})
    entry = decode_node(node.body, node.class_, entries, "entry", values)
    for code in codes:
        if code >= entries:
            reject("bad-dictionary", f"code {code} of {entries} entries", "4.8", codes_at)
    if node.class_.name == "VAR":
        _check_total(sum(value_size(node.class_, entry[code]) for code in codes), "4.8", codes_at)
    return [entry[code] for code in codes]  # type: ignore[return-value]


def _var(node: Node) -> Values:
    lengths_at = node.body.offset
    lengths = fixed_values(node.body, 4, node.count, "length", COUNTS)
    raw = _read_strings(node, lengths, lengths_at, "4.9")
    return _cut(raw, lengths)


def _prefix(node: Node) -> Values:
    prefix_size = node.body.unsigned(4, "prefix_size", "4.10")
    prefix = node.body.take(prefix_size, "prefix", "4.10")
    shared_at = node.body.offset
    shared = fixed_values(node.body, 4, node.count, "shared", COUNTS)
    suffixes_at = node.body.offset
    lengths = fixed_values(node.body, 4, node.count, "suffix_length", COUNTS)
    raw = _read_strings(node, lengths, suffixes_at, "4.10")
    head_size = 0
    for row, (kept, added) in enumerate(zip(shared, lengths, strict=True)):
        is_head = row % node.parameter == 0
        if kept != prefix_size if is_head else kept > head_size:
            reject("bad-prefix", f"row {row} shares {kept} bytes", "4.10", shared_at)
        _check_value(kept + added, "4.10", suffixes_at)
        head_size = kept + added if is_head else head_size
    _check_total(sum(shared) + sum(lengths), "4.10", shared_at)
    head = prefix
    values = []
    for row, suffix in enumerate(_cut(raw, lengths)):
        if row % node.parameter == 0:
            head = prefix
        value = head[: shared[row]] + suffix
        head = value if row % node.parameter == 0 else head
        values.append(value)
    return values


def _read_strings(node: Node, lengths: list[int], lengths_at: int, section: str) -> bytes:
    """The raw size and the stream that end VAR and PREFIX nodes."""
    start = node.body.offset
    raw_size = node.body.unsigned(4, "raw_size", section)
    _check_total(raw_size, section, start)
    raw = read_stream(node.body, node.codec, raw_size, section)
    _check_lengths(lengths, raw_size, section, lengths_at, start)
    return raw


def _check_lengths(lengths: list[int], raw_size: int, section: str, lengths_at: int, raw_at: int) -> None:
    if sum(lengths) != raw_size:
        reject("length-sum", f"lengths add up to {sum(lengths)}, not {raw_size}", section, raw_at)
    for length in lengths:
        _check_value(length, section, lengths_at)


def _fsst(node: Node) -> Values:
    lengths_at = node.body.offset
    lengths = fixed_values(node.body, 4, node.count, "length", COUNTS)
    raw_at = node.body.offset
    raw_size = node.body.unsigned(4, "raw_size", "4.14")
    _check_total(raw_size, "4.14", raw_at)
    symbols = read_symbols(node.body)
    rows = range(0, node.count, node.parameter)
    code_sizes = fixed_values(node.body, 4, len(rows), "code_length", COUNTS)
    if sum(code_sizes) > node.body.remaining:
        reject("truncated", f"{sum(code_sizes)} bytes of codes", "4.14", node.body.offset)
    _check_lengths(lengths, raw_size, "4.14", lengths_at, raw_at)
    raw = b""
    for index, (row, code_size) in enumerate(zip(rows, code_sizes, strict=True)):
        size = sum(lengths[row : row + node.parameter])
        raw += read_bundle(node.body, symbols, code_size, size, f"codes[{index}]")
    return _cut(raw, lengths)


def _cut(raw: bytes, lengths: list[int]) -> list[bytes]:
    values = []
    position = 0
    for length in lengths:
        values.append(raw[position : position + length])
        position += length
    return values


def _rle(node: Node) -> Values:
    start = node.body.offset
    runs = node.body.unsigned(4, "runs", "4.11")
    if not 1 <= runs <= node.count:
        reject("bad-run", f"{runs} runs of {node.count} values", "4.11", start)
    lengths_at = node.body.offset
    lengths = fixed_values(node.body, 4, runs, "run_length", COUNTS)
    if 0 in lengths or sum(lengths) != node.count:
        reject("bad-run", f"runs of {sum(lengths)} values, not {node.count}", "4.11", lengths_at)
    run_values = fixed_values(node.body, node.class_.width, runs, "run_value", RUN_VALUES)
    return [value for value, length in zip(run_values, lengths, strict=True) for _ in range(length)]


def _alp(node: Node) -> Values:
    exponent, factor = node.parameter & 0xFF, node.parameter >> 8
    start = node.body.offset
    exceptions = node.body.unsigned(4, "exceptions", "4.12")
    if exceptions > node.count:
        reject("bad-exception", f"{exceptions} exceptions of {node.count} values", "4.12", start)
    digits = fixed_values(node.body, 8, node.count, "digit", COUNTS)
    values = [alp_value(digit, exponent, factor) for digit in digits]
    for position, value in read_exceptions(node.body, exceptions, node.count):
        values[position] = value
    return values


def _widen(node: Node) -> Values:
    narrow = fixed_values(node.body, 8, node.count, "narrow", WIDENED)
    return [value + (2**128 - 2**64 if value >= 2**63 else 0) for value in narrow]


_DECODERS: tuple[Callable[[Node], Values], ...] = (
    _constant, _plain, _bitpack, _delta, _dictionary, _var, _prefix, _rle, _alp, _widen, _fsst,
)  # fmt: skip
