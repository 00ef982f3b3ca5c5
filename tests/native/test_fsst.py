"""FSST (spec §4.14): all kinds of text there and back, as ranges, as chosen rows, damaged, against the reference."""

from __future__ import annotations

import random
import struct
import uuid
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from chunk_cases import Column, arrow, ends, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore._native import block, gather
from tablestore._native.encoding import decode_node, encode_node
from tablestore.errors import FormatError
from tablestore.reference import encoding as reference
from tablestore.reference.cursor import Cursor
from tablestore.reference.encoding import FSST, VAR, VARIABLE
from tablestore.reference.encoding_writer import encode_node as reference_encode

WORDS = ["user", "admin", "guest", "clerk", "pilot", "baker", "mason", "tailor", "driver", "writer", "nurse"]
ENGLISH = [
    "the",
    "of",
    "and",
    "a",
    "to",
    "in",
    "is",
    "that",
    "it",
    "was",
    "for",
    "on",
    "with",
    "as",
    "this",
    "from",
]
GREEK = ["αβγ", "δέλτα", "ωμέγα", "日本", "東京都", "größe"]


def names(draw: random.Random, count: int) -> list[bytes]:
    return [f"{draw.choice(WORDS)}_{draw.randrange(10**7):07d}".encode() for _ in range(count)]


def sentences(draw: random.Random, count: int) -> list[bytes]:
    return [" ".join(draw.choices(ENGLISH, k=draw.randint(1, 30))).encode() for _ in range(count)]


def urls(draw: random.Random, count: int) -> list[bytes]:
    return [
        f"https://{draw.choice(WORDS)}.example.com/{draw.choice(WORDS)}?id={draw.randrange(10**6)}".encode()
        for _ in range(count)
    ]


def uuids(draw: random.Random, count: int) -> list[bytes]:
    return [str(uuid.UUID(int=draw.getrandbits(128), version=4)).encode() for _ in range(count)]


def utf8(draw: random.Random, count: int) -> list[bytes]:
    return ["-".join(draw.choices(GREEK, k=draw.randint(0, 5))).encode() for _ in range(count)]


def noise(draw: random.Random, count: int) -> list[bytes]:
    return [draw.randbytes(draw.randint(0, 20)) for _ in range(count)]


def every_byte(draw: random.Random, count: int) -> list[bytes]:
    return [bytes((byte % 256, (byte >> 8) % 256)) for byte in range(count)]


def mostly_empty(draw: random.Random, count: int) -> list[bytes]:
    return [b"x" * draw.randint(0, 3) if draw.random() < 0.01 else b"" for _ in range(count)]


def long_values(draw: random.Random, count: int) -> list[bytes]:
    return [b" ".join(sentences(draw, 60)) if i % 97 == 0 else b"-" for i in range(count)]


KINDS: list[Callable[[random.Random, int], list[bytes]]] = [
    names, sentences, urls, uuids, utf8, noise, every_byte, mostly_empty, long_values,
]  # fmt: skip


def node_of(values: list[bytes], bundle: int = 16) -> bytes:
    return bytes(encode_node(arrow(values), "variable", 0, FSST, bundle=bundle))


def native_values(data: bytes, count: int) -> list[bytes]:
    offsets, text = decode_node(np.frombuffer(data, np.uint8), "variable", 0, count)
    return [text[a:b].tobytes() for a, b in pairwise(offsets)]


def reference_values(data: bytes, count: int) -> list[bytes]:
    cursor = Cursor(data)
    found = reference.decode_node(cursor, VARIABLE, count)
    cursor.finish("4.2")
    return [value for value in found if isinstance(value, bytes)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 1000, 5000])
def test_text_survives(kind: Callable[[random.Random, int], list[bytes]], count: int) -> None:
    values = kind(random.Random(count), count)
    for bundle in (1, 2, 16, 256):
        data = node_of(values, bundle)
        assert data[0] == FSST
        assert native_values(data, count) == values
        if count <= 1000:
            assert reference_values(data, count) == values
            other = reference_encode(VARIABLE, values[:200], FSST, bundle=bundle)
            assert native_values(other, len(values[:200])) == values[:200]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"", b"abcabc", b"\xff" * 9, b"user_1"]))),
    st.sampled_from([1, 2, 8, 256]),
)
def test_any_bytes_survive(values: list[bytes], bundle: int) -> None:
    if not values:
        return
    data = node_of(values, bundle)
    assert native_values(data, len(values)) == values
    assert reference_values(data, len(values)) == values


def test_one_long_value() -> None:
    value = b"".join(names(random.Random(1), 90_000))
    assert native_values(node_of([value]), 1) == [value]
    value = random.Random(2).randbytes(100_000)
    assert native_values(node_of([b"", value, b""]), 3) == [b"", value, b""]


def test_the_same_values_give_the_same_bytes() -> None:
    values = sentences(random.Random(3), 3000)
    assert node_of(values) == node_of(values)


def test_a_bundle_must_be_a_power_of_two() -> None:
    for bundle in (0, 3, 512):
        with pytest.raises(ValueError, match="bundle"):
            encode_node(arrow([b"a"]), "variable", 0, FSST, bundle=bundle)


# ---- what the writer chooses ----


def encodings(values: list[bytes], rows: int = 8192, level: int = 1, key: bool = False) -> list[int]:
    """Encoding of the values of each chunk, and a round trip."""
    column = column_of(values, None, rows, level, key)
    offsets, text = block.decode_variable(*column.places(), column.raw_size, True, False)[:2]
    expected_offsets, expected = arrow(values)
    assert np.array_equal(offsets, expected_offsets)
    assert text.tobytes() == expected.tobytes()
    return [int(column.data[int(at) + 8]) for at in column.offset]


def column_of(
    values: list[bytes], valid: np.ndarray | None, rows: int = 8192, level: int = 1, key: bool = False
) -> Column:
    """Chunks of the values; those where `valid` is false are null."""
    block_end = ends(len(values), rows)
    offsets, data = arrow(values)
    mask = None if valid is None else np.packbits(valid, bitorder="little")
    return Column(block.encode_variable(offsets, data, mask, block_end, level, key), block_end)


def test_short_text_is_coded_and_long_text_compressed() -> None:
    draw = random.Random(4)
    assert set(encodings(names(draw, 30_000))) == {FSST}
    assert set(encodings(uuids(draw, 20_000))) == {FSST}
    assert set(encodings(names(draw, 30_000), level=0)) == {FSST}
    assert FSST not in encodings(names(draw, 30_000), key=True)
    pages = [b" ".join(sentences(draw, 3)) for _ in range(200)]
    repeated = [draw.choice(pages) + str(row).encode() for row in range(9000)]
    assert set(encodings(repeated)) == {VAR}
    assert FSST not in encodings([draw.randbytes(12) for _ in range(20_000)])


def test_few_bytes_are_not_coded() -> None:
    assert encodings(names(random.Random(5), 500)) == [VAR]
    # the rest of a column is, with the symbols of the chunks before
    assert encodings(names(random.Random(5), 8192 + 500)) == [FSST, FSST]


def test_symbols_are_chosen_anew_for_other_text() -> None:
    draw = random.Random(6)
    values = names(draw, 16_384) + uuids(draw, 16_384) + [w.upper() for w in names(draw, 16_384)]
    column = column_of(values, None)
    tables = set()
    for at, size in zip(column.offset, column.size, strict=True):
        fields: list[object] = []
        cursor = Cursor(column.data[int(at) + 8 : int(at + size)].tobytes(), trace=fields)
        reference.decode_node(cursor, VARIABLE, 8192)
        tables.add(tuple(f.value for f in fields if ".symbol[" in f.name))
    assert len(tables) == 3
    assert set(encodings(values)) == {FSST}


# ---- some rows ----


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_ranges_and_chosen_rows(kind: Callable[[random.Random, int], list[bytes]]) -> None:
    """Ranges that begin and end inside of bundles, and rows in any order, of a column with and without nulls."""
    rng = np.random.default_rng(8)
    values = kind(random.Random(8), 2500)
    for bundle in (1, 4, 16, 256):
        column = chunk_of(values, bundle)
        offsets, data = arrow(values)
        for _ in range(60):
            start = int(rng.integers(0, 2501))
            stop = int(rng.integers(start, min(2501, start + rng.choice([2, 40, 2500]))))
            column.skip = np.array([start], np.uint32)
            column.take = np.array([stop - start], np.uint32)
            found = block.decode_variable(*column.places(), column.raw_size, False, False)
            assert np.array_equal(found[0], offsets[start : stop + 1] - offsets[start])
            assert found[1].tobytes() == data[offsets[start] : offsets[stop]].tobytes()
        column.skip, column.take = np.zeros(1, np.uint32), column.rows
        for size in (0, 1, 5, 100, 2000):
            index = rng.integers(0, 2500, size, dtype=np.uint32)
            found = block.decode_variable(*column.places(), column.raw_size, False, False, index)
            expected = gather.take_variable(offsets, data, index)
            assert np.array_equal(found[0], expected[0])
            assert found[1].tobytes() == expected[1].tobytes()


def chunk_of(values: list[bytes], bundle: int) -> Column:
    """One chunk with an FSST node."""
    chunk = struct.pack("<BBHI", 2, 0, 0, len(values)) + node_of(values, bundle)
    return raw(chunk, len(values), sum(map(len, values)))


def raw(chunk: bytes, rows: int, size: int) -> Column:
    data = np.frombuffer(chunk, np.uint8)
    one = np.array([len(chunk)], np.uint32)
    nothing = np.zeros(1, np.uint32)
    encoded = (data, one, np.array([size], np.uint32), nothing, nothing, nothing, nothing)
    return Column(encoded, np.array([rows], np.int64))


def test_nulls() -> None:
    values = names(random.Random(9), 20_000)
    valid = np.random.default_rng(9).random(20_000) < 0.8
    column = column_of(values, valid)
    offsets, data, mask, nulls = block.decode_variable(*column.places(), column.raw_size, True, True)
    kept = [value if there else b"" for value, there in zip(values, valid, strict=True)]
    assert np.array_equal(offsets, arrow(kept)[0])
    assert data.tobytes() == b"".join(kept)
    assert np.array_equal(np.unpackbits(mask, bitorder="little")[:20_000].astype(bool), valid)
    assert int(nulls.sum()) == 20_000 - int(valid.sum())
    index = np.arange(0, 20_000, 999, dtype=np.uint32)
    found = block.decode_variable(*column.places(), column.raw_size, True, True, index)
    assert found[1].tobytes() == b"".join(kept[i] for i in index)


# ---- damage ----


def both(data: bytes, count: int) -> tuple[object, object]:
    """What the native code and the reference make of the bytes: values or the code of the error."""

    def of(function: Callable[[bytes, int], list[bytes]]) -> object:
        try:
            return function(data, count)
        except FormatError as error:
            return error.code

    return of(native_values), of(reference_values)


@pytest.mark.parametrize("part", range(4))
def test_damage_gets_one_answer(part: int) -> None:
    draw = random.Random(part)
    rejected = 0
    for _ in range(700):
        values = draw.choice(KINDS[:-1])(draw, draw.randint(1, 40))
        data = bytearray(node_of(values, draw.choice((1, 2, 4, 16))))
        for _ in range(draw.randint(1, 2)):
            at = draw.randrange(len(data)) if draw.random() < 0.6 else draw.randrange(min(60, len(data)))
            kind = draw.randrange(4)
            if kind == 0:
                data[at] = draw.choice((0, 1, 8, 127, 254, 255))
            elif kind == 1:
                data[at] ^= 1 << draw.randrange(8)
            elif kind == 2:
                del data[at : at + draw.randint(1, 4)]
                data += bytes(4)
            else:
                data[at:at] = draw.randbytes(draw.randint(1, 4))
        # the size of the body is made right again: it would hide the rest
        if draw.random() < 0.8 and len(data) > 8:
            data[4:8] = struct.pack("<I", len(data) - 8)
        native, expected = both(bytes(data), len(values))
        assert native == expected, bytes(data).hex()
        rejected += isinstance(expected, str)
    assert rejected > 300


def test_damaged_codes_never_leave_their_rows() -> None:
    """Every byte of the codes in turn: all rows and chosen rows are refused, or give the reference's values."""
    values = names(random.Random(10), 64)
    clean = node_of(values, 4)
    for at in range(8, len(clean)):
        for flip in (1, 0x80, 0xFF):
            changed = bytearray(clean)
            changed[at] ^= flip
            native, expected = both(bytes(changed), 64)
            assert native == expected
            column = raw(struct.pack("<BBHI", 2, 0, 0, 64) + bytes(changed), 64, sum(map(len, values)))
            index = np.array([at % 64], np.uint32)
            found = outcome(block.decode_variable, *column.places(), None, False, False, index)
            if isinstance(expected, list):
                assert found[1].tobytes() == expected[at % 64]
            elif not isinstance(found, str):
                assert expected == "bad-symbol"
